#include "harness/base/rng.h"
#include "models/tensor/mask.h"
#include "models/tensor/ops.h"
#include "models/tensor/rows.h"

#include <assert.h>

struct dropout_record {
    struct tape_record base;
    struct tensor *y, *x;
    float p;
    struct rng place;
};

enum { CHUNK = 1024 };

/* y = x / (1 - p) where kept, else 0; y may be x. The mask is drawn anew each
 * time: cheaper than keeping it. */
struct dropping {
    float *y;
    const float *x;
    const struct rng *place;
    float p;
};

static void drop_part(void *state, long first, long end, int thread)
{
    const struct dropping *d = state;
    float *y = d->y;
    const float *x = d->x;
    uint32_t words[CHUNK];
    uint32_t below = mask_threshold(d->p);
    float scale = 1.0f / (1.0f - d->p);
    (void)thread;
    for (long start = first; start < end; start += CHUNK) {
        long part = end - start < CHUNK ? end - start : CHUNK;
        rng_fill_u32(d->place, (uint64_t)start, words, (size_t)part);
        for (long i = 0; i < part; i++)
            y[start + i] = words[i] < below ? 0.0f : x[start + i] * scale;
    }
}

static void drop(struct pool *pool, float *y, const float *x, size_t n, const struct rng *place,
                 float p)
{
    struct dropping d = {y, x, place, p};
    pool_run(pool, (long)n, VALUES_PIECE, drop_part, &d);
}

static void dropout_backward(struct tape *t, void *record)
{
    struct dropout_record *r = record;
    struct tensor *y = r->y;
    if (y->grad == NULL)
        return;
    size_t n = (size_t)y->rows * (size_t)y->cols;
    if (!t->dry)
        drop(t->pool, y->grad, y->grad, n, &r->place, r->p);
    if (tape_grad_move(t, y, r->x))
        return;
    float beta;
    float *dx = tape_grad(t, r->x, &beta);
    if (!t->dry)
        rows_add_shared(t->pool, dx, y->grad, (long)n, 1, 1);
    tape_grad_done(t, y);
}

struct tensor *op_dropout(struct tape *t, struct tensor *x, float p, int stream, uint32_t site)
{
    assert(p >= 0 && p < 1);
    bool needs = tape_wants(t, x);
    if (p == 0 || !tape_drops(t, needs))
        return x;
    struct rng place = {t->seed, (enum rng_stream)stream, t->step, site};
    const float *from = x->data;
    struct tensor *y =
        x->overwritable ? tape_take_over(t, x, needs) : tape_tensor(t, x->rows, x->cols, needs);
    if (!t->dry)
        drop(t->pool, y->data, from, (size_t)x->rows * (size_t)x->cols, &place, p);
    if (needs) {
        struct dropout_record *r = tape_push(t, sizeof *r, dropout_backward);
        *r = (struct dropout_record){r->base, y, x, p, place};
    }
    return y;
}
