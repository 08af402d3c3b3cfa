/*
 * load_json: tokenizer.json of Hugging Face tokenizers. Private to models/tokenize.
 */
#ifndef FT_MODELS_TOKENIZE_LOAD_JSON_H
#define FT_MODELS_TOKENIZE_LOAD_JSON_H

#include "harness/base/json.h"
#include "models/tokenize/kind.h"

/* Fills t (zeroed) with settings, pieces and added tokens. */
int tokenizer_load_json(struct tokenizer *t, const char *path, struct err *e) MUST_CHECK;

/* A truth value at key of a JSON file's object, as in tokenizer_config.json: absent
 * or null leaves *out alone. */
int tokenizer_json_flag(bool *out, const json_t *object, const char *key, const char *path,
                        struct err *e) MUST_CHECK;

#endif
