/*
 * paired: is one method better than another on the same test rows?
 *
 * Two methods on one model and one data set are compared on the rows that both
 * predicted with the same seeds. A row that several seeds test counts once:
 * McNemar's test takes its first seed, so that its rows are independent; the
 * difference and its bootstrap interval take the row's mean over seeds. Holm's
 * adjustment is over all pairs of one model and data set.
 */
#ifndef FT_REPORTS_PAIRED_H
#define FT_REPORTS_PAIRED_H

#include "harness/base/stats.h"
#include "reports/data.h"

struct paired_test {
    int a, b;           /* methods, a before b */
    int n_rows;         /* distinct rows; 0: no rows in common, nothing below holds */
    int n_seeds;        /* in common */
    double difference;  /* accuracy of a minus that of b */
    struct interval ci; /* of difference, 95 % */
    long only_a, only_b;
    double p, p_holm; /* mid-p */
};

struct paired_table { /* of one model and one data set: all pairs with results */
    struct paired_test *tests;
    int n;
};

/* [n_models, n_datasets], owned by d->arena. */
int paired_load(struct paired_table **out, const struct report_data *d, struct err *e) MUST_CHECK;

/* Writes paired.csv: every pair of every model and data set; tables[i] are of r->items[i]. */
int paired_write(struct paired_table *const *tables, const struct report_set *r, const char *dir,
                 struct err *e) MUST_CHECK;

#endif
