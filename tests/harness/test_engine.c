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

/* An encoder with a classifier, and an encoder-decoder. */
static const struct rig_plan *kinds(void)
{
    static struct rig_plan plans[2];
    plans[0] = plans[1] = rig_small;
    plans[1].text = true;
    return plans;
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
    for (int i = 0; methods[i]; i++)
        for (int k = 0; k < 2; k++) {
            struct rig_plan plan = kinds()[k];
            struct trainer x;
            plan.method = methods[i]->name;
            if (!rig_fits(&plan))
                continue;
            trainer_open(&x, &plan);
            cr_assert(x.engine.needed_bytes > 0 &&
                      x.engine.slab.capacity_bytes >= x.engine.needed_bytes);
            run_all(&x);
            cr_expect(x.engine.slab.peak_bytes == x.engine.needed_bytes, "%s: %zu, dry run %zu",
                      plan.method, x.engine.slab.peak_bytes, x.engine.needed_bytes);
            trainer_close(&x);
        }
}

static void expect_nothing_allocated(const struct rig_plan *plan)
{
    struct trainer x;
    trainer_open(&x, plan);
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

Test(engine, nothing_is_allocated_between_steps)
{
    expect_nothing_allocated(&kinds()[0]);
    expect_nothing_allocated(&kinds()[1]);
}

/* Dropout 0: a mean over examples, or target tokens, does not care how they are cut. 1e-5: sums
 * of float32 in another order, over some ten products in a row. */
static void expect_parts_add_up(struct rig_plan plan)
{
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

Test(engine, micro_batches_add_up_to_the_gradient_of_the_whole)
{
    expect_parts_add_up(kinds()[0]);
    expect_parts_add_up(kinds()[1]);
}

Test(engine, the_same_numbers_give_the_same_dropout)
{
    for (int k = 0; k < 2; k++) {
        struct trainer x;
        const int rows[] = {0, 1};
        trainer_open(&x, &kinds()[k]);
        double first = engine_train(&x.engine, &x.train, rows, 2, 1, 7);
        double again = engine_train(&x.engine, &x.train, rows, 2, 1, 7);
        double other = engine_train(&x.engine, &x.train, rows, 2, 1, 8);
        cr_expect(first == again && first != other);
        trainer_close(&x);
    }
}

/* Each row's scores land at its number, whatever batch it went in. 1e-5: as above. */
static void expect_scores_at_their_rows(const struct rig_plan *plan)
{
    struct trainer x;
    trainer_open(&x, plan);
    int n = x.validation.n, start[] = {0, 1};
    struct scores alone, *all = &x.scores;
    scores_init(&alone, &x.validation, true, &x.rig.arena);
    cr_assert(x.order.n > 1 && x.order.n < n);
    engine_evaluate(&x.engine, &x.validation, &x.order, all);
    for (int row = 0; row < n; row++) {
        struct batches one = {.rows = &row, .n_rows = 1, .start = start, .n = 1};
        engine_evaluate(&x.engine, &x.validation, &one, &alone);
    }
    double worst = relative(all->logits, alone.logits, (size_t)n * RIG_CLASSES);
    cr_expect(worst <= 1e-5, "%g", worst);
    if (plan->text) {
        size_t n_tok = (size_t)all->offsets[n], room = (size_t)all->generated.max_new_tokens;
        worst = relative(all->nll, alone.nll, n_tok);
        cr_expect(worst <= 1e-5, "%g", worst);
        cr_expect(memcmp(all->predicted_ids, alone.predicted_ids, n_tok * sizeof(int)) == 0);
        for (size_t i = 0; i < (size_t)n; i++) {
            int n_said = all->generated.n_ids[i];
            cr_assert(n_said > 0 && n_said == alone.generated.n_ids[i], "row %zu", i);
            cr_assert(memcmp(all->generated.ids + i * room, alone.generated.ids + i * room,
                             (size_t)n_said * sizeof(int)) == 0);
        }
    }
    trainer_close(&x);
}

Test(engine, scores_stand_at_their_rows)
{
    expect_scores_at_their_rows(&kinds()[0]);
    expect_scores_at_their_rows(&kinds()[1]);
}

Test(engine, evaluation_has_no_dropout_and_leaves_gradients_alone)
{
    for (int k = 0; k < 2; k++) {
        struct rig_plan plan = kinds()[k];
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
}

/* Every method's losses and gradients, bit by bit, with what the layers computed kept and
 * computed again: dropout masks, scattered gradients and sums in the order of the tape too. And
 * the dry run knows the memory, which a method that remembers layers needs less of. */
Test(engine, layers_computed_again_give_the_same_bits)
{
    for (int i = 0; methods[i]; i++)
        for (int k = 0; k < 2; k++) {
            struct rig_plan plan = kinds()[k];
            struct trainer kept, again;
            plan.method = methods[i]->name;
            if (!rig_fits(&plan))
                continue;
            trainer_open(&kept, &plan);
            plan.recompute = true;
            trainer_open(&again, &plan);
            for (long step = 0; step < kept.steps.n_steps; step++)
                cr_expect(rig_gradients(&kept, step) == rig_gradients(&again, step), "%s",
                          plan.method);
            const struct params *p = &kept.rig.model.params, *q = &again.rig.model.params;
            cr_expect(memcmp(p->adam.grad, q->adam.grad, p->n_train * sizeof(float)) == 0, "%s",
                      plan.method);
            engine_evaluate(&again.engine, &again.validation, &again.order, &again.scores);
            size_t need = again.engine.needed_bytes;
            cr_expect(again.engine.slab.peak_bytes == need, "%s: %zu, dry run %zu", plan.method,
                      again.engine.slab.peak_bytes, need);
            if (strcmp(plan.method, "full") == 0)
                cr_expect(need < kept.engine.needed_bytes, "%zu, kept %zu", need,
                          kept.engine.needed_bytes);
            trainer_close(&kept);
            trainer_close(&again);
        }
}

/* --- frozen models ------------------------------------------------------------ */

/* Where dropout spares what is frozen a probe sees none of it, in either family; and where
 * everything trains nothing is spared. */
Test(engine, dropout_spares_what_is_frozen_where_asked_to)
{
    for (int k = 0; k < 2; k++)
        for (int full = 0; full < 2; full++) {
            struct rig_plan plan = kinds()[k];
            struct trainer dropped, spared, plain;
            plan.method = full ? "full" : "head";
            trainer_open(&dropped, &plan);
            plan.spare_frozen = true;
            trainer_open(&spared, &plan);
            plan.dropout = "0";
            trainer_open(&plain, &plan);
            double with = rig_gradients(&dropped, 0), without = rig_gradients(&plain, 0);
            cr_expect(with != without);
            cr_expect(rig_gradients(&spared, 0) == (full ? with : without));
            trainer_close(&dropped);
            trainer_close(&spared);
            trainer_close(&plain);
        }
}

/* The features of all rows of f, in the batches of order. */
static void know_features(struct trainer *x, struct feed *f, const struct batches *order)
{
    float *out =
        arena_array(&x->rig.arena, (size_t)f->n * (size_t)model_width(&x->rig.model), sizeof *out);
    engine_features(&x->engine, f, order, out);
    f->features = out;
}

/* In the same batches: a probe's gradients and scores are the same bits from known features. */
Test(engine, known_features_give_the_same_bits)
{
    struct trainer fresh, known;
    struct rig_plan plan = rig_small;
    plan.method = "head";
    plan.spare_frozen = true;
    plan.n_train = 7;
    plan.n_epochs = 1;
    plan.micro_tokens = 1000; /* one update of one batch */
    trainer_open(&fresh, &plan);
    trainer_open(&known, &plan);
    cr_assert(known.steps.n_micro == 1 && model_features_fixed(&known.rig.model));
    int start[] = {0, plan.n_train};
    struct batches order = {known.steps.rows, plan.n_train, start, 1};
    know_features(&known, &known.train, &order);
    know_features(&known, &known.validation, &known.order);
    cr_expect(rig_gradients(&fresh, 0) == rig_gradients(&known, 0));
    const struct params *p = &fresh.rig.model.params, *q = &known.rig.model.params;
    cr_expect(memcmp(p->adam.grad, q->adam.grad, p->n_train * sizeof(float)) == 0);
    engine_evaluate(&fresh.engine, &fresh.validation, &fresh.order, &fresh.scores);
    engine_evaluate(&known.engine, &known.validation, &known.order, &known.scores);
    cr_expect(memcmp(fresh.scores.logits, known.scores.logits,
                     (size_t)fresh.validation.n * RIG_CLASSES * sizeof(float)) == 0);
    trainer_close(&fresh);
    trainer_close(&known);
}

Test(engine, features_are_fixed_only_below_a_classifier_that_alone_trains)
{
    static const char *const fixed[] = {"head", "null", NULL};
    for (int i = 0; methods[i]; i++) {
        struct rig_plan plan = rig_small;
        struct trainer x;
        plan.method = methods[i]->name;
        trainer_open(&x, &plan);
        cr_expect(model_features_fixed(&x.rig.model) == (str_index(fixed, plan.method) >= 0), "%s",
                  plan.method);
        trainer_close(&x);
    }
    struct rig_plan text = kinds()[1];
    struct trainer x;
    text.method = "head"; /* what reads its features is a decoder's output layer */
    trainer_open(&x, &text);
    cr_expect(model_features_fixed(&x.rig.model) == false);
    trainer_close(&x);
}

/* --- models that answer in text --------------------------------------------- */

/* A class's log-likelihood is what its tokens, learnt alone, would cost; and the row's own target
 * has the same numbers token by token. 1e-5: sums of float32 in batches of other shapes. */
Test(engine, likelihoods_are_the_losses_of_the_targets)
{
    struct trainer x;
    struct rig_plan plan = kinds()[1];
    plan.dropout = "0";
    trainer_open(&x, &plan);
    struct feed *f = &x.validation;
    const struct scores *s = &x.scores;
    engine_evaluate(&x.engine, f, &x.order, &x.scores);
    for (int row = 0; row < f->n; row++) {
        int own = f->labels[row];
        double sum = 0;
        for (int k = s->offsets[row]; k < s->offsets[row + 1]; k++) {
            sum += (double)s->nll[k];
            cr_assert(s->target_ids[k] ==
                      rig_target_ids[rig_target_offsets[own] + k - s->offsets[row]]);
        }
        cr_expect(fabs(sum + (double)s->logits[row * RIG_CLASSES + own]) <= 1e-6 * sum);
        for (int c = 0; c < RIG_CLASSES; c++) {
            f->labels[row] = c;
            double loss = engine_train(&x.engine, f, &row, 1, 1, 0);
            double given = (double)s->logits[row * RIG_CLASSES + c];
            cr_expect(fabs(loss + given) <= 1e-5 * loss, "%.9g, learnt %.9g", given, loss);
        }
        f->labels[row] = own;
    }
    trainer_close(&x);
}

/* Greedy decoding says the row's target, and ends, exactly where each of its tokens is the
 * likeliest under teacher forcing: up to its first mistake, decoding reads what teacher forcing
 * reads. Half-trained, so that both happen. */
Test(engine, decoding_says_the_target_where_every_token_is_right)
{
    struct trainer x;
    struct err e = {0};
    struct rig_plan plan = kinds()[1];
    plan.n_epochs = 4;
    plan.n_train = 60;
    trainer_open(&x, &plan);
    cr_assert(train_run(&x.t, &x.state, &e) == TRAIN_DONE, "%s", e.text);
    scores_init(&x.scores, &x.validation, true, &x.rig.arena);
    engine_evaluate(&x.engine, &x.validation, &x.order, &x.scores);
    const struct scores *s = &x.scores;
    int n_right = 0, n = x.validation.n;
    for (int i = 0; i < n; i++) {
        const int *wanted = s->target_ids + s->offsets[i];
        size_t length = (size_t)(s->offsets[i + 1] - s->offsets[i]);
        const int *said = s->generated.ids + (ptrdiff_t)i * s->generated.max_new_tokens;
        bool right = memcmp(s->predicted_ids + s->offsets[i], wanted, length * sizeof(int)) == 0;
        bool exact =
            s->generated.n_ids[i] == (int)length && memcmp(said, wanted, length * sizeof(int)) == 0;
        cr_expect(right == exact, "row %d", i);
        n_right += right;
    }
    cr_expect(n_right > 0 && n_right < n, "%d of %d: one side is not shown", n_right, n);
    trainer_close(&x);
}

Test(engine, decoding_is_left_out_where_it_is_not_asked_for)
{
    struct trainer x;
    trainer_open(&x, &kinds()[1]);
    struct scores plain;
    scores_init(&plain, &x.validation, false, &x.rig.arena);
    engine_evaluate(&x.engine, &x.validation, &x.order, &x.scores);
    engine_evaluate(&x.engine, &x.validation, &x.order, &plain);
    cr_expect(plain.generated.ids == NULL && plain.said.text == NULL);
    cr_expect(memcmp(plain.logits, x.scores.logits,
                     (size_t)x.validation.n * RIG_CLASSES * sizeof(float)) == 0);
    trainer_close(&x);
}
