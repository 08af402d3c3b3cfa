/*
 * rng: counter-based random numbers (Philox4x32-10).
 *
 * Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3",
 * SC 2011. There is no generator state: a value is a function of (seed, stream,
 * step, site, index), so it does not depend on what was drawn before, on the
 * number of workers, or on a restart. Every purpose has a stream of its own; a
 * draw added to one never shifts another.
 */
#ifndef FT_HARNESS_BASE_RNG_H
#define FT_HARNESS_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

enum rng_stream {
    RNG_SPLIT,    /* which rows train, validate and test */
    RNG_INIT,     /* initial values of parameters */
    RNG_ORDER,    /* order of the rows in an epoch */
    RNG_DROPOUT,  /* dropout masks of the base model */
    RNG_METHOD,   /* dropout masks and draws of a method */
    RNG_FEW_SHOT, /* which rows a few-shot run may see */
    RNG_BOOTSTRAP,
    RNG_CORRUPTION, /* what pre-training hides of a text */
    RNG_STREAM_COUNT
};

/* Where in the random universe a draw stands. */
struct rng {
    uint64_t seed;
    enum rng_stream stream;
    uint32_t step; /* micro-batch, epoch, ...: what the stream calls a step */
    uint32_t site; /* layer, parameter, ...: what the stream calls a site */
};

/* Ten Philox rounds. counter and key as in the paper; out may be counter. */
void philox4x32(uint32_t out[4], const uint32_t counter[4], const uint32_t key[2]);

/* 32 random bits, the index-th of this place: word index % 4 of block index / 4.
 * With b = index / 4 the counter is
 *     word 0: b's low 32 bits    word 1: b's next 8 bits | stream << 8
 *     word 2: step               word 3: site
 * and the key is (seed low, seed high). No two places share a counter while
 * index < 2^42 (asserted) and stream < 2^24. The layout is frozen: changing it is
 * a new numerics version. */
uint32_t rng_u32(const struct rng *r, uint64_t index);

/* out[i] = rng_u32(r, first_index + i) for i < n, many times faster. first_index
 * is a multiple of 4. */
void rng_fill_u32(const struct rng *r, uint64_t first_index, uint32_t *out, size_t n);

/* Uniform in [0, 1): the top 24 bits of rng_u32 over 2^24. */
float rng_uniform(const struct rng *r, uint64_t index);

/* Standard normal, Box-Muller over the words 2*index and 2*index+1, computed in
 * double with the project's own log, sin and cos so that libm does not decide.
 * index < 2^41. The largest magnitude there is: sqrt(66 log 2), 6.76. */
float rng_normal(const struct rng *r, uint64_t index);

/* out[i] = rng_normal(r, first_index + i) for i < n, the same bits, many at a time.
 * first_index is even. */
void rng_fill_normal(const struct rng *r, uint64_t first_index, float *out, size_t n);

/* Uniform in [0, n), n > 0: no value's probability is off by more than 2^-32. */
uint32_t rng_below(const struct rng *r, uint64_t index, uint32_t n);

/* Fills out[0..n) with a permutation of 0..n-1 (Fisher-Yates from the end, the
 * draw for place i at index i). */
void rng_permutation(const struct rng *r, int *out, int n);

/* 32-bit site number of a name (FNV-1a), for draws that belong to a tensor. */
uint32_t rng_site_of(const char *name);

#endif
