/*
 * slab: the memory of one forward and backward pass.
 *
 * A block of fixed capacity, handed out from the front, with a free list for
 * blocks that die early (gradients of activations). It never grows: its size
 * comes from a dry run of the same pass, in which addresses are made up and
 * nothing is touched, so the estimate of `plan` and the real need are one
 * number. After the first step nothing is allocated any more.
 */
#ifndef FT_MODELS_TENSOR_SLAB_H
#define FT_MODELS_TENSOR_SLAB_H

#include <stdbool.h>
#include <stddef.h>

enum { SLAB_FREE_MAX = 256 };

struct slab_block {
    char *at;
    size_t n_bytes;
};

struct slab {
    char *base;            /* owned (mmap), or a made-up address when dry */
    size_t capacity_bytes; /* SIZE_MAX when dry */
    size_t used_bytes;     /* front of the block */
    size_t peak_bytes;     /* highest used_bytes since slab_init */
    bool dry;
    struct slab_block free[SLAB_FREE_MAX]; /* given back, reused by exact size */
    int n_free;
};

/* A slab that only counts. */
void slab_init_dry(struct slab *s);
/* A slab of capacity bytes; dies when the machine cannot map them. Pages are
 * taken from the machine only when first touched. */
void slab_init(struct slab *s, size_t capacity_bytes);
void slab_release(struct slab *s);

/* Everything handed out is void again. */
void slab_reset(struct slab *s);

/* Everything handed out since used_bytes was what it was is void, unless it was
 * an older block reused. */
void slab_rewind(struct slab *s, size_t used_bytes);

/* The blocks given back so far, put aside: until they are shown again every new block comes
 * from the front. */
struct slab_spare {
    struct slab_block free[SLAB_FREE_MAX];
    int n_free;
};
struct slab_spare slab_hide_spare(struct slab *s);
void slab_show_spare(struct slab *s, const struct slab_spare *spare);

/* n_bytes (rounded up to 64) aligned to 64, not zeroed. Running out is our bug:
 * the dry run said how much is needed (assert). */
void *slab_alloc(struct slab *s, size_t n_bytes);
/* Gives a block of slab_alloc back for reuse by a later block of equal size. */
void slab_give_back(struct slab *s, void *at, size_t n_bytes);

#endif
