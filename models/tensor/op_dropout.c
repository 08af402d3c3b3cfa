#include "harness/base/rng.h"
#include "models/tensor/mask.h"
#include "models/tensor/ops.h"

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
static void drop(float *y, const float *x, size_t n, const struct rng *place, float p)
{
    uint32_t words[CHUNK];
    uint32_t below = mask_threshold(p);
    float scale = 1.0f / (1.0f - p);
    for (size_t start = 0; start < n; start += CHUNK) {
        size_t part = n - start < CHUNK ? n - start : CHUNK;
        rng_fill_u32(place, start, words, part);
        for (size_t i = 0; i < part; i++)
            y[start + i] = words[i] < below ? 0.0f : x[start + i] * scale;
    }
}

static void dropout_backward(struct tape *t, void *record)
{
    struct dropout_record *r = record;
    struct tensor *y = r->y;
    if (y->grad == NULL)
        return;
    size_t n = (size_t)y->rows * (size_t)y->cols;
    if (!t->dry)
        drop(y->grad, y->grad, n, &r->place, r->p);
    if (tape_grad_move(t, y, r->x))
        return;
    float beta;
    float *dx = tape_grad(t, r->x, &beta);
    for (size_t i = 0; i < n && !t->dry; i++)
        dx[i] += y->grad[i];
    tape_grad_done(t, y);
}

struct tensor *op_dropout(struct tape *t, struct tensor *x, float p, int stream, uint32_t site)
{
    assert(p >= 0 && p < 1);
    if (p == 0 || !t->training)
        return x;
    bool needs = tape_wants(t, x);
    struct rng place = {t->seed, (enum rng_stream)stream, t->step, site};
    const float *from = x->data;
    struct tensor *y =
        x->overwritable ? tape_take_over(t, x, needs) : tape_tensor(t, x->rows, x->cols, needs);
    if (!t->dry)
        drop(y->data, from, (size_t)x->rows * (size_t)x->cols, &place, p);
    if (needs) {
        struct dropout_record *r = tape_push(t, sizeof *r, dropout_backward);
        *r = (struct dropout_record){r->base, y, x, p, place};
    }
    return y;
}
