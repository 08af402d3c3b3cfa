#include "models/tensor/lanes.h"
#include "models/tensor/ops.h"
#include "models/tensor/rows.h"
#include "models/tensor/vmath.h"

#include <assert.h>
#include <math.h>

/* An RMS norm is a layer norm whose mean is taken to be 0 and whose beta is NULL. */
struct norm_record {
    struct tape_record base;
    struct tensor *y, *x, *gamma, *beta;
    float *mean, *rstd; /* [rows]; NULL when no backward asks */
    float eps;
};

/* Sum of (x - mean)^2. */
static float squares_around(const float *x, float mean, size_t n)
{
    lanes sum = lanes_of(0);
    size_t i = 0;
    for (; i + N_LANES <= n; i += N_LANES) {
        lanes d = lanes_load(x + i) - mean;
        sum = lanes_fma(d, d, sum);
    }
    if (i < n) {
        lanes d = lanes_load_part(x + i, n - i, mean) - mean;
        sum = lanes_fma(d, d, sum);
    }
    return lanes_total(sum);
}

static void normalise(float *restrict y, const float *restrict x, const struct norm_record *r,
                      float mean, float rstd)
{
    const float *restrict gamma = r->gamma->data;
    if (r->beta == NULL) {
        for (int k = 0; k < r->x->cols; k++)
            y[k] = x[k] * rstd * gamma[k];
        return;
    }
    const float *restrict beta = r->beta->data;
    for (int k = 0; k < r->x->cols; k++)
        y[k] = (x[k] - mean) * rstd * gamma[k] + beta[k];
}

/* One row: dx = rstd (g - mean(g) - xhat mean(g xhat)), g = dy gamma (the chain
 * rule through mean and variance; without mean(g) where no mean was taken). Adds
 * to dx where into is 1. */
static void row_dx(float *restrict dx, const float *restrict dy, const float *restrict x,
                   const struct norm_record *r, float mean, float rstd, float into)
{
    const float *restrict gamma = r->gamma->data;
    size_t n = (size_t)r->x->cols, i = 0;
    lanes sum = lanes_of(0), dot = lanes_of(0);
    for (; i + N_LANES <= n; i += N_LANES) {
        lanes g = lanes_load(dy + i) * lanes_load(gamma + i);
        sum += g;
        dot = lanes_fma(g, lanes_load(x + i) - mean, dot);
    }
    if (i < n) {
        lanes g = lanes_load_part(dy + i, n - i, 0) * lanes_load_part(gamma + i, n - i, 0);
        sum += g;
        dot = lanes_fma(g, lanes_load_part(x + i, n - i, mean) - mean, dot);
    }
    float g_mean = r->beta != NULL ? lanes_total(sum) / (float)n : 0;
    float g_xhat = lanes_total(dot) * rstd / (float)n * rstd; /* times x - mean */
    if (into == 0)
        for (i = 0; i < n; i++)
            dx[i] = rstd * (dy[i] * gamma[i] - g_mean - (x[i] - mean) * g_xhat);
    else
        for (i = 0; i < n; i++)
            dx[i] += rstd * (dy[i] * gamma[i] - g_mean - (x[i] - mean) * g_xhat);
}

/* Where a backward adds to, NULL where nobody asks. */
struct norm_flows {
    const struct norm_record *r;
    float *dx, *dgamma, *dbeta, into;
};

/* dgamma += dy xhat, dbeta += dy. */
static void row_dparams(float *restrict dgamma, float *restrict dbeta, const float *restrict dy,
                        const float *restrict x, float mean, float rstd, size_t n)
{
    for (size_t k = 0; k < n && dgamma != NULL; k++)
        dgamma[k] += dy[k] * ((x[k] - mean) * rstd);
    for (size_t k = 0; k < n && dbeta != NULL; k++)
        dbeta[k] += dy[k];
}

/* Columns first .. end of dgamma and dbeta, row after row. */
static void columns_dparams(void *state, long first, long end, int thread)
{
    const struct norm_flows *f = state;
    const struct norm_record *r = f->r;
    (void)thread;
    for (int i = 0; i < r->x->rows; i++) {
        size_t at = (size_t)i * (size_t)r->x->cols + (size_t)first;
        row_dparams(f->dgamma != NULL ? f->dgamma + first : NULL,
                    f->dbeta != NULL ? f->dbeta + first : NULL, r->y->grad + at, r->x->data + at,
                    r->mean[i], r->rstd[i], (size_t)(end - first));
    }
}

static void rows_dx(void *state, long first, long end, int thread)
{
    const struct norm_flows *f = state;
    const struct norm_record *r = f->r;
    (void)thread;
    for (long i = first; i < end; i++) {
        size_t at = (size_t)i * (size_t)r->x->cols;
        row_dx(f->dx + at, r->y->grad + at, r->x->data + at, r, r->mean[i], r->rstd[i], f->into);
    }
}

static float *zero_unless(float *block, float beta, int n)
{
    for (int k = 0; k < n && block != NULL && beta == 0; k++)
        block[k] = 0;
    return block;
}

static void norm_backward(struct tape *t, void *record)
{
    struct norm_record *r = record;
    struct tensor *y = r->y, *x = r->x;
    if (y->grad == NULL)
        return;
    float into_gamma = 0, into_beta = 0;
    struct norm_flows f = {.r = r};
    f.dx = tape_grad(t, x, &f.into);
    f.dgamma = tape_grad(t, r->gamma, &into_gamma);
    f.dbeta = tape_grad(t, r->beta, &into_beta);
    if (!t->dry) {
        zero_unless(f.dgamma, into_gamma, x->cols);
        zero_unless(f.dbeta, into_beta, x->cols);
        if (f.dgamma != NULL || f.dbeta != NULL)
            pool_run(t->pool, x->cols, COLUMNS_PIECE, columns_dparams, &f);
        if (f.dx != NULL)
            pool_run(t->pool, x->rows, rows_piece(x->cols), rows_dx, &f);
    }
    tape_grad_done(t, y);
}

static void rows_forward(void *state, long first, long end, int thread)
{
    const struct norm_record *r = state;
    size_t n = (size_t)r->x->cols;
    (void)thread;
    for (long i = first; i < end; i++) {
        const float *row = r->x->data + (size_t)i * n;
        float mean = r->beta != NULL ? vec_sum(row, n) / (float)n : 0;
        float rstd = 1.0f / sqrtf(squares_around(row, mean, n) / (float)n + r->eps);
        normalise(r->y->data + (size_t)i * n, row, r, mean, rstd);
        if (r->mean != NULL) {
            r->mean[i] = mean;
            r->rstd[i] = rstd;
        }
    }
}

static struct tensor *norm(struct tape *t, struct tensor *x, struct tensor *gamma,
                           struct tensor *beta, float eps)
{
    assert(gamma->cols == x->cols && (beta == NULL || beta->cols == x->cols));
    bool needs = tape_wants(t, x) || tape_wants(t, gamma) || tape_wants(t, beta);
    struct tensor *y = tape_tensor(t, x->rows, x->cols, needs);
    struct norm_record local = {.y = y, .x = x, .gamma = gamma, .beta = beta};
    if (needs) {
        size_t n_bytes = (size_t)x->rows * sizeof(float);
        local.mean = tape_keep(t, n_bytes);
        local.rstd = tape_keep(t, n_bytes);
        struct norm_record *r = tape_push(t, sizeof *r, norm_backward);
        local.base = r->base;
        *r = local;
        x->overwritable = false;
    }
    local.eps = eps;
    if (!t->dry)
        pool_run(t->pool, x->rows, rows_piece(x->cols), rows_forward, &local);
    return y;
}

struct tensor *op_layer_norm(struct tape *t, struct tensor *x, struct tensor *gamma,
                             struct tensor *beta, float eps)
{
    assert(beta != NULL);
    return norm(t, x, gamma, beta, eps);
}

struct tensor *op_rms_norm(struct tape *t, struct tensor *x, struct tensor *gamma, float eps)
{
    return norm(t, x, gamma, NULL, eps);
}
