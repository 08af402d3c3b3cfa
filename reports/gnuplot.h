/*
 * gnuplot: one figure's data file and variables, and running gnuplot on them.
 *
 * Knows how gnuplot wants things written; nothing of what they mean. Missing
 * numbers are NaN, texts are quoted, blocks stand two blank lines apart.
 */
#ifndef FT_REPORTS_GNUPLOT_H
#define FT_REPORTS_GNUPLOT_H

#include "harness/base/err.h"
#include "harness/base/str.h"

struct plot {
    const char *name, *script; /* borrowed */
    struct str data, variables, array;
    int n_array, n_blocks, n_columns;
    const char *array_name; /* borrowed */
};

/* A figure to be drawn by reports/figures/SCRIPT. */
void plot_begin(struct plot *p, const char *name, const char *script);

/* Variables of the script. plot_array_end gives the number of entries. */
void plot_number(struct plot *p, const char *variable, double value);
void plot_string(struct plot *p, const char *variable, const char *text);
void plot_array_begin(struct plot *p, const char *variable);
void plot_array_text(struct plot *p, const char *text);
void plot_array_real(struct plot *p, double value);
int plot_array_end(struct plot *p);

/* A block of the data file, then its rows, field by field. */
void plot_block(struct plot *p, const char *title, const char *columns);
void plot_text(struct plot *p, const char *text);
void plot_int(struct plot *p, long value);
void plot_real(struct plot *p, double value);
void plot_row_end(struct plot *p);

/* Writes NAME.dat and NAME.gp into dir, draws NAME.svg and NAME.png there. Ends p. */
int plot_draw(struct plot *p, const char *dir, struct err *e) MUST_CHECK;

/* Ends p without drawing. */
void plot_abandon(struct plot *p);

/* Copies the scripts of reports/figures into dir, so that each figure can be
 * drawn again without this program. */
int plot_copy_scripts(const char *dir, struct err *e) MUST_CHECK;

#endif
