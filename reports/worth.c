#include "reports/worth.h"

#include "harness/base/file.h"
#include "harness/base/str.h"
#include "reports/tables.h"

#include <math.h>

/* The index of NAME:random; -1: it did not run. */
static int random_twin(const struct report_data *d, int model)
{
    const char *twin = arena_printf(d->arena, "%s:random", d->models[model]);
    for (int i = 0; i < d->n_models; i++) {
        if (str_equal(d->models[i], twin)) {
            return i;
        }
    }
    return -1;
}

/* What one seed gave, summed over data sets. */
struct seed_sum {
    int64_t seed;
    double pretrained, random;
    int n_datasets;
};

struct seed_sums {
    struct seed_sum *items;
    int n;
};

static void add(struct seed_sums *s, int64_t seed, double pretrained, double random)
{
    int i = 0;
    while (i < s->n && s->items[i].seed != seed) {
        i++;
    }
    if (i == s->n) {
        s->items[s->n++] = (struct seed_sum){.seed = seed};
    }
    s->items[i].pretrained += pretrained;
    s->items[i].random += random;
    s->items[i].n_datasets++;
}

/* Seeds that two groups share; cells stand by seed. */
static void add_shared(struct seed_sums *s, const struct report_group *a,
                       const struct report_group *b)
{
    for (int i = 0, j = 0; i < a->n && j < b->n;) {
        const struct report_cell *x = a->cells[i], *y = b->cells[j];
        if (x->seed == y->seed) {
            add(s, x->seed, x->metric[METRIC_ACCURACY], y->metric[METRIC_ACCURACY]);
        }
        i += x->seed <= y->seed;
        j += y->seed <= x->seed;
    }
}

/* Of the seeds that have all n_datasets data sets. */
static struct worth_row conclude(const struct seed_sums *s, int n_datasets, struct arena *a)
{
    struct worth_row row = {.n_datasets = n_datasets, .ci = {NAN, NAN}};
    double *differences = arena_array(a, (size_t)s->n, sizeof *differences);
    for (int i = 0; i < s->n; i++) {
        const struct seed_sum *x = &s->items[i];
        if (x->n_datasets == n_datasets) {
            row.pretrained += x->pretrained / n_datasets;
            row.random += x->random / n_datasets;
            differences[row.n_seeds++] = (x->pretrained - x->random) / n_datasets;
        }
    }
    if (row.n_seeds > 0) {
        row.pretrained /= row.n_seeds;
        row.random /= row.n_seeds;
        row.difference = stats_mean(differences, row.n_seeds);
    }
    if (row.n_seeds > 1) {
        row.ci = stats_t_interval(differences, row.n_seeds, 0.95);
    }
    return row;
}

static void put(struct worth *w, struct worth_row row, int model, int method, int dataset)
{
    row.model = model;
    row.method = method;
    row.dataset = dataset;
    if (row.n_seeds > 0) {
        w->rows[w->n++] = row;
    }
}

static void add_rows(struct worth *w, const struct report_data *d, int model, int twin, int method)
{
    size_t n_cells = (size_t)d->n_cells;
    struct seed_sums all = {arena_array(d->arena, n_cells, sizeof *all.items), 0};
    int n_datasets = 0;
    for (int dataset = 0; dataset < d->n_datasets; dataset++) {
        const struct report_group *a = report_group_at(d, model, method, dataset);
        const struct report_group *b = report_group_at(d, twin, method, dataset);
        struct seed_sums one = {arena_array(d->arena, n_cells, sizeof *one.items), 0};
        add_shared(&one, a, b);
        add_shared(&all, a, b);
        n_datasets += one.n > 0;
        put(w, conclude(&one, 1, d->arena), model, method, dataset);
    }
    if (n_datasets > 1) {
        put(w, conclude(&all, n_datasets, d->arena), model, method, -1);
    }
}

struct worth worth_of(const struct report_data *d)
{
    size_t n_most = (size_t)d->n_models * (size_t)d->n_methods * (size_t)(d->n_datasets + 1);
    struct worth w = {arena_array(d->arena, n_most, sizeof *w.rows), 0};
    for (int model = 0; model < d->n_models; model++) {
        int twin = random_twin(d, model);
        for (int method = 0; twin >= 0 && method < d->n_methods; method++) {
            add_rows(&w, d, model, twin, method);
        }
    }
    return w;
}

static void add_line(struct str *s, const struct report_data *d, const struct worth_row *row)
{
    const struct report_dataset *x = row->dataset >= 0 ? &d->datasets[row->dataset] : NULL;
    csv_text(s, d->protocol, ',');
    csv_text(s, d->models[row->model], ',');
    csv_text(s, d->methods[row->method], ',');
    csv_text(s, x != NULL ? x->name : "(all)", ',');
    csv_text(s, x != NULL && x->stand_in != NULL ? x->stand_in : "", ',');
    csv_int(s, row->n_seeds, ',');
    csv_real(s, row->pretrained, ',');
    csv_real(s, row->random, ',');
    csv_real(s, row->difference, ',');
    csv_real(s, row->ci.low, ',');
    csv_real(s, row->ci.high, '\n');
}

int worth_write(const struct report_set *r, const char *dir, struct err *e)
{
    struct str text = {0}, path = {0};
    int n = 0, status = 0;
    str_add(&text, "protocol,model,method,dataset,stand_in,n_seeds,accuracy_pretrained,"
                   "accuracy_random,difference,low_95,high_95\n");
    for (int i = 0; i < r->n; i++) {
        struct worth w = worth_of(&r->items[i]);
        for (int k = 0; k < w.n; k++) {
            add_line(&text, &r->items[i], &w.rows[k]);
        }
        n += w.n;
    }
    if (n > 0) {
        status = file_write(file_join(&path, dir, "worth.csv"), str_text(&text), text.len, e);
    }
    str_release(&text);
    str_release(&path);
    return status;
}
