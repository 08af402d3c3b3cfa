/*
 * bitfit: every bias of the base model trains, the shifts of its normalisations
 * included, and the head.
 */
#include "methods/registry.h"

static const struct option options[] = {{.name = NULL}};

static int declare(struct tuned *t, struct err *e)
{
    int n = 0;
    for (int i = 0; i < t->model->params.n; i++) {
        struct param *p = t->model->params.items[i];
        if (p->part == PART_BASE && (p->role == PARAM_BIAS || p->role == PARAM_NORM_BIAS)) {
            p->trainable = true;
            n++;
        }
    }
    return n ? 0
             : err_usage(e, "this model has nothing it could train: no projection has a bias and "
                            "no normalisation a shift");
}

const struct method method_bitfit = {
    .name = "bitfit",
    .summary = "BitFit: only biases and the classifier train",
    .source = "Ben Zaken, Ravfogel, Goldberg, arXiv 2106.10199",
    .options = options,
    .declare = declare,
    .starts_as_base = true,
};
