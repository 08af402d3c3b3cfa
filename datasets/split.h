/*
 * split: which rows train, which choose the epoch, which are reported.
 *
 * One code path with three switches. `sound` deduplicates and splits as the descriptor's `sound`
 * says: no row that evaluates may also train. The survey's own code did neither: it loaded rows
 * several times and split them then. All lists hold indices into dataset.examples, ascending;
 * with copies, copy after copy, so that an index may stand more than once. The result is a
 * function of the rows and the seed only.
 *
 * Policy for duplicates (equal struct example.hash): the first of several rows
 * with one label is kept; a text that carries two labels is dropped altogether,
 * for no rule could say which label is right. Official test rows stay as published, so that
 * a number remains comparable with others' (the audit counts their faults);
 * what also stands in test is dropped from validation and train, what also
 * stands in validation is dropped from train.
 */
#ifndef FT_DATASETS_SPLIT_H
#define FT_DATASETS_SPLIT_H

#include "datasets/dataset.h"

struct rows {
    int *index; /* [n] */
    int n;
};

struct split {
    struct rows train, validation, test; /* owned by the arena */
    int n_duplicates;                    /* copies with the same label dropped */
    int n_conflicts;                     /* rows dropped because their text has two labels */
    int n_leaks;                         /* rows dropped because they also stand in a later split */
};

/* How rows are split; each switch stands alone. */
struct split_options {
    uint64_t seed;
    bool survey;      /* the survey's parts (survey_rows): its evaluation rows are validation,
                         test is empty; false: those of `sound` */
    bool copies;      /* load every row as often as the survey's code did, before any split */
    bool deduplicate; /* drop duplicates and conflicts, and what would leak */
};

/* The split of d under these options. ERR_USAGE when the survey's split or copies are asked of a
 * set it never used; ERR_WORLD when a part that must not be would be empty or a class would be
 * missing from train. */
int split_make(struct split *out, const struct dataset *d, const struct split_options *o,
               struct arena *a, struct err *e) MUST_CHECK;

/* Share of rows whose text also stands in train (equal hash), copies counted; NaN of none. */
double split_leak_rate(const struct dataset *d, const struct rows *train, const struct rows *rows);

/* At most this many rows are carved out of train for validation. */
enum { SPLIT_VALIDATION_MAX = 2000 };

/* Which draw: two draws of one split must differ in step. */
struct split_draw {
    uint64_t seed;
    uint32_t step;
};

/* Takes n_out of rows, class by class in proportion (largest remainder, so each
 * class is within one row of its share), at random under (seed, RNG_SPLIT,
 * step); what remains stays in rows. labels is indexed by row. */
struct rows split_take_by_class(struct rows *rows, const int *labels, int n_classes, int n_out,
                                struct split_draw draw, struct arena *a);

/* Keeps n of the rows that train, by class; the rest trains, validates and tests nothing. */
void split_limit_train(struct split *s, const struct dataset *d, int n, uint64_t seed,
                       struct arena *a);

/* Keeps n of the validation rows and n of the test rows, by class. */
void split_limit_evaluation(struct split *s, const struct dataset *d, int n, uint64_t seed,
                            struct arena *a);

/* All rows of the splits in mask, each copies times, copy after copy. */
struct rows split_rows_of(const struct dataset *d, uint32_t mask, int copies, struct arena *a);

/* Appends the rows' hashes, one line of 16 hexadecimal digits each. */
void split_hashes(struct str *s, const struct dataset *d, const struct rows *rows);

/* sha256 over the hashes of train, validation and test: the identity of a split. */
void split_identity(char hex[HASH_HEX_SIZE], const struct dataset *d, const struct split *s);

#endif
