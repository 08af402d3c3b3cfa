/*
 * full: every weight of the base model and the head train.
 */
#include "methods/registry.h"

static const struct option options[] = {{.name = NULL}};

static int declare(struct tuned *t, struct err *e)
{
    (void)e;
    for (int i = 0; i < t->model->params.n; i++)
        t->model->params.items[i]->trainable = true;
    return 0;
}

const struct method method_full = {
    .name = "full",
    .summary = "full fine-tuning: every weight trains",
    .source = "Devlin et al., arXiv 1810.04805, section 4",
    .options = options,
    .declare = declare,
    .starts_as_base = true,
};
