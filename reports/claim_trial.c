#include "reports/claim_trial.h"

#include "harness/base/stats.h"
#include "harness/base/str.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void trial_add(struct trial *t, const char *dataset, int64_t seed, double x)
{
    if (t->n_values == t->capacity) {
        t->capacity = t->capacity ? 2 * t->capacity : 64;
        struct trial_value *more = arena_array(t->arena, (size_t)t->capacity, sizeof *more);
        if (t->n_values)
            memcpy(more, t->values, (size_t)t->n_values * sizeof *more);
        t->values = more;
    }
    t->values[t->n_values++] = (struct trial_value){dataset, seed, x};
}

void trial_rests_on(struct trial *t, const struct observation *o)
{
    for (int i = 0; i < t->out->n_rows; i++)
        if (t->out->rows[i] == o)
            return;
    t->out->rows[t->out->n_rows++] = o;
}

void trial_cannot_tell(struct trial *t, const char *why)
{
    t->out->verdict = VERDICT_CANNOT_TELL;
    t->out->seeds_needed = -1;
    t->out->why = why;
}

static bool model_asked_for(const struct claim_params *p, const char *model)
{
    for (int i = 0; p->models && i < p->models->n; i++)
        if (str_equal(p->models->items[i].text, model))
            return true;
    return !p->models;
}

static bool has_label(const struct observations *o, const char *label)
{
    for (int i = 0; i < o->n; i++)
        if (str_equal(o->items[i].label, label))
            return true;
    return false;
}

const bool *trial_members(const struct trial *t, const struct side *s)
{
    bool *members = arena_array(t->arena, (size_t)t->o->n + 1, sizeof *members);
    bool names_a_row = has_label(t->o, s->method);
    for (int i = 0; i < t->o->n; i++) {
        const struct observation *o = &t->o->items[i];
        members[i] = (s->model ? str_equal(s->model, o->model) : model_asked_for(t->p, o->model)) &&
                     str_equal(names_a_row ? o->label : o->method, s->method);
    }
    return members;
}

bool trial_is_ambiguous(const struct trial *t, const bool *members)
{
    for (int i = 0; i < t->o->n; i++)
        for (int j = 0; members[i] && j < i; j++) {
            const struct observation *x = &t->o->items[i], *y = &t->o->items[j];
            if (members[j] && str_equal(x->model, y->model) && !str_equal(x->label, y->label))
                return true;
        }
    return false;
}

/* --- deciding by an interval ------------------------------------------------------ */

static int compare_values(const void *a, const void *b)
{
    const struct trial_value *x = a, *y = b;
    int order = strcmp(x->dataset, y->dataset);
    return order ? order : (x->seed > y->seed) - (x->seed < y->seed);
}

/* Sorts the values and makes them one a data set and seed: the mean of what is there. */
static void merge_values(struct trial *t)
{
    if (t->n_values > 1)
        qsort(t->values, (size_t)t->n_values, sizeof *t->values, compare_values);
    int n = 0;
    for (int i = 0; i < t->n_values;) {
        double sum = 0;
        int first = i;
        for (; i < t->n_values && compare_values(&t->values[first], &t->values[i]) == 0; i++)
            sum += t->values[i].x;
        t->values[n] = t->values[first];
        t->values[n++].x = sum / (i - first);
    }
    t->n_values = n;
}

/* What the values say, data sets being the sample; seeds where there is one data set. */
struct sample {
    double *x;              /* [n] means of data sets, or values of seeds */
    int n;                  /* of x */
    int n_sets, n_seeds;    /* n_seeds: of the data set that has most */
    double between, within; /* sd of data sets' true means, of one seed; NaN: not known */
};

static struct sample sample_of(struct trial *t)
{
    merge_values(t);
    struct sample s = {.x = arena_array(t->arena, (size_t)t->n_values + 1, sizeof *s.x)};
    double *seeds = arena_array(t->arena, (size_t)t->n_values + 1, sizeof *seeds);
    double squares = 0, inverse_seeds = 0;
    int df = 0;
    for (int i = 0; i < t->n_values;) {
        int n = 0, first = i;
        for (; i < t->n_values && str_equal(t->values[first].dataset, t->values[i].dataset); i++)
            seeds[n++] = t->values[i].x;
        s.x[s.n_sets++] = stats_mean(seeds, n);
        squares += (n - 1) * stats_sd(seeds, n) * stats_sd(seeds, n);
        df += n - 1;
        inverse_seeds += 1.0 / n;
        s.n_seeds = n > s.n_seeds ? n : s.n_seeds;
    }
    s.n = s.n_sets;
    s.within = df > 0 ? sqrt(squares / df) : NAN;
    double spread = stats_sd(s.x, s.n) * stats_sd(s.x, s.n);
    s.between = sqrt(fmax(0, spread - s.within * s.within * inverse_seeds / (s.n ? s.n : 1)));
    if (s.n_sets == 1) {
        memcpy(s.x, seeds, (size_t)s.n_seeds * sizeof *s.x);
        s.n = s.n_seeds;
        s.between = 0;
    }
    return s;
}

/* How many seeds would tell, and the sentence that says so. */
static const char *tell_seeds(struct trial *t, const struct sample *s, double threshold)
{
    double delta = stats_mean(s->x, s->n) - threshold;
    if (s->n_seeds < 2) {
        t->out->seeds_needed = -1;
        return "one seed does not say how much seeds differ; three would";
    }
    int needed = stats_runs_needed(delta, s->between, s->within, s->n_sets);
    t->out->seeds_needed = needed == 0 ? 0 : needed > s->n_seeds ? needed : s->n_seeds + 1;
    if (needed == 0)
        return s->between > 0
                   ? "more seeds would not help: the data sets differ too much among themselves"
                   : "more seeds would not help: it is too near the limit";
    return arena_printf(t->arena, "%d seeds would tell with power 0.8%s", t->out->seeds_needed,
                        s->n_sets > 1 && s->n_sets < 5 ? ", or more data sets" : "");
}

void trial_decide(struct trial *t, double threshold, double scale, const char *what)
{
    struct answer *r = t->out;
    struct sample s = sample_of(t);
    r->n = t->n_values;
    if (s.n == 0) {
        trial_cannot_tell(t, claim_no_rows);
        return;
    }
    r->estimate = scale * stats_mean(s.x, s.n);
    r->test = arena_printf(t->arena, "%s, t over %d %s%s", what, s.n,
                           s.n_sets > 1 ? "data set" : "seed", s.n == 1 ? "" : "s");
    if (s.n_sets > 1 && s.n_seeds > 1)
        r->test = arena_printf(t->arena, "%s x %d seeds", r->test, s.n_seeds);
    if (s.n < 2) {
        trial_cannot_tell(t, "one data set and one seed have no spread; run three seeds");
        return;
    }
    struct interval i = stats_t_interval(s.x, s.n, .95);
    r->low = scale * i.low;
    r->high = scale * i.high;
    r->p_value = stats_t_test(s.x, s.n, threshold);
    r->verdict = i.low > threshold    ? VERDICT_HOLDS
                 : i.high < threshold ? VERDICT_FAILS
                                      : VERDICT_CANNOT_TELL;
    if (r->verdict == VERDICT_CANNOT_TELL)
        r->why = tell_seeds(t, &s, threshold);
}
