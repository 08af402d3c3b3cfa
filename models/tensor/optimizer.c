#include "models/tensor/optimizer.h"

#include "models/tensor/lanes.h"
#include "models/tensor/tape.h"
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
    const struct adamw_slice *slice;
    struct update u;
};

static void update_part(void *state, long first, long end, int thread)
{
    const struct slice_update *x = state;
    size_t at = x->slice->start + (size_t)first;
    (void)thread;
    update(x->s->param + at, x->s->grad + at, x->s->m + at, x->s->v + at, (size_t)(end - first),
           &x->u);
}

/* The same without a gradient. False when both moments are 0 now, bit for bit: then
 * another update without one only decays. */
static bool coast(float *param, float *m, float *v, size_t n, const struct update *u)
{
    int_lanes bits = {0};
    for (size_t i = 0; i < n; i += N_LANES) {
        size_t part = n - i;
        bool whole = part >= N_LANES;
        lanes new_m = whole ? lanes_load(m + i) : lanes_load_part(m + i, part, 0);
        lanes new_v = whole ? lanes_load(v + i) : lanes_load_part(v + i, part, 0);
        lanes old = whole ? lanes_load(param + i) : lanes_load_part(param + i, part, 0);
        lanes new = moved(old, lanes_of(0), &new_m, &new_v, u);
        bits |= (int_lanes)new_m | (int_lanes)new_v;
        if (whole) {
            lanes_store(param + i, new);
            lanes_store(m + i, new_m);
            lanes_store(v + i, new_v);
        } else {
            lanes_store_part(param + i, part, new);
            lanes_store_part(m + i, part, new_m);
            lanes_store_part(v + i, part, new_v);
        }
    }
    int any = 0;
    for (int k = 0; k < N_LANES; k++)
        any |= bits[k];
    return any != 0;
}

static void update_rows(void *state, long first, long end, int thread)
{
    const struct slice_update *x = state;
    const struct adamw_slice *slice = x->slice;
    const struct adamw_state *s = x->s;
    size_t width = slice->width, at = slice->start + (size_t)first * width;
    (void)thread;
    for (long row = first; row < end; row++, at += width) {
        unsigned char *is = &slice->row_state[row];
        if (*is == ROW_TOUCHED)
            update(s->param + at, s->grad + at, s->m + at, s->v + at, width, &x->u);
        if (*is == ROW_QUIET)
            for (size_t i = 0; i < width && x->u.decay != 1; i++)
                s->param[at + i] *= x->u.decay;
        else
            *is = *is == ROW_TOUCHED || coast(s->param + at, s->m + at, s->v + at, width, &x->u)
                      ? ROW_MOMENTS
                      : ROW_QUIET;
    }
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
        struct slice_update x = {s, slice, u};
        if (slice->row_state != NULL)
            pool_run(pool, (long)(slice->n / slice->width), 1 + UPDATE_PIECE / (int)slice->width,
                     update_rows, &x);
        else
            pool_run(pool, (long)slice->n, UPDATE_PIECE, update_part, &x);
    }
}

/* The sum of a slice is made of this many parts at most, each of so many values at least. */
enum { NORM_PARTS = 256, NORM_PART_MIN = 1 << 14 };

struct squares {
    const float *grad;
    const unsigned char *row_state; /* NULL: rows are single values, all touched */
    size_t n, width, n_part;        /* rows, values a row, rows a part */
    double sum[NORM_PARTS];
};

static void square_parts(void *state, long first, long end, int thread)
{
    struct squares *s = state;
    (void)thread;
    for (size_t i = (size_t)first; i < (size_t)end; i++) {
        size_t at = i * s->n_part, stop = at + s->n_part < s->n ? at + s->n_part : s->n;
        s->sum[i] = s->row_state == NULL ? vec_sum_squares(s->grad + at, stop - at) : 0;
        for (size_t row = at; s->row_state != NULL && row < stop; row++)
            if (s->row_state[row] == ROW_TOUCHED)
                s->sum[i] += vec_sum_squares(s->grad + row * s->width, s->width);
    }
}

double grad_norm(const struct adamw_state *s, struct pool *pool)
{
    double sum = 0;
    for (int i = 0; i < s->n_slices; i++) {
        const struct adamw_slice *slice = &s->slices[i];
        struct squares x = {.grad = s->grad + slice->start, .row_state = slice->row_state};
        x.width = slice->row_state != NULL ? slice->width : 1;
        x.n = slice->n / x.width;
        size_t least = (NORM_PART_MIN + x.width - 1) / x.width;
        x.n_part = (x.n + NORM_PARTS - 1) / NORM_PARTS;
        x.n_part = x.n_part > least ? x.n_part : least;
        size_t n_parts = (x.n + x.n_part - 1) / x.n_part;
        pool_run(pool, (long)n_parts, 1, square_parts, &x);
        for (size_t k = 0; k < n_parts; k++)
            sum += x.sum[k];
    }
    return sqrt(sum);
}

float clip_scale(double norm, double max_norm)
{
    if (max_norm <= 0)
        return 1;
    double factor = max_norm / (norm + 1e-6);
    return factor < 1 ? (float)factor : 1;
}
