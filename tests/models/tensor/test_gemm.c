#include "models/tensor/gemm.h"

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
