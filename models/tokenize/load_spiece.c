#include "models/tokenize/load_spiece.h"

#include "harness/base/arena.h"
#include "harness/base/file.h"
#include "models/tokenize/protobuf.h"
#include "models/tokenize/spiece.h"
#include "models/tokenize/unigram.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct piece {
    struct protobuf text;
    double score;
    uint64_t type;
};

/* What of the file matters, with the format's defaults. */
struct spiece {
    struct piece *pieces; /* owned, [n] */
    int n, room;
    int64_t unk, eos, pad;
    struct protobuf map; /* precompiled_charsmap; empty: none */
    bool has_trainer, has_normalizer;
    const char *path;
};

static int read_piece(struct spiece *s, struct protobuf p, struct err *e)
{
    struct piece piece = {.type = TYPE_NORMAL};
    struct protobuf_field f;
    size_t start = p.at;
    int more;
    while ((more = protobuf_next(&f, &p, e)) > 0) {
        if (f.number == PIECE_TEXT) {
            if (protobuf_expect(&f, PROTOBUF_BYTES, "a piece's text", e) < 0)
                return -1;
            piece.text = f.contents;
        } else if (f.number == PIECE_SCORE) {
            if (protobuf_expect(&f, PROTOBUF_FIXED32, "a piece's score", e) < 0)
                return -1;
            piece.score = (double)protobuf_float(&f);
        } else if (f.number == PIECE_TYPE) {
            if (protobuf_expect(&f, PROTOBUF_VARINT, "a piece's type", e) < 0)
                return -1;
            piece.type = f.value;
        }
    }
    if (more < 0)
        return -1;
    size_t n = piece.text.end - piece.text.at;
    const char *text = n > 0 ? (const char *)p.bytes + piece.text.at : "";
    if (n == 0 || memchr(text, '\0', n) || str_utf8_error(text, n) >= 0)
        return err_set(e, "%s: byte %zu: piece %d has no UTF-8 text", p.path, start, s->n);
    if (!isfinite(piece.score))
        return err_set(e, "%s: byte %zu: piece %d has no finite score", p.path, start, s->n);
    if (piece.type < TYPE_NORMAL || piece.type > TYPE_BYTE)
        return err_set(e, "%s: byte %zu: piece %d is of type %llu, which is not understood", p.path,
                       start, s->n, (unsigned long long)piece.type);
    if (s->n == s->room) {
        s->room = 2 * s->room + 1024;
        s->pieces = xrealloc(s->pieces, (size_t)s->room * sizeof *s->pieces);
    }
    s->pieces[s->n++] = piece;
    return 0;
}

static int read_trainer(struct spiece *s, struct protobuf p, struct err *e)
{
    static const char *const types[] = {"0", "UNIGRAM", "BPE", "WORD", "CHAR"};
    struct protobuf_field f;
    int more;
    s->has_trainer = true;
    while ((more = protobuf_next(&f, &p, e)) > 0) {
        bool wanted = f.number == TRAINER_TYPE || f.number == TRAINER_SUFFIX ||
                      f.number == TRAINER_BYTES || f.number == TRAINER_UNK ||
                      f.number == TRAINER_EOS || f.number == TRAINER_PAD;
        if (wanted && protobuf_expect(&f, PROTOBUF_VARINT, "a number of trainer_spec", e) < 0)
            return -1;
        if (f.number == TRAINER_TYPE && f.value != 1)
            return err_set(e, "%s: byte %zu: model_type is %s; only UNIGRAM is understood", p.path,
                           f.start, f.value <= 4 ? types[f.value] : "unknown");
        if (f.number == TRAINER_SUFFIX && f.value)
            return err_set(e, "%s: byte %zu: treat_whitespace_as_suffix is not understood", p.path,
                           f.start);
        if (f.number == TRAINER_BYTES && f.value)
            return err_set(e, "%s: byte %zu: byte_fallback is not understood", p.path, f.start);
        if (f.number == TRAINER_UNK)
            s->unk = (int64_t)f.value;
        if (f.number == TRAINER_EOS)
            s->eos = (int64_t)f.value;
        if (f.number == TRAINER_PAD)
            s->pad = (int64_t)f.value;
    }
    return more;
}

static int read_normalizer(struct spiece *s, struct protobuf p, struct err *e)
{
    static const char *const flags[] = {"add_dummy_prefix", "remove_extra_whitespaces",
                                        "escape_whitespaces"};
    struct protobuf_field f;
    int more;
    s->has_normalizer = true;
    while ((more = protobuf_next(&f, &p, e)) > 0) {
        if (f.number == NORMALIZER_MAP) {
            if (protobuf_expect(&f, PROTOBUF_BYTES, "precompiled_charsmap", e) < 0)
                return -1;
            s->map = f.contents;
        } else if (f.number >= NORMALIZER_PREFIX && f.number <= NORMALIZER_ESCAPE) {
            const char *name = flags[f.number - NORMALIZER_PREFIX];
            if (protobuf_expect(&f, PROTOBUF_VARINT, name, e) < 0)
                return -1;
            if (!f.value)
                return err_set(e, "%s: byte %zu: a model without %s is not understood", p.path,
                               f.start, name);
        }
    }
    return more;
}

static int read_denormalizer(struct protobuf p, struct err *e)
{
    struct protobuf_field f;
    int more;
    while ((more = protobuf_next(&f, &p, e)) > 0) {
        if (f.number == NORMALIZER_MAP && f.value > 0)
            return err_set(e, "%s: byte %zu: a denormalizer is not understood", p.path, f.start);
    }
    return more;
}

static int read_model(struct spiece *s, struct protobuf p, struct err *e)
{
    static const char *const names[] = {[MODEL_PIECES] = "a piece",
                                        [MODEL_TRAINER] = "trainer_spec",
                                        [MODEL_NORMALIZER] = "normalizer_spec",
                                        [MODEL_DENORMALIZER] = "denormalizer_spec"};
    struct protobuf_field f;
    int more;
    while ((more = protobuf_next(&f, &p, e)) > 0) {
        int status = 0;
        if (f.number <= MODEL_DENORMALIZER && names[f.number])
            status = protobuf_expect(&f, PROTOBUF_BYTES, names[f.number], e);
        if (status == 0 && f.number == MODEL_PIECES)
            status = read_piece(s, f.contents, e);
        else if (status == 0 && f.number == MODEL_TRAINER)
            status = read_trainer(s, f.contents, e);
        else if (status == 0 && f.number == MODEL_NORMALIZER)
            status = read_normalizer(s, f.contents, e);
        else if (status == 0 && f.number == MODEL_DENORMALIZER)
            status = read_denormalizer(f.contents, e);
        if (status < 0)
            return -1;
        if (s->n > INT_MAX / 16)
            return err_set(e, "%s: byte %zu: too many pieces", p.path, f.start);
    }
    if (more < 0)
        return -1;
    for (int i = 0; i < s->n; i++) { /* only now: trainer_spec has more to say */
        if (s->pieces[i].type == TYPE_BYTE)
            return err_set(e, "%s: byte %zu: piece %d is a byte, which is not understood", p.path,
                           s->pieces[i].text.at, i);
    }
    /* The parts stand one after the other, so that a cut between two of them reads well. */
    if (s->n == 0 || !s->has_trainer || !s->has_normalizer)
        return err_set(e, "%s: ends at byte %zu without %s; not a SentencePiece model, or cut",
                       p.path, p.end,
                       s->n == 0        ? "pieces"
                       : s->has_trainer ? "normalizer_spec"
                                        : "trainer_spec");
    return 0;
}

/* An id of trainer_spec, whose piece must be of that type. */
static int find_special(int *id, const struct spiece *s, int64_t value, enum piece_type type,
                        const char *name, struct err *e)
{
    if (value < 0 || value >= s->n)
        return err_set(e, "%s: %s is %lld: not one of the %d pieces", s->path, name,
                       (long long)value, s->n);
    if (s->pieces[value].type != type)
        return err_set(e, "%s: %s is %lld, but that piece is of type %d", s->path, name,
                       (long long)value, (int)s->pieces[value].type);
    *id = (int)value;
    return 0;
}

static int fill_pieces(struct tokenizer *t, const struct spiece *s, struct err *e)
{
    struct unigram *u = t->state;
    u->n_scores = s->n + N_EXTRA_IDS;
    u->scores = xmalloc((size_t)u->n_scores * sizeof *u->scores);
    u->unused = xmalloc((size_t)u->n_scores * sizeof *u->unused);
    t->added = xmalloc((size_t)u->n_scores * sizeof *t->added);
    vocabulary_init(&t->vocabulary, u->n_scores);
    for (int id = 0; id < u->n_scores; id++) {
        char extra[32];
        int n = snprintf(extra, sizeof extra, "<extra_id_%d>", u->n_scores - 1 - id);
        struct piece piece = {.type = TYPE_CONTROL};
        const char *text = extra;
        if (id < s->n) {
            piece = s->pieces[id];
            text = (const char *)piece.text.bytes + piece.text.at;
            n = (int)(piece.text.end - piece.text.at);
        }
        int other = vocabulary_add(&t->vocabulary, id, text, (size_t)n);
        if (other >= 0)
            return err_set(e, "%s: pieces %d and %d are the same", s->path, other, id);
        u->scores[id] = piece.score;
        u->unused[id] = piece.type == TYPE_UNUSED;
        if (piece.type != TYPE_NORMAL && piece.type != TYPE_UNUSED)
            t->added[t->n_added++] =
                (struct added_token){.id = id, .plain = piece.type == TYPE_USER_DEFINED};
    }
    return 0;
}

static int load(struct tokenizer *t, struct spiece *s, struct protobuf p, struct err *e)
{
    struct unigram *u = t->state;
    if (read_model(s, p, e) < 0 ||
        find_special(&t->special.unk, s, s->unk, TYPE_UNKNOWN, "unk_id", e) < 0 ||
        find_special(&t->special.eos, s, s->eos, TYPE_CONTROL, "eos_id", e) < 0 ||
        find_special(&t->special.pad, s, s->pad, TYPE_CONTROL, "pad_id", e) < 0)
        return -1;
    u->split_whitespace = true;
    size_t map_bytes = s->map.end - s->map.at;
    if (map_bytes > 0) {
        u->steps[u->n_steps++] = UNIGRAM_MAP;
        if (charsmap_init(&u->charsmap, p.bytes + s->map.at, map_bytes, p.path, e) < 0)
            return -1;
    }
    return fill_pieces(t, s, e);
}

int tokenizer_load_spiece(struct tokenizer *t, const char *path, struct err *e)
{
    struct file_map file;
    if (file_map(&file, path, e) < 0)
        return -1;
    struct unigram *u = xmalloc(sizeof *u);
    *u = (struct unigram){0};
    t->kind = &unigram_kind;
    t->state = u;
    struct spiece s = {.unk = 0, .eos = 2, .pad = -1, .path = path};
    int status = load(t, &s, (struct protobuf){file.data, 0, file.n_bytes, path}, e);
    if (status == 0)
        unigram_prepare(t);
    free(s.pieces);
    file_unmap(&file);
    return status;
}
