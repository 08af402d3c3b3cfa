/*
 * steps: which rows each update of a training sees, laid out before it starts.
 *
 * An update takes train_batch_size examples (the last of an epoch may have
 * fewer), cut into micro-batches of at most micro_batch_tokens tokens whose
 * gradients add up. Everything follows from lengths, seed and options.
 */
#ifndef FT_HARNESS_STEPS_H
#define FT_HARNESS_STEPS_H

#include "harness/feed.h"

struct steps {
    int n_epochs, steps_per_epoch;
    long n_steps;     /* updates in all */
    int *rows;        /* [n_epochs * n_rows] the order of every epoch */
    int *micro_start; /* [n_micro + 1] into rows */
    long *step_micro; /* [n_steps + 1] into micro_start: an update's micro-batches */
    long n_micro;
    int max_tok, max_seq; /* largest micro-batch; tokens as feed_cost counts them */
    long max_micro;       /* most micro-batches of an update */
};

/* Owned by a. batch_size examples an update; n_epochs may be 0; n_epochs * train->n is at
 * most INT_MAX. */
struct steps steps_lay(const struct feed *train, int n_epochs, int batch_size,
                       int micro_batch_tokens, uint64_t seed, struct arena *a);

/* Examples of one update, its tokens (those of targets included) and the terms of its loss. */
int steps_examples(const struct steps *s, long step);
long steps_tokens(const struct steps *s, const struct feed *train, long step);
long steps_losses(const struct steps *s, const struct feed *train, long step);

#endif
