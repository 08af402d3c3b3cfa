#include "reports/claim_trial.h"

#include "harness/base/stats.h"
#include "harness/base/str.h"
#include "reports/family.h"

#include <math.h>
#include <stdlib.h>

/* --- growth with size ------------------------------------------------------------------- */

/* Observations of one family, method, data set and seed, by size. */
struct sizes {
    const struct observation **items; /* [n] */
    int n;
};

static int by_total_params(const void *a, const void *b)
{
    const struct observation *x = *(const struct observation *const *)a;
    const struct observation *y = *(const struct observation *const *)b;
    return (x->total_params > y->total_params) - (x->total_params < y->total_params);
}

/* Those like first, from it on; n = 0 when an earlier one is like it. */
static struct sizes sizes_like(const struct trial *t, const bool *members, int first)
{
    const struct observation *f = &t->o->items[first];
    struct sizes s = {0};
    for (int i = 0; i < t->o->n && members[first]; i++) {
        const struct observation *o = &t->o->items[i];
        if (!members[i] || !str_equal(o->dataset, f->dataset) || o->seed != f->seed ||
            o->total_params <= 0 || !family_is_same(o->model, f->model))
            continue;
        if (i < first)
            return (struct sizes){0};
        if (!s.items)
            s.items = arena_array(t->arena, (size_t)(t->o->n - i), sizeof(struct observation *));
        s.items[s.n++] = o;
    }
    if (s.n > 1)
        qsort(s.items, (size_t)s.n, sizeof *s.items, by_total_params);
    return s;
}

/* Least-squares slope of accuracy over log2 of the parameters. */
static double slope_of(const struct sizes *s)
{
    double x_mean = 0, y_mean = 0, xy = 0, xx = 0;
    for (int i = 0; i < s->n; i++) {
        x_mean += log2((double)s->items[i]->total_params) / s->n;
        y_mean += s->items[i]->accuracy / s->n;
    }
    for (int i = 0; i < s->n; i++) {
        double x = log2((double)s->items[i]->total_params) - x_mean;
        xy += x * (s->items[i]->accuracy - y_mean);
        xx += x * x;
    }
    return xy / xx;
}

/* Page's table: rows are data sets (of one family), columns sizes, values sums over seeds. */
struct trend {
    double *table;                    /* [n_rows, n_sizes] */
    const struct observation **first; /* [n_rows] one of each row */
    int n_rows, n_sizes;
    int n_up, n_steps; /* of one size to the next */
};

static void add_trend(struct trend *r, const struct sizes *s)
{
    for (int k = 1; k < s->n; k++) {
        r->n_steps++;
        r->n_up += s->items[k]->accuracy > s->items[k - 1]->accuracy;
    }
    if (s->n < r->n_sizes)
        return;
    const struct observation *o = s->items[0];
    int at = 0;
    while (at < r->n_rows && !(str_equal(r->first[at]->dataset, o->dataset) &&
                               family_is_same(r->first[at]->model, o->model)))
        at++;
    r->n_rows += at == r->n_rows;
    r->first[at] = o;
    for (int k = 0; k < s->n; k++)
        r->table[at * r->n_sizes + k] += s->items[k]->accuracy;
}

void test_grows_with_size(struct trial *t)
{
    struct answer *r = t->out;
    const struct side side = {NULL, t->p->method};
    const bool *members = trial_members(t, &side);
    size_t n = (size_t)t->o->n + 1;
    struct trend trend = {.table = arena_array(t->arena, n, sizeof *trend.table),
                          .first = arena_array(t->arena, n, sizeof(struct observation *))};
    r->unit = "points of accuracy a doubling";
    if (trial_is_ambiguous(t, members)) {
        trial_cannot_tell(t, "several rows go by the method's name; this claim is about one");
        return;
    }
    for (int i = 0; i < t->o->n; i++) {
        int n_sizes = sizes_like(t, members, i).n;
        trend.n_sizes = n_sizes > trend.n_sizes ? n_sizes : trend.n_sizes;
    }
    for (int i = 0; i < t->o->n; i++) {
        struct sizes s = sizes_like(t, members, i);
        if (s.n < 2 || s.items[0]->total_params == s.items[s.n - 1]->total_params)
            continue;
        trial_add(t, s.items[0]->dataset, s.items[0]->seed, slope_of(&s));
        for (int k = 0; k < s.n; k++)
            trial_rests_on(t, s.items[k]);
        add_trend(&trend, &s);
    }
    trial_decide(t, 0, 100, "slope over log2 of the size");
    if (trend.n_rows == 0)
        return;
    struct page_test page = stats_page(trend.table, trend.n_rows, trend.n_sizes);
    r->why = arena_printf(t->arena,
                          "%d of %d steps to the next size go up; Page's L %g over %d rows of %d "
                          "sizes, p %.3g%s%s",
                          trend.n_up, trend.n_steps, page.l, trend.n_rows, trend.n_sizes, page.p,
                          *r->why ? "; " : "", r->why);
}

/* --- order over seeds -------------------------------------------------------------------- */

/* Accuracy of every row, summed over all data sets, at each seed. */
struct order {
    double *scores; /* [n_seeds, n_rows] */
    int n_seeds, n_rows;
};

typedef bool same_function(const struct observation *x, const struct observation *y);

static bool same_seed(const struct observation *x, const struct observation *y)
{
    return x->seed == y->seed;
}

static bool same_dataset(const struct observation *x, const struct observation *y)
{
    return str_equal(x->dataset, y->dataset);
}

static bool same_row(const struct observation *x, const struct observation *y)
{
    return str_equal(x->model, y->model) && str_equal(x->label, y->label);
}

/* number[i]: which of the things there are observation i is of, in order of appearance. Returns
 * how many there are. */
static int number_of(int *number, const struct observations *o, same_function *same)
{
    int n = 0;
    for (int i = 0; i < o->n; i++) {
        int j = 0;
        while (!same(&o->items[j], &o->items[i]))
            j++;
        number[i] = j < i ? number[j] : n++;
    }
    return n;
}

/* Only rows that have every data set at every seed. */
static struct order order_of(struct trial *t)
{
    size_t n = (size_t)t->o->n + 1;
    int *seed = arena_array(t->arena, n, sizeof *seed),
        *set = arena_array(t->arena, n, sizeof *set);
    int *row = arena_array(t->arena, n, sizeof *row);
    int *n_have = arena_array(t->arena, n, sizeof *n_have); /* results of a row */
    int *place = arena_array(t->arena, n, sizeof *place);   /* of a complete row; else -1 */
    struct order r = {.n_seeds = number_of(seed, t->o, same_seed)};
    int n_all = r.n_seeds * number_of(set, t->o, same_dataset);
    int n_rows = number_of(row, t->o, same_row);
    for (int i = 0; i < t->o->n; i++)
        n_have[row[i]]++;
    for (int k = 0; k < n_rows; k++)
        place[k] = n_have[k] == n_all ? r.n_rows++ : -1;
    r.scores = arena_array(t->arena, n, sizeof *r.scores);
    for (int i = 0; i < t->o->n; i++)
        if (place[row[i]] >= 0) {
            r.scores[seed[i] * r.n_rows + place[row[i]]] += t->o->items[i].accuracy;
            trial_rests_on(t, &t->o->items[i]);
        }
    return r;
}

/* Mean tau over pairs of seeds, without one seed (-1: with all). */
static double mean_tau(const struct order *o, int without)
{
    double sum = 0;
    int n = 0;
    for (int i = 0; i < o->n_seeds; i++)
        for (int k = 0; k < i; k++)
            if (i != without && k != without) {
                double tau = stats_kendall_tau(o->scores + (ptrdiff_t)i * o->n_rows,
                                               o->scores + (ptrdiff_t)k * o->n_rows, o->n_rows);
                sum += isnan(tau) ? 0 : tau; /* all rows equal: an order agrees by half */
                n++;
            }
    return sum / n;
}

void test_stable_order(struct trial *t)
{
    enum { N_PERMUTATIONS = 9999 };
    struct answer *r = t->out;
    struct order o = order_of(t);
    double threshold = t->p->at_least;
    r->n = o.n_rows;
    r->unit = "Kendall's tau between seeds";
    if (o.n_rows < 2 || o.n_seeds < 3) {
        trial_cannot_tell(t, t->o->n == 0   ? claim_no_rows
                             : o.n_rows < 2 ? "fewer than two rows have every data set and seed"
                                            : "an order's stability needs three seeds");
        r->seeds_needed = o.n_rows < 2 ? -1 : 3;
        return;
    }
    /* Arvesen's jackknife of a U-statistic (Ann. Math. Stat. 40, 1969): seeds are the sample. */
    double *pseudo = arena_array(t->arena, (size_t)o.n_seeds, sizeof *pseudo);
    double all = mean_tau(&o, -1);
    for (int s = 0; s < o.n_seeds; s++)
        pseudo[s] = o.n_seeds * all - (o.n_seeds - 1) * mean_tau(&o, s);
    struct interval i = stats_t_interval(pseudo, o.n_seeds, .95);
    const struct rng draws = {.seed = 1, .stream = RNG_BOOTSTRAP};
    double w = stats_kendall_w(o.scores, o.n_seeds, o.n_rows); /* NaN: all rows equal */
    double p = stats_kendall_w_p(o.scores, o.n_seeds, o.n_rows, N_PERMUTATIONS, &draws);
    r->estimate = all;
    r->low = fmax(i.low, -1);
    r->high = fmin(i.high, 1);
    r->p_value = p;
    r->test = arena_printf(t->arena,
                           "jackknife over %d seeds of %d rows; Kendall's W %.3f by "
                           "permutation",
                           o.n_seeds, o.n_rows, w);
    /* So few seeds and rows that any order could agree so well prove nothing. */
    r->verdict = i.high < threshold               ? VERDICT_FAILS
                 : i.low >= threshold && p <= .05 ? VERDICT_HOLDS
                                                  : VERDICT_CANNOT_TELL;
    if (r->verdict == VERDICT_CANNOT_TELL) {
        int needed = stats_runs_needed(all - threshold, 0, stats_sd(pseudo, o.n_seeds), 1);
        /* Perfect agreement of n rows has p = (1 / n!)^(seeds - 1): that has to be small too. */
        int least = 1 + (int)ceil(log(20) / lgamma(o.n_rows + 1));
        least = least > o.n_seeds ? least : o.n_seeds + 1;
        needed = needed == 0 || needed > least ? needed : least;
        r->seeds_needed = needed;
        r->why = needed == 0 ? "the order is as stable as the limit; more seeds would not help"
                             : arena_printf(t->arena, "%d seeds would tell with power 0.8",
                                            r->seeds_needed);
    }
}
