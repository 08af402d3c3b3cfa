/*
 * twin: every op once more, naive and in double precision, for tests of ops.
 *
 * Same shapes and meaning as models/tensor/ops.h; nothing here is shared with it
 * but the random words of dropout.
 */
#ifndef FT_TESTS_MODELS_TENSOR_TWIN_H
#define FT_TESTS_MODELS_TENSOR_TWIN_H

#include "harness/base/rng.h"
#include "models/tensor/ops.h"

#include <math.h>
#include <stdlib.h>

/* y[T, out] = beta y + scale x W^T + b */
static inline void twin_linear(double *y, const double *x, const double *w, const double *b,
                               int n_rows, int n_in, int n_out, double scale, double beta)
{
    for (int i = 0; i < n_rows; i++)
        for (int o = 0; o < n_out; o++) {
            double sum = 0;
            for (int k = 0; k < n_in; k++)
                sum += x[i * n_in + k] * w[o * n_in + k];
            double *to = &y[i * n_out + o];
            *to = scale * sum + (b != NULL ? b[o] : 0) + (beta == 0 ? 0 : beta * *to);
        }
}

static inline double twin_act(double x, enum act act)
{
    const double pi = acos(-1);
    switch (act) {
    case ACT_GELU:
        return 0.5 * x * erfc(-x / sqrt(2));
    case ACT_GELU_TANH:
        return 0.5 * x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x * x * x)));
    case ACT_TANH:
        return tanh(x);
    case ACT_RELU:
        return x > 0 ? x : 0;
    case ACT_COUNT:
        break;
    }
    return NAN;
}

static inline void twin_layer_norm(double *y, const double *x, const double *gamma,
                                   const double *beta, int n_rows, int n, double eps)
{
    for (int i = 0; i < n_rows; i++, x += n, y += n) {
        double mean = 0, var = 0;
        for (int k = 0; k < n; k++)
            mean += x[k] / n;
        for (int k = 0; k < n; k++)
            var += (x[k] - mean) * (x[k] - mean) / n;
        for (int k = 0; k < n; k++)
            y[k] = (x[k] - mean) / sqrt(var + eps) * gamma[k] + beta[k];
    }
}

/* Dropped, by the word at index of the place? */
static inline int twin_dropped(const struct rng *place, uint64_t index, double p)
{
    return rng_u32(place, index) < p * 4294967296.0;
}

/* As op_attention, place NULL for no dropout; bias [n_buckets, n_heads]. */
static inline void twin_attention(double *y, const double *q, const double *k, const double *v,
                                  const double *bias, const struct attention *a, int width,
                                  const struct rng *place)
{
    int dim = width / a->n_heads;
    uint64_t mask_at = 0;
    for (int s = 0; s < a->n_seq; s++)
        for (int h = 0; h < a->n_heads; h++) {
            int n_q = a->q_offsets[s + 1] - a->q_offsets[s];
            int n_k = a->k_offsets[s + 1] - a->k_offsets[s];
            for (int i = 0; i < n_q; i++) {
                const double *query = q + (a->q_offsets[s] + i) * width + h * dim;
                double *p = calloc((size_t)n_k, sizeof *p), sum = 0, max = -INFINITY;
                for (int j = 0; j < n_k; j++) {
                    const double *key = k + (a->k_offsets[s] + j) * width + h * dim;
                    int distance = j - (i + n_k - n_q);
                    double score = 0;
                    for (int d = 0; d < dim; d++)
                        score += query[d] * key[d];
                    score *= a->scale;
                    int near = distance > a->bias_span    ? a->bias_span
                               : distance < -a->bias_span ? -a->bias_span
                                                          : distance;
                    if (bias != NULL)
                        score += bias[a->bias_bucket[near + a->bias_span] * a->n_heads + h];
                    if (a->mask == ATTENTION_CAUSAL && distance > 0)
                        score = -INFINITY;
                    p[j] = score;
                    max = fmax(max, score);
                }
                for (int j = 0; j < n_k; j++)
                    sum += p[j] = exp(p[j] - max);
                double *out = y + (a->q_offsets[s] + i) * width + h * dim;
                for (int d = 0; d < dim; d++)
                    out[d] = 0;
                for (int j = 0; j < n_k; j++) {
                    double use = p[j] / sum;
                    uint64_t word = mask_at + (uint64_t)(i * ((n_k + 15) / 16 * 16) + j);
                    if (place != NULL)
                        use = twin_dropped(place, word, a->dropout) ? 0 : use / (1 - a->dropout);
                    for (int d = 0; d < dim; d++)
                        out[d] += use * v[(a->k_offsets[s] + j) * width + h * dim + d];
                }
                free(p);
            }
            mask_at += (uint64_t)(n_q * ((n_k + 15) / 16 * 16));
        }
}

static inline double twin_cross_entropy(const double *logits, const int *labels, int n_rows, int n)
{
    double loss = 0;
    for (int i = 0; i < n_rows; i++) {
        double sum = 0;
        for (int k = 0; k < n; k++)
            sum += exp(logits[i * n + k]);
        loss += log(sum) - logits[i * n + labels[i]];
    }
    return loss;
}

#endif
