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

Test(stats, t_test)
{
    /* scipy.stats.ttest_1samp(x, mu).pvalue */
    static const double x[] = {.02, -.01, .03, .015, .04}, equal[] = {.5, .5, .5};
    NEAR(stats_t_test(x, 5, 0), 0.08717240306067187);
    NEAR(stats_t_test(x, 5, .01), 0.34564839485502863);
    cr_assert(stats_t_test(equal, 3, .5) == 1 && stats_t_test(equal, 3, .4) == 0);
}

Test(stats, ranks_and_tau)
{
    static const double a[] = {.9, .8, .85, .7, .8, .95}, b[] = {.88, .81, .86, .6, .65, .9};
    static const double want[] = {5, 2.5, 4, 1, 2.5, 6}, equal[6] = {0};
    double ranks[6];
    stats_ranks(ranks, a, 6);
    for (int i = 0; i < 6; i++)
        cr_assert_eq(ranks[i], want[i]);
    NEAR(stats_kendall_tau(a, b, 6), 0.9660917830792959); /* scipy.stats.kendalltau */
    cr_assert_eq(stats_kendall_tau(a, a, 4), 1);
    cr_assert(isnan(stats_kendall_tau(a, equal, 6)));
}

Test(stats, kendall_w)
{
    /* W: scipy.stats.friedmanchisquare / (m (n - 1)); p: all 24^3 orders counted. 20,000 draws
     * have a standard error of 0.0025 at p = 0.15: 4 of those. */
    static const double x[] = {.9, .8, .7, .6, .91, .78, .79, .5, .85, .86, .6, .61};
    static const double tied[] = {.9, .8, .8, .6, .91, .79, .79, .5, .85, .86, .6, .6};
    struct rng r = {4, RNG_BOOTSTRAP, 0, 0};
    NEAR(stats_kendall_w(x, 3, 4), 0.6444444444444449);
    NEAR(stats_kendall_w(tied, 3, 4), 0.7777777777777782);
    cr_assert_float_eq(stats_kendall_w_p(x, 3, 4, 20000, &r), 0.14756944444444445, .01);
    cr_assert_float_eq(stats_kendall_w_p(tied, 3, 4, 20000, &r), 0.041666666666666664, .006);
}

Test(stats, page)
{
    /* scipy.stats.page_trend_test, method "exact" up to 7 columns, else "asymptotic" */
    static const double rising[] = {.95, .951, .968, .918, .974, .982,
                                    .86, .875, .903, .87,  .899, .93};
    static const double mixed[] = {.5, .6, .55, .7, .65, .6, .4, .5, .45, .2, .3, .4};
    static const double wide[] = {.51, 1.,  .24, 1.1, .51, .67,  1.13, .76,  .95,
                                  .03, .8,  .64, .48, .99, .55,  .75,  .48,  .8,
                                  .2,  .31, .85, .43, .69, 1.23, 1.26, 1.07, .94};
    cr_assert_eq(stats_page(rising, 4, 3).l, 56);
    NEAR(stats_page(rising, 4, 3).p, 0.0007716049382716049);
    cr_assert_eq(stats_page(mixed, 4, 3).l, 50);
    NEAR(stats_page(mixed, 4, 3).p, 0.3063271604938272);
    cr_assert_eq(stats_page(wide, 3, 9).l, 757.5);
    NEAR(stats_page(wide, 3, 9).p, 0.012372336023199475);
}

Test(stats, runs_needed)
{
    /* The formula with scipy.stats.t.ppf, number by number. */
    cr_assert_eq(stats_runs_needed(.01, 0, .02, 6), 9);
    cr_assert_eq(stats_runs_needed(.01, .005, .02, 6), 17);
    cr_assert_eq(stats_runs_needed(.005, .005, .02, 6), 0);
    cr_assert_eq(stats_runs_needed(.01, 0, .01, 1), 10);
    cr_assert_eq(stats_runs_needed(0, 0, .01, 1), 0);
    /* Smaller differences and larger spreads need more. */
    for (double d = .004; d < .03; d += .002) {
        int at = stats_runs_needed(d, .001, .02, 5);
        cr_assert(at >= stats_runs_needed(d + .002, .001, .02, 5));
        cr_assert(at <= stats_runs_needed(d, .001, .03, 5));
        cr_assert(at <= stats_runs_needed(d, .0012, .02, 5));
    }
}
