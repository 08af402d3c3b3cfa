/*
 * null: trains nothing, not even the head. What remains of a run's time and
 * memory is the harness and the forward pass; what remains of its accuracy is
 * chance.
 */
#include "methods/registry.h"

static const struct option options[] = {{.name = NULL}};

static int declare(struct tuned *t, struct err *e)
{
    (void)e;
    for (int i = 0; i < t->model->params.n; i++)
        t->model->params.items[i]->trainable = false;
    return 0;
}

const struct method method_null = {
    .name = "null",
    .summary = "trains nothing: measures the harness itself",
    .source = "none",
    .options = options,
    .declare = declare,
    .starts_as_base = true,
};
