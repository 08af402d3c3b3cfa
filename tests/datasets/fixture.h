/* A data set made in memory, for tests of what comes after reading. */
#ifndef FT_TESTS_DATASETS_FIXTURE_H
#define FT_TESTS_DATASETS_FIXTURE_H

#include "datasets/split.h"

struct made_row {
    const char *text;
    int label, split;
};

static const char *const made_classes[] = {"c0", "c1", "c2"};
static const struct dataset_split made_splits[] = {
    {"train", NULL, 0, 0}, {"validation", NULL, 0, 0}, {"test", NULL, 0, 0}};

/* rows[0..n) as a data set of three classes and three splits, owned by a. */
static inline struct dataset *make_dataset(const struct made_row *rows, int n,
                                           struct sound_rows sound, struct arena *a)
{
    struct dataset_info *info = arena_alloc(a, sizeof *info);
    struct dataset *d = arena_alloc(a, sizeof *d);
    info->name = "made";
    info->n_classes = 3;
    info->classes = made_classes;
    info->n_splits = 3;
    info->splits = made_splits;
    info->sound = sound;
    d->info = info;
    d->n = n;
    d->examples = arena_array(a, (size_t)n, sizeof *d->examples);
    for (int i = 0; i < n; i++)
        d->examples[i] = (struct example){rows[i].text, rows[i].label, rows[i].split,
                                          dataset_row_hash(rows[i].text)};
    return d;
}

/* The split that the protocol `sound` makes. */
MUST_CHECK static inline int split_sound(struct split *out, const struct dataset *d, uint64_t seed,
                                         struct arena *a, struct err *e)
{
    return split_make(out, d, &(struct split_options){.seed = seed, .deduplicate = true}, a, e);
}

#endif
