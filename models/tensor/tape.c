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

void *tape_state(struct tape *t, const void *of, size_t n_bytes)
{
    return memcpy(take_record(t, n_bytes), of, n_bytes);
}

struct segment_record {
    struct tape_record base;
    struct tape_stretch stretch;
    struct tensor *y, *x, *beside;
};

/* A gradient that a stretch made of a tensor before it moves to where the stretch began. */
static void settle(struct tape *t, struct tensor *x)
{
    const float *from = x->grad;
    x->grad = slab_alloc(t->slab, tensor_bytes(x));
    if (!t->dry)
        memmove(x->grad, from, tensor_bytes(x));
}

/* Plays the stretch's own records, with a copy of its result's gradient. */
static void play_again(struct tape *t, const struct segment_record *r)
{
    struct tape_record *outer = t->last;
    struct tensor *y = r->stretch.run(t, r->stretch.state, r->x, r->beside);
    y->grad = slab_alloc(t->slab, tensor_bytes(y));
    if (!t->dry)
        memcpy(y->grad, r->y->grad, tensor_bytes(y));
    for (struct tape_record *i = t->last; i != outer; i = i->before)
        i->backward(t, i);
    t->last = outer;
}

/* Blocks given back before stay untouched, so that all this takes lies behind the mark. */
static void segment_backward(struct tape *t, void *record)
{
    struct segment_record *r = record;
    if (r->y->grad == NULL)
        return;
    bool fresh = r->x->needs_grad && !r->x->is_param && r->x->grad == NULL;
    bool fresh_beside = r->beside != NULL && r->beside->needs_grad && r->beside->grad == NULL;
    struct tape_mark mark = tape_mark(t);
    struct slab_spare spare = slab_hide_spare(t->slab);
    play_again(t, r);
    slab_rewind(t->slab, mark.slab_bytes);
    t->records_used = mark.records_bytes;
    fresh = fresh && r->x->grad != NULL;
    fresh_beside = fresh_beside && r->beside->grad != NULL;
    slab_show_spare(t->slab, &spare);
    tape_grad_done(t, r->y);
    if (fresh && fresh_beside && r->beside->grad < r->x->grad) { /* the lower one first */
        settle(t, r->beside);
        fresh_beside = false;
    }
    if (fresh)
        settle(t, r->x);
    if (fresh_beside)
        settle(t, r->beside);
}

struct tensor *tape_segment(struct tape *t, const struct tape_stretch *s, struct tensor *x,
                            struct tensor *beside)
{
    if (!t->training || !t->recompute)
        return s->run(t, s->state, x, beside);
    x->overwritable = false; /* it is read again */
    struct tape_mark mark = tape_mark(t);
    struct slab_spare spare = slab_hide_spare(t->slab);
    struct tensor *made = s->run(t, s->state, x, beside);
    if (t->last == mark.last) { /* nothing to compute again */
        slab_show_spare(t->slab, &spare);
        return made;
    }
    const float *from = made->data;
    int rows = made->rows, cols = made->cols;
    t->last = mark.last;
    tape_rewind(t, mark);
    slab_show_spare(t->slab, &spare);
    struct tensor *y = tape_tensor(t, rows, cols, true);
    if (!t->dry)
        memmove(y->data, from, tensor_bytes(y));
    struct segment_record *r = tape_push(t, sizeof *r, segment_backward);
    *r = (struct segment_record){r->base, *s, y, x, beside};
    return y;
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

float *tape_grad_rows(struct tape *t, struct tensor *x, float *beta)
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

float *tape_grad(struct tape *t, struct tensor *x, float *beta)
{
    float *grad = tape_grad_rows(t, x, beta);
    if (grad != NULL && x->row_state != NULL && !t->dry)
        memset(x->row_state, ROW_TOUCHED, (size_t)x->rows);
    return grad;
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
