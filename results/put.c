/* Storing one result in one transaction (store.h, store_put_result). */
#include "results/store.h"

#include "harness/base/arena.h"
#include "harness/base/hash.h"
#include "harness/base/str.h"
#include "results/internal.h"
#include "results/query.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "logits are stored little endian, as they lie in memory");
_Static_assert(sizeof(int) == sizeof(int32_t), "token ids are stored as they lie in memory");

static int by_key(const void *a, const void *b)
{
    const struct environment_fact *x = a, *y = b;
    return strcmp(x->key, y->key);
}

int store_put_environment(struct store *s, const struct environment_fact *facts, int n_facts,
                          char environment_id[HASH_HEX_SIZE], struct err *e)
{
    struct arena a = {0};
    size_t n = (size_t)n_facts;
    struct environment_fact *pairs = arena_array(&a, n, sizeof *pairs);
    for (size_t i = 0; i < n; i++) {
        pairs[i] = facts[i];
    }
    qsort(pairs, n, sizeof *pairs, by_key);
    struct str lines = {0};
    for (size_t i = 0; i < n; i++) {
        str_printf(&lines, "%s=%s\n", pairs[i].key, pairs[i].value);
    }
    hash_bytes(environment_id, str_text(&lines), lines.len);
    str_release(&lines);

    struct query q;
    int status = query_open(&q, s, "INSERT OR IGNORE INTO environment VALUES (?1, ?2, ?3)", e);
    for (size_t i = 0; status == 0 && i < n; i++) {
        query_bind_text(&q, 1, environment_id);
        query_bind_text(&q, 2, pairs[i].key);
        query_bind_text(&q, 3, pairs[i].value);
        status = query_run(&q, e);
    }
    query_close(&q);
    arena_release(&a);
    return status;
}

static int put_dataset(struct store *s, const char *name, const struct result_dataset *d,
                       struct err *e)
{
    struct query q;
    if (query_open(&q, s,
                   "INSERT INTO dataset VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
                   " ON CONFLICT (name, data_hash) DO UPDATE SET"
                   " audit = iif(excluded.audit = '', audit, excluded.audit)",
                   e) != 0) {
        return -1;
    }
    query_bind_text(&q, 1, name);
    query_bind_text(&q, 2, d->data_hash);
    query_bind_text(&q, 3, d->stand_in);
    query_bind_int(&q, 4, d->n_examples);
    query_bind_text(&q, 5, d->classes);
    query_bind_text(&q, 6, d->audit);
    int status = query_run(&q, e);
    query_close(&q);
    return status;
}

/* Removes what the cell had. *attempts is how often it was stored before. */
static int remove_old(struct store *s, const char *cell_id, int64_t *attempts, struct err *e)
{
    struct query q;
    if (query_open(&q, s, "SELECT attempts FROM run JOIN cell ON cell.id = cell WHERE cell_id = ?1",
                   e) != 0) {
        return -1;
    }
    query_bind_text(&q, 1, cell_id);
    int status = query_next(&q, e);
    *attempts = status == 1 ? query_int(&q, 0) : 0;
    query_close(&q);
    if (status < 0 || query_open(&q, s, "DELETE FROM cell WHERE cell_id = ?1", e) != 0) {
        return -1;
    }
    query_bind_text(&q, 1, cell_id);
    status = query_run(&q, e);
    query_close(&q);
    return status;
}

static int put_cell(struct store *s, const struct result *r, int64_t *id, struct err *e)
{
    const struct result_cell *c = &r->cell;
    const char *const texts[] = {
        c->cell_id, c->canonical,         c->model,    c->method,          c->method_options,
        c->dataset, r->dataset.data_hash, c->protocol, c->protocol_options};
    enum { N_TEXTS = sizeof texts / sizeof *texts };
    assert(c->seed <= INT64_MAX);
    struct query q;
    if (query_open(&q, s,
                   "INSERT INTO cell VALUES"
                   " (NULL, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
                   e) != 0) {
        return -1;
    }
    for (int i = 0; i < N_TEXTS; i++) {
        query_bind_text(&q, i + 1, texts[i]);
    }
    query_bind_int(&q, N_TEXTS + 1, (int64_t)c->seed);
    query_bind_text(&q, N_TEXTS + 2, c->precision);
    query_bind_int(&q, N_TEXTS + 3, c->trainable_params);
    query_bind_int(&q, N_TEXTS + 4, c->total_params);
    query_bind_text(&q, N_TEXTS + 5, c->spec_path);
    query_bind_text(&q, N_TEXTS + 6, c->spec_hash);
    int status = query_run(&q, e);
    query_close(&q);
    *id = sqlite3_last_insert_rowid(s->db);
    return status;
}

static double rate(int64_t count, double seconds)
{
    return seconds > 0 ? (double)count / seconds : 0;
}

static int put_run(struct store *s, int64_t id, int64_t attempts, const struct result_run *run,
                   struct err *e)
{
    char environment_id[HASH_HEX_SIZE];
    struct query q;
    if (store_put_environment(s, run->environment, run->n_environment, environment_id, e) != 0 ||
        query_open(&q, s,
                   "INSERT INTO run VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13,"
                   " ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25)",
                   e) != 0) {
        return -1;
    }
    query_bind_int(&q, 1, id);
    query_bind_text(&q, 2, result_status_name(run->status));
    query_bind_text(&q, 3, run->message);
    query_bind_int(&q, 4, attempts);
    query_bind_int(&q, 5, run->resumed);
    query_bind_text(&q, 6, run->started);
    query_bind_real(&q, 7, run->seconds);
    query_bind_real(&q, 8, run->train_seconds);
    query_bind_int(&q, 9, run->peak_rss_bytes);
    query_bind_int(&q, 10, run->train_tokens);
    query_bind_int(&q, 11, run->train_examples);
    query_bind_real(&q, 12, rate(run->train_tokens, run->train_seconds));
    query_bind_real(&q, 13, rate(run->train_examples, run->train_seconds));
    query_bind_int(&q, 14, run->best_epoch);
    query_bind_int(&q, 15, run->n_train);
    query_bind_int(&q, 16, run->n_validation);
    query_bind_int(&q, 17, run->n_test);
    query_bind_text(&q, 18, environment_id);
    query_bind_int(&q, 19, run->numerics_version);
    query_bind_text(&q, 20, run->blas_core);
    query_bind_text(&q, 21, run->determinism);
    query_bind_text(&q, 22, run->commit);
    query_bind_int(&q, 23, run->n_updates);
    query_bind_real(&q, 24, run->leak_rate);
    query_bind_int(&q, 25, run->n_cut_targets);
    int status = query_run(&q, e);
    query_close(&q);
    return status;
}

static int put_epochs(struct store *s, int64_t id, const struct result *r, struct err *e)
{
    struct query q;
    int status = query_open(&q, s, "INSERT INTO epoch VALUES (?1, ?2, ?3, ?4)", e);
    for (int i = 0; status == 0 && i < r->n_epochs; i++) {
        query_bind_int(&q, 1, id);
        query_bind_int(&q, 2, i + 1);
        query_bind_real(&q, 3, r->epochs[i].train_loss);
        query_bind_real(&q, 4, r->epochs[i].seconds);
        status = query_run(&q, e);
    }
    query_close(&q);
    return status;
}

static int put_epoch_metrics(struct store *s, int64_t id, const struct result *r, struct err *e)
{
    struct query q;
    int status = query_open(&q, s, "INSERT INTO epoch_metric VALUES (?1, ?2, ?3, ?4)", e);
    for (int i = 0; status == 0 && i < r->n_epochs * METRIC_COUNT; i++) {
        double value = r->epochs[i / METRIC_COUNT].metric[i % METRIC_COUNT];
        if (isnan(value)) {
            continue;
        }
        query_bind_int(&q, 1, id);
        query_bind_int(&q, 2, i / METRIC_COUNT + 1);
        query_bind_text(&q, 3, metric_name((enum metric)(i % METRIC_COUNT)));
        query_bind_real(&q, 4, value);
        status = query_run(&q, e);
    }
    query_close(&q);
    return status;
}

static int put_steps(struct store *s, int64_t id, const struct result *r, struct err *e)
{
    struct query q;
    int status = query_open(&q, s, "INSERT INTO step VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)", e);
    for (int i = 0; status == 0 && i < r->n_steps; i++) {
        const struct result_step *step = &r->steps[i];
        query_bind_int(&q, 1, id);
        query_bind_int(&q, 2, i + 1);
        query_bind_int(&q, 3, step->epoch);
        query_bind_real(&q, 4, step->loss);
        query_bind_real(&q, 5, step->learning_rate);
        query_bind_real(&q, 6, step->grad_norm);
        query_bind_int(&q, 7, step->tokens);
        status = query_run(&q, e);
    }
    query_close(&q);
    return status;
}

static int put_examples(struct store *s, int64_t id, const struct result_split *split,
                        struct err *e)
{
    const struct predictions *p = &split->rows;
    struct query q;
    int status = query_open(&q, s, "INSERT INTO example VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)", e);
    for (int i = 0; status == 0 && i < p->n; i++) {
        char row_hash[17];
        snprintf(row_hash, sizeof row_hash, "%016" PRIx64, split->row_hash[i]);
        size_t n_classes = (size_t)p->n_classes;
        query_bind_int(&q, 1, id);
        query_bind_text(&q, 2, split->name);
        query_bind_int(&q, 3, i);
        query_bind_text(&q, 4, row_hash);
        query_bind_int(&q, 5, p->label[i]);
        query_bind_int(&q, 6, p->predicted[i]);
        query_bind_blob(&q, 7, p->logits + (size_t)i * n_classes, n_classes * sizeof *p->logits);
        status = query_run(&q, e);
    }
    query_close(&q);
    return status;
}

static int put_metrics(struct store *s, int64_t id, const struct result_split *split, struct err *e)
{
    double values[METRIC_COUNT];
    metrics_compute(values, &split->rows);
    struct query q;
    int status = query_open(&q, s, "INSERT INTO metric VALUES (?1, ?2, ?3, ?4)", e);
    for (int m = 0; status == 0 && m < METRIC_COUNT; m++) {
        if (isnan(values[m])) {
            continue;
        }
        query_bind_int(&q, 1, id);
        query_bind_text(&q, 2, split->name);
        query_bind_text(&q, 3, metric_name(m));
        query_bind_real(&q, 4, values[m]);
        status = query_run(&q, e);
    }
    query_close(&q);
    return status;
}

static int put_targets(struct store *s, int64_t id, const struct predictions *p, struct err *e)
{
    struct query q;
    int status = query_open(&q, s, "INSERT INTO target VALUES (?1, ?2, ?3, ?4)", e);
    for (int c = 0; status == 0 && c < p->n_classes; c++) {
        query_bind_int(&q, 1, id);
        query_bind_int(&q, 2, c);
        query_bind_text(&q, 3, p->said->answer[c]);
        query_bind_int(&q, 4, p->said->target_length[c]);
        status = query_run(&q, e);
    }
    query_close(&q);
    return status;
}

static int put_said(struct store *s, int64_t id, const struct result_split *split, struct err *e)
{
    const struct said *said = split->rows.said;
    struct query q;
    int status = query_open(&q, s, "INSERT INTO said VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)", e);
    for (int i = 0; status == 0 && i < split->rows.n; i++) {
        int at = said->offsets[i];
        size_t n_tok = (size_t)(said->offsets[i + 1] - at);
        query_bind_int(&q, 1, id);
        query_bind_text(&q, 2, split->name);
        query_bind_int(&q, 3, i);
        query_bind_text(&q, 4, said->text != NULL ? said->text[i] : NULL);
        query_bind_blob(&q, 5, said->target_ids + at, n_tok * sizeof *said->target_ids);
        query_bind_blob(&q, 6, said->predicted_ids + at, n_tok * sizeof *said->predicted_ids);
        query_bind_blob(&q, 7, said->nll + at, n_tok * sizeof *said->nll);
        status = query_run(&q, e);
    }
    query_close(&q);
    return status;
}

/* Everything, inside the caller's transaction. */
static int put_all(struct store *s, const struct result *r, struct err *e)
{
    int64_t id, attempts;
    bool has_targets = false;
    if (remove_old(s, r->cell.cell_id, &attempts, e) != 0 ||
        put_dataset(s, r->cell.dataset, &r->dataset, e) != 0 || put_cell(s, r, &id, e) != 0 ||
        put_run(s, id, attempts + 1, &r->run, e) != 0 || put_epochs(s, id, r, e) != 0 ||
        put_epoch_metrics(s, id, r, e) != 0 || put_steps(s, id, r, e) != 0) {
        return -1;
    }
    for (int i = 0; i < r->n_splits; i++) {
        if (put_examples(s, id, &r->splits[i], e) != 0 ||
            put_metrics(s, id, &r->splits[i], e) != 0) {
            return -1;
        }
        bool has_said = r->splits[i].rows.said != NULL;
        if (has_said && !has_targets && put_targets(s, id, &r->splits[i].rows, e) != 0) {
            return -1;
        }
        has_targets = has_targets || has_said; /* the same of every split */
        if (has_said && put_said(s, id, &r->splits[i], e) != 0) {
            return -1;
        }
    }
    return 0;
}

int store_put_result(struct store *s, const struct result *r, struct err *e)
{
    assert(r->run.status != RESULT_ABSENT);
    int status = store_execute(s, "BEGIN IMMEDIATE", e);
    if (status == 0) {
        status = put_all(s, r, e) != 0 ? -1 : store_execute(s, "COMMIT", e);
    }
    if (status != 0) {
        store_roll_back(s);
        return err_wrap(e, "storing cell %.12s", r->cell.cell_id);
    }
    return 0;
}
