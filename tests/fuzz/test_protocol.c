/* Mutated protocols: layers or a message, and an end to every chain. */
#include "harness/protocol.h"
#include "tests/fuzz/mutate.h"

enum { ROUNDS = 1000 };

static const char *const corpus[] = {"harness/protocols/published.yaml",
                                     "harness/protocols/published-fixed-lr.yaml",
                                     "harness/protocols/sound.yaml"};

Test(fuzz_protocol, mutations_are_read_or_refused)
{
    struct fuzz_count count = {0};
    struct str originals[3] = {0}, file = {0};
    char folder[64], path[80];
    setenv("FTBENCH_HOME", ".", 1);
    fuzz_folder(folder);
    snprintf(path, sizeof path, "%s/protocol.yaml", folder);
    for (int i = 0; i < 3; i++)
        fuzz_read(&originals[i], corpus[i]);
    for (int round = 0; round < ROUNDS; round++) {
        struct chance c = chance_of(round);
        struct arena a = {0};
        struct err e = {0};
        struct protocol p;
        fuzz_mutate(&file, &originals[round % 3], &c);
        fuzz_write(path, &file);
        int rc = protocol_read(&p, path, &a, &e);
        fuzz_count(&count, rc, &e, round);
        if (rc == 0)
            cr_assert(p.n_layers >= 1 && strcmp(p.layers[p.n_layers - 1].path, path) == 0);
        arena_release(&a);
    }
    fuzz_both(&count);
    for (int i = 0; i < 3; i++)
        str_release(&originals[i]);
    str_release(&file);
    fuzz_folder_gone(folder);
}
