#include "harness/base/rng.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The known answers for philox4x32, 10 rounds, that come with Random123. */
Test(rng, philox_known_answers)
{
    static const struct {
        uint32_t counter[4], key[2], want[4];
    } cases[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (int i = 0; i < 3; i++) {
        uint32_t out[4];
        philox4x32(out, cases[i].counter, cases[i].key);
        cr_assert_arr_eq(out, cases[i].want, sizeof out);
        memcpy(out, cases[i].counter, sizeof out);
        philox4x32(out, out, cases[i].key); /* out may be counter */
        cr_assert_arr_eq(out, cases[i].want, sizeof out);
    }
}

/* The layout is frozen: each part of the place has its bits of the counter. */
Test(rng, counter_layout)
{
    struct rng r = {UINT64_C(0x299f31d0a4093822), RNG_DROPOUT, 0x13198a2e, 0x03707344};
    uint64_t block = UINT64_C(0xd3243f6a88);
    uint32_t counter[4] = {0x243f6a88, 0xd3 | RNG_DROPOUT << 8, 0x13198a2e, 0x03707344};
    uint32_t key[2] = {0xa4093822, 0x299f31d0}, want[4];
    philox4x32(want, counter, key);
    for (uint32_t w = 0; w < 4; w++)
        cr_assert_eq(rng_u32(&r, 4 * block + w), want[w]);
}

Test(rng, fill_gives_the_same_words)
{
    struct rng r = {77, RNG_METHOD, 5, 9};
    enum { MOST = 1100 };
    uint32_t out[MOST + 1];
    /* Sizes around the bulk of 256 words; a start that carries into the high word. */
    static const size_t sizes[] = {0, 1, 3, 4, 255, 256, 257, 1027, MOST};
    static const uint64_t starts[] = {0, 8, (UINT64_C(1) << 34) - 400};
    for (size_t k = 0; k < sizeof starts / sizeof *starts; k++) {
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
            out[sizes[s]] = 0xABCD;
            rng_fill_u32(&r, starts[k], out, sizes[s]);
            for (size_t i = 0; i < sizes[s]; i++)
                cr_assert_eq(out[i], rng_u32(&r, starts[k] + i));
            cr_assert_eq(out[sizes[s]], 0xABCD);
        }
    }
}

static int compare_u64(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Every part of the place matters. 64 bits of each: among 70,000 places two would
 * agree by chance with probability 1e-10. */
Test(rng, places_are_distinct)
{
    enum { N = 10 * RNG_STREAM_COUNT * 8 * 8 * 16 };
    uint64_t *seen = malloc(N * sizeof *seen);
    size_t n = 0;
    for (uint64_t seed = 0; seed < 10; seed++)
        for (int stream = 0; stream < RNG_STREAM_COUNT; stream++)
            for (uint32_t step = 0; step < 8; step++)
                for (uint32_t site = 0; site < 8; site++)
                    for (uint64_t block = 0; block < 16; block++) {
                        struct rng r = {seed, (enum rng_stream)stream, step, site};
                        seen[n++] =
                            (uint64_t)rng_u32(&r, 4 * block) << 32 | rng_u32(&r, 4 * block + 1);
                    }
    cr_assert_eq(n, N);
    qsort(seen, n, sizeof *seen, compare_u64);
    for (size_t i = 1; i < n; i++)
        cr_assert_neq(seen[i], seen[i - 1]);
    free(seen);
}

/* Standard errors of n = 1e6 draws: mean of uniforms 0.29e-3, variance 0.75e-4.
 * The seed is fixed, so the bounds (4 standard errors) either hold or do not. */
Test(rng, uniform_moments)
{
    struct rng r = {1, RNG_INIT, 0, 0};
    double sum = 0, squares = 0;
    for (uint64_t i = 0; i < 1000000; i++) {
        double u = rng_uniform(&r, i);
        cr_assert(u >= 0 && u < 1);
        sum += u;
        squares += (u - 0.5) * (u - 0.5);
    }
    cr_assert_float_eq(sum / 1e6, 0.5, 1.2e-3);
    cr_assert_float_eq(squares / 1e6, 1.0 / 12, 3e-4);
}

/* Standard errors of n = 1e6: mean 1e-3, variance 1.4e-3, skewness 2.4e-3,
 * fourth moment sqrt(96 / n) = 9.8e-3; bounds are 4 of each. */
Test(rng, normal_moments)
{
    struct rng r = {2, RNG_INIT, 0, 1};
    double moments[5] = {0};
    for (uint64_t i = 0; i < 1000000; i++) {
        double z = rng_normal(&r, i);
        cr_assert(isfinite(z));
        for (int k = 1; k <= 4; k++)
            moments[k] += pow(z, k);
    }
    cr_assert_float_eq(moments[1] / 1e6, 0, 4e-3);
    cr_assert_float_eq(moments[2] / 1e6, 1, 5.7e-3);
    cr_assert_float_eq(moments[3] / 1e6, 0, 15.5e-3); /* sqrt(15 / n) = 3.9e-3 */
    cr_assert_float_eq(moments[4] / 1e6, 3, 4e-2);
}

/* Against libm in double. Both round to float, so they may differ by one unit in
 * the last place of a float (6e-8 relative) where the doubles straddle a
 * rounding border; near a zero of the cosine the absolute error of 4e-16 times
 * the radius counts instead. */
Test(rng, normal_is_box_muller)
{
    struct rng r = {3, RNG_INIT, 0, 2};
    for (uint64_t i = 0; i < 200000; i++) {
        double u = (rng_u32(&r, 2 * i) + 0.5) * 0x1p-32, v = rng_u32(&r, 2 * i + 1) * 0x1p-32;
        double want = sqrt(-2 * log(u)) * cos(2 * M_PI * v);
        cr_assert_float_eq(rng_normal(&r, i), want, 6e-8 * fabs(want) + 1e-14);
    }
}

/* The bits themselves: equal on every compiler and machine. */
Test(rng, normal_bits_are_frozen)
{
    struct rng r = {42, RNG_INIT, 7, 11};
    uint32_t hash = 2166136261u;
    for (uint64_t i = 0; i < 4096; i++) {
        float z = rng_normal(&r, i);
        uint32_t bits;
        memcpy(&bits, &z, sizeof bits);
        hash = (hash ^ bits) * 16777619u;
    }
    cr_assert_eq(hash, 0xdeac4772u, "%08x", hash);
}

Test(rng, many_normals_are_the_same_bits)
{
    struct rng r = {42, RNG_INIT, 7, 11};
    static float many[1 << 16];
    static const size_t counts[] = {1, 2, 3, 255, 256, 257, 511, 1 << 16};
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        uint64_t first = c % 2 ? 0 : 6000;
        memset(many, 0, sizeof many);
        rng_fill_normal(&r, first, many, counts[c]);
        for (size_t i = 0; i < counts[c]; i++) {
            float one = rng_normal(&r, first + i);
            cr_assert(memcmp(&one, &many[i], sizeof one) == 0, "%zu of %zu", i, counts[c]);
        }
        cr_assert(counts[c] == 1 << 16 || many[counts[c]] == 0, "no further than asked");
    }
}

/* Correlations between neighbours in each direction: n = 2e5 pairs, standard
 * error 1 / sqrt(n) = 2.2e-3, bound 4 of them. */
Test(rng, neighbours_are_uncorrelated)
{
    struct rng at = {5, RNG_DROPOUT, 3, 4};
    struct rng near[] = {at, at, at, at, at};
    near[1].seed++;
    near[2].stream = RNG_METHOD;
    near[3].step++;
    near[4].site++;
    for (int k = 0; k < 5; k++) {
        double sum = 0;
        for (uint64_t i = 0; i < 200000; i++)
            sum += (rng_uniform(&at, i) - 0.5) * (rng_uniform(&near[k], i + (k == 0)) - 0.5);
        cr_assert_float_eq(12 * sum / 2e5, 0, 9e-3, "direction %d", k);
    }
}

/* Chi-squared with 6 degrees of freedom; 22.46 is its 0.999 quantile. */
Test(rng, below_is_uniform)
{
    struct rng r = {6, RNG_SPLIT, 0, 0};
    int counts[7] = {0};
    for (uint64_t i = 0; i < 70000; i++)
        counts[rng_below(&r, i, 7)]++;
    double chi = 0;
    for (int k = 0; k < 7; k++)
        chi += (counts[k] - 1e4) * (counts[k] - 1e4) / 1e4;
    cr_assert_lt(chi, 22.46);
    cr_assert_eq(rng_below(&r, 0, 1), 0);
}

/* All 24 orders of 4 as often: chi-squared, 23 degrees, 0.999 quantile 49.73. */
Test(rng, permutations_are_fair)
{
    int counts[256] = {0};
    for (uint32_t step = 0; step < 24000; step++) {
        struct rng r = {7, RNG_ORDER, step, 0};
        int p[4], seen = 0;
        rng_permutation(&r, p, 4);
        for (int i = 0; i < 4; i++)
            seen |= 1 << p[i];
        cr_assert_eq(seen, 15);
        counts[p[0] | p[1] << 2 | p[2] << 4 | p[3] << 6]++;
    }
    double chi = 0;
    int n_orders = 0;
    for (int k = 0; k < 256; k++) {
        n_orders += counts[k] > 0;
        chi += counts[k] ? (counts[k] - 1e3) * (counts[k] - 1e3) / 1e3 : 0;
    }
    cr_assert_eq(n_orders, 24);
    cr_assert_lt(chi, 49.73);
}

Test(rng, site_of_a_name)
{
    /* FNV-1a's published values for "", "a" and "foobar". */
    cr_assert_eq(rng_site_of(""), 0x811c9dc5u);
    cr_assert_eq(rng_site_of("a"), 0xe40c292cu);
    cr_assert_eq(rng_site_of("foobar"), 0xbf9cf968u);
}
