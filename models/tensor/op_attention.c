#include "harness/base/rng.h"
#include "models/tensor/gemm.h"
#include "models/tensor/mask.h"
#include "models/tensor/ops.h"
#include "models/tensor/vmath.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* Probabilities are kept for backward, [Lq, Lk] per sequence and head, one after
 * another. They are never negative, so the sign says what dropout did: a dropped
 * probability is stored with its sign bit set, and no mask is drawn twice. */
struct attention_record {
    struct tape_record base;
    struct attention a;
    struct tensor *y;
    float *probabilities;
};

/* One head of one sequence: where its rows start, how many, how far apart. */
struct head {
    int n_q, n_k, width, dim, number;
    size_t q_at, k_at; /* floats into q, y and k, v */
    size_t p_at;       /* floats into the probabilities */
    uint64_t mask_at;  /* words into the dropout mask, a multiple of 4 */
};

static struct head first_head(const struct attention *a)
{
    int n_q = a->q_offsets[1] - a->q_offsets[0], n_k = a->k_offsets[1] - a->k_offsets[0];
    return (struct head){
        .n_q = n_q, .n_k = n_k, .width = a->q->cols, .dim = a->q->cols / a->n_heads};
}

static size_t cells(const struct head *h)
{
    return (size_t)h->n_q * (size_t)h->n_k;
}

/* On to the next head of sequence s, or to the first of the next sequence. */
static void next_head(struct head *h, const struct attention *a, int *s)
{
    h->p_at += cells(h);
    h->mask_at += (cells(h) + 3) / 4 * 4;
    h->number++;
    h->q_at += (size_t)h->dim;
    h->k_at += (size_t)h->dim;
    if (h->number < a->n_heads || ++*s == a->n_seq)
        return;
    h->number = 0;
    h->n_q = a->q_offsets[*s + 1] - a->q_offsets[*s];
    h->n_k = a->k_offsets[*s + 1] - a->k_offsets[*s];
    h->q_at = (size_t)a->q_offsets[*s] * (size_t)h->width;
    h->k_at = (size_t)a->k_offsets[*s] * (size_t)h->width;
}

/* Size of all probabilities and of the largest head's. Asserts what ops.h asks. */
static size_t measure(const struct attention *a, size_t *largest)
{
    size_t total = 0;
    *largest = 0;
    for (int s = 0; s < a->n_seq; s++) {
        int n_q = a->q_offsets[s + 1] - a->q_offsets[s];
        int n_k = a->k_offsets[s + 1] - a->k_offsets[s];
        assert(n_q > 0 && n_k > 0 && (a->mask == ATTENTION_FULL || n_k >= n_q));
        size_t n = (size_t)n_q * (size_t)n_k;
        total += n * (size_t)a->n_heads;
        *largest = n > *largest ? n : *largest;
    }
    return total;
}

/* The scores of row i, in place, become probabilities. */
static void softmax_row(float *row, const struct attention *a, const struct head *h, int i)
{
    int back = h->n_k - h->n_q; /* queries are the last of the keys' positions */
    int n_seen = a->mask == ATTENTION_CAUSAL ? i + back + 1 : h->n_k;
    if (a->bias != NULL) {
        const float *bias = a->bias->data + (size_t)h->number * (size_t)a->bias->cols;
        for (int j = 0; j < n_seen; j++)
            row[j] += bias[a->bias_bucket[j - i - back + a->bias_span]];
    }
    vec_softmax(row, (size_t)n_seen);
    for (int j = n_seen; j < h->n_k; j++)
        row[j] = 0;
}

enum { CHUNK = 1024 };

/* Marks what dropout takes in p; dropped[n] gets the probabilities as used. */
static void drop(float *restrict p, float *restrict dropped, size_t n, float rate,
                 const struct rng *place, uint64_t mask_at)
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

/* y[head] = dropout(softmax(scale q k^T + bias)) v; p and work: [n_q, n_k]. */
static void head_forward(const struct attention *a, const struct head *h, const struct rng *place,
                         float *y, float *p, float *work)
{
    gemm(&(struct gemm){.transpose_b = true,
                        .m = h->n_q,
                        .n = h->n_k,
                        .k = h->dim,
                        .alpha = a->scale,
                        .a = a->q->data + h->q_at,
                        .lda = h->width,
                        .b = a->k->data + h->k_at,
                        .ldb = h->width,
                        .c = p,
                        .ldc = h->n_k});
    for (int i = 0; i < h->n_q; i++)
        softmax_row(p + (size_t)i * (size_t)h->n_k, a, h, i);
    const float *used = p;
    if (place != NULL) {
        drop(p, work, cells(h), a->dropout, place, h->mask_at);
        used = work;
    }
    gemm(&(struct gemm){.m = h->n_q,
                        .n = h->dim,
                        .k = h->n_k,
                        .alpha = 1,
                        .a = used,
                        .lda = h->n_k,
                        .b = a->v->data + h->k_at,
                        .ldb = h->width,
                        .c = y + h->q_at,
                        .ldc = h->width});
}

/* Where a backward adds to, NULL where nobody asks, and with which beta. */
struct flows {
    float *dq, *dk, *dv, *dbias;
    float beta_q, beta_k, beta_v, beta_bias;
    const float *dy;
};

/* Gradient of the scores before softmax, from work = d(dropped p): for each row
 * p o (dp - p . dp), dropout's part in it folded into used. */
static void score_gradients(float *restrict work, const float *restrict p,
                            const float *restrict used, const struct head *h)
{
    size_t n = (size_t)h->n_k;
    for (int i = 0; i < h->n_q; i++, work += n, p += n, used += n) {
        float dot = vec_dot(work, used, n);
        for (size_t j = 0; j < n; j++)
            work[j] = work[j] * used[j] - fabsf(p[j]) * dot;
    }
}

static void bias_gradients(float *dbias, const float *dscore, const struct attention *a,
                           const struct head *h)
{
    float *to = dbias + (size_t)h->number * (size_t)a->bias->cols;
    int back = h->n_k - h->n_q;
    for (int i = 0; i < h->n_q; i++)
        for (int j = 0; j < h->n_k; j++)
            to[a->bias_bucket[j - i - back + a->bias_span]] +=
                dscore[(size_t)i * (size_t)h->n_k + (size_t)j];
}

static void head_backward(const struct attention *a, const struct head *h, const struct flows *f,
                          const float *p, float *work, float *dropped)
{
    const float *dy = f->dy + h->q_at, *used = p;
    if (a->dropout > 0) {
        float scale = 1.0f / (1.0f - a->dropout);
        for (size_t i = 0; i < cells(h); i++)
            dropped[i] = p[i] > 0 ? p[i] * scale : 0.0f;
        used = dropped;
    }
    if (f->dv != NULL)
        gemm(&(struct gemm){.transpose_a = true,
                            .m = h->n_k,
                            .n = h->dim,
                            .k = h->n_q,
                            .alpha = 1,
                            .a = used,
                            .lda = h->n_k,
                            .b = dy,
                            .ldb = h->width,
                            .beta = f->beta_v,
                            .c = f->dv + h->k_at,
                            .ldc = h->width});
    if (f->dq == NULL && f->dk == NULL && f->dbias == NULL)
        return;
    gemm(&(struct gemm){.transpose_b = true,
                        .m = h->n_q,
                        .n = h->n_k,
                        .k = h->dim,
                        .alpha = 1,
                        .a = dy,
                        .lda = h->width,
                        .b = a->v->data + h->k_at,
                        .ldb = h->width,
                        .c = work,
                        .ldc = h->n_k});
    score_gradients(work, p, used, h);
    if (f->dbias != NULL)
        bias_gradients(f->dbias, work, a, h);
    if (f->dq != NULL)
        gemm(&(struct gemm){.m = h->n_q,
                            .n = h->dim,
                            .k = h->n_k,
                            .alpha = a->scale,
                            .a = work,
                            .lda = h->n_k,
                            .b = a->k->data + h->k_at,
                            .ldb = h->width,
                            .beta = f->beta_q,
                            .c = f->dq + h->q_at,
                            .ldc = h->width});
    if (f->dk != NULL)
        gemm(&(struct gemm){.transpose_a = true,
                            .m = h->n_k,
                            .n = h->dim,
                            .k = h->n_q,
                            .alpha = a->scale,
                            .a = work,
                            .lda = h->n_k,
                            .b = a->q->data + h->q_at,
                            .ldb = h->width,
                            .beta = f->beta_k,
                            .c = f->dk + h->k_at,
                            .ldc = h->width});
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
    size_t largest;
    measure(a, &largest);
    float *work = tape_scratch(t, largest), *dropped = tape_scratch(t, largest);
    if (f.dbias != NULL && f.beta_bias == 0 && !t->dry)
        memset(f.dbias, 0, (size_t)a->bias->rows * (size_t)a->bias->cols * sizeof *f.dbias);
    struct head h = first_head(a);
    for (int s = 0; s < a->n_seq && !t->dry; next_head(&h, a, &s))
        head_backward(a, &h, &f, r->probabilities + h.p_at, work, dropped);
    tape_scratch_done(t, dropped, largest);
    tape_scratch_done(t, work, largest);
    tape_grad_done(t, r->y);
}

static void check(const struct attention *a)
{
    assert(a->n_seq > 0 && a->n_heads > 0 && a->q->cols % a->n_heads == 0);
    assert(a->k->cols == a->q->cols && a->v->cols == a->q->cols && a->v->rows == a->k->rows);
    assert(a->q_offsets[0] == 0 && a->q_offsets[a->n_seq] == a->q->rows);
    assert(a->k_offsets[0] == 0 && a->k_offsets[a->n_seq] == a->k->rows);
    assert(a->dropout >= 0 && a->dropout < 1);
    assert(a->bias == NULL || a->bias->rows == a->n_heads);
}

struct tensor *op_attention(struct tape *t, const struct attention *attention)
{
    struct attention a = *attention;
    if (!t->training)
        a.dropout = 0;
    check(&a);
    bool needs =
        tape_wants(t, a.q) || tape_wants(t, a.k) || tape_wants(t, a.v) || tape_wants(t, a.bias);
    struct tensor *y = tape_tensor(t, a.q->rows, a.q->cols, needs);
    size_t largest, total = measure(&a, &largest);
    float *kept = needs ? tape_keep(t, total * sizeof *kept) : NULL;
    float *work = tape_scratch(t, largest), *once = tape_scratch(t, largest);
    struct rng place = {t->seed, RNG_DROPOUT, t->step, a.site};
    struct head h = first_head(&a);
    for (int s = 0; s < a.n_seq && !t->dry; next_head(&h, &a, &s))
        head_forward(&a, &h, a.dropout > 0 ? &place : NULL, y->data, needs ? kept + h.p_at : once,
                     work);
    tape_scratch_done(t, once, largest);
    tape_scratch_done(t, work, largest);
    if (needs) {
        struct attention_record *r = tape_push(t, sizeof *r, attention_backward);
        *r = (struct attention_record){r->base, a, y, kept};
        a.q->overwritable = a.k->overwritable = a.v->overwritable = false;
    }
    return y;
}
