/* Masked language models against Hugging Face transformers: tests/golden/masked_lm/make.py; and
 * language models that learn. */
#include "tests/models/rig.h"

#include "models/tensor/gemm.h"
#include "models/tensor/optimizer.h"

#include <string.h>

static const char *const cases[] = {"tests/golden/masked_lm/gelu", "tests/golden/masked_lm/relu"};
enum { N_CASES = sizeof cases / sizeof cases[0] };

/* As in test_bert.c: float32 in another order. */
#define CLOSE 1e-5

static void open_case(struct rig *r, struct safetensors *g, const char *dir)
{
    int n;
    rig_open(r, dir, 0, true);
    open_golden(g, r, dir);
    const int *lengths = integers(r, g, "lengths", &n);
    rig_batch(r, lengths, n, 1);
    r->batch.input_ids = integers(r, g, "input_ids", &n);
    cr_assert(n == r->batch.n_tok);
    r->batch.masked_ids = integers(r, g, "masked_ids", &n);
    r->batch.masked_rows = integers(r, g, "masked_rows", &r->batch.n_masked);
    cr_assert(n == r->batch.n_masked && n > r->batch.n_seq);
}

static void close_case(struct rig *r, struct safetensors *g)
{
    safetensors_close(g);
    rig_close(r);
}

Test(masked_lm, logits_loss_and_gradients_are_those_of_transformers)
{
    for (int c = 0; c < N_CASES; c++) {
        struct rig rig, *r = &rig;
        struct safetensors g;
        open_case(r, &g, cases[c]);
        tape_begin(&r->tape, false, 0, 0);
        struct tensor *logits = model_masked(&r->m, &r->tape, &r->batch, NULL);
        cr_assert(logits->rows == r->batch.n_masked &&
                  logits->cols == option_int(&r->m.config, "vocab_size"));
        size_t n = (size_t)logits->rows * (size_t)logits->cols;
        double worst = largest_difference(logits->data, values(r, &g, "logits", n), n);
        cr_expect(worst < CLOSE, "%s logits: %g", cases[c], worst);

        struct tensor *loss = rig_loss(r, true, 0, 0);
        cr_expect_float_eq(loss->data[0], values(r, &g, "loss", 1)[0], 1e-5);
        tape_backward(&r->tape, loss, 1);
        for (int i = 0; i < r->m.params.n; i++) {
            const struct param *p = r->m.params.items[i];
            n = param_size(p);
            const float *want = values(r, &g, arena_printf(&r->a, "grad/%s", p->name), n);
            if (strstr(p->name, "self.key.bias")) { /* zero but for rounding */
                cr_expect(largest_difference(p->t.grad, want, n) < 1e-6, "%s", p->name);
                continue;
            }
            double d = relative_difference(p->t.grad, want, n);
            cr_expect(d < 2e-5, "%s %s: %g", cases[c], p->name, d);
        }
        close_case(r, &g);
    }
}

/* AdamW 1e-3, linear with 2 steps of warm-up, decay 0.01, clip 1: as make.py. */
Test(masked_lm, ten_steps_of_adamw_go_the_way_of_torch)
{
    enum { STEPS = 10, WARMUP = 2 };
    const struct adamw adamw = {0.9f, 0.999f, 1e-8f, 0.01f};
    for (int c = 0; c < N_CASES; c++) {
        struct rig rig, *r = &rig;
        struct safetensors g;
        open_case(r, &g, cases[c]);
        const float *losses = values(r, &g, "step_losses", STEPS);
        const float *norms = values(r, &g, "step_norms", STEPS);
        struct params *p = &r->m.params;
        for (int step = 0; step < STEPS; step++) {
            struct tensor *loss = rig_loss(r, true, 0, 0);
            /* Adam divides by gradients near zero, so rounding grows with steps. */
            cr_expect_float_eq(loss->data[0], losses[step], 1e-4, "%s step %d: %g not %g", cases[c],
                               step, loss->data[0], losses[step]);
            memset(p->adam.grad, 0, p->n_train * sizeof(float));
            tape_backward(&r->tape, loss, 1);
            double norm = grad_norm(&p->adam, NULL);
            cr_expect_float_eq(norm, norms[step], 1e-3 * norms[step] + 1e-4);
            double rate = 1e-3 * schedule_factor(SCHEDULE_LINEAR, step, WARMUP, STEPS);
            adamw_step(&adamw, &p->adam, step + 1, rate, clip_scale(norm, 1.0), NULL);
        }
        close_case(r, &g);
    }
}

/* --- behaviour ---------------------------------------------------------------- */

static const int lengths[] = {5, 12, 1, 30};

/* Random weights in the shape of dir's model. */
static void open_random(struct rig *r, const char *dir, const char *dropout)
{
    rig_declare(r, dir, 0);
    struct options config;
    options_copy(&config, &r->m.config, &r->a);
    rig_dropout(r, &config, dropout);
    OK(model_declare(&r->m, r->m.family, &config, 0, &r->a, &r->e));
    rig_train(r, true);
    params_allocate(&r->m.params, true);
    params_init_missing(&r->m.params, 3);
    rig_batch(r, lengths, 4, 9);
}

Test(masked_lm, every_tensor_has_the_derivative_of_the_loss)
{
    struct rig rig, *r = &rig;
    rig_open(r, cases[0], 0, true);
    rig_batch(r, lengths, 4, 9);
    rig_masked(r, 4);
    expect_derivatives(r);
    rig_close(r);
}

Test(masked_lm, a_dry_tape_measures_what_a_step_takes)
{
    struct rig rig, *r = &rig;
    open_random(r, cases[0], "0.1");
    rig_masked(r, 4);
    struct slab dry;
    struct tape tape;
    slab_init_dry(&dry);
    tape_init(&tape, &dry, (size_t)1 << 20);
    tape_begin(&tape, true, 1, 0);
    struct tensor *logits = model_masked(&r->m, &tape, &r->batch, NULL);
    tape_backward(&tape, op_cross_entropy(&tape, logits, r->batch.masked_ids, 1), 1);
    tape_backward(&r->tape, rig_loss(r, true, 1, 0), 1);
    cr_expect(dry.peak_bytes == r->slab.peak_bytes, "%zu dry, %zu real", dry.peak_bytes,
              r->slab.peak_bytes);
    tape_release(&tape);
    slab_release(&dry);
    rig_close(r);
}

Test(masked_lm, computing_a_layer_again_gives_the_same_gradients)
{
    struct rig rig, *r = &rig;
    open_random(r, cases[0], "0.1");
    rig_masked(r, 4);
    struct params *p = &r->m.params;
    float *kept = arena_array(&r->a, p->n_train, sizeof *kept);
    tape_backward(&r->tape, rig_loss(r, true, 1, 0), 1);
    memcpy(kept, p->adam.grad, p->n_train * sizeof *kept);
    memset(p->adam.grad, 0, p->n_train * sizeof *kept);
    r->tape.recompute = true;
    tape_backward(&r->tape, rig_loss(r, true, 1, 0), 1);
    cr_expect(memcmp(kept, p->adam.grad, p->n_train * sizeof *kept) == 0);
    rig_close(r);
}

/* Loss of the batch after steps of AdamW at this rate. */
static double trained_loss(struct rig *r, int n_steps, double rate)
{
    const struct adamw adamw = {0.9f, 0.999f, 1e-8f, 0};
    struct params *p = &r->m.params;
    for (int step = 0; step < n_steps; step++) {
        struct tensor *loss = rig_loss(r, true, 1, (uint32_t)step);
        memset(p->adam.grad, 0, p->n_train * sizeof(float));
        tape_backward(&r->tape, loss, 1);
        adamw_step(&adamw, &p->adam, step + 1, rate, clip_scale(grad_norm(&p->adam, NULL), 1),
                   NULL);
        params_round(p);
    }
    return rig_loss(r, false, 1, 0)->data[0];
}

/* The table is looked up and multiplied by: in bfloat16 both read what the optimiser changed. */
Test(masked_lm, learns_in_bfloat16_as_in_float32)
{
    enum { STEPS = 30 };
    double loss[2];
    if (!gemm_half_supported()) {
        printf("skip: no bfloat16 products on this processor\n");
        return;
    }
    for (int half = 0; half < 2; half++) {
        struct rig rig, *r = &rig;
        rig_declare(r, cases[0], 0);
        rig_train(r, true);
        r->m.params.bfloat16 = half;
        params_allocate(&r->m.params, true);
        params_init_missing(&r->m.params, 3);
        r->tape.half = half ? gemm_half_new(1) : NULL;
        rig_batch(r, lengths, 4, 9);
        rig_masked(r, 4);
        loss[half] = trained_loss(r, STEPS, 5e-3);
        gemm_half_free(r->tape.half);
        rig_close(r);
    }
    cr_expect(loss[0] < 3, "%g: half of log 151 is forgotten", loss[0]);
    /* 2^-9 in every factor, through 30 steps. */
    cr_expect(fabs(loss[1] - loss[0]) < 0.03 * loss[0] && loss[1] != loss[0], "%g and %g", loss[0],
              loss[1]);
}

Test(masked_lm, tells_the_masked_tokens_of_one_batch_by_heart)
{
    struct rig rig, *r = &rig;
    open_random(r, cases[0], "0");
    rig_masked(r, 4);
    double first = rig_loss(r, false, 1, 0)->data[0];
    cr_expect(fabs(first - log(151)) < 0.2, "%g: a new model knows nothing", first);
    double last = trained_loss(r, 200, 5e-3);
    cr_expect(last < 0.05, "%g after 200 steps", last);
    rig_close(r);
}

/* What was left out of the texts, several tokens of each. */
Test(masked_lm, an_encoder_decoder_without_labels_learns_targets_by_heart)
{
    static const int target_lengths[] = {3, 6, 2, 9};
    struct rig rig, *r = &rig;
    open_random(r, "tests/golden/t5/gated", "0");
    rig_targets(r, target_lengths, NULL, 6);
    double first = rig_loss(r, false, 1, 0)->data[0];
    cr_expect(first > 2, "%g: a new model knows nothing", first);
    double last = trained_loss(r, 200, 5e-3);
    cr_expect(last < 0.05, "%g after 200 steps", last);
    rig_close(r);
}

Test(masked_lm, a_classifier_reads_the_same_checkpoint_only_for_its_pooler)
{
    struct rig rig, *r = &rig;
    rig_declare(r, cases[0], 2);
    params_allocate(&r->m.params, false);
    cr_expect(checkpoint_load(&r->m, cases[0], &r->e) == -1);
    cr_expect(strstr(r->e.text, "2 missing: bert.pooler.dense.weight, bert.pooler.dense.bias"),
              "%s", r->e.text);
    rig_close(r);
}
