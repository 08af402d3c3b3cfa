#include "harness/base/stats.h"

#include "harness/base/arena.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

double stats_mean(const double *x, int n)
{
    assert(n >= 1);
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += x[i];
    return sum / n;
}

double stats_sd(const double *x, int n)
{
    if (n < 2)
        return 0;
    double mean = stats_mean(x, n), sum = 0;
    for (int i = 0; i < n; i++)
        sum += (x[i] - mean) * (x[i] - mean);
    return sqrt(sum / (n - 1));
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Value at fraction q of sorted x, linear between neighbours. */
static double quantile_of_sorted(const double *x, int n, double q)
{
    double at = q * (n - 1);
    int below = (int)at;
    if (below >= n - 1)
        return x[n - 1];
    return x[below] + (at - below) * (x[below + 1] - x[below]);
}

double stats_median(const double *x, int n)
{
    assert(n >= 1);
    double *sorted = xmalloc((size_t)n * sizeof *sorted);
    memcpy(sorted, x, (size_t)n * sizeof *sorted);
    qsort(sorted, (size_t)n, sizeof *sorted, compare_doubles);
    double median = n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
    free(sorted);
    return median;
}

/* --- distributions ------------------------------------------------------------ */

static double away_from_zero(double x)
{
    return fabs(x) < 1e-300 ? 1e-300 : x;
}

/* Continued fraction of I_x(a, b); converges fast for x < (a + 1) / (a + b + 2). */
static double beta_fraction(double a, double b, double x)
{
    double c = 1, d = 1 / away_from_zero(1 - (a + b) * x / (a + 1)), f = d;
    for (int m = 1; m <= 10000; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        d = 1 / away_from_zero(1 + even * d);
        c = away_from_zero(1 + even / c);
        f *= d * c;
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        d = 1 / away_from_zero(1 + odd * d);
        c = away_from_zero(1 + odd / c);
        f *= d * c;
        if (fabs(d * c - 1) < DBL_EPSILON)
            break;
    }
    return f;
}

double stats_beta(double a, double b, double x)
{
    assert(a > 0 && b > 0 && x >= 0 && x <= 1);
    if (x == 0 || x == 1)
        return x;
    double log_front = lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x);
    if (x < (a + 1) / (a + b + 2))
        return exp(log_front) * beta_fraction(a, b, x) / a;
    return 1 - exp(log_front) * beta_fraction(b, a, 1 - x) / b;
}

double stats_t_cdf(double t, double df)
{
    /* A&S 26.5.27: twice the tail is I_x(df / 2, 1 / 2) at x = df / (df + t^2). */
    double tail = stats_beta(df / 2, 0.5, df / (df + t * t)) / 2;
    return t > 0 ? 1 - tail : tail;
}

static double normal_cdf(double z, double unused)
{
    (void)unused;
    return erfc(-z / sqrt(2)) / 2;
}

/* The z with cdf(z) = p, p <= 1/2: the bracket grows, then halves until it holds
 * no double between its ends. */
static double invert(double (*cdf)(double, double), double p, double df)
{
    double low = -1, high = 0;
    while (cdf(low, df) > p) {
        high = low;
        low *= 2;
    }
    for (;;) {
        double middle = low + (high - low) / 2;
        if (middle <= low || middle >= high)
            return middle;
        if (cdf(middle, df) < p)
            low = middle;
        else
            high = middle;
    }
}

double stats_t_quantile(double p, double df)
{
    assert(p > 0 && p < 1 && df > 0);
    return p <= 0.5 ? invert(stats_t_cdf, p, df) : -invert(stats_t_cdf, 1 - p, df);
}

double stats_normal_quantile(double p)
{
    assert(p > 0 && p < 1);
    return p <= 0.5 ? invert(normal_cdf, p, 0) : -invert(normal_cdf, 1 - p, 0);
}

/* --- intervals ---------------------------------------------------------------- */

struct interval stats_t_interval(const double *x, int n, double level)
{
    if (n < 2)
        return (struct interval){NAN, NAN};
    double mean = stats_mean(x, n);
    double half = stats_t_quantile((1 + level) / 2, n - 1) * stats_sd(x, n) / sqrt(n);
    return (struct interval){mean - half, mean + half};
}

struct interval stats_wilson(long hits, long n, double level)
{
    assert(n >= 1 && hits >= 0 && hits <= n);
    double z = stats_normal_quantile((1 + level) / 2), count = (double)n;
    double p = (double)hits / count, scale = 1 + z * z / count;
    double centre = (p + z * z / (2 * count)) / scale;
    double half = z * sqrt(p * (1 - p) / count + z * z / (4 * count * count)) / scale;
    /* At the ends of the range the formula gives 0 and 1 but for rounding. */
    return (struct interval){hits == 0 ? 0 : centre - half, hits == n ? 1 : centre + half};
}

/* P(X = k) of n fair coins. */
static double coin_point(double n, double k)
{
    return exp(lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) - n * log(2));
}

struct mcnemar stats_mcnemar(long only_a, long only_b)
{
    assert(only_a >= 0 && only_b >= 0);
    if (only_a + only_b == 0)
        return (struct mcnemar){1, 1};
    double n = (double)only_a + (double)only_b, k = (double)(only_a < only_b ? only_a : only_b);
    double point = coin_point(n, k);
    /* Mid-p counts outcomes as extreme as this one by half. A tie is its own
     * mirror image, so there it stands once. */
    if (only_a == only_b)
        return (struct mcnemar){1, 1 - point / 2};
    /* P(X <= k) of the binomial is I_{1/2}(n - k, k + 1). */
    double tail = stats_beta(n - k, k + 1, 0.5);
    return (struct mcnemar){2 * tail, 2 * tail - point};
}

/* Mean of the differences over one resample, its draws from first_index on. */
static double resample_mean(const double *a, const double *b, int n, const struct rng *r,
                            uint64_t first_index)
{
    enum { BULK = 256 };
    uint32_t words[BULK];
    double sum = 0;
    for (int done = 0; done < n; done += BULK) {
        int part = n - done < BULK ? n - done : BULK;
        rng_fill_u32(r, first_index + (uint64_t)done, words, (size_t)part);
        for (int i = 0; i < part; i++) {
            uint64_t k = (uint64_t)words[i] * (uint64_t)n >> 32; /* as rng_below */
            sum += a[k] - b[k];
        }
    }
    return sum / n;
}

struct interval stats_paired_bootstrap(const double *a, const double *b, int n, int n_resamples,
                                       double level, const struct rng *r)
{
    assert(n >= 1 && n_resamples >= 1);
    double *means = xmalloc((size_t)n_resamples * sizeof *means);
    uint64_t stride = ((uint64_t)n + 3) / 4 * 4;
    for (int s = 0; s < n_resamples; s++)
        means[s] = resample_mean(a, b, n, r, (uint64_t)s * stride);
    qsort(means, (size_t)n_resamples, sizeof *means, compare_doubles);
    struct interval ends = {quantile_of_sorted(means, n_resamples, (1 - level) / 2),
                            quantile_of_sorted(means, n_resamples, (1 + level) / 2)};
    free(means);
    return ends;
}

double stats_t_test(const double *x, int n, double mu)
{
    assert(n >= 2);
    double shift = stats_mean(x, n) - mu, sd = stats_sd(x, n);
    if (sd == 0)
        return shift == 0;
    return 2 * stats_t_cdf(-fabs(shift) / (sd / sqrt(n)), n - 1);
}

/* --- ranks -------------------------------------------------------------------- */

void stats_ranks(double *out, const double *x, int n)
{
    for (int i = 0; i < n; i++) {
        int below = 0, equal = 0;
        for (int j = 0; j < n; j++) {
            below += x[j] < x[i];
            equal += x[j] == x[i];
        }
        out[i] = below + (equal + 1) / 2.0;
    }
}

double stats_kendall_tau(const double *x, const double *y, int n)
{
    assert(n >= 2);
    long sum = 0, x_differ = 0, y_differ = 0;
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < i; j++) {
            int a = (x[i] > x[j]) - (x[i] < x[j]), b = (y[i] > y[j]) - (y[i] < y[j]);
            sum += a * b;
            x_differ += a != 0;
            y_differ += b != 0;
        }
    }
    return (double)sum / sqrt((double)x_differ * (double)y_differ);
}

/* Sum over items of the squared deviation of the rank sum from its mean. */
static double rank_sum_spread(const double *ranks, int m, int n)
{
    double spread = 0;
    for (int j = 0; j < n; j++) {
        double sum = 0;
        for (int i = 0; i < m; i++)
            sum += ranks[i * n + j];
        spread += (sum - m * (n + 1) / 2.0) * (sum - m * (n + 1) / 2.0);
    }
    return spread;
}

/* Ranks of each rater, [m, n], to be freed. */
static double *ranks_of_raters(const double *x, int m, int n)
{
    double *ranks = xmalloc((size_t)m * (size_t)n * sizeof *ranks);
    for (int i = 0; i < m; i++)
        stats_ranks(ranks + (ptrdiff_t)i * n, x + (ptrdiff_t)i * n, n);
    return ranks;
}

double stats_kendall_w(const double *x, int m, int n)
{
    assert(m >= 2 && n >= 2);
    double *ranks = ranks_of_raters(x, m, n), most = 0;
    /* Most spread there can be: all raters as rater i, ties included. */
    for (int i = 0; i < m; i++)
        most += m * rank_sum_spread(ranks + (ptrdiff_t)i * n, 1, n);
    double w = rank_sum_spread(ranks, m, n) / most;
    free(ranks);
    return w;
}

double stats_kendall_w_p(const double *x, int m, int n, int n_permutations, const struct rng *r)
{
    double *ranks = ranks_of_raters(x, m, n);
    double *drawn = xmalloc((size_t)m * (size_t)n * sizeof *drawn);
    int *order = xmalloc((size_t)n * sizeof *order);
    double seen = rank_sum_spread(ranks, m, n);
    int n_as_far = 1;
    struct rng place = *r;
    for (int k = 0; k < n_permutations; k++) {
        place.step = (uint32_t)k;
        for (int i = 0; i < m; i++) {
            place.site = (uint32_t)i;
            rng_permutation(&place, order, n);
            for (int j = 0; j < n; j++)
                drawn[i * n + j] = ranks[i * n + order[j]];
        }
        /* Sums of half ranks are exact, so equal spreads are equal. */
        n_as_far += rank_sum_spread(drawn, m, n) >= seen;
    }
    free(ranks);
    free(drawn);
    free(order);
    return (double)n_as_far / (n_permutations + 1);
}

/* Adds to ways[L] every order of the ranks not in used for columns from column on. */
static void count_orders(double *ways, int n, int column, unsigned used, int l)
{
    if (column > n) {
        ways[l]++;
        return;
    }
    for (int rank = 1; rank <= n; rank++)
        if (!(used & 1U << rank))
            count_orders(ways, n, column + 1, used | 1U << rank, l + column * rank);
}

/* P(L >= l) of m random rows of n <= 7: the distribution of one row, added m times. */
static double page_exact(double l, int m, int n)
{
    int most = n * (n + 1) * (2 * n + 1) / 6; /* of one row */
    size_t size = (size_t)(most * m + 1);
    double *row = xmalloc((size_t)(most + 1) * sizeof *row);
    double *sum = xmalloc(size * sizeof *sum), *next = xmalloc(size * sizeof *next);
    memset(row, 0, (size_t)(most + 1) * sizeof *row);
    memset(sum, 0, size * sizeof *sum);
    count_orders(row, n, 1, 0, 0);
    double n_orders = 0, tail = 0;
    for (int k = 0; k <= most; k++)
        n_orders += row[k];
    sum[0] = 1;
    for (int i = 0; i < m; i++) {
        memset(next, 0, size * sizeof *next);
        for (int s = 0; s <= most * i; s++)
            for (int k = 0; sum[s] > 0 && k <= most; k++)
                next[s + k] += sum[s] * row[k] / n_orders;
        memcpy(sum, next, size * sizeof *sum);
    }
    for (int s = most * m; s >= 0 && s >= l; s--)
        tail += sum[s];
    free(row);
    free(sum);
    free(next);
    return fmin(tail, 1);
}

struct page_test stats_page(const double *x, int m, int n)
{
    assert(m >= 1 && n >= 2);
    double *ranks = ranks_of_raters(x, m, n), l = 0;
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++)
            l += (j + 1) * ranks[i * n + j];
    free(ranks);
    if (n <= 7)
        return (struct page_test){l, page_exact(l, m, n)};
    double size = n, mean = m * size * (size + 1) * (size + 1) / 4;
    double variance = m * size * size * (size * size - 1) * (size + 1) / 144;
    return (struct page_test){l, erfc((l - mean) / sqrt(2 * variance)) / 2};
}

int stats_runs_needed(double delta, double between, double within, int n_groups)
{
    for (int runs = 2; runs <= 10000; runs += 1 + runs / 100) {
        int df = n_groups > 1 ? n_groups - 1 : runs - 1;
        double quantiles = stats_t_quantile(.975, df) + stats_t_quantile(.8, df);
        double variance = (between * between + within * within / runs) / n_groups;
        if (fabs(delta) >= quantiles * sqrt(variance) && delta != 0)
            return runs;
    }
    return 0;
}

struct ranked {
    double p;
    int at;
};

static int compare_ranked(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->p != y->p)
        return x->p < y->p ? -1 : 1;
    return (x->at > y->at) - (x->at < y->at);
}

void stats_holm(double *p, int n)
{
    struct ranked *order = xmalloc((size_t)n * sizeof *order);
    for (int i = 0; i < n; i++)
        order[i] = (struct ranked){p[i], i};
    qsort(order, (size_t)n, sizeof *order, compare_ranked);
    double worst = 0;
    for (int i = 0; i < n; i++) {
        worst = fmax(worst, fmin(1, (n - i) * order[i].p));
        p[order[i].at] = worst;
    }
    free(order);
}
