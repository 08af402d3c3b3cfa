/*
 * layout: which stretches of text make which update.
 *
 * Every pass takes the stretches in an order of its own (datasets/order.h), cut into updates by
 * tokens; an update does not reach over a pass's end. How an update is cut into micro-batches
 * moves no stretch to another.
 */
#ifndef FT_PRETRAIN_LAYOUT_H
#define FT_PRETRAIN_LAYOUT_H

#include "harness/base/arena.h"

#include <stdint.h>

struct layout {
    int *rows;       /* stretches, update after update */
    int64_t *start;  /* [n_steps + 1] into rows */
    uint32_t *epoch; /* [n_steps] passes before it */
    long n_steps;
};

struct layout_rule {
    const int *cost_tok;                         /* [n] tokens that a stretch brings */
    int n;                                       /* stretches, 1 or more */
    long tokens_per_update, n_epochs, max_steps; /* max_steps 0: n_epochs passes */
    uint64_t seed;
};

/* All updates of a training. */
struct layout layout_train(const struct layout_rule *r, struct arena *a);

/* Stretches of r->n, in a fixed random order, that bring max_tok tokens (or all there are), cut
 * into batches of at most tokens_per_update: as updates of pass OBJECTIVE_HELD_OUT. */
struct layout layout_held_out(const struct layout_rule *r, long max_tok, struct arena *a);

/* The end of the micro-batch that begins at rows[first] and must end by rows[end]: as many as
 * bring at most max_tok, one at least. */
int64_t layout_cut(const struct layout *l, const int *cost_tok, int64_t first, int64_t end,
                   long max_tok);

#endif
