#include "models/tensor/gemm.h"
#include "models/tensor/lanes.h"
#include "models/tensor/ops.h"
#include "models/tensor/rows.h"

#include <assert.h>

struct linear_record {
    struct tape_record base;
    struct tensor *y, *x, *w, *b;
    float scale;
};

/* y = scale x W^T + (row or beta y) */
static void product(struct tape *t, float *y, const struct tensor *x, const struct tensor *w,
                    float scale, float beta, const float *row)
{
    enum phase was = profile_enter(t->profile, PHASE_GEMM);
    gemm(&(struct gemm){.pool = t->pool,
                        .transpose_b = true,
                        .m = x->rows,
                        .n = w->rows,
                        .k = x->cols,
                        .alpha = scale,
                        .a = x->data,
                        .lda = x->cols,
                        .b = w->data,
                        .ldb = w->cols,
                        .beta = beta,
                        .c = y,
                        .ldc = w->rows,
                        .row = row,
                        .half = t->half,
                        .b_half = w->half});
    profile_enter(t->profile, was);
}

/* dx += scale dy W; dW += scale dy^T x; db += column sums of dy. */
static void linear_gradients(struct tape *t, const struct linear_record *r)
{
    struct tensor *x = r->x, *w = r->w;
    const float *dy = r->y->grad;
    enum phase was = profile_enter(t->profile, PHASE_GEMM);
    float beta;
    float *dx = tape_grad(t, x, &beta);
    if (dx != NULL && !t->dry)
        gemm(&(struct gemm){.pool = t->pool,
                            .m = x->rows,
                            .n = x->cols,
                            .k = w->rows,
                            .alpha = r->scale,
                            .a = dy,
                            .lda = w->rows,
                            .b = w->data,
                            .ldb = w->cols,
                            .beta = beta,
                            .c = dx,
                            .ldc = x->cols,
                            .half = t->half,
                            .b_half = w->half});
    float *dw = tape_grad(t, w, &beta);
    if (dw != NULL && !t->dry)
        gemm(&(struct gemm){.pool = t->pool,
                            .transpose_a = true,
                            .m = w->rows,
                            .n = w->cols,
                            .k = x->rows,
                            .alpha = r->scale,
                            .a = dy,
                            .lda = w->rows,
                            .b = x->data,
                            .ldb = x->cols,
                            .beta = beta,
                            .c = dw,
                            .ldc = w->cols,
                            .half = t->half});
    profile_enter(t->profile, was);
    float *db = tape_grad(t, r->b, &beta);
    if (db != NULL && !t->dry)
        rows_sum(t->pool, db, dy, x->rows, w->rows, beta);
}

static void linear_backward(struct tape *t, void *record)
{
    struct linear_record *r = record;
    if (r->y->grad == NULL)
        return;
    linear_gradients(t, r);
    tape_grad_done(t, r->y);
}

struct tensor *op_linear(struct tape *t, struct tensor *x, struct tensor *w, struct tensor *b)
{
    assert(x->cols == w->cols && (b == NULL || (b->rows == 1 && b->cols == w->rows)));
    bool needs = tape_wants(t, x) || tape_wants(t, w) || tape_wants(t, b);
    struct tensor *y = tape_tensor(t, x->rows, w->rows, needs);
    y->overwritable = true;
    if (!t->dry)
        product(t, y->data, x, w, 1, 0, b != NULL ? b->data : NULL);
    if (needs) {
        struct linear_record *r = tape_push(t, sizeof *r, linear_backward);
        *r = (struct linear_record){r->base, y, x, w, b, 1};
        if (tape_wants(t, w))
            x->overwritable = false;
    }
    return y;
}

struct onto_record {
    struct linear_record linear;
    struct tensor *before; /* y as it was */
};

static void onto_backward(struct tape *t, void *record)
{
    struct onto_record *r = record;
    if (r->linear.y->grad == NULL)
        return;
    linear_gradients(t, &r->linear);
    bool moved = tape_grad_move(t, r->linear.y, r->before);
    assert(moved); /* nobody else can have read a buffer that was taken over */
    (void)moved;
}

struct tensor *op_linear_onto(struct tape *t, struct tensor *y, struct tensor *x, struct tensor *w,
                              float scale)
{
    assert(x->cols == w->cols && y->rows == x->rows && y->cols == w->rows);
    bool needs = tape_wants(t, x) || tape_wants(t, w) || tape_wants(t, y);
    struct tensor *out = tape_take_over(t, y, needs);
    if (!t->dry)
        product(t, out->data, x, w, scale, 1, NULL);
    if (needs) {
        struct onto_record *r = tape_push(t, sizeof *r, onto_backward);
        r->linear = (struct linear_record){r->linear.base, out, x, w, NULL, scale};
        r->before = y;
        if (tape_wants(t, w))
            x->overwritable = false;
    }
    return out;
}
