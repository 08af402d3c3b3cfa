/*
 * csv_table: a small CSV file with a header, read whole.
 *
 * For tables that belong to this project (results/published): every column is asked for by
 * name, every number is checked, and an error says file and line. Not for data sets.
 */
#ifndef FT_REPORTS_CSV_TABLE_H
#define FT_REPORTS_CSV_TABLE_H

#include "harness/base/arena.h"
#include "harness/base/err.h"

#include <stdint.h>

struct csv_table {
    const char *path;    /* borrowed */
    const char **fields; /* [n_rows, n_columns] in the order of the columns asked for */
    long *line;          /* [n_rows] where each row began */
    int n_rows, n_columns;
};

/* Reads path; columns (NULL-ended) are what must be there, more are let be. All in arena a. */
int csv_table_read(struct csv_table *t, const char *path, const char *const *columns,
                   struct arena *a, struct err *e) MUST_CHECK;

const char *csv_table_text(const struct csv_table *t, int row, int column);
/* Numbers; name is the column's, for the message. */
int csv_table_real(double *out, const struct csv_table *t, int row, int column, const char *name,
                   struct err *e) MUST_CHECK;
int csv_table_int(int64_t *out, const struct csv_table *t, int row, int column, const char *name,
                  struct err *e) MUST_CHECK;

#endif
