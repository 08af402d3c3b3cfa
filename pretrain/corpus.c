#include "pretrain/corpus.h"

#include "harness/base/text_file.h"
#include "models/tokenize/unicode.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Stretches as they are gathered. */
struct gathered {
    int *ids, *length_tok; /* owned, [n_ids], [n] */
    int64_t n_ids, room_ids;
    int n, room;
};

/* What reading keeps from one document to the next. */
struct reading {
    const struct corpus_source *from;
    int *pieces; /* owned, [room] of one document */
    int room;
    struct gathered parts[2]; /* training, held out */
};

static void gather(struct gathered *g, const int *ids, int n)
{
    if (g->n_ids + n > g->room_ids) {
        g->room_ids = 2 * (g->n_ids + n);
        g->ids = xrealloc(g->ids, (size_t)g->room_ids * sizeof *g->ids);
    }
    if (g->n == g->room) {
        assert(g->room < INT32_MAX / 2);
        g->room = 2 * g->room + 1024;
        g->length_tok = xrealloc(g->length_tok, (size_t)g->room * sizeof *g->length_tok);
    }
    memcpy(g->ids + g->n_ids, ids, (size_t)n * sizeof *ids);
    g->n_ids += n;
    g->length_tok[g->n++] = n;
}

/* As few stretches as can be, whose lengths differ by one piece at most. */
static void cut_document(struct gathered *g, const struct corpus_source *from, const int *ids,
                         int64_t n)
{
    int64_t n_parts = (n + from->max_pieces - 1) / from->max_pieces;
    for (int64_t i = 0; i < n_parts; i++) {
        int64_t start = n * i / n_parts, end = n * (i + 1) / n_parts;
        if (end - start >= from->min_pieces)
            gather(g, ids + start, (int)(end - start));
    }
}

/* From the text alone: the first 52 bits of its SHA-256 as a share of all there are. */
static bool is_held_out(const char *text, size_t n_bytes, double share)
{
    char hex[HASH_HEX_SIZE];
    hash_bytes(hex, text, n_bytes);
    hex[13] = '\0';
    return (double)strtoull(hex, NULL, 16) * 0x1p-52 < share;
}

static int64_t count_words(const char *text)
{
    int64_t n = 0;
    bool inside = false;
    while (*text) {
        int n_bytes;
        bool space = unicode_is_space(unicode_decode(text, &n_bytes));
        n += !space && !inside;
        inside = !space;
        text += n_bytes;
    }
    return n;
}

/* All pieces of a text to r->pieces; their number, or -1. */
static int encode(struct reading *r, const char *text, struct err *e)
{
    for (;;) {
        int n = tokenizer_encode_pieces(r->from->tokenizer, text, r->room, r->pieces, e);
        if (n < r->room) /* a full buffer may have cut the text */
            return n;
        assert(r->room < INT32_MAX / 2);
        r->room *= 2;
        r->pieces = xrealloc(r->pieces, (size_t)r->room * sizeof *r->pieces);
    }
}

static int read_documents(struct corpus *c, struct reading *r, struct text_file *l, struct err *e)
{
    int more;
    while ((more = text_file_next(l, e)) > 0) {
        int64_t n_words = count_words(str_text(&l->text));
        if (n_words == 0)
            continue;
        int n = encode(r, str_text(&l->text), e);
        if (n < 0)
            return err_wrap(e, "%s:%ld", l->path, l->number);
        bool held_out = is_held_out(str_text(&l->text), l->text.len, r->from->held_out_share);
        cut_document(&r->parts[held_out], r->from, r->pieces, n);
        c->n_documents++;
        c->n_held_out += held_out;
        c->n_words += n_words;
    }
    if (more == 0 && r->parts[0].n == 0)
        return err_set(e, "%s: none of its %d documents gives %d pieces to train on", l->path,
                       c->n_documents, r->from->min_pieces);
    if (more == 0)
        text_file_hash(l, c->hash);
    return more;
}

static void keep(struct stretches *s, const struct gathered *g, struct arena *a)
{
    s->n = g->n;
    s->ids = arena_array(a, (size_t)g->n_ids, sizeof *s->ids);
    s->length_tok = arena_array(a, (size_t)g->n, sizeof *s->length_tok);
    s->offsets = arena_array(a, (size_t)g->n + 1, sizeof *s->offsets);
    if (g->n == 0)
        return;
    memcpy(s->ids, g->ids, (size_t)g->n_ids * sizeof *s->ids);
    memcpy(s->length_tok, g->length_tok, (size_t)g->n * sizeof *s->length_tok);
    for (int i = 0; i < g->n; i++)
        s->offsets[i + 1] = s->offsets[i] + g->length_tok[i];
}

int corpus_open(struct corpus *c, const struct corpus_source *from, struct arena *a, struct err *e)
{
    assert(from->min_pieces >= 1 && from->max_pieces >= from->min_pieces);
    assert(from->held_out_share >= 0 && from->held_out_share <= 1);
    *c = (struct corpus){0};
    struct reading r = {.from = from, .room = 4096};
    r.pieces = xmalloc((size_t)r.room * sizeof *r.pieces);
    struct text_file l;
    int rc = text_file_open(&l, from->path, e);
    if (rc == 0)
        rc = read_documents(c, &r, &l, e);
    text_file_close(&l);
    struct stretches *kept[2] = {&c->train, &c->held_out};
    for (int i = 0; i < 2; i++) {
        if (rc == 0)
            keep(kept[i], &r.parts[i], a);
        free(r.parts[i].ids);
        free(r.parts[i].length_tok);
    }
    free(r.pieces);
    return rc;
}
