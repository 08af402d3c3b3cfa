/*
 * prefix: trained keys and values in front of every attention.
 *
 * Li, Liang, arXiv 2101.00190, without the reparametrisation (PEFT's
 * prefix_projection = false). As in PEFT the prefix occupies positions: the first
 * token stands at position num_virtual_tokens. Starts standard normal, as PEFT's
 * embedding does.
 *
 * In an encoder-decoder, as in PEFT, only the decoder's attention to itself has a
 * prefix (the paper's has one in all three); for relative positions it is
 * num_virtual_tokens targets that were said before. Of PEFT 0.21.2's table of
 * 2 L blocks a decoder of L layers reads blocks 4 l and 4 l + 1, modulo 2 L: made for
 * two attentions a layer, of which one is thrown away. Where L is odd that gives
 * every layer blocks of its own, and files are PEFT's. Where L is even, layers l and
 * l + L / 2 share theirs and half of the table is never read; that is a fault and not
 * the paper's, so here every layer has its own and the file is not PEFT's.
 */
#include "methods/peft.h"
#include "methods/registry.h"

static const struct option options[] = {
    {"num_virtual_tokens", OPTION_INT, "20", 1, 4096, NULL, "keys and values per attention"},
    {.name = NULL},
};

static bool takes_prefix(const struct model *m, const struct site *s)
{
    return s->kind == SITE_KEY_VALUE && (!model_says_text(m) || (s->decoder && !s->cross));
}

struct prefix {
    struct param *key, *value; /* [n, width] */
    int index;                 /* which attention, counted from 0 */
};

static struct param *rows(struct tuned *t, const struct site *s, const char *suffix)
{
    return method_param(t, s->module, suffix,
                        &(struct param){.rows = (int)option_int(&t->options, "num_virtual_tokens"),
                                        .cols = s->out_features,
                                        .n_dims = 2,
                                        .role = PARAM_EMBEDDING,
                                        .init = INIT_NORMAL,
                                        .init_scale = 1,
                                        .layer = s->layer});
}

static int declare(struct tuned *t, struct err *e)
{
    int n = 0;
    for (int i = 0; i < t->model->n_sites; i++) {
        const struct site *s = &t->model->sites[i];
        if (!takes_prefix(t->model, s))
            continue;
        struct prefix *p = arena_alloc(t->arena, sizeof *p);
        p->key = rows(t, s, "prefix_key");
        p->value = rows(t, s, "prefix_value");
        p->index = n++;
        t->at_site[i] = p;
    }
    if (!model_says_text(t->model)) /* a decoder's take none from the text */
        t->extra_positions = (int)option_int(&t->options, "num_virtual_tokens");
    return n ? 0 : err_usage(e, "this model has no attention to put a prefix in front of");
}

static struct tensor *after(void *state, struct forward *f, const struct site *s, struct tensor *x,
                            struct tensor *y)
{
    (void)x;
    const struct tuned *t = state;
    if (s->kind == SITE_INPUT)
        f->position_start += t->extra_positions;
    return y;
}

static void key_value(void *state, struct forward *f, const struct site *s, struct attention *a)
{
    const struct tuned *t = state;
    struct prefix *p = t->at_site[s->index];
    if (!p)
        return;
    a->k = op_prepend(f->tape, &p->key->t, a->k, a->k_offsets, a->n_seq);
    a->v = op_prepend(f->tape, &p->value->t, a->v, a->k_offsets, a->n_seq);
    a->k_offsets = forward_longer_offsets(f, a->k_offsets, a->n_seq, p->key->rows);
}

static int n_prefixes(const struct model *m)
{
    int n = 0;
    for (int i = 0; i < m->n_sites; i++)
        n += takes_prefix(m, &m->sites[i]);
    return n;
}

/* PEFT keeps one table [n, attentions * 2 * width]; attention l's keys are block
 * 2 l of a row (see above for a decoder's) and its values the next. */
static void place(const struct tuned *t, const struct param *p, struct peft_place *at)
{
    int n = n_prefixes(t->model), step = model_says_text(t->model) ? 4 : 2;
    for (int i = 0; i < t->model->n_sites; i++) {
        const struct prefix *of = t->at_site[i];
        if (of && (of->key == p || of->value == p))
            at->first = (size_t)(step * of->index % (2 * n) + (of->value == p)) * (size_t)p->cols;
    }
    at->name = "prompt_embeddings";
    at->stride = (size_t)n * 2 * (size_t)p->cols;
    at->dims[1] = (int64_t)at->stride;
}

static const char *unfit(const struct model *m)
{
    if (!model_says_text(m) || n_prefixes(m) % 2 != 0)
        return NULL;
    return "PEFT gives two layers of a decoder one prefix where their number is even, and here "
           "every layer has its own";
}

static const struct peft_format format = {
    .type = "PREFIX_TUNING",
    .fixed = "{\"prefix_projection\": false}",
    .prompt_learning = true,
    .place = place,
    .unfit = unfit,
};

const struct method method_prefix = {
    .name = "prefix",
    .summary = "prefix tuning: trained keys and values in front of every attention",
    .source = "Li, Liang, arXiv 2101.00190",
    .options = options,
    .declare = declare,
    .after = after,
    .key_value = key_value,
    .peft = &format,
};
