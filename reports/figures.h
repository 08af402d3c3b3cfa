/*
 * figures: data files and gnuplot scripts of a report, drawn as SVG and PNG.
 *
 * Each figure NAME is NAME.dat (the numbers), NAME.gp (its variables, then one
 * of the scripts of reports/figures), NAME.svg and NAME.png, in DIR/figures;
 * `gnuplot NAME.gp` there draws it again. Here numbers are chosen and labels
 * placed; the scripts decide what it looks like.
 */
#ifndef FT_REPORTS_FIGURES_H
#define FT_REPORTS_FIGURES_H

#include "reports/data.h"

/* What was drawn: names without ending, owned by d->arena; NULL where there was
 * nothing to draw. */
struct figures {
    const char **accuracy; /* [n_models] */
    const char **epochs;   /* [n_models] */
    const char *parameters, *sizes, *resources;
};

/* Draws all into DIR/figures. Needs gnuplot. */
int figures_draw(struct figures *f, const struct report_data *d, const char *dir,
                 struct err *e) MUST_CHECK;

/* Accuracy by example with its interval against the number of parameters, a curve a method and
 * family of models; 1 where no family has two sizes (sizes.c). */
int figures_draw_sizes(const struct report_data *d, const char *name, const char *dir,
                       struct err *e) MUST_CHECK;

#endif
