#include "models/tensor/lanes.h"
#include "models/tensor/ops.h"
#include "models/tensor/vmath.h"

#include <assert.h>
#include <math.h>

/* An RMS norm is a layer norm whose mean is taken to be 0 and whose beta is NULL. */
struct norm_record {
    struct tape_record base;
    struct tensor *y, *x, *gamma, *beta;
    float *mean, *rstd; /* [rows] */
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

/* dgamma += dy xhat, dbeta += dy; either may be NULL. */
static void row_dparams(float *restrict dgamma, float *restrict dbeta, const float *restrict dy,
                        const float *restrict x, float mean, float rstd, int n)
{
    for (int k = 0; k < n && dgamma != NULL; k++)
        dgamma[k] += dy[k] * ((x[k] - mean) * rstd);
    for (int k = 0; k < n && dbeta != NULL; k++)
        dbeta[k] += dy[k];
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
    float into = 0, into_gamma = 0, into_beta = 0;
    float *dx = tape_grad(t, x, &into);
    float *dgamma = tape_grad(t, r->gamma, &into_gamma);
    float *dbeta = tape_grad(t, r->beta, &into_beta);
    if (!t->dry) {
        zero_unless(dgamma, into_gamma, x->cols);
        zero_unless(dbeta, into_beta, x->cols);
        for (int i = 0; i < x->rows; i++) {
            size_t at = (size_t)i * (size_t)x->cols;
            const float *dy = y->grad + at, *row = x->data + at;
            row_dparams(dgamma, dbeta, dy, row, r->mean[i], r->rstd[i], x->cols);
            if (dx != NULL)
                row_dx(dx + at, dy, row, r, r->mean[i], r->rstd[i], into);
        }
    }
    tape_grad_done(t, y);
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
    size_t n = (size_t)x->cols;
    for (int i = 0; i < x->rows && !t->dry; i++) {
        const float *row = x->data + (size_t)i * n;
        float mean = beta != NULL ? vec_sum(row, n) / (float)n : 0;
        float rstd = 1.0f / sqrtf(squares_around(row, mean, n) / (float)n + eps);
        normalise(y->data + (size_t)i * n, row, &local, mean, rstd);
        if (needs) {
            local.mean[i] = mean;
            local.rstd[i] = rstd;
        }
    }
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
