/*
 * tape: what a forward pass did, so that it can be played backwards.
 *
 * Every op (ops.h) computes its result at once and, when any input needs a
 * gradient, records itself with what its backward needs. tape_backward plays
 * the records in reverse. That is all: no graph, no shape inference.
 *
 * The rule that pays for every fine-tuning method: a tensor that needs no
 * gradient costs nothing backwards. An op whose inputs need none records
 * nothing, so the backward pass ends at the lowest op that anything trainable
 * stands under.
 *
 * Dry: with a dry slab ops allocate and record as always but do no arithmetic;
 * running forward and backward then measures the memory of a step.
 */
#ifndef FT_MODELS_TENSOR_TAPE_H
#define FT_MODELS_TENSOR_TAPE_H

#include "harness/base/arena.h"
#include "harness/base/pool.h"
#include "models/tensor/profile.h"
#include "models/tensor/slab.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A row-major matrix [rows, cols]; a vector is [1, cols]. */
struct tensor {
    int rows, cols;
    float *data;          /* borrowed: slab, parameter block or mapped checkpoint; NULL for a
                             parameter of which half is the only copy */
    const uint16_t *half; /* borrowed: a parameter's values in bfloat16 for products, or NULL */
    float *grad;          /* same shape; parameters: their slice of the gradient
                             block; others: NULL until something flows back */
    bool needs_grad;      /* something trainable stands at or before this tensor */
    bool is_param;        /* grad is permanent and sums over micro-batches */
    bool overwritable;    /* made by op_linear (whose backward never reads its
                             result), or in place on such, and held by no backward
                             since: one later op may take the buffer over */

    /* Of a trained table: [rows] enum row_state; NULL: all rows may be touched. */
    unsigned char *row_state;
};

/* What a step did to a row of a trained table, of which a batch reads few: the optimiser
 * does not fetch what is known to be 0. */
enum row_state {
    ROW_QUIET,   /* gradient and both moments are 0 */
    ROW_MOMENTS, /* gradient is 0, moments may be anything */
    ROW_TOUCHED, /* gradient may be anything */
};

struct gemm_half;
struct tape;

struct tape_record {
    void (*backward)(struct tape *t, void *record);
    struct tape_record *before;
    enum phase phase; /* whose time its backward is: as its forward's */
};

struct tape {
    struct slab *slab; /* borrowed: tensors and scratch */
    char *records;     /* owned block for tensors' structs and records */
    size_t records_used, records_bytes;
    struct tape_record *last;
    bool dry;                /* slab->dry */
    bool training;           /* dropout active, records kept */
    bool spare_frozen;       /* no dropout of what nothing trainable stands before; kept by
                                tape_begin, like the next */
    bool recompute;          /* tape_segment forgets and computes again */
    uint64_t seed;           /* of dropout */
    uint32_t step;           /* micro-batch number since the start of training */
    struct gemm_half *half;  /* borrowed: op_linear's products are of bfloat16; NULL: of
                                float32. Set after tape_init */
    struct pool *pool;       /* borrowed: shares an op's rows, columns or heads; NULL: one thread */
    struct profile *profile; /* borrowed; NULL: nobody asks where the time goes */
};

/* slab borrowed. Records get a fixed block of records_bytes, taken once. */
void tape_init(struct tape *t, struct slab *slab, size_t records_bytes);
void tape_release(struct tape *t);

/* Begin a forward pass: slab and records are void. */
void tape_begin(struct tape *t, bool training, uint64_t seed, uint32_t step);

/* Where a stretch of a forward pass begins that may leave only its result. */
struct tape_mark {
    size_t slab_bytes, records_bytes;
    struct tape_record *last;
};
struct tape_mark tape_mark(const struct tape *t);

/* Ends the stretch that began at mark: when no backward remembers anything of it
 * (evaluation, or layers below all that trains), every other tensor made since is
 * void, its memory is free again and x's values move to the front. Otherwise
 * nothing happens. */
void tape_collapse(struct tape *t, struct tape_mark mark, struct tensor *x);

/* A stretch of a forward pass, from a tensor, and another that it may read beside it (or
 * NULL), to a fresh one. Called again in the backward pass, it must do the same. */
struct tape_stretch {
    struct tensor *(*run)(struct tape *t, void *state, struct tensor *x, struct tensor *beside);
    void *state; /* lives as long as the records: tape_state */
};

/* What s makes of x. Where t->recompute says so only x and the result stay, and the backward
 * pass computes the stretch again (Chen et al., arXiv 1604.06174): the same bits in less
 * memory for one more forward. Of tensors made outside of it the stretch may read x, beside
 * and parameters. */
struct tensor *tape_segment(struct tape *t, const struct tape_stretch *s, struct tensor *x,
                            struct tensor *beside);

/* A copy of n_bytes that lives until tape_begin, real memory even when dry. */
void *tape_state(struct tape *t, const void *of, size_t n_bytes);

/* Everything since mark is void, headers and tape_ints too: the steps of decoding need
 * room for one. Our bug when a backward remembers any of it (assert). */
void tape_rewind(struct tape *t, struct tape_mark mark);

/* --- for those who write ops ------------------------------------------- */

/* Whether a gradient for x must be computed in this pass; x may be NULL. */
static inline bool tape_wants(const struct tape *t, const struct tensor *x)
{
    return t->training && x != NULL && x->needs_grad;
}

/* Whether dropout acts on a result that needs a gradient, or none. */
static inline bool tape_drops(const struct tape *t, bool needs_grad)
{
    return t->training && (needs_grad || !t->spare_frozen);
}

/* A fresh tensor, data not set. */
struct tensor *tape_tensor(struct tape *t, int rows, int cols, bool needs_grad);

/* A tensor that looks at the same data under another header (for an op that
 * takes a buffer over). */
struct tensor *tape_alias(struct tape *t, struct tensor *of, bool needs_grad);

/* The buffer of x (which must be overwritable) under a new header: x's data is
 * gone for everybody else and reads as NULL. */
struct tensor *tape_take_over(struct tape *t, struct tensor *x, bool needs_grad);

/* n_bytes that live until tape_begin: what a backward must remember. */
void *tape_keep(struct tape *t, size_t n_bytes);

/* n ints that live until tape_begin and are real memory even when dry: offsets
 * and positions that an op or a method makes up. */
int *tape_ints(struct tape *t, int n);

/* n pointers, NULL, alike. */
struct tensor **tape_tensors(struct tape *t, int n);

/* A record of record_bytes (whose first member is a struct tape_record), put on
 * the tape with its backward. Call only when the result needs a gradient. */
void *tape_push(struct tape *t, size_t record_bytes, void (*backward)(struct tape *, void *));

/* Scratch that the caller gives back before it returns. */
float *tape_scratch(struct tape *t, size_t n_floats);
void tape_scratch_done(struct tape *t, float *scratch, size_t n_floats);

/* In a backward: where to add the gradient of x, or NULL when x needs none.
 * *beta is 0 when the block holds nothing yet and must be overwritten, 1 when
 * it must be added to. */
float *tape_grad(struct tape *t, struct tensor *x, float *beta);

/* The same for an op that adds to few rows and says which: each must be ROW_TOUCHED in
 * x->row_state, where x has one, before the backward ends. */
float *tape_grad_rows(struct tape *t, struct tensor *x, float *beta);

/* In a backward: the gradient of result y is used up; its block is reused. */
void tape_grad_done(struct tape *t, struct tensor *y);

/* In a backward whose dx is dy, or dy changed in place: x takes the block of y's
 * gradient over, if nothing has flowed to x yet (or x needs no gradient: then
 * the block is given back). False: x has a block already; add dy to it and call
 * tape_grad_done. */
bool tape_grad_move(struct tape *t, struct tensor *y, struct tensor *x);

/* --- for those who run them --------------------------------------------- */

/* Plays the tape backwards from the scalar loss [1, 1], d loss = scale. */
void tape_backward(struct tape *t, struct tensor *loss, float scale);

#endif
