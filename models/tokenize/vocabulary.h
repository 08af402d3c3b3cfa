/*
 * vocabulary: pieces by id, and ids by piece.
 *
 * The hash of a piece (FNV-1a) can be carried from byte to byte, so a greedy
 * longest match looks up every prefix of a word in one pass. Pieces are unique
 * and non-empty.
 */
#ifndef FT_MODELS_TOKENIZE_VOCABULARY_H
#define FT_MODELS_TOKENIZE_VOCABULARY_H

#include "harness/base/arena.h"

#include <stddef.h>
#include <stdint.h>

struct vocabulary_piece {
    const char *text; /* owned by the arena; NULL: no piece has this id yet */
    uint32_t n_bytes;
    uint32_t hash;
};

struct vocabulary {
    struct arena arena;
    struct vocabulary_piece *pieces; /* [n] by id */
    int n;
    int *slots;         /* [n_slots] id or -1, open addressing */
    uint32_t n_slots;   /* a power of two, at most half full */
    uint32_t max_bytes; /* of the longest piece */
};

#define VOCABULARY_HASH_START 2166136261u

static inline uint32_t vocabulary_hash(uint32_t hash, unsigned char byte)
{
    return (hash ^ byte) * 16777619u;
}

/* Room for n pieces (0 < n), none filled. Release also after errors. */
void vocabulary_init(struct vocabulary *v, int n);
void vocabulary_release(struct vocabulary *v);

/* Sets the piece of an id in [0, n) that has none yet. Returns -1, or the id that
 * has this text already (and nothing is changed). */
int vocabulary_add(struct vocabulary *v, int id, const char *text, size_t n_bytes);

/* The id of a text, or -1. hash is that of all its bytes. */
int vocabulary_find(const struct vocabulary *v, const char *text, size_t n_bytes, uint32_t hash);

/* The same, NUL-terminated. */
int vocabulary_id(const struct vocabulary *v, const char *text);

/* Whether pieces[id] is prefix + rest, with its hash known: for continuing pieces
 * that are looked up without being put together. */
int vocabulary_find_joined(const struct vocabulary *v, const char *prefix, size_t prefix_bytes,
                           const char *text, size_t n_bytes, uint32_t hash);

#endif
