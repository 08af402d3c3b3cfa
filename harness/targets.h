/*
 * targets: what the classes of a data set are called, in tokens.
 *
 * For models that answer in text. The words come from the descriptor (class names or
 * verbalizers), how much of them is learnt from the protocol: the survey's code cut targets to
 * n_classes tokens, end-of-sequence kept, and then masked that token out of loss and metric. A
 * masked last token influences nothing before it, so here it is simply not there.
 */
#ifndef FT_HARNESS_TARGETS_H
#define FT_HARNESS_TARGETS_H

#include "datasets/dataset.h"
#include "harness/base/option.h"
#include "models/tokenize/tokenizer.h"

struct targets {
    int n_classes;
    const char *const *texts; /* [n_classes] borrowed from the descriptor */
    int *ids, *offsets;       /* class c: ids[offsets[c]] ... ids[offsets[c + 1] - 1] */
    int longest;              /* tokens of the longest */
    int n_cut;                /* classes whose words lost tokens */
    bool eos;                 /* each ends with the end-of-sequence token */
};

/* From the words of info under the training options target_length, target_eos and
 * use_verbalizers. All in arena a. ERR_USAGE when a class comes to no tokens, or two classes
 * to the same, naming them. */
int targets_encode(struct targets *out, const struct dataset_info *info, const struct tokenizer *t,
                   const struct options *training, struct arena *a, struct err *e) MUST_CHECK;

#endif
