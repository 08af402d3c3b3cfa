/*
 * gemm: the one door to matrix products.
 *
 * Only gemm_*.c files know which library stands behind it. Everything is
 * row-major float32. Single-threaded unless gemm_set_threads says otherwise.
 */
#ifndef FT_MODELS_TENSOR_GEMM_H
#define FT_MODELS_TENSOR_GEMM_H

#include <stdbool.h>

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
};
void gemm(const struct gemm *g);

void gemm_set_threads(int n_threads);

/* "OpenBLAS 0.3.21 SkylakeX": library, version and the kernels it chose. */
const char *gemm_core_name(void);
const char *gemm_library(void);

/* The environment the library must find when it is loaded so that its choice of
 * kernels is ours and known: pairs NAME, VALUE, ended by NULL; a NULL VALUE
 * means unset. The kernels are those that fit the processor, or FTBENCH_BLAS_CORE
 * when it is one of SkylakeX, Haswell and Nehalem. main.c sets them and starts the program anew
 * when they differ. */
const char *const *gemm_environment(void);

/* Best of n measured sgemm of m x n x k, in GFLOP/s: the machine's peak. */
double gemm_measure_gflops(int m, int n, int k, int n_repeat);

#endif
