#include "models/tensor/bfloat16.h"
#include "models/tensor/gemm.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static float of_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* By hand, from the definition: the nearer of both neighbours, the even one of equals. */
Test(bfloat16, rounds_to_the_nearest_even)
{
    static const struct {
        uint32_t from;
        uint16_t to;
    } cases[] = {
        {0x3F800000, 0x3F80}, {0x3F808000, 0x3F80}, {0x3F808001, 0x3F81}, {0x3F818000, 0x3F82},
        {0x3F817FFF, 0x3F81}, {0xBF818000, 0xBF82}, {0x7F7FFFFF, 0x7F80}, {0x7F800000, 0x7F80},
        {0xFF800000, 0xFF80}, {0x7F800001, 0x7FC0}, {0xFFC12345, 0xFFC1}, {0x00000000, 0x0000},
        {0x80000000, 0x8000}, {0x007FFFFF, 0x0000}, {0x80012345, 0x8000}, {0x00800000, 0x0080},
    };
    enum { N = sizeof cases / sizeof cases[0] };
    /* As a tail, and inside a whole vector where there is one: the same bits. */
    float x[64];
    uint16_t out[64];
    for (size_t i = 0; i < N; i++) {
        for (int j = 0; j < 64; j++)
            x[j] = of_bits(cases[i].from);
        bfloat16_round(out, x, 63, 1);
        for (int j = 0; j < 63; j++)
            cr_expect_eq(out[j], cases[i].to, "%08x at %d: %04x", cases[i].from, j, out[j]);
    }
    x[0] = 3;
    bfloat16_round(out, x, 1, 0.5F);
    cr_expect_eq(out[0], 0x3FC0, "1.5");
}

Test(bfloat16, widens_exactly_and_rounds_back)
{
    uint16_t out;
    for (uint32_t i = 0; i < 0x10000; i++) {
        uint16_t half = (uint16_t)i;
        float wide;
        bfloat16_widen(&wide, &half, 1);
        bfloat16_round(&out, &wide, 1, 1);
        bool subnormal = (i & 0x7F80) == 0, nan = (i & 0x7FFF) > 0x7F80;
        cr_expect_eq(out, subnormal ? i & 0x8000 : nan ? i | 0x40 : i);
    }
}

/* --- products ------------------------------------------------------------------- */

static bool supported(void)
{
    if (!gemm_half_supported())
        printf("skip: no bfloat16 products on this processor\n");
    return gemm_half_supported();
}

static float rounded(float x)
{
    uint16_t half;
    bfloat16_round(&half, &x, 1, 1);
    bfloat16_widen(&x, &half, 1);
    return x;
}

enum { APART = 5 };

/* The product by the door and by the definition, in double, of rounded factors: the largest
 * distance, in units of the terms' total size. */
static double distance(struct gemm *g)
{
    size_t n_c = (size_t)g->m * (size_t)g->ldc;
    float *before = malloc(n_c * sizeof *before);
    memcpy(before, g->c, n_c * sizeof *before);
    gemm(g);
    double worst = 0;
    for (int i = 0; i < g->m; i++)
        for (int j = 0; j < g->ldc; j++) {
            size_t at = (size_t)i * (size_t)g->ldc + (size_t)j;
            if (j >= g->n) {
                cr_assert_eq(g->c[at], before[at], "between rows nothing is written");
                continue;
            }
            double want = g->beta != 0 ? (double)before[at] : 0, size = fabs(want);
            for (int k = 0; k < g->k; k++) {
                float x = g->a[g->transpose_a ? k * g->lda + i : i * g->lda + k], y;
                size_t where = (size_t)(g->transpose_b ? j * g->ldb + k : k * g->ldb + j);
                if (g->b_half)
                    bfloat16_widen(&y, g->b_half + where, 1);
                else
                    y = rounded(g->b[where]);
                double term = (double)rounded(g->alpha * x) * (double)y;
                want += term;
                size += fabs(term);
            }
            double d = fabs(want - (double)g->c[at]) / size;
            worst = d > worst ? d : worst;
        }
    free(before);
    return worst;
}

static float *values(size_t n, unsigned salt)
{
    float *x = malloc(n * sizeof *x);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)((i * 2654435761u + salt * 40503u) % 20011) / 20011.0F - 0.5F;
    return x;
}

/* The products of a linear map: forward, to the input, to the weights; sizes that are no
 * multiple of anything, stored rows apart, every size of piece. Sums of k float32 terms are
 * off by at most k / 2^24 of the terms' total size, k <= 600; lanes keep it below 2^-19. */
Test(gemm_half, equals_the_definition_on_rounded_factors)
{
    if (!supported())
        return;
    struct gemm_half *h = gemm_half_new(1);
    static const int tokens[] = {1, 15, 16, 31, 40, 250, 256, 257, 600};
    for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++)
        for (int way = 0; way < 12; way++) {
            int t = tokens[i], in = 37, out = 53;
            bool add = way & 1, copy = way & 2;
            int kind = way / 4; /* y = x W^T, dx = dy W, dW = dy^T x */
            if (kind == 2 && copy)
                continue;
            int k = kind == 0 ? in : kind == 1 ? out : t;
            struct gemm g = {.m = kind == 2 ? out : t,
                             .n = kind == 0 ? out : in,
                             .k = k,
                             .transpose_a = kind == 2,
                             .transpose_b = kind == 0,
                             .alpha = add ? 0.75F : 1,
                             .beta = add,
                             .half = h};
            g.lda = (kind == 2 ? g.m : g.k) + APART;
            g.ldb = (kind == 0 ? g.k : g.n) + APART;
            g.ldc = g.n + APART;
            size_t n_b = (size_t)(kind == 0 ? g.n : g.k) * (size_t)g.ldb;
            float *a = values((size_t)(kind == 2 ? g.k : g.m) * (size_t)g.lda, 1);
            float *b = values(n_b, 2), *c = values((size_t)g.m * (size_t)g.ldc, 3);
            uint16_t *half = malloc((n_b + 1) * sizeof *half);
            bfloat16_round(half + 1, b, n_b, 1); /* at an odd place, as in a mapped file */
            g.a = a;
            g.b = b;
            g.c = c;
            g.b_half = copy ? half + 1 : NULL;
            double d = distance(&g);
            cr_expect(d < 0x1p-19, "%d tokens, way %d: %g", t, way, d);
            free(a);
            free(b);
            free(c);
            free(half);
        }
    gemm_half_free(h);
}

/* Alone and shared by three threads, from B and from its copy in bfloat16: y = x W^T and
 * dW = dy^T x, of sizes that are cut. */
Test(gemm_half, gives_the_same_bits_again)
{
    if (!supported())
        return;
    struct pool *pool = pool_new(3);
    struct gemm_half *h = gemm_half_new(1), *other = gemm_half_new(3);
    enum { OUT = 560, IN = 200 };
    static const int tokens[] = {70, 300, 1100};
    for (size_t i = 0; i < 2 * sizeof tokens / sizeof tokens[0]; i++) {
        int t = tokens[i / 2];
        bool weights = i % 2;
        size_t n_b = weights ? (size_t)t * IN : (size_t)OUT * IN;
        size_t n_c = weights ? (size_t)OUT * IN : (size_t)t * OUT;
        float *a = values((size_t)t * OUT, 1), *b = values(n_b, 2);
        float *c = values(n_c, 3), *d = values(n_c, 3);
        uint16_t *half = malloc(n_b * sizeof *half);
        bfloat16_round(half, b, n_b, 1);
        struct gemm g = {.m = weights ? OUT : t,
                         .n = weights ? IN : OUT,
                         .k = weights ? t : IN,
                         .transpose_a = weights,
                         .transpose_b = !weights,
                         .alpha = 1,
                         .a = a,
                         .lda = weights ? OUT : IN,
                         .b = b,
                         .ldb = IN,
                         .beta = 1,
                         .c = c,
                         .ldc = weights ? IN : OUT,
                         .half = h};
        gemm(&g);
        g.half = other;
        g.pool = pool;
        if (!weights) {
            g.b = NULL;
            g.b_half = half;
        }
        g.c = d;
        gemm(&g);
        cr_expect_eq(memcmp(c, d, n_c * sizeof *c), 0, "%d tokens", t);
        free(a);
        free(b);
        free(c);
        free(d);
        free(half);
    }
    gemm_half_free(h);
    gemm_half_free(other);
    pool_free(pool);
}

Test(gemm_half, says_what_it_is)
{
    cr_expect(strncmp(gemm_half_name(), "oneDNN 2.", 9) == 0 ||
              strncmp(gemm_half_name(), "oneDNN 3.", 9) == 0);
    cr_expect_eq(gemm_half_measure_gflops(64, 64, 64, 3) > 0, gemm_half_supported());
}
