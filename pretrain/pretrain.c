#include "pretrain/pretrain.h"

#include "harness/base/clock.h"
#include "models/tensor/gemm.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum { RECORDS_BYTES = 4 << 20 };

/* Stretches of one part of the corpus, in the updates that they make. */
struct text {
    const struct stretches *from;
    const struct layout *layout;
    const int *cost_tok;
};

static struct text training_text(const struct pretrain *p)
{
    return (struct text){&p->corpus.train, &p->train, p->train_cost_tok};
}

static struct text held_out_text(const struct pretrain *p)
{
    return (struct text){&p->corpus.held_out, &p->held_out, p->held_out_cost_tok};
}

/* --- one batch -------------------------------------------------------------- */

/* A walk over the micro-batches of one update. */
struct walk {
    struct text text;
    long step;
    int64_t at;
    int n; /* micro-batches so far */
};

static struct walk walk_begin(struct text text, long step)
{
    return (struct walk){.text = text, .step = step, .at = text.layout->start[step]};
}

/* The next micro-batch, valid until the one after it. */
static bool walk_next(struct pretrain *p, struct walk *w, struct batch *b)
{
    const struct layout *l = w->text.layout;
    int64_t end = l->start[w->step + 1];

    if (w->at == end)
        return false;
    enum phase was = profile_enter(p->profile, PHASE_DATA);
    int64_t stop =
        layout_cut(l, w->text.cost_tok, w->at, end, option_int(p->options, "micro_batch_tokens"));
    *b = objective_batch(&p->packer, &p->objective, w->text.from, l->rows + w->at,
                         (int)(stop - w->at), l->epoch[w->step]);
    w->at = stop;
    w->n++;
    assert(w->n <= PRETRAIN_MICRO_MAX);
    profile_enter(p->profile, was);
    return true;
}

static bool is_masked(const struct pretrain *p)
{
    return p->objective.kind == OBJECTIVE_MASKED;
}

static int n_told(const struct pretrain *p, const struct batch *b)
{
    return is_masked(p) ? b->n_masked : b->n_target_tok;
}

static const int *told_ids(const struct pretrain *p, const struct batch *b)
{
    return is_masked(p) ? b->masked_ids : b->target_ids;
}

/* Weighted loss of a batch on a tape that has begun. */
static struct tensor *loss_of(struct pretrain *p, const struct batch *b, float weight)
{
    struct tensor *logits = is_masked(p) ? model_masked(&p->model, &p->tape, b, NULL)
                                         : model_logits(&p->model, &p->tape, b, NULL);
    return op_cross_entropy(&p->tape, logits, told_ids(p, b), weight);
}

/* Forward and backward; the tape is dry or not. */
static double learn(struct pretrain *p, const struct batch *b, float weight, uint32_t number)
{
    enum phase was = profile_enter(p->profile, PHASE_POINTWISE);
    tape_begin(&p->tape, true, p->objective.seed, number);
    struct tensor *loss = loss_of(p, b, weight);
    tape_backward(&p->tape, loss, 1);
    profile_enter(p->profile, was);
    return p->tape.dry ? 0 : (double)loss->data[0];
}

/* Forward alone: the sum of losses. */
static double judge(struct pretrain *p, const struct batch *b)
{
    tape_begin(&p->tape, false, 0, 0);
    struct tensor *loss = loss_of(p, b, 1);
    return p->tape.dry ? 0 : (double)loss->data[0];
}

/* --- getting ready ------------------------------------------------------------ */

/* What a table begins with: random values of deviation scale, or places; 0: as it says itself. */
static void begin_as(struct param *one, enum param_init init, double scale)
{
    if (scale == 0)
        return;
    one->init = init;
    one->init_scale = (float)scale;
}

/* Queries with their keys' weights find what is like them (Trockman and Kolter, arXiv 2305.09828).
 */
static void match_keys(struct param *queries, struct arena *a)
{
    size_t stem = strlen(queries->name) - strlen("q.weight");
    queries->drawn_as = arena_printf(a, "%.*sk.weight", (int)stem, queries->name);
}

static void set_to_train(struct param *one, int n_vocab, const struct options *o, struct arena *a)
{
    one->trainable = true;
    if (option_bool(o, "cross_attention_matches") &&
        str_ends(one->name, ".EncDecAttention.q.weight"))
        match_keys(one, a);
    if (str_ends(one->name, ".position_embeddings.weight")) {
        one->lr_scale = (float)option_float(o, "position_lr_scale");
        begin_as(one, INIT_SINUSOIDAL, option_float(o, "sinusoidal_position_range"));
    } else if (str_ends(one->name, ".relative_attention_bias.weight")) {
        one->lr_scale = (float)option_float(o, "position_lr_scale");
        begin_as(one, INIT_NEAR, option_float(o, "relative_position_slope"));
    } else if (one->role == PARAM_EMBEDDING && one->rows == n_vocab) {
        one->lr_scale = (float)option_float(o, "embedding_lr_scale");
        begin_as(one, one->init, option_float(o, "embedding_initializer_range"));
    }
}

/* The configuration with the recipe's dropout. */
static int set_dropout(struct options *config, const struct options *o, struct err *e)
{
    static const char *const names[] = {"hidden_dropout_prob", "attention_probs_dropout_prob",
                                        "dropout_rate"};
    struct str text = {0};
    int rc = 0;
    str_add_double(&text, option_float(o, "dropout"));
    for (size_t i = 0; i < sizeof names / sizeof *names && rc == 0; i++)
        if (options_has(config, names[i]))
            rc = option_set(config, names[i], str_text(&text), e);
    str_release(&text);
    return rc;
}

static int check_fit(const struct pretrain *p, const struct pretrain_source *from, struct err *e)
{
    const struct options *o = from->options;
    long vocab = option_int(&p->model.config, "vocab_size");
    long max_length = option_int(o, "max_length");

    if (tokenizer_n_vocab(from->tokenizer) > vocab)
        return err_set(e, "the tokenizer of model %s has %d pieces but its embedding %ld rows",
                       from->model->name, tokenizer_n_vocab(from->tokenizer), vocab);
    if (max_length > model_max_tokens(&p->model))
        return err_usage(e, "max_length %ld is more than the %d positions of model %s", max_length,
                         model_max_tokens(&p->model), from->model->name);
    if (option_int(o, "tokens_per_update") / option_int(o, "micro_batch_tokens") >=
        PRETRAIN_MICRO_MAX / 2)
        return err_usage(e,
                         "tokens_per_update %ld takes too many micro-batches of %ld tokens; raise "
                         "micro_batch_tokens",
                         option_int(o, "tokens_per_update"), option_int(o, "micro_batch_tokens"));
    return 0;
}

/* The model with its initial weights. */
static int build(struct pretrain *p, const struct pretrain_source *from, struct arena *a,
                 struct err *e)
{
    const struct zoo_entry *z = from->model;
    bool half = str_equal(option_choice(from->options, "precision"), "bfloat16");
    struct options config;

    if (half && !gemm_half_supported())
        return err_set(e,
                       "precision bfloat16 needs a processor with AVX512-BF16 or AMX, which this "
                       "one is without; set precision to float32");
    options_copy(&config, &z->config, a);
    if (set_dropout(&config, from->options, e) != 0 ||
        model_declare(&p->model, z->family, &config, 0, a, e) != 0 || check_fit(p, from, e) != 0)
        return -1;
    options_copy(&p->model.config, &z->config, a); /* a model's dropout is for those who tune it */
    for (int i = 0; i < p->model.params.n; i++)
        set_to_train(p->model.params.items[i], (int)option_int(&config, "vocab_size"),
                     from->options, a);
    p->model.params.bfloat16 = half;
    params_allocate(&p->model.params, true);
    params_init_missing(&p->model.params, (uint64_t)option_int(from->options, "seed"));
    return 0;
}

static int read_text(struct pretrain *p, const struct pretrain_source *from, struct arena *a,
                     struct err *e)
{
    const struct options *o = from->options;
    bool masked = !model_says_text(&p->model);
    struct corpus_source source = {.path = from->corpus_path,
                                   .tokenizer = from->tokenizer,
                                   .max_pieces = (int)option_int(o, "max_length") -
                                                 (masked ? 2 : 1), /* [CLS] [SEP]; </s> */
                                   .min_pieces = (int)option_int(o, "min_length"),
                                   .held_out_share = option_float(o, "held_out_share")};

    if (corpus_open(&p->corpus, &source, a, e) != 0)
        return -1;
    if (from->corpus_sha256 && !str_equal(p->corpus.hash, from->corpus_sha256))
        return err_set(e, "%s is another text than the recipe's: its sha256 is %s, not %s",
                       from->corpus_path, p->corpus.hash, from->corpus_sha256);
    if (p->corpus.held_out.n == 0)
        return err_usage(e,
                         "%s: no stretch to hold out; give more text or a larger "
                         "held_out_share than %g",
                         from->corpus_path, source.held_out_share);
    p->objective =
        (struct objective){.kind = masked ? OBJECTIVE_MASKED : OBJECTIVE_SPANS,
                           .tokenizer = from->tokenizer,
                           .max_pieces = source.max_pieces,
                           .share = option_float(o, masked ? "mlm_probability" : "noise_density"),
                           .mean_noise_span_length = option_float(o, "mean_noise_span_length"),
                           .prefix_lm_share = option_float(o, "prefix_lm_share"),
                           .seed = (uint64_t)option_int(o, "seed")};
    return objective_init(&p->objective, a, e);
}

static int *costs(const struct objective *o, const struct stretches *s, struct arena *a)
{
    int *cost = arena_array(a, (size_t)s->n, sizeof *cost);
    for (int i = 0; i < s->n; i++)
        cost[i] = objective_cost(o, s->length_tok[i]);
    return cost;
}

static void lay_out(struct pretrain *p, struct arena *a)
{
    const struct options *o = p->options;
    p->train_cost_tok = costs(&p->objective, &p->corpus.train, a);
    p->held_out_cost_tok = costs(&p->objective, &p->corpus.held_out, a);
    struct layout_rule r = {.cost_tok = p->train_cost_tok,
                            .n = p->corpus.train.n,
                            .tokens_per_update = option_int(o, "tokens_per_update"),
                            .n_epochs = option_int(o, "num_train_epochs"),
                            .max_steps = option_int(o, "max_steps"),
                            .seed = p->objective.seed};
    p->train = layout_train(&r, a);
    r.cost_tok = p->held_out_cost_tok;
    r.n = p->corpus.held_out.n;
    p->held_out = layout_held_out(&r, option_int(o, "eval_tokens"), a);
    long n_points = p->train.n_steps / option_int(o, "eval_steps") + 2;
    p->state.points = arena_array(a, (size_t)n_points, sizeof *p->state.points);
}

/* Counts what a batch tells, by piece. */
static void count_told(const struct pretrain *p, const struct batch *b, int64_t *count,
                       int64_t *total)
{
    const int *ids = told_ids(p, b);
    for (int i = 0; i < n_told(p, b); i++)
        count[ids[i]]++;
    *total += n_told(p, b);
}

/* Dry runs of every batch there will be; on the way, what is told in training. */
static void measure(struct pretrain *p, int64_t *count, int64_t *total)
{
    struct batch b;

    for (long i = 0; i < p->train.n_steps; i++)
        for (struct walk w = walk_begin(training_text(p), i); walk_next(p, &w, &b);) {
            learn(p, &b, 1, 0);
            count_told(p, &b, count, total);
        }
    for (long i = 0; i < p->held_out.n_steps; i++)
        for (struct walk w = walk_begin(held_out_text(p), i); walk_next(p, &w, &b);)
            judge(p, &b);
    p->activation_bytes = p->slab.peak_bytes;
}

static void measure_unigram(struct pretrain *p, const int64_t *count, int64_t total)
{
    double all = (double)total + (double)option_int(&p->model.config, "vocab_size"), sum = 0;
    struct batch b;

    for (long i = 0; i < p->held_out.n_steps; i++)
        for (struct walk w = walk_begin(held_out_text(p), i); walk_next(p, &w, &b);) {
            const int *ids = told_ids(p, &b);
            p->n_held_out_told += n_told(p, &b);
            for (int k = 0; k < n_told(p, &b); k++)
                sum += log(all / ((double)count[ids[k]] + 1));
        }
    p->unigram_loss = sum / (double)p->n_held_out_told;
}

static void take_memory(struct pretrain *p)
{
    tape_release(&p->tape);
    slab_release(&p->slab);
    slab_init(&p->slab, p->activation_bytes);
    tape_init(&p->tape, &p->slab, RECORDS_BYTES);
    if (p->model.params.bfloat16)
        p->half = gemm_half_new(pool_threads(p->pool));
    p->tape.half = p->half;
    p->tape.pool = p->pool;
}

int pretrain_open(struct pretrain *p, const struct pretrain_source *from, struct arena *a,
                  struct err *e)
{
    memset(p, 0, sizeof *p);
    p->options = from->options;
    p->pool = from->pool;
    p->rule = update_rule_of(from->options);
    if (build(p, from, a, e) != 0 || read_text(p, from, a, e) != 0)
        return -1;
    lay_out(p, a);
    int bound = (int)option_int(p->options, "micro_batch_tokens");
    int longest = objective_cost(&p->objective, p->objective.max_pieces);
    bound = bound < longest ? longest : bound;
    objective_packer_init(&p->packer, bound, bound, a);

    struct arena scratch = {0};
    int64_t total = 0;
    int64_t *count =
        arena_array(&scratch, (size_t)option_int(&p->model.config, "vocab_size"), sizeof *count);
    slab_init_dry(&p->slab);
    tape_init(&p->tape, &p->slab, RECORDS_BYTES);
    p->tape.pool = p->pool; /* each thread needs scratch */
    measure(p, count, &total);
    measure_unigram(p, count, total);
    arena_release(&scratch);
    take_memory(p);
    return 0;
}

void pretrain_release(struct pretrain *p)
{
    gemm_half_free(p->half);
    tape_release(&p->tape);
    slab_release(&p->slab);
    model_release(&p->model);
}

/* --- the loop ------------------------------------------------------------------- */

/* What all micro-batches of an update tell. */
static int64_t count_update(struct pretrain *p, long step)
{
    struct batch b;
    int64_t n = 0;
    for (struct walk w = walk_begin(training_text(p), step); walk_next(p, &w, &b);)
        n += n_told(p, &b);
    return n;
}

static int update(struct pretrain *p, struct err *e)
{
    struct pretrain_state *s = &p->state;
    struct update_place at = {.step = s->step, .n_steps = p->train.n_steps};
    struct update_done done = {0};
    struct batch b;
    int64_t n = count_update(p, s->step), n_tok = 0;

    params_round(&p->model.params);
    for (struct walk w = walk_begin(training_text(p), s->step); walk_next(p, &w, &b);) {
        uint32_t number = (uint32_t)s->step * PRETRAIN_MICRO_MAX + (uint32_t)(w.n - 1);
        at.loss += learn(p, &b, 1.0f / (float)n, number);
        n_tok += b.n_tok + b.n_target_tok;
    }
    enum phase was = profile_enter(p->profile, PHASE_OPTIMIZER);
    if (update_take(&done, &p->rule, &p->model.params, p->pool, &at, e) != 0)
        return -1;
    profile_enter(p->profile, was);
    s->loss = at.loss;
    s->learning_rate = done.learning_rate;
    s->sum_loss += at.loss * (double)n;
    s->n_told += n;
    s->n_tok += n_tok;
    s->step++;
    return 0;
}

/* A look at the held-out text. */
static int look(struct pretrain *p, struct err *e)
{
    struct pretrain_state *s = &p->state;
    struct pretrain_point *point = &s->points[s->n_points];
    int64_t start = clock_ns();
    struct batch b;
    double sum = 0;

    enum phase was = profile_enter_whole(p->profile, PHASE_EVALUATION);
    params_round(&p->model.params);
    for (long i = 0; i < p->held_out.n_steps; i++)
        for (struct walk w = walk_begin(held_out_text(p), i); walk_next(p, &w, &b);)
            sum += judge(p, &b);
    profile_leave_whole(p->profile, was);
    s->evaluate_ns += clock_ns() - start;
    *point =
        (struct pretrain_point){.step = s->step,
                                .n_tok = s->n_tok,
                                .train_loss = s->n_told ? s->sum_loss / (double)s->n_told : NAN,
                                .held_out_loss = sum / (double)p->n_held_out_told,
                                .learning_rate = s->learning_rate,
                                .seconds = 1e-9 * (double)(s->train_ns + s->evaluate_ns)};
    s->sum_loss = 0;
    s->n_told = 0;
    s->n_points++;
    if (!isfinite(point->held_out_loss))
        return err_set(e,
                       "training diverged at step %ld of %ld: held-out loss %g; try a smaller "
                       "learning_rate than %g",
                       s->step, p->train.n_steps, point->held_out_loss, p->rule.learning_rate);
    return 0;
}

/* One update and the look that may follow it. */
static int advance(struct pretrain *p, struct err *e)
{
    int64_t start = clock_ns();
    if (update(p, e) != 0)
        return -1;
    p->state.train_ns += clock_ns() - start;
    bool due = p->state.step % option_int(p->options, "eval_steps") == 0 ||
               p->state.step == p->train.n_steps;
    return due ? look(p, e) : 0;
}

enum pretrain_outcome pretrain_run(struct pretrain *p, const struct pretrain_hooks *h,
                                   struct err *e)
{
    p->tape.profile = p->profile;
    if (p->state.n_points == 0 && look(p, e) != 0)
        return PRETRAIN_FAILED;
    while (p->state.step < p->train.n_steps) {
        if (advance(p, e) != 0)
            return PRETRAIN_FAILED;
        if (h->progress)
            h->progress(h->context, p);
        bool stop = h->stop && h->stop(h->context);
        bool due = stop || (h->snapshot_due && h->snapshot_due(h->context));
        if (due && h->snapshot && h->snapshot(h->context, p, e) != 0)
            return PRETRAIN_FAILED;
        if (stop)
            return PRETRAIN_STOPPED;
    }
    return PRETRAIN_DONE;
}
