/* Descriptors: what they may say, what they may not; loading against their counts. */
#include "datasets/dataset.h"
#include "harness/base/file.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A project of its own: models/zoo, datasets/tiny.yaml and its two files. */
static char home[64];

static void put(const char *name, const char *text)
{
    char path[256];
    struct err e = {0};
    snprintf(path, sizeof path, "%s/%s", home, name);
    cr_assert(file_write(path, text, strlen(text), &e) == 0, "%s", e.text);
}

static const char head[] = "name: tiny\ntitle: Tiny\ntask: t\nhomepage: h\nlicence: l\n"
                           "citation: c\n";
static const char body[] = "classes: [neg, pos]\n"
                           "assets:\n"
                           "  - {name: a.csv, sources: [{path: datasets/a.csv}]}\n"
                           "  - {name: b.csv, sources: [{path: datasets/b.csv}]}\n"
                           "reader: {format: csv, header: true, text: text, label: label}\n"
                           "splits:\n"
                           "  - {name: train, files: a.csv, rows: 3}\n"
                           "  - {name: test, files: b.csv, rows: 1}\n"
                           "sound: {train: train, test: test}\n";

static void put_descriptor(const char *rest)
{
    struct str text = {0};
    str_add(&text, head);
    str_add(&text, rest);
    put("datasets/tiny.yaml", str_text(&text));
    str_release(&text);
}

static void set_up(void)
{
    char command[256];
    snprintf(home, sizeof home, "/tmp/ftbench_home_XXXXXX");
    cr_assert(mkdtemp(home) != NULL);
    snprintf(command, sizeof command, "mkdir -p %s/models/zoo %s/datasets", home, home);
    cr_assert(system(command) == 0);
    setenv("FTBENCH_HOME", home, 1);
    snprintf(command, sizeof command, "%s/cache", home);
    setenv("FTBENCH_CACHE", command, 1);
    unsetenv("FTBENCH_MIRROR");
    put("datasets/a.csv", "text,label\none,neg\ntwo,pos\nthree,pos\n");
    put("datasets/b.csv", "text,label\nfour,neg\n");
    put_descriptor(body);
}

static void tear_down(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", home);
    cr_assert(system(command) == 0);
}

TestSuite(dataset, .init = set_up, .fini = tear_down);

static const struct dataset *load(struct arena *a, struct err *e)
{
    const struct asset_flags offline = {.offline = true};
    const struct dataset_info *info = dataset_describe("tiny", a, e);
    return info ? dataset_load(info, &offline, a, e) : NULL;
}

Test(dataset, rows_as_described)
{
    struct arena a = {0};
    struct err e = {0};
    const struct dataset *d = load(&a, &e);
    cr_assert(d != NULL, "%s", e.text);
    cr_expect(eq(int, d->n, 4));
    cr_expect_str_eq(d->examples[2].text, "three");
    cr_expect(d->examples[2].label == 1 && d->examples[2].split == 0);
    cr_expect(d->examples[3].label == 0 && d->examples[3].split == 1);
    cr_expect(d->examples[0].hash == dataset_row_hash("one"));
    cr_expect(d->stand_in == NULL && d->n_warnings == 0);
    /* Independently: printf 'neg\0pos\0train\0000\0one\0train\0001\0two\0...' | sha256sum */
    cr_expect_str_eq(d->data_hash,
                     "bdcbb8af9b1b40ff55ae34bba9c34c4daa4182d04e548aaa95f8cfe768314b49");
    arena_release(&a);
}

Test(dataset, every_byte_counts_in_the_data_hash)
{
    struct arena a = {0};
    struct err e = {0};
    char before[HASH_HEX_SIZE];
    memcpy(before, load(&a, &e)->data_hash, HASH_HEX_SIZE);
    put("datasets/b.csv", "text,label\nFour,neg\n");
    cr_expect_str_neq(load(&a, &e)->data_hash, before);
    put("datasets/b.csv", "text,label\nfour,pos\n");
    cr_expect_str_neq(load(&a, &e)->data_hash, before);
    put("datasets/b.csv", "text,label\nfour,neg\n");
    cr_expect_str_eq(load(&a, &e)->data_hash, before);
    arena_release(&a);
}

Test(dataset, wrong_counts_and_rows_name_the_split)
{
    static const struct {
        const char *text, *message;
    } bad[] = {
        {"text,label\n", "data set tiny, split test: 0 rows read, 1 published"},
        {"text,label\nx,neg\ny,pos\n", "split test: 2 rows read, 1 published"},
        {"text,label\nx,neutral\n", "data set tiny, split test: b.csv:2: unknown label 'neutral'"},
        {"text,lable\nx,neg\n", "data set tiny, split test: b.csv:1: missing column 'label'"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct arena a = {0};
        struct err e = {0};
        put("datasets/b.csv", bad[i].text);
        cr_expect(load(&a, &e) == NULL);
        cr_expect(strstr(e.text, bad[i].message) != NULL, "no '%s' in: %s", bad[i].message, e.text);
        cr_expect(eq(int, e.kind, ERR_WORLD));
        arena_release(&a);
    }
}

Test(dataset, a_missing_file_says_which_set_wants_it)
{
    struct arena a = {0};
    struct err e = {0};
    char path[128];
    snprintf(path, sizeof path, "%s/datasets/b.csv", home);
    cr_assert(unlink(path) == 0);
    cr_expect(load(&a, &e) == NULL);
    cr_expect(strstr(e.text, "data set tiny: b.csv: not on this machine") != NULL, "%s", e.text);
    arena_release(&a);
}

Test(dataset, names_near_and_far)
{
    struct arena a = {0};
    struct err e = {0};
    const char *const *names;
    cr_assert(eq(int, dataset_list(&names, &a, &e), 1));
    cr_expect_str_eq(names[0], "tiny");
    cr_expect(dataset_describe("tinny", &a, &e) == NULL);
    cr_expect(eq(int, e.kind, ERR_USAGE));
    cr_expect(strstr(e.text, "unknown data set 'tinny'; did you mean 'tiny'?") != NULL);
    cr_expect(dataset_describe("../datasets/tiny", &a, &e) == NULL);
    put("datasets/other.yaml", "name: tiny\n");
    cr_expect(dataset_describe("other", &a, &e) == NULL);
    arena_release(&a);
}

/* body with the first `from` replaced by `to`. */
static void put_changed(const char *from, const char *to)
{
    struct str text = {0};
    const char *at = strstr(body, from);
    cr_assert(at != NULL, "%s", from);
    str_add_bytes(&text, body, (size_t)(at - body));
    str_add(&text, to);
    str_add(&text, at + strlen(from));
    put_descriptor(str_text(&text));
    str_release(&text);
}

Test(dataset, refused_descriptors_say_where)
{
    static const struct {
        const char *from, *to, *message;
    } bad[] = {
        {"[neg, pos]", "[neg]", "at least two classes"},
        {"[neg, pos]", "[neg, neg]", "class neg stands here twice"},
        {"reader: {format: csv", "reader: {format: csvv",
         "unknown format 'csvv'; did you mean 'csv'?"},
        {"header: true", "header: yes", "header must be true or false"},
        {"header: true", "encoding: utf-16", "encoding must be utf-8 or iso-8859-1"},
        {"label: label}", "label: label, labels: [a]}", "1 labels for 2 classes"},
        {"label: label}", "lable: label}", "lable"},
        {"files: b.csv", "files: c.csv", "there is no asset 'c.csv'"},
        {"files: b.csv", "files: [a.csv, b.csv]", "format csv needs 1 files a split, not 2"},
        {"rows: 1}", "rows: 0}", "rows"},
        {"test: test}", "test: dev}", "there is no split 'dev'"},
        {"test: test}", "test: train}", "a split has two uses"},
        {"train: train, test: test}", "train: train}", "sound needs pool, or train and test"},
        {"train: train, test: test}", "pool: train, test: test}", "either pool or train and test"},
        {"sound:", "survey_rows: {copies: 2}\nsound:", "n_train"},
        {"sound:", "sounds:", "sounds"},
        {"sound:",
         "survey_rows: {train: train, copies: 2, n_train: 5, n_evaluation: 1, note: n}\nsound:",
         "survey_rows has either evaluation or evaluation_share"},
        {"sound:",
         "survey_rows: {train: train, evaluation_share: 0.2, copies: 2, n_train: 5, "
         "n_evaluation: 1, note: n}\nsound:",
         "evaluation_share needs the seed"},
        {"sound:",
         "survey_rows: {train: train, evaluation: train, copies: 2, n_train: 5, n_evaluation: 1, "
         "note: n}\nsound:",
         "no split of it in evaluation"},
        {"sound:", "verbalizers: [bad]\nsound:", "1 verbalizers for 2 classes"},
        {"sound:", "verbalizers: [bad, bad]\nsound:",
         "classes neg and pos have one verbalizer 'bad'"},
        {"sound:", "verbalizers: [bad, \"\"]\nsound:",
         "15:20: the verbalizer of class pos is empty"},
        {"sound:", "verbalizers: [bad, \" good\"]\nsound:", "' good' has a blank at an end"},
        {"sound:", "verbalizers: [bad, \"\xff\"]\nsound:", "UTF-8"},
        {"sound:", "verbalizers: {neg: bad, pos: good}\nsound:", "verbalizers"},
        {"sound:", "prompt_template: a review\nsound:", "{text} exactly once"},
        {"sound:", "prompt_template: \"{text} {text}\"\nsound:",
         "15:18: prompt_template must hold {text} exactly once"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct arena a = {0};
        struct err e = {0};
        put_changed(bad[i].from, bad[i].to);
        cr_expect(dataset_describe("tiny", &a, &e) == NULL, "accepted: %s", bad[i].to);
        cr_expect(strstr(e.text, bad[i].message) != NULL, "no '%s' in: %s", bad[i].message, e.text);
        cr_expect(strstr(e.text, "datasets/tiny.yaml:") != NULL, "%s", e.text);
        arena_release(&a);
    }
}

Test(dataset, survey_rows_are_data)
{
    struct arena a = {0};
    struct err e = {0};
    put_changed("sound:", "survey_rows: {train: train, evaluation_share: 0.2, copies: 2, seed: 52, "
                          "n_train: 5, n_evaluation: 1, note: n}\nsound:");
    const struct dataset_info *d = dataset_describe("tiny", &a, &e);
    cr_assert(d != NULL, "%s", e.text);
    cr_expect(d->survey.given && d->survey.copies == 2 && d->survey.train == 1);
    cr_expect(d->survey.evaluation == 0 && d->survey.evaluation_share == 0.2);
    cr_expect(eq(long, d->survey.seed, 52));
    arena_release(&a);
}

Test(dataset, words_and_prompt_for_models_that_answer_in_text)
{
    struct arena a = {0};
    struct err e = {0};
    const struct dataset *d = load(&a, &e);
    cr_assert(d != NULL, "%s", e.text);
    cr_expect_str_eq(d->info->verbalizers[0], "neg"); /* without a word the class's name */
    cr_expect_str_eq(d->info->verbalizers[1], "pos");
    cr_expect_str_eq(dataset_prompt(d->info, "a {text} b", &a), "a {text} b");
    char before[HASH_HEX_SIZE];
    memcpy(before, d->data_hash, HASH_HEX_SIZE);
    put_changed("sound:", "verbalizers: [so bad, \xc3\xa9norme]\n"
                          "prompt_template: \"100 %s: {text} So?\"\nsound:");
    d = load(&a, &e);
    cr_assert(d != NULL, "%s", e.text);
    cr_expect_str_eq(d->info->classes[0], "neg");
    cr_expect_str_eq(d->info->verbalizers[0], "so bad");
    cr_expect_str_eq(d->info->verbalizers[1], "\xc3\xa9norme");
    cr_expect_str_eq(dataset_prompt(d->info, "{text} %d", &a), "100 %s: {text} %d So?");
    cr_expect_str_eq(d->data_hash, before); /* what a set is called changes none of its rows */
    arena_release(&a);
}

/* tiny once more under the name of borrower, whose own rows were never looked at. */
static void put_borrower(const char *classes, const char *evaluation)
{
    struct str text = {0};
    str_printf(&text,
               "name: borrower\ntitle: B\ntask: t\nhomepage: h\nlicence: l\ncitation: c\n"
               "classes: %s\n"
               "assets: [{name: a.csv, sources: [{path: datasets/a.csv}]}]\n"
               "reader: {format: csv, text: text, label: label}\n"
               "splits: [{name: dev, files: a.csv, rows: 9}, {name: %s, files: a.csv, rows: 9}, "
               "{name: train, files: a.csv, rows: 9}]\n"
               "sound: {train: train, test: dev}\n"
               "survey_rows: {rows_of: tiny, train: train, evaluation: %s, copies: 2, n_train: 3, "
               "n_evaluation: 1, note: n}\n",
               classes, evaluation, evaluation);
    put("datasets/borrower.yaml", str_text(&text));
    str_release(&text);
}

static const struct dataset *load_served(const char *name, struct arena *a, struct err *e)
{
    const struct asset_flags offline = {.offline = true};
    const struct dataset_info *info = dataset_describe(name, a, e);
    return info ? dataset_load_served(info, &offline, a, e) : NULL;
}

Test(dataset, rows_served_under_another_name)
{
    struct arena a = {0};
    struct err e = {0};
    put_borrower("[none, against, favor]", "test");
    const struct dataset *d = load_served("borrower", &a, &e), *own = load(&a, &e);
    cr_assert(d && own, "%s", e.text);
    cr_expect_str_eq(d->info->name, "borrower");
    cr_expect_str_eq(d->served, "tiny");
    cr_expect(d->info->n_classes == 3 && own->served == NULL);
    cr_expect_str_eq(d->info->classes[2], "favor");
    cr_assert(eq(int, d->n, 4));
    for (int i = 0; i < 4; i++) {
        cr_expect(d->examples[i].hash == own->examples[i].hash);
        cr_expect(d->examples[i].label == own->examples[i].label);
    }
    /* Splits are those of the rows, found by name: train is 0 of tiny, 2 of borrower. */
    cr_expect(d->info->n_splits == 2 && d->info->survey.train == 1);
    cr_expect(d->info->survey.evaluation == 2 && d->info->survey.copies == 2);
    cr_expect_str_neq(d->data_hash, own->data_hash);
    cr_assert(eq(int, d->n_warnings, 1));
    cr_expect_str_eq(d->warnings[0], "the rows are those of tiny, served under the name borrower");
    d = load_served("tiny", &a, &e); /* its own */
    cr_expect(d != NULL && d->served == NULL);
    cr_expect_str_eq(d->data_hash, own->data_hash);
    arena_release(&a);
}

Test(dataset, rows_that_cannot_be_served)
{
    struct arena a = {0};
    struct err e = {0};
    put_descriptor("classes: [neg, pos, other]\n"
                   "assets: [{name: a.csv, sources: [{path: datasets/a.csv}]}]\n"
                   "reader: {format: csv, header: true, text: text, label: label}\n"
                   "splits: [{name: train, files: a.csv, rows: 3}]\nsound: {pool: train}\n");
    put("datasets/a.csv", "text,label\none,neg\ntwo,other\nthree,pos\n");
    put_borrower("[none, against]", "test");
    cr_expect(load_served("borrower", &a, &e) == NULL);
    cr_expect(eq(int, e.kind, ERR_USAGE));
    cr_expect(strstr(e.text, "the rows of tiny have the label 2 (other), but borrower has 2 "
                             "classes") != NULL,
              "%s", e.text);
    put_borrower("[none, against, favor]", "test");
    cr_expect(load_served("borrower", &a, &e) == NULL);
    cr_expect(strstr(e.text, "the rows of tiny have no split 'test'") != NULL, "%s", e.text);
    arena_release(&a);
}
