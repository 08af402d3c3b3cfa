/*
 * optimizer: AdamW on flat blocks, learning-rate schedules, clipping.
 *
 * All trainable parameters lie in one block, their gradients and both moments in
 * three more with the same slices, so one loop serves every method.
 */
#ifndef FT_MODELS_TENSOR_OPTIMIZER_H
#define FT_MODELS_TENSOR_OPTIMIZER_H

#include "harness/base/pool.h"

#include <stddef.h>
#include <stdint.h>

/* Loshchilov, Hutter, "Decoupled weight decay regularization", arXiv 1711.05101,
 * algorithm 2; semantics of torch.optim.AdamW. */
struct adamw {
    float beta1, beta2, epsilon, weight_decay;
};

/* A run of consecutive parameters treated alike. */
struct adamw_slice {
    size_t start, n;          /* in floats */
    int decays;               /* 1: weight_decay applies (not for biases and norms) */
    float lr_scale;           /* factor on the learning rate, 1 by default */
    unsigned char *row_state; /* of a table: [n / width] enum row_state; NULL: all touched */
    size_t width;
};

/* The four blocks and how their parts are treated. */
struct adamw_state {
    float *param, *grad, *m, *v; /* borrowed, [n] floats each */
    const struct adamw_slice *slices;
    int n_slices;
};

/* One update. step counts from 1. grad is multiplied by grad_scale first (1, or
 * what clipping gives). Gradients are 0 afterwards: the next step's accumulation
 * may begin without another pass over memory. Rows of tables that no gradient reached
 * are updated all the same, bit for bit as if they had been read: only what is known to be 0 is
 * not fetched. */
void adamw_step(const struct adamw *o, const struct adamw_state *s, long step, double learning_rate,
                float grad_scale, struct pool *pool);

/* Euclidean norm over all gradients, summed in double in an order that the slices alone
 * decide. */
double grad_norm(const struct adamw_state *s, struct pool *pool);

/* The factor that brings norm down to max_norm, as torch.nn.utils.clip_grad_norm_:
 * min(1, max_norm / (norm + 1e-6)); 1 when max_norm is 0 (no clipping). */
float clip_scale(double norm, double max_norm);

enum schedule { SCHEDULE_LINEAR, SCHEDULE_CONSTANT, SCHEDULE_COSINE, SCHEDULE_COUNT };
/* Names as transformers' lr_scheduler_type: "linear", "constant", "cosine". */
extern const char *const schedule_names[]; /* [SCHEDULE_COUNT] and NULL */

/* Factor on the learning rate at step (from 0) of n_steps, as transformers'
 * get_*_schedule_with_warmup. */
double schedule_factor(enum schedule s, long step, long n_warmup, long n_steps);

#endif
