#include "reports/data.h"

#include "harness/base/stats.h"
#include "harness/base/str.h"
#include "reports/read.h"
#include "results/query.h"

#include <assert.h>
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* All that may tell two cells of one model, method, data set and seed apart: one
 * "name=value" a line. */
static const char *options_of(const struct report_cell *c, struct arena *a)
{
    const char *end = str_ends(c->method_options, "\n") || *c->method_options == '\0' ? "" : "\n";
    return arena_printf(a, "%s%sprecision=%s\n%s", c->method_options, end, c->precision,
                        c->protocol_options);
}

static bool has_line(const char *lines, const char *line, size_t n_bytes)
{
    for (const char *at = lines; *at != '\0'; at += strcspn(at, "\n"), at += *at == '\n') {
        if (strcspn(at, "\n") == n_bytes && memcmp(at, line, n_bytes) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_varying(const struct str *names, const char *name, size_t n_bytes)
{
    return has_line(str_text(names), name, n_bytes);
}

/* Adds to names (one a line) each option of a that b has not just so. */
static void add_differing(struct str *names, const char *a, const char *b)
{
    for (const char *at = a; *at != '\0'; at += strcspn(at, "\n"), at += *at == '\n') {
        size_t n_line = strcspn(at, "\n"), n_name = strcspn(at, "=\n");
        if (!has_line(b, at, n_line) && !is_varying(names, at, n_name)) {
            str_add_bytes(names, at, n_name);
            str_add_char(names, '\n');
        }
    }
}

/* "lora" where there is one lora, "lora r=8" where there are several. */
static void label_cells(struct report_data *d)
{
    struct str names = {0};
    const char **options = arena_array(d->arena, (size_t)d->n_cells, sizeof *options);
    for (int i = 0; i < d->n_cells; i++) {
        options[i] = options_of(&d->cells[i], d->arena);
    }
    for (int i = 0; i < d->n_cells; i++) {
        struct report_cell *c = &d->cells[i];
        if (c->label != NULL) {
            continue;
        }
        str_clear(&names);
        for (int j = i; j < d->n_cells; j++) {
            for (int k = i; str_equal(d->cells[j].method, c->method) && k < d->n_cells; k++) {
                const struct report_cell *x = &d->cells[j], *y = &d->cells[k];
                if (str_equal(y->method, c->method) && x->seed == y->seed &&
                    str_equal(x->model, y->model) && str_equal(x->shown, y->shown)) {
                    add_differing(&names, options[j], options[k]);
                }
            }
        }
        for (int j = i; j < d->n_cells; j++) {
            if (!str_equal(d->cells[j].method, c->method)) {
                continue;
            }
            struct str label = {0};
            str_add(&label, c->method);
            for (const char *at = options[j]; *at != '\0';
                 at += strcspn(at, "\n"), at += *at == '\n') {
                if (is_varying(&names, at, strcspn(at, "=\n"))) {
                    str_add_char(&label, ' ');
                    str_add_bytes(&label, at, strcspn(at, "\n"));
                }
            }
            d->cells[j].label = arena_strdup(d->arena, str_text(&label));
            str_release(&label);
        }
    }
    str_release(&names);
}

/* Of cells with one label, model, data set and seed the newest counts: the
 * others differ in weights, data or the engine's numerics. */
static void mark_superseded(struct report_data *d)
{
    for (int i = 0; i < d->n_cells; i++) {
        for (int j = 0; j < d->n_cells; j++) {
            const struct report_cell *newer = &d->cells[j];
            struct report_cell *c = &d->cells[i];
            if (i == j || newer->superseded || c->seed != newer->seed ||
                !str_equal(c->label, newer->label) || !str_equal(c->model, newer->model) ||
                !str_equal(c->shown, newer->shown)) {
                continue;
            }
            int order = strcmp(newer->started, c->started);
            c->superseded = c->superseded || order > 0 || (order == 0 && j > i);
        }
    }
}

struct named {
    const char *name;
    int64_t size;
};

static int by_size(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    return x->size != y->size ? (x->size > y->size) - (x->size < y->size)
                              : strcmp(x->name, y->name);
}

static int by_falling_size(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    return x->size != y->size ? (y->size > x->size) - (y->size < x->size)
                              : strcmp(x->name, y->name);
}

/* Adds name with the largest of its sizes. */
static void add_named(struct named *list, int *n, const char *name, int64_t size)
{
    for (int i = 0; i < *n; i++) {
        if (str_equal(list[i].name, name)) {
            list[i].size = size > list[i].size ? size : list[i].size;
            return;
        }
    }
    list[(*n)++] = (struct named){name, size};
}

static const char **names_of(struct report_data *d, const struct named *list, int n)
{
    const char **names = arena_array(d->arena, (size_t)n, sizeof *names);
    for (int i = 0; i < n; i++) {
        names[i] = list[i].name;
    }
    return names;
}

static int index_of(const char *const *names, int n, const char *name)
{
    int i = 0;
    while (i < n && !str_equal(names[i], name)) {
        i++;
    }
    return i;
}

/* The newest description of the data set that is shown as x->shown. */
static int describe_dataset(struct report_data *d, struct report_dataset *x, struct err *e)
{
    const struct report_cell *newest = NULL;
    for (int i = 0; i < d->n_cells; i++) {
        const struct report_cell *c = &d->cells[i];
        if (str_equal(c->shown, x->shown) &&
            (newest == NULL || *newest->data_hash == '\0' ||
             (*c->data_hash != '\0' && strcmp(c->started, newest->started) > 0))) {
            newest = c;
        }
    }
    assert(newest != NULL); /* each name on the axis came from a cell */
    x->name = newest->dataset;
    x->stand_in = newest->stand_in;
    x->data_hash = newest->data_hash;
    struct query q;
    if (query_open(&q, d->store,
                   "SELECT classes, audit, n_examples FROM dataset"
                   " WHERE name = ?1 AND data_hash = ?2",
                   e) != 0) {
        return -1;
    }
    query_bind_text(&q, 1, x->name);
    query_bind_text(&q, 2, x->data_hash);
    int more = query_next(&q, e);
    if (more == 1) {
        x->classes = arena_strdup(d->arena, query_text(&q, 0));
        x->audit = arena_strdup(d->arena, query_text(&q, 1));
        x->n_examples = query_int(&q, 2);
    }
    query_close(&q);
    return more < 0 ? -1 : 0;
}

static int name_axes(struct report_data *d, struct err *e)
{
    size_t n = (size_t)d->n_cells;
    struct named *models = arena_array(d->arena, n, sizeof *models);
    struct named *methods = arena_array(d->arena, n, sizeof *methods);
    struct named *datasets = arena_array(d->arena, n, sizeof *datasets);
    for (size_t i = 0; i < n; i++) {
        const struct report_cell *c = &d->cells[i];
        add_named(models, &d->n_models, c->model, c->total_params);
        add_named(methods, &d->n_methods, c->label, c->trainable_params);
        add_named(datasets, &d->n_datasets, c->shown, 0);
    }
    qsort(models, (size_t)d->n_models, sizeof *models, by_size);
    qsort(methods, (size_t)d->n_methods, sizeof *methods, by_falling_size);
    qsort(datasets, (size_t)d->n_datasets, sizeof *datasets, by_size);
    d->models = names_of(d, models, d->n_models);
    d->methods = names_of(d, methods, d->n_methods);
    d->datasets = arena_array(d->arena, (size_t)d->n_datasets, sizeof *d->datasets);
    for (int i = 0; i < d->n_datasets; i++) {
        d->datasets[i] =
            (struct report_dataset){.shown = datasets[i].name, .classes = "", .audit = ""};
        if (describe_dataset(d, &d->datasets[i], e) != 0) {
            return -1;
        }
    }
    return 0;
}

struct report_group *report_group_at(const struct report_data *d, int model, int method,
                                     int dataset)
{
    return &d->groups[(model * d->n_methods + method) * d->n_datasets + dataset];
}

static int by_seed(const void *a, const void *b)
{
    const struct report_cell *x = *(struct report_cell *const *)a;
    const struct report_cell *y = *(struct report_cell *const *)b;
    return (x->seed > y->seed) - (x->seed < y->seed);
}

static void form_groups(struct report_data *d)
{
    size_t n_groups = (size_t)d->n_models * (size_t)d->n_methods * (size_t)d->n_datasets;
    d->groups = arena_array(d->arena, n_groups, sizeof *d->groups);
    const char **datasets = arena_array(d->arena, (size_t)d->n_datasets, sizeof *datasets);
    for (int i = 0; i < d->n_datasets; i++) {
        datasets[i] = d->datasets[i].shown;
    }
    for (int i = 0; i < d->n_cells; i++) {
        struct report_cell *c = &d->cells[i];
        int model = index_of(d->models, d->n_models, c->model);
        int method = index_of(d->methods, d->n_methods, c->label);
        int dataset = index_of(datasets, d->n_datasets, c->shown);
        struct report_group *g = report_group_at(d, model, method, dataset);
        g->model = model;
        g->method = method;
        g->dataset = dataset;
        if (c->superseded) {
            continue;
        }
        if (g->cells == NULL) {
            g->cells =
                arena_array(d->arena, (size_t)(d->n_cells - i), sizeof(struct report_cell *));
        }
        g->n_failed += str_equal(c->status, "failed");
        g->n_skipped += str_equal(c->status, "skipped");
        if (c->done) {
            g->cells[g->n++] = c;
        }
    }
    for (size_t i = 0; i < n_groups; i++) {
        if (d->groups[i].n > 1) {
            qsort(d->groups[i].cells, (size_t)d->groups[i].n, sizeof(struct report_cell *),
                  by_seed);
        }
    }
}

static int load_protocol(struct report_data *d, struct err *e)
{
    label_cells(d);
    mark_superseded(d);
    if (name_axes(d, e) != 0) {
        return -1;
    }
    form_groups(d);
    return 0;
}

/* "-published", as part of a file name or an anchor. */
static const char *suffix_of(const char *protocol, struct arena *a)
{
    char *suffix = arena_printf(a, "-%s", protocol);
    for (char *c = suffix; *c != '\0'; c++) {
        *c = isalnum((unsigned char)*c) || *c == '.' || *c == '_' ? *c : '-';
    }
    return suffix;
}

static bool has_test_rows(const struct report_data *d)
{
    for (int i = 0; i < d->n_cells; i++) {
        if (d->cells[i].n_test > 0) {
            return true;
        }
    }
    return false;
}

/* Protocols that report on test rows come first: theirs are the numbers to believe. */
static void order_protocols(struct report_set *r)
{
    struct report_data *sorted = arena_array(r->arena, (size_t)r->n, sizeof *sorted);
    int n = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < r->n; i++) {
            if (has_test_rows(&r->items[i]) == (pass == 0)) {
                sorted[n++] = r->items[i];
            }
        }
    }
    r->items = sorted;
}

int report_set_load(struct report_set *r, struct store *s, const char *const *cell_ids,
                    int n_cell_ids, struct arena *a, struct err *e)
{
    *r = (struct report_set){.arena = a, .store = s};
    if (report_set_read(r, cell_ids, n_cell_ids, e) != 0) {
        return -1;
    }
    r->items = arena_array(a, (size_t)r->n_cells, sizeof *r->items);
    for (int i = 0; i < r->n_cells; i++) {
        if (i == 0 || !str_equal(r->cells[i].protocol, r->cells[i - 1].protocol)) {
            r->items[r->n++] = (struct report_data){.arena = a,
                                                    .store = s,
                                                    .protocol = r->cells[i].protocol,
                                                    .suffix = "",
                                                    .cells = &r->cells[i]};
        }
        r->items[r->n - 1].n_cells++;
    }
    order_protocols(r);
    for (int i = 0; i < r->n; i++) {
        if (r->n > 1) {
            r->items[i].suffix = suffix_of(r->items[i].protocol, a);
        }
        if (load_protocol(&r->items[i], e) != 0) {
            return -1;
        }
    }
    return 0;
}

double report_metric(const struct report_cell *c, int which)
{
    return c->metric[which];
}

double report_reported(const struct report_cell *c, int which)
{
    (void)which;
    return c->metric[str_equal(c->metric_unit, "token") ? METRIC_TOKEN_ACCURACY : METRIC_ACCURACY];
}

struct report_mean report_mean_of(const struct report_group *g,
                                  double (*value)(const struct report_cell *c, int which),
                                  int which)
{
    struct report_mean m = {0, NAN, NAN, NAN, NAN};
    if (g->n == 0) {
        return m;
    }
    double *values = xmalloc((size_t)g->n * sizeof *values);
    for (int i = 0; i < g->n; i++) {
        double x = value(g->cells[i], which);
        if (!isnan(x)) {
            values[m.n++] = x;
        }
    }
    if (m.n > 0) {
        m.mean = stats_mean(values, m.n);
    }
    if (m.n > 1) {
        struct interval ends = stats_t_interval(values, m.n, 0.95);
        m.sd = stats_sd(values, m.n);
        m.low = ends.low;
        m.high = ends.high;
    }
    free(values);
    return m;
}

double report_median_of(const struct report_data *d, int model, int method,
                        double (*value)(const struct report_cell *c))
{
    double *values = xmalloc((size_t)(d->n_cells + 1) * sizeof *values);
    int n = 0;
    for (int dataset = 0; dataset < d->n_datasets; dataset++) {
        const struct report_group *g = report_group_at(d, model, method, dataset);
        for (int i = 0; i < g->n; i++) {
            double x = value(g->cells[i]);
            if (!isnan(x)) {
                values[n++] = x;
            }
        }
    }
    double median = n > 0 ? stats_median(values, n) : NAN;
    free(values);
    return median;
}
