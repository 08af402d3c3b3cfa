/*
 * lora: a low-rank update beside frozen projections.
 *
 * Hu et al., arXiv 2106.09685, section 4.1: y = x W^T + s (dropout(x) A^T) B^T,
 * A [r, in], B [out, r], s = alpha / r; or alpha / sqrt(r), Kalajdzievski,
 * "rsLoRA", arXiv 2312.03732. B starts at zero, A as PEFT starts it: uniform in
 * +-1/sqrt(in) (what kaiming_uniform_ with a = sqrt 5 comes to).
 */
#include "harness/base/rng.h"
#include "methods/peft.h"
#include "methods/registry.h"
#include "models/tensor/gemm.h"

#include <math.h>

static const struct option options[] = {
    {"r", OPTION_INT, "8", 1, 4096, NULL, "rank of the update"},
    {"lora_alpha", OPTION_INT, "16", 1, 1e6, NULL, "numerator of the scaling alpha / r"},
    {"lora_dropout", OPTION_FLOAT, "0.1", 0, 0.99, NULL, "dropout on the input of the update"},
    {"target_modules", OPTION_LIST, "q,v", 0, 0, method_linear_roles, "projections to update"},
    {"use_rslora", OPTION_BOOL, "false", 0, 0, NULL, "scale by alpha / sqrt(r) instead"},
    {.name = NULL},
};

struct branch {
    struct param *a, *b; /* [r, in], [out, r] */
    float dropout, scale;
    uint32_t dropout_site;
};

static struct branch *add_branch(struct tuned *t, const struct site *s)
{
    const struct options *o = &t->options;
    int r = (int)option_int(o, "r");
    double alpha = (double)option_int(o, "lora_alpha");
    struct branch *l = arena_alloc(t->arena, sizeof *l);
    l->a = method_param(t, s->module, "lora_A.weight",
                        &(struct param){.rows = r,
                                        .cols = s->in_features,
                                        .n_dims = 2,
                                        .role = PARAM_WEIGHT,
                                        .init = INIT_UNIFORM,
                                        .init_scale = (float)(1 / sqrt(s->in_features)),
                                        .layer = s->layer});
    l->b = method_param(t, s->module, "lora_B.weight",
                        &(struct param){.rows = s->out_features,
                                        .cols = r,
                                        .n_dims = 2,
                                        .role = PARAM_WEIGHT,
                                        .init = INIT_ZEROS,
                                        .layer = s->layer});
    l->dropout = (float)option_float(o, "lora_dropout");
    l->scale = (float)(alpha / (option_bool(o, "use_rslora") ? sqrt(r) : r));
    l->dropout_site = rng_site_of(l->a->name);
    return l;
}

static int declare(struct tuned *t, struct err *e)
{
    if (method_check_targets(t, "target_modules", e) != 0)
        return -1;
    for (int i = 0; i < t->model->n_sites; i++)
        if (method_targets(t, "target_modules", &t->model->sites[i]))
            t->at_site[i] = add_branch(t, &t->model->sites[i]);
    return 0;
}

static struct tensor *after(void *state, struct forward *f, const struct site *s, struct tensor *x,
                            struct tensor *y)
{
    const struct tuned *t = state;
    struct branch *l = t->at_site[s->index];
    if (!l)
        return y;
    x->overwritable = false; /* other projections read x too */
    x = op_dropout(f->tape, x, l->dropout, RNG_METHOD, l->dropout_site);
    struct tensor *low = op_linear(f->tape, x, &l->a->t, NULL); /* [T, r] */
    return op_linear_onto(f->tape, y, low, &l->b->t, l->scale);
}

/* W += s B A. */
static void merge(struct tuned *t)
{
    for (int i = 0; i < t->model->n_sites; i++) {
        const struct site *s = &t->model->sites[i];
        const struct branch *l = t->at_site[i];
        if (!l)
            continue;
        gemm(&(struct gemm){.m = s->out_features,
                            .n = s->in_features,
                            .k = l->a->rows,
                            .alpha = l->scale,
                            .a = l->b->t.data,
                            .lda = l->b->cols,
                            .b = l->a->t.data,
                            .ldb = l->a->cols,
                            .beta = 1,
                            .c = params_own_data(&t->model->params, s->weight),
                            .ldc = s->in_features});
    }
}

static const struct peft_format format = {
    .type = "LORA",
    .fixed = "{\"bias\": \"none\", \"fan_in_fan_out\": false, \"init_lora_weights\": true,"
             " \"lora_bias\": false, \"use_dora\": false, \"use_qalora\": false,"
             " \"rank_pattern\": {}, \"alpha_pattern\": {}, \"layers_to_transform\": null,"
             " \"layer_replication\": null, \"target_parameters\": null,"
             " \"trainable_token_indices\": null}",
    .tensor_suffix = "lora_A.weight",
};

const struct method method_lora = {
    .name = "lora",
    .summary = "LoRA: a low-rank update beside frozen projections",
    .source = "Hu et al., arXiv 2106.09685; rsLoRA: Kalajdzievski, arXiv 2312.03732",
    .options = options,
    .declare = declare,
    .after = after,
    .merge = merge,
    .peft = &format,
    .starts_as_base = true,
};
