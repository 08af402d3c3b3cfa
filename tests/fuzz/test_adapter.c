/* Mutated adapters: read or refused. Both files of each are mutated, one at a time. */
#include "methods/peft.h"
#include "models/checkpoint.h"
#include "tests/fuzz/mutate.h"

enum { ROUNDS = 500 };

static const char *const corpus[] = {"lora_qv", "ia3", "prefix", "prompt"};

static int open_adapter(const char *folder, struct err *e)
{
    struct arena a = {0};
    struct options config, options;
    const struct family *family;
    const struct method *method;
    struct model m = {0};
    struct tuned t = {0};
    int rc = checkpoint_config(&family, &config, "tests/golden/methods/base/config.json", &a, e);
    cr_assert(rc == 0 && model_declare(&m, family, &config, 3, &a, e) == 0, "%s", e->text);
    rc = peft_config(&method, &options, &m, folder, &a, e);
    if (rc == 0)
        rc = method_attach(&t, method, &options, &m, &a, e);
    if (rc == 0) {
        params_allocate(&m.params, false);
        rc = peft_read(&t, folder, e);
    }
    model_release(&m);
    arena_release(&a);
    return rc;
}

static void mutate_adapter(const char *name, struct fuzz_count *count)
{
    static const char *const files[] = {"adapter_config.json", "adapter_model.safetensors"};
    struct str originals[2] = {0}, file = {0};
    char folder[64], path[128];
    fuzz_folder(folder);
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "tests/golden/methods/%s/%s", name, files[i]);
        fuzz_read(&originals[i], path);
    }
    for (int round = 0; round < ROUNDS; round++) {
        struct chance c = chance_of(round);
        struct err e = {0};
        for (int i = 0; i < 2; i++) {
            snprintf(path, sizeof path, "%s/%s", folder, files[i]);
            fuzz_mutate(&file, &originals[i], &c);
            fuzz_write(path, round % 2 == i ? &file : &originals[i]);
        }
        int rc = open_adapter(folder, &e);
        fuzz_count(count, rc, &e, round);
    }
    for (int i = 0; i < 2; i++)
        str_release(&originals[i]);
    str_release(&file);
    fuzz_folder_gone(folder);
}

Test(fuzz_adapter, mutations_are_read_or_refused)
{
    for (size_t i = 0; i < sizeof corpus / sizeof *corpus; i++) {
        struct fuzz_count count = {0};
        mutate_adapter(corpus[i], &count);
        fuzz_both(&count);
    }
}
