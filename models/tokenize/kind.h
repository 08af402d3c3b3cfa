/*
 * kind: what the kinds of tokenizer share, and what each must bring.
 *
 * Private to models/tokenize. The face (tokenizer.c) cuts a text at added tokens,
 * adds [CLS] and [SEP], or </s>, and truncates; a kind turns what lies between into pieces.
 */
#ifndef FT_MODELS_TOKENIZE_KIND_H
#define FT_MODELS_TOKENIZE_KIND_H

#include "harness/base/str.h"
#include "models/tokenize/tokenizer.h"
#include "models/tokenize/vocabulary.h"

#include <stdbool.h>
#include <stddef.h>

/* Where pieces go. */
struct token_sink {
    int *ids; /* [room] */
    int n, room;
    bool truncated; /* a piece found no room */
};

/* Adds one id; false when there was no room, and then encoding may stop. */
bool token_sink_add(struct token_sink *sink, int id);

/* A token recognised in raw text. */
struct added_token {
    int id;
    bool plain; /* a word like others: decoding keeps it */
};

struct tokenizer_kind {
    const char *name;
    /* Valid UTF-8 without added tokens into pieces. */
    void (*encode)(const struct tokenizer *t, const char *text, size_t n_bytes,
                   struct token_sink *sink);
    /* What the settings in state are, for the hash: no address, no file name. */
    void (*describe)(struct str *s, const struct tokenizer *t);
    /* The text of ids without special tokens, appended to s. */
    void (*decode)(struct str *s, const struct tokenizer *t, const int *ids, int n);
    /* Frees state. */
    void (*release)(void *state);
};

struct tokenizer {
    const struct tokenizer_kind *kind;
    void *state; /* owned, the kind's settings */
    struct vocabulary vocabulary;
    struct tokenizer_special special;
    struct added_token *added; /* owned, [n_added], ids ascending */
    int n_added;
    bool starts_added[256]; /* first bytes of those */
    char hash[HASH_HEX_SIZE];
};

/* Fills t (zeroed) from a file. load.c. */
int tokenizer_load(struct tokenizer *t, const char *dir_or_file, struct err *e) MUST_CHECK;

#endif
