#include "harness/base/sealed.h"

#include "harness/base/hash.h"

#include <string.h>

struct sealed_header sealed_header_of(const char *magic, const char *id, const char *kernels)
{
    struct sealed_header h;
    memset(&h, 0, sizeof h);
    snprintf(h.magic, sizeof h.magic, "%s", magic);
    snprintf(h.id, sizeof h.id, "%s", id);
    snprintf(h.kernels, sizeof h.kernels, "%s", kernels);
    return h;
}

static void put(struct file_out *f, struct hash *h, const void *data, size_t n_bytes)
{
    if (n_bytes == 0)
        return;
    hash_update(h, data, n_bytes);
    fwrite(data, 1, n_bytes, f->stream); /* file_commit sees a failed write */
}

int sealed_write(const char *path, const struct sealed_header *h,
                 const struct sealed_stretch *stretches, int n, struct err *e)
{
    struct file_out f = {0};
    char hex[HASH_HEX_SIZE];

    if (file_create(&f, path, e))
        return -1;
    struct hash *hash = hash_new();
    put(&f, hash, h, sizeof *h);
    for (int i = 0; i < n; i++)
        put(&f, hash, stretches[i].at, stretches[i].n_bytes);
    hash_final(hash, hex);
    hash_free(hash);
    fwrite(hex, 1, sizeof hex, f.stream);
    return file_commit(&f, e);
}

static int check(const struct file_map *m, const struct sealed_header *want, const char *what,
                 struct err *e)
{
    struct sealed_header h;
    char hex[HASH_HEX_SIZE];

    if (m->n_bytes < sizeof h + sizeof hex)
        return err_set(e, "cut short");
    size_t body = m->n_bytes - sizeof hex;
    memcpy(&h, m->data, sizeof h);
    hash_bytes(hex, m->data, body);
    if (memcmp(hex, m->data + body, sizeof hex) != 0)
        return err_set(e, "damaged (its checksum differs)");
    if (memcmp(h.magic, want->magic, sizeof h.magic) != 0 ||
        strncmp(h.id, want->id, sizeof h.id) != 0)
        return err_set(e, "not a snapshot of %s", what);
    if (strncmp(h.kernels, want->kernels, sizeof h.kernels) != 0)
        return err_set(e, "made with other BLAS kernels (%.*s)", (int)sizeof h.kernels, h.kernels);
    return 0;
}

int sealed_open(struct sealed *s, const char *path, const struct sealed_header *h, const char *what,
                struct err *e)
{
    *s = (struct sealed){.at = sizeof *h};
    if (file_map(&s->map, path, e) != 0)
        return -1;
    int bad = check(&s->map, h, what, e);
    if (bad)
        file_unmap(&s->map);
    return bad;
}

void sealed_close(struct sealed *s)
{
    file_unmap(&s->map);
}

int sealed_take(struct sealed *s, const struct sealed_stretch *stretches, int n, bool last,
                struct err *e)
{
    size_t left = s->map.n_bytes - HASH_HEX_SIZE - s->at;

    for (int i = 0; i < n; i++) {
        if (stretches[i].n_bytes > left)
            return err_set(e, "of the wrong length");
        left -= stretches[i].n_bytes;
    }
    if (last && left > 0)
        return err_set(e, "of the wrong length");
    for (int i = 0; i < n; i++) {
        if (stretches[i].n_bytes)
            memcpy(stretches[i].at, s->map.data + s->at, stretches[i].n_bytes);
        s->at += stretches[i].n_bytes;
    }
    return 0;
}
