/*
 * internal: what store.c and query.c share. Nobody else includes this.
 */
#ifndef FT_RESULTS_INTERNAL_H
#define FT_RESULTS_INTERNAL_H

#include "harness/base/hash.h"
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

/* Stores facts about an environment once; environment_id is the hash of their sorted lines. */
int store_put_environment(struct store *s, const struct environment_fact *facts, int n_facts,
                          char environment_id[HASH_HEX_SIZE], struct err *e) MUST_CHECK;

#endif
