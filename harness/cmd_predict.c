/*
 * ftbench predict: a trained cell at work on new text.
 *
 * Takes the adapter that `run --keep-adapters` left beside the database, the
 * base model it names and the class names stored with the result. A model that answers in
 * text compares the likelihoods of the classes' words, and says besides what comes to its mind.
 */
#include "harness/base/file.h"
#include "harness/command.h"
#include "harness/engine.h"
#include "harness/protocol.h"
#include "methods/peft.h"
#include "models/checkpoint.h"
#include "models/tensor/gemm.h"
#include "models/zoo.h"
#include "results/metrics.h"
#include "results/query.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The cell, as the database knows it. */
struct stored_cell {
    const char *id, *model;
    uint64_t seed;        /* of whatever no file holds: a random base, an untrained head */
    const char **classes; /* [n_classes] */
    int n_classes;
    const char *dataset;
    struct options training; /* as the cell was trained */
};

struct predictor {
    const struct command_line *cl;
    struct stored_cell cell;
    struct zoo_entry zoo;
    struct str folder;
    struct tokenizer *tokenizer;
    const struct dataset_info *dataset; /* where the model answers in text, as is targets */
    struct targets targets;
    struct model model;
    struct tuned tuned;
    struct engine engine;
};

static void take_classes(struct stored_cell *c, const char *lines, struct arena *a)
{
    char *rest = arena_strdup(a, lines);
    c->classes = arena_array(a, strlen(lines) + 1, sizeof *c->classes);
    for (char *end; *rest; rest = end) {
        end = rest + strcspn(rest, "\n");
        c->classes[c->n_classes++] = rest;
        if (*end)
            *end++ = '\0';
    }
}

/* Training options out of the stored "name=value" lines. */
static int take_options(struct stored_cell *c, const char *lines, struct arena *a, struct err *e)
{
    char *rest = arena_strdup(a, lines), *line;

    options_init(&c->training, training_options, a);
    while ((line = strsep(&rest, "\n"))) {
        char *value = line, *name = strsep(&value, "=");
        if (*name && option_set(&c->training, name, value ? value : "", e))
            return err_wrap(e, "cell %s was trained by another version", c->id);
    }
    return 0;
}

static int find_cell(struct predictor *p, struct err *e)
{
    struct store *store = store_open(p->cl->db, STORE_READ, e);
    struct query q = {0};
    struct stored_cell *c = &p->cell;
    int failed = -1;

    if (!store)
        return -1;
    if (query_open(&q, store,
                   "SELECT cell_id, model, seed, classes, protocol_options, cell.dataset FROM cell "
                   "JOIN run ON run.cell = cell.id JOIN dataset ON dataset.name = cell.dataset "
                   "AND dataset.data_hash = cell.data_hash "
                   "WHERE substr(cell_id, 1, length(?1)) = ?1 AND status = 'done'",
                   e))
        goto out;
    query_bind_text(&q, 1, p->cl->args[0]);
    int row = query_next(&q, e);
    if (row == 0)
        err_usage(e, "no finished cell in %s begins with %s", p->cl->db, p->cl->args[0]);
    if (row != 1)
        goto out;
    c->id = arena_strdup(p->cl->arena, query_text(&q, 0));
    c->model = arena_strdup(p->cl->arena, query_text(&q, 1));
    c->seed = (uint64_t)query_int(&q, 2);
    take_classes(c, query_text(&q, 3), p->cl->arena);
    c->dataset = arena_strdup(p->cl->arena, query_text(&q, 5));
    failed = take_options(c, query_text(&q, 4), p->cl->arena, e);
    if (!failed && query_next(&q, e) == 1)
        failed = err_usage(e, "%s is the beginning of more than one id", p->cl->args[0]);
out:
    query_close(&q);
    store_close(store);
    return failed;
}

/* What the classes are called, from the data set's descriptor. */
static int take_targets(struct predictor *p, struct err *e)
{
    struct arena *a = p->cl->arena;

    p->dataset = dataset_describe(p->cell.dataset, a, e);
    if (!p->dataset ||
        targets_encode(&p->targets, p->dataset, p->tokenizer, &p->cell.training, a, e))
        return -1;
    bool same = p->dataset->n_classes == p->cell.n_classes;
    for (int i = 0; same && i < p->cell.n_classes; i++)
        same = str_equal(p->dataset->classes[i], p->cell.classes[i]);
    return same ? 0
                : err_set(e, "data set %s has other classes now than when cell %s was trained",
                          p->cell.dataset, p->cell.id);
}

/* Base model and adapter, ready for one line at a time. */
static int load(struct predictor *p, struct err *e)
{
    struct arena *a = p->cl->arena;
    struct asset_flags flags = command_asset_flags(p->cl);
    const char *dir = arena_printf(a, "%s.state/%s.adapter", p->cl->db, p->cell.id);
    const struct method *method;
    struct options options;

    if (!file_is_dir(dir))
        return err_set(e, "cell %s has no adapter in %s; train it with `run --keep-adapters`",
                       p->cell.id, dir);
    if (zoo_find(&p->zoo, p->cell.model, a, e) || zoo_fetch(&p->folder, &p->zoo, &flags, e) ||
        model_declare(&p->model, p->zoo.family, &p->zoo.config, p->cell.n_classes, a, e) ||
        peft_config(&method, &options, &p->model, dir, a, e) ||
        method_attach(&p->tuned, method, &options, &p->model, a, e))
        return -1;
    p->tokenizer = tokenizer_open(str_text(&p->folder), e);
    if (!p->tokenizer || (model_says_text(&p->model) && take_targets(p, e)))
        return -1;
    p->model.params.bfloat16 = str_equal(option_choice(&p->cell.training, "precision"), "bfloat16");
    if (p->model.params.bfloat16 && !gemm_half_supported())
        return err_set(e, "cell %s was trained in bfloat16, which this processor is without",
                       p->cell.id);
    params_allocate(&p->model.params, false);
    if (!p->zoo.random_init && checkpoint_load(&p->model, str_text(&p->folder), e))
        return -1;
    params_init_missing(&p->model.params, p->cell.seed);
    return peft_read(&p->tuned, dir, e);
}

/* Of the likeliest class, among all of them. */
static double probability(const struct predictor *p, const struct scores *s)
{
    double sum = 0;
    for (int i = 0; i < p->cell.n_classes; i++)
        sum += exp((double)s->logits[i] - (double)s->logits[s->predicted[0]]);
    return 1 / sum;
}

static void print_json(const struct predictor *p, FILE *out, const struct scores *s,
                       const char *text)
{
    json_t *o = json_pack("{s:s, s:f, s:s}", "label", p->cell.classes[s->predicted[0]],
                          "probability", probability(p, s), "text", text);
    if (s->text) {
        json_t *classes = json_object();
        for (int i = 0; i < p->cell.n_classes; i++)
            json_object_set_new(classes, p->cell.classes[i], json_real((double)s->logits[i]));
        json_object_set_new(o, "log_likelihoods", classes);
        json_object_set_new(o, "said", json_string(s->text[0]));
    }
    json_dumpf(o, out, JSON_COMPACT | JSON_ENSURE_ASCII);
    fputc('\n', out);
    json_decref(o);
}

static void print(const struct predictor *p, FILE *out, const struct scores *s, const char *text)
{
    if (p->cl->json) {
        print_json(p, out, s, text);
        return;
    }
    fprintf(out, "%s\t%.4f\t", p->cell.classes[s->predicted[0]], probability(p, s));
    if (s->text) {
        for (int i = 0; i < p->cell.n_classes; i++)
            fprintf(out, "%s%s %.4f", i ? ", " : "", p->cell.classes[i], (double)s->logits[i]);
        fprintf(out, "\t%s\t", s->text[0]);
    }
    fprintf(out, "%s\n", text);
}

static int max_length(const struct predictor *p)
{
    return (int)option_int(&p->cell.training, "max_length");
}

static const struct targets *targets_of(const struct predictor *p)
{
    return model_says_text(&p->model) ? &p->targets : NULL;
}

/* Label of one text. */
static int predict_line(struct predictor *p, const char *text, FILE *out, struct err *e)
{
    struct arena a = {0};
    int label = 0, row = 0, length = 0;
    bool prompted = targets_of(p) && option_bool(&p->cell.training, "use_template");
    const char *input = prompted ? dataset_prompt(p->dataset, text, &a) : text;
    struct feed feed = {
        .labels = &label, .n = 1, .n_classes = p->cell.n_classes, .targets = targets_of(p)};
    int starts[2] = {0, 1};
    struct batches order = {.rows = &row, .n_rows = 1, .start = starts, .n = 1};
    struct scores scores;

    int failed = tokenizer_encode_all(p->tokenizer, &input, 1, max_length(p), &feed.tokens, e);
    if (!failed) {
        length = feed.tokens.offsets[1];
        feed.length_tok = &length;
        scores_init(&scores, &feed, true, &a);
        engine_evaluate(&p->engine, &feed, &order, &scores);
        if (targets_of(p))
            scores_decode(&scores, &feed, p->tokenizer, &a);
        print(p, out, &scores, text);
    }
    token_lists_release(&feed.tokens);
    arena_release(&a);
    return failed;
}

/* Memory for the longest line: a text of max_length tokens, all of them 0. */
static void size_engine(struct predictor *p)
{
    struct arena *a = p->cl->arena;
    int n = max_length(p), label = 0, row = 0, length = n, offsets[2] = {0, n};
    struct feed longest = {
        .tokens = {.ids = arena_array(a, (size_t)n, sizeof(int)), .offsets = offsets, .n = 1},
        .labels = &label,
        .length_tok = &length,
        .n = 1,
        .n_classes = p->cell.n_classes,
        .targets = targets_of(p)};

    engine_init(&p->engine, &p->tuned, feed_cost(&longest, 0, PACK_CANDIDATES), 1, 0, a);
    engine_measure(&p->engine, &longest, &row, 1, ENGINE_GENERATE);
    engine_allocate(&p->engine);
}

/* The line without "\n" or "\r\n" behind it. */
static const char *strip_end(char *line, size_t n)
{
    if (n && line[n - 1] == '\n')
        line[--n] = '\0';
    if (n && line[n - 1] == '\r')
        line[--n] = '\0';
    return line;
}

static int predict_all(struct predictor *p, FILE *out, struct err *e)
{
    char *line = NULL;
    size_t size = 0;
    long number = 0;
    int failed = 0;

    for (ssize_t n; !failed && (n = getline(&line, &size, stdin)) >= 0;) {
        number++;
        failed = (strlen(line) < (size_t)n ? err_set(e, "a NUL byte") : 0) ||
                 predict_line(p, strip_end(line, (size_t)n), out, e);
        if (failed)
            err_wrap(e, "standard input, line %ld", number);
    }
    free(line);
    return failed ? -1 : EXIT_DONE;
}

int cmd_predict(const struct command_line *cl, FILE *out, struct err *e)
{
    struct predictor p = {.cl = cl};
    int status = find_cell(&p, e) || load(&p, e) ? -1 : 0;

    if (status == 0) {
        size_engine(&p);
        status = predict_all(&p, out, e);
        engine_release(&p.engine);
    }
    tokenizer_free(p.tokenizer);
    model_release(&p.model);
    str_release(&p.folder);
    return status;
}
