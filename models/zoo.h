/*
 * zoo: models by name, from models/zoo/NAME.yaml.
 *
 * An entry holds family, configuration, licence, source and the assets of its
 * weights and tokenizer, so that counts and memory can be told without any
 * weights. A model in a spec may also be the path of a Hugging Face folder.
 * NAME:random is the same configuration and tokenizer without the weights: trained
 * from scratch, so that what a checkpoint knows, and what a size costs, can be seen
 * alone.
 */
#ifndef FT_MODELS_ZOO_H
#define FT_MODELS_ZOO_H

#include "assets/asset.h"
#include "models/model.h"

struct zoo_entry {
    const char *name;
    const char *title, *licence, *source;
    const struct family *family;
    struct options config;
    bool random_init;           /* init: random, or NAME:random: trained from scratch */
    const char *folder;         /* a Hugging Face folder given by path, else NULL */
    const char *tokenizer;      /* home-relative vocab of what the project ships, or NULL */
    const struct asset *assets; /* files of the folder: config.json, model.safetensors, ...;
                                   of NAME:random only the tokenizer's */
    int n_assets;
};

/* By name or by path of a folder, either with ":random" behind it. ERR_USAGE with the
 * nearest name when unknown. */
int zoo_find(struct zoo_entry *z, const char *name, struct arena *a, struct err *e) MUST_CHECK;

/* Names of all entries, sorted; NULL-ended, owned by a. */
int zoo_list(const char *const **names, struct arena *a, struct err *e) MUST_CHECK;

/* Gets weights and tokenizer here (project, cache, mirror, sources) and returns
 * the folder that shows them under the hub's names: links in $cache/models/NAME.
 * A random_init entry has only a tokenizer: the folder is that of z->tokenizer, or
 * shows the tokenizer's assets.
 * A fetched config.json must say what the entry says. */
int zoo_fetch(struct str *dir, const struct zoo_entry *z, const struct asset_flags *flags,
              struct err *e) MUST_CHECK;

/* What identifies the weights in a cell's id, without reading them where
 * possible: the sha256 of the weights asset (its own or locked by an earlier
 * fetch; of several shards one over theirs), of a folder's weight files
 * (checkpoint_hash), or "random". "unfetched" where nobody published a sha256 and
 * not everything has been fetched yet: fetch before the id is made. */
int zoo_weights_hash(char hex[65], const struct zoo_entry *z, struct err *e) MUST_CHECK;

#endif
