/* Every model of the zoo can be declared, and says what its files say. */
#include "assets/cache.h"
#include "harness/base/file.h"
#include "harness/base/paths.h"
#include "models/checkpoint.h"
#include "models/zoo.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct fixture {
    struct arena a;
    struct err e;
    struct zoo_entry z;
};

static size_t total(struct fixture *f, int n_labels)
{
    struct model m;
    cr_assert(model_declare(&m, f->z.family, &f->z.config, n_labels, &f->a, &f->e) == 0, "%s",
              f->e.text);
    return params_total(&m.params);
}

static void find(struct fixture *f, const char *name)
{
    *f = (struct fixture){0};
    cr_assert(zoo_find(&f->z, name, &f->a, &f->e) == 0, "%s: %s", name, f->e.text);
}

Test(zoo, every_entry_reads_and_declares)
{
    struct arena a = {0};
    struct err e = {0};
    const char *const *names;
    cr_assert(zoo_list(&names, &a, &e) == 0, "%s", e.text);
    int n = 0;
    for (; names[n]; n++) {
        struct fixture f;
        find(&f, names[n]);
        cr_expect_str_eq(f.z.name, names[n]);
        cr_expect(*f.z.title && *f.z.licence && *f.z.source);
        cr_expect(total(&f, 2) > 0);
        cr_expect(n == 0 || strcmp(names[n - 1], names[n]) < 0, "sorted");
        arena_release(&f.a);
    }
    cr_expect(n >= 11);
    arena_release(&a);
}

/* As the survey's author's runs print them (FLAN-T5 base; large and XL less their LoRA); for
 * the others as transformers counts the same configurations with 2 labels. */
Test(zoo, totals_are_the_published_ones)
{
    static const struct {
        const char *name;
        int n_labels;
        size_t total;
    } want[] = {{"bert-base-cased", 2, 108311810},
                {"bert-base-cased", 3, 108312579},
                {"bert-base-cased", 4, 108313348},
                {"bert-large-cased", 2, 333581314},
                {"bert-l2-h128", 2, 4386178},
                {"bert-l4-h256", 2, 11171074},
                {"bert-l4-h512", 2, 28764674},
                {"bert-l8-h512", 2, 41374210},
                {"bert-l6-h768", 2, 66956546},
                {"bert-l12-h768", 2, 109483778},
                {"all-minilm-l6-v2", 2, 22713986},
                {"t5-small", 2, 60506624},
                {"t5-base", 4, 222903552},
                {"t5-large", 2, 737668096},
                {"flan-t5-small", 2, 76961152},
                {"flan-t5-base", 2, 247577856},
                {"flan-t5-large", 3, 802024448 - 18874368},
                {"flan-t5-xl", 2, 2887505920 - 37748736}};
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        struct fixture f;
        find(&f, want[i].name);
        size_t n = total(&f, want[i].n_labels);
        cr_expect(n == want[i].total, "%s: %zu, not %zu", want[i].name, n, want[i].total);
        arena_release(&f.a);
    }
}

Test(zoo, vocabulary_of_a_shipped_tokenizer_has_the_models_size)
{
    static const char *const names[] = {"mini-bert-xs", "mini-bert-s"};
    for (int i = 0; i < 2; i++) {
        struct fixture f;
        find(&f, names[i]);
        struct str dir = {0}, path = {0}, text = {0};
        struct asset_flags offline = {.offline = true};
        cr_assert(zoo_fetch(&dir, &f.z, &offline, &f.e) == 0, "%s", f.e.text);
        cr_assert(file_read(&text, file_join(&path, str_text(&dir), "vocab.txt"), &f.e) == 0);
        long n_lines = 0;
        for (size_t k = 0; k < text.len; k++)
            n_lines += text.buf[k] == '\n';
        cr_expect(n_lines == option_int(&f.z.config, "vocab_size"), "%ld lines", n_lines);
        char hash[HASH_HEX_SIZE];
        cr_expect(zoo_weights_hash(hash, &f.z, &f.e) == 0);
        cr_expect_str_eq(hash, "random");
        str_release(&dir);
        str_release(&path);
        str_release(&text);
        arena_release(&f.a);
    }
}

Test(zoo, an_unknown_name_gets_the_nearest)
{
    struct fixture f = {0};
    cr_expect(zoo_find(&f.z, "bert-bas-cased", &f.a, &f.e) == -1);
    cr_expect(f.e.kind == ERR_USAGE);
    cr_expect_str_eq(f.e.text,
                     "unknown model \"bert-bas-cased\"; did you mean \"bert-base-cased\"?");
    cr_expect(zoo_find(&f.z, "zzzzzzzzzzzz", &f.a, &f.e) == -1);
    cr_expect(strstr(f.e.text, "`ftbench models` lists them"), "%s", f.e.text);
    cr_expect(zoo_find(&f.z, "no/such/folder", &f.a, &f.e) == -1);
    cr_expect(strstr(f.e.text, "the model folder no/such/folder is not there"), "%s", f.e.text);
    arena_release(&f.a);
}

Test(zoo, a_folder_is_a_model)
{
    struct fixture f;
    find(&f, "tests/golden/bert/relu");
    cr_expect(option_int(&f.z.config, "hidden_size") == 40);
    cr_expect_str_eq(option_choice(&f.z.config, "hidden_act"), "relu");
    char hash[HASH_HEX_SIZE];
    cr_expect(zoo_weights_hash(hash, &f.z, &f.e) == 0 && hash_is_hex(hash));
    struct str dir = {0};
    cr_expect(zoo_fetch(&dir, &f.z, NULL, &f.e) == 0);
    cr_expect_str_eq(str_text(&dir), "tests/golden/bert/relu");
    str_release(&dir);
    arena_release(&f.a);
}

Test(zoo, published_and_unpublished_hashes)
{
    struct fixture f;
    char hash[HASH_HEX_SIZE];
    char cache[] = "/tmp/ft-zoo-XXXXXX";
    cr_assert(mkdtemp(cache) && setenv("FTBENCH_CACHE", cache, 1) == 0);
    find(&f, "all-minilm-l6-v2");
    cr_expect(zoo_weights_hash(hash, &f.z, &f.e) == 0);
    cr_expect_str_eq(hash, "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db");
    arena_release(&f.a);
    find(&f, "bert-base-cased");
    cr_expect(zoo_weights_hash(hash, &f.z, &f.e) == 0);
    cr_expect_str_eq(hash, "unfetched");
    arena_release(&f.a);
    find(&f, "flan-t5-xl");
    static const char *const shas[] = {
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"};
    for (int shard = 1; shard <= 2; shard++) {
        char name[48];
        struct str origin = {0};
        cr_expect(zoo_weights_hash(hash, &f.z, &f.e) == 0);
        cr_expect_str_eq(hash, "unfetched", "one shard alone says nothing");
        snprintf(name, sizeof name, "model-%05d-of-00002.safetensors", shard);
        asset_origin(&origin, asset_named(f.z.assets, f.z.n_assets, name));
        cr_assert(cache_lock_add(shas[2 - shard], 9, str_text(&origin), &f.e) == 0, "%s", f.e.text);
        str_release(&origin);
    }
    cr_expect(zoo_weights_hash(hash, &f.z, &f.e) == 0);
    char both[2 * HASH_HEX_SIZE], want[HASH_HEX_SIZE];
    snprintf(both, sizeof both, "%s%s", shas[1], shas[0]);
    hash_bytes(want, both, strlen(both));
    cr_expect_str_eq(hash, want);
    arena_release(&f.a);
    struct str path = {0};
    unlink(file_join(&path, cache, "locks.tsv"));
    str_release(&path);
    rmdir(cache);
}

/* --- entries that are wrong, in a home of their own --------------------------- */

static void expect_entry_refused(const char *text, const char *message)
{
    char home[] = "/tmp/ft-zoo-XXXXXX";
    struct fixture f = {0};
    struct str path = {0};
    cr_assert(mkdtemp(home));
    int rc = file_make_dirs(file_join(&path, home, "datasets"), &f.e);
    rc = rc ? rc : file_make_dirs(file_join(&path, home, "models/zoo"), &f.e);
    rc =
        rc ? rc : file_write(file_join(&path, home, "models/zoo/x.yaml"), text, strlen(text), &f.e);
    cr_assert(rc == 0 && setenv("FTBENCH_HOME", home, 1) == 0);
    cr_expect(zoo_find(&f.z, "x", &f.a, &f.e) == -1, "%s", text);
    cr_expect(strstr(f.e.text, "x.yaml:") && strstr(f.e.text, message), "%s\n  is not: %s", message,
              f.e.text);
    unsetenv("FTBENCH_HOME");
    unlink(file_join(&path, home, "models/zoo/x.yaml"));
    rmdir(file_join(&path, home, "models/zoo"));
    rmdir(file_join(&path, home, "models"));
    rmdir(file_join(&path, home, "datasets"));
    rmdir(home);
    str_release(&path);
    arena_release(&f.a);
}

/* A golden folder's files (and a vocab.txt) as a project would ship them. */
struct shipped {
    const char *from, *const *names; /* NULL-ended */
};

/* Fetches them as model name of an entry with this width. hash: of its weights before anything
 * is fetched, or NULL. */
static int fetch_shipped(const struct shipped *files, const char *width, const char *name,
                         struct str *dir, char *hash, struct err *e)
{
    const char *const *names = files->names;
    char home[] = "/tmp/ft-zoo-XXXXXX";
    struct fixture f = {0};
    struct str path = {0}, text = {0}, target = {0};
    cr_assert(mkdtemp(home));
    cr_assert(file_make_dirs(file_join(&path, home, "datasets"), &f.e) == 0);
    cr_assert(file_make_dirs(file_join(&path, home, "models/zoo"), &f.e) == 0);
    str_printf(&text,
               "name: x\ntitle: t\nlicence: MIT\nsource: s\nfamily: bert\n"
               "config: {vocab_size: 97, hidden_size: %s, num_attention_heads: 5, hidden_act: relu,"
               " intermediate_size: 30, num_hidden_layers: 1, max_position_embeddings: 70,"
               " pad_token_id: 3, layer_norm_eps: 1e-5}\nassets:\n",
               width);
    for (int i = 0; names[i]; i++) {
        struct str file = {0};
        char sha256[HASH_HEX_SIZE];
        if (strcmp(names[i], "vocab.txt") == 0)
            str_add(&file, "[PAD]\n");
        else
            cr_assert(file_read(&file, file_join(&path, files->from, names[i]), &f.e) == 0);
        hash_bytes(sha256, file.buf, file.len);
        str_printf(&text, "  - {name: %s, sha256: %s, sources: [{path: %s}]}\n", names[i], sha256,
                   names[i]);
        cr_assert(file_write(file_join(&target, home, names[i]), file.buf, file.len, &f.e) == 0);
        str_release(&file);
    }
    cr_assert(file_write(file_join(&path, home, "models/zoo/x.yaml"), text.buf, text.len, &f.e) ==
              0);
    setenv("FTBENCH_HOME", home, 1);
    setenv("FTBENCH_CACHE", file_join(&path, home, "cache"), 1);
    cr_assert(zoo_find(&f.z, name, &f.a, &f.e) == 0, "%s", f.e.text);
    struct asset_flags offline = {.offline = true};
    cr_assert(!hash || zoo_weights_hash(hash, &f.z, &f.e) == 0);
    int rc = zoo_fetch(dir, &f.z, &offline, e);
    unsetenv("FTBENCH_HOME");
    unsetenv("FTBENCH_CACHE");
    str_release(&path);
    str_release(&text);
    str_release(&target);
    arena_release(&f.a);
    return rc;
}

static const char shards[] = "tests/golden/bert/relu-shards";
static const struct shipped whole_files = {
    "tests/golden/bert/relu", (const char *const[]){"config.json", "model.safetensors", NULL}};
static const struct shipped shard_files = {
    shards, (const char *const[]){
                "model-00003-of-00003.safetensors", "config.json", "model.safetensors.index.json",
                "model-00001-of-00003.safetensors", "model-00002-of-00003.safetensors", NULL}};

/* Removes the folder that fetch_shipped made: everything above cache/models/x. */
static void remove_home(struct str *dir)
{
    struct str command = {0};
    dir->buf[strlen("/tmp/ft-zoo-XXXXXX")] = '\0';
    str_printf(&command, "rm -r %s", dir->buf);
    cr_expect(system(str_text(&command)) == 0);
    str_release(&command);
    str_release(dir);
}

Test(zoo, fetched_files_lie_together_under_the_hubs_names)
{
    struct fixture f = {0};
    struct str dir = {0};
    cr_assert(fetch_shipped(&whole_files, "40", "x", &dir, NULL, &f.e) == 0, "%s", f.e.text);
    cr_expect(str_ends(str_text(&dir), "/cache/models/x"));
    cr_assert(zoo_find(&f.z, str_text(&dir), &f.a, &f.e) == 0, "%s", f.e.text);
    struct model m;
    cr_assert(model_declare(&m, f.z.family, &f.z.config, 4, &f.a, &f.e) == 0);
    params_allocate(&m.params, false);
    cr_expect(checkpoint_load(&m, str_text(&dir), &f.e) == 0, "%s", f.e.text);
    model_release(&m);
    arena_release(&f.a);
    remove_home(&dir);
}

Test(zoo, a_fetched_configuration_that_differs_is_refused)
{
    struct err e;
    struct str dir = {0};
    cr_expect(fetch_shipped(&whole_files, "80", "x", &dir, NULL, &e) == -1);
    cr_expect(strstr(e.text, "config.json differs from models/zoo/x.yaml"), "%s", e.text);
    remove_home(&dir);
}

/* The index comes along, and the hash is the one the folder itself has. */
Test(zoo, shards_are_fetched_with_their_index_and_hashed_together)
{
    struct fixture f = {0};
    struct str dir = {0};
    char hash[HASH_HEX_SIZE], folder[HASH_HEX_SIZE];
    cr_assert(fetch_shipped(&shard_files, "40", "x", &dir, hash, &f.e) == 0, "%s", f.e.text);
    cr_assert(checkpoint_hash(folder, shards, &f.e) == 0);
    cr_expect_str_eq(hash, folder);
    cr_assert(zoo_find(&f.z, str_text(&dir), &f.a, &f.e) == 0, "%s", f.e.text);
    struct model m;
    cr_assert(model_declare(&m, f.z.family, &f.z.config, 4, &f.a, &f.e) == 0);
    params_allocate(&m.params, false);
    cr_expect(checkpoint_load(&m, str_text(&dir), &f.e) == 0, "%s", f.e.text);
    model_release(&m);
    arena_release(&f.a);
    remove_home(&dir);
}

/* --- NAME:random --------------------------------------------------------------- */

Test(zoo, any_model_can_start_from_random_weights)
{
    struct fixture plain, f;
    char hash[HASH_HEX_SIZE];
    find(&plain, "bert-base-cased");
    find(&f, "bert-base-cased:random");
    cr_expect_str_eq(f.z.name, "bert-base-cased:random");
    cr_expect(f.z.random_init && !plain.z.random_init && !f.z.tokenizer);
    cr_expect(total(&f, 2) == total(&plain, 2));
    cr_expect(zoo_weights_hash(hash, &f.z, &f.e) == 0);
    cr_expect_str_eq(hash, "random");
    cr_expect(f.z.n_assets == plain.z.n_assets - 1);
    cr_expect(asset_named(f.z.assets, f.z.n_assets, "vocab.txt"));
    cr_expect(!asset_named(f.z.assets, f.z.n_assets, "model.safetensors"));
    arena_release(&f.a);
    find(&f, "tests/golden/bert/relu:random");
    cr_expect(f.z.random_init);
    cr_expect_str_eq(f.z.folder, "tests/golden/bert/relu");
    cr_expect(zoo_weights_hash(hash, &f.z, &f.e) == 0);
    cr_expect_str_eq(hash, "random");
    arena_release(&f.a);
    arena_release(&plain.a);
}

/* Neither weights nor config.json: the entry is the configuration. */
Test(zoo, a_random_start_fetches_only_the_tokenizer)
{
    struct err e;
    struct str dir = {0}, path = {0};
    static const char *const names[] = {"config.json", "model.safetensors", "vocab.txt", NULL};
    const struct shipped files = {"tests/golden/bert/relu", names};
    cr_assert(fetch_shipped(&files, "80", "x:random", &dir, NULL, &e) == 0, "%s", e.text);
    cr_expect(str_ends(str_text(&dir), "/cache/models/x:random"));
    cr_expect(file_exists(file_join(&path, str_text(&dir), "vocab.txt")));
    cr_expect(!file_exists(file_join(&path, str_text(&dir), "config.json")));
    cr_expect(!file_exists(file_join(&path, str_text(&dir), "model.safetensors")));
    str_release(&path);
    remove_home(&dir);
}

static void expect_name_refused(const char *name, const char *message)
{
    struct fixture f = {0};
    cr_expect(zoo_find(&f.z, name, &f.a, &f.e) == -1 && f.e.kind == ERR_USAGE, "%s", name);
    cr_expect(strstr(f.e.text, message), "%s\n  is not: %s", message, f.e.text);
    arena_release(&f.a);
}

Test(zoo, another_suffix_is_told_the_good_one)
{
    expect_name_refused("bert-base-cased:rand",
                        "unknown model \"bert-base-cased:rand\"; did you mean "
                        "\"bert-base-cased:random\", from random weights?");
    expect_name_refused("bert-base-cased:", "did you mean \"bert-base-cased:random\"");
    expect_name_refused("bert-bas-cased:random", "did you mean \"bert-base-cased\"?");
    expect_name_refused("mini-bert-xs:random", "leave out \":random\"");
    expect_name_refused("no/such/folder:random", "no/such/folder is not there");
}

/* --- entries that are wrong ------------------------------------------------------ */

#define HEAD "name: x\ntitle: t\nlicence: MIT\nsource: s\n"

Test(zoo, wrong_entries_are_refused_with_their_place)
{
    expect_entry_refused(HEAD "family: bort\n", "family bort is not implemented");
    expect_entry_refused(HEAD "family: bert\n", "needs assets");
    expect_entry_refused(HEAD "family: bert\nasets: []\n", "asets");
    expect_entry_refused(HEAD "family: bert\ninit: scratch\n", "it is checkpoint or random");
    expect_entry_refused(HEAD "family: bert\ninit: random\n", "init: random needs tokenizer");
    expect_entry_refused(HEAD "family: bert\nconfig:\n  hiden_size: 8\n",
                         "did you mean \"hidden_size\"?");
    expect_entry_refused(HEAD "family: bert\nconfig:\n  hidden_size: wide\n", "hidden_size");
    expect_entry_refused(HEAD "family: bert\nassets:\n  - name: vocab.txt\n    sources:\n"
                              "      - url: http://x/y\n",
                         "no asset is named model.safetensors, nor");
    expect_entry_refused(HEAD "family: bert\nassets:\n  - name: model.safetensors.index.json\n"
                              "    sources:\n      - url: http://x/y\n",
                         "with its shards");
    expect_entry_refused("name: y\ntitle: t\nlicence: MIT\nsource: s\nfamily: bert\ninit: random\n"
                         "tokenizer: v\n",
                         "name must be the file's: x");
}
