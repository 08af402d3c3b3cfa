#include "models/tensor/ops.h"
#include "models/tensor/rows.h"

#include <assert.h>
#include <string.h>

static size_t count(const struct tensor *x)
{
    return (size_t)x->rows * (size_t)x->cols;
}

struct pair {
    float *y;
    const float *a, *b;
};

static void add_pair(void *state, long first, long end, int thread)
{
    const struct pair *p = state;
    (void)thread;
    for (long i = first; i < end; i++)
        p->y[i] = p->a[i] + p->b[i];
}

struct add_record {
    struct tape_record base;
    struct tensor *y, *a, *b;
};

/* x's gradient grows by dy, or takes its block over when it may. */
static bool add_gradient(struct tape *t, struct tensor *y, struct tensor *x, bool last)
{
    if (!x->needs_grad)
        return false;
    if (last && tape_grad_move(t, y, x))
        return true;
    float beta;
    float *dx = tape_grad(t, x, &beta);
    if (!t->dry)
        rows_add_shared(t->pool, dx, y->grad, (long)count(x), 1, beta);
    return false;
}

static void add_backward(struct tape *t, void *record)
{
    struct add_record *r = record;
    if (r->y->grad == NULL)
        return;
    /* The one that has a block already is added to first; the other, if it has
     * none, then takes dy itself. */
    struct tensor *first = r->a, *second = r->b;
    if (first->grad == NULL) {
        first = r->b;
        second = r->a;
    }
    add_gradient(t, r->y, first, !second->needs_grad);
    if (r->y->grad != NULL && !add_gradient(t, r->y, second, true))
        tape_grad_done(t, r->y);
}

struct tensor *op_add(struct tape *t, struct tensor *a, struct tensor *b)
{
    assert(a->rows == b->rows && a->cols == b->cols);
    bool needs = tape_wants(t, a) || tape_wants(t, b);
    struct tensor *over = a != b && a->overwritable ? a : a != b && b->overwritable ? b : NULL;
    struct tensor *other = over == a ? b : a;
    struct tensor *y;
    if (over != NULL) {
        y = tape_take_over(t, over, needs);
        y->overwritable = false; /* a residual stream has many readers */
        if (!t->dry)
            rows_add_shared(t->pool, y->data, other->data, (long)count(y), 1, 1);
    } else {
        y = tape_tensor(t, a->rows, a->cols, needs);
        struct pair p = {y->data, a->data, b->data};
        if (!t->dry)
            pool_run(t->pool, (long)count(y), VALUES_PIECE, add_pair, &p);
    }
    if (needs) {
        struct add_record *r = tape_push(t, sizeof *r, add_backward);
        *r = (struct add_record){r->base, y, a, b};
    }
    return y;
}

struct scale_record {
    struct tape_record base;
    struct tensor *y, *x;
    float factor;
};

static void scale_backward(struct tape *t, void *record)
{
    struct scale_record *r = record;
    if (r->y->grad == NULL)
        return;
    float beta;
    float *dx = tape_grad(t, r->x, &beta);
    if (!t->dry)
        rows_add_shared(t->pool, dx, r->y->grad, (long)count(r->x), r->factor, beta);
    tape_grad_done(t, r->y);
}

struct tensor *op_scale(struct tape *t, struct tensor *x, float factor)
{
    bool needs = tape_wants(t, x);
    struct tensor *y = tape_tensor(t, x->rows, x->cols, needs);
    if (!t->dry)
        rows_add_shared(t->pool, y->data, x->data, (long)count(x), factor, 0);
    if (needs) {
        struct scale_record *r = tape_push(t, sizeof *r, scale_backward);
        *r = (struct scale_record){r->base, y, x, factor};
    }
    return y;
}

struct columns_record {
    struct tape_record base;
    struct tensor *y, *x, *l;
};

static void columns_backward(struct tape *t, void *record)
{
    struct columns_record *r = record;
    struct tensor *x = r->x;
    if (r->y->grad == NULL)
        return;
    float beta = 0, beta_l = 0;
    float *dx = tape_grad(t, x, &beta), *dl = tape_grad(t, r->l, &beta_l);
    if (dl != NULL && beta_l == 0 && !t->dry)
        memset(dl, 0, (size_t)x->cols * sizeof *dl);
    for (int i = 0; i < x->rows && !t->dry; i++) {
        size_t at = (size_t)i * (size_t)x->cols;
        const float *dy = r->y->grad + at;
        for (int k = 0; k < x->cols && dl != NULL; k++)
            dl[k] += dy[k] * x->data[at + (size_t)k];
        for (int k = 0; k < x->cols && dx != NULL; k++) {
            float flow = dy[k] * r->l->data[k];
            dx[at + (size_t)k] = beta == 0 ? flow : dx[at + (size_t)k] + flow;
        }
    }
    tape_grad_done(t, r->y);
}

struct tensor *op_scale_columns(struct tape *t, struct tensor *x, struct tensor *l)
{
    assert(l->rows == 1 && l->cols == x->cols);
    bool needs = tape_wants(t, x) || tape_wants(t, l);
    struct tensor *y = tape_tensor(t, x->rows, x->cols, needs);
    for (int i = 0; i < x->rows && !t->dry; i++) {
        size_t at = (size_t)i * (size_t)x->cols;
        for (int k = 0; k < x->cols; k++)
            y->data[at + (size_t)k] = x->data[at + (size_t)k] * l->data[k];
    }
    if (needs) {
        struct columns_record *r = tape_push(t, sizeof *r, columns_backward);
        *r = (struct columns_record){r->base, y, x, l};
        if (tape_wants(t, l))
            x->overwritable = false;
    }
    return y;
}
