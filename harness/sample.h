/*
 * sample: how long the texts of a cell are in tokens, from some of its data set's rows.
 *
 * Only of what is here already: nothing is fetched. What was found is kept in
 * $cache/lengths/KEY, so that a plan reads a data set once.
 */
#ifndef FT_HARNESS_SAMPLE_H
#define FT_HARNESS_SAMPLE_H

#include "harness/cell.h"

enum { SAMPLE_ROWS = 2048 };

struct sample {
    int n;             /* rows; 0: not known */
    int *length_tok;   /* [n], spread evenly over the data set */
    int *target_tok;   /* [n_classes] where the model answers in text */
    int n_rows;        /* of the whole data set */
    long memory_bytes; /* that the whole takes up when loaded */
};

/* All in arena a. */
struct sample sample_take(const struct cell *c, struct arena *a);

#endif
