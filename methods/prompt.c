/*
 * prompt: trained rows in front of the embedded input.
 *
 * Lester, Al-Rfou, Constant, arXiv 2104.08691, section 2. As in PEFT the virtual
 * tokens come first and take positions 0 .. n - 1 and token type 0, so what reads
 * the first row of a sequence (a pooler) reads the first virtual token. Starts
 * normal with deviation 0.02, the scale of trained token embeddings: PEFT's
 * standard normal is some 50 times larger than any token it stands beside.
 *
 * In an encoder-decoder they stand in front of the encoder's input alone, as in the
 * paper. PEFT computes that too, but saves as many rows again for the decoder unless
 * num_transformer_submodules is 1; it never reads them, and they are passed over here.
 */
#include "methods/peft.h"
#include "methods/registry.h"

static const struct option options[] = {
    {"num_virtual_tokens", OPTION_INT, "20", 1, 4096, NULL, "rows in front of every text"},
    {.name = NULL},
};

static int declare(struct tuned *t, struct err *e)
{
    for (int i = 0; i < t->model->n_sites; i++) {
        const struct site *s = &t->model->sites[i];
        if (s->kind != SITE_INPUT)
            continue;
        t->extra_positions = (int)option_int(&t->options, "num_virtual_tokens");
        t->at_site[i] = method_param(t, "prompt_encoder", "embedding.weight",
                                     &(struct param){.rows = t->extra_positions,
                                                     .cols = s->out_features,
                                                     .n_dims = 2,
                                                     .role = PARAM_EMBEDDING,
                                                     .init = INIT_NORMAL,
                                                     .init_scale = 0.02f,
                                                     .layer = -1});
        return 0;
    }
    return err_usage(e, "this model's input takes no virtual tokens");
}

static struct tensor *after(void *state, struct forward *f, const struct site *s, struct tensor *x,
                            struct tensor *y)
{
    (void)x;
    const struct tuned *t = state;
    struct param *rows = t->at_site[s->index];
    return rows ? forward_prepend(f, &rows->t, y) : y;
}

static void place(const struct tuned *t, const struct param *p, struct peft_place *at)
{
    (void)p;
    at->name = "prompt_embeddings";
    at->spare_rows = model_says_text(t->model);
}

static const struct peft_format format = {
    .type = "PROMPT_TUNING",
    .fixed = "{\"num_transformer_submodules\": 1}",
    .prompt_learning = true,
    .place = place,
};

const struct method method_prompt = {
    .name = "prompt",
    .summary = "prompt tuning: trained rows in front of the embedded input",
    .source = "Lester, Al-Rfou, Constant, arXiv 2104.08691",
    .options = options,
    .declare = declare,
    .after = after,
    .peft = &format,
};
