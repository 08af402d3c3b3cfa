#include "harness/engine.h"

#include <string.h>

void engine_init(struct engine *g, struct tuned *tuned, int max_tok, int max_seq, uint64_t seed,
                 struct arena *a)
{
    memset(g, 0, sizeof *g);
    g->tuned = tuned;
    g->model = tuned->model;
    g->seed = seed;
    slab_init_dry(&g->slab);
    tape_init(&g->tape, &g->slab, ENGINE_RECORDS_BYTES);
    packer_init(&g->packer, max_tok, max_seq, a);
}

/* Forward, and backward when training; the tape is dry or not. */
static struct tensor *pass(struct engine *g, const struct batch *b, bool training, float weight,
                           uint32_t step)
{
    tape_begin(&g->tape, training, g->seed, step);
    struct tensor *logits = model_logits(g->model, &g->tape, b, &g->tuned->hooks);
    if (!training)
        return logits;
    struct tensor *loss = op_cross_entropy(&g->tape, logits, b->labels, weight);
    tape_backward(&g->tape, loss, 1);
    return loss;
}

void engine_measure(struct engine *g, const struct feed *f, const int *rows, int n, bool training)
{
    struct batch b = packer_pack(&g->packer, f, rows, n);
    pass(g, &b, training, 1, 0);
    if (g->slab.peak_bytes > g->needed_bytes)
        g->needed_bytes = g->slab.peak_bytes;
}

void engine_allocate(struct engine *g)
{
    tape_release(&g->tape);
    slab_release(&g->slab);
    slab_init(&g->slab, g->needed_bytes);
    tape_init(&g->tape, &g->slab, ENGINE_RECORDS_BYTES);
}

void engine_release(struct engine *g)
{
    tape_release(&g->tape);
    slab_release(&g->slab);
}

double engine_train(struct engine *g, const struct feed *f, const int *rows, int n, float weight,
                    uint32_t step)
{
    struct batch b = packer_pack(&g->packer, f, rows, n);
    return pass(g, &b, true, weight, step)->data[0];
}

void engine_evaluate(struct engine *g, const struct feed *f, const struct batches *order,
                     struct scores *s)
{
    size_t n_classes = (size_t)f->n_classes;
    for (int i = 0; i < order->n; i++) {
        const int *rows = order->rows + order->start[i];
        int n = order->start[i + 1] - order->start[i];
        struct batch b = packer_pack(&g->packer, f, rows, n);
        const float *y = pass(g, &b, false, 0, 0)->data;
        for (int j = 0; j < n; j++)
            memcpy(s->logits + (size_t)rows[j] * n_classes, y + (size_t)j * n_classes,
                   n_classes * sizeof *y);
    }
    for (int i = 0; i < f->n; i++)
        s->predicted[i] = metrics_argmax(s->logits + (size_t)i * n_classes, f->n_classes);
}
