/*
 * ops: the arithmetic a transformer is made of, forward beside backward.
 *
 * T: tokens of a packed batch (no padding anywhere). S: sequences. H: width.
 * All tensors are row-major float32; ids, offsets and labels are borrowed and
 * must live until the tape begins anew. Every op computes its result at once,
 * records itself when a gradient is needed, and obeys tape.h (no gradient, no
 * cost; dry, no arithmetic). Sums run in a fixed order: the same inputs give
 * the same bits with any compiler, vector width and number of threads of ours.
 * Gradients for d<x>: added to what is there, in the order of the tape.
 */
#ifndef FT_MODELS_TENSOR_OPS_H
#define FT_MODELS_TENSOR_OPS_H

#include "models/tensor/tape.h"

/* y[T, out] = x[T, in] W[out, in]^T + b[1, out]; b may be NULL. */
struct tensor *op_linear(struct tape *t, struct tensor *x, struct tensor *w, struct tensor *b);

/* y + scale * x W^T, taking over the buffer of y (which must be overwritable):
 * the second half of a low-rank branch. Shapes as op_linear. */
struct tensor *op_linear_onto(struct tape *t, struct tensor *y, struct tensor *x, struct tensor *w,
                              float scale);

enum act { ACT_GELU, ACT_GELU_TANH, ACT_TANH, ACT_RELU, ACT_COUNT };
/* Names as in transformers' hidden_act: "gelu", "gelu_new", "tanh", "relu". */
extern const char *const act_names[]; /* [ACT_COUNT] and NULL */

/* GELU: x Phi(x), Phi by erf (Hendrycks, Gimpel, arXiv 1606.08415, eq. 1) or by
 * the tanh form of section 2. */
struct tensor *op_act(struct tape *t, struct tensor *x, enum act act);

/* act(x) times gate, elementwise, two tensors of one shape: the gated feed-forward
 * of Shazeer, arXiv 2002.05202, eq. 5 and 6. */
struct tensor *op_gated_act(struct tape *t, struct tensor *x, struct tensor *gate, enum act act);

/* Layer norm over the columns (Ba, Kiros, Hinton, arXiv 1607.06450, eq. 4):
 * gamma * (x - mean) / sqrt(var + eps) + beta, biased variance. */
struct tensor *op_layer_norm(struct tape *t, struct tensor *x, struct tensor *gamma,
                             struct tensor *beta, float eps);

/* RMS norm (Zhang, Sennrich, arXiv 1910.07467, eq. 4): gamma * x / sqrt(mean of x^2 + eps). */
struct tensor *op_rms_norm(struct tape *t, struct tensor *x, struct tensor *gamma, float eps);

/* x / (1 - p) where the mask of (seed, stream, step, site) keeps it, else 0
 * (Srivastava et al. 2014, inverted). p = 0, not training, or frozen and to be
 * spared (tape_drops): x itself. stream is an enum rng_stream. */
struct tensor *op_dropout(struct tape *t, struct tensor *x, float p, int stream, uint32_t site);

/* op_add(op_dropout(x), onto) in one pass: what a sub-layer made joins the residual stream. */
struct tensor *op_dropout_onto(struct tape *t, struct tensor *x, struct tensor *onto, float p,
                               int stream, uint32_t site);

struct tensor *op_add(struct tape *t, struct tensor *a, struct tensor *b); /* same shape */
struct tensor *op_scale(struct tape *t, struct tensor *x, float factor);
/* Each row of x[T, H] times l[1, H], elementwise: (IA)3's rescaling. */
struct tensor *op_scale_columns(struct tape *t, struct tensor *x, struct tensor *l);

/* Rows ids[0..n) of table[V, H]. An id outside is our bug (assert). */
struct tensor *op_embedding(struct tape *t, struct tensor *table, const int *ids, int n);

/* Rows rows[0..n) of x[T, H]: e.g. the first token of each sequence. */
struct tensor *op_gather(struct tape *t, struct tensor *x, const int *rows, int n);

/* Mean of each sequence's rows: [T, H] -> [S, H]. offsets[S + 1]. */
struct tensor *op_mean_rows(struct tape *t, struct tensor *x, const int *offsets, int n_seq);

/* The n rows of prefix[n, H] in front of each of the S sequences of x[T, H]:
 * [T + S n, H]. offsets[S + 1] are those of x. */
struct tensor *op_prepend(struct tape *t, struct tensor *prefix, struct tensor *x,
                          const int *offsets, int n_seq);

enum attention_mask { ATTENTION_FULL, ATTENTION_CAUSAL };

/* What one attention reads. q[Tq, n_heads * head_dim]; k, v[Tk, same]. Queries
 * of sequence s are rows q_offsets[s] .. q_offsets[s + 1], keys likewise, so
 * self-attention, cross-attention and prefixes differ in offsets only. */
struct attention {
    struct tensor *q, *k, *v;
    const int *q_offsets, *k_offsets; /* [n_seq + 1] */
    int n_seq, n_heads;
    float scale;              /* of the scores: 1 / sqrt(head_dim), or 1 for T5 */
    enum attention_mask mask; /* CAUSAL: query i sees keys up to i + Lk - Lq */
    struct tensor *bias;      /* relative position bias [n_buckets, n_heads], or NULL */
    const int *bias_bucket;   /* [2 bias_span + 1] bucket of distance (key - query) +
                                 bias_span; the queries are the last of the keys' positions */
    int bias_span;            /* what is further away counts as bias_span away */
    float dropout;            /* of the probabilities */
    uint32_t site;            /* for its mask, stream RNG_DROPOUT */
};

/* softmax(scale q k^T + bias) v, per head and sequence (Vaswani et al., arXiv
 * 1706.03762, eq. 1): [Tq, n_heads * head_dim]. */
struct tensor *op_attention(struct tape *t, const struct attention *a);

/* Sum over rows of -log softmax(logits[S, C])[label] (nats) times weight:
 * [1, 1]. Labels outside 0..C-1 are our bug (assert). Summed in double. */
struct tensor *op_cross_entropy(struct tape *t, struct tensor *logits, const int *labels,
                                float weight);

#endif
