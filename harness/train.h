/*
 * train: the training of one cell, from any update onwards.
 *
 * All that a stopped training needs in order to go on is in struct train_state;
 * everything else follows from the cell. So a run that was killed and resumed
 * gives the same bits as one that was not.
 */
#ifndef FT_HARNESS_TRAIN_H
#define FT_HARNESS_TRAIN_H

#include "harness/engine.h"
#include "harness/steps.h"
#include "models/update.h"
#include "results/store.h"

#include <stdbool.h>

/* Micro-batches are numbered step * TRAIN_MICRO_MAX + i, so that their dropout masks do not
 * depend on how earlier updates were cut. No update may have more of them. */
enum { TRAIN_MICRO_MAX = 256 };

/* Training options of a cell (protocol.h) in the types the loop wants. */
struct train_options {
    struct update_rule update;
    enum metric metric_for_best_model;
};

struct train_state {
    long step;         /* updates done */
    int n_epochs;      /* epochs done and validated */
    int best_epoch;    /* whose parameters are judged, from 1; 0: none yet */
    int n_resumed;     /* times this training was taken up again */
    double best_value; /* of metric_for_best_model, greater is better (losses negated) */
    double epoch_loss; /* sum of losses (feed_n_losses) since the epoch began, nats */
    int64_t train_ns, evaluate_ns;
    long n_tok, n_examples;      /* trained on so far */
    struct result_step *steps;   /* [n_steps] curve, filled up to step */
    struct result_epoch *epochs; /* [n_epochs of the plan] */
    float *best;                 /* [n_train] parameters of best_epoch; NULL: not kept */
};

/* What happens around the loop; every member may be NULL. */
struct train_hooks {
    void *context;
    /* After every update. */
    void (*progress)(void *context, const struct train_state *s);
    /* After every update: true asks for a snapshot now. */
    bool (*snapshot_due)(void *context);
    int (*snapshot)(void *context, const struct train_state *s, struct err *e);
    /* After every update: true makes a snapshot and stops the training (TRAIN_STOPPED). */
    bool (*stop)(void *context);
};

struct training {
    struct engine *engine;
    const struct feed *train, *validation;
    const struct batches *validation_order;
    const struct steps *steps;
    struct train_options options;
    const struct train_hooks *hooks;
    struct scores *scores; /* of validation; scratch */
};

/* The metric that option metric_for_best_model names. by_token: of target tokens under teacher
 * forcing, where macro_f1 is the survey's F1 weighted by support (the only F1 of tokens that is
 * stored). */
enum metric train_metric_named(const char *name, bool by_token);

/* keep_best: as load_best_model_at_end. */
void train_state_init(struct train_state *s, const struct steps *steps, size_t n_train,
                      bool keep_best, struct arena *a);

enum train_outcome { TRAIN_FAILED = -1, TRAIN_DONE = 0, TRAIN_STOPPED = 1 };

/* Runs the updates from s->step to the end, validating after every epoch; then
 * puts the best epoch's parameters in place, if they were to be kept. Gradients must be 0 when it
 * begins. A loss or gradient that is not finite fails, naming step and learning rate, as does such
 * a validation loss, naming the epoch. */
enum train_outcome train_run(const struct training *t, struct train_state *s, struct err *e);

#endif
