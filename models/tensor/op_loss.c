#include "models/tensor/lanes.h"
#include "models/tensor/ops.h"
#include "models/tensor/vmath.h"

#include <assert.h>
#include <string.h>

struct loss_record {
    struct tape_record base;
    struct tensor *loss, *logits;
    const int *labels;
    float weight;
};

/* dlogits = weight dloss (softmax(logits) - one-hot(label)) */
static void loss_backward(struct tape *t, void *record)
{
    struct loss_record *r = record;
    struct tensor *x = r->logits;
    if (r->loss->grad == NULL)
        return;
    float beta;
    float *dx = tape_grad(t, x, &beta);
    size_t width = (size_t)x->cols;
    float *p = tape_scratch(t, lanes_room(width));
    for (int i = 0; i < x->rows && !t->dry; i++) {
        memcpy(p, x->data + (size_t)i * width, width * sizeof *p);
        vec_softmax(p, width);
        p[r->labels[i]] -= 1;
        float factor = r->weight * r->loss->grad[0];
        for (size_t k = 0; k < width; k++) {
            float *to = dx + (size_t)i * width + k;
            *to = beta == 0 ? factor * p[k] : *to + factor * p[k];
        }
    }
    tape_scratch_done(t, p, lanes_room(width));
    tape_grad_done(t, r->loss);
}

struct tensor *op_cross_entropy(struct tape *t, struct tensor *logits, const int *labels,
                                float weight)
{
    bool needs = tape_wants(t, logits);
    enum phase was = profile_enter(t->profile, PHASE_LOSS);
    struct tensor *loss = tape_tensor(t, 1, 1, needs);
    size_t width = (size_t)logits->cols;
    double sum = 0;
    for (int i = 0; i < logits->rows && !t->dry; i++) {
        assert(labels[i] >= 0 && labels[i] < logits->cols);
        const float *row = logits->data + (size_t)i * width; /* -log softmax(row)[label] */
        sum += vec_log_sum_exp(row, width) - row[labels[i]];
    }
    if (!t->dry)
        loss->data[0] = (float)(weight * sum);
    if (needs) {
        struct loss_record *r = tape_push(t, sizeof *r, loss_backward);
        *r = (struct loss_record){r->base, loss, logits, labels, weight};
        logits->overwritable = false;
    }
    profile_enter(t->profile, was);
    return loss;
}
