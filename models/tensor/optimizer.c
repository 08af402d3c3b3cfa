#include "models/tensor/optimizer.h"

#include "models/tensor/lanes.h"
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

LANES_INLINE lanes moved(lanes param, lanes g, lanes *m, lanes *v, const struct update *u)
{
    g *= u->grad_scale;
    *m += (g - *m) * (1.0f - u->keep1);
    *v = *v * u->keep2 + g * g * (1.0f - u->keep2);
    return param * u->decay - u->step_size * *m / (lanes_sqrt(*v) * u->root_scale + u->epsilon);
}

/* One pass over the four blocks; gradients end as 0. (Lanes by hand: from a plain
 * loop gcc makes the zeroing a second pass.) */
static void update(float *param, float *grad, float *m, float *v, size_t n, const struct update *u)
{
    size_t i = 0;
    for (; i + N_LANES <= n; i += N_LANES) {
        lanes new_m = lanes_load(m + i), new_v = lanes_load(v + i), g = lanes_load(grad + i);
        lanes_store(param + i, moved(lanes_load(param + i), g, &new_m, &new_v, u));
        lanes_store(m + i, new_m);
        lanes_store(v + i, new_v);
        lanes_store(grad + i, lanes_of(0));
    }
    if (i < n) {
        size_t part = n - i;
        lanes new_m = lanes_load_part(m + i, part, 0), new_v = lanes_load_part(v + i, part, 0);
        lanes old = lanes_load_part(param + i, part, 0), g = lanes_load_part(grad + i, part, 0);
        lanes_store_part(param + i, part, moved(old, g, &new_m, &new_v, u));
        lanes_store_part(m + i, part, new_m);
        lanes_store_part(v + i, part, new_v);
        lanes_store_part(grad + i, part, lanes_of(0));
    }
}

/* A piece of the blocks, long enough to be worth a thread's while. */
enum { UPDATE_PIECE = 1 << 16 };

struct slice_update {
    const struct adamw_state *s;
    size_t start;
    struct update u;
};

static void update_part(void *state, long first, long end, int thread)
{
    const struct slice_update *x = state;
    size_t at = x->start + (size_t)first;
    (void)thread;
    update(x->s->param + at, x->s->grad + at, x->s->m + at, x->s->v + at, (size_t)(end - first),
           &x->u);
}

void adamw_step(const struct adamw *o, const struct adamw_state *s, long step, double learning_rate,
                float grad_scale, struct pool *pool)
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
        struct slice_update x = {s, slice->start, u};
        pool_run(pool, (long)slice->n, UPDATE_PIECE, update_part, &x);
    }
}

/* The sum is made of this many parts at most, each of so many values at least. */
enum { NORM_PARTS = 256 };
static const size_t NORM_PART_MIN = 1 << 14;

struct squares {
    const float *grad;
    size_t n, n_part;
    double sum[NORM_PARTS];
};

static void square_parts(void *state, long first, long end, int thread)
{
    struct squares *s = state;
    (void)thread;
    for (size_t i = (size_t)first; i < (size_t)end; i++) {
        size_t at = i * s->n_part, left = s->n - at;
        s->sum[i] = vec_sum_squares(s->grad + at, left < s->n_part ? left : s->n_part);
    }
}

double grad_norm(const float *grad, size_t n, struct pool *pool)
{
    struct squares s = {.grad = grad, .n = n, .n_part = (n + NORM_PARTS - 1) / NORM_PARTS};
    if (s.n_part < NORM_PART_MIN)
        s.n_part = NORM_PART_MIN;
    size_t n_parts = (n + s.n_part - 1) / s.n_part;
    pool_run(pool, (long)n_parts, 1, square_parts, &s);
    double sum = 0;
    for (size_t i = 0; i < n_parts; i++)
        sum += s.sum[i];
    return sqrt(sum);
}

float clip_scale(double norm, double max_norm)
{
    if (max_norm <= 0)
        return 1;
    double factor = max_norm / (norm + 1e-6);
    return factor < 1 ? (float)factor : 1;
}
