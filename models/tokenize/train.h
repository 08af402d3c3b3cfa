/*
 * train: a vocabulary made from text.
 *
 * Both kinds start from the words of a text (normalised and divided as the tokenizer itself will do
 * it) with their counts. WordPiece: pieces are joined, pair by pair, as in Schuster, Nakajima
 * (ICASSP 2012), the most frequent pair first. Unigram: Kudo, arXiv 1804.10959, section 3.2: many
 * candidates, expectation-maximisation of their probabilities, the least useful pruned, again.
 * Additions, multiplications and logarithms of our own are all the arithmetic, in one order, so the
 * same words give the same file, byte for byte, on every machine; the order of the lines does not
 * matter either. Special tokens that stand in the text ("[MASK]", "</s>") are taken for text.
 */
#ifndef FT_MODELS_TOKENIZE_TRAIN_H
#define FT_MODELS_TOKENIZE_TRAIN_H

#include "harness/base/err.h"

#include <stdbool.h>

enum tokenizer_kind_trained { TRAIN_WORDPIECE, TRAIN_UNIGRAM };

struct tokenizer_recipe {
    enum tokenizer_kind_trained kind;
    int vocab_size;            /* pieces in all, special ones and T5's hundred extra ids included */
    int min_frequency;         /* a pair or candidate that occurs less often is not made a piece */
    bool lower_case;           /* WordPiece's do_lower_case; unigram keeps case (T5) */
    double character_coverage; /* share of the text's characters that get a piece of their own */
    /* Told now and then how far it is; NULL: nobody. */
    void (*note)(void *to, const char *text);
    void *note_to;
};

/* Reads the text (one document a line, plain or gzip) and writes into dir, which exists, vocab.txt
 * or spiece.model, and tokenizer_config.json: what tokenizer_open and transformers read. An error
 * names file and line; ERR_USAGE where vocab_size is too small for the characters, or larger than
 * what the text gives. */
int tokenizer_train(const struct tokenizer_recipe *r, const char *text_path, const char *dir,
                    struct err *e) MUST_CHECK;

#endif
