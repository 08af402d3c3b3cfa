/*
 * inspect: the facts of a plan's cells from which findings are made (reports/findings.h).
 *
 * From the spec and from data and tokenizers that are here already; nothing is fetched, no
 * weights are read, nothing is trained. What is not here is left unknown and said in notes.
 * With a database, what its done cells came to is added.
 */
#ifndef FT_HARNESS_INSPECT_H
#define FT_HARNESS_INSPECT_H

#include "harness/plan.h"
#include "reports/findings.h"
#include "results/store.h"

struct inspection {
    struct cell_facts *facts; /* [n] in the plan's order, owned by the arena, as all here */
    int n;
    const char **notes; /* [n_notes] one line each: what is not known, and why */
    int n_notes;
};

/* store NULL: there are no results yet. The plan's cells get their estimates. */
int inspect_plan(struct inspection *out, struct plan *p, struct store *store, struct arena *a,
                 struct err *e) MUST_CHECK;

#endif
