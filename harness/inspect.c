#include "harness/inspect.h"

#include "harness/cell_rows.h"
#include "harness/targets.h"
#include "harness/usual.h"
#include "results/query.h"

#include <math.h>
#include <string.h>

/* What one choice of rows comes to: the same for many cells. */
struct rows_facts {
    const char *key;
    bool known;
    long n_train, n_judged;
    double leak_rate, majority_rate;
    const uint64_t *hashes; /* [n_judged] */
    const long *n_of_class; /* [n_classes] of the judged rows */
};

/* What the classes' words come to in tokens of one model. */
struct words_facts {
    const char *key;
    bool known;
    int n_cut;
    const int *length; /* [n_classes] tokens */
};

struct inspector {
    struct inspection *out;
    struct rows_facts *rows; /* [n_rows] */
    int n_rows;
    struct words_facts *words; /* [n_words] */
    int n_words;
    const struct protocol *sound; /* NULL: this home has none */
    struct store *store;          /* or NULL */
    struct arena *arena;
};

/* Adds a note that is not there yet. Data that is not here is no error; anything else is. */
static int note(struct inspector *x, const char *what, struct err *e)
{
    if (e->kind != ERR_WORLD)
        return -1;
    const char *text = arena_printf(x->arena, "%s: %s", what, e->text);
    err_clear(e);
    for (int i = 0; i < x->out->n_notes; i++)
        if (strcmp(x->out->notes[i], text) == 0)
            return 0;
    x->out->notes[x->out->n_notes++] = text;
    return 0;
}

/* The values of some training options behind a name, as one word. */
static const char *key_of(const char *name, const struct options *o, const char *const *names,
                          struct arena *a)
{
    struct str key = {0};
    str_add(&key, name);
    for (int i = 0; i < o->n; i++)
        if (str_index(names, o->table[i].name) >= 0) {
            str_add_char(&key, ' ');
            option_text(&key, o, i);
        }
    const char *text = arena_strdup(a, str_text(&key));
    str_release(&key);
    return text;
}

/* --- rows --------------------------------------------------------------------- */

static void describe_rows(struct rows_facts *f, const struct cell_rows *r,
                          const struct rows *judged, struct arena *a)
{
    uint64_t *hashes = arena_array(a, (size_t)judged->n, sizeof *hashes);
    long *n_of_class = arena_array(a, (size_t)r->data->info->n_classes, sizeof *n_of_class);
    long most = 0;
    for (int i = 0; i < judged->n; i++) {
        const struct example *row = &r->data->examples[judged->index[i]];
        hashes[i] = row->hash;
        if (++n_of_class[row->label] > most)
            most = n_of_class[row->label];
    }
    f->known = true;
    f->n_train = r->split.train.n;
    f->n_judged = judged->n;
    f->leak_rate = split_leak_rate(r->data, &r->split.train, judged);
    f->majority_rate = judged->n ? (double)most / judged->n : NAN;
    f->hashes = hashes;
    f->n_of_class = n_of_class;
}

static const struct rows_facts *rows_of(struct inspector *x, const struct cell *c, struct err *e)
{
    static const char *const names[] = {
        "rows",       "row_copies",        "deduplicate",      "split",
        "split_seed", "max_train_samples", "max_eval_samples", NULL};
    const char *key = key_of(c->dataset->name, &c->training, names, x->arena);
    for (int i = 0; i < x->n_rows; i++)
        if (strcmp(x->rows[i].key, key) == 0)
            return &x->rows[i];
    struct rows_facts *f = &x->rows[x->n_rows++];
    *f = (struct rows_facts){.key = key, .leak_rate = NAN, .majority_rate = NAN};
    struct arena scratch = {0};
    struct cell_rows rows;
    int rc = cell_rows_load(&rows, c, &(struct asset_flags){.offline = true}, &scratch, e);
    if (rc == 0)
        describe_rows(f, &rows, cell_rows_judged(&rows, c), x->arena);
    else
        rc = note(x, arena_printf(x->arena, "rows of %s not known", c->dataset->name), e);
    arena_release(&scratch);
    return rc == 0 ? f : NULL;
}

/* --- words -------------------------------------------------------------------- */

/* The model's tokenizer without its weights; NULL on error. */
static struct tokenizer *open_tokenizer(const struct zoo_entry *z, struct arena *a, struct err *e)
{
    struct zoo_entry bare = *z;
    struct str folder = {0};
    struct tokenizer *t = NULL;
    int rc = 0;
    if (!z->random_init && !z->folder)
        rc = zoo_find(&bare, arena_printf(a, "%s:random", z->name), a, e);
    if (rc == 0 && zoo_fetch(&folder, &bare, &(struct asset_flags){.offline = true}, e) == 0)
        t = tokenizer_open(str_text(&folder), e);
    str_release(&folder);
    return t;
}

static int encode_words(struct words_facts *f, const struct cell *c, struct arena *a, struct err *e)
{
    struct tokenizer *t = open_tokenizer(c->model, a, e);
    struct targets targets;
    int rc = t ? targets_encode(&targets, c->dataset, t, &c->training, a, e) : -1;
    tokenizer_free(t);
    if (rc != 0)
        return -1;
    int *length = arena_array(a, (size_t)targets.n_classes, sizeof *length);
    for (int i = 0; i < targets.n_classes; i++)
        length[i] = targets.offsets[i + 1] - targets.offsets[i];
    f->known = true;
    f->n_cut = targets.n_cut;
    f->length = length;
    return 0;
}

static const struct words_facts *words_of(struct inspector *x, const struct cell *c, struct err *e)
{
    static const char *const names[] = {"target_length", "target_eos", "use_verbalizers", NULL};
    const char *name = arena_printf(x->arena, "%s %s", c->model->name, c->dataset->name);
    const char *key = key_of(name, &c->training, names, x->arena);
    for (int i = 0; i < x->n_words; i++)
        if (strcmp(x->words[i].key, key) == 0)
            return &x->words[i];
    struct words_facts *f = &x->words[x->n_words++];
    *f = (struct words_facts){.key = key, .n_cut = -1};
    if (encode_words(f, c, x->arena, e) != 0 &&
        note(x, arena_printf(x->arena, "targets of %s not known", c->model->name), e) != 0)
        return NULL;
    return f;
}

/* --- one cell ------------------------------------------------------------------ */

/* The rate that `sound` has for the cell; NaN where nothing trains and where the rate is what a
 * sweep is about. */
static double usual_rate(const struct inspector *x, const struct cell *c)
{
    if (!x->sound || c->trainable_params == 0 || strstr(c->swept, " learning_rate="))
        return NAN;
    return usual_rate_at(x->sound, cell_point(c, x->arena), c->method, x->arena);
}

static void add_rows(struct cell_facts *f, const struct cell *c, const struct rows_facts *r)
{
    if (!r->known) {
        /* The survey's counts are published; a sound split's follow from the rows. */
        const struct survey_rows *s = &c->dataset->survey;
        bool copied = str_equal(option_choice(&c->training, "row_copies"), "survey");
        bool told = s->given && copied && cell_has_survey_split(c) &&
                    option_int(&c->training, "max_train_samples") == 0 &&
                    option_int(&c->training, "max_eval_samples") == 0;
        f->n_train = told ? s->n_train : -1;
        f->n_evaluation = told ? s->n_evaluation : -1;
    } else {
        f->n_train = r->n_train;
        f->n_evaluation = r->n_judged;
    }
    f->leak_rate = r->leak_rate;
    f->majority_rate = r->majority_rate;
    f->evaluation_hashes = r->hashes;
    long n_epochs = option_int(&c->training, "num_train_epochs");
    f->n_updates = -1;
    if (c->trainable_params == 0)
        f->n_updates = 0;
    else if (f->n_train >= 0)
        f->n_updates = (f->n_train + f->train_batch_size - 1) / f->train_batch_size * n_epochs;
}

static void add_words(struct cell_facts *f, const struct words_facts *w, const struct rows_facts *r)
{
    f->n_cut_targets = w->n_cut;
    if (!w->known || !r->known || strcmp(f->metric_unit, "token") != 0)
        return;
    f->n_judged_units = 0;
    for (int i = 0; i < f->n_classes; i++)
        f->n_judged_units += r->n_of_class[i] * w->length[i];
}

/* What a done cell came to on its judged rows, in its own unit. */
static int add_result(struct cell_facts *f, const struct cell *c, struct store *store,
                      struct err *e)
{
    struct query q;
    if (query_open(&q, store,
                   "SELECT name, value FROM metric JOIN cell ON cell.id = metric.cell JOIN run "
                   "ON run.cell = cell.id WHERE cell_id = ?1 AND split = ?2 AND status = 'done' "
                   "AND value IS NOT NULL",
                   e) != 0)
        return -1;
    query_bind_text(&q, 1, c->id);
    query_bind_text(&q, 2, cell_has_survey_split(c) ? "validation" : "test");
    bool token = strcmp(f->metric_unit, "token") == 0;
    const char *accuracy = metric_name(token ? METRIC_TOKEN_ACCURACY : METRIC_ACCURACY);
    const char *f1 = metric_name(token ? METRIC_TOKEN_F1_WEIGHTED : METRIC_F1_WEIGHTED);
    int more;
    while ((more = query_next(&q, e)) == 1) {
        const char *name = query_text(&q, 0);
        double value = query_real(&q, 1);
        if (strcmp(name, accuracy) == 0)
            f->accuracy = value;
        else if (strcmp(name, f1) == 0)
            f->f1_weighted = value;
        else if (strcmp(name, metric_name(METRIC_MAJORITY_RATE)) == 0)
            f->majority_rate = value;
        else if (strcmp(name, metric_name(METRIC_CLASSES_PREDICTED)) == 0)
            f->classes_predicted = (int)value;
    }
    query_close(&q);
    return more;
}

static int inspect_cell(struct inspector *x, const struct cell *c, struct err *e)
{
    const struct options *o = &c->training;
    bool says_text = cell_says_text(c);
    struct cell_facts *f = &x->out->facts[x->out->n++];
    *f = (struct cell_facts){.cell_id = c->id,
                             .model = c->model->name,
                             .method = c->method->name,
                             .label = c->method_label,
                             .dataset = c->dataset->name,
                             .protocol = c->protocol,
                             .seed = (int64_t)c->seed,
                             .total_params = (int64_t)c->total_params,
                             .metric_unit = says_text ? option_choice(o, "metric_unit") : "example",
                             .says_text = says_text,
                             .learning_rate = option_float(o, "learning_rate"),
                             .train_batch_size = option_int(o, "train_batch_size"),
                             .judged_by_selection = cell_has_survey_split(c) &&
                                                    option_bool(o, "load_best_model_at_end"),
                             .n_classes = c->dataset->n_classes,
                             .n_cut_targets = says_text ? -1 : 0,
                             .accuracy = NAN,
                             .classes_predicted = -1};
    const struct rows_facts *rows = rows_of(x, c, e);
    if (!rows)
        return -1;
    f->usual_learning_rate = usual_rate(x, c);
    add_rows(f, c, rows);
    if (strcmp(f->metric_unit, "example") == 0 && f->n_evaluation > 0)
        f->n_judged_units = f->n_evaluation;
    if (says_text) {
        const struct words_facts *words = words_of(x, c, e);
        if (!words)
            return -1;
        add_words(f, words, rows);
    }
    return x->store ? add_result(f, c, x->store, e) : 0;
}

/* The protocol whose rates are taken to be usual. */
static int read_sound(struct inspector *x, struct err *e)
{
    const char *const *names;
    if (protocol_list(&names, x->arena, e) < 0)
        return -1;
    if (str_index(names, "sound") < 0)
        return 0;
    struct protocol *sound = arena_alloc(x->arena, sizeof *sound);
    x->sound = sound;
    return protocol_read(sound, "sound", x->arena, e);
}

int inspect_plan(struct inspection *out, struct plan *p, struct store *store, struct arena *a,
                 struct err *e)
{
    size_t n = (size_t)p->n;
    struct inspector x = {.out = out, .store = store, .arena = a};
    *out = (struct inspection){.facts = arena_array(a, n, sizeof *out->facts),
                               .notes = arena_array(a, 2 * n, sizeof *out->notes)};
    x.rows = arena_array(a, n, sizeof *x.rows);
    x.words = arena_array(a, n, sizeof *x.words);
    if (plan_estimate(p, e) != 0 || read_sound(&x, e) != 0)
        return -1;
    for (int i = 0; i < p->n; i++)
        if (inspect_cell(&x, &p->cells[i], e) != 0)
            return err_wrap(e, "%s, %s, %s", p->cells[i].dataset->name, p->cells[i].model->name,
                            p->cells[i].method_label);
    return 0;
}
