/*
 * update: one step of training, from summed gradients to new parameters.
 *
 * What fine-tuning and pre-training share: the norm, the learning rate at this step, clipping,
 * AdamW. Whose gradients they are, and of what loss, is the caller's affair.
 */
#ifndef FT_MODELS_UPDATE_H
#define FT_MODELS_UPDATE_H

#include "harness/base/option.h"
#include "models/param.h"

struct update_rule {
    struct adamw adamw;
    enum schedule lr_scheduler_type;
    double learning_rate; /* the peak */
    double warmup_ratio, max_grad_norm;
};

/* From options of transformers' names: learning_rate, lr_scheduler_type, warmup_ratio, adam_beta1,
 * adam_beta2, adam_epsilon, weight_decay, max_grad_norm. */
struct update_rule update_rule_of(const struct options *o);

/* Which update of how many, and the loss whose gradients lie there. */
struct update_place {
    long step, n_steps; /* step from 0 */
    double loss;
};

struct update_done {
    double learning_rate, grad_norm; /* before clipping */
};

/* Gradients are 0 afterwards; what trains is to be rounded anew (params_round). A loss or norm
 * that is not finite is an error that names the step, and nothing is changed. */
int update_take(struct update_done *done, const struct update_rule *r, struct params *params,
                struct pool *pool, const struct update_place *at, struct err *e) MUST_CHECK;

#endif
