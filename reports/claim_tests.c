#include "reports/claim_tests.h"

#include "harness/base/str.h"
#include "reports/claim_trial.h"

#include <assert.h>
#include <math.h>

/* --- parameters ----------------------------------------------------------------- */

enum takes {
    MODELS = 1,
    SIDES = 2,
    METHOD = 4,
    MARGIN = 8,
    LIMIT = 16,
    QUANTITY = 32,
    AT_LEAST = 64
};

static int read_side(struct side *out, const struct yaml *node, const char *key, struct err *e)
{
    static const char *const allowed[] = {"model", "method", NULL};
    const struct yaml *at = yaml_get(node, key);
    if (!at || at->kind == YAML_SCALAR)
        return yaml_text(&out->method, node, key, e);
    if (yaml_expect(at, YAML_MAP, "a method, or a model and a method", e) != 0 ||
        yaml_only_keys(at, allowed, e) != 0 || yaml_text(&out->model, at, "model", e) != 0)
        return -1;
    return yaml_text(&out->method, at, "method", e);
}

static int read_share(double *out, const struct yaml *node, const char *key, struct err *e)
{
    const char *text;
    if (yaml_text(&text, node, key, e) != 0)
        return -1;
    if (str_to_double(out, text) != 0 || !(*out >= 0 && *out <= 1))
        return yaml_error(yaml_get(node, key), e, "%s: a number from 0 to 1, not \"%s\"", key,
                          text);
    return 0;
}

static int read_models(const struct yaml **out, const struct yaml *node, struct err *e)
{
    const struct yaml *models = yaml_get(node, "models");
    if (!models || (models->kind == YAML_SCALAR && str_equal(models->text, "any")))
        return 0;
    if (models->kind != YAML_LIST || models->n == 0)
        return yaml_error(models, e, "models: a list of names, or any");
    for (int i = 0; i < models->n; i++)
        if (yaml_expect(&models->items[i], YAML_SCALAR, "a model's name", e) != 0)
            return -1;
    *out = models;
    return 0;
}

static const char *const quantities[] = {"seconds_per_epoch", "peak_rss_bytes", NULL};

static int read_params(struct claim_params *p, unsigned takes, const struct yaml *node,
                       struct err *e)
{
    const char *allowed[16] = {"id", "statement", "kind"};
    static const struct {
        unsigned bit;
        const char *name;
    } names[] = {{MODELS, "models"},     {SIDES, "a"},          {SIDES, "b"},
                 {METHOD, "method"},     {MARGIN, "margin"},    {LIMIT, "limit"},
                 {QUANTITY, "quantity"}, {AT_LEAST, "at_least"}};
    int n = 3;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (takes & names[i].bit)
            allowed[n++] = names[i].name;
    *p = (struct claim_params){0};
    if (yaml_only_keys(node, allowed, e) != 0 ||
        (takes & MODELS && read_models(&p->models, node, e) != 0) ||
        (takes & SIDES &&
         (read_side(&p->a, node, "a", e) != 0 || read_side(&p->b, node, "b", e) != 0)) ||
        (takes & METHOD && yaml_text(&p->method, node, "method", e) != 0) ||
        (takes & MARGIN && read_share(&p->margin, node, "margin", e) != 0) ||
        (takes & LIMIT && read_share(&p->limit, node, "limit", e) != 0) ||
        (takes & AT_LEAST && read_share(&p->at_least, node, "at_least", e) != 0) ||
        (takes & QUANTITY && yaml_text(&p->quantity, node, "quantity", e) != 0))
        return -1;
    if (!p->a.model != !p->b.model)
        return yaml_error(node, e, "name a model on both sides, or on none");
    if (takes & QUANTITY && str_index(quantities, p->quantity) < 0)
        return yaml_error(yaml_get(node, "quantity"), e,
                          "quantity: seconds_per_epoch or peak_rss_bytes, not \"%s\"", p->quantity);
    return 0;
}

/* --- the kinds ------------------------------------------------------------------------ */

typedef double difference_function(const struct trial *t, const struct observation *a,
                                   const struct observation *b);

static double accuracy_gain(const struct trial *t, const struct observation *a,
                            const struct observation *b)
{
    (void)t;
    return a->accuracy - b->accuracy;
}

/* Adds a value for each two observations of the sides on one data set and seed (and model).
 * false: nothing to compare, or not comparable; the answer says why. */
static bool pair_up(struct trial *t, difference_function *difference)
{
    const bool *in_a = trial_members(t, &t->p->a), *in_b = trial_members(t, &t->p->b);
    if (!t->chosen && (trial_is_ambiguous(t, in_a) || trial_is_ambiguous(t, in_b))) {
        trial_cannot_tell(t, "several rows go by the method's name; this claim is about one");
        return false;
    }
    bool mixed = false;
    for (int i = 0; i < t->o->n; i++) {
        const struct observation *a = &t->o->items[i];
        for (int j = 0; in_a[i] && j < t->o->n; j++) {
            const struct observation *b = &t->o->items[j];
            if (!in_b[j] || (t->chosen && (!t->chosen[i] || !t->chosen[j])) ||
                !str_equal(a->dataset, b->dataset) || a->seed != b->seed ||
                (!t->p->a.model && !str_equal(a->model, b->model)))
                continue;
            double x = difference(t, a, b);
            if (isnan(x))
                continue;
            mixed = mixed || !str_equal(a->metric_unit, b->metric_unit);
            trial_rests_on(t, a);
            trial_rests_on(t, b);
            trial_add(t, a->dataset, a->seed, x);
        }
    }
    if (t->n_values == 0) {
        trial_cannot_tell(t, claim_no_rows);
    } else if (mixed && difference == accuracy_gain) {
        t->out->n = t->n_values;
        trial_cannot_tell(
            t, "one side's accuracy counts tokens, the other's examples: not comparable");
        return false;
    }
    return t->n_values > 0;
}

static void test_better(struct trial *t)
{
    t->out->unit = "points of accuracy";
    if (pair_up(t, accuracy_gain))
        trial_decide(t, 0, 100, "paired difference");
}

static void test_not_worse(struct trial *t)
{
    t->out->unit = "points of accuracy";
    if (pair_up(t, accuracy_gain))
        trial_decide(t, -t->p->margin, 100,
                     arena_printf(t->arena, "paired difference against a margin of %g points",
                                  100 * t->p->margin));
}

static double quantity_of(const struct trial *t, const struct observation *o)
{
    if (str_equal(t->p->quantity, "peak_rss_bytes"))
        return o->cell && o->cell->peak_rss_bytes > 0 ? (double)o->cell->peak_rss_bytes : NAN;
    return o->train_seconds > 0 && o->n_epochs > 0 ? o->train_seconds / (double)o->n_epochs : NAN;
}

/* Log of b's cost over a's: above 0 where a is cheaper. */
static double log_saving(const struct trial *t, const struct observation *a,
                         const struct observation *b)
{
    return log(quantity_of(t, b) / quantity_of(t, a));
}

static void test_cheaper(struct trial *t)
{
    struct answer *r = t->out;
    r->unit = arena_printf(t->arena, "times the %s", t->p->quantity);
    if (!pair_up(t, log_saving))
        return;
    trial_decide(t, 0, 1, "log ratio");
    double high = exp(-r->low);
    r->low = exp(-r->high);
    r->high = high;
    r->estimate = exp(-r->estimate);
}

static void test_share_below(struct trial *t)
{
    struct answer *r = t->out;
    const struct side side = {NULL, t->p->method};
    r->unit = "% of the parameters, at most";
    const bool *members = trial_members(t, &side);
    double most = -1;
    for (int i = 0; i < t->o->n; i++) {
        const struct observation *o = &t->o->items[i];
        if (!members[i] || o->total_params <= 0)
            continue;
        most = fmax(most, (double)o->trainable_params / (double)o->total_params);
        trial_rests_on(t, o);
        r->n++;
    }
    if (r->n == 0) {
        trial_cannot_tell(t, claim_no_rows);
        return;
    }
    r->test = "counted";
    r->estimate = r->low = r->high = 100 * most;
    r->verdict = most < t->p->limit ? VERDICT_HOLDS : VERDICT_FAILS;
}

/* --- tuned learning rates ------------------------------------------------------------------ */

/* Accuracy on the rows that choose the epoch; NaN where not known (published numbers). */
static double validation_accuracy(const struct observation *o)
{
    const struct report_cell *c = o->cell;
    if (!c || c->n_epochs == 0)
        return NAN;
    int best = c->best_epoch > 0 && c->best_epoch <= c->n_epochs ? c->best_epoch : c->n_epochs;
    return c->epochs[best - 1].metric[METRIC_ACCURACY];
}

/* Do both belong to one search: one model, one data set? */
static bool same_search(const struct observation *x, const struct observation *y)
{
    return str_equal(x->model, y->model) && str_equal(x->dataset, y->dataset);
}

/* Mean validation accuracy over seeds of the row that at is of, on its data set. */
static double validation_mean(const struct trial *t, const struct observation *at)
{
    double sum = 0;
    int n = 0;
    for (int i = 0; i < t->o->n; i++) {
        const struct observation *o = &t->o->items[i];
        if (str_equal(o->model, at->model) && str_equal(o->label, at->label) &&
            str_equal(o->dataset, at->dataset)) {
            sum += validation_accuracy(o);
            n++;
        }
    }
    return sum / n;
}

/* Marks, for one side, the best row of each model and data set. Returns how many searches chose
 * the smallest or largest rate tried, -1 where one has fewer than two rates. */
static int choose_rates(const struct trial *t, const struct side *side, bool *chosen,
                        int *n_searches)
{
    const bool *members = trial_members(t, side);
    const struct observation *all = t->o->items;
    int n_at_end = 0;
    for (int i = 0; i < t->o->n; i++) {
        const struct observation *best = NULL;
        double low = INFINITY, high = 0, top = 0;
        bool first = members[i];
        for (int j = 0; j < i; j++)
            first = first && !(members[j] && same_search(&all[i], &all[j]));
        if (!first)
            continue;
        for (int j = i; j < t->o->n; j++) {
            double mean =
                members[j] && same_search(&all[i], &all[j]) ? validation_mean(t, &all[j]) : NAN;
            if (isnan(mean))
                continue;
            low = fmin(low, all[j].learning_rate);
            high = fmax(high, all[j].learning_rate);
            if (!best || mean > top) {
                best = &all[j];
                top = mean;
            }
        }
        if (!best || !(low < high))
            return -1;
        ++*n_searches;
        n_at_end += best->learning_rate == low || best->learning_rate == high;
        for (int j = i; j < t->o->n; j++)
            if (members[j] && same_search(&all[i], &all[j]) && str_equal(all[j].label, best->label))
                chosen[j] = true;
    }
    return n_at_end;
}

static void test_same_under_tuned_rate(struct trial *t)
{
    struct answer *r = t->out;
    bool *chosen = arena_array(t->arena, (size_t)t->o->n + 1, sizeof *chosen);
    int n_searches = 0;
    r->unit = "points of accuracy";
    int a = choose_rates(t, &t->p->a, chosen, &n_searches);
    int b = choose_rates(t, &t->p->b, chosen, &n_searches);
    if (a < 0 || b < 0 || n_searches == 0) {
        trial_cannot_tell(t, n_searches == 0 && a == 0 && b == 0
                                 ? claim_no_rows
                                 : "no search of the learning rate here: each method needs two "
                                   "rates or more, chosen on validation");
        return;
    }
    t->chosen = chosen;
    if (!pair_up(t, accuracy_gain))
        return;
    trial_decide(t, 0, 100, "paired difference at each method's best rate");
    if (a + b > 0)
        r->why = arena_printf(t->arena, "%d of %d best rates are at an end of those tried%s%s",
                              a + b, n_searches, *r->why ? "; " : "", r->why);
}

/* --- table of kinds --------------------------------------------------------------------------- */

static const struct {
    const char *name;
    unsigned takes;
    bool about_accuracy;
    void (*test)(struct trial *t);
} kinds[] = {
    {"better", MODELS | SIDES, true, test_better},
    {"not_worse", MODELS | SIDES | MARGIN, true, test_not_worse},
    {"grows_with_size", MODELS | METHOD, true, test_grows_with_size},
    {"share_below", MODELS | METHOD | LIMIT, false, test_share_below},
    {"cheaper", MODELS | SIDES | QUANTITY, false, test_cheaper},
    {"stable_order", AT_LEAST, true, test_stable_order},
    {"same_under_tuned_rate", MODELS | SIDES, true, test_same_under_tuned_rate},
};
enum { N_KINDS = sizeof kinds / sizeof *kinds };

static int kind_of(const char *name)
{
    for (int i = 0; i < N_KINDS; i++)
        if (str_equal(kinds[i].name, name))
            return i;
    return -1;
}

int claim_check(const struct claim *c, struct err *e)
{
    const char *names[N_KINDS];
    struct claim_params p;
    int kind = kind_of(c->kind);
    for (int i = 0; i < N_KINDS; i++)
        names[i] = kinds[i].name;
    if (kind < 0) {
        const char *near = str_nearest(names, N_KINDS, c->kind);
        return yaml_error(yaml_get(c->node, "kind"), e, "unknown kind of claim \"%s\"%s%s%s",
                          c->kind, near ? "; did you mean \"" : "", near ? near : "",
                          near ? "\"?" : "");
    }
    return read_params(&p, kinds[kind].takes, c->node, e);
}

void claim_test(struct answer *out, const struct claim *c, const struct observations *o,
                struct arena *a)
{
    struct claim_params p;
    struct err e = {0};
    int kind = kind_of(c->kind);
    int status = kind >= 0 ? read_params(&p, kinds[kind].takes, c->node, &e) : -1;
    assert(status == 0 && "claim_check passed");
    *out = (struct answer){.claim = c,
                           .verdict = VERDICT_CANNOT_TELL,
                           .estimate = NAN,
                           .low = NAN,
                           .high = NAN,
                           .unit = "",
                           .test = "",
                           .p_value = NAN,
                           .why = "",
                           .about_accuracy = kinds[kind].about_accuracy,
                           .rows = arena_array(a, (size_t)o->n + 1, sizeof(struct observation *))};
    struct trial t = {.p = &p, .o = o, .arena = a, .out = out};
    kinds[kind].test(&t);
}
