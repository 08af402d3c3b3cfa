/* Every method against PEFT 0.21.2 or plain PyTorch, float32, dropout off: see make.py in
 * tests/golden/methods (an encoder) and tests/golden/methods_t5 (encoder-decoders). */
#include "tests/methods/fixture.h"

#include "models/safetensors.h"
#include "models/seq2seq.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>

#define GOLDEN    "tests/golden/methods/"
#define GOLDEN_T5 "tests/golden/methods_t5/"

/* Measured: logits within 1e-6, losses within 2e-6, gradients within 5e-6 of their
 * norm, but 1.5e-4 for a norm of 8e-4 (1e-7 of the largest gradients around it).
 * The margins are for other kernels of the matrix library. */
static const double LOGITS = 1e-5, LOSSES = 1e-5, GRADIENTS = 1e-4;
/* A key's bias cancels in the softmax: its gradient is rounding noise around an
 * exact zero, of no size to compare with. */
static const double NOISE = 1e-7;

struct golden_case {
    char folder[24], method[16]; /* method "": from adapter_config.json */
    char base[8];                /* of the encoder-decoders: "" for the encoder */
};

static const char *home_of(const struct golden_case *c)
{
    return c->base[0] ? GOLDEN_T5 : GOLDEN;
}

static void open_case(struct rig *r, const struct golden_case *c)
{
    struct err e = {0};
    char dir[96], base[96];
    snprintf(dir, sizeof dir, "%s%s", home_of(c), c->folder);
    snprintf(base, sizeof base, "%s%s", home_of(c), c->base[0] ? c->base : "base");
    if (!c->method[0]) {
        open_adapter(r, base, dir, 3);
        return;
    }
    declare_folder(r, base, 3);
    must(attach(r, c->method, NULL, &e), &e);
    params_allocate(&r->model.params, true);
    must(checkpoint_load(&r->model, base, &e), &e);
    params_init_missing(&r->model.params, 1);
}

static double norm_of(const float *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)x[i] * (double)x[i];
    return sqrt(sum);
}

/* Both files hold the same names and, within tolerance, the same values. */
static void compare_files(const char *ours, const char *theirs)
{
    struct err e = {0};
    struct arena a = {0};
    struct safetensors got, want;
    must(safetensors_open(&got, ours, &a, &e), &e);
    must(safetensors_open(&want, theirs, &a, &e), &e);
    cr_assert_eq(got.n, want.n, "%d tensors, not %d", got.n, want.n);
    for (int i = 0; i < want.n; i++) {
        const struct safetensor *w = &want.items[i];
        const struct safetensor *g = safetensors_find(&got, w->name);
        cr_assert(g && g->n_dims == w->n_dims && g->n_values == w->n_values, "%s", w->name);
        for (int d = 0; d < w->n_dims; d++)
            cr_assert_eq(g->dims[d], w->dims[d], "%s", w->name);
        float *x = arena_array(&a, w->n_values, sizeof *x);
        float *y = arena_array(&a, w->n_values, sizeof *y);
        must(safetensor_to_f32(x, g, &e), &e);
        must(safetensor_to_f32(y, w, &e), &e);
        double size = norm_of(y, w->n_values);
        for (size_t k = 0; k < w->n_values; k++)
            x[k] -= y[k];
        double off = norm_of(x, w->n_values);
        cr_expect(off <= GRADIENTS * size + NOISE, "%s: off by %g of %g", w->name, off, size);
    }
    safetensors_close(&got);
    safetensors_close(&want);
    arena_release(&a);
}

/* The gradients, written where the weights stand, go through the adapter
 * writer: so they have PEFT's names and layout. */
static void check_gradients(struct rig *r, const struct golden_case *c)
{
    struct err e = {0};
    struct params *p = &r->model.params;
    char dir[] = "/tmp/ftbench-golden-XXXXXX", theirs[96];
    struct str ours = {0}, config = {0};
    cr_assert(mkdtemp(dir));
    float *weights = arena_array(&r->arena, p->n_train, sizeof *weights);
    memcpy(weights, p->adam.param, p->n_train * sizeof *weights);
    memcpy(p->adam.param, p->adam.grad, p->n_train * sizeof *weights);
    must(peft_write(&r->tuned, "base", dir, &e), &e);
    memcpy(p->adam.param, weights, p->n_train * sizeof *weights);

    snprintf(theirs, sizeof theirs, "%s%s/gradients.safetensors", home_of(c), c->folder);
    compare_files(file_join(&ours, dir, "adapter_model.safetensors"), theirs);
    remove(str_text(&ours));
    remove(file_join(&config, dir, "adapter_config.json"));
    remove(dir);
    str_release(&ours);
    str_release(&config);
}

static void check_logits(struct rig *r, const struct batch *b, const json_t *want)
{
    float got[1024];
    size_t n_rows = json_array_size(want), n_cols = json_array_size(json_array_get(want, 0));
    cr_assert_eq(rig_logits(r, b, got, sizeof got / sizeof *got), (int)n_cols);
    cr_assert_eq((int)n_rows, b->n_target_tok ? b->n_target_tok : b->n_seq);
    for (size_t i = 0; i < n_rows * n_cols; i++)
        cr_expect_float_eq(got[i], number(json_array_get(want, i / n_cols), i % n_cols), LOGITS,
                           "logit %zu: %g", i, (double)got[i]);
}

/* Greedy decoding says the same. */
static void check_said(struct rig *r, const struct batch *b, const json_t *want)
{
    enum { MOST = 6, ROOM = 8 };
    int ids[ROOM * MOST], n_ids[ROOM];
    struct generated said = {MOST, ids, n_ids};
    cr_assert(b->n_seq <= ROOM && json_array_size(want) == (size_t)b->n_seq);
    struct slab slab;
    struct tape tape;
    slab_init_dry(&slab);
    for (int dry = 1; dry >= 0; dry--) { /* told by a dry run how much memory it needs */
        tape_init(&tape, &slab, RECORD_BYTES);
        tape_begin(&tape, false, 5, 0);
        seq2seq_generate(&r->model, &tape, b, &r->tuned.hooks, &said);
        size_t need = slab.peak_bytes;
        tape_release(&tape);
        slab_release(&slab);
        if (dry)
            slab_init(&slab, need);
    }
    for (int s = 0; s < b->n_seq; s++) {
        const json_t *row = json_array_get(want, (size_t)s);
        cr_assert_eq((size_t)n_ids[s], json_array_size(row), "text %d", s);
        for (int i = 0; i < n_ids[s]; i++)
            cr_expect_eq(ids[s * MOST + i], (int)number(row, (size_t)i), "text %d, token %d", s, i);
    }
}

ParameterizedTestParameters(golden, parity)
{
    static struct golden_case cases[] = {
        {"full", "full", ""},
        {"head", "head", ""},
        {"bitfit", "bitfit", ""},
        {"lora_qv", "", ""},
        {"lora_all", "", ""},
        {"lora_rs", "", ""},
        {"ia3", "", ""},
        {"ia3_default", "", ""},
        {"prefix", "", ""},
        {"prompt", "", ""},
        {"v10_full", "full", "v10"},
        {"v10_lora_qv", "", "v10"},
        {"v10_lora_all", "", "v10"},
        {"v10_ia3", "", "v10"},
        {"v10_prefix", "", "v10"},
        {"v10_prompt", "", "v10"},
        {"v11_full", "full", "v11"},
        {"v11_head", "head", "v11"},
        {"v11_lora_qv", "", "v11"},
        {"v11_lora_all", "", "v11"},
        {"v11_ia3", "", "v11"},
        {"v11_prefix", "", "v11"},
        {"v11_prompt", "", "v11"},
    };
    return cr_make_param_array(struct golden_case, cases, sizeof cases / sizeof *cases);
}

ParameterizedTest(struct golden_case *c, golden, parity)
{
    struct err e = {0};
    struct rig r = {0};
    char path[96];
    snprintf(path, sizeof path, "%s%s/golden.json", home_of(c), c->folder);
    json_t *golden = json_read(path, &e);
    must(golden ? 0 : -1, &e);
    open_case(&r, c);
    struct batch b =
        read_batch(c->base[0] ? GOLDEN_T5 "batch.json" : GOLDEN "batch.json", &r.arena);
    rig_measure(&r, &b);

    check_logits(&r, &b, json_object_get(golden, "logits"));
    if (b.n_target)
        check_said(&r, &b, json_object_get(golden, "said"));
    rig_backward(&r, &b, true, 0);
    check_gradients(&r, c);

    const json_t *losses = json_object_get(golden, "losses");
    double rate = json_number_value(json_object_get(golden, "learning_rate"));
    float decay = (float)json_number_value(json_object_get(golden, "weight_decay"));
    cr_assert_eq(json_array_size(losses), 10);
    for (size_t i = 0; i < 10; i++) {
        double got = rig_step(&r, &b, (long)i + 1, rate, decay), want = number(losses, i);
        cr_expect_float_eq(got, want, LOSSES, "%s step %zu: %.9g, not %.9g", c->folder, i, got,
                           want);
    }
    json_decref(golden);
    rig_release(&r);
}

/* PEFT saves twice the rows of a prompt for an encoder-decoder and reads half of them. */
Test(golden, spare_rows_of_a_prompt_are_passed_over)
{
    struct golden_case c = {"v10_prompt_default", "", "v10"};
    struct rig r = {0};
    struct err e = {0};
    json_t *golden = json_read(GOLDEN_T5 "v10_prompt_default/golden.json", &e);
    must(golden ? 0 : -1, &e);
    open_case(&r, &c);
    struct batch b = read_batch(GOLDEN_T5 "batch.json", &r.arena);
    rig_measure(&r, &b);
    check_logits(&r, &b, json_object_get(golden, "logits"));
    check_said(&r, &b, json_object_get(golden, "said"));
    json_decref(golden);
    rig_release(&r);
}
