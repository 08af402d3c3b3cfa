/*
 * vmath: exp, tanh, GELU and sums on arrays, the same bits everywhere.
 *
 * Own polynomials (coefficients derived in tests/golden/vmath), explicit fmaf,
 * reductions over 16 fixed lanes: neither libm nor the compiler's choice of
 * vector width decides a bit. out may be x itself; otherwise arrays do not
 * overlap. NaN in gives NaN out. The errors named here are measured by the test
 * against double precision.
 */
#ifndef FT_MODELS_TENSOR_VMATH_H
#define FT_MODELS_TENSOR_VMATH_H

#include <stddef.h>

/* Within 1.1 ulp; overflows to inf, underflows gradually to 0. */
void vec_exp(float *out, const float *x, size_t n);
/* Within 1.5 ulp. */
void vec_tanh(float *out, const float *x, size_t n);

/* out = x Phi(x), Phi the normal distribution 1/2 (1 + erf(x / sqrt 2)), and,
 * unless slope is NULL, slope = d out / d x. out within 6 ulp while Phi(x) is a
 * normal number; slope within 3e-7 absolutely. */
void vec_gelu(float *out, float *slope, const float *x, size_t n);
/* The same for x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))). out within 3e-7 of
 * max(1, |x|), slope within 2.5e-6: rounding of the exponent, as in every form of it. */
void vec_gelu_tanh(float *out, float *slope, const float *x, size_t n);

/* x = softmax(x) in place, n > 0. x has room for n rounded up to 16 floats; those
 * beyond n become 0 (whole stores: a masked one would stall the next row). */
void vec_softmax(float *x, size_t n);

/* Sums in 16 lanes (element i in lane i % 16), lanes added pairwise. */
float vec_sum(const float *x, size_t n);
float vec_dot(const float *a, const float *b, size_t n);
/* n > 0. NaN when any element is. */
float vec_max(const float *x, size_t n);
/* In double, for where a long sum decides a result: 16 lanes too. */
double vec_sum_squares(const float *x, size_t n);

/* log of the sum of exp(x), n > 0, within 3e-7: float exponentials below the largest's 1,
 * summed in double in 16 lanes. NaN when any element is. */
double vec_log_sum_exp(const float *x, size_t n);
/* The same and, unless out is NULL, out[i] = exp(x[i] - max x) (out may be x); *total is their
 * sum in float: out / *total is softmax(x), with vec_softmax's bits. */
double vec_exps(float *out, float *total, const float *x, size_t n);

/* exp, log (of a normal x > 0) and cos(pi x) (0 <= x <= 1) of one double, within
 * 4 units in the last place: for losses and schedules, not for speed. */
double scalar_exp(double x);
double scalar_log(double x);
double scalar_cos_pi(double x);

#endif
