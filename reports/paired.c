#include "reports/paired.h"

#include "harness/base/file.h"
#include "harness/base/str.h"
#include "reports/tables.h"
#include "results/query.h"

#include <stdlib.h>
#include <string.h>

enum { N_RESAMPLES = 1000 };

/* What one cell predicted, by position in its split. */
struct outcomes {
    uint64_t *row_hash; /* [n] */
    bool *correct;      /* [n] */
    int n;
};

/* One row that both methods predicted with one seed. */
struct shared_row {
    uint64_t hash;
    int seed, position;
    bool a, b;
};

static int read_outcomes(struct outcomes *o, const struct report_data *d,
                         const struct report_cell *c, struct arena *a, struct err *e)
{
    struct query q;
    if (query_open(&q, d->store,
                   "SELECT row_hash, label = predicted, count(*) OVER () FROM example"
                   " WHERE cell = ?1 AND split = ?2 ORDER BY position",
                   e) != 0) {
        return -1;
    }
    query_bind_int(&q, 1, c->id);
    query_bind_text(&q, 2, c->split);
    int more;
    *o = (struct outcomes){0};
    while ((more = query_next(&q, e)) == 1) {
        if (o->n == 0) {
            size_t n = (size_t)query_int(&q, 2);
            o->row_hash = arena_array(a, n, sizeof *o->row_hash);
            o->correct = arena_array(a, n, sizeof *o->correct);
        }
        o->row_hash[o->n] = strtoull(query_text(&q, 0), NULL, 16);
        o->correct[o->n++] = query_int(&q, 1) != 0;
    }
    query_close(&q);
    return more;
}

static int by_hash_and_seed(const void *x, const void *y)
{
    const struct shared_row *a = x, *b = y;
    if (a->hash != b->hash) {
        return a->hash < b->hash ? -1 : 1;
    }
    return a->seed != b->seed ? (a->seed > b->seed) - (a->seed < b->seed)
                              : (a->position > b->position) - (a->position < b->position);
}

static bool same_rows(const struct outcomes *a, const struct outcomes *b)
{
    return a->n == b->n &&
           (a->n == 0 || memcmp(a->row_hash, b->row_hash, (size_t)a->n * sizeof *a->row_hash) == 0);
}

/* A group and what its cells predicted. */
struct contender {
    const struct report_group *group;
    const struct outcomes *outcomes; /* [group->n] */
};

/* Rows of the seeds that both have on the same split, sorted. */
static int collect(struct shared_row **rows, struct paired_test *t, const struct contender *a,
                   const struct contender *b, struct arena *arena)
{
    int n_most = 0, n = 0;
    for (int i = 0; i < a->group->n; i++) {
        n_most += a->outcomes[i].n;
    }
    *rows = arena_array(arena, (size_t)n_most, sizeof **rows);
    for (int i = 0; i < a->group->n; i++) {
        const struct outcomes *x = &a->outcomes[i];
        for (int j = 0; j < b->group->n; j++) {
            const struct outcomes *y = &b->outcomes[j];
            if (a->group->cells[i]->seed != b->group->cells[j]->seed || !same_rows(x, y)) {
                continue;
            }
            t->n_seeds++;
            for (int k = 0; k < x->n; k++) {
                (*rows)[n++] =
                    (struct shared_row){x->row_hash[k], i, k, x->correct[k], y->correct[k]};
            }
        }
    }
    qsort(*rows, (size_t)n, sizeof **rows, by_hash_and_seed);
    return n;
}

static void test_pair(struct paired_test *t, const struct shared_row *rows, int n,
                      struct arena *arena)
{
    double *a = arena_array(arena, (size_t)n, sizeof *a);
    double *b = arena_array(arena, (size_t)n, sizeof *b);
    for (int i = 0, end; i < n; i = end) {
        double hits_a = 0, hits_b = 0;
        for (end = i; end < n && rows[end].hash == rows[i].hash; end++) {
            hits_a += rows[end].a;
            hits_b += rows[end].b;
        }
        a[t->n_rows] = hits_a / (end - i);
        b[t->n_rows++] = hits_b / (end - i);
        t->only_a += rows[i].a && !rows[i].b;
        t->only_b += rows[i].b && !rows[i].a;
    }
    if (t->n_rows == 0) {
        return;
    }
    struct rng draws = {.seed = 1, .stream = RNG_BOOTSTRAP};
    t->difference = stats_mean(a, t->n_rows) - stats_mean(b, t->n_rows);
    t->ci = stats_paired_bootstrap(a, b, t->n_rows, N_RESAMPLES, 0.95, &draws);
    t->p = stats_mcnemar(t->only_a, t->only_b).mid_p;
}

static void adjust(struct paired_test *tests, int n, struct arena *arena)
{
    double *p = arena_array(arena, (size_t)n, sizeof *p);
    int n_p = 0;
    for (int i = 0; i < n; i++) {
        if (tests[i].n_rows > 0) {
            p[n_p++] = tests[i].p;
        }
    }
    stats_holm(p, n_p);
    for (int i = 0, k = 0; i < n; i++) {
        if (tests[i].n_rows > 0) {
            tests[i].p_holm = p[k++];
        }
    }
}

static int load_table(struct paired_table *table, const struct report_data *d, int model,
                      int dataset, struct err *e)
{
    struct arena scratch = {0};
    size_t n_methods = (size_t)d->n_methods;
    struct outcomes **outcomes = arena_array(&scratch, n_methods, sizeof *outcomes);
    table->tests = arena_array(d->arena, n_methods * n_methods / 2 + 1, sizeof *table->tests);
    int status = 0;
    for (int i = 0; status == 0 && i < d->n_methods; i++) {
        const struct report_group *g = report_group_at(d, model, i, dataset);
        outcomes[i] = arena_array(&scratch, (size_t)g->n, sizeof **outcomes);
        for (int k = 0; status == 0 && k < g->n; k++) {
            status = read_outcomes(&outcomes[i][k], d, g->cells[k], &scratch, e);
        }
    }
    for (int i = 0; status == 0 && i < d->n_methods; i++) {
        const struct report_group *ga = report_group_at(d, model, i, dataset);
        for (int j = i + 1; j < d->n_methods; j++) {
            const struct report_group *gb = report_group_at(d, model, j, dataset);
            if (ga->n == 0 || gb->n == 0) {
                continue;
            }
            struct arena once = {0};
            struct paired_test *t = &table->tests[table->n++];
            *t = (struct paired_test){.a = i, .b = j};
            struct shared_row *rows;
            const struct contender a = {ga, outcomes[i]}, b = {gb, outcomes[j]};
            int n_rows = collect(&rows, t, &a, &b, &once);
            test_pair(t, rows, n_rows, &once);
            arena_release(&once);
        }
    }
    adjust(table->tests, table->n, &scratch);
    arena_release(&scratch);
    return status;
}

int paired_load(struct paired_table **out, const struct report_data *d, struct err *e)
{
    int n_tables = d->n_models * d->n_datasets, status = 0;
    *out = arena_array(d->arena, (size_t)n_tables, sizeof **out);
    for (int i = 0; status == 0 && i < n_tables; i++) {
        status = load_table(&(*out)[i], d, i / d->n_datasets, i % d->n_datasets, e);
    }
    return status;
}

static void add_test(struct str *s, const struct report_data *d, int model, int dataset,
                     const struct paired_test *t)
{
    const struct report_dataset *x = &d->datasets[dataset];
    csv_text(s, d->protocol, ',');
    csv_text(s, d->models[model], ',');
    csv_text(s, x->name, ',');
    csv_text(s, x->stand_in != NULL ? x->stand_in : "", ',');
    csv_text(s, d->methods[t->a], ',');
    csv_text(s, d->methods[t->b], ',');
    csv_int(s, t->n_seeds, ',');
    csv_int(s, t->n_rows, ',');
    csv_real(s, t->difference, ',');
    csv_real(s, t->ci.low, ',');
    csv_real(s, t->ci.high, ',');
    csv_int(s, t->only_a, ',');
    csv_int(s, t->only_b, ',');
    csv_real(s, t->p, ',');
    csv_real(s, t->p_holm, '\n');
}

static void add_tests(struct str *s, const struct paired_table *tables, const struct report_data *d)
{
    for (int i = 0; i < d->n_models * d->n_datasets; i++) {
        for (int k = 0; k < tables[i].n; k++) {
            if (tables[i].tests[k].n_rows > 0) {
                add_test(s, d, i / d->n_datasets, i % d->n_datasets, &tables[i].tests[k]);
            }
        }
    }
}

int paired_write(struct paired_table *const *tables, const struct report_set *r, const char *dir,
                 struct err *e)
{
    struct str text = {0}, path = {0};
    str_add(&text, "protocol,model,dataset,stand_in,method_a,method_b,n_seeds,n_rows,difference,"
                   "low_95,high_95,only_a_right,only_b_right,p_mcnemar,p_holm\n");
    for (int i = 0; i < r->n; i++) {
        add_tests(&text, tables[i], &r->items[i]);
    }
    int status = file_write(file_join(&path, dir, "paired.csv"), str_text(&text), text.len, e);
    str_release(&text);
    str_release(&path);
    return status;
}
