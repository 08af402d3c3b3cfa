#include "harness/identity.h"

#include "datasets/reader.h"

#include "harness/base/file.h"
#include "harness/base/paths.h"

#include <stdio.h>
#include <string.h>

static void unresolved(char hex[HASH_HEX_SIZE])
{
    snprintf(hex, HASH_HEX_SIZE, "%s", IDENTITY_UNRESOLVED);
}

static bool is_resolved(const char *hex)
{
    return strcmp(hex, IDENTITY_UNRESOLVED) != 0;
}

/* sha256 of the content an asset will have. An asset with a stand-in has the stand-in's
 * when that is here and the real one is not. */
static int identity_asset(char hex[HASH_HEX_SIZE], const struct asset *asset, struct err *e)
{
    if (asset->sha256 && !asset->stand_in_sha256) {
        snprintf(hex, HASH_HEX_SIZE, "%s", asset->sha256);
        return 0;
    }
    struct asset_file file = {0};
    int found = asset_find(&file, asset, e);
    if (found == 0 && asset->stand_in_sha256) {
        struct asset stand_in = *asset;
        stand_in.sha256 = asset->stand_in_sha256;
        stand_in.bytes = -1;
        found = asset_find(&file, &stand_in, e);
    }
    if (found > 0)
        snprintf(hex, HASH_HEX_SIZE, "%s", file.sha256);
    else if (asset->sha256)
        snprintf(hex, HASH_HEX_SIZE, "%s", asset->sha256);
    else
        unresolved(hex);
    asset_file_release(&file);
    return found < 0 ? -1 : 0;
}

/* "name sha256" appended to s; *known goes false when it cannot be told yet. */
static int add_asset(struct str *s, bool *known, const struct asset *asset, struct err *e)
{
    char hex[HASH_HEX_SIZE];
    if (identity_asset(hex, asset, e) != 0)
        return err_wrap(e, "%s", asset->name);
    *known = *known && is_resolved(hex);
    str_printf(s, "%s %s\n", asset->name, hex);
    return 0;
}

int identity_weights(char hex[HASH_HEX_SIZE], const struct zoo_entry *z, struct err *e)
{
    if (zoo_weights_hash(hex, z, e) != 0)
        return -1;
    if (!z->random_init && !hash_is_hex(hex))
        unresolved(hex);
    return 0;
}

const char *const tokenizer_files[] = {"special_tokens_map.json", "spiece.model", "tokenizer.json",
                                       "tokenizer_config.json",   "vocab.txt",    NULL};

/* Those files that lie in a folder. */
static int add_folder(struct str *s, const char *folder, struct err *e)
{
    struct str path = {0};
    int rc = 0;
    for (int i = 0; tokenizer_files[i] && rc == 0; i++) {
        char hex[HASH_HEX_SIZE];
        if (!file_exists(file_join(&path, folder, tokenizer_files[i])))
            continue;
        rc = hash_file(hex, str_text(&path), e);
        str_printf(s, "%s %s\n", tokenizer_files[i], hex);
    }
    str_release(&path);
    return rc;
}

/* The vocabulary that the project ships. */
static int add_shipped(struct str *s, const char *path, struct err *e)
{
    struct str home = {0}, file = {0};
    char hex[HASH_HEX_SIZE];
    int rc = paths_home(&home, e);
    if (rc == 0)
        rc = hash_file(hex, file_join(&file, str_text(&home), path), e);
    if (rc == 0)
        str_printf(s, "%s %s\n", strrchr(str_text(&file), '/') + 1, hex);
    str_release(&home);
    str_release(&file);
    return rc;
}

int identity_tokenizer(char hex[HASH_HEX_SIZE], const struct zoo_entry *z, struct err *e)
{
    struct str text = {0};
    bool known = true;
    int rc = 0;
    if (z->folder)
        rc = add_folder(&text, z->folder, e);
    else if (z->tokenizer)
        rc = add_shipped(&text, z->tokenizer, e);
    for (int i = 0; tokenizer_files[i] && rc == 0 && !z->folder; i++) {
        const struct asset *asset = asset_named(z->assets, z->n_assets, tokenizer_files[i]);
        if (asset)
            rc = add_asset(&text, &known, asset, e);
    }
    if (rc == 0 && known && text.len)
        hash_bytes(hex, str_text(&text), text.len);
    else
        unresolved(hex);
    str_release(&text);
    return rc;
}

/* What of a descriptor decides rows, labels and splits. */
static void describe(struct str *s, const struct dataset_info *info)
{
    for (int i = 0; i < info->n_classes; i++)
        str_printf(s, "class %s\n", info->classes[i]);
    for (int i = 0; i < info->n_splits; i++) {
        const struct dataset_split *split = &info->splits[i];
        str_printf(s, "split %s %ld", split->name, split->rows);
        for (int k = 0; k < split->n_files; k++)
            str_printf(s, " %s", split->files[k]);
        str_add_char(s, '\n');
    }
    const struct reader_options *r = &info->reader;
    str_printf(s, "reader %s latin1 %d header %d trim %d label %s\n", reader_names[r->kind],
               r->latin1, r->header, r->trim, r->label ? r->label : "");
    for (int i = 0; i < r->n_text; i++)
        str_printf(s, "text %s\n", r->text[i]);
    for (int i = 0; r->labels && i < info->n_classes; i++)
        str_printf(s, "label %s\n", r->labels[i] ? r->labels[i] : "");
    str_printf(s, "sound %d %u %u %u\n", info->sound.pooled, info->sound.train,
               info->sound.validation, info->sound.test);
}

int identity_data(char hex[HASH_HEX_SIZE], const struct dataset_info *info, struct err *e)
{
    struct str text = {0};
    bool known = true;
    int rc = 0;
    describe(&text, info);
    for (int i = 0; i < info->n_assets && rc == 0; i++)
        rc = add_asset(&text, &known, &info->assets[i], e);
    if (rc == 0 && known)
        hash_bytes(hex, str_text(&text), text.len);
    else
        unresolved(hex);
    str_release(&text);
    return rc;
}

int identity_served(char hex[HASH_HEX_SIZE], const struct dataset_info *info, struct arena *a,
                    struct err *e)
{
    const struct dataset_info *served = info;
    if (info->survey.given && info->survey.rows_of)
        served = dataset_describe(info->survey.rows_of, a, e);
    return served ? identity_data(hex, served, e) : -1;
}
