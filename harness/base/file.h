/*
 * file: reading whole files, and writing them so that nobody sees half of one.
 *
 * A written file appears under its final name complete and synced, or not at
 * all: temporary name in the same folder, write, fsync, rename.
 */
#ifndef FT_HARNESS_BASE_FILE_H
#define FT_HARNESS_BASE_FILE_H

#include "harness/base/err.h"
#include "harness/base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Appends the whole file to out. */
int file_read(struct str *out, const char *path, struct err *e) MUST_CHECK;

/* A file mapped read-only. data is NULL for an empty file. */
struct file_map {
    const unsigned char *data;
    size_t n_bytes;
};
int file_map(struct file_map *m, const char *path, struct err *e) MUST_CHECK;
void file_unmap(struct file_map *m);

/* A file being written. */
struct file_out {
    FILE *stream;    /* owned; write with stdio */
    char *path;      /* owned, final name */
    char *temporary; /* owned */
};
int file_create(struct file_out *f, const char *path, struct err *e) MUST_CHECK;
/* Flush, sync, rename. On failure the final name is untouched and the temporary
 * file is gone. Either call ends f; file_abandon is safe on a zeroed struct. */
int file_commit(struct file_out *f, struct err *e) MUST_CHECK;
void file_abandon(struct file_out *f);

/* create, write all, commit. */
int file_write(const char *path, const void *data, size_t n_bytes, struct err *e) MUST_CHECK;

/* mkdir -p. */
int file_make_dirs(const char *path, struct err *e) MUST_CHECK;
bool file_exists(const char *path);
bool file_is_dir(const char *path);

/* Names of the regular files in dir that end in suffix, sorted bytewise. names
 * and their array are one block: free with free(). Returns the count or -1. */
int file_list(char ***names, const char *dir, const char *suffix, struct err *e) MUST_CHECK;

/* dir + "/" + name appended to an emptied out; a name that starts with / wins. */
const char *file_join(struct str *out, const char *dir, const char *name);

#endif
