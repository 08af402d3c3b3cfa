#include "harness/estimate.h"

#include "harness/engine.h"
#include "harness/sample.h"
#include "harness/steps.h"

#include <string.h>

/* Products and what goes with them, of one thread on the core that measured ESTIMATE_GFLOPS: rows
 * as wide as this take as long for all that is no product as for the products. Fitted on 216
 * cells of the miniature (130 to 160 of encoders of width 64 and 128, 85 of a T5 of 64) and on
 * docs/speed.md (168 at 256, 195 at 512 and 768; T5 of 128 and 512: 130 and 185). */
static const double flops_per_second = 1e9 * ESTIMATE_GFLOPS;
static const double half_width_encoder = 35, half_width_encoder_decoder = 90;
/* A cell that does nothing. */
static const double cell_seconds = 0.005;
/* Of bfloat16 products: 1.6 to 1.7 measured at BERT base, 1.3 to 1.5 at smaller ones. */
static const double bfloat16_gain = 1.5;

/* The program and its libraries; a word of the tokenizer; what BLAS packs the factors of a product
 * into, which only models larger than the miniatures leave to it; and as much of oneDNN's kernels
 * for bfloat16. From resident sets where rows, parameters and activations were next to nothing. */
enum { PROGRAM_BYTES = 10 << 20, WORD_BYTES = 100, PACKED_BYTES = 7 << 20, PACKED_FROM = 1 << 17 };

/* Rows that train, validate and test. */
struct row_counts {
    double train, validation, test;
};

static double rows_in(const struct dataset_info *info, uint32_t mask)
{
    double n = 0;
    for (int i = 0; i < info->n_splits; i++)
        if (mask & UINT32_C(1) << i)
            n += (double)info->splits[i].rows;
    return n;
}

static struct row_counts count_sound(const struct dataset_info *info)
{
    const struct sound_rows *sound = &info->sound;
    struct row_counts n = {.train = rows_in(info, sound->train)};
    if (sound->pooled) {
        n.validation = n.test = 0.1 * n.train;
        n.train *= 0.8;
    } else {
        n.test = rows_in(info, sound->test);
        n.validation = sound->validation ? rows_in(info, sound->validation) : 0.1 * n.train;
        n.train -= sound->validation ? 0 : n.validation;
    }
    return n;
}

static double at_most(double n, long most)
{
    return most > 0 && (double)most < n ? (double)most : n;
}

static bool chosen(const struct cell *c, const char *option, const char *word)
{
    return strcmp(option_choice(&c->training, option), word) == 0;
}

/* The published counts hold the survey's copies; a sound split holds each row once. */
static struct row_counts count_rows(const struct cell *c)
{
    const struct survey_rows *survey = &c->dataset->survey;
    bool copied = survey->given && chosen(c, "row_copies", "survey");
    struct row_counts n;
    if (survey->given && chosen(c, "split", "survey")) {
        double copies = copied ? 1 : 1.0 / survey->copies;
        n = (struct row_counts){.train = (double)survey->n_train * copies,
                                .validation = (double)survey->n_evaluation * copies};
    } else {
        double copies = copied ? survey->copies : 1;
        n = count_sound(c->dataset);
        n = (struct row_counts){n.train * copies, n.validation * copies, n.test * copies};
    }
    long most = option_int(&c->training, "max_eval_samples");
    return (struct row_counts){at_most(n.train, option_int(&c->training, "max_train_samples")),
                               at_most(n.validation, most), at_most(n.test, most)};
}

/* Words of a class are taken to have so many tokens where no tokenizer is here to tell. */
enum { TARGET_TOK = 4 };

/* Tokens of a text and of a target. */
struct lengths {
    double text, target;
};

static double mean(const int *values, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += values[i];
    return sum / n;
}

/* Operations of one text, and of each target that its encoding is held against. */
struct work {
    double text, target;
};

/* Whether a weight is applied to target tokens: a decoder's, but for the keys and values that
 * its cross-attention makes of the text. */
static bool reads_target(const struct model *m, const struct param *p)
{
    bool decoder = false;
    for (int i = 0; i < m->n_sites; i++) {
        const struct site *s = &m->sites[i];
        if (s->kind == SITE_LINEAR && s->weight == p)
            return s->decoder && !(s->cross && (s->role == ROLE_K || s->role == ROLE_V));
        decoder = decoder || (s->decoder && s->layer == p->layer);
    }
    return decoder;
}

/* The lowest layer in which something trains. */
static int lowest_trainable(const struct model *m)
{
    int lowest = 1 << 30;
    for (int i = 0; i < m->params.n; i++) {
        const struct param *p = m->params.items[i];
        if (p->trainable && p->part != PART_HEAD && p->layer < lowest)
            lowest = p->layer;
    }
    return lowest;
}

/* Attention's two products, and the logits of the vocabulary where the model says words. */
static struct work count_products(const struct model *m, struct lengths n_tok)
{
    struct work w = {0};
    int width = 0;
    for (int i = 0; i < m->n_sites; i++) {
        const struct site *s = &m->sites[i];
        if (s->kind != SITE_KEY_VALUE)
            continue;
        double keys = s->decoder && !s->cross ? n_tok.target : n_tok.text;
        double *of = s->decoder ? &w.target : &w.text;
        *of += 4.0 * s->in_features * keys * (s->decoder ? n_tok.target : n_tok.text);
        width = s->in_features;
    }
    if (model_says_text(m))
        w.target += 2.0 * (double)option_int(&m->config, "vocab_size") * width * n_tok.target;
    return w;
}

/* Forward, and what training adds. Counted from the matrices that a token goes through (2
 * operations a weight), attention's two products, and for the backward pass the layers from the
 * lowest trainable one up. */
static void count_operations(struct estimate *x, const struct model *m, struct lengths n_tok)
{
    int n_layers = 0, lowest = lowest_trainable(m);
    struct work forward = count_products(m, n_tok), back = {0};
    for (int i = 0; i < m->n_sites; i++)
        if (m->sites[i].layer >= n_layers)
            n_layers = m->sites[i].layer + 1;
    if (lowest < n_layers)
        back = (struct work){2 * forward.text, 2 * forward.target};
    for (int i = 0; i < m->params.n; i++) {
        const struct param *p = m->params.items[i];
        if (p->role != PARAM_WEIGHT || p->layer < 0)
            continue;
        bool target = reads_target(m, p);
        double n = 2.0 * p->rows * p->cols * (target ? n_tok.target : n_tok.text);
        *(target ? &forward.target : &forward.text) += n;
        *(target ? &back.target : &back.text) +=
            (p->layer >= lowest ? n : 0) + (p->trainable ? n : 0);
    }
    double n_candidates = model_says_text(m) ? m->n_labels : 0;
    x->forward_flops = forward.text + n_candidates * forward.target;
    x->training_flops = forward.text + forward.target + back.text + back.target;
}

/* Tokens of the longest text a cell may see. */
static int longest(const struct cell *c, const struct model *m)
{
    int n_tok = (int)option_int(&c->training, "max_length");
    return n_tok < model_max_tokens(m) ? n_tok : model_max_tokens(m);
}

/* Targets of these lengths, or NULL: of a nominal one. */
static struct targets make_targets(int n_classes, const int *length_tok, struct arena *a)
{
    struct targets t = {.n_classes = n_classes};
    t.offsets = arena_array(a, (size_t)n_classes + 1, sizeof *t.offsets);
    for (int i = 0; i < n_classes; i++) {
        int n = length_tok ? length_tok[i] : TARGET_TOK;
        t.offsets[i + 1] = t.offsets[i] + n;
        t.longest = n > t.longest ? n : t.longest;
    }
    t.ids = arena_array(a, (size_t)t.offsets[n_classes], sizeof *t.ids);
    return t;
}

/* Rows as long as those that were looked at, in another order so that neighbours have nothing to
 * do with each other; where none were, a batch of the longest there can be. Only lengths matter
 * to a dry run. */
static struct feed make_feed(const struct cell *c, const struct model *m, const struct sample *s,
                             const struct targets *targets, struct arena *a)
{
    struct feed f = {.n = s->n ? s->n : (int)option_int(&c->training, "train_batch_size"),
                     .n_classes = m->n_labels,
                     .targets = model_says_text(m) ? targets : NULL};
    size_t n = (size_t)f.n;
    f.labels = arena_array(a, n, sizeof *f.labels);
    f.length_tok = arena_array(a, n, sizeof *f.length_tok);
    f.tokens.n = f.n;
    f.tokens.offsets = arena_array(a, n + 1, sizeof *f.tokens.offsets);
    for (int i = 0; i < f.n; i++) {
        f.labels[i] = i % m->n_labels;
        f.length_tok[i] = s->n ? s->length_tok[i] : longest(c, m);
        f.tokens.offsets[i + 1] = f.tokens.offsets[i] + f.length_tok[i];
    }
    f.tokens.ids = arena_array(a, (size_t)f.tokens.offsets[f.n], sizeof *f.tokens.ids);
    return f;
}

/* The first n rows of f. */
static struct feed first_rows(const struct feed *f, double n)
{
    struct feed part = *f;
    if (n < part.n)
        part.n = n < 1 ? 1 : (int)n;
    return part;
}

/* Where attention's probabilities weigh more than rows, tokens do not tell the largest batch. */
static double weight_of(const struct feed *f, const int *rows, int n, bool squares)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += squares ? (double)f->length_tok[rows[i]] * f->length_tok[rows[i]]
                       : f->length_tok[rows[i]];
    return sum;
}

/* Dry runs of the updates that are largest by tokens, and by their squares, of an epoch or a few:
 * as many draws as tell what the largest of many are like. */
static void measure_training(struct engine *g, const struct cell *c, const struct feed *f,
                             struct arena *a)
{
    enum { DRAWS = 512 };
    const struct options *o = &c->training;
    int batch = (int)option_int(o, "train_batch_size"), per_epoch = (f->n + batch - 1) / batch;
    long n_epochs = option_int(o, "num_train_epochs"), most = 1 + DRAWS / per_epoch;
    struct steps s = steps_lay(f, (int)(n_epochs < most ? n_epochs : most), batch,
                               (int)option_int(o, "micro_batch_tokens"), c->seed, a);
    for (int squares = 0; squares < 2; squares++) {
        double heaviest = -1;
        long which = 0;
        for (long i = 0; i < s.n_micro; i++) {
            const int *rows = s.rows + s.micro_start[i];
            double weight = weight_of(f, rows, s.micro_start[i + 1] - s.micro_start[i], squares);
            which = weight > heaviest ? i : which;
            heaviest = weight > heaviest ? weight : heaviest;
        }
        if (s.n_micro)
            engine_measure(g, f, s.rows + s.micro_start[which],
                           s.micro_start[which + 1] - s.micro_start[which], ENGINE_TRAIN);
    }
}

/* Rows that are judged go by length: the first batch has the longest, the last the most. */
static void measure_judging(struct engine *g, const struct cell *c, const struct feed *f,
                            enum engine_task task, struct arena *a)
{
    struct batches b = order_evaluation(f->n, feed_costs(f, PACK_CANDIDATES, a),
                                        (int)option_int(&c->training, "micro_batch_tokens"), a);
    for (int i = 0; i<b.n; i += b.n> 1 ? b.n - 1 : 1)
        engine_measure(g, f, b.rows + b.start[i], b.start[i + 1] - b.start[i], task);
}

/* Whether training reads features that were computed once. */
static bool learns_from_features(const struct cell *c, const struct model *m)
{
    return model_features_fixed(m) && !option_bool(&c->training, "frozen_dropout");
}

/* Bytes of activations. */
static size_t step_bytes(const struct cell *c, struct tuned *t, const struct sample *s,
                         const struct row_counts *rows, struct arena *a)
{
    const struct model *m = t->model;
    struct targets targets = make_targets(m->n_labels, s->target_tok, a);
    struct feed all = make_feed(c, m, s, &targets, a);
    struct feed train = first_rows(&all, s->n ? rows->train : all.n);
    double judged = rows->validation > rows->test ? rows->validation : rows->test;
    struct feed others = first_rows(&all, s->n ? judged : all.n);
    int bound = (int)option_int(&c->training, "micro_batch_tokens");
    int one = longest(c, m) + (model_says_text(m) ? targets.offsets[targets.n_classes] : 0);
    bound = bound < one ? one : bound;

    struct engine g;
    engine_init(&g, t, bound, bound, c->seed, a);
    g.spare_frozen = !option_bool(&c->training, "frozen_dropout");
    g.recompute = option_bool(&c->training, "gradient_checkpointing");
    bool fixed = learns_from_features(c, m), learns = params_trainable(&m->params) > 0;
    if (learns && !fixed)
        measure_training(&g, c, &train, a);
    measure_judging(&g, c, fixed && learns ? &train : &others,
                    fixed ? ENGINE_FEATURES : ENGINE_GENERATE, a);
    measure_judging(&g, c, &others, ENGINE_GENERATE, a);
    size_t n_bytes = g.needed_bytes;
    engine_release(&g);
    return n_bytes;
}

/* What lies beside what trains: gradients, both moments, and the best epoch's values. */
static size_t beside_bytes(const struct cell *c, const struct model *m)
{
    int copies = option_bool(&c->training, "load_best_model_at_end") ? 4 : 3;
    return (size_t)copies * params_trainable(&m->params) * sizeof(float);
}

static size_t program_bytes(const struct model *m)
{
    bool packs = m->params.bfloat16;
    for (int i = 0; i < m->params.n && !packs; i++)
        packs = m->params.items[i]->role == PARAM_WEIGHT && m->params.items[i]->part == PART_BASE &&
                param_size(m->params.items[i]) >= PACKED_FROM;
    size_t words = options_has(&m->config, "vocab_size")
                       ? WORD_BYTES * (size_t)option_int(&m->config, "vocab_size")
                       : 0;
    return PROGRAM_BYTES + words + (packs ? PACKED_BYTES : 0);
}

/* Rows, their tokens, their order in every epoch and what was said of them. */
static size_t rows_bytes(const struct cell *c, const struct model *m, const struct sample *s,
                         const struct row_counts *rows)
{
    double mean = 0, n = rows->train + rows->validation + rows->test;
    for (int i = 0; i < s->n; i++)
        mean += (double)s->length_tok[i] / s->n;
    double per_row = 40 + 8 * mean + 4.0 * m->n_labels; /* ids twice: lists grow by doubling */
    if (model_features_fixed(m))
        per_row += (double)sizeof(float) * model_width(m);
    double order = 8 * rows->train * (double)option_int(&c->training, "num_train_epochs");
    return (size_t)((double)s->memory_bytes + n * per_row + order);
}

int estimate_make(struct estimate *out, const struct cell *c, struct err *e)
{
    struct arena a = {0};
    struct model m = {0};
    struct tuned t;
    int rc = model_declare(&m, c->model->family, &c->model->config, c->dataset->n_classes, &a, e);
    if (rc == 0)
        rc = method_attach(&t, c->method, &c->method_options, &m, &a, e);
    if (rc == 0) {
        m.params.bfloat16 = cell_in_bfloat16(c);
        *out = (struct estimate){.trainable_params = params_trainable(&m.params),
                                 .total_params = params_total(&m.params)};
        struct sample s = sample_take(c, &a);
        struct row_counts rows = count_rows(c);
        out->memory_bytes = params_bytes(&m.params) + beside_bytes(c, &m) +
                            step_bytes(c, &t, &s, &rows, &a) + rows_bytes(c, &m, &s, &rows) +
                            program_bytes(&m);
        struct lengths n_tok = {.text = s.n ? mean(s.length_tok, s.n) : 0.5 * longest(c, &m),
                                .target = s.n && s.target_tok ? mean(s.target_tok, m.n_labels)
                                                              : TARGET_TOK};
        count_operations(out, &m, n_tok);
        out->features_kept = learns_from_features(c, &m);
        double half = model_says_text(&m) ? half_width_encoder_decoder : half_width_encoder;
        out->flops_per_second = flops_per_second * model_width(&m) / (model_width(&m) + half) *
                                (cell_in_bfloat16(c) ? bfloat16_gain : 1);
    }
    model_release(&m);
    arena_release(&a);
    return rc;
}

static bool same_method(const struct cell *a, const struct cell *b)
{
    if (a->method != b->method)
        return false;
    struct str one = {0}, other = {0};
    options_canonical(&one, &a->method_options, NULL, false);
    options_canonical(&other, &b->method_options, NULL, false);
    bool same = strcmp(str_text(&one), str_text(&other)) == 0;
    str_release(&one);
    str_release(&other);
    return same;
}

static bool same_training(const struct options *a, const struct options *b)
{
    static const char *const numbers[] = {"max_length",
                                          "micro_batch_tokens",
                                          "train_batch_size",
                                          "num_train_epochs",
                                          "max_train_samples",
                                          "max_eval_samples",
                                          NULL};
    static const char *const switches[] = {"frozen_dropout",
                                           "gradient_checkpointing",
                                           "load_best_model_at_end",
                                           "deduplicate",
                                           "use_template",
                                           "use_verbalizers",
                                           "target_eos",
                                           NULL};
    static const char *const choices[] = {"precision",  "rows",          "split",
                                          "row_copies", "target_length", NULL};
    for (int i = 0; numbers[i]; i++)
        if (option_int(a, numbers[i]) != option_int(b, numbers[i]))
            return false;
    for (int i = 0; switches[i]; i++)
        if (option_bool(a, switches[i]) != option_bool(b, switches[i]))
            return false;
    for (int i = 0; choices[i]; i++)
        if (strcmp(option_choice(a, choices[i]), option_choice(b, choices[i])) != 0)
            return false;
    return true;
}

bool estimate_serves(const struct cell *a, const struct cell *b)
{
    return a->model == b->model && a->dataset == b->dataset && same_method(a, b) &&
           same_training(&a->training, &b->training);
}

void estimate_fill(struct cell *c, const struct estimate *x)
{
    struct row_counts rows = count_rows(c);
    double n_epochs = (double)option_int(&c->training, "num_train_epochs");
    double validations = n_epochs > 0 ? n_epochs : 1;
    double all = rows.train + rows.validation + rows.test;
    double operations = rows.train * n_epochs * x->training_flops +
                        (rows.validation * validations + rows.test) * x->forward_flops;
    if (x->features_kept && n_epochs > 0) /* what is left of a step is next to nothing */
        operations = all * x->forward_flops;
    c->trainable_params = x->trainable_params;
    c->total_params = x->total_params;
    c->est_memory_bytes = x->memory_bytes;
    c->est_seconds = cell_seconds + operations / x->flops_per_second;
}
