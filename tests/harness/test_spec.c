/* What is wrong with a spec is said with its place, the bad word and the nearest good one. */
#include "tests/harness/fixture.h"

/* A whole spec around a matrix line and what follows. */
#define SPEC(models, methods, datasets, seeds, rest)                                               \
    "matrix:\n  models: " models "\n  methods: " methods "\n  datasets: " datasets                 \
    "\n  seeds: " seeds "\nprotocol: plain\n" rest

static const struct {
    const char *spec;
    const char *message; /* behind "FILE.yaml:" */
} bad[] = {
    {"matrx: {}\n", "1:1: unknown key \"matrx\"; did you mean \"matrix\"?"},
    {"title: x\n", "1:1: the key \"matrix\" is missing"},
    {"matrix: {}\n", "1:1: the key \"protocol\" is missing; write \"protocol: sound\""},
    {"matrix: {models: [tiny-one]}\nprotocol: plain\n", "1:9: the matrix has no \"methods\""},
    {"matrix: {model: [tiny-one]}\nprotocol: plain\n",
     "1:10: unknown key \"model\"; did you mean \"models\"?"},
    {SPEC("[]", "[full]", "[pets]", "[1]", ""),
     "2:11: models is empty; a matrix needs at least one"},
    {SPEC("[tiny-oen]", "[full]", "[pets]", "[1]", ""),
     "2:12: unknown model \"tiny-oen\"; did you mean \"tiny-one\"?"},
    {SPEC("[tiny-one, tiny-one]", "[full]", "[pets]", "[1]", ""),
     "2:22: \"tiny-one\" stands twice in models, first in line 2"},
    {SPEC("tiny-one", "[full]", "[pets]", "[1]", ""), "2:11: models must be a list, not a scalar"},
    {SPEC("[tiny-one]", "[]", "[pets]", "[1]", ""),
     "3:12: methods is empty; a matrix needs at least one"},
    {SPEC("[tiny-one]", "[lroa]", "[pets]", "[1]", ""),
     "3:13: unknown method \"lroa\"; did you mean \"lora\"?"},
    {SPEC("[tiny-one]", "[quux]", "[pets]", "[1]", ""),
     "3:13: unknown method \"quux\"; `ftbench methods` lists what there is"},
    {SPEC("[tiny-one]", "[{lora: {lora_alhpa: 3}}]", "[pets]", "[1]", ""),
     "3:21: unknown option \"lora_alhpa\"; did you mean \"lora_alpha\"?"},
    {SPEC("[tiny-one]", "[{lora: {r: 0}}]", "[pets]", "[1]", ""),
     "3:24: r: \"0\" is not allowed; it takes a whole number from 1 to 4096"},
    {SPEC("[tiny-one]", "[{lora: {}, full: {}}]", "[pets]", "[1]", ""),
     "3:13: a method is NAME or {NAME: {option: value}}"},
    {SPEC("[tiny-one]", "[lora, {lora: {r: 8}}]", "[pets]", "[1]", ""),
     "3:19: \"lora\" stands twice in methods, first in line 3"},
    {SPEC("[tiny-one]", "[full]", "[pest]", "[1]", ""),
     "4:14: unknown data set 'pest'; did you mean 'pets'?; `ftbench datasets` lists them"},
    {SPEC("[tiny-one]", "[full]", "[pets]", "[one]", ""),
     "5:11: a seed must be a whole number from 0, not \"one\""},
    {SPEC("[tiny-one]", "[full]", "[pets]", "[-1]", ""),
     "5:11: a seed must be a whole number from 0, not \"-1\""},
    {SPEC("[tiny-one]", "[full]", "[pets]", "[1.5]", ""),
     "5:11: a seed must be a whole number from 0, not \"1.5\""},
    {SPEC("[tiny-one]", "[full]", "[pets]", "[1, 01]", ""), "5:14: seed 1 stands twice"},
    {"matrix: {models: [tiny-one], methods: [full], datasets: [pets], seeds: [1]}\n"
     "protocol: plan\n",
     "2:11: unknown protocol \"plan\"; did you mean \"plain\"?"},
    {SPEC("[tiny-one]", "[full]", "[pets]", "[1]", "set: {learning_rat: 1}\n"),
     "7:7: unknown option \"learning_rat\"; did you mean \"learning_rate\"?"},
    {SPEC("[tiny-one]", "[full]", "[pets]", "[1]", "set: {learning_rate: fast}\n"),
     "7:22: learning_rate: \"fast\" is not allowed; it takes 0 to 10"},
    {SPEC("[tiny-one]", "[full]", "[pets]", "[1]", "set: {lora.rank: 4}\n"),
     "7:12: unknown option \"rank\"; known are r, lora_alpha, lora_dropout, target_modules, "
     "use_rslora"},
    {SPEC("[tiny-one]", "[full]", "[pets]", "[1]", "set: {lroa.r: 4}\n"),
     "7:7: \"lroa.r\" names no method; `ftbench methods` lists them"},
    {SPEC("[tiny-one]", "[full]", "[pets]", "[1]", "overrides: [{when: {method: full}}]\n"),
     "7:13: an override needs both \"when\" and \"set\""},
    {SPEC("[tiny-one]", "[full]", "[pets]", "[1]",
          "overrides:\n  - when: {metod: full}\n    set: {learning_rate: 1}\n"),
     "8:12: unknown key \"metod\"; did you mean \"method\"?"},
    {SPEC("[tiny-one]", "[full]", "[pets]", "[1]",
          "overrides:\n  - when: {method: ful}\n    set: {learning_rate: 1}\n"),
     "8:20: method \"ful\" is not in this matrix; did you mean \"full\"?"},
    {SPEC("[tiny-one]", "[full]", "[pets]", "[1]",
          "overrides:\n  - when: {init: cold}\n    set: {learning_rate: 1}\n"),
     "8:18: init must be random or pretrained, not \"cold\""},
    {SPEC("[tiny-one]", "[full]", "[pets]", "[1]",
          "overrides:\n  - when: {}\n    set: {learning_rate: 1}\n"),
     "8:11: no condition stands here; one of model, family, method, dataset, init, protocol, seed "
     "is "
     "needed"},
    {SPEC("[tiny-one]", "[full]", "[pets]", "[1]", "exclude: [{dataset: colours}]\n"),
     "7:21: dataset \"colours\" is not in this matrix"},
    {SPEC("[tiny-one]", "[full]", "[pets]", "[1]", "exclude: {dataset: pets}\n"),
     "7:10: exclude must be a list, not a map"},
    {SPEC("[tiny-one]", "[full]", "[pets]", "[1]", "exclude: [{seed: 2}]\n"),
     "7:18: seed \"2\" is not in this matrix"},
    {SPEC("[tiny-one]", "[full]", "[pets]", "[1]", "exclude: [{family: tiny}]\n"),
     "7:20: family must be one of bert"},
    {SPEC("[tiny-one]", "[full]", "[pets]", "[1]", "sweep: [learning_rate]\n"),
     "7:8: sweep must be a map, not a list"},
    {SPEC("[tiny-one]", "[full]", "[pets]", "[1]", "sweep: {learning_rat: [1]}\n"),
     "7:9: unknown option \"learning_rat\"; did you mean \"learning_rate\"?"},
    {SPEC("[tiny-one]", "[full]", "[pets]", "[1]", "sweep: {learning_rate: 1e-3}\n"),
     "7:24: learning_rate must be a list, not a scalar"},
    {SPEC("[tiny-one]", "[full]", "[pets]", "[1]", "sweep: {learning_rate: []}\n"),
     "7:24: learning_rate: the list is empty"},
    {SPEC("[tiny-one]", "[full]", "[pets]", "[1]", "sweep: {learning_rate: [1e-3, fast]}\n"),
     "7:31: learning_rate: \"fast\" is not allowed; it takes 0 to 10"},
    {SPEC("[tiny-one]", "[full]", "[pets]", "[1]", "sweep: {learning_rate: [1e-3, 0.001]}\n"),
     "7:31: learning_rate: 0.001 stands twice, first in line 7"},
    {SPEC("[tiny-one]", "[lora]", "[pets]", "[1]", "sweep: {lora.r: [1, 2]}\n"),
     "7:9: lora.r: only training options are swept; write the variants of a method into "
     "methods: [{NAME: {option: value}}]"},
    {"matrix: {models: [tiny-one}\n", "1:27: did not find expected ',' or ']'"},
};

Test(spec, bad_ones_are_refused_with_the_place)
{
    use_test_home();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct arena a = {0};
        struct err e = {0};
        struct spec s;
        cr_expect(read_spec(&s, bad[i].spec, &a, &e) == -1, "accepted: %s", bad[i].spec);
        cr_expect(e.kind == ERR_USAGE, "kind of: %s", e.text);
        cr_expect(str_starts(place_and_text(&e), bad[i].message), "%s", e.text);
        arena_release(&a);
    }
}

Test(spec, missing_file_is_the_worlds_fault)
{
    use_test_home();
    struct arena a = {0};
    struct err e = {0};
    struct spec s;
    cr_expect(spec_read(&s, "/nonexistent/spec.yaml", &a, &e) == -1);
    cr_expect(e.kind == ERR_WORLD);
    arena_release(&a);
}

/* What parses but meets no cell is found when the matrix is laid out. */
static const struct {
    const char *spec, *message;
} unmet[] = {
    {SPEC("[tiny-one]", "[full]", "[pets]", "[1]", "set: {lora.r: 4}\n"),
     "7:7: \"lora.r\" applies to no cell of this matrix"},
    {SPEC("[tiny-one]", "[full, lora]", "[pets]", "[1]",
          "overrides:\n  - when: {method: full}\n    set: {lora.r: 4}\n"),
     "9:11: \"lora.r\" is set for no cell: nothing in this matrix meets the override's "
     "conditions"},
    {SPEC("[tiny-one]", "[full]", "[pets]", "[1]",
          "overrides:\n  - when: {init: pretrained}\n    set: {learning_rate: 1}\n"),
     "9:11: \"learning_rate\" is set for no cell: nothing in this matrix meets the override's "
     "conditions"},
    {SPEC("[tiny-one]", "[full]", "[pets]", "[1]", "exclude: [{init: pretrained}]\n"),
     "7:11: this exclusion matches no cell"},
};

Test(spec, what_meets_no_cell_is_an_error)
{
    use_test_home();
    for (size_t i = 0; i < sizeof unmet / sizeof *unmet; i++) {
        struct arena a = {0};
        struct err e = {0};
        struct spec s;
        struct plan p;
        cr_assert(read_spec(&s, unmet[i].spec, &a, &e) == 0, "%s", e.text);
        cr_expect(plan_make(&p, &s, &a, &e) == -1);
        cr_expect(e.kind == ERR_USAGE);
        cr_expect(eq(str, (char *)place_and_text(&e), (char *)unmet[i].message));
        arena_release(&a);
    }
}

Test(spec, everything_excluded_is_an_error)
{
    use_test_home();
    struct arena a = {0};
    struct err e = {0};
    struct spec s;
    struct plan p;
    cr_assert(
        read_spec(&s, SPEC("[tiny-one]", "[full]", "[pets]", "[1]", "exclude: [{method: full}]\n"),
                  &a, &e) == 0);
    cr_expect(plan_make(&p, &s, &a, &e) == -1);
    cr_expect(strstr(e.text, "everything is excluded") != NULL, "%s", e.text);
    arena_release(&a);
}
