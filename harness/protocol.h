/*
 * protocol: how a cell is trained and judged, as one table of options.
 *
 * harness/protocols/NAME.yaml sets them, with overrides by model, family, method, data set
 * and initialisation (rule.h); a spec may set them again. `sound`: the rows the survey used,
 * deduplicated before a stratified split, or official splits; best epoch chosen on
 * validation, reported on test; one effective batch for every model size. `published`: what
 * the survey's code did.
 *
 * A protocol may inherit another: the parent's set and overrides come first, then its own.
 */
#ifndef FT_HARNESS_PROTOCOL_H
#define FT_HARNESS_PROTOCOL_H

#include "harness/base/option.h"
#include "harness/rule.h"

/* Training options, names as in transformers' TrainingArguments:
 *   learning_rate 5e-5, lr_scheduler_type linear|constant|cosine,
 *   warmup_ratio 0.06, weight_decay 0.01, adam_beta1 0.9, adam_beta2 0.999,
 *   adam_epsilon 1e-8, max_grad_norm 1.0, num_train_epochs 3,
 *   train_batch_size 32 (effective: examples per update),
 *   micro_batch_tokens 4096 (memory only? it changes bits, so it is identity),
 *   max_length 128 (tokens, truncation), metric_for_best_model
 *   accuracy|macro_f1|loss, split_seed 42, max_train_samples 0 (0: all),
 *   precision float32, frozen_dropout true, gradient_checkpointing false;
 * and what a protocol does with rows, targets and metrics (protocol.c). */
extern const struct option training_options[];

/* What one file says. */
struct protocol_layer {
    const char *name, *path;
    const struct yaml *set; /* map of training options and METHOD.OPTION, or NULL */
    struct rule *overrides; /* [n_overrides] applied in order, after set */
    int n_overrides;
};

struct protocol {
    const char *name, *title, *notes, *path;
    struct protocol_layer *layers; /* [n_layers] the eldest first, its own last */
    int n_layers;
};

/* Reads home/harness/protocols/NAME.yaml, or the file itself when name ends in .yaml, and all
 * that it inherits. All in arena a. ERR_USAGE with the nearest name when there is none, and for
 * a circle with every link of it. */
int protocol_read(struct protocol *p, const char *name, struct arena *a, struct err *e) MUST_CHECK;

/* Sets what the protocol says at this point of the matrix, layer by layer. */
int protocol_apply(const struct protocol *p, const struct point *at, const struct settled *to,
                   struct err *e) MUST_CHECK;

/* Names of all protocols, sorted, NULL-ended, owned by a. */
int protocol_list(const char *const **names, struct arena *a, struct err *e) MUST_CHECK;

#endif
