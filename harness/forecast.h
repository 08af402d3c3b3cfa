/*
 * forecast: how long cells will take on this machine, now.
 *
 * The cells' est_seconds are those of a certain core (estimate.h); a product is timed here to
 * know what they come to. An order of magnitude for one cell, good to a half for a matrix.
 */
#ifndef FT_HARNESS_FORECAST_H
#define FT_HARNESS_FORECAST_H

#include <stddef.h>

struct forecast {
    double core_seconds; /* of all cells, one after the other on one core of this machine */
    double wall_seconds; /* with so many at a time */
};

/* Seconds of this machine for one of est_seconds. Takes a few milliseconds. */
double forecast_scale(void);

/* est_seconds: of all cells and of the longest one. Cells share no core, and the last to start
 * ends alone. */
struct forecast forecast_make(double est_seconds, double longest, long n_jobs);

#endif
