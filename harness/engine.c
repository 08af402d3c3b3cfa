#include "harness/engine.h"

#include "models/tensor/gemm.h"

#include <assert.h>
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
    if (model_says_text(g->model)) {
        g->nll = arena_array(a, (size_t)max_tok, sizeof *g->nll);
        g->best = arena_array(a, (size_t)max_tok, sizeof *g->best);
    }
}

void engine_share(struct engine *g, struct pool *pool)
{
    g->pool = g->tape.pool = pool;
}

static void begin(struct engine *g, bool training, uint32_t step)
{
    g->tape.spare_frozen = g->spare_frozen;
    g->tape.recompute = g->recompute;
    tape_begin(&g->tape, training, g->seed, step);
}

/* Some rows of a feed, packed. */
struct part {
    const struct feed *feed;
    const int *rows; /* [batch.n_seq] */
    struct batch batch;
};

static struct part pack(struct engine *g, const struct feed *f, const int *rows, int n,
                        enum pack pack)
{
    return (struct part){f, rows, packer_pack(&g->packer, f, rows, n, pack)};
}

/* From what the classifier reads, where that is known. */
static struct tensor *logits_of(struct engine *g, const struct part *p)
{
    const float *features = p->feed->features;
    if (!features)
        return model_logits(g->model, &g->tape, &p->batch, &g->tuned->hooks);
    struct tensor *x = tape_tensor(&g->tape, p->batch.n_seq, model_width(g->model), false);
    size_t width = (size_t)x->cols;
    for (int i = 0; i < x->rows && !g->tape.dry; i++)
        memcpy(x->data + (size_t)i * width, features + (size_t)p->rows[i] * width,
               width * sizeof *x->data);
    return model_classify(g->model, &g->tape, x);
}

/* Forward and backward; the tape is dry or not. */
static double learn(struct engine *g, const struct part *p, float weight, uint32_t step)
{
    const struct batch *b = &p->batch;
    const int *answers = model_says_text(g->model) ? b->target_ids : b->labels;

    enum phase was = profile_enter(g->tape.profile, PHASE_POINTWISE);
    begin(g, true, step);
    struct tensor *logits = logits_of(g, p);
    struct tensor *loss = op_cross_entropy(&g->tape, logits, answers, weight);
    tape_backward(&g->tape, loss, 1);
    profile_enter(g->tape.profile, was);
    return g->tape.dry ? 0 : loss->data[0];
}

/* Forward alone. */
static struct tensor *judge(struct engine *g, const struct part *p)
{
    begin(g, false, 0);
    return logits_of(g, p);
}

static struct tensor *read_features(struct engine *g, const struct batch *b)
{
    begin(g, false, 0);
    return model_features(g->model, &g->tape, b, &g->tuned->hooks);
}

static void generate(struct engine *g, const struct batch *b, struct generated *out)
{
    begin(g, false, 0);
    seq2seq_generate(g->model, &g->tape, b, &g->tuned->hooks, out);
}

static void note_need(struct engine *g)
{
    if (g->slab.peak_bytes > g->needed_bytes)
        g->needed_bytes = g->slab.peak_bytes;
}

void engine_measure(struct engine *g, const struct feed *f, const int *rows, int n,
                    enum engine_task task)
{
    struct part p = pack(g, f, rows, n, task == ENGINE_TRAIN ? PACK_ANSWER : PACK_CANDIDATES);

    if (task == ENGINE_TRAIN)
        learn(g, &p, 1, 0);
    else if (task == ENGINE_FEATURES)
        read_features(g, &p.batch);
    else
        judge(g, &p);
    note_need(g);
    if (task == ENGINE_GENERATE && model_says_text(g->model)) {
        struct generated out = {.max_new_tokens = f->targets->longest + 1}; /* says nothing */
        generate(g, &p.batch, &out);
        note_need(g);
    }
}

void engine_allocate(struct engine *g)
{
    tape_release(&g->tape);
    slab_release(&g->slab);
    slab_init(&g->slab, g->needed_bytes);
    tape_init(&g->tape, &g->slab, ENGINE_RECORDS_BYTES);
    if (g->model->params.bfloat16)
        g->half = gemm_half_new(pool_threads(g->pool));
    g->tape.half = g->half;
    g->tape.pool = g->pool;
    g->tape.profile = g->profile;
}

void engine_release(struct engine *g)
{
    gemm_half_free(g->half);
    tape_release(&g->tape);
    slab_release(&g->slab);
}

double engine_train(struct engine *g, const struct feed *f, const int *rows, int n, float weight,
                    uint32_t step)
{
    enum phase was = profile_enter(g->profile, PHASE_DATA);
    struct part p = pack(g, f, rows, n, PACK_ANSWER);
    profile_enter(g->profile, was);
    return learn(g, &p, weight, step);
}

void engine_features(struct engine *g, const struct feed *f, const struct batches *order,
                     float *out)
{
    for (int i = 0; i < order->n; i++) {
        const int *rows = order->rows + order->start[i];
        struct part p = pack(g, f, rows, order->start[i + 1] - order->start[i], PACK_CANDIDATES);
        const struct tensor *x = read_features(g, &p.batch);
        size_t width = (size_t)x->cols;
        assert(x->rows == p.batch.n_seq && x->cols == model_width(g->model));
        for (int j = 0; j < x->rows; j++)
            memcpy(out + (size_t)rows[j] * width, x->data + (size_t)j * width, width * sizeof *out);
    }
}

/* Scores of one row whose target tokens of all classes begin at place `at` of the batch. */
static void take_candidates(const struct engine *g, const struct feed *f, int row, int at,
                            struct scores *s)
{
    float *logits = s->logits + (size_t)row * (size_t)f->n_classes;

    for (int c = 0; c < f->n_classes; c++) {
        double sum = 0;
        int length = s->target_length[c];
        for (int k = 0; k < length; k++)
            sum -= (double)g->nll[at + k];
        logits[c] = (float)sum;
        if (c == f->labels[row]) {
            memcpy(s->nll + s->offsets[row], g->nll + at, (size_t)length * sizeof *s->nll);
            memcpy(s->predicted_ids + s->offsets[row], g->best + at,
                   (size_t)length * sizeof *s->predicted_ids);
        }
        at += length;
    }
}

/* Scores of one batch, the rows of which are rows[0..b->n_seq). */
static void take(const struct engine *g, const struct feed *f, const int *rows,
                 const struct batch *b, const struct tensor *logits, struct scores *s)
{
    size_t n_classes = (size_t)f->n_classes;

    if (!f->targets) {
        for (int j = 0; j < b->n_seq; j++)
            memcpy(s->logits + (size_t)rows[j] * n_classes, logits->data + (size_t)j * n_classes,
                   n_classes * sizeof *s->logits);
        return;
    }
    seq2seq_token_scores(logits, b->target_ids, g->nll, g->best);
    for (int j = 0; j < b->n_seq; j++)
        take_candidates(g, f, rows[j], b->target_offsets[b->target_starts[j]], s);
}

/* Greedy decoding's words of all rows, from where batches left them. */
static void sort_generated(struct scores *s, const struct batches *order)
{
    size_t room = (size_t)s->generated.max_new_tokens;

    for (int i = 0; i < order->n_rows; i++) {
        size_t row = (size_t)order->rows[i];
        s->generated.n_ids[row] = s->by_batch.n_ids[i];
        memcpy(s->generated.ids + row * room, s->by_batch.ids + (size_t)i * room,
               room * sizeof *s->generated.ids);
    }
}

void engine_evaluate(struct engine *g, const struct feed *f, const struct batches *order,
                     struct scores *s)
{
    int room = s->generated.max_new_tokens;

    params_round(&g->model->params);
    for (int i = 0; i < order->n; i++) {
        int first = order->start[i], n = order->start[i + 1] - first;
        const int *rows = order->rows + first;
        struct part p = pack(g, f, rows, n, PACK_CANDIDATES);
        take(g, f, rows, &p.batch, judge(g, &p), s);
        if (room) {
            struct generated said = {.max_new_tokens = room,
                                     .ids = s->by_batch.ids + (size_t)first * (size_t)room,
                                     .n_ids = s->by_batch.n_ids + first};
            generate(g, &p.batch, &said);
        }
    }
    if (room)
        sort_generated(s, order);
    for (int i = 0; i < f->n; i++)
        s->predicted[i] =
            metrics_argmax(s->logits + (size_t)i * (size_t)f->n_classes, f->n_classes);
}
