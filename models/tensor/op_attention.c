#include "harness/base/rng.h"
#include "models/tensor/gemm.h"
#include "models/tensor/lanes.h"
#include "models/tensor/mask.h"
#include "models/tensor/ops.h"
#include "models/tensor/rows.h"
#include "models/tensor/vmath.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* Probabilities are kept for backward, per sequence and head [Lq, stride], one
 * after another; stride is Lk rounded up to 16, what is beyond Lk is 0. They are never negative, so
 * the sign says what dropout did: a dropped probability is stored with its sign bit set, and no
 * mask is drawn twice. */
struct attention_record {
    struct tape_record base;
    struct attention a;
    struct tensor *y;
    float *probabilities;
};

/* One head of one sequence: where its rows start, how many, how far apart. */
struct head {
    int n_q, n_k, stride, width, dim, number;
    size_t q_at, k_at; /* floats into q, y and k, v */
    size_t p_at;       /* floats into the probabilities, words into dropout's mask */
};

/* The first head of sequence s, whose probabilities begin at p_at. */
static struct head first_head(const struct attention *a, int s, size_t p_at)
{
    struct head first = {.width = a->q->cols, .dim = a->q->cols / a->n_heads, .p_at = p_at};
    struct head *h = &first;
    h->n_q = a->q_offsets[s + 1] - a->q_offsets[s];
    h->n_k = a->k_offsets[s + 1] - a->k_offsets[s];
    h->stride = (int)lanes_room((size_t)h->n_k);
    h->q_at = (size_t)a->q_offsets[s] * (size_t)h->width;
    h->k_at = (size_t)a->k_offsets[s] * (size_t)h->width;
    return first;
}

static size_t cells(const struct head *h)
{
    return (size_t)h->n_q * (size_t)h->stride;
}

/* On by n heads of the same sequence. */
static void skip_heads(struct head *h, long n)
{
    h->p_at += cells(h) * (size_t)n;
    h->number += (int)n;
    h->q_at += (size_t)h->dim * (size_t)n;
    h->k_at += (size_t)h->dim * (size_t)n;
}

/* Floats: of all probabilities, of the largest head's, of the largest k^T, of the
 * most distances between a query and a key. */
struct sizes {
    size_t total, square, transposed, distances;
};

static size_t n_distances(const struct head *h)
{
    return (size_t)(h->n_q + h->n_k - 1);
}

/* Asserts what ops.h asks of lengths. */
static struct sizes measure(const struct attention *a)
{
    struct sizes z = {0};
    for (int s = 0; s < a->n_seq; s++) {
        struct head h = first_head(a, s, 0);
        assert(h.n_q > 0 && h.n_k > 0 && (a->mask == ATTENTION_FULL || h.n_k >= h.n_q));
        size_t transposed = (size_t)h.dim * (size_t)h.stride;
        z.total += cells(&h) * (size_t)a->n_heads;
        z.square = cells(&h) > z.square ? cells(&h) : z.square;
        z.transposed = transposed > z.transposed ? transposed : z.transposed;
        z.distances = n_distances(&h) > z.distances ? n_distances(&h) : z.distances;
    }
    return z;
}

/* Distances run from 1 - n_k to n_q - 1; the d-th of them lies where in the bias? */
static size_t bias_place(const struct attention *a, const struct head *h, size_t d)
{
    int distance = (int)d - (h->n_k - 1);
    distance = distance < -a->bias_span ? -a->bias_span : distance;
    distance = distance > a->bias_span ? a->bias_span : distance;
    int bucket = a->bias_bucket[distance + a->bias_span];
    assert(bucket >= 0 && bucket < a->bias->rows);
    return (size_t)bucket * (size_t)a->bias->cols + (size_t)h->number;
}

/* The scores of row i, in place, become probabilities. by_distance: the head's bias
 * of each distance, where there is one; row i sees those from the n_q - 1 - i th on. */
static void softmax_row(float *row, const struct attention *a, const struct head *h, int i,
                        const float *by_distance)
{
    int back = h->n_k - h->n_q; /* queries are the last of the keys' positions */
    int n_seen = a->mask == ATTENTION_CAUSAL ? i + back + 1 : h->n_k;
    if (a->bias != NULL)
        rows_add(row, by_distance + (h->n_q - 1 - i), n_seen, 1, 1);
    vec_softmax(row, (size_t)n_seen);
    for (int j = n_seen; j < h->n_k; j++)
        row[j] = 0;
}

enum { CHUNK = 1024 };

/* Marks what dropout takes in p; dropped[n] gets the probabilities as used. */
static void drop(float *restrict p, float *restrict dropped, size_t n, float rate,
                 const struct rng *place, size_t mask_at)
{
    uint32_t words[CHUNK];
    uint32_t below = mask_threshold(rate);
    float scale = 1.0f / (1.0f - rate);
    for (size_t start = 0; start < n; start += CHUNK) {
        size_t part = n - start < CHUNK ? n - start : CHUNK;
        rng_fill_u32(place, mask_at + start, words, part);
        for (size_t i = 0; i < part; i++) {
            float keep = p[start + i];
            p[start + i] = words[i] < below ? -keep : keep;
            dropped[start + i] = words[i] < below ? 0.0f : keep * scale;
        }
    }
}

/* out[n_q, stride] = alpha x m^T for x[n_q, dim], m[n_k, dim] with rows width
 * apart. m is transposed first: small products with a transposed right side are
 * slow in the library, those without are not (53 tokens, dim 64: 97 against 200
 * GFLOP/s of 232). */
static void product(float *out, const struct head *h, float alpha, const float *x, const float *m,
                    float *transposed)
{
    rows_transpose(transposed, m, h->n_k, h->dim, h->width, h->stride);
    gemm(&(struct gemm){.m = h->n_q,
                        .n = h->stride,
                        .k = h->dim,
                        .alpha = alpha,
                        .a = x,
                        .lda = h->width,
                        .b = transposed,
                        .ldb = h->stride,
                        .c = out,
                        .ldc = h->stride});
}

/* Scratch of one thread: a head's square twice, one k^T or v^T, and one value for each
 * distance. */
struct work {
    float *square, *other, *transposed, *by_distance;
};

static size_t work_floats(const struct sizes *z)
{
    return 2 * z->square + z->transposed + lanes_room(z->distances);
}

static struct work work_of(float *scratch, const struct sizes *z, int thread)
{
    struct work w = {.square = scratch + (size_t)thread * work_floats(z)};
    w.other = w.square + z->square;
    w.transposed = w.other + z->square;
    w.by_distance = w.transposed + z->transposed;
    return w;
}

/* y[head] = dropout(softmax(scale q k^T + bias)) v; p: [n_q, stride]. */
static void head_forward(const struct attention *a, const struct head *h, const struct rng *place,
                         float *y, float *p, const struct work *w)
{
    product(p, h, a->scale, a->q->data + h->q_at, a->k->data + h->k_at, w->transposed);
    for (size_t d = 0; a->bias != NULL && d < n_distances(h); d++)
        w->by_distance[d] = a->bias->data[bias_place(a, h, d)];
    for (int i = 0; i < h->n_q; i++)
        softmax_row(p + (size_t)i * (size_t)h->stride, a, h, i, w->by_distance);
    const float *used = p;
    if (place != NULL) {
        drop(p, w->square, cells(h), a->dropout, place, h->p_at);
        used = w->square;
    }
    gemm(&(struct gemm){.m = h->n_q,
                        .n = h->dim,
                        .k = h->n_k,
                        .alpha = 1,
                        .a = used,
                        .lda = h->stride,
                        .b = a->v->data + h->k_at,
                        .ldb = h->width,
                        .c = y + h->q_at,
                        .ldc = h->width});
}

struct forward {
    const struct attention *a;
    struct sizes z;
    struct rng place; /* of dropout */
    float *y;
    float *kept; /* the probabilities, or NULL */
    float *scratch;
};

/* Heads first .. end of every sequence. */
static void heads_forward(void *state, long first, long end, int thread)
{
    const struct forward *f = state;
    const struct attention *a = f->a;
    struct work w = work_of(f->scratch, &f->z, thread);
    size_t p_at = 0;
    for (int s = 0; s < a->n_seq; s++) {
        struct head h = first_head(a, s, p_at);
        p_at += cells(&h) * (size_t)a->n_heads;
        skip_heads(&h, first);
        for (; h.number < end; skip_heads(&h, 1))
            head_forward(a, &h, a->dropout > 0 ? &f->place : NULL, f->y,
                         f->kept != NULL ? f->kept + h.p_at : w.other, &w);
    }
}

/* Where a backward adds to, NULL where nobody asks, and with which beta. */
struct flows {
    float *dq, *dk, *dv, *dbias;
    float beta_q, beta_k, beta_v, beta_bias;
    const float *dy;
    const struct attention_record *r;
    struct sizes z;
    float *scratch;
};

/* Gradient of the scores before softmax, from work = d(dropped p): for each row
 * p o (dp - p . dp), dropout's part in it folded into used. */
static void score_gradients(float *restrict work, const float *restrict p,
                            const float *restrict used, const struct head *h)
{
    size_t n = (size_t)h->stride;
    for (int i = 0; i < h->n_q; i++, work += n, p += n, used += n) {
        float dot = vec_dot(work, used, n);
        for (size_t j = 0; j < n; j += N_LANES) {
            lanes flow = lanes_load(work + j) * lanes_load(used + j);
            lanes_store(work + j, flow - lanes_abs(lanes_load(p + j)) * dot);
        }
    }
}

static void bias_gradients(float *dbias, const float *dscore, const struct attention *a,
                           const struct head *h, float *by_distance)
{
    memset(by_distance, 0, n_distances(h) * sizeof *by_distance);
    for (int i = 0; i < h->n_q; i++)
        rows_add(by_distance + (h->n_q - 1 - i), dscore + (size_t)i * (size_t)h->stride, h->n_k, 1,
                 1);
    for (size_t d = 0; d < n_distances(h); d++)
        dbias[bias_place(a, h, d)] += by_distance[d];
}

/* dm[n_k, dim] = alpha s^T x + beta dm for s[n_q, stride], x[n_q, dim]. */
static void product_back(float *dm, float beta, const struct head *h, float alpha, const float *s,
                         const float *x)
{
    gemm(&(struct gemm){.transpose_a = true,
                        .m = h->n_k,
                        .n = h->dim,
                        .k = h->n_q,
                        .alpha = alpha,
                        .a = s,
                        .lda = h->stride,
                        .b = x,
                        .ldb = h->width,
                        .beta = beta,
                        .c = dm + h->k_at,
                        .ldc = h->width});
}

static void head_backward(const struct attention *a, const struct head *h, const struct flows *f,
                          const float *p, const struct work *w)
{
    const float *dy = f->dy + h->q_at, *used = p;
    if (a->dropout > 0) {
        float scale = 1.0f / (1.0f - a->dropout);
        for (size_t i = 0; i < cells(h); i++)
            w->other[i] = p[i] > 0 ? p[i] * scale : 0.0f;
        used = w->other;
    }
    if (f->dv != NULL)
        product_back(f->dv, f->beta_v, h, 1, used, dy);
    if (f->dq == NULL && f->dk == NULL && f->dbias == NULL)
        return;
    product(w->square, h, 1, dy, a->v->data + h->k_at, w->transposed);
    score_gradients(w->square, p, used, h);
    if (f->dbias != NULL)
        bias_gradients(f->dbias, w->square, a, h, w->by_distance);
    if (f->dq != NULL)
        gemm(&(struct gemm){.m = h->n_q,
                            .n = h->dim,
                            .k = h->n_k,
                            .alpha = a->scale,
                            .a = w->square,
                            .lda = h->stride,
                            .b = a->k->data + h->k_at,
                            .ldb = h->width,
                            .beta = f->beta_q,
                            .c = f->dq + h->q_at,
                            .ldc = h->width});
    if (f->dk != NULL)
        product_back(f->dk, f->beta_k, h, a->scale, w->square, a->q->data + h->q_at);
}

/* Heads first .. end of every sequence. A head's bias is its own, so its gradient is summed in
 * the order of the sequences whoever does it. */
static void heads_backward(void *state, long first, long end, int thread)
{
    const struct flows *f = state;
    const struct attention *a = &f->r->a;
    struct work w = work_of(f->scratch, &f->z, thread);
    size_t p_at = 0;
    for (int s = 0; s < a->n_seq; s++) {
        struct head h = first_head(a, s, p_at);
        p_at += cells(&h) * (size_t)a->n_heads;
        skip_heads(&h, first);
        for (; h.number < end; skip_heads(&h, 1))
            head_backward(a, &h, f, f->r->probabilities + h.p_at, &w);
    }
}

static void attention_backward(struct tape *t, void *record)
{
    struct attention_record *r = record;
    const struct attention *a = &r->a;
    if (r->y->grad == NULL)
        return;
    struct flows f = {.dy = r->y->grad};
    f.dq = tape_grad(t, a->q, &f.beta_q);
    f.dk = tape_grad(t, a->k, &f.beta_k);
    f.dv = tape_grad(t, a->v, &f.beta_v);
    f.dbias = tape_grad(t, a->bias, &f.beta_bias);
    f.r = r;
    f.z = measure(a);
    size_t n_scratch = work_floats(&f.z) * (size_t)pool_threads(t->pool);
    f.scratch = tape_scratch(t, n_scratch);
    if (f.dbias != NULL && f.beta_bias == 0 && !t->dry)
        memset(f.dbias, 0, (size_t)a->bias->rows * (size_t)a->bias->cols * sizeof *f.dbias);
    if (!t->dry)
        pool_run(t->pool, a->n_heads, 1, heads_backward, &f);
    tape_scratch_done(t, f.scratch, n_scratch);
    tape_grad_done(t, r->y);
}

static void check(const struct attention *a)
{
    assert(a->n_seq > 0 && a->n_heads > 0 && a->q->cols % a->n_heads == 0);
    assert(a->k->cols == a->q->cols && a->v->cols == a->q->cols && a->v->rows == a->k->rows);
    assert(a->q_offsets[0] == 0 && a->q_offsets[a->n_seq] == a->q->rows);
    assert(a->k_offsets[0] == 0 && a->k_offsets[a->n_seq] == a->k->rows);
    assert(a->dropout >= 0 && a->dropout < 1);
    assert(a->bias == NULL || a->bias->cols == a->n_heads);
}

struct tensor *op_attention(struct tape *t, const struct attention *attention)
{
    struct attention a = *attention;
    enum phase was = profile_enter(t->profile, PHASE_ATTENTION);
    check(&a);
    bool needs =
        tape_wants(t, a.q) || tape_wants(t, a.k) || tape_wants(t, a.v) || tape_wants(t, a.bias);
    if (!tape_drops(t, needs))
        a.dropout = 0;
    struct tensor *y = tape_tensor(t, a.q->rows, a.q->cols, needs);
    struct forward f = {&a,      measure(&a), {t->seed, RNG_DROPOUT, t->step, a.site},
                        y->data, NULL,        NULL};
    f.kept = needs ? tape_keep(t, f.z.total * sizeof *f.kept) : NULL;
    size_t n_scratch = work_floats(&f.z) * (size_t)pool_threads(t->pool);
    f.scratch = tape_scratch(t, n_scratch);
    if (!t->dry)
        pool_run(t->pool, a.n_heads, 1, heads_forward, &f);
    tape_scratch_done(t, f.scratch, n_scratch);
    if (needs) {
        struct attention_record *r = tape_push(t, sizeof *r, attention_backward);
        *r = (struct attention_record){r->base, a, y, f.kept};
        a.q->overwritable = a.k->overwritable = a.v->overwritable = false;
    }
    profile_enter(t->profile, was);
    return y;
}
