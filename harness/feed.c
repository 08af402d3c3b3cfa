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
    f->labels = arena_array(a, (size_t)rows->n, sizeof *f->labels);
    f->length_tok = arena_array(a, (size_t)rows->n, sizeof *f->length_tok);
    f->hashes = arena_array(a, (size_t)rows->n, sizeof *f->hashes);
    const char **texts = arena_array(a, (size_t)rows->n, sizeof *texts);
    for (int i = 0; i < rows->n; i++) {
        const struct example *x = &d->examples[rows->index[i]];
        texts[i] = x->text;
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

void packer_init(struct packer *p, int max_tok, int max_seq, struct arena *a)
{
    p->max_tok = max_tok;
    p->max_seq = max_seq;
    p->ids = arena_array(a, (size_t)max_tok, sizeof *p->ids);
    p->offsets = arena_array(a, (size_t)max_seq + 1, sizeof *p->offsets);
    p->labels = arena_array(a, (size_t)max_seq, sizeof *p->labels);
}

struct batch packer_pack(struct packer *p, const struct feed *f, const int *rows, int n)
{
    int n_tok = 0;
    assert(n > 0 && n <= p->max_seq);
    for (int i = 0; i < n; i++) {
        int row = rows[i], length = f->length_tok[row];
        assert(n_tok + length <= p->max_tok);
        memcpy(p->ids + n_tok, f->tokens.ids + f->tokens.offsets[row],
               (size_t)length * sizeof *p->ids);
        p->offsets[i] = n_tok;
        p->labels[i] = f->labels[row];
        n_tok += length;
    }
    p->offsets[n] = n_tok;
    return (struct batch){.n_seq = n,
                          .n_tok = n_tok,
                          .offsets = p->offsets,
                          .input_ids = p->ids,
                          .labels = p->labels};
}
