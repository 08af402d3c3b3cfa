/*
 * words: distinct byte strings with their counts, and which characters are worth a piece.
 *
 * What both trainers of vocabularies start from. An entry keeps its index until words_sort.
 * Private to models/tokenize.
 */
#ifndef FT_MODELS_TOKENIZE_WORDS_H
#define FT_MODELS_TOKENIZE_WORDS_H

#include "harness/base/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct word_count {
    const char *text; /* owned by the arena, NUL-terminated */
    uint32_t n_bytes, hash;
    int64_t count;
};

struct words {
    struct arena arena;
    struct word_count *at; /* owned, [n] */
    size_t n, room;
    uint32_t *slots; /* owned, [n_slots] index + 1, or 0; a power of two, at most half full */
    size_t n_slots;
};

/* Counts text count times more; returns its index. Starts from a zeroed struct. */
size_t words_add(struct words *w, const char *text, size_t n_bytes, int64_t count);

/* Index of text, or -1. */
int64_t words_find(const struct words *w, const char *text, size_t n_bytes);

/* By bytes. Indices change and nothing more may be added or found. */
void words_sort(struct words *w);
void words_release(struct words *w);

enum { N_CODE_POINTS = 0x110000 };

/* The most frequent characters, until they make up that share of all: kept[c] for each code
 * point. Of equals the smaller code point. Returns their number. */
int characters_choose(bool kept[N_CODE_POINTS], const int64_t counts[N_CODE_POINTS],
                      double coverage);

#endif
