/* Mutated config.json and model.safetensors.index.json: a model that computes, or a message. */
#include "models/checkpoint.h"
#include "tests/fuzz/mutate.h"

enum { CONFIGS = 4000, INDEXES = 1500 };

static const char sharded[] = "tests/golden/bert/relu-shards";

/* What a declared model may at most be: more is honest, but nothing for a test. */
enum { LAYERS_MAX = 100, WIDTH_MAX = 100000 };

static bool is_small(const struct options *o)
{
    bool bert = o->table == family_find("bert")->config;
    return option_int(o, bert ? "num_hidden_layers" : "num_layers") <= LAYERS_MAX &&
           (bert || option_int(o, "num_decoder_layers") <= LAYERS_MAX) &&
           option_int(o, bert ? "hidden_size" : "d_model") <= WIDTH_MAX;
}

Test(fuzz_checkpoint, config_json)
{
    static const char *const corpus[] = {"tests/golden/bert/relu-shards/config.json",
                                         "tests/golden/methods/base/config.json",
                                         "tests/golden/t5/gated/config.json"};
    enum { N_CORPUS = sizeof corpus / sizeof corpus[0] };
    struct fuzz_count count = {0};
    struct str originals[N_CORPUS] = {0}, file = {0};
    char folder[64], path[96];
    fuzz_folder(folder);
    snprintf(path, sizeof path, "%s/config.json", folder);
    for (int i = 0; i < N_CORPUS; i++)
        fuzz_read(&originals[i], corpus[i]);
    for (int round = 0; round < CONFIGS; round++) {
        struct chance c = chance_of(round);
        struct arena a = {0};
        struct err e = {0};
        const struct family *family;
        struct options config;
        struct model m = {0};
        fuzz_mutate(&file, &originals[round % N_CORPUS], &c);
        fuzz_write(path, &file);
        int rc = checkpoint_config(&family, &config, path, &a, &e);
        if (rc == 0 && is_small(&config))
            rc = model_declare(&m, family, &config, 3, &a, &e);
        fuzz_count(&count, rc, &e, round);
        model_release(&m);
        arena_release(&a);
    }
    fuzz_both(&count);
    for (int i = 0; i < N_CORPUS; i++)
        str_release(&originals[i]);
    str_release(&file);
    fuzz_folder_gone(folder);
}

/* All of a mutated index's folder but the index is sound. */
static int load(const char *folder, struct err *e)
{
    struct arena a = {0};
    const struct family *family;
    struct options config;
    struct model m = {0};
    struct str path = {0};
    int rc = checkpoint_config(&family, &config, file_join(&path, sharded, "config.json"), &a, e);
    cr_assert(rc == 0 && model_declare(&m, family, &config, 3, &a, e) == 0, "%s", e->text);
    params_allocate(&m.params, false);
    rc = checkpoint_load(&m, folder, e);
    model_release(&m);
    str_release(&path);
    arena_release(&a);
    return rc;
}

Test(fuzz_checkpoint, index_json)
{
    struct fuzz_count count = {0};
    struct str original = {0}, file = {0};
    char folder[64], path[128], command[256];
    fuzz_folder(folder);
    snprintf(command, sizeof command, "cp %s/model-* '%s'", sharded, folder);
    cr_assert(system(command) == 0);
    snprintf(path, sizeof path, "%s/model.safetensors.index.json", sharded);
    fuzz_read(&original, path);
    snprintf(path, sizeof path, "%s/model.safetensors.index.json", folder);
    for (int round = 0; round < INDEXES; round++) {
        struct chance c = chance_of(round);
        struct err e = {0};
        fuzz_mutate(&file, &original, &c);
        fuzz_write(path, &file);
        int rc = load(folder, &e);
        fuzz_count(&count, rc, &e, round);
    }
    fuzz_both(&count);
    str_release(&original);
    str_release(&file);
    fuzz_folder_gone(folder);
}
