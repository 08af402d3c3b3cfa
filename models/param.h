/*
 * param: every tensor of a model, its head and its method, declared once.
 *
 * A parameter is named as transformers and PEFT name it. Declaring needs no
 * weights, so counts and memory follow from configurations alone. What trains
 * lies in one flat block with gradients and both AdamW moments beside it in
 * three more; what is frozen points into the mapped checkpoint and is never
 * copied when its bytes can be used as they are.
 *
 * In bfloat16 (params.bfloat16) a frozen matrix is kept in that format only, again
 * mapped where the file has it so; beside what trains, in float32, lies a rounded
 * copy for products, made anew after every update (params_round).
 */
#ifndef FT_MODELS_PARAM_H
#define FT_MODELS_PARAM_H

#include "harness/base/arena.h"
#include "models/tensor/optimizer.h"
#include "models/tensor/tape.h"

#include <stdint.h>

enum param_role {
    PARAM_WEIGHT,    /* matrices: weight decay applies */
    PARAM_EMBEDDING, /* tables: weight decay applies */
    PARAM_BIAS,      /* no weight decay */
    PARAM_NORM,      /* gain of a normalisation: no weight decay */
    PARAM_NORM_BIAS, /* shift of a normalisation: no weight decay */
};

enum param_part {
    PART_BASE,   /* comes with the checkpoint */
    PART_HEAD,   /* the classifier on top: new for every task */
    PART_METHOD, /* added by a fine-tuning method */
};

enum param_init {
    INIT_ZEROS,
    INIT_ONES,
    INIT_CONSTANT,      /* init_scale: the value */
    INIT_NORMAL,        /* init_scale: standard deviation */
    INIT_NORMAL_PADDED, /* the same, row pad_row zero: an embedding's padding */
    INIT_UNIFORM,       /* init_scale: half width */
    INIT_SINUSOIDAL,    /* init_scale: root mean square; sines of the row, at even columns, and
                           cosines, at odd ones (Vaswani et al., arXiv 1706.03762, 3.5) */
    INIT_NEAR,          /* -init_scale times the row's place in its direction, halved from column
                           to column: attention that begins at what is near (after Press et al.,
                           arXiv 2108.12409) */
};

struct param {
    const char *name; /* "bert.encoder.layer.0.attention.self.query.weight" */
    int rows, cols;   /* a vector is 1 x n and n_dims 1 */
    int n_dims;       /* 1 or 2, as in the checkpoint */
    enum param_role role;
    enum param_part part;
    enum param_init init;
    const char *drawn_as; /* random values are those of this name; NULL: of its own */
    float init_scale;
    int pad_row;        /* INIT_NORMAL_PADDED */
    int direction_rows; /* INIT_NEAR: rows of one direction */
    int layer;          /* -1 outside the layers */
    bool trainable;     /* set between declaring and params_allocate */
    float lr_scale;     /* factor on the learning rate, likewise; params_add makes it 1 */
    bool loaded;        /* data came from a checkpoint or adapter file */
    bool owned;         /* frozen, with float32 memory of its own: params_own_data */
    bool float32;       /* read by other ops than op_linear and op_embedding: stays float32 */
    struct tensor t;
};

struct params {
    struct param **items; /* owned by arena; stable addresses */
    int n;
    struct arena *arena; /* borrowed */
    bool bfloat16;       /* products of bfloat16; set before params_allocate */
    /* After params_allocate: the flat blocks [n_train] and their slices. */
    size_t n_train;
    struct adamw_state adam; /* blocks owned by arena */
    uint16_t *half;          /* the first of them rounded; NULL unless bfloat16 */
};

void params_init(struct params *p, struct arena *a);

/* Declares one; a name twice is our bug. Everything but t, trainable, lr_scale, loaded
 * and owned is copied from spec (the name's text too). */
struct param *params_add(struct params *p, const struct param *spec);

struct param *params_find(const struct params *p, const char *name);

/* Numbers of values: all, and those that train. */
size_t params_total(const struct params *p);
size_t params_trainable(const struct params *p);

/* needs_grad as trainable says, without any memory: all that a dry tape needs. */
void params_mark(struct params *p);

/* Lays the trainable ones into the flat blocks (in order of declaration) and
 * sets needs_grad. with_moments: false for evaluation only. */
void params_allocate(struct params *p, bool with_moments);

/* Brings the rounded copy up to date with what trains: after anything has changed it, before
 * a product. Nothing unless bfloat16. */
void params_round(struct params *p);

/* Whether a parameter is, or will be, kept in bfloat16 only: t.half, and no t.data. */
bool params_keeps_half(const struct params *p, const struct param *one);

/* Room for such a parameter's values, which are rounded from float32 as they come. */
uint16_t *params_own_half(struct params *p, struct param *one);

/* Bytes of all values as they are kept, without gradients and moments. */
size_t params_bytes(const struct params *p);

/* Gives every parameter that was not loaded its initial value: rng stream
 * RNG_INIT, site from the name, so a value depends on seed and name only. */
void params_init_missing(struct params *p, uint64_t seed);

/* The parameter's values in memory that may be written: a trainable one's slice
 * of the block; a frozen one's own memory, made on the first call and holding
 * what values it had (of one kept in bfloat16, which then is float32 from now on).
 * After params_allocate. */
float *params_own_data(struct params *p, struct param *one);

/* rows * cols */
size_t param_size(const struct param *one);

#endif
