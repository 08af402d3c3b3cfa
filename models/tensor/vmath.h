/*
 * vmath: exp, tanh, erf and friends on arrays, the same bits everywhere.
 *
 * Own polynomials (coefficients derived in tests/golden/vmath), explicit fmaf,
 * reductions over 16 fixed lanes: neither libm nor the compiler's choice of
 * vector width decides a bit. Each function documents its largest error in ulp
 * or absolutely, measured over all floats by the test.
 */
#ifndef FT_MODELS_TENSOR_VMATH_H
#define FT_MODELS_TENSOR_VMATH_H

#include <stddef.h>

void vec_exp(float *out, const float *x, size_t n);
void vec_tanh(float *out, const float *x, size_t n);
void vec_erf(float *out, const float *x, size_t n);

/* Sums in 16 lanes (float32 lanes, combined pairwise). */
float vec_sum(const float *x, size_t n);
float vec_dot(const float *a, const float *b, size_t n);
float vec_max(const float *x, size_t n);
/* Row sums and dots in double where a long sum decides a result. */
double vec_sum_squares(const float *x, size_t n);

#endif
