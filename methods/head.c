/*
 * head: the linear probe. Only the classifier on top trains; the base model is
 * a fixed feature extractor.
 *
 * The features are what the family's classification head reads. Where the family
 * puts a pooler (a dense layer and tanh) before the classifier, the pooler belongs
 * to the base and stays frozen, so a checkpoint without a trained pooler is probed
 * through a random one: a weaker baseline than a probe on the encoder's own output.
 */
#include "methods/registry.h"

static const struct option options[] = {{.name = NULL}};

static int declare(struct tuned *t, struct err *e)
{
    (void)t; /* method_attach has frozen all but the head */
    (void)e;
    return 0;
}

const struct method method_head = {
    .name = "head",
    .summary = "linear probe: only the classifier trains",
    .source = "Alain, Bengio, arXiv 1610.01644",
    .options = options,
    .declare = declare,
    .starts_as_base = true,
};
