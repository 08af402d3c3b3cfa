/*
 * internal: what store.c and query.c share. Nobody else includes this.
 */
#ifndef FT_RESULTS_INTERNAL_H
#define FT_RESULTS_INTERNAL_H

#include "results/store.h"

#include <sqlite3.h>

struct store {
    sqlite3 *db;
    char *path; /* owned */
};

/* What went wrong at the last call, with the file and what to do. Returns -1. */
int store_error(const struct store *s, struct err *e);

/* Runs one statement without parameters. */
int store_execute(struct store *s, const char *sql, struct err *e) MUST_CHECK;

/* Ends a transaction that did not succeed, if one is open. */
void store_roll_back(struct store *s);

#endif
