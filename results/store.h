/*
 * store: the result database, one SQLite file.
 *
 * A cell is stored in one transaction: whole or absent, whatever happens to the
 * process, with everything it computed (epochs, steps, each example's logits
 * and, where the model answers in text, each target token)
 * and measured. Several processes may write to the same file; each waits up to a
 * minute for its turn. WAL, synchronous=NORMAL: what was stored survives the death of any process
 * at once, and a loss of power once the system has written it back, half a minute later at most by
 * Linux's usual settings; the file is consistent after either. Reading is query.h.
 *
 * The view result_lines holds all that a run computed and nothing that it
 * measured, one text line a fact, sorted: two databases hold the same results
 * to the bit when these lines are equal.
 */
#ifndef FT_RESULTS_STORE_H
#define FT_RESULTS_STORE_H

#include "harness/base/environment.h"
#include "harness/base/err.h"
#include "results/metrics.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum store_mode {
    STORE_READ,  /* the file must exist */
    STORE_WRITE, /* created when absent (its folder must exist) */
    STORE_RELAY, /* as STORE_WRITE, by one process of many in turn: closing leaves the write-ahead
                    log to those that follow, of which the last must open in another mode */
};

enum result_status { RESULT_ABSENT, RESULT_DONE, RESULT_FAILED, RESULT_SKIPPED };

/* What the cell is. Strings are never NULL. */
struct result_cell {
    const char *cell_id;   /* hash of canonical */
    const char *canonical; /* all that can change a number */
    const char *model, *method;
    const char *method_options; /* "name=value", one a line */
    const char *dataset;
    const char *protocol;
    const char *protocol_options; /* as method_options */
    const char *precision;        /* "float32" */
    const char *spec_path, *spec_hash;
    uint64_t seed; /* below 2^63 */
    int64_t trainable_params, total_params;
};

/* The data it ran on. */
struct result_dataset {
    const char *data_hash; /* "" when the data never loaded */
    const char *stand_in;  /* NULL, or what stands in for the real data */
    const char *classes;   /* names, one a line, in label order */
    const char *audit;     /* a JSON object, or "": what is stored stays */
    int64_t n_examples;
};

/* How it went. A number that was not measured is NaN or 0. */
struct result_run {
    enum result_status status; /* not RESULT_ABSENT */
    const char *message;       /* of a failure or skip, one line; else "" */
    const char *started;       /* clock_utc */
    double seconds;            /* wall time of the whole cell */
    double train_seconds;      /* of it, in training steps */
    int64_t peak_rss_bytes;
    int64_t train_tokens, train_examples; /* seen in training, all epochs */
    int best_epoch;                       /* from 1; 0: none was chosen */
    int resumed;                          /* times it went on from a snapshot */
    int64_t n_train, n_validation, n_test;
    int64_t n_updates; /* optimiser steps */
    double leak_rate;  /* share of the judged rows whose text also stands in train */
    int n_cut_targets; /* classes whose words were cut */
    int numerics_version;
    const char *blas_core, *determinism, *commit;
    const struct environment_fact *environment; /* [n_environment] any order, keys differ */
    int n_environment;
};

struct result_epoch {            /* epoch e stands at index e - 1 */
    double train_loss;           /* mean over the epoch's examples, or target tokens, nats */
    double metric[METRIC_COUNT]; /* of the validation rows; NaN: not known */
    double seconds;
};

struct result_step { /* step s stands at index s - 1 */
    int epoch;       /* from 1 */
    double loss, learning_rate, grad_norm;
    int64_t tokens;
};

/* One evaluated split; its metrics are computed and stored with it. */
struct result_split {
    const char *name;         /* "validation", "test" */
    struct predictions rows;  /* logits needed */
    const uint64_t *row_hash; /* [rows.n] struct example.hash */
};

/* Everything about one run; arrays are borrowed. A zeroed array is an empty one. */
struct result {
    struct result_cell cell;
    struct result_dataset dataset;
    struct result_run run;
    const struct result_epoch *epochs;
    int n_epochs;
    const struct result_step *steps;
    int n_steps;
    const struct result_split *splits;
    int n_splits;
};

struct store;

/* Opens; in mode STORE_WRITE creates. An older program's file is led to today's tables in either
 * mode. NULL on error: missing
 * file, not a database, not ours, a newer schema, a read-only file or folder. */
struct store *store_open(const char *path, enum store_mode mode, struct err *e) MUST_CHECK;

/* Safe on NULL. */
void store_close(struct store *s);

/* Stores one run, replacing what this cell had (attempts counts on). Failed and skipped
 * runs go here too, with whatever they have. On error (disk full, read-only,
 * locked for more than a minute) the database is as before. */
int store_put_result(struct store *s, const struct result *r, struct err *e) MUST_CHECK;

/* Whether an audit of this data is stored: then one more result of it needs none. */
int store_has_audit(struct store *s, const char *dataset, const char *data_hash, bool *out,
                    struct err *e) MUST_CHECK;

/* RESULT_ABSENT when the cell was never stored. */
int store_status(struct store *s, const char *cell_id, enum result_status *out,
                 struct err *e) MUST_CHECK;

/* Writes result_lines. */
int store_dump_results(struct store *s, FILE *out, struct err *e) MUST_CHECK;

/* "done", "failed", "skipped"; "absent". */
const char *result_status_name(enum result_status status);

#endif
