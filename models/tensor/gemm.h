/*
 * gemm: the one door to matrix products.
 *
 * Only gemm_*.c files know which library stands behind it. Everything is
 * row-major float32; asked to, the door rounds the factors to bfloat16 on the way
 * in and still sums and answers in float32.
 */
#ifndef FT_MODELS_TENSOR_GEMM_H
#define FT_MODELS_TENSOR_GEMM_H

#include "harness/base/pool.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gemm_half;

/* C[m, n] = alpha op(A)[m, k] op(B)[k, n] + beta C; op transposes when asked.
 * lda, ldb, ldc: distance between stored rows, in floats. */
struct gemm {
    bool transpose_a, transpose_b;
    int m, n, k;
    float alpha;
    const float *a;
    int lda;
    const float *b;
    int ldb;
    float beta;
    float *c;
    int ldc;
    const float *row;       /* [n] C begins as this row repeated, not as it was (beta is not
                               read): a bias; or NULL */
    struct gemm_half *half; /* products of bfloat16 factors, by this; NULL: of float32. Not
                               with both factors transposed; beta is 0 or 1 */
    const uint16_t *b_half; /* with half: B in bfloat16 where there is such a copy, and b is
                               not read; else NULL */
    struct pool *pool;      /* shares large products; NULL: the calling thread alone */
};
/* The same bits with any pool. */
void gemm(const struct gemm *g);

/* What products in bfloat16 need: a library's handles, the kernels it made for shapes
 * seen so far, room for factors being rounded (grows with the largest). For one product at
 * a time, shared by a pool of at most n_threads; made after a fork, not before. Only where
 * gemm_half_supported. */
struct gemm_half *gemm_half_new(int n_threads);
void gemm_half_free(struct gemm_half *h);

/* Whether the processor multiplies bfloat16 (AVX512-BF16 or AMX). */
bool gemm_half_supported(void);

/* "oneDNN 2.6.3 AVX512-BF16": library, version and instructions it may use. */
const char *gemm_half_name(void);

/* A product alone, by g->half: gemm.h's door calls it. */
void gemm_half_product(const struct gemm *g);

/* Threads of the library itself; 1 unless called. */
void gemm_set_threads(int n_threads);

/* "OpenBLAS 0.3.21 SkylakeX": library, version and the kernels it chose. */
const char *gemm_core_name(void);
const char *gemm_library(void);
/* The kernels that decide the bits of a training: gemm_core_name, and gemm_half_name behind it
 * where products are of bfloat16 (half). Returns out, cut to size. */
const char *gemm_kernels(char *out, size_t size, bool half);

/* The environment the library must find when it is loaded so that its choice of
 * kernels is ours and known: pairs NAME, VALUE, ended by NULL; a NULL VALUE
 * means unset. The kernels are those that fit the processor, or FTBENCH_BLAS_CORE
 * when it is one of SkylakeX, Haswell and Nehalem. main.c sets them and starts the program anew
 * when they differ. */
const char *const *gemm_environment(void);

/* Best of n measured sgemm of m x n x k, in GFLOP/s: the machine's peak. */
double gemm_measure_gflops(int m, int n, int k, int n_repeat);

/* The same of bfloat16 products; 0 where they are not supported. */
double gemm_half_measure_gflops(int m, int n, int k, int n_repeat);

#endif
