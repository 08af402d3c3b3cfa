#include "models/model.h"

#include "harness/base/rng.h"

#include "harness/base/file.h"

#include <assert.h>

const char *const role_names[] = {"q",       "k",     "v",         "o",   "ffn_in",
                                  "ffn_out", "input", "attention", "ffn", NULL};

int model_declare(struct model *m, const struct family *family, const struct options *config,
                  int n_labels, struct arena *a, struct err *e)
{
    assert(n_labels >= 0 && config->table == family->config);
    *m = (struct model){.family = family, .n_labels = n_labels, .arena = a};
    options_copy(&m->config, config, a);
    params_init(&m->params, a);
    if (family->declare(m, e) != 0)
        return -1;
    for (int i = 0; i < m->n_sites; i++)
        assert(m->sites[i].index == i);
    return 0;
}

void model_release(struct model *m)
{
    for (int i = 0; i < m->n_maps; i++)
        file_unmap(&m->maps[i]);
    m->n_maps = 0;
}

int model_max_tokens(const struct model *m)
{
    return m->family->max_tokens(m);
}

int model_width(const struct model *m)
{
    int i = 0;
    while (i < m->n_sites && m->sites[i].kind != SITE_INPUT)
        i++;
    assert(i < m->n_sites);
    return m->sites[i].out_features;
}

bool model_says_text(const struct model *m)
{
    return m->family->decode != NULL;
}

struct tensor *model_logits(struct model *m, struct tape *t, const struct batch *b,
                            const struct hooks *hooks)
{
    struct forward f;
    forward_begin(&f, m, t, b, hooks);
    assert(model_says_text(m) || m->n_labels > 0);
    if (!model_says_text(m))
        return m->family->classify(m, t, m->family->features(&f));
    return m->family->decode(&f, m->family->encode(&f));
}

struct tensor *model_masked(struct model *m, struct tape *t, const struct batch *b,
                            const struct hooks *hooks)
{
    assert(m->family->masked && m->n_labels == 0);
    struct forward f;
    forward_begin(&f, m, t, b, hooks);
    return m->family->masked(&f);
}

bool model_features_fixed(const struct model *m)
{
    for (int i = 0; i < m->params.n; i++)
        if (m->params.items[i]->trainable && m->params.items[i]->part != PART_HEAD)
            return false;
    return !model_says_text(m) && m->n_labels > 0;
}

struct tensor *model_features(struct model *m, struct tape *t, const struct batch *b,
                              const struct hooks *hooks)
{
    struct forward f;
    forward_begin(&f, m, t, b, hooks);
    return m->family->features(&f);
}

struct tensor *model_classify(struct model *m, struct tape *t, struct tensor *features)
{
    if (t->dry)
        params_mark(&m->params);
    return m->family->classify(m, t, features);
}

void forward_begin(struct forward *f, struct model *m, struct tape *t, const struct batch *b,
                   const struct hooks *hooks)
{
    assert(b->n_seq > 0 && b->offsets[0] == 0 && b->offsets[b->n_seq] == b->n_tok);
    if (t->dry)
        params_mark(&m->params);
    *f = (struct forward){.model = m,
                          .tape = t,
                          .batch = b,
                          .hooks = hooks,
                          .n_tok = b->n_tok,
                          .offsets = b->offsets};
}

struct tensor *forward_linear(struct forward *f, const struct site *s, struct tensor *x)
{
    assert(s->kind == SITE_LINEAR);
    if (f->cross && f->cross[s->index])
        return f->cross[s->index];
    const struct hooks *h = f->hooks;
    if (h && h->before)
        x = h->before(h->state, f, s, x);
    struct tensor *y = op_linear(f->tape, x, &s->weight->t, s->bias ? &s->bias->t : NULL);
    return h && h->after ? h->after(h->state, f, s, x, y) : y;
}

struct tensor *forward_after(struct forward *f, const struct site *s, struct tensor *y)
{
    assert(s->kind == SITE_INPUT || s->kind == SITE_SUBLAYER);
    const struct hooks *h = f->hooks;
    return h && h->after ? h->after(h->state, f, s, NULL, y) : y;
}

struct tensor *forward_join(struct forward *f, const struct site *s, struct tensor *y,
                            struct tensor *x, float p, uint32_t dropout_site)
{
    const struct hooks *h = f->hooks;
    if (!h || !h->after || (h->at_site && !h->at_site[s->index]))
        return op_dropout_onto(f->tape, y, x, p, RNG_DROPOUT, dropout_site);
    y = op_dropout(f->tape, y, p, RNG_DROPOUT, dropout_site);
    return op_add(f->tape, forward_after(f, s, y), x);
}

struct tensor *forward_attention(struct forward *f, const struct site *s, struct attention *a)
{
    assert(s->kind == SITE_KEY_VALUE);
    const struct hooks *h = f->hooks;
    if (h && h->key_value)
        h->key_value(h->state, f, s, a);
    return op_attention(f->tape, a);
}

const int *forward_longer_offsets(struct forward *f, const int *offsets, int n_seq, int n)
{
    int *longer = tape_ints(f->tape, n_seq + 1);
    for (int s = 0; s <= n_seq; s++)
        longer[s] = offsets[s] + s * n;
    return longer;
}

struct tensor *forward_prepend(struct forward *f, struct tensor *prefix, struct tensor *x)
{
    int n = prefix->rows;
    struct tensor *y = op_prepend(f->tape, prefix, x, f->offsets, f->batch->n_seq);
    f->offsets = forward_longer_offsets(f, f->offsets, f->batch->n_seq, n);
    f->n_tok += n * f->batch->n_seq;
    f->n_virtual += n;
    return y;
}
