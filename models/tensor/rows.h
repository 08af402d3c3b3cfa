/*
 * rows: whole-row helpers that several ops share. Row-major [rows, cols]; sums in
 * a fixed order. Internal to models/tensor.
 */
#ifndef FT_MODELS_TENSOR_ROWS_H
#define FT_MODELS_TENSOR_ROWS_H

/* Every row of y becomes row[cols]. */
void rows_fill(float *y, const float *row, int rows, int cols);

/* sum[cols] = beta sum + the rows of x, added up; beta 0 or 1. */
void rows_sum(float *sum, const float *x, int rows, int cols, float beta);

/* y = beta y + factor x over n values; beta 0 or 1; y is not x. */
void rows_add(float *y, const float *x, long n, float factor, float beta);

/* y[cols, stride] = x[rows, cols]^T, x's rows x_stride floats apart. stride is rows
 * rounded up to 16; the columns of y beyond rows become 0. */
void rows_transpose(float *y, const float *x, int rows, int cols, int x_stride, int stride);

#endif
