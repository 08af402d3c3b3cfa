/*
 * train_kinds: the trainers behind tokenizer_train, from words to the text of a file.
 *
 * Private to models/tokenize. Words come sorted, as the tokenizer of that kind divides a text;
 * kept says which characters get a piece (characters_choose).
 */
#ifndef FT_MODELS_TOKENIZE_TRAIN_KINDS_H
#define FT_MODELS_TOKENIZE_TRAIN_KINDS_H

#include "harness/base/str.h"
#include "models/tokenize/train.h"
#include "models/tokenize/words.h"

/* vocab.txt to out. */
int train_wordpiece(struct str *out, const struct tokenizer_recipe *r, const struct words *words,
                    const bool *kept, struct err *e) MUST_CHECK;

/* spiece.model to out. Words begin with U+2581. */
int train_unigram(struct str *out, const struct tokenizer_recipe *r, const struct words *words,
                  const bool *kept, struct err *e) MUST_CHECK;

/* Calls r->note, if there is one. */
void train_note(const struct tokenizer_recipe *r, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
