#include "models/tensor/optimizer.h"
#include "models/tensor/tape.h"
#include "tests/golden/optimizer/adamw.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

enum { N = 7, STEPS = 10 };
static const double MAX_NORM = 20;

/* Ten steps like make.py's, compared after each: 1e-6 of the largest parameter,
 * a few roundings a step. */
static void check_steps(const double (*want)[N], float decay, int clip)
{
    float param[N], grad[N], m[N] = {0}, v[N] = {0};
    for (int i = 0; i < N; i++)
        param[i] = (float)start[0][i];
    struct adamw_slice slices[] = {{.n = 3, .decays = 1, .lr_scale = 1},
                                   {.start = 3, .n = N - 3, .decays = 1, .lr_scale = 1}};
    struct adamw_state s = {param, grad, m, v, slices, 2};
    struct adamw o = {0.9f, 0.999f, 1e-8f, decay};
    for (int step = 0; step < STEPS; step++) {
        for (int i = 0; i < N; i++)
            grad[i] = (float)grads[step][i];
        float scale = 1;
        if (clip) {
            double norm = grad_norm(&s, NULL);
            cr_expect_float_eq(norm, norms[0][step], 1e-6 * norm);
            scale = clip_scale(norm, MAX_NORM);
        }
        double rate = 1e-2 * schedule_factor(SCHEDULE_LINEAR, step, 3, STEPS);
        adamw_step(&o, &s, step + 1, rate, scale, NULL);
        for (int i = 0; i < N; i++) {
            cr_expect(fabs(param[i] - want[step][i]) <= 1e-6 * fmax(1, fabs(want[step][i])),
                      "step %d, parameter %d: %.9g, torch %.9g", step, i, (double)param[i],
                      want[step][i]);
            cr_expect_eq(grad[i], 0, "gradients are ready to be summed into");
        }
    }
}

Test(optimizer, equals_torch_adamw_over_ten_steps)
{
    check_steps(decayed, 0.1f, 0);
}

Test(optimizer, equals_torch_with_clipping)
{
    check_steps(clipped, 0, 1);
}

Test(optimizer, treats_slices_apart)
{
    float param[2] = {1, 1}, grad[2] = {0, 0}, m[2] = {0}, v[2] = {0};
    struct adamw_slice slices[] = {{.n = 1, .decays = 1, .lr_scale = 0.5f},
                                   {.start = 1, .n = 1, .lr_scale = 1}};
    struct adamw_state s = {param, grad, m, v, slices, 2};
    adamw_step(&(struct adamw){0.9f, 0.999f, 1e-8f, 0.1f}, &s, 1, 0.2, 1, NULL);
    cr_expect_float_eq(param[0], 1 - 0.2 * 0.5 * 0.1, 1e-7);
    cr_expect_eq(param[1], 1, "no decay where a slice has none");
}

Test(optimizer, does_not_clip_when_told_not_to)
{
    cr_expect_eq(clip_scale(1e9, 0), 1);
    cr_expect_eq(clip_scale(0.5, 1), 1);
    cr_expect_float_eq(clip_scale(4, 1), 1 / (4 + 1e-6), 1e-7);
}

Test(optimizer, norm_of_a_long_block_is_exact_to_double)
{
    static float grad[100003];
    double want = 0;
    for (int i = 0; i < 100003; i++) {
        grad[i] = (float)sin(i) * (i % 97 == 0 ? 1000.0f : 1e-3f);
        want += (double)grad[i] * grad[i];
    }
    struct adamw_slice slice = {.n = 100003};
    struct adamw_state s = {.grad = grad, .slices = &slice, .n_slices = 1};
    cr_expect_float_eq(grad_norm(&s, NULL), sqrt(want), 1e-12 * sqrt(want));
}

/* Rows that come and go, one that never does, moments that begin as a snapshot's: with
 * and without knowing which rows are touched, every bit is the same. */
Test(optimizer, leaves_alone_only_what_is_zero)
{
    enum { ROWS = 6, WIDTH = 19, CELLS = ROWS * WIDTH };
    static const unsigned char touched[4][ROWS] = {
        {1, 0, 0, 0, 1, 0}, {0, 1, 0, 0, 1, 0}, {0, 0, 0, 0, 0, 0}, {1, 1, 0, 0, 0, 0}};
    float dense[4][CELLS] = {{0}}, sparse[4][CELLS] = {{0}};
    unsigned char state[ROWS];
    memset(state, ROW_MOMENTS, sizeof state);
    for (int i = 0; i < CELLS; i++)
        dense[0][i] = sparse[0][i] = (float)sin(i);
    dense[2][5 * WIDTH] = sparse[2][5 * WIDTH] = 0.5f; /* row 5: as a snapshot left it */
    struct adamw_slice whole = {.n = CELLS, .decays = 1, .lr_scale = 1}, table = whole;
    table.row_state = state;
    table.width = WIDTH;
    struct adamw_state a = {dense[0], dense[1], dense[2], dense[3], &whole, 1};
    struct adamw_state b = {sparse[0], sparse[1], sparse[2], sparse[3], &table, 1};
    for (int step = 0; step < 8; step++) {
        for (int i = 0; i < CELLS; i++)
            if (touched[step % 4][i / WIDTH]) {
                dense[1][i] = sparse[1][i] = (float)cos(i + step);
                state[i / WIDTH] = ROW_TOUCHED;
            }
        cr_expect_float_eq(grad_norm(&b, NULL), grad_norm(&a, NULL), 1e-14 * grad_norm(&a, NULL));
        const struct adamw o = {0.9f, 0.999f, 1e-8f, step < 4 ? 0.1f : 0};
        adamw_step(&o, &a, step + 1, 1e-2, 0.7f, NULL);
        adamw_step(&o, &b, step + 1, 1e-2, 0.7f, NULL);
        cr_expect(memcmp(dense, sparse, sizeof dense) == 0, "step %d", step);
        cr_expect(state[2] == ROW_QUIET && state[3] == ROW_QUIET && state[5] == ROW_MOMENTS);
    }
}

Test(schedule, equals_transformers)
{
    static const struct {
        enum schedule s;
        long warmup, steps;
    } rows[] = {{SCHEDULE_LINEAR, 3, 10},
                {SCHEDULE_LINEAR, 0, 10},
                {SCHEDULE_CONSTANT, 3, 10},
                {SCHEDULE_COSINE, 3, 10},
                {SCHEDULE_COSINE, 0, 11}};
    for (int r = 0; r < 5; r++)
        for (int step = 0; step < (r == 4 ? 12 : 10); step++)
            cr_expect_float_eq(schedule_factor(rows[r].s, step, rows[r].warmup, rows[r].steps),
                               factors[r][step], 1e-15, "row %d step %d", r, step);
}

Test(schedule, ends_at_zero)
{
    cr_expect_eq(schedule_factor(SCHEDULE_LINEAR, 10, 3, 10), 0);
    cr_expect_eq(schedule_factor(SCHEDULE_LINEAR, 99, 3, 10), 0);
    cr_expect_eq(schedule_factor(SCHEDULE_COSINE, 10, 3, 10), 0);
}
