#include "pretrain/layout.h"

#include "datasets/order.h"
#include "pretrain/objective.h"

#include <assert.h>
#include <string.h>

/* Room for one more entry; the arena keeps what was outgrown. */
struct growing {
    struct layout *to;
    struct arena *a;
    int64_t n_rows, room_rows;
    long room_steps;
};

static void *grown(struct arena *a, const void *old, size_t n, size_t room, size_t size)
{
    void *fresh = arena_array(a, room, size);
    if (n)
        memcpy(fresh, old, n * size);
    return fresh;
}

static void make_room(struct growing *g, int64_t n_rows, long n_steps)
{
    struct layout *l = g->to;
    if (g->n_rows + n_rows > g->room_rows) {
        g->room_rows = 2 * (g->n_rows + n_rows);
        l->rows = grown(g->a, l->rows, (size_t)g->n_rows, (size_t)g->room_rows, sizeof *l->rows);
    }
    if (l->n_steps + n_steps > g->room_steps) {
        size_t had = (size_t)l->n_steps;
        g->room_steps = 2 * (l->n_steps + n_steps);
        l->start = grown(g->a, l->start, had, (size_t)g->room_steps + 1, sizeof *l->start);
        l->epoch = grown(g->a, l->epoch, had, (size_t)g->room_steps, sizeof *l->epoch);
    }
}

/* The batches as further updates. */
static void append(struct growing *g, const struct batches *b, uint32_t epoch)
{
    struct layout *l = g->to;
    assert(b->n > 0 && b->n_rows > 0);
    make_room(g, b->n_rows, b->n);
    assert(l->rows && l->start);
    for (int i = 0; i < b->n; i++) {
        l->start[l->n_steps] = g->n_rows + b->start[i];
        l->epoch[l->n_steps++] = epoch;
    }
    memcpy(l->rows + g->n_rows, b->rows, (size_t)b->n_rows * sizeof *l->rows);
    g->n_rows += b->n_rows;
    l->start[l->n_steps] = g->n_rows;
}

/* One pass over the first n of its order. */
static struct batches pass(const struct layout_rule *r, uint32_t epoch, long max_tok,
                           struct arena *a)
{
    struct batches order = order_epoch(r->n, r->n, r->seed, epoch, a);
    int n = 0;
    for (long used = 0; n < r->n && (n == 0 || used < max_tok); n++)
        used += r->cost_tok[order.rows[n]];
    return order_micro(order.rows, n, r->cost_tok, (int)r->tokens_per_update, a);
}

struct layout layout_train(const struct layout_rule *r, struct arena *a)
{
    struct layout l = {0};
    struct growing g = {.to = &l, .a = a};
    struct arena scratch = {0};

    assert(r->n > 0);
    for (uint32_t epoch = 0; r->max_steps ? l.n_steps < r->max_steps : epoch < r->n_epochs;
         epoch++) {
        struct batches b = pass(r, epoch, INT64_MAX, &scratch);
        append(&g, &b, epoch);
        arena_release(&scratch);
    }
    if (r->max_steps)
        l.n_steps = r->max_steps;
    return l;
}

struct layout layout_held_out(const struct layout_rule *r, long max_tok, struct arena *a)
{
    struct layout l = {0};
    struct growing g = {.to = &l, .a = a};

    assert(r->n > 0);
    struct batches b = pass(r, OBJECTIVE_HELD_OUT, max_tok, a);
    append(&g, &b, OBJECTIVE_HELD_OUT);
    return l;
}

int64_t layout_cut(const struct layout *l, const int *cost_tok, int64_t first, int64_t end,
                   long max_tok)
{
    long used = 0;
    int64_t i = first;
    for (; i < end && (i == first || used + cost_tok[l->rows[i]] <= max_tok); i++)
        used += cost_tok[l->rows[i]];
    return i;
}
