#include "models/tensor/bfloat16.h"

#include <string.h>
#ifdef __AVX512BF16__
#include <immintrin.h>
#endif

static uint16_t round_one(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    uint32_t magnitude = bits & 0x7FFFFFFF, upper = bits >> 16;
    if (magnitude > 0x7F800000) /* NaN, made quiet */
        return (uint16_t)(upper | 0x40);
    if (magnitude < 0x00800000) /* zero and subnormal */
        return (uint16_t)(upper & 0x8000);
    return (uint16_t)((bits + 0x7FFF + (upper & 1)) >> 16);
}

void bfloat16_round(uint16_t *out, const float *x, size_t n, float scale)
{
    size_t i = 0;
#ifdef __AVX512BF16__
    __m512 factor = _mm512_set1_ps(scale);
    for (; i + 32 <= n; i += 32) {
        __m512 low = _mm512_mul_ps(_mm512_loadu_ps(x + i), factor);
        __m512 high = _mm512_mul_ps(_mm512_loadu_ps(x + i + 16), factor);
        __m512bh both = _mm512_cvtne2ps_pbh(high, low);
        memcpy(out + i, &both, sizeof both);
    }
#endif
    for (; i < n; i++)
        out[i] = round_one(scale * x[i]);
}

void bfloat16_widen(float *out, const uint16_t *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t bits = (uint32_t)x[i] << 16;
        memcpy(out + i, &bits, sizeof bits);
    }
}
