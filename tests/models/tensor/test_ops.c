/* Each op against its naive double twin: the value, and every input's gradient
 * against central differences of the twin (in double, so that the difference
 * quotient itself is good to about 1e-9 and tolerances can be those of float32). */
#include "tests/models/tensor/subjects.h"

#include <criterion/criterion.h>
#include <stdio.h>

enum { RECORDS_BYTES = 1 << 16 };

/* --- the table ------------------------------------------------------------------ */

static const int one_short[] = {0, 1};
static const int uneven[] = {0, 1, 6, 23};
static const int long_short[] = {0, 33, 34};
static const int four_five[] = {0, 4, 9};
static const int six_seven[] = {0, 6, 13};
static const int ids[] = {3, 0, 3, 3, 6, 1, 3, 0, 2};

#define SUMS  2e-6, 4e-6 /* gradients pass through two sums */
#define EXACT 1e-7, 3e-7
static const struct op_case cases[] = {
    {"linear 1x1",
     {{1, 1}, {1, 1}, {1, 1}},
     {1, 1},
     linear_engine,
     linear_twin,
     SUMS,
     .variant = 1},
    {"linear",
     {{7, 16}, {33, 16}, {1, 33}},
     {7, 33},
     linear_engine,
     linear_twin,
     SUMS,
     .variant = 1},
    {"linear, no bias", {{9, 5}, {3, 5}}, {9, 3}, linear_engine, linear_twin, SUMS, .variant = 0},
    {"linear onto",
     {{6, 5}, {7, 5}, {1, 7}, {6, 2}, {7, 2}},
     {6, 7},
     onto_engine,
     onto_twin,
     SUMS,
     .variant = 0},
    {"gelu", {{5, 13}}, {5, 13}, act_engine, act_twin, SUMS, .variant = ACT_GELU},
    {"gelu tanh", {{5, 13}}, {5, 13}, act_engine, act_twin, SUMS, .variant = ACT_GELU_TANH},
    {"tanh", {{1, 32}}, {1, 32}, act_engine, act_twin, SUMS, .variant = ACT_TANH},
    {"relu", {{5, 13}}, {5, 13}, act_engine, act_twin, EXACT, .variant = ACT_RELU},
    {"gelu onto",
     {{5, 3}, {19, 3}},
     {5, 19},
     act_onto_engine,
     act_onto_twin,
     SUMS,
     .variant = ACT_GELU},
    {"tanh onto",
     {{5, 3}, {19, 3}},
     {5, 19},
     act_onto_engine,
     act_onto_twin,
     SUMS,
     .variant = ACT_TANH},
    {"relu onto",
     {{5, 3}, {19, 3}},
     {5, 19},
     act_onto_engine,
     act_onto_twin,
     SUMS,
     .variant = ACT_RELU},
    {"layer norm 1 row",
     {{1, 8}, {1, 8}, {1, 8}},
     {1, 8},
     norm_engine,
     norm_twin,
     SUMS,
     .variant = 0},
    {"layer norm",
     {{5, 37}, {1, 37}, {1, 37}},
     {5, 37},
     norm_engine,
     norm_twin,
     SUMS,
     .variant = 0},
    {"layer norm 64",
     {{3, 64}, {1, 64}, {1, 64}},
     {3, 64},
     norm_engine,
     norm_twin,
     SUMS,
     .variant = 0},
    {"rms norm 1 row", {{1, 8}, {1, 8}}, {1, 8}, rms_engine, rms_twin, SUMS, .variant = 0},
    {"rms norm", {{5, 37}, {1, 37}}, {5, 37}, rms_engine, rms_twin, SUMS, .variant = 0},
    {"rms norm 64", {{3, 64}, {1, 64}}, {3, 64}, rms_engine, rms_twin, SUMS, .variant = 0},
    {"gated gelu",
     {{5, 13}, {5, 13}},
     {5, 13},
     gated_engine,
     gated_twin,
     SUMS,
     .variant = ACT_GELU_TANH | KEPT},
    {"gated gelu onto",
     {{5, 3}, {19, 3}, {19, 3}},
     {5, 19},
     gated_engine,
     gated_twin,
     SUMS,
     .variant = ACT_GELU_TANH},
    {"gated relu onto",
     {{5, 3}, {16, 3}, {16, 3}},
     {5, 16},
     gated_engine,
     gated_twin,
     SUMS,
     .variant = ACT_RELU},
    {"add", {{4, 5}, {4, 5}}, {4, 5}, add_engine, add_twin, EXACT, .variant = 0},
    {"add scaled", {{4, 5}, {4, 5}}, {4, 5}, add_engine, add_twin, EXACT, .variant = 1},
    {"add onto left", {{4, 3}, {4, 5}, {5, 3}}, {4, 5}, add_engine, add_twin, SUMS, .variant = 2},
    {"add onto right", {{4, 3}, {4, 5}, {5, 3}}, {4, 5}, add_engine, add_twin, SUMS, .variant = 3},
    {"scale columns", {{6, 9}, {1, 9}}, {6, 9}, columns_engine, columns_twin, SUMS, .variant = 0},
    {"embedding", {{7, 9}}, {8, 9}, embedding_engine, embedding_twin, SUMS, .ids = ids},
    {"mean rows", {{23, 9}}, {3, 9}, mean_engine, mean_twin, SUMS, .offsets = uneven, .n_seq = 3},
    {"prepend",
     {{2, 3}, {23, 3}},
     {29, 3},
     prepend_engine,
     prepend_twin,
     SUMS,
     .offsets = uneven,
     .n_seq = 3},
    {"attention, one token",
     {{1, 4}, {1, 4}, {1, 4}},
     {1, 4},
     attention_engine,
     attention_twin,
     SUMS,
     .offsets = one_short,
     .n_seq = 1,
     .n_heads = 2},
    {"attention",
     {{23, 12}, {23, 12}, {23, 12}},
     {23, 12},
     attention_engine,
     attention_twin,
     SUMS,
     .offsets = uneven,
     .n_seq = 3,
     .n_heads = 3},
    {"attention, dropout",
     {{23, 12}, {23, 12}, {23, 12}},
     {23, 12},
     attention_engine,
     attention_twin,
     SUMS,
     .offsets = uneven,
     .n_seq = 3,
     .n_heads = 3,
     .dropout = 0.3f},
    {"attention, long, wide heads",
     {{34, 18}, {34, 18}, {34, 18}},
     {34, 18},
     attention_engine,
     attention_twin,
     SUMS,
     .offsets = long_short,
     .n_seq = 2,
     .n_heads = 1,
     .dropout = 0.1f},
    {"attention, more keys",
     {{9, 10}, {13, 10}, {13, 10}},
     {9, 10},
     attention_engine,
     attention_twin,
     SUMS,
     .offsets = four_five,
     .k_offsets = six_seven,
     .n_seq = 2,
     .n_heads = 2},
    {"attention, fewer keys",
     {{13, 10}, {9, 10}, {9, 10}},
     {13, 10},
     attention_engine,
     attention_twin,
     SUMS,
     .offsets = six_seven,
     .k_offsets = four_five,
     .n_seq = 2,
     .n_heads = 1},
    {"attention, causal",
     {{9, 10}, {13, 10}, {13, 10}},
     {9, 10},
     attention_engine,
     attention_twin,
     SUMS,
     .variant = WITH_CAUSAL,
     .offsets = four_five,
     .k_offsets = six_seven,
     .n_seq = 2,
     .n_heads = 2},
    {"attention, bias",
     {{9, 10}, {13, 10}, {13, 10}, {7, 2}},
     {9, 10},
     attention_engine,
     attention_twin,
     SUMS,
     .variant = WITH_BIAS,
     .offsets = four_five,
     .k_offsets = six_seven,
     .n_seq = 2,
     .n_heads = 2},
    {"attention, all of it",
     {{9, 10}, {9, 10}, {9, 10}, {7, 2}},
     {9, 10},
     attention_engine,
     attention_twin,
     SUMS,
     .variant = WITH_BIAS | WITH_CAUSAL,
     .offsets = four_five,
     .n_seq = 2,
     .n_heads = 2,
     .dropout = 0.2f},
    {"attention, bias, fewer keys",
     {{13, 9}, {9, 9}, {9, 9}, {7, 3}},
     {13, 9},
     attention_engine,
     attention_twin,
     SUMS,
     .variant = WITH_BIAS,
     .offsets = six_seven,
     .k_offsets = four_five,
     .n_seq = 2,
     .n_heads = 3},
    {"attention, bias, causal, more keys, far ones too",
     {{9, 10}, {13, 10}, {13, 10}, {7, 2}},
     {9, 10},
     attention_engine,
     attention_twin,
     SUMS,
     .variant = WITH_BIAS | WITH_CAUSAL | WITH_FAR,
     .offsets = four_five,
     .k_offsets = six_seven,
     .n_seq = 2,
     .n_heads = 2},
    {"dropout",
     {{9, 130}},
     {9, 130},
     dropout_engine,
     dropout_twin,
     EXACT,
     .variant = 0,
     .dropout = 0.1f},
    {"dropout in place",
     {{9, 3}, {17, 3}},
     {9, 17},
     dropout_engine,
     dropout_twin,
     SUMS,
     .variant = 1,
     .dropout = 0.5f},
    {"dropout onto",
     {{9, 130}, {9, 130}},
     {9, 130},
     joined_engine,
     joined_twin,
     SUMS,
     .variant = 0,
     .dropout = 0.1f},
    {"dropout of a linear map onto",
     {{9, 7}, {9, 7}, {7, 7}},
     {9, 7},
     joined_engine,
     joined_twin,
     SUMS,
     .variant = JOIN_LINEAR,
     .dropout = 0.5f},
    {"dropout onto a linear map",
     {{9, 7}, {9, 7}, {7, 7}},
     {9, 7},
     joined_engine,
     joined_twin,
     SUMS,
     .variant = JOIN_LINEAR_ONTO,
     .dropout = 0.3f},
    {"dropout onto what is read again",
     {{9, 130}, {9, 130}},
     {9, 130},
     joined_engine,
     joined_twin,
     SUMS,
     .variant = JOIN_READ_AFTER,
     .dropout = 0.1f},
    {"dropout of a linear map onto what is read again",
     {{7, 17}, {7, 17}, {17, 17}},
     {7, 17},
     joined_engine,
     joined_twin,
     SUMS,
     .variant = JOIN_LINEAR | JOIN_READ_AFTER,
     .dropout = 0.1f},
    {"dropout onto, both read again",
     {{9, 130}, {9, 130}},
     {9, 130},
     joined_engine,
     joined_twin,
     SUMS,
     .variant = JOIN_BOTH_READ_AFTER,
     .dropout = 0.1f},
    {"dropout onto, without dropout",
     {{3, 5}, {3, 5}, {5, 5}},
     {3, 5},
     joined_engine,
     joined_twin,
     SUMS,
     .variant = JOIN_LINEAR,
     .dropout = 0},
    {"cross entropy", {{3, 4}}, {1, 1}, loss_engine, loss_twin, SUMS, .ids = ids},
    {"cross entropy, 77 classes", {{9, 77}}, {1, 1}, loss_engine, loss_twin, SUMS, .ids = ids},
    {"cross entropy of a linear map",
     {{9, 5}, {39, 5}},
     {1, 1},
     loss_engine,
     loss_twin,
     SUMS,
     .ids = ids,
     .variant = FROM_LINEAR},
    {"two cross entropies of one tensor",
     {{7, 33}},
     {1, 1},
     loss_engine,
     loss_twin,
     SUMS,
     .ids = ids,
     .variant = READ_TWICE},
};
enum { N_CASES = sizeof cases / sizeof *cases };

/* --- running one ------------------------------------------------------------------ */

struct weigh_record {
    struct tape_record base;
    struct tensor *y;
};

/* Weight of y[i] in the scalar that is differentiated. */
static double weight_of(int i)
{
    return draw(99, i);
}

static void weigh_backward(struct tape *t, void *record)
{
    struct tensor *y = ((struct weigh_record *)record)->y;
    float beta;
    float *dy = tape_grad(t, y, &beta);
    cr_assert_eq(beta, 0);
    for (int i = 0; i < y->rows * y->cols; i++)
        dy[i] = (float)weight_of(i);
}

/* The tape's loss is y's weighted sum, through a record of the test's own. */
static struct tensor *weigh(struct tape *t, struct tensor *y)
{
    struct tensor *loss = tape_tensor(t, 1, 1, true);
    struct weigh_record *r = tape_push(t, sizeof *r, weigh_backward);
    r->y = y;
    return loss;
}

struct data {
    double *in[MAX_INPUTS];
    int n;
};

static void data_init(struct data *d, const struct op_case *c)
{
    memset(d, 0, sizeof *d);
    while (d->n < MAX_INPUTS && c->shape[d->n][0] > 0) {
        int size = size_of(c->shape[d->n]);
        d->in[d->n] = calloc((size_t)size, sizeof(double));
        for (int i = 0; i < size; i++) /* float32 values, so that both sides read the same */
            d->in[d->n][i] = (float)draw((uint32_t)d->n, i);
        d->n++;
    }
}

static void data_release(struct data *d)
{
    for (int i = 0; i < d->n; i++)
        free(d->in[i]);
}

static double twin_weighted(const struct op_case *c, struct data *d, double *y)
{
    double sum = 0;
    c->twin(y, d->in, c);
    for (int i = 0; i < size_of(c->y); i++)
        sum += weight_of(i) * y[i];
    return sum;
}

/* Fails when any of n floats is further from want than tolerance max |want|. */
static void compare(const char *name, const char *what, const float *got, const double *want, int n,
                    double tolerance)
{
    double largest = 1e-3, worst = 0;
    for (int i = 0; i < n; i++)
        largest = fmax(largest, fabs(want[i]));
    for (int i = 0; i < n; i++)
        worst = fmax(worst, isnan(got[i]) ? INFINITY : fabs(got[i] - want[i]));
    cr_expect(worst <= tolerance * largest, "%s, %s: off by %.3g of %.3g", name, what, worst,
              largest);
}

static void check_gradient(const struct op_case *c, struct data *d, int input,
                           const struct tensor *x)
{
    const double eps = 1e-5; /* in double: error eps^2, rounding 1e-16 / eps */
    int n = size_of(c->shape[input]);
    double *want = calloc((size_t)n, sizeof *want);
    double *y = calloc((size_t)size_of(c->y), sizeof *y);
    for (int i = 0; i < n; i++) {
        double keep = d->in[input][i];
        d->in[input][i] = keep + eps;
        double above = twin_weighted(c, d, y);
        d->in[input][i] = keep - eps;
        want[i] = (above - twin_weighted(c, d, y)) / (2 * eps);
        d->in[input][i] = keep;
    }
    char what[32];
    snprintf(what, sizeof what, "gradient of input %d", input);
    cr_assert_not_null(x->grad, "%s: no %s", c->name, what);
    compare(c->name, what, x->grad, want, n, c->grad_tolerance);
    free(want);
    free(y);
}

/* Inputs whose bit is set in trainable need gradients; the others must get none. */
static void run_case(const struct op_case *c, unsigned trainable)
{
    struct data d;
    data_init(&d, c);
    struct slab slab;
    slab_init(&slab, 1 << 22);
    struct tape t;
    tape_init(&t, &slab, RECORDS_BYTES);
    tape_begin(&t, true, 41, 7);
    struct tensor *in[MAX_INPUTS];
    for (int k = 0; k < d.n; k++) {
        in[k] = tape_tensor(&t, c->shape[k][0], c->shape[k][1], trainable >> k & 1);
        for (int i = 0; i < size_of(c->shape[k]); i++)
            in[k]->data[i] = (float)d.in[k][i];
    }
    struct tensor *y = c->engine(&t, in, c);
    double *want = calloc((size_t)size_of(c->y), sizeof *want);
    twin_weighted(c, &d, want);
    cr_assert(y->rows == c->y[0] && y->cols == c->y[1], "%s: shape", c->name);
    compare(c->name, "value", y->data, want, size_of(c->y), c->tolerance);
    cr_expect_eq(y->needs_grad, trainable != 0, "%s", c->name);
    if (trainable == 0)
        cr_expect_null(t.last, "%s: recorded although nothing trains", c->name);
    else
        tape_backward(&t, weigh(&t, y), 1);
    for (int k = 0; k < d.n; k++) {
        if (trainable >> k & 1)
            check_gradient(c, &d, k, in[k]);
        else
            cr_expect_null(in[k]->grad, "%s: input %d got a gradient", c->name, k);
    }
    free(want);
    tape_release(&t);
    slab_release(&slab);
    data_release(&d);
}

Test(ops, equal_their_twins_and_central_differences)
{
    for (int i = 0; i < N_CASES; i++)
        run_case(&cases[i], ~0u);
}

Test(ops, cost_nothing_for_what_is_frozen)
{
    for (int i = 0; i < N_CASES; i++)
        for (unsigned trainable = 0; trainable < 1u << MAX_INPUTS; trainable++) {
            unsigned n = 0;
            while (n < MAX_INPUTS && cases[i].shape[n][0] > 0)
                n++;
            if (trainable < 1u << n)
                run_case(&cases[i], trainable);
        }
}
