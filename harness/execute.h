/*
 * execute: one cell, from its description to its stored result.
 *
 *     data -> split -> tokens -> model + method -> training -> metrics -> SQLite
 *
 * Runs in the calling process and knows nothing of other cells (workers.h).
 */
#ifndef FT_HARNESS_EXECUTE_H
#define FT_HARNESS_EXECUTE_H

#include "harness/base/environment.h"
#include "harness/material.h"
#include "models/tensor/profile.h"

#include <stdbool.h>

/* Where a cell stands, for whoever watches. */
struct execute_progress {
    long step, n_steps;
    long n_tok; /* trained on so far */
    double train_seconds;
    double loss; /* of the last update */
    int epoch, n_epochs;
};

struct execute_params {
    const char *db;        /* result database */
    const char *state_dir; /* snapshots and adapters live here */
    const char *spec_path, *spec_hash;
    bool offline;
    const struct material *material;       /* that serves the cell; NULL: it loads its own */
    bool profile;                          /* fill the summary's profile */
    bool keep_adapter;                     /* write the trained adapter to STATE_DIR/CELL.adapter */
    const struct environment *environment; /* as environment_read; NULL: it is read */
    int n_threads;           /* that share the cell's work; 0: 1. The same bits with any */
    double snapshot_seconds; /* between snapshots; each end of an epoch makes one too */
    void *context;           /* for those below, which may be NULL */
    void (*warn)(void *context, const char *text);
    void (*progress)(void *context, const struct execute_progress *p);
    bool (*stop)(void *context); /* true: snapshot, then EXECUTE_STOPPED */
};

/* How a finished cell did on its test rows, or on validation where there are none, in the
 * protocol's metric_unit (train_metric_named); and where the time of its training went, as far as
 * this process did it: from the first update to the end of the last epoch. */
struct execute_summary {
    double accuracy, f1_macro;
    double load_seconds; /* until rows and tokens were there */
    struct profile profile;
};

enum execute_outcome { EXECUTE_FAILED = -1, EXECUTE_DONE = 0, EXECUTE_STOPPED = 1 };

/* Runs the cell, going on from its snapshot when there is one, and stores the
 * result in one transaction. summary is filled on EXECUTE_DONE. On EXECUTE_FAILED nothing is
 * stored: the caller records the message (execute_store_failure). */
enum execute_outcome execute_cell(const struct cell *c, const struct execute_params *p,
                                  struct execute_summary *summary, struct err *e);

/* Stores that the cell failed, and why. */
int execute_store_failure(const struct cell *c, const struct execute_params *p, const char *message,
                          struct err *e) MUST_CHECK;

#endif
