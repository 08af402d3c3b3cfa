/* Order and ids of cells are stable; only what counts moves an id. */
#include "harness/estimate.h"
#include "harness/identity.h"
#include "tests/harness/fixture.h"

#include <math.h>

#define MATRIX                                                                                     \
    "matrix:\n  models: [tiny-one, tiny-two]\n  methods: [full, {lora: {r: 2}}]\n"                 \
    "  datasets: [pets, colours]\n  seeds: [7, 1]\nprotocol: plain\n"

static void plan_text(struct plan *p, const char *text, struct arena *a)
{
    struct err e = {0};
    struct spec *s = arena_alloc(a, sizeof *s);
    cr_assert(read_spec(s, text, a, &e) == 0, "%s", e.text);
    cr_assert(plan_make(p, s, a, &e) == 0, "%s", e.text);
}

/* The id of a one-cell matrix with these last lines. */
static const char *id_of(const char *method, const char *rest, struct arena *a)
{
    struct plan p;
    const char *text = arena_printf(a,
                                    "matrix: {models: [tiny-one], methods: [%s], datasets: "
                                    "[pets], seeds: [1]}\nprotocol: plain\n%s",
                                    method, rest);
    plan_text(&p, text, a);
    cr_assert(p.n == 1);
    return p.cells[0].id;
}

/* Data set, then model, then method, then seed, each in the spec's order. The ids are stored:
 * one that moves without a new numerics version would make old results unreachable. */
Test(plan, order_and_ids_are_stable)
{
    static const char *const wanted[] = {
        "5cecf92b24b7cef8 pets tiny-one full 7",
        "ec9d9888f12e6da8 pets tiny-one full 1",
        "059409be6ece2341 pets tiny-one lora r=2 7",
        "1391394804993360 pets tiny-one lora r=2 1",
        "8cbbae0f768674cb pets tiny-two full 7",
        "af53e4d394e4617d pets tiny-two full 1",
        "e95ef64e067905b8 pets tiny-two lora r=2 7",
        "5f3af03d1b65fe8f pets tiny-two lora r=2 1",
        "90a8cde14c55767c colours tiny-one full 7",
        "3f603e91e451dcec colours tiny-one full 1",
        "ea0d26e8079c1ad2 colours tiny-one lora r=2 7",
        "ca4a3ab4a905aa72 colours tiny-one lora r=2 1",
        "861b81807d5dc711 colours tiny-two full 7",
        "ca08e05340c8e663 colours tiny-two full 1",
        "00c7c4ca21d34db1 colours tiny-two lora r=2 7",
        "e91045a535de582e colours tiny-two lora r=2 1",
    };
    use_test_home();
    struct arena a = {0};
    struct plan p;
    plan_text(&p, MATRIX, &a);
    int n = (int)(sizeof wanted / sizeof *wanted);
    cr_assert(p.n == 16);
    for (int i = 0; i < p.n; i++) {
        const struct cell *c = &p.cells[i];
        const char *line =
            arena_printf(&a, "%s %s %s %s %llu", c->id, c->dataset->name, c->model->name,
                         c->method_label, (unsigned long long)c->seed);
        cr_expect(i < n && strcmp(wanted[i], line) == 0, "cell %d is %s", i, line);
    }
    arena_release(&a);
}

Test(plan, an_id_does_not_depend_on_how_a_value_is_written)
{
    use_test_home();
    struct arena a = {0};
    const char *id = id_of("lora", "set: {learning_rate: 1e-3}\n", &a);
    cr_expect(strcmp(id, id_of("lora", "set: {learning_rate: 0.001}\n", &a)) == 0);
    cr_expect(strcmp(id, id_of("lora", "set: {learning_rate: .0010}\n", &a)) == 0);
    /* Defaults said aloud, the protocol's override, order of a list. */
    cr_expect(strcmp(id, id_of("lora", "", &a)) == 0);
    cr_expect(strcmp(id, id_of("{lora: {r: 8, target_modules: [v, q]}}", "", &a)) == 0);
    cr_expect(strcmp(id, id_of("lora", "title: other\nnotes: words\n", &a)) == 0);
    cr_expect(strcmp(id, id_of("lora", "set: {lora.r: 8}\n", &a)) == 0);
    arena_release(&a);
}

Test(plan, whatever_counts_moves_the_id)
{
    use_test_home();
    struct arena a = {0};
    const char *id = id_of("lora", "", &a);
    static const char *const rest[] = {
        "set: {learning_rate: 2e-3}\n",     "set: {weight_decay: 0}\n", "set: {lora.r: 4}\n",
        "set: {micro_batch_tokens: 100}\n", "set: {max_length: 16}\n",  "set: {split_seed: 1}\n",
    };
    for (size_t i = 0; i < sizeof rest / sizeof *rest; i++)
        cr_expect(strcmp(id, id_of("lora", rest[i], &a)) != 0, "%s", rest[i]);
    cr_expect(strcmp(id, id_of("full", "", &a)) != 0);
    arena_release(&a);
}

Test(plan, later_settings_win)
{
    use_test_home();
    struct arena a = {0};
    struct plan p;
    plan_text(&p,
              "matrix: {models: [tiny-one, tiny-two], methods: [full, lora], datasets: [pets], "
              "seeds: [1]}\nprotocol: plain\nset: {weight_decay: 0.5}\noverrides:\n"
              "  - when: {model: tiny-two, method: [full, lora]}\n    set: {weight_decay: 0.25}\n"
              "  - when: {model: tiny-two, method: lora}\n    set: {weight_decay: 0, lora.r: 3}\n",
              &a);
    cr_assert(p.n == 4);
    static const double decay[] = {0.5, 0.5, 0.25, 0}, rate[] = {5e-5, 1e-3, 5e-5, 1e-3};
    for (int i = 0; i < 4; i++) {
        cr_expect(option_float(&p.cells[i].training, "weight_decay") == decay[i]);
        cr_expect(option_float(&p.cells[i].training, "learning_rate") == rate[i]);
        cr_expect(option_int(&p.cells[i].training, "num_train_epochs") == 2);
    }
    cr_expect(eq(str, (char *)p.cells[1].method_label, "lora"));
    cr_expect(eq(str, (char *)p.cells[3].method_label, "lora r=3"));
    arena_release(&a);
}

Test(plan, exclusions_take_cells_out_and_leave_ids_alone)
{
    use_test_home();
    struct arena a = {0};
    struct plan all, some;
    plan_text(&all, MATRIX, &a);
    plan_text(&some, MATRIX "exclude: [{method: lora r=2, dataset: [pets]}, {model: tiny-two}]\n",
              &a);
    cr_expect(some.n == 6 && some.n_excluded == 10);
    for (int i = 0; i < some.n; i++) {
        int k = 0;
        while (k < all.n && strcmp(all.cells[k].id, some.cells[i].id) != 0)
            k++;
        cr_expect(k < all.n);
    }
    arena_release(&a);
}

/* Seeds and families are conditions like any other. */
Test(plan, conditions_on_seed_and_family)
{
    use_test_home();
    struct arena a = {0};
    struct plan p;
    plan_text(&p,
              MATRIX "exclude: [{dataset: pets, seed: 7}]\noverrides:\n"
                     "  - when: {family: bert, seed: [1]}\n    set: {max_length: 9}\n",
              &a);
    cr_expect(p.n == 12 && p.n_excluded == 4);
    for (int i = 0; i < p.n; i++)
        cr_expect(option_int(&p.cells[i].training, "max_length") ==
                  (p.cells[i].seed == 1 ? 9 : 128));
    arena_release(&a);
}

/* A sweep is an axis between method and protocol; its values are in the label and win over
 * everything else. A swept cell is not the same cell as one that has the value anyway: their
 * labels differ, and a label is stored with the result. */
Test(plan, a_sweep_multiplies_cells_and_labels_them)
{
    static const char *const labels[] = {"lora learning_rate=1e-05 train_batch_size=4",
                                         "lora learning_rate=1e-05 train_batch_size=8",
                                         "lora learning_rate=0.003 train_batch_size=4",
                                         "lora learning_rate=0.003 train_batch_size=8"};
    use_test_home();
    struct arena a = {0};
    struct plan p;
    plan_text(&p,
              "matrix: {models: [tiny-one], methods: [lora], datasets: [pets], seeds: [1, 2]}\n"
              "protocol: plain\nset: {learning_rate: 1}\n"
              "sweep: {learning_rate: [1e-5, 3e-3], train_batch_size: [4, 8]}\n",
              &a);
    cr_assert(p.n == 8);
    for (int i = 0; i < p.n; i++) {
        const struct cell *c = &p.cells[i];
        cr_expect(eq(str, (char *)c->method_label, (char *)labels[i / 2]));
        cr_expect(option_float(&c->training, "learning_rate") == (i < 4 ? 1e-5 : 3e-3));
        cr_expect(option_int(&c->training, "train_batch_size") == (i / 2 % 2 ? 8 : 4));
    }
    const char *plain = id_of("lora", "set: {learning_rate: 3e-3, train_batch_size: 4}\n", &a);
    const char *swept =
        id_of("lora", "sweep: {learning_rate: [3e-3], train_batch_size: [4]}\n", &a);
    cr_expect(eq(str, p.cells[4].id, (char *)swept));
    cr_expect(strcmp(plain, swept) != 0);
    arena_release(&a);
}

Test(plan, two_cells_that_are_one_are_refused)
{
    use_test_home();
    struct arena a = {0};
    struct err e = {0};
    struct spec s;
    struct plan p;
    cr_assert(read_spec(&s,
                        "matrix: {models: [tiny-one], methods: [lora, {lora: {r: 2}}], datasets: "
                        "[pets], seeds: [1]}\nprotocol: plain\nset: {lora.r: 4}\n",
                        &a, &e) == 0);
    cr_expect(plan_make(&p, &s, &a, &e) == -1);
    cr_expect(strstr(e.text, "two cells are the same: pets, tiny-one, lora r=4, seed 1") != NULL,
              "%s", e.text);
    arena_release(&a);
}

Test(plan, only_narrows)
{
    static const struct {
        struct only only[3];
        int n_only, n_cells;
    } cases[] = {
        {{{"model", "tiny-one"}}, 1, 8},
        {{{"model", "tiny-one"}, {"model", "tiny-two"}}, 2, 16},
        {{{"model", "tiny-one"}, {"method", "lora"}, {"seed", "7"}}, 3, 2},
        {{{"method", "lora r=2"}, {"dataset", "pets"}}, 2, 4},
        {{{"init", "random"}}, 1, 16},
        {{{"family", "bert"}, {"seed", "1"}}, 2, 8},
    };
    use_test_home();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena a = {0};
        struct err e = {0};
        struct plan p;
        plan_text(&p, MATRIX, &a);
        cr_assert(plan_only(&p, cases[i].only, cases[i].n_only, &e) == 0, "%s", e.text);
        cr_expect(p.n == cases[i].n_cells, "case %zu: %d cells", i, p.n);
        arena_release(&a);
    }
    struct arena a = {0};
    struct err e = {0};
    struct plan p;
    plan_text(&p, MATRIX, &a);
    cr_expect(plan_only(&p, &(struct only){"modle", "x"}, 1, &e) == -1);
    cr_expect(eq(str, e.text, "--only modle=x: unknown key; did you mean \"model\"?"));
    cr_expect(plan_only(&p, &(struct only){"seed", "9"}, 1, &e) == -1);
    cr_expect(strstr(e.text, "--only seed=9: no cell of") != NULL);
    arena_release(&a);
}

/* tiny-one: vocabulary 7, width 8, one layer, 64 positions, feed-forward 16. */
Test(plan, parameters_follow_from_the_configuration)
{
    use_test_home();
    struct arena a = {0};
    struct err e = {0};
    struct plan p;
    plan_text(&p, MATRIX, &a);
    cr_assert(plan_estimate(&p, &e) == 0, "%s", e.text);
    size_t embeddings = (7 + 64 + 2) * 8 + 2 * 8;
    size_t layer = 4 * (8 * 8 + 8) + 2 * 8 + (16 * 8 + 16) + (8 * 16 + 8) + 2 * 8;
    size_t pooler = 8 * 8 + 8, head = 8 * 2 + 2, lora = 2 * 2 * (8 + 8);
    const struct cell *full = &p.cells[0], *with_lora = &p.cells[2];
    cr_expect(full->total_params == embeddings + layer + pooler + head);
    cr_expect(full->trainable_params == full->total_params);
    cr_expect(with_lora->total_params == full->total_params + lora);
    cr_expect(with_lora->trainable_params == lora + head);
    cr_expect(with_lora->est_memory_bytes < full->est_memory_bytes);
    cr_expect(with_lora->est_seconds < full->est_seconds && with_lora->est_seconds > 0);
    /* Cells that share an estimate have what they would have alone. */
    struct estimate own;
    for (int i = 0; i < p.n; i++) {
        struct cell c = p.cells[i];
        cr_assert(estimate_make(&own, &c, &e) == 0);
        estimate_fill(&c, &own);
        cr_expect(c.est_memory_bytes == p.cells[i].est_memory_bytes);
        cr_expect(c.est_seconds == p.cells[i].est_seconds);
        cr_expect(c.total_params == p.cells[i].total_params);
    }
    arena_release(&a);
}

Test(plan, more_epochs_and_rows_take_longer)
{
    use_test_home();
    struct arena a = {0};
    struct err e = {0};
    struct plan p;
    double seconds[3];
    static const char *const rest[] = {"set: {num_train_epochs: 2}\n",
                                       "set: {num_train_epochs: 4}\n",
                                       "set: {num_train_epochs: 2, max_train_samples: 10}\n"};
    for (int i = 0; i < 3; i++) {
        plan_text(&p, arena_printf(&a, MATRIX "%s", rest[i]), &a);
        cr_assert(plan_estimate(&p, &e) == 0);
        seconds[i] = p.cells[0].est_seconds;
    }
    for (int i = 0; i < 3; i++)
        seconds[i] -= 0.005; /* of a cell that does nothing */
    cr_expect(seconds[1] > 1.5 * seconds[0] && seconds[1] < 2 * seconds[0]);
    cr_expect(seconds[2] < seconds[0]);
    arena_release(&a);
}

/* --- identity ---------------------------------------------------------------- */

Test(identity, data_follows_rows_and_meaning_not_words_about_them)
{
    use_test_home();
    struct arena a = {0};
    struct err e = {0};
    char before[HASH_HEX_SIZE], after[HASH_HEX_SIZE];
    const struct dataset_info *pets = dataset_describe("pets", &a, &e);
    cr_assert(pets != NULL, "%s", e.text);
    cr_assert(identity_data(before, pets, &e) == 0);
    struct dataset_info other = *pets;
    other.title = "another title";
    cr_assert(identity_data(after, &other, &e) == 0);
    cr_expect(strcmp(before, after) == 0);
    const char *const swapped[] = {pets->classes[1], pets->classes[0]};
    other.classes = swapped;
    cr_assert(identity_data(after, &other, &e) == 0);
    cr_expect(strcmp(before, after) != 0);
    arena_release(&a);
}

/* A hash that nobody published and a file that is not here: nothing can be said, and nothing
 * is made up. */
Test(identity, unpublished_and_absent_is_unresolved)
{
    use_test_home();
    struct arena a = {0};
    struct err e = {0};
    char hex[HASH_HEX_SIZE];
    const struct dataset_info *pets = dataset_describe("pets", &a, &e);
    cr_assert(pets != NULL);
    struct source source = {.kind = SOURCE_URL, .where = "http://127.0.0.1:9/x"};
    struct asset asset = {.name = "x", .bytes = -1, .sources = &source, .n_sources = 1};
    struct dataset_info other = *pets;
    other.assets = &asset;
    other.n_assets = 1;
    cr_assert(identity_data(hex, &other, &e) == 0, "%s", e.text);
    cr_expect(eq(str, hex, IDENTITY_UNRESOLVED));
    arena_release(&a);
}

/* Words and prompt are what a model that answers in text reads and says; a classifier's cell is
 * the same without them. */
Test(identity, words_and_prompt_count_where_they_are_used)
{
    static const char *const options[] = {"", "set: {use_verbalizers: false}\n",
                                          "set: {use_template: false}\n"};
    static const struct {
        bool answers, template;
    } has[] = {{true, true}, {false, true}, {true, false}};
    use_test_home();
    struct arena a = {0};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        struct plan p;
        plan_text(&p,
                  arena_printf(&a,
                               "matrix: {models: [tiny-one, tiny-t5], methods: [full], datasets: "
                               "[spoken], seeds: [1]}\nprotocol: plain\n%s",
                               options[i]),
                  &a);
        const char *bert = cell_canonical(&p.cells[0], &a), *t5 = cell_canonical(&p.cells[1], &a);
        cr_expect(cell_says_text(&p.cells[1]) && !cell_says_text(&p.cells[0]));
        cr_expect(strstr(bert, "\nanswer.") == NULL && strstr(bert, "\ntemplate=") == NULL);
        cr_expect(has[i].answers == (strstr(t5, "\nanswer.1=canine\n") != NULL));
        cr_expect(has[i].answers != (strstr(t5, "\nanswer.1=dog\n") != NULL));
        cr_expect(has[i].template == (strstr(t5, "\ntemplate=What is {text}?\n") != NULL));
    }
    arena_release(&a);
}

/* What the survey's code did with rows is in the id of a cell that asks for it, and only there;
 * rows that come from another set are known by that set's hash. */
Test(identity, the_surveys_rows_count_where_they_are_asked_for)
{
    static const struct {
        const char *set, *line;
    } cases[] = {{"set: {row_copies: survey}\n", "survey.copies=2\n"},
                 {"set: {split: survey}\n", "survey.split=1 0 52 0.2\n"}};
    use_test_home();
    struct arena a = {0};
    struct plan p;
    const char *base = "matrix: {models: [tiny-one], methods: [full], datasets: [spoken], seeds: "
                       "[1]}\nprotocol: plain\n";
    plan_text(&p, base, &a);
    cr_expect(strstr(cell_canonical(&p.cells[0], &a), "\nsurvey.") == NULL &&
              strstr(cell_canonical(&p.cells[0], &a), "\nserved=") == NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        plan_text(&p, arena_printf(&a, "%s%s", base, cases[i].set), &a);
        cr_expect(strstr(cell_canonical(&p.cells[0], &a), cases[i].line) != NULL, "%s",
                  cell_canonical(&p.cells[0], &a));
    }
    struct err e = {0};
    char pets[HASH_HEX_SIZE];
    cr_assert(identity_data(pets, dataset_describe("pets", &a, &e), &e) == 0);
    plan_text(&p, arena_printf(&a, "%sset: {rows: survey}\n", base), &a);
    cr_expect(strstr(cell_canonical(&p.cells[0], &a), arena_printf(&a, "\nserved=%s\n", pets)) !=
              NULL);
    arena_release(&a);
}

/* tiny-t5: vocabulary 7, width 8, 2 heads of 4, feed-forward 16, one layer in each stack, ReLU,
 * a head of its own. */
Test(plan, an_encoder_decoder_is_counted_and_estimated)
{
    use_test_home();
    struct arena a = {0};
    struct err e = {0};
    struct plan p;
    plan_text(&p,
              "matrix: {models: [tiny-t5], methods: [full, lora], datasets: [pets, colours], "
              "seeds: [1]}\nprotocol: plain\n",
              &a);
    cr_assert(plan_estimate(&p, &e) == 0, "%s", e.text);
    size_t attention = 4 * 8 * 8, ffn = 2 * 8 * 16, buckets = 32 * 2;
    size_t encoder = attention + ffn + 2 * 8, decoder = 2 * attention + ffn + 3 * 8;
    size_t total = 2 * 7 * 8 + encoder + decoder + 2 * buckets + 2 * 8;
    cr_expect(p.cells[0].total_params == total, "%zu of %zu", p.cells[0].total_params, total);
    cr_expect(p.cells[0].trainable_params == total);
    /* q and v of three attentions, r 8; no classifier. */
    cr_expect(p.cells[1].trainable_params == 3 * 2 * 8 * (8 + 8));
    /* The third class of colours is one more answer to hold against each text. */
    cr_expect(p.cells[2].est_seconds > p.cells[0].est_seconds);
    cr_expect(p.cells[1].est_seconds > 0 && p.cells[1].est_memory_bytes > 0);
    arena_release(&a);
}

/* Rows as the survey's code counted them: seconds are operations at a nominal speed. */
Test(plan, estimates_follow_the_rows_asked_for)
{
    static const struct {
        const char *set;
        double train, validation, test;
    } cases[] = {{"", 80, 10, 10},
                 {"set: {row_copies: survey}\n", 160, 20, 20},
                 {"set: {split: survey}\n", 80, 20, 0},
                 {"set: {split: survey, row_copies: survey}\n", 160, 40, 0},
                 {"set: {split: survey, max_train_samples: 40}\n", 40, 20, 0},
                 {"set: {max_eval_samples: 5}\n", 80, 5, 5}};
    use_test_home();
    struct arena a = {0};
    struct err e = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct plan p;
        struct estimate x;
        plan_text(&p,
                  arena_printf(&a,
                               "matrix: {models: [tiny-one], methods: [full], datasets: [spoken], "
                               "seeds: [1]}\nprotocol: plain\n%s",
                               cases[i].set),
                  &a);
        cr_assert(plan_estimate(&p, &e) == 0, "%s", e.text);
        cr_assert(estimate_make(&x, &p.cells[0], &e) == 0);
        double training = 2 * cases[i].train * x.training_flops; /* two epochs, validated twice */
        double judging = (2 * cases[i].validation + cases[i].test) * x.forward_flops;
        double seconds = p.cells[0].est_seconds;
        double expected = 0.005 + (training + judging) / x.flops_per_second;
        cr_expect(fabs(seconds / expected - 1) < 1e-12, "%s: %g", cases[i].set, seconds);
    }
    arena_release(&a);
}

/* Cells of other seeds share a text as long as no rule tells seeds apart; an id is the hash of
 * the whole text either way. */
Test(identity, seeds_share_all_but_their_number)
{
    static const char *const rules[] = {"",
                                        "overrides: [{when: {seed: 3}, set: {max_length: 8}}]\n"};
    use_test_home();
    for (int i = 0; i < 2; i++) {
        struct arena a = {0};
        struct plan p;
        plan_text(&p,
                  arena_printf(&a,
                               "matrix: {models: [tiny-one], methods: [full], datasets: [spoken], "
                               "seeds: [7, 3, 9]}\nprotocol: plain\n%s",
                               rules[i]),
                  &a);
        cr_assert(p.n == 3);
        for (int k = 0; k < 3; k++) {
            static const int seeds[] = {7, 3, 9};
            const struct cell *c = &p.cells[k];
            const char *text = cell_canonical(c, &a);
            char hex[HASH_HEX_SIZE];
            hash_bytes(hex, text, strlen(text));
            cr_expect(c->seed == (uint64_t)seeds[k] && strncmp(hex, c->id, CELL_ID_SIZE - 1) == 0);
            cr_expect(strstr(text, arena_printf(&a, "\nseed=%d\n", seeds[k])) != NULL, "%s", text);
            bool cut = option_int(&c->training, "max_length") == 8;
            cr_expect(cut == (i == 1 && k == 1));
        }
        bool shared = p.cells[0].lines == p.cells[1].lines;
        cr_expect(shared == (i == 0));
        arena_release(&a);
    }
}
