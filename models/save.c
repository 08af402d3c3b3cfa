#include "models/save.h"

#include "harness/base/file.h"
#include "models/checkpoint.h"
#include "models/safetensors.h"
#include "models/tensor/bfloat16.h"

#include <assert.h>
#include <string.h>

/* --- config.json -------------------------------------------------------------- */

static void add_line(struct str *s, const char *key, const char *value)
{
    str_printf(s, "%s\n  \"%s\": %s", s->len > 1 ? "," : "", key, value);
}

/* Option i as transformers' typed reading wants it: words quoted, 1 as 1.0 where it is a float. */
static void add_option(struct str *s, const struct options *config, int i)
{
    struct str text = {0}, value = {0};
    enum option_type type = config->table[i].type;
    option_text(&text, config, i);
    str_printf(&value, type == OPTION_CHOICE ? "\"%s\"" : "%s", str_text(&text));
    if (type == OPTION_FLOAT && strspn(str_text(&text), "-0123456789") == text.len)
        str_add(&value, ".0");
    add_line(s, config->table[i].name, str_text(&value));
    str_release(&text);
    str_release(&value);
}

/* Whether option i has a value that transformers writes as an absent key. */
static bool is_unset(const struct family *family, const struct options *config, int i)
{
    struct str text = {0};
    str_printf(&text, "%s=", config->table[i].name);
    option_text(&text, config, i);
    bool found = str_index(family->unset, str_text(&text)) >= 0;
    str_release(&text);
    return found;
}

static int write_config(const struct model *m, const char *path, struct err *e)
{
    const struct family *family = m->family;
    struct str s = {0}, text = {0};
    str_add_char(&s, '{');
    str_printf(&text, "[\"%s\"]", family->architecture);
    add_line(&s, "architectures", str_text(&text));
    str_clear(&text);
    str_printf(&text, "\"%s\"", family->name);
    add_line(&s, "model_type", str_text(&text));
    add_line(&s, "dtype", "\"float16\"");
    add_line(&s, "torch_dtype", "\"float16\""); /* its name before transformers 5 */
    for (int i = 0; i < m->config.n; i++)
        if (!is_unset(family, &m->config, i))
            add_option(&s, &m->config, i);
    for (const struct config_demand *d = family->demands; d->key; d++)
        if (!d->option || strcmp(option_choice(&m->config, d->option), d->says) == 0)
            add_line(&s, d->key, d->value);
    if (!options_has(&m->config, "tie_word_embeddings"))
        add_line(&s, "tie_word_embeddings", "true");
    str_add(&s, "\n}\n");
    int rc = file_write(path, s.buf, s.len, e);
    str_release(&s);
    str_release(&text);
    return rc;
}

/* --- model.safetensors -------------------------------------------------------- */

static const float *values_of(const struct param *p, struct arena *a)
{
    assert(p->t.data || p->t.half);
    if (p->t.data)
        return p->t.data;
    float *wide = arena_array(a, param_size(p), sizeof *wide);
    bfloat16_widen(wide, p->t.half, param_size(p));
    return wide;
}

/* The projection y = x, its weight and its bias. */
static int add_identity(struct safetensor_out out[2], const struct model *m, struct arena *a)
{
    const char *name = m->family->identity;
    int width = model_width(m);
    if (!name)
        return 0;
    float *one = arena_array(a, (size_t)width * (size_t)width, sizeof *one);
    for (int i = 0; i < width; i++)
        one[(size_t)i * (size_t)width + (size_t)i] = 1;
    out[0] = (struct safetensor_out){
        arena_printf(a, "%s.weight", name), 2, {width, width}, one, DTYPE_F16};
    out[1] = (struct safetensor_out){arena_printf(a, "%s.bias", name),
                                     1,
                                     {width},
                                     arena_array(a, (size_t)width, sizeof(float)),
                                     DTYPE_F16};
    return 2;
}

static int write_weights(const struct model *m, const char *path, struct err *e)
{
    struct arena a = {0};
    struct safetensor_out *out = arena_array(&a, (size_t)m->params.n + 2, sizeof *out);
    int n = 0;
    for (int i = 0; i < m->params.n; i++) {
        const struct param *p = m->params.items[i];
        if (p->part != PART_BASE)
            continue;
        out[n++] = (struct safetensor_out){.name = p->name,
                                           .n_dims = p->n_dims,
                                           .dims = {p->n_dims == 1 ? p->cols : p->rows, p->cols},
                                           .data = values_of(p, &a),
                                           .dtype = DTYPE_F16};
    }
    n += add_identity(out + n, m, &a);
    int rc = safetensors_write(path, out, n, e);
    arena_release(&a);
    return rc;
}

int model_save(const struct model *m, const char *dir, struct err *e)
{
    assert(m->n_labels == 0);
    struct str path = {0};
    int rc = write_weights(m, file_join(&path, dir, CHECKPOINT_SINGLE), e);
    if (rc == 0)
        rc = write_config(m, file_join(&path, dir, "config.json"), e);
    str_release(&path);
    return rc;
}
