/*
 * tables: the CSV files of a report.
 *
 * runs.csv     one row a cell: what it is, every metric and resource
 * summary.csv  one row a group and metric: mean, sd and interval over seeds
 * epochs.csv   one row a cell and epoch
 *
 * RFC 4180 with a header line; a number that is not known is an empty field.
 */
#ifndef FT_REPORTS_TABLES_H
#define FT_REPORTS_TABLES_H

#include "harness/base/str.h"
#include "reports/data.h"

int tables_write(const struct report_set *r, const char *dir, struct err *e) MUST_CHECK;

/* Appends text as a CSV field, quoted where it must be, and the character end. */
void csv_text(struct str *s, const char *text, char end);
/* The same for numbers; NaN is an empty field. */
void csv_real(struct str *s, double value, char end);
void csv_int(struct str *s, int64_t value, char end);

#endif
