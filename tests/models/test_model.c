/* Sites and parameters: what methods build on. */
#include "tests/models/rig.h"

#include <signal.h>
#include <string.h>

static const char *const small[][2] = {
    {"vocab_size", "50"},         {"hidden_size", "8"},
    {"num_hidden_layers", "2"},   {"num_attention_heads", "2"},
    {"intermediate_size", "16"},  {"max_position_embeddings", "12"},
    {"initializer_range", "0.3"}, {NULL, NULL}};
static const int lengths[] = {5, 12, 1};

static void open_small(struct rig *r)
{
    rig_random(r, small, 0);
    params_allocate(&r->m.params, true);
    params_init_missing(&r->m.params, 3);
    rig_batch(r, lengths, 3, 9);
}

static const float *logits_with(struct rig *r, const struct batch *b, const struct hooks *h)
{
    tape_begin(&r->tape, false, 0, 0);
    return model_logits(&r->m, &r->tape, b, h)->data;
}

/* --- sites -------------------------------------------------------------------- */

struct log {
    struct str text;
    int n_before, n_after, n_key_value;
};

static struct tensor *log_before(void *state, struct forward *f, const struct site *s,
                                 struct tensor *x)
{
    struct log *l = state;
    cr_expect(s->kind == SITE_LINEAR && s->weight->cols == x->cols);
    cr_expect(f->model->sites + s->index == s);
    l->n_before++;
    return x;
}

static struct tensor *log_after(void *state, struct forward *f, const struct site *s,
                                struct tensor *x, struct tensor *y)
{
    struct log *l = state;
    (void)f;
    cr_expect((x != NULL) == (s->kind == SITE_LINEAR) && y->cols == s->out_features);
    str_printf(&l->text, "%s ", role_names[s->role]);
    l->n_after++;
    return y;
}

static void log_key_value(void *state, struct forward *f, const struct site *s, struct attention *a)
{
    struct log *l = state;
    (void)f;
    cr_expect(s->kind == SITE_KEY_VALUE && a->n_heads == s->n_heads && s->n_heads == 2);
    cr_expect(a->k->rows == a->k_offsets[3] && a->q->rows == a->q_offsets[3]);
    str_add(&l->text, "kv ");
    l->n_key_value++;
}

Test(sites, each_is_passed_once_in_order_and_idle_hooks_change_no_bit)
{
    struct rig rig, *r = &rig;
    open_small(r);
    float plain[9];
    memcpy(plain, logits_with(r, &r->batch, NULL), sizeof plain);
    struct log l = {0};
    const struct hooks hooks = {&l, log_before, log_after, log_key_value, NULL};
    const float *hooked = logits_with(r, &r->batch, &hooks);
    cr_expect(memcmp(hooked, plain, sizeof plain) == 0);
    cr_expect(l.n_before == 12 && l.n_after == 17 && l.n_key_value == 2);
    cr_expect(r->m.n_sites == 12 + 1 + 2 + 4);
    cr_expect_str_eq(str_text(&l.text), "input q k v kv o attention ffn_in ffn_out ffn "
                                        "q k v kv o attention ffn_in ffn_out ffn ");
    str_release(&l.text);
    rig_close(r);
}

Test(sites, modules_and_weights_have_the_names_of_transformers)
{
    static const struct {
        int index, in, out;
        const char *module;
    } want[] = {{0, 8, 8, "bert.embeddings.word_embeddings"},
                {1, 8, 8, "bert.encoder.layer.0.attention.self.query"},
                {4, 8, 8, "bert.encoder.layer.0.attention.self"},
                {14, 8, 8, "bert.encoder.layer.1.attention.output.dense"},
                {16, 8, 16, "bert.encoder.layer.1.intermediate.dense"},
                {17, 16, 8, "bert.encoder.layer.1.output.dense"},
                {18, 8, 8, "bert.encoder.layer.1.output"}};
    struct rig rig, *r = &rig;
    open_small(r);
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        const struct site *s = &r->m.sites[want[i].index];
        cr_expect_str_eq(s->module, want[i].module);
        cr_expect(s->in_features == want[i].in && s->out_features == want[i].out);
    }
    for (int i = 0; i < r->m.n_sites; i++) {
        const struct site *s = &r->m.sites[i];
        if (s->kind != SITE_LINEAR)
            continue;
        cr_expect_str_eq(s->weight->name, arena_printf(&r->a, "%s.weight", s->module));
        cr_expect_str_eq(s->bias->name, arena_printf(&r->a, "%s.bias", s->module));
        cr_expect(s->weight->layer == s->layer);
    }
    rig_close(r);
}

/* Puts one more row in front of every sequence: state is that row. */
static struct tensor *prepend(void *state, struct forward *f, const struct site *s,
                              struct tensor *x, struct tensor *y)
{
    (void)x;
    return s->kind == SITE_INPUT ? forward_prepend(f, state, y) : y;
}

Test(sites, a_prepended_word_is_a_word_in_front)
{
    static const int with_word[] = {3, 7, 21, 3, 40, 9, 11, 3, 8};
    static const int without[] = {7, 21, 40, 9, 11, 8};
    static const int offsets_with[] = {0, 3, 7, 9}, offsets_without[] = {0, 2, 5, 6};
    struct rig rig, *r = &rig;
    open_small(r);
    const struct param *words = params_find(&r->m.params, "bert.embeddings.word_embeddings.weight");
    struct tensor third = {.rows = 1, .cols = 8, .data = words->t.data + 3 * 8};
    const struct batch longer = {
        .n_seq = 3, .n_tok = 9, .offsets = offsets_with, .input_ids = with_word};
    const struct batch shorter = {
        .n_seq = 3, .n_tok = 6, .offsets = offsets_without, .input_ids = without};
    const struct hooks hooks = {.state = &third, .after = prepend};
    float want[9];
    memcpy(want, logits_with(r, &longer, NULL), sizeof want);
    cr_expect(memcmp(logits_with(r, &shorter, &hooks), want, sizeof want) == 0);

    /* Types of what was put in front are 0; the others stay with their words. */
    static const int types_with[] = {0, 1, 0, 0, 1, 1, 1, 0, 1},
                     types_without[] = {1, 0, 1, 1, 1, 1};
    const struct batch longer_typed = {.n_seq = 3,
                                       .n_tok = 9,
                                       .offsets = offsets_with,
                                       .input_ids = with_word,
                                       .token_type_ids = types_with};
    const struct batch shorter_typed = {.n_seq = 3,
                                        .n_tok = 6,
                                        .offsets = offsets_without,
                                        .input_ids = without,
                                        .token_type_ids = types_without};
    memcpy(want, logits_with(r, &longer_typed, NULL), sizeof want);
    cr_expect(memcmp(logits_with(r, &shorter_typed, &hooks), want, sizeof want) == 0);
    rig_close(r);
}

static struct tensor *shift_positions(void *state, struct forward *f, const struct site *s,
                                      struct tensor *x, struct tensor *y)
{
    (void)x;
    if (s->kind == SITE_INPUT)
        f->position_start = *(int *)state;
    return y;
}

Test(sites, positions_can_start_later)
{
    static const int offsets[] = {0, 4, 6};
    static const int ids[] = {7, 21, 40, 9, 11, 8};
    const struct batch b = {.n_seq = 2, .n_tok = 6, .offsets = offsets, .input_ids = ids};
    struct rig rig, *r = &rig;
    open_small(r);
    int start = 5;
    const struct hooks hooks = {.state = &start, .after = shift_positions};
    float shifted[6];
    memcpy(shifted, logits_with(r, &b, &hooks), sizeof shifted);
    cr_expect(memcmp(shifted, logits_with(r, &b, NULL), sizeof shifted) != 0);
    struct param *positions =
        params_find(&r->m.params, "bert.embeddings.position_embeddings.weight");
    memmove(positions->t.data, positions->t.data + 5 * 8, 7 * 8 * sizeof(float));
    cr_expect(memcmp(shifted, logits_with(r, &b, NULL), sizeof shifted) == 0);
    rig_close(r);
}

Test(sites, a_sequence_longer_than_the_positions_is_our_bug, .signal = SIGABRT)
{
    static const int too_long[] = {13};
    struct rig rig, *r = &rig;
    open_small(r);
    cr_assert(model_max_tokens(&r->m) == 12);
    rig_batch(r, too_long, 1, 1);
    logits_with(r, &r->batch, NULL);
}

/* --- parameters --------------------------------------------------------------- */

Test(params, initial_values_are_those_of_bert_and_depend_on_seed_and_name_only)
{
    struct rig rig, *r = &rig, other;
    open_small(r);
    rig_random(&other, small, 0);
    rig_train(&other, true);
    params_allocate(&other.m.params, true);
    params_init_missing(&other.m.params, 3);
    for (int i = 0; i < r->m.params.n; i++) {
        const struct param *p = r->m.params.items[i], *q = other.m.params.items[i];
        size_t n = param_size(p);
        cr_expect(memcmp(p->t.data, q->t.data, n * sizeof(float)) == 0, "%s", p->name);
        double sum = 0, squares = 0;
        for (size_t k = 0; k < n; k++) {
            sum += p->t.data[k];
            squares += (double)p->t.data[k] * p->t.data[k];
        }
        if (p->role == PARAM_NORM) {
            cr_expect(sum == (double)n && squares == (double)n, "%s", p->name);
        } else if (p->role == PARAM_BIAS || p->role == PARAM_NORM_BIAS) {
            cr_expect(squares == 0, "%s", p->name);
        } else {
            /* 4 standard errors of mean and of variance. */
            cr_expect(fabs(sum / (double)n) < 4 * 0.3 / sqrt((double)n), "%s", p->name);
            cr_expect(fabs(squares / (double)n / 0.09 - 1) < 4 * sqrt(2.0 / (double)n) + 0.02, "%s",
                      p->name);
        }
    }
    const float *words = r->m.params.items[0]->t.data;
    for (int k = 0; k < 8; k++)
        cr_expect(words[k] == 0 && words[8 + k] != 0, "the padding's row, and no other, is zero");
    float first = words[8];
    rig_close(r);
    rig_close(&other);
    rig_random(&other, small, 0);
    params_allocate(&other.m.params, false);
    params_init_missing(&other.m.params, 4);
    cr_expect(other.m.params.items[0]->t.data[8] != first, "another seed, other values");
    rig_close(&other);
}

Test(params, a_rate_of_its_own_is_a_slice_of_its_own)
{
    struct rig rig, *r = &rig;
    rig_random(r, small, 0);
    struct params *p = &r->m.params;
    rig_train(r, true);
    struct param *one = params_find(p, "bert.encoder.layer.0.attention.self.query.weight");
    one->lr_scale = 4;
    params_allocate(p, true);
    size_t scaled = 0;
    for (int i = 0; i < p->adam.n_slices; i++) {
        const struct adamw_slice *s = &p->adam.slices[i];
        if (s->lr_scale == 1)
            continue;
        cr_expect(s->lr_scale == 4 && p->adam.param + s->start == one->t.data);
        scaled += s->n;
    }
    cr_expect(scaled == param_size(one));
    rig_close(r);
}

Test(params, slices_follow_roles_and_cover_the_block)
{
    struct rig rig, *r = &rig;
    rig_random(r, small, 0);
    struct params *p = &r->m.params;
    rig_train(r, true);
    params_find(p, "bert.pooler.dense.weight")->trainable = false;
    params_allocate(p, true);
    cr_expect(p->n_train == params_trainable(p) && p->n_train == params_total(p) - 64);
    size_t at = 0;
    for (int i = 0; i < p->adam.n_slices; i++) {
        const struct adamw_slice *s = &p->adam.slices[i];
        cr_expect(s->start == at && s->n > 0 && s->lr_scale == 1);
        cr_expect(i == 0 || s->decays != s[-1].decays || s->row_state || s[-1].row_state,
                  "neighbours alike are one, but for tables");
        at += s->n;
    }
    cr_expect(at == p->n_train);
    for (int i = 0; i < p->n; i++) {
        const struct param *one = p->items[i];
        bool in_block = one->t.data >= p->adam.param && one->t.data < p->adam.param + p->n_train;
        cr_expect(in_block == one->trainable && one->t.needs_grad == one->trainable);
        if (!in_block)
            continue;
        size_t where = (size_t)(one->t.data - p->adam.param);
        cr_expect(one->t.grad == p->adam.grad + where);
        int k = 0;
        while (p->adam.slices[k].start + p->adam.slices[k].n <= where)
            k++;
        bool is_table = one->role == PARAM_WEIGHT || one->role == PARAM_EMBEDDING;
        cr_expect(p->adam.slices[k].decays == is_table, "%s", one->name);
    }
    rig_close(r);
}

Test(params, a_name_twice_is_our_bug, .signal = SIGABRT)
{
    struct rig rig, *r = &rig;
    rig_random(r, small, 0);
    struct param again = {.name = "classifier.bias", .rows = 1, .cols = 3, .n_dims = 1};
    params_add(&r->m.params, &again);
}
