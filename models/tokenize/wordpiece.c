#include "models/tokenize/wordpiece.h"

#include "harness/base/arena.h"
#include "models/tokenize/unicode.h"

#include <stdlib.h>
#include <string.h>

/* A word in UTF-8 and the ids it became; the longest word sets the room. */
struct word {
    char *bytes; /* owned, [4 * chars room] */
    int *ids;    /* owned, [chars room] */
    size_t n_bytes, room;
    int n_ids;
};

static void word_set(struct word *w, const int32_t *chars, size_t n)
{
    if (n > w->room) {
        w->room = n + 64;
        w->bytes = xrealloc(w->bytes, 4 * w->room);
        w->ids = xrealloc(w->ids, w->room * sizeof *w->ids);
    }
    w->n_bytes = 0;
    for (size_t i = 0; i < n; i++)
        w->n_bytes += (size_t)unicode_encode(w->bytes + w->n_bytes, chars[i]);
}

/* The longest piece at start; its length in bytes goes to *length. -1: none. */
static int longest_piece(const struct vocabulary *v, const char *prefix, const struct word *w,
                         size_t start, size_t *length)
{
    size_t prefix_bytes = strlen(prefix);
    uint32_t hash = VOCABULARY_HASH_START;
    for (size_t i = 0; i < prefix_bytes; i++)
        hash = vocabulary_hash(hash, (unsigned char)prefix[i]);
    int best = -1;
    size_t limit = w->n_bytes - start;
    if (limit > v->max_bytes)
        limit = v->max_bytes;
    for (size_t i = 0; i < limit; i++) {
        const char *at = w->bytes + start;
        hash = vocabulary_hash(hash, (unsigned char)at[i]);
        /* A piece must end where a character does. */
        if (start + i + 1 < w->n_bytes && ((unsigned char)at[i + 1] & 0xc0) == 0x80)
            continue;
        int id = vocabulary_find_joined(v, prefix, prefix_bytes, at, i + 1, hash);
        if (id >= 0) {
            best = id;
            *length = i + 1;
        }
    }
    return best;
}

/* Fills w->ids; an uncovered word becomes one unknown token. */
static void word_pieces(struct word *w, const struct tokenizer *t)
{
    const struct wordpiece *settings = t->state;
    w->n_ids = 0;
    for (size_t start = 0; start < w->n_bytes;) {
        size_t length = 0;
        int id =
            longest_piece(&t->vocabulary, start ? settings->continuing : "", w, start, &length);
        if (id < 0) {
            w->ids[0] = t->special.unk;
            w->n_ids = 1;
            return;
        }
        w->ids[w->n_ids++] = id;
        start += length;
    }
}

static void wordpiece_encode(const struct tokenizer *t, const char *text, size_t n_bytes,
                             struct token_sink *sink)
{
    const struct wordpiece *settings = t->state;
    struct code_points chars = {0};
    struct word w = {0};
    normalize(&chars, &settings->normalizer, text, n_bytes);
    for (size_t start = 0; !sink->truncated;) {
        size_t end = normalize_word(&chars, &start);
        if (start == end)
            break;
        if (end - start > (size_t)settings->max_word_chars) {
            token_sink_add(sink, t->special.unk);
        } else {
            word_set(&w, chars.at + start, end - start);
            word_pieces(&w, t);
            for (int i = 0; i < w.n_ids && token_sink_add(sink, w.ids[i]); i++)
                continue;
        }
        start = end;
    }
    free(w.bytes);
    free(w.ids);
    code_points_release(&chars);
}

static void wordpiece_describe(struct str *s, const struct tokenizer *t)
{
    const struct wordpiece *w = t->state;
    str_printf(s,
               "clean_text=%d\nhandle_chinese_chars=%d\nstrip_accents=%d\nlowercase=%d\n"
               "max_input_chars_per_word=%ld\ncontinuing_subword_prefix=%s\n",
               w->normalizer.clean_text, w->normalizer.handle_chinese_chars,
               w->normalizer.strip_accents, w->normalizer.lowercase, w->max_word_chars,
               w->continuing);
}

/* Appends piece with every sign of a list less the space before it. */
static void add_cleaned(struct str *s, const char *piece)
{
    static const char *const signs[] = {".", "?", "!", ",", "n't", "'m", "'s", "'ve", "'re"};
    for (size_t i = 0; *piece == ' ' && i < sizeof signs / sizeof *signs; i++) {
        if (str_starts(piece + 1, signs[i])) {
            piece++;
            break;
        }
    }
    str_add(s, piece);
}

static void wordpiece_decode(struct str *s, const struct tokenizer *t, const int *ids, int n)
{
    const struct wordpiece *w = t->state;
    struct str piece = {0};
    for (int i = 0; i < n; i++) {
        const char *text = t->vocabulary.pieces[ids[i]].text;
        bool joined = i > 0 && str_starts(text, w->continuing);
        str_clear(&piece);
        str_printf(&piece, "%s%s", i == 0 || joined ? "" : " ",
                   text + (joined ? strlen(w->continuing) : 0));
        add_cleaned(s, piece.buf);
    }
    str_release(&piece);
}

const struct tokenizer_kind wordpiece_kind = {
    .name = "wordpiece",
    .encode = wordpiece_encode,
    .describe = wordpiece_describe,
    .decode = wordpiece_decode,
    .release = free,
};
