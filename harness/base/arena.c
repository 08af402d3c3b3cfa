#include "harness/base/arena.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Chunks from MAPPED_BYTES on come from the system zeroed and take memory when they are first
 * touched, in large pages where there are such: parameters with gradients and moments are
 * gigabytes. */
enum { ALIGNMENT = 64, CHUNK_BYTES = 64 * 1024, MAPPED_BYTES = 4 << 20 };

struct arena_chunk {
    struct arena_chunk *next;
    size_t size_bytes, used_bytes; /* of the payload behind this header */
};

/* The header takes a whole alignment unit, so the payload is aligned too. */
static_assert(sizeof(struct arena_chunk) <= ALIGNMENT, "chunk header too large");

static unsigned char *payload(struct arena_chunk *c)
{
    return (unsigned char *)c + ALIGNMENT;
}

static _Noreturn void die(size_t count, size_t size)
{
    fprintf(stderr, "ftbench: out of memory: %zu x %zu bytes asked for\n", count, size);
    abort();
}

void arena_init(struct arena *a)
{
    *a = (struct arena){0};
}

void arena_release(struct arena *a)
{
    while (a->chunks) {
        struct arena_chunk *next = a->chunks->next;
        if (a->chunks->size_bytes >= MAPPED_BYTES)
            munmap(a->chunks, ALIGNMENT + a->chunks->size_bytes);
        else
            free(a->chunks);
        a->chunks = next;
    }
    a->used_bytes = 0;
}

static void *map(size_t n_bytes)
{
    void *at = mmap(NULL, n_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        return NULL;
    (void)madvise(at, n_bytes, MADV_HUGEPAGE); /* a machine without them says no */
    return at;
}

static void add_chunk(struct arena *a, size_t need_bytes)
{
    size_t size = need_bytes > CHUNK_BYTES ? need_bytes : CHUNK_BYTES;
    struct arena_chunk *c =
        size >= MAPPED_BYTES ? map(ALIGNMENT + size) : aligned_alloc(ALIGNMENT, ALIGNMENT + size);
    if (!c)
        die(1, need_bytes);
    *c = (struct arena_chunk){.next = a->chunks, .size_bytes = size};
    if (size < MAPPED_BYTES)
        memset(payload(c), 0, size);
    a->chunks = c;
}

void *arena_alloc(struct arena *a, size_t n_bytes)
{
    if (n_bytes > SIZE_MAX / 2)
        die(1, n_bytes);
    size_t need = (n_bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (need == 0)
        need = ALIGNMENT;
    if (!a->chunks || a->chunks->size_bytes - a->chunks->used_bytes < need)
        add_chunk(a, need);
    void *p = payload(a->chunks) + a->chunks->used_bytes;
    a->chunks->used_bytes += need;
    a->used_bytes += need;
    return p;
}

void *arena_array(struct arena *a, size_t count, size_t size)
{
    size_t n_bytes;
    if (__builtin_mul_overflow(count, size, &n_bytes))
        die(count, size);
    return arena_alloc(a, n_bytes);
}

char *arena_strdup(struct arena *a, const char *text)
{
    return arena_strndup(a, text, strlen(text));
}

char *arena_strndup(struct arena *a, const char *text, size_t n_bytes)
{
    char *copy = arena_alloc(a, n_bytes + 1);
    if (n_bytes)
        memcpy(copy, text, n_bytes);
    return copy;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    assert(n >= 0);
    char *text = arena_alloc(a, (size_t)n + 1);
    vsnprintf(text, (size_t)n + 1, fmt, again);
    va_end(again);
    return text;
}

void *xmalloc(size_t n_bytes)
{
    void *p = malloc(n_bytes ? n_bytes : 1);
    if (!p)
        die(1, n_bytes);
    return p;
}

void *xrealloc(void *old, size_t n_bytes)
{
    void *p = realloc(old, n_bytes ? n_bytes : 1);
    if (!p)
        die(1, n_bytes);
    return p;
}
