/* The engine: memory from a dry run, none taken afterwards, gradients that add up. */
#include "tests/harness/rig.h"

#include <malloc.h>
#include <math.h>

/* |a - b| / |b|, Euclidean. */
static double relative(const float *a, const float *b, size_t n)
{
    double d = 0, norm = 0;
    for (size_t i = 0; i < n; i++) {
        d += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
        norm += (double)b[i] * b[i];
    }
    return sqrt(d / norm);
}

/* Trains and evaluates on every batch once. */
static void run_all(struct trainer *x)
{
    for (long step = 0; step < x->steps.n_steps; step++)
        rig_gradients(x, step);
    engine_evaluate(&x->engine, &x->validation, &x->order, &x->scores);
}

Test(engine, the_dry_run_tells_the_memory_to_the_byte_for_every_method)
{
    for (int i = 0; methods[i]; i++) {
        struct rig_plan plan = rig_small;
        struct trainer x;
        plan.method = methods[i]->name;
        trainer_open(&x, &plan);
        cr_assert(x.engine.needed_bytes > 0 &&
                  x.engine.slab.capacity_bytes >= x.engine.needed_bytes);
        run_all(&x);
        cr_expect(x.engine.slab.peak_bytes == x.engine.needed_bytes, "%s: %zu, dry run %zu",
                  plan.method, x.engine.slab.peak_bytes, x.engine.needed_bytes);
        trainer_close(&x);
    }
}

Test(engine, nothing_is_allocated_between_steps)
{
    struct trainer x;
    trainer_open(&x, &rig_small);
    rig_gradients(&x, 0); /* the BLAS library takes its buffers in its first product */
    engine_evaluate(&x.engine, &x.validation, &x.order, &x.scores);
    struct mallinfo2 before = mallinfo2();
    size_t arena = x.rig.arena.used_bytes, slab = x.engine.slab.capacity_bytes;
    run_all(&x);
    struct mallinfo2 after = mallinfo2(); /* all 0 under the sanitizers */
    cr_expect(after.uordblks == before.uordblks && after.hblkhd == before.hblkhd &&
              after.arena == before.arena);
    cr_expect(x.rig.arena.used_bytes == arena && x.engine.slab.capacity_bytes == slab);
    trainer_close(&x);
}

/* Dropout 0: a mean over examples does not care how they are cut. 1e-5: sums of float32 in
 * another order, over some ten products in a row. */
Test(engine, micro_batches_add_up_to_the_gradient_of_the_whole)
{
    struct rig_plan plan = rig_small;
    struct trainer whole, cut;
    plan.dropout = "0";
    plan.micro_tokens = 1000;
    trainer_open(&whole, &plan);
    plan.micro_tokens = 15;
    trainer_open(&cut, &plan);
    cr_assert(whole.steps.max_micro == 1 && cut.steps.max_micro >= 4);
    double a = rig_gradients(&whole, 0), b = rig_gradients(&cut, 0);
    const struct params *p = &whole.rig.model.params, *q = &cut.rig.model.params;
    cr_expect(fabs(a - b) <= 1e-5 * fabs(a), "loss %.9g, in parts %.9g", a, b);
    double worst = relative(q->adam.grad, p->adam.grad, p->n_train);
    cr_expect(worst <= 1e-5, "gradients differ by %g", worst);
    trainer_close(&whole);
    trainer_close(&cut);
}

Test(engine, the_same_numbers_give_the_same_dropout)
{
    struct trainer x;
    const int rows[] = {0, 1};
    trainer_open(&x, &rig_small);
    double first = engine_train(&x.engine, &x.train, rows, 2, 1, 7);
    double again = engine_train(&x.engine, &x.train, rows, 2, 1, 7);
    double other = engine_train(&x.engine, &x.train, rows, 2, 1, 8);
    cr_expect(first == again && first != other);
    trainer_close(&x);
}

/* Each row's logits land at its number, whatever batch it went in. 1e-5: as above. */
Test(engine, logits_stand_at_their_rows)
{
    struct trainer x;
    trainer_open(&x, &rig_small);
    int n = x.validation.n, start[] = {0, 1};
    struct scores alone;
    scores_init(&alone, &x.validation, &x.rig.arena);
    cr_assert(x.order.n > 1 && x.order.n < n);
    engine_evaluate(&x.engine, &x.validation, &x.order, &x.scores);
    for (int row = 0; row < n; row++) {
        struct batches one = {.rows = &row, .n_rows = 1, .start = start, .n = 1};
        engine_evaluate(&x.engine, &x.validation, &one, &alone);
    }
    double worst = relative(x.scores.logits, alone.logits, (size_t)n * RIG_CLASSES);
    cr_expect(worst <= 1e-5, "%g", worst);
    trainer_close(&x);
}

Test(engine, evaluation_has_no_dropout_and_leaves_gradients_alone)
{
    struct rig_plan plan = rig_small;
    struct trainer with, without;
    trainer_open(&with, &plan);
    plan.dropout = "0";
    trainer_open(&without, &plan);
    engine_evaluate(&with.engine, &with.validation, &with.order, &with.scores);
    engine_evaluate(&without.engine, &without.validation, &without.order, &without.scores);
    cr_expect(memcmp(with.scores.logits, without.scores.logits,
                     (size_t)with.validation.n * RIG_CLASSES * sizeof(float)) == 0);
    const struct params *p = &with.rig.model.params;
    for (size_t i = 0; i < p->n_train; i++)
        cr_assert(p->adam.grad[i] == 0);
    trainer_close(&with);
    trainer_close(&without);
}
