/*
 * seq2seq: what an encoder-decoder says, and how likely it finds what it might say.
 *
 * Not here: which texts stand for classes (harness/targets.h) and what makes of the numbers
 * a metric (results/metrics.h).
 */
#ifndef FT_MODELS_SEQ2SEQ_H
#define FT_MODELS_SEQ2SEQ_H

#include "models/model.h"

/* Of every row of logits[n, V]: -log softmax(logits)[target_ids] in nats (summed in double, a
 * fixed order) and the most likely id, the smallest of equals. nll, best: [n], or NULL. */
void seq2seq_token_scores(const struct tensor *logits, const int *target_ids, float *nll,
                          int *best);

/* What greedy decoding says (transformers' generate with num_beams 1 and do_sample false). */
struct generated {
    int max_new_tokens;
    int *ids;   /* [n_seq, max_new_tokens] */
    int *n_ids; /* [n_seq], the end-of-sequence token included where it came */
};

/* Greedy decoding of a batch (its targets are ignored) until the end-of-sequence token or
 * max_new_tokens. tape_begin is the caller's; the tape is not training. On a dry tape nothing
 * is said but the memory of the longest step is taken. */
void seq2seq_generate(struct model *m, struct tape *t, const struct batch *b,
                      const struct hooks *hooks, struct generated *out);

#endif
