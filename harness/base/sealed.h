/*
 * sealed: stretches of memory in a file that is taken back whole, by its owner, or not at all.
 *
 * A header says what kind of file it is, whose, and with which kernels the numbers were made; the
 * stretches follow end to end, then the SHA-256 of all that. For snapshots of trainings: the
 * same program on the same machine reads what it wrote, byte for byte.
 */
#ifndef FT_HARNESS_BASE_SEALED_H
#define FT_HARNESS_BASE_SEALED_H

#include "harness/base/file.h"

enum { SEALED_ID_SIZE = 24, SEALED_KERNELS_SIZE = 64 };

struct sealed_header {
    char magic[8];
    char id[SEALED_ID_SIZE]; /* whose; NUL-terminated, as all */
    char kernels[SEALED_KERNELS_SIZE];
};

/* NULL of no bytes is none. */
struct sealed_stretch {
    void *at;
    size_t n_bytes;
};

/* Texts are cut to what the header has room for. */
struct sealed_header sealed_header_of(const char *magic, const char *id, const char *kernels);

/* Whole under its name, or not at all. */
int sealed_write(const char *path, const struct sealed_header *h,
                 const struct sealed_stretch *stretches, int n, struct err *e) MUST_CHECK;

/* A file open for reading. */
struct sealed {
    struct file_map map;
    size_t at; /* first byte that was not taken */
};

/* Maps the file and checks that it is whole and that its header is h. -1: it is neither open nor
 * to be closed; what: "this cell", for the message. */
int sealed_open(struct sealed *s, const char *path, const struct sealed_header *h, const char *what,
                struct err *e) MUST_CHECK;
void sealed_close(struct sealed *s);

/* The next stretches, copied to where they belong. last: nothing may follow them. -1, and nothing
 * was copied, when the file is of another length. */
int sealed_take(struct sealed *s, const struct sealed_stretch *stretches, int n, bool last,
                struct err *e) MUST_CHECK;

#endif
