#include "harness/snapshot.h"

#include "harness/base/sealed.h"
#include "models/tensor/gemm.h"

#include <string.h>

static const char MAGIC[] = "FTSNAP2";

/* What comes first, and tells the sizes of the rest. */
struct head {
    int64_t n_train;
    struct train_state state; /* pointers meaningless on disk */
};

enum { N_STRETCHES = 6 };

static void stretches_of(struct sealed_stretch out[N_STRETCHES], const struct train_state *s,
                         const struct params *p)
{
    size_t block = p->n_train * sizeof(float);
    out[0] = (struct sealed_stretch){s->steps, (size_t)s->step * sizeof *s->steps};
    out[1] = (struct sealed_stretch){s->epochs, (size_t)s->n_epochs * sizeof *s->epochs};
    out[2] = (struct sealed_stretch){s->best, s->best && s->best_epoch ? block : 0};
    out[3] = (struct sealed_stretch){p->adam.param, block};
    out[4] = (struct sealed_stretch){p->adam.m, block};
    out[5] = (struct sealed_stretch){p->adam.v, block};
}

static struct sealed_header header_of(const struct cell *c, const struct params *params)
{
    char kernels[SEALED_KERNELS_SIZE];
    return sealed_header_of(MAGIC, c->id, gemm_kernels(kernels, sizeof kernels, params->bfloat16));
}

int snapshot_write(const char *path, const struct cell *c, const struct train_state *s,
                   const struct params *params, struct err *e)
{
    struct sealed_header header = header_of(c, params);
    struct sealed_stretch parts[1 + N_STRETCHES];
    struct head head;

    memset(&head, 0, sizeof head);
    head.n_train = (int64_t)params->n_train;
    head.state = *s;
    head.state.steps = NULL;
    head.state.epochs = NULL;
    head.state.best = NULL;
    parts[0] = (struct sealed_stretch){&head, sizeof head};
    stretches_of(parts + 1, s, params);
    return sealed_write(path, &header, parts, 1 + N_STRETCHES, e)
               ? err_wrap(e, "snapshot of cell %s", c->id)
               : 0;
}

/* Whether a state read from disk can be one of this plan: the sizes of what
 * follows in the file, and of what is written later, come from it. */
static bool fits(const struct train_state *s, const struct steps *steps)
{
    return s->step >= 0 && s->step <= steps->n_steps && s->n_epochs >= 0 &&
           s->n_epochs <= steps->n_epochs && s->best_epoch >= 0 && s->best_epoch <= s->n_epochs &&
           s->n_resumed >= 0 && s->n_epochs == s->step / steps->steps_per_epoch;
}

static int restore(struct sealed *file, const struct steps *steps, struct train_state *s,
                   struct params *params, struct err *e)
{
    struct head head;
    struct sealed_stretch first = {&head, sizeof head}, parts[N_STRETCHES];

    if (sealed_take(file, &first, 1, false, e) != 0)
        return -1;
    if (head.n_train != (int64_t)params->n_train || !fits(&head.state, steps))
        return err_set(e, "made for another plan of this cell");
    head.state.steps = s->steps;
    head.state.epochs = s->epochs;
    head.state.best = s->best;
    stretches_of(parts, &head.state, params);
    if (sealed_take(file, parts, N_STRETCHES, true, e) != 0)
        return -1;
    *s = head.state;
    s->n_resumed++;
    return 0;
}

int snapshot_read(const char *path, const struct cell *c, const struct steps *steps,
                  struct train_state *s, struct params *params, struct err *e)
{
    struct sealed_header header = header_of(c, params);
    struct sealed file;

    if (!file_exists(path))
        return 0;
    if (sealed_open(&file, path, &header, "this cell", e) != 0)
        return err_wrap(e, "snapshot %s", path);
    int bad = restore(&file, steps, s, params, e);
    sealed_close(&file);
    return bad ? err_wrap(e, "snapshot %s", path) : 1;
}
