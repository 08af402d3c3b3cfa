#include "harness/plan.h"

#include "harness/estimate.h"
#include "harness/identity.h"

#include <stdlib.h>
#include <string.h>

/* Hashes of one axis's entries, told once. */
struct hashes {
    char (*weights)[HASH_HEX_SIZE];   /* [n_models] */
    char (*tokenizer)[HASH_HEX_SIZE]; /* [n_models] */
    char (*data)[HASH_HEX_SIZE];      /* [n_datasets] */
    char (*served)[HASH_HEX_SIZE];    /* [n_datasets] of what the survey's code served instead */
};

/* Indices along the axes. */
struct place {
    int dataset, model, method, sweep, protocol, seed;
};

static int resolve(struct hashes *h, const struct spec *s, struct arena *a, struct err *e)
{
    h->weights = arena_array(a, (size_t)s->n_models, sizeof *h->weights);
    h->tokenizer = arena_array(a, (size_t)s->n_models, sizeof *h->tokenizer);
    h->data = arena_array(a, (size_t)s->n_datasets, sizeof *h->data);
    h->served = arena_array(a, (size_t)s->n_datasets, sizeof *h->served);
    for (int i = 0; i < s->n_models; i++)
        if (identity_weights(h->weights[i], &s->models[i], e) != 0 ||
            identity_tokenizer(h->tokenizer[i], &s->models[i], e) != 0)
            return err_wrap(e, "model %s", s->models[i].name);
    for (int i = 0; i < s->n_datasets; i++)
        if (identity_data(h->data[i], s->datasets[i], e) != 0 ||
            identity_served(h->served[i], s->datasets[i], a, e) != 0)
            return err_wrap(e, "data set %s", s->datasets[i]->name);
    return 0;
}

static struct point point_at(const struct spec *s, const struct place *at, struct arena *a)
{
    struct point p = cell_point(&(struct cell){.model = &s->models[at->model],
                                               .method = s->methods[at->method].method,
                                               .dataset = s->datasets[at->dataset],
                                               .protocol = s->protocols[at->protocol].name,
                                               .seed = s->seeds[at->seed]},
                                a);
    p.method_label = s->methods[at->method].label;
    return p;
}

struct point cell_point(const struct cell *c, struct arena *a)
{
    return (struct point){
        .word = {[RULE_MODEL] = c->model->name,
                 [RULE_FAMILY] = c->model->family->name,
                 [RULE_METHOD] = c->method->name,
                 [RULE_DATASET] = c->dataset->name,
                 [RULE_INIT] = c->model->random_init ? "random" : "pretrained",
                 [RULE_PROTOCOL] = c->protocol,
                 [RULE_SEED] = arena_printf(a, "%llu", (unsigned long long)c->seed)},
        .method_label = c->method_label};
}

static bool is_excluded(const struct spec *s, const struct point *p)
{
    bool excluded = false;
    for (int i = 0; i < s->n_excludes; i++)
        if (rule_holds(&s->excludes[i], p)) {
            s->excludes[i].used[0] = true;
            excluded = true;
        }
    return excluded;
}

/* Sets the values of a point of the sweep, the first option slowest, and writes " option=value"
 * for each into swept. */
static int apply_sweep(struct cell *c, const struct spec *s, int point, struct str *swept,
                       struct err *e)
{
    for (int i = 0, rest = s->n_sweep_points; i < s->n_sweeps; i++) {
        const struct spec_sweep *sweep = &s->sweeps[i];
        rest /= sweep->values->n;
        const struct yaml *value = &sweep->values->items[point / rest % sweep->values->n];
        if (option_set_yaml(&c->training, sweep->key, value, e) != 0)
            return -1;
        for (int k = 0; k < c->training.n; k++)
            if (strcmp(training_options[k].name, sweep->key->text) == 0) {
                str_printf(swept, " %s=", sweep->key->text);
                option_text(swept, &c->training, k);
            }
    }
    return 0;
}

/* Options in order of precedence: defaults, the protocol with what it inherits, the spec's
 * `set`, the spec's overrides, the sweep. */
static int fill_options(struct cell *c, const struct spec *s, const struct place *at,
                        const struct point *p, struct arena *a, struct err *e)
{
    options_init(&c->training, training_options, a);
    options_copy(&c->method_options, &s->methods[at->method].options, a);
    const struct settled to = {c->method, &c->training, &c->method_options};
    if (protocol_apply(&s->protocols[at->protocol], p, &to, e) != 0 ||
        (s->set && settings_apply(s->set, s->set_used, &to, e) != 0) ||
        rules_apply(s->overrides, s->n_overrides, p, &to, e) != 0)
        return -1;
    struct str swept = {0};
    int rc = apply_sweep(c, s, at->sweep, &swept, e);
    c->swept = arena_strdup(a, str_text(&swept));
    str_release(&swept);
    return rc;
}

/* Whether something is said of some seeds only. */
static bool tells_seeds_apart(const struct spec *s)
{
    if (rules_name(s->excludes, s->n_excludes, RULE_SEED) ||
        rules_name(s->overrides, s->n_overrides, RULE_SEED))
        return true;
    for (int i = 0; i < s->n_protocols; i++)
        for (int k = 0; k < s->protocols[i].n_layers; k++) {
            const struct protocol_layer *l = &s->protocols[i].layers[k];
            if (rules_name(l->overrides, l->n_overrides, RULE_SEED))
                return true;
        }
    return false;
}

static int make_cell(struct plan *p, const struct hashes *h, const struct place *at,
                     struct arena *a, struct err *e)
{
    const struct spec *s = p->spec;
    struct point point = point_at(s, at, a);
    if (is_excluded(s, &point)) {
        p->n_excluded++;
        return 0;
    }
    struct cell *c = &p->cells[p->n++];
    *c = (struct cell){.model = &s->models[at->model],
                       .method = s->methods[at->method].method,
                       .dataset = s->datasets[at->dataset],
                       .protocol = s->protocols[at->protocol].name,
                       .seed = s->seeds[at->seed]};
    if (fill_options(c, s, at, &point, a, e) != 0)
        return -1;
    c->method_label =
        arena_printf(a, "%s%s", method_label(c->method, &c->method_options, a), c->swept);
    cell_identify(c,
                  &(struct cell_hashes){h->weights[at->model], h->tokenizer[at->model],
                                        h->data[at->dataset], h->served[at->dataset]},
                  a);
    return 0;
}

/* The cells of all seeds at a place. Where no rule tells seeds apart they share all that the first
 * one is made of. */
static int make_cells(struct plan *p, const struct hashes *h, struct place *at, bool apart,
                      struct arena *a, struct err *e)
{
    const struct spec *s = p->spec;
    int n_before = p->n, n_single = apart ? s->n_seeds : 1;
    for (at->seed = 0; at->seed < n_single; at->seed++)
        if (make_cell(p, h, at, a, e) != 0)
            return -1;
    if (p->n == n_before) {
        p->n_excluded += s->n_seeds - n_single;
        return 0;
    }
    for (int i = n_single; i < s->n_seeds; i++) {
        p->cells[p->n] = p->cells[p->n - 1];
        cell_take_seed(&p->cells[p->n++], s->seeds[i]);
    }
    return 0;
}

static int expand(struct plan *p, const struct hashes *h, struct arena *a, struct err *e)
{
    const struct spec *s = p->spec;
    struct place at;
    bool apart = tells_seeds_apart(s);
    for (at.dataset = 0; at.dataset < s->n_datasets; at.dataset++)
        for (at.model = 0; at.model < s->n_models; at.model++)
            for (at.method = 0; at.method < s->n_methods; at.method++)
                for (at.sweep = 0; at.sweep < s->n_sweep_points; at.sweep++)
                    for (at.protocol = 0; at.protocol < s->n_protocols; at.protocol++)
                        if (make_cells(p, h, &at, apart, a, e) != 0)
                            return -1;
    return 0;
}

/* What a spec says and no cell heard is a mistake. */
static int check_used(const struct spec *s, struct err *e)
{
    for (int i = 0; s->set && i < s->set->n; i++)
        if (!s->set_used[i])
            return yaml_error(&s->set->keys[i], e, "\"%s\" applies to no cell of this matrix",
                              s->set->keys[i].text);
    for (int i = 0; i < s->n_overrides; i++)
        for (int k = 0; k < s->overrides[i].set->n; k++)
            if (!s->overrides[i].used[k])
                return yaml_error(&s->overrides[i].set->keys[k], e,
                                  "\"%s\" is set for no cell: nothing in this matrix meets "
                                  "the override's conditions",
                                  s->overrides[i].set->keys[k].text);
    for (int i = 0; i < s->n_excludes; i++)
        if (!s->excludes[i].used[0])
            return yaml_error(s->excludes[i].node, e, "this exclusion matches no cell");
    return 0;
}

static int compare_ids(const void *a, const void *b)
{
    const struct cell *const *x = a, *const *y = b;
    int order = strcmp((*x)->id, (*y)->id);
    return order ? order : (*x > *y) - (*x < *y);
}

static int check_unique(const struct plan *p, struct err *e)
{
    const struct cell **sorted = xmalloc((size_t)p->n * sizeof *sorted), *twice = NULL;
    for (int i = 0; i < p->n; i++)
        sorted[i] = &p->cells[i];
    qsort(sorted, (size_t)p->n, sizeof *sorted, compare_ids);
    for (int i = 1; i < p->n; i++)
        if (strcmp(sorted[i]->id, sorted[i - 1]->id) == 0 && (!twice || sorted[i] < twice))
            twice = sorted[i];
    free(sorted);
    return twice ? err_usage(e,
                             "%s: two cells are the same: %s, %s, %s, seed %llu; remove one "
                             "of the methods or the override that makes them equal",
                             p->spec->path, twice->dataset->name, twice->model->name,
                             twice->method_label, (unsigned long long)twice->seed)
                 : 0;
}

int plan_make(struct plan *p, const struct spec *s, struct arena *a, struct err *e)
{
    *p = (struct plan){.spec = s};
    size_t n = (size_t)s->n_datasets * (size_t)s->n_models * (size_t)s->n_methods *
               (size_t)s->n_protocols * (size_t)s->n_seeds * (size_t)s->n_sweep_points;
    if (n > 1000000)
        return err_usage(e, "%s: %zu cells are more than a million", s->path, n);
    p->cells = arena_array(a, n, sizeof *p->cells);
    struct hashes h;
    if (resolve(&h, s, a, e) != 0 || expand(p, &h, a, e) != 0 || check_used(s, e) != 0)
        return -1;
    if (p->n == 0)
        return err_usage(e, "%s: everything is excluded; no cell is left", s->path);
    return check_unique(p, e);
}

static void copy_estimate(struct cell *to, const struct cell *from)
{
    to->trainable_params = from->trainable_params;
    to->total_params = from->total_params;
    to->est_memory_bytes = from->est_memory_bytes;
    to->est_seconds = from->est_seconds;
}

int plan_estimate(struct plan *p, struct err *e)
{
    struct estimate *made = NULL;
    int *made_for = NULL;
    int n_made = 0, n_room = 0, rc = 0;
    for (int i = 0; i < p->n && rc == 0; i++) {
        struct cell *c = &p->cells[i];
        if (i > 0 && c->lines == c[-1].lines) { /* they differ in their seeds only */
            copy_estimate(c, &c[-1]);
            continue;
        }
        if (n_made == n_room) {
            n_room = n_room ? 2 * n_room : 64;
            made = xrealloc(made, (size_t)n_room * sizeof *made);
            made_for = xrealloc(made_for, (size_t)n_room * sizeof *made_for);
        }
        int k = n_made; /* neighbours are alike: the latest first */
        while (--k >= 0 && !estimate_serves(&p->cells[made_for[k]], c))
            continue;
        if (k < 0) {
            k = n_made++;
            rc = estimate_make(&made[k], c, e);
            made_for[k] = i;
        }
        if (rc == 0)
            estimate_fill(c, &made[k]);
        else
            err_wrap(e, "%s with %s", c->model->name, c->method_label);
    }
    free(made);
    free(made_for);
    return rc;
}

/* --- narrowing ---------------------------------------------------------------- */

static const char *const only_keys[] = {"cell_id", "model",    "method", "dataset", "init",
                                        "family",  "protocol", "seed",   NULL};

static bool cell_has(const struct cell *c, const struct only *o)
{
    long seed;
    switch (str_index(only_keys, o->key)) {
    case 0:
        return str_starts(c->id, o->value);
    case 1:
        return strcmp(c->model->name, o->value) == 0;
    case 2:
        return strcmp(c->method->name, o->value) == 0 || strcmp(c->method_label, o->value) == 0;
    case 3:
        return strcmp(c->dataset->name, o->value) == 0;
    case 4:
        return strcmp(c->model->random_init ? "random" : "pretrained", o->value) == 0;
    case 5:
        return strcmp(c->model->family->name, o->value) == 0;
    case 6:
        return strcmp(c->protocol, o->value) == 0;
    default:
        return str_to_long(&seed, o->value) == 0 && seed >= 0 && (uint64_t)seed == c->seed;
    }
}

/* Whether for each key one of its values fits. */
static bool fits(const struct cell *c, const struct only *only, int n_only)
{
    for (int i = 0; i < n_only; i++) {
        bool any = false;
        for (int k = 0; k < n_only && !any; k++)
            any = strcmp(only[k].key, only[i].key) == 0 && cell_has(c, &only[k]);
        if (!any)
            return false;
    }
    return true;
}

static int check_only(const struct plan *p, const struct only *o, struct err *e)
{
    if (str_index(only_keys, o->key) < 0) {
        int n = 0;
        while (only_keys[n])
            n++;
        const char *near = str_nearest(only_keys, n, o->key);
        return err_usage(e, "--only %s=%s: unknown key; %s%s%s", o->key, o->value,
                         near ? "did you mean \"" : "known are cell_id, model, method, dataset, ",
                         near ? near : "init, family, protocol, seed", near ? "\"?" : "");
    }
    for (int i = 0; i < p->n; i++)
        if (cell_has(&p->cells[i], o))
            return 0;
    return err_usage(e, "--only %s=%s: no cell of %s has this", o->key, o->value, p->spec->path);
}

int plan_only(struct plan *p, const struct only *only, int n_only, struct err *e)
{
    for (int i = 0; i < n_only; i++)
        if (check_only(p, &only[i], e) != 0)
            return -1;
    int n = 0;
    for (int i = 0; i < p->n; i++)
        if (fits(&p->cells[i], only, n_only))
            p->cells[n++] = p->cells[i];
    p->n = n;
    return 0;
}

int plan_read(struct plan *p, const char *path, const struct only *only, int n_only,
              struct arena *a, struct err *e)
{
    struct spec *s = arena_alloc(a, sizeof *s);
    if (spec_read(s, path, a, e) != 0 || plan_make(p, s, a, e) != 0)
        return -1;
    return plan_only(p, only, n_only, e);
}

const char *const *plan_ids(const struct plan *p, struct arena *a)
{
    const char **ids = arena_array(a, (size_t)p->n + 1, sizeof *ids);
    for (int i = 0; i < p->n; i++)
        ids[i] = p->cells[i].id;
    return ids;
}
