/*
 * lanes: 16 floats side by side, for loops whose bits must not depend on the
 * compiler. GNU vectors: one AVX-512 register, two of AVX2, or plain code, with
 * the same result (the build says -ffp-contract=off; a fused multiply-add is
 * asked for by name). Internal to models/tensor.
 */
#ifndef FT_MODELS_TENSOR_LANES_H
#define FT_MODELS_TENSOR_LANES_H

#include <math.h>
#include <stddef.h>
#include <string.h>
#ifdef __FMA__
#include <immintrin.h>
#endif

/* These functions vanish into their callers, so how lanes would be passed
 * between objects of different instruction sets is of no concern. */
#pragma GCC diagnostic ignored "-Wpsabi"
#define LANES_INLINE static inline __attribute__((always_inline))

enum { N_LANES = 16 };

typedef float lanes __attribute__((vector_size(64), aligned(32)));
typedef int int_lanes __attribute__((vector_size(64), aligned(32)));
typedef float loose_lanes __attribute__((vector_size(64), aligned(4), may_alias));

LANES_INLINE lanes lanes_load(const float *x)
{
    return *(const loose_lanes *)x;
}

LANES_INLINE void lanes_store(float *x, lanes a)
{
    *(loose_lanes *)x = a;
}

LANES_INLINE lanes lanes_of(float x)
{
    return (lanes){x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x};
}

/* The first n < 16 floats at x, the other lanes pad. */
LANES_INLINE lanes lanes_load_part(const float *x, size_t n, float pad)
{
    lanes a = lanes_of(pad);
    memcpy(&a, x, n * sizeof *x);
    return a;
}

LANES_INLINE void lanes_store_part(float *x, size_t n, lanes a)
{
    memcpy(x, &a, n * sizeof *x);
}

/* a b + c, rounded once. */
LANES_INLINE lanes lanes_fma(lanes a, lanes b, lanes c)
{
#if defined(__AVX512F__)
    return (lanes)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined(__FMA__)
    __m256 x[2], y[2], z[2];
    memcpy(x, &a, sizeof x);
    memcpy(y, &b, sizeof y);
    memcpy(z, &c, sizeof z);
    for (int i = 0; i < 2; i++)
        z[i] = _mm256_fmadd_ps(x[i], y[i], z[i]);
    memcpy(&c, z, sizeof c);
    return c;
#else
    for (int i = 0; i < N_LANES; i++)
        c[i] = fmaf(a[i], b[i], c[i]);
    return c;
#endif
}

/* Lane by lane: mask (all bits or none, as comparisons give) ? a : b. */
LANES_INLINE lanes lanes_pick(int_lanes mask, lanes a, lanes b)
{
    return (lanes)(((int_lanes)a & mask) | ((int_lanes)b & ~mask));
}

/* The larger; NaN when either is. */
LANES_INLINE lanes lanes_max(lanes a, lanes b)
{
    return lanes_pick((b > a) | (b != b), b, a);
}

LANES_INLINE lanes lanes_abs(lanes a)
{
    return (lanes)((int_lanes)a & 0x7FFFFFFF);
}

/* Lanes added pairwise: halves, quarters, eighths, neighbours. */
LANES_INLINE float lanes_total(lanes a)
{
    float f[N_LANES];
    memcpy(f, &a, sizeof f);
    for (int half = N_LANES / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++)
            f[i] += f[i + half];
    return f[0];
}

#endif
