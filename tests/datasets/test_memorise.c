/* Memorisers: what they score follows from what trained, and from nothing else. */
#include "datasets/memorise.h"
#include "tests/datasets/fixture.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <jansson.h>
#include <string.h>

enum { TRAIN = 1, TEST = 4 };
static const struct sound_rows official = {.train = TRAIN, .test = TEST};

static struct rows part(const struct dataset *d, uint32_t mask, struct arena *a)
{
    return split_rows_of(d, mask, 1, a);
}

Test(memorise, the_lookup_table_knows_what_trained_and_nothing_else)
{
    struct arena a = {0};
    static const struct made_row rows[] = {
        {"good film", 1, 0}, {"bad  film", 0, 0}, {"fair film", 1, 0}, {"two ways", 2, 0},
        {"two ways", 0, 0},  {"two ways", 0, 0},  {"good film", 1, 2}, /* seen, up to blanks */
        {"bad film", 0, 2},                                            /* seen */
        {"Bad film", 1, 2},  /* not seen: class 0, three of train's six rows */
        {"new film", 0, 2},  /* the same, by luck right */
        {"two ways", 0, 2},  /* the label it had oftener */
        {"fair film", 2, 2}, /* seen with another label */
    };
    const struct dataset *d = make_dataset(rows, 12, official, &a);
    const struct rows train = part(d, TRAIN, &a), test = part(d, TEST, &a);
    /* exact: 4 of 6 in double */
    cr_expect(memorise_lookup(d, &train, &test) == 4.0 / 6.0);
    cr_expect(memorise_lookup(d, &train, &train) == 5.0 / 6.0);
    arena_release(&a);
}

Test(memorise, the_nearest_row_is_that_of_the_largest_cosine)
{
    struct arena a = {0};
    static const struct made_row rows[] = {
        /* "the" stands in all and weighs least; "of" in two. */
        {"the end of the world", 0, 0},
        {"the price of oil", 1, 0},
        {"the goal the goal the goal", 2, 0},
        {"the", 1, 0},
        {"The end, at last!", 0, 2},           /* end */
        {"oil at the price of the end", 1, 2}, /* two rare words of row 1, one of row 0 */
        {"the the the GOAL", 2, 2},            /* goal outweighs the row "the" */
        {"nothing in common here", 1, 2},      /* no word of train: class 1, two rows of four */
        {"the goal", 0, 2},                    /* row 2 is nearest, and its label is wrong */
    };
    const struct dataset *d = make_dataset(rows, 9, official, &a);
    const struct rows train = part(d, TRAIN, &a), test = part(d, TEST, &a);
    for (int i = 0; i < 5; i++) {
        const struct rows one = {&test.index[i], 1};
        cr_expect(memorise_nearest(d, &train, &one) == (i < 4), "row %d", i);
    }
    cr_expect(memorise_nearest(d, &train, &test) == 4.0 / 5.0);
    cr_expect(memorise_nearest(d, &train, &train) == 1.0);
    arena_release(&a);
}

Test(memorise, of_equally_near_rows_the_first_one_speaks)
{
    struct arena a = {0};
    static const struct made_row rows[] = {
        {"b a", 2, 0}, {"a b", 1, 0}, {"B, A", 0, 0}, {"c", 0, 0}, {"a, b", 2, 2}};
    const struct dataset *d = make_dataset(rows, 5, official, &a);
    const struct rows train = part(d, TRAIN, &a), test = part(d, TEST, &a);
    cr_expect(memorise_nearest(d, &train, &test) == 1.0);
    arena_release(&a);
}

/* 400 rows whose label no word tells, in one pool. */
static struct dataset *noise(struct arena *a)
{
    struct made_row *rows = arena_array(a, 400, sizeof *rows);
    for (int i = 0; i < 400; i++)
        rows[i] = (struct made_row){arena_printf(a, "w%d w%d", i, i + 1000), i % 2, 0};
    struct dataset *d =
        make_dataset(rows, 400, (struct sound_rows){.pooled = true, .train = TRAIN}, a);
    struct dataset_info *info = (struct dataset_info *)d->info;
    info->n_classes = 2;
    info->survey = (struct survey_rows){
        .given = true, .train = TRAIN, .copies = 2, .evaluation_share = 0.2, .seed = 52};
    return d;
}

Test(memorise, a_leak_is_all_it_has_to_say_of_noise)
{
    struct arena a = {0};
    struct err e = {0};
    struct split s;
    struct str text = {0};
    const struct dataset *d = noise(&a);
    cr_assert(split_make(&s, d, &(struct split_options){.survey = true, .copies = true}, &a, &e) ==
              0);
    struct memorised leaked = memorise(d, &s);
    cr_expect(leaked.n_train == 640 && leaked.n_evaluation == 160);
    cr_expect(leaked.leak_rate > 0.65 && leaked.leak_rate < 0.95); /* 0.8, sd 0.03 */
    /* Every leaked row is right; of the others those of train's most frequent class. */
    cr_expect(leaked.lookup >= leaked.leak_rate && leaked.lookup < 1);
    cr_expect(leaked.nearest == leaked.lookup); /* other rows share no word */
    cr_assert(split_make(&s, d, &(struct split_options){.seed = 42, .deduplicate = true}, &a, &e) ==
              0);
    struct memorised sound = memorise(d, &s);
    cr_expect(sound.leak_rate == 0 && sound.n_evaluation == 40);
    cr_expect(sound.lookup == 0.5 && sound.nearest == 0.5 && sound.majority_rate == 0.5);

    const struct memorised_line line = {d, "sound", sound};
    memorise_json(&text, &line);
    json_error_t je;
    json_t *root = json_loads(str_text(&text), 0, &je);
    cr_assert(root != NULL, "%s", je.text);
    cr_expect(json_real_value(json_object_get(root, "lookup")) == 0.5);
    bool own = json_is_null(json_object_get(root, "rows_of"));
    cr_expect(own);
    json_decref(root);
    str_clear(&text);
    memorise_head(&text);
    size_t width = text.len;
    memorise_text(&text, &line);
    cr_expect(eq(ulong, text.len, 2 * width)); /* columns stand under their names */
    str_release(&text);
    arena_release(&a);
}
