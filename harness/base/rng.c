#include "harness/base/rng.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>
#ifdef __AVX512F__
#include <immintrin.h>
#endif

/* Multipliers of Philox4x32, and the key increments: the fractions of the
 * golden ratio and of the square root of 3 (Salmon et al. 2011). */
#define MULTIPLIER_0 0xD2511F53u
#define MULTIPLIER_1 0xCD9E8D57u
#define KEY_STEP_0   0x9E3779B9u
#define KEY_STEP_1   0xBB67AE85u

enum { ROUNDS = 10 };

/* Blocks have 40 bits of the counter, words of a block two more. */
#define INDEX_LIMIT (UINT64_C(1) << 42)

void philox4x32(uint32_t out[4], const uint32_t counter[4], const uint32_t key[2])
{
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    uint32_t k0 = key[0], k1 = key[1];
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t p0 = (uint64_t)MULTIPLIER_0 * c0;
        uint64_t p1 = (uint64_t)MULTIPLIER_1 * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += KEY_STEP_0;
        k1 += KEY_STEP_1;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

/* Second counter word: the block's high 8 bits under the stream. */
static uint32_t block_high(const struct rng *r, uint64_t block)
{
    return (uint32_t)(block >> 32) | (uint32_t)r->stream << 8;
}

/* The four words of index's block. */
static void draw_block(uint32_t out[4], const struct rng *r, uint64_t index)
{
    assert(index < INDEX_LIMIT);
    uint64_t block = index / 4;
    uint32_t counter[4] = {(uint32_t)block, block_high(r, block), r->step, r->site};
    uint32_t key[2] = {(uint32_t)r->seed, (uint32_t)(r->seed >> 32)};
    philox4x32(out, counter, key);
}

uint32_t rng_u32(const struct rng *r, uint64_t index)
{
    uint32_t words[4];
    draw_block(words, r, index);
    return words[index % 4];
}

/* Blocks drawn at once, GROUPS vectors of 8, so that one vector's multiplications need not
 * wait for another's. 64 bits a lane because a product has 64; of a counter word only the
 * lower 32 count. */
enum { GROUP = 8, GROUPS = 4, LANES = GROUP * GROUPS };
typedef uint64_t group __attribute__((vector_size(8 * GROUP)));

static const uint64_t LOW_WORD = UINT32_MAX;

/* The whole product of both lower halves. */
static inline __attribute__((always_inline)) group times(group a, uint32_t factor)
{
#ifdef __AVX512F__
    return (group)_mm512_mul_epu32((__m512i)a, _mm512_set1_epi64(factor));
#else
    return (a & LOW_WORD) * factor;
#endif
}

/* The words of LANES blocks from first_block on, word w of block i at out[4 * i + w]. */
static void draw_lanes(uint32_t *out, const struct rng *r, uint64_t first_block)
{
    const group one_by_one = {0, 1, 2, 3, 4, 5, 6, 7};
    group c0[GROUPS], c1[GROUPS], c2[GROUPS], c3[GROUPS];
#pragma GCC unroll 4
    for (int g = 0; g < GROUPS; g++) {
        c0[g] = one_by_one + first_block + (uint64_t)(g * GROUP);
        c1[g] = c0[g] >> 32 | (uint64_t)r->stream << 8; /* as block_high */
        c2[g] = (group){0} + r->step;
        c3[g] = (group){0} + r->site;
    }
    uint32_t k0 = (uint32_t)r->seed, k1 = (uint32_t)(r->seed >> 32);
    for (int round = 0; round < ROUNDS; round++) {
#pragma GCC unroll 4
        for (int g = 0; g < GROUPS; g++) {
            group p0 = times(c0[g], MULTIPLIER_0), p1 = times(c2[g], MULTIPLIER_1);
            c0[g] = (p1 >> 32) ^ c1[g] ^ k0;
            c1[g] = p1;
            c2[g] = (p0 >> 32) ^ c3[g] ^ k1;
            c3[g] = p0;
        }
        k0 += KEY_STEP_0;
        k1 += KEY_STEP_1;
    }
#pragma GCC unroll 4
    for (int g = 0; g < GROUPS; g++) {
        group first = (c0[g] & LOW_WORD) | c1[g] << 32, second = (c2[g] & LOW_WORD) | c3[g] << 32;
        group both[2] = {__builtin_shufflevector(first, second, 0, 8, 1, 9, 2, 10, 3, 11),
                         __builtin_shufflevector(first, second, 4, 12, 5, 13, 6, 14, 7, 15)};
        memcpy(out + 4 * GROUP * g, both, sizeof both); /* words lie low first: little endian */
    }
}

void rng_fill_u32(const struct rng *r, uint64_t first_index, uint32_t *out, size_t n)
{
    assert(first_index % 4 == 0 && n <= INDEX_LIMIT && first_index <= INDEX_LIMIT - n);
    size_t done = 0;
    for (; n - done >= 4 * LANES; done += 4 * LANES)
        draw_lanes(out + done, r, (first_index + done) / 4);
    if (done < n) {
        uint32_t words[4 * LANES];
        draw_lanes(words, r, (first_index + done) / 4);
        memcpy(out + done, words, (n - done) * sizeof *out);
    }
}

float rng_uniform(const struct rng *r, uint64_t index)
{
    return (float)(rng_u32(r, index) >> 8) * 0x1p-24f;
}

/* Natural logarithm of a normal x > 0: x = m 2^e with m in [sqrt 1/2, sqrt 2],
 * log m = 2 artanh((m - 1) / (m + 1)), by its series; the first term left out is
 * below 1e-17 of the sum. Within 2 units in the last place. */
static inline double own_log(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    int exponent = (int)(bits >> 52) - 1022;
    bits = (bits & 0x000FFFFFFFFFFFFFu) | 0x3FE0000000000000u;
    double m; /* in [1/2, 1) */
    memcpy(&m, &bits, sizeof m);
    bool low = m < 0.70710678118654752440;
    m = low ? 2 * m : m;
    exponent -= low;
    double s = (m - 1) / (m + 1), square = s * s, sum = 0;
    for (int k = 21; k >= 1; k -= 2)
        sum = sum * square + 1.0 / k;
    return exponent * 0.69314718055994530942 + 2 * s * sum;
}

/* cos(2 pi u), u in [0, 1). The nearest quarter turn is taken off exactly; what
 * is left, at most pi/4, goes into the Taylor series of sin or cos; the first
 * term left out is below 1e-17. Absolute error below 4e-16. */
static inline double own_cos_turns(double u)
{
    int quarter = (int)(4 * u + 0.5);
    double x = (4 * u - quarter) * 1.57079632679489661923, square = x * x;
    double cosine = 1, sine = 1;
    for (int k = 16; k >= 2; k -= 2) {
        cosine = 1 - cosine * square / (k * (k - 1));
        sine = 1 - sine * square / (k * (k + 1));
    }
    sine *= x;
    double value = quarter & 1 ? sine : cosine;
    return (quarter + 1) & 2 ? -value : value;
}

static inline float normal_of(uint32_t radius, uint32_t angle)
{
    double radius_u = (radius + 0.5) * 0x1p-32; /* never 0: log stays finite */
    double angle_u = angle * 0x1p-32;
    return (float)(sqrt(-2 * own_log(radius_u)) * own_cos_turns(angle_u));
}

float rng_normal(const struct rng *r, uint64_t index)
{
    uint32_t words[4];
    draw_block(words, r, 2 * index);
    unsigned at = 2 * (index % 2);
    return normal_of(words[at], words[at + 1]);
}

void rng_fill_normal(const struct rng *r, uint64_t first_index, float *out, size_t n)
{
    uint32_t words[8 * LANES] = {0};
    for (size_t done = 0; done < n;) {
        size_t part = n - done < 4 * LANES ? n - done : 4 * LANES;
        rng_fill_u32(r, 2 * (first_index + done), words, 2 * part);
        for (size_t i = 0; i < part; i++)
            out[done + i] = normal_of(words[2 * i], words[2 * i + 1]);
        done += part;
    }
}

uint32_t rng_below(const struct rng *r, uint64_t index, uint32_t n)
{
    assert(n > 0);
    return (uint32_t)((uint64_t)rng_u32(r, index) * n >> 32);
}

void rng_permutation(const struct rng *r, int *out, int n)
{
    for (int i = 0; i < n; i++)
        out[i] = i;
    for (int i = n - 1; i > 0; i--) {
        uint32_t j = rng_below(r, (uint64_t)i, (uint32_t)i + 1);
        int kept = out[i];
        out[i] = out[j];
        out[j] = kept;
    }
}

uint32_t rng_site_of(const char *name)
{
    uint32_t h = 2166136261u;
    for (; *name; name++)
        h = (h ^ (unsigned char)*name) * 16777619u;
    return h;
}
