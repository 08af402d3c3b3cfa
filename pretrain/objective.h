/*
 * objective: what a model is to learn of a stretch of text, as a packed batch.
 *
 * Masked language modelling for encoders (Devlin et al., arXiv 1810.04805, section 3.1, with whole
 * words as in the authors' later release): mlm_probability of a stretch's tokens, word by word in a
 * random order, are to be told; of the words 80 % are shown as [MASK], 10 % as random pieces, 10 %
 * as they are. Span corruption for encoder-decoders (Raffel et al., arXiv 1910.10683, section 3.1.4
 * and figure 2): spans of mean_noise_span_length that make up noise_density of the tokens become
 * sentinels <extra_id_N>; the target is every sentinel followed by what it stands for, then </s>.
 *
 * What is hidden of a stretch is a function of (seed, epoch, stretch) alone: no two epochs hide the
 * same, and a resumed training hides what an uninterrupted one would.
 */
#ifndef FT_PRETRAIN_OBJECTIVE_H
#define FT_PRETRAIN_OBJECTIVE_H

#include "models/model.h"
#include "pretrain/corpus.h"

enum objective_kind { OBJECTIVE_MASKED, OBJECTIVE_SPANS };

struct objective {
    enum objective_kind kind;
    const struct tokenizer *tokenizer; /* borrowed */
    double share;                      /* mlm_probability, or noise_density */
    double mean_noise_span_length;
    uint64_t seed;
    unsigned char *continues; /* [n_vocab] the piece goes on with a word; owned by the arena */
    int *ordinary;            /* [n_ordinary] pieces a random replacement is drawn from */
    int n_ordinary;
};

/* ERR_USAGE when the vocabulary lacks what the objective needs ([MASK], <extra_id_N>). */
int objective_init(struct objective *o, struct arena *a, struct err *e) MUST_CHECK;

/* Upper bound on the tokens that a stretch of n_pieces brings to a batch, special tokens and
 * targets included. */
int objective_cost(const struct objective *o, int n_pieces);

struct objective_packer {
    int *ids, *offsets, *masked_rows, *masked_ids;    /* owned by the arena */
    int *target_starts, *target_offsets, *target_ids; /* likewise */
    int max_tok, max_seq;
};

/* Buffers for batches that cost at most max_tok, in max_seq stretches. */
void objective_packer_init(struct objective_packer *p, int max_tok, int max_seq, struct arena *a);

/* Epochs count from 0; held-out text is always hidden as in this one. */
#define OBJECTIVE_HELD_OUT UINT32_MAX

/* The batch of stretches rows[0..n) of from, valid until the next. n_masked, or the target
 * tokens, may not be 0 for any stretch: at least one token of each is hidden. */
struct batch objective_batch(struct objective_packer *p, const struct objective *o,
                             const struct stretches *from, const int *rows, int n, uint32_t epoch);

#endif
