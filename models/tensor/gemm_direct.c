#include "models/tensor/gemm_direct.h"

#include "models/tensor/lanes.h"
#include "models/tensor/rows.h"

#include <immintrin.h>

/* Compiled for AVX-512 in every build: a tile fills 24 of its 32 registers. */
#define KERNEL        __attribute__((target("avx512f")))
#define KERNEL_INLINE static inline __attribute__((always_inline, target("avx512f")))

enum { TILE_M = 12, TILE_N = 2 * N_LANES, BLOCK_K = 256 };

bool gemm_direct_suits(const struct gemm *g)
{
    double work = (double)g->m * g->n * g->k;
    if (work <= 1e6)
        return false;
    if (g->n <= 64 || g->m <= N_LANES)
        return true;
    if (g->transpose_a)
        return g->m <= 128 && g->n <= 128;
    return g->n * (long)g->k <= 256 * 256;
}

/* C[m, n] = alpha A B + (row or beta C) for one tile and one block of k; an element of A is
 * at a[i step_m + k step_k], a row of B at b[k step_b]. */
struct tile {
    const float *a, *b;
    size_t step_m, step_k, step_b;
    int m, n, k;
    float alpha, beta;
    const float *row; /* or NULL */
    float *c;
    size_t ldc;
};

/* Which of the lanes from column `first` on are within the tile. */
static __mmask16 columns(const struct tile *t, int first)
{
    int n = t->n - first;
    return (__mmask16)(n >= N_LANES ? 0xFFFF : (1 << (n > 0 ? n : 0)) - 1);
}

/* m rows of one (n_vectors 1) or two vectors; both constant where it is called. */
KERNEL_INLINE void multiply(const struct tile *t, const int m, const int n_vectors)
{
    __m512 sum[TILE_M][2];
#pragma GCC unroll 12
    for (int i = 0; i < m; i++)
        sum[i][0] = sum[i][1] = _mm512_setzero_ps();
    const float *a = t->a, *b = t->b;
    for (int k = 0; k < t->k; k++, a += t->step_k, b += t->step_b) {
        __m512 b0 = _mm512_loadu_ps(b), b1 = n_vectors > 1 ? _mm512_loadu_ps(b + N_LANES) : b0;
#pragma GCC unroll 12
        for (int i = 0; i < m; i++) {
            __m512 x = _mm512_set1_ps(a[(size_t)i * t->step_m]);
            sum[i][0] = _mm512_fmadd_ps(x, b0, sum[i][0]);
            if (n_vectors > 1)
                sum[i][1] = _mm512_fmadd_ps(x, b1, sum[i][1]);
        }
    }
    __m512 alpha = _mm512_set1_ps(t->alpha), beta = _mm512_set1_ps(t->beta);
#pragma GCC unroll 2
    for (int j = 0; j < n_vectors; j++) {
        __mmask16 within = columns(t, j * N_LANES);
        __m512 row = _mm512_setzero_ps();
        if (t->row != NULL)
            row = _mm512_maskz_loadu_ps(within, t->row + j * N_LANES);
#pragma GCC unroll 12
        for (int i = 0; i < m; i++) {
            float *c = t->c + (size_t)i * t->ldc + j * N_LANES;
            __m512 value = _mm512_mul_ps(sum[i][j], alpha);
            if (t->row != NULL)
                value = _mm512_add_ps(value, row);
            else if (t->beta != 0)
                value = _mm512_add_ps(value, _mm512_mul_ps(_mm512_maskz_loadu_ps(within, c), beta));
            _mm512_mask_storeu_ps(c, within, value);
        }
    }
}

#define CASE(rows)                                                                                 \
    case rows:                                                                                     \
        if (t->n > N_LANES)                                                                        \
            multiply(t, rows, 2);                                                                  \
        else                                                                                       \
            multiply(t, rows, 1);                                                                  \
        break

KERNEL static void multiply_tile(const struct tile *t)
{
    switch (t->m) {
        CASE(1);
        CASE(2);
        CASE(3);
        CASE(4);
        CASE(5);
        CASE(6);
        CASE(7);
        CASE(8);
        CASE(9);
        CASE(10);
        CASE(11);
        CASE(12);
    }
}

/* Rows k .. k + n_k of op(B), columns n .. n + n_n, as [n_k, TILE_N] with zeros beyond n_n
 * as far as the last vector goes. */
static void pack(float *panel, const struct gemm *g, int k, int n_k, int n, int n_n)
{
    if (g->transpose_b) {
        rows_transpose(panel, g->b + (size_t)n * (size_t)g->ldb + k, n_n, n_k, g->ldb, TILE_N);
        return;
    }
    for (int i = 0; i < n_k; i++, panel += TILE_N) {
        const float *from = g->b + (size_t)(k + i) * (size_t)g->ldb + n;
        for (int j = 0; j < n_n; j += N_LANES)
            lanes_store(panel + j, j + N_LANES <= n_n
                                       ? lanes_load(from + j)
                                       : lanes_load_part(from + j, (size_t)(n_n - j), 0));
    }
}

static int at_most(int n, int most)
{
    return n < most ? n : most;
}

/* All rows of C, columns n .. n + n_n, terms k .. k + n_k. */
static void column_panel(const struct gemm *g, int k, int n_k, int n, int n_n, float *room)
{
    struct tile t = {.b = room,
                     .step_m = g->transpose_a ? 1 : (size_t)g->lda,
                     .step_k = g->transpose_a ? (size_t)g->lda : 1,
                     .step_b = TILE_N,
                     .n = n_n,
                     .k = n_k,
                     .alpha = g->alpha,
                     .beta = k == 0 ? g->beta : 1,
                     .row = k == 0 && g->row != NULL ? g->row + n : NULL,
                     .ldc = (size_t)g->ldc};
    if (!g->transpose_b && n_n == TILE_N && g->m <= 3 * TILE_M) { /* read too few times to pack */
        t.b = g->b + (size_t)k * (size_t)g->ldb + n;
        t.step_b = (size_t)g->ldb;
    } else {
        pack(room, g, k, n_k, n, n_n);
    }
    for (int m = 0; m < g->m; m += TILE_M) {
        t.m = at_most(g->m - m, TILE_M);
        t.a = g->a + (size_t)m * t.step_m + (size_t)k * t.step_k;
        t.c = g->c + (size_t)m * t.ldc + n;
        multiply_tile(&t);
    }
}

void gemm_direct(const struct gemm *g)
{
    float room[BLOCK_K * TILE_N] __attribute__((aligned(64)));
    for (int k = 0; k < g->k; k += BLOCK_K)
        for (int n = 0; n < g->n; n += TILE_N)
            column_panel(g, k, at_most(g->k - k, BLOCK_K), n, at_most(g->n - n, TILE_N), room);
}
