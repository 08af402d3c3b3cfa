/* findings: each defect found from made-up facts, and none where there is none. */
#include "reports/findings.h"

#include "harness/base/json.h"
#include "reports/family.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

enum { N_ROWS = 453, N_MAX = 24 };
static struct arena memory;
static uint64_t rows[3][N_ROWS];
static struct cell_facts facts[N_MAX];
static int n_facts;

static void add(const char *model, const char *method, int set, int seed)
{
    static const char *const names[] = {"ag_news", "irony", "stance"};
    facts[n_facts++] = (struct cell_facts){.cell_id = "c",
                                           .model = model,
                                           .method = method,
                                           .label = method,
                                           .dataset = names[set],
                                           .protocol = "sound",
                                           .seed = seed,
                                           .total_params = 1000,
                                           .metric_unit = "example",
                                           .says_text = strstr(model, "t5") != NULL,
                                           .learning_rate = 1e-3,
                                           .usual_learning_rate = 1e-3,
                                           .train_batch_size = 32,
                                           .n_updates = 500,
                                           .n_train = 3200,
                                           .n_evaluation = N_ROWS,
                                           .leak_rate = 0,
                                           .n_classes = 3,
                                           .evaluation_hashes = rows[set],
                                           .accuracy = .9,
                                           .majority_rate = .5,
                                           .classes_predicted = 3,
                                           .f1_weighted = .89};
}

/* Two sizes of one family and a third model, two data sets, two seeds: nothing to find. */
static void set_up(void)
{
    n_facts = 0;
    for (int i = 0; i < N_ROWS; i++)
        for (int k = 0; k < 3; k++)
            rows[k][i] = (uint64_t)(i * 10 + k);
    for (int set = 0; set < 2; set++)
        for (int seed = 1; seed <= 2; seed++) {
            add("flan-t5-base", "lora", set, seed);
            add("flan-t5-large", "lora", set, seed);
            add("bert-base-cased", "lora", set, seed);
        }
}

static void tear_down(void)
{
    arena_release(&memory);
}

TestSuite(findings, .init = set_up, .fini = tear_down);

static struct findings found(void)
{
    return findings_of(facts, n_facts, &memory);
}

/* There is exactly one finding, of this kind, with this in its text. */
static const struct finding *only(enum finding_kind kind, const char *part)
{
    struct findings f = found();
    struct str text = {0};
    findings_text(&text, &f);
    cr_assert_eq(f.n, 1, "%s", str_text(&text));
    cr_expect_eq(f.items[0].kind, kind, "%s", str_text(&text));
    cr_expect(strstr(f.items[0].text, part) != NULL, "%s", f.items[0].text);
    str_release(&text);
    return f.items;
}

Test(findings, silent_on_sound_facts)
{
    cr_expect_eq(found().n, 0);
    for (int i = 0; i < n_facts; i++) { /* nothing known is nothing found */
        facts[i].leak_rate = facts[i].learning_rate = NAN;
        facts[i].accuracy = facts[i].f1_weighted = facts[i].majority_rate = NAN;
        facts[i].usual_learning_rate = NAN;
        facts[i].classes_predicted = facts[i].n_cut_targets = -1;
        facts[i].n_updates = facts[i].n_evaluation = -1;
        facts[i].evaluation_hashes = NULL;
        facts[i].metric_unit = NULL;
    }
    cr_expect_eq(found().n, 0);
    cr_expect_eq(findings_of(NULL, 0, &memory).n, 0);
}

Test(findings, leak)
{
    facts[2].leak_rate = .009;
    cr_expect_eq(found().n, 0);
    facts[2].leak_rate = .803;
    facts[0].leak_rate = NAN;
    const struct finding *f = only(FINDING_LEAK, "ag_news: 80.3 % of the 453 judged rows");
    cr_expect_float_eq(f->value, .803, 1e-12);
    cr_expect_str_eq(f->dataset, "ag_news");
    cr_expect(finding_touches(f, &facts[4]) && !finding_touches(f, &facts[8]));
}

Test(findings, mixed_units)
{
    for (int i = 0; i < 6; i++)
        if (facts[i].says_text) {
            facts[i].metric_unit = "token";
            facts[i].n_judged_units = 680;
        }
    only(FINDING_MIXED_UNITS, "accuracy counts 680 tokens (flan-t5-base, flan-t5-large) but 453 "
                              "examples (bert-base-cased)");
    for (int i = 0; i < 6; i++)
        facts[i].metric_unit = "token";
    cr_expect_eq(found().n, 0, "one unit within each data set is no mixture");
}

Test(findings, shared_rows)
{
    for (int i = 0; i < N_ROWS / 2; i++)
        rows[1][i] = rows[0][i];
    cr_expect_eq(found().n, 0, "226 of 453 are less than half");
    rows[1][N_ROWS - 1] = rows[0][N_ROWS - 1];
    const struct finding *f = only(FINDING_SHARED_ROWS, "ag_news and irony are judged on the same "
                                                        "rows (227 of 453)");
    cr_expect_float_eq(f->value, 227 / 453., 1e-12);
    for (int i = 0; i < N_ROWS; i++) /* one row many times shares one row only */
        rows[1][i] = rows[0][0];
    cr_expect_eq(found().n, 0);
}

Test(findings, collapse_names_the_learning_rate)
{
    facts[2].classes_predicted = facts[8].classes_predicted = 1;
    facts[2].accuracy = .25;
    const struct finding *f = only(FINDING_COLLAPSE, "bert-base-cased lora answers one class for "
                                                     "every row in 2 of 4 results (ag_news 25.0 %");
    facts[5].classes_predicted = 1; /* ag_news again, with another seed */
    only(FINDING_COLLAPSE, "3 of 4 results (ag_news 25.0 % x 2, irony 90.0 %);");
    facts[5].classes_predicted = 3;
    cr_expect(strstr(f->text, "learning rate 0.001, the usual one: no result"), "%s", f->text);
    for (int i = 0; i < n_facts; i++)
        facts[i].usual_learning_rate = 2e-5;
    struct findings both = found();
    cr_assert_eq(both.n, 2);
    cr_expect(strstr(both.items[0].text, "50 times the usual 2e-05: suspect it first"), "%s",
              both.items[0].text);
    cr_expect_eq(both.items[1].kind, FINDING_LEARNING_RATE);
}

/* Accuracy and weighted F1 of the survey's logs (bert-base full on three sets): one class. */
Test(findings, collapse_without_predictions)
{
    static const double one_class[][2] = {
        {.25, .1}, {.613687, .466771}, {.576883, .422091}, {.5, .333333}, {.477487, .308624}};
    static const double sound[][2] = {{.846, .845985}, {.643979, .64243}, {.5, .34}};
    for (int i = 0; i < n_facts; i++)
        facts[i].classes_predicted = -1;
    for (int i = 0; i < 5; i++) {
        facts[2].accuracy = one_class[i][0];
        facts[2].f1_weighted = one_class[i][1];
        only(FINDING_COLLAPSE, "1 of 4 results");
    }
    for (int i = 0; i < 3; i++) {
        facts[2].accuracy = sound[i][0];
        facts[2].f1_weighted = sound[i][1];
        cr_expect_eq(found().n, 0);
    }
}

Test(findings, learning_rate_far_from_the_usual)
{
    facts[2].learning_rate = 9.9e-3;
    cr_expect_eq(found().n, 0);
    facts[2].learning_rate = 1e-2;
    const struct finding *f =
        only(FINDING_LEARNING_RATE, "lora (bert-base-cased): learning rate 0.01, 10 times the "
                                    "usual 0.001");
    cr_expect_float_eq(f->value, 10, 1e-9);
    facts[2].learning_rate = 1e-4;
    only(FINDING_LEARNING_RATE, "0.1 times");
}

Test(findings, unequal_updates)
{
    facts[1].n_updates = 750; /* flan-t5-large beside 500 of flan-t5-base */
    cr_expect_eq(found().n, 0);
    facts[1].n_updates = 751;
    const struct finding *f =
        only(FINDING_UPDATES, "flan-t5 lora: sizes take unequal numbers of updates (ag_news), on "
                              "ag_news flan-t5-large 751 and flan-t5-base 500, 1.5 times");
    cr_expect_float_eq(f->value, 1.502, 1e-12);
    facts[1].n_updates = 500;
    facts[2].n_updates = 5000; /* another family */
    cr_expect_eq(found().n, 0);
}

Test(findings, one_seed)
{
    n_facts = 3;
    facts[0].accuracy = facts[1].accuracy = facts[2].accuracy = .95;
    const struct finding *f = only(FINDING_ONE_SEED, "ag_news: 3 of 3 rows of the table have one "
                                                     "seed");
    /* statsmodels.proportion_confint(430, 453, .05, "wilson"): 0.92485..0.96591 */
    cr_expect_float_eq(f->value, .0205, 5e-4);
    facts[0].accuracy = facts[1].accuracy = facts[2].accuracy = NAN; /* before any run: as at .95 */
    cr_expect_float_eq(only(FINDING_ONE_SEED, "+-2.0 points (95 %, at an accuracy of 0.95)")->value,
                       f->value, 1e-12);
}

Test(findings, cut_targets)
{
    facts[2].n_cut_targets = 1; /* a classifier has no targets to cut */
    cr_expect_eq(found().n, 0);
    facts[0].n_cut_targets = 1;
    facts[1].n_cut_targets = 2;
    only(FINDING_CUT_TARGETS, "ag_news: the words of 2 of 3 classes are cut");
}

Test(findings, no_test)
{
    for (int i = 0; i < 6; i++)
        facts[i].judged_by_selection = true;
    only(FINDING_NO_TEST, "ag_news: the rows that chose the epoch");
    facts[7].judged_by_selection = true;
    only(FINDING_NO_TEST, "ag_news, irony: the rows");
}

Test(findings, protocols_apart_and_sorted)
{
    for (int i = 0; i < n_facts; i++)
        facts[i].protocol = i % 2 ? "sound" : "published";
    for (int i = 0; i < n_facts; i += 2)
        facts[i].leak_rate = .5;
    struct findings f = found();
    cr_assert(f.n > 2);
    for (int i = 1; i < f.n; i++) {
        int order = strcmp(f.items[i - 1].protocol, f.items[i].protocol);
        cr_expect(order < 0 || (order == 0 && f.items[i - 1].kind <= f.items[i].kind));
    }
    cr_expect_eq(f.items[0].kind, FINDING_LEAK);
    cr_expect_str_eq(f.items[0].protocol, "published");
    struct str text = {0};
    struct err e = {0};
    findings_json(&text, &f);
    json_t *list = json_parse(str_text(&text), text.len, "findings", &e);
    cr_assert(list != NULL, "%s", e.text);
    cr_expect_eq((int)json_array_size(list), f.n);
    cr_expect_str_eq(json_string_value(json_object_get(json_array_get(list, 0), "kind")), "leak");
    cr_expect_eq(json_integer_value(json_object_get(json_array_get(list, 0), "defect")), 1);
    json_decref(list);
    str_release(&text);
}

Test(findings, families)
{
    static const char *const want[][2] = {{"bert-base-cased", "bert"},
                                          {"bert-large-cased", "bert"},
                                          {"flan-t5-xl", "flan-t5"},
                                          {"mini-bert-xs", "mini-bert"},
                                          {"bert-l2-h128", "bert"},
                                          {"t5-3b", "t5"},
                                          {"all-minilm-l6-v2", "all-minilm"},
                                          {"roberta", "roberta"},
                                          {"mini-t5-s", "mini-t5"},
                                          {"base", "base"},
                                          {"mini-enc-xs:random", "mini-enc:random"},
                                          {"roberta:random", "roberta:random"}};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++)
        cr_expect_str_eq(family_of_model(want[i][0], &memory), want[i][1]);
    cr_expect(family_is_same("mini-enc-xs:random", "mini-enc-s:random"));
    cr_expect(!family_is_same("mini-enc-xs:random", "mini-enc-s"));
}
