#include "harness/base/hash.h"
#include "harness/base/rng.h"
#include "models/tensor/vmath.h"

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { BLOCK = 1000 }; /* no multiple of 16: the tail is swept too */

/* Distance in units of the last place of want, rounded to float. */
static double ulps(float got, double want)
{
    float near = (float)want;
    if (isinf(near))
        return got == near ? 0 : INFINITY;
    double ulp =
        fabsf(near) < FLT_MIN ? 0x1p-149 : (double)nextafterf(fabsf(near), INFINITY) - fabsf(near);
    return isnan(got) ? INFINITY : fabs(got - want) / ulp;
}

/* Largest error of f over about 2 million floats of both signs: every 2039th
 * (a prime) of all bit patterns up to the largest magnitude. */
static double sweep(void (*f)(float *, const float *, size_t), double (*reference)(double),
                    float largest)
{
    float x[BLOCK], y[BLOCK];
    double worst = 0;
    uint32_t limit, bits = 0;
    memcpy(&limit, &largest, sizeof limit);
    while (bits < limit) {
        size_t n = 0;
        for (; n < BLOCK && bits < limit; bits += 2039) {
            memcpy(&x[n], &bits, sizeof bits);
            x[n + 1] = -x[n];
            n += 2;
        }
        f(y, x, n);
        for (size_t i = 0; i < n; i++)
            worst = fmax(worst, ulps(y[i], reference(x[i])));
    }
    return worst;
}

static double gelu(double x)
{
    return 0.5 * x * erfc(-x * sqrt(0.5));
}

static double gelu_tanh(double x)
{
    double v = sqrt(2 / acos(-1)) * (x + 0.044715 * x * x * x);
    return x / (1 + exp(-2 * v));
}

static void gelu_value(float *y, const float *x, size_t n)
{
    vec_gelu(y, NULL, x, n);
}

Test(vmath, exp_within_its_bound)
{
    double worst = sweep(vec_exp, exp, 110);
    cr_expect(worst < 1.1, "%.3f ulp", worst);
}

Test(vmath, tanh_within_its_bound)
{
    double worst = sweep(vec_tanh, tanh, 30);
    cr_expect(worst < 1.5, "%.3f ulp", worst);
}

Test(vmath, gelu_within_its_bound)
{
    double worst = sweep(gelu_value, gelu, 12.5f); /* Phi(-12.5) is still normal */
    cr_expect(worst < 6, "%.3f ulp", worst);
}

/* Absolutely: below, where it vanishes, the exponent's rounding error is
 * multiplied, as in every implementation of this form. */
Test(vmath, gelu_tanh_within_its_bound)
{
    double worst = 0;
    for (float x = -12; x < 12; x += 1e-4f) {
        float y;
        vec_gelu_tanh(&y, NULL, &x, 1);
        worst = fmax(worst, fabs(y - gelu_tanh(x)) / fmax(1, fabs(x)));
    }
    cr_expect(worst < 3e-7, "%.3g", worst);
}

Test(vmath, slopes_are_the_derivatives)
{
    double worst = 0, worst_tanh = 0, eps = 1e-5;
    for (float x = -12; x < 12; x += 1e-3f) {
        float y, slope;
        vec_gelu(&y, &slope, &x, 1);
        worst = fmax(worst, fabs(slope - (gelu(x + eps) - gelu(x - eps)) / (2 * eps)));
        vec_gelu_tanh(&y, &slope, &x, 1);
        worst_tanh =
            fmax(worst_tanh, fabs(slope - (gelu_tanh(x + eps) - gelu_tanh(x - eps)) / (2 * eps)));
    }
    cr_expect(worst < 3e-7, "gelu %.3g", worst);
    cr_expect(worst_tanh < 2.5e-6, "gelu tanh %.3g", worst_tanh);
}

Test(vmath, nan_and_infinity_pass)
{
    const float x[] = {NAN, INFINITY, -INFINITY, 0, -0.0f};
    float y[5];
    vec_exp(y, x, 5);
    cr_expect(isnan(y[0]) && y[1] == INFINITY && y[2] == 0 && y[3] == 1 && y[4] == 1);
    vec_tanh(y, x, 5);
    cr_expect(isnan(y[0]) && y[1] == 1 && y[2] == -1 && y[3] == 0 && signbit(y[4]));
    vec_gelu(y, NULL, x, 5);
    cr_expect(isnan(y[0]) && y[1] == INFINITY && y[3] == 0);
    vec_gelu_tanh(y, NULL, x, 5);
    cr_expect(isnan(y[0]) && y[1] == INFINITY && y[3] == 0);
    for (size_t at = 0; at < 40; at++) { /* NaN at every lane, in whole blocks and in the tail */
        float row[48] = {0};
        row[at] = NAN;
        cr_expect(isnan(vec_max(row, 40)) && isnan(vec_sum(row, 40)), "at %zu", at);
        vec_softmax(row, 40);
        cr_expect(isnan(row[0]) && isnan(row[39]));
    }
}

Test(vmath, works_in_place_and_at_any_length)
{
    for (size_t n = 1; n < 70; n++) {
        float x[70], y[70], guard = 1234;
        for (size_t i = 0; i < 70; i++)
            x[i] = (float)i * 0.1f - 3;
        y[n] = guard;
        vec_tanh(y, x, n);
        cr_expect_eq(y[n], guard, "wrote past %zu", n);
        float kept = x[n];
        vec_tanh(x, x, n);
        cr_expect_eq(memcmp(x, y, n * sizeof *x), 0);
        cr_expect_eq(x[n], kept);
        double sum = 0, dot = 0;
        float max = -INFINITY;
        for (size_t i = 0; i < n; i++) {
            sum += y[i];
            dot += (double)y[i] * x[i];
            max = fmaxf(max, y[i]);
        }
        cr_expect_float_eq(vec_sum(y, n), sum, 1e-5);
        cr_expect_float_eq(vec_dot(y, x, n), dot, 1e-5);
        cr_expect_float_eq(vec_sum_squares(y, n), dot, 1e-12);
        cr_expect_eq(vec_max(y, n), max);
    }
}

Test(vmath, softmax_is_one_in_total_and_ignores_a_shift)
{
    float x[64], y[64];
    for (int i = 0; i < 53; i++)
        y[i] = (x[i] = (float)((i * 37) % 53) / 4) + 512; /* exact: quarters */
    vec_softmax(x, 53);
    vec_softmax(y, 53);
    cr_expect_eq(memcmp(x, y, 53 * sizeof *x), 0);
    cr_expect(x[53] == 0 && x[63] == 0, "padding is 0");
    cr_expect_float_eq(vec_sum(x, 53), 1, 3e-7);
    float big[16] = {3e38f, -3e38f, -INFINITY};
    vec_softmax(big, 3);
    cr_expect(big[0] == 1 && big[1] == 0 && big[2] == 0);
}

Test(vmath, scalars_agree_with_libm)
{
    for (double x = -700; x < 700; x += 0.137)
        cr_expect_float_eq(scalar_exp(x) / exp(x), 1, 4 * DBL_EPSILON);
    cr_expect(scalar_exp(800) == INFINITY && scalar_exp(-800) == 0 && isnan(scalar_exp(NAN)));
    for (double x = 1e-30; x < 1e30; x *= 1.37)
        cr_expect_float_eq(scalar_log(x), log(x), 4 * DBL_EPSILON * fmax(1, fabs(log(x))));
    for (double x = 0; x <= 1; x += 1.0 / 512)
        cr_expect_float_eq(scalar_cos_pi(x), cos(acos(-1) * x), 4 * DBL_EPSILON);
}

Test(vmath, log_sum_exp_is_that_of_double_precision)
{
    static float x[2011];
    struct rng g = {.seed = 3};
    for (size_t n = 1; n <= 2011; n = n < 70 ? n + 1 : n + 647)
        for (int scale = 0; scale < 40; scale += 13) {
            double sum = 0;
            for (size_t i = 0; i < n; i++)
                sum += exp(x[i] = (float)scale * rng_normal(&g, i) + 300);
            cr_expect_float_eq(vec_log_sum_exp(x, n), log(sum), 3e-7, "%zu of %d", n, scale);
        }
    x[7] = NAN;
    cr_expect(isnan(vec_log_sum_exp(x, 40)));
    static const float apart[] = {3e38f, -3e38f, -INFINITY};
    cr_expect_eq(vec_log_sum_exp(apart, 3), apart[0]);
}

Test(vmath, exponentials_of_a_loss_are_those_of_softmax)
{
    static float x[2016], e[2011];
    struct rng g = {.seed = 3};
    for (size_t n = 1; n <= 2011; n = n < 70 ? n + 1 : n + 647) {
        rng_fill_normal(&g, 0, x, n);
        float total, guard = e[n % 2011];
        double log_sum = vec_exps(e, &total, x, n);
        cr_expect_eq(log_sum, vec_log_sum_exp(x, n));
        cr_expect(n == 2011 || memcmp(&e[n], &guard, sizeof guard) == 0);
        vec_softmax(x, n);
        float scale = 1.0f / total;
        for (size_t i = 0; i < n; i++)
            cr_expect_eq(e[i] * scale, x[i], "%zu of %zu", i, n);
    }
}

/* The bits themselves, so that compilers and vector widths can be told apart:
 * the digest is one and the same for every build. */
Test(vmath, has_the_same_bits_everywhere)
{
    static float x[20011], y[20016], slope[20011];
    struct hash *h = hash_new();
    for (int i = 0; i < 20011; i++)
        x[i] = ((float)i - 10005) * 0x1.3p-8f;
    vec_exp(y, x, 20011);
    hash_update(h, y, 20011 * sizeof *y);
    vec_tanh(y, x, 20011);
    hash_update(h, y, 20011 * sizeof *y);
    vec_gelu(y, slope, x, 20011);
    hash_update(h, y, 20011 * sizeof *y);
    hash_update(h, slope, sizeof slope);
    vec_gelu_tanh(y, slope, x, 20011);
    hash_update(h, y, 20011 * sizeof *y);
    hash_update(h, slope, sizeof slope);
    vec_softmax(y, 20011);
    hash_update(h, y, 20011 * sizeof *y);
    float sums[] = {vec_sum(slope, 20011), vec_dot(x, slope, 20011), vec_max(y, 20011)};
    hash_update(h, sums, sizeof sums);
    double squares = vec_sum_squares(x, 20011);
    hash_update(h, &squares, sizeof squares);
    double logs[] = {vec_log_sum_exp(x, 20011), vec_log_sum_exp(slope, 77)};
    hash_update(h, logs, sizeof logs);
    char hex[HASH_HEX_SIZE];
    hash_final(h, hex);
    hash_free(h);
    cr_expect_str_eq(hex, "9cf12f956f512a62aa349a0304090601321bb380ee5b562f236e031a392ce366");
}
