/*
 * pretraining: models pre-trained here, in the result database.
 *
 * One row a run and one a look at the held-out text, stored in one transaction. No part of
 * result_lines, which are of cells.
 */
#ifndef FT_RESULTS_PRETRAINING_H
#define FT_RESULTS_PRETRAINING_H

#include "harness/base/hash.h"
#include "results/store.h"

struct result_pretraining_point {
    int64_t step, tokens;             /* before it */
    double train_loss, held_out_loss; /* nats a token; NaN: not known */
    double learning_rate, seconds;
};

/* Texts are never NULL. */
struct result_pretraining {
    const char *pretraining_id; /* hash of canonical */
    const char *canonical;      /* all that can change a number */
    const char *model, *recipe;
    const char *options; /* "name=value", one a line */
    const char *corpus_hash, *tokenizer_hash, *weights_hash, *precision;
    uint64_t seed; /* below 2^63 */
    int64_t total_params, n_documents, n_held_out, n_words, n_updates, train_tokens;
    double unigram_loss, train_seconds;
    const char *started;
    int resumed, numerics_version;
    const char *blas_core, *commit;
    const struct environment_fact *environment; /* [n_environment] */
    int n_environment;
    const struct result_pretraining_point *points; /* [n_points] rising steps */
    int n_points;
};

/* Stores one run, replacing what this id had. On error the database is as before. */
int store_put_pretraining(struct store *s, const struct result_pretraining *r,
                          struct err *e) MUST_CHECK;

/* 1 and the SHA-256 of the weights that a run of this id gave; 0: there is none. */
int store_pretraining(struct store *s, const char *pretraining_id, char weights_hash[HASH_HEX_SIZE],
                      struct err *e) MUST_CHECK;

#endif
