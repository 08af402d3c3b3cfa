/*
 * standing: where a planned cell stands with respect to a database.
 *
 *   done, failed, skipped  stored under this id
 *   running                a run of this database is at it right now
 *   stale                  not stored, but an older result of the same model, method, data
 *                          set, protocol and seed is: something that counts has changed since
 *   pending                nothing is known of it
 */
#ifndef FT_HARNESS_STANDING_H
#define FT_HARNESS_STANDING_H

#include "harness/cell.h"
#include "results/store.h"

/* A line of running.tsv (progress.h). */
struct running_cell {
    const char *id;
    long epoch, n_epochs, step, n_steps;
    double tokens_per_second, seconds;
};

struct standing {
    struct store *store;          /* owned; NULL when there is no database yet */
    struct running_cell *running; /* [n_running] owned by the arena */
    int n_running;
    struct standing_result *results; /* [n_results] what is stored, by id; owned by the arena */
    uint64_t *kin; /* [n_results] hashes of what standing_older compares, sorted */
    size_t n_results;
};

/* db need not exist. */
int standing_open(struct standing *s, const char *db, struct arena *a, struct err *e) MUST_CHECK;
void standing_close(struct standing *s);

/* What is stored under c's id, as of standing_open. */
enum result_status standing_status(const struct standing *s, const struct cell *c);

/* One of the words above, or NULL on error. */
const char *standing_of(struct standing *s, const struct cell *c, struct err *e);

/* The id of the newest stored result with c's model, method, data set, protocol and seed but
 * another id, in arena a; NULL when there is none or on error (then e is filled). */
const char *standing_older(struct standing *s, const struct cell *c, struct arena *a,
                           struct err *e);

#endif
