#include "models/checkpoint.h"

#include "harness/base/file.h"
#include "harness/base/hash.h"
#include "harness/base/json.h"
#include "models/safetensors.h"
#include "models/tensor/bfloat16.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const char single_name[] = CHECKPOINT_SINGLE;
static const char index_name[] = CHECKPOINT_INDEX;

/* --- config.json -------------------------------------------------------------- */

static bool applies(const struct config_demand *d, const struct options *config)
{
    return !d->option || strcmp(option_choice(config, d->option), d->says) == 0;
}

static int check_demands(const struct family *family, const struct options *options,
                         const json_t *config, struct err *e)
{
    struct str text = {0};
    int rc = 0;
    for (const struct config_demand *d = family->demands; d->key && rc == 0; d++) {
        const json_t *value = json_object_get(config, d->key);
        if (!value || json_is_null(value) || !applies(d, options))
            continue;
        str_clear(&text);
        json_add(&text, value, 0);
        if (strcmp(str_text(&text), d->value) != 0)
            rc = err_set(e, "\"%s\" is %s; only %s is implemented%s%s%s%s", d->key, str_text(&text),
                         d->value, d->option ? " where \"" : "", d->option ? d->option : "",
                         d->option ? "\" is " : "", d->option ? d->says : "");
    }
    str_release(&text);
    return rc;
}

/* One value as option_set reads it; null keeps the default. */
static int set_option(struct options *config, const char *key, const json_t *value, struct err *e)
{
    if (json_is_null(value))
        return 0;
    if (json_is_object(value) || json_is_array(value))
        return err_set(e, "\"%s\" must be one value", key);
    struct str text = {0};
    if (json_is_string(value))
        str_add(&text, json_string_value(value));
    else
        json_add(&text, value, 0);
    int rc = option_set(config, key, str_text(&text), e);
    e->kind = rc ? ERR_WORLD : e->kind; /* the file is wrong, not the command line */
    str_release(&text);
    return rc;
}

static int read_config(const struct family **family, struct options *config, const json_t *file,
                       struct arena *a, struct err *e)
{
    const char *type;
    if (json_text(&type, file, "model_type", "config", e) != 0)
        return -1;
    *family = family_find(type);
    if (!*family)
        return err_set(e, "model_type \"%s\" is not implemented", type);
    options_init(config, (*family)->config, a);
    for (int i = 0; i < config->n; i++) {
        const char *key = config->table[i].name;
        const json_t *value = json_object_get(file, key);
        if (value && set_option(config, key, value, e) != 0)
            return -1;
    }
    return check_demands(*family, config, file, e);
}

int checkpoint_config(const struct family **family, struct options *config, const char *path,
                      struct arena *a, struct err *e)
{
    json_t *file = json_read(path, e);
    if (!file)
        return -1;
    int rc = read_config(family, config, file, a, e);
    json_decref(file);
    return rc ? err_wrap(e, "%s", path) : 0;
}

/* --- which files -------------------------------------------------------------- */

/* The weight files of a folder. */
struct shards {
    char **names;          /* [n] sorted; one block, owned */
    struct safetensors *s; /* [n] open, or NULL */
    int n;
    json_t *index; /* owned; NULL for a single file */
};

static void shards_release(struct shards *w)
{
    for (int i = 0; w->s && i < w->n; i++)
        safetensors_close(&w->s[i]);
    json_decref(w->index);
    *w = (struct shards){0};
}

static bool plain_name(const char *name)
{
    return str_ends(name, ".safetensors") && !strchr(name, '/') && name[0] != '.';
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The distinct file names of the index's weight_map, sorted. */
static int index_names(struct shards *w, struct arena *a, struct err *e)
{
    json_t *map;
    if (json_map(&map, w->index, "weight_map", index_name, e) != 0)
        return -1;
    w->names = arena_array(a, json_object_size(map), sizeof *w->names);
    const char *tensor;
    json_t *value;
    int n = 0;
    json_object_foreach(map, tensor, value)
    {
        const char *name = json_string_value(value);
        if (!name || !plain_name(name))
            return err_set(e,
                           "%s: weight_map says %s lies in \"%s\", which is no file name of "
                           "this folder",
                           index_name, tensor, name ? name : "(not a text)");
        w->names[n++] = arena_strdup(a, name);
    }
    if (n == 0)
        return err_set(e, "%s: weight_map is empty", index_name);
    qsort(w->names, (size_t)n, sizeof *w->names, compare_texts);
    w->n = 1;
    for (int i = 1; i < n; i++)
        if (strcmp(w->names[i], w->names[w->n - 1]) != 0)
            w->names[w->n++] = w->names[i];
    return 0;
}

/* Names of the weight files in dir. */
static int shards_find(struct shards *w, const char *dir, struct arena *a, struct err *e)
{
    *w = (struct shards){0};
    struct str path = {0};
    int rc = 0;
    if (file_exists(file_join(&path, dir, single_name))) {
        w->names = arena_array(a, 1, sizeof *w->names);
        w->names[w->n++] = arena_strdup(a, single_name);
    } else if (file_exists(file_join(&path, dir, index_name))) {
        w->index = json_read(str_text(&path), e);
        rc = w->index ? index_names(w, a, e) : -1;
    } else {
        rc = err_set(e, "neither %s nor %s is there%s", single_name, index_name,
                     file_exists(file_join(&path, dir, "pytorch_model.bin"))
                         ? "; pytorch_model.bin is not read: save it again as safetensors"
                         : "");
    }
    for (int i = 0; i < w->n && rc == 0; i++)
        if (!file_exists(file_join(&path, dir, w->names[i])))
            rc = err_set(e,
                         "the shard %s, named by %s, is missing: copy or fetch it too, all %d "
                         "belong together",
                         w->names[i], index_name, w->n);
    str_release(&path);
    return rc;
}

/* Every tensor of the index lies in the shard it names. */
static int check_index(const struct shards *w, struct err *e)
{
    const char *tensor;
    json_t *value;
    json_object_foreach(json_object_get(w->index, "weight_map"), tensor, value)
    {
        int i = 0;
        while (strcmp(w->names[i], json_string_value(value)) != 0)
            i++;
        if (!safetensors_find(&w->s[i], tensor))
            return err_set(e, "%s says %s lies in %s, but it does not", index_name, tensor,
                           w->names[i]);
    }
    return 0;
}

static int shards_open(struct shards *w, const char *dir, struct arena *a, struct err *e)
{
    struct str path = {0};
    w->s = arena_array(a, (size_t)w->n, sizeof *w->s);
    int rc = 0;
    for (int i = 0; i < w->n && rc == 0; i++)
        rc = safetensors_open(&w->s[i], file_join(&path, dir, w->names[i]), a, e);
    str_release(&path);
    if (rc == 0 && w->index)
        rc = check_index(w, e);
    return rc;
}

/* --- tensors into parameters -------------------------------------------------- */

/* Names for a message: the first few, and how many more. */
struct name_list {
    struct str text;
    int n;
};

enum { NAMES_SHOWN = 4 };

static void name_list_add(struct name_list *l, const char *name)
{
    if (l->n < NAMES_SHOWN)
        str_printf(&l->text, "%s%s", l->n ? ", " : "", name);
    l->n++;
}

static void name_list_report(struct str *out, struct name_list *l, const char *what)
{
    if (l->n) {
        str_printf(out, "%s%d %s: %s", out->len ? "; " : "", l->n, what, str_text(&l->text));
        if (l->n > NAMES_SHOWN)
            str_printf(out, " and %d more", l->n - NAMES_SHOWN);
    }
    str_release(&l->text);
}

struct loading {
    struct model *m;
    const struct shards *files;
    struct name_list missing, extra, mis_shaped, doubled;
    int n_known; /* tensors whose name is a parameter's */
    struct arena scratch;
};

static bool is_ignored(const struct family *family, const char *name)
{
    for (int i = 0; family->ignored_tensors[i]; i++)
        if (str_starts(name, family->ignored_tensors[i]))
            return true;
    return false;
}

/* The name of today for "LayerNorm.gamma" and "LayerNorm.beta" of old files. */
static const char *modern_name(struct loading *l, const char *name)
{
    size_t n = strlen(name);
    if (str_ends(name, ".gamma"))
        return arena_printf(&l->scratch, "%.*s.weight", (int)(n - strlen(".gamma")), name);
    if (str_ends(name, ".beta"))
        return arena_printf(&l->scratch, "%.*s.bias", (int)(n - strlen(".beta")), name);
    return name;
}

/* The parameter a tensor of this name is for, or NULL. */
static struct param *param_for(struct loading *l, const char *file_name)
{
    const char *name = modern_name(l, file_name);
    struct param *p = params_find(&l->m->params, name);
    if (!p)
        p = params_find(&l->m->params,
                        arena_printf(&l->scratch, "%s%s", l->m->family->base_prefix, name));
    return p && p->part != PART_METHOD ? p : NULL;
}

static bool same_shape(const struct param *p, const struct safetensor *t)
{
    if (t->n_dims != p->n_dims)
        return false;
    if (p->n_dims == 1)
        return t->dims[0] == p->cols;
    return t->dims[0] == p->rows && t->dims[1] == p->cols;
}

static void add_shape_text(struct str *s, const struct safetensor *t)
{
    str_add_char(s, '[');
    for (int i = 0; i < t->n_dims; i++)
        str_printf(s, "%s%lld", i ? ", " : "", (long long)t->dims[i]);
    str_add_char(s, ']');
}

static void report_shape(struct loading *l, struct param *p, const struct safetensor *t)
{
    struct str text = {0};
    str_printf(&text, "%s is ", t->name);
    add_shape_text(&text, t);
    if (p->n_dims == 1)
        str_printf(&text, " (config.json: [%d])", p->cols);
    else
        str_printf(&text, " (config.json: [%d, %d])", p->rows, p->cols);
    name_list_add(&l->mis_shaped, str_text(&text));
    p->loaded = true; /* seen, so not missing; the load fails anyway */
    str_release(&text);
}

/* Rounded piece by piece: no float32 copy of the whole. */
static int take_half(struct loading *l, struct param *p, const struct safetensor *t, bool *in_map,
                     struct err *e)
{
    enum { PIECE = 4096 };
    float values[PIECE];
    if (t->dtype == DTYPE_BF16 && (uintptr_t)t->data % sizeof(uint16_t) == 0) {
        p->t.half = (const uint16_t *)(uintptr_t)t->data;
        *in_map = true;
        return 0;
    }
    uint16_t *out = params_own_half(&l->m->params, p);
    struct safetensor piece = *t;
    size_t value_bytes = t->n_bytes / t->n_values;
    for (size_t at = 0; at < t->n_values; at += piece.n_values) {
        piece.n_values = t->n_values - at < PIECE ? t->n_values - at : PIECE;
        piece.n_bytes = piece.n_values * value_bytes;
        piece.data = t->data + at * value_bytes;
        if (safetensor_to_f32(values, &piece, e) != 0)
            return -1;
        bfloat16_round(out + at, values, piece.n_values, 1);
    }
    return 0;
}

/* Frozen values stay where they are in the file when they have the format to be kept;
 * others are converted. */
static int take(struct loading *l, struct param *p, const struct safetensor *t, bool *in_map,
                struct err *e)
{
    p->loaded = true;
    if (params_keeps_half(&l->m->params, p))
        return take_half(l, p, t, in_map, e);
    if (!p->trainable && t->dtype == DTYPE_F32 && (uintptr_t)t->data % sizeof(float) == 0) {
        p->t.data = (float *)(uintptr_t)t->data; /* never written: frozen, read-only pages */
        *in_map = true;
        return 0;
    }
    return safetensor_to_f32(params_own_data(&l->m->params, p), t, e);
}

/* What a tensor of this name is a copy of, or NULL; a classifier reads no copies. */
static const char *copied_by(const struct model *m, const char *name)
{
    if (!model_says_text(m) && m->n_labels > 0)
        return NULL;
    for (const struct tensor_copy *c = m->family->copies; c && c->name; c++)
        if (strcmp(c->name, name) == 0)
            return c->of;
    return NULL;
}

/* A second copy of a parameter is passed over, but one of other values is another model: what
 * the configuration calls one table is two. */
static int check_copy(const struct loading *l, const struct safetensor *t, struct err *e)
{
    const struct safetensor *of = NULL;
    for (int i = 0; i < l->files->n && !of; i++)
        of = safetensors_find(&l->files->s[i], copied_by(l->m, t->name));
    if (!of || (of->dtype == t->dtype && of->n_bytes == t->n_bytes &&
                memcmp(of->data, t->data, t->n_bytes) == 0))
        return 0;
    return err_set(e,
                   "%s is not the copy of %s that config.json makes it: they differ, so the "
                   "configuration is another model's (tie_word_embeddings?)",
                   t->name, of->name);
}

static int load_file(struct loading *l, const struct safetensors *s, bool *in_map, struct err *e)
{
    const struct family *family = l->m->family;
    for (int i = 0; i < s->n; i++) {
        const struct safetensor *t = &s->items[i];
        struct param *p = param_for(l, t->name);
        l->n_known += p != NULL;
        if (!p && copied_by(l->m, t->name)) {
            if (check_copy(l, t, e) != 0)
                return -1;
        } else if (!p) {
            if (!is_ignored(family, t->name))
                name_list_add(&l->extra, t->name);
        } else if (!same_shape(p, t)) {
            if (p->part == PART_BASE)
                report_shape(l, p, t);
        } else if (p->loaded) {
            name_list_add(&l->doubled, p->name);
        } else if (take(l, p, t, in_map, e) != 0) {
            return -1;
        }
    }
    return 0;
}

/* Not one name in common: to list them all would hide what is wrong. */
static int report_strangers(const struct loading *l, const struct shards *w, struct err *e)
{
    int n = 0;
    const char *first = NULL;
    for (int i = w->n - 1; i >= 0; i--) {
        n += w->s[i].n;
        first = w->s[i].n ? w->s[i].items[0].name : first;
    }
    return err_set(e,
                   "none of its %d tensors (%s, ...) belongs to a %s model: a checkpoint of "
                   "another family; name a model or folder of that family",
                   n, first ? first : "none", l->m->family->name);
}

static int report(struct loading *l, const struct shards *w, struct err *e)
{
    if (!l->n_known)
        return report_strangers(l, w, e);
    const struct params *all = &l->m->params;
    for (int i = 0; i < all->n; i++)
        if (all->items[i]->part == PART_BASE && !all->items[i]->loaded)
            name_list_add(&l->missing, all->items[i]->name);
    struct str text = {0};
    name_list_report(&text, &l->missing, "missing");
    name_list_report(&text, &l->mis_shaped, "mis-shaped");
    name_list_report(&text, &l->extra, "unknown");
    name_list_report(&text, &l->doubled, "there twice");
    int rc = text.len ? err_set(e, "tensors do not fit the model: %s", str_text(&text)) : 0;
    str_release(&text);
    return rc;
}

/* The model keeps a map that parameters point into. */
static void hand_over(struct model *m, struct safetensors *s)
{
    m->maps[m->n_maps++] = s->map;
    s->map = (struct file_map){0};
}

/* Where the folder has a config.json, it is of the model's family. */
static int check_family(const struct model *m, const char *dir, struct err *e)
{
    struct str path = {0};
    int rc = 0;
    if (file_exists(file_join(&path, dir, "config.json"))) {
        const char *type;
        json_t *file = json_read(str_text(&path), e);
        rc = file ? json_text(&type, file, "model_type", "config.json", e) : -1;
        if (rc == 0 && !str_equal(type, m->family->name))
            rc = err_set(e,
                         "config.json says model_type \"%s\", but the model is of family %s: a "
                         "checkpoint of another family",
                         type, m->family->name);
        json_decref(file);
    }
    str_release(&path);
    return rc;
}

static int load(struct model *m, struct shards *w, const char *dir, struct err *e)
{
    *w = (struct shards){0};
    if (check_family(m, dir, e) != 0)
        return -1;
    if (shards_find(w, dir, m->arena, e) != 0 || shards_open(w, dir, m->arena, e) != 0)
        return -1;
    m->maps = arena_array(m->arena, (size_t)w->n, sizeof *m->maps);
    struct loading l = {.m = m, .files = w};
    int rc = 0;
    for (int i = 0; i < w->n && rc == 0; i++) {
        bool in_map = false;
        rc = load_file(&l, &w->s[i], &in_map, e);
        if (in_map)
            hand_over(m, &w->s[i]);
    }
    rc = rc ? rc : report(&l, w, e);
    str_release(&l.missing.text);
    str_release(&l.mis_shaped.text);
    str_release(&l.extra.text);
    str_release(&l.doubled.text);
    arena_release(&l.scratch);
    return rc;
}

int checkpoint_load(struct model *m, const char *dir, struct err *e)
{
    assert(m->params.adam.param && m->n_maps == 0);
    struct shards w;
    int rc = load(m, &w, dir, e);
    shards_release(&w);
    return rc ? err_wrap(e, "%s", dir) : 0;
}

int checkpoint_hash(char hex[65], const char *dir, struct err *e)
{
    struct arena a = {0};
    struct shards w;
    struct str path = {0}, all = {0};
    int rc = shards_find(&w, dir, &a, e);
    for (int i = 0; i < w.n && rc == 0; i++) {
        rc = hash_file(hex, file_join(&path, dir, w.names[i]), e);
        str_add(&all, hex);
    }
    if (rc == 0)
        hash_bytes(hex, str_text(&all), all.len);
    shards_release(&w);
    str_release(&path);
    str_release(&all);
    arena_release(&a);
    return rc ? err_wrap(e, "%s", dir) : 0;
}
