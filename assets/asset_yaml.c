#include "assets/asset.h"

static const char *const hub_rows = "https://datasets-server.huggingface.co";

static int hash_at(const char **out, const struct yaml *map, const char *key, struct err *e)
{
    const struct yaml *node = yaml_get(map, key);
    *out = NULL;
    if (!node)
        return 0;
    if (yaml_text(out, map, key, e) < 0)
        return -1;
    if (!hash_is_hex(*out))
        return yaml_error(node, e, "%s must be 64 lower-case hexadecimal digits", key);
    return 0;
}

static int bytes_at(long *out, const struct yaml *map, const char *key, struct err *e)
{
    *out = -1;
    return yaml_get(map, key) ? yaml_long(out, map, key, 0, 1L << 44, e) : 0;
}

static int rows_source(struct source *s, const struct yaml *map, struct err *e)
{
    static const char *const keys[] = {"base", "dataset", "config", "split", "rows", NULL};
    if (yaml_expect(map, YAML_MAP, "rows_api", e) < 0 || yaml_only_keys(map, keys, e) < 0)
        return -1;
    s->kind = SOURCE_ROWS;
    s->where = yaml_text_or(map, "base", hub_rows);
    s->config = yaml_text_or(map, "config", "default");
    if (yaml_text(&s->dataset, map, "dataset", e) < 0 || yaml_text(&s->split, map, "split", e) < 0)
        return -1;
    return bytes_at(&s->rows, map, "rows", e);
}

static int source_from_yaml(struct source *s, const struct yaml *map, struct err *e)
{
    static const char *const keys[] = {"path",   "url",      "archive", "archive_sha256",
                                       "member", "rows_api", "pip",     NULL};
    static const struct {
        const char *key;
        enum source_kind kind;
    } kinds[] = {{"path", SOURCE_PATH},
                 {"url", SOURCE_URL},
                 {"archive", SOURCE_ARCHIVE},
                 {"pip", SOURCE_PIP}};
    if (yaml_expect(map, YAML_MAP, "a source", e) < 0 || yaml_only_keys(map, keys, e) < 0)
        return -1;
    s->rows = -1;
    int n = 0;
    for (int i = 0; i < (int)(sizeof kinds / sizeof kinds[0]); i++) {
        if (!yaml_get(map, kinds[i].key))
            continue;
        s->kind = kinds[i].kind;
        n++;
        if (yaml_text(&s->where, map, kinds[i].key, e) < 0)
            return -1;
    }
    if (yaml_get(map, "rows_api")) {
        n++;
        if (rows_source(s, yaml_get(map, "rows_api"), e) < 0)
            return -1;
    }
    if (n != 1)
        return yaml_error(map, e, "a source needs one of path, url, archive, rows_api, pip");
    bool packed = s->kind == SOURCE_ARCHIVE || s->kind == SOURCE_PIP;
    if (packed && yaml_text(&s->member, map, "member", e) < 0)
        return -1;
    if (!packed && yaml_get(map, "member"))
        return yaml_error(yaml_get(map, "member"), e, "member belongs to archive or pip");
    return hash_at(&s->archive_sha256, map, "archive_sha256", e);
}

static int sources_from_yaml(struct asset *out, const struct yaml *list, struct arena *a,
                             struct err *e)
{
    if (yaml_expect(list, YAML_LIST, "sources", e) < 0)
        return -1;
    if (list->n == 0)
        return yaml_error(list, e, "an asset needs at least one source");
    struct source *sources = arena_array(a, (size_t)list->n, sizeof *sources);
    for (int i = 0; i < list->n; i++)
        if (source_from_yaml(&sources[i], &list->items[i], e) < 0)
            return -1;
    out->sources = sources;
    out->n_sources = list->n;
    return 0;
}

static int stand_in_from_yaml(struct asset *out, const struct yaml *map, struct err *e)
{
    static const char *const keys[] = {"sha256", "why", NULL};
    if (yaml_expect(map, YAML_MAP, "stand_in", e) < 0 || yaml_only_keys(map, keys, e) < 0 ||
        hash_at(&out->stand_in_sha256, map, "sha256", e) < 0 ||
        yaml_text(&out->stand_in_why, map, "why", e) < 0)
        return -1;
    return out->stand_in_sha256 ? 0 : yaml_error(map, e, "a stand-in needs its sha256");
}

static int asset_from_yaml(struct asset *out, const struct yaml *map, struct arena *a,
                           struct err *e)
{
    static const char *const keys[] = {"name", "sha256", "bytes", "sources", "stand_in", NULL};
    if (yaml_expect(map, YAML_MAP, "an asset", e) < 0 || yaml_only_keys(map, keys, e) < 0 ||
        yaml_text(&out->name, map, "name", e) < 0 || hash_at(&out->sha256, map, "sha256", e) < 0 ||
        bytes_at(&out->bytes, map, "bytes", e) < 0)
        return -1;
    const struct yaml *sources = yaml_get(map, "sources"), *stand_in = yaml_get(map, "stand_in");
    if (!sources)
        return yaml_error(map, e, "asset %s has no sources", out->name);
    if (sources_from_yaml(out, sources, a, e) < 0)
        return -1;
    return stand_in ? stand_in_from_yaml(out, stand_in, e) : 0;
}

int assets_from_yaml(const struct asset **out, int *n, const struct yaml *list, struct arena *a,
                     struct err *e)
{
    if (yaml_expect(list, YAML_LIST, "assets", e) < 0)
        return -1;
    struct asset *assets = arena_array(a, (size_t)list->n, sizeof *assets);
    for (int i = 0; i < list->n; i++) {
        if (asset_from_yaml(&assets[i], &list->items[i], a, e) < 0)
            return -1;
        if (asset_named(assets, i, assets[i].name))
            return yaml_error(&list->items[i], e, "asset %s stands here twice", assets[i].name);
    }
    *out = assets;
    *n = list->n;
    return 0;
}
