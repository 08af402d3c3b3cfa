/*
 * fetch_plan: what a fetch would bring, from where and how much, without fetching.
 *
 * Files are told by their names and lengths; nothing is read or verified. A file that several
 * models or data sets share counts once. Weights whose length nobody published are taken to be
 * the model's parameters in float32.
 */
#ifndef FT_HARNESS_FETCH_PLAN_H
#define FT_HARNESS_FETCH_PLAN_H

#include "datasets/dataset.h"
#include "models/zoo.h"

#include <stdio.h>

/* Files and their bytes, by where they are. */
struct fetch_count {
    int n_files[ASSET_PLACES];
    long bytes[ASSET_PLACES]; /* of the files whose length is known or worked out */
    int n_unknown;            /* from the network, of unknown length */
    int n_stand_ins;          /* from the network, with a stand-in at hand */
};

struct fetch_plan {
    const char **seen; /* [n_seen] sha256 or origin of the files counted so far */
    int n_seen, n_room;
    struct fetch_count all;
    struct arena *arena; /* borrowed */
};

/* Counts what a data set is read from, the rows that the survey served under its name
 * included; prints a line where something has to come over the network. */
int fetch_plan_dataset(struct fetch_plan *p, const struct dataset_info *info, FILE *out,
                       struct err *e) MUST_CHECK;
int fetch_plan_model(struct fetch_plan *p, const struct zoo_entry *z, FILE *out,
                     struct err *e) MUST_CHECK;

/* A line a place. */
void fetch_plan_print(const struct fetch_plan *p, FILE *out);

#endif
