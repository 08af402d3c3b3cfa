/* What is known of cells before anything has run, and what is found in it. */
#include "harness/inspect.h"
#include "tests/harness/fixture.h"

#include <math.h>

/* The miniature counterparts of the survey's sets under both protocols. */
#define MATRIX                                                                                     \
    "matrix:\n  models: [mini-bert-xs, mini-bert-s]\n  methods: [full, lora, \"null\"]\n"          \
    "  datasets: [mini_ag_news, mini_imdb_truncated, mini_irony]\n  seeds: [1, 2]\n"               \
    "protocol: [published, sound]\n"

static void inspect(struct inspection *seen, struct plan *p, const char *text, struct arena *a)
{
    struct err e = {0};
    struct spec *s = arena_alloc(a, sizeof *s);
    setenv("FTBENCH_HOME", ".", 1);
    setenv("FTBENCH_CACHE", "/dev/null/cache", 1);
    unsetenv("FTBENCH_MIRROR");
    cr_assert(read_spec(s, text, a, &e) == 0, "%s", e.text);
    cr_assert(plan_make(p, s, a, &e) == 0, "%s", e.text);
    cr_assert(inspect_plan(seen, p, NULL, a, &e) == 0, "%s", e.text);
    cr_assert(seen->n == p->n);
}

/* The facts of seed 1 of these. */
static const struct cell_facts *facts_of(const struct inspection *seen, const char *model,
                                         const char *label, const char *dataset,
                                         const char *protocol)
{
    for (int i = 0; i < seen->n; i++) {
        const struct cell_facts *f = &seen->facts[i];
        if (f->seed == 1 && str_equal(f->model, model) && str_equal(f->label, label) &&
            str_equal(f->dataset, dataset) && str_equal(f->protocol, protocol))
            return f;
    }
    cr_assert(false, "no facts of %s %s %s %s", model, label, dataset, protocol);
    return NULL;
}

Test(inspect, facts_follow_from_spec_and_rows)
{
    struct arena a = {0};
    struct inspection seen;
    struct plan p;
    inspect(&seen, &p, MATRIX, &a);
    cr_expect(seen.n_notes == 0);
    const struct cell_facts *f =
        facts_of(&seen, "mini-bert-s", "full", "mini_ag_news", "published");
    /* Rows and copies as its descriptor says: two copies, then an 80/20 split. */
    const struct survey_rows *s = &p.spec->datasets[0]->survey;
    cr_expect(f->n_train == s->n_train && f->n_evaluation == s->n_evaluation);
    cr_expect(s->copies == 2 && f->leak_rate > 0.7 && f->leak_rate < 0.9);
    cr_expect(f->learning_rate == 1e-3 && f->usual_learning_rate == 5e-4);
    cr_expect(f->train_batch_size == 32);
    cr_expect(f->n_updates == 5 * ((s->n_train + 31) / 32));
    cr_expect(eq(str, (char *)f->metric_unit, "example"));
    cr_expect(f->n_judged_units == f->n_evaluation && f->n_cut_targets == 0);
    cr_expect(f->n_classes == 4 && !f->says_text && !f->judged_by_selection);
    cr_expect(f->majority_rate >= 0.25 && f->majority_rate < 0.4);
    cr_expect(isnan(f->accuracy) && f->classes_predicted == -1);
    cr_expect(f->total_params > (int64_t)p.cells[0].total_params); /* that is mini-bert-xs */

    f = facts_of(&seen, "mini-bert-s", "full", "mini_ag_news", "sound");
    cr_expect(f->leak_rate == 0 && f->learning_rate == f->usual_learning_rate);
    cr_expect(f->evaluation_hashes != NULL);
    /* Nothing trains: no rate is usual, no update is made. */
    f = facts_of(&seen, "mini-bert-s", "null", "mini_ag_news", "sound");
    cr_expect(isnan(f->usual_learning_rate) && f->n_updates == 0);
    arena_release(&a);
}

/* The switches one by one: what each does to the facts. */
Test(inspect, each_switch_has_its_effect)
{
    static const char one[] = "matrix: {models: [mini-bert-xs], methods: [full], datasets: "
                              "[mini_ag_news], seeds: [1]}\nprotocol: published\n";
    static const struct {
        const char *set;
        bool leaks, selected;
    } cases[] = {{"", true, false},
                 {"set: {row_copies: one}\n", false, false},
                 {"set: {load_best_model_at_end: true}\n", true, true},
                 {"set: {split: sound}\n", false, false}, /* test rows of their own */
                 {"set: {deduplicate: true}\n", false, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena a = {0};
        struct inspection seen;
        struct plan p;
        inspect(&seen, &p, arena_printf(&a, "%s%s", one, cases[i].set), &a);
        /* Without copies only the set's own few duplicates are left to leak. */
        bool leaks = seen.facts[0].leak_rate > 0.5;
        cr_expect(leaks == cases[i].leaks, "case %zu: %g", i, seen.facts[0].leak_rate);
        cr_expect(seen.facts[0].judged_by_selection == cases[i].selected, "case %zu", i);
        arena_release(&a);
    }
}

/* A rate that is swept is not suspect. */
Test(inspect, a_swept_rate_has_no_usual_one)
{
    struct arena a = {0};
    struct inspection seen;
    struct plan p;
    inspect(&seen, &p,
            "matrix: {models: [mini-bert-xs], methods: [full], datasets: [mini_irony], seeds: "
            "[1]}\nprotocol: sound\nsweep: {learning_rate: [1e-5, 1e-1]}\n",
            &a);
    cr_assert(seen.n == 2);
    cr_expect(isnan(seen.facts[0].usual_learning_rate));
    cr_expect(eq(str, (char *)seen.facts[1].label, "full learning_rate=0.1"));
    arena_release(&a);
}

/* Data that is not here is a note; what is published of it is still known. */
Test(inspect, what_is_not_here_is_said_once)
{
    struct arena a = {0};
    struct inspection seen;
    struct plan p;
    inspect(&seen, &p,
            "matrix: {models: [mini-bert-xs], methods: [full, lora], datasets: [ag_news], seeds: "
            "[1]}\nprotocol: [published, sound]\n",
            &a);
    cr_assert(seen.n == 4);
    cr_expect(seen.n_notes == 1);
    cr_expect(str_starts(seen.notes[0], "rows of ag_news not known: "), "%s", seen.notes[0]);
    const struct cell_facts *f = facts_of(&seen, "mini-bert-xs", "full", "ag_news", "published");
    cr_expect(f->n_train == 12160 && f->n_evaluation == 3040 && isnan(f->leak_rate));
    cr_expect(f->n_updates == 5 * 380 && !f->evaluation_hashes);
    f = facts_of(&seen, "mini-bert-xs", "full", "ag_news", "sound");
    cr_expect(f->n_train == -1 && f->n_updates == -1);
    arena_release(&a);
}
