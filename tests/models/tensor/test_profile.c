/* Phases add up, nest, and follow an op into its backward. */
#include "harness/base/clock.h"
#include "models/tensor/ops.h"
#include "models/tensor/profile.h"

#include <criterion/criterion.h>
#include <string.h>

static void spend(int64_t ns)
{
    for (int64_t start = clock_ns(); clock_ns() - start < ns;)
        ;
}

Test(profile, phases_add_up_to_the_time_between_start_and_stop)
{
    struct profile p;
    int64_t start = clock_ns();
    profile_start(&p);
    spend(2000000);
    enum phase was = profile_enter(&p, PHASE_GEMM);
    spend(3000000);
    enum phase inner = profile_enter(&p, PHASE_LOSS);
    spend(1000000);
    profile_enter(&p, inner);
    profile_enter(&p, was);
    profile_stop(&p);
    int64_t took = clock_ns() - start;

    cr_assert_eq(was, PHASE_OTHER);
    cr_assert_eq(inner, PHASE_GEMM);
    cr_assert_geq(p.ns[PHASE_OTHER], 2000000);
    cr_assert_geq(p.ns[PHASE_GEMM], 3000000);
    cr_assert_geq(p.ns[PHASE_LOSS], 1000000);
    cr_assert_leq(profile_total_ns(&p), took);
    /* Between the two outer clock readings and those of the profile nothing happens; only
     * being taken off the processor there could part them. */
    cr_assert_geq(profile_total_ns(&p), took - 100000000);
    for (int i = 0; i < PHASE_COUNT; i++)
        cr_assert(i == PHASE_OTHER || i == PHASE_GEMM || i == PHASE_LOSS || p.ns[i] == 0);
}

Test(profile, a_whole_phase_keeps_what_happens_inside)
{
    struct profile p;
    profile_start(&p);
    enum phase was = profile_enter_whole(&p, PHASE_EVALUATION);
    enum phase inner = profile_enter(&p, PHASE_GEMM);
    spend(1000000);
    profile_enter(&p, inner);
    profile_leave_whole(&p, was);
    cr_assert_eq(p.at, PHASE_OTHER);
    profile_stop(&p);
    cr_assert_eq(p.ns[PHASE_GEMM], 0);
    cr_assert_geq(p.ns[PHASE_EVALUATION], 1000000);
}

Test(profile, none_is_no_work)
{
    cr_assert_eq(profile_enter(NULL, PHASE_DATA), PHASE_DATA);
    profile_leave_whole(NULL, profile_enter_whole(NULL, PHASE_EVALUATION));
}

enum { ROWS = 64, WIDTH = 64 };

/* Forward of one product, one attention and a loss. */
static struct tensor *forward(struct tape *t, struct tensor *x, struct tensor *w)
{
    static const int offsets[] = {0, ROWS};
    static const int labels[ROWS];
    tape_begin(t, true, 1, 0);
    struct tensor *y = op_linear(t, x, w, NULL);
    struct attention a = {.q = y,
                          .k = y,
                          .v = y,
                          .n_seq = 1,
                          .n_heads = 2,
                          .scale = 0.1f,
                          .q_offsets = offsets,
                          .k_offsets = offsets};
    return op_cross_entropy(t, op_attention(t, &a), labels, 1);
}

Test(profile, ops_book_their_own_time_forward_and_backward)
{
    static float values[2 * ROWS * WIDTH], gradient[WIDTH * WIDTH];
    struct tensor x = {.rows = ROWS, .cols = WIDTH, .data = values};
    struct tensor w = {.rows = WIDTH,
                       .cols = WIDTH,
                       .data = values + ROWS * WIDTH,
                       .grad = gradient,
                       .needs_grad = true,
                       .is_param = true};
    for (int i = 0; i < 2 * ROWS * WIDTH; i++)
        values[i] = (float)(i % 13 - 6) / 13;
    struct slab slab;
    struct tape t;
    struct profile p;
    slab_init(&slab, 16 << 20);
    tape_init(&t, &slab, 1 << 16);
    tape_backward(&t, forward(&t, &x, &w), 1); /* without a profile: nothing to write to */

    t.profile = &p;
    profile_start(&p);
    struct tensor *loss = forward(&t, &x, &w);
    cr_assert_eq(p.at, PHASE_OTHER, "every op leaves the phase as it found it");
    const struct profile before = p;
    tape_backward(&t, loss, 1);
    cr_assert_eq(p.at, PHASE_OTHER, "and so does every backward");
    profile_stop(&p);
    static const enum phase busy[] = {PHASE_GEMM, PHASE_ATTENTION, PHASE_LOSS};
    for (size_t i = 0; i < sizeof busy / sizeof *busy; i++) {
        cr_assert_gt(before.ns[busy[i]], 0, "%s forward", phase_names[busy[i]]);
        cr_assert_gt(p.ns[busy[i]], before.ns[busy[i]], "%s backward", phase_names[busy[i]]);
    }
    cr_assert_eq(p.ns[PHASE_EVALUATION] + p.ns[PHASE_DATA] + p.ns[PHASE_OPTIMIZER], 0);
    tape_release(&t);
    slab_release(&slab);
}
