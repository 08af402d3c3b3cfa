/* The audit finds each planted fault, and nothing in sound data. */
#include "datasets/audit.h"
#include "datasets/near.h"
#include "tests/datasets/fixture.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <jansson.h>
#include <string.h>

static const struct sound_rows none = {.train = 1, .test = 4};

static const struct made_row planted[] = {
    /* train */
    {"the quick brown fox jumps over the lazy dog near the old river bank today", 0, 0},
    {"the quick brown fox jumps over the lazy dog near the old river  bank today", 0, 0},
    {"The quick, brown fox jumps over the lazy dog near the old river bank today!", 0, 0},
    {"a text with two labels", 0, 0},
    {"a text with two labels", 1, 0},
    {"shares go up after good results", 2, 0},
    /* validation */
    {"nothing like the others at all", 1, 1},
    /* test */
    {"shares go up after good results", 2, 2},
    {"Shares go up after good results.", 2, 2},
    {"a wholly different sentence about the weather", 0, 2},
};

Test(audit, planted_faults)
{
    struct arena a = {0};
    const struct dataset *d = make_dataset(planted, 10, none, &a);
    const struct audit au = audit_dataset(d, &a);
    const struct audit_split *train = &au.splits[0], *test = &au.splits[2];
    cr_expect(eq(int, train->n, 6));
    cr_expect(eq(int, train->n_exact, 2)); /* the fox, the two labels */
    cr_expect(eq(int, train->n_near, 1));  /* the fox in other case and punctuation */
    cr_expect(eq(int, test->n_exact, 0));
    cr_expect(eq(int, test->n_near, 1));
    cr_expect(eq(int, au.n_conflict_texts, 1));
    cr_assert(eq(int, au.n_conflicts, 1));
    cr_expect(au.conflicts[0].first == 3 && au.conflicts[0].second == 4);
    cr_assert(eq(int, au.n_pairs, 3));
    for (int i = 0; i < 3; i++) {
        const struct audit_pair *p = &au.pairs[i];
        bool leak = p->a == 0 && p->b == 2;
        cr_expect(eq(int, p->n_exact, leak));
        cr_expect(eq(int, p->n_near, leak));
    }
    cr_expect(train->n_of_class[0] == 4 && train->n_of_class[1] == 1 && train->n_of_class[2] == 1);
    /* exact: 4 / 6 in double */
    cr_expect(train->majority_rate == 4.0 / 6.0);
    cr_expect(eq(int, au.splits[1].words_max, 6));
    cr_expect(au.splits[1].words_mean == 6.0);
    arena_release(&a);
}

Test(audit, the_report_names_what_was_found)
{
    struct arena a = {0};
    struct str text = {0}, json = {0};
    struct dataset *d = make_dataset(planted, 10, none, &a);
    static const char *const warnings[] = {"stand-in for x: NOT the original"};
    d->warnings = warnings;
    d->n_warnings = 1;
    d->stand_in = "NOT the original";
    const struct audit au = audit_dataset(d, &a);
    audit_text(&text, &au);
    static const char *const lines[] = {
        "warning: stand-in for x: NOT the original\n",
        "train: 6 rows; 2 exact and 1 near duplicates within; majority rate 0.6667\n",
        "test in train: 1 exact and 1 near copies\n",
        "texts with more than one label: 1\n",
        "c0 and c1: \"a text with two labels\"\n",
        "rows a class: c0 4, c1 1, c2 1\n"};
    for (int i = 0; i < 6; i++)
        cr_expect(strstr(str_text(&text), lines[i]) != NULL, "no '%s' in %s", lines[i],
                  str_text(&text));
    audit_json(&json, &au);
    json_error_t je;
    json_t *root = json_loads(str_text(&json), 0, &je);
    cr_assert(root != NULL, "%s", je.text);
    cr_expect_str_eq(json_string_value(json_object_get(root, "stand_in")), "NOT the original");
    cr_expect(eq(int, (int)json_integer_value(json_object_get(root, "conflicting_texts")), 1));
    cr_expect(eq(int, (int)json_array_size(json_object_get(root, "splits")), 3));
    json_decref(root);
    str_release(&text);
    str_release(&json);
    arena_release(&a);
}

Test(audit, sets_that_share_rows)
{
    struct arena a = {0};
    struct str text = {0};
    static const struct made_row other_rows[] = {
        {"shares go up after good results", 0, 0}, {"not there", 1, 1}, {"nor this", 1, 2}};
    const struct dataset *d = make_dataset(planted, 10, none, &a);
    const struct dataset *other = make_dataset(other_rows, 3, none, &a);
    cr_expect(eq(int, audit_shared_rows(d, other), 2));
    cr_expect(eq(int, audit_shared_rows(other, d), 1));
    audit_shared_text(&text, other, d, 1);
    cr_expect_str_eq(str_text(&text), "made and made share rows: 1 of 3 rows of made (33.3 %) also "
                                      "stand in made\n");
    ((struct dataset *)other)->served = "planted";
    str_clear(&text);
    audit_shared_text(&text, other, d, 1);
    cr_expect(strstr(str_text(&text), "made as the survey served it and made share rows: 1 of 3") !=
              NULL);
    str_clear(&text);
    audit_shared_json(&text, other, d, 1);
    cr_expect_str_eq(str_text(&text),
                     "{\"dataset\":\"made\",\"served\":\"planted\",\"also_in\":\"made\","
                     "\"also_in_served\":null,\"rows\":3,\"shared_rows\":1}\n");
    str_release(&text);
    arena_release(&a);
}

Test(audit, similarity_is_that_of_the_shingles)
{
    struct arena a = {0};
    /* words a..f: shingles abc bcd cde def; with g for f: abc bcd cde deg. 3 of 5. */
    struct shingles x = shingles_of("A b, c d e f", &a), y = shingles_of("a b c d e g", &a);
    cr_expect(x.n == 4 && x.n_words == 6);
    cr_expect(shingles_jaccard(&x, &y) == 3.0 / 5.0);
    cr_expect(shingles_jaccard(&x, &x) == 1.0);
    struct shingles two = shingles_of("\xc3\x89t\xc3\xa9 deux", &a);
    struct shingles same = shingles_of("\xc3\xa9T\xc3\x89 - deux?", &a);
    cr_expect(two.n == 1 && shingles_jaccard(&two, &same) == 1.0);
    struct shingles empty = shingles_of("?!", &a);
    cr_expect(empty.n == 0 && shingles_jaccard(&empty, &empty) == 0.0);
    arena_release(&a);
}
