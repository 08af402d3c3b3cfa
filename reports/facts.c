#include "reports/facts.h"

#include "harness/base/str.h"
#include "results/query.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct cell_facts facts_of(const struct observation *o, const struct usual_rate *usual)
{
    /* A rate that the label names is what a sweep is about: no deviation. */
    bool swept = strstr(o->label, "learning_rate=") != NULL;
    return (struct cell_facts){
        .cell_id = o->cell ? o->cell->cell_id : NULL,
        .model = o->model,
        .method = o->method,
        .label = o->label,
        .dataset = o->dataset,
        .protocol = o->protocol,
        .seed = o->seed,
        .total_params = o->total_params,
        .metric_unit = o->metric_unit,
        .says_text = str_equal(o->metric_unit, "token"),
        .learning_rate = o->trainable_params > 0 ? o->learning_rate : NAN,
        .usual_learning_rate = usual && !swept ? usual->of(usual->state, o->model, o->method) : NAN,
        .train_batch_size = o->train_batch_size,
        .n_updates = o->n_updates > 0 ? o->n_updates : -1,
        .n_train = o->n_train > 0 ? o->n_train : -1,
        .n_evaluation = o->n_evaluation > 0 ? o->n_evaluation : -1,
        .leak_rate = NAN,
        .n_classes = -1,
        .n_cut_targets = -1,
        .accuracy = o->accuracy,
        .majority_rate = NAN,
        .classes_predicted = -1,
        .f1_weighted = o->f1_weighted,
    };
}

/* What a stored cell knows beyond its observation. */
static void add_measured(struct cell_facts *f, const struct report_cell *c, struct arena *a)
{
    const char *last = report_option(c->protocol_options, "load_best_model_at_end", a);
    f->says_text = c->says_text;
    f->leak_rate = c->leak_rate;
    f->n_cut_targets = c->n_cut_targets;
    f->judged_by_selection = str_equal(c->split, "validation") && !str_equal(last, "false");
    f->majority_rate = c->metric[METRIC_MAJORITY_RATE];
    double units = str_equal(f->metric_unit, "token") ? c->metric[METRIC_TOKEN_COUNT] : NAN;
    f->n_judged_units = units > 0 ? lround(units) : 0;
    /* A method that trains nothing is not expected to tell classes apart. */
    double classes = c->metric[METRIC_CLASSES_PREDICTED];
    f->classes_predicted = classes >= 1 ? (int)classes : -1;
    if (c->trainable_params == 0) {
        f->classes_predicted = -1;
        f->f1_weighted = NAN;
    }
}

struct facts facts_of_observations(const struct observations *o, const struct usual_rate *usual,
                                   struct arena *a)
{
    struct facts facts = {arena_array(a, (size_t)o->n, sizeof *facts.items), o->n};
    for (int i = 0; i < o->n; i++) {
        facts.items[i] = facts_of(&o->items[i], usual);
        if (o->items[i].cell)
            add_measured(&facts.items[i], o->items[i].cell, a);
    }
    return facts;
}

static int read_hashes(struct cell_facts *f, const struct report_cell *c, struct store *s,
                       struct arena *a, struct err *e)
{
    struct query q;
    if (query_open(&q, s,
                   "SELECT row_hash, count(*) OVER () FROM example"
                   " WHERE cell = ?1 AND split = ?2 ORDER BY position",
                   e) != 0)
        return -1;
    query_bind_int(&q, 1, c->id);
    query_bind_text(&q, 2, c->split);
    uint64_t *hashes = NULL;
    long n = 0;
    int more;
    while ((more = query_next(&q, e)) == 1) {
        if (!hashes)
            hashes = arena_array(a, (size_t)query_int(&q, 1), sizeof *hashes);
        hashes[n++] = strtoull(query_text(&q, 0), NULL, 16);
    }
    query_close(&q);
    f->evaluation_hashes = hashes;
    if (hashes)
        f->n_evaluation = n;
    return more;
}

int facts_of_report(struct facts *out, const struct report_data *d, const struct usual_rate *usual,
                    struct arena *a, struct err *e)
{
    struct observations o = observations_measured(d, a);
    *out = facts_of_observations(&o, usual, a);
    for (int i = 0; i < out->n; i++) {
        struct cell_facts *f = &out->items[i];
        /* Judged rows are the same for all cells of a protocol and data set: once will do. */
        bool known = false;
        for (int k = 0; k < i; k++)
            known = known || (str_equal(out->items[k].protocol, f->protocol) &&
                              str_equal(out->items[k].dataset, f->dataset));
        if (!known && read_hashes(f, o.items[i].cell, d->store, a, e) != 0)
            return -1;
    }
    return 0;
}

/* Does the answer rest on rows that the finding is about, in a way that it weakens? */
static bool weakens(const struct finding *f, const struct answer *answer)
{
    const struct observation *first = NULL; /* touched */
    bool units_differ = false, models_differ = false;
    for (int i = 0; i < answer->n_rows; i++) {
        const struct observation *o = answer->rows[i];
        const struct cell_facts c = {
            .protocol = o->protocol, .model = o->model, .label = o->label, .dataset = o->dataset};
        if (!finding_touches(f, &c))
            continue;
        first = first ? first : o;
        units_differ = units_differ || !str_equal(o->metric_unit, first->metric_unit);
        models_differ = models_differ || !str_equal(o->model, first->model);
    }
    if (!first)
        return false;
    if (f->kind == FINDING_ONE_SEED) /* no matter for what is counted */
        return answer->about_accuracy || !isnan(answer->p_value);
    return answer->about_accuracy && (f->kind != FINDING_MIXED_UNITS || units_differ) &&
           (f->kind != FINDING_UPDATES || models_differ);
}

const char *findings_behind(const struct findings *f, const struct answer *answer, struct arena *a)
{
    struct str names = {0};
    int last = -1; /* findings are sorted by kind */
    for (int i = 0; i < f->n; i++) {
        const struct finding *x = &f->items[i];
        if ((int)x->kind != last && weakens(x, answer)) {
            str_printf(&names, "%s%s", names.len ? ", " : "", finding_name(x->kind));
            last = (int)x->kind;
        }
    }
    const char *text = arena_strdup(a, str_text(&names));
    str_release(&names);
    return text;
}
