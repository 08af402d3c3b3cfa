#include "harness/base/option.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

static const char *const sites[] = {"q", "k", "v", "o", NULL};
static const char *const biases[] = {"none", "all", NULL};

static const struct option table[] = {
    {"r", OPTION_INT, "8", 1, 1024, NULL, "rank"},
    {"alpha", OPTION_FLOAT, "16", 0, 1e6, NULL, "scale"},
    {"rslora", OPTION_BOOL, "false", 0, 0, NULL, "alpha over root r"},
    {"bias", OPTION_CHOICE, "none", 0, 0, biases, "which biases train"},
    {"targets", OPTION_LIST, "q,v", 0, 0, sites, "projections"},
    {"words", OPTION_LIST, "", 0, 0, NULL, "anything"},
    {0},
};

static struct arena arena;
static struct options o;

static void init(void)
{
    options_init(&o, table, &arena);
}

static void release(void)
{
    arena_release(&arena);
}

TestSuite(option, .init = init, .fini = release);

static void expect_canonical(const struct options *got, bool skip, const char *want)
{
    struct str s = {0};
    options_canonical(&s, got, "m.", skip);
    cr_assert_str_eq(str_text(&s), want);
    str_release(&s);
}

Test(option, defaults)
{
    int n;
    cr_assert_eq(option_int(&o, "r"), 8);
    cr_assert_eq(option_float(&o, "alpha"), 16);
    cr_assert(!option_bool(&o, "rslora"));
    cr_assert_str_eq(option_choice(&o, "bias"), "none");
    cr_assert_str_eq(option_list(&o, "targets", &n)[1], "v");
    cr_assert_eq(n, 2);
    option_list(&o, "words", &n);
    cr_assert_eq(n, 0);
    cr_assert(!o.values[0].given);
    expect_canonical(&o, true, "");
    expect_canonical(&o, false,
                     "m.r=8\nm.alpha=16\nm.rslora=false\nm.bias=none\nm.targets=q,v\n"
                     "m.words=\n");
}

/* One value, however written, has one canonical text. */
Test(option, canonical_text_does_not_depend_on_spelling)
{
    static const char *const same[][4] = {{"alpha", "0.001", "1e-3", "+1.0e-03"},
                                          {"r", "16", "+16", "016"},
                                          {"rslora", "true", "yes", "1"},
                                          {"targets", "k,q", "[q, k]", "q k,q"}};
    struct err e = {0};
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        struct str first = {0};
        for (int k = 1; k < 4; k++) {
            options_init(&o, table, &arena);
            cr_assert_eq(option_set(&o, same[i][0], same[i][k], &e), 0, "%s", e.text);
            if (k == 1)
                options_canonical(&first, &o, "m.", true);
            cr_assert_neq(first.len, 0);
            expect_canonical(&o, true, str_text(&first));
        }
        str_release(&first);
    }
    options_init(&o, table, &arena);
    cr_assert_eq(option_set(&o, "alpha", "-0", &e), 0);
    expect_canonical(&o, true, "m.alpha=0\n");
}

Test(option, errors_name_option_value_and_what_is_allowed)
{
    static const struct {
        const char *name, *text, *message;
    } cases[] = {
        {"r", "0", "r: \"0\" is not allowed; it takes a whole number from 1 to 1024"},
        {"r", "1.5", "whole number"},
        {"r", "", "r: \"\""},
        {"alpha", "-1", "alpha: \"-1\" is not allowed; it takes 0 to 1000000"},
        {"alpha", "nan", "0 to 1000000"},
        {"rslora", "maybe", "it takes true, false"},
        {"bias", "al", "did you mean \"all\"? (none, all)"},
        {"bias", "lora_only", "it takes none, all"},
        {"targets", "q,x", "targets: \"x\" is not allowed; it takes q, k, v, o"},
        {"rank", "8", "unknown option \"rank\"; known are r, alpha, rslora, bias, targets, words"},
        {"alhpa", "8", "unknown option \"alhpa\"; did you mean \"alpha\"?"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err e = {0};
        cr_assert_eq(option_set(&o, cases[i].name, cases[i].text, &e), -1, "case %zu", i);
        cr_assert_not_null(strstr(e.text, cases[i].message), "case %zu: %s", i, e.text);
        cr_assert_eq(e.kind, ERR_USAGE);
    }
    expect_canonical(&o, true, "");
}

Test(option, from_yaml)
{
    struct err e = {0};
    static const char text[] = "{r: 64, alpha: 1e1, targets: [v, k], words: [b, a], bias: all}";
    struct yaml *map = yaml_parse(&arena, text, strlen(text), "s.yaml", &e);
    cr_assert_eq(options_set_yaml(&o, map, &e), 0, "%s", e.text);
    expect_canonical(&o, true, "m.r=64\nm.alpha=10\nm.bias=all\nm.targets=k,v\nm.words=a,b\n");
    cr_assert(o.values[0].given && !o.values[2].given);
    cr_assert(option_list_has(&o, "targets", "k") && !option_list_has(&o, "targets", "q"));
    cr_assert(options_has(&o, "r") && !options_has(&o, "rank"));
}

Test(option, yaml_errors_have_a_place)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"{r: 64,\n alhpa: 1}", "s.yaml:2:2: unknown option \"alhpa\"; did you mean \"alpha\"?"},
        {"{r: 64,\n alpha: x}", "s.yaml:2:9: alpha: \"x\""},
        {"{r: [1]}", "s.yaml:1:5: r takes one value, not a list"},
        {"{r: {a: 1}}", "s.yaml:1:5: r must be a scalar, not a map"},
        {"{targets: [q, x]}", "s.yaml:1:11: targets: \"x\""},
        {"{targets: [q, [v]]}", "s.yaml:1:15: targets must be a scalar"},
        {"{words: [\"a,b\"]}", "s.yaml:1:9: words: \"a,b\" is not allowed"},
        {"[r]", "s.yaml:1:1: the options must be a map"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err e = {0};
        struct yaml *map = yaml_parse(&arena, cases[i].text, strlen(cases[i].text), "s.yaml", &e);
        cr_assert_not_null(map);
        options_init(&o, table, &arena);
        cr_assert_eq(options_set_yaml(&o, map, &e), -1, "case %zu", i);
        cr_assert_not_null(strstr(e.text, cases[i].message), "case %zu: %s", i, e.text);
    }
}

Test(option, a_copy_stands_alone)
{
    struct arena other = {0};
    struct options copy;
    struct err e = {0};
    cr_assert_eq(option_set(&o, "targets", "o", &e), 0);
    options_copy(&copy, &o, &other);
    cr_assert_eq(option_set(&o, "targets", "k", &e), 0);
    cr_assert_eq(option_set(&o, "r", "99", &e), 0);
    arena_release(&arena);
    expect_canonical(&copy, true, "m.targets=o\n");
    cr_assert_eq(option_set(&copy, "r", "4", &e), 0);
    cr_assert_eq(option_int(&copy, "r"), 4);
    arena_release(&other);
}

Test(option, help_has_every_option)
{
    struct str s = {0};
    options_help(&s, table, "  ");
    for (int i = 0; table[i].name; i++) {
        cr_assert_not_null(strstr(str_text(&s), table[i].name));
        cr_assert_not_null(strstr(str_text(&s), table[i].help));
    }
    cr_assert_not_null(strstr(str_text(&s), "[1 to 1024]"));
    str_release(&s);
}

Test(option, a_wrong_name_is_our_bug, .signal = SIGABRT)
{
    option_int(&o, "rank");
}

Test(option, a_wrong_type_is_our_bug, .signal = SIGABRT)
{
    option_int(&o, "alpha");
}
