/* What a recipe says is taken; what it says wrongly is told with its place. */
#include "pretrain/recipe.h"

#include "harness/base/file.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define HEAD "name: x\ntitle: X\nmodels: [mini-bert-xs, mini-t5-xs]\n"
#define TEXT "corpus:\n  title: some text\n  licence: none\n  language: en\n  sha256: " HASH "\n"

struct fixture {
    struct arena a;
    struct err e;
    struct recipe r;
    int rc;
};

static void read_text(struct fixture *f, const char *text)
{
    char path[] = "/tmp/ftbench-recipe-XXXXXX";
    *f = (struct fixture){0};
    setenv("FTBENCH_HOME", ".", 1);
    close(mkstemp(path));
    cr_assert(file_write(path, text, strlen(text), &f->e) == 0, "%s", f->e.text);
    f->rc = recipe_read(&f->r, path, &f->a, &f->e);
    unlink(path);
}

static void expect_refused(const char *text, const char *line, const char *why)
{
    struct fixture f;
    read_text(&f, text);
    cr_expect(f.rc == -1 && f.e.kind == ERR_USAGE, "%s", text);
    cr_expect(strstr(f.e.text, line) != NULL, "%s", f.e.text);
    cr_expect(strstr(f.e.text, why) != NULL, "%s", f.e.text);
    arena_release(&f.a);
}

Test(recipe, settings_come_from_defaults_then_set_then_the_familys)
{
    struct fixture f;
    struct options o;
    read_text(&f, HEAD TEXT "set: {learning_rate: 2e-3, max_steps: 7}\n"
                            "overrides:\n- when: {family: t5}\n  set: {learning_rate: 5e-3}\n");
    cr_assert(f.rc == 0, "%s", f.e.text);
    cr_expect(f.r.n_models == 2 && f.r.models[0].random_init && f.r.models[1].random_init);
    cr_expect_str_eq(f.r.models[1].name, "mini-t5-xs");
    cr_expect_str_eq(f.r.corpus.sha256, HASH);
    cr_assert(recipe_settle(&o, &f.r, &f.r.models[0], &f.a, &f.e) == 0, "%s", f.e.text);
    cr_expect(option_float(&o, "learning_rate") == 2e-3 && option_int(&o, "max_steps") == 7);
    cr_expect(option_float(&o, "adam_beta2") == 0.98);
    cr_assert(recipe_settle(&o, &f.r, &f.r.models[1], &f.a, &f.e) == 0, "%s", f.e.text);
    cr_expect(option_float(&o, "learning_rate") == 5e-3 && option_int(&o, "max_steps") == 7);
    arena_release(&f.a);
}

Test(recipe, a_model_with_weights_starts_without_them)
{
    struct fixture f;
    read_text(&f, "name: x\ntitle: X\nmodels: [bert-l2-h128]\n" TEXT);
    cr_assert(f.rc == 0, "%s", f.e.text);
    cr_expect(f.r.models[0].random_init);
    cr_expect_str_eq(f.r.models[0].name, "bert-l2-h128");
    arena_release(&f.a);
}

Test(recipe, the_projects_own_reads)
{
    struct fixture f = {0};
    struct options o;
    setenv("FTBENCH_HOME", ".", 1);
    cr_assert(recipe_read(&f.r, "specs/pretrain/mini.yaml", &f.a, &f.e) == 0, "%s", f.e.text);
    cr_expect(f.r.n_models == 6);
    for (int i = 0; i < f.r.n_models; i++)
        cr_expect(recipe_settle(&o, &f.r, &f.r.models[i], &f.a, &f.e) == 0, "%s", f.e.text);
    arena_release(&f.a);
}

Test(recipe, a_wrong_word_is_answered_with_the_right_one_and_its_line)
{
    expect_refused(HEAD TEXT "set:\n  learning_rat: 1\n", ":10:", "learning_rate");
    expect_refused(HEAD TEXT "set:\n  precision: bfloat\n", ":10:", "bfloat16");
    expect_refused(HEAD TEXT "set:\n  mlm_probability: 2\n", ":10:", "mlm_probability");
    expect_refused(HEAD TEXT "sets: {}\n", ":9:", "set");
    expect_refused("name: x\ntitle: X\nmodels: [mini-bert-sx]\n" TEXT, ":3:", "mini-bert-");
    expect_refused("name: x\ntitle: X\nmodels: [mini-bert-xs, mini-bert-xs]\n" TEXT,
                   ":3:", "stands here twice");
    expect_refused("name: x\ntitle: X\nmodels: []\n" TEXT, ":3:", "empty");
    expect_refused(HEAD, ":1:", "missing key 'corpus'");
    expect_refused(HEAD "corpus:\n  title: a\n  licence: b\n  language: en\n  sha256: 12\n",
                   ":8:", "64 lower-case hexadecimal digits");
    expect_refused(HEAD TEXT "overrides:\n- when: {family: bart}\n  set: {seed: 1}\n",
                   ":10:", "bart");
    expect_refused(HEAD TEXT "overrides:\n- when: {model: bert}\n  set: {seed: 1}\n",
                   ":10:", "family");
    expect_refused(HEAD TEXT "overrides:\n- set: {seed: 1}\n", ":10:", "\"when\"");
}

Test(recipe, lengths_that_contradict_are_refused)
{
    struct fixture f;
    struct options o;
    read_text(&f, HEAD TEXT "set: {min_length: 100, max_length: 64}\n");
    cr_assert(f.rc == 0, "%s", f.e.text);
    cr_expect(recipe_settle(&o, &f.r, &f.r.models[0], &f.a, &f.e) == -1);
    cr_expect(strstr(f.e.text, "min_length 100") != NULL, "%s", f.e.text);
    arena_release(&f.a);
}
