#include "harness/snapshot.h"

#include "harness/base/file.h"
#include "harness/base/hash.h"
#include "models/tensor/gemm.h"

#include <string.h>

static const char MAGIC[8] = "FTSNAP2";

enum { KERNELS_SIZE = 64 };

struct header {
    char magic[8];
    char id[24];
    char kernels[KERNELS_SIZE]; /* of the BLAS: others would go on with other bits */
    int64_t n_train;
    struct train_state state; /* pointers meaningless on disk */
};

/* A stretch of memory that goes into the file, in this order; NULL of no bytes is none. */
struct stretch {
    void *at;
    size_t n_bytes;
};
enum { N_STRETCHES = 6 };

static void stretches_of(struct stretch out[N_STRETCHES], const struct train_state *s,
                         const struct params *p)
{
    size_t block = p->n_train * sizeof(float);
    out[0] = (struct stretch){s->steps, (size_t)s->step * sizeof *s->steps};
    out[1] = (struct stretch){s->epochs, (size_t)s->n_epochs * sizeof *s->epochs};
    out[2] = (struct stretch){s->best, s->best && s->best_epoch ? block : 0};
    out[3] = (struct stretch){p->adam.param, block};
    out[4] = (struct stretch){p->adam.m, block};
    out[5] = (struct stretch){p->adam.v, block};
}

static void put(struct file_out *f, struct hash *h, const void *data, size_t n_bytes)
{
    if (n_bytes == 0)
        return;
    hash_update(h, data, n_bytes);
    fwrite(data, 1, n_bytes, f->stream); /* file_commit sees a failed write */
}

static void kernels_of(char out[KERNELS_SIZE], bool half)
{
    snprintf(out, KERNELS_SIZE, "%s%s%s", gemm_core_name(), half ? " " : "",
             half ? gemm_half_name() : "");
}

static struct header header_of(const struct cell *c, const struct train_state *s,
                               const struct params *params)
{
    struct header h;
    memset(&h, 0, sizeof h);
    memcpy(h.magic, MAGIC, sizeof h.magic);
    memcpy(h.id, c->id, sizeof c->id);
    kernels_of(h.kernels, params->bfloat16);
    h.n_train = (int64_t)params->n_train;
    h.state = *s;
    h.state.steps = NULL;
    h.state.epochs = NULL;
    h.state.best = NULL;
    return h;
}

int snapshot_write(const char *path, const struct cell *c, const struct train_state *s,
                   const struct params *params, struct err *e)
{
    struct file_out f = {0};
    struct stretch parts[N_STRETCHES];
    struct header header = header_of(c, s, params);
    char hex[HASH_HEX_SIZE];

    if (file_create(&f, path, e))
        return err_wrap(e, "snapshot of cell %s", c->id);
    struct hash *h = hash_new();
    put(&f, h, &header, sizeof header);
    stretches_of(parts, s, params);
    for (int i = 0; i < N_STRETCHES; i++)
        put(&f, h, parts[i].at, parts[i].n_bytes);
    hash_final(h, hex);
    hash_free(h);
    fwrite(hex, 1, sizeof hex, f.stream);
    return file_commit(&f, e) ? err_wrap(e, "snapshot of cell %s", c->id) : 0;
}

/* Whether a state read from disk can be one of this plan: the sizes of what
 * follows in the file, and of what is written later, come from it. */
static bool fits(const struct train_state *s, const struct steps *steps)
{
    return s->step >= 0 && s->step <= steps->n_steps && s->n_epochs >= 0 &&
           s->n_epochs <= steps->n_epochs && s->best_epoch >= 0 && s->best_epoch <= s->n_epochs &&
           s->n_resumed >= 0 && s->n_epochs == s->step / steps->steps_per_epoch;
}

/* Whether the mapped file is whole and belongs to this cell and plan. */
static int check(const struct file_map *m, const struct header *h, const struct cell *c,
                 const struct steps *steps, const struct params *params, struct err *e)
{
    char hex[HASH_HEX_SIZE], kernels[KERNELS_SIZE];
    size_t body = m->n_bytes - HASH_HEX_SIZE;

    hash_bytes(hex, m->data, body);
    if (memcmp(hex, m->data + body, HASH_HEX_SIZE) != 0)
        return err_set(e, "damaged (its checksum differs)");
    if (memcmp(h->magic, MAGIC, sizeof MAGIC) != 0 || strncmp(h->id, c->id, sizeof h->id) != 0)
        return err_set(e, "not a snapshot of this cell");
    kernels_of(kernels, params->bfloat16);
    if (strncmp(h->kernels, kernels, sizeof h->kernels) != 0)
        return err_set(e, "made with other BLAS kernels (%.*s)", (int)sizeof h->kernels,
                       h->kernels);
    if (h->n_train != (int64_t)params->n_train || !fits(&h->state, steps))
        return err_set(e, "made for another plan of this cell");
    return 0;
}

static int restore(const struct file_map *m, const struct cell *c, const struct steps *steps,
                   struct train_state *s, struct params *params, struct err *e)
{
    struct header h;
    struct stretch parts[N_STRETCHES];
    size_t at = sizeof h;

    if (m->n_bytes < sizeof h + HASH_HEX_SIZE)
        return err_set(e, "cut short");
    memcpy(&h, m->data, sizeof h);
    if (check(m, &h, c, steps, params, e))
        return -1;
    h.state.steps = s->steps;
    h.state.epochs = s->epochs;
    h.state.best = s->best;
    stretches_of(parts, &h.state, params);
    size_t total = sizeof h + HASH_HEX_SIZE;
    for (int i = 0; i < N_STRETCHES; i++)
        total += parts[i].n_bytes;
    if (total != m->n_bytes)
        return err_set(e, "of the wrong length");
    for (int i = 0; i < N_STRETCHES; i++) {
        if (parts[i].n_bytes)
            memcpy(parts[i].at, m->data + at, parts[i].n_bytes);
        at += parts[i].n_bytes;
    }
    *s = h.state;
    s->n_resumed++;
    return 0;
}

int snapshot_read(const char *path, const struct cell *c, const struct steps *steps,
                  struct train_state *s, struct params *params, struct err *e)
{
    struct file_map m;

    if (!file_exists(path))
        return 0;
    if (file_map(&m, path, e))
        return -1;
    int bad = restore(&m, c, steps, s, params, e);
    file_unmap(&m);
    return bad ? err_wrap(e, "snapshot %s", path) : 1;
}
