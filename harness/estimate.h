/*
 * estimate: what a cell will need, from its declaration alone.
 *
 * The model and its method are declared without memory; one step is run on a dry tape.
 * Parameter counts are exact. Memory is parameters, gradients and moments, the step's
 * activations and a fixed share for the program itself. Seconds are the operations of all
 * epochs over a nominal speed of one thread: an order of magnitude, good for comparing cells
 * and for noticing a matrix that would take a week.
 */
#ifndef FT_HARNESS_ESTIMATE_H
#define FT_HARNESS_ESTIMATE_H

#include "harness/cell.h"

/* Fills trainable_params, total_params, est_memory_bytes and est_seconds. */
int estimate_cell(struct cell *c, struct err *e) MUST_CHECK;

/* Whether two cells have equal estimates but for the number of rows, so that one declaration
 * serves both. */
bool estimate_same_step(const struct cell *a, const struct cell *b);

/* c's estimates from a cell for which estimate_same_step holds. */
void estimate_like(struct cell *c, const struct cell *other);

#endif
