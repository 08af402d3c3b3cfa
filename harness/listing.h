/*
 * listing: rows of named columns, printed as a table, CSV or JSON.
 *
 * One description of the columns serves the three forms. Numbers are right-aligned in a
 * table, bare in CSV and JSON; a text in CSV is quoted where it must be (RFC 4180).
 */
#ifndef FT_HARNESS_LISTING_H
#define FT_HARNESS_LISTING_H

#include "harness/base/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct column {
    const char *name;
    bool is_number;
};

struct listing {
    const struct column *columns; /* borrowed; ends with a NULL name */
    int n_columns;
    const char **cells; /* [n_rows * n_columns] row after row; what equals the value above it is
                           the same text */
    int n_rows, n_room;
    char *text; /* room for texts */
    size_t n_text;
    struct arena *arena; /* borrowed */
};

void listing_init(struct listing *l, const struct column *columns, struct arena *a);

/* A new row of empty texts; fill it with listing_set. */
void listing_row(struct listing *l);

/* The value of a column in the last row; text is copied. */
void listing_set(struct listing *l, const char *column, const char *text);
void listing_set_int(struct listing *l, const char *column, long long value);
void listing_set_double(struct listing *l, const char *column, double value);

/* format: "table", "csv" or "json" (a list of objects, one a line). */
void listing_print(const struct listing *l, const char *format, FILE *out);

#endif
