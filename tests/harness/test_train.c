/* Training: the best epoch is kept, a stopped training goes on with the same bits, and one
 * that diverges says where. */
#include "harness/snapshot.h"
#include "tests/harness/rig.h"

#include <math.h>

static struct err e;

static void train_to_the_end(struct trainer *x)
{
    cr_assert(train_run(&x->t, &x->state, &e) == TRAIN_DONE, "%s", e.text);
}

static size_t block(const struct trainer *x)
{
    return x->rig.model.params.n_train * sizeof(float);
}

Test(train, the_loss_falls_and_everything_is_counted)
{
    struct trainer x;
    struct rig_plan plan = rig_small;
    plan.n_epochs = 8;
    trainer_open(&x, &plan);
    train_to_the_end(&x);
    const struct train_state *s = &x.state;
    long n_tok = 0;
    cr_assert(s->step == x.steps.n_steps && s->n_epochs == plan.n_epochs);
    for (int i = 0; i < x.train.n; i++)
        n_tok += x.train.length_tok[i];
    cr_expect(s->n_tok == plan.n_epochs * n_tok && s->n_examples == plan.n_epochs * x.train.n);
    for (int i = 0; i < plan.n_epochs; i++) { /* an epoch's loss is the mean over its rows */
        double sum = 0;
        for (long k = (long)i * x.steps.steps_per_epoch; k < (i + 1L) * x.steps.steps_per_epoch;
             k++) {
            cr_expect(s->steps[k].epoch == i + 1);
            sum += s->steps[k].loss * steps_examples(&x.steps, k);
        }
        cr_expect(s->epochs[i].train_loss == sum / x.train.n);
    }
    cr_expect(s->epochs[7].train_loss < 0.6 * s->epochs[0].train_loss, "%g, then %g",
              s->epochs[0].train_loss, s->epochs[7].train_loss);
    /* warm-up to the peak, then down to 0 behind the last step */
    cr_expect(s->steps[0].learning_rate == 0 && s->steps[3].learning_rate == 0.01);
    cr_expect(s->steps[23].learning_rate > 0 && s->steps[23].learning_rate < 0.001);
    trainer_close(&x);
}

/* The mean over target tokens, of which rows have different numbers; learnt, all three ways of
 * judging agree on the classes. */
Test(train, a_model_of_text_learns_and_its_metrics_agree)
{
    struct trainer x;
    struct rig_plan plan = rig_small;
    plan.text = true;
    plan.n_train = 60;
    plan.n_epochs = 20;
    trainer_open(&x, &plan);
    train_to_the_end(&x);
    const struct train_state *s = &x.state;
    double sum = 0, n = 0;
    for (long k = 0; k < x.steps.steps_per_epoch; k++) {
        double n_tok = (double)steps_losses(&x.steps, &x.train, k);
        sum += s->steps[k].loss * n_tok;
        n += n_tok;
    }
    cr_expect(n > 2 * plan.n_train && s->epochs[0].train_loss == sum / n);
    struct trainer fresh;
    trainer_open(&fresh, &plan);
    cr_expect(rig_gradients(&fresh, 0) == s->steps[0].loss, "not the mean over target tokens");
    trainer_close(&fresh);
    cr_expect(s->epochs[19].train_loss < 0.2 * s->epochs[0].train_loss, "%g, then %g",
              s->epochs[0].train_loss, s->epochs[19].train_loss);
    const double *m = s->epochs[s->best_epoch - 1].metric;
    cr_expect(m[METRIC_ACCURACY] == 1 && m[METRIC_ACCURACY_NORM] == 1);
    cr_expect(m[METRIC_TOKEN_ACCURACY] == 1 && isnan(m[METRIC_EXACT_MATCH])); /* not decoded */
    cr_expect(m[METRIC_TOKEN_COUNT] == x.scores.offsets[x.validation.n]);
    trainer_close(&x);
}

/* Labels of validation that are noise: its loss is best early, while the rows are still being
 * learned by heart. */
Test(train, the_best_epoch_is_chosen_and_put_back)
{
    static const enum metric metrics[] = {METRIC_ACCURACY, METRIC_F1_MACRO, METRIC_LOSS};
    for (int k = 0; k < 3; k++) {
        struct trainer x;
        struct rig_plan plan = rig_small;
        plan.n_epochs = 6;
        plan.noisy = true;
        plan.metric = metrics[k];
        trainer_open(&x, &plan);
        train_to_the_end(&x);
        const struct result_epoch *r = x.state.epochs;
        int best = 0;
        for (int i = 1; i < plan.n_epochs; i++)
            if (metrics[k] == METRIC_LOSS ? r[i].metric[METRIC_LOSS] < r[best].metric[METRIC_LOSS]
                                          : r[i].metric[metrics[k]] > r[best].metric[metrics[k]])
                best = i;
        cr_assert(x.state.best_epoch == best + 1, "metric %d: %d, not %d", k, x.state.best_epoch,
                  best + 1);
        cr_assert(k != 2 || best + 1 < plan.n_epochs, "the last was best: nothing is shown");
        /* Validating again gives the numbers of that epoch, to the bit. */
        engine_evaluate(&x.engine, &x.validation, &x.order, &x.scores);
        double m[METRIC_COUNT];
        struct predictions p = scores_predictions(&x.scores, &x.validation);
        metrics_compute(m, &p);
        cr_expect(m[METRIC_LOSS] == r[best].metric[METRIC_LOSS]);
        cr_expect(m[METRIC_ACCURACY] == r[best].metric[METRIC_ACCURACY]);
        trainer_close(&x);
    }
}

Test(train, of_equal_epochs_the_earliest_stays)
{
    static const enum metric metrics[] = {METRIC_ACCURACY, METRIC_F1_MACRO, METRIC_LOSS};
    for (int k = 0; k < 3; k++) {
        struct trainer x;
        struct rig_plan plan = rig_small;
        plan.learning_rate = 0; /* nothing moves: all epochs are equal */
        plan.metric = metrics[k];
        trainer_open(&x, &plan);
        train_to_the_end(&x);
        cr_expect(x.state.best_epoch == 1 && x.state.n_epochs == 3);
        trainer_close(&x);
    }
}

Test(train, metrics_have_the_names_of_the_option)
{
    cr_expect(train_metric_named("accuracy", false) == METRIC_ACCURACY);
    cr_expect(train_metric_named("macro_f1", false) == METRIC_F1_MACRO);
    cr_expect(train_metric_named("loss", false) == METRIC_LOSS);
    cr_expect(train_metric_named("accuracy", true) == METRIC_TOKEN_ACCURACY);
    cr_expect(train_metric_named("macro_f1", true) == METRIC_TOKEN_F1_WEIGHTED);
    cr_expect(train_metric_named("loss", true) == METRIC_TOKEN_LOSS);
}

/* Noisy validation, whose loss is best before the end: the last epoch is judged all the same. */
Test(train, the_last_epoch_stays_where_the_best_is_not_asked_for)
{
    struct trainer x, best;
    struct rig_plan plan = rig_small;
    plan.n_epochs = 6;
    plan.noisy = true;
    plan.metric = METRIC_LOSS;
    trainer_open(&best, &plan);
    train_to_the_end(&best);
    plan.keep_last = true;
    trainer_open(&x, &plan);
    train_to_the_end(&x);
    cr_assert(best.state.best_epoch < 6 && x.state.best_epoch == 6 && x.state.best == NULL);
    engine_evaluate(&x.engine, &x.validation, &x.order, &x.scores);
    double m[METRIC_COUNT];
    struct predictions p = scores_predictions(&x.scores, &x.validation);
    metrics_compute(m, &p);
    cr_expect(m[METRIC_LOSS] == x.state.epochs[5].metric[METRIC_LOSS]);
    cr_expect(x.state.best_value == -m[METRIC_LOSS]);
    trainer_close(&x);
    trainer_close(&best);
}

/* --- stop and go on -------------------------------------------------------- */

static const struct cell a_cell = {.id = "0123456789abcdef"};

struct stopping {
    struct trainer *x;
    const char *path;
    long at; /* stop once this many updates are done */
};

static bool stop_at(void *context)
{
    const struct stopping *s = context;
    return s->x->state.step == s->at;
}

static int write_snapshot(void *context, const struct train_state *s, struct err *err)
{
    const struct stopping *c = context;
    return snapshot_write(c->path, &a_cell, s, &c->x->rig.model.params, err);
}

/* A fresh trainer that takes up the snapshot at path, if there is one, and stops after
 * update `at` (0: goes to the end). */
static void run_part(struct trainer *x, const struct rig_plan *plan, const char *path, long at)
{
    struct stopping stopping = {x, path, at};
    trainer_open(x, plan);
    x->hooks = (struct train_hooks){
        .context = &stopping, .snapshot = write_snapshot, .stop = at ? stop_at : NULL};
    int read = snapshot_read(path, &a_cell, &x->steps, &x->state, &x->rig.model.params, &e);
    cr_assert(read >= 0, "%s", e.text);
    enum train_outcome outcome = train_run(&x->t, &x->state, &e);
    cr_assert(outcome == (at ? TRAIN_STOPPED : TRAIN_DONE), "%s", e.text);
    x->hooks = (struct train_hooks){0};
}

/* Bit for bit, but for what a clock measured. */
static void expect_equal(const struct trainer *x, const struct trainer *y, long at)
{
    const struct adamw_state *p = &x->rig.model.params.adam, *q = &y->rig.model.params.adam;
    const struct train_state *s = &x->state, *t = &y->state;
    cr_assert(memcmp(p->param, q->param, block(x)) == 0, "parameters, stopped at %ld", at);
    cr_assert(memcmp(p->m, q->m, block(x)) == 0 && memcmp(p->v, q->v, block(x)) == 0);
    cr_assert(memcmp(s->steps, t->steps, (size_t)s->step * sizeof *s->steps) == 0, "curve, %ld",
              at);
    cr_assert(s->step == t->step && s->n_epochs == t->n_epochs);
    cr_assert(s->best_epoch == t->best_epoch && s->best_value == t->best_value);
    cr_assert(s->n_tok == t->n_tok && s->n_examples == t->n_examples);
    for (int i = 0; i < s->n_epochs; i++) {
        const struct result_epoch *a = &s->epochs[i], *b = &t->epochs[i];
        cr_assert(a->train_loss == b->train_loss &&
                  a->metric[METRIC_LOSS] == b->metric[METRIC_LOSS] &&
                  a->metric[METRIC_ACCURACY] == b->metric[METRIC_ACCURACY]);
    }
}

static void stop_at_every_step(struct rig_plan plan)
{
    struct arena a = {0};
    struct trainer whole;
    trainer_open(&whole, &plan);
    train_to_the_end(&whole);
    const char *folder = rig_folder(&a), *path = arena_printf(&a, "%s/s", folder);
    for (long at = 1; at <= whole.steps.n_steps; at++) {
        struct trainer part, rest;
        run_part(&part, &plan, path, at);
        trainer_close(&part);
        run_part(&rest, &plan, path, 0);
        cr_assert(rest.state.n_resumed == 1);
        expect_equal(&whole, &rest, at);
        trainer_close(&rest);
        unlink(path);
    }
    /* And one that is stopped after each of its updates. */
    struct trainer x;
    for (long at = 1; at < whole.steps.n_steps; at++) {
        run_part(&x, &plan, path, at);
        trainer_close(&x);
    }
    run_part(&x, &plan, path, 0);
    cr_assert(x.state.n_resumed == whole.steps.n_steps - 1);
    expect_equal(&whole, &x, -1);
    trainer_close(&x);
    unlink(path);
    rmdir(folder);
    trainer_close(&whole);
    arena_release(&a);
}

Test(train, stopped_anywhere_full_goes_on_with_the_same_bits)
{
    stop_at_every_step(rig_small);
}

Test(train, stopped_anywhere_lora_goes_on_with_the_same_bits)
{
    struct rig_plan plan = rig_small;
    plan.method = "lora";
    stop_at_every_step(plan);
}

Test(train, stopped_anywhere_without_a_best_epoch_goes_on_with_the_same_bits)
{
    struct rig_plan plan = rig_small;
    plan.keep_last = true;
    stop_at_every_step(plan);
}

Test(train, stopped_anywhere_a_model_of_text_goes_on_with_the_same_bits)
{
    struct rig_plan plan = rig_small;
    plan.text = true;
    stop_at_every_step(plan);
}

/* --- what goes wrong -------------------------------------------------------- */

static void poison(void *context, const struct train_state *s)
{
    struct trainer *x = context;
    if (s->step == 2)
        x->rig.model.params.adam.param[0] = NAN;
}

Test(train, a_loss_that_is_not_a_number_names_step_and_rate)
{
    struct trainer x;
    struct rig_plan plan = rig_small;
    trainer_open(&x, &plan);
    /* the first parameter declared is the word table: row 0 is never used */
    x.hooks = (struct train_hooks){.context = &x, .progress = poison};
    for (int i = 0; i < x.train.tokens.offsets[x.train.n]; i++)
        x.train.tokens.ids[i] = 0;
    cr_assert(train_run(&x.t, &x.state, &e) == TRAIN_FAILED);
    cr_expect(says(&e, "training diverged at step 3 of 9: loss nan"), "%s", e.text);
    cr_expect(says(&e, "try a smaller learning_rate than 0.01"), "%s", e.text);
    cr_expect(x.state.step == 2);
    trainer_close(&x);
}

/* After the last update no loss is computed any more: validation must see it. */
Test(train, an_end_that_diverges_names_the_epoch)
{
    struct trainer x;
    struct rig_plan plan = rig_small;
    plan.n_epochs = 1;
    plan.batch_size = plan.n_train;
    plan.learning_rate = 1e38;
    trainer_open(&x, &plan);
    x.t.options.update.warmup_ratio = 0;
    cr_assert(train_run(&x.t, &x.state, &e) == TRAIN_FAILED);
    cr_expect(says(&e, "training diverged in epoch 1 of 1: validation loss"), "%s", e.text);
    cr_expect(says(&e, "1e+38"), "%s", e.text);
    trainer_close(&x);
}

static bool always(void *context)
{
    return context != NULL;
}

static int full_disk(void *context, const struct train_state *s, struct err *err)
{
    return context && s ? err_set(err, "no room for a snapshot") : 0;
}

Test(train, a_snapshot_that_cannot_be_written_fails)
{
    struct trainer x;
    trainer_open(&x, &rig_small);
    x.hooks = (struct train_hooks){.context = &x, .snapshot_due = always, .snapshot = full_disk};
    cr_assert(train_run(&x.t, &x.state, &e) == TRAIN_FAILED);
    cr_expect(eq(str, e.text, "no room for a snapshot"));
    trainer_close(&x);
}

Test(train, stopping_needs_no_snapshot)
{
    struct trainer x;
    trainer_open(&x, &rig_small);
    x.hooks = (struct train_hooks){.context = &x, .stop = always};
    cr_assert(train_run(&x.t, &x.state, &e) == TRAIN_STOPPED);
    cr_expect(x.state.step == 1);
    trainer_close(&x);
}

Test(train, what_trains_nothing_does_nothing)
{
    struct trainer x;
    struct rig_plan plan = rig_small;
    plan.method = "null";
    plan.n_epochs = 0;
    trainer_open(&x, &plan);
    cr_assert(x.rig.model.params.n_train == 0);
    train_to_the_end(&x);
    cr_expect(x.state.step == 0 && x.state.best_epoch == 0 && x.state.n_tok == 0);
    trainer_close(&x);
}
