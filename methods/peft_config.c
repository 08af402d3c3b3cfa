/* adapter_config.json: a method and its options, in PEFT's words. */
#include "harness/base/json.h"
#include "methods/peft_file.h"
#include "models/safetensors.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>

const struct peft_format *peft_format_of(const struct method *method, const struct model *m)
{
    const struct peft_format *format = method->peft;
    return format && format->unfit && format->unfit(m) ? NULL : format;
}

/* Appends peft_type of a method: PEFT's, or "FTBENCH_" and the name in capitals. */
static void add_type(struct str *type, const struct method *method, const struct model *m)
{
    const struct peft_format *format = peft_format_of(method, m);
    if (format) {
        str_add(type, format->type);
        return;
    }
    str_add(type, "FTBENCH_");
    for (const char *c = method->name; *c; c++)
        str_add_char(type, (char)toupper((unsigned char)*c));
}

static int find_by_type(const struct method **found, const char *type, const struct model *m,
                        struct err *e)
{
    const char *unfit = NULL;
    *found = NULL;
    for (int i = 0; methods[i] && !*found; i++) {
        struct str own = {0};
        add_type(&own, methods[i], m);
        if (str_equal(str_text(&own), type))
            *found = methods[i];
        else if (methods[i]->peft && str_equal(methods[i]->peft->type, type))
            unfit = methods[i]->peft->unfit(m);
        str_release(&own);
    }
    if (unfit)
        return err_set(e, "peft_type \"%s\" cannot be read for this model: %s", type, unfit);
    return *found ? 0 : err_set(e, "peft_type \"%s\": no method here", type);
}

static const char *task_type(const struct model *m)
{
    return model_says_text(m) ? "SEQ_2_SEQ_LM" : "SEQ_CLS";
}

static const char submodules[] = "num_transformer_submodules";

static bool has_role(const struct model *m, const char *module, enum site_role role)
{
    for (int i = 0; i < m->n_sites; i++) {
        const struct site *s = &m->sites[i];
        if (s->kind == SITE_LINEAR && s->role == role && str_equal(s->module, module))
            return true;
    }
    return false;
}

/* Whether target names projections of this role and nothing else that has a
 * weight. PEFT takes a module for one of target_modules when its last parts are the name,
 * and for one of feedforward_modules when its last letters are: "o" is T5's "wo" too. So
 * the letters count. One role a name, because a name in one list of PEFT's must stand
 * unchanged in another (feedforward_modules in target_modules). */
static bool is_exact(const struct model *m, const char *target, enum site_role role)
{
    bool exact = true;
    for (int i = 0; i < m->params.n && exact; i++) {
        const struct param *p = m->params.items[i];
        if (p->part == PART_METHOD || !str_ends(p->name, ".weight"))
            continue;
        struct str module = {0};
        str_add_bytes(&module, p->name, strlen(p->name) - strlen(".weight"));
        exact = !str_ends(str_text(&module), target) || has_role(m, str_text(&module), role);
        str_release(&module);
    }
    return exact;
}

/* The shortest ending of the site's module, in whole parts, that is_exact. */
static const char *shortest_target(const struct model *m, const struct site *s)
{
    const char *at = s->module + strlen(s->module);
    while (at > s->module) {
        at--;
        while (at > s->module && at[-1] != '.')
            at--;
        if (is_exact(m, at, s->role))
            return at;
    }
    assert(!"a site's own name means that site only");
    return s->module;
}

/* Names of modules that PEFT resolves to the projections of a list option. */
static json_t *target_names(const struct tuned *t, const char *option)
{
    json_t *names = json_array();
    for (int i = 0; i < t->model->n_sites; i++) {
        const struct site *s = &t->model->sites[i];
        if (!method_targets(t, option, s))
            continue;
        const char *name = shortest_target(t->model, s);
        size_t k, n = json_array_size(names);
        for (k = 0; k < n; k++)
            if (str_equal(json_string_value(json_array_get(names, k)), name))
                break;
        if (k == n)
            json_array_append_new(names, json_string(name));
    }
    return names;
}

static json_t *option_json(const struct tuned *t, int i)
{
    const struct option *opt = &t->options.table[i];
    const struct option_value *v = &t->options.values[i];
    switch (opt->type) {
    case OPTION_INT:
        return json_integer(v->i);
    case OPTION_FLOAT:
        return json_real(v->f);
    case OPTION_BOOL:
        return json_boolean(v->i);
    case OPTION_CHOICE:
        return json_string(opt->choices[v->i]);
    case OPTION_LIST:
        break;
    }
    if (peft_format_of(t->method, t->model))
        return target_names(t, opt->name);
    json_t *words = json_array();
    for (int k = 0; k < v->n_list; k++)
        json_array_append_new(words, json_string(v->list[k]));
    return words;
}

/* What PEFT wants to know about a model that gets virtual tokens. Of an encoder-decoder it
 * counts the decoder's attentions to itself, and gives it a second half of everything
 * (prefix.c, prompt.c) unless the format says otherwise. */
static void add_sizes(json_t *config, const struct tuned *t)
{
    bool text = model_says_text(t->model);
    int n_attention = 0, width = 0;
    const struct site *one = NULL;
    for (int i = 0; i < t->model->n_sites; i++) {
        const struct site *s = &t->model->sites[i];
        if (s->kind == SITE_KEY_VALUE && (!text || (s->decoder && !s->cross))) {
            one = s;
            n_attention++;
        }
    }
    for (int i = 0; i < t->model->params.n; i++)
        if (t->model->params.items[i]->part == PART_METHOD)
            width = t->model->params.items[i]->cols;
    assert(one);
    json_object_set_new(config, "num_layers", json_integer(n_attention));
    json_object_set_new(config, "num_attention_heads", json_integer(one->n_heads));
    json_object_set_new(config, "token_dim", json_integer(width));
    if (!json_object_get(config, submodules))
        json_object_set_new(config, submodules, json_integer(text ? 2 : 1));
}

/* The head's modules, which PEFT trains and saves whole. */
static json_t *head_modules(const struct tuned *t)
{
    json_t *names = json_array();
    for (int i = 0; i < t->model->params.n; i++) {
        const struct param *p = t->model->params.items[i];
        if (p->part == PART_HEAD && str_ends(p->name, ".weight"))
            json_array_append_new(names,
                                  json_stringn(p->name, strlen(p->name) - strlen(".weight")));
    }
    return names;
}

static json_t *parse_fixed(const struct peft_format *format)
{
    struct err e = {0};
    const char *text = format ? format->fixed : "{}";
    json_t *fixed = json_parse(text, strlen(text), "fixed", &e);
    assert(fixed);
    return fixed;
}

int peft_write_config(const struct tuned *t, const char *base_model, const char *path,
                      struct err *e)
{
    const struct peft_format *format = peft_format_of(t->method, t->model);
    json_t *config = parse_fixed(format);
    struct str type = {0};
    add_type(&type, t->method, t->model);
    json_object_set_new(config, "peft_type", json_string(str_text(&type)));
    json_object_set_new(config, "task_type", json_string(task_type(t->model)));
    json_object_set_new(config, "inference_mode", json_true());
    json_object_set_new(config, "base_model_name_or_path",
                        base_model ? json_string(base_model) : json_null());
    json_object_set_new(config, "modules_to_save", head_modules(t));
    for (int i = 0; i < t->options.n; i++)
        json_object_set_new(config, t->options.table[i].name, option_json(t, i));
    if (format && format->prompt_learning)
        add_sizes(config, t);
    int rc = json_write(path, config, e);
    json_decref(config);
    str_release(&type);
    return rc;
}

/* --- reading ---------------------------------------------------------------- */

/* A role belongs to the list when every one of its projections has a tensor in
 * the file (for row_option: one of a single row). Some but not all: no method
 * here can say that. */
static int roles_from_tensors(struct str *words, const struct peft_format *format,
                              const char *option, const struct model *m,
                              const struct safetensors *file, struct err *e)
{
    bool rows_only = format->row_option && str_equal(option, format->row_option);
    for (int role = 0; role_names[role]; role++) {
        int n_sites = 0, n_found = 0;
        const char *missing = NULL;
        for (int i = 0; i < m->n_sites; i++) {
            const struct site *s = &m->sites[i];
            if (s->kind != SITE_LINEAR || (int)s->role != role)
                continue;
            struct str name = {0};
            str_printf(&name, "base_model.model.%s.%s", s->module, format->tensor_suffix);
            const struct safetensor *one = safetensors_find(file, str_text(&name));
            str_release(&name);
            bool found = one && (!rows_only || (one->n_dims == 2 && one->dims[0] == 1));
            n_sites++;
            n_found += found;
            missing = found ? missing : s->module;
        }
        if (n_found && n_found < n_sites)
            return err_set(e,
                           "%s: holds \"%s\" for some layers but not for %s; only whole roles can "
                           "be read",
                           option, role_names[role], missing);
        if (n_found)
            str_printf(words, "%s%s", words->len ? "," : "", role_names[role]);
    }
    return 0;
}

/* A JSON value as a user would write it. */
static int value_text(struct str *text, const json_t *value)
{
    if (json_is_integer(value))
        str_printf(text, "%lld", (long long)json_integer_value(value));
    else if (json_is_real(value))
        str_add_double(text, json_real_value(value));
    else if (json_is_boolean(value))
        str_add(text, json_is_true(value) ? "true" : "false");
    else if (json_is_string(value))
        str_add(text, json_string_value(value));
    else if (json_is_array(value))
        for (size_t i = 0; i < json_array_size(value); i++) {
            const json_t *word = json_array_get(value, i);
            if (!json_is_string(word))
                return -1;
            str_printf(text, "%s%s", i ? "," : "", json_string_value(word));
        }
    else
        return -1;
    return 0;
}

/* One option from its field. PEFT's and our defaults need not agree, so only a
 * switch may be absent (files of older versions lack the newer switches). */
static int read_option(struct options *o, const struct option *opt, const json_t *config,
                       struct err *e)
{
    const json_t *value = json_object_get(config, opt->name);
    if (!value && opt->type == OPTION_BOOL)
        return 0;
    if (!value)
        return err_set(e, "no \"%s\"", opt->name);
    struct str text = {0};
    int rc;
    if (value_text(&text, value) != 0)
        rc = err_set(e, "\"%s\": not a value this option takes", opt->name);
    else
        rc = option_set(o, opt->name, str_text(&text), e);
    str_release(&text);
    return rc;
}

static int read_target_option(struct options *o, const struct peft_format *format,
                              const char *option, const struct model *m,
                              const struct safetensors *file, struct err *e)
{
    struct str words = {0};
    int rc = roles_from_tensors(&words, format, option, m, file, e);
    if (rc == 0)
        rc = option_set(o, option, str_text(&words), e);
    str_release(&words);
    return rc;
}

/* Fields that would mean another computation than ours. */
static int check_fixed(const struct method *method, const struct model *m, json_t *config,
                       struct err *e)
{
    json_t *fixed = parse_fixed(peft_format_of(method, m)), *want;
    const char *key;
    int rc = 0;
    if (model_says_text(m)) /* what the decoder would get is never read */
        json_object_del(fixed, submodules);
    json_object_foreach(fixed, key, want)
    {
        const json_t *is = json_object_get(config, key);
        if (rc == 0 && is && !json_is_null(is) && !json_equal(is, want)) {
            struct str text = {0};
            json_add(&text, want, 0);
            rc = err_set(e, "\"%s\" must be %s: nothing else is implemented for %s", key,
                         str_text(&text), method->name);
            str_release(&text);
        }
    }
    json_decref(fixed);
    return rc;
}

static int read_options(struct options *o, const struct method *method, const struct model *model,
                        const json_t *config, const struct safetensors *file, struct err *e)
{
    const struct peft_format *format = peft_format_of(method, model);
    for (const struct option *opt = method->options; opt->name; opt++) {
        bool by_tensors = opt->type == OPTION_LIST && format;
        int rc = by_tensors ? read_target_option(o, format, opt->name, model, file, e)
                            : read_option(o, opt, config, e);
        if (rc != 0)
            return -1;
    }
    return 0;
}

static int read_method(const struct method **method, const struct model *m, json_t *config,
                       struct err *e)
{
    const char *type, *task = json_string_value(json_object_get(config, "task_type"));
    if (task && !str_equal(task, task_type(m)))
        return err_set(e,
                       "task_type is \"%s\", and this model's is \"%s\": an adapter for a model "
                       "of another kind",
                       task, task_type(m));
    if (json_text(&type, config, "peft_type", "adapter", e) != 0 ||
        find_by_type(method, type, m, e) != 0)
        return -1;
    return check_fixed(*method, m, config, e);
}

int peft_config(const struct method **method, struct options *options, const struct model *model,
                const char *dir, struct arena *a, struct err *e)
{
    struct str path = {0};
    struct arena scratch = {0};
    struct safetensors file = {0};
    json_t *config = json_read(file_join(&path, dir, PEFT_CONFIG_FILE), e);
    int rc = config ? 0 : -1;
    if (rc == 0)
        rc = safetensors_open(&file, file_join(&path, dir, PEFT_TENSOR_FILE), &scratch, e);
    if (rc == 0) {
        rc = read_method(method, model, config, e);
        if (rc == 0) {
            options_init(options, (*method)->options, a);
            rc = read_options(options, *method, model, config, &file, e);
        }
        safetensors_close(&file);
        if (rc != 0)
            err_wrap(e, "%s", file_join(&path, dir, PEFT_CONFIG_FILE));
    }
    json_decref(config);
    arena_release(&scratch);
    str_release(&path);
    return rc;
}
