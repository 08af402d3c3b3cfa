#include "harness/feed.h"

#include <assert.h>
#include <string.h>

int feed_encode(struct feed *f, const struct feed_source *from, const struct rows *rows,
                struct arena *a, struct err *e)
{
    const struct dataset *d = from->data;
    memset(f, 0, sizeof *f);
    f->n = rows->n;
    f->n_classes = d->info->n_classes;
    f->targets = from->targets;
    f->labels = arena_array(a, (size_t)rows->n, sizeof *f->labels);
    f->length_tok = arena_array(a, (size_t)rows->n, sizeof *f->length_tok);
    f->hashes = arena_array(a, (size_t)rows->n, sizeof *f->hashes);
    const char **texts = arena_array(a, (size_t)rows->n, sizeof *texts);
    for (int i = 0; i < rows->n; i++) {
        const struct example *x = &d->examples[rows->index[i]];
        texts[i] = from->prompted ? dataset_prompt(d->info, x->text, a) : x->text;
        f->labels[i] = x->label;
        f->hashes[i] = x->hash;
    }
    if (tokenizer_encode_all(from->tokenizer, texts, rows->n, from->max_length, &f->tokens, e))
        return err_wrap(e, "data set %s", d->info->name);
    for (int i = 0; i < rows->n; i++)
        f->length_tok[i] = f->tokens.offsets[i + 1] - f->tokens.offsets[i];
    return 0;
}

void feed_release(struct feed *f)
{
    token_lists_release(&f->tokens);
}

/* The classes whose targets go with a row. */
struct stretch {
    int first, end;
};

static struct stretch classes_of(const struct feed *f, int row, enum pack pack)
{
    if (pack == PACK_CANDIDATES)
        return (struct stretch){0, f->n_classes};
    return (struct stretch){f->labels[row], f->labels[row] + 1};
}

/* Their tokens. */
static struct stretch tokens_of(const struct feed *f, int row, enum pack pack)
{
    struct stretch classes = classes_of(f, row, pack);
    return (struct stretch){f->targets->offsets[classes.first], f->targets->offsets[classes.end]};
}

int feed_cost(const struct feed *f, int row, enum pack pack)
{
    if (!f->targets)
        return f->length_tok[row];
    struct stretch tokens = tokens_of(f, row, pack);
    return f->length_tok[row] + tokens.end - tokens.first;
}

int *feed_costs(const struct feed *f, enum pack pack, struct arena *a)
{
    int *costs = arena_array(a, (size_t)f->n, sizeof *costs);
    for (int i = 0; i < f->n; i++)
        costs[i] = feed_cost(f, i, pack);
    return costs;
}

int feed_n_losses(const struct feed *f, int row)
{
    if (!f->targets)
        return 1;
    struct stretch own = tokens_of(f, row, PACK_ANSWER);
    return own.end - own.first;
}

void packer_init(struct packer *p, int max_tok, int max_seq, struct arena *a)
{
    p->max_tok = max_tok;
    p->max_seq = max_seq;
    p->ids = arena_array(a, (size_t)max_tok, sizeof *p->ids);
    p->offsets = arena_array(a, (size_t)max_seq + 1, sizeof *p->offsets);
    p->labels = arena_array(a, (size_t)max_seq, sizeof *p->labels);
    /* A target has a token or more, so there are not more targets than tokens. */
    p->target_starts = arena_array(a, (size_t)max_seq + 1, sizeof *p->target_starts);
    p->target_offsets = arena_array(a, (size_t)max_tok + 1, sizeof *p->target_offsets);
    p->target_ids = arena_array(a, (size_t)max_tok, sizeof *p->target_ids);
}

static void pack_targets(struct packer *p, struct batch *b, const struct feed *f, const int *rows,
                         enum pack pack)
{
    const struct targets *t = f->targets;

    for (int i = 0; i < b->n_seq; i++) {
        struct stretch classes = classes_of(f, rows[i], pack);
        p->target_starts[i] = b->n_target;
        for (int c = classes.first; c < classes.end; c++) {
            int length = t->offsets[c + 1] - t->offsets[c];
            memcpy(p->target_ids + b->n_target_tok, t->ids + t->offsets[c],
                   (size_t)length * sizeof *t->ids);
            p->target_offsets[b->n_target++] = b->n_target_tok;
            b->n_target_tok += length;
        }
    }
    p->target_starts[b->n_seq] = b->n_target;
    p->target_offsets[b->n_target] = b->n_target_tok;
    b->target_starts = p->target_starts;
    b->target_offsets = p->target_offsets;
    b->target_ids = p->target_ids;
}

struct batch packer_pack(struct packer *p, const struct feed *f, const int *rows, int n,
                         enum pack pack)
{
    int n_tok = 0, cost = 0;
    assert(n > 0 && n <= p->max_seq);
    for (int i = 0; i < n; i++) {
        int row = rows[i], length = f->length_tok[row];
        cost += feed_cost(f, row, pack);
        assert(cost <= p->max_tok);
        memcpy(p->ids + n_tok, f->tokens.ids + f->tokens.offsets[row],
               (size_t)length * sizeof *p->ids);
        p->offsets[i] = n_tok;
        p->labels[i] = f->labels[row];
        n_tok += length;
    }
    p->offsets[n] = n_tok;
    struct batch b = {.n_seq = n,
                      .n_tok = n_tok,
                      .offsets = p->offsets,
                      .input_ids = p->ids,
                      .labels = p->labels};
    if (f->targets)
        pack_targets(p, &b, f, rows, pack);
    return b;
}
