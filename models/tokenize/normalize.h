/*
 * normalize: BERT's text normaliser and its cut into words.
 *
 * As BertNormalizer and BertPreTokenizer of Hugging Face tokenizers: clean, put
 * spaces around ideographs, decompose and drop nonspacing marks, lower-case; then
 * words are what lies between spaces, each punctuation sign a word of its own.
 * Every step runs over the whole text before the next one, as there, because the
 * canonical order of marks looks across characters.
 */
#ifndef FT_MODELS_TOKENIZE_NORMALIZE_H
#define FT_MODELS_TOKENIZE_NORMALIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct normalizer {
    bool clean_text, handle_chinese_chars, strip_accents, lowercase;
};

/* A growing run of code points. */
struct code_points {
    int32_t *at; /* owned */
    size_t n, room;
};

void code_points_release(struct code_points *p);

/* Valid UTF-8 to normalised code points, replacing what out held. */
void normalize(struct code_points *out, const struct normalizer *how, const char *text,
               size_t n_bytes);

/* The next word of p from *start on: sets *start to where it begins and returns
 * where it ends; p->n twice when there is none. */
size_t normalize_word(const struct code_points *p, size_t *start);

#endif
