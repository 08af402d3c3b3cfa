#include "harness/execute.h"

#include "harness/base/clock.h"
#include "harness/base/environment.h"
#include "harness/base/file.h"
#include "harness/features.h"
#include "harness/record.h"
#include "harness/snapshot.h"
#include "methods/peft.h"
#include "models/checkpoint.h"
#include "models/tensor/gemm.h"

#include <limits.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

/* All of one running cell. */
struct execution {
    const struct cell *cell;
    const struct execute_params *params;
    struct arena arena;
    struct record record; /* what will be stored */
    const struct material *material;
    struct material own;               /* where the caller had none */
    struct feed feeds[N_PARTS];        /* those of the material, and what is fixed of them */
    struct batches order[N_PARTS];     /* of evaluation; TRAIN: only for its features */
    struct features features[N_PARTS]; /* where they are fixed */
    struct model model;
    struct tuned tuned;
    struct pool *pool;
    struct engine engine;
    struct steps steps;
    struct train_state state;
    struct str snapshot;
    struct execute_summary summary;
    int64_t start_ns, last_snapshot_ns;
    int last_snapshot_epoch;
};

static bool option_is(const struct execution *x, const char *name, const char *choice)
{
    return str_equal(option_choice(&x->cell->training, name), choice);
}

/* Data set, split, tokens: as the caller has them, or our own. */
static int load_data(struct execution *x, struct err *e)
{
    struct asset_flags flags = {.offline = x->params->offline};

    x->material = x->params->material;
    if (!x->material) {
        if (material_load(&x->own, x->cell, &flags, e))
            return -1;
        x->material = &x->own;
    }
    for (int i = 0; i < N_PARTS; i++)
        x->feeds[i] = x->material->feeds[i];
    x->summary.load_seconds = 1e-9 * (double)(clock_ns() - x->start_ns);
    return 0;
}

/* What model, method and tokenizer must agree on before weights are touched. */
static int check_fit(const struct execution *x, struct err *e)
{
    const struct options *config = &x->model.config;
    int n_virtual = x->tuned.extra_positions, n_positions = model_max_tokens(&x->model);
    long max_length = option_int(&x->cell->training, "max_length");

    if (max_length + n_virtual > n_positions)
        return err_usage(e,
                         "max_length %ld (with %d virtual tokens) is more than the %d positions "
                         "of model %s; lower max_length",
                         max_length, n_virtual, n_positions, x->cell->model->name);
    if (options_has(config, "vocab_size") &&
        tokenizer_n_vocab(x->material->tokenizer) > option_int(config, "vocab_size"))
        return err_set(e, "the tokenizer of model %s has %d pieces but its embedding %ld rows",
                       x->cell->model->name, tokenizer_n_vocab(x->material->tokenizer),
                       option_int(config, "vocab_size"));
    if (x->material->targets.eos &&
        tokenizer_special(x->material->tokenizer)->eos != option_int(config, "eos_token_id"))
        return err_set(e,
                       "model %s ends what it says with token %ld, but its tokenizer ends texts "
                       "with %d",
                       x->cell->model->name, option_int(config, "eos_token_id"),
                       tokenizer_special(x->material->tokenizer)->eos);
    return 0;
}

/* Model and method with their weights. */
static int build(struct execution *x, struct err *e)
{
    const struct cell *c = x->cell;

    if (cell_in_bfloat16(c) && !gemm_half_supported())
        return err_set(e,
                       "precision bfloat16 needs a processor with AVX512-BF16 or AMX, which this "
                       "one is without; set precision to float32");
    if (model_declare(&x->model, c->model->family, &c->model->config, c->dataset->n_classes,
                      &x->arena, e) ||
        method_attach(&x->tuned, c->method, &c->method_options, &x->model, &x->arena, e) ||
        check_fit(x, e))
        return -1;
    x->model.params.bfloat16 = cell_in_bfloat16(c);
    params_allocate(&x->model.params, true);
    if (!c->model->random_init && checkpoint_load(&x->model, str_text(&x->material->folder), e))
        return -1;
    params_init_missing(&x->model.params, c->seed);
    return 0;
}

/* Epochs that train: none when nothing can. */
static int epochs_of(const struct execution *x)
{
    bool trains = x->model.params.n_train > 0;
    return trains ? (int)option_int(&x->cell->training, "num_train_epochs") : 0;
}

/* Lays out every batch of the run. */
static int lay_out(struct execution *x, struct err *e)
{
    const struct options *o = &x->cell->training;
    long batch = option_int(o, "train_batch_size"), budget = option_int(o, "micro_batch_tokens");
    int n = x->feeds[TRAIN].n, n_epochs = epochs_of(x);

    if ((long)n_epochs * n > INT_MAX)
        return err_usage(e, "num_train_epochs %d over %d rows is more than can be laid out",
                         n_epochs, n);
    x->steps =
        steps_lay(&x->feeds[TRAIN], n_epochs, (int)batch, (int)budget, x->cell->seed, &x->arena);
    if (x->steps.max_micro > TRAIN_MICRO_MAX)
        return err_usage(e,
                         "train_batch_size %ld takes %ld micro-batches of %ld tokens, more than "
                         "%d; raise micro_batch_tokens",
                         batch, x->steps.max_micro, budget, TRAIN_MICRO_MAX);
    return 0;
}

/* Whether what the classifier reads of a part's rows never changes. */
static bool is_fixed(const struct execution *x, enum part part)
{
    if (part == TRAIN &&
        (x->steps.n_steps == 0 || option_bool(&x->cell->training, "frozen_dropout")))
        return false; /* not needed, or every step drops others of its values */
    return x->feeds[part].n > 0 && model_features_fixed(&x->model) &&
           features_fit(&x->model, &x->feeds[part]);
}

static void measure_all(struct execution *x, enum part part, enum engine_task task)
{
    const struct batches *b = &x->order[part];
    for (int i = 0; i < b->n; i++)
        engine_measure(&x->engine, &x->feeds[part], b->rows + b->start[i],
                       b->start[i + 1] - b->start[i], task);
}

/* Batches of evaluation, and what is known of their rows. */
static int order_parts(struct execution *x, struct err *e)
{
    int max_tok = (int)option_int(&x->cell->training, "micro_batch_tokens");
    for (int p = 0; p < N_PARTS; p++) {
        bool fixed = is_fixed(x, p);
        if (p == TRAIN && !fixed)
            continue;
        struct feed *f = &x->feeds[p];
        const int *costs = feed_costs(f, PACK_CANDIDATES, &x->arena);
        x->order[p] = order_evaluation(f->n, costs, max_tok, &x->arena);
        if (fixed && features_open(&x->features[p], f, x->cell, &x->model, &x->order[p], e) != 0)
            return -1;
    }
    return 0;
}

/* Computes what is fixed. That the cache could not be written stops nothing. */
static void make_features(struct execution *x)
{
    int64_t start = clock_ns();
    for (int p = 0; p < N_PARTS; p++) {
        struct err e = {0};
        if (features_make(&x->features[p], &x->engine, &x->order[p], &e) != 0 && x->params->warn)
            x->params->warn(x->params->context, e.text);
    }
    x->state.train_ns += clock_ns() - start;
}

/* Takes the memory that the largest batch needs. */
static int prepare(struct execution *x, struct err *e)
{
    const struct options *o = &x->cell->training;
    int bound_tok = (int)option_int(o, "micro_batch_tokens");
    int longest = (int)option_int(o, "max_length"); /* of a row with all its targets */
    if (cell_says_text(x->cell))
        longest += x->material->targets.offsets[x->material->targets.n_classes];
    if (bound_tok < longest)
        bound_tok = longest;

    train_state_init(&x->state, &x->steps, x->model.params.n_train,
                     option_bool(o, "load_best_model_at_end"), &x->arena);
    engine_init(&x->engine, &x->tuned, bound_tok, bound_tok, x->cell->seed, &x->arena);
    if (x->params->n_threads > 1)
        x->pool = pool_new(x->params->n_threads);
    engine_share(&x->engine, x->pool);
    x->engine.spare_frozen = !option_bool(o, "frozen_dropout");
    x->engine.recompute = option_bool(o, "gradient_checkpointing");
    if (order_parts(x, e) != 0)
        return -1;
    for (long i = 0; i < x->steps.n_micro; i++)
        engine_measure(&x->engine, &x->feeds[TRAIN], x->steps.rows + x->steps.micro_start[i],
                       x->steps.micro_start[i + 1] - x->steps.micro_start[i], ENGINE_TRAIN);
    for (int p = VALIDATION; p < N_PARTS; p++)
        measure_all(x, p, ENGINE_GENERATE);
    for (int p = 0; p < N_PARTS; p++)
        if (x->features[p].fresh)
            measure_all(x, p, ENGINE_FEATURES);
    engine_allocate(&x->engine);
    make_features(x);
    return 0;
}

static void on_progress(void *context, const struct train_state *s)
{
    struct execution *x = context;
    struct execute_progress p = {.step = s->step,
                                 .n_steps = x->steps.n_steps,
                                 .n_tok = s->n_tok,
                                 .train_seconds = 1e-9 * (double)s->train_ns,
                                 .loss = s->steps[s->step - 1].loss,
                                 .epoch = s->steps[s->step - 1].epoch,
                                 .n_epochs = x->steps.n_epochs};
    if (x->params->progress)
        x->params->progress(x->params->context, &p);
}

static bool on_stop(void *context)
{
    struct execution *x = context;
    return x->params->stop && x->params->stop(x->params->context);
}

static bool on_snapshot_due(void *context)
{
    struct execution *x = context;
    if (x->state.step == x->steps.n_steps)
        return false;
    return x->state.n_epochs > x->last_snapshot_epoch ||
           1e-9 * (double)(clock_ns() - x->last_snapshot_ns) >= x->params->snapshot_seconds;
}

static int on_snapshot(void *context, const struct train_state *s, struct err *e)
{
    struct execution *x = context;
    x->last_snapshot_ns = clock_ns();
    x->last_snapshot_epoch = s->n_epochs;
    return snapshot_write(str_text(&x->snapshot), x->cell, s, &x->model.params, e);
}

static struct train_options train_options_of(const struct options *o, bool by_token)
{
    return (struct train_options){.update = update_rule_of(o),
                                  .metric_for_best_model = train_metric_named(
                                      option_choice(o, "metric_for_best_model"), by_token)};
}

/* Whether what is reported counts target tokens. */
static bool by_token(const struct execution *x)
{
    return cell_says_text(x->cell) && option_is(x, "metric_unit", "token");
}

/* The training with a clock that knows where its time goes. */
static enum train_outcome train_profiled(struct execution *x, const struct training *t,
                                         struct err *e)
{
    struct profile *p = &x->summary.profile;
    long first = x->state.step;
    double cpu = process_usage().cpu_seconds;
    int64_t start = clock_ns();

    x->engine.profile = x->engine.tape.profile = p;
    profile_start(p);
    enum train_outcome outcome = train_run(t, &x->state, e);
    profile_stop(p);
    x->engine.profile = x->engine.tape.profile = NULL;
    p->start_ns = start - x->start_ns;
    p->n_steps = x->state.step - first;
    p->cpu_share = 1e9 * (process_usage().cpu_seconds - cpu) / (double)(profile_total_ns(p) + 1);
    return outcome;
}

/* Takes up the snapshot, if any, and trains to the end. */
static enum train_outcome train(struct execution *x, struct err *e)
{
    struct train_hooks hooks = {.context = x,
                                .progress = on_progress,
                                .snapshot_due = on_snapshot_due,
                                .snapshot = on_snapshot,
                                .stop = on_stop};
    const struct feed *v = &x->feeds[VALIDATION];
    struct scores scores;
    struct training t = {.engine = &x->engine,
                         .train = &x->feeds[TRAIN],
                         .validation = v,
                         .validation_order = &x->order[VALIDATION],
                         .steps = &x->steps,
                         .options = train_options_of(&x->cell->training, by_token(x)),
                         .hooks = &hooks,
                         .scores = &scores};
    scores_init(&scores, v, false, &x->arena);
    if (snapshot_read(str_text(&x->snapshot), x->cell, &x->steps, &x->state, &x->model.params, e) <
        0) {
        err_wrap(e, "starting again from the first step");
        if (x->params->warn)
            x->params->warn(x->params->context, e->text);
        err_clear(e);
    }
    x->last_snapshot_ns = clock_ns();
    x->last_snapshot_epoch = x->state.n_epochs;
    return x->params->profile ? train_profiled(x, &t, e) : train_run(&t, &x->state, e);
}

/* What the chosen parameters make of one part, into the record and m. */
static int judge(struct execution *x, enum part part, double m[METRIC_COUNT], struct err *e)
{
    static const char *const names[N_PARTS] = {"train", "validation", "test"};
    const struct feed *f = &x->feeds[part];
    struct scores *scores = arena_alloc(&x->arena, sizeof *scores);

    scores_init(scores, f, true, &x->arena);
    engine_evaluate(&x->engine, f, &x->order[part], scores);
    if (cell_says_text(x->cell))
        scores_decode(scores, f, x->material->tokenizer, &x->arena);
    struct predictions p = scores_predictions(scores, f);
    record_split(&x->record, names[part], f, &p);
    metrics_compute(m, &p);
    if (!isfinite(m[METRIC_LOSS]))
        return err_set(e, "the model's logits of the %s rows are not finite (loss %g)", names[part],
                       m[METRIC_LOSS]);
    return 0;
}

/* Evaluates what there is to judge and stores it all. */
static int judge_and_store(struct execution *x, struct err *e)
{
    double m[METRIC_COUNT]; /* of the last part: test, or validation where there is no test */

    if (judge(x, VALIDATION, m, e) || (x->feeds[TEST].n > 0 && judge(x, TEST, m, e)))
        return -1;
    x->summary.accuracy = m[train_metric_named("accuracy", by_token(x))];
    x->summary.f1_macro = m[train_metric_named("macro_f1", by_token(x))];
    record_data(&x->record, x->material->rows.data, &x->material->rows.split);
    record_training(&x->record, &x->state, &x->steps, 1e-9 * (double)(clock_ns() - x->start_ns));
    x->record.result.run.n_cut_targets = x->material->targets.n_cut;
    return record_store(&x->record, x->params, e);
}

static int keep_adapter(struct execution *x, struct err *e)
{
    struct str dir = {0};
    str_printf(&dir, "%s/%s.adapter", x->params->state_dir, x->cell->id);
    int failed = peft_write(&x->tuned, x->cell->model->name, str_text(&dir), e);
    str_release(&dir);
    return failed;
}

static enum execute_outcome run(struct execution *x, struct err *e)
{
    if (load_data(x, e) || build(x, e) || lay_out(x, e))
        return EXECUTE_FAILED;
    if (prepare(x, e) || file_make_dirs(x->params->state_dir, e))
        return EXECUTE_FAILED;
    str_printf(&x->snapshot, "%s/%s.snapshot", x->params->state_dir, x->cell->id);
    enum train_outcome outcome = train(x, e);
    if (outcome == TRAIN_STOPPED)
        return EXECUTE_STOPPED;
    /* The adapter first: a stored result says that all of the cell is done. */
    if (outcome == TRAIN_FAILED || (x->params->keep_adapter && keep_adapter(x, e)) ||
        judge_and_store(x, e))
        return EXECUTE_FAILED;
    unlink(str_text(&x->snapshot));
    return EXECUTE_DONE;
}

static void execution_release(struct execution *x)
{
    engine_release(&x->engine);
    pool_free(x->pool);
    model_release(&x->model);
    for (int i = 0; i < N_PARTS; i++) {
        features_release(&x->features[i]);
    }
    material_release(&x->own);
    str_release(&x->snapshot);
    arena_release(&x->arena);
}

enum execute_outcome execute_cell(const struct cell *c, const struct execute_params *p,
                                  struct execute_summary *summary, struct err *e)
{
    struct execution x = {.cell = c, .params = p, .start_ns = clock_ns()};
    record_init(&x.record, c, p, &x.arena);
    enum execute_outcome outcome = run(&x, e);
    *summary = x.summary;
    execution_release(&x);
    return outcome;
}

int execute_store_failure(const struct cell *c, const struct execute_params *p, const char *message,
                          struct err *e)
{
    struct arena a = {0};
    struct record r;
    record_init(&r, c, p, &a);
    record_failure(&r, message);
    int failed = record_store(&r, p, e);
    arena_release(&a);
    return failed;
}
