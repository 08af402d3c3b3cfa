#include "harness/rule.h"

#include "harness/protocol.h"

#include <string.h>

const char *const rule_keys[] = {"model", "family",   "method", "dataset",
                                 "init",  "protocol", "seed",   NULL};

/* A condition: a word or a list of words, at least one. */
static int check_words(const struct yaml *value, const char *key, struct err *e)
{
    if (value->kind != YAML_LIST)
        return yaml_expect(value, YAML_SCALAR, key, e);
    if (value->n == 0)
        return yaml_error(value, e, "%s: the list is empty", key);
    for (int i = 0; i < value->n; i++)
        if (yaml_expect(&value->items[i], YAML_SCALAR, key, e) != 0)
            return -1;
    return 0;
}

/* Every word of a condition, one of words; what comes before the message's "not". */
static int check_known(const struct yaml *value, const char *const *words, const char *must,
                       struct err *e)
{
    int n = value->kind == YAML_LIST ? value->n : 1;
    const struct yaml *items = value->kind == YAML_LIST ? value->items : value;
    for (int i = 0; i < n; i++)
        if (str_index(words, items[i].text) < 0)
            return yaml_error(&items[i], e, "%s, not \"%s\"", must, items[i].text);
    return 0;
}

static int check_init(const struct yaml *value, struct err *e)
{
    static const char *const words[] = {"random", "pretrained", NULL};
    return check_known(value, words, "init must be random or pretrained", e);
}

static int check_family(const struct yaml *value, struct err *e)
{
    enum { MAX = 31 };
    const char *words[MAX + 1] = {NULL};
    struct str must = {0};
    str_add(&must, "family must be one of");
    for (int i = 0; i < MAX && families[i]; i++) {
        words[i] = families[i]->name;
        str_printf(&must, "%s %s", i ? "," : "", words[i]);
    }
    int rc = check_known(value, words, str_text(&must), e);
    str_release(&must);
    return rc;
}

static int read_when(struct rule *r, const struct yaml *when, struct err *e)
{
    if (yaml_only_keys(when, rule_keys, e) != 0)
        return -1;
    if (when->n == 0)
        return yaml_error(when, e,
                          "no condition stands here; one of model, family, method, dataset, "
                          "init, protocol, seed is needed");
    for (int k = 0; k < RULE_KEY_COUNT; k++) {
        r->when[k] = yaml_get(when, rule_keys[k]);
        if (r->when[k] && check_words(r->when[k], rule_keys[k], e) != 0)
            return -1;
    }
    if (r->when[RULE_INIT] && check_init(r->when[RULE_INIT], e) != 0)
        return -1;
    return r->when[RULE_FAMILY] ? check_family(r->when[RULE_FAMILY], e) : 0;
}

int rule_read(struct rule *r, const struct yaml *node, struct arena *a, struct err *e)
{
    static const char *const keys[] = {"when", "set", NULL};
    *r = (struct rule){.node = node};
    if (yaml_only_keys(node, keys, e) != 0)
        return -1;
    const struct yaml *when = yaml_get(node, "when");
    r->set = yaml_get(node, "set");
    if (!when || !r->set)
        return yaml_error(node, e, "an override needs both \"when\" and \"set\"");
    if (read_when(r, when, e) != 0 || settings_check(r->set, e) != 0)
        return -1;
    if (r->set->n == 0)
        return yaml_error(r->set, e, "nothing is set here");
    r->used = arena_array(a, (size_t)r->set->n, sizeof *r->used);
    return 0;
}

int rule_read_exclusion(struct rule *r, const struct yaml *node, struct arena *a, struct err *e)
{
    *r = (struct rule){.node = node, .used = arena_array(a, 1, sizeof *r->used)};
    return read_when(r, node, e);
}

int rules_read(struct rule **rules, int *n, const struct yaml *node, bool is_exclusion,
               struct arena *a, struct err *e)
{
    *rules = NULL;
    *n = 0;
    if (!node)
        return 0;
    if (yaml_expect(node, YAML_LIST, is_exclusion ? "exclude" : "overrides", e) != 0)
        return -1;
    *rules = arena_array(a, (size_t)node->n, sizeof **rules);
    for (int i = 0; i < node->n; i++) {
        struct rule *r = &(*rules)[i];
        int rc = is_exclusion ? rule_read_exclusion(r, &node->items[i], a, e)
                              : rule_read(r, &node->items[i], a, e);
        if (rc != 0)
            return -1;
        *n = i + 1;
    }
    return 0;
}

static bool names_word(const struct yaml *value, const char *word)
{
    if (value->kind == YAML_SCALAR)
        return strcmp(value->text, word) == 0;
    for (int i = 0; i < value->n; i++)
        if (strcmp(value->items[i].text, word) == 0)
            return true;
    return false;
}

bool rules_name(const struct rule *rules, int n, enum rule_key key)
{
    for (int i = 0; i < n; i++)
        if (rules[i].when[key])
            return true;
    return false;
}

bool rule_holds(const struct rule *r, const struct point *p)
{
    for (int k = 0; k < RULE_KEY_COUNT; k++) {
        if (!r->when[k] || names_word(r->when[k], p->word[k]))
            continue;
        if (k != RULE_METHOD || !names_word(r->when[k], p->method_label))
            return false;
    }
    return true;
}

/* --- settings ------------------------------------------------------------- */

/* The method of a "METHOD.OPTION" key and the option's node; NULL when key names a
 * training option. */
static const struct method *method_of_key(const struct yaml *key, struct yaml *option)
{
    const char *dot = strchr(key->text, '.');
    *option = *key;
    if (!dot)
        return NULL;
    char name[64];
    size_t n = (size_t)(dot - key->text);
    if (n >= sizeof name)
        return NULL;
    memcpy(name, key->text, n);
    name[n] = '\0';
    option->text = dot + 1;
    option->column += (int)n + 1;
    return method_find(name);
}

static int check_setting(const struct yaml *key, const struct yaml *value, struct arena *a,
                         struct err *e)
{
    struct yaml option;
    const struct method *m = method_of_key(key, &option);
    if (!m && strchr(key->text, '.'))
        return yaml_error(key, e, "\"%s\" names no method; `ftbench methods` lists them",
                          key->text);
    struct options o;
    options_init(&o, m ? m->options : training_options, a);
    return option_set_yaml(&o, &option, value, e);
}

int settings_check(const struct yaml *set, struct err *e)
{
    if (yaml_expect(set, YAML_MAP, "set", e) != 0)
        return -1;
    struct arena a = {0};
    int rc = 0;
    for (int i = 0; i < set->n && rc == 0; i++)
        rc = check_setting(&set->keys[i], &set->items[i], &a, e);
    arena_release(&a);
    return rc;
}

int settings_apply(const struct yaml *set, bool *used, const struct settled *to, struct err *e)
{
    for (int i = 0; i < set->n; i++) {
        struct yaml option;
        const struct method *m = method_of_key(&set->keys[i], &option);
        if (m && m != to->method)
            continue;
        if (option_set_yaml(m ? to->method_options : to->training, &option, &set->items[i], e) != 0)
            return -1;
        if (used)
            used[i] = true;
    }
    return 0;
}

int rules_apply(const struct rule *rules, int n, const struct point *p, const struct settled *to,
                struct err *e)
{
    for (int i = 0; i < n; i++)
        if (rule_holds(&rules[i], p) && settings_apply(rules[i].set, rules[i].used, to, e) != 0)
            return -1;
    return 0;
}
