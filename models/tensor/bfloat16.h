/*
 * bfloat16: the upper half of a float32, to and from.
 *
 * 1 sign, 8 exponent and 7 fraction bits, kept as uint16_t. Rounding is to the
 * nearest, ties to even, as AVX512-BF16 does it: subnormal numbers become zeros
 * of their sign, NaN stays NaN (quiet). The same bits with and without those
 * instructions.
 */
#ifndef FT_MODELS_TENSOR_BFLOAT16_H
#define FT_MODELS_TENSOR_BFLOAT16_H

#include <stddef.h>
#include <stdint.h>

/* out[i] = scale x[i], rounded; the product is rounded to float32 first. */
void bfloat16_round(uint16_t *out, const float *x, size_t n, float scale);

/* out[i] = x[i], exact. */
void bfloat16_widen(float *out, const uint16_t *x, size_t n);

#endif
