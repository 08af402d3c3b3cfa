#include "assets/asset.h"

#include "assets/cache.h"
#include "assets/fetch.h"
#include "assets/source.h"
#include "harness/base/file.h"
#include "harness/base/paths.h"

#include <assert.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void asset_file_release(struct asset_file *f)
{
    str_release(&f->path);
    memset(f, 0, sizeof *f);
}

static void source_origin(struct str *s, const struct source *from)
{
    switch (from->kind) {
    case SOURCE_PATH:
    case SOURCE_URL:
        str_add(s, from->where);
        break;
    case SOURCE_ARCHIVE:
        str_printf(s, "member %s of %s", from->member, from->where);
        break;
    case SOURCE_ROWS:
        str_printf(s, "rows of %s, config %s, split %s, at %s", from->dataset, from->config,
                   from->split, from->where);
        break;
    case SOURCE_PIP:
        str_printf(s, "member %s of the Python package %s", from->member, from->where);
        break;
    }
}

void asset_origin(struct str *s, const struct asset *asset)
{
    assert(asset->n_sources > 0);
    source_origin(s, &asset->sources[0]);
}

/* ---- what is already on this machine ---- */

/* The project's own file: 1 found, 0 none shipped, -1 damaged. */
static int find_shipped(struct asset_file *out, const struct asset *asset, struct err *e)
{
    for (int i = 0; i < asset->n_sources; i++) {
        const struct source *from = &asset->sources[i];
        struct str home = {0};
        if (from->kind != SOURCE_PATH)
            continue;
        if (paths_home(&home, e) < 0) {
            str_release(&home);
            return -1;
        }
        file_join(&out->path, str_text(&home), from->where);
        str_release(&home);
        if (!file_exists(str_text(&out->path)))
            continue;
        struct expected want = {asset->sha256, asset->bytes, "the project"};
        return cache_verify(out->sha256, str_text(&out->path), &want, e) < 0 ? -1 : 1;
    }
    return 0;
}

/* Cache, then mirror. note tells of a damaged cache file. */
static int find_stored(struct asset_file *out, const struct expected *want, struct err *note,
                       struct err *e)
{
    if (!want->sha256)
        return 0;
    int rc = cache_find(&out->path, want, note);
    if (rc == 0)
        rc = mirror_find(&out->path, want, e);
    if (rc == 1)
        memcpy(out->sha256, want->sha256, HASH_HEX_SIZE);
    return rc;
}

/* What the asset must be: its own hash or the locked one (into lock). */
static int expect(struct expected *want, char lock[HASH_HEX_SIZE], const struct asset *asset,
                  const char *origin, struct err *e)
{
    *want = (struct expected){asset->sha256, asset->bytes, origin};
    if (asset->sha256)
        return 0;
    int rc = cache_lock_find(lock, origin, e);
    if (rc == 1)
        want->sha256 = lock;
    return rc < 0 ? -1 : 0;
}

int asset_find(struct asset_file *out, const struct asset *asset, struct err *e)
{
    char lock[HASH_HEX_SIZE];
    struct expected want;
    struct str origin = {0};
    struct err note = {0};
    memset(out, 0, sizeof *out);
    asset_origin(&origin, asset);
    int rc = find_shipped(out, asset, e);
    if (rc == 0)
        rc = expect(&want, lock, asset, str_text(&origin), e);
    if (rc == 0)
        rc = find_stored(out, &want, &note, e);
    str_release(&origin);
    if (rc != 1)
        asset_file_release(out);
    return rc;
}

static int is_shipped(const struct asset *asset, struct err *e)
{
    struct str home = {0}, path = {0};
    int found = paths_home(&home, e);
    for (int i = 0; found == 0 && i < asset->n_sources; i++)
        found = asset->sources[i].kind == SOURCE_PATH &&
                file_exists(file_join(&path, str_text(&home), asset->sources[i].where));
    str_release(&home);
    str_release(&path);
    return found;
}

int asset_locate(enum asset_place *place, long *bytes, const struct asset *asset, struct err *e)
{
    char lock[HASH_HEX_SIZE];
    struct expected want = {0};
    struct str origin = {0};
    asset_origin(&origin, asset);
    *place = ASSET_PROJECT;
    *bytes = asset->bytes;
    int found = is_shipped(asset, e);
    if (found == 0)
        found = expect(&want, lock, asset, str_text(&origin), e);
    if (found == 0 && want.sha256) {
        *place = ASSET_CACHE;
        found = cache_has(bytes, want.sha256, e);
    }
    if (found == 0 && want.sha256) {
        *place = ASSET_MIRROR;
        found = mirror_has(bytes, want.sha256, e);
    }
    if (found == 0) {
        *place = ASSET_NETWORK;
        *bytes = asset->bytes;
    }
    str_release(&origin);
    return found < 0 ? -1 : 0;
}

/* ---- from a source ---- */

static int fetch_url(const char *url, const struct asset *asset, const struct asset_flags *flags,
                     const char *to, struct err *e)
{
    struct fetch f = {.url = url,
                      .name = asset->name,
                      .bytes = asset->bytes,
                      .resume = asset->sha256 != NULL,
                      .flags = flags};
    return fetch_file(&f, to, e);
}

/* An archive is an asset of its own, so that it is fetched once for all its members. */
static int fetch_member(const struct source *from, const struct asset *asset,
                        const struct asset_flags *flags, const char *to, struct err *e)
{
    const struct source url = {.kind = SOURCE_URL, .where = from->where};
    const struct asset archive = {.name = from->where,
                                  .sha256 = from->archive_sha256,
                                  .bytes = -1,
                                  .sources = &url,
                                  .n_sources = 1};
    struct asset_file file = {0};
    int rc = asset_get(&file, &archive, flags, e);
    if (rc == 0)
        rc = unpack_member(str_text(&file.path), from->member, asset->bytes, to, e);
    asset_file_release(&file);
    return rc;
}

static int fetch_source(const struct source *from, const struct asset *asset,
                        const struct asset_flags *flags, const char *to, struct err *e)
{
    struct str text = {0};
    int rc = -1;
    switch (from->kind) {
    case SOURCE_PATH:
        rc = err_set(e, "%s is not in the project's folder", from->where);
        break;
    case SOURCE_URL:
        rc = fetch_url(from->where, asset, flags, to, e);
        break;
    case SOURCE_ARCHIVE:
        rc = fetch_member(from, asset, flags, to, e);
        break;
    case SOURCE_ROWS: {
        struct source rows = *from;
        rows.where = fetch_hub_url(&text, from->where);
        rc = rows_fetch(&rows, flags, to, e);
        break;
    }
    case SOURCE_PIP:
        if (cache_part(&text, to, ".pip", e) == 0)
            rc = pip_fetch(from, str_text(&text), asset->bytes, to, e);
        break;
    }
    str_release(&text);
    return rc;
}

/* Fetches from one source, verifies, and stores in the cache. */
static int get_from(struct asset_file *out, const struct source *from, const struct asset *asset,
                    const struct expected *want, const struct asset_flags *flags, struct err *e)
{
    struct str part = {0}, origin = {0};
    struct stat st;
    source_origin(&origin, from);
    struct expected here = {want->sha256, want->bytes, str_text(&origin)};
    int rc = cache_part(&part, str_text(&origin), ".part", e);
    if (rc == 0) {
        bool resumed = stat(str_text(&part), &st) == 0 && st.st_size > 0;
        rc = fetch_source(from, asset, flags, str_text(&part), e);
        if (rc == 0)
            rc = cache_accept(&out->path, out->sha256, str_text(&part), &here, e);
        /* A beginning left by another day may belong to other content. */
        if (rc < 0 && resumed && !file_exists(str_text(&part))) {
            rc = fetch_source(from, asset, flags, str_text(&part), e);
            if (rc == 0)
                rc = cache_accept(&out->path, out->sha256, str_text(&part), &here, e);
        }
    }
    str_release(&part);
    str_release(&origin);
    return rc;
}

/* Records the hash of what nobody published one for. */
static int lock_first(const struct asset_file *file, const char *origin, struct err *e)
{
    struct stat st;
    if (stat(str_text(&file->path), &st) < 0)
        return err_errno(e, "%s", str_text(&file->path));
    return cache_lock_add(file->sha256, (long)st.st_size, origin, e);
}

static int get_from_sources(struct asset_file *out, const struct asset *asset,
                            const struct expected *want, const struct asset_flags *flags,
                            struct err *e)
{
    struct err note = {0};
    int guard = cache_guard(want->from, e);
    if (guard < 0)
        return -1;
    char lock[HASH_HEX_SIZE];
    struct expected now; /* another process may have fetched it while we waited */
    int rc = expect(&now, lock, asset, want->from, e);
    int found = rc < 0 ? -1 : find_stored(out, &now, &note, e);
    rc = found == 1 ? 0 : -1;
    struct str failures = {0};
    for (int i = 0; found == 0 && rc < 0 && i < asset->n_sources; i++) {
        struct err one = {0};
        rc = get_from(out, &asset->sources[i], asset, &now, flags, &one);
        if (rc < 0)
            str_printf(&failures, "%s%s", i ? "; " : "", one.text);
    }
    if (rc < 0 && found == 0) {
        err_set(e, "%s", str_text(&failures));
        if (!asset->sha256 && now.sha256)
            err_wrap(e, "its sha256 was locked on first fetch (delete its line from locks.tsv in "
                        "the cache to accept new content)");
    }
    if (rc == 0 && !now.sha256)
        rc = lock_first(out, want->from, e);
    str_release(&failures);
    cache_unguard(guard);
    return rc;
}

static int offline_error(const struct asset *asset, const char *origin, const struct err *note,
                         struct err *e)
{
    err_set(e,
            "not on this machine, and --offline forbids to fetch it (%s); type `ftbench fetch` "
            "without --offline, or set FTBENCH_MIRROR to a folder that holds sha256 %s",
            origin, asset->sha256 ? asset->sha256 : "of it");
    if (note->text[0])
        err_wrap(e, "%s", note->text);
    return -1;
}

static int find_stand_in(struct asset_file *out, const struct asset *asset)
{
    struct err ignored = {0};
    struct expected want = {asset->stand_in_sha256, -1, "stand-in"};
    if (!asset->stand_in_sha256 || find_stored(out, &want, &ignored, &ignored) != 1)
        return 0;
    out->stand_in = asset->stand_in_why;
    return 1;
}

int asset_get(struct asset_file *out, const struct asset *asset, const struct asset_flags *flags,
              struct err *e)
{
    static const struct asset_flags none = {0};
    char lock[HASH_HEX_SIZE];
    struct expected want;
    struct err note = {0};
    struct str origin = {0};
    if (!flags)
        flags = &none;
    memset(out, 0, sizeof *out);
    asset_origin(&origin, asset);
    int found = find_shipped(out, asset, e);
    if (found == 0 && expect(&want, lock, asset, str_text(&origin), e) < 0)
        found = -1;
    if (found == 0)
        found = find_stored(out, &want, &note, e);
    int rc = found < 0 ? -1 : 0;
    if (found == 0) {
        rc = flags->offline ? offline_error(asset, str_text(&origin), &note, e)
                            : get_from_sources(out, asset, &want, flags, e);
        if (rc < 0 && find_stand_in(out, asset)) {
            err_clear(e);
            rc = 0;
        }
    }
    if (rc < 0) {
        err_wrap(e, "%s", asset->name);
        asset_file_release(out);
    }
    str_release(&origin);
    return rc;
}

const struct asset *asset_named(const struct asset *assets, int n, const char *name)
{
    for (int i = 0; i < n; i++)
        if (str_equal(assets[i].name, name))
            return &assets[i];
    return NULL;
}
