/*
 * report: tables, figures and one page from a result database.
 *
 * Reads the database, computes nothing that training would have to repeat, and
 * writes into one folder: runs.csv, summary.csv, epochs.csv, paired.csv, survey.csv,
 * claims.csv, worth.csv where models ran with and without pre-training, figures/, report.md and
 * report.html (the same page twice). The same database gives the same bytes.
 */
#ifndef FT_REPORTS_REPORT_H
#define FT_REPORTS_REPORT_H

#include "harness/base/err.h"

struct usual_rate;

struct report_params {
    const char *db_path;   /* the result database */
    const char *out_dir;   /* created when absent */
    const char *title;     /* of the page */
    const char *spec_path; /* what was run, for the commands; NULL: not known */
    const char *note;      /* NULL, or what must stand at the top ("This is a miniature: ...") */
    const char *const *cell_ids;         /* the cells to report on; */
    int n_cell_ids;                      /* 0: all in the database */
    const struct usual_rate *usual_rate; /* facts.h; NULL: not known */
};

/* A database without any cell of those asked for is an error. */
int report_write(const struct report_params *p, struct err *e) MUST_CHECK;

#endif
