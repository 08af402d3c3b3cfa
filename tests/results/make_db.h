/*
 * make_db: made-up results for tests of the store, the tables and the figures.
 *
 * Everything follows from the description of a cell, so two calls give the same
 * bits. For tests only; a header, because each test is one program of one file.
 */
#ifndef FT_TESTS_RESULTS_MAKE_DB_H
#define FT_TESTS_RESULTS_MAKE_DB_H

#include "harness/base/arena.h"
#include "harness/base/hash.h"
#include "harness/base/rng.h"
#include "results/store.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

struct made_cell {
    const char *model, *method, *dataset;
    const char *method_options;                     /* NULL: none */
    const char *protocol, *protocol_options;        /* NULL: "sound" and its */
    const char *stand_in;                           /* NULL: real data */
    const char *message;                            /* with failed or skipped */
    enum result_status status;                      /* RESULT_ABSENT reads as done */
    int seed, n_test, n_classes, n_epochs, n_steps; /* 0: 3, 100, 3, 5, 20 */
    double accuracy;                                /* aimed at */
    bool says_text;                                 /* needs 3 classes */
    int64_t trainable_params, total_params;
    double tokens_per_second;
    int64_t peak_rss_bytes;
};

/* The words of class c and their tokens: 100 + 10 c + k. */
static const char *const made_answers[] = {"negative", "neutral", "positive"};
static const int made_lengths[] = {1, 1, 3};

/* A wrong row misses its first token; every tenth answer is not one of the words. */
static inline void made_said(struct arena *a, struct result_split *split)
{
    struct predictions *p = &split->rows;
    int *offsets = arena_array(a, (size_t)p->n + 1, sizeof *offsets);
    int *target = arena_array(a, (size_t)p->n * 3, sizeof *target);
    int *predicted = arena_array(a, (size_t)p->n * 3, sizeof *predicted);
    float *nll = arena_array(a, (size_t)p->n * 3, sizeof *nll);
    const char **text = arena_array(a, (size_t)p->n, sizeof *text);
    struct said *s = arena_alloc(a, sizeof *s);
    for (int i = 0; i < p->n; i++) {
        int n_tok = made_lengths[p->label[i]];
        offsets[i + 1] = offsets[i] + n_tok;
        for (int k = 0; k < n_tok; k++) {
            int at = offsets[i] + k;
            target[at] = 100 + 10 * p->label[i] + k;
            predicted[at] = k > 0 ? target[at] : 100 + 10 * p->predicted[i];
            nll[at] = predicted[at] == target[at] ? 0.125F : 2;
        }
        text[i] = i % 10 == 9 ? "none of them" : made_answers[p->predicted[i]];
    }
    *s = (struct said){made_lengths, offsets, target, predicted, nll, text, made_answers};
    p->said = s;
}

/* Rows of one split: labels depend on the data set alone, so that methods can be compared
 * row by row. */
static inline struct result_split made_split(struct arena *a, const struct made_cell *m,
                                             const char *name, int n, const char *cell_id)
{
    int n_classes = m->n_classes;
    int *label = arena_array(a, (size_t)n, sizeof *label);
    int *predicted = arena_array(a, (size_t)n, sizeof *predicted);
    float *logits = arena_array(a, (size_t)n * (size_t)n_classes, sizeof *logits);
    uint64_t *row_hash = arena_array(a, (size_t)n, sizeof *row_hash);
    struct rng rows = {.seed = rng_site_of(m->dataset), .stream = RNG_SPLIT};
    struct rng draws = {
        .seed = rng_site_of(cell_id), .stream = RNG_METHOD, .site = rng_site_of(name)};
    for (int i = 0; i < n; i++) {
        size_t k = (size_t)i * (size_t)n_classes;
        label[i] = rng_uniform(&rows, (uint64_t)i) < 0.4F
                       ? 0
                       : (int)rng_below(&rows, (uint64_t)(n + i), (uint32_t)n_classes);
        predicted[i] = label[i];
        if ((double)rng_uniform(&draws, (uint64_t)i) >= m->accuracy) {
            predicted[i] = (label[i] + 1) % n_classes;
        }
        for (int c = 0; c < n_classes; c++) {
            logits[k + (size_t)c] = rng_uniform(&draws, 1000000 + k + (uint64_t)c);
        }
        logits[k + (size_t)predicted[i]] += 1.5F;
        for (int c = 0; m->says_text && c < n_classes; c++) {
            logits[k + (size_t)c] -= 4; /* log-likelihoods */
        }
        row_hash[i] = (uint64_t)rng_u32(&rows, 5000000 + (uint64_t)i) << 8 | (name[0] & 1U);
    }
    struct result_split split = {.name = name,
                                 .rows = {.n = n,
                                          .n_classes = n_classes,
                                          .label = label,
                                          .predicted = predicted,
                                          .logits = logits},
                                 .row_hash = row_hash};
    if (m->says_text) {
        made_said(a, &split);
    }
    return split;
}

static inline void made_defaults(struct made_cell *m)
{
    m->seed = m->seed != 0 ? m->seed : 3;
    m->n_test = m->n_test != 0 ? m->n_test : 100;
    m->n_classes = m->n_classes != 0 ? m->n_classes : 3;
    m->n_epochs = m->n_epochs != 0 ? m->n_epochs : 5;
    m->n_steps = m->n_steps != 0 ? m->n_steps : 20;
    m->accuracy = m->accuracy > 0 ? m->accuracy : 0.8;
    m->trainable_params = m->trainable_params != 0 ? m->trainable_params : 1000;
    m->total_params = m->total_params != 0 ? m->total_params : 4400000;
    m->tokens_per_second = m->tokens_per_second > 0 ? m->tokens_per_second : 5000;
    m->peak_rss_bytes = m->peak_rss_bytes != 0 ? m->peak_rss_bytes : 200 << 20;
    m->status = m->status != RESULT_ABSENT ? m->status : RESULT_DONE;
    m->method_options = m->method_options != NULL ? m->method_options : "";
    m->protocol = m->protocol != NULL ? m->protocol : "sound";
    if (m->protocol_options == NULL) {
        m->protocol_options = "learning_rate=0.001\nmetric_unit=example\ntrain_batch_size=16\n";
    }
    m->message = m->message != NULL ? m->message : "";
}

static inline void made_run(struct arena *a, struct result *r, const struct made_cell *m)
{
    static const struct environment_fact environment[] = {
        {"cpu", "Example CPU"},      {"compiler", "cc 12.2"}, {"flags", "-O3"},
        {"blas", "OpenBLAS 0.3.21"}, {"kernel", "Linux 6.1"}, {"cores", "2"}};
    r->run = (struct result_run){.status = m->status,
                                 .message = m->message,
                                 .started = "2026-01-31T12:00:00Z",
                                 .blas_core = "Haswell",
                                 .determinism = "same bits on this machine",
                                 .commit = "0123456789abcdef0123456789abcdef01234567",
                                 .environment = environment,
                                 .n_environment = 6,
                                 .numerics_version = 1};
    if (m->status != RESULT_DONE) {
        return;
    }
    r->run.train_seconds = 20 + m->seed;
    r->run.seconds = r->run.train_seconds + 5;
    r->run.peak_rss_bytes = m->peak_rss_bytes;
    r->run.train_tokens = (int64_t)(m->tokens_per_second * r->run.train_seconds);
    r->run.train_examples = r->run.train_tokens / 40;
    r->run.best_epoch = m->n_epochs;
    r->run.n_updates = m->n_steps;
    r->run.leak_rate = 0;
    r->run.n_cut_targets = 0;
    r->run.n_train = 8 * m->n_test;
    r->run.n_validation = m->n_test;
    r->run.n_test = m->n_test;
    struct result_epoch *epochs = arena_array(a, (size_t)m->n_epochs, sizeof *epochs);
    for (int i = 0; i < m->n_epochs; i++) {
        double left = exp(-(i + 1.0) / 2);
        epochs[i] = (struct result_epoch){.train_loss = 0.3 + left + 0.01 * m->seed,
                                          .seconds = r->run.train_seconds / m->n_epochs};
        for (int k = 0; k < METRIC_COUNT; k++) {
            epochs[i].metric[k] = NAN;
        }
        epochs[i].metric[METRIC_LOSS] = 0.4 + left;
        epochs[i].metric[METRIC_ACCURACY] = m->accuracy * (1 - left / 2);
        epochs[i].metric[METRIC_F1_MACRO] = m->accuracy * (1 - left);
        if (m->says_text) {
            epochs[i].metric[METRIC_TOKEN_ACCURACY] = m->accuracy * (1 - left / 3);
        }
    }
    struct result_step *steps = arena_array(a, (size_t)m->n_steps, sizeof *steps);
    for (int i = 0; i < m->n_steps; i++) {
        steps[i] = (struct result_step){.epoch = 1 + i * m->n_epochs / m->n_steps,
                                        .loss = 1 / (1.0 + i),
                                        .learning_rate = 1e-3 / (1 + i),
                                        .grad_norm = 0.1 * i,
                                        .tokens = 1000 + i};
    }
    r->epochs = epochs;
    r->n_epochs = m->n_epochs;
    r->steps = steps;
    r->n_steps = m->n_steps;
}

/* The whole result of a made-up cell, owned by a. */
static inline struct result made_result(struct arena *a, struct made_cell m)
{
    made_defaults(&m);
    struct result r = {0};
    char *canonical =
        arena_printf(a, "model=%s\nmethod=%s\n%sdataset=%s\nseed=%d\nprotocol=%s\n%s", m.model,
                     m.method, m.method_options, m.dataset, m.seed, m.protocol, m.protocol_options);
    char *cell_id = arena_alloc(a, HASH_HEX_SIZE), *data_hash = arena_alloc(a, HASH_HEX_SIZE);
    hash_bytes(cell_id, canonical, strlen(canonical));
    hash_bytes(data_hash, m.dataset, strlen(m.dataset));
    static const char classes[] = "negative\nneutral\npositive";
    r.cell = (struct result_cell){.cell_id = cell_id,
                                  .canonical = canonical,
                                  .model = m.model,
                                  .method = m.method,
                                  .method_options = m.method_options,
                                  .dataset = m.dataset,
                                  .protocol = m.protocol,
                                  .protocol_options = m.protocol_options,
                                  .precision = "float32",
                                  .spec_path = "specs/made.yaml",
                                  .spec_hash = "5e",
                                  .seed = (uint64_t)m.seed,
                                  .trainable_params = m.trainable_params,
                                  .total_params = m.total_params};
    r.dataset = (struct result_dataset){.data_hash = data_hash,
                                        .stand_in = m.stand_in,
                                        .classes = classes,
                                        .audit = "",
                                        .n_examples = 10 * m.n_test};
    made_run(a, &r, &m);
    if (m.status == RESULT_DONE) {
        struct result_split *splits = arena_array(a, 2, sizeof *splits);
        splits[0] = made_split(a, &m, "validation", m.n_test, cell_id);
        splits[1] = made_split(a, &m, "test", m.n_test, cell_id);
        r.splits = splits;
        r.n_splits = 2;
    }
    return r;
}

#endif
