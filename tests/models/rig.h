/*
 * rig: a model, a tape and a batch, as the tests of models/ need them.
 *
 * Paths are relative to the project's folder, where tests run. A rig dies with
 * the message when something it takes for granted fails.
 */
#ifndef FT_TESTS_MODELS_RIG_H
#define FT_TESTS_MODELS_RIG_H

#include "harness/base/rng.h"
#include "models/bert.h"
#include "models/checkpoint.h"
#include "models/safetensors.h"
#include "models/tensor/vmath.h"

#include <criterion/criterion.h>
#include <math.h>

#define OK(call) rig_ok((call), &r->e, #call)

struct rig {
    struct arena a;
    struct model m;
    struct slab slab;
    struct tape tape;
    struct batch batch;
    struct err e;
};

static inline void rig_ok(int rc, const struct err *e, const char *call)
{
    cr_assert(rc == 0, "%s: %s", call, e->text);
}

static inline void rig_memory(struct rig *r)
{
    slab_init(&r->slab, (size_t)1 << 30); /* pages come when touched */
    tape_init(&r->tape, &r->slab, (size_t)1 << 20);
}

/* Every dropout of the configuration that the base model has. */
static inline void rig_dropout(struct rig *r, struct options *config, const char *p)
{
    static const char *const names[] = {"hidden_dropout_prob", "attention_probs_dropout_prob",
                                        "classifier_dropout", "dropout_rate"};
    for (int i = 0; i < config->n; i++)
        for (size_t k = 0; k < sizeof names / sizeof names[0]; k++)
            if (strcmp(config->table[i].name, names[k]) == 0)
                OK(option_set(config, names[k], p, &r->e));
}

/* Declared from DIR/config.json, dropout off; nothing trains yet, no memory yet. */
static inline void rig_declare(struct rig *r, const char *dir, int n_labels)
{
    const struct family *family;
    struct options config;
    *r = (struct rig){0};
    const char *path = arena_printf(&r->a, "%s/config.json", dir);
    OK(checkpoint_config(&family, &config, path, &r->a, &r->e));
    rig_dropout(r, &config, "0");
    OK(model_declare(&r->m, family, &config, n_labels, &r->a, &r->e));
    rig_memory(r);
}

static inline void rig_train(struct rig *r, bool trainable)
{
    for (int i = 0; i < r->m.params.n; i++)
        r->m.params.items[i]->trainable = trainable;
}

/* Declared, allocated, loaded. */
static inline void rig_open(struct rig *r, const char *dir, int n_labels, bool trainable)
{
    rig_declare(r, dir, n_labels);
    rig_train(r, trainable);
    params_allocate(&r->m.params, true);
    OK(checkpoint_load(&r->m, dir, &r->e));
    params_init_missing(&r->m.params, 1);
}

/* A small model of random weights, nothing trains. Dropout probabilities p. */
static inline void rig_random_of(struct rig *r, const struct family *family,
                                 const char *const (*keys)[2], double p)
{
    struct options config;
    *r = (struct rig){0};
    options_init(&config, family->config, &r->a);
    for (; (*keys)[0]; keys++)
        OK(option_set(&config, (*keys)[0], (*keys)[1], &r->e));
    rig_dropout(r, &config, arena_printf(&r->a, "%.6f", p));
    OK(model_declare(&r->m, family, &config, 3, &r->a, &r->e));
    rig_memory(r);
}

static inline void rig_random(struct rig *r, const char *const (*keys)[2], double p)
{
    rig_random_of(r, &bert_family, keys, p);
}

static inline void rig_close(struct rig *r)
{
    tape_release(&r->tape);
    slab_release(&r->slab);
    model_release(&r->m);
    arena_release(&r->a);
}

/* A batch of random ids in [4, vocab) with these lengths. */
static inline void rig_batch(struct rig *r, const int *lengths, int n_seq, uint64_t seed)
{
    int *offsets = arena_array(&r->a, (size_t)n_seq + 1, sizeof *offsets);
    for (int s = 0; s < n_seq; s++)
        offsets[s + 1] = offsets[s] + lengths[s];
    int n_tok = offsets[n_seq];
    int *ids = arena_array(&r->a, (size_t)n_tok, sizeof *ids);
    int *labels = arena_array(&r->a, (size_t)n_seq, sizeof *labels);
    int vocab = (int)option_int(&r->m.config, "vocab_size");
    struct rng g = {.seed = seed};
    for (int i = 0; i < n_tok; i++)
        ids[i] = 4 + (int)rng_below(&g, (uint64_t)i, (uint32_t)vocab - 4);
    for (int s = 0; s < n_seq && r->m.n_labels > 0; s++)
        labels[s] = (int)rng_below(&g, 1000000 + (uint64_t)s, (uint32_t)r->m.n_labels);
    r->batch = (struct batch){
        .n_seq = n_seq, .n_tok = n_tok, .offsets = offsets, .input_ids = ids, .labels = labels};
}

/* Random targets of these lengths on top, the c-th of counts[n_seq] for sequence c (NULL: one
 * each). */
static inline void rig_targets(struct rig *r, const int *lengths, const int *counts, uint64_t seed)
{
    struct batch *b = &r->batch;
    int *starts = arena_array(&r->a, (size_t)b->n_seq + 1, sizeof *starts);
    for (int s = 0; s < b->n_seq; s++)
        starts[s + 1] = starts[s] + (counts ? counts[s] : 1);
    b->n_target = starts[b->n_seq];
    int *offsets = arena_array(&r->a, (size_t)b->n_target + 1, sizeof *offsets);
    for (int t = 0; t < b->n_target; t++)
        offsets[t + 1] = offsets[t] + lengths[t];
    b->n_target_tok = offsets[b->n_target];
    int *ids = arena_array(&r->a, (size_t)b->n_target_tok, sizeof *ids);
    int vocab = (int)option_int(&r->m.config, "vocab_size");
    struct rng g = {.seed = seed};
    for (int i = 0; i < b->n_target_tok; i++)
        ids[i] = 4 + (int)rng_below(&g, (uint64_t)i, (uint32_t)vocab - 4);
    b->target_starts = starts;
    b->target_offsets = offsets;
    b->target_ids = ids;
}

/* Every third token, and the first of each sequence, is to be told. */
static inline void rig_masked(struct rig *r, uint64_t seed)
{
    struct batch *b = &r->batch;
    int *rows = arena_array(&r->a, (size_t)b->n_tok, sizeof *rows);
    int *ids = arena_array(&r->a, (size_t)b->n_tok, sizeof *ids);
    int vocab = (int)option_int(&r->m.config, "vocab_size");
    struct rng g = {.seed = seed};
    for (int s = 0; s < b->n_seq; s++)
        for (int i = b->offsets[s]; i < b->offsets[s + 1]; i += 3) {
            ids[b->n_masked] = 4 + (int)rng_below(&g, (uint64_t)i, (uint32_t)vocab - 4);
            rows[b->n_masked++] = i;
        }
    b->masked_rows = rows;
    b->masked_ids = ids;
}

/* Mean cross-entropy of the batch, over its target tokens or masked rows where it has such; the
 * tape is fresh before. */
static inline struct tensor *rig_loss(struct rig *r, bool training, uint64_t seed, uint32_t step)
{
    tape_begin(&r->tape, training, seed, step);
    const struct batch *b = &r->batch;
    struct tensor *logits = b->n_masked ? model_masked(&r->m, &r->tape, b, NULL)
                                        : model_logits(&r->m, &r->tape, b, NULL);
    const int *labels = b->n_masked              ? b->masked_ids
                        : model_says_text(&r->m) ? b->target_ids
                                                 : b->labels;
    return op_cross_entropy(&r->tape, logits, labels, 1.0f / (float)logits->rows);
}

/* Along a random direction of each tensor, and with dropout on (its masks are
 * functions of the step, so the loss is a smooth function of the weights):
 * (loss(w + h d) - loss(w - h d)) / 2h is the inner product of gradient and d. */
static inline void expect_derivatives(struct rig *r)
{
    struct params *all = &r->m.params;
    tape_backward(&r->tape, rig_loss(r, true, 7, 5), 1);
    for (int i = 0; i < all->n; i++) {
        struct param *p = all->items[i];
        size_t n = param_size(p);
        float *was = arena_array(&r->a, n, sizeof *was), *d = arena_array(&r->a, n, sizeof *d);
        memcpy(was, p->t.data, n * sizeof *was);
        struct rng g = {.seed = 11, .site = (uint32_t)i};
        double expected = 0, length = 0;
        for (size_t k = 0; k < n; k++) {
            d[k] = rng_normal(&g, k);
            length += (double)d[k] * d[k];
        }
        double norm = sqrt(length), slope_norm = sqrt(vec_sum_squares(p->t.grad, n));
        for (size_t k = 0; k < n; k++) {
            /* Half along the gradient, so that the slope is not lost in noise. */
            d[k] = (float)(d[k] / norm + p->t.grad[k] / fmax(slope_norm, 1e-12));
            expected += (double)d[k] * p->t.grad[k];
        }
        const double h = 4e-3;
        double side[2];
        for (int s = 0; s < 2; s++) {
            for (size_t k = 0; k < n; k++)
                p->t.data[k] = was[k] + (float)((s ? h : -h) * d[k]);
            side[s] = rig_loss(r, true, 7, 5)->data[0];
        }
        memcpy(p->t.data, was, n * sizeof *was);
        double measured = (side[1] - side[0]) / (2 * h);
        /* float32 loss: 1e-7 / h = 3e-5 of noise; h^2 of curvature. */
        cr_expect(fabs(measured - expected) < 2e-4 + 5e-3 * fabs(expected), "%s: %g not %g",
                  p->name, measured, expected);
    }
}

static inline double largest_difference(const float *a, const float *b, size_t n)
{
    double worst = 0;
    for (size_t i = 0; i < n; i++)
        worst = fmax(worst, isfinite(a[i]) ? fabs((double)a[i] - b[i]) : INFINITY);
    return worst;
}

/* |a - b| / |b|, Euclidean. */
static inline double relative_difference(const float *a, const float *b, size_t n)
{
    double d = 0, norm = 0;
    for (size_t i = 0; i < n; i++) {
        d += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
        norm += (double)b[i] * b[i];
    }
    return sqrt(d) / fmax(sqrt(norm), 1e-30);
}

/* --- golden.safetensors: ids and labels as F32 ------------------------------------ */

static inline void open_golden(struct safetensors *g, struct rig *r, const char *dir)
{
    OK(safetensors_open(g, arena_printf(&r->a, "%s/golden.safetensors", dir), &r->a, &r->e));
}

static inline const float *values(struct rig *r, const struct safetensors *g, const char *name,
                                  size_t n)
{
    const struct safetensor *t = safetensors_find(g, name);
    cr_assert(t && t->n_values == n, "%s", name);
    float *out = arena_array(&r->a, n, sizeof *out);
    OK(safetensor_to_f32(out, t, &r->e));
    return out;
}

static inline const int *integers(struct rig *r, const struct safetensors *g, const char *name,
                                  int *n)
{
    const struct safetensor *t = safetensors_find(g, name);
    cr_assert(t, "%s", name);
    *n = (int)t->n_values;
    const float *from = values(r, g, name, t->n_values);
    int *out = arena_array(&r->a, t->n_values, sizeof *out);
    for (int i = 0; i < *n; i++)
        out[i] = (int)from[i];
    return out;
}

static inline void golden_batch(struct rig *r, const struct safetensors *g)
{
    int n, n_seq;
    const int *lengths = integers(r, g, "lengths", &n_seq);
    int *offsets = arena_array(&r->a, (size_t)n_seq + 1, sizeof *offsets);
    for (int s = 0; s < n_seq; s++)
        offsets[s + 1] = offsets[s] + lengths[s];
    const int *types =
        safetensors_find(g, "token_type_ids") ? integers(r, g, "token_type_ids", &n) : NULL;
    r->batch = (struct batch){.n_seq = n_seq,
                              .n_tok = offsets[n_seq],
                              .offsets = offsets,
                              .input_ids = integers(r, g, "input_ids", &n),
                              .token_type_ids = types,
                              .labels = integers(r, g, "labels", &n)};
}

/* The golden batch's targets: lengths and ids by these names, counts NULL: one each. */
static inline void golden_targets(struct rig *r, const struct safetensors *g, const char *ids,
                                  const char *lengths, const char *counts)
{
    int n;
    const int *of_each = counts ? integers(r, g, counts, &n) : NULL;
    const int *n_ids = integers(r, g, lengths, &n);
    rig_targets(r, n_ids, of_each, 0);
    r->batch.target_ids = integers(r, g, ids, &n);
    cr_assert(n == r->batch.n_target_tok);
}

#endif
