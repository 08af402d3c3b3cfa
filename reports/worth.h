/*
 * worth: what pre-training is worth, from models that ran with and without it.
 *
 * NAME:random is the model NAME with random weights of the same shapes. Where both have results
 * of one method on one data set, seeds that both have are paired: same rows, same order, same
 * updates. The difference's interval is over these seeds, Student's t. Not here: whether a method
 * is better than another (paired.h).
 */
#ifndef FT_REPORTS_WORTH_H
#define FT_REPORTS_WORTH_H

#include "harness/base/stats.h"
#include "reports/data.h"

struct worth_row {
    int model, method; /* indices; model: the pre-trained one */
    int dataset;       /* -1: the mean over data sets, where there are several */
    int n_datasets, n_seeds;
    double pretrained, random; /* accuracy by example, means over the shared seeds */
    double difference;
    struct interval ci; /* of difference, 95 %; NaN for one seed */
};

struct worth {
    struct worth_row *rows; /* [n] model by model, method by method, data set by data set */
    int n;
};

/* Owned by d->arena; n is 0 where no model ran both ways. */
struct worth worth_of(const struct report_data *d);

/* Writes worth.csv of all protocols into dir; nothing where there is nothing to say. */
int worth_write(const struct report_set *r, const char *dir, struct err *e) MUST_CHECK;

#endif
