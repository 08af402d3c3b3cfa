/*
 * audit: what is wrong with a data set, found before anyone trains on it.
 *
 * Exact duplicates are rows with equal text up to white space. Near duplicates
 * have equal words in lower case without punctuation, or share at least 0.8 (Jaccard) of
 * their three-word shingles; candidates come from MinHash bands (Broder 1997; Leskovec,
 * Rajaraman, Ullman, "Mining of Massive Datasets", ch. 3), so a few may be missed, none is
 * invented. Nothing is changed here; split.h does the dropping.
 */
#ifndef FT_DATASETS_AUDIT_H
#define FT_DATASETS_AUDIT_H

#include "datasets/dataset.h"

/* Of one published split. */
struct audit_split {
    const char *name; /* borrowed */
    int n;
    int n_exact;     /* rows with an exact copy earlier in the same split */
    int n_near;      /* further rows with a near copy earlier in the same split */
    int *n_of_class; /* [n_classes] */
    double majority_rate;
    double words_mean;
    int words_median, words_p95, words_max;
};

/* Of two published splits a < b. */
struct audit_pair {
    int a, b;
    int n_exact; /* rows of b with an exact copy in a */
    int n_near;  /* further rows of b with a near copy in a */
};

/* A text with more than one label, as an example for people. */
struct audit_conflict {
    int first, second; /* examples */
};

struct audit {
    const struct dataset *data; /* borrowed */
    struct audit_split *splits; /* [info->n_splits] */
    struct audit_pair *pairs;   /* [n_pairs] */
    int n_pairs;
    int n_conflict_texts;             /* texts that carry two or more labels */
    struct audit_conflict *conflicts; /* [n_conflicts] the first few */
    int n_conflicts;
};

struct audit audit_dataset(const struct dataset *d, struct arena *a);

/* Rows of d whose text also stands in other (exact, up to white space). */
int audit_shared_rows(const struct dataset *d, const struct dataset *other);

/* Readable text, one finding a line. */
void audit_text(struct str *s, const struct audit *au);

/* One JSON object on one line. */
void audit_json(struct str *s, const struct audit *au);

/* A line about rows shared by two sets, for people or (one JSON object) for programs. */
void audit_shared_text(struct str *s, const struct dataset *d, const struct dataset *other,
                       int n_shared);
void audit_shared_json(struct str *s, const struct dataset *d, const struct dataset *other,
                       int n_shared);

#endif
