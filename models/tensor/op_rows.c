/* Ops that move whole rows: embedding, gather, mean over a sequence, prepend. */
#include "models/tensor/bfloat16.h"
#include "models/tensor/ops.h"
#include "models/tensor/rows.h"

#include <assert.h>
#include <string.h>

/* y[i] = x[rows[i]]: a look-up in a table is the same as picking tokens. */
struct pick_record {
    struct tape_record base;
    struct tensor *y, *x;
    const int *rows;
};

/* Gradients scatter in the order of the rows. */
static void pick_backward(struct tape *t, void *record)
{
    struct pick_record *r = record;
    struct tensor *y = r->y, *x = r->x;
    if (y->grad == NULL)
        return;
    float beta;
    float *dx = tape_grad_rows(t, x, &beta);
    size_t width = (size_t)x->cols;
    if (dx != NULL && !t->dry) {
        if (beta == 0)
            memset(dx, 0, (size_t)x->rows * width * sizeof *dx);
        for (int i = 0; i < y->rows && x->row_state != NULL; i++)
            x->row_state[r->rows[i]] = ROW_TOUCHED;
        for (int i = 0; i < y->rows; i++)
            rows_add(dx + (size_t)r->rows[i] * width, y->grad + (size_t)i * width, x->cols, 1, 1);
    }
    tape_grad_done(t, y);
}

static struct tensor *pick(struct tape *t, struct tensor *x, const int *rows, int n)
{
    bool needs = tape_wants(t, x);
    struct tensor *y = tape_tensor(t, n, x->cols, needs);
    size_t width = (size_t)x->cols;
    for (int i = 0; i < n && !t->dry; i++) {
        assert(rows[i] >= 0 && rows[i] < x->rows);
        float *to = y->data + (size_t)i * width;
        size_t from = (size_t)rows[i] * width;
        if (x->data)
            memcpy(to, x->data + from, width * sizeof *to);
        else
            bfloat16_widen(to, x->half + from, width);
    }
    if (needs) {
        struct pick_record *r = tape_push(t, sizeof *r, pick_backward);
        *r = (struct pick_record){r->base, y, x, rows};
    }
    return y;
}

struct tensor *op_embedding(struct tape *t, struct tensor *table, const int *ids, int n)
{
    return pick(t, table, ids, n);
}

struct tensor *op_gather(struct tape *t, struct tensor *x, const int *rows, int n)
{
    return pick(t, x, rows, n);
}

struct mean_record {
    struct tape_record base;
    struct tensor *y, *x;
    const int *offsets;
};

static void mean_backward(struct tape *t, void *record)
{
    struct mean_record *r = record;
    struct tensor *y = r->y, *x = r->x;
    if (y->grad == NULL)
        return;
    float beta;
    float *dx = tape_grad(t, x, &beta);
    size_t width = (size_t)x->cols;
    for (int s = 0; s < y->rows && !t->dry; s++) {
        float share = 1.0f / (float)(r->offsets[s + 1] - r->offsets[s]);
        for (int i = r->offsets[s]; i < r->offsets[s + 1]; i++)
            rows_add(dx + (size_t)i * width, y->grad + (size_t)s * width, x->cols, share, beta);
    }
    tape_grad_done(t, y);
}

struct tensor *op_mean_rows(struct tape *t, struct tensor *x, const int *offsets, int n_seq)
{
    assert(offsets[0] == 0 && offsets[n_seq] == x->rows);
    bool needs = tape_wants(t, x);
    struct tensor *y = tape_tensor(t, n_seq, x->cols, needs);
    size_t width = (size_t)x->cols;
    for (int s = 0; s < n_seq && !t->dry; s++) {
        int length = offsets[s + 1] - offsets[s];
        float *mean = y->data + (size_t)s * width;
        assert(length > 0);
        rows_sum(NULL, mean, x->data + (size_t)offsets[s] * width, length, x->cols, 0);
        for (size_t k = 0; k < width; k++)
            mean[k] /= (float)length;
    }
    if (needs) {
        struct mean_record *r = tape_push(t, sizeof *r, mean_backward);
        *r = (struct mean_record){r->base, y, x, offsets};
    }
    return y;
}

struct prepend_record {
    struct tape_record base;
    struct tensor *y, *prefix, *x;
    const int *offsets;
    int n_seq;
};

static void prepend_backward(struct tape *t, void *record)
{
    struct prepend_record *r = record;
    struct tensor *y = r->y, *x = r->x;
    if (y->grad == NULL)
        return;
    float beta = 0, beta_prefix = 0;
    float *dprefix = tape_grad(t, r->prefix, &beta_prefix);
    float *dx = tape_grad(t, x, &beta);
    size_t width = (size_t)x->cols;
    long front = (long)r->prefix->rows * x->cols;
    const float *dy = y->grad;
    for (int s = 0; s < r->n_seq && !t->dry; s++) {
        long body = (long)(r->offsets[s + 1] - r->offsets[s]) * x->cols;
        if (dprefix != NULL)
            rows_add(dprefix, dy, front, 1, s == 0 ? beta_prefix : 1);
        if (dx != NULL)
            rows_add(dx + (size_t)r->offsets[s] * width, dy + front, body, 1, beta);
        dy += front + body;
    }
    tape_grad_done(t, y);
}

struct tensor *op_prepend(struct tape *t, struct tensor *prefix, struct tensor *x,
                          const int *offsets, int n_seq)
{
    assert(prefix->cols == x->cols && offsets[0] == 0 && offsets[n_seq] == x->rows);
    bool needs = tape_wants(t, prefix) || tape_wants(t, x);
    struct tensor *y = tape_tensor(t, x->rows + n_seq * prefix->rows, x->cols, needs);
    size_t width = (size_t)x->cols, front = (size_t)prefix->rows * width;
    float *to = y->data;
    for (int s = 0; s < n_seq && !t->dry; s++) {
        size_t body = (size_t)(offsets[s + 1] - offsets[s]) * width;
        memcpy(to, prefix->data, front * sizeof *to);
        memcpy(to + front, x->data + (size_t)offsets[s] * width, body * sizeof *to);
        to += front + body;
    }
    if (needs) {
        struct prepend_record *r = tape_push(t, sizeof *r, prepend_backward);
        *r = (struct prepend_record){r->base, y, prefix, x, offsets, n_seq};
    }
    return y;
}
