/*
 * feed: rows of a data set as token ids, and packed batches made of them.
 *
 * A feed holds one part of a split (train, validation or test) encoded once. A
 * packer owns the buffers of one batch, taken once for the largest, so packing
 * allocates nothing.
 */
#ifndef FT_HARNESS_FEED_H
#define FT_HARNESS_FEED_H

#include "datasets/order.h"
#include "datasets/split.h"
#include "harness/targets.h"
#include "models/model.h"
#include "models/tokenize/tokenizer.h"

struct feed {
    struct token_lists tokens; /* owned: row i is ids[offsets[i]..offsets[i + 1]) */
    int *labels;               /* [n] owned by the arena, as all below */
    int *length_tok;           /* [n] of the texts */
    uint64_t *hashes;          /* [n] of the rows' texts */
    int n;
    int n_classes;
    const struct targets *targets; /* borrowed; NULL: the model has a classifier */
    const float *features; /* [n, width] borrowed: what the classifier reads of each row, where
                              that is known (features.h); or NULL */
};

/* Where a feed's rows come from. */
struct feed_source {
    const struct dataset *data;
    const struct tokenizer *tokenizer;
    int max_length;                /* tokens a text is cut to */
    const struct targets *targets; /* as in struct feed */
    bool prompted;                 /* texts go into the descriptor's prompt_template */
};

/* Encodes the given rows of the source, of which there may be none. */
int feed_encode(struct feed *f, const struct feed_source *from, const struct rows *rows,
                struct arena *a, struct err *e) MUST_CHECK;
void feed_release(struct feed *f);

/* Which targets go into a batch, where the model answers in text. */
enum pack {
    PACK_ANSWER,     /* each row's own: to learn it */
    PACK_CANDIDATES, /* all classes', in their order, for each row: to compare them */
};

/* Tokens that a row brings to a batch: of its text, and of its targets. */
int feed_cost(const struct feed *f, int row, enum pack pack);
/* [n] of all rows, in arena a. */
int *feed_costs(const struct feed *f, enum pack pack, struct arena *a);

/* Terms of a row's loss: tokens of its own target, or 1 where the model has a classifier. */
int feed_n_losses(const struct feed *f, int row);

struct packer {
    int *ids, *offsets, *labels;                      /* owned by the arena */
    int *target_starts, *target_offsets, *target_ids; /* likewise */
    int max_tok, max_seq;
};

/* Buffers for batches that cost at most max_tok tokens, in max_seq rows. */
void packer_init(struct packer *p, int max_tok, int max_seq, struct arena *a);

/* The batch of rows[0..n) of f, in order; valid until the next pack. */
struct batch packer_pack(struct packer *p, const struct feed *f, const int *rows, int n,
                         enum pack pack);

#endif
