/* The engine's side of `make bench` (see bench.py): the training loop of the
 * program itself over fixed batches, run in portions on request, so that it can
 * take turns with another implementation on the same machine.
 *
 *     bench_engine batches FILE MODEL DATASET MAX_LENGTH   texts of the data set as the
 *                              model's tokenizer encodes them, into FILE
 *     bench_engine machine     one line of JSON: what this is measured on
 *     bench_engine serve FILE MODEL METHOD PRECISION THREADS ROWS
 *                              METHOD: name[,option=value]...; ROWS: of the largest step
 *
 * serve answers "ready", then each line of standard input with one line:
 *     run N FIRST ROWS   N steps of ROWS texts, from text FIRST of the file on: real tokens,
 *                        wall seconds, processor seconds, useful operations, peak resident
 *                        bytes, loss of the last step
 *     peak               GFLOP/s of the library's products, in the precision and with the
 *                        threads asked for: large and square, and of the model's projections
 */
#include "harness/base/clock.h"
#include "harness/base/environment.h"
#include "harness/base/file.h"
#include "harness/base/json.h"
#include "harness/protocol.h"
#include "harness/train.h"
#include "methods/registry.h"
#include "models/tensor/bfloat16.h"
#include "models/tensor/gemm.h"
#include "models/zoo.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    N_ROWS = 2016,     /* texts at most, in the order of the set's last split */
    BATCH = 32,        /* of the largest step */
    N_STEPS = 1 << 14, /* that the loop is laid out for; nobody runs so many */
};

/* As harness/main.c does. */
static void settle_blas(char **argv)
{
    const char *const *want = gemm_environment();
    bool differs = false;
    for (int i = 0; want[i]; i += 2) {
        if (str_equal(getenv(want[i]), want[i + 1]))
            continue;
        differs = true;
        if (want[i + 1])
            setenv(want[i], want[i + 1], 1);
        else
            unsetenv(want[i]);
    }
    if (!differs || getenv("FTBENCH_BLAS_IS_SET"))
        return;
    setenv("FTBENCH_BLAS_IS_SET", "1", 1);
    execv("/proc/self/exe", argv);
}

/* --- batches -------------------------------------------------------------- */

/* Texts of the set's last split (test, where there is one) under the protocol's defaults; argv as
 * for `batches`. */
static int encode(struct feed *f, struct targets *targets, char **argv, struct arena *a,
                  struct err *e)
{
    const char *model = argv[3], *set = argv[4];
    struct asset_flags flags = {.offline = true};
    struct zoo_entry z;
    struct str folder = {0};
    struct options training;
    char *tokenizer_of = arena_printf(a, "%s:random", model); /* no weights are wanted */
    const struct dataset_info *info = dataset_describe(set, a, e);
    const struct dataset *data = info ? dataset_load(info, &flags, a, e) : NULL;
    if (!data || zoo_find(&z, model, a, e) ||
        (!z.random_init && zoo_find(&z, tokenizer_of, a, e)) || zoo_fetch(&folder, &z, &flags, e))
        return -1;
    struct tokenizer *t = tokenizer_open(str_text(&folder), e);
    str_release(&folder);
    options_init(&training, training_options, a);
    bool says_text = str_equal(z.family->name, "t5");
    if (!t || (says_text && targets_encode(targets, info, t, &training, a, e)))
        return -1;
    struct rows rows = {arena_array(a, N_ROWS, sizeof(int)), 0};
    for (int i = 0; i < data->n && rows.n < N_ROWS; i++)
        if (data->examples[i].split == info->n_splits - 1)
            rows.index[rows.n++] = i;
    struct feed_source from = {.data = data,
                               .tokenizer = t,
                               .max_length = (int)strtol(argv[5], NULL, 10),
                               .targets = says_text ? targets : NULL,
                               .prompted = says_text};
    int rc = feed_encode(f, &from, &rows, a, e);
    tokenizer_free(t);
    return rc;
}

static json_t *json_ids(const int *ids, int n)
{
    json_t *list = json_array();
    for (int i = 0; i < n; i++)
        json_array_append_new(list, json_integer(ids[i]));
    return list;
}

/* {"n_classes": 4, "targets": [[ids] of each class] or [], "texts": [[label, [ids]], ...]} */
static int write_batches(char **argv, struct arena *a, struct err *e)
{
    struct feed f = {0};
    struct targets targets = {0};
    if (encode(&f, &targets, argv, a, e))
        return -1;
    json_t *texts = json_array(), *words = json_array();
    for (int i = 0; i < f.n; i++) {
        int at = f.tokens.offsets[i];
        json_array_append_new(texts,
                              json_pack("[i, o]", f.labels[i],
                                        json_ids(f.tokens.ids + at, f.tokens.offsets[i + 1] - at)));
    }
    for (int i = 0; i < targets.n_classes; i++)
        json_array_append_new(words, json_ids(targets.ids + targets.offsets[i],
                                              targets.offsets[i + 1] - targets.offsets[i]));
    json_t *all =
        json_pack("{s:i, s:o, s:o}", "n_classes", f.n_classes, "targets", words, "texts", texts);
    feed_release(&f);
    int rc = json_write(argv[2], all, e);
    json_decref(all);
    return rc;
}

static int copy_ids(int *to, const json_t *list)
{
    int n = (int)json_array_size(list);
    for (int i = 0; i < n; i++)
        to[i] = (int)json_integer_value(json_array_get(list, (size_t)i));
    return n;
}

static void read_targets(struct targets *t, const json_t *words, struct arena *a)
{
    t->n_classes = (int)json_array_size(words);
    t->offsets = arena_array(a, (size_t)t->n_classes + 1, sizeof *t->offsets);
    int n = 0;
    for (int i = 0; i < t->n_classes; i++)
        n += (int)json_array_size(json_array_get(words, (size_t)i));
    t->ids = arena_array(a, (size_t)n + 1, sizeof *t->ids);
    for (int i = 0; i < t->n_classes; i++) {
        n = copy_ids(t->ids + t->offsets[i], json_array_get(words, (size_t)i));
        t->offsets[i + 1] = t->offsets[i] + n;
        t->longest = n > t->longest ? n : t->longest;
    }
}

static int read_batches(struct feed *f, struct targets *targets, const char *path, struct arena *a,
                        struct err *e)
{
    json_t *all = json_read(path, e);
    if (!all)
        return -1;
    const json_t *rows = json_object_get(all, "texts");
    size_t n = json_array_size(rows), n_tok = 0;
    read_targets(targets, json_object_get(all, "targets"), a);
    for (size_t i = 0; i < n; i++)
        n_tok += json_array_size(json_array_get(json_array_get(rows, i), 1));
    *f = (struct feed){
        .n = (int)n,
        .n_classes = (int)json_integer_value(json_object_get(all, "n_classes")),
        .labels = arena_array(a, n, sizeof(int)),
        .length_tok = arena_array(a, n, sizeof(int)),
        .targets = targets->n_classes ? targets : NULL,
        .tokens = {xmalloc(n_tok * sizeof(int)), xmalloc((n + 1) * sizeof(int)), (int)n, 0}};
    f->tokens.offsets[0] = 0;
    for (size_t i = 0; i < n; i++) {
        const json_t *row = json_array_get(rows, i);
        f->labels[i] = (int)json_integer_value(json_array_get(row, 0));
        f->length_tok[i] = copy_ids(f->tokens.ids + f->tokens.offsets[i], json_array_get(row, 1));
        f->tokens.offsets[i + 1] = f->tokens.offsets[i] + f->length_tok[i];
    }
    json_decref(all);
    return 0;
}

/* --- useful operations ------------------------------------------------------- */

/* What logits and the gradients of what trains call for, in matrix products only,
 * 2 operations a multiplication and addition: for each matrix, rows that pass
 * times its size, once forward, once more where its input needs a gradient, once
 * more where it trains; attention's two products forward, and backwards one for
 * each of q, k, v and the probabilities whose gradient is needed. Of a classifier's
 * last layer, rows that no logit depends on are not counted; of a decoder, only keys
 * that a query sees. Embeddings and everything elementwise count nothing. Exact for
 * full, head, bitfit and lora but for the input of lora's first matrices in the
 * lowest layer, which is counted though it needs no gradient. */
struct count {
    const struct model *model;
    int lowest; /* layer with something trainable, -1: embeddings, INT_MAX: none */
    int n_layers, n_encoder;
    bool says_text;
};

static struct count count_of(const struct model *m)
{
    struct count c = {m, INT_MAX, 0, 0, model_says_text(m)};
    for (int i = 0; i < m->params.n; i++) {
        const struct param *p = m->params.items[i];
        if (p->layer >= c.n_layers)
            c.n_layers = p->layer + 1;
        bool in_trunk = p->layer >= 0 || p->role == PARAM_EMBEDDING;
        if (p->trainable && in_trunk && p->layer < c.lowest)
            c.lowest = p->layer;
    }
    for (int i = 0; i < m->n_sites; i++)
        if (!m->sites[i].decoder && m->sites[i].layer >= c.n_encoder)
            c.n_encoder = m->sites[i].layer + 1;
    return c;
}

/* Of a batch: tokens, answers (texts, or target tokens), and pairs of query and key. */
struct rows_of_step {
    double n_tok, n_answers, self, cross, causal, n_texts;
};

static struct rows_of_step rows_of(const struct feed *f, const int *rows, int n)
{
    struct rows_of_step r = {.n_texts = n};
    for (int i = 0; i < n; i++) {
        double length = f->length_tok[rows[i]], answer = feed_n_losses(f, rows[i]);
        r.n_tok += length;
        r.n_answers += answer;
        r.self += length * length;
        r.cross += length * answer;
        r.causal += answer * (answer + 1) / 2;
    }
    return r;
}

/* Of the matrices at one site: n_rows pass; x_flows: its input needs a gradient. */
static double site_operations(const struct model *m, const struct site *s, double n_rows,
                              bool x_flows, bool *trains)
{
    double n = (double)s->in_features * s->out_features * (1.0 + x_flows + s->weight->trainable);
    *trains = s->weight->trainable;
    for (int i = 0; i < m->params.n; i++) {
        const struct param *p = m->params.items[i];
        if (p->part == PART_METHOD && str_starts(p->name, s->module)) {
            n += 3.0 * p->rows * p->cols;
            *trains = true;
        }
    }
    return 2 * n_rows * n;
}

static double linear_operations(const struct count *c, const struct site *s,
                                const struct rows_of_step *r, bool *trains)
{
    bool kv = s->role == ROLE_K || s->role == ROLE_V;
    bool x_flows = kv || s->role == ROLE_Q ? c->lowest < s->layer : c->lowest <= s->layer;
    double n = s->decoder ? r->n_answers : r->n_tok;
    if (s->cross && kv) {
        n = r->n_tok;
        x_flows = c->lowest < c->n_encoder;
    }
    if (!c->says_text && s->layer == c->n_layers - 1 && !kv)
        n = r->n_texts;
    return site_operations(c->model, s, n, x_flows, trains);
}

static double attention_operations(const struct count *c, const struct site *s,
                                   const struct rows_of_step *r, bool k_trains)
{
    bool below = c->lowest < s->layer || k_trains, within = c->lowest <= s->layer;
    double pairs = s->cross ? r->cross : s->decoder ? r->causal : r->self;
    if (!c->says_text && s->layer == c->n_layers - 1)
        pairs = r->n_tok;
    return 2.0 * pairs * s->in_features * (2 + 3 * within + (within && below));
}

/* Of one step on these rows of the feed. */
static double useful_operations(const struct count *c, const struct feed *f, const int *rows, int n)
{
    const struct model *m = c->model;
    struct rows_of_step r = rows_of(f, rows, n);
    bool k_trains = false, trains = false, any = c->lowest != INT_MAX;
    double sum = 0;
    for (int i = 0; i < m->n_sites; i++) {
        const struct site *s = &m->sites[i];
        if (s->kind == SITE_LINEAR) {
            sum += linear_operations(c, s, &r, &trains);
            k_trains = s->role == ROLE_K ? trains : k_trains;
        } else if (s->kind == SITE_KEY_VALUE) {
            sum += attention_operations(c, s, &r, k_trains);
        }
    }
    /* What comes after the layers: classifiers, or the vocabulary's product. */
    const struct param *tied = c->says_text && !params_find(&m->params, "lm_head.weight")
                                   ? params_find(&m->params, "shared.weight")
                                   : NULL;
    for (int i = 0; i < m->params.n; i++) {
        const struct param *p = m->params.items[i];
        if (p == tied || (p->role == PARAM_WEIGHT && p->layer < 0))
            sum += 2.0 * r.n_answers * p->rows * p->cols * (1 + p->trainable + any);
    }
    return sum;
}

/* --- serving ----------------------------------------------------------------- */

/* A model under a method with its batches, ready to train. */
struct bench {
    struct arena arena;
    struct zoo_entry entry;
    struct options options;
    struct model model;
    struct tuned tuned;
    struct engine engine;
    struct pool *pool;
    struct feed feed;
    struct targets targets;
    struct steps steps;
    struct train_state state;
    int n_laid;  /* rows of steps.rows in use */
    long n_left; /* steps of the portion being run */
};

static double now_cpu_s(void)
{
    return process_usage().cpu_seconds;
}

/* Seconds of y[m, n] = x[m, k] w[n, k]^T, w in the format it is multiplied in: best of several.
 * One thread is timed by the processor's time, several by the clock. */
static double product_seconds(const struct bench *b, int m, int n, int k)
{
    size_t n_x = (size_t)m * (size_t)k, n_w = (size_t)n * (size_t)k;
    float *x = xmalloc((n_x + n_w + (size_t)m * (size_t)n) * sizeof *x);
    uint16_t *w_half = xmalloc(n_w * sizeof *w_half);
    for (size_t i = 0; i < n_x + n_w; i++)
        x[i] = (float)(i % 7) - 3;
    bfloat16_round(w_half, x + n_x, n_w, 1);
    struct gemm g = {.transpose_b = true,
                     .m = m,
                     .n = n,
                     .k = k,
                     .alpha = 1,
                     .a = x,
                     .lda = k,
                     .b = x + n_x,
                     .ldb = k,
                     .c = x + n_x + n_w,
                     .ldc = n,
                     .half = b->engine.half,
                     .b_half = b->engine.half ? w_half : NULL,
                     .pool = b->pool};
    double best = 1e9;
    int portion = 1 + (int)(4e8 / (2.0 * m * n * k)); /* a millisecond or more */
    for (int i = 0; i < 5; i++) {
        double cpu = now_cpu_s();
        int64_t wall = clock_ns();
        for (int j = 0; j < portion; j++)
            gemm(&g);
        double seconds =
            (b->pool ? 1e-9 * (double)(clock_ns() - wall) : now_cpu_s() - cpu) / portion;
        best = seconds < best ? seconds : best;
    }
    free(w_half);
    free(x);
    return best;
}

/* All projections of the encoder's first layer on n_tok rows, forward. */
static double projection_gflops(const struct bench *b, int n_tok)
{
    double seconds = 0, operations = 0;
    for (int i = 0; i < b->model.n_sites; i++) {
        const struct site *s = &b->model.sites[i];
        if (s->kind != SITE_LINEAR || s->layer != 0)
            continue;
        seconds += product_seconds(b, n_tok, s->out_features, s->in_features);
        operations += 2.0 * n_tok * s->out_features * s->in_features;
    }
    return 1e-9 * operations / seconds;
}

static int attach(struct bench *b, const char *words, struct err *e)
{
    char *copy = arena_strdup(&b->arena, words), *rest = copy;
    const struct method *method = method_find(strsep(&rest, ","));
    if (!method)
        return err_usage(e, "%s: no such method", words);
    options_init(&b->options, method->options, &b->arena);
    while (rest) {
        char *value = strsep(&rest, ","), *name = strsep(&value, "=");
        if (option_set(&b->options, name, value ? value : "", e))
            return -1;
    }
    return method_attach(&b->tuned, method, &b->options, &b->model, &b->arena, e);
}

static int build(struct bench *b, char **argv, struct err *e)
{
    int n_threads = (int)strtol(argv[6], NULL, 10);
    if (read_batches(&b->feed, &b->targets, argv[2], &b->arena, e) ||
        zoo_find(&b->entry, argv[3], &b->arena, e) ||
        model_declare(&b->model, b->entry.family, &b->entry.config, b->feed.n_classes, &b->arena,
                      e) ||
        attach(b, argv[4], e))
        return -1;
    b->model.params.bfloat16 = str_equal(argv[5], "bfloat16");
    if (b->model.params.bfloat16 && !gemm_half_supported())
        return err_usage(e, "this processor has no bfloat16 products");
    params_allocate(&b->model.params, true);
    params_init_missing(&b->model.params, 1);
    params_round(&b->model.params);

    struct steps *s = &b->steps;
    *s = (struct steps){
        .n_epochs = 1, .steps_per_epoch = N_STEPS, .n_steps = N_STEPS, .n_micro = N_STEPS};
    s->rows = arena_array(&b->arena, (size_t)N_STEPS * BATCH, sizeof *s->rows);
    s->micro_start = arena_array(&b->arena, N_STEPS + 1, sizeof *s->micro_start);
    s->step_micro = arena_array(&b->arena, N_STEPS + 1, sizeof *s->step_micro);
    b->state.steps = arena_array(&b->arena, N_STEPS, sizeof *b->state.steps);
    b->pool = n_threads > 1 ? pool_new(n_threads) : NULL;
    return 0;
}

/* Sizes the engine for steps of this many rows, from any row on. */
static void size_engine(struct bench *b, int n_rows)
{
    int all[2 * BATCH], max_tok = 0;
    for (int i = 0; i < b->feed.n; i++) {
        int cost = feed_cost(&b->feed, i, PACK_ANSWER);
        max_tok = cost > max_tok ? cost : max_tok;
    }
    engine_init(&b->engine, &b->tuned, max_tok * n_rows, n_rows, 1, &b->arena);
    engine_share(&b->engine, b->pool);
    /* As protocol `sound` has it: a frozen trunk under a classifier drops nothing. */
    b->engine.spare_frozen = str_equal(b->tuned.method->name, "head");
    for (int i = 0; i < b->feed.n; i += n_rows) {
        for (int j = 0; j < n_rows; j++)
            all[j] = (i + j) % b->feed.n;
        engine_measure(&b->engine, &b->feed, all, n_rows, ENGINE_TRAIN);
    }
    engine_allocate(&b->engine);
}

static bool portion_done(void *context)
{
    struct bench *b = context;
    return --b->n_left == 0;
}

static int no_snapshot(void *context, const struct train_state *s, struct err *e)
{
    (void)context;
    (void)s;
    (void)e;
    return 0;
}

/* Lays out n steps of n_rows rows from row `first` on; their useful operations. */
static double lay_portion(struct bench *b, long n, long first, int n_rows)
{
    struct count c = count_of(&b->model);
    double operations = 0;
    for (long i = b->state.step; i < b->state.step + n; i++) {
        int *rows = b->steps.rows + b->n_laid;
        for (int j = 0; j < n_rows; j++)
            rows[j] = (int)(first++ % b->feed.n);
        b->steps.step_micro[i] = i;
        b->steps.micro_start[i] = b->n_laid;
        b->n_laid += n_rows;
        b->steps.step_micro[i + 1] = i + 1;
        b->steps.micro_start[i + 1] = b->n_laid;
        operations += useful_operations(&c, &b->feed, rows, n_rows);
    }
    return operations;
}

static int run_portion(struct bench *b, long n, long first, int n_rows, struct err *e)
{
    struct train_hooks hooks = {.context = b, .stop = portion_done, .snapshot = no_snapshot};
    struct training t = {.engine = &b->engine,
                         .train = &b->feed,
                         .steps = &b->steps,
                         .options = {.update = {.adamw = {0.9f, 0.999f, 1e-8f, 0.01f},
                                                .lr_scheduler_type = SCHEDULE_LINEAR,
                                                .learning_rate = 2e-5,
                                                .warmup_ratio = 0.06,
                                                .max_grad_norm = 1}},
                         .hooks = &hooks};
    struct train_state *s = &b->state;
    if (n < 1 || s->step + n >= N_STEPS || first < 0 || n_rows < 1 || n_rows > BATCH)
        return err_usage(e, "run: 1 to %ld steps of 1 to %d rows", N_STEPS - 1 - s->step, BATCH);
    double operations = lay_portion(b, n, first, n_rows);
    b->n_left = n;
    int64_t n_tok = s->n_tok, wall = clock_ns();
    double cpu = now_cpu_s();
    if (train_run(&t, s, e) == TRAIN_FAILED)
        return -1;
    cpu = now_cpu_s() - cpu;
    wall = clock_ns() - wall;
    printf("%lld %.6f %.6f %.0f %lld %.5f\n", (long long)(s->n_tok - n_tok), 1e-9 * (double)wall,
           cpu, operations, (long long)process_usage().peak_rss_bytes, s->steps[s->step - 1].loss);
    return 0;
}

static int answer(struct bench *b, const char *line, struct err *e)
{
    long n, first, n_rows;
    if (sscanf(line, "run %ld %ld %ld", &n, &first, &n_rows) == 3)
        return run_portion(b, n, first, (int)n_rows, e);
    if (!str_starts(line, "peak"))
        return err_usage(e, "run N FIRST ROWS or peak, not %s", line);
    int n_tok = b->feed.tokens.offsets[b->feed.n] / b->feed.n * BATCH;
    printf("%.1f %.1f\n", 2e-9 * 2048 * 2048 * 2048 / product_seconds(b, 2048, 2048, 2048),
           projection_gflops(b, n_tok));
    return 0;
}

static int serve(char **argv, struct err *e)
{
    struct bench b = {0};
    char line[64];
    int rc = build(&b, argv, e);
    if (rc == 0) {
        size_engine(&b, (int)strtol(argv[7], NULL, 10));
        printf("ready\n");
    }
    while (rc == 0 && fflush(stdout) == 0 && fgets(line, sizeof line, stdin))
        rc = answer(&b, line, e);
    engine_release(&b.engine);
    pool_free(b.pool);
    feed_release(&b.feed);
    model_release(&b.model);
    arena_release(&b.arena);
    return rc;
}

static void tell_machine(struct arena *a)
{
    struct environment env;
    char now[21];
    clock_utc(now);
    environment_read(&env, a);
    json_t *facts = json_pack("{s:s, s:s, s:i, s:s, s:s, s:s, s:s, s:s, s:b}", "date", now, "cpu",
                              env.cpu_model, "cores", (int)env.n_cores, "os", env.os, "blas",
                              gemm_core_name(), "bfloat16", gemm_half_name(), "build",
                              arena_printf(a, "%s (%s)", env.build, env.compiler), "commit",
                              env.commit, "has_bfloat16", gemm_half_supported());
    json_dumpf(facts, stdout, JSON_INDENT(0));
    printf("\n");
    json_decref(facts);
}

int main(int argc, char **argv)
{
    settle_blas(argv);
    struct arena a = {0};
    struct err e = {0};
    const char *what = argc > 1 ? argv[1] : "";
    int rc;
    if (str_equal(what, "batches") && argc == 6)
        rc = write_batches(argv, &a, &e);
    else if (str_equal(what, "serve") && argc == 8)
        rc = serve(argv, &e);
    else if (str_equal(what, "machine"))
        rc = (tell_machine(&a), 0);
    else
        rc = err_usage(&e, "usage: batches FILE MODEL DATASET MAX_LENGTH | machine | "
                           "serve FILE MODEL METHOD PRECISION THREADS ROWS");
    if (rc)
        fprintf(stderr, "bench_engine: %s\n", e.text);
    arena_release(&a);
    return rc ? 1 : 0;
}
