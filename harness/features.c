#include "harness/features.h"

#include "harness/base/paths.h"
#include "harness/identity.h"
#include "models/tensor/gemm.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file: the SHA-256 of the values as 64 digits, then the values. */
enum { DIGEST_BYTES = HASH_HEX_SIZE - 1 };

/* All files together; the oldest go first. */
static const long long cache_max_bytes = 4LL << 30;

static size_t n_values(const struct model *m, const struct feed *f)
{
    return (size_t)f->n * (size_t)model_width(m);
}

bool features_fit(const struct model *m, const struct feed *f)
{
    return n_values(m, f) * sizeof(float) <= FEATURES_MAX_BYTES;
}

/* Weights that came from no file follow from the cell's seed. */
static bool seeded(const struct model *m)
{
    for (int i = 0; i < m->params.n; i++)
        if (m->params.items[i]->part == PART_BASE && !m->params.items[i]->loaded)
            return true;
    return false;
}

static int make_key(char hex[HASH_HEX_SIZE], const struct feed *f, const struct cell *c,
                    const struct model *m, const struct batches *order, struct err *e)
{
    char weights[HASH_HEX_SIZE];
    if (identity_weights(weights, c->model, e) != 0)
        return -1;
    struct str text = {0};
    str_printf(&text, "numerics=%d\nfamily=%s\nweights=%s\nblas=%s\nhalf=%s\n", NUMERICS_VERSION,
               m->family->name, weights, gemm_core_name(),
               cell_in_bfloat16(c) ? gemm_half_name() : "");
    if (seeded(m))
        str_printf(&text, "seed=%llu\n", (unsigned long long)c->seed);
    options_canonical(&text, &m->config, "config.", false);
    struct hash *h = hash_new();
    hash_update(h, str_text(&text), text.len);
    hash_update(h, f->tokens.offsets, ((size_t)f->n + 1) * sizeof *f->tokens.offsets);
    hash_update(h, f->tokens.ids, (size_t)f->tokens.offsets[f->n] * sizeof *f->tokens.ids);
    hash_update(h, order->start, ((size_t)order->n + 1) * sizeof *order->start);
    hash_final(h, hex);
    hash_free(h);
    str_release(&text);
    return 0;
}

/* Whether the mapped file holds n_bytes of values with their digest. */
static bool intact(const struct file_map *file, size_t n_bytes)
{
    char hex[HASH_HEX_SIZE];
    if (file->n_bytes != DIGEST_BYTES + n_bytes)
        return false;
    hash_bytes(hex, file->data + DIGEST_BYTES, n_bytes);
    return memcmp(hex, file->data, DIGEST_BYTES) == 0;
}

/* Maps the file, if it is there and whole. */
static bool find(struct features *x, size_t n_bytes)
{
    struct err ignored = {0};
    if (!file_exists(str_text(&x->path)) || file_map(&x->file, str_text(&x->path), &ignored) != 0)
        return false;
    if (intact(&x->file, n_bytes))
        return true;
    file_unmap(&x->file);
    return false;
}

int features_open(struct features *x, struct feed *f, const struct cell *c, const struct model *m,
                  const struct batches *order, struct err *e)
{
    char key[HASH_HEX_SIZE];
    struct str cache = {0};
    *x = (struct features){.feed = f};
    int rc = make_key(key, f, c, m, order, e);
    if (rc == 0)
        rc = paths_cache(&cache, e);
    if (rc == 0) {
        str_printf(&x->path, "%s/features/%s", str_text(&cache), key);
        size_t n = n_values(m, f);
        if (find(x, n * sizeof(float))) {
            const void *values = x->file.data + DIGEST_BYTES;
            f->features = values; /* 64 bytes into a page */
        } else {
            f->features = x->fresh = arena_array(m->arena, n, sizeof(float));
        }
    }
    str_release(&cache);
    return rc;
}

/* The oldest file of the folder, and the bytes of all. */
static long long oldest_of(struct str *path, const char *folder)
{
    struct dirent *item;
    struct stat s;
    long long n_bytes = 0;
    time_t oldest = 0;
    DIR *dir = opendir(folder);
    str_clear(path);
    while (dir && (item = readdir(dir))) {
        struct str one = {0};
        if (stat(file_join(&one, folder, item->d_name), &s) == 0 && S_ISREG(s.st_mode)) {
            n_bytes += s.st_size;
            if (path->len == 0 || s.st_mtime < oldest) {
                oldest = s.st_mtime;
                str_clear(path);
                str_add(path, str_text(&one));
            }
        }
        str_release(&one);
    }
    if (dir)
        closedir(dir);
    return n_bytes;
}

/* Makes room for n_bytes. Who has a file open keeps it. */
static void prune(const char *folder, size_t n_bytes)
{
    struct str path = {0};
    while (oldest_of(&path, folder) + (long long)n_bytes > cache_max_bytes && path.len)
        if (unlink(str_text(&path)) != 0)
            break;
    str_release(&path);
}

static int store(const struct features *x, size_t n_bytes, struct err *e)
{
    char hex[HASH_HEX_SIZE];
    struct file_out out = {0};
    struct str folder = {0};
    const char *path = str_text(&x->path);
    str_printf(&folder, "%.*s", (int)(strrchr(path, '/') - path), path);
    hash_bytes(hex, x->fresh, n_bytes);
    int rc = file_make_dirs(str_text(&folder), e);
    if (rc == 0) {
        prune(str_text(&folder), n_bytes);
        rc = file_create(&out, path, e);
    }
    if (rc == 0) {
        fwrite(hex, 1, DIGEST_BYTES, out.stream);
        fwrite(x->fresh, 1, n_bytes, out.stream);
        rc = file_commit(&out, e);
    }
    str_release(&folder);
    return rc;
}

int features_make(struct features *x, struct engine *g, const struct batches *order, struct err *e)
{
    if (!x->fresh || x->feed->n == 0)
        return 0;
    engine_features(g, x->feed, order, x->fresh);
    return store(x, n_values(g->model, x->feed) * sizeof(float), e);
}

void features_release(struct features *x)
{
    file_unmap(&x->file);
    str_release(&x->path);
    *x = (struct features){0};
}
