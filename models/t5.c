#include "models/t5.h"

#include "harness/base/rng.h"
#include "models/tensor/vmath.h"

#include <assert.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const feed_forwards[] = {"relu", "gated-gelu", NULL};

static const struct option config_table[] = {
    {"vocab_size", OPTION_INT, "32128", 1, 1e7, NULL, "rows of the shared embedding"},
    {"d_model", OPTION_INT, "512", 1, 65536, NULL, "width"},
    {"d_kv", OPTION_INT, "64", 1, 65536, NULL, "width of one head"},
    {"d_ff", OPTION_INT, "2048", 1, 1 << 20, NULL, "width inside the feed-forward"},
    {"num_layers", OPTION_INT, "6", 1, 1000, NULL, "layers of the encoder"},
    {"num_decoder_layers", OPTION_INT, "0", 0, 1000, NULL,
     "layers of the decoder; 0: as num_layers"},
    {"num_heads", OPTION_INT, "8", 1, 4096, NULL, "heads of each attention"},
    {"relative_attention_num_buckets", OPTION_INT, "32", 4, 1 << 16, NULL,
     "buckets of relative positions"},
    {"relative_attention_max_distance", OPTION_INT, "128", 1, 1 << 20, NULL,
     "distance from which on all share the last bucket"},
    {"dropout_rate", OPTION_FLOAT, "0.1", 0, 0.99, NULL, "dropout wherever T5 has it"},
    {"layer_norm_epsilon", OPTION_FLOAT, "1e-6", 0, 1, NULL, "added to each mean square"},
    {"initializer_factor", OPTION_FLOAT, "1", 0, 1000, NULL, "factor on all initial weights"},
    {"feed_forward_proj", OPTION_CHOICE, "relu", 0, 0, feed_forwards, "feed-forward activation"},
    {"tie_word_embeddings", OPTION_BOOL, "true", 0, 0, NULL,
     "logits from the shared embedding; else from a head of their own"},
    {"pad_token_id", OPTION_INT, "0", 0, 1e7, NULL, "padding, in texts as tokenizers make them"},
    {"eos_token_id", OPTION_INT, "1", 0, 1e7, NULL, "ends what the model says"},
    {"decoder_start_token_id", OPTION_INT, "0", 0, 1e7, NULL, "what the decoder reads first"},
    {0}};

static const struct config_demand demands[] = {
    {.key = "is_encoder_decoder", .value = "true"},
    {.key = "is_decoder", .value = "false"},
    {.key = "is_gated_act", .value = "false", .option = "feed_forward_proj", .says = "relu"},
    {.key = "is_gated_act", .value = "true", .option = "feed_forward_proj", .says = "gated-gelu"},
    {.key = "dense_act_fn", .value = "\"relu\"", .option = "feed_forward_proj", .says = "relu"},
    {.key = "dense_act_fn",
     .value = "\"gelu_new\"",
     .option = "feed_forward_proj",
     .says = "gated-gelu"},
    {0}};

/* A table that the first T5 files hold and no model reads. */
static const char *const ignored[] = {
    "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight", NULL};
static const struct tensor_copy copies[] = {{"encoder.embed_tokens.weight", "shared.weight"},
                                            {"decoder.embed_tokens.weight", "shared.weight"},
                                            {"lm_head.weight", "shared.weight"},
                                            {0}};
static const char *const unset[] = {"num_decoder_layers=0", NULL};

/* A projection y = x W^T, site and parameter; dims by letter. */
enum dim { WIDTH, HEADS, INNER };

struct projection {
    const char *name;
    enum site_role role;
    enum dim out, in;
};

enum { Q, K, V, O, N_PROJECTIONS };
static const struct projection attention_table[N_PROJECTIONS] = {
    {"q", ROLE_Q, HEADS, WIDTH},
    {"k", ROLE_K, HEADS, WIDTH},
    {"v", ROLE_V, HEADS, WIDTH},
    {"o", ROLE_O, WIDTH, HEADS},
};

enum { WI, GATE, WO, N_FFN };
static const struct projection plain_table[N_FFN] = {
    [WI] = {"wi", ROLE_FFN_IN, INNER, WIDTH},
    [WO] = {"wo", ROLE_FFN_OUT, WIDTH, INNER},
};
static const struct projection gated_table[N_FFN] = {
    [WI] = {"wi_0", ROLE_FFN_IN, INNER, WIDTH},
    [GATE] = {"wi_1", ROLE_FFN_IN, INNER, WIDTH},
    [WO] = {"wo", ROLE_FFN_OUT, WIDTH, INNER},
};

struct sublayer {
    struct param *norm;
    const struct site *at[N_PROJECTIONS]; /* of its projections; NULL: it has none there */
    const struct site *key_value, *out;
};

struct layer {
    struct sublayer self, cross, ffn; /* cross: the decoder's */
};

/* The encoder or the decoder. */
struct stack {
    struct layer *layers;
    int n_layers, first; /* number of its first layer, counting on from the encoder's */
    struct param *bias, *norm;
    int *buckets; /* [2 max_distance + 1] of distances key - query */
};

struct parts {
    struct param *shared, *head; /* head NULL: tied */
    const struct site *input;
    struct stack encoder, decoder;
    int width, head_dim, n_heads, inner, max_distance, start_token;
    bool gated;
    float dropout, eps;
};

/* Sites of the dropout masks: frozen, for they decide the masks' values. */
enum { DROP_ENCODER_IN, DROP_ENCODER_OUT, DROP_DECODER_IN, DROP_DECODER_OUT, DROP_LAYERS = 8 };
enum { DROP_SELF, DROP_CROSS = 2, DROP_FFN = 4, DROP_STRIDE = 6 };

static uint32_t drop_site(int layer, int place)
{
    return (uint32_t)(DROP_LAYERS + DROP_STRIDE * layer + place);
}

/* --- declaring ---------------------------------------------------------------- */

static int size_of(const struct parts *b, enum dim dim)
{
    return dim == WIDTH ? b->width : dim == INNER ? b->inner : b->n_heads * b->head_dim;
}

static float factor_of(const struct model *m)
{
    return (float)option_float(&m->config, "initializer_factor");
}

static struct param *declare_matrix(struct model *m, const char *name, int rows, int cols,
                                    double spread, int layer)
{
    bool table = str_ends(name, "shared.weight") || str_ends(name, "bias.weight");
    return params_add(&m->params, &(struct param){.name = name,
                                                  .rows = rows,
                                                  .cols = cols,
                                                  .n_dims = 2,
                                                  .role = table ? PARAM_EMBEDDING : PARAM_WEIGHT,
                                                  .part = PART_BASE,
                                                  .init = INIT_NORMAL,
                                                  .init_scale = factor_of(m) * (float)spread,
                                                  .float32 = str_ends(name, "bias.weight"),
                                                  .layer = layer});
}

static struct param *declare_norm(struct model *m, const char *name, int layer)
{
    const struct parts *b = m->parts;
    return params_add(&m->params, &(struct param){.name = name,
                                                  .rows = 1,
                                                  .cols = b->width,
                                                  .n_dims = 1,
                                                  .role = PARAM_NORM,
                                                  .part = PART_BASE,
                                                  .init = INIT_CONSTANT,
                                                  .init_scale = factor_of(m),
                                                  .layer = layer});
}

static const struct site *add_site(struct model *m, const struct site *spec)
{
    struct site *s = &m->sites[m->n_sites];
    *s = *spec;
    s->index = m->n_sites++;
    return s;
}

/* One projection of the module: parameter and site. like: layer, decoder, cross. */
static const struct site *declare_projection(struct model *m, const char *module,
                                             const struct projection *p, const struct site *like)
{
    const struct parts *b = m->parts;
    struct site s = *like;
    s.kind = SITE_LINEAR;
    s.role = p->role;
    s.module = arena_printf(m->arena, "%s.%s", module, p->name);
    s.in_features = size_of(b, p->in);
    s.out_features = size_of(b, p->out);
    /* The scale of the scores, which T5 does without, lies in the initial queries. */
    double spread = 1 / sqrt((double)s.in_features * (p->role == ROLE_Q ? b->head_dim : 1));
    s.weight = declare_matrix(m, arena_printf(m->arena, "%s.weight", s.module), s.out_features,
                              s.in_features, spread, s.layer);
    return add_site(m, &s);
}

static const struct site *declare_output(struct model *m, const char *module,
                                         const struct site *like, enum site_role role)
{
    const struct parts *b = m->parts;
    struct site s = *like;
    s.kind = SITE_SUBLAYER;
    s.role = role;
    s.module = module;
    s.in_features = s.out_features = b->width;
    return add_site(m, &s);
}

/* What a head adds to a score, by the bucket of the distance. An encoder's buckets are half for
 * keys behind the query and half for those before it. */
static struct param *declare_bias(struct model *m, const char *inside, const struct site *like)
{
    const struct parts *b = m->parts;
    int n_buckets = (int)option_int(&m->config, "relative_attention_num_buckets");
    struct param *bias =
        declare_matrix(m, arena_printf(m->arena, "%s.relative_attention_bias.weight", inside),
                       n_buckets, b->n_heads, 1 / sqrt((double)b->width), like->layer);
    bias->direction_rows = like->decoder ? n_buckets : n_buckets / 2;
    return bias;
}

/* module: "encoder.block.0.layer.0". stack: whose position bias the attention holds, or NULL. */
static void declare_attention(struct model *m, struct sublayer *y, const char *module,
                              const struct site *like, struct stack *stack)
{
    const struct parts *b = m->parts;
    const char *inside =
        arena_printf(m->arena, "%s.%s", module, like->cross ? "EncDecAttention" : "SelfAttention");
    for (int i = Q; i <= V; i++)
        y->at[i] = declare_projection(m, inside, &attention_table[i], like);
    struct site s = *like;
    s.kind = SITE_KEY_VALUE;
    s.role = ROLE_ATTENTION;
    s.module = inside;
    s.in_features = s.out_features = size_of(b, HEADS);
    s.n_heads = b->n_heads;
    y->key_value = add_site(m, &s);
    y->at[O] = declare_projection(m, inside, &attention_table[O], like);
    if (stack)
        stack->bias = declare_bias(m, inside, like);
    y->norm = declare_norm(m, arena_printf(m->arena, "%s.layer_norm.weight", module), like->layer);
    y->out = declare_output(m, module, like, ROLE_ATTENTION);
}

static void declare_ffn(struct model *m, struct sublayer *y, const char *module,
                        const struct site *like)
{
    const struct parts *b = m->parts;
    const struct projection *table = b->gated ? gated_table : plain_table;
    const char *inside = arena_printf(m->arena, "%s.DenseReluDense", module);
    for (int i = 0; i < N_FFN; i++)
        if (table[i].name)
            y->at[i] = declare_projection(m, inside, &table[i], like);
    y->norm = declare_norm(m, arena_printf(m->arena, "%s.layer_norm.weight", module), like->layer);
    y->out = declare_output(m, module, like, ROLE_FFN);
}

static void declare_stack(struct model *m, struct stack *stack, bool decoder)
{
    const char *name = decoder ? "decoder" : "encoder";
    stack->layers = arena_array(m->arena, (size_t)stack->n_layers, sizeof *stack->layers);
    for (int l = 0; l < stack->n_layers; l++) {
        struct layer *y = &stack->layers[l];
        struct site like = {.layer = stack->first + l, .decoder = decoder};
        const char *block = arena_printf(m->arena, "%s.block.%d.layer", name, l);
        declare_attention(m, &y->self, arena_printf(m->arena, "%s.0", block), &like,
                          l == 0 ? stack : NULL);
        if (decoder) {
            like.cross = true;
            declare_attention(m, &y->cross, arena_printf(m->arena, "%s.1", block), &like, NULL);
            like.cross = false;
        }
        declare_ffn(m, &y->ffn, arena_printf(m->arena, "%s.%d", block, decoder ? 2 : 1), &like);
    }
    stack->norm = declare_norm(m, arena_printf(m->arena, "%s.final_layer_norm.weight", name), -1);
}

/* The bucket of a distance key - query: half of them for single steps, half for steps that
 * grow to max_distance; the encoder keeps half of all for keys behind the query, the
 * decoder sees none of those. Rounded to float32 where transformers rounds, so that no
 * bound falls elsewhere. */
static int bucket_of(int distance, bool decoder, int n_buckets, int max_distance)
{
    int first = !decoder && distance > 0 ? n_buckets / 2 : 0;
    n_buckets = decoder ? n_buckets : n_buckets / 2;
    distance = decoder && distance > 0 ? 0 : abs(distance);
    int exact = n_buckets / 2;
    if (distance < exact)
        return first + distance;
    float grown = (float)scalar_log((float)distance / (float)exact);
    float steps = grown / (float)scalar_log((double)max_distance / exact);
    int bucket = exact + (int)(steps * (float)(n_buckets - exact));
    return first + (bucket < n_buckets ? bucket : n_buckets - 1);
}

static int *make_buckets(struct model *m, bool decoder)
{
    const struct parts *b = m->parts;
    int n = (int)option_int(&m->config, "relative_attention_num_buckets");
    int *buckets = arena_array(m->arena, 2 * (size_t)b->max_distance + 1, sizeof *buckets);
    for (int d = -b->max_distance; d <= b->max_distance; d++)
        buckets[d + b->max_distance] = bucket_of(d, decoder, n, b->max_distance);
    return buckets;
}

static int check_config(const struct options *c, struct err *e)
{
    static const char *const ids[] = {"pad_token_id", "eos_token_id", "decoder_start_token_id"};
    long vocab = option_int(c, "vocab_size");
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++)
        if (option_int(c, ids[i]) >= vocab)
            return err_usage(e, "%s %ld is outside the vocabulary: vocab_size is %ld", ids[i],
                             option_int(c, ids[i]), vocab);
    long buckets = option_int(c, "relative_attention_num_buckets");
    long far = option_int(c, "relative_attention_max_distance");
    if (far <= buckets / 2)
        return err_usage(e,
                         "relative_attention_max_distance %ld must be above half of "
                         "relative_attention_num_buckets %ld",
                         far, buckets);
    return 0;
}

static int t5_declare(struct model *m, struct err *e)
{
    const struct options *c = &m->config;
    if (check_config(c, e) != 0)
        return -1;
    struct parts *b = arena_alloc(m->arena, sizeof *b);
    m->parts = b;
    b->width = (int)option_int(c, "d_model");
    b->head_dim = (int)option_int(c, "d_kv");
    b->n_heads = (int)option_int(c, "num_heads");
    b->inner = (int)option_int(c, "d_ff");
    b->max_distance = (int)option_int(c, "relative_attention_max_distance");
    b->start_token = (int)option_int(c, "decoder_start_token_id");
    b->gated = strcmp(option_choice(c, "feed_forward_proj"), "gated-gelu") == 0;
    b->dropout = (float)option_float(c, "dropout_rate");
    b->eps = (float)option_float(c, "layer_norm_epsilon");
    b->encoder.n_layers = b->decoder.n_layers = (int)option_int(c, "num_layers");
    if (option_int(c, "num_decoder_layers") > 0)
        b->decoder.n_layers = (int)option_int(c, "num_decoder_layers");
    b->decoder.first = b->encoder.n_layers;
    b->encoder.buckets = make_buckets(m, false);
    b->decoder.buckets = make_buckets(m, true);

    enum { SITES_PER_LAYER = 2 * (N_PROJECTIONS + 2) + N_FFN + 1 };
    size_t n_layers = (size_t)(b->encoder.n_layers + b->decoder.n_layers);
    m->sites = arena_array(m->arena, 1 + n_layers * SITES_PER_LAYER, sizeof *m->sites);
    int vocab = (int)option_int(c, "vocab_size");
    b->shared = declare_matrix(m, "shared.weight", vocab, b->width, 1, -1);
    b->input = add_site(m, &(struct site){.kind = SITE_INPUT,
                                          .role = ROLE_INPUT,
                                          .layer = -1,
                                          .module = "shared",
                                          .in_features = b->width,
                                          .out_features = b->width});
    declare_stack(m, &b->encoder, false);
    declare_stack(m, &b->decoder, true);
    if (!option_bool(c, "tie_word_embeddings"))
        b->head = declare_matrix(m, "lm_head.weight", vocab, b->width, 1, -1);
    return 0;
}

/* --- computing ---------------------------------------------------------------- */

static struct tensor *dropout(struct forward *f, struct tensor *x, uint32_t site)
{
    const struct parts *b = f->model->parts;
    return op_dropout(f->tape, x, b->dropout, RNG_DROPOUT, site);
}

static struct tensor *norm(struct forward *f, struct tensor *x, struct param *gain)
{
    const struct parts *b = f->model->parts;
    return op_rms_norm(f->tape, x, &gain->t, b->eps);
}

/* What the sub-layer made of x, onto x. */
static struct tensor *join(struct forward *f, const struct sublayer *y, struct tensor *h,
                           struct tensor *x, uint32_t site)
{
    const struct parts *b = f->model->parts;
    return forward_join(f, y->out, h, x, b->dropout, site);
}

/* x[Tq, width] plus attention. from: the encoder's rows, or NULL: x's own. a says
 * which rows belong together, its mask and its bias. */
static struct tensor *attend(struct forward *f, const struct sublayer *y, struct tensor *x,
                             struct tensor *from, struct attention a, uint32_t site)
{
    const struct parts *b = f->model->parts;
    struct tensor *rows = norm(f, x, y->norm);
    struct tensor *source = from ? from : rows;
    a.q = forward_linear(f, y->at[Q], rows);
    a.k = forward_linear(f, y->at[K], source);
    a.v = forward_linear(f, y->at[V], source);
    a.n_heads = b->n_heads;
    a.scale = 1;
    a.dropout = b->dropout;
    a.site = site;
    struct tensor *h = forward_attention(f, y->key_value, &a);
    return join(f, y, forward_linear(f, y->at[O], h), x, site + 1);
}

static struct tensor *feed_forward(struct forward *f, const struct sublayer *y, struct tensor *x,
                                   uint32_t site)
{
    const struct parts *b = f->model->parts;
    struct tensor *rows = norm(f, x, y->norm);
    struct tensor *h = forward_linear(f, y->at[WI], rows);
    if (b->gated)
        h = op_gated_act(f->tape, h, forward_linear(f, y->at[GATE], rows), ACT_GELU_TANH);
    else
        h = op_act(f->tape, h, ACT_RELU);
    h = dropout(f, h, site);
    return join(f, y, forward_linear(f, y->at[WO], h), x, site + 1);
}

/* What a stack's attentions read: which rows belong together, and in a decoder the
 * encoder's rows, from. */
struct reading {
    struct attention self, cross;
    struct tensor *from;
};

/* A layer, and what it needs to be run as often as the tape wants it. */
struct layer_run {
    struct forward forward;
    const struct layer *layer;
    int number;
    struct attention self, cross;
};

/* One layer on x's rows. from: the encoder's, or NULL in an encoder. */
static struct tensor *run_layer(struct tape *t, void *state, struct tensor *x, struct tensor *from)
{
    (void)t;
    struct layer_run *r = state;
    struct forward *f = &r->forward;
    const struct layer *y = r->layer;
    x = attend(f, &y->self, x, NULL, r->self, drop_site(r->number, DROP_SELF));
    if (from)
        x = attend(f, &y->cross, x, from, r->cross, drop_site(r->number, DROP_CROSS));
    return feed_forward(f, &y->ffn, x, drop_site(r->number, DROP_FFN));
}

/* x's rows through the stack's layers. All since start may be forgotten. */
static struct tensor *run(struct forward *f, const struct stack *stack, struct tensor *x,
                          const struct reading *in, struct tape_mark start)
{
    const struct parts *b = f->model->parts;
    struct attention self = in->self;
    self.bias = &stack->bias->t;
    self.bias_bucket = stack->buckets;
    self.bias_span = b->max_distance;
    for (int l = 0; l < stack->n_layers; l++) {
        struct layer_run one = {*f, &stack->layers[l], stack->first + l, self, in->cross};
        struct tape_stretch s = {run_layer, tape_state(f->tape, &one, sizeof one)};
        x = tape_segment(f->tape, &s, x, in->from);
        tape_collapse(f->tape, start, x);
    }
    return norm(f, x, stack->norm);
}

static struct tensor *t5_encode(struct forward *f)
{
    const struct parts *b = f->model->parts;
    struct tape_mark start = tape_mark(f->tape);
    struct tensor *x = op_embedding(f->tape, &b->shared->t, f->batch->input_ids, f->batch->n_tok);
    x = dropout(f, forward_after(f, b->input, x), DROP_ENCODER_IN);
    tape_collapse(f->tape, start, x);
    const struct reading in = {.self = {.q_offsets = f->offsets,
                                        .k_offsets = f->offsets,
                                        .n_seq = f->batch->n_seq,
                                        .mask = ATTENTION_FULL}};
    x = run(f, &b->encoder, x, &in, start);
    x = dropout(f, x, DROP_ENCODER_OUT);
    tape_collapse(f->tape, start, x);
    return x;
}

/* What the decoder reads: each target's ids one place to the right. [n_target_tok] */
static const int *shifted_ids(struct forward *f)
{
    const struct parts *b = f->model->parts;
    const struct batch *in = f->batch;
    int *ids = tape_ints(f->tape, in->n_target_tok);
    for (int t = 0; t < in->n_target; t++)
        for (int i = in->target_offsets[t]; i < in->target_offsets[t + 1]; i++)
            ids[i] = i == in->target_offsets[t] ? b->start_token : in->target_ids[i - 1];
    return ids;
}

/* Offsets [n_seq + 1] of all target tokens that read one sequence. */
static const int *target_block_offsets(struct forward *f)
{
    const struct batch *in = f->batch;
    int *offsets = tape_ints(f->tape, in->n_seq + 1);
    for (int s = 0; s <= in->n_seq; s++)
        offsets[s] = in->target_offsets[in->target_starts[s]];
    return offsets;
}

static struct tensor *t5_decode(struct forward *f, struct tensor *encoded)
{
    const struct parts *b = f->model->parts;
    const struct batch *in = f->batch;
    assert(encoded->rows == f->n_tok && in->target_starts[in->n_seq] == in->n_target);
    assert(in->target_offsets[in->n_target] == in->n_target_tok);
    struct tape_mark start = tape_mark(f->tape);
    struct tensor *x = op_embedding(f->tape, &b->shared->t, shifted_ids(f), in->n_target_tok);
    x = dropout(f, x, DROP_DECODER_IN);
    tape_collapse(f->tape, start, x);
    const struct reading reads = {.self = {.q_offsets = in->target_offsets,
                                           .k_offsets = in->target_offsets,
                                           .n_seq = in->n_target,
                                           .mask = ATTENTION_CAUSAL},
                                  .cross = {.q_offsets = target_block_offsets(f),
                                            .k_offsets = f->offsets,
                                            .n_seq = in->n_seq,
                                            .mask = ATTENTION_FULL},
                                  .from = encoded};
    x = run(f, &b->decoder, x, &reads, start);
    x = dropout(f, x, DROP_DECODER_OUT);
    if (!b->head) /* 1.0: the shared embedding has the scale of an input */
        x = op_scale(f->tape, x, 1 / sqrtf((float)b->width));
    x = op_linear(f->tape, x, b->head ? &b->head->t : &b->shared->t, NULL);
    tape_collapse(f->tape, start, x);
    return x;
}

static int t5_max_tokens(const struct model *m)
{
    (void)m;
    return INT_MAX;
}

const struct family t5_family = {.name = "t5",
                                 .config = config_table,
                                 .demands = demands,
                                 .base_prefix = "",
                                 .ignored_tensors = ignored,
                                 .copies = copies,
                                 .architecture = "T5ForConditionalGeneration",
                                 .unset = unset,
                                 .declare = t5_declare,
                                 .output_layer = "lm_head.weight",
                                 .encode = t5_encode,
                                 .decode = t5_decode,
                                 .max_tokens = t5_max_tokens};
