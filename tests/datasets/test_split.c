/* Splits: no row twice, classes in proportion, the same for ever under one seed. */
#include "datasets/split.h"
#include "tests/datasets/fixture.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TRAIN = 1, VALIDATION = 2, TEST = 4 };
static const struct sound_rows pooled = {.pooled = true, .train = TRAIN};
static const struct sound_rows official = {.train = TRAIN, .validation = VALIDATION, .test = TEST};

/* n different rows in one split, a sixth of class 0, a third of class 1, half of class 2. */
static struct dataset *many(int n, struct arena *a)
{
    static const int classes[] = {2, 1, 2, 0, 2, 1};
    struct made_row *rows = arena_array(a, (size_t)n, sizeof *rows);
    for (int i = 0; i < n; i++)
        rows[i] = (struct made_row){arena_printf(a, "row number %d", i), classes[i % 6], 0};
    return make_dataset(rows, n, pooled, a);
}

static void expect_disjoint(const struct split *s, const struct dataset *d)
{
    const struct rows *parts[] = {&s->train, &s->validation, &s->test};
    char *seen = calloc((size_t)d->n, 1);
    for (int p = 0; p < 3; p++)
        for (int i = 0; i < parts[p]->n; i++) {
            int row = parts[p]->index[i];
            cr_assert(row >= 0 && row < d->n);
            cr_expect(seen[row] == 0, "row %d stands twice", row);
            seen[row] = 1;
            cr_expect(i == 0 || parts[p]->index[i - 1] < row, "not ascending");
        }
    free(seen);
}

static int count_label(const struct dataset *d, const struct rows *rows, int label)
{
    int n = 0;
    for (int i = 0; i < rows->n; i++)
        n += d->examples[rows->index[i]].label == label;
    return n;
}

Test(split, pool_is_cut_80_10_10_in_proportion)
{
    static const int sizes[] = {30, 31, 97, 100, 605, 1234};
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        struct arena a = {0};
        struct err e = {0};
        struct split s;
        int n = sizes[k];
        const struct dataset *d = many(n, &a);
        cr_assert(split_sound(&s, d, 7, &a, &e) == 0, "%s", e.text);
        expect_disjoint(&s, d);
        cr_expect(eq(int, s.test.n, (n + 5) / 10));
        cr_expect(eq(int, s.validation.n, (n + 5) / 10));
        cr_expect(eq(int, s.train.n, n - 2 * ((n + 5) / 10)));
        const struct rows all = split_rows_of(d, TRAIN, 1, &a);
        for (int c = 0; c < 3; c++) {
            double share = (double)count_label(d, &all, c) / n;
            cr_expect(abs(count_label(d, &s.test, c) - (int)(share * s.test.n)) <= 1);
            /* validation comes from what test left: one row of each cut */
            cr_expect(abs(count_label(d, &s.validation, c) - (int)(share * s.validation.n)) <= 2);
        }
        arena_release(&a);
    }
}

Test(split, one_seed_one_split)
{
    struct arena a = {0};
    struct err e = {0};
    struct split s;
    char hex[3][HASH_HEX_SIZE];
    static const uint64_t seeds[] = {7, 7, 8};
    for (int i = 0; i < 3; i++) {
        const struct dataset *d = many(60, &a);
        cr_assert(split_sound(&s, d, seeds[i], &a, &e) == 0);
        split_identity(hex[i], d, &s);
    }
    cr_expect_str_eq(hex[0], hex[1]);
    cr_expect_str_neq(hex[0], hex[2]);
    /* Golden: a change here changes every stored result, and needs a new numerics version. */
    cr_expect_str_eq(hex[0], "170ca6f0806fcd3a474783f689f6617bfec57da5bb7cecb889f1886ba97913e9");
    arena_release(&a);
}

Test(split, duplicates_and_conflicts_go_before_the_split)
{
    struct arena a = {0};
    struct err e = {0};
    struct split s;
    struct made_row rows[66];
    for (int i = 0; i < 60; i++)
        rows[i] = (struct made_row){arena_printf(&a, "row %d", i), i % 3, 0};
    rows[60] = (struct made_row){"row  0 ", 0, 0}; /* row 0 again up to blanks */
    rows[61] = (struct made_row){"row\t0", 0, 0};  /* and again */
    rows[62] = (struct made_row){"row 1", 2, 0};   /* row 1 with another label */
    rows[63] = (struct made_row){"Row 3", 0, 0};   /* another text: case counts */
    rows[64] = (struct made_row){"only here", 1, 0};
    rows[65] = (struct made_row){"row 1", 1, 0};
    const struct dataset *d = make_dataset(rows, 66, pooled, &a);
    cr_assert(split_sound(&s, d, 1, &a, &e) == 0, "%s", e.text);
    cr_expect(eq(int, s.n_duplicates, 2));
    cr_expect(eq(int, s.n_conflicts, 3));
    cr_expect(eq(int, s.n_leaks, 0));
    cr_expect(eq(int, s.train.n + s.validation.n + s.test.n, 61));
    const struct rows *parts[] = {&s.train, &s.validation, &s.test};
    for (int p = 0; p < 3; p++)
        for (int i = 0; i < parts[p]->n; i++) {
            int row = parts[p]->index[i];
            cr_expect(row != 1 && row != 62 && row != 65, "a row with two labels is left");
            cr_expect(row != 60 && row != 61, "a later copy is left");
        }
    arena_release(&a);
}

Test(split, official_parts_share_no_row)
{
    struct arena a = {0};
    struct err e = {0};
    struct split s;
    static const struct made_row rows[] = {{"a", 0, 0}, {"b", 1, 0}, {"c", 2, 0}, {"d", 0, 0},
                                           {"e", 1, 0}, {"a", 0, 0}, {"d", 0, 1}, {"v", 1, 1},
                                           {"t", 1, 1}, {"e", 1, 2}, {"t", 2, 2}, {"t", 2, 2}};
    const struct dataset *d = make_dataset(rows, 12, official, &a);
    cr_assert(split_sound(&s, d, 1, &a, &e) == 0, "%s", e.text);
    cr_expect(eq(int, s.test.n, 3)); /* as published, its own copy included */
    cr_expect(eq(int, s.validation.n, 2));
    cr_expect(eq(int, s.train.n, 3));
    cr_expect(s.train.index[0] == 0 && s.train.index[1] == 1 && s.train.index[2] == 2);
    cr_expect(s.validation.index[0] == 6 && s.validation.index[1] == 7);
    cr_expect(eq(int, s.n_leaks, 3)); /* t from validation; e and d from train */
    cr_expect(eq(int, s.n_duplicates, 1));
    arena_release(&a);
}

Test(split, validation_is_carved_from_train_up_to_a_limit)
{
    struct arena a = {0};
    struct err e = {0};
    struct split s;
    int n = 25000;
    struct made_row *rows = arena_array(&a, (size_t)n, sizeof *rows);
    for (int i = 0; i < n; i++)
        rows[i] = (struct made_row){arena_printf(&a, "%d", i), i % 3, i < 10 ? 2 : 0};
    const struct sound_rows sound = {.train = TRAIN, .test = TEST};
    const struct dataset *d = make_dataset(rows, n, sound, &a);
    cr_assert(split_sound(&s, d, 1, &a, &e) == 0, "%s", e.text);
    expect_disjoint(&s, d);
    cr_expect(eq(int, s.test.n, 10));
    cr_expect(eq(int, s.validation.n, SPLIT_VALIDATION_MAX));
    arena_release(&a);
}

Test(split, a_limit_keeps_the_proportions)
{
    struct arena a = {0};
    struct err e = {0};
    struct split s;
    const struct dataset *d = many(600, &a);
    cr_assert(split_sound(&s, d, 7, &a, &e) == 0);
    int n_test = s.test.n, n_validation = s.validation.n;
    split_limit_train(&s, d, 60, 7, &a);
    expect_disjoint(&s, d);
    cr_expect(s.train.n == 60 && s.test.n == n_test && s.validation.n == n_validation);
    for (int c = 0; c < 3; c++)
        cr_expect(abs(count_label(d, &s.train, c) - 10 * (c + 1)) <= 1);
    split_limit_train(&s, d, 1000, 7, &a); /* more than there is: nothing changes */
    cr_expect(eq(int, s.train.n, 60));
    split_limit_evaluation(&s, d, 30, 7, &a);
    expect_disjoint(&s, d);
    cr_expect(s.train.n == 60 && s.test.n == 30 && s.validation.n == 30);
    for (int c = 0; c < 3; c++)
        cr_expect(abs(count_label(d, &s.test, c) - 5 * (c + 1)) <= 1);
    arena_release(&a);
}

Test(split, too_little_data_is_an_error)
{
    struct arena a = {0};
    struct err e = {0};
    struct split s;
    static const struct made_row few[] = {{"a", 0, 0}, {"b", 1, 0}, {"c", 2, 0}};
    cr_assert(split_sound(&s, make_dataset(few, 3, pooled, &a), 1, &a, &e) == -1);
    cr_expect(strstr(e.text, "data set made is too small for the sound protocol") != NULL);
    static const struct made_row no_c2[] = {{"a", 0, 0}, {"b", 1, 0}, {"c", 2, 1}, {"d", 2, 2}};
    cr_assert(split_sound(&s, make_dataset(no_c2, 4, official, &a), 1, &a, &e) == -1);
    cr_expect(strstr(e.text, "no row of class c2 is left to train on") != NULL, "%s", e.text);
    arena_release(&a);
}

Test(split, stratified_quotas_are_exact)
{
    struct arena a = {0};
    static const int labels[] = {0, 0, 0, 0, 0, 0, 0, 1, 1, 2};
    for (int n_out = 0; n_out <= 10; n_out++) {
        struct rows rows = {arena_array(&a, 10, sizeof(int)), 10};
        for (int i = 0; i < 10; i++)
            rows.index[i] = i;
        struct rows out =
            split_take_by_class(&rows, labels, 3, n_out, (struct split_draw){3, 0}, &a);
        cr_expect(eq(int, out.n, n_out));
        cr_expect(eq(int, rows.n, 10 - n_out));
        int count[3] = {0};
        for (int i = 0; i < out.n; i++)
            count[labels[out.index[i]]]++;
        static const int of_class[] = {7, 2, 1};
        for (int c = 0; c < 3; c++) {
            double quota = n_out * of_class[c] / 10.0;
            cr_expect(count[c] >= (int)quota && count[c] <= (int)quota + 1);
        }
    }
    arena_release(&a);
}

/* many() as the survey would have used it. */
static struct dataset *surveyed(int n, struct survey_rows survey, struct arena *a)
{
    struct dataset *d = many(n, a);
    ((struct dataset_info *)d->info)->survey = survey;
    return d;
}

static const struct survey_rows carved = {
    .given = true, .train = TRAIN, .copies = 2, .evaluation_share = 0.1, .seed = 55};

Test(split, the_surveys_split_is_stratified_and_rounds_up)
{
    struct arena a = {0};
    struct err e = {0};
    struct split s;
    const struct split_options o = {.seed = 7, .survey = true, .copies = true};
    const struct dataset *d = surveyed(604, carved, &a);
    cr_assert(split_make(&s, d, &o, &a, &e) == 0, "%s", e.text);
    cr_expect(s.validation.n == 121 && s.train.n == 1087 && s.test.n == 0); /* ceil(120.8) */
    for (int c = 0; c < 3; c++)
        cr_expect(abs(count_label(d, &s.validation, c) - 121 * (c + 1) / 6) <= 1);
    int *loaded = arena_array(&a, 604, sizeof *loaded);
    for (int i = 0; i < s.train.n; i++)
        loaded[s.train.index[i]]++;
    for (int i = 0; i < s.validation.n; i++)
        loaded[s.validation.index[i]]++;
    for (int i = 0; i < 604; i++)
        cr_assert(eq(int, loaded[i], 2));
    /* The other copy trains unless it was drawn too: 1 - 120/1207, sd 0.03. */
    double leak = split_leak_rate(d, &s.train, &s.validation);
    cr_expect(leak > 0.80 && leak <= 0.98, "%g", leak);
    /* Its seed is the survey's, not the cell's. */
    char hex[2][HASH_HEX_SIZE];
    split_identity(hex[0], d, &s);
    const struct split_options other = {.seed = 8, .survey = true, .copies = true};
    cr_assert(split_make(&s, d, &other, &a, &e) == 0);
    split_identity(hex[1], d, &s);
    cr_expect_str_eq(hex[0], hex[1]);
    /* Golden, as that of `sound` above. */
    cr_expect_str_eq(hex[0], "9eb323fa8cfbe5fbe2ad993ced289f671b1179045a1880bb4c29e401ebe7ae00");
    arena_release(&a);
}

Test(split, each_switch_stands_alone)
{
    /* train, validation, test and whether rows leak, of 600 rows in one pool. */
    static const struct {
        struct split_options o;
        int train, validation, test;
        bool leaks;
    } all[] = {
        {{.seed = 7}, 480, 60, 60, false},
        {{.seed = 7, .deduplicate = true}, 480, 60, 60, false},
        {{.seed = 7, .copies = true}, 960, 120, 120, true},
        {{.seed = 7, .copies = true, .deduplicate = true}, 480, 60, 60, false},
        {{.seed = 7, .survey = true}, 540, 60, 0, false},
        {{.seed = 7, .survey = true, .deduplicate = true}, 540, 60, 0, false},
        {{.seed = 7, .survey = true, .copies = true}, 1080, 120, 0, true},
        {{.seed = 7, .survey = true, .copies = true, .deduplicate = true}, 540, 60, 0, false},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        struct arena a = {0};
        struct err e = {0};
        struct split s;
        const struct dataset *d = surveyed(600, carved, &a);
        cr_assert(split_make(&s, d, &all[i].o, &a, &e) == 0, "%s", e.text);
        cr_expect(s.train.n == all[i].train && s.validation.n == all[i].validation &&
                      s.test.n == all[i].test,
                  "%zu: %d %d %d", i, s.train.n, s.validation.n, s.test.n);
        double leak = split_leak_rate(d, &s.train, &s.validation);
        cr_expect(all[i].leaks ? leak > 0.5 : leak == 0, "%zu: %g", i, leak);
        if (!all[i].leaks)
            expect_disjoint(&s, d);
        arena_release(&a);
    }
}

Test(split, without_deduplication_copies_conflicts_and_leaks_stay)
{
    struct arena a = {0};
    struct err e = {0};
    struct split s;
    static const struct made_row rows[] = {{"a", 0, 0}, {"b", 1, 0}, {"c", 2, 0}, {"a", 0, 0},
                                           {"b", 2, 0}, {"c", 2, 1}, {"v", 1, 1}, {"v", 1, 1},
                                           {"a", 0, 2}, {"t", 1, 2}};
    struct dataset *d = make_dataset(rows, 10, official, &a);
    ((struct dataset_info *)d->info)->survey = (struct survey_rows){
        .given = true, .train = TRAIN, .evaluation = VALIDATION, .copies = 3, .seed = -1};
    struct split_options o = {.seed = 1};
    cr_assert(split_make(&s, d, &o, &a, &e) == 0, "%s", e.text);
    cr_expect(s.train.n == 5 && s.validation.n == 3 && s.test.n == 2);
    cr_expect(s.n_duplicates == 0 && s.n_conflicts == 0 && s.n_leaks == 0);
    cr_expect(split_leak_rate(d, &s.train, &s.test) == 0.5);
    cr_expect(isnan(split_leak_rate(d, &s.train, &(struct rows){NULL, 0})));
    o.survey = o.copies = true;
    cr_assert(split_make(&s, d, &o, &a, &e) == 0, "%s", e.text);
    cr_expect(s.train.n == 15 && s.validation.n == 9 && s.test.n == 0);
    cr_expect(s.train.index[5] == 0 && s.validation.index[3] == 5); /* copy after copy */
    /* exact: 3 of 9 in double */
    cr_expect(split_leak_rate(d, &s.train, &s.validation) == 3.0 / 9.0);
    o.deduplicate = true;
    d = make_dataset(rows, 10, official, &a);
    ((struct dataset_info *)d->info)->survey = (struct survey_rows){
        .given = true, .train = TRAIN, .evaluation = VALIDATION, .copies = 3, .seed = -1};
    cr_expect(split_make(&s, d, &o, &a, &e) == -1); /* b conflicts, c leaks */
    cr_expect(strstr(e.text, "no row of class c1 is left to train on") != NULL, "%s", e.text);
    cr_expect(eq(int, s.train.n, 1));
    cr_expect(eq(int, s.validation.n, 2));
    /* Rows served under another set's name need not have all of its classes. */
    d->served = "other";
    cr_expect(split_make(&s, d, &o, &a, &e) == 0);
    arena_release(&a);
}

Test(split, a_set_the_survey_never_used_is_no_part_of_its_protocol)
{
    struct arena a = {0};
    struct err e = {0};
    struct split s;
    const struct dataset *d = many(60, &a);
    cr_expect(split_make(&s, d, &(struct split_options){.survey = true}, &a, &e) == -1);
    cr_expect(eq(int, e.kind, ERR_USAGE));
    cr_expect(strstr(e.text, "the survey's split is asked of data set made, which the survey "
                             "never used") != NULL,
              "%s", e.text);
    cr_expect(split_make(&s, d, &(struct split_options){.copies = true}, &a, &e) == -1);
    cr_expect(strstr(e.text, "the survey's copies are asked of data set made") != NULL);
    arena_release(&a);
}

Test(split, rows_are_named_by_hash)
{
    struct arena a = {0};
    struct str s = {0};
    static const struct made_row rows[] = {{"abc", 0, 0}};
    const struct dataset *d = make_dataset(rows, 1, pooled, &a);
    const struct rows all = split_rows_of(d, TRAIN, 1, &a);
    split_hashes(&s, d, &all);
    /* sha256("abc") is FIPS 180-2's own example. */
    cr_expect_str_eq(str_text(&s), "ba7816bf8f01cfea\n");
    cr_expect(dataset_row_hash(" a \n b ") == dataset_row_hash("a b"));
    cr_expect(dataset_row_hash("ab") != dataset_row_hash("a b"));
    str_release(&s);
    arena_release(&a);
}
