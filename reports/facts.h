/*
 * facts: what findings.h asks of each cell, from stored results and from published numbers.
 *
 * Facts from a spec and its data, before anything has run, are in harness/inspect.h.
 */
#ifndef FT_REPORTS_FACTS_H
#define FT_REPORTS_FACTS_H

#include "reports/claims.h"
#include "reports/findings.h"

/* The usual learning rate of a method on a model; NaN: not known. Protocols are not a matter of
 * this layer, so who calls brings it. */
struct usual_rate {
    double (*of)(const void *state, const char *model, const char *method);
    const void *state;
};

struct facts {
    struct cell_facts *items; /* [n], owned by the arena given */
    int n;
};

/* Of observations, measured or published: without row hashes. usual may be NULL. */
struct facts facts_of_observations(const struct observations *o, const struct usual_rate *usual,
                                   struct arena *a);

/* Of a report's done cells that are not superseded, with the hashes of the judged rows. */
int facts_of_report(struct facts *out, const struct report_data *d, const struct usual_rate *usual,
                    struct arena *a, struct err *e) MUST_CHECK;

/* Names of the findings that touch what an answer rests on: "collapse, one seed"; "" for none. */
const char *findings_behind(const struct findings *f, const struct answer *answer, struct arena *a);

#endif
