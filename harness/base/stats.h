/*
 * stats: the few statistics that the reports and the gate rest on.
 *
 * All in double, sums in index order, so that a report has the same bytes every
 * time. Nothing here allocates beyond the call or knows what the numbers mean.
 */
#ifndef FT_HARNESS_BASE_STATS_H
#define FT_HARNESS_BASE_STATS_H

#include "harness/base/rng.h"

/* An estimate's two ends. */
struct interval {
    double low, high;
};

/* Mean of x[0..n), n >= 1. */
double stats_mean(const double *x, int n);

/* Sample standard deviation (divisor n - 1); 0 for n < 2. */
double stats_sd(const double *x, int n);

/* Median (mean of the middle two when n is even), n >= 1. x is left as it is. */
double stats_median(const double *x, int n);

/* Regularised incomplete beta function I_x(a, b), a, b > 0, 0 <= x <= 1: the
 * continued fraction of Abramowitz and Stegun 26.5.8 by Lentz's method. Relative
 * accuracy about 1e-13, 1e-10 when a + b is near 10,000 (what log-gamma loses). */
double stats_beta(double a, double b, double x);

/* Distribution function of Student's t, any df > 0. */
double stats_t_cdf(double t, double df);

/* Its inverse for 0 < p < 1, by bisection of stats_t_cdf. */
double stats_t_quantile(double p, double df);

/* Inverse of the standard normal distribution, 0 < p < 1 (bisection of erfc). */
double stats_normal_quantile(double p);

/* Student-t interval of the mean of n independent runs, for example seeds, at
 * confidence level (0.95). Both ends are NAN for n < 2: one run has no spread. */
struct interval stats_t_interval(const double *x, int n, double level);

/* Wilson's score interval of a proportion, hits of n trials, n >= 1 (Wilson,
 * JASA 22, 1927). */
struct interval stats_wilson(long hits, long n, double level);

/* McNemar's test on two classifiers: only_a examples right for a alone, only_b for
 * b alone. Two-sided p-values from the binomial distribution with 1/2: the exact
 * test, and the mid-p test, which is the less conservative (Fagerland, Lydersen,
 * Laake, BMC Med. Res. Methodol. 13, 2013). Both 1 when nothing differs. */
struct mcnemar {
    double exact_p, mid_p;
};
struct mcnemar stats_mcnemar(long only_a, long only_b);

/* Percentile interval of mean(a) - mean(b) over examples measured by both: n
 * examples are drawn n_resamples times with replacement (rng stream of the
 * caller; a resample starts at the next index that is a multiple of 4), ends by linear
 * interpolation between order statistics. n, n_resamples >= 1. (Efron, Ann. Stat. 7, 1979.) */
struct interval stats_paired_bootstrap(const double *a, const double *b, int n, int n_resamples,
                                       double level, const struct rng *r);

/* Student's one-sample t-test of mean(x) against mu, n >= 2: two-sided p-value (equal values
 * have no spread: 1 at mu, else 0). */
double stats_t_test(const double *x, int n, double mu);

/* Ranks from 1 of x[0..n) into out; equals share the mean of their ranks. */
void stats_ranks(double *out, const double *x, int n);

/* Kendall's rank correlation tau-b of x and y (Biometrika 33, 1945), n >= 2; NaN when one of
 * them is all equal. */
double stats_kendall_tau(const double *x, const double *y, int n);

/* Kendall's coefficient of concordance of m raters (rows of x, [m, n]) over n items, corrected
 * for ties; NaN when every rater gives all items the same. m, n >= 2. */
double stats_kendall_w(const double *x, int m, int n);

/* Its p-value by permutation: the share of n_permutations + 1 in which raters who order the
 * items at random agree at least as well (the data count as one of them). */
double stats_kendall_w_p(const double *x, int m, int n, int n_permutations, const struct rng *r);

/* Page's trend test (JASA 58, 1963) on m rows of x, [m, n], whose columns are expected to grow:
 * L = sum over columns of column number times sum of ranks. One-sided p-value: exact for
 * n <= 7 (as if there were no ties), else by the normal approximation. n >= 2. */
struct page_test {
    double l, p;
};
struct page_test stats_page(const double *x, int m, int n);

/* Runs (seeds) a group that make a difference delta visible in a t-test over n_groups group
 * means with power 0.8 at 5 %, two-sided, by the normal-shift approximation
 * delta >= (t_{.975} + t_{.80}) sqrt((between^2 + within^2 / runs) / n_groups). between: sd of
 * the groups' true differences; within: sd of one run. One group: the t-test is over its runs.
 * At least 2; 0: no number of runs up to 10,000 does, the groups themselves differ too much. */
int stats_runs_needed(double delta, double between, double within, int n_groups);

/* Holm's step-down adjustment of a family of p-values (Scand. J. Stat. 6, 1979),
 * in place, order kept. */
void stats_holm(double *p, int n);

#endif
