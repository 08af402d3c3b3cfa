#include "harness/base/option.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static int table_size(const struct option *table)
{
    int n = 0;
    while (table[n].name)
        n++;
    return n;
}

/* Index of name in the table, or -1. */
static int find(const struct option *table, const char *name)
{
    for (int i = 0; table[i].name; i++)
        if (strcmp(table[i].name, name) == 0)
            return i;
    return -1;
}

/* "1 to 64", "q, k, v", "true, false": what the option takes. */
static void allowed_text(struct str *s, const struct option *opt)
{
    switch (opt->type) {
    case OPTION_INT:
    case OPTION_FLOAT:
        str_add_double(s, opt->min);
        str_add(s, " to ");
        str_add_double(s, opt->max);
        break;
    case OPTION_BOOL:
        str_add(s, "true, false");
        break;
    case OPTION_CHOICE:
    case OPTION_LIST:
        if (!opt->choices)
            str_add(s, "any words");
        else
            for (int i = 0; opt->choices[i]; i++)
                str_printf(s, "%s%s", i ? ", " : "", opt->choices[i]);
        break;
    }
}

static int bad_value(const struct option *opt, const char *text, struct err *e)
{
    struct str allowed = {0};
    allowed_text(&allowed, opt);
    int n_words = 0;
    while (opt->choices && opt->choices[n_words])
        n_words++;
    const char *near = n_words ? str_nearest(opt->choices, n_words, text) : NULL;
    if (near)
        err_usage(e, "%s: \"%s\" is not allowed; did you mean \"%s\"? (%s)", opt->name, text, near,
                  str_text(&allowed));
    else
        err_usage(e, "%s: \"%s\" is not allowed; it takes %s%s", opt->name, text,
                  opt->type == OPTION_INT ? "a whole number from " : "", str_text(&allowed));
    str_release(&allowed);
    return -1;
}

static int unknown_name(const struct options *o, const char *name, struct err *e)
{
    const char *names[256];
    assert(o->n <= 256);
    for (int i = 0; i < o->n; i++)
        names[i] = o->table[i].name;
    const char *near = str_nearest(names, o->n, name);
    if (near)
        return err_usage(e, "unknown option \"%s\"; did you mean \"%s\"?", name, near);
    struct str all = {0};
    for (int i = 0; i < o->n; i++)
        str_printf(&all, "%s%s", i ? ", " : "", names[i]);
    err_usage(e, "unknown option \"%s\"; known are %s", name, o->n ? str_text(&all) : "none");
    str_release(&all);
    return -1;
}

/* --- values ------------------------------------------------------------------- */

static int parse_bool(long *out, const char *text)
{
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on", "0", "1", NULL};
    int i = str_index(words, text);
    *out = i % 2;
    return i < 0 ? -1 : 0;
}

static int compare_words(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorts the words and drops repeated ones: a list is a set, and its order must
 * not make another cell of it. */
static int sort_words(const char **words, int n)
{
    if (n == 0)
        return 0;
    qsort(words, (size_t)n, sizeof *words, compare_words);
    int kept = 1;
    for (int i = 1; i < n; i++)
        if (strcmp(words[i], words[kept - 1]) != 0)
            words[kept++] = words[i];
    return kept;
}

/* words[0..n) become the value; each must be an allowed word. */
static int set_list(struct option_value *v, const struct option *opt, const char **words, int n,
                    struct err *e)
{
    for (int i = 0; i < n; i++)
        if (!*words[i] || strpbrk(words[i], ",[] \t\n") ||
            (opt->choices && str_index(opt->choices, words[i]) < 0))
            return bad_value(opt, words[i], e);
    v->list = words;
    v->n_list = sort_words(words, n);
    return 0;
}

/* "a,b", "[a, b]", "a b" or "". */
static int parse_list(struct options *o, int i, const char *text, struct err *e)
{
    const char separators[] = " \t,";
    const char **words = arena_array(o->arena, strlen(text) + 1, sizeof *words);
    char *copy = arena_strdup(o->arena, text);
    size_t len = strlen(copy);
    if (len >= 2 && copy[0] == '[' && copy[len - 1] == ']') {
        copy[len - 1] = '\0';
        copy++;
    }
    int n = 0;
    char *rest = copy;
    for (char *word; (word = strtok_r(rest, separators, &rest));)
        words[n++] = word;
    return set_list(&o->values[i], &o->table[i], words, n, e);
}

static int parse_value(struct options *o, int i, const char *text, struct err *e)
{
    const struct option *opt = &o->table[i];
    struct option_value *v = &o->values[i];
    long whole;
    double real;
    switch (opt->type) {
    case OPTION_INT:
        if (str_to_long(&whole, text) != 0 || (double)whole < opt->min || (double)whole > opt->max)
            return bad_value(opt, text, e);
        v->i = whole;
        return 0;
    case OPTION_FLOAT:
        if (str_to_double(&real, text) != 0 || real < opt->min || real > opt->max)
            return bad_value(opt, text, e);
        v->f = real + 0.0; /* -0 and 0 are one option */
        return 0;
    case OPTION_BOOL:
        if (parse_bool(&whole, text) != 0)
            return bad_value(opt, text, e);
        v->i = whole;
        return 0;
    case OPTION_CHOICE:
        if (str_index(opt->choices, text) < 0)
            return bad_value(opt, text, e);
        v->i = str_index(opt->choices, text);
        return 0;
    case OPTION_LIST:
        return parse_list(o, i, text, e);
    }
    assert(!"an option_type");
    return -1;
}

void options_init(struct options *o, const struct option *table, struct arena *a)
{
    int n = table_size(table);
    struct option_value *values = arena_array(a, (size_t)n, sizeof *values);
    *o = (struct options){.table = table, .values = values, .n = n, .arena = a};
    for (int i = 0; i < n; i++) {
        struct err e = {0};
        int rc = parse_value(o, i, table[i].initial, &e);
        assert(rc == 0);
    }
}

void options_copy(struct options *to, const struct options *from, struct arena *a)
{
    struct option_value *values = arena_array(a, (size_t)from->n, sizeof *values);
    for (int i = 0; i < from->n; i++) {
        values[i] = from->values[i];
        if (!values[i].n_list)
            continue;
        values[i].list = arena_array(a, (size_t)values[i].n_list, sizeof(char *));
        for (int k = 0; k < values[i].n_list; k++)
            values[i].list[k] = arena_strdup(a, from->values[i].list[k]);
    }
    *to = (struct options){.table = from->table, .values = values, .n = from->n, .arena = a};
}

int option_set(struct options *o, const char *name, const char *text, struct err *e)
{
    int i = find(o->table, name);
    if (i < 0)
        return unknown_name(o, name, e);
    if (parse_value(o, i, text, e) != 0)
        return -1;
    o->values[i].given = true;
    return 0;
}

/* --- from YAML ---------------------------------------------------------------- */

/* Puts the place in front of the message that is there. */
static int at_node(const struct yaml *node, struct err *e)
{
    struct err inner = *e;
    return yaml_error(node, e, "%s", inner.text);
}

static int set_from_list_node(struct options *o, int i, const struct yaml *value, struct err *e)
{
    const struct option *opt = &o->table[i];
    if (opt->type != OPTION_LIST)
        return yaml_error(value, e, "%s takes one value, not a list", opt->name);
    const char **words = arena_array(o->arena, (size_t)value->n, sizeof *words);
    for (int k = 0; k < value->n; k++) {
        const struct yaml *item = &value->items[k];
        if (yaml_expect(item, YAML_SCALAR, opt->name, e) != 0)
            return -1;
        words[k] = arena_strdup(o->arena, item->text);
    }
    if (set_list(&o->values[i], opt, words, value->n, e) != 0)
        return at_node(value, e);
    o->values[i].given = true;
    return 0;
}

int option_set_yaml(struct options *o, const struct yaml *key, const struct yaml *value,
                    struct err *e)
{
    int i = find(o->table, key->text);
    if (i < 0) {
        unknown_name(o, key->text, e);
        return at_node(key, e);
    }
    if (value->kind == YAML_LIST)
        return set_from_list_node(o, i, value, e);
    if (yaml_expect(value, YAML_SCALAR, key->text, e) != 0)
        return -1;
    return option_set(o, key->text, value->text, e) == 0 ? 0 : at_node(value, e);
}

int options_set_yaml(struct options *o, const struct yaml *map, struct err *e)
{
    if (yaml_expect(map, YAML_MAP, "the options", e) != 0)
        return -1;
    for (int i = 0; i < map->n; i++)
        if (option_set_yaml(o, &map->keys[i], &map->items[i], e) != 0)
            return -1;
    return 0;
}

/* --- reading ------------------------------------------------------------------ */

static const struct option_value *value_of(const struct options *o, const char *name,
                                           enum option_type type)
{
    int i = find(o->table, name);
    assert(i >= 0 && o->table[i].type == type);
    return &o->values[i];
}

bool options_has(const struct options *o, const char *name)
{
    return find(o->table, name) >= 0;
}

long option_int(const struct options *o, const char *name)
{
    return value_of(o, name, OPTION_INT)->i;
}

double option_float(const struct options *o, const char *name)
{
    return value_of(o, name, OPTION_FLOAT)->f;
}

bool option_bool(const struct options *o, const char *name)
{
    return value_of(o, name, OPTION_BOOL)->i != 0;
}

const char *option_choice(const struct options *o, const char *name)
{
    const struct option_value *v = value_of(o, name, OPTION_CHOICE);
    return o->table[find(o->table, name)].choices[v->i];
}

const char *const *option_list(const struct options *o, const char *name, int *n)
{
    const struct option_value *v = value_of(o, name, OPTION_LIST);
    *n = v->n_list;
    return v->list;
}

bool option_list_has(const struct options *o, const char *name, const char *word)
{
    const struct option_value *v = value_of(o, name, OPTION_LIST);
    for (int k = 0; k < v->n_list; k++)
        if (strcmp(v->list[k], word) == 0)
            return true;
    return false;
}

/* --- writing ------------------------------------------------------------------ */

void option_text(struct str *s, const struct options *o, int i)
{
    assert(i >= 0 && i < o->n);
    const struct option_value *v = &o->values[i];
    switch (o->table[i].type) {
    case OPTION_INT:
        str_printf(s, "%ld", v->i);
        break;
    case OPTION_FLOAT:
        str_add_double(s, v->f);
        break;
    case OPTION_BOOL:
        str_add(s, v->i ? "true" : "false");
        break;
    case OPTION_CHOICE:
        str_add(s, o->table[i].choices[v->i]);
        break;
    case OPTION_LIST:
        for (int k = 0; k < v->n_list; k++)
            str_printf(s, "%s%s", k ? "," : "", v->list[k]);
        break;
    }
}

void options_canonical(struct str *s, const struct options *o, const char *prefix,
                       bool skip_defaults)
{
    struct arena a = {0};
    struct options defaults;
    options_init(&defaults, o->table, &a);
    struct str value = {0}, initial = {0};
    for (int i = 0; i < o->n; i++) {
        str_clear(&value);
        str_clear(&initial);
        option_text(&value, o, i);
        option_text(&initial, &defaults, i);
        if (!skip_defaults || strcmp(str_text(&value), str_text(&initial)) != 0)
            str_printf(s, "%s%s=%s\n", prefix ? prefix : "", o->table[i].name, str_text(&value));
    }
    str_release(&value);
    str_release(&initial);
    arena_release(&a);
}

void options_help(struct str *s, const struct option *table, const char *indent)
{
    struct str allowed = {0};
    for (int i = 0; table[i].name; i++) {
        str_clear(&allowed);
        allowed_text(&allowed, &table[i]);
        str_printf(s, "%s%-20s %-12s %s [%s]\n", indent, table[i].name,
                   *table[i].initial ? table[i].initial : "(none)", table[i].help,
                   str_text(&allowed));
    }
    str_release(&allowed);
}
