#include "models/tokenize/unigram.h"

#include "harness/base/arena.h"
#include "models/tokenize/unicode.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Below the least probable piece, so that unknown characters are a last resort. */
#define UNKNOWN_PENALTY 10.0

enum { SPACE_BYTES = sizeof UNIGRAM_SPACE - 1 };

/* The best way to reach a byte of the part at hand. */
struct reach {
    double score;
    size_t start; /* where its last piece starts */
    int id;       /* of that piece; -1: not reached */
};

/* Buffers of one encoding. */
struct work {
    struct str text, other, marked;
    struct reach *reach; /* owned, [room] */
    int *ids;            /* owned, [room] pieces of a part, last one first */
    size_t room;
};

static void strip(struct str *out, const struct str *in, bool left, bool right)
{
    size_t start = 0, end = in->len;
    for (int length; left && start < end; start += (size_t)length) {
        if (!unicode_is_space(unicode_decode(in->buf + start, &length)))
            break;
    }
    while (right && end > start) {
        size_t last = end - 1;
        int length;
        while (last > start && ((unsigned char)in->buf[last] & 0xc0) == 0x80)
            last--;
        if (!unicode_is_space(unicode_decode(in->buf + last, &length)))
            break;
        end = last;
    }
    str_add_bytes(out, in->buf + start, end - start);
}

static void collapse(struct str *out, const struct str *in, const char *with)
{
    for (size_t i = 0; i < in->len;) {
        size_t n = strspn(in->buf + i, " ");
        if (n >= 2)
            str_add(out, with);
        else
            str_add_char(out, in->buf[i]);
        i += n ? n : 1;
    }
}

/* text to w->text, normalised. */
static void normalize_text(struct work *w, const struct unigram *u, const char *text,
                           size_t n_bytes)
{
    str_clear(&w->text);
    str_add_bytes(&w->text, text, n_bytes);
    for (int i = 0; i < u->n_steps && w->text.len > 0; i++) {
        str_clear(&w->other);
        switch (u->steps[i]) {
        case UNIGRAM_MAP:
            charsmap_apply(&w->other, &u->charsmap, w->text.buf, w->text.len);
            break;
        case UNIGRAM_STRIP_LEFT:
            strip(&w->other, &w->text, true, false);
            break;
        case UNIGRAM_STRIP_RIGHT:
            strip(&w->other, &w->text, false, true);
            break;
        case UNIGRAM_COLLAPSE:
            collapse(&w->other, &w->text, " ");
            break;
        case UNIGRAM_COLLAPSE_TO_MARK:
            collapse(&w->other, &w->text, UNIGRAM_SPACE);
            break;
        }
        struct str swap = w->text;
        w->text = w->other;
        w->other = swap;
    }
}

static void make_room(struct work *w, size_t n)
{
    if (n <= w->room)
        return;
    w->room = n + n / 2 + 64;
    w->reach = xrealloc(w->reach, w->room * sizeof *w->reach);
    w->ids = xrealloc(w->ids, w->room * sizeof *w->ids);
}

static void offer(struct reach *r, double score, size_t start, int id)
{
    if (r->id < 0 || score > r->score) /* of equals, the one that starts first */
        *r = (struct reach){score, start, id};
}

static size_t character_bytes(char first)
{
    unsigned char c = (unsigned char)first;
    return c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

/* Fills w->reach[0..n] for a part of n bytes. */
static void viterbi(struct work *w, const struct tokenizer *t, const char *part, size_t n)
{
    const struct unigram *u = t->state;
    const struct trie *trie = &u->trie;
    make_room(w, n + 1);
    for (size_t i = 0; i <= n; i++)
        w->reach[i].id = -1;
    w->reach[0].score = 0;
    for (size_t start = 0; start < n;) {
        size_t length = character_bytes(part[start]);
        double score = w->reach[start].score;
        bool known = false;
        int32_t node = 0;
        for (size_t i = start; i < n; i++) {
            node = trie_next(trie, node, (unsigned char)part[i]);
            if (node < 0)
                break;
            int id = trie->nodes[node].value;
            if (id < 0)
                continue;
            offer(&w->reach[i + 1], score + u->scores[id], start, id);
            known = known || i + 1 - start == length;
        }
        if (!known)
            offer(&w->reach[start + length], score + u->unknown_score, start, t->special.unk);
        start += length;
    }
}

/* The pieces of a part; neighbouring unknowns are one. */
static void encode_part(struct work *w, const struct tokenizer *t, const char *part, size_t n,
                        struct token_sink *sink)
{
    viterbi(w, t, part, n);
    size_t n_ids = 0;
    for (size_t end = n; end > 0; end = w->reach[end].start) {
        int id = w->reach[end].id;
        if (id != t->special.unk || n_ids == 0 || w->ids[n_ids - 1] != id)
            w->ids[n_ids++] = id;
    }
    while (n_ids > 0 && token_sink_add(sink, w->ids[n_ids - 1]))
        n_ids--;
}

/* Spaces to "▁", one in front if there is none, and a cut before each. */
static void encode_section(struct work *w, const struct tokenizer *t, const char *text, size_t n,
                           struct token_sink *sink)
{
    str_clear(&w->marked);
    if (n == 0)
        return;
    if (*text != ' ' && (n < SPACE_BYTES || memcmp(text, UNIGRAM_SPACE, SPACE_BYTES) != 0))
        str_add(&w->marked, UNIGRAM_SPACE);
    for (size_t i = 0; i < n;) {
        size_t run = 0;
        while (i + run < n && text[i + run] != ' ')
            run++;
        str_add_bytes(&w->marked, text + i, run);
        i += run;
        if (i < n) {
            str_add(&w->marked, UNIGRAM_SPACE);
            i++;
        }
    }
    const char *at = w->marked.buf, *end = at + w->marked.len;
    while (at < end && !sink->truncated) {
        const char *next = memmem(at + 1, (size_t)(end - at) - 1, UNIGRAM_SPACE, SPACE_BYTES);
        encode_part(w, t, at, (size_t)((next ? next : end) - at), sink);
        at = next ? next : end;
    }
}

/* What lies between white space. */
static void encode_words(struct work *w, const struct tokenizer *t, struct token_sink *sink)
{
    const char *text = str_text(&w->text);
    size_t n = w->text.len, start = 0;
    for (size_t i = 0; i < n && !sink->truncated;) {
        int length;
        bool space = unicode_is_space(unicode_decode(text + i, &length));
        if (space)
            encode_section(w, t, text + start, i - start, sink);
        i += (size_t)length;
        if (space)
            start = i;
    }
    if (!sink->truncated)
        encode_section(w, t, text + start, n - start, sink);
}

static void unigram_encode(const struct tokenizer *t, const char *text, size_t n_bytes,
                           struct token_sink *sink)
{
    const struct unigram *u = t->state;
    struct work w = {0};
    normalize_text(&w, u, text, n_bytes);
    if (u->split_whitespace)
        encode_words(&w, t, sink);
    else
        encode_section(&w, t, str_text(&w.text), w.text.len, sink);
    str_release(&w.text);
    str_release(&w.other);
    str_release(&w.marked);
    free(w.reach);
    free(w.ids);
}

static void unigram_describe(struct str *s, const struct tokenizer *t)
{
    static const char *const names[] = {"map", "strip_left", "strip_right", "collapse",
                                        "collapse_to_mark"};
    const struct unigram *u = t->state;
    str_printf(s, "charsmap=%s\nsteps=", u->charsmap.hash);
    for (int i = 0; i < u->n_steps; i++)
        str_printf(s, "%s ", names[u->steps[i]]);
    str_printf(s, "\nsplit_whitespace=%d\nscores=", u->split_whitespace);
    for (int i = 0; i < u->n_scores; i++)
        str_printf(s, "%a%s ", u->scores[i], u->unused && u->unused[i] ? "-" : "");
    str_add_char(s, '\n');
}

/* "▁" is a space, but nothing in the first piece. */
static void unigram_decode(struct str *s, const struct tokenizer *t, const int *ids, int n)
{
    for (int i = 0; i < n; i++) {
        const char *at = t->vocabulary.pieces[ids[i]].text, *mark;
        for (; (mark = strstr(at, UNIGRAM_SPACE)) != NULL; at = mark + SPACE_BYTES) {
            str_add_bytes(s, at, (size_t)(mark - at));
            if (i > 0)
                str_add_char(s, ' ');
        }
        str_add(s, at);
    }
}

static void unigram_release(void *state)
{
    struct unigram *u = state;
    charsmap_release(&u->charsmap);
    trie_release(&u->trie);
    free(u->scores);
    free(u->unused);
    free(u);
}

const struct tokenizer_kind unigram_kind = {
    .name = "unigram",
    .encode = unigram_encode,
    .describe = unigram_describe,
    .decode = unigram_decode,
    .release = unigram_release,
};

void unigram_prepare(struct tokenizer *t)
{
    struct unigram *u = t->state;
    assert(u->n_scores > 0 && u->n_scores <= t->vocabulary.n);
    struct trie_key *keys = xmalloc((size_t)u->n_scores * sizeof *keys);
    size_t n = 0;
    double least = INFINITY;
    for (int id = 0; id < u->n_scores; id++) {
        const struct vocabulary_piece *p = &t->vocabulary.pieces[id];
        if (u->scores[id] < least)
            least = u->scores[id];
        if (!u->unused || !u->unused[id])
            keys[n++] = (struct trie_key){p->text, p->n_bytes, id};
    }
    u->unknown_score = least - UNKNOWN_PENALTY;
    trie_init(&u->trie, keys, n);
    free(keys);
}
