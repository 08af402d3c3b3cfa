/*
 * progress: what a running matrix tells the person in front of it.
 *
 * On a terminal one line that is drawn over: cells done and left, what runs, its
 * rate, time left. Elsewhere plain lines, one a finished cell. A file beside the
 * database (STATE_DIR/running.tsv) says the same for `ftbench status`.
 */
#ifndef FT_HARNESS_PROGRESS_H
#define FT_HARNESS_PROGRESS_H

#include "harness/execute.h"

#include <stdint.h>
#include <stdio.h>

/* One worker at work. */
struct progress_slot {
    const struct cell *cell; /* NULL: idle */
    int64_t started_ns;
    struct execute_progress at;
};

struct progress {
    FILE *out;             /* borrowed */
    bool terminal;         /* out is one */
    const char *state_dir; /* borrowed */
    int n_cells, n_done, n_failed;
    double est_left, est_done; /* sums of est_seconds: of cells not finished, finished */
    int n_jobs;
    int64_t started_ns, drawn_ns;
};

void progress_init(struct progress *p, FILE *out, const char *state_dir,
                   const struct cell *const *cells, int n, int n_jobs);

/* A cell ended: accuracy on its test rows, or why it failed (message not NULL). */
void progress_finished(struct progress *p, const struct cell *c, double seconds, double accuracy,
                       const char *message);

/* A line of its own, e.g. a warning. */
void progress_note(struct progress *p, const struct cell *c, const char *text);

/* Redraws (terminal) and rewrites the file, at most every half second. */
void progress_draw(struct progress *p, const struct progress_slot *slots);

/* Clears the drawn line and the file. */
void progress_end(struct progress *p);

/* Seconds until the last cell ends, from the estimates and the pace so far; -1
 * when nothing has finished or moved yet. */
double progress_seconds_left(const struct progress *p, const struct progress_slot *slots);

/* "2 h 05 min", "3 min 20 s", "12 s". */
void progress_duration(char out[32], double seconds);

#endif
