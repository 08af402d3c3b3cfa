/*
 * keeper: a process that holds the result database open while others come and go.
 *
 * Each worker opens the database, stores and ends. SQLite's first process to open has to read the
 * whole write-ahead log, and its last to close writes it back and waits for the disk; between two
 * workers that stood alone this took longer than a small cell. The keeper is first and last
 * instead. The parent cannot hold the database itself: its locks would look to its children like
 * their own. Nothing depends on the keeper: without it the same is stored, more slowly.
 */
#ifndef FT_HARNESS_KEEPER_H
#define FT_HARNESS_KEEPER_H

#include <sys/types.h>

struct keeper {
    pid_t pid; /* 0: there is none */
    int fd;    /* its end is the keeper's */
};

/* Holds the database, which exists, until keeper_end or the end of this process. */
void keeper_start(struct keeper *k, const char *db);

/* Waits until what was stored lies in the database file itself. */
void keeper_end(struct keeper *k);

#endif
