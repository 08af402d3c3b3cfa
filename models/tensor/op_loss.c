#include "models/tensor/lanes.h"
#include "models/tensor/ops.h"
#include "models/tensor/rows.h"
#include "models/tensor/vmath.h"

#include <assert.h>

/* What the rows of the logits become, each on its own. */
struct losses {
    const float *logits;
    const int *labels;
    int n_classes;
    double *loss;       /* [rows] -log softmax(row)[label] */
    float *exps, *over; /* [rows, n_classes] exp(logit - largest of the row), which may be logits,
                           and [rows] 1 / their sum; NULL when no backward asks */
};

/* The exponentials become the gradient in their own room. */
struct loss_record {
    struct tape_record base;
    struct tensor *loss, *logits;
    struct losses rows;
    float weight;
};

/* A row's dlogits = weight dloss (softmax(logits) - one-hot(label)), onto dx or, where dx is
 * the exponentials themselves, over them. */
struct loss_flow {
    const struct losses *rows;
    float *dx, factor;
};

static void rows_backward(void *state, long first, long end, int thread)
{
    const struct loss_flow *f = state;
    size_t width = (size_t)f->rows->n_classes;
    (void)thread;
    for (long i = first; i < end; i++) {
        float *dx = f->dx + (size_t)i * width, *e = f->rows->exps + (size_t)i * width;
        float over = f->rows->over[i];
        int label = f->rows->labels[i];
        float right = f->factor * (e[label] * over - 1.0f), kept = dx[label];
        if (dx == e)
            for (size_t k = 0; k < width; k++)
                e[k] = f->factor * (e[k] * over);
        else
            for (size_t k = 0; k < width; k++)
                dx[k] += f->factor * (e[k] * over);
        dx[label] = dx == e ? right : kept + right;
    }
}

static void loss_backward(struct tape *t, void *record)
{
    struct loss_record *r = record;
    struct tensor *x = r->logits;
    if (r->loss->grad == NULL)
        return;
    bool alone = x->grad == NULL && !x->is_param;
    if (alone)
        x->grad = r->rows.exps;
    struct loss_flow f = {.rows = &r->rows, .dx = x->grad};
    if (!t->dry) {
        f.factor = r->weight * r->loss->grad[0];
        pool_run(t->pool, x->rows, rows_piece(x->cols), rows_backward, &f);
    }
    tape_grad_done(t, r->loss);
}

static void rows_forward(void *state, long first, long end, int thread)
{
    const struct losses *s = state;
    size_t width = (size_t)s->n_classes;
    (void)thread;
    for (long i = first; i < end; i++) {
        assert(s->labels[i] >= 0 && s->labels[i] < s->n_classes);
        const float *row = s->logits + (size_t)i * width;
        float total, right = row[s->labels[i]];
        s->loss[i] =
            vec_exps(s->exps != NULL ? s->exps + (size_t)i * width : NULL, &total, row, width) -
            right;
        if (s->exps != NULL)
            s->over[i] = 1.0f / total;
    }
}

struct tensor *op_cross_entropy(struct tape *t, struct tensor *logits, const int *labels,
                                float weight)
{
    bool needs = tape_wants(t, logits);
    enum phase was = profile_enter(t->profile, PHASE_LOSS);
    struct tensor *loss = tape_tensor(t, 1, 1, needs);
    size_t n_rows = (size_t)logits->rows;
    struct losses rows = {logits->data, labels, logits->cols, NULL, NULL, NULL};
    if (needs) {
        rows.exps = logits->overwritable
                        ? logits->data
                        : tape_keep(t, n_rows * (size_t)logits->cols * sizeof(float));
        rows.over = tape_keep(t, n_rows * sizeof *rows.over);
        struct loss_record *r = tape_push(t, sizeof *r, loss_backward);
        *r = (struct loss_record){r->base, loss, logits, rows, weight};
        if (logits->overwritable)
            logits->data = NULL;
        logits->overwritable = false;
    }
    rows.loss = (double *)tape_scratch(t, 2 * n_rows);
    double sum = 0;
    if (!t->dry)
        pool_run(t->pool, logits->rows, rows_piece(logits->cols), rows_forward, &rows);
    for (size_t i = 0; i < n_rows && !t->dry; i++)
        sum += rows.loss[i];
    tape_scratch_done(t, (float *)rows.loss, 2 * n_rows);
    if (!t->dry)
        loss->data[0] = (float)(weight * sum);
    profile_enter(t->profile, was);
    return loss;
}
