/*
 * data: what a report is made of, read from a result database once.
 *
 * A report_set holds one report_data for each protocol that its cells followed, and
 * nothing is ever averaged over protocols. In it cells are sorted into groups: one
 * model, one method (with those options that tell it from its namesakes) and one
 * data set, all seeds. Not here: any text or figure. Always: models stand by size, methods by
 * falling number of trainable parameters, data sets by name; a group's cells by seed, one a seed.
 */
#ifndef FT_REPORTS_DATA_H
#define FT_REPORTS_DATA_H

#include "harness/base/arena.h"
#include "results/metrics.h"
#include "results/store.h"

#include <stdbool.h>

struct report_epoch {
    double train_loss, seconds;
    double metric[METRIC_COUNT]; /* of the validation rows; NaN where not known */
};

struct report_cell {
    int64_t id; /* cell.id */
    const char *cell_id, *model, *method, *method_options, *dataset, *data_hash;
    const char *protocol, *protocol_options, *precision;
    const char *status, *message, *started, *environment_id, *blas_core, *determinism, *commit;
    const char *stand_in; /* NULL, or what stands in for the real data */
    const char *shown;    /* "auditor_sentiment (stand-in)" */
    const char *label;    /* method, and what tells it from others of the name: "lora r=8" */
    const char *split;    /* the split that metric[] is of: "test", else "validation", else "" */
    int64_t seed, trainable_params, total_params;
    int64_t peak_rss_bytes, n_train, n_validation, n_test;
    int64_t n_updates; /* 0: not known */
    int attempts, resumed, best_epoch, numerics_version;
    int n_cut_targets; /* -1: not known */
    double leak_rate;  /* NaN: not known */
    double learning_rate;
    long train_batch_size;
    const char *metric_unit; /* "token" where the protocol counts tokens and the model answers
                                in text, else "example" */
    bool says_text;
    double seconds, train_seconds, tokens_per_second, examples_per_second;
    double metric[METRIC_COUNT]; /* NaN where not known */
    struct report_epoch *epochs; /* [n_epochs] */
    int n_epochs;
    bool done;
    bool superseded; /* a newer cell has the same group and seed: in runs.csv only */
};

/* Real and stand-in data of one name are two data sets. */
struct report_dataset {
    const char *name, *shown;
    const char *stand_in, *classes, *audit, *data_hash;
    int64_t n_examples;
};

struct report_group {
    int model, method, dataset; /* indices */
    struct report_cell **cells; /* [n] done, by seed */
    int n;
    int n_failed, n_skipped;
};

/* One protocol's results. */
struct report_data {
    struct arena *arena; /* borrowed; owns all below */
    struct store *store; /* borrowed */
    const char *protocol;
    const char *suffix; /* "-published", for names of files and anchors; "" in a set of one */
    struct report_cell *cells;
    int n_cells;
    const char **models, **methods;
    struct report_dataset *datasets;
    int n_models, n_methods, n_datasets;
    struct report_group *groups; /* [n_models, n_methods, n_datasets] */
};

struct report_set {
    struct arena *arena;       /* borrowed; owns all below */
    struct store *store;       /* borrowed */
    struct report_data *items; /* [n] by name of the protocol */
    int n;
    struct report_cell *cells; /* [n_cells] of all protocols */
    int n_cells, n_missing;    /* missing: asked for, not in the database */
};

/* The cells with these ids, or all when n_cell_ids is 0. */
int report_set_load(struct report_set *r, struct store *s, const char *const *cell_ids,
                    int n_cell_ids, struct arena *a, struct err *e) MUST_CHECK;

/* The group at a place; n may be 0. */
struct report_group *report_group_at(const struct report_data *d, int model, int method,
                                     int dataset);

/* Mean of a value over a group's cells with its 95 % t interval. */
struct report_mean {
    int n;                      /* cells; 0: nothing known, all others NaN */
    double mean, sd, low, high; /* n == 1: sd, low and high are NaN */
};
struct report_mean report_mean_of(const struct report_group *g,
                                  double (*value)(const struct report_cell *c, int which),
                                  int which);

/* Values for report_mean_of: metric[which]. */
double report_metric(const struct report_cell *c, int which);
/* The accuracy that the cell's protocol reports, in its metric_unit; which is not used. */
double report_reported(const struct report_cell *c, int which);
/* Value of an option in "name=value" lines, in the arena; "" when it is not there. */
const char *report_option(const char *lines, const char *name, struct arena *a);

/* Median of a value over the done cells of a model and a method; NaN when none. */
double report_median_of(const struct report_data *d, int model, int method,
                        double (*value)(const struct report_cell *c));

#endif
