/*
 * lines: one figure of curves in small multiples, named at their ends.
 *
 * Panels share the series: same name, colour and dash in each. Not stacked, ever. Not here:
 * what the curves are (figures.c, survey_figures.c), what it looks like (figures/lines.gp).
 */
#ifndef FT_REPORTS_LINES_H
#define FT_REPORTS_LINES_H

#include "harness/base/arena.h"
#include "harness/base/err.h"

#include <stdbool.h>

struct series {
    const char *name;
    int colour;  /* from 0, of figures/common.gp */
    bool dashed; /* named at its end only where no undashed one of the name is */
};

struct points { /* of one series in one panel */
    double *x, *y;
    int n;
};

struct lines {
    const char *name; /* of the files */
    const char *title, *x_label, *y_label;
    bool log_x;
    const struct series *series; /* [n_series] */
    const char *const *panels;   /* [n_panels] titles */
    const struct points *points; /* [n_panels, n_series] */
    int n_series, n_panels;
};

/* Draws into dir. 1: there was no point to draw. */
int lines_draw(const struct lines *f, const char *dir, struct arena *a, struct err *e) MUST_CHECK;

/* Names at the ends of curves. */
struct line_end {
    double y; /* where the curve ends, then where its name goes */
    int series;
};

/* Moves names apart to at least gap, in the order of their curves, by as little
 * as possible (least squares: isotonic regression of y - i gap by pooling adjacent
 * violators), and into [low, high]. */
void line_ends_spread(struct line_end *ends, int n, double gap, double low, double high,
                      struct arena *a);

#endif
