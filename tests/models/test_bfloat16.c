/* Precision bfloat16 against PyTorch (tests/golden/bfloat16/make.py) and against our own
 * float32. */
#include "models/tensor/bfloat16.h"
#include "models/tensor/gemm.h"
#include "tests/models/rig.h"

#include <string.h>

static const struct {
    const char *dir, *golden;
    int n_labels;
} cases[] = {{"tests/golden/bert/gelu", "tests/golden/bfloat16/bert.safetensors", 3},
             {"tests/golden/t5/gated", "tests/golden/bfloat16/t5.safetensors", 2}};
enum { N_CASES = sizeof cases / sizeof cases[0] };

static bool supported(void)
{
    if (!gemm_half_supported())
        printf("skip: no bfloat16 products on this processor\n");
    return gemm_half_supported();
}

static void open_half(struct rig *r, const char *dir, int n_labels, bool trainable)
{
    rig_declare(r, dir, n_labels);
    rig_train(r, trainable);
    r->m.params.bfloat16 = true;
    params_allocate(&r->m.params, true);
    OK(checkpoint_load(&r->m, dir, &r->e));
    params_init_missing(&r->m.params, 1);
    r->tape.half = gemm_half_new(1);
}

static void close_half(struct rig *r)
{
    gemm_half_free(r->tape.half);
    rig_close(r);
}

/* The batch of the folder's own golden values. */
static void take_batch(struct rig *r, const char *dir)
{
    struct safetensors g;
    open_golden(&g, r, dir);
    golden_batch(r, &g);
    if (model_says_text(&r->m))
        golden_targets(r, &g, "target_ids", "target_lengths", NULL);
    safetensors_close(&g);
}

static struct tensor *logits_of(struct rig *r)
{
    tape_begin(&r->tape, false, 0, 0);
    return model_logits(&r->m, &r->tape, &r->batch, NULL);
}

static double distance(struct rig *r, const struct safetensors *g, const char *name,
                       const struct tensor *x)
{
    size_t n = (size_t)x->rows * (size_t)x->cols;
    return relative_difference(x->data, values(r, g, name, n), n);
}

/* Where two float32 differ in their last bits, a factor now and then falls on the other side of
 * the middle between two bfloat16, which are 2^-8 apart: rare, so far less than 2^-8 of a sum,
 * but it adds up on the way back. Measured: logits 4e-4 (BERT) and 2e-8 (T5), gradients up to
 * 9e-3 and 6e-4. Autocast rounds results and attention too, 2^-9 each: measured 3e-3 and 3e-2
 * (T5's scores have no scale, so softmax makes more of it). */
Test(bfloat16, is_what_torch_makes_of_rounded_factors)
{
    const double LOGITS = 2e-3, GRADIENTS = 2e-2, AUTOCAST = 6e-2;
    for (int c = 0; c < N_CASES && supported(); c++) {
        struct rig rig, *r = &rig;
        struct safetensors g;
        open_half(r, cases[c].dir, cases[c].n_labels, true);
        OK(safetensors_open(&g, cases[c].golden, &r->a, &r->e));
        take_batch(r, cases[c].dir);
        struct tensor *logits = logits_of(r);
        cr_expect(distance(r, &g, "logits", logits) < LOGITS);
        cr_expect(distance(r, &g, "autocast_logits", logits) < AUTOCAST);
        struct tensor *loss = rig_loss(r, true, 0, 0);
        cr_expect_float_eq(loss->data[0], values(r, &g, "loss", 1)[0], 2e-3);
        tape_backward(&r->tape, loss, 1);
        for (int i = 0; i < r->m.params.n; i++) {
            const struct param *p = r->m.params.items[i];
            size_t n = param_size(p);
            const float *want = values(r, &g, arena_printf(&r->a, "grad/%s", p->name), n);
            if (strstr(p->name, "self.key.bias")) /* zero but for rounding: softmax */
                cr_expect(largest_difference(p->t.grad, want, n) < 1e-6, "%s", p->name);
            else
                cr_expect(relative_difference(p->t.grad, want, n) < GRADIENTS, "%s", p->name);
        }
        struct gemm_half *half = r->tape.half;
        r->tape.half = NULL;
        double apart = distance(r, &g, "logits", logits_of(r));
        r->tape.half = half;
        /* 2^-9 in each factor of every product, on their way through the layers. */
        cr_expect(apart > LOGITS && apart < AUTOCAST, "float32 is %g away", apart);
        safetensors_close(&g);
        close_half(r);
    }
}

/* Of values that are bfloat16 already, a mapped file's, a frozen model makes the same bits as
 * one whose float32 values are rounded for every product. */
Test(bfloat16, frozen_in_the_file_is_the_same_as_rounded)
{
    static const char *const files[][2] = {
        {"tests/golden/bert/relu-bf16", "tests/golden/bert/relu"},
        {"tests/golden/t5/gated-bf16", "tests/golden/t5/gated"}};
    for (int c = 0; c < 2 && supported(); c++) {
        struct rig one, other, *r = &one;
        open_half(&one, files[c][0], 4, false);
        open_half(&other, files[c][0], 4, true);
        take_batch(&one, files[c][1]);
        take_batch(&other, files[c][1]);
        /* A classifier of the file's, or initial values: in both the same. */
        struct tensor *a = logits_of(&one), *b = logits_of(&other);
        cr_expect_eq(memcmp(a->data, b->data, (size_t)a->rows * (size_t)a->cols * sizeof(float)),
                     0);
        for (int i = 0; i < r->m.params.n; i++) {
            const struct param *p = r->m.params.items[i];
            if (!params_keeps_half(&r->m.params, p))
                continue;
            const struct file_map *map = &r->m.maps[0];
            const unsigned char *at = (const unsigned char *)p->t.half;
            bool mapped = at >= map->data && at < map->data + map->n_bytes;
            cr_expect(!p->t.data && mapped == p->loaded, "%s", p->name);
        }
        close_half(&one);
        close_half(&other);
    }
}

static const char *const wide[][2] = {{"vocab_size", "200"},
                                      {"hidden_size", "64"},
                                      {"num_hidden_layers", "1"},
                                      {"num_attention_heads", "4"},
                                      {"intermediate_size", "80"},
                                      {"max_position_embeddings", "20"},
                                      {NULL, NULL}};

/* Initial values come straight to bfloat16, piece by piece; the same values, rounded. */
Test(bfloat16, initial_values_are_those_of_float32_rounded)
{
    struct rig half, full, *r = &half;
    rig_random(&half, wide, 0);
    rig_random(&full, wide, 0);
    half.m.params.bfloat16 = true;
    params_allocate(&half.m.params, false);
    params_allocate(&full.m.params, false);
    params_init_missing(&half.m.params, 5);
    params_init_missing(&full.m.params, 5);
    int n_half = 0;
    for (int i = 0; i < r->m.params.n; i++) {
        struct param *p = half.m.params.items[i];
        const float *want = full.m.params.items[i]->t.data;
        size_t n = param_size(p);
        if (!params_keeps_half(&half.m.params, p)) {
            cr_expect(p->n_dims == 1 && memcmp(p->t.data, want, n * sizeof *want) == 0);
            continue;
        }
        uint16_t *rounded = arena_array(&r->a, n, sizeof *rounded);
        bfloat16_round(rounded, want, n, 1);
        cr_expect_eq(memcmp(p->t.half, rounded, n * sizeof *rounded), 0, "%s", p->name);
        n_half++;
        /* Asked for as float32, to be changed, it is float32 from then on. */
        float *own = params_own_data(&half.m.params, p);
        cr_expect(!p->t.half &&
                  fabs((double)(own[n - 1] - want[n - 1])) <= fabs(want[n - 1]) / 256);
    }
    cr_expect_eq(n_half, 11, "three tables, six of the layer, pooler and classifier");
    rig_close(&half);
    rig_close(&full);
}

/* params_round after a change, and only then: the copy beside what trains. */
Test(bfloat16, what_trains_has_a_copy_that_follows)
{
    struct rig rig, *r = &rig;
    rig_random(r, wide, 0);
    rig_train(r, true);
    struct params *p = &r->m.params;
    p->bfloat16 = true;
    params_allocate(p, true);
    params_init_missing(p, 5);
    cr_expect_eq(params_bytes(p), params_total(p) * 6);
    const struct param *w = params_find(p, "bert.pooler.dense.weight");
    w->t.data[3] = 0.5f;
    params_round(p);
    cr_expect_eq(w->t.half[3], 0x3F00);
    rig_close(r);
}
