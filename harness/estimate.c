#include "harness/estimate.h"

#include "harness/engine.h"

#include <string.h>

/* Useful operations of one thread: what a small encoder reached on a core with AVX-512; a
 * miniature reaches less, a base model more. */
static const double nominal_flops_per_second = 1e11;

/* The program, its libraries and the texts of a small data set: resident sets of 19 to 31 MiB
 * were measured where parameters and activations were next to nothing. */
enum { PROGRAM_BYTES = 24 << 20 };

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

/* Words of a class are taken to have so many tokens: which they have, only a tokenizer knows. */
enum { TARGET_TOK = 4 };

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
static struct work count_products(const struct model *m, double n_tok)
{
    struct work w = {0};
    int width = 0;
    for (int i = 0; i < m->n_sites; i++) {
        const struct site *s = &m->sites[i];
        if (s->kind != SITE_KEY_VALUE)
            continue;
        double keys = s->decoder && !s->cross ? TARGET_TOK : n_tok;
        double *of = s->decoder ? &w.target : &w.text;
        *of += 4.0 * s->in_features * keys * (s->decoder ? TARGET_TOK : n_tok);
        width = s->in_features;
    }
    if (model_says_text(m))
        w.target += 2.0 * (double)option_int(&m->config, "vocab_size") * width * TARGET_TOK;
    return w;
}

/* Forward, and what training adds. Counted from the matrices that a token goes through (2
 * operations a weight), attention's two products, and for the backward pass the layers from the
 * lowest trainable one up. */
static void count_operations(struct estimate *x, const struct model *m)
{
    int n_layers = 0, lowest = lowest_trainable(m);
    struct work forward = count_products(m, x->n_tok), back = {0};
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
        double n = 2.0 * p->rows * p->cols * (target ? TARGET_TOK : x->n_tok);
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

/* Targets of this many classes. */
static struct targets guess_targets(int n_classes, struct arena *a)
{
    struct targets t = {.n_classes = n_classes, .longest = TARGET_TOK};
    t.ids = arena_array(a, (size_t)n_classes * TARGET_TOK, sizeof *t.ids);
    t.offsets = arena_array(a, (size_t)n_classes + 1, sizeof *t.offsets);
    for (int i = 1; i <= n_classes; i++)
        t.offsets[i] = i * TARGET_TOK;
    return t;
}

/* Rows of this cost that go through the model at once. */
static int rows_at_once(const struct cell *c, int cost)
{
    int n = (int)option_int(&c->training, "micro_batch_tokens") / cost;
    int batch = (int)option_int(&c->training, "train_batch_size");
    return n < 1 ? 1 : n > batch ? batch : n;
}

/* Bytes of one step: a micro-batch filled with the longest texts. */
static size_t step_bytes(const struct cell *c, struct tuned *t, struct arena *a)
{
    struct targets targets = guess_targets(t->model->n_labels, a);
    int n_tok = longest(c, t->model), offsets[2] = {0, n_tok}, label = 0;
    struct feed f = {
        .n = 1,
        .n_classes = t->model->n_labels,
        .labels = &label,
        .length_tok = &n_tok,
        .tokens = {.ids = arena_array(a, (size_t)n_tok, sizeof(int)), .offsets = offsets, .n = 1},
        .targets = model_says_text(t->model) ? &targets : NULL};
    int n_learnt = rows_at_once(c, feed_cost(&f, 0, PACK_ANSWER));
    int n_judged = rows_at_once(c, feed_cost(&f, 0, PACK_CANDIDATES)); /* the dearer rows */
    int bound = n_learnt * feed_cost(&f, 0, PACK_CANDIDATES);
    int *rows = arena_array(a, (size_t)n_learnt, sizeof *rows); /* row 0, so many times */

    struct engine g;
    engine_init(&g, t, bound, n_learnt, c->seed, a);
    if (params_trainable(&t->model->params) > 0)
        engine_measure(&g, &f, rows, n_learnt, ENGINE_TRAIN);
    engine_measure(&g, &f, rows, n_judged, ENGINE_GENERATE);
    size_t n_bytes = g.needed_bytes;
    engine_release(&g);
    return n_bytes;
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
        /* Gradients and both moments stand beside what trains. */
        out->memory_bytes = params_bytes(&m.params) + 3 * out->trainable_params * sizeof(float) +
                            step_bytes(c, &t, &a) + PROGRAM_BYTES;
        out->n_tok = longest(c, &m) / 2;
        count_operations(out, &m);
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

bool estimate_serves(const struct cell *a, const struct cell *b)
{
    static const char *const keys[] = {"max_length", "micro_batch_tokens", "train_batch_size",
                                       NULL};
    if (a->model != b->model || a->dataset->n_classes != b->dataset->n_classes ||
        cell_in_bfloat16(a) != cell_in_bfloat16(b) || !same_method(a, b))
        return false;
    for (int i = 0; keys[i]; i++)
        if (option_int(&a->training, keys[i]) != option_int(&b->training, keys[i]))
            return false;
    return true;
}

void estimate_fill(struct cell *c, const struct estimate *x)
{
    struct row_counts rows = count_rows(c);
    double n_epochs = (double)option_int(&c->training, "num_train_epochs");
    double validations = n_epochs > 0 ? n_epochs : 1;
    double operations = rows.train * n_epochs * x->training_flops +
                        (rows.validation * validations + rows.test) * x->forward_flops;
    c->trainable_params = x->trainable_params;
    c->total_params = x->total_params;
    c->est_memory_bytes = x->memory_bytes;
    c->est_seconds = operations / nominal_flops_per_second;
}
