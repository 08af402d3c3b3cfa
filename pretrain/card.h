/*
 * card: a pre-trained model's README.md, in the form of Hugging Face's model cards.
 *
 * What it is, of what it was made, how well it tells held-out text, and the command that makes it
 * again. Every figure is the run's.
 */
#ifndef FT_PRETRAIN_CARD_H
#define FT_PRETRAIN_CARD_H

#include "harness/base/environment.h"
#include "pretrain/pretrain.h"

struct card {
    const struct recipe *recipe;
    const struct zoo_entry *model;
    const struct pretrain *run; /* that has ended */
    const char *id, *weights_hash;
    const char *blas_core, *commit, *started;
    int numerics_version;
    const struct environment_fact *environment; /* [n_environment] */
    int n_environment;
};

/* The text, appended to s. */
void card_write(struct str *s, const struct card *c);

#endif
