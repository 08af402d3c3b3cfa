/*
 * observation: one result of one cell, measured here or published by the survey, in one form,
 * so that tables, claims and the audit of a protocol can be applied to both.
 *
 * Not here: how either is read (observation.c from a report_data and from
 * results/published), nor what is concluded (claims.h, findings.h).
 */
#ifndef FT_REPORTS_OBSERVATION_H
#define FT_REPORTS_OBSERVATION_H

#include "reports/data.h"

struct observation {
    const char *model, *method, *label; /* method: "lora"; label: and what tells it from
                                           namesakes */
    const char *dataset, *protocol;     /* protocol "published" for published ones too */
    const char *metric_unit;            /* "example" or "token": what accuracy counts */
    int64_t seed;                       /* published: 0, one run without a known seed */
    double accuracy;                    /* in metric_unit: what was or would be reported */
    double f1_weighted;                 /* same unit */
    double learning_rate;
    /* 0: not known. Published n_updates are worked out: rows / batch, rounded up, x epochs. */
    long train_batch_size, n_updates, n_epochs, n_train, n_evaluation;
    int64_t trainable_params, total_params;
    double train_seconds;
    double *epoch_accuracy;         /* [n_epochs] of the judged (published) or validation rows,
                                             in metric_unit; NaN: not known */
    const struct report_cell *cell; /* measured: all the rest; NULL for published */
};

struct observations {
    struct observation *items; /* owned by the arena given */
    int n;
};

/* The done cells of a report that are not superseded. */
struct observations observations_measured(const struct report_data *d, struct arena *a);

/* results/published/{final,epochs}.csv of this project's home, in the order of final.csv.
 * Errors say file and line. */
int observations_published(struct observations *out, struct arena *a, struct err *e) MUST_CHECK;

/* The same from another folder. */
int observations_read(struct observations *out, const char *folder, struct arena *a,
                      struct err *e) MUST_CHECK;

#endif
