#include "models/tensor/slab.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { ALIGN = 64 };

static size_t round_up(size_t n_bytes)
{
    assert(n_bytes <= SIZE_MAX - ALIGN);
    return n_bytes == 0 ? ALIGN : (n_bytes + ALIGN - 1) / ALIGN * ALIGN;
}

void slab_init_dry(struct slab *s)
{
    memset(s, 0, sizeof *s);
    s->base = (char *)(uintptr_t)4096; /* never read; only not NULL */
    s->capacity_bytes = SIZE_MAX;
    s->dry = true;
}

void slab_init(struct slab *s, size_t capacity_bytes)
{
    memset(s, 0, sizeof *s);
    s->capacity_bytes = round_up(capacity_bytes);
    s->base = mmap(NULL, s->capacity_bytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (s->base == MAP_FAILED) {
        fprintf(stderr, "out of memory: %zu bytes asked for activations\n", s->capacity_bytes);
        abort();
    }
    /* Large pages save faults and TLB misses; a machine without them says no. */
    (void)madvise(s->base, s->capacity_bytes, MADV_HUGEPAGE);
}

void slab_release(struct slab *s)
{
    if (s->base != NULL && !s->dry)
        munmap(s->base, s->capacity_bytes);
    memset(s, 0, sizeof *s);
}

void slab_reset(struct slab *s)
{
    s->used_bytes = 0;
    s->n_free = 0;
}

void slab_rewind(struct slab *s, size_t used_bytes)
{
    assert(used_bytes <= s->used_bytes);
    s->used_bytes = used_bytes;
    int kept = 0;
    for (int i = 0; i < s->n_free; i++)
        if (s->free[i].at + s->free[i].n_bytes <= s->base + used_bytes)
            s->free[kept++] = s->free[i];
    s->n_free = kept;
}

struct slab_spare slab_hide_spare(struct slab *s)
{
    struct slab_spare spare;
    memcpy(spare.free, s->free, (size_t)s->n_free * sizeof *s->free);
    spare.n_free = s->n_free;
    s->n_free = 0;
    return spare;
}

/* What was given back meanwhile is forgotten. */
void slab_show_spare(struct slab *s, const struct slab_spare *spare)
{
    memcpy(s->free, spare->free, (size_t)spare->n_free * sizeof *s->free);
    s->n_free = spare->n_free;
}

void *slab_alloc(struct slab *s, size_t n_bytes)
{
    size_t need = round_up(n_bytes);
    for (int i = s->n_free - 1; i >= 0; i--) {
        if (s->free[i].n_bytes == need) {
            char *at = s->free[i].at;
            s->free[i] = s->free[--s->n_free];
            return at;
        }
    }
    assert(need <= s->capacity_bytes - s->used_bytes);
    char *at = s->base + s->used_bytes;
    s->used_bytes += need;
    if (s->used_bytes > s->peak_bytes)
        s->peak_bytes = s->used_bytes;
    return at;
}

void slab_give_back(struct slab *s, void *at, size_t n_bytes)
{
    size_t need = round_up(n_bytes);
    if ((char *)at + need == s->base + s->used_bytes) {
        s->used_bytes -= need; /* the newest block: the front moves back */
        return;
    }
    assert(s->n_free < SLAB_FREE_MAX);
    s->free[s->n_free++] = (struct slab_block){.at = at, .n_bytes = need};
}
