/*
 * arena: memory that is given back all at once.
 *
 * A chunked bump allocator for everything that lives as long as one parse, one
 * plan or one cell. It is not for activations (models/tensor/slab.h). Memory is
 * zeroed. When the machine has none left the program dies saying how much was
 * asked for, so no caller checks for NULL.
 */
#ifndef FT_HARNESS_BASE_ARENA_H
#define FT_HARNESS_BASE_ARENA_H

#include "harness/base/err.h"

#include <stddef.h>

struct arena_chunk;

struct arena {
    struct arena_chunk *chunks; /* owned, newest first */
    size_t used_bytes;          /* handed out so far */
};

/* An empty arena; equals a zeroed struct. */
void arena_init(struct arena *a);

/* Gives every byte back. Safe on a zeroed struct and twice. */
void arena_release(struct arena *a);

/* n_bytes of zeroed memory, aligned to 64 bytes. Never NULL; n_bytes 0 gives a
 * valid pointer. */
void *arena_alloc(struct arena *a, size_t n_bytes);

/* count * size bytes, overflow checked (dies, as out of memory). */
void *arena_array(struct arena *a, size_t count, size_t size);

/* Copies of strings, NUL-terminated, owned by the arena. */
char *arena_strdup(struct arena *a, const char *text);
char *arena_strndup(struct arena *a, const char *text, size_t n_bytes);
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* malloc and realloc that die instead of returning NULL, for growing buffers. */
void *xmalloc(size_t n_bytes);
void *xrealloc(void *old, size_t n_bytes);

#endif
