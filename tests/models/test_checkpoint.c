/* Folders as the hub has them, and folders with something wrong. */
#include "tests/models/rig.h"

#include "harness/base/file.h"
#include "harness/base/json.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char relu[] = "tests/golden/bert/relu";
static const char t5[] = "tests/golden/t5/gated", tied_t5[] = "tests/golden/t5/relu";

/* A folder of its own for each test. */
struct folder {
    char path[32];
    struct rig r;
};

static void folder_begin(struct folder *f)
{
    memset(f, 0, sizeof *f);
    memcpy(f->path, "/tmp/ft-checkpoint-XXXXXX", 26);
    cr_assert(mkdtemp(f->path));
}

static void folder_end(struct folder *f)
{
    static const char *const names[] = {"config.json",
                                        "model.safetensors",
                                        "pytorch_model.bin",
                                        "model.safetensors.index.json",
                                        "model-00001-of-00003.safetensors",
                                        "model-00002-of-00003.safetensors",
                                        "model-00003-of-00003.safetensors"};
    struct str path = {0};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        unlink(file_join(&path, f->path, names[i]));
    cr_expect(rmdir(f->path) == 0, "%s: nothing else was left there", f->path);
    str_release(&path);
}

static void put(struct folder *f, const char *name, const char *text)
{
    struct str path = {0};
    cr_assert(file_write(file_join(&path, f->path, name), text, strlen(text), &f->r.e) == 0);
    str_release(&path);
}

static void copy(struct folder *f, const char *dir, const char *name)
{
    struct str path = {0}, text = {0};
    cr_assert(file_read(&text, file_join(&path, dir, name), &f->r.e) == 0, "%s", f->r.e.text);
    cr_assert(file_write(file_join(&path, f->path, name), text.buf, text.len, &f->r.e) == 0);
    str_release(&path);
    str_release(&text);
}

/* --- config.json -------------------------------------------------------------- */

static void expect_config_refused(const char *text, const char *message)
{
    struct folder f;
    folder_begin(&f);
    put(&f, "config.json", text);
    const struct family *family;
    struct options config;
    const char *path = arena_printf(&f.r.a, "%s/config.json", f.path);
    cr_expect(checkpoint_config(&family, &config, path, &f.r.a, &f.r.e) == -1, "%s", text);
    cr_expect(f.r.e.kind == ERR_WORLD && strstr(f.r.e.text, path) && strstr(f.r.e.text, message),
              "%s\n  is not: %s", message, f.r.e.text);
    arena_release(&f.r.a);
    folder_end(&f);
}

Test(checkpoint, configurations_that_contradict_what_is_implemented_are_refused)
{
    expect_config_refused("{", "config.json:1:");
    expect_config_refused("[]", "\"model_type\"");
    expect_config_refused("{}", "\"model_type\" is missing");
    expect_config_refused("{\"model_type\":\"bort\"}", "\"bort\" is not implemented");
    expect_config_refused("{\"model_type\":\"bert\",\"position_embedding_type\":\"relative_key\"}",
                          "\"position_embedding_type\" is \"relative_key\"; only \"absolute\"");
    expect_config_refused("{\"model_type\":\"bert\",\"is_decoder\":true}",
                          "\"is_decoder\" is true; only false is implemented");
    expect_config_refused("{\"model_type\":\"bert\",\"add_cross_attention\":true}",
                          "\"add_cross_attention\" is true");
    expect_config_refused("{\"model_type\":\"bert\",\"hidden_act\":\"swish\"}", "hidden_act");
    expect_config_refused("{\"model_type\":\"bert\",\"hidden_size\":-1}", "hidden_size");
    expect_config_refused("{\"model_type\":\"bert\",\"hidden_size\":64.5}", "hidden_size");
    expect_config_refused("{\"model_type\":\"bert\",\"hidden_size\":[64]}",
                          "\"hidden_size\" must be one value");
    expect_config_refused("{\"model_type\":\"bert\",\"hidden_dropout_prob\":1.5}",
                          "hidden_dropout_prob");
    expect_config_refused("{\"model_type\":\"t5\",\"feed_forward_proj\":\"gated-silu\"}",
                          "relu, gated-gelu");
    expect_config_refused("{\"model_type\":\"t5\",\"is_gated_act\":true}",
                          "\"is_gated_act\" is true; only false is implemented where "
                          "\"feed_forward_proj\" is relu");
    expect_config_refused("{\"model_type\":\"t5\",\"feed_forward_proj\":\"gated-gelu\","
                          "\"dense_act_fn\":\"relu\"}",
                          "\"dense_act_fn\" is \"relu\"; only \"gelu_new\" is implemented");
    expect_config_refused("{\"model_type\":\"t5\",\"is_encoder_decoder\":false}",
                          "\"is_encoder_decoder\" is false");
}

Test(checkpoint, defaults_nulls_and_unknown_keys_are_as_in_transformers)
{
    struct folder f;
    folder_begin(&f);
    put(&f, "config.json",
        "{\"model_type\":\"bert\",\"hidden_size\":64,\"layer_norm_eps\":1e-5,"
        "\"classifier_dropout\":null,\"is_decoder\":false,\"position_embedding_type\":\"absolute\","
        "\"id2label\":{\"0\":\"a\"},\"hidden_dropout_prob\":0}");
    const struct family *family;
    struct options c;
    const char *path = arena_printf(&f.r.a, "%s/config.json", f.path);
    cr_assert(checkpoint_config(&family, &c, path, &f.r.a, &f.r.e) == 0, "%s", f.r.e.text);
    cr_expect(family == &bert_family);
    cr_expect(option_int(&c, "hidden_size") == 64 && option_int(&c, "vocab_size") == 30522);
    cr_expect(option_float(&c, "layer_norm_eps") == 1e-5);
    cr_expect(option_float(&c, "hidden_dropout_prob") == 0);
    cr_expect(option_float(&c, "attention_probs_dropout_prob") == 0.1);
    cr_expect(option_float(&c, "classifier_dropout") == -1);
    arena_release(&f.r.a);
    folder_end(&f);
}

/* --- weights ------------------------------------------------------------------ */

Test(checkpoint, frozen_values_stay_in_the_file_and_trained_ones_are_copied)
{
    struct rig rig, *r = &rig;
    rig_declare(r, relu, 4);
    struct param *trained = params_find(&r->m.params, "classifier.bias");
    trained->trainable = true;
    params_allocate(&r->m.params, true);
    OK(checkpoint_load(&r->m, relu, &r->e));
    cr_assert(r->m.n_maps == 1);
    const unsigned char *from = r->m.maps[0].data, *to = from + r->m.maps[0].n_bytes;
    for (int i = 0; i < r->m.params.n; i++) {
        const struct param *p = r->m.params.items[i];
        const unsigned char *at = (const unsigned char *)p->t.data;
        cr_expect(p->loaded && (at >= from && at < to) == !p->trainable, "%s", p->name);
    }
    cr_expect(trained->t.data == r->m.params.adam.param);

    struct param *w = params_find(&r->m.params, "bert.pooler.dense.weight");
    const float *mapped = w->t.data;
    float *own = params_own_data(&r->m.params, w);
    cr_expect(own != mapped && memcmp(own, mapped, param_size(w) * sizeof *own) == 0);
    cr_expect(params_own_data(&r->m.params, w) == own, "made once");
    rig_close(r);
}

/* Rewrites relu's tensors under other names; NULL leaves one out. */
static void rename_tensors(struct folder *f, const char *(*name_of)(struct arena *, const char *))
{
    struct rig *r = &f->r;
    struct safetensors s;
    struct str path = {0};
    OK(safetensors_open(&s, file_join(&path, relu, "model.safetensors"), &r->a, &r->e));
    struct safetensor_out *out = arena_array(&r->a, (size_t)s.n, sizeof *out);
    int n = 0;
    for (int i = 0; i < s.n; i++) {
        const struct safetensor *t = &s.items[i];
        const char *name = name_of(&r->a, t->name);
        float *data = arena_array(&r->a, t->n_values, sizeof *data);
        OK(safetensor_to_f32(data, t, &r->e));
        if (name)
            out[n++] =
                (struct safetensor_out){name, t->n_dims, {t->dims[0], t->dims[1]}, data, DTYPE_F32};
    }
    OK(safetensors_write(file_join(&path, f->path, "model.safetensors"), out, n, &r->e));
    safetensors_close(&s);
    str_release(&path);
    arena_release(&r->a);
    copy(f, relu, "config.json");
}

/* As bare BertModel files have them, with the names of before 2019. */
static const char *old_name(struct arena *a, const char *name)
{
    if (str_starts(name, "classifier"))
        return NULL;
    if (str_starts(name, "bert."))
        name += strlen("bert.");
    int n = (int)strlen(name);
    if (str_ends(name, "LayerNorm.weight"))
        return arena_printf(a, "%.*sgamma", n - 6, name);
    if (str_ends(name, "LayerNorm.bias"))
        return arena_printf(a, "%.*sbeta", n - 4, name);
    return name;
}

Test(checkpoint, bare_models_and_old_names_load)
{
    struct folder f;
    folder_begin(&f);
    rename_tensors(&f, old_name);
    struct rig want;
    rig_open(&want, relu, 4, false);
    rig_open(&f.r, f.path, 4, false);
    for (int i = 0; i < want.m.params.n; i++) {
        const struct param *a = f.r.m.params.items[i], *b = want.m.params.items[i];
        cr_expect(a->loaded == (a->part == PART_BASE), "%s", a->name);
        if (a->loaded)
            cr_expect(memcmp(a->t.data, b->t.data, param_size(a) * sizeof(float)) == 0, "%s",
                      a->name);
    }
    rig_close(&want);
    rig_close(&f.r);
    folder_end(&f);
}

static const char *with_ignored(struct arena *a, const char *name)
{
    return str_starts(name, "classifier") ? arena_printf(a, "cls.predictions.%s", name) : name;
}

Test(checkpoint, heads_of_other_tasks_are_passed_over)
{
    struct folder f;
    folder_begin(&f);
    rename_tensors(&f, with_ignored);
    rig_open(&f.r, f.path, 4, false);
    cr_expect(!params_find(&f.r.m.params, "classifier.bias")->loaded);
    rig_close(&f.r);
    folder_end(&f);
}

Test(checkpoint, a_head_for_another_number_of_labels_is_left_fresh)
{
    struct rig rig, *r = &rig;
    rig_open(r, relu, 3, false);
    const struct param *bias = params_find(&r->m.params, "classifier.bias");
    cr_expect(!bias->loaded && bias->t.data[0] == 0 && bias->t.data[2] == 0);
    rig_close(r);
}

static void expect_load_refused(struct folder *f, const char *const *messages)
{
    struct rig *r = &f->r;
    rig_declare(r, f->path, 4);
    params_allocate(&r->m.params, true);
    cr_expect(checkpoint_load(&r->m, f->path, &r->e) == -1);
    cr_expect(strstr(r->e.text, f->path), "%s", r->e.text);
    for (; *messages; messages++)
        cr_expect(strstr(r->e.text, *messages), "%s\n  is not in: %s", *messages, r->e.text);
    rig_close(r);
}

#define EXPECT_LOAD_REFUSED(f, ...) expect_load_refused(f, (const char *const[]){__VA_ARGS__, NULL})

static const char *some_wrong(struct arena *a, const char *name)
{
    (void)a;
    if (str_equal(name, "bert.pooler.dense.bias"))
        return NULL;
    return str_equal(name, "bert.pooler.dense.weight") ? "bert.puller.weight" : name;
}

Test(checkpoint, missing_and_unknown_tensors_are_named_together)
{
    struct folder f;
    folder_begin(&f);
    rename_tensors(&f, some_wrong);
    EXPECT_LOAD_REFUSED(&f, "2 missing: bert.pooler.dense.weight, bert.pooler.dense.bias",
                        "1 unknown: bert.puller.weight");
    folder_end(&f);
}

/* Another tensor of 40 values under the bare name of the pooler's bias, and one of
 * 4 under an old name. */
static const char *strangers(struct arena *a, const char *name)
{
    (void)a;
    if (str_equal(name, "bert.encoder.layer.0.output.dense.bias"))
        return "pooler.dense.bias";
    return str_equal(name, "classifier.bias") ? "embeddings.LayerNorm.gamma" : name;
}

Test(checkpoint, one_parameter_under_two_names_is_refused)
{
    struct folder f;
    folder_begin(&f);
    rename_tensors(&f, strangers);
    EXPECT_LOAD_REFUSED(&f, "1 missing: bert.encoder.layer.0.output.dense.bias",
                        "1 there twice: bert.pooler.dense.bias",
                        "1 mis-shaped: embeddings.LayerNorm.gamma is [4] (config.json: [40])");
    folder_end(&f);
}

Test(checkpoint, a_configuration_that_contradicts_the_tensors_is_named)
{
    struct folder f;
    folder_begin(&f);
    copy(&f, relu, "model.safetensors");
    put(&f, "config.json",
        "{\"model_type\":\"bert\",\"vocab_size\":98,\"hidden_size\":40,\"num_attention_heads\":5,"
        "\"intermediate_size\":31,\"num_hidden_layers\":2,\"max_position_embeddings\":70}");
    EXPECT_LOAD_REFUSED(
        &f,
        "16 missing: bert.encoder.layer.1.attention.self.query.weight, "
        "bert.encoder.layer.1.attention.self.query.bias, ",
        " and 12 more",
        "bert.embeddings.word_embeddings.weight is [97, 40] (config.json: [98, 40])",
        "4 mis-shaped: ");
    folder_end(&f);
}

static const char *of_no_bert(struct arena *a, const char *name)
{
    return arena_printf(a, "transformer.h.%s", name);
}

Test(checkpoint, another_familys_checkpoint_is_called_that)
{
    struct folder f;
    folder_begin(&f);
    rename_tensors(&f, of_no_bert);
    EXPECT_LOAD_REFUSED(&f, "none of its 25 tensors (transformer.h.", "belongs to a bert model");
    struct rig *r = &f.r;
    rig_declare(r, f.path, 4);
    params_allocate(&r->m.params, true);
    put(&f, "config.json", "{\"model_type\":\"gpt2\"}");
    cr_expect(checkpoint_load(&r->m, f.path, &r->e) == -1);
    cr_expect(strstr(r->e.text, "config.json says model_type \"gpt2\", but the model is of family "
                                "bert: a checkpoint of another family"),
              "%s", r->e.text);
    rig_close(r);
    folder_end(&f);
}

/* A folder without a config.json: the names of the tensors must do. */
static void expect_stranger(const char *model, const char *weights, const char *message)
{
    struct folder f;
    folder_begin(&f);
    copy(&f, weights, "model.safetensors");
    rig_declare(&f.r, model, 4);
    params_allocate(&f.r.m.params, true);
    cr_expect(checkpoint_load(&f.r.m, f.path, &f.r.e) == -1);
    cr_expect(strstr(f.r.e.text, message), "%s\n  is not in: %s", message, f.r.e.text);
    rig_close(&f.r);
    rig_declare(&f.r, model, 4);
    params_allocate(&f.r.m.params, true);
    cr_expect(checkpoint_load(&f.r.m, weights, &f.r.e) == -1);
    cr_expect(strstr(f.r.e.text, "config.json says model_type"), "%s", f.r.e.text);
    rig_close(&f.r);
    folder_end(&f);
}

Test(checkpoint, an_encoder_is_no_encoder_decoder_and_the_reverse)
{
    expect_stranger(t5, relu, "belongs to a t5 model: a checkpoint of another family");
    expect_stranger(relu, t5, "belongs to a bert model: a checkpoint of another family");
}

/* config.json of a golden folder with field = value (JSON). */
static void put_changed(struct folder *f, const char *from, const char *field, const char *value)
{
    struct str path = {0}, text = {0};
    json_t *config = json_read(file_join(&path, from, "config.json"), &f->r.e);
    cr_assert(config);
    json_object_set_new(config, field, json_loads(value, JSON_DECODE_ANY, NULL));
    json_add(&text, config, 0);
    put(f, "config.json", str_text(&text));
    json_decref(config);
    str_release(&path);
    str_release(&text);
}

Test(checkpoint, a_t5_configuration_that_contradicts_the_tensors_is_named)
{
    struct folder f;
    folder_begin(&f);
    copy(&f, t5, "model.safetensors");
    put_changed(&f, t5, "d_kv", "7");
    EXPECT_LOAD_REFUSED(&f,
                        "mis-shaped: decoder.block.0.layer.0.SelfAttention.k.weight is [32, 24] "
                        "(config.json: [14, 24])");
    put_changed(&f, t5, "num_decoder_layers", "2");
    EXPECT_LOAD_REFUSED(&f, "14 missing: decoder.block.1.layer.0.SelfAttention.q.weight");
    put_changed(&f, t5, "feed_forward_proj", "\"relu\"");
    EXPECT_LOAD_REFUSED(&f, "4 missing: encoder.block.0.layer.1.DenseReluDense.wi.weight",
                        "8 unknown: ", "DenseReluDense.wi_0.weight");
    put_changed(&f, t5, "tie_word_embeddings", "true");
    EXPECT_LOAD_REFUSED(&f,
                        "lm_head.weight is not the copy of shared.weight that config.json makes "
                        "it");
    copy(&f, tied_t5, "model.safetensors");
    put_changed(&f, tied_t5, "tie_word_embeddings", "false");
    EXPECT_LOAD_REFUSED(&f, "1 missing: lm_head.weight");
    folder_end(&f);
}

Test(checkpoint, folders_without_weights_say_what_is_read)
{
    struct folder f;
    folder_begin(&f);
    copy(&f, relu, "config.json");
    EXPECT_LOAD_REFUSED(&f, "neither model.safetensors nor model.safetensors.index.json is there");
    put(&f, "pytorch_model.bin", "x");
    EXPECT_LOAD_REFUSED(&f, "pytorch_model.bin is not read: save it again as safetensors");
    put(&f, "model.safetensors", "x");
    EXPECT_LOAD_REFUSED(&f, "model.safetensors is not a sound safetensors file");
    folder_end(&f);
}

Test(checkpoint, broken_shards_are_named)
{
    static const char shards[] = "tests/golden/bert/relu-shards";
    static const char index[] = "model.safetensors.index.json";
    struct folder f;
    folder_begin(&f);
    copy(&f, shards, "config.json");
    copy(&f, shards, index);
    copy(&f, shards, "model-00001-of-00003.safetensors");
    copy(&f, shards, "model-00003-of-00003.safetensors");
    EXPECT_LOAD_REFUSED(&f, "the shard model-00002-of-00003.safetensors, named by "
                            "model.safetensors.index.json, is missing");
    put(&f, "model-00002-of-00003.safetensors", "short");
    EXPECT_LOAD_REFUSED(&f, "model-00002-of-00003.safetensors is not a sound safetensors file");
    copy(&f, shards, "model-00002-of-00003.safetensors");
    put(&f, index, "{\"weight_map\":{\"classifier.bias\":\"model-00002-of-00003.safetensors\"}}");
    EXPECT_LOAD_REFUSED(&f, "says classifier.bias lies in model-00002-of-00003.safetensors, but");
    put(&f, index, "{\"weight_map\":{\"a\":\"../x.safetensors\"}}");
    EXPECT_LOAD_REFUSED(&f, "\"../x.safetensors\", which is no file name of this folder");
    put(&f, index, "{\"weight_map\":{\"a\":7}}");
    EXPECT_LOAD_REFUSED(&f, "\"(not a text)\"");
    put(&f, index, "{\"weight_map\":{}}");
    EXPECT_LOAD_REFUSED(&f, "weight_map is empty");
    put(&f, index, "{}");
    EXPECT_LOAD_REFUSED(&f, "\"weight_map\" is missing");
    put(&f, index, "{");
    EXPECT_LOAD_REFUSED(&f, "index.json:1:");
    folder_end(&f);
}

Test(checkpoint, a_tensor_of_integers_is_refused)
{
    struct folder f;
    folder_begin(&f);
    put(&f, "config.json", "{\"model_type\":\"bert\",\"hidden_size\":1,\"num_attention_heads\":1}");
    const char header[] = "{\"bert.pooler.dense.bias\":"
                          "{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[0,8]}}";
    struct str text = {0};
    str_add_bytes(&text, (const char[]){sizeof header - 1, 0, 0, 0, 0, 0, 0, 0}, 8);
    str_add(&text, header);
    str_add_bytes(&text, "12345678", 8);
    struct str path = {0};
    cr_assert(
        file_write(file_join(&path, f.path, "model.safetensors"), text.buf, text.len, &f.r.e) == 0);
    EXPECT_LOAD_REFUSED(&f, "bert.pooler.dense.bias has dtype I64; F32, F16 and BF16 can be used");
    str_release(&text);
    str_release(&path);
    folder_end(&f);
}

Test(checkpoint, the_hash_is_that_of_the_weight_files)
{
    char a[65], b[65], c[65];
    struct err e;
    cr_assert(checkpoint_hash(a, relu, &e) == 0);
    cr_assert(checkpoint_hash(b, "tests/golden/bert/relu-f16", &e) == 0);
    cr_assert(checkpoint_hash(c, "tests/golden/bert/relu-shards", &e) == 0);
    cr_expect(strcmp(a, b) != 0 && strcmp(a, c) != 0 && strlen(a) == 64);
    cr_assert(checkpoint_hash(b, relu, &e) == 0);
    cr_expect_str_eq(a, b);
    cr_expect(checkpoint_hash(a, "/nowhere", &e) == -1 && strstr(e.text, "/nowhere"));
}
