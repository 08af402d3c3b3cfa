#include "models/tensor/ops.h"
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

static void act_backward(struct tape *t, void *record)
{
    struct act_record *r = record;
    struct tensor *y = r->y;
    if (y->grad == NULL)
        return;
    size_t n = (size_t)y->rows * (size_t)y->cols;
    for (size_t i = 0; i < n && !t->dry; i++)
        y->grad[i] *= r->slope[i];
    if (tape_grad_move(t, y, r->x))
        return;
    float beta;
    float *dx = tape_grad(t, r->x, &beta);
    for (size_t i = 0; i < n && !t->dry; i++)
        dx[i] += y->grad[i];
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

/* Value into y and, unless slope is NULL, slope (which may be x) beside it. */
static void act_forward(enum act act, float *y, float *slope, const float *x, size_t n)
{
    switch (act) {
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

struct tensor *op_act(struct tape *t, struct tensor *x, enum act act)
{
    bool needs = tape_wants(t, x);
    bool over = x->overwritable;
    size_t n = (size_t)x->rows * (size_t)x->cols;
    if (!needs && over) {
        struct tensor *y = tape_take_over(t, x, false);
        if (!t->dry)
            act_forward(act, y->data, NULL, y->data, n);
        return y;
    }
    struct tensor *y = tape_tensor(t, x->rows, x->cols, needs);
    float *slope = !needs ? NULL : over ? x->data : tape_keep(t, n * sizeof *slope);
    if (!t->dry)
        act_forward(act, y->data, slope, x->data, n);
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
