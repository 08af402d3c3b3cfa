#include "models/update.h"

#include <math.h>

struct update_rule update_rule_of(const struct options *o)
{
    return (struct update_rule){.adamw = {.beta1 = (float)option_float(o, "adam_beta1"),
                                          .beta2 = (float)option_float(o, "adam_beta2"),
                                          .epsilon = (float)option_float(o, "adam_epsilon"),
                                          .weight_decay = (float)option_float(o, "weight_decay")},
                                .lr_scheduler_type = (enum schedule)str_index(
                                    schedule_names, option_choice(o, "lr_scheduler_type")),
                                .learning_rate = option_float(o, "learning_rate"),
                                .warmup_ratio = option_float(o, "warmup_ratio"),
                                .max_grad_norm = option_float(o, "max_grad_norm")};
}

int update_take(struct update_done *done, const struct update_rule *r, struct params *params,
                struct pool *pool, const struct update_place *at, struct err *e)
{
    long n_warmup = (long)ceil(r->warmup_ratio * (double)at->n_steps);

    done->grad_norm = grad_norm(&params->adam, pool);
    done->learning_rate =
        r->learning_rate * schedule_factor(r->lr_scheduler_type, at->step, n_warmup, at->n_steps);
    if (!isfinite(at->loss) || !isfinite(done->grad_norm))
        return err_set(e,
                       "training diverged at step %ld of %ld: loss %g, gradient norm %g; "
                       "try a smaller learning_rate than %g",
                       at->step + 1, at->n_steps, at->loss, done->grad_norm, r->learning_rate);
    adamw_step(&r->adamw, &params->adam, at->step + 1, done->learning_rate,
               clip_scale(done->grad_norm, r->max_grad_norm), pool);
    return 0;
}
