/*
 * scores: what a model makes of every row of a feed, as the engine leaves it.
 *
 * Not here: how good that is (results/metrics.h).
 */
#ifndef FT_HARNESS_SCORES_H
#define FT_HARNESS_SCORES_H

#include "harness/feed.h"
#include "results/metrics.h"

struct scores {
    float *logits;  /* [n, n_classes] of the classes */
    int *predicted; /* [n] class of the greatest of them */
};

/* Room for the scores of f, in arena a. */
void scores_init(struct scores *s, const struct feed *f, struct arena *a);

/* The scores as metrics_compute wants them; borrows s and f. */
struct predictions scores_predictions(const struct scores *s, const struct feed *f);

#endif
