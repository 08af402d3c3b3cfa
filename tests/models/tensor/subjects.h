/*
 * subjects: each op as the tests run it, the engine's beside its twin's.
 *
 * One op_case is one row of the table of test_ops.c: shapes, a pair of functions,
 * tolerances. For tests only.
 */
#ifndef FT_TESTS_MODELS_TENSOR_SUBJECTS_H
#define FT_TESTS_MODELS_TENSOR_SUBJECTS_H

#include "tests/models/tensor/twin.h"

#include <criterion/criterion.h>
#include <string.h>

enum { MAX_INPUTS = 5 };

struct op_case {
    const char *name;
    int shape[MAX_INPUTS][2]; /* of the inputs, rows 0: no more */
    int y[2];                 /* of the result */
    struct tensor *(*engine)(struct tape *t, struct tensor **in, const struct op_case *c);
    void (*twin)(double *y, double **in, const struct op_case *c);
    /* Largest error allowed, as a share of the largest magnitude: float32 sums
     * of up to about 100 terms lose 1e-6. */
    double tolerance, grad_tolerance;
    int variant;
    const int *offsets, *k_offsets, *ids;
    int n_seq, n_heads;
    float dropout;
};

static int size_of(const int shape[2])
{
    return shape[0] * shape[1];
}

/* Values in [-1, 1], a function of place only. */
static double draw(uint32_t site, int index)
{
    struct rng place = {17, RNG_INIT, 3, site};
    return 2.0 * rng_uniform(&place, (uint64_t)index) - 1;
}

/* --- the ops under test, engine beside twin ----------------------------------- */

static struct tensor *linear_engine(struct tape *t, struct tensor **in, const struct op_case *c)
{
    return op_linear(t, in[0], in[1], c->variant ? in[2] : NULL);
}

static void linear_twin(double *y, double **in, const struct op_case *c)
{
    twin_linear(y, in[0], in[1], c->variant ? in[2] : NULL, c->y[0], c->shape[0][1], c->y[1], 1, 0);
}

/* inputs: x, w, b, z, w of the branch */
static struct tensor *onto_engine(struct tape *t, struct tensor **in, const struct op_case *c)
{
    (void)c;
    struct tensor *y = op_linear(t, in[0], in[1], in[2]);
    return op_linear_onto(t, y, in[3], in[4], 0.75f);
}

static void onto_twin(double *y, double **in, const struct op_case *c)
{
    twin_linear(y, in[0], in[1], in[2], c->y[0], c->shape[0][1], c->y[1], 1, 0);
    twin_linear(y, in[3], in[4], NULL, c->y[0], c->shape[3][1], c->y[1], 0.75, 1);
}

static struct tensor *act_engine(struct tape *t, struct tensor **in, const struct op_case *c)
{
    return op_act(t, op_scale(t, in[0], 4), (enum act)c->variant);
}

static void act_twin(double *y, double **in, const struct op_case *c)
{
    for (int i = 0; i < size_of(c->y); i++)
        y[i] = twin_act(4 * in[0][i], (enum act)c->variant);
}

/* The buffer of a linear result is taken over. */
static struct tensor *act_onto_engine(struct tape *t, struct tensor **in, const struct op_case *c)
{
    struct tensor *x = op_linear(t, in[0], in[1], NULL);
    cr_assert(x->overwritable);
    struct tensor *y = op_act(t, x, (enum act)c->variant);
    cr_assert_null(x->data);
    return y;
}

static void act_onto_twin(double *y, double **in, const struct op_case *c)
{
    twin_linear(y, in[0], in[1], NULL, c->y[0], c->shape[0][1], c->y[1], 1, 0);
    for (int i = 0; i < size_of(c->y); i++)
        y[i] = twin_act(y[i], (enum act)c->variant);
}

/* variant: the activation, plus KEPT when the buffers of x and gate may not be taken. */
enum { KEPT = 16 };

static struct tensor *gated_engine(struct tape *t, struct tensor **in, const struct op_case *c)
{
    if (c->variant & KEPT)
        return op_gated_act(t, in[0], in[1], (enum act)(c->variant & ~KEPT));
    struct tensor *x = op_linear(t, in[0], in[1], NULL), *gate = op_linear(t, in[0], in[2], NULL);
    struct tensor *y = op_gated_act(t, x, gate, (enum act)c->variant);
    cr_assert(x->data == NULL || (t->last != NULL && !x->needs_grad));
    return y;
}

static void gated_twin(double *y, double **in, const struct op_case *c)
{
    int n = size_of(c->y);
    double *gate = calloc((size_t)n, sizeof *gate);
    if (c->variant & KEPT) {
        memcpy(y, in[0], (size_t)n * sizeof *y);
        memcpy(gate, in[1], (size_t)n * sizeof *y);
    } else {
        twin_linear(y, in[0], in[1], NULL, c->y[0], c->shape[0][1], c->y[1], 1, 0);
        twin_linear(gate, in[0], in[2], NULL, c->y[0], c->shape[0][1], c->y[1], 1, 0);
    }
    for (int i = 0; i < n; i++)
        y[i] = twin_act(y[i], (enum act)(c->variant & ~KEPT)) * gate[i];
    free(gate);
}

static struct tensor *rms_engine(struct tape *t, struct tensor **in, const struct op_case *c)
{
    (void)c;
    return op_rms_norm(t, in[0], in[1], 1e-5f);
}

static void rms_twin(double *y, double **in, const struct op_case *c)
{
    int n = c->y[1];
    for (int i = 0; i < c->y[0]; i++) {
        double squares = 0;
        for (int k = 0; k < n; k++)
            squares += in[0][i * n + k] * in[0][i * n + k] / n;
        for (int k = 0; k < n; k++)
            y[i * n + k] = in[0][i * n + k] / sqrt(squares + 1e-5) * in[1][k];
    }
}

static struct tensor *norm_engine(struct tape *t, struct tensor **in, const struct op_case *c)
{
    (void)c;
    return op_layer_norm(t, in[0], in[1], in[2], 1e-5f);
}

static void norm_twin(double *y, double **in, const struct op_case *c)
{
    twin_layer_norm(y, in[0], in[1], in[2], c->y[0], c->y[1], 1e-5);
}

static struct tensor *add_engine(struct tape *t, struct tensor **in, const struct op_case *c)
{
    struct tensor *a = in[0], *b = in[1];
    if (c->variant == 1)
        a = op_scale(t, a, -2);
    if (c->variant == 2) { /* a linear result on the left, then read twice */
        a = op_linear(t, in[0], in[2], NULL);
        a = op_add(t, a, b);
        return op_add(t, a, a);
    }
    if (c->variant == 3) /* a linear result on the right */
        return op_add(t, b, op_linear(t, in[0], in[2], NULL));
    return op_add(t, op_add(t, a, b), a);
}

static void add_twin(double *y, double **in, const struct op_case *c)
{
    double *product = calloc((size_t)size_of(c->y), sizeof *product);
    if (c->variant >= 2)
        twin_linear(product, in[0], in[2], NULL, c->y[0], c->shape[0][1], c->y[1], 1, 0);
    for (int i = 0; i < size_of(c->y); i++) {
        double a = c->variant >= 2 ? product[i] : in[0][i], b = in[1][i];
        const double results[] = {2 * a + b, -4 * a + b, 2 * (a + b), a + b};
        y[i] = results[c->variant];
    }
    free(product);
}

static struct tensor *columns_engine(struct tape *t, struct tensor **in, const struct op_case *c)
{
    (void)c;
    return op_scale_columns(t, in[0], in[1]);
}

static void columns_twin(double *y, double **in, const struct op_case *c)
{
    for (int i = 0; i < size_of(c->y); i++)
        y[i] = in[0][i] * in[1][i % c->y[1]];
}

static struct tensor *embedding_engine(struct tape *t, struct tensor **in, const struct op_case *c)
{
    struct tensor *rows = op_embedding(t, in[0], c->ids, c->y[0]);
    return op_add(t, rows, op_gather(t, in[0], c->ids + 1, c->y[0]));
}

static void embedding_twin(double *y, double **in, const struct op_case *c)
{
    int n = c->y[1];
    for (int i = 0; i < c->y[0]; i++)
        for (int k = 0; k < n; k++)
            y[i * n + k] = in[0][c->ids[i] * n + k] + in[0][c->ids[i + 1] * n + k];
}

static struct tensor *mean_engine(struct tape *t, struct tensor **in, const struct op_case *c)
{
    return op_mean_rows(t, in[0], c->offsets, c->n_seq);
}

static void mean_twin(double *y, double **in, const struct op_case *c)
{
    memset(y, 0, (size_t)size_of(c->y) * sizeof *y);
    for (int s = 0; s < c->n_seq; s++)
        for (int i = c->offsets[s]; i < c->offsets[s + 1]; i++)
            for (int k = 0; k < c->y[1]; k++)
                y[s * c->y[1] + k] += in[0][i * c->y[1] + k] / (c->offsets[s + 1] - c->offsets[s]);
}

static struct tensor *prepend_engine(struct tape *t, struct tensor **in, const struct op_case *c)
{
    return op_prepend(t, in[0], in[1], c->offsets, c->n_seq);
}

static void prepend_twin(double *y, double **in, const struct op_case *c)
{
    int n = c->y[1];
    for (int s = 0; s < c->n_seq; s++) {
        for (int i = 0; i < size_of(c->shape[0]); i++)
            *y++ = in[0][i];
        for (int i = c->offsets[s] * n; i < c->offsets[s + 1] * n; i++)
            *y++ = in[1][i];
    }
}

/* WITH_FAR: most keys are further away than the table of buckets reaches. */
enum { WITH_BIAS = 1, WITH_CAUSAL = 2, WITH_FAR = 4 };
/* Buckets of distances -8 .. 8, as coarse as T5's. */
static const int buckets[] = {0, 0, 0, 1, 1, 1, 2, 2, 3, 4, 5, 5, 6, 6, 6, 6, 6};

static struct attention attention_of(const struct op_case *c)
{
    int span = c->variant & WITH_FAR ? 2 : 8;
    return (struct attention){.q_offsets = c->offsets,
                              .k_offsets = c->k_offsets != NULL ? c->k_offsets : c->offsets,
                              .n_seq = c->n_seq,
                              .n_heads = c->n_heads,
                              .scale = 0.6f,
                              .mask = c->variant & WITH_CAUSAL ? ATTENTION_CAUSAL : ATTENTION_FULL,
                              .bias_bucket = buckets + 8 - span,
                              .bias_span = span,
                              .dropout = c->dropout,
                              .site = 5};
}

static struct tensor *attention_engine(struct tape *t, struct tensor **in, const struct op_case *c)
{
    struct attention a = attention_of(c);
    a.q = in[0];
    a.k = in[1];
    a.v = in[2];
    a.bias = c->variant & WITH_BIAS ? in[3] : NULL;
    return op_attention(t, &a);
}

static void attention_twin(double *y, double **in, const struct op_case *c)
{
    struct attention a = attention_of(c);
    struct rng place = {41, RNG_DROPOUT, 7, 5};
    twin_attention(y, in[0], in[1], in[2], c->variant & WITH_BIAS ? in[3] : NULL, &a, c->y[1],
                   c->dropout > 0 ? &place : NULL);
}

enum { JOIN_LINEAR = 1, JOIN_LINEAR_ONTO = 2, JOIN_READ_AFTER = 4, JOIN_BOTH_READ_AFTER = 8 };

static struct tensor *dropout_engine(struct tape *t, struct tensor **in, const struct op_case *c)
{
    struct tensor *x = in[0];
    if (c->variant) { /* in place on a linear result */
        x = op_linear(t, in[0], in[1], NULL);
        struct tensor *y = op_dropout(t, x, c->dropout, RNG_DROPOUT, 5);
        cr_assert_null(x->data);
        return y;
    }
    return op_dropout(t, x, c->dropout, RNG_DROPOUT, 5);
}

static void dropout_twin(double *y, double **in, const struct op_case *c)
{
    struct rng place = {41, RNG_DROPOUT, 7, 5};
    if (c->variant)
        twin_linear(y, in[0], in[1], NULL, c->y[0], c->shape[0][1], c->y[1], 1, 0);
    else
        memcpy(y, in[0], (size_t)size_of(c->y) * sizeof *y);
    for (int i = 0; i < size_of(c->y); i++)
        y[i] = twin_dropped(&place, (uint64_t)i, c->dropout) ? 0 : y[i] / (1 - c->dropout);
}

/* The second input, or a linear map of it, dropped out onto the first. */
static struct tensor *joined_engine(struct tape *t, struct tensor **in, const struct op_case *c)
{
    struct tensor *x = c->variant & JOIN_LINEAR ? op_linear(t, in[1], in[2], NULL) : in[1];
    struct tensor *onto = c->variant & JOIN_LINEAR_ONTO ? op_linear(t, in[0], in[2], NULL) : in[0];
    struct tensor *y = op_dropout_onto(t, x, onto, c->dropout, RNG_DROPOUT, 5);
    if (c->variant & JOIN_READ_AFTER) /* what it joins has a gradient before it brings one */
        y = op_add(t, op_scale(t, y, 3), op_scale(t, onto, 2));
    if (c->variant & JOIN_BOTH_READ_AFTER)
        y = op_add(t, op_add(t, op_scale(t, y, 3), op_scale(t, onto, 2)), op_scale(t, x, 4));
    return y;
}

static void joined_twin(double *y, double **in, const struct op_case *c)
{
    struct rng place = {41, RNG_DROPOUT, 7, 5};
    int n = size_of(c->y), width = c->shape[0][1];
    double *x = calloc(2 * (size_t)n, sizeof *x), *onto = x + n;
    memcpy(x, in[1], (size_t)n * sizeof *x);
    memcpy(onto, in[0], (size_t)n * sizeof *x);
    if (c->variant & JOIN_LINEAR)
        twin_linear(x, in[1], in[2], NULL, c->y[0], width, c->y[1], 1, 0);
    if (c->variant & JOIN_LINEAR_ONTO)
        twin_linear(onto, in[0], in[2], NULL, c->y[0], width, c->y[1], 1, 0);
    for (int i = 0; i < n; i++) {
        y[i] =
            onto[i] + (twin_dropped(&place, (uint64_t)i, c->dropout) ? 0 : x[i]) / (1 - c->dropout);
        if (c->variant & JOIN_READ_AFTER)
            y[i] = 3 * y[i] + 2 * onto[i];
        if (c->variant & JOIN_BOTH_READ_AFTER)
            y[i] = 3 * y[i] + 2 * onto[i] + 4 * x[i];
    }
    free(x);
}

enum { FROM_LINEAR = 1, READ_TWICE = 2 };

static struct tensor *loss_engine(struct tape *t, struct tensor **in, const struct op_case *c)
{
    if (c->variant == FROM_LINEAR) { /* whose buffer the loss takes for what it keeps */
        struct tensor *x = op_linear(t, in[0], in[1], NULL);
        struct tensor *loss = op_cross_entropy(t, x, c->ids, 0.25f);
        cr_assert(!loss->needs_grad || x->data == NULL);
        return loss;
    }
    struct tensor *x = op_scale(t, in[0], 5), *loss = op_cross_entropy(t, x, c->ids, 0.25f);
    return c->variant == READ_TWICE ? op_add(t, loss, op_cross_entropy(t, x, c->ids + 1, 0.5f))
                                    : loss;
}

static void loss_twin(double *y, double **in, const struct op_case *c)
{
    int n_rows = c->shape[0][0], n = c->variant == FROM_LINEAR ? c->shape[1][0] : c->shape[0][1];
    double *x = calloc((size_t)n_rows * (size_t)n, sizeof *x);
    if (c->variant == FROM_LINEAR)
        twin_linear(x, in[0], in[1], NULL, n_rows, c->shape[0][1], n, 1, 0);
    for (int i = 0; i < n_rows * n && c->variant != FROM_LINEAR; i++)
        x[i] = 5 * in[0][i];
    *y = 0.25 * twin_cross_entropy(x, c->ids, n_rows, n);
    if (c->variant == READ_TWICE)
        *y += 0.5 * twin_cross_entropy(x, c->ids + 1, n_rows, n);
    free(x);
}

#endif
