/*
 * record: a running cell's facts, collected into what the store keeps.
 */
#ifndef FT_HARNESS_RECORD_H
#define FT_HARNESS_RECORD_H

#include "harness/execute.h"
#include "harness/train.h"
#include "results/store.h"

enum { RECORD_SPLITS = 2 };

struct record {
    struct result result;
    struct result_split splits[RECORD_SPLITS];
    const struct dataset *data; /* borrowed; NULL until record_data */
    char started[21];
    struct arena *arena; /* borrowed */
};

/* Identity and environment. */
void record_init(struct record *r, const struct cell *c, const struct execute_params *p,
                 struct arena *a);

/* Data set, sizes of the split and its leak rate. */
void record_data(struct record *r, const struct dataset *d, const struct split *s);

/* One evaluated part; all borrowed. */
void record_split(struct record *r, const char *name, const struct feed *f,
                  const struct predictions *p);

/* Curves and costs; s borrowed. seconds: wall time of this process's work. */
void record_training(struct record *r, const struct train_state *s, const struct steps *steps,
                     double seconds);

/* The cell failed. */
void record_failure(struct record *r, const char *message);

/* Opens the database, stores, closes; audits the data if the database has no audit of it. A failure
 * never replaces a done result: a worker may be killed between its commit and its last word. */
int record_store(struct record *r, const struct execute_params *p, struct err *e) MUST_CHECK;

/* What a run is made on: environment, commit, blas_core and determinism, owned by a. half: it
 * multiplies in bfloat16. */
void record_environment(struct result_run *run, bool half, const struct execute_params *p,
                        struct arena *a);

#endif
