#include "models/zoo.h"

#include "assets/cache.h"
#include "harness/base/file.h"
#include "harness/base/paths.h"
#include "models/checkpoint.h"

#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char zoo_dir[] = "models/zoo";
static const char random_suffix[] = ":random";

static bool holds_weights(const struct asset *asset)
{
    return str_ends(asset->name, ".safetensors");
}

/* --- the YAML files ----------------------------------------------------------- */

static int read_init(struct zoo_entry *z, const struct yaml *map, struct err *e)
{
    const char *init = yaml_text_or(map, "init", "checkpoint");
    z->random_init = str_equal(init, "random");
    if (!z->random_init && !str_equal(init, "checkpoint"))
        return yaml_error(yaml_get(map, "init"), e, "init is \"%s\"; it is checkpoint or random",
                          init);
    z->tokenizer = yaml_text_or(map, "tokenizer", NULL);
    if (z->tokenizer && !z->random_init)
        return yaml_error(yaml_get(map, "tokenizer"), e,
                          "tokenizer names a file of the project and belongs to init: random");
    if (z->random_init && (z->tokenizer != NULL) == (yaml_get(map, "assets") != NULL))
        return yaml_error(map, e,
                          "init: random needs tokenizer, a file of the project, or assets that "
                          "hold one, and not both");
    return 0;
}

/* One file, or shards and the index that names them. */
static int check_weights(const struct zoo_entry *z, const struct yaml *list, struct err *e)
{
    int n = 0;
    for (int i = 0; i < z->n_assets; i++)
        n += holds_weights(&z->assets[i]);
    if (n == 1 && asset_named(z->assets, z->n_assets, CHECKPOINT_SINGLE))
        return 0;
    if (n > 0 && asset_named(z->assets, z->n_assets, CHECKPOINT_INDEX))
        return 0;
    return yaml_error(list, e, "no asset is named %s, nor %s with its shards", CHECKPOINT_SINGLE,
                      CHECKPOINT_INDEX);
}

static int read_assets(struct zoo_entry *z, const struct yaml *map, struct arena *a, struct err *e)
{
    const struct yaml *list = yaml_get(map, "assets");
    if (!list)
        return z->random_init ? 0 : yaml_error(map, e, "a model with a checkpoint needs assets");
    if (assets_from_yaml(&z->assets, &z->n_assets, list, a, e) != 0)
        return -1;
    for (int i = 0; i < z->n_assets; i++)
        if (z->assets[i].stand_in_sha256)
            return yaml_error(list, e, "%s: nothing can stand in for a model's file",
                              z->assets[i].name);
    return z->random_init ? 0 : check_weights(z, list, e);
}

static int read_entry(struct zoo_entry *z, const struct yaml *map, struct arena *a, struct err *e)
{
    static const char *const keys[] = {"name",    "title",  "family",    "config", "init",
                                       "licence", "source", "tokenizer", "assets", NULL};
    const char *family;
    if (yaml_expect(map, YAML_MAP, "a model", e) != 0 || yaml_only_keys(map, keys, e) != 0 ||
        yaml_text(&z->name, map, "name", e) != 0 || yaml_text(&z->title, map, "title", e) != 0 ||
        yaml_text(&z->licence, map, "licence", e) != 0 ||
        yaml_text(&z->source, map, "source", e) != 0 || yaml_text(&family, map, "family", e) != 0)
        return -1;
    z->family = family_find(family);
    if (!z->family)
        return yaml_error(yaml_get(map, "family"), e, "family %s is not implemented", family);
    options_init(&z->config, z->family->config, a);
    const struct yaml *config = yaml_get(map, "config");
    if (config && options_set_yaml(&z->config, config, e) != 0)
        return -1;
    return read_init(z, map, e) != 0 ? -1 : read_assets(z, map, a, e);
}

/* The zoo's folder, into path. */
static int find_zoo(struct str *path, struct err *e)
{
    struct str home = {0};
    int rc = paths_home(&home, e);
    if (rc == 0)
        file_join(path, str_text(&home), zoo_dir);
    str_release(&home);
    return rc;
}

int zoo_list(const char *const **names, struct arena *a, struct err *e)
{
    static const char suffix[] = ".yaml";
    struct str dir = {0};
    char **files = NULL;
    int n = find_zoo(&dir, e) == 0 ? file_list(&files, str_text(&dir), suffix, e) : -1;
    str_release(&dir);
    if (n < 0)
        return -1;
    const char **list = arena_array(a, (size_t)n + 1, sizeof *list);
    for (int i = 0; i < n; i++)
        list[i] = arena_strndup(a, files[i], strlen(files[i]) - strlen(suffix));
    free(files);
    *names = list;
    return 0;
}

static int unknown_model(const char *name, struct arena *a, struct err *e)
{
    const char *const *names;
    if (zoo_list(&names, a, e) != 0)
        return -1;
    int n = 0;
    while (names[n])
        n++;
    const char *near = str_nearest(names, n, name);
    if (near)
        return err_usage(e, "unknown model \"%s\"; did you mean \"%s\"?", name, near);
    return err_usage(e,
                     "unknown model \"%s\"; `ftbench models` lists them, and a path with a / is "
                     "taken as a Hugging Face folder",
                     name);
}

static int find_folder(struct zoo_entry *z, const char *path, struct arena *a, struct err *e)
{
    z->name = z->title = z->folder = arena_strdup(a, path);
    z->licence = z->source = "not stated";
    if (!file_is_dir(path))
        return err_usage(e, "the model folder %s is not there", path);
    struct str config = {0};
    int rc =
        checkpoint_config(&z->family, &z->config, file_join(&config, path, "config.json"), a, e);
    str_release(&config);
    return rc;
}

static int find_entry(struct zoo_entry *z, const char *name, struct arena *a, struct err *e)
{
    struct str dir = {0}, path = {0};
    int rc = find_zoo(&dir, e);
    if (rc == 0) {
        str_printf(&path, "%s/%s.yaml", str_text(&dir), name);
        if (!file_exists(str_text(&path))) {
            rc = unknown_model(name, a, e);
        } else {
            struct yaml *map = yaml_read(a, str_text(&path), e);
            rc = map ? read_entry(z, map, a, e) : -1;
            if (rc == 0 && !str_equal(z->name, name))
                rc = yaml_error(yaml_get(map, "name"), e, "name must be the file's: %s", name);
        }
    }
    str_release(&dir);
    str_release(&path);
    return rc;
}

/* Keeps what a tokenizer is made of. */
static void drop_weights(struct zoo_entry *z, struct arena *a)
{
    struct asset *kept = arena_array(a, (size_t)z->n_assets, sizeof *kept);
    int n = 0;
    for (int i = 0; i < z->n_assets; i++) {
        const struct asset *one = &z->assets[i];
        if (!holds_weights(one) && !str_equal(one->name, CHECKPOINT_INDEX) &&
            !str_equal(one->name, "config.json"))
            kept[n++] = *one;
    }
    z->assets = kept;
    z->n_assets = n;
}

static int find_plain(struct zoo_entry *z, const char *name, struct arena *a, struct err *e)
{
    return strchr(name, '/') ? find_folder(z, name, a, e) : find_entry(z, name, a, e);
}

int zoo_find(struct zoo_entry *z, const char *name, struct arena *a, struct err *e)
{
    *z = (struct zoo_entry){0};
    const char *colon = strrchr(name, ':');
    if (!colon || strchr(colon, '/') || file_is_dir(name))
        return find_plain(z, name, a, e);
    const char *plain = arena_strndup(a, name, (size_t)(colon - name));
    if (!str_equal(colon, random_suffix))
        return err_usage(e, "unknown model \"%s\"; did you mean \"%s%s\", from random weights?",
                         name, plain, random_suffix);
    if (find_plain(z, plain, a, e) != 0)
        return -1;
    if (z->random_init)
        return err_usage(e, "model \"%s\" starts from random weights by itself: leave out \"%s\"",
                         plain, random_suffix);
    z->random_init = true;
    z->name = arena_strdup(a, name);
    drop_weights(z, a);
    return 0;
}

/* --- files -------------------------------------------------------------------- */

/* dir/name shows target: a link put there by rename, so that other processes
 * always find one. */
static int show_as(const char *dir, const char *name, const char *target, struct err *e)
{
    struct str link = {0}, fresh = {0};
    file_join(&link, dir, name);
    str_printf(&fresh, "%s.%ld", str_text(&link), (long)getpid());
    unlink(str_text(&fresh));
    int rc = 0;
    if (symlink(target, str_text(&fresh)) != 0 || rename(str_text(&fresh), str_text(&link)) != 0) {
        rc = err_errno(e, "cannot link %s to %s", str_text(&link), target);
        unlink(str_text(&fresh));
    }
    str_release(&link);
    str_release(&fresh);
    return rc;
}

static int fetch_all(const struct zoo_entry *z, const char *dir, const struct asset_flags *flags,
                     struct err *e)
{
    if (file_make_dirs(dir, e) != 0)
        return -1;
    for (int i = 0; i < z->n_assets; i++) {
        struct asset_file file;
        if (asset_get(&file, &z->assets[i], flags, e) != 0)
            return err_wrap(e, "model %s", z->name);
        int rc = show_as(dir, z->assets[i].name, str_text(&file.path), e);
        asset_file_release(&file);
        if (rc != 0)
            return -1;
    }
    return 0;
}

/* What the fetched config.json says must be what counts and plans were made of. */
static int check_config(const struct zoo_entry *z, const char *dir, struct err *e)
{
    if (!asset_named(z->assets, z->n_assets, "config.json"))
        return 0;
    struct arena a = {0};
    struct str path = {0}, here = {0}, there = {0};
    const struct family *family;
    struct options config;
    int rc = checkpoint_config(&family, &config, file_join(&path, dir, "config.json"), &a, e);
    if (rc == 0) {
        options_canonical(&here, &z->config, NULL, false);
        options_canonical(&there, &config, NULL, false);
        if (family != z->family || !str_equal(str_text(&here), str_text(&there)))
            rc = err_set(e, "%s differs from %s/%s.yaml; make the entry say the same",
                         str_text(&path), zoo_dir, z->name);
    }
    str_release(&path);
    str_release(&here);
    str_release(&there);
    arena_release(&a);
    return rc;
}

/* The folder of the tokenizer that the project ships. */
static int tokenizer_dir(struct str *dir, const struct zoo_entry *z, struct err *e)
{
    struct str home = {0}, path = {0};
    int rc = paths_home(&home, e);
    if (rc == 0) {
        file_join(&path, str_text(&home), z->tokenizer);
        if (file_exists(str_text(&path)))
            str_add(dir, dirname(path.buf));
        else
            rc = err_set(e, "model %s: its tokenizer %s is missing", z->name, str_text(&path));
    }
    str_release(&home);
    str_release(&path);
    return rc;
}

int zoo_fetch(struct str *dir, const struct zoo_entry *z, const struct asset_flags *flags,
              struct err *e)
{
    str_clear(dir);
    if (z->folder) {
        str_add(dir, z->folder);
        return 0;
    }
    if (z->tokenizer)
        return tokenizer_dir(dir, z, e);
    struct str cache = {0};
    int rc = paths_cache(&cache, e);
    if (rc == 0) {
        str_printf(dir, "%s/models/%s", str_text(&cache), z->name);
        rc = fetch_all(z, str_text(dir), flags, e);
    }
    str_release(&cache);
    return rc ? rc : check_config(z, str_text(dir), e);
}

/* 1 and the sha256 of one asset's content, its own or locked by a fetch; 0: not known yet. */
static int known_hash(char hex[65], const struct asset *asset, struct err *e)
{
    if (asset->sha256) {
        snprintf(hex, HASH_HEX_SIZE, "%s", asset->sha256);
        return 1;
    }
    struct str origin = {0};
    asset_origin(&origin, asset);
    int found = cache_lock_find(hex, str_text(&origin), e);
    str_release(&origin);
    return found;
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const struct asset *const *)a)->name, (*(const struct asset *const *)b)->name);
}

/* Over several shards as checkpoint_hash does it: the text of their hashes in name order. */
static int hash_weights(char hex[65], const struct asset **files, int n, struct err *e)
{
    struct str all = {0};
    int found = 1;
    qsort(files, (size_t)n, sizeof *files, by_name);
    for (int i = 0; i < n && found > 0; i++) {
        found = known_hash(hex, files[i], e);
        str_add(&all, found > 0 ? hex : "");
    }
    if (found > 0 && n > 1)
        hash_bytes(hex, str_text(&all), all.len);
    if (found == 0)
        snprintf(hex, HASH_HEX_SIZE, "unfetched");
    str_release(&all);
    return found < 0 ? -1 : 0;
}

int zoo_weights_hash(char hex[65], const struct zoo_entry *z, struct err *e)
{
    if (z->random_init) {
        snprintf(hex, HASH_HEX_SIZE, "random");
        return 0;
    }
    if (z->folder)
        return checkpoint_hash(hex, z->folder, e);
    struct arena a = {0};
    const struct asset **files = arena_array(&a, (size_t)z->n_assets, sizeof *files);
    int n = 0;
    for (int i = 0; i < z->n_assets; i++)
        if (holds_weights(&z->assets[i]))
            files[n++] = &z->assets[i];
    int rc = hash_weights(hex, files, n, e);
    arena_release(&a);
    return rc;
}
