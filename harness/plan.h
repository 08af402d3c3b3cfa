/*
 * plan: the cells of a spec, in order, with what is known of them beforehand.
 *
 * Order: data set by data set, in it model by model, method by method, value by value of a
 * sweep, protocol by protocol, seed by seed, each axis in the spec's order. Ids depend on what a
 * cell is, never on its place or on other cells. Nothing is trained or fetched here and no weights
 * are read.
 */
#ifndef FT_HARNESS_PLAN_H
#define FT_HARNESS_PLAN_H

#include "harness/cell.h"
#include "harness/spec.h"

struct plan {
    const struct spec *spec; /* borrowed */
    struct cell *cells;      /* [n], owned by the arena */
    int n;
    int n_excluded;
};

/* Expands, resolves hashes and identifies. An override, an exclusion or a setting that
 * matches no cell is an error, as are two cells with one id. */
int plan_make(struct plan *p, const struct spec *s, struct arena *a, struct err *e) MUST_CHECK;

/* The cell as conditions see it. */
struct point cell_point(const struct cell *c, struct arena *a);

/* Fills the estimates of every cell: parameters from the declared model, memory from a dry
 * run of one step, seconds from a count of operations at a nominal speed (estimate.h). */
int plan_estimate(struct plan *p, struct err *e) MUST_CHECK;

/* One "--only key=value". */
struct only {
    const char *key, *value;
};

/* Keeps the cells for which each key names their value: keys cell_id (a prefix), model,
 * method (name or label), dataset, init, family, protocol, seed. ERR_USAGE for another key or a
 * value that no cell has. Several values of one key: any of them. */
int plan_only(struct plan *p, const struct only *only, int n_only, struct err *e) MUST_CHECK;

/* Ids of its cells, [p->n]. */
const char *const *plan_ids(const struct plan *p, struct arena *a);

/* The plan of the spec at path, narrowed by --only. */
int plan_read(struct plan *p, const char *path, const struct only *only, int n_only,
              struct arena *a, struct err *e) MUST_CHECK;

#endif
