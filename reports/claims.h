/*
 * claims: the survey's statements as hypotheses over observations.
 *
 * reports/claims.yaml holds them; each names a kind of test and what it is about. The same
 * claims are evaluated on measured results, protocol by protocol, and on the published numbers.
 * Verdicts: holds, fails, cannot tell. An interval decides, never a bare estimate; what cannot be
 * told comes with the number of seeds that would tell.
 */
#ifndef FT_REPORTS_CLAIMS_H
#define FT_REPORTS_CLAIMS_H

#include "reports/observation.h"

enum verdict { VERDICT_HOLDS, VERDICT_FAILS, VERDICT_CANNOT_TELL };
extern const char *const verdict_names[]; /* "holds" "fails" "cannot tell" */
extern const char claim_no_rows[];        /* the why of a claim that nothing here is about */

struct claim {
    const char *id, *statement; /* as the survey puts it, in our words */
    const char *kind;           /* which test; see claims.yaml */
    const struct yaml *node;    /* its parameters */
};

struct claims {
    struct claim *items;
    int n;
};

/* home/reports/claims.yaml, or path. Errors carry file:line:column. */
int claims_read(struct claims *out, const char *path, struct arena *a, struct err *e) MUST_CHECK;

struct answer {
    const struct claim *claim;
    enum verdict verdict;
    double estimate, low, high; /* NaN: none; 95 % unless the test says otherwise */
    const char *unit;           /* "points of accuracy", "share", ... */
    const char *test;           /* "paired t over 6 data sets x 3 seeds, margin 1 point" */
    double p_value;             /* NaN: none; after Holm over the claims of one table */
    int n;                      /* pairs or rows it rests on */
    int seeds_needed; /* for cannot tell: in all; 0: more seeds would not help, -1: not known */
    const char *why;  /* one sentence for people */
    const struct observation **rows; /* [n_rows] the observations it rests on */
    int n_rows;
    bool about_accuracy;
};

/* All claims on these observations (of one protocol); answers[claims->n] in arena a. */
struct answer *claims_evaluate(const struct claims *c, const struct observations *o,
                               struct arena *a);

#endif
