/*
 * The descriptors the project ships, and, when FTBENCH_MIRROR names a folder
 * with the real files, every row of them.
 */
#include "datasets/audit.h"
#include "datasets/dataset.h"
#include "tests/datasets/fixture.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What the data sets' papers and the survey's code say; and what the sound
 * protocol makes of it: rows that train, validate, test. */
static const struct published {
    const char *name;
    int n_classes;
    long rows[3];
    int train, validation, test;
} published[] = {
    {"ag_news", 4, {7600}, 6080, 760, 760},
    {"financial_phrasebank", 3, {2264}, 1807, 226, 226},
    {"auditor_sentiment", 3, {3877, 969}, 3480, 387, 969},
    {"imdb_truncated", 2, {1000, 1000}, 900, 100, 1000},
    {"tweet_eval_irony", 2, {2862, 955, 784}, 2862, 955, 784},
    {"tweet_eval_stance_abortion", 3, {587, 66, 280}, 586, 66, 280},
    {"sst2", 2, {67349, 872}, 64973, 2000, 872},
    {"trec", 6, {5452, 500}, 4834, 537, 500},
    {"rotten_tomatoes", 2, {10662}, 8530, 1066, 1066},
    {"banking77", 77, {10003, 3080}, 8993, 999, 3080},
};
enum { N_PUBLISHED = sizeof published / sizeof published[0] };

static void set_up(void)
{
    char home[512];
    setenv("FTBENCH_HOME", getcwd(home, sizeof home), 1);
    setenv("FTBENCH_CACHE", "/nonexistent/ftbench", 1);
}

TestSuite(published, .init = set_up, .timeout = 300);

Test(published, descriptors_need_no_data)
{
    for (int i = 0; i < N_PUBLISHED; i++) {
        const struct published *p = &published[i];
        struct arena a = {0};
        struct err e = {0};
        const struct dataset_info *d = dataset_describe(p->name, &a, &e);
        cr_assert(d != NULL, "%s", e.text);
        cr_expect(eq(int, d->n_classes, p->n_classes));
        for (int s = 0; s < d->n_splits; s++)
            cr_expect(eq(long, d->splits[s].rows, p->rows[s]), "%s", p->name);
        for (int s = d->n_splits; s < 3; s++)
            cr_expect(eq(long, p->rows[s], 0));
        cr_expect(eq(int, d->survey.given, i < 6));
        arena_release(&a);
    }
}

/* NULL, with a line that says so, when there is no mirror. */
static const struct dataset *load(const char *name, struct arena *a)
{
    struct err e = {0};
    const struct asset_flags offline = {.offline = true};
    const char *mirror = getenv("FTBENCH_MIRROR");
    if (!mirror || !*mirror)
        return NULL;
    const struct dataset_info *info = dataset_describe(name, a, &e);
    const struct dataset *d = info ? dataset_load(info, &offline, a, &e) : NULL;
    cr_assert(d != NULL, "%s", e.text);
    return d;
}

static void skip(const char *what)
{
    fprintf(stderr, "skip: %s: FTBENCH_MIRROR is not set\n", what);
    cr_skip_test("FTBENCH_MIRROR is not set");
}

Test(published, every_row_and_its_split)
{
    for (int i = 0; i < N_PUBLISHED; i++) {
        const struct published *p = &published[i];
        struct arena a = {0};
        struct err e = {0};
        struct split s;
        const struct dataset *d = load(p->name, &a);
        if (!d)
            skip("rows of the ten data sets");
        cr_expect(eq(long, (long)d->n, p->rows[0] + p->rows[1] + p->rows[2]), "%s", p->name);
        cr_assert(split_sound(&s, d, 0, &a, &e) == 0, "%s", e.text);
        cr_expect(s.train.n == p->train && s.validation.n == p->validation && s.test.n == p->test,
                  "%s: %d %d %d", p->name, s.train.n, s.validation.n, s.test.n);
        bool stood_in = i == 2 || i == 3;
        cr_expect(stood_in == false || d->stand_in == NULL ||
                  strstr(d->stand_in, "NOT the") != NULL);
        cr_expect(stood_in || d->stand_in == NULL);
        arena_release(&a);
    }
}

/* How the survey's runs used their rows: counts as its logs give them, and the leak rate with
 * four standard deviations about the share of rows that train (80 %, 90 %): where the other copy
 * of a row went is chance. */
Test(published, the_surveys_rows_and_how_they_leak)
{
    static const struct {
        const char *name;
        int train, evaluation;
        double leak_min, leak_max;
    } used[] = {
        {"ag_news", 12160, 3040, 0.77, 0.83},
        {"financial_phrasebank", 4075, 453, 0.85, 0.95},
        {"auditor_sentiment", 7754, 1938, 0, 0.01},
        {"imdb_truncated", 2000, 2000, 0, 0.01},
        {"tweet_eval_irony", 5724, 1910, 0, 0.01},
        {"tweet_eval_stance_abortion", 2862, 955, 0, 0.01},
    };
    for (size_t i = 0; i < sizeof used / sizeof used[0]; i++) {
        struct arena a = {0};
        struct err e = {0};
        struct split s;
        const struct asset_flags offline = {.offline = true};
        const struct dataset *d = load(used[i].name, &a);
        if (!d)
            skip("the survey's rows");
        d = dataset_load_served(d->info, &offline, &a, &e);
        cr_assert(d != NULL, "%s", e.text);
        const struct survey_rows *survey = &d->info->survey;
        const struct split_options o = {.survey = true, .copies = true};
        cr_assert(split_make(&s, d, &o, &a, &e) == 0, "%s", e.text);
        cr_expect(s.train.n == used[i].train && s.validation.n == used[i].evaluation, "%s: %d %d",
                  used[i].name, s.train.n, s.validation.n);
        cr_expect(survey->n_train == s.train.n && survey->n_evaluation == s.validation.n);
        double leak = split_leak_rate(d, &s.train, &s.validation);
        fprintf(stderr, "%s: leak rate %.6f\n", used[i].name, leak);
        cr_expect(leak >= used[i].leak_min && leak <= used[i].leak_max, "%s", used[i].name);
        for (int c = 0; c < d->info->n_classes; c++) {
            int in_all = 0, out = 0;
            for (int k = 0; k < s.train.n; k++)
                in_all += d->examples[s.train.index[k]].label == c;
            for (int k = 0; k < s.validation.n; k++)
                out += d->examples[s.validation.index[k]].label == c;
            double share = (double)(in_all + out) / (s.train.n + s.validation.n);
            cr_expect(survey->evaluation || fabs(out - share * s.validation.n) < 1);
        }
        arena_release(&a);
    }
}

Test(published, texts_as_published)
{
    static const struct {
        const char *name;
        int row;
        const char *text;
        int label;
    } rows[] = {
        {"ag_news", 0,
         "Fears for T N pension after talks Unions representing workers at Turner   Newall say "
         "they are 'disappointed' after talks with stricken parent firm Federal Mogul.",
         2},
        {"trec", 0, "How did serfdom develop in and then leave Russia ?", 2},
        {"sst2", 67349, "it 's a charming and often affecting journey . ", 1},
        {"rotten_tomatoes", 31, "the action clich\xc3\xa9s just pile up .", 0},
        {"tweet_eval_stance_abortion", 0,
         "we remind ourselves that love means to be willing to give until it hurts - Mother "
         "Teresa ",
         1},
        {"banking77", 0, "I am still waiting on my card?", 11},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct arena a = {0};
        const struct dataset *d = load(rows[i].name, &a);
        if (!d)
            skip("texts of the data sets");
        cr_expect_str_eq(d->examples[rows[i].row].text, rows[i].text);
        cr_expect(eq(int, d->examples[rows[i].row].label, rows[i].label));
        arena_release(&a);
    }
}

/* SURVEY: auditor_sentiment is very likely Financial PhraseBank again. Of the
 * stand-in it is true by construction, so this proves that the audit sees it. */
Test(published, two_sets_that_share_rows)
{
    struct arena a = {0};
    const struct dataset *fpb = load("financial_phrasebank", &a);
    if (!fpb)
        skip("rows shared by two data sets");
    const struct dataset *auditor = load("auditor_sentiment", &a);
    const struct dataset *irony = load("tweet_eval_irony", &a);
    const struct dataset *stance = load("tweet_eval_stance_abortion", &a);
    cr_expect(eq(int, audit_shared_rows(fpb, auditor), fpb->n));
    cr_expect(eq(int, audit_shared_rows(stance, irony), 0));
    const struct audit au = audit_dataset(auditor, &a);
    cr_expect(eq(int, au.n_conflict_texts, 2));
    arena_release(&a);
}
