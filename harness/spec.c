#include "harness/spec.h"

#include "harness/base/file.h"

#include <stdlib.h>
#include <string.h>

/* Scalar items of an axis, none twice. */
static int check_axis(const struct yaml *axis, const char *name, struct err *e)
{
    if (yaml_expect(axis, YAML_LIST, name, e) != 0)
        return -1;
    if (axis->n == 0)
        return yaml_error(axis, e, "%s is empty; a matrix needs at least one", name);
    for (int i = 0; i < axis->n; i++) {
        const struct yaml *item = &axis->items[i];
        if (yaml_expect(item, YAML_SCALAR, name, e) != 0)
            return -1;
        for (int k = 0; k < i; k++)
            if (strcmp(axis->items[k].text, item->text) == 0)
                return yaml_error(item, e, "\"%s\" stands twice in %s, first in line %d",
                                  item->text, name, axis->items[k].line);
    }
    return 0;
}

/* Puts the place of node in front of a message that has none. */
static int at_node(const struct yaml *node, struct err *e)
{
    struct err inner = *e;
    yaml_error(node, e, "%s", inner.text);
    e->kind = inner.kind;
    return -1;
}

static int read_models(struct spec *s, const struct yaml *axis, struct arena *a, struct err *e)
{
    if (check_axis(axis, "models", e) != 0)
        return -1;
    s->models = arena_array(a, (size_t)axis->n, sizeof *s->models);
    for (int i = 0; i < axis->n; i++)
        if (zoo_find(&s->models[i], axis->items[i].text, a, e) != 0)
            return at_node(&axis->items[i], e);
    s->n_models = axis->n;
    return 0;
}

static int read_datasets(struct spec *s, const struct yaml *axis, struct arena *a, struct err *e)
{
    if (check_axis(axis, "datasets", e) != 0)
        return -1;
    s->datasets = arena_array(a, (size_t)axis->n, sizeof *s->datasets);
    for (int i = 0; i < axis->n; i++) {
        s->datasets[i] = dataset_describe(axis->items[i].text, a, e);
        if (!s->datasets[i])
            return at_node(&axis->items[i], e);
    }
    s->n_datasets = axis->n;
    return 0;
}

int method_unknown(const char *name, struct err *e)
{
    enum { MAX = 256 };
    const char *names[MAX];
    int n = 0;
    for (; n < MAX && methods[n]; n++)
        names[n] = methods[n]->name;
    const char *near = str_nearest(names, n, name);
    if (near)
        return err_usage(e, "unknown method \"%s\"; did you mean \"%s\"?", name, near);
    return err_usage(e, "unknown method \"%s\"; `ftbench methods` lists what there is", name);
}

/* NAME, or {NAME: {option: value}}. */
static int read_method(struct spec_method *m, const struct yaml *item, struct arena *a,
                       struct err *e)
{
    const struct yaml *name = item, *set = NULL;
    if (item->kind == YAML_MAP) {
        if (item->n != 1)
            return yaml_error(item, e, "a method is NAME or {NAME: {option: value}}");
        name = &item->keys[0];
        set = &item->items[0];
    } else if (yaml_expect(item, YAML_SCALAR, "a method", e) != 0) {
        return -1;
    }
    m->method = method_find(name->text);
    if (!m->method) {
        method_unknown(name->text, e);
        return at_node(name, e);
    }
    options_init(&m->options, m->method->options, a);
    if (set && options_set_yaml(&m->options, set, e) != 0)
        return -1;
    m->label = method_label(m->method, &m->options, a);
    return 0;
}

static int read_methods(struct spec *s, const struct yaml *axis, struct arena *a, struct err *e)
{
    if (yaml_expect(axis, YAML_LIST, "methods", e) != 0)
        return -1;
    if (axis->n == 0)
        return yaml_error(axis, e, "methods is empty; a matrix needs at least one");
    s->methods = arena_array(a, (size_t)axis->n, sizeof *s->methods);
    for (int i = 0; i < axis->n; i++) {
        if (read_method(&s->methods[i], &axis->items[i], a, e) != 0)
            return -1;
        for (int k = 0; k < i; k++)
            if (strcmp(s->methods[k].label, s->methods[i].label) == 0)
                return yaml_error(&axis->items[i], e,
                                  "\"%s\" stands twice in methods, first in line %d",
                                  s->methods[i].label, axis->items[k].line);
    }
    s->n_methods = axis->n;
    return 0;
}

static int compare_seeds(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* No seed may stand twice. */
static int check_seeds(const struct spec *s, const struct yaml *axis, struct err *e)
{
    size_t n = (size_t)s->n_seeds, twice = 1;
    uint64_t *sorted = xmalloc(n * sizeof *sorted);
    memcpy(sorted, s->seeds, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, compare_seeds);
    while (twice < n && sorted[twice] != sorted[twice - 1])
        twice++;
    uint64_t seed = twice < n ? sorted[twice] : 0;
    free(sorted);
    bool met = false;
    for (int i = 0; twice < n && i < s->n_seeds; i++) {
        if (s->seeds[i] == seed && met)
            return yaml_error(&axis->items[i], e, "seed %llu stands twice",
                              (unsigned long long)seed);
        met = met || s->seeds[i] == seed;
    }
    return 0;
}

static int read_seeds(struct spec *s, const struct yaml *axis, struct arena *a, struct err *e)
{
    if (check_axis(axis, "seeds", e) != 0)
        return -1;
    s->seeds = arena_array(a, (size_t)axis->n, sizeof *s->seeds);
    for (int i = 0; i < axis->n; i++) {
        const struct yaml *item = &axis->items[i];
        long seed;
        if (str_to_long(&seed, item->text) != 0 || seed < 0)
            return yaml_error(item, e, "a seed must be a whole number from 0, not \"%s\"",
                              item->text);
        s->seeds[i] = (uint64_t)seed;
    }
    s->n_seeds = axis->n;
    return check_seeds(s, axis, e);
}

/* One name or a list of names. */
static int read_protocols(struct spec *s, const struct yaml *node, struct arena *a, struct err *e)
{
    if (node->kind == YAML_LIST && check_axis(node, "protocol", e) != 0)
        return -1;
    if (node->kind == YAML_MAP)
        return yaml_expect(node, YAML_SCALAR, "protocol", e);
    s->n_protocols = node->kind == YAML_LIST ? node->n : 1;
    const struct yaml *items = node->kind == YAML_LIST ? node->items : node;
    s->protocols = arena_array(a, (size_t)s->n_protocols, sizeof *s->protocols);
    for (int i = 0; i < s->n_protocols; i++)
        if (protocol_read(&s->protocols[i], items[i].text, a, e) != 0)
            return str_starts(e->text, "unknown protocol") ? at_node(&items[i], e) : -1;
    return 0;
}

static int read_matrix(struct spec *s, const struct yaml *matrix, struct arena *a, struct err *e)
{
    static const char *const axes[] = {"models", "methods", "datasets", "seeds", NULL};
    if (yaml_only_keys(matrix, axes, e) != 0)
        return -1;
    for (int i = 0; axes[i]; i++)
        if (!yaml_get(matrix, axes[i]))
            return yaml_error(matrix, e, "the matrix has no \"%s\"", axes[i]);
    if (read_models(s, yaml_get(matrix, "models"), a, e) != 0 ||
        read_methods(s, yaml_get(matrix, "methods"), a, e) != 0 ||
        read_datasets(s, yaml_get(matrix, "datasets"), a, e) != 0)
        return -1;
    return read_seeds(s, yaml_get(matrix, "seeds"), a, e);
}

/* --- sweep ------------------------------------------------------------------- */

/* The values of one swept option, each as it will be told apart: "1e-3" and 0.001 are one. */
static int check_values(const struct yaml *key, const struct yaml *values, struct err *e)
{
    struct arena a = {0};
    const char **texts = arena_array(&a, (size_t)values->n, sizeof *texts);
    int rc = 0;
    for (int i = 0; i < values->n && rc == 0; i++) {
        struct options o;
        options_init(&o, training_options, &a);
        rc = yaml_expect(&values->items[i], YAML_SCALAR, key->text, e);
        if (rc == 0)
            rc = option_set_yaml(&o, key, &values->items[i], e);
        if (rc != 0)
            break;
        struct str text = {0};
        options_canonical(&text, &o, NULL, false);
        texts[i] = arena_strdup(&a, str_text(&text));
        str_release(&text);
        for (int k = 0; k < i && rc == 0; k++)
            if (strcmp(texts[k], texts[i]) == 0)
                rc = yaml_error(&values->items[i], e, "%s: %s stands twice, first in line %d",
                                key->text, values->items[i].text, values->items[k].line);
    }
    arena_release(&a);
    return rc;
}

static int read_sweep(struct spec *s, const struct yaml *sweep, struct arena *a, struct err *e)
{
    s->n_sweep_points = 1;
    if (!sweep)
        return 0;
    if (yaml_expect(sweep, YAML_MAP, "sweep", e) != 0)
        return -1;
    s->sweeps = arena_array(a, (size_t)sweep->n, sizeof *s->sweeps);
    for (int i = 0; i < sweep->n; i++) {
        const struct yaml *key = &sweep->keys[i], *values = &sweep->items[i];
        if (strchr(key->text, '.'))
            return yaml_error(key, e,
                              "%s: only training options are swept; write the variants of a "
                              "method into methods: [{NAME: {option: value}}]",
                              key->text);
        if (yaml_expect(values, YAML_LIST, key->text, e) != 0)
            return -1;
        if (values->n == 0)
            return yaml_error(values, e, "%s: the list is empty", key->text);
        if (check_values(key, values, e) != 0)
            return -1;
        s->sweeps[s->n_sweeps++] = (struct spec_sweep){key, values};
        if ((long)s->n_sweep_points * values->n > 100000)
            return yaml_error(key, e, "the sweep has more than 100000 points");
        s->n_sweep_points *= values->n;
    }
    return 0;
}

/* --- words in conditions ----------------------------------------------------- */

/* The words an axis offers to conditions; returns their number, at most max. */
static int axis_words(const struct spec *s, enum rule_key key, const char **words, int max,
                      struct arena *a)
{
    int n = 0;
    switch (key) {
    case RULE_MODEL:
        for (int i = 0; i < s->n_models && n < max; i++)
            words[n++] = s->models[i].name;
        break;
    case RULE_METHOD:
        for (int i = 0; i < s->n_methods && n + 1 < max; i++) {
            words[n++] = s->methods[i].method->name;
            words[n++] = s->methods[i].label;
        }
        break;
    case RULE_DATASET:
        for (int i = 0; i < s->n_datasets && n < max; i++)
            words[n++] = s->datasets[i]->name;
        break;
    case RULE_PROTOCOL:
        for (int i = 0; i < s->n_protocols && n < max; i++)
            words[n++] = s->protocols[i].name;
        break;
    case RULE_FAMILY:
        for (int i = 0; i < s->n_models && n < max; i++)
            words[n++] = s->models[i].family->name;
        break;
    case RULE_SEED:
        for (int i = 0; i < s->n_seeds && n < max; i++)
            words[n++] = arena_printf(a, "%llu", (unsigned long long)s->seeds[i]);
        break;
    case RULE_INIT:
    case RULE_KEY_COUNT:
        break;
    }
    return n;
}

static int check_word(const struct yaml *word, enum rule_key key, const char *const *words, int n,
                      struct err *e)
{
    for (int i = 0; i < n; i++)
        if (strcmp(words[i], word->text) == 0)
            return 0;
    const char *near = str_nearest(words, n, word->text);
    if (near)
        return yaml_error(word, e, "%s \"%s\" is not in this matrix; did you mean \"%s\"?",
                          rule_keys[key], word->text, near);
    return yaml_error(word, e, "%s \"%s\" is not in this matrix", rule_keys[key], word->text);
}

/* Every word of every condition must be on its axis: a typo must not pass. */
static int check_conditions(const struct spec *s, const struct rule *rules, int n_rules,
                            struct arena *a, struct err *e)
{
    const char *words[1024];
    for (int i = 0; i < n_rules; i++)
        for (enum rule_key k = 0; k < RULE_KEY_COUNT; k++) {
            const struct yaml *when = rules[i].when[k];
            if (!when || k == RULE_INIT)
                continue;
            int n = axis_words(s, k, words, 1024, a);
            int n_items = when->kind == YAML_LIST ? when->n : 1;
            const struct yaml *items = when->kind == YAML_LIST ? when->items : when;
            for (int w = 0; w < n_items; w++)
                if (check_word(&items[w], k, words, n, e) != 0)
                    return -1;
        }
    return 0;
}

/* --- the whole -------------------------------------------------------------- */

static const char *name_of_path(const char *path, struct arena *a)
{
    const char *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path;
    const char *dot = strrchr(base, '.');
    return arena_strndup(a, base, dot && dot != base ? (size_t)(dot - base) : strlen(base));
}

static int read_root(struct spec *s, const struct yaml *root, struct arena *a, struct err *e)
{
    static const char *const keys[] = {"name", "title",     "notes",   "matrix", "protocol",
                                       "set",  "overrides", "exclude", "sweep",  NULL};
    if (yaml_only_keys(root, keys, e) != 0)
        return -1;
    s->name = yaml_text_or(root, "name", name_of_path(s->path, a));
    s->title = yaml_text_or(root, "title", "");
    s->notes = yaml_text_or(root, "notes", "");
    const struct yaml *matrix = yaml_get(root, "matrix"), *protocol = yaml_get(root, "protocol");
    if (!matrix)
        return yaml_error(root, e, "the key \"matrix\" is missing");
    if (!protocol)
        return yaml_error(root, e, "the key \"protocol\" is missing; write \"protocol: sound\"");
    if (read_matrix(s, matrix, a, e) != 0 || read_protocols(s, protocol, a, e) != 0 ||
        read_sweep(s, yaml_get(root, "sweep"), a, e) != 0)
        return -1;
    s->set = yaml_get(root, "set");
    if (s->set) {
        if (settings_check(s->set, e) != 0)
            return -1;
        s->set_used = arena_array(a, (size_t)s->set->n, sizeof *s->set_used);
    }
    if (rules_read(&s->overrides, &s->n_overrides, yaml_get(root, "overrides"), false, a, e) != 0 ||
        rules_read(&s->excludes, &s->n_excludes, yaml_get(root, "exclude"), true, a, e) != 0 ||
        check_conditions(s, s->overrides, s->n_overrides, a, e) != 0)
        return -1;
    return check_conditions(s, s->excludes, s->n_excludes, a, e);
}

int spec_read(struct spec *s, const char *path, struct arena *a, struct err *e)
{
    *s = (struct spec){.path = arena_strdup(a, path)};
    struct str text = {0};
    int rc = file_read(&text, path, e);
    if (rc == 0) {
        hash_bytes(s->hash, str_text(&text), text.len);
        const struct yaml *root = yaml_parse(a, str_text(&text), text.len, path, e);
        rc = root ? read_root(s, root, a, e) : -1;
    }
    str_release(&text);
    return rc;
}

const char *method_label(const struct method *m, const struct options *o, struct arena *a)
{
    struct str text = {0};
    str_printf(&text, "%s\n", m->name);
    options_canonical(&text, o, NULL, true);
    text.buf[text.len - 1] = '\0';
    for (char *c = text.buf; (c = strchr(c, '\n'));)
        *c = ' ';
    const char *label = arena_strdup(a, text.buf);
    str_release(&text);
    return label;
}
