/* A model trained by several threads has the bits of one trained by one. Sizes are such that every
 * op is cut, at places that are no multiple of anything, and a wide product too. */
#include "tests/models/rig.h"

#include "models/t5.h"
#include "models/tensor/gemm.h"
#include "models/tensor/optimizer.h"

#include <criterion/new/assert.h>

enum { N_SEQ = 37, N_STEPS = 3, MAX_THREADS = 4 };

static const char *const bert[][2] = {
    {"vocab_size", "3000"},       {"hidden_size", "192"},
    {"num_hidden_layers", "2"},   {"num_attention_heads", "3"},
    {"intermediate_size", "752"}, {"max_position_embeddings", "100"},
    {"initializer_range", "0.1"}, {NULL, NULL}};

static const char *const t5[][2] = {{"vocab_size", "3000"},
                                    {"d_model", "160"},
                                    {"d_kv", "32"},
                                    {"d_ff", "624"},
                                    {"num_layers", "2"},
                                    {"num_decoder_layers", "2"},
                                    {"num_heads", "5"},
                                    {"feed_forward_proj", "gated-gelu"},
                                    {NULL, NULL}};

/* What a training leaves. */
struct trained {
    double loss[N_STEPS], norm[N_STEPS];
    float *params, *grads; /* [n] at the end; of the last backward */
    size_t n;
};

static void train(struct trained *out, struct rig *r, const struct family *family, int n_threads)
{
    bool says_text = family == &t5_family;
    int lengths[N_SEQ], targets[N_SEQ];
    for (int i = 0; i < N_SEQ; i++) {
        lengths[i] = 1 + i * 29 % 83;
        targets[i] = 1 + i % 5;
    }
    rig_random_of(r, family, says_text ? t5 : bert, 0.1);
    rig_train(r, true);
    params_allocate(&r->m.params, true);
    params_init_missing(&r->m.params, 3);
    rig_batch(r, lengths, N_SEQ, 9);
    if (says_text)
        rig_targets(r, targets, NULL, 4);
    r->tape.pool = pool_new(n_threads);

    struct params *p = &r->m.params;
    *out = (struct trained){.n = p->n_train};
    out->params = arena_array(&r->a, out->n, sizeof *out->params);
    out->grads = arena_array(&r->a, out->n, sizeof *out->grads);
    const struct adamw adamw = {0.9f, 0.999f, 1e-8f, 0.01f};
    for (int i = 0; i < N_STEPS; i++) {
        struct tensor *loss = rig_loss(r, true, 1, (uint32_t)i);
        out->loss[i] = loss->data[0];
        tape_backward(&r->tape, loss, 1);
        out->norm[i] = grad_norm(&p->adam, r->tape.pool);
        memcpy(out->grads, p->adam.grad, out->n * sizeof *out->grads);
        adamw_step(&adamw, &p->adam, i + 1, 1e-3, clip_scale(out->norm[i], 1), r->tape.pool);
    }
    memcpy(out->params, p->adam.param, out->n * sizeof *out->params);
    pool_free(r->tape.pool);
}

static void check_family(const struct family *family)
{
    struct rig alone, rig;
    struct trained want, got;
    gemm_set_threads(1); /* the library's own, which the program pins */
    train(&want, &alone, family, 1);
    cr_assert(want.loss[0] > 0 && want.loss[N_STEPS - 1] != want.loss[0]);
    for (int n = 2; n <= MAX_THREADS; n++) {
        train(&got, &rig, family, n);
        for (int i = 0; i < N_STEPS; i++) {
            cr_expect_eq(got.loss[i], want.loss[i], "%d threads, step %d", n, i);
            cr_expect_eq(got.norm[i], want.norm[i], "%d threads, step %d", n, i);
        }
        cr_assert(got.n == want.n);
        cr_expect(memcmp(got.grads, want.grads, want.n * sizeof(float)) == 0, "%d threads", n);
        cr_expect(memcmp(got.params, want.params, want.n * sizeof(float)) == 0, "%d threads", n);
        rig_close(&rig);
    }
    rig_close(&alone);
}

Test(threads, a_bert_has_the_same_bits)
{
    check_family(&bert_family);
}

Test(threads, a_t5_has_the_same_bits)
{
    check_family(&t5_family);
}
