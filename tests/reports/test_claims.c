/* claims: each kind of test holds, fails and cannot tell on made-up observations. */
#include "reports/claims.h"

#include "harness/base/stats.h"
#include "reports/facts.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { N_MAX = 400 };
static struct arena memory;
static char path[64];
static struct observation items[N_MAX];
static struct observations all = {items, 0};

static void set_up(void)
{
    snprintf(path, sizeof path, "/tmp/ftbench-claims-XXXXXX");
    int fd = mkstemp(path);
    cr_assert(fd >= 0);
    close(fd);
    setenv("FTBENCH_HOME", ".", 0);
    all.n = 0;
}

static void tear_down(void)
{
    unlink(path);
    arena_release(&memory);
}

TestSuite(claims, .init = set_up, .fini = tear_down);

static struct observation *add(const char *model, const char *method, int set, int seed,
                               double accuracy)
{
    static const char *const sets[] = {"a", "b", "c", "d", "e", "f"};
    cr_assert(all.n < N_MAX);
    items[all.n] = (struct observation){.model = model,
                                        .method = strncmp(method, "lora", 4) == 0 ? "lora" : method,
                                        .label = method,
                                        .dataset = sets[set],
                                        .protocol = "sound",
                                        .metric_unit = "example",
                                        .seed = seed,
                                        .accuracy = accuracy,
                                        .learning_rate = 1e-3,
                                        .n_epochs = 5,
                                        .n_evaluation = 1000,
                                        .trainable_params = 10,
                                        .total_params = 1000,
                                        .train_seconds = 50};
    return &items[all.n++];
}

static struct claims claims_from(const char *text)
{
    struct err e = {0};
    struct claims c;
    FILE *f = fopen(path, "w");
    fputs(text, f);
    fclose(f);
    cr_assert(claims_read(&c, path, &memory, &e) == 0, "%s", e.text);
    return c;
}

/* The answer to one claim with these parameters. */
static const struct answer *ask(const char *kind_and_parameters)
{
    struct claims c = claims_from(arena_printf(
        &memory, "claims:\n  - {id: x, statement: y, kind: %s}\n", kind_and_parameters));
    return claims_evaluate(&c, &all, &memory);
}

/* Its verdict, and that nothing is said without an interval that says it. */
static enum verdict verdict(const char *kind_and_parameters)
{
    const struct answer *a = ask(kind_and_parameters);
    cr_expect(a->verdict == VERDICT_CANNOT_TELL || (!isnan(a->low) && !isnan(a->high)));
    cr_expect(a->verdict != VERDICT_CANNOT_TELL || *a->why);
    return a->verdict;
}

/* lora beside full on 4 data sets x n_seeds: lora is better by gain, sets differ by +-set_spread
 * and seeds by +-seed_spread. */
static void add_pairs(double gain, double set_spread, double seed_spread, int n_seeds)
{
    static const double sign[] = {1, -1, 1, -1};
    all.n = 0;
    for (int set = 0; set < 4; set++)
        for (int seed = 1; seed <= n_seeds; seed++) {
            double noise = (seed % 2 ? 1 : -1) * seed_spread * (set < 2 ? 1 : -1);
            add("bert-base", "full", set, seed, .8);
            add("bert-base", "lora", set, seed, .8 + gain + sign[set] * set_spread + noise);
        }
}

Test(claims, better)
{
    const char *claim = "better, a: lora, b: full, models: any";
    add_pairs(.02, .005, .005, 2);
    const struct answer *a = ask(claim);
    cr_expect_eq(a->verdict, VERDICT_HOLDS);
    cr_expect_float_eq(a->estimate, 2, 1e-9);
    /* data-set means .025 .015 .025 .015 (the two seeds cancel): sd .0057735, t_{.975,3} 3.1824 */
    cr_expect_float_eq(a->low, 2 - 100 * 3.1824463052837086 * .005773502691896258 / 2, 1e-9);
    cr_expect_eq(a->n, 8);
    cr_expect_eq(a->n_rows, 16);
    add_pairs(-.02, .005, .005, 2);
    cr_expect_eq(verdict(claim), VERDICT_FAILS);
    add_pairs(.005, .005, .005, 2);
    cr_expect_eq(verdict(claim), VERDICT_CANNOT_TELL);
    add_pairs(0, 0, 0, 2); /* equal to the last digit is not better */
    cr_expect_eq(verdict(claim), VERDICT_CANNOT_TELL);
}

Test(claims, estimate_alone_never_decides)
{
    add_pairs(.3, 0, 0, 1);
    all.n = 2; /* one data set, one seed: 30 points, no spread known */
    const struct answer *a = ask("better, a: lora, b: full");
    cr_expect_eq(a->verdict, VERDICT_CANNOT_TELL);
    cr_expect_float_eq(a->estimate, 30, 1e-9);
    cr_expect(isnan(a->low) && isnan(a->p_value));
    cr_expect_eq(a->seeds_needed, -1);
}

Test(claims, seeds_are_the_sample_on_one_data_set)
{
    static const double gain[] = {.02, .03, .025, .015};
    for (int seed = 0; seed < 4; seed++) {
        add("bert-base", "full", 0, seed, .8);
        add("bert-base", "lora", 0, seed, .8 + gain[seed]);
    }
    const struct answer *a = ask("better, a: lora, b: full");
    struct interval i = stats_t_interval(gain, 4, .95);
    cr_expect_eq(a->verdict, VERDICT_HOLDS);
    cr_expect_float_eq(a->low, 100 * i.low, 1e-9);
    cr_expect_float_eq(a->p_value, stats_t_test(gain, 4, 0), 1e-9);
}

Test(claims, not_worse)
{
    const char *claim = "not_worse, a: lora, b: full, margin: 0.01";
    add_pairs(-.002, .003, .003, 2);
    cr_expect_eq(verdict(claim), VERDICT_HOLDS);
    cr_expect_eq(verdict("better, a: lora, b: full"), VERDICT_CANNOT_TELL);
    add_pairs(-.03, .003, .003, 2);
    cr_expect_eq(verdict(claim), VERDICT_FAILS);
    add_pairs(-.008, .005, .003, 2);
    cr_expect_eq(verdict(claim), VERDICT_CANNOT_TELL);
}

Test(claims, seeds_needed)
{
    const char *claim = "better, a: lora, b: full";
    add_pairs(.002, 0, .012, 2);
    /* Seeds on two sets go up together, so the sets' means are equal and seeds spread alone. */
    items[1].accuracy += .01;
    int few = ask(claim)->seeds_needed;
    cr_expect(few > 2, "%d", few);
    add_pairs(.001, 0, .012, 2);
    items[1].accuracy += .01;
    int more = ask(claim)->seeds_needed;
    cr_expect(more > few, "a smaller gain needs more seeds: %d, %d", few, more);
    add_pairs(.004, .02, .002, 4); /* sets differ by more than the gain, seeds hardly */
    const struct answer *a = ask(claim);
    cr_expect_eq(a->verdict, VERDICT_CANNOT_TELL);
    cr_expect_eq(a->seeds_needed, 0);
    cr_expect(strstr(a->why, "more seeds would not help"), "%s", a->why);
    add_pairs(.004, .02, 0, 1);
    cr_expect_eq(ask(claim)->seeds_needed, -1);
}

Test(claims, sides_with_models_and_mixed_units)
{
    const char *claim = "better, a: {model: flan-t5-base, method: lora},"
                        " b: {model: bert-base, method: lora}";
    for (int set = 0; set < 4; set++) {
        add("bert-base", "lora", set, 1, .8);
        add("flan-t5-base", "lora", set, 1, .85 + .002 * set);
    }
    cr_expect_eq(verdict(claim), VERDICT_HOLDS);
    items[1].metric_unit = "token";
    const struct answer *a = ask(claim);
    cr_expect_eq(a->verdict, VERDICT_CANNOT_TELL);
    cr_expect(strstr(a->why, "not comparable"), "%s", a->why);
    cr_expect(isnan(a->estimate));
}

Test(claims, no_such_rows_and_ambiguous_rows)
{
    add_pairs(.02, .005, .005, 2);
    const struct answer *a = ask("better, a: lora, b: full, models: [gpt-9]");
    cr_expect_eq(a->verdict, VERDICT_CANNOT_TELL);
    cr_expect_str_eq(a->why, claim_no_rows);
    cr_expect_eq(a->seeds_needed, -1);
    static const char *const others[] = {
        "better, a: lora, b: bitfit", "grows_with_size, method: bitfit",
        "share_below, method: bitfit, limit: 0.03", "same_under_tuned_rate, a: ia3, b: bitfit",
        "cheaper, a: lora, b: bitfit, quantity: seconds_per_epoch"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        cr_expect_str_eq(ask(others[i])->why, claim_no_rows);
    for (int i = 0; i < all.n; i++)
        if (strcmp(items[i].label, "lora") == 0)
            items[i].label = items[i].dataset[0] == 'a' ? "lora r=2" : "lora r=4";
    cr_expect(strstr(ask("better, a: lora, b: full")->why, "several rows"));
    cr_expect_eq(ask("better, a: lora r=4, b: full")->n, 6);
}

static void add_sizes(const double slope[4])
{
    static const char *const models[] = {"flan-t5-small", "flan-t5-base", "flan-t5-large"};
    all.n = 0;
    for (int set = 0; set < 4; set++)
        for (int size = 0; size < 3; size++)
            add(models[size], "lora", set, 1, .7 + slope[set] * size)->total_params =
                1000000 * (int64_t[]){1, 2, 4}[size];
}

Test(claims, grows_with_size)
{
    const char *claim = "grows_with_size, method: lora";
    add_sizes((double[]){.02, .03, .025, .02});
    const struct answer *a = ask(claim);
    cr_expect_eq(a->verdict, VERDICT_HOLDS);
    cr_expect_float_eq(a->estimate, 2.375, 1e-9); /* sizes double: slope a doubling, in points */
    cr_expect(strstr(a->why, "8 of 8 steps to the next size go up; Page's L 56 over 4 rows"), "%s",
              a->why);
    add("bert-base", "lora", 0, 1, .1); /* another family has one size and no say */
    cr_expect_float_eq(ask(claim)->estimate, 2.375, 1e-9);
    cr_expect(
        strstr(ask("grows_with_size, method: lora, models: [flan-t5-small, flan-t5-large]")->why,
               "4 of 4 steps"));
    for (int i = all.n - 1; i >= 0; i--) { /* a second seed adds no row to Page's test */
        items[all.n] = items[i];
        items[all.n++].seed = 2;
    }
    cr_expect(strstr(ask(claim)->why, "16 of 16 steps to the next size go up; Page's L 56 over 4"));
    add_sizes((double[]){-.02, -.03, -.025, -.02});
    cr_expect_eq(verdict(claim), VERDICT_FAILS);
    add_sizes((double[]){.02, -.03, .025, .01});
    cr_expect_eq(verdict(claim), VERDICT_CANNOT_TELL);
}

Test(claims, share_below)
{
    const char *claim = "share_below, method: lora, limit: 0.03";
    add_pairs(0, 0, 0, 1);
    const struct answer *a = ask(claim);
    cr_expect_eq(a->verdict, VERDICT_HOLDS);
    cr_expect_float_eq(a->estimate, 1, 1e-12);
    cr_expect_eq(a->n, 4);
    items[1].trainable_params = 30; /* 3 % are not below 3 % */
    cr_expect_eq(verdict(claim), VERDICT_FAILS);
}

Test(claims, cheaper)
{
    const char *claim = "cheaper, a: lora, b: full, quantity: seconds_per_epoch";
    static const double seconds[] = {25, 30, 24, 26};
    add_pairs(0, 0, 0, 1);
    for (int set = 0; set < 4; set++)
        items[2 * set + 1].train_seconds = seconds[set];
    items[0].n_epochs = 15; /* full's first run is three times as long, an epoch is not */
    items[0].train_seconds = 150;
    const struct answer *a = ask(claim);
    cr_expect_eq(a->verdict, VERDICT_HOLDS);
    cr_expect_float_eq(a->estimate, pow(25 / 50. * 30 / 50 * 24 / 50 * 26 / 50, .25), 1e-9);
    cr_expect(a->low < a->estimate && a->estimate < a->high && a->high < 1);
    cr_expect_eq(verdict("cheaper, a: full, b: lora, quantity: seconds_per_epoch"), VERDICT_FAILS);
    items[3].train_seconds = 500;
    cr_expect_eq(verdict(claim), VERDICT_CANNOT_TELL);
    cr_expect_str_eq(ask("cheaper, a: lora, b: full, quantity: peak_rss_bytes")->why,
                     claim_no_rows); /* published numbers have no memory */
}

/* Five rows on two data sets; ranks[seed] says the order. */
static void add_orders(const int ranks[][5], int n_seeds)
{
    static const char *const models[] = {"m1", "m2", "m3", "m4", "m5"};
    all.n = 0;
    for (int seed = 0; seed < n_seeds; seed++)
        for (int set = 0; set < 2; set++)
            for (int k = 0; k < 5; k++)
                add(models[k], "lora", set, seed, .5 + .01 * ranks[seed][k] + .1 * set);
}

Test(claims, stable_order)
{
    const char *claim = "stable_order, at_least: 0.8";
    static const int same[][5] = {{1, 2, 3, 4, 5}, {1, 2, 3, 4, 5}, {1, 2, 3, 4, 5}};
    static const int mixed[][5] = {
        {1, 2, 3, 4, 5}, {5, 4, 3, 1, 2}, {3, 1, 5, 2, 4}, {2, 5, 1, 4, 3}, {4, 3, 2, 5, 1}};
    static const int nearly[][5] = {
        {1, 2, 3, 4, 5}, {2, 1, 3, 4, 5}, {1, 2, 3, 5, 4}, {1, 2, 3, 4, 5}};
    add_orders(same, 3);
    const struct answer *a = ask(claim);
    cr_expect_eq(a->verdict, VERDICT_HOLDS);
    cr_expect_float_eq(a->estimate, 1, 1e-12);
    /* two raters as the first by chance: 1 / 120^2 at W = 1, less than one permutation in 10,000 */
    cr_expect(a->p_value <= .001, "%g", a->p_value);
    add_orders(mixed, 5);
    cr_expect_eq(verdict(claim), VERDICT_FAILS);
    add_orders(nearly, 4);
    cr_expect_eq(verdict(claim), VERDICT_CANNOT_TELL);
    cr_expect(ask(claim)->seeds_needed != -1);
    add_orders(same, 3);
    for (int i = 0; i < all.n; i++) /* two rows agree by chance: (1/2)^5 is the first below 5 % */
        if (items[i].model[1] > '2')
            items[i--] = items[--all.n];
    a = ask(claim);
    cr_expect_eq(a->verdict, VERDICT_CANNOT_TELL);
    cr_expect_eq(a->seeds_needed, 6, "%d", a->seeds_needed);
    add_orders(same, 2);
    a = ask(claim);
    cr_expect_eq(a->verdict, VERDICT_CANNOT_TELL);
    cr_expect_eq(a->seeds_needed, 3);
    add_orders(same, 3);
    all.n -= 1; /* m5 lacks one result: its row is left out */
    cr_expect_eq(ask(claim)->n, 4);
}

/* Two rates a method; full's small one is best on validation, lora's large one. */
static void add_sweep(double lora_gain)
{
    static struct report_cell cells[64];
    static struct report_epoch epochs[64];
    static const char *const labels[] = {"full learning_rate=1e-05", "full learning_rate=0.001",
                                         "lora learning_rate=1e-05", "lora learning_rate=0.001"};
    static const double validation[] = {.85, .5, .7, .88};
    all.n = 0;
    for (int set = 0; set < 4; set++)
        for (int k = 0; k < 4; k++) {
            double test = (double[]){.84, .5, .95, .84 + lora_gain + .002 * set}[k];
            struct observation *o = add("bert-base", labels[k], set, 1, test);
            int at = set * 4 + k;
            o->method = k < 2 ? "full" : "lora";
            o->learning_rate = k % 2 ? 1e-3 : 1e-5;
            epochs[at].metric[METRIC_ACCURACY] = validation[k];
            cells[at] = (struct report_cell){.n_epochs = 1, .best_epoch = 1, .epochs = &epochs[at]};
            o->cell = &cells[at];
        }
}

Test(claims, same_under_tuned_rate)
{
    const char *claim = "same_under_tuned_rate, a: lora, b: full";
    add_sweep(.02);
    const struct answer *a = ask(claim);
    cr_expect_eq(a->verdict, VERDICT_HOLDS);
    /* lora at 1e-5 is better on test (.95) but worse on validation: it must not be chosen */
    cr_expect_float_eq(a->estimate, 2.3, 1e-9);
    cr_expect(strstr(a->why, "8 of 8 best rates are at an end"), "%s", a->why);
    add_sweep(-.03);
    cr_expect_eq(verdict(claim), VERDICT_FAILS);
    add_sweep(-.003);
    cr_expect_eq(verdict(claim), VERDICT_CANNOT_TELL);
    for (int i = 0; i < all.n; i++)
        items[i].learning_rate = 1e-3;
    cr_expect(strstr(ask(claim)->why, "no search of the learning rate here"));
}

Test(claims, holm_over_the_table)
{
    struct claims c =
        claims_from("claims:\n"
                    "  - {id: p, statement: s, kind: better, a: lora, b: full}\n"
                    "  - {id: q, statement: s, kind: share_below, method: lora, limit: 0.5}\n"
                    "  - {id: r, statement: s, kind: not_worse, a: lora, b: full, margin: 0}\n");
    add_pairs(.02, .005, .005, 2);
    double alone = ask("better, a: lora, b: full")->p_value;
    const struct answer *a = claims_evaluate(&c, &all, &memory);
    cr_expect_float_eq(a[0].p_value, 2 * alone, 1e-12);
    cr_expect_float_eq(a[2].p_value, 2 * alone, 1e-12);
    cr_expect(isnan(a[1].p_value), "what is counted has no p and does not count");
}

static void expect_error(const char *text, const char *message)
{
    struct err e = {0};
    struct claims c;
    FILE *f = fopen(path, "w");
    fputs(text, f);
    fclose(f);
    cr_assert(claims_read(&c, path, &memory, &e) != 0, "read: %s", text);
    cr_expect(strstr(e.text, message) != NULL, "\"%s\" lacks \"%s\"", e.text, message);
    cr_expect(strstr(e.text, path) != NULL, "%s", e.text);
}

Test(claims, errors_have_a_place)
{
    expect_error("claims:\n  - {id: x, statement: y, kind: beter, a: lora, b: full}\n",
                 ":2:33: unknown kind of claim \"beter\"; did you mean \"better\"?");
    expect_error("claims:\n  - {id: x, statement: y, kind: better, a: lora}\n", ":2:");
    expect_error("claims:\n  - {id: x, statement: y, kind: better, a: lora}\n", "b");
    expect_error("claims:\n  - {id: x, statement: y, kind: not_worse, a: l, b: f}\n", "margin");
    expect_error("claims:\n  - {id: x, statement: y, kind: not_worse, a: l, b: f, margin: 5}\n",
                 "margin: a number from 0 to 1, not \"5\"");
    expect_error("claims:\n  - {id: x, statement: y, kind: better, a: l, b: f, modls: any}\n",
                 "modls");
    expect_error("claims:\n  - {id: x, statement: y, kind: better, a: {model: m}, b: f}\n",
                 "method");
    expect_error("claims:\n  - {id: x, statement: y, kind: better, a: {model: m, method: l}, b: "
                 "f}\n",
                 "name a model on both sides");
    expect_error("claims:\n  - {id: x, statement: y, kind: cheaper, a: l, b: f, quantity: joy}\n",
                 "not \"joy\"");
    expect_error("claims:\n  - {id: x, statement: y, kind: stable_order, at_least: 1}\n"
                 "  - {id: x, statement: y, kind: stable_order, at_least: 1}\n",
                 ":3:10: a second claim \"x\"");
    expect_error("claim: []\n", "claim");
    expect_error("claims: 3\n", "claims: a list");
}

/* The project's own claims on the survey's numbers: verdicts, and the findings behind them. */
Test(claims, published_numbers)
{
    static const struct {
        const char *id;
        enum verdict verdict;
        const char *behind;
    } want[] = {
        {"lora-beats-full", VERDICT_HOLDS, "mixed units, collapse, one seed"},
        {"lora-beats-full-bert", VERDICT_HOLDS, "collapse, one seed"},
        {"lora-beats-full-flan-t5", VERDICT_FAILS, "one seed"},
        {"lora-not-worse-bert", VERDICT_HOLDS, "collapse, one seed"},
        {"lora-not-worse", VERDICT_HOLDS, "mixed units, collapse, one seed"},
        {"larger-flan-t5-better", VERDICT_HOLDS, "unequal updates, one seed"},
        {"larger-better", VERDICT_HOLDS, "mixed units, unequal updates, one seed"},
        {"flan-t5-beats-bert", VERDICT_CANNOT_TELL, "mixed units, one seed"},
        {"lora-trains-few", VERDICT_HOLDS, ""},
        {"lora-faster", VERDICT_CANNOT_TELL, "one seed"},
        {"order-stable", VERDICT_CANNOT_TELL, "mixed units, collapse, unequal updates, one seed"},
        {"lora-beats-full-tuned", VERDICT_CANNOT_TELL, ""},
    };
    struct err e = {0};
    struct claims c;
    struct observations o;
    cr_assert(claims_read(&c, NULL, &memory, &e) == 0, "%s", e.text);
    cr_assert(observations_published(&o, &memory, &e) == 0, "%s", e.text);
    cr_assert_eq(c.n, sizeof want / sizeof *want);
    const struct answer *answers = claims_evaluate(&c, &o, &memory);
    struct facts facts = facts_of_observations(&o, NULL, &memory);
    struct findings findings = findings_of(facts.items, facts.n, &memory);
    for (int i = 0; i < c.n; i++) {
        cr_expect_str_eq(c.items[i].id, want[i].id);
        cr_expect_eq(answers[i].verdict, want[i].verdict, "%s", want[i].id);
        const char *behind = findings_behind(&findings, &answers[i], &memory);
        cr_expect_str_eq(behind, want[i].behind, "%s: %s", want[i].id, behind);
    }
    /* By hand from final.csv: mean of lora - full over flan-t5-base's four sets with both. */
    cr_expect_float_eq(
        answers[2].estimate,
        25 * (.950658 - .987939 + .918322 - .966887 + .860018 - .882891 + .87 - .886), 1e-9);
    cr_expect_float_eq(answers[8].estimate, 100 * 7077888. / 254655744, 1e-12);
    /* scipy.stats.page_trend_test on the four sets with all three sizes: L 56, p 0.00077 */
    cr_expect(strstr(answers[5].why, "10 of 10 steps to the next size go up; Page's L 56"), "%s",
              answers[5].why);
}
