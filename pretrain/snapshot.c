/* A pre-training's state on disk (pretrain.h, pretrain_snapshot_write). */
#include "harness/base/sealed.h"
#include "models/tensor/gemm.h"
#include "pretrain/pretrain.h"

#include <string.h>

static const char MAGIC[] = "FTPRET1";

/* What comes first, and tells the sizes of the rest. */
struct head {
    int64_t n_train;
    struct pretrain_state state; /* its pointer meaningless on disk */
};

enum { N_STRETCHES = 4 };

static void stretches_of(struct sealed_stretch out[N_STRETCHES], const struct pretrain_state *s,
                         const struct params *params)
{
    size_t block = params->n_train * sizeof(float);
    out[0] = (struct sealed_stretch){s->points, (size_t)s->n_points * sizeof *s->points};
    out[1] = (struct sealed_stretch){params->adam.param, block};
    out[2] = (struct sealed_stretch){params->adam.m, block};
    out[3] = (struct sealed_stretch){params->adam.v, block};
}

static struct sealed_header header_of(const struct pretrain *p, const char *id)
{
    char kernels[SEALED_KERNELS_SIZE];
    return sealed_header_of(MAGIC, id,
                            gemm_kernels(kernels, sizeof kernels, p->model.params.bfloat16));
}

int pretrain_snapshot_write(const struct pretrain *p, const char *path, const char *id,
                            struct err *e)
{
    struct sealed_header header = header_of(p, id);
    struct sealed_stretch parts[1 + N_STRETCHES];
    struct head head;

    memset(&head, 0, sizeof head);
    head.n_train = (int64_t)p->model.params.n_train;
    head.state = p->state;
    head.state.points = NULL;
    parts[0] = (struct sealed_stretch){&head, sizeof head};
    stretches_of(parts + 1, &p->state, &p->model.params);
    return sealed_write(path, &header, parts, 1 + N_STRETCHES, e)
               ? err_wrap(e, "snapshot of pre-training %s", id)
               : 0;
}

/* Whether a state read from disk can be one of this training. */
static bool fits(const struct pretrain_state *s, const struct pretrain *p)
{
    long eval_steps = option_int(p->options, "eval_steps");
    if (s->step < 0 || s->step > p->train.n_steps || s->n_resumed < 0)
        return false;
    long looks = s->step / eval_steps + 1;
    if (s->step == p->train.n_steps && s->step % eval_steps != 0)
        looks++;
    return s->n_points == looks;
}

static int restore(struct sealed *file, struct pretrain *p, struct err *e)
{
    struct head head;
    struct sealed_stretch first = {&head, sizeof head}, parts[N_STRETCHES];

    if (sealed_take(file, &first, 1, false, e) != 0)
        return -1;
    if (head.n_train != (int64_t)p->model.params.n_train || !fits(&head.state, p))
        return err_set(e, "made for another plan of this pre-training");
    head.state.points = p->state.points;
    stretches_of(parts, &head.state, &p->model.params);
    if (sealed_take(file, parts, N_STRETCHES, true, e) != 0)
        return -1;
    p->state = head.state;
    p->state.n_resumed++;
    return 0;
}

int pretrain_snapshot_read(struct pretrain *p, const char *path, const char *id, struct err *e)
{
    struct sealed_header header = header_of(p, id);
    struct sealed file;

    if (!file_exists(path))
        return 0;
    if (sealed_open(&file, path, &header, "this pre-training", e) != 0)
        return err_wrap(e, "snapshot %s", path);
    int bad = restore(&file, p, e);
    sealed_close(&file);
    return bad ? err_wrap(e, "snapshot %s", path) : 1;
}
