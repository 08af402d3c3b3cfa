/*
 * objective: what a model is to learn of a stretch of text, as a packed batch.
 *
 * Masked language modelling for encoders (Devlin et al., arXiv 1810.04805, section 3.1, with whole
 * words as in the authors' later release): mlm_probability of a stretch's tokens, word by word in a
 * random order, are to be told; each of them is shown as [MASK] (80 %), as a random piece (10 %) or
 * as it is (10 %). Span corruption for encoder-decoders (Raffel et al., arXiv 1910.10683, section
 * 3.1.4 and figure 2): spans of mean_noise_span_length that make up noise_density of the tokens
 * become sentinels <extra_id_N>; the target is every sentinel followed by what it stands for, then
 * </s>. No further sentinel closes the target, as figure 2 has it: in the authors' code
 * (random_spans_noise_mask) a text always ends in a span, and then nothing is left to close. A
 * prefix_lm_share of the stretches is instead cut in two at a place that is as likely as any other,
 * and the target is the second part, then </s> (the prefix language modelling of section 3.3.1).
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
    int max_pieces;                    /* of the longest stretch */
    double share;                  /* mlm_probability, or noise_density; in 0..1, both excluded */
    double mean_noise_span_length; /* 1 or more; spans only */
    double prefix_lm_share;        /* of the stretches; in 0..1; spans only */
    uint64_t seed;
    /* What objective_init fills in; owned by the arena. */
    unsigned char *continues; /* [n_vocab] the piece goes on with a word; NULL for spans */
    int *ordinary;            /* [n_ordinary] pieces a random replacement is drawn from */
    int *sentinels;           /* [n_sentinels] ids of <extra_id_0>, <extra_id_1>, ... */
    int n_ordinary, n_sentinels;
};

/* From the fields before those it fills in. ERR_USAGE when the vocabulary lacks what the objective
 * needs ([MASK], enough <extra_id_N> for the longest stretch), or a number is out of range. */
int objective_init(struct objective *o, struct arena *a, struct err *e) MUST_CHECK;

/* Tokens that a stretch of n_pieces brings to a batch, special tokens and targets included; one cut
 * in two brings fewer, for want of sentinels. */
int objective_cost(const struct objective *o, int n_pieces);

/* How many tokens of a stretch are to be hidden: its share, halves to the even number as in NumPy
 * and TensorFlow, at least one; of spans at most all but one. Of whole words those are hidden that
 * still fit in that number, or the first one drawn where none would. */
int objective_n_hidden(const struct objective *o, int n_pieces);
/* In how many spans: no more than there are other tokens to stand before each. A stretch of one
 * piece is one span. */
int objective_n_spans(const struct objective *o, int n_pieces);

struct objective_packer {
    int *ids, *offsets, *masked_rows, *masked_ids;    /* owned by the arena */
    int *target_starts, *target_offsets, *target_ids; /* likewise */
    int *words, *order;                               /* room to work in, likewise */
    unsigned char *hidden;
    uint32_t *draws;
    int max_tok, max_seq;
};

/* Buffers for batches that cost at most max_tok, in max_seq stretches. */
void objective_packer_init(struct objective_packer *p, int max_tok, int max_seq, struct arena *a);

/* Epochs count from 0; held-out text is always hidden as in this one. */
#define OBJECTIVE_HELD_OUT UINT32_MAX

/* The batch of stretches rows[0..n) of from, valid until the next. At least one token of each
 * stretch is hidden. It allocates nothing. */
struct batch objective_batch(struct objective_packer *p, const struct objective *o,
                             const struct stretches *from, const int *rows, int n, uint32_t epoch);

#endif
