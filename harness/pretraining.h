/*
 * pretraining: one model of a recipe, from text to a folder and a row in the database.
 *
 * OUT/NAME gets config.json, model.safetensors, the tokenizer's files and README.md. While it
 * runs, OUT/NAME.snapshot holds what it needs to go on.
 */
#ifndef FT_HARNESS_PRETRAINING_H
#define FT_HARNESS_PRETRAINING_H

#include "pretrain/recipe.h"

#include <stdio.h>

struct pretraining_params {
    const struct recipe *recipe; /* borrowed, as all */
    const struct zoo_entry *model;
    const char *corpus; /* path of the text */
    const char *out, *db;
    int n_threads;
    double snapshot_seconds;
    bool offline, profile;
    FILE *print; /* progress and what was done */
};

/* STOPPED: by SIGINT or SIGTERM, and the same call goes on. A model whose run is stored, with the
 * weights in OUT/NAME, is only said to be there. */
enum pretraining_outcome {
    PRETRAINING_FAILED = -1,
    PRETRAINING_DONE = 0,
    PRETRAINING_STOPPED = 1,
};
enum pretraining_outcome pretraining_run(const struct pretraining_params *p, struct err *e);

#endif
