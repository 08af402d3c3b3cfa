/*
 * features: what a frozen model's classifier reads of every row, computed once.
 *
 * Where nothing below the classifier trains, its input is a function of the row alone (in
 * training too, when dropout spares what is frozen). It is computed in the batches in which
 * rows are judged, so it is the same bits whoever asks, kept for the run, and kept in
 * $cache/features/KEY for other cells: other methods, seeds and protocols. The key is a hash of
 * all that decides the bits: weights, token ids in their order, batches, engine and BLAS core.
 * A file that is not what it should be is computed again.
 */
#ifndef FT_HARNESS_FEATURES_H
#define FT_HARNESS_FEATURES_H

#include "harness/base/file.h"
#include "harness/cell.h"
#include "harness/engine.h"

/* More than this of one part of a split is computed whenever it is needed. */
enum { FEATURES_MAX_BYTES = 1 << 30 };

struct features {
    struct feed *feed;    /* borrowed; its features are set */
    struct file_map file; /* where they came from, or empty */
    float *fresh;         /* owned by the model's arena: to be computed, or NULL */
    struct str path;      /* in the cache */
};

/* Whether f's rows are few enough to be kept. */
bool features_fit(const struct model *m, const struct feed *f);

/* Room for the features of all rows of f, or those that the cache holds. order: the batches that
 * rows are judged in. After the model's parameters are allocated and loaded. */
int features_open(struct features *x, struct feed *f, const struct cell *c, const struct model *m,
                  const struct batches *order, struct err *e) MUST_CHECK;

/* Computes what the cache did not hold and puts it there; -1 when that could not be written:
 * the features can be used all the same. */
int features_make(struct features *x, struct engine *g, const struct batches *order,
                  struct err *e) MUST_CHECK;

void features_release(struct features *x);

#endif
