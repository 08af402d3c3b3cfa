/*
 * load_json: tokenizer.json of Hugging Face tokenizers. Private to models/tokenize.
 */
#ifndef FT_MODELS_TOKENIZE_LOAD_JSON_H
#define FT_MODELS_TOKENIZE_LOAD_JSON_H

#include "harness/base/json.h"
#include "models/tokenize/kind.h"

/* Fills t (zeroed) with settings, pieces and added tokens. */
int tokenizer_load_json(struct tokenizer *t, const char *path, struct err *e) MUST_CHECK;

/* The part of it for a model of type Unigram, with the special tokens' ids too.
 * load_unigram.c. */
int tokenizer_load_unigram(struct tokenizer *t, const json_t *root, const char *path,
                           struct err *e) MUST_CHECK;

/* Sets the piece of an id that has none yet. */
int tokenizer_json_add_piece(struct tokenizer *t, const char *text, const json_t *id,
                             const char *path, struct err *e) MUST_CHECK;

/* One of added_tokens: content, an id, nothing that is not understood. */
int tokenizer_json_check_added(const json_t *token, const char *path, struct err *e) MUST_CHECK;

/* added_tokens, checked before, to t; those without a piece get one. */
int tokenizer_json_read_added(struct tokenizer *t, const json_t *added, const char *path,
                              struct err *e) MUST_CHECK;

/* A truth value at key of a JSON file's object, as in tokenizer_config.json: absent
 * or null leaves *out alone. */
int tokenizer_json_flag(bool *out, const json_t *object, const char *key, const char *path,
                        struct err *e) MUST_CHECK;

#endif
