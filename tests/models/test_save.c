/* A model saved as a folder, and read back: to the bit of F16. */
#include "tests/models/rig.h"

#include "harness/base/json.h"
#include "models/save.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char bert[] = "tests/golden/masked_lm/gelu", t5[] = "tests/golden/t5/gated";

struct folder {
    char path[64];
};

static void folder_make(struct folder *f)
{
    *f = (struct folder){.path = "/tmp/ft-save-XXXXXX"};
    cr_assert(mkdtemp(f->path));
}

static const char *in_folder(struct rig *r, const struct folder *f, const char *name)
{
    return arena_printf(&r->a, "%s/%s", f->path, name);
}

static void folder_remove(struct rig *r, const struct folder *f)
{
    unlink(in_folder(r, f, "config.json"));
    unlink(in_folder(r, f, "model.safetensors"));
    cr_expect(rmdir(f->path) == 0, "nothing else was left in %s", f->path);
}

/* Random weights, without labels, in the shape of dir's model. */
static void open_random(struct rig *r, const char *dir, bool trainable)
{
    rig_declare(r, dir, 0);
    rig_train(r, trainable);
    params_allocate(&r->m.params, false);
    params_init_missing(&r->m.params, 3);
}

/* The nearest F16, by another way than the program's: scaled so that the last bit kept is 1, and
 * rounded there; what is beyond the largest is not asked. */
static float nearest_f16(float x)
{
    int exponent;
    frexpf(x, &exponent);
    int last = exponent - 11 < -24 ? -24 : exponent - 11;
    return ldexpf(nearbyintf(ldexpf(x, -last)), last);
}

static void expect_rounded(const struct param *got, const struct param *want)
{
    cr_assert(got && param_size(got) == param_size(want), "%s", want->name);
    cr_expect(got->loaded, "%s", want->name);
    for (size_t i = 0; i < param_size(want); i++)
        if (got->t.data[i] != nearest_f16(want->t.data[i]))
            cr_assert(false, "%s[%zu]: %a became %a", want->name, i, want->t.data[i],
                      got->t.data[i]);
}

static void expect_round_trip(const char *dir)
{
    struct rig first, *r = &first, second;
    struct folder f;
    folder_make(&f);
    open_random(r, dir, true);
    OK(model_save(&r->m, f.path, &r->e));
    rig_open(&second, f.path, 0, false);
    cr_expect(second.m.family == r->m.family && second.m.params.n == r->m.params.n);
    struct str had = {0}, got = {0};
    options_canonical(&had, &r->m.config, NULL, false);
    /* The rig turns dropout off in both. */
    options_canonical(&got, &second.m.config, NULL, false);
    cr_expect_str_eq(str_text(&got), str_text(&had));
    for (int i = 0; i < r->m.params.n; i++)
        expect_rounded(params_find(&second.m.params, r->m.params.items[i]->name),
                       r->m.params.items[i]);
    str_release(&had);
    str_release(&got);
    rig_close(&second);
    folder_remove(r, &f);
    rig_close(r);
}

Test(save, every_value_comes_back_as_the_nearest_f16)
{
    expect_round_trip(bert);
    expect_round_trip(t5);
}

/* What AutoModel needs besides the family's own options, by its own names and types. */
Test(save, the_configuration_is_one_that_transformers_reads)
{
    static const struct {
        const char *dir, *text;
    } cases[] = {
        {bert, "{\"add_cross_attention\": false, \"architectures\": [\"BertForMaskedLM\"], "
               "\"attention_probs_dropout_prob\": 0.0, \"classifier_dropout\": 0.0, "
               "\"dtype\": \"float16\", \"hidden_act\": \"gelu\", \"hidden_dropout_prob\": 0.0, "
               "\"hidden_size\": 36, \"initializer_range\": 0.02, \"intermediate_size\": 75, "
               "\"is_decoder\": false, \"layer_norm_eps\": 9.9999999999999998e-13, "
               "\"max_position_embeddings\": 48, \"model_type\": \"bert\", "
               "\"num_attention_heads\": 3, \"num_hidden_layers\": 2, \"pad_token_id\": 0, "
               "\"position_embedding_type\": \"absolute\", \"tie_word_embeddings\": true, "
               "\"torch_dtype\": \"float16\", \"type_vocab_size\": 2, \"vocab_size\": 151}"},
        {t5, "{\"architectures\": [\"T5ForConditionalGeneration\"], \"d_ff\": 37, \"d_kv\": 16, "
             "\"d_model\": 24, \"decoder_start_token_id\": 3, \"dense_act_fn\": \"gelu_new\", "
             "\"dropout_rate\": 0.0, \"dtype\": \"float16\", \"eos_token_id\": 25, "
             "\"feed_forward_proj\": \"gated-gelu\", \"initializer_factor\": 1.0, "
             "\"is_decoder\": false, \"is_encoder_decoder\": true, \"is_gated_act\": true, "
             "\"layer_norm_epsilon\": 1.0000000000000001e-5, \"model_type\": \"t5\", "
             "\"num_decoder_layers\": 1, \"num_heads\": 2, \"num_layers\": 3, "
             "\"pad_token_id\": 0, \"relative_attention_max_distance\": 15, "
             "\"relative_attention_num_buckets\": 8, \"tie_word_embeddings\": false, "
             "\"torch_dtype\": \"float16\", \"vocab_size\": 83}"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rig rig, *r = &rig;
        struct folder f;
        folder_make(&f);
        open_random(r, cases[i].dir, true);
        OK(model_save(&r->m, f.path, &r->e));
        json_t *config = json_read(in_folder(r, &f, "config.json"), &r->e);
        cr_assert(config, "%s", r->e.text);
        struct str text = {0};
        json_add(&text, config, 0);
        cr_expect_str_eq(str_text(&text), cases[i].text);
        str_release(&text);
        json_decref(config);
        folder_remove(r, &f);
        rig_close(r);
    }
}

/* A value that means "none" in our tables is an absent key there, and reads back as it was. */
Test(save, what_is_not_set_is_not_written)
{
    struct rig rig, *r = &rig;
    struct folder f;
    folder_make(&f);
    const struct family *family;
    struct options config;
    *r = (struct rig){0};
    OK(checkpoint_config(&family, &config, arena_printf(&r->a, "%s/config.json", bert), &r->a,
                         &r->e));
    cr_assert(option_float(&config, "classifier_dropout") == -1);
    OK(model_declare(&r->m, family, &config, 0, &r->a, &r->e));
    rig_memory(r);
    params_allocate(&r->m.params, false);
    params_init_missing(&r->m.params, 3);
    OK(model_save(&r->m, f.path, &r->e));
    struct str text = {0};
    OK(file_read(&text, in_folder(r, &f, "config.json"), &r->e));
    cr_expect(!strstr(str_text(&text), "classifier_dropout"));
    cr_expect(strstr(str_text(&text), "\"hidden_dropout_prob\": 0.1"));
    OK(checkpoint_config(&family, &config, in_folder(r, &f, "config.json"), &r->a, &r->e));
    cr_expect(option_float(&config, "classifier_dropout") == -1);
    str_release(&text);
    folder_remove(r, &f);
    rig_close(r);
}

/* A classifier made of a masked language model reads tanh of each first row. */
Test(save, a_classifier_reads_a_saved_language_model)
{
    static const int lengths[] = {5, 12, 1, 30};
    struct rig rig, *r = &rig, second, *c = &second;
    struct folder f;
    folder_make(&f);
    open_random(r, bert, true);
    OK(model_save(&r->m, f.path, &r->e));
    rig_open(c, f.path, 3, false);
    rig_batch(c, lengths, 4, 9);
    struct forward pass;
    tape_begin(&c->tape, false, 0, 0);
    forward_begin(&pass, &c->m, &c->tape, &c->batch, NULL);
    const struct tensor *hidden = bert_hidden(&pass);
    int width = hidden->cols;
    float *want = arena_array(&c->a, 4 * (size_t)width, sizeof *want);
    for (int s = 0; s < 4; s++)
        for (int i = 0; i < width; i++)
            want[s * width + i] = tanhf(hidden->data[c->batch.offsets[s] * width + i]);
    tape_begin(&c->tape, false, 0, 0);
    forward_begin(&pass, &c->m, &c->tape, &c->batch, NULL);
    /* Of order 1, and the layer's rows are computed one at a time. */
    cr_expect(largest_difference(bert_pooled(&pass)->data, want, 4 * (size_t)width) < 1e-5);
    rig_close(c);
    folder_remove(r, &f);
    rig_close(r);
}

/* Frozen in bfloat16 only: wider than F16 in range, coarser in digits, so it comes back exactly. */
Test(save, values_kept_in_bfloat16_are_saved_too)
{
    struct rig rig, *r = &rig, second;
    struct folder f;
    folder_make(&f);
    rig_declare(r, t5, 0);
    r->m.params.bfloat16 = true;
    params_allocate(&r->m.params, false);
    params_init_missing(&r->m.params, 3);
    const struct param *shared = params_find(&r->m.params, "shared.weight");
    cr_assert(!shared->t.data && shared->t.half);
    OK(model_save(&r->m, f.path, &r->e));
    rig_open(&second, f.path, 0, false);
    const float *got = params_find(&second.m.params, "shared.weight")->t.data;
    for (size_t i = 0; i < param_size(shared); i++) {
        uint32_t bits = (uint32_t)shared->t.half[i] << 16;
        float value;
        memcpy(&value, &bits, sizeof value);
        cr_assert(got[i] == nearest_f16(value));
    }
    rig_close(&second);
    folder_remove(r, &f);
    rig_close(r);
}

/* Nothing half-written, and what stood there before still stands. */
static void expect_refused(struct rig *r, const char *dir, const char *message)
{
    cr_expect(model_save(&r->m, dir, &r->e) == -1);
    cr_expect(r->e.kind == ERR_WORLD && strstr(r->e.text, message), "%s", r->e.text);
}

Test(save, a_value_that_f16_cannot_hold_is_named_and_the_old_folder_stays)
{
    static const float bad[] = {65520, -1e9f, INFINITY, NAN};
    struct rig rig, *r = &rig;
    struct folder f;
    folder_make(&f);
    open_random(r, bert, true);
    struct param *p = params_find(&r->m.params, "bert.encoder.layer.1.output.dense.weight");
    p->t.data[7] = 65519.99f;
    OK(model_save(&r->m, f.path, &r->e));
    struct str before = {0}, after = {0};
    OK(file_read(&before, in_folder(r, &f, "model.safetensors"), &r->e));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        p->t.data[7] = bad[i];
        expect_refused(r, f.path, "tensor bert.encoder.layer.1.output.dense.weight holds");
    }
    OK(file_read(&after, in_folder(r, &f, "model.safetensors"), &r->e));
    cr_expect(before.len == after.len && memcmp(before.buf, after.buf, before.len) == 0);
    str_release(&before);
    str_release(&after);
    folder_remove(r, &f);
    rig_close(r);
}

Test(save, a_folder_that_is_none_or_cannot_be_written_is_an_error)
{
    struct rig rig, *r = &rig;
    struct folder f;
    folder_make(&f);
    open_random(r, t5, false);
    expect_refused(r, in_folder(r, &f, "absent"), "absent/model.safetensors");
    OK(file_write(in_folder(r, &f, "config.json"), "{}", 2, &r->e));
    expect_refused(r, in_folder(r, &f, "config.json"), "config.json/model.safetensors");
    if (geteuid() != 0) { /* root writes anywhere */
        cr_assert(chmod(f.path, 0500) == 0);
        expect_refused(r, f.path, f.path);
        cr_assert(chmod(f.path, 0700) == 0);
    }
    folder_remove(r, &f);
    rig_close(r);
}

/* A folder damaged after it was saved is refused when it is read. */
Test(save, a_damaged_folder_is_refused)
{
    struct rig rig, *r = &rig;
    struct folder f;
    folder_make(&f);
    open_random(r, bert, true);
    OK(model_save(&r->m, f.path, &r->e));
    cr_assert(truncate(in_folder(r, &f, "model.safetensors"), 9000) == 0);
    struct rig again;
    rig_declare(&again, f.path, 0);
    params_allocate(&again.m.params, false);
    cr_expect(checkpoint_load(&again.m, f.path, &r->e) == -1);
    cr_expect(strstr(r->e.text, "not a sound safetensors file"), "%s", r->e.text);
    rig_close(&again);
    folder_remove(r, &f);
    rig_close(r);
}

/* An untied decoder makes it another model: ours has one table. */
Test(save, a_decoder_of_its_own_is_refused_and_a_copy_passes)
{
    for (int differs = 0; differs < 2; differs++) {
        struct rig rig, *r = &rig, second;
        struct folder f;
        folder_make(&f);
        open_random(r, bert, true);
        OK(model_save(&r->m, f.path, &r->e));
        struct safetensors s;
        OK(safetensors_open(&s, in_folder(r, &f, "model.safetensors"), &r->a, &r->e));
        struct safetensor_out *out = arena_array(&r->a, (size_t)s.n + 1, sizeof *out);
        for (int i = 0; i < s.n; i++)
            out[i] = (struct safetensor_out){s.items[i].name,
                                             s.items[i].n_dims,
                                             {s.items[i].dims[0], s.items[i].dims[1]},
                                             values(r, &s, s.items[i].name, s.items[i].n_values),
                                             DTYPE_F16};
        const struct safetensor *table =
            safetensors_find(&s, "bert.embeddings.word_embeddings.weight");
        float *copy = arena_array(&r->a, table->n_values, sizeof *copy);
        OK(safetensor_to_f32(copy, table, &r->e));
        copy[5] += (float)differs;
        out[s.n] = (struct safetensor_out){
            "cls.predictions.decoder.weight", 2, {table->dims[0], table->dims[1]}, copy, DTYPE_F16};
        OK(safetensors_write(in_folder(r, &f, "model.safetensors"), out, s.n + 1, &r->e));
        safetensors_close(&s);
        for (int n_labels = 0; n_labels <= 2; n_labels += 2) {
            rig_declare(&second, f.path, n_labels);
            params_allocate(&second.m.params, false);
            int rc = checkpoint_load(&second.m, f.path, &r->e);
            cr_expect(rc == (differs && n_labels == 0 ? -1 : 0), "%d labels: %s", n_labels,
                      r->e.text);
            rig_close(&second);
        }
        folder_remove(r, &f);
        rig_close(r);
    }
}
