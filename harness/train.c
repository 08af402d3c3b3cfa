#include "harness/train.h"

#include "harness/base/clock.h"
#include "results/metrics.h"

#include <assert.h>
#include <math.h>
#include <string.h>

void train_state_init(struct train_state *s, const struct steps *steps, size_t n_train,
                      bool keep_best, struct arena *a)
{
    memset(s, 0, sizeof *s);
    s->steps = arena_array(a, (size_t)steps->n_steps, sizeof *s->steps);
    s->epochs = arena_array(a, (size_t)steps->n_epochs, sizeof *s->epochs);
    s->best = keep_best ? arena_array(a, n_train, sizeof *s->best) : NULL;
}

/* Gradients of update number step: of the mean loss over its examples, or target tokens, which
 * it returns. */
static double accumulate(const struct training *t, long step)
{
    const struct steps *p = t->steps;
    long first = p->step_micro[step], end = p->step_micro[step + 1];
    long n = steps_losses(p, t->train, step);
    double loss = 0;

    assert(end - first <= TRAIN_MICRO_MAX);
    params_round(&t->engine->model->params);
    for (long i = first; i < end; i++)
        loss += engine_train(t->engine, t->train, p->rows + p->micro_start[i],
                             p->micro_start[i + 1] - p->micro_start[i], 1.0f / (float)n,
                             (uint32_t)(step * TRAIN_MICRO_MAX + (i - first)));
    return loss;
}

/* Gradients, clipping and AdamW of update s->step. */
static int update(const struct training *t, struct train_state *s, struct err *e)
{
    struct params *params = &t->engine->model->params;
    struct result_step *curve = &s->steps[s->step];
    struct update_place at = {.step = s->step, .n_steps = t->steps->n_steps};
    struct update_done done = {0};

    curve->epoch = s->n_epochs + 1;
    curve->loss = at.loss = accumulate(t, s->step);
    curve->tokens = steps_tokens(t->steps, t->train, s->step);
    enum phase was = profile_enter(t->engine->profile, PHASE_OPTIMIZER);
    if (update_take(&done, &t->options.update, params, t->engine->pool, &at, e) != 0)
        return -1;
    profile_enter(t->engine->profile, was);
    curve->learning_rate = done.learning_rate;
    curve->grad_norm = done.grad_norm;
    s->n_tok += curve->tokens;
    s->n_examples += steps_examples(t->steps, s->step);
    s->epoch_loss += curve->loss * (double)steps_losses(t->steps, t->train, s->step);
    s->step++;
    return 0;
}

enum metric train_metric_named(const char *name, bool by_token)
{
    if (str_equal(name, "accuracy"))
        return by_token ? METRIC_TOKEN_ACCURACY : METRIC_ACCURACY;
    if (str_equal(name, "loss"))
        return by_token ? METRIC_TOKEN_LOSS : METRIC_LOSS;
    return by_token ? METRIC_TOKEN_F1_WEIGHTED : METRIC_F1_MACRO;
}

static double best_value_of(enum metric metric, const struct result_epoch *r)
{
    bool is_loss = metric == METRIC_LOSS || metric == METRIC_TOKEN_LOSS;
    return is_loss ? -r->metric[metric] : r->metric[metric];
}

/* Keeps the parameters when the epoch is the best so far; of equals the earlier stays. Where
 * the last epoch's are wanted, each is better than those before it. */
static void choose(const struct training *t, struct train_state *s, const struct result_epoch *r)
{
    const struct params *params = &t->engine->model->params;
    double value = best_value_of(t->options.metric_for_best_model, r);

    if (s->best && s->best_epoch && !(value > s->best_value))
        return;
    s->best_epoch = s->n_epochs;
    s->best_value = value;
    if (s->best)
        memcpy(s->best, params->adam.param, params->n_train * sizeof(float));
}

static long n_losses(const struct feed *f)
{
    long n = 0;
    for (int i = 0; i < f->n; i++)
        n += feed_n_losses(f, i);
    return n;
}

/* Validates after an epoch. */
static int end_epoch(const struct training *t, struct train_state *s, struct err *e)
{
    struct result_epoch *r = &s->epochs[s->n_epochs++];

    engine_evaluate(t->engine, t->validation, t->validation_order, t->scores);
    struct predictions p = scores_predictions(t->scores, t->validation);
    metrics_compute(r->metric, &p);
    r->train_loss = s->epoch_loss / (double)n_losses(t->train);
    s->epoch_loss = 0;
    if (!isfinite(r->metric[METRIC_LOSS])) /* the last update did it: no loss came after it */
        return err_set(e,
                       "training diverged in epoch %d of %d: validation loss %g; "
                       "try a smaller learning_rate than %g",
                       s->n_epochs, t->steps->n_epochs, r->metric[METRIC_LOSS],
                       t->options.update.learning_rate);
    choose(t, s, r);
    return 0;
}

/* One update and what follows it. */
static int advance(const struct training *t, struct train_state *s, struct err *e)
{
    int64_t start = clock_ns();
    if (update(t, s, e))
        return -1;
    int64_t trained = clock_ns();
    s->train_ns += trained - start;
    if (s->step % t->steps->steps_per_epoch == 0) {
        enum phase was = profile_enter_whole(t->engine->profile, PHASE_EVALUATION);
        if (end_epoch(t, s, e))
            return -1;
        profile_leave_whole(t->engine->profile, was);
        s->evaluate_ns += clock_ns() - trained;
        s->epochs[s->n_epochs - 1].seconds = 1e-9 * (double)(s->train_ns + s->evaluate_ns);
    }
    return 0;
}

enum train_outcome train_run(const struct training *t, struct train_state *s, struct err *e)
{
    const struct train_hooks *h = t->hooks;
    struct params *params = &t->engine->model->params;

    while (s->step < t->steps->n_steps) {
        if (advance(t, s, e))
            return TRAIN_FAILED;
        if (h->progress)
            h->progress(h->context, s);
        bool stop = h->stop && h->stop(h->context);
        bool due = stop || (h->snapshot_due && h->snapshot_due(h->context));
        if (due && h->snapshot && h->snapshot(h->context, s, e))
            return TRAIN_FAILED;
        if (stop)
            return TRAIN_STOPPED;
    }
    if (s->best && s->best_epoch)
        memcpy(params->adam.param, s->best, params->n_train * sizeof(float));
    return TRAIN_DONE;
}
