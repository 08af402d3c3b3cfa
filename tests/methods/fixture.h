/*
 * fixture: a model, a method on it, and the memory to run them, for the tests of
 * methods/ and for bench_roundtrip.c.
 */
#ifndef FT_TESTS_METHODS_FIXTURE_H
#define FT_TESTS_METHODS_FIXTURE_H

#include "harness/base/file.h"
#include "harness/base/json.h"
#include "methods/peft.h"
#include "models/checkpoint.h"
#include "tests/models/lists.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RECORD_BYTES = 4 << 20 };

struct rig {
    struct arena arena;
    struct model model;
    struct tuned tuned;
    struct slab slab;
    struct tape tape;
};

/* For what must not go wrong in a test. */
static inline void must(int rc, const struct err *e)
{
    if (rc != 0)
        fprintf(stderr, "%s\n", e->text);
    assert(rc == 0);
}

/* settings: "name=value" ... NULL. */
static inline int set_options(struct options *o, const char *const *settings, struct err *e)
{
    for (int i = 0; settings && settings[i]; i++) {
        char name[64] = {0};
        const char *equals = strchr(settings[i], '=');
        assert(equals && (size_t)(equals - settings[i]) < sizeof name);
        memcpy(name, settings[i], (size_t)(equals - settings[i]));
        if (option_set(o, name, equals + 1, e) != 0)
            return -1;
    }
    return 0;
}

/* A small encoder with odd sizes. */
static inline void declare_small(struct rig *r, const char *dropout)
{
    static const char *const small[] = {"vocab_size=40",          "hidden_size=12",
                                        "num_hidden_layers=2",    "num_attention_heads=3",
                                        "intermediate_size=20",   "max_position_embeddings=48",
                                        "initializer_range=0.25", NULL};
    struct options config;
    struct err e = {0};
    const struct family *family = family_find("bert");
    options_init(&config, family->config, &r->arena);
    must(set_options(&config, small, &e), &e);
    must(option_set(&config, "hidden_dropout_prob", dropout, &e), &e);
    must(option_set(&config, "attention_probs_dropout_prob", dropout, &e), &e);
    must(model_declare(&r->model, family, &config, 3, &r->arena, &e), &e);
}

/* Encoder-decoders with odd sizes: heads * d_kv is not d_model. tied: one decoder layer and
 * the embedding for an output layer; else two and one of its own. Gated, for the kinks of
 * T5 1.0's ReLU spoil finite differences; test_golden.c has both. */
static inline void declare_small_t5(struct rig *r, bool tied, const char *dropout)
{
    static const char *const sizes[] = {"vocab_size=40",
                                        "d_model=12",
                                        "d_kv=5",
                                        "d_ff=20",
                                        "feed_forward_proj=gated-gelu",
                                        "num_layers=2",
                                        "num_heads=3",
                                        "relative_attention_num_buckets=8",
                                        "relative_attention_max_distance=12",
                                        NULL};
    struct options config;
    struct err e = {0};
    const struct family *family = family_find("t5");
    options_init(&config, family->config, &r->arena);
    must(set_options(&config, sizes, &e), &e);
    must(option_set(&config, "dropout_rate", dropout, &e), &e);
    must(option_set(&config, "num_decoder_layers", tied ? "1" : "2", &e), &e);
    must(option_set(&config, "tie_word_embeddings", tied ? "true" : "false", &e), &e);
    must(model_declare(&r->model, family, &config, 3, &r->arena, &e), &e);
}

static inline int attach(struct rig *r, const char *method, const char *const *settings,
                         struct err *e)
{
    struct options o;
    const struct method *m = method_find(method);
    assert(m);
    options_init(&o, m->options, &r->arena);
    if (set_options(&o, settings, e) != 0)
        return -1;
    return method_attach(&r->tuned, m, &o, &r->model, &r->arena, e);
}

static inline void rig_release(struct rig *r)
{
    tape_release(&r->tape);
    slab_release(&r->slab);
    model_release(&r->model);
    arena_release(&r->arena);
}

/* Mean loss [1, 1] of the labels, or of every token of the targets, and the logits it
 * came from. */
static inline struct tensor *rig_loss(struct rig *r, const struct batch *b, bool training,
                                      uint32_t step, struct tensor **logits)
{
    tape_begin(&r->tape, training, 5, step);
    *logits = model_logits(&r->model, &r->tape, b, &r->tuned.hooks);
    bool text = model_says_text(&r->model);
    return op_cross_entropy(&r->tape, *logits, text ? b->target_ids : b->labels,
                            1 / (float)(text ? b->n_target_tok : b->n_seq));
}

/* Takes the memory that a step on b needs, told by a dry run of it. */
static inline void rig_measure(struct rig *r, const struct batch *b)
{
    struct slab dry;
    struct tensor *logits;
    slab_init_dry(&dry);
    tape_init(&r->tape, &dry, RECORD_BYTES);
    struct tensor *loss = rig_loss(r, b, true, 0, &logits);
    tape_backward(&r->tape, loss, 1);
    size_t need = dry.peak_bytes;
    tape_release(&r->tape);
    slab_release(&dry);
    slab_init(&r->slab, need);
    tape_init(&r->tape, &r->slab, RECORD_BYTES);
}

/* Adds the gradients of b's loss to the zeroed gradient block. */
static inline float rig_backward(struct rig *r, const struct batch *b, bool training, uint32_t step)
{
    struct tensor *logits;
    struct params *p = &r->model.params;
    memset(p->adam.grad, 0, p->n_train * sizeof(float));
    struct tensor *loss = rig_loss(r, b, training, step, &logits);
    float value = loss->data[0];
    tape_backward(&r->tape, loss, 1);
    return value;
}

/* One AdamW step, counted from 1. Returns the loss before it. */
static inline float rig_step(struct rig *r, const struct batch *b, long step, double rate,
                             float decay)
{
    const struct adamw adam = {0.9f, 0.999f, 1e-8f, decay};
    float loss = rig_backward(r, b, true, (uint32_t)step);
    adamw_step(&adam, &r->model.params.adam, step, rate, 1, NULL);
    return loss;
}

/* Logits without dropout, into out[room]. Returns their number a row: of a sequence, or of
 * a target's token. */
static inline int rig_logits(struct rig *r, const struct batch *b, float *out, size_t room)
{
    tape_begin(&r->tape, false, 5, 0);
    struct tensor *logits = model_logits(&r->model, &r->tape, b, &r->tuned.hooks);
    size_t n = (size_t)logits->rows * (size_t)logits->cols;
    assert(n <= room);
    memcpy(out, logits->data, n * sizeof *out);
    return logits->cols;
}

/* A batch from {"input_ids"} with {"token_type_ids", "labels"} or {"targets"}, one of each
 * sequence; owned by a. */
static inline struct batch read_batch(const char *path, struct arena *a)
{
    struct err e = {0};
    json_t *file = json_read(path, &e);
    must(file ? 0 : -1, &e);
    const json_t *targets = json_object_get(file, "targets");
    int n = (int)json_array_size(json_object_get(file, "input_ids"));
    int *offsets = arena_array(a, (size_t)n + 1, sizeof(int));
    int *target_offsets = arena_array(a, (size_t)n + 1, sizeof(int));
    int *labels = arena_array(a, (size_t)n + 1, sizeof(int));
    struct batch b = {.n_seq = n, .offsets = offsets};
    b.input_ids = read_lists(json_object_get(file, "input_ids"), offsets, a);
    b.n_tok = offsets[n];
    if (targets) {
        for (int s = 0; s <= n; s++)
            labels[s] = s;
        b.n_target = n;
        b.target_starts = labels;
        b.target_ids = read_lists(targets, target_offsets, a);
        b.target_offsets = target_offsets;
        b.n_target_tok = target_offsets[n];
    } else {
        b.token_type_ids = read_lists(json_object_get(file, "token_type_ids"), target_offsets, a);
        for (int s = 0; s < n; s++)
            labels[s] =
                (int)json_integer_value(json_array_get(json_object_get(file, "labels"), (size_t)s));
        b.labels = labels;
    }
    json_decref(file);
    return b;
}

/* The model of a Hugging Face folder, nothing attached yet. */
static inline void declare_folder(struct rig *r, const char *dir, int n_labels)
{
    struct err e = {0};
    struct str path = {0};
    const struct family *family;
    struct options config;
    must(checkpoint_config(&family, &config, file_join(&path, dir, "config.json"), &r->arena, &e),
         &e);
    must(model_declare(&r->model, family, &config, n_labels, &r->arena, &e), &e);
    str_release(&path);
}

/* Attaches the adapter in dir and loads base and adapter. */
static inline void open_adapter(struct rig *r, const char *base, const char *dir, int n_labels)
{
    struct err e = {0};
    const struct method *method;
    struct options o;
    declare_folder(r, base, n_labels);
    must(peft_config(&method, &o, &r->model, dir, &r->arena, &e), &e);
    must(method_attach(&r->tuned, method, &o, &r->model, &r->arena, &e), &e);
    params_allocate(&r->model.params, true);
    must(checkpoint_load(&r->model, base, &e), &e);
    must(peft_read(&r->tuned, dir, &e), &e);
    params_init_missing(&r->model.params, 1);
}

#endif
