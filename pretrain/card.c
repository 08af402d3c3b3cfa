#include "pretrain/card.h"

#include <math.h>
#include <string.h>

static bool is_masked(const struct card *c)
{
    return c->run->objective.kind == OBJECTIVE_MASKED;
}

static const char *objective_text(const struct card *c)
{
    double share = c->run->objective.prefix_lm_share;
    if (is_masked(c))
        return "masked language modelling of whole words (arXiv 1810.04805)";
    return share == 0   ? "span corruption (arXiv 1910.10683)"
           : share == 1 ? "prefix language modelling (arXiv 1910.10683, section 3.3.1)"
                        : "span corruption and prefix language modelling (arXiv 1910.10683)";
}

static void add_front_matter(struct str *s, const struct card *c)
{
    const struct recipe_corpus *corpus = &c->recipe->corpus;
    str_printf(s,
               "---\nlicense: %s\nlanguage: %s\nlibrary_name: transformers\npipeline_tag: %s\n"
               "tags:\n- ftbench\n- miniature\n- %s\n---\n\n",
               c->model->licence, corpus->language,
               is_masked(c) ? "fill-mask" : "text2text-generation", c->model->family->name);
}

static void add_what(struct str *s, const struct card *c)
{
    const struct pretrain *p = c->run;
    const struct pretrain_point *last = &p->state.points[p->state.n_points - 1];
    str_printf(s,
               "# %s\n\n%s: %zu parameters, pre-trained by ftbench with %s. One recipe and one "
               "vocabulary serve all sizes of its family, so that size is the only difference.\n\n"
               "It tells held-out text with a loss of %.4f nats a token (%.4f by the frequencies "
               "of tokens alone), after %ld updates and %lld tokens.\n\n",
               c->model->name, c->model->title, params_total(&p->model.params), objective_text(c),
               last->held_out_loss, p->unigram_loss, p->state.step, (long long)p->state.n_tok);
    str_add(s, "## Limits\n\nTiny, and trained on little text: a specimen for measuring how "
               "fine-tuning methods compare,\nnot a model to use. Its text was not screened for "
               "what is false, private or hurtful.\n\n");
}

static void add_data(struct str *s, const struct card *c)
{
    const struct corpus *text = &c->run->corpus;
    str_printf(s,
               "## Data\n\n%s (%s): %d documents, %lld words, one document a line, of sha256 "
               "`%s`.\n%d of the documents were held out. %lld tokens were told there for each "
               "figure below.\n\n",
               c->recipe->corpus.title, c->recipe->corpus.licence, text->n_documents,
               (long long)text->n_words, text->hash, text->n_held_out,
               (long long)c->run->n_held_out_told);
}

static void add_recipe(struct str *s, const struct card *c)
{
    struct str text = {0};
    str_printf(s, "## Recipe\n\n%s (`%s`):\n\n```\n", c->recipe->title, c->recipe->name);
    options_canonical(&text, c->run->options, "", false);
    str_printf(s,
               "%s```\n\nConfiguration beside it in `config.json`; initial weights random "
               "where\nthis says nothing else.\n\n",
               str_text(&text));
    str_release(&text);
}

/* At most about twenty looks, the first and the last among them. */
static void add_curve(struct str *s, const struct card *c)
{
    enum { ROWS = 20 };
    const struct pretrain_state *state = &c->run->state;
    int every = (state->n_points + ROWS - 1) / ROWS;
    str_printf(s,
               "## Held-out loss\n\nMean nats per token that is to be told%s.\n\n"
               "| updates | tokens | loss since the row before | held-out loss |\n"
               "|---:|---:|---:|---:|\n",
               is_masked(c) ? "" : ", sentinels and the end among them");
    int before = 0;
    for (int i = 0; i < state->n_points; i++) {
        const struct pretrain_point *p = &state->points[i];
        if (i % every != 0 && i != state->n_points - 1)
            continue;
        str_printf(s, "| %ld | %lld | ", p->step, (long long)p->n_tok);
        double sum = 0;
        long steps = p->step - state->points[before].step;
        for (int k = before + 1; k <= i; k++)
            sum += state->points[k].train_loss *
                   (double)(state->points[k].step - state->points[k - 1].step);
        if (steps)
            str_printf(s, "%.4f", sum / (double)steps);
        str_printf(s, " | %.4f |\n", p->held_out_loss);
        before = i;
    }
    str_add(s, "\n");
}

static void add_origin(struct str *s, const struct card *c)
{
    const struct pretrain_state *state = &c->run->state;
    str_printf(s,
               "## Where it comes from\n\n```\nftbench pretrain %s --only model=%s --corpus "
               "CORPUS\n```\n\nmakes it again, with CORPUS the text of the sha256 above; the same "
               "bits with the same kernels.\n\n| | |\n|---|---|\n",
               c->recipe->path, c->model->name);
    str_printf(s, "| pre-training | %s, numerics version %d |\n", c->id, c->numerics_version);
    str_printf(s, "| `model.safetensors` | sha256 %s |\n", c->weights_hash);
    str_printf(s, "| vocabulary | %s |\n", tokenizer_hash(c->run->objective.tokenizer));
    str_printf(s, "| begun | %s |\n", c->started);
    str_printf(s, "| training | %.0f s, %.0f tokens/s |\n",
               1e-9 * (double)(state->train_ns + state->evaluate_ns),
               (double)state->n_tok / (1e-9 * (double)state->train_ns));
    str_printf(s, "| kernels | %s |\n", c->blas_core);
    for (int i = 0; i < c->n_environment; i++)
        str_printf(s, "| %s | %s |\n", c->environment[i].key, c->environment[i].value);
}

void card_write(struct str *s, const struct card *c)
{
    add_front_matter(s, c);
    add_what(s, c);
    add_data(s, c);
    add_recipe(s, c);
    add_curve(s, c);
    add_origin(s, c);
}
