#include "models/tensor/lanes.h"
#include "models/tensor/ops.h"
#include "models/tensor/rows.h"
#include "models/tensor/vmath.h"

#include <assert.h>

const char *const act_names[] = {
    [ACT_GELU] = "gelu", [ACT_GELU_TANH] = "gelu_new", [ACT_TANH] = "tanh",
    [ACT_RELU] = "relu", [ACT_COUNT] = NULL,
};

/* The slope is computed beside the value, where both share most of their work,
 * and kept instead of x: backward is one product. */
struct act_record {
    struct tape_record base;
    struct tensor *y, *x;
    const float *slope; /* [rows, cols] */
};

struct products {
    float *y;
    const float *factor;
};

static void multiply(void *state, long first, long end, int thread)
{
    const struct products *p = state;
    (void)thread;
    for (long i = first; i < end; i++)
        p->y[i] *= p->factor[i];
}

static void act_backward(struct tape *t, void *record)
{
    struct act_record *r = record;
    struct tensor *y = r->y;
    if (y->grad == NULL)
        return;
    size_t n = (size_t)y->rows * (size_t)y->cols;
    struct products p = {y->grad, r->slope};
    if (!t->dry)
        pool_run(t->pool, (long)n, VALUES_PIECE, multiply, &p);
    if (tape_grad_move(t, y, r->x))
        return;
    float beta;
    float *dx = tape_grad(t, r->x, &beta);
    if (!t->dry)
        rows_add_shared(t->pool, dx, y->grad, (long)n, 1, 1);
    tape_grad_done(t, y);
}

static void tanh_with_slope(float *y, float *slope, const float *x, size_t n)
{
    vec_tanh(y, x, n);
    for (size_t i = 0; i < n && slope != NULL; i++)
        slope[i] = 1.0f - y[i] * y[i];
}

static void relu_with_slope(float *y, float *slope, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float keep = x[i] > 0 ? 1.0f : 0.0f;
        y[i] = x[i] > 0 || x[i] != x[i] ? x[i] : 0.0f;
        if (slope != NULL)
            slope[i] = keep;
    }
}

struct acting {
    enum act act;
    float *y, *slope;
    const float *x;
};

/* Value into y and, unless slope is NULL, slope (which may be x) beside it. */
static void act_part(const struct acting *a, size_t first, size_t n)
{
    float *y = a->y + first, *slope = a->slope != NULL ? a->slope + first : NULL;
    const float *x = a->x + first;
    switch (a->act) {
    case ACT_GELU:
        vec_gelu(y, slope, x, n);
        return;
    case ACT_GELU_TANH:
        vec_gelu_tanh(y, slope, x, n);
        return;
    case ACT_TANH:
        tanh_with_slope(y, slope, x, n);
        return;
    case ACT_RELU:
        relu_with_slope(y, slope, x, n);
        return;
    case ACT_COUNT:
        break;
    }
    assert(!"an activation");
}

static void act_range(void *state, long first, long end, int thread)
{
    (void)thread;
    act_part(state, (size_t)first, (size_t)(end - first));
}

static void act_forward(struct tape *t, struct acting a, size_t n)
{
    pool_run(t->pool, (long)n, VALUES_PIECE, act_range, &a);
}

struct tensor *op_act(struct tape *t, struct tensor *x, enum act act)
{
    bool needs = tape_wants(t, x);
    bool over = x->overwritable;
    size_t n = (size_t)x->rows * (size_t)x->cols;
    if (!needs && over) {
        struct tensor *y = tape_take_over(t, x, false);
        if (!t->dry)
            act_forward(t, (struct acting){act, y->data, NULL, y->data}, n);
        return y;
    }
    struct tensor *y = tape_tensor(t, x->rows, x->cols, needs);
    float *slope = !needs ? NULL : over ? x->data : tape_keep(t, n * sizeof *slope);
    if (!t->dry)
        act_forward(t, (struct acting){act, y->data, slope, x->data}, n);
    if (needs) {
        struct act_record *r = tape_push(t, sizeof *r, act_backward);
        *r = (struct act_record){r->base, y, x, slope};
        if (over) { /* x's buffer holds the slope now */
            x->data = NULL;
            x->overwritable = false;
        }
    }
    return y;
}

/* Both factors of the product rule are kept: of x act'(x) gate, of gate act(x). */
struct gate_record {
    struct tape_record base;
    struct tensor *y, *x, *gate;
    const float *x_factor, *gate_factor; /* [rows, cols], NULL where nobody asks */
};

struct flowing {
    float *d;
    const float *dy, *factor;
    float beta;
};

static void flow_range(void *state, long first, long end, int thread)
{
    const struct flowing *s = state;
    (void)thread;
    for (long i = first; i < end; i++) {
        float flow = s->dy[i] * s->factor[i];
        s->d[i] = s->beta == 0 ? flow : s->d[i] + flow;
    }
}

/* to = beta to + dy factor, where somebody asks. */
static void gate_gradient(struct tape *t, struct tensor *to, const float *dy, const float *factor)
{
    float beta;
    float *d = factor != NULL ? tape_grad(t, to, &beta) : NULL;
    size_t n = (size_t)to->rows * (size_t)to->cols;
    if (d == NULL || t->dry)
        return;
    struct flowing s = {d, dy, factor, beta};
    pool_run(t->pool, (long)n, VALUES_PIECE, flow_range, &s);
}

static void gate_backward(struct tape *t, void *record)
{
    struct gate_record *r = record;
    if (r->y->grad == NULL)
        return;
    gate_gradient(t, r->gate, r->y->grad, r->gate_factor);
    gate_gradient(t, r->x, r->y->grad, r->x_factor);
    tape_grad_done(t, r->y);
}

/* y, holding act(x), times gate; x_factor, holding act'(x), times gate; gate_factor
 * (which may be gate itself) = act(x). Either factor may be NULL. */
struct gating {
    float *y, *x_factor, *gate_factor;
    const float *gate;
};

static void gate_range(void *state, long first, long end, int thread)
{
    const struct gating *f = state;
    float *y = f->y, *x_factor = f->x_factor, *gate_factor = f->gate_factor;
    const float *gate = f->gate;
    size_t n = (size_t)end;
    (void)thread;
    assert(y != NULL && gate != NULL);
    for (size_t i = (size_t)first; i < n; i += N_LANES) {
        bool whole = i + N_LANES <= n;
        lanes g = whole ? lanes_load(gate + i) : lanes_load_part(gate + i, n - i, 0);
        lanes a = whole ? lanes_load(y + i) : lanes_load_part(y + i, n - i, 0);
        lanes s = lanes_of(0);
        if (x_factor != NULL)
            s = whole ? lanes_load(x_factor + i) : lanes_load_part(x_factor + i, n - i, 0);
        float *const to[] = {y, x_factor, gate_factor};
        const lanes values[] = {a * g, s * g, a};
        for (int k = 0; k < 3; k++)
            if (to[k] != NULL && whole)
                lanes_store(to[k] + i, values[k]);
            else if (to[k] != NULL)
                lanes_store_part(to[k] + i, n - i, values[k]);
    }
}

/* Where a factor may be kept: x's own buffer, if nobody reads it any more. */
static float *factor_room(struct tape *t, struct tensor *x)
{
    if (!tape_wants(t, x))
        return NULL;
    return x->overwritable ? x->data
                           : tape_keep(t, (size_t)x->rows * (size_t)x->cols * sizeof(float));
}

static void buffer_is_taken(struct tensor *x, const float *by)
{
    if (by != x->data)
        return;
    x->data = NULL;
    x->overwritable = false;
}

struct tensor *op_gated_act(struct tape *t, struct tensor *x, struct tensor *gate, enum act act)
{
    assert(x != gate && x->rows == gate->rows && x->cols == gate->cols);
    bool needs = tape_wants(t, x) || tape_wants(t, gate);
    size_t n = (size_t)x->rows * (size_t)x->cols;
    float *x_factor = factor_room(t, x), *gate_factor = factor_room(t, gate);
    const float *from = x->data;
    struct tensor *y = !needs && x->overwritable ? tape_take_over(t, x, false)
                                                 : tape_tensor(t, x->rows, x->cols, needs);
    if (!t->dry) {
        act_forward(t, (struct acting){act, y->data, x_factor, from}, n);
        struct gating g = {y->data, x_factor, gate_factor, gate->data};
        pool_run(t->pool, (long)n, VALUES_PIECE, gate_range, &g);
    }
    if (needs) {
        struct gate_record *r = tape_push(t, sizeof *r, gate_backward);
        *r = (struct gate_record){r->base, y, x, gate, x_factor, gate_factor};
        if (x_factor != NULL)
            buffer_is_taken(x, x_factor);
        if (gate_factor != NULL)
            buffer_is_taken(gate, gate_factor);
    }
    return y;
}
