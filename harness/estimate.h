/*
 * estimate: what a cell will need, from its declaration and the lengths of its texts.
 *
 * The model and its method are declared without memory; the largest batches that rows of the
 * data set's lengths make (sample.h) are run on a dry tape; where no rows are here yet, batches
 * of the longest there can be. Parameter counts are exact. Memory is parameters, gradients,
 * moments and the best epoch's values, the activations, the rows and a fixed share for the
 * program itself: within a few per cent of the peak, above it where a frozen embedding table is
 * read in part only. Seconds are the operations of all
 * epochs over a nominal speed of one thread: an order of magnitude, good for comparing cells
 * and for noticing a matrix that would take a week.
 */
#ifndef FT_HARNESS_ESTIMATE_H
#define FT_HARNESS_ESTIMATE_H

#include "harness/cell.h"

struct estimate {
    size_t trainable_params, total_params;
    size_t memory_bytes;
    int n_tok;                            /* a text is taken to have: half the longest */
    double forward_flops, training_flops; /* of one text, with all classes or its own as targets */
};

/* From the cell's model, method and batch. */
int estimate_make(struct estimate *out, const struct cell *c, struct err *e) MUST_CHECK;

/* Whether an estimate made for one of two cells serves the other. */
bool estimate_serves(const struct cell *a, const struct cell *b);

/* Fills trainable_params, total_params, est_memory_bytes and, with the cell's own rows and
 * epochs, est_seconds. */
void estimate_fill(struct cell *c, const struct estimate *x);

#endif
