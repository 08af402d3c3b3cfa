/*
 * rig: a tiny model with a method, made-up rows and all that trains it, for tests of the
 * running half of the harness. Rows are drawn, not read: no files are needed.
 */
#ifndef FT_TESTS_HARNESS_RIG_H
#define FT_TESTS_HARNESS_RIG_H

#include "harness/base/rng.h"
#include "harness/train.h"
#include "tests/methods/fixture.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <unistd.h>

enum { RIG_VOCAB = 40, RIG_CLASSES = 3, RIG_LENGTH = 12 };

/* What a rig is to train. */
struct rig_plan {
    const char *method;
    const char *dropout; /* "0", "0.1" */
    int n_train, n_epochs, batch_size, micro_tokens;
    double learning_rate;
    enum metric metric;
    bool keep_last; /* not the best epoch's parameters */
    bool text;      /* an encoder-decoder that says the classes' words; else an encoder */
    bool recompute, spare_frozen; /* as the engine's */
    bool noisy;                   /* labels of validation have nothing to do with its rows */
};

static const struct rig_plan rig_small = {.method = "full",
                                          .dropout = "0.1",
                                          .n_train = 22,
                                          .n_epochs = 3,
                                          .batch_size = 8,
                                          .micro_tokens = 40,
                                          .learning_rate = 0.01};

/* Words of the classes, two of which begin alike; 1 is the end-of-sequence token. */
static int rig_target_ids[] = {5, 1, 6, 7, 1, 6, 8, 9, 1}, rig_target_offsets[] = {0, 2, 5, 9};
static const char *const rig_words[RIG_CLASSES] = {"five", "six seven", "six eight nine"};
static const struct targets rig_targets = {.n_classes = RIG_CLASSES,
                                           .texts = rig_words,
                                           .ids = rig_target_ids,
                                           .offsets = rig_target_offsets,
                                           .longest = 4,
                                           .eos = true};

struct trainer {
    struct rig rig; /* tests/methods/fixture.h: arena, model, tuned; its tape is not used */
    struct feed train, validation;
    struct batches order; /* of validation */
    struct steps steps;
    struct engine engine;
    struct scores scores; /* of validation */
    struct train_hooks hooks;
    struct train_state state;
    struct training t;
};

/* n rows of 3 to RIG_LENGTH tokens. The class decides which third of the vocabulary a
 * row's words come from, unless labels are noise. */
static inline struct feed rig_feed(int n, bool noisy, uint64_t seed, struct arena *a)
{
    struct rng r = {.seed = seed, .stream = RNG_FEW_SHOT};
    struct feed f = {.n = n, .n_classes = RIG_CLASSES};
    uint64_t at = 0;
    f.labels = arena_array(a, (size_t)n, sizeof(int));
    f.length_tok = arena_array(a, (size_t)n, sizeof(int));
    f.hashes = arena_array(a, (size_t)n, sizeof *f.hashes);
    f.tokens.ids = arena_array(a, (size_t)n * RIG_LENGTH, sizeof(int));
    f.tokens.offsets = arena_array(a, (size_t)n + 1, sizeof(int));
    f.tokens.n = n;
    for (int i = 0; i < n; i++) {
        int class = (int)rng_below(&r, at++, RIG_CLASSES);
        int length = 3 + (int)rng_below(&r, at++, RIG_LENGTH - 2);
        f.labels[i] = noisy ? (int)rng_below(&r, at++, RIG_CLASSES) : class;
        f.hashes[i] = at;
        f.length_tok[i] = length;
        f.tokens.offsets[i + 1] = f.tokens.offsets[i] + length;
        for (int k = 0; k < length; k++)
            f.tokens.ids[f.tokens.offsets[i] + k] = 4 + class * 12 + (int)rng_below(&r, at++, 12);
    }
    return f;
}

/* A small encoder-decoder with odd sizes. */
static inline void declare_small_text(struct rig *r, const char *dropout)
{
    static const char *const small[] = {"vocab_size=40",
                                        "d_model=12",
                                        "d_kv=5",
                                        "d_ff=20",
                                        "num_layers=2",
                                        "num_heads=3",
                                        "relative_attention_num_buckets=8",
                                        "relative_attention_max_distance=16",
                                        "feed_forward_proj=gated-gelu",
                                        "tie_word_embeddings=false",
                                        NULL};
    struct options config;
    struct err e = {0};
    const struct family *family = family_find("t5");
    options_init(&config, family->config, &r->arena);
    must(set_options(&config, small, &e), &e);
    must(option_set(&config, "dropout_rate", dropout, &e), &e);
    must(model_declare(&r->model, family, &config, RIG_CLASSES, &r->arena, &e), &e);
}

static inline void rig_measure_all(struct trainer *x)
{
    const struct steps *s = &x->steps;
    for (long i = 0; i < s->n_micro; i++)
        engine_measure(&x->engine, &x->train, s->rows + s->micro_start[i],
                       s->micro_start[i + 1] - s->micro_start[i], ENGINE_TRAIN);
    for (int i = 0; i < x->order.n; i++)
        engine_measure(&x->engine, &x->validation, x->order.rows + x->order.start[i],
                       x->order.start[i + 1] - x->order.start[i], ENGINE_GENERATE);
}

/* Whether the method takes the plan's model. */
static inline bool rig_fits(const struct rig_plan *p)
{
    struct rig r = {0};
    struct err e = {0};
    (p->text ? declare_small_text : declare_small)(&r, p->dropout);
    bool fits = attach(&r, p->method, NULL, &e) == 0;
    rig_release(&r);
    return fits;
}

/* Everything up to, but without, the first update. The same plan gives the same bits. */
static inline void trainer_open(struct trainer *x, const struct rig_plan *p)
{
    struct err e = {0};
    *x = (struct trainer){0};
    struct arena *a = &x->rig.arena;
    (p->text ? declare_small_text : declare_small)(&x->rig, p->dropout);
    must(attach(&x->rig, p->method, NULL, &e), &e);
    params_allocate(&x->rig.model.params, true);
    params_init_missing(&x->rig.model.params, 1);
    x->train = rig_feed(p->n_train, false, 11, a);
    x->validation = rig_feed(10, p->noisy, 12, a);
    x->train.targets = x->validation.targets = p->text ? &rig_targets : NULL;
    x->order = order_evaluation(x->validation.n, feed_costs(&x->validation, PACK_CANDIDATES, a),
                                p->micro_tokens, a);
    x->steps = steps_lay(&x->train, p->n_epochs, p->batch_size, p->micro_tokens, 3, a);
    train_state_init(&x->state, &x->steps, x->rig.model.params.n_train, !p->keep_last, a);
    int longest = RIG_LENGTH + rig_target_offsets[RIG_CLASSES];
    int bound = p->micro_tokens > longest ? p->micro_tokens : longest;
    engine_init(&x->engine, &x->rig.tuned, bound, bound, 3, a);
    x->engine.recompute = p->recompute;
    x->engine.spare_frozen = p->spare_frozen;
    rig_measure_all(x);
    engine_allocate(&x->engine);
    scores_init(&x->scores, &x->validation, true, a);
    x->t = (struct training){.engine = &x->engine,
                             .train = &x->train,
                             .validation = &x->validation,
                             .validation_order = &x->order,
                             .steps = &x->steps,
                             .options = {.update = {.adamw = {0.9f, 0.999f, 1e-8f, 0.01f},
                                                    .lr_scheduler_type = SCHEDULE_LINEAR,
                                                    .learning_rate = p->learning_rate,
                                                    .warmup_ratio = 0.1,
                                                    .max_grad_norm = 1},
                                         .metric_for_best_model = p->metric},
                             .hooks = &x->hooks,
                             .scores = &x->scores};
}

static inline void trainer_close(struct trainer *x)
{
    engine_release(&x->engine);
    rig_release(&x->rig);
}

/* Gradients of update number step, in the gradient block; its mean loss. */
static inline double rig_gradients(struct trainer *x, long step)
{
    const struct steps *s = &x->steps;
    double loss = 0;
    for (long i = s->step_micro[step]; i < s->step_micro[step + 1]; i++)
        loss += engine_train(&x->engine, &x->train, s->rows + s->micro_start[i],
                             s->micro_start[i + 1] - s->micro_start[i],
                             1.0f / (float)steps_losses(s, &x->train, step), (uint32_t)i);
    return loss;
}

static inline bool says(const struct err *e, const char *text)
{
    return strstr(e->text, text) != NULL;
}

/* A folder of this test's own under /tmp; NAME inside it, in the arena. */
static inline const char *rig_folder(struct arena *a)
{
    char *path = arena_strdup(a, "/tmp/ftbench_test_XXXXXX");
    cr_assert(mkdtemp(path) != NULL);
    return path;
}

#endif
