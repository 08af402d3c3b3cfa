/*
 * load_spiece: spiece.model of SentencePiece (a ModelProto). Private to models/tokenize.
 */
#ifndef FT_MODELS_TOKENIZE_LOAD_SPIECE_H
#define FT_MODELS_TOKENIZE_LOAD_SPIECE_H

#include "models/tokenize/kind.h"

/* Fills t (zeroed). As transformers' T5Tokenizer opens such a file: the hundred
 * <extra_id_N> follow the file's pieces, highest N first; words are cut at white space;
 * control and user-defined pieces are recognised in raw text. Unused pieces are never made,
 * as sentencepiece has it. */
int tokenizer_load_spiece(struct tokenizer *t, const char *path, struct err *e) MUST_CHECK;

#endif
