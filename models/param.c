#include "models/param.h"

#include "harness/base/rng.h"
#include "models/tensor/bfloat16.h"
#include "models/tensor/vmath.h"

#include <assert.h>
#include <math.h>
#include <string.h>

void params_init(struct params *p, struct arena *a)
{
    *p = (struct params){.arena = a};
}

size_t param_size(const struct param *one)
{
    return (size_t)one->rows * (size_t)one->cols;
}

/* Makes room for one more when n is 0 or a power of two. */
static void grow(struct params *p)
{
    if (p->n & (p->n - 1))
        return;
    size_t room = p->n ? 2 * (size_t)p->n : 1;
    struct param **items = arena_array(p->arena, room, sizeof *items);
    if (p->n)
        memcpy(items, p->items, (size_t)p->n * sizeof *items);
    p->items = items;
}

struct param *params_add(struct params *p, const struct param *spec)
{
    assert(!p->adam.param);
    assert(spec->rows > 0 && spec->cols > 0 && (spec->n_dims == 2 || spec->rows == 1));
    assert(!params_find(p, spec->name));
    grow(p);
    struct param *one = arena_alloc(p->arena, sizeof *one);
    *one = *spec;
    one->name = arena_strdup(p->arena, spec->name);
    one->trainable = one->loaded = one->owned = false;
    one->lr_scale = 1;
    one->t = (struct tensor){.rows = spec->rows, .cols = spec->cols, .is_param = true};
    p->items[p->n++] = one;
    return one;
}

struct param *params_find(const struct params *p, const char *name)
{
    for (int i = 0; i < p->n; i++)
        if (strcmp(p->items[i]->name, name) == 0)
            return p->items[i];
    return NULL;
}

size_t params_total(const struct params *p)
{
    size_t n = 0;
    for (int i = 0; i < p->n; i++)
        n += param_size(p->items[i]);
    return n;
}

size_t params_trainable(const struct params *p)
{
    size_t n = 0;
    for (int i = 0; i < p->n; i++)
        if (p->items[i]->trainable)
            n += param_size(p->items[i]);
    return n;
}

void params_mark(struct params *p)
{
    for (int i = 0; i < p->n; i++)
        p->items[i]->t.needs_grad = p->items[i]->trainable;
}

static int decays(const struct param *one)
{
    return one->role == PARAM_WEIGHT || one->role == PARAM_EMBEDDING;
}

/* A trained table's rows, whose moments may be anything until a step has looked. */
static void note_rows(struct params *p, struct param *one)
{
    one->t.row_state = arena_alloc(p->arena, (size_t)one->rows);
    memset(one->t.row_state, ROW_MOMENTS, (size_t)one->rows);
}

/* Neighbours that are treated alike become one slice; a table is one of its own. */
static void make_slices(struct params *p)
{
    struct adamw_slice *slices = arena_array(p->arena, (size_t)p->n, sizeof *slices);
    int n = 0;
    size_t at = 0;
    for (int i = 0; i < p->n; i++) {
        const struct param *one = p->items[i];
        if (!one->trainable)
            continue;
        if (n == 0 || one->t.row_state || slices[n - 1].row_state ||
            slices[n - 1].decays != decays(one) || slices[n - 1].lr_scale != one->lr_scale)
            slices[n++] = (struct adamw_slice){.start = at,
                                               .decays = decays(one),
                                               .lr_scale = one->lr_scale,
                                               .row_state = one->t.row_state,
                                               .width = (size_t)one->cols};
        slices[n - 1].n += param_size(one);
        at += param_size(one);
    }
    p->adam.slices = slices;
    p->adam.n_slices = n;
}

void params_allocate(struct params *p, bool with_moments)
{
    assert(!p->adam.param);
    params_mark(p);
    p->n_train = params_trainable(p);
    p->adam.param = arena_array(p->arena, p->n_train, sizeof(float));
    p->adam.grad = arena_array(p->arena, p->n_train, sizeof(float));
    if (with_moments) {
        p->adam.m = arena_array(p->arena, p->n_train, sizeof(float));
        p->adam.v = arena_array(p->arena, p->n_train, sizeof(float));
    }
    if (p->bfloat16)
        p->half = arena_array(p->arena, p->n_train, sizeof *p->half);
    size_t at = 0;
    for (int i = 0; i < p->n; i++) {
        struct param *one = p->items[i];
        if (!one->trainable)
            continue;
        one->t.data = p->adam.param + at;
        one->t.grad = p->adam.grad + at;
        one->t.half = p->half ? p->half + at : NULL;
        if (one->role == PARAM_EMBEDDING)
            note_rows(p, one);
        at += param_size(one);
    }
    make_slices(p);
}

void params_round(struct params *p)
{
    if (p->half)
        bfloat16_round(p->half, p->adam.param, p->n_train, 1);
}

bool params_keeps_half(const struct params *p, const struct param *one)
{
    bool matrix = one->role == PARAM_WEIGHT || one->role == PARAM_EMBEDDING;
    return p->bfloat16 && matrix && !one->trainable && !one->float32;
}

uint16_t *params_own_half(struct params *p, struct param *one)
{
    assert(p->adam.param && params_keeps_half(p, one));
    uint16_t *own = arena_array(p->arena, param_size(one), sizeof *own);
    one->t.half = own;
    return own;
}

size_t params_bytes(const struct params *p)
{
    size_t n = 0;
    for (int i = 0; i < p->n; i++) {
        const struct param *one = p->items[i];
        bool half = p->bfloat16 && one->trainable, only = params_keeps_half(p, one);
        n += param_size(one) * ((only ? 0 : sizeof(float)) + (half || only ? sizeof(uint16_t) : 0));
    }
    return n;
}

float *params_own_data(struct params *p, struct param *one)
{
    assert(p->adam.param);
    if (one->trainable || one->owned)
        return one->t.data;
    float *own = arena_array(p->arena, param_size(one), sizeof *own);
    if (one->t.data)
        memcpy(own, one->t.data, param_size(one) * sizeof *own);
    else if (one->t.half)
        bfloat16_widen(own, one->t.half, param_size(one));
    one->t.half = NULL;
    one->t.data = own;
    one->owned = true;
    return own;
}

/* Column pair k of a width d turns by 10000^(-2k/d) a row; in double, without libm's last bits. */
static float sinusoid(const struct param *one, size_t i)
{
    size_t row = i / (size_t)one->cols, col = i % (size_t)one->cols;
    double exponent = -(double)(col - col % 2) / one->cols;
    double angle = (double)row * scalar_exp(exponent * scalar_log(10000));
    /* In units of pi; sin x = cos(x - pi / 2). */
    double turns = fmod(angle / 3.141592653589793 + (col % 2 ? 0 : 1.5), 2);
    double value = scalar_cos_pi(turns > 1 ? 2 - turns : turns);
    return one->init_scale * (float)(sqrt(2) * value);
}

static float nearness(const struct param *one, size_t i)
{
    size_t row = i / (size_t)one->cols % (size_t)one->direction_rows;
    return -ldexpf(one->init_scale * (float)row, -(int)(i % (size_t)one->cols));
}

/* Initial values number first .. first + n - 1; first is even. */
static void fill(const struct param *one, size_t first, float *out, size_t n, uint64_t seed)
{
    struct rng r = {.seed = seed,
                    .stream = RNG_INIT,
                    .site = rng_site_of(one->drawn_as ? one->drawn_as : one->name)};
    if (one->init == INIT_NORMAL ||
        one->init == INIT_NORMAL_PADDED) /* billions of them where a large model starts from random
                                            weights */
        rng_fill_normal(&r, first, out, n);
    for (size_t i = 0; i < n; i++)
        switch (one->init) {
        case INIT_ZEROS:
            out[i] = 0;
            break;
        case INIT_ONES:
            out[i] = 1;
            break;
        case INIT_CONSTANT:
            out[i] = one->init_scale;
            break;
        case INIT_NORMAL:
        case INIT_NORMAL_PADDED:
            out[i] = one->init_scale * out[i];
            break;
        case INIT_UNIFORM:
            out[i] = one->init_scale * (2 * rng_uniform(&r, first + i) - 1);
            break;
        case INIT_SINUSOIDAL:
            out[i] = sinusoid(one, first + i);
            break;
        case INIT_NEAR:
            out[i] = nearness(one, first + i);
            break;
        }
    size_t pad = (size_t)one->pad_row * (size_t)one->cols, end = pad + (size_t)one->cols;
    for (size_t i = pad > first ? pad : first; one->init == INIT_NORMAL_PADDED && i < end; i++)
        if (i - first < n)
            out[i - first] = 0;
}

/* Straight to bfloat16: billions of float32 would not fit. */
static void fill_half(const struct param *one, uint16_t *out, uint64_t seed)
{
    enum { PIECE = 4096 };
    float piece[PIECE];
    for (size_t at = 0, n; at < param_size(one); at += n) {
        n = param_size(one) - at < PIECE ? param_size(one) - at : PIECE;
        fill(one, at, piece, n, seed);
        bfloat16_round(out + at, piece, n, 1);
    }
}

void params_init_missing(struct params *p, uint64_t seed)
{
    for (int i = 0; i < p->n; i++) {
        struct param *one = p->items[i];
        if (!one->loaded && params_keeps_half(p, one))
            fill_half(one, params_own_half(p, one), seed);
        else if (!one->loaded)
            fill(one, 0, params_own_data(p, one), param_size(one), seed);
    }
    params_round(p);
}
