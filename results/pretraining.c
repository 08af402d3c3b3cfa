#include "results/pretraining.h"

#include "results/internal.h"
#include "results/query.h"

#include <assert.h>

static int remove_old(struct store *s, const char *id, struct err *e)
{
    struct query q;
    if (query_open(&q, s, "DELETE FROM pretraining WHERE pretraining_id = ?1", e) != 0) {
        return -1;
    }
    query_bind_text(&q, 1, id);
    int status = query_run(&q, e);
    query_close(&q);
    return status;
}

static int put_run(struct store *s, const struct result_pretraining *r, struct err *e)
{
    const char *const texts[] = {r->pretraining_id, r->canonical,   r->model,
                                 r->recipe,         r->options,     r->corpus_hash,
                                 r->tokenizer_hash, r->weights_hash};
    const int64_t numbers[] = {r->total_params, r->n_documents, r->n_held_out,
                               r->n_words,      r->n_updates,   r->train_tokens};
    enum { N_TEXTS = sizeof texts / sizeof *texts, N_NUMBERS = sizeof numbers / sizeof *numbers };
    char environment_id[HASH_HEX_SIZE];
    struct query q;

    assert(r->seed <= INT64_MAX);
    if (store_put_environment(s, r->environment, r->n_environment, environment_id, e) != 0 ||
        query_open(&q, s,
                   "INSERT INTO pretraining VALUES (NULL, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10,"
                   " ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24)",
                   e) != 0) {
        return -1;
    }
    int at = 1;
    for (int i = 0; i < N_TEXTS; i++) {
        query_bind_text(&q, at++, texts[i]);
    }
    query_bind_int(&q, at++, (int64_t)r->seed);
    query_bind_text(&q, at++, r->precision);
    for (int i = 0; i < N_NUMBERS; i++) {
        query_bind_int(&q, at++, numbers[i]);
    }
    query_bind_real(&q, at++, r->unigram_loss);
    query_bind_text(&q, at++, r->started);
    query_bind_real(&q, at++, r->train_seconds);
    query_bind_int(&q, at++, r->resumed);
    query_bind_text(&q, at++, environment_id);
    query_bind_int(&q, at++, r->numerics_version);
    query_bind_text(&q, at++, r->blas_core);
    query_bind_text(&q, at++, r->commit);
    int status = query_run(&q, e);
    query_close(&q);
    return status;
}

static int put_points(struct store *s, int64_t id, const struct result_pretraining *r,
                      struct err *e)
{
    struct query q;
    int status =
        query_open(&q, s, "INSERT INTO pretraining_point VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)", e);
    for (int i = 0; status == 0 && i < r->n_points; i++) {
        const struct result_pretraining_point *p = &r->points[i];
        query_bind_int(&q, 1, id);
        query_bind_int(&q, 2, p->step);
        query_bind_int(&q, 3, p->tokens);
        query_bind_real(&q, 4, p->train_loss);
        query_bind_real(&q, 5, p->held_out_loss);
        query_bind_real(&q, 6, p->learning_rate);
        query_bind_real(&q, 7, p->seconds);
        status = query_run(&q, e);
    }
    query_close(&q);
    return status;
}

int store_put_pretraining(struct store *s, const struct result_pretraining *r, struct err *e)
{
    int status = store_execute(s, "BEGIN IMMEDIATE", e);
    if (status == 0 && (remove_old(s, r->pretraining_id, e) != 0 || put_run(s, r, e) != 0 ||
                        put_points(s, sqlite3_last_insert_rowid(s->db), r, e) != 0)) {
        status = -1;
    }
    if (status == 0) {
        status = store_execute(s, "COMMIT", e);
    }
    if (status != 0) {
        store_roll_back(s);
        return err_wrap(e, "storing pre-training %s", r->pretraining_id);
    }
    return 0;
}

int store_pretraining(struct store *s, const char *pretraining_id, char weights_hash[HASH_HEX_SIZE],
                      struct err *e)
{
    struct query q;
    if (query_open(&q, s, "SELECT weights_hash FROM pretraining WHERE pretraining_id = ?1", e) !=
        0) {
        return -1;
    }
    query_bind_text(&q, 1, pretraining_id);
    int more = query_next(&q, e);
    if (more == 1) {
        snprintf(weights_hash, HASH_HEX_SIZE, "%s", query_text(&q, 0));
    }
    query_close(&q);
    return more;
}
