#include "harness/base/str.h"
#include "harness/base/yaml.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct arena arena;

static void release(void)
{
    arena_release(&arena);
}

TestSuite(yaml, .fini = release);

static struct yaml *parse(const char *text, struct err *e)
{
    return yaml_parse(&arena, text, strlen(text), "spec.yaml", e);
}

Test(yaml, a_tree_with_places)
{
    struct err e = {0};
    struct yaml *root = parse("matrix:\n"
                              "  models: [bert, {lora: {r: 64}}]\n"
                              "  empty: []\n"
                              "name: \"two words\"\n"
                              "seed: 3\n"
                              "none:\n",
                              &e);
    cr_assert_not_null(root, "%s", e.text);
    cr_assert_eq(root->kind, YAML_MAP);
    cr_assert_eq(root->n, 4);
    const struct yaml *models = yaml_get(yaml_get(root, "matrix"), "models");
    cr_assert_eq(models->kind, YAML_LIST);
    cr_assert_eq(models->n, 2);
    cr_assert_str_eq(models->items[0].text, "bert");
    const struct yaml *r = yaml_get(yaml_get(&models->items[1], "lora"), "r");
    cr_assert_str_eq(r->text, "64");
    cr_assert(r->line == 2 && r->column == 29, "%d:%d", r->line, r->column);
    cr_assert_eq(yaml_get(yaml_get(root, "matrix"), "empty")->n, 0);
    cr_assert_str_eq(yaml_text_or(root, "name", ""), "two words");
    cr_assert_str_eq(yaml_text_or(root, "gone", "else"), "else");
    cr_assert_str_eq(yaml_text_or(root, "matrix", "else"), "else");
    cr_assert_str_eq(yaml_text_or(root, "none", "else"), "");
    cr_assert_null(yaml_get(root, "gone"));
    cr_assert_null(yaml_get(models, "gone"));
}

Test(yaml, long_lists_keep_all_their_entries)
{
    struct err e = {0};
    struct str text = {0};
    for (int i = 0; i < 1000; i++)
        str_printf(&text, "k%d: %d\n", i, i * i);
    struct yaml *root = parse(str_text(&text), &e);
    cr_assert_eq(root->n, 1000);
    for (int i = 0; i < 1000; i++) {
        long v = -1;
        char key[16];
        snprintf(key, sizeof key, "k%d", i);
        cr_assert_eq(yaml_long(&v, root, key, 0, 1000000, &e), 0);
        cr_assert_eq(v, (long)i * i);
    }
    str_release(&text);
}

Test(yaml, what_is_refused)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", "spec.yaml:1:1: the file is empty"},
        {"# only a remark\n", "the file is empty"},
        {"a: [1, 2\nb: 3\n", "spec.yaml:2:"},
        {"a: 1\n a: 2\n", "spec.yaml:2:"},
        {"a: 1\nb: 2\na: 3\n", "spec.yaml:3:1: key \"a\" stands twice, first in line 1"},
        {"a: &x 1\n", "spec.yaml:1:4: anchors"},
        {"a: *x\n", "spec.yaml:1:4: aliases"},
        {"a: &x [1]\n", "anchors"},
        {"a: !!int 1\n", "spec.yaml:1:4: tags"},
        {"a: !t {b: 1}\n", "tags"},
        {"a: 1\n---\nb: 2\n", "spec.yaml:2:1: only one document"},
        {"[a]: 1\n", "spec.yaml:1:1: a key must be a scalar"},
        {"a: \"x\\0y\"\n", "NUL"},
        {"a: \xFF\n", "spec.yaml:1:"},
        {"a: \"open\n", "spec.yaml:"},
        {"\tb: 1\n", "spec.yaml:1:1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err e = {0};
        cr_assert_null(parse(cases[i].text, &e), "case %zu was taken", i);
        cr_assert_not_null(strstr(e.text, cases[i].message), "case %zu: %s", i, e.text);
        cr_assert_eq(e.kind, ERR_USAGE);
    }
}

Test(yaml, nesting_without_end_is_refused)
{
    char *deep = malloc(20001);
    memset(deep, '[', 20000);
    deep[20000] = '\0';
    struct err e = {0};
    cr_assert_null(parse(deep, &e));
    cr_assert_not_null(strstr(e.text, "nested"), "%s", e.text);
    free(deep);
}

/* Every cut of a document either parses or says where it broke. */
Test(yaml, cut_documents)
{
    static const char text[] = "a: {b: [1, \"x y\", {c: 'd'}], e: |\n  f\n}\ng:\n - h\n - i: j\n";
    for (size_t n = 0; n < sizeof text; n++) {
        struct err e = {0};
        if (!yaml_parse(&arena, text, n, "cut", &e))
            cr_assert(str_starts(e.text, "cut:"), "%s", e.text);
    }
}

Test(yaml, missing_file)
{
    struct err e = {0};
    cr_assert_null(yaml_read(&arena, "/nowhere/x.yaml", &e));
    cr_assert_eq(e.kind, ERR_WORLD);
    cr_assert_not_null(strstr(e.text, "/nowhere/x.yaml"));
}

Test(yaml, typed_reads_say_where)
{
    struct err e = {0};
    struct yaml *root = parse("n: 12\nt: text\nl: [1]\n", &e);
    long v = 0;
    const char *text = NULL;
    cr_assert(yaml_long(&v, root, "n", 1, 12, &e) == 0 && v == 12);
    cr_assert_eq(yaml_long(&v, root, "n", 1, 11, &e), -1);
    cr_assert_str_eq(e.text, "spec.yaml:1:4: n must be a whole number from 1 to 11, not \"12\"");
    cr_assert_eq(yaml_long(&v, root, "t", 1, 12, &e), -1);
    cr_assert_eq(yaml_long(&v, root, "gone", 1, 12, &e), -1);
    cr_assert_str_eq(e.text, "spec.yaml:1:1: the key \"gone\" is missing");
    cr_assert(yaml_text(&text, root, "t", &e) == 0 && strcmp(text, "text") == 0);
    cr_assert_eq(yaml_text(&text, root, "l", &e), -1);
    cr_assert_str_eq(e.text, "spec.yaml:3:4: l must be a scalar, not a list");
    cr_assert_eq(yaml_text(&text, yaml_get(root, "l"), "t", &e), -1);
    cr_assert_eq(yaml_expect(root, YAML_MAP, "this", &e), 0);
}

Test(yaml, unknown_keys_are_named_with_the_nearest)
{
    static const char *const allowed[] = {"models", "methods", NULL};
    struct err e = {0};
    struct yaml *root = parse("models: 1\nmethod: 2\n", &e);
    cr_assert_eq(yaml_only_keys(root, allowed, &e), -1);
    cr_assert_str_eq(e.text, "spec.yaml:2:1: unknown key \"method\"; did you mean \"methods\"?");
    root = parse("zzz: 1\n", &e);
    cr_assert_eq(yaml_only_keys(root, allowed, &e), -1);
    cr_assert_not_null(strstr(e.text, "known are models, methods"));
    root = parse("models: 1\n", &e);
    cr_assert_eq(yaml_only_keys(root, allowed, &e), 0);
    root = parse("[models]\n", &e);
    cr_assert_eq(yaml_only_keys(root, allowed, &e), -1);
}
