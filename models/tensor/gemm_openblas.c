#include "harness/base/clock.h"
#include "harness/base/str.h"
#include "models/tensor/gemm.h"
#include "models/tensor/gemm_direct.h"

#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void whole(const struct gemm *g)
{
    cblas_sgemm(CblasRowMajor, g->transpose_a ? CblasTrans : CblasNoTrans,
                g->transpose_b ? CblasTrans : CblasNoTrans, g->m, g->n, g->k, g->alpha, g->a,
                g->lda, g->b, g->ldb, g->beta, g->c, g->ldc);
}

/* A product is cut along C's rows or columns into parts that the library's own tiles fit into,
 * so that each element is summed as in the whole (its own threads cut along k too, at other places
 * than one thread does). The library has other kernels, of other bits, for products of at most
 * SMALL multiplications: no part may become that small. Haswell's kernels work on 12 rows at a
 * time, with other bits at edges, and an edge moves with the columns: rows alone are cut, and only
 * there. */
enum { TILE = 16, HASWELL_TILE = 48 };
static const double SMALL = 1e6;

struct cut {
    const struct gemm *g;
    bool by_rows, direct;
};

static void run(const struct gemm *g, bool direct)
{
    if (direct)
        gemm_direct(g);
    else
        whole(g);
}

static void part(void *state, long first, long end, int thread)
{
    const struct cut *cut = state;
    struct gemm g = *cut->g;
    (void)thread;
    if (cut->by_rows) {
        g.m = (int)(end - first);
        g.a += (size_t)first * (g.transpose_a ? 1 : (size_t)g.lda);
        g.c += (size_t)first * (size_t)g.ldc;
    } else {
        g.n = (int)(end - first);
        g.b += (size_t)first * (g.transpose_b ? (size_t)g.ldb : 1);
        g.c += first;
        g.row += g.row != NULL ? first : 0;
    }
    run(&g, cut->direct);
}

/* Length of the parts for as many threads as can have one that is not too small; length when
 * there is only one. */
static long part_length(long length, double work, int tile, int n_threads)
{
    for (long n = n_threads; n > 1; n--) {
        long piece = ((length + n - 1) / n + tile - 1) / tile * tile;
        long last = length - (n - 1) * piece;
        if (last > 0 && (double)last * work > SMALL)
            return piece;
    }
    return length;
}

/* The same with C already begun as the row. */
static struct gemm begun(const struct gemm *g)
{
    struct gemm with = *g;
    for (int i = 0; i < g->m; i++)
        memcpy(g->c + (size_t)i * (size_t)g->ldc, g->row, (size_t)g->n * sizeof *g->c);
    with.row = NULL;
    with.beta = 1;
    return with;
}

void gemm(const struct gemm *g)
{
    /* The library's core stands for the processor's, or for a wish to do as another would. */
    bool skylake = str_equal(gemm_core_name(), "SkylakeX");
    bool direct = g->half == NULL && skylake && gemm_direct_suits(g);
    if (g->half) {
        gemm_half_product(g);
        return;
    }
    if (g->row != NULL && !direct) {
        struct gemm with = begun(g);
        gemm(&with);
        return;
    }
    if (!g->pool) {
        run(g, direct);
        return;
    }
    struct cut cut = {g, g->m >= g->n || !skylake, direct};
    long length = cut.by_rows ? g->m : g->n;
    double work = (double)g->k * (cut.by_rows ? g->n : g->m);
    long piece = part_length(length, work, skylake ? TILE : HASWELL_TILE, pool_threads(g->pool));
    if (piece == length)
        run(g, direct);
    else
        pool_run(g->pool, length, piece, part, &cut);
}

void gemm_set_threads(int n_threads)
{
    openblas_set_num_threads(n_threads);
}

const char *gemm_core_name(void)
{
    return openblas_get_corename();
}

const char *gemm_kernels(char *out, size_t size, bool half)
{
    snprintf(out, size, "%s%s%s", gemm_core_name(), half ? " " : "", half ? gemm_half_name() : "");
    return out;
}

const char *gemm_library(void)
{
    return openblas_get_config();
}

/* What decides which kernel runs and how a product is cut: the core, the L2 size
 * (KiB) that some cores size their blocks by, threads (OMP's are oneDNN's), block factors. The
 * first row of environments[] that the processor can run is the default. */
#define ENVIRONMENT(core)                                                                          \
    {                                                                                              \
        "OPENBLAS_CORETYPE", core, "OPENBLAS_L2_SIZE", "512", "OPENBLAS_NUM_THREADS", "1",         \
            "OPENBLAS_BLOCK_FACTOR", NULL, "OPENBLAS_DEFAULT_NUM_THREADS", NULL,                   \
            "GOTO_NUM_THREADS", NULL, "GOTO_BLOCK_FACTOR", NULL, "OMP_NUM_THREADS", "1", NULL      \
    }
enum { ENVIRONMENT_WORDS = 17 };
static const char *const environments[][ENVIRONMENT_WORDS] = {
    ENVIRONMENT("SkylakeX"),
    ENVIRONMENT("Haswell"),
    ENVIRONMENT("Nehalem"),
};
enum { SKYLAKEX, HASWELL, NEHALEM, N_ENVIRONMENTS };

const char *const *gemm_environment(void)
{
    const char *wish = getenv("FTBENCH_BLAS_CORE");
    for (int i = 0; wish != NULL && i < N_ENVIRONMENTS; i++)
        if (str_equal(wish, environments[i][1]))
            return environments[i];
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq"))
        return environments[SKYLAKEX];
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return environments[HASWELL];
    return environments[NEHALEM];
}

static double measure(int m, int n, int k, int n_repeat, struct gemm_half *half)
{
    size_t n_a = (size_t)m * (size_t)k, n_b = (size_t)k * (size_t)n, n_c = (size_t)m * (size_t)n;
    float *block = calloc(n_a + n_b + n_c, sizeof *block);
    if (block == NULL)
        return 0;
    for (size_t i = 0; i < n_a + n_b; i++)
        block[i] = (float)(i % 7) - 3;
    struct gemm g = {.m = m,
                     .n = n,
                     .k = k,
                     .alpha = 1,
                     .a = block,
                     .lda = k,
                     .b = block + n_a,
                     .ldb = n,
                     .c = block + n_a + n_b,
                     .ldc = n,
                     .half = half};
    double best_ns = 0;
    for (int i = 0; i < n_repeat; i++) {
        int64_t start = clock_ns();
        gemm(&g);
        double ns = (double)(clock_ns() - start);
        if (i == 0 || ns < best_ns)
            best_ns = ns;
    }
    free(block);
    return best_ns > 0 ? 2.0 * m * n * k / best_ns : 0;
}

double gemm_measure_gflops(int m, int n, int k, int n_repeat)
{
    return measure(m, n, k, n_repeat, NULL);
}

double gemm_half_measure_gflops(int m, int n, int k, int n_repeat)
{
    if (!gemm_half_supported())
        return 0;
    struct gemm_half *half = gemm_half_new(1);
    double gflops = measure(m, n, k, n_repeat, half);
    gemm_half_free(half);
    return gflops;
}
