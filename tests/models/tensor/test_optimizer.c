#include "models/tensor/optimizer.h"
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
    struct adamw_slice slices[] = {{0, 3, 1, 1}, {3, N - 3, 1, 1}};
    struct adamw_state s = {param, grad, m, v, slices, 2};
    struct adamw o = {0.9f, 0.999f, 1e-8f, decay};
    for (int step = 0; step < STEPS; step++) {
        for (int i = 0; i < N; i++)
            grad[i] = (float)grads[step][i];
        float scale = 1;
        if (clip) {
            double norm = grad_norm(grad, N, NULL);
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
    struct adamw_slice slices[] = {{0, 1, 1, 0.5f}, {1, 1, 0, 1}};
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
    cr_expect_float_eq(grad_norm(grad, 100003, NULL), sqrt(want), 1e-12 * sqrt(want));
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
