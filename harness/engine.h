/*
 * engine: a tuned model with the memory to run batches through it.
 *
 * Sized once by dry runs over every batch it will ever see; afterwards nothing
 * is allocated. It knows no epochs and no data sets: batches in, scores out and
 * gradients summed.
 */
#ifndef FT_HARNESS_ENGINE_H
#define FT_HARNESS_ENGINE_H

#include "harness/scores.h"
#include "methods/method.h"
#include "models/tensor/tape.h"

struct engine {
    struct model *model; /* borrowed */
    struct tuned *tuned; /* borrowed */
    struct slab slab;
    struct tape tape;
    struct packer packer;
    struct gemm_half *half;       /* owned; NULL unless the parameters say bfloat16 */
    uint64_t seed;                /* of dropout */
    bool spare_frozen, recompute; /* as in struct tape; may be set while dry */
    size_t needed_bytes;          /* found by the dry runs so far */
    struct pool *pool;            /* borrowed; NULL: one thread */
    struct profile *profile;      /* borrowed; NULL, unless set after engine_init */
    /* Of a batch's target tokens, where the model answers in text; scratch [max_tok]. */
    float *nll;
    int *best;
};

enum { ENGINE_RECORDS_BYTES = 4 << 20 };

/* What is done with a batch. */
enum engine_task {
    ENGINE_EVALUATE, /* scores */
    ENGINE_TRAIN,    /* loss and gradients */
    ENGINE_GENERATE, /* scores and greedy decoding, if the model answers in text */
    ENGINE_FEATURES, /* what the classifier reads */
};

/* Dry until engine_allocate. max_tok (as feed_cost counts), max_seq: bounds on any one batch. */
void engine_init(struct engine *g, struct tuned *tuned, int max_tok, int max_seq, uint64_t seed,
                 struct arena *a);

/* From now on ops share their work among the pool's threads: the same bits. Comes before the dry
 * runs, since each thread needs scratch. */
void engine_share(struct engine *g, struct pool *pool);

/* Dry run of one batch (only offsets matter). */
void engine_measure(struct engine *g, const struct feed *f, const int *rows, int n,
                    enum engine_task task);

/* Takes the memory the dry runs called for. */
void engine_allocate(struct engine *g);
void engine_release(struct engine *g);

/* What the classifier reads of all rows of f, batch by batch, into out[n, width]. The model's
 * features are fixed (model_features_fixed). */
void engine_features(struct engine *g, const struct feed *f, const struct batches *order,
                     float *out);

/* One micro-batch, forward and backward: gradients of weight * sum of the
 * losses of its examples, or target tokens, are added to the gradient block. Returns that
 * weighted loss. What trains must have been rounded (params_round) since it changed. step numbers
 * micro-batches: dropout masks are a function of it. */
double engine_train(struct engine *g, const struct feed *f, const int *rows, int n, float weight,
                    uint32_t step);

/* Fills s with the scores of all rows of f, batch by batch. One pass of the encoder serves a
 * row's classes; greedy decoding, for which s must have room to happen, encodes again. */
void engine_evaluate(struct engine *g, const struct feed *f, const struct batches *order,
                     struct scores *s);

#endif
