/*
 * adapter: a bottleneck with a residual after every sub-layer.
 *
 * Houlsby et al., arXiv 1902.00751, section 2.1: y + up(gelu(down(y))) on the
 * output of attention and of feed-forward, before it joins the residual stream;
 * the normalisations of the base model train too. Near the identity at the start:
 * both matrices are normal with the paper's deviation of 0.01 (theirs are cut at
 * two deviations, ours are not), biases zero.
 */
#include "methods/registry.h"

static const struct option options[] = {
    {"bottleneck_size", OPTION_INT, "64", 1, 65536, NULL, "width between down and up"},
    {"train_layer_norm", OPTION_BOOL, "true", 0, 0, NULL,
     "the base model's normalisations train too, as in the paper"},
    {.name = NULL},
};

struct bottleneck {
    struct param *down, *down_bias; /* [size, width], [size] */
    struct param *up, *up_bias;     /* [width, size], [width] */
};

static struct param *matrix(struct tuned *t, const struct site *s, const char *suffix, int rows,
                            int cols)
{
    return method_param(t, s->module, suffix,
                        &(struct param){.rows = rows,
                                        .cols = cols,
                                        .n_dims = 2,
                                        .role = PARAM_WEIGHT,
                                        .init = INIT_NORMAL,
                                        .init_scale = 0.01f,
                                        .layer = s->layer});
}

static struct param *bias(struct tuned *t, const struct site *s, const char *suffix, int n)
{
    return method_param(t, s->module, suffix,
                        &(struct param){.rows = 1,
                                        .cols = n,
                                        .n_dims = 1,
                                        .role = PARAM_BIAS,
                                        .init = INIT_ZEROS,
                                        .layer = s->layer});
}

static int declare(struct tuned *t, struct err *e)
{
    struct model *m = t->model;
    int size = (int)option_int(&t->options, "bottleneck_size");
    int n = 0;
    if (option_bool(&t->options, "train_layer_norm"))
        for (int i = 0; i < m->params.n; i++) {
            struct param *p = m->params.items[i];
            if (p->role == PARAM_NORM || p->role == PARAM_NORM_BIAS)
                p->trainable = true;
        }
    for (int i = 0; i < m->n_sites; i++) {
        const struct site *s = &m->sites[i];
        if (s->kind != SITE_SUBLAYER)
            continue;
        struct bottleneck *b = arena_alloc(t->arena, sizeof *b);
        b->down = matrix(t, s, "adapter_down.weight", size, s->out_features);
        b->down_bias = bias(t, s, "adapter_down.bias", size);
        b->up = matrix(t, s, "adapter_up.weight", s->out_features, size);
        b->up_bias = bias(t, s, "adapter_up.bias", s->out_features);
        t->at_site[i] = b;
        n++;
    }
    return n ? 0 : err_usage(e, "this model has no sub-layers to adapt");
}

static struct tensor *after(void *state, struct forward *f, const struct site *s, struct tensor *x,
                            struct tensor *y)
{
    (void)x;
    const struct tuned *t = state;
    struct bottleneck *b = t->at_site[s->index];
    if (!b)
        return y;
    struct tensor *h = op_linear(f->tape, y, &b->down->t, &b->down_bias->t); /* [T, size] */
    h = op_act(f->tape, h, ACT_GELU);
    h = op_linear(f->tape, h, &b->up->t, &b->up_bias->t); /* [T, width] */
    return op_add(f->tape, y, h);
}

const struct method method_adapter = {
    .name = "adapter",
    .summary = "Houlsby adapters: a bottleneck after every sub-layer",
    .source = "Houlsby et al., arXiv 1902.00751",
    .options = options,
    .declare = declare,
    .after = after,
};
