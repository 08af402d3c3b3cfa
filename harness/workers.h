/*
 * workers: cells as processes, so that one cell's end is only its own.
 *
 * Each cell runs in a forked process and stores its own result. How many run at a time is
 * bounded by n_jobs and by the memory they are estimated to need; one that needs more than there
 * is runs alone. Cores that no other cell could use go to a cell as threads when it starts.
 * A crash, an out-of-memory kill or a time-out becomes a stored failure and the
 * matrix goes on. SIGINT or SIGTERM stops cleanly: running cells snapshot after
 * their current update and stay pending; a second signal kills them.
 */
#ifndef FT_HARNESS_WORKERS_H
#define FT_HARNESS_WORKERS_H

#include "harness/execute.h"
#include "harness/progress.h"

enum { WORKERS_MAX = 256 };

struct workers_params {
    struct execute_params execute; /* context and callbacks are set here */
    int n_jobs;                    /* processes at a time, 1 to WORKERS_MAX */
    int n_cores;                   /* that cells may share among their threads; 0: 1 */
    int n_threads;                 /* of each cell; 0: the cores that would stand idle */
    size_t memory_bytes;           /* that the cells at work may need together; 0: no limit */
    double timeout_seconds;        /* a cell may take; 0: no limit */
    const char *phases;            /* with execute.profile: the file for phases_tell */
    FILE *out;                     /* progress goes there */
};

struct workers_outcome {
    int n_done, n_failed, n_left;
    bool stopped; /* by a signal */
};

/* Runs cells[0..n) in order. -1 when results cannot be stored (the world's
 * fault, not a cell's); what ran before is kept. */
int workers_run(const struct cell *const *cells, int n, const struct workers_params *p,
                struct workers_outcome *outcome, struct err *e) MUST_CHECK;

#endif
