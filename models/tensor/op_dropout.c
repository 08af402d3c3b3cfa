#include "harness/base/rng.h"
#include "models/tensor/lanes.h"
#include "models/tensor/mask.h"
#include "models/tensor/ops.h"
#include "models/tensor/rows.h"

#include <assert.h>

/* y = x / (1 - p) where kept, else 0, plus onto, where there is something. A bit a value says
 * who was kept, which costs less than drawing the mask once more. */
struct dropout_record {
    struct tape_record base;
    struct tensor *y, *x, *onto;
    uint16_t *kept; /* [values / 16, rounded up]; NULL where no gradient flows to x */
    float p;
};

enum { CHUNK = 1024 };

struct dropping {
    float *y; /* may be x or onto */
    const float *x, *onto;
    const struct rng *place;
    uint16_t *kept;
    float p;
};

static void drop_part(void *state, long first, long end, int thread)
{
    const struct dropping *d = state;
    uint32_t words[CHUNK];
    uint32_t below = mask_threshold(d->p);
    float scale = 1.0f / (1.0f - d->p);
    (void)thread;
    for (long start = first; start < end; start += CHUNK) {
        size_t part = (size_t)(end - start < CHUNK ? end - start : CHUNK);
        rng_fill_u32(d->place, (uint64_t)start, words, lanes_room(part));
        for (size_t i = 0; i < part; i += N_LANES) {
            size_t at = (size_t)start + i, n = part - i < N_LANES ? part - i : N_LANES;
            int_lanes keeps = lanes_not_below(words + i, below);
            lanes y = lanes_pick(keeps, lanes_load_n(d->x + at, n) * scale, lanes_of(0));
            if (d->onto != NULL)
                y += lanes_load_n(d->onto + at, n);
            if (d->kept != NULL)
                d->kept[at / N_LANES] = lanes_bits(keeps);
            lanes_store_n(d->y + at, n, y);
        }
    }
}

/* dx = dy / (1 - p) where kept, else 0, over what is there or onto it; donto += dy. */
struct dropping_back {
    const struct dropout_record *r;
    const float *dy;
    float *dx, *donto; /* NULL: not wanted; dx may be dy */
    float beta;        /* of dx */
};

static void drop_back_part(void *state, long first, long end, int thread)
{
    const struct dropping_back *b = state;
    float scale = 1.0f / (1.0f - b->r->p);
    (void)thread;
    for (size_t at = (size_t)first; at < (size_t)end; at += N_LANES) {
        size_t left = (size_t)end - at, n = left < N_LANES ? left : N_LANES;
        lanes dy = lanes_load_n(b->dy + at, n);
        if (b->donto != NULL)
            lanes_store_n(b->donto + at, n, lanes_load_n(b->donto + at, n) + dy);
        if (b->dx == NULL)
            continue;
        int_lanes keeps = lanes_of_bits(b->r->kept[at / N_LANES]);
        lanes dx = lanes_pick(keeps, dy * scale, lanes_of(0));
        if (b->beta != 0)
            dx += lanes_load_n(b->dx + at, n);
        lanes_store_n(b->dx + at, n, dx);
    }
}

/* Whether x would take a block of gradients over. */
static bool takes(const struct tensor *x)
{
    return x != NULL && x->needs_grad && !x->is_param && x->grad == NULL;
}

/* dy itself goes on as onto's gradient or, changed in place, as x's. */
static void dropout_backward(struct tape *t, void *record)
{
    struct dropout_record *r = record;
    struct tensor *y = r->y, *x = r->x, *onto = r->onto;
    if (y->grad == NULL)
        return;
    struct dropping_back b = {.r = r, .dy = y->grad};
    bool moves_onto = takes(onto), in_place = !moves_onto && takes(x);
    float beta_onto;
    if (!moves_onto)
        b.donto = tape_grad(t, onto, &beta_onto);
    b.dx = in_place ? y->grad : tape_grad(t, x, &b.beta);
    if (!t->dry)
        pool_run(t->pool, (long)y->rows * y->cols, VALUES_PIECE, drop_back_part, &b);
    if (moves_onto)
        tape_grad_move(t, y, onto);
    else if (in_place)
        tape_grad_move(t, y, x);
    else
        tape_grad_done(t, y);
}

/* The buffer that the result goes to: x's or onto's, where one may be taken over. */
static struct tensor *room_for(struct tape *t, struct tensor *x, struct tensor *onto, bool needs)
{
    if (x->overwritable || (onto != NULL && onto->overwritable)) {
        struct tensor *y = tape_take_over(t, x->overwritable ? x : onto, needs);
        y->overwritable = onto == NULL; /* a residual stream has many readers */
        return y;
    }
    return tape_tensor(t, x->rows, x->cols, needs);
}

static struct tensor *drop(struct tape *t, struct tensor *x, struct tensor *onto, float p,
                           struct rng place)
{
    bool flows = tape_wants(t, x), needs = flows || tape_wants(t, onto);
    struct dropping d = {.x = x->data, .place = &place, .p = p};
    d.onto = onto != NULL ? onto->data : NULL;
    struct tensor *y = room_for(t, x, onto, needs);
    size_t n = (size_t)x->rows * (size_t)x->cols;
    d.y = y->data;
    d.kept = flows ? tape_keep(t, lanes_room(n) / N_LANES * sizeof *d.kept) : NULL;
    if (!t->dry)
        pool_run(t->pool, (long)n, VALUES_PIECE, drop_part, &d);
    if (needs) {
        struct dropout_record *r = tape_push(t, sizeof *r, dropout_backward);
        *r = (struct dropout_record){r->base, y, x, onto, d.kept, p};
    }
    return y;
}

struct tensor *op_dropout(struct tape *t, struct tensor *x, float p, int stream, uint32_t site)
{
    assert(p >= 0 && p < 1);
    if (p == 0 || !tape_drops(t, tape_wants(t, x)))
        return x;
    return drop(t, x, NULL, p, (struct rng){t->seed, (enum rng_stream)stream, t->step, site});
}

struct tensor *op_dropout_onto(struct tape *t, struct tensor *x, struct tensor *onto, float p,
                               int stream, uint32_t site)
{
    assert(p >= 0 && p < 1 && x != onto && x->rows == onto->rows && x->cols == onto->cols);
    if (p == 0 || !tape_drops(t, tape_wants(t, x)))
        return op_add(t, x, onto);
    return drop(t, x, onto, p, (struct rng){t->seed, (enum rng_stream)stream, t->step, site});
}
