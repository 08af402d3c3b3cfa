/*
 * rows: whole-row helpers that several ops share. Row-major [rows, cols]; sums in
 * a fixed order. Internal to models/tensor.
 */
#ifndef FT_MODELS_TENSOR_ROWS_H
#define FT_MODELS_TENSOR_ROWS_H

#include "harness/base/pool.h"

/* What a thread takes of a loop at a time: so many values, one by one alike, or columns. Long
 * enough for the hand-over, short enough for the caches; both whole lanes. */
enum { VALUES_PIECE = 16384, COLUMNS_PIECE = 64 };

/* As many whole rows. */
static inline long rows_piece(int cols)
{
    return cols < VALUES_PIECE ? VALUES_PIECE / cols : 1;
}

/* sum[cols] = beta sum + the rows of x, added up; beta 0 or 1. */
void rows_sum(struct pool *pool, float *sum, const float *x, int rows, int cols, float beta);

/* y = beta y + factor x over n values; beta 0 or 1; y is not x. */
void rows_add(float *y, const float *x, long n, float factor, float beta);

/* The same, shared. */
void rows_add_shared(struct pool *pool, float *y, const float *x, long n, float factor, float beta);

/* y[cols, stride] = x[rows, cols]^T, x's rows x_stride floats apart. stride is rows
 * rounded up to 16; the columns of y beyond rows become 0. */
void rows_transpose(float *y, const float *x, int rows, int cols, int x_stride, int stride);

#endif
