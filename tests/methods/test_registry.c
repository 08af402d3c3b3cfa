/* What every row of methods[] promises, for several settings of each. */
#include "tests/methods/fixture.h"

#include "harness/base/rng.h"
#include "models/zoo.h"

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

/* Sizes of declare_small_t5, with 2 + 1 layers and with 2 + 2; an attention is 4 matrices, a
 * decoder's layer has two attentions. */
enum { HEADS = 15, VOCAB = 40, ATTENTION = 4 * WIDTH * HEADS };
enum {
    FFN = 3 * WIDTH * INNER,
    TABLES = VOCAB * WIDTH + 2 * 8 * 3 + 2 * WIDTH, /* shared, position biases, last norms */
    ALL_TIED = TABLES + 2 * (ATTENTION + FFN + 2 * WIDTH) + 2 * ATTENTION + FFN + 3 * WIDTH,
    ALL_OPEN = TABLES + VOCAB * WIDTH + 2 * (ATTENTION + FFN + 2 * WIDTH) +
               2 * (2 * ATTENTION + FFN + 3 * WIDTH),
};

enum base { BERT, T5_TIED, T5_OPEN };

struct variant {
    char method[16];
    char settings[4][40];
    size_t n_train;
    enum base base;
};

static struct variant variants[] = {
    {"null", {""}, 0, BERT},
    {"full", {""}, ALL, BERT},
    {"head", {""}, HEAD, BERT},
    {"bitfit", {""}, WIDTH + LAYERS *(BIASES + 2 * WIDTH) + WIDTH + HEAD, BERT},
    {"lora", {""}, LAYERS * 2 * 8 * (WIDTH + WIDTH) + HEAD, BERT},
    {"lora",
     {"r=3", "lora_alpha=4", "use_rslora=true", "target_modules=q,k,v,o,ffn_in,ffn_out"},
     LAYERS * 3 * (4 * 2 * WIDTH + 2 * (WIDTH + INNER)) + HEAD,
     BERT},
    {"lora",
     {"r=1", "lora_dropout=0", "target_modules=ffn_out"},
     LAYERS *(WIDTH + INNER) + HEAD,
     BERT},
    {"ia3", {""}, LAYERS *(2 * WIDTH + INNER) + HEAD, BERT},
    {"ia3",
     {"target_modules=q,k,v,o,ffn_in,ffn_out", "feedforward_modules=o,ffn_in"},
     LAYERS *(5 * WIDTH + WIDTH) + HEAD,
     BERT},
    {"adapter", {""}, LAYERS * 2 * BOTTLENECK + (2 * LAYERS + 1) * NORM + HEAD, BERT},
    {"adapter",
     {"bottleneck_size=5", "train_layer_norm=false"},
     LAYERS * 2 * (2 * WIDTH * 5 + 5 + WIDTH) + HEAD,
     BERT},
    {"prefix", {""}, LAYERS * 2 * 20 * WIDTH + HEAD, BERT},
    {"prompt", {""}, 20 * WIDTH + HEAD, BERT},
    {"prompt", {"num_virtual_tokens=1"}, WIDTH + HEAD, BERT},
    {"null", {""}, 0, T5_TIED},
    {"full", {""}, ALL_TIED, T5_TIED},
    {"full", {""}, ALL_OPEN, T5_OPEN},
    {"head", {""}, VOCAB *WIDTH, T5_OPEN},
    {"lora", {""}, 4 * 2 * 8 * (WIDTH + HEADS), T5_TIED},
    {"lora", {"lora_dropout=0"}, 6 * 2 * 8 * (WIDTH + HEADS), T5_OPEN},
    {"lora",
     {"r=3", "target_modules=q,k,v,o,ffn_in,ffn_out"},
     3 * (6 * 4 * (WIDTH + HEADS) + 4 * 3 * (WIDTH + INNER)),
     T5_OPEN},
    {"ia3", {""}, 4 * 2 * HEADS + 3 * INNER, T5_TIED},
    {"ia3",
     {"target_modules=q,k,v,o,ffn_in,ffn_out", "feedforward_modules=o,ffn_in"},
     6 * 4 * HEADS + 4 * (2 * WIDTH + WIDTH),
     T5_OPEN},
    {"adapter", {""}, 7 * BOTTLENECK + (7 + 2) * WIDTH, T5_TIED},
    {"adapter",
     {"bottleneck_size=5", "train_layer_norm=false"},
     10 * (2 * WIDTH * 5 + 5 + WIDTH),
     T5_OPEN},
    {"prefix", {"num_virtual_tokens=3"}, 2 * 3 * HEADS, T5_TIED},
    {"prefix", {""}, 2 * 2 * 20 * HEADS, T5_OPEN},
    {"prompt", {""}, 20 * WIDTH, T5_TIED},
    {"prompt", {"num_virtual_tokens=1"}, WIDTH, T5_OPEN},
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

/* The same texts, with an answer each; and for the first a second one beside it. */
static const int target_starts[] = {0, 2, 3, 4, 5};
static const int target_offsets[] = {0, 3, 4, 6, 11, 13};
static const int target_ids[] = {9, 33, 1, 1, 14, 1, 5, 2, 28, 7, 1, 39, 1};
static const struct batch text_batch = {.n_seq = 4,
                                        .n_tok = 23,
                                        .offsets = offsets,
                                        .input_ids = ids,
                                        .n_target = 5,
                                        .n_target_tok = 13,
                                        .target_starts = target_starts,
                                        .target_offsets = target_offsets,
                                        .target_ids = target_ids};
enum { N_LOGITS = 13 * VOCAB };

static const struct batch *batch_of(const struct rig *r)
{
    return model_says_text(&r->model) ? &text_batch : &batch;
}

/* Logits without dropout into out[N_LOGITS]; the rest of it is zero. */
static void logits_of(struct rig *r, float *out)
{
    memset(out, 0, N_LOGITS * sizeof *out);
    rig_logits(r, batch_of(r), out, N_LOGITS);
}

static void declare_base(struct rig *r, enum base base)
{
    if (base == BERT)
        declare_small(r, "0.1");
    else
        declare_small_t5(r, base == T5_TIED, "0.1");
}

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
    declare_base(r, v->base);
    must(attach(r, v->method, settings, &e), &e);
    params_allocate(&r->model.params, true);
    params_init_missing(&r->model.params, seed);
    shake_vectors(&r->model.params, false);
    rig_measure(r, batch_of(r));
}

/* Large steps, so that nothing is near its start any more. */
static void train(struct rig *r, long first, long last)
{
    for (long step = first; step <= last; step++)
        rig_step(r, batch_of(r), step, 0.02, 0.01f);
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
    struct variant plain = {.method = "null", .base = v->base};
    struct rig base;
    float with[N_LOGITS], without[N_LOGITS];
    open_variant(&base, &plain, 1);
    logits_of(&base, without);
    logits_of(r, with);
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
    bool drawn = false; /* or all of it starts at zeros and ones */
    for (int i = 0; i < r->model.params.n; i++) {
        const struct param *p = r->model.params.items[i];
        drawn = drawn || (p->trainable && p->init >= INIT_NORMAL);
    }
    if (drawn)
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
    return rig_loss(r, batch_of(r), true, 7, &logits)->data[0];
}

/* g . d against the slope of L(w + h d) by four points, for a random d of length 1 in
 * each trained tensor, under one fixed dropout mask. float32 losses of a few units
 * are good to 3e-7, so the slope is good to about 1e-4; the rest of the margin is the
 * fifth derivative within h. */
static void check_gradients(struct rig *r, const struct variant *v)
{
    static const float steps[] = {-2, -1, 1, 2};
    static const double weights[] = {1. / 12, -8. / 12, 8. / 12, -1. / 12};
    const float h = 4e-3f;
    struct params *p = &r->model.params;
    rig_backward(r, batch_of(r), true, 7);
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
        double slope = 0;
        for (int i_step = 0; i_step < 4; i_step++) {
            for (size_t k = 0; k < n; k++)
                one->t.data[k] = w[k] + steps[i_step] * h * d[k];
            slope += weights[i_step] * loss_at(r) / h;
        }
        memcpy(one->t.data, w, n * sizeof *w);
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
    declare_base(&back, v->base);
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
    rig_measure(&back, batch_of(&back));
    logits_of(r, before);
    logits_of(&back, after);
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
    logits_of(r, before);
    int rc = method_merge(&r->tuned, &e);
    if (hooked && !m->merge) {
        cr_expect(rc == -1 && e.kind == ERR_USAGE && strstr(e.text, v->method), "%s", e.text);
        return;
    }
    must(rc, &e);
    cr_expect(!r->tuned.hooks.before && !r->tuned.hooks.after && !r->tuned.hooks.key_value);
    logits_of(r, after);
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

Test(registry, what_an_encoder_decoder_cannot_train_is_refused)
{
    static const struct {
        const char *method, *says;
        bool tied;
    } bad[] = {
        {"bitfit", "no projection has a bias and no normalisation a shift", true},
        {"bitfit", "nothing it could train", false},
        {"head", "no classifier: it answers in text", true},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct rig r = {0};
        struct err e = {0};
        declare_small_t5(&r, bad[i].tied, "0");
        cr_expect_eq(attach(&r, bad[i].method, NULL, &e), -1, "%s", bad[i].method);
        cr_expect(e.kind == ERR_USAGE && strstr(e.text, bad[i].says), "%s", e.text);
        arena_release(&r.arena);
    }
}

/* As the survey's author's runs print them for LoRA r 64 on q and v, and for all of it. */
Test(registry, published_counts_of_flan_t5)
{
    static const struct {
        const char *name, *method;
        size_t n_train, n_total;
    } published[] = {
        {"flan-t5-base", "lora", 7077888, 254655744},
        {"flan-t5-large", "lora", 18874368, 802024448},
        {"flan-t5-xl", "lora", 37748736, 2887505920},
        {"flan-t5-base", "full", 247577856, 247577856},
    };
    static const char *const lora[] = {"r=64", "target_modules=q,v", NULL};
    for (size_t i = 0; i < sizeof published / sizeof *published; i++) {
        struct rig r = {0};
        struct err e = {0};
        struct zoo_entry z;
        must(zoo_find(&z, published[i].name, &r.arena, &e), &e);
        must(model_declare(&r.model, z.family, &z.config, 4, &r.arena, &e), &e);
        must(attach(&r, published[i].method, published[i].method[0] == 'l' ? lora : NULL, &e), &e);
        cr_expect_eq(params_trainable(&r.model.params), published[i].n_train);
        cr_expect_eq(params_total(&r.model.params), published[i].n_total);
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
