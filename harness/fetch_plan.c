#include "harness/fetch_plan.h"

#include "assets/cache.h"
#include "harness/base/paths.h"

#include <string.h>

/* "1.9 MB" */
static const char *size_text(char text[32], long bytes)
{
    if (bytes < 100000)
        snprintf(text, 32, "%.1f kB", (double)bytes / 1e3);
    else if (bytes < 1000000000)
        snprintf(text, 32, "%.1f MB", (double)bytes / 1e6);
    else
        snprintf(text, 32, "%.1f GB", (double)bytes / 1e9);
    return text;
}

/* "2 files, 90.9 MB", "4 files of unknown length" */
static void print_network(const struct fetch_count *c, FILE *out)
{
    char text[32];
    int n = c->n_files[ASSET_NETWORK];
    fprintf(out, "%d file%s", n, n == 1 ? "" : "s");
    if (c->n_unknown < n)
        fprintf(out, ", about %s", size_text(text, c->bytes[ASSET_NETWORK]));
    if (c->n_unknown)
        fprintf(out, ", %d of unknown length", c->n_unknown);
    if (c->n_stand_ins)
        fprintf(out, "; a stand-in is here for %d", c->n_stand_ins);
}

static bool is_new(struct fetch_plan *p, const char *key)
{
    for (int i = 0; i < p->n_seen; i++)
        if (strcmp(p->seen[i], key) == 0)
            return false;
    if (p->n_seen == p->n_room) {
        p->n_room = 2 * p->n_room + 32;
        const char **more = arena_array(p->arena, (size_t)p->n_room, sizeof *more);
        for (int i = 0; i < p->n_seen; i++)
            more[i] = p->seen[i];
        p->seen = more;
    }
    p->seen[p->n_seen++] = key;
    return true;
}

static const char *origin_of(const struct asset *asset, struct arena *a)
{
    struct str origin = {0};
    asset_origin(&origin, asset);
    const char *text = arena_strdup(a, str_text(&origin));
    str_release(&origin);
    return text;
}

/* Whether what stands in for an asset is here. */
static int has_stand_in(const struct asset *asset, struct err *e)
{
    long bytes;
    if (!asset->stand_in_sha256)
        return 0;
    int found = cache_has(&bytes, asset->stand_in_sha256, e);
    return found != 0 ? found : mirror_has(&bytes, asset->stand_in_sha256, e);
}

static int count_asset(struct fetch_count *c, struct fetch_plan *p, const struct asset *asset,
                       struct err *e)
{
    enum asset_place place;
    long bytes;
    if (!is_new(p, asset->sha256 ? asset->sha256 : origin_of(asset, p->arena)))
        return 0;
    if (asset_locate(&place, &bytes, asset, e) != 0)
        return -1;
    c->n_files[place]++;
    c->bytes[place] += bytes > 0 ? bytes : 0;
    if (place != ASSET_NETWORK)
        return 0;
    int stand_in = has_stand_in(asset, e);
    c->n_unknown += bytes < 0;
    c->n_stand_ins += stand_in == 1;
    return stand_in < 0 ? -1 : 0;
}

static int count_assets(struct fetch_count *c, struct fetch_plan *p, const struct asset *assets,
                        int n, struct err *e)
{
    for (int i = 0; i < n; i++)
        if (count_asset(c, p, &assets[i], e) != 0)
            return -1;
    return 0;
}

/* Adds what was counted for one owner, and says what of it is not on this machine. */
static void conclude(struct fetch_plan *p, const struct fetch_count *c, const char *owner,
                     const char *origin, FILE *out)
{
    for (int i = 0; i < ASSET_PLACES; i++) {
        p->all.n_files[i] += c->n_files[i];
        p->all.bytes[i] += c->bytes[i];
    }
    p->all.n_unknown += c->n_unknown;
    p->all.n_stand_ins += c->n_stand_ins;
    if (c->n_files[ASSET_NETWORK] == 0)
        return;
    fprintf(out, "%s: ", owner);
    print_network(c, out);
    fprintf(out, " (%s%s)\n", origin, c->n_files[ASSET_NETWORK] > 1 ? ", ..." : "");
}

int fetch_plan_dataset(struct fetch_plan *p, const struct dataset_info *info, FILE *out,
                       struct err *e)
{
    struct fetch_count c = {0};
    if (count_assets(&c, p, info->assets, info->n_assets, e) != 0)
        return -1;
    conclude(p, &c, info->name, origin_of(&info->assets[0], p->arena), out);
    if (!info->survey.rows_of)
        return 0;
    const struct dataset_info *served = dataset_describe(info->survey.rows_of, p->arena, e);
    struct fetch_count more = {0};
    if (!served || count_assets(&more, p, served->assets, served->n_assets, e) != 0)
        return -1;
    conclude(p, &more, served->name, origin_of(&served->assets[0], p->arena), out);
    return 0;
}

/* Weights of unknown length. */
static int work_out_weights(struct fetch_count *c, const struct zoo_entry *z, struct err *e)
{
    struct arena a = {0};
    struct model m = {0};
    int n_unknown = 0;
    for (int i = 0; i < z->n_assets; i++)
        n_unknown += z->assets[i].bytes < 0 && str_ends(z->assets[i].name, ".safetensors");
    int rc = 0;
    if (n_unknown > 0 && c->n_unknown >= n_unknown &&
        (rc = model_declare(&m, z->family, &z->config, 2, &a, e)) == 0) {
        c->bytes[ASSET_NETWORK] += (long)(params_total(&m.params) * sizeof(float));
        c->n_unknown -= n_unknown;
    }
    model_release(&m);
    arena_release(&a);
    return rc;
}

int fetch_plan_model(struct fetch_plan *p, const struct zoo_entry *z, FILE *out, struct err *e)
{
    struct fetch_count c = {0};
    if (count_assets(&c, p, z->assets, z->n_assets, e) != 0 || work_out_weights(&c, z, e) != 0)
        return -1;
    conclude(p, &c, z->name, z->n_assets > 0 ? origin_of(&z->assets[0], p->arena) : "", out);
    return 0;
}

void fetch_plan_print(const struct fetch_plan *p, FILE *out)
{
    static const char *const places[] = {"in the project", "in the cache", "in the mirror"};
    const struct fetch_count *c = &p->all;
    char text[32];
    for (int i = 0; i < ASSET_NETWORK; i++)
        if (c->n_files[i] > 0)
            fprintf(out, "%s%s%s: %d file%s, %s\n", places[i], i == ASSET_MIRROR ? " " : "",
                    i == ASSET_MIRROR ? paths_mirror() : "", c->n_files[i],
                    c->n_files[i] == 1 ? "" : "s", size_text(text, c->bytes[i]));
    fprintf(out, "from the network: ");
    if (c->n_files[ASSET_NETWORK] > 0)
        print_network(c, out);
    else
        fprintf(out, "nothing");
    fputc('\n', out);
}
