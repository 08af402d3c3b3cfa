/*
 * head: the linear probe. Only the classifier on top trains; the base model is
 * a fixed feature extractor.
 *
 * The features are what the family's classification head reads. Where the family
 * puts a pooler (a dense layer and tanh) before the classifier, the pooler belongs
 * to the base and stays frozen, so a checkpoint without a trained pooler is probed
 * through a random one: a weaker baseline than a probe on the encoder's own output.
 *
 * A model that answers in text has no classifier. Where it has an output layer of its
 * own, that is what trains; where the output layer is the embedding of its input,
 * nothing is on top alone.
 */
#include "methods/registry.h"

#include <assert.h>

static const struct option options[] = {{.name = NULL}};

static int declare(struct tuned *t, struct err *e)
{
    struct model *m = t->model;
    if (!model_says_text(m))
        return 0; /* method_attach has frozen all but the head */
    assert(m->family->output_layer);
    struct param *output = params_find(&m->params, m->family->output_layer);
    if (!output)
        return err_usage(e, "this model has no classifier: it answers in text, and what says its "
                            "words is the embedding that also reads them");
    output->trainable = true;
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
