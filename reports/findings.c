#include "reports/findings.h"

#include "harness/base/json.h"
#include "harness/base/stats.h"
#include "reports/family.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Where a fact becomes a finding. */
static const struct {
    double leak;        /* one row in a hundred moves accuracy by less than its interval */
    double shared_rows; /* half of the rows the same: not two measurements */
    double rate_ratio;  /* rates are searched in steps of 3; two steps off is 10 */
    double updates;     /* half as many updates again */
    double f1_distance; /* of six printed digits, with room for their rounding */
} threshold = {.01, .5, 10, 1.5, 5e-6};

static const struct {
    const char *name;
    int defect;
} kinds[FINDING_KIND_COUNT] = {
    [FINDING_LEAK] = {"leak", 1},
    [FINDING_MIXED_UNITS] = {"mixed units", 2},
    [FINDING_SHARED_ROWS] = {"shared rows", 3},
    [FINDING_COLLAPSE] = {"collapse", 4},
    [FINDING_LEARNING_RATE] = {"learning rate", 4},
    [FINDING_UPDATES] = {"unequal updates", 5},
    [FINDING_ONE_SEED] = {"one seed", 6},
    [FINDING_CUT_TARGETS] = {"cut targets", 8},
    [FINDING_NO_TEST] = {"no test", 0},
};

const char *finding_name(enum finding_kind kind)
{
    assert(kind < FINDING_KIND_COUNT);
    return kinds[kind].name;
}

int finding_defect(enum finding_kind kind)
{
    assert(kind < FINDING_KIND_COUNT);
    return kinds[kind].defect;
}

bool finding_touches(const struct finding *f, const struct cell_facts *c)
{
    return str_equal(f->protocol, c->protocol) && (!f->model || str_equal(f->model, c->model)) &&
           (!f->family || str_starts(c->model, f->family)) &&
           (!f->label || str_equal(f->label, c->label)) &&
           (!f->dataset || str_equal(f->dataset, c->dataset) ||
            str_equal(f->other_dataset, c->dataset));
}

/* The cells of one protocol, and what is found. */
struct search {
    const struct cell_facts **cells; /* [n] */
    int n;
    struct arena *arena;
    struct findings *out;
    int capacity;
};

typedef bool same_function(const struct cell_facts *a, const struct cell_facts *b);

static bool same_dataset(const struct cell_facts *a, const struct cell_facts *b)
{
    return str_equal(a->dataset, b->dataset);
}

static bool same_row(const struct cell_facts *a, const struct cell_facts *b)
{
    return str_equal(a->model, b->model) && str_equal(a->label, b->label);
}

static bool same_group(const struct cell_facts *a, const struct cell_facts *b)
{
    return same_row(a, b) && same_dataset(a, b);
}

static bool same_rate(const struct cell_facts *a, const struct cell_facts *b)
{
    return str_equal(a->label, b->label) && a->learning_rate == b->learning_rate &&
           a->usual_learning_rate == b->usual_learning_rate;
}

/* No cell before at has the same. */
static bool is_first(const struct search *s, int at, same_function *same)
{
    for (int i = 0; i < at; i++)
        if (same(s->cells[i], s->cells[at]))
            return false;
    return true;
}

/* Adds a finding; text is taken over. */
static struct finding *found(struct search *s, enum finding_kind kind, const char *where,
                             double value, struct str *text)
{
    if (s->out->n == s->capacity) {
        s->capacity = s->capacity ? 2 * s->capacity : 16;
        struct finding *more = arena_array(s->arena, (size_t)s->capacity, sizeof *more);
        if (s->out->n)
            memcpy(more, s->out->items, (size_t)s->out->n * sizeof *more);
        s->out->items = more;
    }
    struct finding *f = &s->out->items[s->out->n++];
    *f = (struct finding){.kind = kind,
                          .protocol = s->cells[0]->protocol,
                          .where = where,
                          .value = value,
                          .text = arena_strdup(s->arena, str_text(text))};
    str_release(text);
    return f;
}

/* Appends name to a list with commas, unless it stands there. Returns how many it added. */
static int list(struct str *s, const char *name)
{
    for (const char *at = str_text(s); *at; at += strspn(at, ", ")) {
        size_t n = strcspn(at, ",");
        if (strlen(name) == n && memcmp(at, name, n) == 0)
            return 0;
        at += n;
    }
    str_printf(s, "%s%s", s->len ? ", " : "", name);
    return 1;
}

/* --- one function a rule ------------------------------------------------------- */

static void find_leaks(struct search *s)
{
    for (int i = 0; i < s->n; i++) {
        const struct cell_facts *worst = s->cells[i];
        if (!is_first(s, i, same_dataset))
            continue;
        for (int j = i; j < s->n; j++)
            if (same_dataset(s->cells[i], s->cells[j]) &&
                (isnan(worst->leak_rate) || s->cells[j]->leak_rate > worst->leak_rate))
                worst = s->cells[j];
        if (!(worst->leak_rate > threshold.leak))
            continue;
        struct str t = {0};
        str_printf(&t,
                   "%s: %.1f %% of the %ld judged rows also stand in training, so memory counts as "
                   "skill; drop copies before the split (deduplicate: true, row_copies: one)",
                   worst->dataset, 100 * worst->leak_rate, worst->n_evaluation);
        found(s, FINDING_LEAK, worst->dataset, worst->leak_rate, &t)->dataset = worst->dataset;
    }
}

/* Lists the models whose accuracy on a data set counts this unit, with the denominator:
 * "4560 tokens (flan-t5-base, flan-t5-xl)". */
static void list_unit(struct str *t, const struct search *s, const char *dataset, const char *unit)
{
    struct str models = {0};
    long count = 0;
    for (int i = 0; i < s->n; i++) {
        const struct cell_facts *c = s->cells[i];
        if (!str_equal(c->dataset, dataset) || !str_equal(c->metric_unit, unit))
            continue;
        list(&models, c->model);
        if (c->n_judged_units > 0)
            count = c->n_judged_units;
        else if (count == 0 && str_equal(unit, "example"))
            count = c->n_evaluation;
    }
    if (count > 0)
        str_printf(t, "%ld ", count);
    str_printf(t, "%ss (%s)", unit, str_text(&models));
    str_release(&models);
}

static void find_mixed_units(struct search *s)
{
    for (int i = 0; i < s->n; i++) {
        const struct cell_facts *c = s->cells[i];
        const char *other = NULL;
        for (int j = i + 1; j < s->n && is_first(s, i, same_dataset); j++)
            if (same_dataset(c, s->cells[j]) && c->metric_unit && s->cells[j]->metric_unit &&
                !str_equal(c->metric_unit, s->cells[j]->metric_unit))
                other = s->cells[j]->metric_unit;
        if (!other)
            continue;
        struct str t = {0};
        str_printf(&t, "%s: accuracy counts ", c->dataset);
        list_unit(&t, s, c->dataset, c->metric_unit);
        str_add(&t, " but ");
        list_unit(&t, s, c->dataset, other);
        str_add(&t, "; count examples for all (metric_unit: example)");
        found(s, FINDING_MIXED_UNITS, c->dataset, NAN, &t)->dataset = c->dataset;
    }
}

static int by_hash(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static uint64_t *sorted_hashes(const struct cell_facts *c)
{
    size_t n = (size_t)c->n_evaluation;
    uint64_t *hashes = xmalloc((n + 1) * sizeof *hashes);
    memcpy(hashes, c->evaluation_hashes, n * sizeof *hashes);
    qsort(hashes, n, sizeof *hashes, by_hash);
    return hashes;
}

/* Rows that stand in both, each as often as in the one that has it less often. */
static long count_shared(const struct cell_facts *a, const struct cell_facts *b)
{
    uint64_t *x = sorted_hashes(a), *y = sorted_hashes(b);
    long n = 0;
    for (long i = 0, j = 0; i < a->n_evaluation && j < b->n_evaluation;) {
        n += x[i] == y[j];
        bool x_first = x[i] <= y[j], y_first = y[j] <= x[i];
        i += x_first;
        j += y_first;
    }
    free(x);
    free(y);
    return n;
}

static void find_shared_rows(struct search *s)
{
    /* Judged rows are the same for all cells of a data set; its first cell with hashes counts. */
    const struct cell_facts **sets = arena_array(s->arena, (size_t)s->n, sizeof *sets);
    int n_sets = 0;
    for (int i = 0; i < s->n; i++) {
        const struct cell_facts *c = s->cells[i];
        bool known = !c->evaluation_hashes || c->n_evaluation <= 0;
        for (int k = 0; k < n_sets; k++)
            known = known || same_dataset(sets[k], c);
        if (!known)
            sets[n_sets++] = c;
    }
    for (int i = 0; i < n_sets; i++) {
        for (int k = i + 1; k < n_sets; k++) {
            const struct cell_facts *a = sets[i], *b = sets[k];
            long fewer = a->n_evaluation < b->n_evaluation ? a->n_evaluation : b->n_evaluation;
            long n = count_shared(a, b);
            if ((double)n < threshold.shared_rows * (double)fewer)
                continue;
            const char *where = arena_printf(s->arena, "%s and %s", a->dataset, b->dataset);
            struct str t = {0};
            str_printf(&t,
                       "%s are judged on the same rows (%ld of %ld): one of the two was served "
                       "under the other's name; load each set's own rows (rows: own)",
                       where, n, fewer);
            struct finding *f = found(s, FINDING_SHARED_ROWS, where, (double)n / (double)fewer, &t);
            f->dataset = a->dataset;
            f->other_dataset = b->dataset;
        }
    }
}

/* One class for every row: counted, or told by accuracy and weighted F1. When all answers are
 * the class that a share a of the rows has, accuracy is a, that class's F1 is 2a / (1 + a), every
 * other's is 0, so the weighted F1 is 2 a^2 / (1 + a). */
static bool is_collapsed(const struct cell_facts *c)
{
    if (c->classes_predicted > 0)
        return c->classes_predicted == 1;
    double a = c->accuracy;
    return a > 0 && a < 1 && c->f1_weighted > 0 &&
           fabs(c->f1_weighted - 2 * a * a / (1 + a)) < threshold.f1_distance;
}

/* "learning rate 0.001, 20 times the usual 5e-05"; how many times, NaN when not known. */
static double tell_rate(struct str *t, const struct cell_facts *c)
{
    double ratio = c->learning_rate / c->usual_learning_rate;
    str_add(t, "learning rate ");
    str_add_double(t, c->learning_rate);
    if (!(ratio > 0) || isinf(ratio))
        return NAN;
    if (ratio == 1) {
        str_add(t, ", the usual one");
        return ratio;
    }
    str_printf(t, ", %.3g times the usual ", ratio);
    str_add_double(t, c->usual_learning_rate);
    return ratio;
}

static void find_collapses(struct search *s)
{
    for (int i = 0; i < s->n; i++) {
        const struct cell_facts *c = s->cells[i], *first = NULL;
        int n = 0, n_bad = 0;
        struct str sets = {0}, t = {0};
        for (int j = i; j < s->n && is_first(s, i, same_row); j++) {
            const struct cell_facts *x = s->cells[j];
            if (!same_row(c, x))
                continue;
            n++;
            if (!is_collapsed(x))
                continue;
            first = first ? first : x;
            n_bad++;
            int n_seeds = 0, n_before = 0; /* of this data set that collapse */
            for (int k = i; k < s->n; k++)
                if (same_group(x, s->cells[k]) && is_collapsed(s->cells[k])) {
                    n_seeds++;
                    n_before += k < j;
                }
            if (n_before > 0)
                continue;
            str_printf(&sets, "%s%s %.1f %%", sets.len ? ", " : "", x->dataset, 100 * x->accuracy);
            if (n_seeds > 1)
                str_printf(&sets, " x %d", n_seeds);
        }
        if (first) {
            const char *where = arena_printf(s->arena, "%s %s", c->model, c->label);
            str_printf(&t, "%s answers one class for every row in %d of %d results (%s); ", where,
                       n_bad, n, str_text(&sets));
            double ratio = isnan(first->learning_rate) ? NAN : tell_rate(&t, first);
            str_add(&t, ratio >= threshold.rate_ratio
                            ? ": suspect it first, train again with the usual one"
                            : ": no result but a failed training; search the learning rate");
            struct finding *f = found(s, FINDING_COLLAPSE, where, ratio, &t);
            f->model = c->model;
            f->label = c->label;
        }
        str_release(&sets);
    }
}

static void find_learning_rates(struct search *s)
{
    for (int i = 0; i < s->n; i++) {
        const struct cell_facts *c = s->cells[i];
        double ratio = c->learning_rate / c->usual_learning_rate;
        bool far = ratio >= threshold.rate_ratio || ratio <= 1 / threshold.rate_ratio;
        if (!(c->learning_rate > 0) || !(c->usual_learning_rate > 0) || !far ||
            !is_first(s, i, same_rate))
            continue;
        struct str models = {0}, t = {0};
        for (int j = i; j < s->n; j++)
            if (same_rate(c, s->cells[j]))
                list(&models, s->cells[j]->model);
        str_printf(&t, "%s (%s): ", c->label, str_text(&models));
        tell_rate(&t, c);
        str_add(&t, " of this method; use that one, or search the rate on validation");
        struct finding *f = found(s, FINDING_LEARNING_RATE, c->label, ratio, &t);
        f->label = c->label;
        str_release(&models);
    }
}

/* Cells of one data set, and one row label, in models of one family. */
static bool are_sizes(const struct cell_facts *a, const struct cell_facts *b)
{
    return str_equal(a->label, b->label) && family_is_same(a->model, b->model);
}

static void find_unequal_updates(struct search *s)
{
    for (int i = 0; i < s->n; i++) {
        const struct cell_facts *c = s->cells[i], *most = NULL, *least = NULL;
        bool told = false;
        for (int j = 0; j < i; j++)
            told = told || are_sizes(c, s->cells[j]);
        double worst = 0;
        struct str sets = {0}, t = {0};
        for (int j = i; j < s->n && !told; j++) {
            const struct cell_facts *a = s->cells[j];
            double ratio = 0; /* the largest with a as the one of more updates */
            const struct cell_facts *fewest = NULL;
            for (int k = i; k < s->n && are_sizes(c, a); k++) {
                const struct cell_facts *b = s->cells[k];
                if (are_sizes(a, b) && same_dataset(a, b) && !str_equal(a->model, b->model) &&
                    a->n_updates > 0 && b->n_updates > 0 &&
                    (double)a->n_updates / (double)b->n_updates > ratio) {
                    ratio = (double)a->n_updates / (double)b->n_updates;
                    fewest = b;
                }
            }
            if (ratio <= threshold.updates)
                continue;
            list(&sets, a->dataset);
            if (ratio > worst) {
                worst = ratio;
                most = a;
                least = fewest;
            }
        }
        if (most && least) {
            const char *family = family_of_model(c->model, s->arena);
            const char *where = arena_printf(s->arena, "%s %s", family, c->label);
            str_printf(&t,
                       "%s: sizes take unequal numbers of updates (%s), on %s %s %ld and %s %ld, "
                       "%.1f times; give all sizes one train_batch_size",
                       where, str_text(&sets), most->dataset, most->model, most->n_updates,
                       least->model, least->n_updates, worst);
            struct finding *f = found(s, FINDING_UPDATES, where, worst, &t);
            f->family = family;
            f->label = c->label;
        }
        str_release(&sets);
    }
}

/* Half the width of Wilson's interval of an accuracy over n rows, at 95 %. */
static double half_width(double accuracy, long n)
{
    struct interval i = stats_wilson(lround(accuracy * (double)n), n, .95);
    return (i.high - i.low) / 2;
}

static void find_one_seed(struct search *s)
{
    for (int i = 0; i < s->n; i++) {
        const struct cell_facts *c = s->cells[i];
        if (!is_first(s, i, same_dataset))
            continue;
        int n_rows = 0, n_single = 0;
        double widest = 0;
        bool known = false; /* accuracies, or .95 in their place */
        for (int j = i; j < s->n; j++) {
            const struct cell_facts *x = s->cells[j];
            if (!same_dataset(c, x) || !is_first(s, j, same_group))
                continue;
            bool single = true;
            for (int k = j + 1; k < s->n; k++)
                single = single && !(same_group(x, s->cells[k]) && x->seed != s->cells[k]->seed);
            n_rows++;
            n_single += single;
            known = known || (x->accuracy >= 0 && x->accuracy <= 1);
            double accuracy = x->accuracy >= 0 && x->accuracy <= 1 ? x->accuracy : .95;
            if (single && x->n_evaluation > 0)
                widest = fmax(widest, half_width(accuracy, x->n_evaluation));
        }
        if (n_single == 0)
            continue;
        struct str t = {0};
        str_printf(&t, "%s: %d of %d rows of the table have one seed, so no spread is known",
                   c->dataset, n_single, n_rows);
        if (widest > 0)
            str_printf(&t, "; %ld judged rows alone leave up to +-%.1f points (95 %%%s)",
                       c->n_evaluation, 100 * widest, known ? "" : ", at an accuracy of 0.95");
        str_add(&t, "; run three seeds or more");
        found(s, FINDING_ONE_SEED, c->dataset, widest > 0 ? widest : NAN, &t)->dataset = c->dataset;
    }
}

static void find_cut_targets(struct search *s)
{
    for (int i = 0; i < s->n; i++) {
        const struct cell_facts *c = s->cells[i];
        int most = 0;
        for (int j = i; j < s->n && is_first(s, i, same_dataset); j++)
            if (same_dataset(c, s->cells[j]) && s->cells[j]->says_text &&
                s->cells[j]->n_cut_targets > most)
                most = s->cells[j]->n_cut_targets;
        if (most == 0)
            continue;
        struct str t = {0};
        str_printf(&t,
                   "%s: the words of %d of %d classes are cut before their end, so part of the "
                   "answer is never learned; give targets their full length (target_length: full)",
                   c->dataset, most, c->n_classes);
        found(s, FINDING_CUT_TARGETS, c->dataset, most, &t)->dataset = c->dataset;
    }
}

static void find_no_test(struct search *s)
{
    struct str sets = {0}, t = {0};
    int n = 0;
    for (int i = 0; i < s->n; i++)
        if (s->cells[i]->judged_by_selection)
            n += list(&sets, s->cells[i]->dataset);
    if (n > 0) {
        str_printf(&t,
                   "%s: the rows that chose the epoch are the rows reported; keep a test split "
                   "that chooses nothing (split: sound)",
                   str_text(&sets));
        found(s, FINDING_NO_TEST, arena_strdup(s->arena, str_text(&sets)), n, &t);
    }
    str_release(&sets);
}

/* --- all of them ---------------------------------------------------------------- */

static int compare_findings(const void *a, const void *b)
{
    const struct finding *x = a, *y = b;
    int order = strcmp(x->protocol, y->protocol);
    if (order == 0)
        order = (x->kind > y->kind) - (x->kind < y->kind);
    if (order == 0)
        order = strcmp(x->where, y->where);
    return order ? order : strcmp(x->text, y->text);
}

struct findings findings_of(const struct cell_facts *facts, int n, struct arena *a)
{
    static void (*const rules[])(struct search *) = {
        find_leaks,     find_mixed_units,    find_shared_rows,
        find_collapses, find_learning_rates, find_unequal_updates,
        find_one_seed,  find_cut_targets,    find_no_test};
    struct findings all = {0};
    struct search s = {
        .cells = arena_array(a, (size_t)n, sizeof(struct cell_facts *)), .arena = a, .out = &all};
    for (int i = 0; i < n; i++) {
        bool done = false;
        for (int j = 0; j < i; j++)
            done = done || str_equal(facts[i].protocol, facts[j].protocol);
        s.n = 0;
        for (int j = i; j < n && !done; j++)
            if (str_equal(facts[i].protocol, facts[j].protocol))
                s.cells[s.n++] = &facts[j];
        for (size_t k = 0; k < sizeof rules / sizeof *rules && s.n > 0; k++)
            rules[k](&s);
    }
    if (all.n > 1)
        qsort(all.items, (size_t)all.n, sizeof *all.items, compare_findings);
    return all;
}

void findings_text(struct str *s, const struct findings *f)
{
    for (int i = 0; i < f->n; i++) {
        const struct finding *x = &f->items[i];
        str_printf(s, "%s: %s", x->protocol, finding_name(x->kind));
        if (finding_defect(x->kind) > 0)
            str_printf(s, " (defect %d)", finding_defect(x->kind));
        str_printf(s, ": %s\n", x->text);
    }
}

void findings_json(struct str *s, const struct findings *f)
{
    json_t *list_of = json_array();
    for (int i = 0; i < f->n; i++) {
        const struct finding *x = &f->items[i];
        json_t *one =
            json_pack("{ss ss si ss ss}", "protocol", x->protocol, "kind", finding_name(x->kind),
                      "defect", finding_defect(x->kind), "where", x->where, "text", x->text);
        json_object_set_new(one, "value", isfinite(x->value) ? json_real(x->value) : json_null());
        json_array_append_new(list_of, one);
    }
    json_add(s, list_of, 2);
    json_decref(list_of);
}
