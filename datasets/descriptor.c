#include "datasets/dataset.h"
#include "datasets/reader.h"

#include "harness/base/file.h"
#include "harness/base/paths.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* A YAML list of scalars (or one scalar) as words owned by a. */
static int words(const char *const **out, int *n, const struct yaml *node, const char *what,
                 struct arena *a, struct err *e)
{
    int count = node->kind == YAML_SCALAR ? 1 : node->n;
    const char **list = arena_array(a, (size_t)count + 1, sizeof *list);
    if (node->kind == YAML_SCALAR)
        list[0] = node->text;
    else if (yaml_expect(node, YAML_LIST, what, e) < 0)
        return -1;
    for (int i = 0; node->kind == YAML_LIST && i < count; i++) {
        if (yaml_expect(&node->items[i], YAML_SCALAR, what, e) < 0)
            return -1;
        list[i] = node->items[i].text;
    }
    if (count == 0)
        return yaml_error(node, e, "%s is empty", what);
    *out = list;
    *n = count;
    return 0;
}

static const struct yaml *need(const struct yaml *map, const char *key, struct err *e)
{
    const struct yaml *node = yaml_get(map, key);
    if (!node)
        yaml_error(map, e, "missing key '%s'", key);
    return node;
}

static int flag(bool *out, const struct yaml *map, const char *key, struct err *e)
{
    const char *text = yaml_text_or(map, key, "false");
    *out = str_equal(text, "true");
    if (!*out && !str_equal(text, "false"))
        return yaml_error(yaml_get(map, key), e, "%s must be true or false", key);
    return 0;
}

static int read_classes(struct dataset_info *d, const struct yaml *root, struct arena *a,
                        struct err *e)
{
    const struct yaml *node = need(root, "classes", e);
    if (!node || words(&d->classes, &d->n_classes, node, "classes", a, e) < 0)
        return -1;
    if (d->n_classes < 2)
        return yaml_error(node, e, "a set needs at least two classes");
    for (int i = 0; i < d->n_classes; i++)
        for (int j = 0; j < i; j++)
            if (str_equal(d->classes[i], d->classes[j]))
                return yaml_error(node, e, "class %s stands here twice", d->classes[i]);
    return 0;
}

/* What a model that answers in text is taught to say for class i. */
static int check_verbalizer(const struct dataset_info *d, int i, const struct yaml *node,
                            struct err *e)
{
    const char *text = d->verbalizers[i];
    size_t n = strlen(text);
    if (n == 0)
        return yaml_error(node, e, "the verbalizer of class %s is empty", d->classes[i]);
    if (isspace((unsigned char)text[0]) || isspace((unsigned char)text[n - 1]))
        return yaml_error(node, e, "the verbalizer '%s' has a blank at an end", text);
    for (int j = 0; j < i; j++)
        if (str_equal(text, d->verbalizers[j]))
            return yaml_error(node, e, "classes %s and %s have one verbalizer '%s'", d->classes[j],
                              d->classes[i], text);
    return 0;
}

/* Words and prompt of models that answer in text. libyaml has checked that both are UTF-8. */
static int read_words(struct dataset_info *d, const struct yaml *root, struct arena *a,
                      struct err *e)
{
    const struct yaml *node = yaml_get(root, "verbalizers");
    int n = d->n_classes;
    d->verbalizers = d->classes;
    if (node && words(&d->verbalizers, &n, node, "verbalizers", a, e) < 0)
        return -1;
    if (n != d->n_classes)
        return yaml_error(node, e, "%d verbalizers for %d classes", n, d->n_classes);
    for (int i = 0; node && i < n; i++)
        if (check_verbalizer(d, i, node->kind == YAML_LIST ? &node->items[i] : node, e) < 0)
            return -1;
    node = yaml_get(root, "prompt_template");
    if (!node)
        return 0;
    if (yaml_text(&d->prompt_template, root, "prompt_template", e) < 0)
        return -1;
    const char *hole = strstr(d->prompt_template, DATASET_HOLE);
    if (!hole || strstr(hole + 1, DATASET_HOLE))
        return yaml_error(node, e, "prompt_template must hold " DATASET_HOLE " exactly once");
    return 0;
}

static int read_reader(struct dataset_info *d, const struct yaml *root, struct arena *a,
                       struct err *e)
{
    static const char *const keys[] = {"format", "encoding", "header", "trim",
                                       "text",   "label",    "labels", NULL};
    struct reader_options *o = &d->reader;
    const struct yaml *map = need(root, "reader", e), *node;
    const char *format;
    if (!map || yaml_expect(map, YAML_MAP, "reader", e) < 0 || yaml_only_keys(map, keys, e) < 0 ||
        yaml_text(&format, map, "format", e) < 0 || flag(&o->header, map, "header", e) < 0 ||
        flag(&o->trim, map, "trim", e) < 0)
        return -1;
    o->kind = reader_kind_of(format);
    if (o->kind == READER_COUNT) {
        const char *near = str_nearest(reader_names, READER_COUNT, format);
        return yaml_error(yaml_get(map, "format"), e, "unknown format '%s'; did you mean '%s'?",
                          format, near ? near : reader_names[0]);
    }
    const char *encoding = yaml_text_or(map, "encoding", "utf-8");
    o->latin1 = str_equal(encoding, "iso-8859-1");
    if (!o->latin1 && !str_equal(encoding, "utf-8"))
        return yaml_error(yaml_get(map, "encoding"), e, "encoding must be utf-8 or iso-8859-1");
    bool table = o->kind == READER_CSV || o->kind == READER_TSV || o->kind == READER_JSONL;
    if (table &&
        (!(node = need(map, "text", e)) || words(&o->text, &o->n_text, node, "text", a, e) < 0 ||
         yaml_text(&o->label, map, "label", e) < 0))
        return -1;
    int n_labels = d->n_classes;
    o->labels = d->classes;
    node = yaml_get(map, "labels");
    if (node && words(&o->labels, &n_labels, node, "labels", a, e) < 0)
        return -1;
    if (n_labels != d->n_classes)
        return yaml_error(node, e, "%d labels for %d classes", n_labels, d->n_classes);
    return 0;
}

static int read_split(struct dataset_split *s, const struct dataset_info *d, const struct yaml *map,
                      struct arena *a, struct err *e)
{
    static const char *const keys[] = {"name", "files", "rows", NULL};
    const struct yaml *files;
    if (yaml_expect(map, YAML_MAP, "a split", e) < 0 || yaml_only_keys(map, keys, e) < 0 ||
        yaml_text(&s->name, map, "name", e) < 0 ||
        yaml_long(&s->rows, map, "rows", 1, 1L << 30, e) < 0 || !(files = need(map, "files", e)) ||
        words(&s->files, &s->n_files, files, "files", a, e) < 0)
        return -1;
    for (int i = 0; i < s->n_files; i++)
        if (!asset_named(d->assets, d->n_assets, s->files[i]))
            return yaml_error(files, e, "there is no asset '%s'", s->files[i]);
    int wanted = reader_files_needed(d->reader.kind);
    if (wanted < 0)
        wanted = d->n_classes;
    if (s->n_files != wanted)
        return yaml_error(files, e, "format %s needs %d files a split, not %d",
                          reader_names[d->reader.kind], wanted, s->n_files);
    return 0;
}

static int read_splits(struct dataset_info *d, const struct yaml *root, struct arena *a,
                       struct err *e)
{
    const struct yaml *list = need(root, "splits", e);
    if (!list || yaml_expect(list, YAML_LIST, "splits", e) < 0)
        return -1;
    if (list->n < 1 || list->n > 8)
        return yaml_error(list, e, "a set has one to eight splits");
    struct dataset_split *splits = arena_array(a, (size_t)list->n, sizeof *splits);
    for (int i = 0; i < list->n; i++)
        if (read_split(&splits[i], d, &list->items[i], a, e) < 0)
            return -1;
    d->splits = splits;
    d->n_splits = list->n;
    return 0;
}

/* The splits named at key as a mask; 0 when the key is absent. */
static int split_mask(uint32_t *out, const struct dataset_info *d, const struct yaml *map,
                      const char *key, struct err *e)
{
    const struct yaml *node = yaml_get(map, key);
    *out = 0;
    if (!node)
        return 0;
    struct arena scratch = {0};
    const char *const *names;
    int n, rc = words(&names, &n, node, key, &scratch, e);
    for (int i = 0; rc == 0 && i < n; i++) {
        int s = 0;
        while (s < d->n_splits && !str_equal(d->splits[s].name, names[i]))
            s++;
        if (s == d->n_splits)
            rc = yaml_error(node, e, "there is no split '%s'", names[i]);
        else
            *out |= 1u << s;
    }
    arena_release(&scratch);
    return rc;
}

static int read_sound(struct dataset_info *d, const struct yaml *root, struct err *e)
{
    static const char *const keys[] = {"pool", "train", "validation", "test", NULL};
    const struct yaml *map = need(root, "sound", e);
    struct sound_rows *s = &d->sound;
    uint32_t pool;
    if (!map || yaml_expect(map, YAML_MAP, "sound", e) < 0 || yaml_only_keys(map, keys, e) < 0 ||
        split_mask(&pool, d, map, "pool", e) < 0 || split_mask(&s->train, d, map, "train", e) < 0 ||
        split_mask(&s->validation, d, map, "validation", e) < 0 ||
        split_mask(&s->test, d, map, "test", e) < 0)
        return -1;
    s->pooled = pool != 0;
    if (s->pooled && (s->train | s->validation | s->test))
        return yaml_error(map, e, "sound has either pool or train and test");
    if (!s->pooled && (!s->train || !s->test))
        return yaml_error(map, e, "sound needs pool, or train and test");
    if ((s->train & s->test) | (s->train & s->validation) | (s->validation & s->test))
        return yaml_error(map, e, "a split has two uses");
    if (s->pooled)
        s->train = pool;
    return 0;
}

static int read_survey(struct dataset_info *d, const struct yaml *root, struct err *e)
{
    static const char *const keys[] = {"rows_of", "train", "evaluation", "evaluation_share",
                                       "copies",  "seed",  "n_train",    "n_evaluation",
                                       "note",    NULL};
    const struct yaml *map = yaml_get(root, "survey_rows");
    struct survey_rows *s = &d->survey;
    if (!map)
        return 0;
    long copies;
    if (yaml_expect(map, YAML_MAP, "survey_rows", e) < 0 || yaml_only_keys(map, keys, e) < 0 ||
        split_mask(&s->train, d, map, "train", e) < 0 ||
        split_mask(&s->evaluation, d, map, "evaluation", e) < 0 ||
        yaml_long(&copies, map, "copies", 1, 100, e) < 0 ||
        yaml_long(&s->n_train, map, "n_train", 1, 1L << 30, e) < 0 ||
        yaml_long(&s->n_evaluation, map, "n_evaluation", 1, 1L << 30, e) < 0 ||
        yaml_text(&s->note, map, "note", e) < 0)
        return -1;
    s->given = true;
    s->copies = (int)copies;
    s->rows_of = yaml_text_or(map, "rows_of", NULL);
    s->seed = -1;
    if (yaml_get(map, "seed") && yaml_long(&s->seed, map, "seed", 0, 1L << 31, e) < 0)
        return -1;
    const char *share = yaml_text_or(map, "evaluation_share", "0");
    if (str_to_double(&s->evaluation_share, share) < 0 || s->evaluation_share < 0 ||
        s->evaluation_share >= 1)
        return yaml_error(yaml_get(map, "evaluation_share"), e,
                          "evaluation_share must lie in [0, 1)");
    if (!s->train || s->train & s->evaluation)
        return yaml_error(map, e, "survey_rows needs train, and no split of it in evaluation");
    if ((s->evaluation != 0) == (s->evaluation_share > 0))
        return yaml_error(map, e, "survey_rows has either evaluation or evaluation_share");
    if (s->evaluation_share > 0 && s->seed < 0)
        return yaml_error(map, e, "evaluation_share needs the seed of the survey's split");
    return 0;
}

static int read_root(struct dataset_info *d, const struct yaml *root, struct arena *a,
                     struct err *e)
{
    static const char *const keys[] = {"name",        "title",           "task",    "homepage",
                                       "licence",     "citation",        "classes", "assets",
                                       "reader",      "splits",          "sound",   "survey_rows",
                                       "verbalizers", "prompt_template", NULL};
    if (yaml_expect(root, YAML_MAP, "a data set", e) < 0 || yaml_only_keys(root, keys, e) < 0 ||
        yaml_text(&d->name, root, "name", e) < 0 || yaml_text(&d->title, root, "title", e) < 0 ||
        yaml_text(&d->task, root, "task", e) < 0 ||
        yaml_text(&d->homepage, root, "homepage", e) < 0 ||
        yaml_text(&d->licence, root, "licence", e) < 0 ||
        yaml_text(&d->citation, root, "citation", e) < 0)
        return -1;
    const struct yaml *assets = need(root, "assets", e);
    if (!assets || assets_from_yaml(&d->assets, &d->n_assets, assets, a, e) < 0 ||
        read_classes(d, root, a, e) < 0 || read_words(d, root, a, e) < 0 ||
        read_reader(d, root, a, e) < 0 || read_splits(d, root, a, e) < 0 ||
        read_sound(d, root, e) < 0)
        return -1;
    return read_survey(d, root, e);
}

/* home/datasets, into an emptied path. */
static int datasets_dir(struct str *path, struct err *e)
{
    struct str home = {0};
    int rc = paths_home(&home, e);
    if (rc == 0)
        file_join(path, str_text(&home), "datasets");
    str_release(&home);
    return rc;
}

static int unknown(const char *name, struct err *e)
{
    struct arena a = {0};
    const char *const *names;
    int n = dataset_list(&names, &a, e);
    if (n >= 0) {
        const char *near = str_nearest(names, n, name);
        err_usage(e, "unknown data set '%s'%s%s%s; `ftbench datasets` lists them", name,
                  near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    }
    arena_release(&a);
    return -1;
}

const struct dataset_info *dataset_describe(const char *name, struct arena *a, struct err *e)
{
    struct str dir = {0}, path = {0};
    int rc = 0;
    if (str_ends(name, ".yaml")) {
        str_add(&path, name);
    } else if ((rc = datasets_dir(&dir, e)) == 0) {
        str_printf(&path, "%s/%s.yaml", str_text(&dir), name);
        if (strchr(name, '/') || !file_exists(str_text(&path)))
            rc = unknown(name, e);
    }
    struct dataset_info *d = arena_alloc(a, sizeof *d);
    d->path = arena_strdup(a, str_text(&path));
    struct yaml *root = rc == 0 ? yaml_read(a, d->path, e) : NULL;
    if (!root || read_root(d, root, a, e) < 0)
        rc = -1;
    if (rc == 0) {
        const char *slash = strrchr(d->path, '/');
        const char *base = slash ? slash + 1 : d->path;
        if (strlen(base) != strlen(d->name) + 5 || !str_starts(base, d->name))
            rc = yaml_error(root, e, "the name '%s' is not that of the file", d->name);
    }
    str_release(&dir);
    str_release(&path);
    return rc == 0 ? d : NULL;
}

int dataset_list(const char *const **names, struct arena *a, struct err *e)
{
    struct str dir = {0};
    char **files = NULL;
    int n = datasets_dir(&dir, e);
    if (n == 0)
        n = file_list(&files, str_text(&dir), ".yaml", e);
    if (n >= 0) {
        const char **list = arena_array(a, (size_t)n + 1, sizeof *list);
        for (int i = 0; files && i < n; i++)
            list[i] = arena_strndup(a, files[i], strlen(files[i]) - strlen(".yaml"));
        *names = list;
    }
    free(files);
    str_release(&dir);
    return n;
}
