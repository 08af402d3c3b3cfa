/*
 * query: one SQL statement over a store, stepped row by row.
 *
 *     struct query q;
 *     if (query_open(&q, store, "SELECT model FROM cell WHERE cell_id = ?1", e) != 0)
 *         return -1;
 *     query_bind_text(&q, 1, id);
 *     while ((more = query_next(&q, e)) == 1)
 *         use(query_text(&q, 0));
 *     query_close(&q);
 */
#ifndef FT_RESULTS_QUERY_H
#define FT_RESULTS_QUERY_H

#include "results/store.h"

#include <stdbool.h>
#include <stddef.h>

struct sqlite3_stmt;

struct query {
    struct store *store;            /* borrowed */
    struct sqlite3_stmt *statement; /* owned */
};

int query_open(struct query *q, struct store *s, const char *sql, struct err *e) MUST_CHECK;

/* Parameters, from 1. text is copied; NULL binds NULL. NaN binds NULL. */
void query_bind_text(struct query *q, int parameter, const char *text);
void query_bind_int(struct query *q, int parameter, int64_t value);
void query_bind_real(struct query *q, int parameter, double value);
/* Borrowed until query_reset or query_close. */
void query_bind_blob(struct query *q, int parameter, const void *data, size_t n_bytes);

/* 1: a row is there; 0: no more; -1: error. */
int query_next(struct query *q, struct err *e) MUST_CHECK;

/* Steps a statement that gives no rows, then makes it ready to run again. */
int query_run(struct query *q, struct err *e) MUST_CHECK;

/* Columns of the row, from 0. Text and blob are valid until the next call;
 * NULL reads as "", 0 and NaN. */
const char *query_text(const struct query *q, int column);
int64_t query_int(const struct query *q, int column);
double query_real(const struct query *q, int column);
bool query_is_null(const struct query *q, int column);
const void *query_blob(const struct query *q, int column, size_t *n_bytes);

/* Ready for other parameters. */
void query_reset(struct query *q);

/* Safe on a zeroed struct. */
void query_close(struct query *q);

#endif
