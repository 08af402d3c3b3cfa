/*
 * order: which rows make which batch.
 *
 * Works on lengths and row numbers only; it knows neither texts nor tokens.
 * Training order is a permutation under (seed, RNG_ORDER, epoch); it does not
 * depend on how a step is cut into micro-batches. Evaluation batches are sorted
 * by length, so that a packed or padded engine wastes nothing.
 */
#ifndef FT_DATASETS_ORDER_H
#define FT_DATASETS_ORDER_H

#include "harness/base/arena.h"

#include <stdint.h>

/* Batches lie end to end: batch b holds rows[start[b]] ... rows[start[b + 1] - 1]. */
struct batches {
    int *rows; /* [n_rows] */
    int n_rows;
    int *start; /* [n + 1] */
    int n;      /* number of batches */
};

/* One epoch over rows 0..n_rows-1 in steps of batch_size (the last may be
 * smaller). Owned by a. */
struct batches order_epoch(int n_rows, int batch_size, uint64_t seed, uint32_t epoch,
                           struct arena *a);

/* Cuts rows[0..n) of one step, in order, into micro-batches of at most
 * max_tokens tokens by length_tok[row] (one row at least). */
struct batches order_micro(const int *rows, int n, const int *length_tok, int max_tokens,
                           struct arena *a);

/* Rows 0..n_rows-1 by falling length (ties by row), cut into batches of at most
 * max_tokens tokens (one row at least). */
struct batches order_evaluation(int n_rows, const int *length_tok, int max_tokens, struct arena *a);

#endif
