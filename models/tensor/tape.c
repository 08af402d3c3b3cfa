#include "models/tensor/tape.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { RECORD_ALIGN = 16 };

void tape_init(struct tape *t, struct slab *slab, size_t records_bytes)
{
    memset(t, 0, sizeof *t);
    t->slab = slab;
    t->dry = slab->dry;
    t->records = xmalloc(records_bytes);
    t->records_bytes = records_bytes;
}

void tape_release(struct tape *t)
{
    free(t->records);
    memset(t, 0, sizeof *t);
}

void tape_begin(struct tape *t, bool training, uint64_t seed, uint32_t step)
{
    slab_reset(t->slab);
    t->records_used = 0;
    t->last = NULL;
    t->training = training;
    t->seed = seed;
    t->step = step;
}

/* Zeroed room for a record or a tensor's header. */
static void *take_record(struct tape *t, size_t n_bytes)
{
    size_t need = (n_bytes + RECORD_ALIGN - 1) / RECORD_ALIGN * RECORD_ALIGN;
    assert(need <= t->records_bytes - t->records_used);
    void *at = t->records + t->records_used;
    t->records_used += need;
    return memset(at, 0, n_bytes);
}

static size_t tensor_bytes(const struct tensor *x)
{
    return (size_t)x->rows * (size_t)x->cols * sizeof(float);
}

struct tensor *tape_tensor(struct tape *t, int rows, int cols, bool needs_grad)
{
    assert(rows > 0 && cols > 0);
    struct tensor *x = take_record(t, sizeof *x);
    x->rows = rows;
    x->cols = cols;
    x->needs_grad = needs_grad;
    x->data = slab_alloc(t->slab, tensor_bytes(x));
    return x;
}

struct tensor *tape_alias(struct tape *t, struct tensor *of, bool needs_grad)
{
    struct tensor *x = take_record(t, sizeof *x);
    x->rows = of->rows;
    x->cols = of->cols;
    x->needs_grad = needs_grad;
    x->data = of->data;
    return x;
}

struct tensor *tape_take_over(struct tape *t, struct tensor *x, bool needs_grad)
{
    assert(x->overwritable);
    struct tensor *y = tape_alias(t, x, needs_grad);
    x->data = NULL; /* whoever reads x after this is wrong and shall know */
    x->overwritable = false;
    y->overwritable = true;
    return y;
}

struct tape_mark tape_mark(const struct tape *t)
{
    return (struct tape_mark){t->slab->used_bytes, t->records_used, t->last};
}

void tape_rewind(struct tape *t, struct tape_mark mark)
{
    assert(t->last == mark.last);
    slab_rewind(t->slab, mark.slab_bytes);
    t->records_used = mark.records_bytes;
}

void tape_collapse(struct tape *t, struct tape_mark mark, struct tensor *x)
{
    if (t->last != mark.last || x->is_param)
        return;
    const float *from = x->data;
    slab_rewind(t->slab, mark.slab_bytes);
    x->data = slab_alloc(t->slab, tensor_bytes(x));
    if (!t->dry)
        memmove(x->data, from, tensor_bytes(x));
}

void *tape_keep(struct tape *t, size_t n_bytes)
{
    return slab_alloc(t->slab, n_bytes);
}

int *tape_ints(struct tape *t, int n)
{
    return take_record(t, (size_t)n * sizeof(int));
}

struct tensor **tape_tensors(struct tape *t, int n)
{
    return take_record(t, (size_t)n * sizeof(struct tensor *));
}

void *tape_push(struct tape *t, size_t record_bytes, void (*backward)(struct tape *, void *))
{
    struct tape_record *r = take_record(t, record_bytes);
    r->backward = backward;
    r->before = t->last;
    r->phase = t->profile ? t->profile->at : PHASE_POINTWISE;
    t->last = r;
    return r;
}

float *tape_scratch(struct tape *t, size_t n_floats)
{
    return slab_alloc(t->slab, n_floats * sizeof(float));
}

void tape_scratch_done(struct tape *t, float *scratch, size_t n_floats)
{
    slab_give_back(t->slab, scratch, n_floats * sizeof(float));
}

float *tape_grad(struct tape *t, struct tensor *x, float *beta)
{
    if (x == NULL || !x->needs_grad)
        return NULL;
    *beta = x->is_param || x->grad != NULL ? 1 : 0;
    if (x->grad == NULL) {
        assert(!x->is_param || t->dry);
        if (x->is_param)
            return (float *)t->slab->base; /* dry: the gradient block is not there */
        x->grad = slab_alloc(t->slab, tensor_bytes(x));
    }
    return x->grad;
}

void tape_grad_done(struct tape *t, struct tensor *y)
{
    slab_give_back(t->slab, y->grad, tensor_bytes(y));
    y->grad = NULL;
}

bool tape_grad_move(struct tape *t, struct tensor *y, struct tensor *x)
{
    if (!x->needs_grad) {
        tape_grad_done(t, y);
        return true;
    }
    if (x->is_param || x->grad != NULL)
        return false;
    assert(x->rows == y->rows && x->cols == y->cols);
    x->grad = y->grad;
    y->grad = NULL;
    return true;
}

void tape_backward(struct tape *t, struct tensor *loss, float scale)
{
    assert(loss->rows == 1 && loss->cols == 1);
    float beta;
    float *dloss = tape_grad(t, loss, &beta);
    if (dloss != NULL && !t->dry)
        *dloss = scale;
    enum phase was = profile_enter(t->profile, PHASE_POINTWISE);
    for (struct tape_record *r = t->last; r != NULL; r = r->before) {
        profile_enter(t->profile, r->phase);
        r->backward(t, r);
    }
    profile_enter(t->profile, was);
    t->last = NULL;
}
