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
#include <stdint.h>
#include <string.h>
#ifdef __FMA__
#include <immintrin.h>
#endif

/* These functions vanish into their callers, so how lanes would be passed
 * between objects of different instruction sets is of no concern. */
#pragma GCC diagnostic ignored "-Wpsabi"
#define LANES_INLINE static inline __attribute__((always_inline))

enum { N_LANES = 16 };

/* n rounded up to whole lanes. */
LANES_INLINE size_t lanes_room(size_t n)
{
    return (n + N_LANES - 1) / N_LANES * N_LANES;
}

typedef float lanes __attribute__((vector_size(64), aligned(32)));
typedef int int_lanes __attribute__((vector_size(64), aligned(32)));
typedef float half_lanes __attribute__((vector_size(32)));
typedef float quarter_lanes __attribute__((vector_size(16)));
typedef float loose_lanes __attribute__((vector_size(64), aligned(4), may_alias));
typedef uint32_t loose_words __attribute__((vector_size(64), aligned(4), may_alias));

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
#ifdef __AVX512F__
    return (lanes)_mm512_mask_loadu_ps(_mm512_set1_ps(pad), (__mmask16)((1u << n) - 1), x);
#else
    lanes a = lanes_of(pad);
    memcpy(&a, x, n * sizeof *x);
    return a;
#endif
}

LANES_INLINE void lanes_store_part(float *x, size_t n, lanes a)
{
#ifdef __AVX512F__
    _mm512_mask_storeu_ps(x, (__mmask16)((1u << n) - 1), (__m512)a);
#else
    memcpy(x, &a, n * sizeof *x);
#endif
}

/* The first n <= 16 alike; the others are 0. */
LANES_INLINE lanes lanes_load_n(const float *x, size_t n)
{
    return n < N_LANES ? lanes_load_part(x, n, 0) : lanes_load(x);
}

LANES_INLINE void lanes_store_n(float *x, size_t n, lanes a)
{
    if (n < N_LANES)
        lanes_store_part(x, n, a);
    else
        lanes_store(x, a);
}

/* Which of 16 words are not below a bound: all bits or none. */
LANES_INLINE int_lanes lanes_not_below(const uint32_t *x, uint32_t bound)
{
    loose_words words = *(const loose_words *)x;
    return (int_lanes)(words >= bound);
}

/* A bit a lane, and back: all bits or none. */
LANES_INLINE uint16_t lanes_bits(int_lanes mask)
{
#ifdef __AVX512F__
    return (uint16_t)_mm512_test_epi32_mask((__m512i)mask, (__m512i)mask);
#else
    unsigned bits = 0;
    for (int i = 0; i < N_LANES; i++)
        bits |= (unsigned)(mask[i] & 1) << i;
    return (uint16_t)bits;
#endif
}

LANES_INLINE int_lanes lanes_of_bits(uint16_t bits)
{
#ifdef __AVX512F__
    return (int_lanes)_mm512_maskz_set1_epi32(bits, -1);
#else
    int_lanes mask = {0};
    for (int i = 0; i < N_LANES; i++)
        mask[i] = -(bits >> i & 1);
    return mask;
#endif
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

/* a > b ? a : b, so b when either is NaN: one instruction where max is. */
LANES_INLINE lanes lanes_larger(lanes a, lanes b)
{
#ifdef __AVX512F__
    return (lanes)_mm512_max_ps((__m512)a, (__m512)b);
#else
    return lanes_pick(a > b, a, b);
#endif
}

/* a < b ? a : b, so b when either is NaN. */
LANES_INLINE lanes lanes_smaller(lanes a, lanes b)
{
#ifdef __AVX512F__
    return (lanes)_mm512_min_ps((__m512)a, (__m512)b);
#else
    return lanes_pick(a < b, a, b);
#endif
}

/* a 2^n, rounded once, for whole n of at most 2 * 126 and a in 1/2 .. 2: in two factors where
 * there is no instruction, so that what is subnormal comes out by one rounding too. */
LANES_INLINE lanes lanes_scale(lanes a, lanes n)
{
#ifdef __AVX512F__
    return (lanes)_mm512_scalef_ps((__m512)a, (__m512)n);
#else
    int_lanes whole = (int_lanes)(n + 0x1.8p23f) - 0x4B400000; /* less the bits of 1.5 * 2^23 */
    int_lanes half = whole >> 1;
    return a * (lanes)((half + 127) << 23) * (lanes)((whole - half + 127) << 23);
#endif
}

LANES_INLINE lanes lanes_sqrt(lanes a)
{
#if defined(__AVX512F__)
    return (lanes)_mm512_sqrt_ps((__m512)a);
#else
    for (int i = 0; i < N_LANES; i++)
        a[i] = sqrtf(a[i]);
    return a;
#endif
}

LANES_INLINE lanes lanes_abs(lanes a)
{
    return (lanes)((int_lanes)a & 0x7FFFFFFF);
}

/* The largest lane; any of them when some are NaN. */
LANES_INLINE float lanes_largest(lanes a)
{
    a = lanes_larger(
        a, __builtin_shufflevector(a, a, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
    a = lanes_larger(
        a, __builtin_shufflevector(a, a, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11));
    float f[4];
    memcpy(f, &a, sizeof f);
    float b = f[0] > f[1] ? f[0] : f[1], c = f[2] > f[3] ? f[2] : f[3];
    return b > c ? b : c;
}

/* Lanes added pairwise: halves, quarters, eighths, neighbours. */
LANES_INLINE float lanes_total(lanes a)
{
    half_lanes h[2];
    memcpy(h, &a, sizeof h);
    h[0] += h[1];
    quarter_lanes q[2];
    memcpy(q, h, sizeof q);
    q[0] += q[1];
    return (q[0][0] + q[0][2]) + (q[0][1] + q[0][3]);
}

#endif
