/*
 * corpus: running text as stretches of token ids, for pre-training.
 *
 * A file holds one document a line (UTF-8, plain or gzip). A document is encoded without special
 * tokens and cut into the fewest stretches of at most max_pieces, of nearly the same length (300
 * pieces at most 254 at a time are 150 and 150); a stretch never crosses documents, and since
 * batches are packed a short one costs no padding. Whether a document is held out follows from its
 * text alone, so it stays held out whatever is added to the file. Blank lines are no documents.
 */
#ifndef FT_PRETRAIN_CORPUS_H
#define FT_PRETRAIN_CORPUS_H

#include "harness/base/arena.h"
#include "harness/base/hash.h"
#include "models/tokenize/tokenizer.h"

#include <stdint.h>

struct corpus_source {
    const char *path;
    const struct tokenizer *tokenizer;
    int max_pieces;        /* of a stretch */
    int min_pieces;        /* 1 or more; shorter stretches are left out */
    double held_out_share; /* of the documents, in 0..1 */
};

/* Stretches end to end: pieces of stretch i are ids[offsets[i]] .. ids[offsets[i + 1] - 1]. */
struct stretches {
    int *ids;         /* [offsets[n]] */
    int64_t *offsets; /* [n + 1] */
    int *length_tok;  /* [n] pieces of each */
    int n;
};

struct corpus {
    struct stretches train, held_out; /* owned by the arena */
    int n_documents, n_held_out;      /* documents, both parts; of them held out */
    int64_t n_words;                  /* as white space divides them, both parts */
    char hash[HASH_HEX_SIZE];         /* SHA-256 of the text, unpacked */
};

/* Reads and encodes. An error names file and line (not UTF-8, cut gzip, empty), or says that no
 * stretch is left to train on; none may be left to hold out. Owned by a. */
int corpus_open(struct corpus *c, const struct corpus_source *from, struct arena *a,
                struct err *e) MUST_CHECK;

#endif
