/* Steps: every epoch takes every row once, in updates and micro-batches of the sizes asked. */
#include "tests/harness/rig.h"

enum { N = 103, EPOCHS = 3, BATCH = 8, BUDGET = 30, SEED = 5 };

static struct steps lay(const struct feed *f, int n_epochs, int budget, uint64_t seed,
                        struct arena *a)
{
    return steps_lay(f, n_epochs, BATCH, budget, seed, a);
}

Test(steps, every_epoch_has_every_row_once_and_an_order_of_its_own)
{
    struct arena a = {0};
    struct feed f = rig_feed(N, false, 1, &a);
    struct steps s = lay(&f, EPOCHS, BUDGET, SEED, &a);
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
        int seen[N] = {0};
        for (int i = 0; i < N; i++)
            seen[s.rows[epoch * N + i]]++;
        for (int i = 0; i < N; i++)
            cr_assert(seen[i] == 1, "epoch %d, row %d: %d times", epoch, i, seen[i]);
        if (epoch)
            cr_expect(memcmp(s.rows, s.rows + epoch * N, N * sizeof(int)) != 0);
    }
    arena_release(&a);
}

Test(steps, updates_are_full_but_for_the_last_of_an_epoch)
{
    struct arena a = {0};
    struct feed f = rig_feed(N, false, 1, &a);
    struct steps s = lay(&f, EPOCHS, BUDGET, SEED, &a);
    long n_tok = 0, all = 0;
    cr_assert(s.steps_per_epoch == 13 && s.n_steps == 39); /* 12 * 8 + 7 = 103 */
    for (long step = 0; step < s.n_steps; step++) {
        int wanted = step % 13 == 12 ? N % BATCH : BATCH;
        cr_assert(steps_examples(&s, step) == wanted, "step %ld", step);
        /* An epoch's updates lie end to end in its part of rows. */
        cr_assert(s.micro_start[s.step_micro[step]] == step / 13 * N + step % 13 * BATCH);
        n_tok += steps_tokens(&s, &f, step);
    }
    for (int i = 0; i < N; i++)
        all += f.length_tok[i];
    cr_expect(n_tok == EPOCHS * all);
    arena_release(&a);
}

Test(steps, micro_batches_keep_the_budget_and_their_largest_is_known)
{
    struct arena a = {0};
    struct feed f = rig_feed(N, false, 1, &a);
    struct steps s = lay(&f, EPOCHS, BUDGET, SEED, &a);
    int max_tok = 0, max_seq = 0;
    long max_micro = 0;
    for (long step = 0; step < s.n_steps; step++) {
        long n = s.step_micro[step + 1] - s.step_micro[step];
        max_micro = n > max_micro ? n : max_micro;
        for (long i = s.step_micro[step]; i < s.step_micro[step + 1]; i++) {
            int n_tok = 0, n_seq = s.micro_start[i + 1] - s.micro_start[i];
            for (int k = s.micro_start[i]; k < s.micro_start[i + 1]; k++)
                n_tok += f.length_tok[s.rows[k]];
            cr_assert(n_seq > 0 && n_tok <= BUDGET, "%d rows of %d tokens", n_seq, n_tok);
            max_tok = n_tok > max_tok ? n_tok : max_tok;
            max_seq = n_seq > max_seq ? n_seq : max_seq;
        }
    }
    cr_expect(s.max_tok == max_tok && s.max_seq == max_seq && s.max_micro == max_micro);
    cr_expect(max_micro > 1, "the budget never cut an update: the test shows nothing");
    cr_expect(s.step_micro[s.n_steps] == s.n_micro && s.micro_start[s.n_micro] == EPOCHS * N);
    arena_release(&a);
}

Test(steps, a_row_over_the_budget_goes_alone)
{
    struct arena a = {0};
    struct feed f = rig_feed(N, false, 1, &a);
    struct steps s = lay(&f, 1, 2, SEED, &a); /* every row has 3 tokens or more */
    cr_expect(s.n_micro == N && s.max_seq == 1 && s.max_micro == BATCH);
    arena_release(&a);
}

Test(steps, order_follows_from_the_seed_and_never_from_the_budget)
{
    struct arena a = {0};
    struct feed f = rig_feed(N, false, 1, &a);
    size_t bytes = (size_t)EPOCHS * N * sizeof(int);
    struct steps s = lay(&f, EPOCHS, BUDGET, SEED, &a);
    cr_expect(memcmp(s.rows, lay(&f, EPOCHS, BUDGET, SEED, &a).rows, bytes) == 0);
    cr_expect(memcmp(s.rows, lay(&f, EPOCHS, 10000, SEED, &a).rows, bytes) == 0);
    cr_expect(memcmp(s.rows, lay(&f, EPOCHS, BUDGET, SEED + 1, &a).rows, bytes) != 0);
    arena_release(&a);
}

Test(steps, no_epochs_are_no_steps)
{
    struct arena a = {0};
    struct feed f = rig_feed(N, false, 1, &a);
    struct steps s = lay(&f, 0, BUDGET, SEED, &a);
    cr_expect(s.n_steps == 0 && s.n_micro == 0 && s.max_tok == 0 && s.max_micro == 0);
    cr_expect(s.step_micro[0] == 0 && s.micro_start[0] == 0);
    arena_release(&a);
}

/* Where the model answers in text, a row brings its own target's tokens too, and they are what a
 * loss is the mean of. */
Test(steps, targets_count)
{
    struct arena a = {0};
    struct feed f = rig_feed(N, false, 1, &a);
    f.targets = &rig_targets;
    struct steps s = lay(&f, 1, BUDGET, SEED, &a);
    long n_losses = 0, n_tok = 0, wanted_losses = 0, wanted_tok = 0;
    for (int i = 0; i < N; i++) {
        int length = rig_target_offsets[f.labels[i] + 1] - rig_target_offsets[f.labels[i]];
        wanted_losses += length;
        wanted_tok += f.length_tok[i] + length;
    }
    for (long step = 0; step < s.n_steps; step++) {
        n_losses += steps_losses(&s, &f, step);
        n_tok += steps_tokens(&s, &f, step);
    }
    cr_expect(n_losses == wanted_losses && n_tok == wanted_tok);
    for (long i = 0; i < s.n_micro; i++) {
        int cost = 0;
        for (int k = s.micro_start[i]; k < s.micro_start[i + 1]; k++)
            cost += feed_cost(&f, s.rows[k], PACK_ANSWER);
        cr_assert(cost <= BUDGET && cost <= s.max_tok);
    }
    f.targets = NULL;
    cr_expect(steps_losses(&s, &f, 0) == BATCH);
    arena_release(&a);
}
