/* The same bits twice, with two threads and after a stop; less than frequencies alone; layouts. */
#include "harness/base/file.h"
#include "harness/base/hash.h"
#include "harness/base/rng.h"
#include "models/tensor/gemm.h"
#include "pretrain/pretrain.h"
#include "tests/pretrain/fixture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct rng draws = {11, RNG_SPLIT, 0, 0};

/* Text in which a word mostly decides the next: 30 words in a circle, one in five at random. */
static void write_text(const char *path, int n_documents)
{
    static const char *const words[] = {
        "the", "of",   "and",  "to",   "in",    "a",     "is",    "that", "for",  "it",
        "as",  "was",  "with", "on",   "be",    "by",    "at",    "his",  "from", "are",
        "not", "they", "have", "this", "which", "there", "their", "will", "but",  "all"};
    enum { N = sizeof words / sizeof *words, LENGTH = 60 };
    struct str s = {0};
    struct err e = {0};
    for (int d = 0; d < n_documents; d++) {
        uint64_t at = (uint64_t)d * 2 * LENGTH;
        uint32_t word = rng_below(&draws, at, N);
        for (int i = 1; i <= LENGTH; i++) {
            str_printf(&s, "%s%s", i > 1 ? " " : "", words[word]);
            bool random = rng_below(&draws, at + 2 * (uint64_t)i, 5) == 0;
            word = random ? rng_below(&draws, at + 2 * (uint64_t)i + 1, N) : (word + 1) % N;
        }
        str_add_char(&s, '\n');
    }
    cr_assert(file_write(path, s.buf, s.len, &e) == 0, "%s", e.text);
    str_release(&s);
}

struct rig {
    struct arena a;
    struct zoo_entry model;
    struct options options;
    struct tokenizer *tokenizer;
    struct pool *pool;
    struct pretrain p;
    char dir[32], *text, *snapshot;
    struct err e;
};

static void set(struct options *o, const char *name, const char *value)
{
    struct err e = {0};
    cr_assert(option_set(o, name, value, &e) == 0, "%s", e.text);
}

static struct pretrain_source source_of(struct rig *r)
{
    return (struct pretrain_source){.model = &r->model,
                                    .options = &r->options,
                                    .tokenizer = r->tokenizer,
                                    .corpus_path = r->text,
                                    .pool = r->pool};
}

/* A model and its text, not open yet. */
static void rig_init(struct rig *r, const char *family, int n_threads)
{
    bool masked = str_equal(family, "bert");
    gemm_set_threads(1); /* OpenBLAS's own threads cut sums */
    *r = (struct rig){.dir = "/tmp/ftbench-pretrain-XXXXXX"};
    cr_assert(mkdtemp(r->dir) != NULL);
    r->text = arena_printf(&r->a, "%s/text", r->dir);
    r->snapshot = arena_printf(&r->a, "%s/snapshot", r->dir);
    write_text(r->text, 300);
    r->tokenizer = open_tokenizer(masked ? WORDPIECE : UNIGRAM);
    r->model = (struct zoo_entry){.name = "m", .family = family_find(family), .random_init = true};
    options_init(&r->model.config, r->model.family->config, &r->a);
    char vocab[16];
    snprintf(vocab, sizeof vocab, "%d", tokenizer_n_vocab(r->tokenizer));
    set(&r->model.config, "vocab_size", vocab);
    set(&r->model.config, masked ? "hidden_size" : "d_model", "32");
    set(&r->model.config, masked ? "num_hidden_layers" : "num_layers", "1");
    set(&r->model.config, masked ? "num_attention_heads" : "num_heads", "2");
    set(&r->model.config, masked ? "intermediate_size" : "d_ff", "64");
    if (masked)
        set(&r->model.config, "initializer_range", "0.1"); /* else so narrow a model starts flat */
    if (!masked) {
        set(&r->model.config, "d_kv", "16");
        set(&r->model.config, "tie_word_embeddings", "true");
    }
    options_init(&r->options, recipe_options, &r->a);
    set(&r->options, "precision", "float32"); /* any processor */
    set(&r->options, "max_length", "64");
    set(&r->options, "tokens_per_update", "512");
    set(&r->options, "held_out_share", "0.1");
    set(&r->options, "dropout", "0.1"); /* its masks must come again too */
    set(&r->options, "eval_steps", "10");
    set(&r->options, "max_steps", "45");
    if (n_threads > 1)
        r->pool = pool_new(n_threads);
}

static void rig_open(struct rig *r, const char *family, int n_threads)
{
    rig_init(r, family, n_threads);
    struct pretrain_source from = source_of(r);
    cr_assert(pretrain_open(&r->p, &from, &r->a, &r->e) == 0, "%s", r->e.text);
}

static void rig_release(struct rig *r)
{
    pretrain_release(&r->p);
    pool_free(r->pool);
    tokenizer_free(r->tokenizer);
    unlink(r->text);
    unlink(r->snapshot);
    rmdir(r->dir);
    arena_release(&r->a);
}

static bool at_step_23(void *context)
{
    return ((struct rig *)context)->p.state.step == 23;
}

static int write_snapshot(void *context, const struct pretrain *p, struct err *e)
{
    return pretrain_snapshot_write(p, ((struct rig *)context)->snapshot, "one", e);
}

static void run_to_end(struct rig *r)
{
    struct pretrain_hooks none = {0};
    cr_assert(pretrain_run(&r->p, &none, &r->e) == PRETRAIN_DONE, "%s", r->e.text);
}

static void stop_at_23(struct rig *r)
{
    struct pretrain_hooks h = {.context = r, .snapshot = write_snapshot, .stop = at_step_23};
    cr_assert(pretrain_run(&r->p, &h, &r->e) == PRETRAIN_STOPPED, "%s", r->e.text);
}

/* Parameters, moments and the curve, seconds aside. */
static void digest(char hex[HASH_HEX_SIZE], struct rig *r)
{
    const struct params *params = &r->p.model.params;
    struct hash *h = hash_new();
    hash_update(h, params->adam.param, params->n_train * sizeof(float));
    hash_update(h, params->adam.m, params->n_train * sizeof(float));
    hash_update(h, params->adam.v, params->n_train * sizeof(float));
    for (int i = 0; i < r->p.state.n_points; i++)
        hash_update(h, &r->p.state.points[i], offsetof(struct pretrain_point, seconds));
    hash_final(h, hex);
    hash_free(h);
}

static void expect_same_bits(const char *family)
{
    char whole[HASH_HEX_SIZE], again[HASH_HEX_SIZE];
    struct rig r;

    rig_open(&r, family, 1);
    run_to_end(&r);
    digest(whole, &r);
    cr_expect(r.p.state.n_points == 6); /* 0, 10, ..., 40, 45 */
    rig_release(&r);

    rig_open(&r, family, 2);
    run_to_end(&r);
    digest(again, &r);
    cr_expect_str_eq(again, whole, "two threads");
    rig_release(&r);

    rig_open(&r, family, 1);
    stop_at_23(&r);
    struct rig next;
    rig_open(&next, family, 2);
    cr_assert(pretrain_snapshot_read(&next.p, r.snapshot, "one", &next.e) == 1, "%s", next.e.text);
    cr_expect(next.p.state.step == 23 && next.p.state.n_resumed == 1);
    run_to_end(&next);
    digest(again, &next);
    cr_expect_str_eq(again, whole, "stopped and taken up");
    rig_release(&next);
    rig_release(&r);
}

Test(pretrain, an_encoder_has_the_same_bits_again)
{
    expect_same_bits("bert");
}

Test(pretrain, an_encoder_decoder_has_the_same_bits_again)
{
    expect_same_bits("t5");
}

/* A word is told by its neighbours here: four times in five by the one before it, which leaves
 * 0.2 ln 30 + H(0.2) = 1.18 nats of ln 30 = 3.4. An encoder first learns frequencies alone and
 * stays there for a thousand updates before attention finds the neighbours. */
static void expect_learnt(const char *family, const char *max_steps, double at_most)
{
    struct rig r;
    rig_init(&r, family, 1);
    set(&r.options, "max_steps", max_steps);
    set(&r.options, "learning_rate", "5e-3");
    set(&r.options, "dropout", "0");
    struct pretrain_source from = source_of(&r);
    cr_assert(pretrain_open(&r.p, &from, &r.a, &r.e) == 0, "%s", r.e.text);
    run_to_end(&r);
    const struct pretrain_state *s = &r.p.state;
    double last = s->points[s->n_points - 1].held_out_loss;
    cr_expect(last < at_most * r.p.unigram_loss, "%g of %g", last, r.p.unigram_loss);
    /* Nothing is learnt yet at step 0: about as bad as guessing of all pieces. */
    cr_expect(s->points[0].held_out_loss > r.p.unigram_loss);
    cr_expect(isnan(s->points[0].train_loss) && s->points[0].n_tok == 0);
    rig_release(&r);
}

Test(pretrain, an_encoder_tells_more_than_frequencies_do)
{
    expect_learnt("bert", "3000", 0.5);
}

Test(pretrain, an_encoder_decoder_tells_more_than_frequencies_do)
{
    expect_learnt("t5", "300", 0.7);
}

Test(pretrain, the_models_own_dropout_is_kept_for_those_who_tune_it)
{
    struct rig r;
    rig_open(&r, "bert", 1);
    cr_expect(option_float(&r.p.model.config, "hidden_dropout_prob") == 0.1);
    rig_release(&r);
}

/* The parameters of a rig with its settings made. */
static const struct params *params_of_opened(struct rig *r)
{
    struct pretrain_source from = source_of(r);
    cr_assert(pretrain_open(&r->p, &from, &r->a, &r->e) == 0, "%s", r->e.text);
    return &r->p.model.params;
}

Test(pretrain, token_embeddings_may_have_a_start_and_a_rate_of_their_own)
{
    struct rig r;
    rig_init(&r, "t5", 1);
    set(&r.options, "embedding_initializer_range", "0.05");
    set(&r.options, "embedding_lr_scale", "4");
    const struct params *params = params_of_opened(&r);
    for (int i = 0; i < params->n; i++) {
        const struct param *one = params->items[i];
        bool tokens = str_equal(one->name, "shared.weight");
        cr_expect(one->lr_scale == (tokens ? 4.0f : 1.0f), "%s", one->name);
        if (!tokens)
            continue;
        double squares = 0;
        for (size_t k = 0; k < param_size(one); k++)
            squares += (double)one->t.data[k] * (double)one->t.data[k];
        /* T5's own deviation is 1; of thousands of draws 5 % is many standard errors. */
        cr_expect(fabs(sqrt(squares / (double)param_size(one)) / 0.05 - 1) < 0.05);
    }
    rig_release(&r);
}

Test(pretrain, positions_may_begin_as_sines_and_cosines)
{
    struct rig r;
    rig_init(&r, "bert", 1);
    set(&r.options, "sinusoidal_position_range", "0.3");
    const struct params *params = params_of_opened(&r);
    int n_tables = 0;
    for (int i = 0; i < params->n; i++) {
        const struct param *one = params->items[i];
        if (!str_equal(one->name, "bert.embeddings.position_embeddings.weight"))
            continue;
        n_tables++;
        for (int row = 0; row < one->rows; row++)
            for (int col = 0; col < one->cols; col++) {
                double angle = row * pow(10000, -2.0 * (col / 2) / one->cols);
                double want = 0.3 * sqrt(2) * (col % 2 ? cos(angle) : sin(angle));
                /* Roundings of the range, of the sine and of their product, near 0.4. */
                cr_assert(fabs(one->t.data[row * one->cols + col] - want) < 6e-8,
                          "row %d column %d", row, col);
            }
    }
    cr_expect(n_tables == 1);
    rig_release(&r);
}

Test(pretrain, relative_positions_may_begin_with_what_is_near)
{
    struct rig r;
    rig_init(&r, "t5", 1);
    set(&r.options, "relative_position_slope", "2");
    set(&r.options, "position_lr_scale", "10");
    const struct params *params = params_of_opened(&r);
    int n_tables = 0;
    for (int i = 0; i < params->n; i++) {
        const struct param *one = params->items[i];
        bool bias = str_ends(one->name, "relative_attention_bias.weight");
        cr_expect(one->lr_scale == (bias ? 10.0f : 1.0f), "%s", one->name);
        if (!bias)
            continue;
        n_tables++;
        bool decoder = strncmp(one->name, "decoder", 7) == 0;
        for (int row = 0; row < one->rows; row++)
            for (int head = 0; head < one->cols; head++) {
                int place = decoder ? row : row % (one->rows / 2);
                double want = -2.0 * place / pow(2, head);
                cr_assert(one->t.data[row * one->cols + head] == (float)want, "%s row %d head %d",
                          one->name, row, head);
            }
    }
    cr_expect(n_tables == 2);
    rig_release(&r);
}

static const struct param *param_of(const struct params *params, const char *name)
{
    const struct param *one = NULL;
    for (int i = 0; i < params->n && one == NULL; i++)
        if (str_equal(params->items[i]->name, name))
            one = params->items[i];
    cr_assert(one != NULL, "no %s", name);
    return one;
}

Test(pretrain, cross_attention_may_begin_with_queries_of_the_keys_weights)
{
    struct rig r;
    rig_init(&r, "t5", 1);
    set(&r.options, "cross_attention_matches", "true");
    const struct params *params = params_of_opened(&r);
    const struct param *q = param_of(params, "decoder.block.0.layer.1.EncDecAttention.q.weight");
    const struct param *k = param_of(params, "decoder.block.0.layer.1.EncDecAttention.k.weight");
    const struct param *self = param_of(params, "decoder.block.0.layer.0.SelfAttention.q.weight");
    double head_dim = (double)option_int(&r.p.model.config, "d_kv");
    bool same = true;
    for (size_t i = 0; i < param_size(q); i++) {
        /* Each is its deviation, a float32, times the same draw. */
        cr_expect(fabs(q->t.data[i] * sqrt(head_dim) - k->t.data[i]) < 3e-7 * fabs(k->t.data[i]));
        same = same && q->t.data[i] == self->t.data[i];
    }
    cr_expect(!same, "queries of self-attention have their own");
    rig_release(&r);
}

static void expect_no_open(struct rig *r, const struct pretrain_source *from, const char *why)
{
    cr_expect(pretrain_open(&r->p, from, &r->a, &r->e) == -1);
    cr_expect(strstr(r->e.text, why) != NULL, "%s", r->e.text);
    rig_release(r);
}

Test(pretrain, what_does_not_fit_is_refused_before_any_update)
{
    struct rig r;
    rig_init(&r, "bert", 1);
    struct pretrain_source from = source_of(&r);
    from.corpus_sha256 = "00";
    expect_no_open(&r, &from, "another text than the recipe's");

    rig_init(&r, "bert", 1);
    set(&r.options, "max_length", "1024");
    from = source_of(&r);
    expect_no_open(&r, &from, "more than the 512 positions");

    rig_init(&r, "bert", 1);
    set(&r.options, "held_out_share", "1e-6");
    from = source_of(&r);
    expect_no_open(&r, &from, "no stretch to hold out");

    rig_init(&r, "bert", 1);
    set(&r.options, "tokens_per_update", "100000");
    set(&r.options, "micro_batch_tokens", "512");
    from = source_of(&r);
    expect_no_open(&r, &from, "too many micro-batches");
}

Test(pretrain, a_rate_that_breaks_it_is_told)
{
    struct rig r;
    struct pretrain_hooks none = {0};
    rig_init(&r, "t5", 1);
    set(&r.options, "learning_rate", "10");
    set(&r.options, "adam_epsilon", "1e-16");
    set(&r.options, "max_grad_norm", "0");
    set(&r.options, "weight_decay", "10"); /* 1 - 10 * 10: weights grow a hundredfold a step */
    set(&r.options, "warmup_ratio", "0");
    struct pretrain_source from = source_of(&r);
    cr_assert(pretrain_open(&r.p, &from, &r.a, &r.e) == 0, "%s", r.e.text);
    cr_expect(pretrain_run(&r.p, &none, &r.e) == PRETRAIN_FAILED);
    cr_expect(strstr(r.e.text, "diverged at step") != NULL, "%s", r.e.text);
    cr_expect(strstr(r.e.text, "learning_rate than 10") != NULL, "%s", r.e.text);
    rig_release(&r);
}

static void expect_no_snapshot(struct rig *r, const char *id, const char *why)
{
    err_clear(&r->e);
    cr_expect(pretrain_snapshot_read(&r->p, r->snapshot, id, &r->e) == -1);
    cr_expect(strstr(r->e.text, why) != NULL, "%s", r->e.text);
    cr_expect(r->p.state.step == 23 && r->p.state.n_resumed == 0, "the state was touched");
}

Test(pretrain, a_foreign_or_damaged_snapshot_is_refused)
{
    struct rig r;
    struct str file = {0};
    rig_open(&r, "bert", 1);
    cr_expect(pretrain_snapshot_read(&r.p, r.snapshot, "one", &r.e) == 0); /* there is none */
    stop_at_23(&r);
    expect_no_snapshot(&r, "two", "not a snapshot of this pre-training");
    cr_assert(file_read(&file, r.snapshot, &r.e) == 0);
    file.buf[file.len / 2] ^= 1;
    cr_assert(file_write(r.snapshot, file.buf, file.len, &r.e) == 0);
    expect_no_snapshot(&r, "one", "damaged");
    cr_assert(file_write(r.snapshot, file.buf, 50, &r.e) == 0);
    expect_no_snapshot(&r, "one", "cut short");
    str_release(&file);
    rig_release(&r);
}

/* --- layout ------------------------------------------------------------------------ */

enum { N_ROWS = 1000, MAX_COST = 90 };

static struct layout_rule some_rows(int cost[N_ROWS])
{
    for (int i = 0; i < N_ROWS; i++)
        cost[i] = 1 + (int)rng_below(&draws, (uint64_t)i, MAX_COST);
    return (struct layout_rule){
        .cost_tok = cost, .n = N_ROWS, .tokens_per_update = 200, .n_epochs = 3, .seed = 5};
}

static long cost_of(const struct layout *l, const int *cost, long step)
{
    long sum = 0;
    for (int64_t i = l->start[step]; i < l->start[step + 1]; i++)
        sum += cost[l->rows[i]];
    return sum;
}

Test(layout, each_pass_takes_each_stretch_once_in_another_order)
{
    struct arena a = {0};
    int cost[N_ROWS], seen[3][N_ROWS] = {{0}};
    struct layout_rule r = some_rows(cost);
    struct layout l = layout_train(&r, &a);
    for (long s = 0; s < l.n_steps; s++) {
        for (int64_t i = l.start[s]; i < l.start[s + 1]; i++)
            seen[l.epoch[s]][l.rows[i]]++;
        cr_expect(cost_of(&l, cost, s) <= 200);
        /* Full, but where a pass ends: the next stretch would not have fitted. */
        if (s + 1 < l.n_steps && l.epoch[s + 1] == l.epoch[s])
            cr_expect(cost_of(&l, cost, s) + cost[l.rows[l.start[s + 1]]] > 200);
    }
    for (int k = 0; k < 3; k++)
        for (int i = 0; i < N_ROWS; i++)
            cr_expect(seen[k][i] == 1);
    cr_expect(memcmp(l.rows, l.rows + N_ROWS, N_ROWS * sizeof *l.rows) != 0);
    cr_expect(l.start[l.n_steps] == 3 * N_ROWS);
    arena_release(&a);
}

Test(layout, max_steps_takes_as_many_passes_as_it_needs)
{
    struct arena a = {0};
    int cost[N_ROWS];
    struct layout_rule r = some_rows(cost);
    struct layout whole = layout_train(&r, &a);
    r.n_epochs = 1;
    r.max_steps = whole.n_steps - 7;
    struct layout l = layout_train(&r, &a);
    cr_expect(l.n_steps == whole.n_steps - 7);
    cr_expect(memcmp(l.start, whole.start, (size_t)(l.n_steps + 1) * sizeof *l.start) == 0);
    cr_expect(memcmp(l.rows, whole.rows, (size_t)l.start[l.n_steps] * sizeof *l.rows) == 0);
    arena_release(&a);
}

Test(layout, held_out_text_is_taken_until_there_is_enough)
{
    struct arena a = {0};
    int cost[N_ROWS];
    struct layout_rule r = some_rows(cost);
    struct layout l = layout_held_out(&r, 5000, &a);
    long sum = 0;
    for (long s = 0; s < l.n_steps; s++)
        sum += cost_of(&l, cost, s);
    cr_expect(sum >= 5000 && sum < 5000 + MAX_COST);
    l = layout_held_out(&r, 1L << 40, &a);
    cr_expect(l.start[l.n_steps] == N_ROWS);
    arena_release(&a);
}

Test(layout, a_micro_batch_is_as_long_as_may_be)
{
    struct arena a = {0};
    int cost[N_ROWS];
    struct layout_rule r = some_rows(cost);
    struct layout l = layout_train(&r, &a);
    int64_t at = l.start[3], end = l.start[4];
    cr_expect(layout_cut(&l, cost, at, end, 200) == end);
    cr_expect(layout_cut(&l, cost, at, end, 1) == at + 1, "one at least");
    cr_expect(layout_cut(&l, cost, at, end, cost[l.rows[at]] + cost[l.rows[at + 1]]) == at + 2);
    arena_release(&a);
}
