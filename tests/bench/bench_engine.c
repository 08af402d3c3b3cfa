/* The engine's side of `make bench` (see bench.sh): the training loop of the
 * program itself over a fixed list of batches, run in portions on request, so
 * that it can take turns with another implementation on the same machine.
 *
 *     bench_engine batches FILE LENGTHS   32 AG News texts a batch into FILE; where
 *                                         the data set is not here, random tokens
 *                                         of the lengths in LENGTHS
 *     bench_engine machine                one line: what this is measured on
 *     bench_engine serve FILE MODEL METHOD   METHOD: name[,option=value]...
 *
 * serve answers "ready", then each line of standard input with one line:
 *     run N   N more steps: real tokens, wall seconds, processor seconds, useful
 *             GFLOP, peak resident bytes, loss of the last step
 *     peak    GFLOP/s of sgemm: large and square, and of the model's projections
 */
#include "harness/base/clock.h"
#include "harness/base/environment.h"
#include "harness/base/file.h"
#include "harness/base/json.h"
#include "harness/base/rng.h"
#include "harness/train.h"
#include "methods/registry.h"
#include "models/tensor/gemm.h"
#include "models/zoo.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    N_ROWS = 2016, /* texts, in the order of the file: 63 batches */
    BATCH = 32,
    MAX_LENGTH = 128,
    N_STEPS = 1 << 14, /* that the loop is laid out for; nobody runs so many */
    N_CLASSES = 4,
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

/* Rows of the published test split as the uncased vocabulary encodes them. */
static int encode_ag_news(struct feed *f, struct arena *a, struct err *e)
{
    struct asset_flags flags = {.offline = true};
    struct zoo_entry z;
    struct asset_file vocabulary = {0};
    const struct dataset_info *info = dataset_describe("ag_news", a, e);
    if (!info || zoo_find(&z, "bert-l2-h128", a, e) ||
        asset_get(&vocabulary, asset_named(z.assets, z.n_assets, "vocab.txt"), &flags, e))
        return -1;
    const struct dataset *data = dataset_load(info, &flags, a, e);
    struct tokenizer *t = tokenizer_open(str_text(&vocabulary.path), e);
    asset_file_release(&vocabulary);
    struct rows rows = {arena_array(a, N_ROWS, sizeof(int)), 0};
    for (int i = 0; data && i < data->n && rows.n < N_ROWS; i++)
        if (str_equal(info->splits[data->examples[i].split].name, "test"))
            rows.index[rows.n++] = i;
    int rc =
        !data || !t
            ? -1
            : feed_encode(
                  f, &(struct feed_source){.data = data, .tokenizer = t, .max_length = MAX_LENGTH},
                  &rows, a, e);
    tokenizer_free(t);
    return rc;
}

/* Rows of the given lengths: [CLS] (101), random whole pieces, [SEP] (102). */
static int invent(struct feed *f, const char *lengths, struct arena *a, struct err *e)
{
    struct str text = {0};
    if (file_read(&text, lengths, e))
        return -1;
    *f = (struct feed){.labels = arena_array(a, N_ROWS, sizeof(int))};
    f->tokens = (struct token_lists){xmalloc(N_ROWS * MAX_LENGTH * sizeof(int)),
                                     xmalloc((N_ROWS + 1) * sizeof(int)), N_ROWS, 0};
    struct rng place = {1, RNG_SPLIT, 0, 0};
    const char *at = str_text(&text);
    int n_tok = 0;
    for (; f->n < N_ROWS && *at; at += strcspn(at, "\n"), at += *at == '\n') {
        long length = strtol(at, NULL, 10);
        if (length < 2 || length > MAX_LENGTH)
            continue;
        f->tokens.offsets[f->n] = n_tok;
        for (long i = 0; i < length; i++, n_tok++)
            f->tokens.ids[n_tok] = i == 0 ? 101
                                   : i + 1 == length
                                       ? 102
                                       : 1996 + (int)rng_below(&place, (uint64_t)n_tok, 28000);
        f->labels[f->n] = f->n % N_CLASSES;
        f->tokens.offsets[++f->n] = n_tok;
    }
    str_release(&text);
    return f->n == N_ROWS ? 0 : err_set(e, "%s: %d lengths; %d wanted", lengths, f->n, N_ROWS);
}

static int write_batches(const char *path, const char *lengths, struct arena *a, struct err *e)
{
    struct feed f;
    struct err why = {0};
    bool real = encode_ag_news(&f, a, &why) == 0;
    if (!real && invent(&f, lengths, a, e))
        return -1;
    if (!real)
        fprintf(stderr, "AG News is not used: %s\n", why.text);
    json_t *rows = json_array();
    for (int i = 0; i < f.n; i++) {
        json_t *ids = json_array();
        for (int j = f.tokens.offsets[i]; j < f.tokens.offsets[i + 1]; j++)
            json_array_append_new(ids, json_integer(f.tokens.ids[j]));
        json_array_append_new(rows, json_pack("[i, o]", f.labels[i], ids));
    }
    long padded_tok = 0;
    for (int i = 0, longest = 0; i < f.n; i++) {
        int length = f.tokens.offsets[i + 1] - f.tokens.offsets[i];
        longest = i % BATCH > 0 && longest > length ? longest : length;
        padded_tok += (i + 1) % BATCH == 0 ? (long)BATCH * longest : 0;
    }
    printf("%d batches of %d %s, %.1f tokens a text; padded to the longest, %.0f%% are text\n",
           f.n / BATCH, BATCH,
           real ? "AG News texts" : "rows of random tokens, as long as AG News texts",
           (double)f.tokens.offsets[f.n] / f.n, 100.0 * f.tokens.offsets[f.n] / (double)padded_tok);
    feed_release(&f);
    int rc = json_write(path, rows, e);
    json_decref(rows);
    return rc;
}

static int read_batches(struct feed *f, const char *path, struct arena *a, struct err *e)
{
    json_t *rows = json_read(path, e);
    if (!rows)
        return -1;
    size_t n = json_array_size(rows), n_tok = 0;
    *f = (struct feed){.n = (int)n,
                       .n_classes = N_CLASSES,
                       .labels = arena_array(a, n, sizeof(int)),
                       .length_tok = arena_array(a, n, sizeof(int)),
                       .tokens = {xmalloc(n * MAX_LENGTH * sizeof(int)),
                                  xmalloc((n + 1) * sizeof(int)), (int)n, 0}};
    for (size_t i = 0; i < n; i++) {
        const json_t *row = json_array_get(rows, i), *ids = json_array_get(row, 1);
        f->labels[i] = (int)json_integer_value(json_array_get(row, 0));
        f->length_tok[i] = (int)json_array_size(ids);
        f->tokens.offsets[i] = (int)n_tok;
        for (size_t j = 0; j < json_array_size(ids); j++)
            f->tokens.ids[n_tok++] = (int)json_integer_value(json_array_get(ids, j));
    }
    f->tokens.offsets[n] = (int)n_tok;
    json_decref(rows);
    return 0;
}

/* --- useful operations ------------------------------------------------------- */

/* What logits and the gradients of what trains call for, in matrix products only,
 * 2 operations a multiplication and addition: for each matrix, rows that pass
 * times its size, once forward, once more where its input needs a gradient, once
 * more where it trains; attention's two products forward, and backwards one for
 * each of q, k, v and the probabilities whose gradient is needed. Rows of the last
 * layer that no logit depends on are not counted. Embeddings and everything
 * elementwise count nothing. Exact for full, head, bitfit and lora but for the
 * input of lora's first matrices in the lowest layer, which is counted though it
 * needs no gradient. */
struct count {
    const struct model *model;
    int lowest; /* layer with something trainable, -1: embeddings, INT_MAX: none */
    int n_layers;
};

static struct count count_of(const struct model *m)
{
    struct count c = {m, INT_MAX, 0};
    for (int i = 0; i < m->params.n; i++) {
        const struct param *p = m->params.items[i];
        if (p->layer >= c.n_layers)
            c.n_layers = p->layer + 1;
        bool in_trunk = p->layer >= 0 || p->role == PARAM_EMBEDDING;
        if (p->trainable && in_trunk && p->layer < c.lowest)
            c.lowest = p->layer;
    }
    return c;
}

/* Of the matrices at one site: n_rows pass; x_flows: its input needs a gradient. */
static double site_operations(const struct model *m, const struct site *s, double n_rows,
                              bool x_flows, bool *trains)
{
    double n = param_size(s->weight) * (1.0 + x_flows + s->weight->trainable);
    *trains = s->weight->trainable;
    for (int i = 0; i < m->params.n; i++) {
        const struct param *p = m->params.items[i];
        if (p->part == PART_METHOD && str_starts(p->name, s->module)) {
            n += 3.0 * (double)param_size(p);
            *trains = true;
        }
    }
    return 2 * n_rows * n;
}

/* Of one step on the batch in rows first .. first + BATCH. */
static double useful_operations(const struct count *c, const struct feed *f, int first)
{
    const struct model *m = c->model;
    double n_tok = 0, square = 0, sum = 0;
    for (int i = first; i < first + BATCH; i++) {
        n_tok += f->length_tok[i];
        square += (double)f->length_tok[i] * f->length_tok[i];
    }
    bool k_trains = false, trains;
    for (int i = 0; i < m->n_sites; i++) {
        const struct site *s = &m->sites[i];
        bool is_last = s->layer == c->n_layers - 1, below = c->lowest < s->layer;
        bool within = c->lowest <= s->layer;
        if (s->kind == SITE_LINEAR) {
            bool kv = s->role == ROLE_K || s->role == ROLE_V;
            sum += site_operations(m, s, is_last && !kv ? BATCH : n_tok,
                                   kv || s->role == ROLE_Q ? below : within, &trains);
            k_trains = s->role == ROLE_K ? trains : k_trains;
        } else if (s->kind == SITE_KEY_VALUE) {
            double product = 2.0 * (is_last ? n_tok : square) * s->in_features;
            sum += product * (2 + 3 * within + (within && (below || k_trains)));
        }
    }
    for (int i = 0; i < m->params.n; i++) {
        const struct param *p = m->params.items[i];
        if (p->role == PARAM_WEIGHT && p->layer < 0)
            sum +=
                2.0 * BATCH * (double)param_size(p) * (1 + p->trainable + (c->lowest != INT_MAX));
    }
    return sum;
}

/* --- the machine's peak ------------------------------------------------------ */

static double now_cpu_s(void)
{
    return process_usage().cpu_seconds;
}

/* Processor seconds of y[m, n] = x[m, k] w[n, k]^T: best of several. */
static double product_seconds(int m, int n, int k)
{
    size_t n_x = (size_t)m * (size_t)k, n_w = (size_t)n * (size_t)k;
    float *x = xmalloc((n_x + n_w + (size_t)m * (size_t)n) * sizeof *x);
    for (size_t i = 0; i < n_x + n_w; i++)
        x[i] = (float)(i % 7) - 3;
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
                     .ldc = n};
    double best = 1e9;
    int portion = 1 + (int)(2e8 / (2.0 * m * n * k)); /* a millisecond or more */
    for (int i = 0; i < 12; i++) {
        double start = now_cpu_s();
        for (int j = 0; j < portion; j++)
            gemm(&g);
        double seconds = (now_cpu_s() - start) / portion;
        best = seconds < best ? seconds : best;
    }
    free(x);
    return best;
}

/* All projections of one layer of the model on n_tok rows, forward. */
static double projection_gflops(const struct model *m, int n_tok)
{
    double seconds = 0, operations = 0;
    for (int i = 0; i < m->n_sites; i++) {
        const struct site *s = &m->sites[i];
        if (s->kind != SITE_LINEAR || s->layer != 0)
            continue;
        seconds += product_seconds(n_tok, s->out_features, s->in_features);
        operations += 2.0 * n_tok * s->out_features * s->in_features;
    }
    return 1e-9 * operations / seconds;
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
    struct feed feed;
    struct steps steps;
    struct train_state state;
    long n_left; /* steps of the portion being run */
};

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

static int build(struct bench *b, const char *batches, const char *model, const char *method,
                 struct err *e)
{
    if (read_batches(&b->feed, batches, &b->arena, e) || zoo_find(&b->entry, model, &b->arena, e) ||
        model_declare(&b->model, b->entry.family, &b->entry.config, N_CLASSES, &b->arena, e) ||
        attach(b, method, e))
        return -1;
    params_allocate(&b->model.params, true);
    params_init_missing(&b->model.params, 1);

    struct steps *s = &b->steps;
    *s = (struct steps){
        .n_epochs = 1, .steps_per_epoch = N_STEPS, .n_steps = N_STEPS, .n_micro = N_STEPS};
    s->rows = arena_array(&b->arena, (size_t)N_STEPS * BATCH, sizeof *s->rows);
    s->micro_start = arena_array(&b->arena, N_STEPS + 1, sizeof *s->micro_start);
    s->step_micro = arena_array(&b->arena, N_STEPS + 1, sizeof *s->step_micro);
    for (int i = 0; i < N_STEPS * BATCH; i++)
        s->rows[i] = i % b->feed.n;
    for (int i = 0; i <= N_STEPS; i++) {
        s->micro_start[i] = i * BATCH;
        s->step_micro[i] = i;
    }
    b->state.steps = arena_array(&b->arena, N_STEPS, sizeof *b->state.steps);

    engine_init(&b->engine, &b->tuned, BATCH * MAX_LENGTH, BATCH, 1, &b->arena);
    for (int i = 0; i + BATCH <= b->feed.n; i += BATCH)
        engine_measure(&b->engine, &b->feed, s->rows + i, BATCH, ENGINE_TRAIN);
    engine_allocate(&b->engine);
    return 0;
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

static int run_portion(struct bench *b, long n, struct err *e)
{
    struct train_hooks hooks = {.context = b, .stop = portion_done, .snapshot = no_snapshot};
    struct training t = {.engine = &b->engine,
                         .train = &b->feed,
                         .steps = &b->steps,
                         .options = {.adamw = {0.9f, 0.999f, 1e-8f, 0.01f},
                                     .lr_scheduler_type = SCHEDULE_LINEAR,
                                     .learning_rate = 2e-5,
                                     .warmup_ratio = 0.06,
                                     .max_grad_norm = 1},
                         .hooks = &hooks};
    struct train_state *s = &b->state;
    if (n < 1 || s->step + n >= N_STEPS)
        return err_usage(e, "run: 1 to %ld steps", N_STEPS - 1 - s->step);
    struct count c = count_of(&b->model);
    double operations = 0;
    for (long i = s->step; i < s->step + n; i++)
        operations += useful_operations(&c, &b->feed, b->steps.rows[i * BATCH]);
    b->n_left = n;
    int64_t n_tok = s->n_tok, wall = clock_ns();
    double cpu = now_cpu_s();
    if (train_run(&t, s, e) == TRAIN_FAILED)
        return -1;
    cpu = now_cpu_s() - cpu;
    wall = clock_ns() - wall;
    printf("%lld %.6f %.6f %.6f %lld %.5f\n", (long long)(s->n_tok - n_tok), 1e-9 * (double)wall,
           cpu, 1e-9 * operations, (long long)process_usage().peak_rss_bytes,
           s->steps[s->step - 1].loss);
    return 0;
}

static int serve(const char *batches, const char *model, const char *method, struct err *e)
{
    struct bench b = {0};
    char line[64];
    int rc = build(&b, batches, model, method, e);
    if (rc == 0)
        printf("ready\n");
    while (rc == 0 && fflush(stdout) == 0 && fgets(line, sizeof line, stdin)) {
        if (str_starts(line, "run "))
            rc = run_portion(&b, strtol(line + 4, NULL, 10), e);
        else if (str_starts(line, "peak"))
            printf(
                "%.1f %.1f\n", 2e-9 * 1024 * 1024 * 1024 / product_seconds(1024, 1024, 1024),
                projection_gflops(&b.model, b.feed.tokens.offsets[b.feed.n] / (b.feed.n / BATCH)));
        else
            rc = err_usage(e, "run N or peak, not %s", line);
    }
    engine_release(&b.engine);
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
    printf("%s; %s, %ld cores, 1 thread used; BLAS %s; %s (%s); commit %.12s\n", now, env.cpu_model,
           env.n_cores, gemm_core_name(), env.build, env.compiler, env.commit);
}

int main(int argc, char **argv)
{
    settle_blas(argv);
    gemm_set_threads(1);
    struct arena a = {0};
    struct err e = {0};
    const char *what = argc > 1 ? argv[1] : "";
    int rc;
    if (str_equal(what, "batches") && argc == 4)
        rc = write_batches(argv[2], argv[3], &a, &e);
    else if (str_equal(what, "serve") && argc == 5)
        rc = serve(argv[2], argv[3], argv[4], &e);
    else if (str_equal(what, "machine"))
        rc = (tell_machine(&a), 0);
    else
        rc = err_usage(&e, "usage: batches FILE LENGTHS | machine | serve FILE MODEL METHOD");
    if (rc)
        fprintf(stderr, "bench_engine: %s\n", e.text);
    arena_release(&a);
    return rc ? 1 : 0;
}
