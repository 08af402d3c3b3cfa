/*
 * estimate: what a cell will need, from its declaration and the lengths of its texts.
 *
 * The model and its method are declared without memory; the largest batches that rows of the
 * data set's lengths make (sample.h) are run on a dry tape; where no rows are here yet, batches
 * of the longest there can be. Parameter counts are exact. Memory is parameters, gradients,
 * moments and the best epoch's values, the activations, the rows and a fixed share for the
 * program itself: within a few per cent of the peak, above it where a frozen embedding table is
 * read in part only. Seconds are those of one thread of a certain core, from the operations of all
 * epochs at the speed of a model of that width: the same on every machine. What they come to here
 * tells forecast.h.
 */
#ifndef FT_HARNESS_ESTIMATE_H
#define FT_HARNESS_ESTIMATE_H

#include "harness/cell.h"

/* Of the best large float32 product on the core that est_seconds are of. */
enum { ESTIMATE_GFLOPS = 200 };

struct estimate {
    size_t trainable_params, total_params;
    size_t memory_bytes;
    double flops_per_second; /* of such a model and precision */
    bool features_kept;      /* all rows go through the frozen model once, not once an epoch */
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
