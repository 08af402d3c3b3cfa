#include "harness/base/rng.h"
#include "models/tensor/gemm.h"
#include "models/tensor/gemm_direct.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Every transposition, with rows further apart than they are long. */
Test(gemm, equals_the_definition)
{
    enum { M = 5, N = 7, K = 9, APART = 11 };
    float a[APART * APART], b[APART * APART], c[APART * APART];
    for (int way = 0; way < 4; way++) {
        for (int i = 0; i < APART * APART; i++) {
            a[i] = (float)(i % 13) - 6;
            b[i] = (float)(i % 7) - 3;
            c[i] = (float)(i % 5);
        }
        bool ta = way & 1, tb = way & 2;
        gemm(&(struct gemm){.transpose_a = ta,
                            .transpose_b = tb,
                            .m = M,
                            .n = N,
                            .k = K,
                            .alpha = 2,
                            .a = a,
                            .lda = APART,
                            .b = b,
                            .ldb = APART,
                            .beta = 1,
                            .c = c,
                            .ldc = APART});
        for (int i = 0; i < M; i++)
            for (int j = 0; j < APART; j++) {
                float want = (float)((i * APART + j) % 5);
                for (int k = 0; k < K && j < N; k++)
                    want += 2 * a[ta ? k * APART + i : i * APART + k] *
                            b[tb ? j * APART + k : k * APART + j];
                cr_expect_eq(c[i * APART + j], want, "small whole numbers are exact");
            }
    }
}

static float value(long i)
{
    return (float)(i * 7919 % 1001) / 500 - 1;
}

/* Shapes of each kind: whole tiles, remainders of every size, several blocks of k, B read
 * where it lies; all ways to lay the factors and to begin C. A sum of k terms below 1 in
 * float32 is within k 2^-24 times their sizes of the one in double. */
Test(gemm, direct_products_equal_the_definition)
{
    static const int shapes[][3] = {{24, 32, 16}, {23, 33, 300}, {13, 64, 257}, {40, 8, 31},
                                    {8, 80, 520}, {37, 17, 256}, {41, 40, 1},   {1, 1, 1}};
    enum { MOST = 64 * 1024 };
    static float a[MOST], b[MOST], c[MOST], row[100];
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx512f")) {
        cr_log_warn("skip: the processor has no AVX-512");
        return;
    }
    for (int i = 0; i < MOST; i++) {
        a[i] = value(i);
        b[i] = value(3L * i + 1);
    }
    for (int i = 0; i < 100; i++)
        row[i] = value(5L * i);
    for (int way = 0; way < 16; way++)
        for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++) {
            int m = shapes[s][0], n = shapes[s][1], k = shapes[s][2];
            bool ta = way & 1, tb = way & 2, with_row = way & 4;
            struct gemm g = {.transpose_a = ta,
                             .transpose_b = tb,
                             .m = m,
                             .n = n,
                             .k = k,
                             .alpha = 0.5f,
                             .a = a,
                             .lda = (ta ? m : k) + 3,
                             .b = b,
                             .ldb = (tb ? k : n) + 5,
                             .beta = way & 8 ? 2 : 0,
                             .c = c,
                             .ldc = n + 1,
                             .row = with_row ? row : NULL};
            for (int i = 0; i < MOST; i++)
                c[i] = way & 8 ? value(7L * i) : NAN; /* beta 0 does not read it */
            gemm_direct(&g);
            for (int i = 0; i < m; i++)
                for (int j = 0; j < g.ldc && i * g.ldc + j < MOST; j++) {
                    int at = i * g.ldc + j;
                    double want = with_row  ? (double)row[j]
                                  : way & 8 ? 2.0 * (double)value(7L * at)
                                            : 0;
                    for (int q = 0; q < k; q++)
                        want += 0.5 * (double)a[ta ? q * g.lda + i : i * g.lda + q] *
                                (double)b[tb ? j * g.ldb + q : q * g.ldb + j];
                    if (j < n)
                        cr_assert_float_eq(c[at], want, (k + 4) * 6e-8 * 4, "way %d, %d x %d x %d",
                                           way, m, n, k);
                    else
                        cr_assert(way & 8 ? c[at] == value(7L * at) : isnan(c[at]), "beside C");
                }
        }
}

/* Through the door, where the shape goes to either kind: a row is a bias. */
Test(gemm, begins_with_a_row)
{
    enum { M = 70, K = 300 };
    static float a[M * K], b[K * 200], c[M * 200], row[200];
    for (int i = 0; i < M * K; i++)
        a[i] = (float)(i % 5) - 2;
    for (int i = 0; i < K * 200; i++)
        b[i] = (float)(i % 3) - 1;
    for (int i = 0; i < 200; i++)
        row[i] = (float)i;
    for (int n = 1; n <= 200; n += 33) {
        gemm(&(struct gemm){.m = M,
                            .n = n,
                            .k = K,
                            .alpha = 1,
                            .a = a,
                            .lda = K,
                            .b = b,
                            .ldb = n,
                            .c = c,
                            .ldc = n,
                            .row = row});
        for (int i = 0; i < M; i++)
            for (int j = 0; j < n; j++) {
                float want = row[j];
                for (int q = 0; q < K; q++)
                    want += a[i * K + q] * b[q * n + j];
                cr_assert_eq(c[i * n + j], want, "small whole numbers are exact");
            }
    }
}

/* The value of name in the pairs, or "?" when it is not among them. */
static const char *pair(const char *const *pairs, const char *name)
{
    for (; *pairs != NULL; pairs += 2)
        if (strcmp(pairs[0], name) == 0)
            return pairs[1];
    return "?";
}

Test(gemm, environment_names_a_core_and_one_thread)
{
    unsetenv("FTBENCH_BLAS_CORE");
    const char *const *pairs = gemm_environment();
    const char *core = pair(pairs, "OPENBLAS_CORETYPE");
    cr_expect(strcmp(core, "SkylakeX") == 0 || strcmp(core, "Haswell") == 0 ||
              strcmp(core, "Nehalem") == 0);
    cr_expect_str_eq(pair(pairs, "OPENBLAS_NUM_THREADS"), "1");
    cr_expect_str_eq(pair(pairs, "OMP_NUM_THREADS"), "1", "oneDNN's");
    setenv("FTBENCH_BLAS_CORE", "Nehalem", 1);
    cr_expect_str_eq(pair(gemm_environment(), "OPENBLAS_CORETYPE"), "Nehalem");
    setenv("FTBENCH_BLAS_CORE", "no such core", 1);
    cr_expect_str_eq(pair(gemm_environment(), "OPENBLAS_CORETYPE"), core);
}

Test(gemm, says_what_it_is)
{
    cr_expect(strncmp(gemm_library(), "OpenBLAS", 8) == 0);
    cr_expect_neq(gemm_core_name()[0], 0);
    double gflops = gemm_measure_gflops(64, 64, 64, 3);
    cr_expect(isfinite(gflops) && gflops > 0);
}

/* --- threads ---------------------------------------------------------------- */

static void check_cut(struct gemm g, struct pool *pool, const float *c_before, float *c,
                      float *want)
{
    size_t n = (size_t)g.m * (size_t)g.n;
    memcpy(want, c_before, n * sizeof *want);
    memcpy(c, c_before, n * sizeof *c);
    g.c = want;
    g.pool = NULL;
    gemm(&g);
    g.c = c;
    g.pool = pool;
    gemm(&g);
    cr_expect(memcmp(c, want, n * sizeof *c) == 0, "%d x %d x %d, %d%d, %d threads", g.m, g.n, g.k,
              g.transpose_a, g.transpose_b, pool_threads(pool));
}

/* Sizes around the small kernels' limit (10^6 multiplications a part), around tiles, and with k
 * beyond the library's blocks. */
Test(gemm, any_number_of_threads_gives_the_same_bits)
{
    static const int sizes[][3] = {{100, 100, 100},  {101, 100, 199}, {130, 70, 250},
                                   {533, 256, 256},  {37, 1000, 61},  {1000, 37, 700},
                                   {257, 259, 1031}, {64, 64, 3000},  {1700, 8, 768},
                                   {8, 768, 1700},   {311, 16, 300}};
    gemm_set_threads(1); /* the library's own would cut along k */
    enum { ROOM = 3000 * 1100, N_SIZES = sizeof sizes / sizeof *sizes, N_RANDOM = 40 };
    float *block = malloc(5 * (size_t)ROOM * sizeof *block);
    for (size_t i = 0; i < 3 * (size_t)ROOM; i++)
        block[i] = (float)((i * 2654435761u >> 7) % 2001) / 1000.0f - 1.0f;
    gemm_set_threads(1); /* the library's own, which the program pins */
    for (int threads = 2; threads <= 4; threads++) {
        struct pool *pool = pool_new(threads);
        for (uint32_t i = 0; i < N_SIZES + N_RANDOM; i++)
            for (int t = 0; t < 4; t++) {
                struct rng g = {.seed = i};
                int m = i < N_SIZES ? sizes[i][0] : 1 + (int)rng_below(&g, 0, 700);
                int n = i < N_SIZES ? sizes[i][1] : 1 + (int)rng_below(&g, 1, 700);
                int k = i < N_SIZES ? sizes[i][2] : 1 + (int)rng_below(&g, 2, 900);
                bool ta = t & 1, tb = t & 2;
                check_cut((struct gemm){.transpose_a = ta,
                                        .transpose_b = tb,
                                        .m = m,
                                        .n = n,
                                        .k = k,
                                        .alpha = 0.7f,
                                        .a = block,
                                        .lda = ta ? m : k,
                                        .b = block + ROOM,
                                        .ldb = tb ? k : n,
                                        .beta = (float)(i % 2),
                                        .ldc = n},
                          pool, block + 2 * ROOM, block + 3 * ROOM, block + 4 * ROOM);
            }
        pool_free(pool);
    }
    free(block);
}
