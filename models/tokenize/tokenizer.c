#include "models/tokenize/tokenizer.h"

#include "harness/base/arena.h"
#include "harness/base/str.h"
#include "models/tokenize/kind.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

bool token_sink_add(struct token_sink *sink, int id)
{
    if (sink->n == sink->room) {
        sink->truncated = true;
        return false;
    }
    sink->ids[sink->n++] = id;
    return true;
}

static void set_hash(struct tokenizer *t)
{
    struct str head = {0};
    str_printf(&head, "%s\n", t->kind->name);
    t->kind->describe(&head, t);
    str_printf(&head, "pad=%d\nunk=%d\ncls=%d\nsep=%d\nmask=%d\n", t->special.pad, t->special.unk,
               t->special.cls, t->special.sep, t->special.mask);
    if (t->special.eos >= 0)
        str_printf(&head, "eos=%d\n", t->special.eos);
    str_add(&head, "added=");
    for (int i = 0; i < t->n_added; i++)
        str_printf(&head, "%d%s ", t->added[i].id, t->added[i].plain ? "p" : "");
    struct hash *h = hash_new();
    hash_update(h, head.buf, head.len + 1);
    for (int i = 0; i < t->vocabulary.n; i++) /* the NUL keeps pieces apart */
        hash_update(h, t->vocabulary.pieces[i].text, t->vocabulary.pieces[i].n_bytes + 1);
    hash_final(h, t->hash);
    hash_free(h);
    str_release(&head);
}

struct tokenizer *tokenizer_open(const char *dir_or_file, struct err *e)
{
    struct tokenizer *t = xmalloc(sizeof *t);
    *t = (struct tokenizer){0};
    if (tokenizer_load(t, dir_or_file, e) < 0) {
        tokenizer_free(t);
        return NULL;
    }
    for (int i = 0; i < t->n_added; i++)
        t->starts_added[(unsigned char)t->vocabulary.pieces[t->added[i].id].text[0]] = true;
    set_hash(t);
    return t;
}

void tokenizer_free(struct tokenizer *t)
{
    if (!t)
        return;
    vocabulary_release(&t->vocabulary);
    if (t->state)
        t->kind->release(t->state);
    free(t->added);
    free(t);
}

/* The longest added token that text begins with, or -1. */
static int added_at(const struct tokenizer *t, const char *text, size_t n_bytes)
{
    int best = -1;
    if (!t->starts_added[(unsigned char)*text])
        return -1;
    for (int i = 0; i < t->n_added; i++) {
        const struct vocabulary_piece *p = &t->vocabulary.pieces[t->added[i].id];
        if (p->n_bytes <= n_bytes && memcmp(p->text, text, p->n_bytes) == 0 &&
            (best < 0 || p->n_bytes > t->vocabulary.pieces[best].n_bytes))
            best = t->added[i].id;
    }
    return best;
}

/* Pieces of a text of which added tokens are cut out first, unnormalised. */
static void encode_text(const struct tokenizer *t, const char *text, size_t n_bytes,
                        struct token_sink *sink)
{
    size_t start = 0;
    for (size_t i = 0; i < n_bytes && !sink->truncated;) {
        int id = added_at(t, text + i, n_bytes - i);
        if (id < 0) {
            i++;
            continue;
        }
        if (i > start)
            t->kind->encode(t, text + start, i - start, sink);
        token_sink_add(sink, id);
        i += t->vocabulary.pieces[id].n_bytes;
        start = i;
    }
    if (start < n_bytes && !sink->truncated)
        t->kind->encode(t, text + start, n_bytes - start, sink);
}

static int check_text(const char *text, size_t n_bytes, struct err *e)
{
    long bad = str_utf8_error(text, n_bytes);
    if (bad < 0)
        return 0;
    return err_set(e, "text is not UTF-8: byte 0x%02x at offset %ld; convert it first",
                   (unsigned char)text[bad], bad);
}

static int encode(const struct tokenizer *t, const char *text, int max_length, int *ids,
                  bool *truncated, struct err *e)
{
    const struct tokenizer_special *s = &t->special;
    int last = s->sep >= 0 ? s->sep : s->eos;
    assert(max_length >= 2 && last >= 0);
    size_t n_bytes = strlen(text);
    if (check_text(text, n_bytes, e) < 0)
        return -1;
    struct token_sink sink = {.ids = ids, .room = max_length - 1};
    if (s->cls >= 0)
        token_sink_add(&sink, s->cls);
    encode_text(t, text, n_bytes, &sink);
    ids[sink.n] = last;
    *truncated = sink.truncated;
    return sink.n + 1;
}

int tokenizer_encode(const struct tokenizer *t, const char *text, int max_length, int *ids,
                     struct err *e)
{
    bool truncated;
    return encode(t, text, max_length, ids, &truncated, e);
}

int tokenizer_encode_pieces(const struct tokenizer *t, const char *text, int room, int *ids,
                            struct err *e)
{
    size_t n_bytes = strlen(text);
    if (check_text(text, n_bytes, e) < 0)
        return -1;
    struct token_sink sink = {.ids = ids, .room = room};
    encode_text(t, text, n_bytes, &sink);
    return sink.n;
}

static int compare_added(const void *key, const void *token)
{
    int id = *(const int *)key, other = ((const struct added_token *)token)->id;
    return (id > other) - (id < other);
}

void tokenizer_decode(struct str *s, const struct tokenizer *t, const int *ids, int n)
{
    int *kept = xmalloc(((size_t)n + 1) * sizeof *kept), n_kept = 0;
    for (int i = 0; i < n; i++) {
        assert(ids[i] >= 0 && ids[i] < t->vocabulary.n);
        const struct added_token *added =
            bsearch(&ids[i], t->added, (size_t)t->n_added, sizeof *t->added, compare_added);
        if (!added || added->plain)
            kept[n_kept++] = ids[i];
    }
    t->kind->decode(s, t, kept, n_kept);
    free(kept);
}

int tokenizer_encode_all(const struct tokenizer *t, const char *const *texts, int n, int max_length,
                         struct token_lists *out, struct err *e)
{
    size_t n_ids = 0, room = 0;
    *out = (struct token_lists){.n = n, .offsets = xmalloc(((size_t)n + 1) * sizeof(int))};
    out->offsets[0] = 0;
    for (int i = 0; i < n; i++) {
        if (n_ids + (size_t)max_length > room) {
            room = 2 * room + (size_t)max_length;
            out->ids = xrealloc(out->ids, room * sizeof *out->ids);
        }
        bool truncated;
        int length = encode(t, texts[i], max_length, out->ids + n_ids, &truncated, e);
        if (length < 0)
            return err_wrap(e, "text %d", i);
        n_ids += (size_t)length;
        if (n_ids > INT_MAX)
            return err_set(e, "text %d: more than %d tokens in all; split the data", i, INT_MAX);
        out->offsets[i + 1] = (int)n_ids;
        out->n_truncated += truncated;
    }
    return 0;
}

void token_lists_release(struct token_lists *lists)
{
    free(lists->ids);
    free(lists->offsets);
    *lists = (struct token_lists){0};
}

int tokenizer_n_vocab(const struct tokenizer *t)
{
    return t->vocabulary.n;
}

const struct tokenizer_special *tokenizer_special(const struct tokenizer *t)
{
    return &t->special;
}

const char *tokenizer_piece(const struct tokenizer *t, int id)
{
    assert(id >= 0 && id < t->vocabulary.n);
    return t->vocabulary.pieces[id].text;
}

int tokenizer_id(const struct tokenizer *t, const char *piece)
{
    return vocabulary_id(&t->vocabulary, piece);
}

const char *tokenizer_hash(const struct tokenizer *t)
{
    return t->hash;
}
