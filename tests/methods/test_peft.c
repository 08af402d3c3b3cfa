/* Adapter files: what is written, and what is refused by name. That PEFT itself
 * agrees is shown by tests/golden/methods/peft_roundtrip.py. */
#include "tests/methods/fixture.h"

#include "models/safetensors.h"

#include <criterion/criterion.h>

#define GOLDEN    "tests/golden/methods/"
#define GOLDEN_T5 "tests/golden/methods_t5/"

struct folder {
    char path[40];
};

static struct folder make_folder(void)
{
    struct folder f = {"/tmp/ftbench-peft-XXXXXX"};
    cr_assert(mkdtemp(f.path));
    return f;
}

static void remove_folder(const struct folder *f)
{
    struct str path = {0};
    remove(file_join(&path, f->path, "adapter_config.json"));
    remove(file_join(&path, f->path, "adapter_model.safetensors"));
    remove(f->path);
    str_release(&path);
}

/* A golden adapter with field = value (JSON) in its configuration. */
static struct folder changed_copy(const char *from, const char *field, const char *value)
{
    struct folder f = make_folder();
    struct str path = {0}, bytes = {0};
    struct err e = {0};
    char source[80];
    snprintf(source, sizeof source, GOLDEN "%s/adapter_model.safetensors", from);
    must(file_read(&bytes, source, &e), &e);
    must(
        file_write(file_join(&path, f.path, "adapter_model.safetensors"), bytes.buf, bytes.len, &e),
        &e);
    snprintf(source, sizeof source, GOLDEN "%s/adapter_config.json", from);
    json_t *config = json_read(source, &e);
    json_t *changed = json_parse(value, strlen(value), field, &e);
    must(config && changed ? 0 : -1, &e);
    json_object_set_new(config, field, changed);
    must(json_write(file_join(&path, f.path, "adapter_config.json"), config, &e), &e);
    json_decref(config);
    str_release(&path);
    str_release(&bytes);
    return f;
}

static int read_config(const char *dir, const char **name, struct str *options, struct err *e)
{
    struct rig r = {0};
    const struct method *method = NULL;
    struct options o;
    declare_folder(&r, GOLDEN "base", 3);
    int rc = peft_config(&method, &o, &r.model, dir, &r.arena, e);
    if (rc == 0) {
        *name = method->name;
        options_canonical(options, &o, "", false);
    }
    arena_release(&r.arena);
    return rc;
}

Test(peft, configurations_of_peft_are_understood)
{
    static const struct {
        const char *folder, *method, *options;
    } cases[] = {
        {"lora_rs", "lora",
         "r=5\nlora_alpha=4\nlora_dropout=0\ntarget_modules=ffn_in,q\nuse_rslora=true\n"},
        {"lora_all", "lora",
         "r=3\nlora_alpha=5\nlora_dropout=0\ntarget_modules=ffn_in,ffn_out,k,o,q,v\n"
         "use_rslora=false\n"},
        {"ia3", "ia3", "target_modules=ffn_out,k,v\nfeedforward_modules=ffn_out\n"},
        {"ia3_default", "ia3", "target_modules=ffn_out,k,o,v\nfeedforward_modules=ffn_out,o\n"},
        {"prefix", "prefix", "num_virtual_tokens=4\n"},
        {"prompt", "prompt", "num_virtual_tokens=6\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err e = {0};
        struct str options = {0};
        const char *name = NULL;
        char dir[64];
        snprintf(dir, sizeof dir, GOLDEN "%s", cases[i].folder);
        must(read_config(dir, &name, &options, &e), &e);
        cr_expect_str_eq(name, cases[i].method);
        cr_expect_str_eq(str_text(&options), cases[i].options);
        str_release(&options);
    }
}

Test(peft, what_is_not_implemented_is_refused)
{
    static const struct {
        const char *folder, *field, *value, *says;
    } cases[] = {
        {"lora_qv", "use_dora", "true", "use_dora"},
        {"lora_qv", "bias", "\"all\"", "bias"},
        {"lora_qv", "rank_pattern", "{\"query\": 2}", "rank_pattern"},
        {"lora_qv", "r", "\"four\"", "four"},
        {"lora_qv", "r", "null", "\"r\""},
        {"lora_qv", "lora_dropout", "1.5", "lora_dropout"},
        {"lora_qv", "peft_type", "\"LOHA\"", "LOHA"},
        {"lora_qv", "peft_type", "7", "peft_type"},
        {"prefix", "prefix_projection", "true", "prefix_projection"},
        {"prompt", "num_virtual_tokens", "0", "num_virtual_tokens"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err e = {0};
        struct str options = {0};
        const char *name;
        struct folder f = changed_copy(cases[i].folder, cases[i].field, cases[i].value);
        cr_expect_eq(read_config(f.path, &name, &options, &e), -1, "%s", cases[i].field);
        cr_expect(strstr(e.text, cases[i].says) && strstr(e.text, "adapter_config.json"), "%s",
                  e.text);
        remove_folder(&f);
        str_release(&options);
    }
}

/* Attaches method to the golden base and reads the golden adapter in dir. */
static int read_into(const char *method, const char *const *settings, const char *dir, int n_labels,
                     struct err *e)
{
    struct rig r = {0};
    struct err ours = {0};
    char path[64];
    snprintf(path, sizeof path, GOLDEN "%s", dir);
    declare_folder(&r, GOLDEN "base", n_labels);
    must(attach(&r, method, settings, &ours), &ours);
    params_allocate(&r.model.params, false);
    int rc = peft_read(&r.tuned, path, e);
    arena_release(&r.arena);
    return rc;
}

Test(peft, wrong_tensors_are_named)
{
    static const char *const r4[] = {"r=4", NULL}, *const r5[] = {"r=5", NULL};
    static const char *const q[] = {"r=4", "target_modules=q", NULL};
    static const char *const k[] = {"r=4", "target_modules=q,k", NULL};
    static const char *const n4[] = {"num_virtual_tokens=4", NULL};
    struct err e = {0};
    cr_expect_eq(read_into("lora", r4, "lora_qv", 3, &e), 0, "%s", e.text);
    cr_expect_eq(read_into("lora", r5, "lora_qv", 3, &e), -1);
    cr_expect(strstr(e.text, "shape of base_model.model.bert.encoder.layer.0.attention.self.query"),
              "%s", e.text);
    cr_expect_eq(read_into("lora", r4, "lora_qv", 2, &e), -1);
    cr_expect(strstr(e.text, "shape of base_model.model.classifier.weight"), "%s", e.text);
    cr_expect_eq(read_into("lora", q, "lora_qv", 3, &e), -1);
    cr_expect(strstr(e.text, "extra base_model.model.bert.encoder.layer.0.attention.self.value"),
              "%s", e.text);
    cr_expect_eq(read_into("lora", k, "lora_qv", 3, &e), -1);
    cr_expect(strstr(e.text, "missing base_model.model.bert.encoder.layer.0.attention.self.key"),
              "%s", e.text);
    cr_expect_eq(read_into("prefix", n4, "prefix", 3, &e), 0, "%s", e.text);
    cr_expect_eq(read_into("prompt", n4, "prefix", 3, &e), -1);
    cr_expect(strstr(e.text, "shape of prompt_embeddings"), "%s", e.text);
    cr_expect_eq(read_into("lora", r4, "no_such_folder", 3, &e), -1);
    cr_expect(strstr(e.text, "no_such_folder"), "%s", e.text);
}

static json_t *written_config(const char *base, const char *method, const char *const *settings)
{
    struct rig r = {0};
    struct err e = {0};
    struct str path = {0};
    struct folder f = make_folder();
    declare_folder(&r, base, 3);
    must(attach(&r, method, settings, &e), &e);
    params_allocate(&r.model.params, false);
    must(checkpoint_load(&r.model, base, &e), &e);
    params_init_missing(&r.model.params, 1);
    must(peft_write(&r.tuned, "tiny", f.path, &e), &e);
    json_t *config = json_read(file_join(&path, f.path, "adapter_config.json"), &e);
    must(config ? 0 : -1, &e);
    remove_folder(&f);
    str_release(&path);
    model_release(&r.model);
    arena_release(&r.arena);
    return config;
}

/* "dense" alone would reach the pooler, "output.dense" attention's output too, and "o", in
 * one of PEFT's two lists, "wo". */
Test(peft, target_modules_mean_one_role)
{
    static const struct {
        const char *base, *settings[2], *want;
    } cases[] = {
        {GOLDEN "base", {"target_modules=q,v"}, "[\"query\", \"value\"]"},
        {GOLDEN "base",
         {"target_modules=o,ffn_in"},
         "[\"attention.output.dense\", \"intermediate.dense\"]"},
        {GOLDEN "base",
         {"target_modules=ffn_out"},
         "[\"0.output.dense\", \"1.output.dense\", \"2.output.dense\"]"},
        {GOLDEN_T5 "v10", {"target_modules=q,v,ffn_in"}, "[\"q\", \"v\", \"wi\"]"},
        {GOLDEN_T5 "v11",
         {"target_modules=k,o,ffn_in,ffn_out"},
         "[\"k\", \"SelfAttention.o\", \"wi_0\", \"wi_1\", \"wo\", \"EncDecAttention.o\"]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err e = {0};
        json_t *config = written_config(cases[i].base, "lora", cases[i].settings);
        json_t *want = json_parse(cases[i].want, strlen(cases[i].want), "want", &e);
        struct str got = {0};
        json_add(&got, json_object_get(config, "target_modules"), 0);
        cr_expect(json_equal(json_object_get(config, "target_modules"), want), "%s",
                  str_text(&got));
        json_decref(want);
        json_decref(config);
        str_release(&got);
    }
}

Test(peft, methods_of_our_own_say_so)
{
    static const char *const settings[] = {"bottleneck_size=5", NULL};
    json_t *config = written_config(GOLDEN "base", "adapter", settings);
    cr_expect_str_eq(json_string_value(json_object_get(config, "peft_type")), "FTBENCH_ADAPTER");
    cr_expect_eq(json_integer_value(json_object_get(config, "bottleneck_size")), 5);
    json_decref(config);
}

static void expect_field(json_t *config, const char *field, const char *want)
{
    struct str got = {0};
    json_add(&got, json_object_get(config, field), 0);
    cr_expect_str_eq(str_text(&got), want, "%s", field);
    str_release(&got);
}

/* A prefix is as wide as the heads together, a prompt as the embedding; of both the
 * decoder's layers count. */
Test(peft, sizes_of_an_encoder_decoder)
{
    static const char *const settings[] = {"num_virtual_tokens=2", NULL};
    json_t *config = written_config(GOLDEN_T5 "v10", "prefix", settings);
    expect_field(config, "peft_type", "\"PREFIX_TUNING\"");
    expect_field(config, "task_type", "\"SEQ_2_SEQ_LM\"");
    expect_field(config, "num_layers", "3");
    expect_field(config, "num_attention_heads", "3");
    expect_field(config, "token_dim", "15");
    expect_field(config, "num_transformer_submodules", "2");
    json_decref(config);
    config = written_config(GOLDEN_T5 "v10", "prompt", settings);
    expect_field(config, "peft_type", "\"PROMPT_TUNING\"");
    expect_field(config, "token_dim", "12");
    expect_field(config, "num_transformer_submodules", "1");
    json_decref(config);
}

/* PEFT's table for an even number of decoder layers says something else. */
Test(peft, a_prefix_that_two_layers_share_is_refused)
{
    struct rig r = {0};
    struct err e = {0};
    const struct method *method;
    struct options o;
    declare_small_t5(&r, false, "0");
    cr_expect_eq(peft_config(&method, &o, &r.model, GOLDEN_T5 "v10_prefix", &r.arena, &e), -1);
    cr_expect(strstr(e.text, "\"PREFIX_TUNING\" cannot be read for this model: PEFT gives two "
                             "layers of a decoder one prefix"),
              "%s", e.text);
    arena_release(&r.arena);
}

/* An adapter of one family on a model of the other. */
Test(peft, an_adapter_of_another_family_is_refused)
{
    struct rig r = {0};
    struct err e = {0};
    const struct method *method;
    struct options o;
    declare_folder(&r, GOLDEN_T5 "v10", 3);
    cr_expect_eq(peft_config(&method, &o, &r.model, GOLDEN "lora_qv", &r.arena, &e), -1, "%s",
                 e.text);
    cr_expect(strstr(e.text, "adapter_config.json") && strstr(e.text, "task_type"), "%s", e.text);
    arena_release(&r.arena);
}
