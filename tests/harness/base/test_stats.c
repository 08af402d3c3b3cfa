/*
 * Values from scipy 1.17.1; the call stands beside each table. The functions
 * are good to about 1e-13, and so are scipy's: 1e-11 relative leaves room for both.
 */
#include "harness/base/stats.h"

#include <criterion/criterion.h>
#include <math.h>

#define NEAR(got, want) cr_assert_float_eq(got, want, 1e-11 * (1e-3 + fabs(want)))

Test(stats, mean_sd_median)
{
    /* numpy.mean, numpy.std(ddof=1) */
    static const double x[] = {.91, .895, .902, .917, .899};
    NEAR(stats_mean(x, 5), 0.9046000000000001);
    NEAR(stats_sd(x, 5), 0.008848728722251583);
    cr_assert_eq(stats_sd(x, 1), 0);
    cr_assert_eq(stats_median(x, 5), .902);
    cr_assert_eq(stats_median(x, 4), (.902 + .91) / 2);
    cr_assert_eq(stats_median(x, 1), .91);
    cr_assert_eq(x[0], .91);
}

Test(stats, beta)
{
    /* scipy.special.betainc(a, b, x) */
    NEAR(stats_beta(2, 3, .4), 0.5247999999999999);
    NEAR(stats_beta(.5, .5, .1), 0.20483276469913345);
    NEAR(stats_beta(100, 50, .7), 0.8054481662277535);
    NEAR(stats_beta(.1, 20, .01), 0.8781283685059499);
    /* lgamma(10001) is 8e4, so its last place is 1e-11: exp() passes that on. */
    cr_assert_float_eq(stats_beta(5000, 5001, .5), 0.5039893230696917, 1e-10);
    cr_assert_eq(stats_beta(2, 3, 0), 0);
    cr_assert_eq(stats_beta(2, 3, 1), 1);
}

Test(stats, student_t)
{
    /* scipy.stats.t.cdf(t, df), t.ppf(p, df) */
    NEAR(stats_t_cdf(2, 5), 0.9490302605850708);
    NEAR(stats_t_cdf(-1.5, 2.5), 0.12391822654314809);
    NEAR(stats_t_cdf(0, 3), 0.5);
    NEAR(stats_t_cdf(40, 3), 0.9999828096596054);
    NEAR(stats_t_quantile(.975, 1), 12.706204736174694);
    NEAR(stats_t_quantile(.975, 2), 4.302652729749462);
    NEAR(stats_t_quantile(.975, 4), 2.7764451051977934);
    NEAR(stats_t_quantile(.95, 9), 1.833112932656237);
    NEAR(stats_t_quantile(.995, 29.5), 2.753133270256325);
    NEAR(stats_t_quantile(.025, 3), -3.1824463052837086);
    NEAR(stats_t_quantile(.6, 1000), 0.25341451583949876);
}

Test(stats, normal_quantile)
{
    /* scipy.stats.norm.ppf(p) */
    NEAR(stats_normal_quantile(.975), 1.959963984540054);
    NEAR(stats_normal_quantile(.001), -3.090232306167813);
    NEAR(stats_normal_quantile(.9), 1.2815515655446004);
    cr_assert_float_eq(stats_normal_quantile(.5), 0, 1e-15);
}

Test(stats, t_interval)
{
    /* scipy.stats.t.interval(.95, 4, loc=mean, scale=scipy.stats.sem(x)) */
    static const double x[] = {.91, .895, .902, .917, .899};
    struct interval i = stats_t_interval(x, 5, .95);
    NEAR(i.low, 0.8936128521157087);
    NEAR(i.high, 0.9155871478842914);
    i = stats_t_interval(x, 1, .95);
    cr_assert(isnan(i.low) && isnan(i.high));
}

Test(stats, wilson)
{
    /* scipy.stats.binomtest(k, n).proportion_ci(.95, method='wilson') */
    static const struct {
        long hits, n;
        double low, high;
    } cases[] = {{0, 10, 0, 0.27753279986288926},
                 {10, 10, 0.7224672001371109, 1},
                 {7, 10, 0.39677814746114526, 0.892208732593699},
                 {870, 1000, 0.8477319733455311, 0.889436225375158},
                 {1, 3, 0.06149194472039626, 0.7923403991979523}};
    for (int k = 0; k < 5; k++) {
        struct interval i = stats_wilson(cases[k].hits, cases[k].n, .95);
        NEAR(i.low, cases[k].low);
        NEAR(i.high, cases[k].high);
    }
}

Test(stats, mcnemar)
{
    /* exact = scipy.stats.binomtest(min(b, c), b + c, .5).pvalue; mid-p = exact -
     * scipy.stats.binom.pmf(min(b, c), b + c, .5), or 1 - pmf / 2 when b = c */
    static const struct {
        long b, c;
        double exact, mid;
    } cases[] = {{5, 15, 0.04138946533203125, 0.026603698730468753},
                 {15, 5, 0.04138946533203125, 0.026603698730468753},
                 {1, 9, 0.021484375, 0.01171875},
                 {30, 30, 1, 0.9487109134957152},
                 {0, 6, 0.03125, 0.015625},
                 {300, 400, 0.0001784763144856244, 0.00015498176361506457},
                 {0, 0, 1, 1}};
    for (int k = 0; k < 7; k++) {
        struct mcnemar p = stats_mcnemar(cases[k].b, cases[k].c);
        NEAR(p.exact_p, cases[k].exact);
        NEAR(p.mid_p, cases[k].mid);
    }
}

Test(stats, holm)
{
    /* p.adjust(p, "holm") by hand: 6, 5, 4, ... times the sorted values, running maximum. */
    double p[] = {.01, .04, .03, .005, .5, .02};
    static const double want[] = {.05, .09, .09, .03, .5, .08};
    stats_holm(p, 6);
    for (int i = 0; i < 6; i++)
        NEAR(p[i], want[i]);
    double high[] = {.6, .7};
    stats_holm(high, 2);
    cr_assert(high[0] == 1 && high[1] == 1);
    stats_holm(p, 0);
}

/* The bootstrap of a mean has the normal interval's width for large n: mean
 * +- 1.96 sd / sqrt(n), within the noise of 4000 resamples (a tail quantile's
 * standard error is 0.042 sd / sqrt(n); 4 of those: 9 % of the half width). */
Test(stats, bootstrap_width)
{
    enum { N = 1002 };
    double a[N], b[N], d[N];
    struct rng draw = {1, RNG_INIT, 0, 0}, r = {2, RNG_BOOTSTRAP, 0, 0};
    for (int i = 0; i < N; i++) {
        a[i] = rng_uniform(&draw, (uint64_t)i);
        b[i] = a[i] - 0.1 + 0.5 * rng_normal(&draw, 5000 + (uint64_t)i);
        d[i] = a[i] - b[i];
    }
    struct interval got = stats_paired_bootstrap(a, b, N, 4000, .95, &r);
    double half = 1.96 * stats_sd(d, N) / sqrt(N);
    cr_assert_float_eq(got.low, stats_mean(d, N) - half, .09 * half);
    cr_assert_float_eq(got.high, stats_mean(d, N) + half, .09 * half);
    struct interval again = stats_paired_bootstrap(a, b, N, 4000, .95, &r);
    cr_assert(again.low == got.low && again.high == got.high);
    r.seed++;
    again = stats_paired_bootstrap(a, b, N, 4000, .95, &r);
    cr_assert(again.low != got.low);
}

Test(stats, bootstrap_of_equal_differences_is_a_point)
{
    double a[] = {1, 2, 3}, b[] = {.5, 1.5, 2.5};
    struct rng r = {2, RNG_BOOTSTRAP, 0, 0};
    struct interval i = stats_paired_bootstrap(a, b, 3, 50, .95, &r);
    cr_assert(i.low == .5 && i.high == .5);
    i = stats_paired_bootstrap(a, b, 1, 1, .95, &r);
    cr_assert(i.low == .5 && i.high == .5);
}
