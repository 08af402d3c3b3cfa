#include "models/tensor/optimizer.h"

#include "models/tensor/vmath.h"

#include <assert.h>
#include <math.h>

/* beta^step by squaring: the same bits without libm's pow. */
static double power(double beta, long step)
{
    double result = 1;
    for (; step > 0; step >>= 1, beta *= beta)
        if (step & 1)
            result *= beta;
    return result;
}

/* What one slice needs in a step, in the order of torch.optim.AdamW. */
struct update {
    float grad_scale, keep1, keep2, decay, step_size, root_scale, epsilon;
};

/* Reads each of the four blocks once; gradients end as 0. */
static void update(float *restrict param, float *restrict grad, float *restrict m,
                   float *restrict v, size_t n, const struct update *u)
{
    const struct update c = *u;
    for (size_t i = 0; i < n; i++) {
        float g = grad[i] * c.grad_scale;
        grad[i] = 0;
        m[i] += (g - m[i]) * (1.0f - c.keep1);
        v[i] = v[i] * c.keep2 + g * g * (1.0f - c.keep2);
        float denominator = sqrtf(v[i]) * c.root_scale + c.epsilon;
        param[i] = param[i] * c.decay - c.step_size * m[i] / denominator;
    }
}

void adamw_step(const struct adamw *o, const struct adamw_state *s, long step, double learning_rate,
                float grad_scale)
{
    assert(step >= 1);
    double correction1 = 1 - power(o->beta1, step), correction2 = 1 - power(o->beta2, step);
    for (int i = 0; i < s->n_slices; i++) {
        const struct adamw_slice *slice = &s->slices[i];
        double rate = learning_rate * slice->lr_scale;
        double decay = slice->decays ? 1 - rate * o->weight_decay : 1;
        struct update u = {grad_scale,
                           o->beta1,
                           o->beta2,
                           (float)decay,
                           (float)(rate / correction1),
                           (float)(1 / sqrt(correction2)),
                           o->epsilon};
        size_t at = slice->start;
        update(s->param + at, s->grad + at, s->m + at, s->v + at, slice->n, &u);
    }
}

double grad_norm(const float *grad, size_t n)
{
    return sqrt(vec_sum_squares(grad, n));
}

float clip_scale(double norm, double max_norm)
{
    if (max_norm <= 0)
        return 1;
    double factor = max_norm / (norm + 1e-6);
    return factor < 1 ? (float)factor : 1;
}
