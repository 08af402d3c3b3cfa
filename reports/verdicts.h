/*
 * verdicts: all claims on all results, as one table: the published numbers beside each protocol.
 *
 * Beside each answer stand the findings that weaken it. Not here: how a claim is tested
 * (claims.h) or a finding found (findings.h).
 */
#ifndef FT_REPORTS_VERDICTS_H
#define FT_REPORTS_VERDICTS_H

#include "reports/facts.h"

/* One body of results. */
struct verdict_column {
    const char *name;       /* "published numbers", or "measured, PROTOCOL" */
    struct answer *answers; /* [claims.n] */
    const char **weakened;  /* [claims.n] "collapse, one seed", or "" */
    struct findings findings;
    int n_results; /* cells or published runs behind all this */
};

struct verdicts {
    struct claims claims;
    struct verdict_column *columns; /* [n] the published numbers first; owned by the arena */
    int n;
};

/* Of the published numbers, and of each protocol of r (NULL: nothing measured). usual may be
 * NULL. */
int verdicts_load(struct verdicts *v, const struct report_set *r, const struct usual_rate *usual,
                  struct arena *a, struct err *e) MUST_CHECK;

/* "3.1 [0.8, 5.4] points of accuracy", "" where nothing was estimated. */
const char *verdict_estimate(const struct answer *answer, struct arena *a);

/* What the answer rests on and what it lacks, one sentence or more: test, p, why, findings. */
const char *verdict_grounds(const struct verdict_column *c, int claim, struct arena *a);

/* Text for people; CSV with a header, a row a claim and column; a JSON array of the same. */
void verdicts_text(struct str *s, const struct verdicts *v, struct arena *a);
void verdicts_csv(struct str *s, const struct verdicts *v);
void verdicts_json(struct str *s, const struct verdicts *v);

/* claims.csv into dir. */
int verdicts_write(const struct verdicts *v, const char *dir, struct err *e) MUST_CHECK;

#endif
