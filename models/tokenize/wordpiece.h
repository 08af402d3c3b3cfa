/*
 * wordpiece: greedy longest-match pieces of a word (BERT).
 *
 * Schuster & Nakajima 2012; as in Hugging Face tokenizers: a word that is too long
 * or that the pieces do not cover is one unknown token. Private to models/tokenize.
 */
#ifndef FT_MODELS_TOKENIZE_WORDPIECE_H
#define FT_MODELS_TOKENIZE_WORDPIECE_H

#include "models/tokenize/kind.h"
#include "models/tokenize/normalize.h"

/* tokenizer.state of kind wordpiece. */
struct wordpiece {
    struct normalizer normalizer;
    long max_word_chars; /* max_input_chars_per_word */
    char continuing[16]; /* continuing_subword_prefix */
};

extern const struct tokenizer_kind wordpiece_kind;

#endif
