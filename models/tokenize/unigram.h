/*
 * unigram: the most probable pieces of a text (SentencePiece's unigram model, as in T5).
 *
 * Kudo 2018. As Hugging Face tokenizers has it: the text is normalised, cut before every
 * "▁" (a space), and each part goes by itself through Viterbi's algorithm in double
 * precision. sentencepiece sums in single precision over the whole text, which tells only
 * where two ways are within rounding of each other. Private to models/tokenize.
 */
#ifndef FT_MODELS_TOKENIZE_UNIGRAM_H
#define FT_MODELS_TOKENIZE_UNIGRAM_H

#include "models/tokenize/charsmap.h"
#include "models/tokenize/kind.h"
#include "models/tokenize/trie.h"

#define UNIGRAM_SPACE "\xe2\x96\x81" /* U+2581 */

enum unigram_step {
    UNIGRAM_MAP,             /* the charsmap */
    UNIGRAM_STRIP_LEFT,      /* spaces at the start away */
    UNIGRAM_STRIP_RIGHT,     /* and at the end */
    UNIGRAM_COLLAPSE,        /* two or more U+0020 to one */
    UNIGRAM_COLLAPSE_TO_MARK /* to one "▁" */
};

/* tokenizer.state of kind unigram. */
struct unigram {
    struct charsmap charsmap;
    enum unigram_step steps[8]; /* the normaliser, in order */
    int n_steps;
    bool split_whitespace; /* words apart, instead of a "▁" for each space */
    double *scores;        /* owned, [n_scores] of the first pieces; later ones are only added */
    int n_scores;
    bool *unused; /* owned, [n_scores] pieces that are never made, or NULL */
    struct trie trie;
    double unknown_score;
};

extern const struct tokenizer_kind unigram_kind;

/* Once pieces, scores and unk are there: the trie and the score of the unknown. */
void unigram_prepare(struct tokenizer *t);

#endif
