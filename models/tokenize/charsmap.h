/*
 * charsmap: the character map of a SentencePiece model (precompiled_charsmap).
 *
 * A double-array trie (darts-clone) from byte strings to places in a block of NUL-ended
 * texts, applied as Hugging Face tokenizers' Precompiled does: by grapheme clusters, the
 * shortest key first. sentencepiece itself takes the longest key, so the two differ on
 * characters with several marks. The map comes from a file and is never trusted.
 * Private to models/tokenize.
 */
#ifndef FT_MODELS_TOKENIZE_CHARSMAP_H
#define FT_MODELS_TOKENIZE_CHARSMAP_H

#include "harness/base/hash.h"
#include "harness/base/str.h"

#include <stddef.h>
#include <stdint.h>

struct charsmap {
    uint32_t *units; /* owned, [n_units] */
    size_t n_units;
    char *texts; /* owned, [n_texts] bytes, the last one NUL */
    size_t n_texts;
    char hash[HASH_HEX_SIZE]; /* of the bytes it was made from; "" of none */
};

/* From the bytes of the field; what names the file in messages. Release also after an
 * error. */
int charsmap_init(struct charsmap *m, const void *bytes, size_t n_bytes, const char *what,
                  struct err *e) MUST_CHECK;
void charsmap_release(struct charsmap *m);

/* Appends the mapped text (valid UTF-8) to out. */
void charsmap_apply(struct str *out, const struct charsmap *m, const char *text, size_t n_bytes);

#endif
