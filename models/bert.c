#include "models/bert.h"

#include "harness/base/rng.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static const struct option config_table[] = {
    {"vocab_size", OPTION_INT, "30522", 1, 1e7, NULL, "rows of the word embeddings"},
    {"hidden_size", OPTION_INT, "768", 1, 65536, NULL, "width"},
    {"num_hidden_layers", OPTION_INT, "12", 1, 1000, NULL, "layers"},
    {"num_attention_heads", OPTION_INT, "12", 1, 4096, NULL, "heads of each attention"},
    {"intermediate_size", OPTION_INT, "3072", 1, 1 << 20, NULL, "width inside the feed-forward"},
    {"hidden_act", OPTION_CHOICE, "gelu", 0, 0, act_names, "feed-forward activation"},
    {"hidden_dropout_prob", OPTION_FLOAT, "0.1", 0, 0.99, NULL,
     "dropout after the embeddings and each sub-layer"},
    {"attention_probs_dropout_prob", OPTION_FLOAT, "0.1", 0, 0.99, NULL,
     "dropout of attention probabilities"},
    {"max_position_embeddings", OPTION_INT, "512", 1, 1 << 20, NULL, "longest sequence"},
    {"type_vocab_size", OPTION_INT, "2", 1, 1 << 16, NULL, "segments"},
    {"initializer_range", OPTION_FLOAT, "0.02", 0, 10, NULL,
     "standard deviation of initial weights"},
    {"layer_norm_eps", OPTION_FLOAT, "1e-12", 0, 1, NULL, "added to each variance"},
    {"classifier_dropout", OPTION_FLOAT, "-1", -1, 0.99, NULL,
     "dropout of the pooled row; -1: as hidden_dropout_prob"},
    {"pad_token_id", OPTION_INT, "0", -1, 1e7, NULL,
     "row of the word embeddings that starts at zero; -1: none"},
    {0}};

static const struct config_demand demands[] = {
    {.key = "position_embedding_type", .value = "\"absolute\""},
    {.key = "is_decoder", .value = "false"},
    {.key = "add_cross_attention", .value = "false"},
    {0}};

/* What the other head of a pre-trained file, and what old files hold. */
static const char *const ignored[] = {"cls.",
                                      "bert.pooler.dense.",
                                      "pooler.dense.",
                                      "embeddings.position_ids",
                                      "bert.embeddings.position_ids",
                                      NULL};
static const struct tensor_copy copies[] = {
    {"cls.predictions.decoder.weight", "bert.embeddings.word_embeddings.weight"},
    {"cls.predictions.decoder.bias", "cls.predictions.bias"},
    {0}};
static const char *const unset[] = {"classifier_dropout=-1", "pad_token_id=-1", NULL};

/* The tensors of a model, in the order of transformers. Sizes by letter. */
enum size { ONE, VOCAB, POSITIONS, TYPES, WIDTH, INNER, LABELS, N_SIZES };

struct row {
    const char *name; /* %d: the layer */
    enum size rows, cols;
    enum param_role role;
    enum param_part part;
};

enum { WORD, POSITION, TYPE, EMBED_NORM, EMBED_NORM_BIAS, N_EMBED };
static const struct row embed_rows[N_EMBED] = {
    {"bert.embeddings.word_embeddings.weight", VOCAB, WIDTH, PARAM_EMBEDDING, PART_BASE},
    {"bert.embeddings.position_embeddings.weight", POSITIONS, WIDTH, PARAM_EMBEDDING, PART_BASE},
    {"bert.embeddings.token_type_embeddings.weight", TYPES, WIDTH, PARAM_EMBEDDING, PART_BASE},
    {"bert.embeddings.LayerNorm.weight", ONE, WIDTH, PARAM_NORM, PART_BASE},
    {"bert.embeddings.LayerNorm.bias", ONE, WIDTH, PARAM_NORM_BIAS, PART_BASE},
};

enum {
    Q,
    Q_BIAS,
    K,
    K_BIAS,
    V,
    V_BIAS,
    O,
    O_BIAS,
    ATTENTION_NORM,
    ATTENTION_NORM_BIAS,
    FFN_IN,
    FFN_IN_BIAS,
    FFN_OUT,
    FFN_OUT_BIAS,
    FFN_NORM,
    FFN_NORM_BIAS,
    N_LAYER
};
#define LAYER(rest) "bert.encoder.layer.%d." rest
static const struct row layer_rows[N_LAYER] = {
    {LAYER("attention.self.query.weight"), WIDTH, WIDTH, PARAM_WEIGHT, PART_BASE},
    {LAYER("attention.self.query.bias"), ONE, WIDTH, PARAM_BIAS, PART_BASE},
    {LAYER("attention.self.key.weight"), WIDTH, WIDTH, PARAM_WEIGHT, PART_BASE},
    {LAYER("attention.self.key.bias"), ONE, WIDTH, PARAM_BIAS, PART_BASE},
    {LAYER("attention.self.value.weight"), WIDTH, WIDTH, PARAM_WEIGHT, PART_BASE},
    {LAYER("attention.self.value.bias"), ONE, WIDTH, PARAM_BIAS, PART_BASE},
    {LAYER("attention.output.dense.weight"), WIDTH, WIDTH, PARAM_WEIGHT, PART_BASE},
    {LAYER("attention.output.dense.bias"), ONE, WIDTH, PARAM_BIAS, PART_BASE},
    {LAYER("attention.output.LayerNorm.weight"), ONE, WIDTH, PARAM_NORM, PART_BASE},
    {LAYER("attention.output.LayerNorm.bias"), ONE, WIDTH, PARAM_NORM_BIAS, PART_BASE},
    {LAYER("intermediate.dense.weight"), INNER, WIDTH, PARAM_WEIGHT, PART_BASE},
    {LAYER("intermediate.dense.bias"), ONE, INNER, PARAM_BIAS, PART_BASE},
    {LAYER("output.dense.weight"), WIDTH, INNER, PARAM_WEIGHT, PART_BASE},
    {LAYER("output.dense.bias"), ONE, WIDTH, PARAM_BIAS, PART_BASE},
    {LAYER("output.LayerNorm.weight"), ONE, WIDTH, PARAM_NORM, PART_BASE},
    {LAYER("output.LayerNorm.bias"), ONE, WIDTH, PARAM_NORM_BIAS, PART_BASE},
};

enum { POOLER, POOLER_BIAS, CLASSIFIER, CLASSIFIER_BIAS, N_TOP };
static const struct row top_rows[N_TOP] = {
    {"bert.pooler.dense.weight", WIDTH, WIDTH, PARAM_WEIGHT, PART_BASE},
    {"bert.pooler.dense.bias", ONE, WIDTH, PARAM_BIAS, PART_BASE},
    {"classifier.weight", LABELS, WIDTH, PARAM_WEIGHT, PART_HEAD},
    {"classifier.bias", ONE, LABELS, PARAM_BIAS, PART_HEAD},
};

/* What tells hidden tokens; its decoder is the word embeddings. */
enum { TRANSFORM, TRANSFORM_BIAS, TOLD_NORM, TOLD_NORM_BIAS, DECODER_BIAS, N_MASKED };
static const struct row masked_rows[N_MASKED] = {
    {"cls.predictions.transform.dense.weight", WIDTH, WIDTH, PARAM_WEIGHT, PART_BASE},
    {"cls.predictions.transform.dense.bias", ONE, WIDTH, PARAM_BIAS, PART_BASE},
    {"cls.predictions.transform.LayerNorm.weight", ONE, WIDTH, PARAM_NORM, PART_BASE},
    {"cls.predictions.transform.LayerNorm.bias", ONE, WIDTH, PARAM_NORM_BIAS, PART_BASE},
    {"cls.predictions.bias", ONE, VOCAB, PARAM_BIAS, PART_BASE},
};

/* Sites of a layer. weight: of a LINEAR site, its row above; its bias follows. */
enum { AT_Q, AT_K, AT_V, AT_KEY_VALUE, AT_O, AT_ATTENTION, AT_FFN_IN, AT_FFN_OUT, AT_FFN, N_AT };
static const struct {
    const char *module;
    enum site_kind kind;
    enum site_role role;
    int weight;
} layer_sites[N_AT] = {
    {LAYER("attention.self.query"), SITE_LINEAR, ROLE_Q, Q},
    {LAYER("attention.self.key"), SITE_LINEAR, ROLE_K, K},
    {LAYER("attention.self.value"), SITE_LINEAR, ROLE_V, V},
    {LAYER("attention.self"), SITE_KEY_VALUE, ROLE_ATTENTION, 0},
    {LAYER("attention.output.dense"), SITE_LINEAR, ROLE_O, O},
    {LAYER("attention.output"), SITE_SUBLAYER, ROLE_ATTENTION, 0},
    {LAYER("intermediate.dense"), SITE_LINEAR, ROLE_FFN_IN, FFN_IN},
    {LAYER("output.dense"), SITE_LINEAR, ROLE_FFN_OUT, FFN_OUT},
    {LAYER("output"), SITE_SUBLAYER, ROLE_FFN, 0},
};

struct layer {
    struct param *p[N_LAYER];
    const struct site *at[N_AT];
};

struct parts {
    struct param *embed[N_EMBED];
    struct param *top[N_TOP], *masked[N_MASKED]; /* one or the other: with labels, or without */
    struct layer *layers;
    const struct site *input;
    int n_layers, n_heads, width, n_positions;
    float dropout, attention_dropout, classifier_dropout, eps;
    enum act act;
};

/* Sites of the dropout masks: frozen, for they decide the masks' values. */
enum { DROP_EMBED, DROP_POOLED, DROP_LAYERS = 8 };
enum { DROP_PROBABILITIES, DROP_ATTENTION, DROP_FFN, DROP_STRIDE };

static uint32_t drop_site(int layer, int place)
{
    return (uint32_t)(DROP_LAYERS + DROP_STRIDE * layer + place);
}

/* --- declaring ---------------------------------------------------------------- */

/* A table's name with the layer in place of its %d, owned by the arena. */
static const char *name_at(struct arena *a, const char *pattern, int layer)
{
    const char *hole = strstr(pattern, "%d");
    if (!hole)
        return pattern;
    return arena_printf(a, "%.*s%d%s", (int)(hole - pattern), pattern, layer, hole + 2);
}

static int size_of(const struct model *m, enum size size)
{
    static const char *const keys[N_SIZES] = {[VOCAB] = "vocab_size",
                                              [POSITIONS] = "max_position_embeddings",
                                              [TYPES] = "type_vocab_size",
                                              [WIDTH] = "hidden_size",
                                              [INNER] = "intermediate_size"};
    if (size == ONE)
        return 1;
    return size == LABELS ? m->n_labels : (int)option_int(&m->config, keys[size]);
}

static struct param *declare_row(struct model *m, const struct row *row, int layer)
{
    struct param one = {.name = name_at(m->arena, row->name, layer),
                        .rows = size_of(m, row->rows),
                        .cols = size_of(m, row->cols),
                        .n_dims = row->rows == ONE ? 1 : 2,
                        .role = row->role,
                        .part = row->part,
                        .layer = layer};
    int pad = (int)option_int(&m->config, "pad_token_id");
    if (row->role == PARAM_WEIGHT || row->role == PARAM_EMBEDDING) {
        bool padded = row->rows == VOCAB && pad >= 0;
        one.init = padded ? INIT_NORMAL_PADDED : INIT_NORMAL;
        one.init_scale = (float)option_float(&m->config, "initializer_range");
        one.pad_row = padded ? pad : 0;
    } else {
        one.init = row->role == PARAM_NORM ? INIT_ONES : INIT_ZEROS;
    }
    return params_add(&m->params, &one);
}

static void declare_rows(struct model *m, struct param **out, const struct row *rows, int n,
                         int layer)
{
    for (int i = 0; i < n; i++)
        out[i] = declare_row(m, &rows[i], layer);
}

static const struct site *add_site(struct model *m, const struct site *spec)
{
    struct site *s = &m->sites[m->n_sites];
    *s = *spec;
    s->index = m->n_sites++;
    return s;
}

static void declare_sites(struct model *m, struct parts *b)
{
    m->sites = arena_array(m->arena, 1 + (size_t)b->n_layers * N_AT, sizeof *m->sites);
    b->input = add_site(m, &(struct site){.kind = SITE_INPUT,
                                          .role = ROLE_INPUT,
                                          .layer = -1,
                                          .module = "bert.embeddings.word_embeddings",
                                          .in_features = b->width,
                                          .out_features = b->width});
    for (int l = 0; l < b->n_layers; l++)
        for (int i = 0; i < N_AT; i++) {
            struct site s = {.kind = layer_sites[i].kind,
                             .role = layer_sites[i].role,
                             .layer = l,
                             .module = name_at(m->arena, layer_sites[i].module, l),
                             .in_features = b->width,
                             .out_features = b->width};
            if (s.kind == SITE_KEY_VALUE)
                s.n_heads = b->n_heads;
            if (s.kind == SITE_LINEAR) {
                s.weight = b->layers[l].p[layer_sites[i].weight];
                s.bias = b->layers[l].p[layer_sites[i].weight + 1];
                s.in_features = s.weight->cols;
                s.out_features = s.weight->rows;
            }
            b->layers[l].at[i] = add_site(m, &s);
        }
}

static int check_config(const struct options *c, struct err *e)
{
    long width = option_int(c, "hidden_size"), n_heads = option_int(c, "num_attention_heads");
    long vocab = option_int(c, "vocab_size"), pad = option_int(c, "pad_token_id");
    if (width % n_heads != 0)
        return err_usage(
            e, "hidden_size %ld is not a multiple of num_attention_heads %ld; change one of them",
            width, n_heads);
    if (pad >= vocab)
        return err_usage(e, "pad_token_id %ld is outside the vocabulary: vocab_size is %ld", pad,
                         vocab);
    if (option_float(c, "classifier_dropout") < 0 && option_float(c, "classifier_dropout") != -1)
        return err_usage(e, "classifier_dropout is a probability, or -1");
    return 0;
}

static int bert_declare(struct model *m, struct err *e)
{
    const struct options *c = &m->config;
    if (check_config(c, e) != 0)
        return -1;
    struct parts *b = arena_alloc(m->arena, sizeof *b);
    m->parts = b;
    b->n_layers = (int)option_int(c, "num_hidden_layers");
    b->n_heads = (int)option_int(c, "num_attention_heads");
    b->width = (int)option_int(c, "hidden_size");
    b->n_positions = (int)option_int(c, "max_position_embeddings");
    b->dropout = (float)option_float(c, "hidden_dropout_prob");
    b->attention_dropout = (float)option_float(c, "attention_probs_dropout_prob");
    double top_dropout = option_float(c, "classifier_dropout");
    b->classifier_dropout = top_dropout < 0 ? b->dropout : (float)top_dropout;
    b->eps = (float)option_float(c, "layer_norm_eps");
    b->act = (enum act)str_index(act_names, option_choice(c, "hidden_act"));
    b->layers = arena_array(m->arena, (size_t)b->n_layers, sizeof *b->layers);

    declare_rows(m, b->embed, embed_rows, N_EMBED, -1);
    for (int l = 0; l < b->n_layers; l++)
        declare_rows(m, b->layers[l].p, layer_rows, N_LAYER, l);
    if (m->n_labels > 0)
        declare_rows(m, b->top, top_rows, N_TOP, -1);
    else
        declare_rows(m, b->masked, masked_rows, N_MASKED, -1);
    declare_sites(m, b);
    return 0;
}

/* --- computing ---------------------------------------------------------------- */

static struct tensor *dropout(struct forward *f, struct tensor *x, float p, uint32_t site)
{
    return op_dropout(f->tape, x, p, RNG_DROPOUT, site);
}

static struct tensor *norm(struct forward *f, struct tensor *x,
                           struct param *const gain_and_bias[2])
{
    const struct parts *b = f->model->parts;
    return op_layer_norm(f->tape, x, &gain_and_bias[0]->t, &gain_and_bias[1]->t, b->eps);
}

/* Positions count from position_start in every sequence; types of prepended rows
 * are 0. Both [f->n_tok]. */
static void number_rows(const struct forward *f, int *positions, int *types)
{
    const struct parts *b = f->model->parts;
    const struct batch *in = f->batch;
    for (int s = 0; s < in->n_seq; s++) {
        int first = f->offsets[s], n = f->offsets[s + 1] - first;
        assert(n > 0 && f->position_start + n <= b->n_positions);
        assert(n == f->n_virtual + in->offsets[s + 1] - in->offsets[s]);
        for (int i = 0; i < n; i++) {
            int token = in->offsets[s] + i - f->n_virtual;
            positions[first + i] = f->position_start + i;
            types[first + i] =
                i >= f->n_virtual && in->token_type_ids ? in->token_type_ids[token] : 0;
        }
    }
}

/* [n_tok, width] */
static struct tensor *embed(struct forward *f)
{
    const struct parts *b = f->model->parts;
    struct tape *t = f->tape;
    struct tensor *x = op_embedding(t, &b->embed[WORD]->t, f->batch->input_ids, f->batch->n_tok);
    x = forward_after(f, b->input, x);
    int *positions = tape_ints(t, f->n_tok), *types = tape_ints(t, f->n_tok);
    number_rows(f, positions, types);
    x = op_add(t, x, op_embedding(t, &b->embed[TYPE]->t, types, f->n_tok));
    x = op_add(t, x, op_embedding(t, &b->embed[POSITION]->t, positions, f->n_tok));
    return dropout(f, norm(f, x, &b->embed[EMBED_NORM]), b->dropout, DROP_EMBED);
}

/* The rows that are read of the last layer: rows[n], those of sequence s from offsets[s] on.
 * Every sequence has one. */
struct wanted {
    const int *rows, *offsets; /* rows NULL: all of them */
    int n;
};

/* The first row of each sequence, virtual ones included. */
static struct wanted first_rows(struct forward *f)
{
    int *offsets = tape_ints(f->tape, f->batch->n_seq + 1);
    for (int s = 0; s <= f->batch->n_seq; s++)
        offsets[s] = s;
    return (struct wanted){f->offsets, offsets, f->batch->n_seq};
}

static struct wanted masked_of(struct forward *f)
{
    const struct batch *in = f->batch;
    int *offsets = tape_ints(f->tape, in->n_seq + 1);
    int n = 0;
    assert(f->n_virtual == 0 && in->n_masked > 0);
    for (int s = 0; s < in->n_seq; s++) {
        offsets[s] = n;
        for (; n < in->n_masked && in->masked_rows[n] < in->offsets[s + 1]; n++)
            assert(n == 0 || in->masked_rows[n - 1] < in->masked_rows[n]);
    }
    assert(n == in->n_masked);
    offsets[in->n_seq] = n;
    return (struct wanted){in->masked_rows, offsets, n};
}

/* One layer on x[n_tok, width]: keys and values from every row, but only wanted rows go on:
 * [wanted.n, width]. */
static struct tensor *run_layer(struct forward *f, int l, struct tensor *x, struct wanted wanted)
{
    const struct parts *b = f->model->parts;
    const struct layer *y = &b->layers[l];
    struct tape *t = f->tape;
    struct tensor *rows = wanted.rows ? op_gather(t, x, wanted.rows, wanted.n) : x;
    struct attention a = {.q = forward_linear(f, y->at[AT_Q], rows),
                          .k = forward_linear(f, y->at[AT_K], x),
                          .v = forward_linear(f, y->at[AT_V], x),
                          .q_offsets = wanted.rows ? wanted.offsets : f->offsets,
                          .k_offsets = f->offsets,
                          .n_seq = f->batch->n_seq,
                          .n_heads = b->n_heads,
                          .scale = 1 / sqrtf((float)(b->width / b->n_heads)),
                          .mask = ATTENTION_FULL,
                          .dropout = b->attention_dropout,
                          .site = drop_site(l, DROP_PROBABILITIES)};
    struct tensor *h = forward_attention(f, y->at[AT_KEY_VALUE], &a);
    h = forward_linear(f, y->at[AT_O], h);
    h = forward_join(f, y->at[AT_ATTENTION], h, rows, b->dropout, drop_site(l, DROP_ATTENTION));
    rows = norm(f, h, &y->p[ATTENTION_NORM]);

    h = op_act(t, forward_linear(f, y->at[AT_FFN_IN], rows), b->act);
    h = forward_linear(f, y->at[AT_FFN_OUT], h);
    h = forward_join(f, y->at[AT_FFN], h, rows, b->dropout, drop_site(l, DROP_FFN));
    return norm(f, h, &y->p[FFN_NORM]);
}

/* A layer's run_layer, as often as the tape wants it. */
struct layer_run {
    struct forward forward;
    int layer;
    struct wanted wanted;
};

static struct tensor *run_again(struct tape *t, void *state, struct tensor *x,
                                struct tensor *beside)
{
    (void)t;
    (void)beside;
    struct layer_run *r = state;
    return run_layer(&r->forward, r->layer, x, r->wanted);
}

/* All layers; of the last one the rows that choose picks, or all where it is NULL. */
static struct tensor *encode(struct forward *f, struct wanted (*choose)(struct forward *f))
{
    const struct parts *b = f->model->parts;
    struct tape_mark start = tape_mark(f->tape);
    struct tensor *x = embed(f);
    tape_collapse(f->tape, start, x);
    struct wanted all = {0}, last = choose ? choose(f) : all;
    for (int l = 0; l < b->n_layers; l++) {
        struct layer_run one = {*f, l, l == b->n_layers - 1 ? last : all};
        struct tape_stretch s = {run_again, tape_state(f->tape, &one, sizeof one)};
        x = tape_segment(f->tape, &s, x, NULL);
        tape_collapse(f->tape, start, x);
    }
    return x;
}

struct tensor *bert_hidden(struct forward *f)
{
    return encode(f, NULL);
}

struct tensor *bert_pooled(struct forward *f)
{
    const struct parts *b = f->model->parts;
    struct tensor *x = encode(f, first_rows);
    x = op_linear(f->tape, x, &b->top[POOLER]->t, &b->top[POOLER_BIAS]->t);
    return op_act(f->tape, x, ACT_TANH);
}

static struct tensor *bert_features(struct forward *f)
{
    const struct parts *b = f->model->parts;
    return dropout(f, bert_pooled(f), b->classifier_dropout, DROP_POOLED);
}

static struct tensor *bert_classify(const struct model *m, struct tape *t, struct tensor *features)
{
    const struct parts *b = m->parts;
    return op_linear(t, features, &b->top[CLASSIFIER]->t, &b->top[CLASSIFIER_BIAS]->t);
}

/* [n_masked, vocab_size]: section 3.1 of the paper, the head as in the authors' code. */
static struct tensor *bert_masked(struct forward *f)
{
    const struct parts *b = f->model->parts;
    struct param *const *p = b->masked;
    struct tensor *x = encode(f, masked_of);
    x = op_act(f->tape, op_linear(f->tape, x, &p[TRANSFORM]->t, &p[TRANSFORM_BIAS]->t), b->act);
    x = norm(f, x, &p[TOLD_NORM]);
    return op_linear(f->tape, x, &b->embed[WORD]->t, &p[DECODER_BIAS]->t);
}

static int bert_max_tokens(const struct model *m)
{
    return ((const struct parts *)m->parts)->n_positions;
}

const struct family bert_family = {.name = "bert",
                                   .config = config_table,
                                   .demands = demands,
                                   .base_prefix = "bert.",
                                   .ignored_tensors = ignored,
                                   .copies = copies,
                                   .architecture = "BertForMaskedLM",
                                   .unset = unset,
                                   .identity = "bert.pooler.dense",
                                   .declare = bert_declare,
                                   .features = bert_features,
                                   .classify = bert_classify,
                                   .masked = bert_masked,
                                   .max_tokens = bert_max_tokens};
