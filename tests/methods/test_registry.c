/* What every row of methods[] promises, for several settings of each. */
#include "tests/methods/fixture.h"

#include "harness/base/rng.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <malloc.h>
#include <math.h>

/* Sizes of declare_small. */
enum { WIDTH = 12, INNER = 20, LAYERS = 2, LABELS = 3, HEAD = LABELS * WIDTH + LABELS };
enum { ROWS = 40 + 48 + 2, NORM = 2 * WIDTH };
enum {
    MATRICES = 4 * WIDTH * WIDTH + 2 * WIDTH * INNER,
    BIASES = 5 * WIDTH + INNER,
    ALL = ROWS * WIDTH + NORM + LAYERS * (MATRICES + BIASES + 2 * NORM) + WIDTH * WIDTH + WIDTH +
          HEAD,
    BOTTLENECK = 2 * WIDTH * 64 + 64 + WIDTH,
};

struct variant {
    char method[16];
    char settings[4][40];
    size_t n_train;
};

static struct variant variants[] = {
    {"null", {""}, 0},
    {"full", {""}, ALL},
    {"head", {""}, HEAD},
    {"bitfit", {""}, WIDTH + LAYERS *(BIASES + 2 * WIDTH) + WIDTH + HEAD},
    {"lora", {""}, LAYERS * 2 * 8 * (WIDTH + WIDTH) + HEAD},
    {"lora",
     {"r=3", "lora_alpha=4", "use_rslora=true", "target_modules=q,k,v,o,ffn_in,ffn_out"},
     LAYERS * 3 * (4 * 2 * WIDTH + 2 * (WIDTH + INNER)) + HEAD},
    {"lora", {"r=1", "lora_dropout=0", "target_modules=ffn_out"}, LAYERS *(WIDTH + INNER) + HEAD},
    {"ia3", {""}, LAYERS *(2 * WIDTH + INNER) + HEAD},
    {"ia3",
     {"target_modules=q,k,v,o,ffn_in,ffn_out", "feedforward_modules=o,ffn_in"},
     LAYERS *(5 * WIDTH + WIDTH) + HEAD},
    {"adapter", {""}, LAYERS * 2 * BOTTLENECK + (2 * LAYERS + 1) * NORM + HEAD},
    {"adapter",
     {"bottleneck_size=5", "train_layer_norm=false"},
     LAYERS * 2 * (2 * WIDTH * 5 + 5 + WIDTH) + HEAD},
    {"prefix", {""}, LAYERS * 2 * 20 * WIDTH + HEAD},
    {"prompt", {""}, 20 * WIDTH + HEAD},
    {"prompt", {"num_virtual_tokens=1"}, WIDTH + HEAD},
};

static const int offsets[] = {0, 6, 7, 20, 23};
static const int ids[] = {3, 17, 8,  39, 2,  5, 30, 11, 12, 13, 14, 15,
                          3, 3,  21, 0,  39, 7, 6,  1,  9,  25, 26};
static const int types[] = {0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1};
static const int labels[] = {2, 0, 1, 1};
static const struct batch batch = {.n_seq = 4,
                                   .n_tok = 23,
                                   .offsets = offsets,
                                   .input_ids = ids,
                                   .token_type_ids = types,
                                   .labels = labels};
enum { N_LOGITS = 4 * LABELS };

/* Biases and norms of the base as training would leave them: at zero and one a
 * method could lose them unseen. */
static void shake_vectors(struct params *p, bool frozen_only)
{
    for (int i = 0; i < p->n; i++) {
        struct param *one = p->items[i];
        struct rng place = {.seed = 9, .stream = RNG_INIT, .site = rng_site_of(one->name)};
        if (one->part == PART_BASE && one->n_dims == 1 && !(frozen_only && one->trainable))
            for (size_t k = 0; k < param_size(one); k++)
                one->t.data[k] += 0.2f * rng_normal(&place, k);
    }
}

static void open_variant(struct rig *r, const struct variant *v, uint64_t seed)
{
    const char *settings[5] = {NULL};
    for (int i = 0; i < 4 && v->settings[i][0]; i++)
        settings[i] = v->settings[i];
    struct err e = {0};
    *r = (struct rig){0};
    declare_small(r, "0.1");
    must(attach(r, v->method, settings, &e), &e);
    params_allocate(&r->model.params, true);
    params_init_missing(&r->model.params, seed);
    shake_vectors(&r->model.params, false);
    rig_measure(r, &batch);
}

/* Large steps, so that nothing is near its start any more. */
static void train(struct rig *r, long first, long last)
{
    for (long step = first; step <= last; step++)
        rig_step(r, &batch, step, 0.02, 0.01f);
}

ParameterizedTestParameters(registry, promises)
{
    return cr_make_param_array(struct variant, variants, sizeof variants / sizeof *variants);
}

static void check_count(struct rig *r, const struct variant *v)
{
    cr_expect_eq(params_trainable(&r->model.params), v->n_train, "%s: %zu train, not %zu",
                 v->method, params_trainable(&r->model.params), v->n_train);
}

/* Equal, not near: a product with zero or one is exact. */
static void check_start(struct rig *r, const struct variant *v)
{
    struct variant plain = {.method = "null"};
    struct rig base;
    float with[N_LOGITS], without[N_LOGITS];
    open_variant(&base, &plain, 1);
    rig_logits(&base, &batch, without);
    rig_logits(r, &batch, with);
    bool same = true;
    for (int i = 0; i < N_LOGITS; i++)
        same = same && with[i] == without[i];
    cr_expect_eq(same, r->tuned.method->starts_as_base, "%s", v->method);
    rig_release(&base);
}

static void check_seed(struct rig *r, const struct variant *v)
{
    struct rig again, other;
    size_t n_bytes = r->model.params.n_train * sizeof(float);
    open_variant(&again, v, 1);
    open_variant(&other, v, 2);
    const float *mine = r->model.params.adam.param;
    cr_expect_eq(memcmp(mine, again.model.params.adam.param, n_bytes), 0, "%s", v->method);
    if (n_bytes)
        cr_expect_neq(memcmp(mine, other.model.params.adam.param, n_bytes), 0, "%s", v->method);
    rig_release(&again);
    rig_release(&other);
}

/* Five steps: what is frozen keeps its bits, every trained tensor moves, and
 * nothing is allocated once the memory is there. */
static void check_training(struct rig *r, const struct variant *v)
{
    struct params *p = &r->model.params;
    float **before = arena_array(&r->arena, (size_t)p->n, sizeof *before);
    for (int i = 0; i < p->n; i++) {
        before[i] = arena_array(&r->arena, param_size(p->items[i]), sizeof(float));
        memcpy(before[i], p->items[i]->t.data, param_size(p->items[i]) * sizeof(float));
    }
    train(r, 1, 2); /* the matrix library takes its buffers in its first calls */
    size_t heap = mallinfo2().uordblks, mapped = mallinfo2().hblkhd, used = r->arena.used_bytes;
    size_t peak = r->slab.peak_bytes;
    train(r, 3, 5);
    cr_expect_eq(mallinfo2().uordblks, heap, "%s", v->method);
    cr_expect_eq(mallinfo2().hblkhd, mapped, "%s", v->method);
    cr_expect_eq(r->arena.used_bytes, used, "%s", v->method);
    cr_expect_eq(r->slab.peak_bytes, peak, "%s", v->method);
    for (int i = 0; i < p->n; i++) {
        const struct param *one = p->items[i];
        bool same = memcmp(before[i], one->t.data, param_size(one) * sizeof(float)) == 0;
        cr_expect_eq(same, !one->trainable, "%s: %s", v->method, one->name);
    }
}

static float loss_at(struct rig *r)
{
    struct tensor *logits;
    return rig_loss(r, &batch, true, 7, &logits)->data[0];
}

/* g . d against (L(w + h d) - L(w - h d)) / 2 h for a random d of length 1 in
 * each trained tensor, under one fixed dropout mask. float32 losses near 1 are
 * good to 1e-7, so a difference over 2 h = 4e-3 is good to about 5e-5; the rest
 * of the margin is the curvature within h. */
static void check_gradients(struct rig *r, const struct variant *v)
{
    const float h = 2e-3f;
    struct params *p = &r->model.params;
    rig_backward(r, &batch, true, 7);
    for (int i = 0; i < p->n; i++) {
        struct param *one = p->items[i];
        if (!one->trainable)
            continue;
        size_t n = param_size(one);
        struct rng place = {.seed = 3, .stream = RNG_INIT, .site = rng_site_of(one->name)};
        float *w = arena_array(&r->arena, n, sizeof *w), *d = arena_array(&r->arena, n, sizeof *d);
        double length = 0, along = 0;
        memcpy(w, one->t.data, n * sizeof *w);
        for (size_t k = 0; k < n; k++) {
            d[k] = rng_normal(&place, k);
            length += (double)d[k] * (double)d[k];
        }
        for (size_t k = 0; k < n; k++) {
            d[k] = (float)(d[k] / sqrt(length));
            along += (double)d[k] * (double)one->t.grad[k];
        }
        double sides[2];
        for (int side = 0; side < 2; side++) {
            for (size_t k = 0; k < n; k++)
                one->t.data[k] = w[k] + (side ? h : -h) * d[k];
            sides[side] = loss_at(r);
        }
        memcpy(one->t.data, w, n * sizeof *w);
        double slope = (sides[1] - sides[0]) / (2 * h);
        cr_expect_float_eq(slope, along, 2e-4 + 5e-3 * fabs(along), "%s: %s: %g, not %g", v->method,
                           one->name, along, slope);
    }
}

/* Everything back from the file: method, options, bits. */
static void check_file(struct rig *r, const struct variant *v)
{
    struct err e = {0};
    struct rig back = {0};
    struct options options;
    const struct method *method;
    struct str ours = {0}, theirs = {0}, path = {0};
    float before[N_LOGITS], after[N_LOGITS];
    char dir[] = "/tmp/ftbench-adapter-XXXXXX";
    cr_assert(mkdtemp(dir));
    must(peft_write(&r->tuned, "small", dir, &e), &e);
    declare_small(&back, "0.1");
    must(peft_config(&method, &options, &back.model, dir, &back.arena, &e), &e);
    cr_expect_eq(method, r->tuned.method);
    options_canonical(&ours, &r->tuned.options, "", false);
    options_canonical(&theirs, &options, "", false);
    cr_expect_str_eq(str_text(&theirs), str_text(&ours));
    must(method_attach(&back.tuned, method, &options, &back.model, &back.arena, &e), &e);
    params_allocate(&back.model.params, false);
    must(peft_read(&back.tuned, dir, &e), &e);
    params_init_missing(&back.model.params, 1);
    shake_vectors(&back.model.params, true);
    rig_measure(&back, &batch);
    rig_logits(r, &batch, before);
    rig_logits(&back, &batch, after);
    cr_expect_eq(memcmp(before, after, sizeof before), 0, "%s", v->method);
    remove(file_join(&path, dir, "adapter_config.json"));
    remove(file_join(&path, dir, "adapter_model.safetensors"));
    remove(dir);
    str_release(&ours);
    str_release(&theirs);
    str_release(&path);
    rig_release(&back);
}

/* Folding changes the order of sums only: a few units in the last place of
 * logits near 1. */
static void check_merge(struct rig *r, const struct variant *v)
{
    struct err e = {0};
    float before[N_LOGITS], after[N_LOGITS];
    const struct method *m = r->tuned.method;
    bool hooked = m->before || m->after || m->key_value;
    rig_logits(r, &batch, before);
    int rc = method_merge(&r->tuned, &e);
    if (hooked && !m->merge) {
        cr_expect(rc == -1 && e.kind == ERR_USAGE && strstr(e.text, v->method), "%s", e.text);
        return;
    }
    must(rc, &e);
    cr_expect(!r->tuned.hooks.before && !r->tuned.hooks.after && !r->tuned.hooks.key_value);
    rig_logits(r, &batch, after);
    for (int i = 0; i < N_LOGITS; i++)
        cr_expect_float_eq(after[i], before[i], 1e-5, "%s: %g, not %g", v->method, after[i],
                           before[i]);
}

ParameterizedTest(struct variant *v, registry, promises)
{
    struct rig r;
    open_variant(&r, v, 1);
    check_count(&r, v);
    check_start(&r, v);
    check_seed(&r, v);
    if (v->n_train > 0) {
        check_training(&r, v);
        check_gradients(&r, v);
    }
    check_file(&r, v);
    check_merge(&r, v);
    rig_release(&r);
}

Test(registry, no_row_is_left_out)
{
    for (int i = 0; methods[i]; i++) {
        bool found = false;
        for (size_t k = 0; k < sizeof variants / sizeof *variants; k++)
            found = found || strcmp(variants[k].method, methods[i]->name) == 0;
        cr_expect(found, "no variant of %s here", methods[i]->name);
        cr_expect_eq(method_find(methods[i]->name), methods[i]);
        cr_expect(methods[i]->summary[0] && methods[i]->source[0]);
    }
    cr_expect_null(method_find("lora2"));
}

Test(registry, bad_options_are_refused)
{
    static const struct {
        const char *method, *settings[3], *says;
    } bad[] = {
        {"lora", {"r=0"}, "r"},
        {"lora", {"r=eight"}, "eight"},
        {"lora", {"lora_dropout=1"}, "lora_dropout"},
        {"lora", {"rank=8"}, "rank"},
        {"lora", {"target_modules=q,query"}, "query"},
        {"lora", {"target_modules=[]"}, "target_modules"},
        {"ia3", {"target_modules=[]"}, "target_modules"},
        {"ia3", {"target_modules=k,v", "feedforward_modules=ffn_out"}, "ffn_out"},
        {"adapter", {"bottleneck_size=0"}, "bottleneck_size"},
        {"prefix", {"num_virtual_tokens=0"}, "num_virtual_tokens"},
        {"prompt", {"num_virtual_tokens=-3"}, "num_virtual_tokens"},
        {"full", {"r=8"}, "r"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct rig r = {0};
        struct err e = {0};
        declare_small(&r, "0");
        cr_expect_eq(attach(&r, bad[i].method, bad[i].settings, &e), -1, "%s %s", bad[i].method,
                     bad[i].settings[0]);
        cr_expect(e.kind == ERR_USAGE && strstr(e.text, bad[i].says), "%s", e.text);
        arena_release(&r.arena);
    }
}

/* LoRA r 64 on q and v of the two published sizes, for 2, 3 and 4 classes, as
 * printed by PEFT for them. */
Test(registry, published_counts)
{
    static const struct {
        const char *sizes[6];
        size_t n_train[3];
    } published[] = {
        {{"vocab_size=28996", NULL}, {2360834, 2361603, 2362372}},
        {{"vocab_size=28996", "hidden_size=1024", "num_hidden_layers=24", "num_attention_heads=16",
          "intermediate_size=4096", NULL},
         {6293506, 6294531, 6295556}},
    };
    static const char *const lora[] = {"r=64", "target_modules=q,v", NULL};
    for (int i = 0; i < 2; i++)
        for (int n_labels = 2; n_labels <= 4; n_labels++) {
            struct rig r = {0};
            struct err e = {0};
            struct options config;
            options_init(&config, family_find("bert")->config, &r.arena);
            must(set_options(&config, published[i].sizes, &e), &e);
            must(model_declare(&r.model, family_find("bert"), &config, n_labels, &r.arena, &e), &e);
            must(attach(&r, "lora", lora, &e), &e);
            cr_expect_eq(params_trainable(&r.model.params), published[i].n_train[n_labels - 2]);
            arena_release(&r.arena);
        }
}
