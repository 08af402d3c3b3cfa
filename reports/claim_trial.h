/*
 * claim_trial: one claim on some observations, and what its test has in common with others.
 *
 * For the files claim_*.c only. A test collects values, one a data set and seed (several are
 * averaged), and trial_decide makes a verdict of them by Student's interval: data sets are the
 * sample, because the claims speak of tasks in general; seeds are where there is one data set.
 */
#ifndef FT_REPORTS_CLAIM_TRIAL_H
#define FT_REPORTS_CLAIM_TRIAL_H

#include "harness/base/yaml.h"
#include "reports/claims.h"

/* One side of a comparison: a row label or method, in a given model or (NULL) in the same one. */
struct side {
    const char *model, *method;
};

/* Parameters of a claim, as claims.yaml gives them; which are set depends on its kind. */
struct claim_params {
    const struct yaml *models; /* list of names; NULL: any */
    struct side a, b;
    const char *method, *quantity;
    double margin, limit, at_least;
};

/* A number of one data set and seed that bears on the claim. */
struct trial_value {
    const char *dataset;
    int64_t seed;
    double x;
};

struct trial {
    const struct claim_params *p;
    const struct observations *o;
    struct arena *arena;
    struct answer *out;
    struct trial_value *values; /* [n_values] */
    int n_values, capacity;
    const bool *chosen; /* [o->n] the observations that count in pairs; NULL: all */
};

void trial_add(struct trial *t, const char *dataset, int64_t seed, double x);

/* Remembers what the answer rests on, once. */
void trial_rests_on(struct trial *t, const struct observation *o);

/* Cannot tell, and not for want of seeds. */
void trial_cannot_tell(struct trial *t, const char *why);

/* Which observations are of this side, [o->n]. A row's label names that row; a method's name means
 * all its rows. Without a model in the side, the claim's models count. */
const bool *trial_members(const struct trial *t, const struct side *s);

/* Do several rows of one model answer to a side's name (a sweep, several ranks)? */
bool trial_is_ambiguous(const struct trial *t, const bool *members);

/* Fills the answer from the values: verdict on "their mean is above threshold", estimate and
 * interval times scale, test (what, and over what), p-value, seeds needed. */
void trial_decide(struct trial *t, double threshold, double scale, const char *what);

/* The tests of claim_order.c. */
void test_grows_with_size(struct trial *t);
void test_stable_order(struct trial *t);

#endif
