/* adapter_model.safetensors: the trained tensors under PEFT's names. */
#include "methods/peft.h"

#include "methods/peft_file.h"
#include "models/safetensors.h"

#include <string.h>

static struct peft_place place_of(const struct tuned *t, const struct param *p, struct arena *a)
{
    const struct peft_format *format = peft_format_of(t->method, t->model);
    bool short_name = format && format->prompt_learning;
    struct peft_place at = {
        .name = arena_printf(a, "base_model.%s%s", short_name ? "" : "model.", p->name),
        .n_dims = p->n_dims,
        .dims = {p->n_dims == 2 ? p->rows : p->cols, p->cols},
        .stride = (size_t)p->cols,
    };
    if (format && format->place && p->part == PART_METHOD)
        format->place(t, p, &at);
    return at;
}

static size_t place_values(const struct peft_place *at)
{
    return (size_t)at->dims[0] * (size_t)(at->n_dims == 2 ? at->dims[1] : 1);
}

/* Rows of p to or from their places in a tensor's values. */
static void scatter(float *values, const struct param *p, const struct peft_place *at)
{
    size_t cols = (size_t)p->cols;
    for (size_t r = 0; r < (size_t)p->rows; r++)
        memcpy(values + at->first + r * at->stride, p->t.data + r * cols, cols * sizeof *values);
}

static void gather(const struct param *p, const float *values, const struct peft_place *at)
{
    size_t cols = (size_t)p->cols;
    for (size_t r = 0; r < (size_t)p->rows; r++)
        memcpy(p->t.data + r * cols, values + at->first + r * at->stride, cols * sizeof *values);
}

static int write_tensors(const struct tuned *t, const char *path, struct err *e)
{
    const struct params *ps = &t->model->params;
    struct arena a = {0};
    struct safetensor_out *out = arena_array(&a, (size_t)ps->n + 1, sizeof *out);
    float **values = arena_array(&a, (size_t)ps->n + 1, sizeof *values);
    int n = 0;
    for (int i = 0; i < ps->n; i++) {
        const struct param *p = ps->items[i];
        if (!p->trainable)
            continue;
        struct peft_place at = place_of(t, p, &a);
        int k = 0;
        while (k < n && !str_equal(out[k].name, at.name))
            k++;
        if (k == n) {
            values[n] = arena_array(&a, place_values(&at), sizeof **values);
            out[n] = (struct safetensor_out){.name = at.name,
                                             .n_dims = at.n_dims,
                                             .dims = {at.dims[0], at.dims[1]},
                                             .data = values[n]};
            n++;
        }
        scatter(values[k], p, &at);
    }
    int rc = safetensors_write(path, out, n, e);
    arena_release(&a);
    return rc;
}

int peft_write(const struct tuned *t, const char *base_model, const char *dir, struct err *e)
{
    struct str path = {0};
    int rc = file_make_dirs(dir, e);
    if (rc == 0)
        rc = write_tensors(t, file_join(&path, dir, PEFT_TENSOR_FILE), e);
    /* Last: a folder with a configuration is a whole adapter. */
    if (rc == 0)
        rc = peft_write_config(t, base_model, file_join(&path, dir, PEFT_CONFIG_FILE), e);
    str_release(&path);
    return rc;
}

/* --- reading ---------------------------------------------------------------- */

static void complain(struct str *wrong, const char *what, const char *name)
{
    str_printf(wrong, "%s%s %s", wrong->len ? ", " : "", what, name);
}

static bool same_shape(const struct safetensor *one, const struct peft_place *at)
{
    bool fits = one->n_dims == at->n_dims &&
                (at->spare_rows ? one->dims[0] >= at->dims[0] : one->dims[0] == at->dims[0]);
    return fits && (at->n_dims == 1 || one->dims[1] == at->dims[1]);
}

/* Fills every trained parameter; names of tensors that are missing, of another
 * shape or left over go to wrong. */
static int read_tensors(struct tuned *t, const struct safetensors *file, struct str *wrong,
                        struct arena *a, struct err *e)
{
    const struct params *ps = &t->model->params;
    bool *used = arena_array(a, (size_t)file->n + 1, sizeof *used);
    float **values = arena_array(a, (size_t)file->n + 1, sizeof *values);
    for (int i = 0; i < ps->n; i++) {
        struct param *p = ps->items[i];
        if (!p->trainable)
            continue;
        struct peft_place at = place_of(t, p, a);
        const struct safetensor *one = safetensors_find(file, at.name);
        if (!one) {
            complain(wrong, "missing", at.name);
            continue;
        }
        size_t k = (size_t)(one - file->items);
        used[k] = true;
        if (!same_shape(one, &at)) {
            complain(wrong, "shape of", at.name);
            continue;
        }
        if (!values[k]) {
            values[k] = arena_array(a, one->n_values, sizeof **values);
            if (safetensor_to_f32(values[k], one, e) != 0)
                return -1;
        }
        gather(p, values[k], &at);
        p->loaded = true;
    }
    for (int k = 0; k < file->n; k++)
        if (!used[k])
            complain(wrong, "extra", file->items[k].name);
    return 0;
}

int peft_read(struct tuned *t, const char *dir, struct err *e)
{
    struct str path = {0}, wrong = {0};
    struct arena a = {0};
    struct safetensors file = {0};
    file_join(&path, dir, PEFT_TENSOR_FILE);
    int rc = safetensors_open(&file, str_text(&path), &a, e);
    if (rc == 0) {
        rc = read_tensors(t, &file, &wrong, &a, e);
        if (rc != 0)
            err_wrap(e, "%s", str_text(&path));
        else if (wrong.len)
            rc = err_set(e, "%s: not this %s adapter: %s", str_text(&path), t->method->name,
                         str_text(&wrong));
        safetensors_close(&file);
    }
    arena_release(&a);
    str_release(&wrong);
    str_release(&path);
    return rc;
}
