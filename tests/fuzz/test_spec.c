/* Mutated specs: a plan or a message. */
#include "harness/plan.h"
#include "tests/fuzz/mutate.h"

enum { ROUNDS = 1000 };

static const char *const corpus[] = {"specs/smoke.yaml", "specs/real.yaml", "specs/survey-lr.yaml"};

Test(fuzz_spec, mutations_are_read_or_refused)
{
    struct fuzz_count count = {0};
    struct str originals[3] = {0}, file = {0};
    char folder[64], path[80];
    setenv("FTBENCH_HOME", ".", 1);
    setenv("FTBENCH_CACHE", "/dev/null/cache", 1);
    unsetenv("FTBENCH_MIRROR");
    fuzz_folder(folder);
    snprintf(path, sizeof path, "%s/spec.yaml", folder);
    for (int i = 0; i < 3; i++)
        fuzz_read(&originals[i], corpus[i]);
    for (int round = 0; round < ROUNDS; round++) {
        struct chance c = chance_of(round);
        struct arena a = {0};
        struct err e = {0};
        struct spec spec;
        struct plan plan;
        fuzz_mutate(&file, &originals[round % 3], &c);
        fuzz_write(path, &file);
        int rc = spec_read(&spec, path, &a, &e);
        fuzz_count(&count, rc, &e, round);
        if (rc == 0 && plan_make(&plan, &spec, &a, &e) == 0)
            for (int i = 0; i < plan.n; i++)
                cr_assert(strlen(plan.cells[i].id) == CELL_ID_SIZE - 1);
        arena_release(&a);
    }
    fuzz_both(&count);
    for (int i = 0; i < 3; i++)
        str_release(&originals[i]);
    str_release(&file);
    fuzz_folder_gone(folder);
}
