/*
 * ia3: learned factors on keys, values and the inner activations of the
 * feed-forward.
 *
 * Liu et al., arXiv 2205.05638, section 3.3. A projection in target_modules has
 * its output scaled; one that is in feedforward_modules too has its input scaled
 * instead, which for ffn_out is the activation behind the nonlinearity, as in the
 * paper. Factors start at one.
 */
#include "methods/peft.h"
#include "methods/registry.h"

static const struct option options[] = {
    {"target_modules", OPTION_LIST, "k,v,ffn_out", 0, 0, method_linear_roles,
     "projections to scale"},
    {"feedforward_modules", OPTION_LIST, "ffn_out", 0, 0, method_linear_roles,
     "those of them scaled at their input, not their output"},
    {.name = NULL},
};

/* PEFT stores a factor on the input as a row and one on the output as a column. */
static struct param *add_factor(struct tuned *t, const struct site *s)
{
    bool input = method_targets(t, "feedforward_modules", s);
    return method_param(t, s->module, "ia3_l",
                        &(struct param){.rows = 1,
                                        .cols = input ? s->in_features : s->out_features,
                                        .n_dims = 1,
                                        .role = PARAM_WEIGHT,
                                        .init = INIT_ONES,
                                        .layer = s->layer});
}

static int declare(struct tuned *t, struct err *e)
{
    if (method_check_targets(t, "target_modules", e) != 0)
        return -1;
    int n;
    const char *const *inner = option_list(&t->options, "feedforward_modules", &n);
    for (int i = 0; i < n; i++)
        if (!option_list_has(&t->options, "target_modules", inner[i]))
            return err_usage(e, "feedforward_modules: \"%s\" must be in target_modules too",
                             inner[i]);
    for (int i = 0; i < t->model->n_sites; i++)
        if (method_targets(t, "target_modules", &t->model->sites[i]))
            t->at_site[i] = add_factor(t, &t->model->sites[i]);
    return 0;
}

static struct tensor *before(void *state, struct forward *f, const struct site *s, struct tensor *x)
{
    const struct tuned *t = state;
    struct param *l = t->at_site[s->index];
    if (!l || !method_targets(t, "feedforward_modules", s))
        return x;
    return op_scale_columns(f->tape, x, &l->t);
}

static struct tensor *after(void *state, struct forward *f, const struct site *s, struct tensor *x,
                            struct tensor *y)
{
    (void)x;
    const struct tuned *t = state;
    struct param *l = t->at_site[s->index];
    if (!l || method_targets(t, "feedforward_modules", s))
        return y;
    return op_scale_columns(f->tape, y, &l->t);
}

/* Columns of W by a factor on the input; rows of W and the bias by one on the
 * output. */
static void merge(struct tuned *t)
{
    for (int i = 0; i < t->model->n_sites; i++) {
        const struct site *s = &t->model->sites[i];
        const struct param *l = t->at_site[i];
        if (!l)
            continue;
        bool input = method_targets(t, "feedforward_modules", s);
        float *w = params_own_data(&t->model->params, s->weight);
        for (int o = 0; o < s->out_features; o++)
            for (int c = 0; c < s->in_features; c++)
                w[(size_t)o * (size_t)s->in_features + (size_t)c] *= l->t.data[input ? c : o];
        if (input || !s->bias)
            continue;
        float *b = params_own_data(&t->model->params, s->bias);
        for (int o = 0; o < s->out_features; o++)
            b[o] *= l->t.data[o];
    }
}

static void place(const struct tuned *t, const struct param *p, struct peft_place *at)
{
    for (int i = 0; i < t->model->n_sites; i++)
        if (t->at_site[i] == p) {
            bool input = method_targets(t, "feedforward_modules", &t->model->sites[i]);
            at->n_dims = 2;
            at->dims[input ? 0 : 1] = 1;
            at->dims[input ? 1 : 0] = p->cols;
        }
}

static const struct peft_format format = {
    .type = "IA3",
    .fixed = "{\"fan_in_fan_out\": false, \"init_ia3_weights\": true}",
    .tensor_suffix = "ia3_l",
    .row_option = "feedforward_modules",
    .place = place,
};

const struct method method_ia3 = {
    .name = "ia3",
    .summary = "(IA)3: learned factors on keys, values and feed-forward activations",
    .source = "Liu et al., arXiv 2205.05638",
    .options = options,
    .declare = declare,
    .before = before,
    .after = after,
    .merge = merge,
    .peft = &format,
    .starts_as_base = true,
};
