/*
 * findings: what is wrong with a protocol, found from facts about its cells.
 *
 * The facts come from a spec and its data before anything has run (harness/inspect.h) or from
 * stored results; the findings are the same. Defects 1 to 6 and 8 of the survey's logged runs
 * are what it must find by itself; a sound protocol leaves it silent.
 */
#ifndef FT_REPORTS_FINDINGS_H
#define FT_REPORTS_FINDINGS_H

#include "harness/base/arena.h"
#include "harness/base/str.h"

#include <stdbool.h>
#include <stdint.h>

/* What is known of one cell; NaN, -1 or NULL: not known. */
struct cell_facts {
    const char *cell_id, *model, *method, *label, *dataset, *protocol;
    int64_t seed, total_params;
    const char *metric_unit; /* "example", "token" */
    bool says_text;          /* the model answers in text */
    double learning_rate;
    double usual_learning_rate; /* of this method in protocol `sound` */
    long train_batch_size, n_updates, n_train, n_evaluation;
    double leak_rate;         /* of the rows that are judged */
    bool judged_by_selection; /* the rows that chose the epoch are the rows reported */
    int n_classes, n_cut_targets;
    const uint64_t *evaluation_hashes; /* [n_evaluation] of the judged rows */
    double accuracy, majority_rate;
    int classes_predicted; /* 1: a collapse */
    double f1_weighted;    /* 0: not known; tells a collapse where classes_predicted cannot */
    long n_judged_units;   /* denominator of accuracy, in metric_unit; 0: not known */
};

enum finding_kind {
    FINDING_LEAK,          /* defect 1 */
    FINDING_MIXED_UNITS,   /* defect 2 */
    FINDING_SHARED_ROWS,   /* defect 3: two data sets are judged on the same rows */
    FINDING_COLLAPSE,      /* defect 4, with the learning rate as the suspect */
    FINDING_LEARNING_RATE, /* defect 4 before any run: a rate far from the usual one */
    FINDING_UPDATES,       /* defect 5: sizes of one family take unequal numbers of updates */
    FINDING_ONE_SEED,      /* defect 6: no spread; the interval that its rows alone leave */
    FINDING_CUT_TARGETS,   /* defect 8 */
    FINDING_NO_TEST,       /* chosen and reported on the same rows */
    FINDING_KIND_COUNT
};

struct finding {
    enum finding_kind kind;
    const char *protocol;
    const char *where; /* "ag_news", "bert-base-cased full", "irony and stance" */
    double value;      /* leak rate, ratio of rates, share of rows, half width ...; NaN: none */
    const char *text;  /* one sentence with the numbers, for people */
    const char *model, *label, *dataset; /* what it is about; NULL: several or all */
    const char *family, *other_dataset;  /* narrower where model is NULL; the second of two */
};

struct findings {
    struct finding *items; /* owned by the arena */
    int n;
};

/* Short name of a kind ("leak"), and which defect of the survey it is (0: none of them). */
const char *finding_name(enum finding_kind kind);
int finding_defect(enum finding_kind kind);

/* All findings over the cells, protocol by protocol, sorted by kind and place. */
struct findings findings_of(const struct cell_facts *facts, int n, struct arena *a);

/* Does a finding touch a result of this model, row label and data set? */
bool finding_touches(const struct finding *f, const struct cell_facts *c);

/* Readable text, one finding a line; and one JSON array. */
void findings_text(struct str *s, const struct findings *f);
void findings_json(struct str *s, const struct findings *f);

#endif
