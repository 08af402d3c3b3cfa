/* What the engine promises as a whole: memory known from a dry run, nothing
 * allocated after the first step, no cost for what is frozen, dropout that is
 * fair, and the same bits from every build. */
#include "harness/base/hash.h"
#include "harness/base/rng.h"
#include "models/tensor/ops.h"
#include "models/tensor/optimizer.h"

#include <criterion/criterion.h>
#include <malloc.h>
#include <math.h>
#include <string.h>

enum { WIDTH = 24, HIDDEN = 48, VOCABULARY = 50, CLASSES = 3, N_TOK = 30, N_SEQ = 3 };
enum { RECORDS_BYTES = 1 << 16, MAX_PARAMS = 16 };

static const int offsets[] = {0, 1, 9, N_TOK};
static const int labels[] = {2, 0, 1};

/* A small encoder block, embedding to loss, with one flat block of parameters. */
struct net {
    struct tensor params[MAX_PARAMS];
    int n_params;
    size_t n_values;
    float *blocks; /* [4, n_values] values, gradients, both moments */
    int ids[N_TOK];
};

enum { TABLE, GAMMA, BETA, Q, K, V, O, IN, IN_BIAS, OUT, HEAD, HEAD_BIAS, N_PARAMS };
static const int shapes[N_PARAMS][2] = {{VOCABULARY, WIDTH}, {1, WIDTH},       {1, WIDTH},
                                        {WIDTH, WIDTH},      {WIDTH, WIDTH},   {WIDTH, WIDTH},
                                        {WIDTH, WIDTH},      {HIDDEN, WIDTH},  {1, HIDDEN},
                                        {WIDTH, HIDDEN},     {CLASSES, WIDTH}, {1, CLASSES}};

/* Parameters from first_trainable on train; below they are frozen. */
static void net_init(struct net *n, int first_trainable)
{
    memset(n, 0, sizeof *n);
    for (int i = 0; i < N_PARAMS; i++)
        n->n_values += (size_t)(shapes[i][0] * shapes[i][1]);
    n->blocks = calloc(4 * n->n_values, sizeof *n->blocks);
    size_t at = 0;
    for (int i = 0; i < N_PARAMS; i++) {
        bool trains = i >= first_trainable;
        struct rng place = {1, RNG_INIT, 0, (uint32_t)i};
        struct tensor *p = &n->params[i];
        *p = (struct tensor){.rows = shapes[i][0],
                             .cols = shapes[i][1],
                             .data = n->blocks + at,
                             .grad = trains ? n->blocks + n->n_values + at : NULL,
                             .needs_grad = trains,
                             .is_param = true};
        for (int k = 0; k < p->rows * p->cols; k++)
            p->data[k] = i == GAMMA ? 1 : 0.2f * rng_normal(&place, (uint64_t)k);
        at += (size_t)(p->rows * p->cols);
    }
    for (int i = 0; i < N_TOK; i++)
        n->ids[i] = (i * 7) % VOCABULARY;
}

static struct tensor *net_loss(struct net *n, struct tape *t)
{
    struct tensor *p = n->params;
    struct tensor *x = op_embedding(t, &p[TABLE], n->ids, N_TOK);
    x = op_layer_norm(t, x, &p[GAMMA], &p[BETA], 1e-5f);
    x = op_dropout(t, x, 0.1f, RNG_DROPOUT, 1);
    struct attention a = {.q = op_linear(t, x, &p[Q], NULL),
                          .k = op_linear(t, x, &p[K], NULL),
                          .v = op_linear(t, x, &p[V], NULL),
                          .q_offsets = offsets,
                          .k_offsets = offsets,
                          .n_seq = N_SEQ,
                          .n_heads = 2,
                          .scale = 0.3f,
                          .dropout = 0.1f,
                          .site = 2};
    struct tensor *y = op_linear(t, op_attention(t, &a), &p[O], NULL);
    x = op_add(t, op_dropout(t, y, 0.1f, RNG_DROPOUT, 3), x);
    y = op_act(t, op_linear(t, x, &p[IN], &p[IN_BIAS]), ACT_GELU);
    x = op_add(t, op_linear(t, y, &p[OUT], NULL), x);
    struct tensor *logits =
        op_linear(t, op_mean_rows(t, x, offsets, N_SEQ), &p[HEAD], &p[HEAD_BIAS]);
    return op_cross_entropy(t, logits, labels, 1.0f / N_SEQ);
}

static double net_step(struct net *n, struct tape *t, bool training, uint32_t step)
{
    tape_begin(t, training, 9, step);
    struct tensor *loss = net_loss(n, t);
    double value = t->dry ? 0 : loss->data[0];
    if (training)
        tape_backward(t, loss, 1);
    return value;
}

static size_t dry_peak(struct net *n, bool training)
{
    struct slab slab;
    struct tape t;
    slab_init_dry(&slab);
    tape_init(&t, &slab, RECORDS_BYTES);
    net_step(n, &t, training, 0);
    size_t peak = slab.peak_bytes;
    tape_release(&t);
    slab_release(&slab);
    return peak;
}

static size_t real_peak(struct net *n, bool training, size_t capacity_bytes)
{
    struct slab slab;
    struct tape t;
    slab_init(&slab, capacity_bytes);
    tape_init(&t, &slab, RECORDS_BYTES);
    net_step(n, &t, training, 0);
    size_t peak = slab.peak_bytes;
    tape_release(&t);
    slab_release(&slab);
    return peak;
}

Test(tape, dry_run_measures_the_real_need)
{
    for (int first = 0; first <= N_PARAMS; first += 3)
        for (int training = 0; training < 2; training++) {
            struct net n;
            net_init(&n, first);
            size_t need = dry_peak(&n, training);
            cr_expect_gt(need, 0);
            cr_expect_eq(real_peak(&n, training, need), need); /* a byte less would assert */
            free(n.blocks);
        }
}

Test(tape, dry_run_needs_no_values)
{
    struct net n;
    net_init(&n, 0);
    size_t need = dry_peak(&n, true);
    for (int i = 0; i < N_PARAMS; i++)
        n.params[i].data = n.params[i].grad = NULL;
    cr_expect_eq(dry_peak(&n, true), need);
    free(n.blocks);
}

Test(tape, freezing_saves_memory_at_every_height)
{
    size_t last = SIZE_MAX;
    static const int heights[] = {TABLE, GAMMA, IN, HEAD, N_PARAMS};
    for (int i = 0; i < 5; i++) {
        struct net n;
        net_init(&n, heights[i]);
        size_t need = dry_peak(&n, true);
        cr_expect(i == 1 ? need <= last : need < last, "from %d on: %zu, before %zu", heights[i],
                  need, last);
        last = need;
        free(n.blocks);
    }
}

Test(tape, records_end_at_the_lowest_trainable)
{
    struct net n;
    net_init(&n, HEAD);
    struct slab slab;
    struct tape t;
    slab_init(&slab, 1 << 20);
    tape_init(&t, &slab, RECORDS_BYTES);
    tape_begin(&t, true, 9, 0);
    struct tensor *loss = net_loss(&n, &t);
    int n_records = 0;
    for (struct tape_record *r = t.last; r != NULL; r = r->before)
        n_records++;
    cr_expect_eq(n_records, 2, "the head and the loss, not %d", n_records);
    tape_backward(&t, loss, 1);
    cr_expect_neq(n.params[HEAD].grad[0], 0);
    tape_release(&t);
    slab_release(&slab);
    free(n.blocks);
}

static struct adamw_slice everything(size_t n)
{
    return (struct adamw_slice){.n = n, .decays = 1, .lr_scale = 1};
}

Test(tape, nothing_is_allocated_after_the_first_step)
{
    struct net n;
    net_init(&n, 0);
    struct slab slab;
    struct tape t;
    slab_init(&slab, dry_peak(&n, true));
    tape_init(&t, &slab, RECORDS_BYTES);
    struct adamw_slice slice = everything(n.n_values);
    struct adamw_state s = {n.blocks,
                            n.blocks + n.n_values,
                            n.blocks + 2 * n.n_values,
                            n.blocks + 3 * n.n_values,
                            &slice,
                            1};
    struct adamw o = {0.9f, 0.999f, 1e-8f, 0};
    struct mallinfo2 after_first = {0};
    double first = 0, loss = 0;
    for (uint32_t step = 0; step < 60; step++) {
        loss = net_step(&n, &t, true, step);
        adamw_step(&o, &s, step + 1, 1e-2, clip_scale(grad_norm(&s, NULL), 1), NULL);
        if (step == 0) {
            first = loss;
            after_first = mallinfo2();
        }
    }
    struct mallinfo2 now = mallinfo2();
    cr_expect_eq(now.uordblks + now.hblkhd, after_first.uordblks + after_first.hblkhd);
    cr_expect_lt(loss, 0.2 * first, "three examples are learned by heart: %g to %g", first, loss);
    tape_release(&t);
    slab_release(&slab);
    free(n.blocks);
}

Test(tape, gradients_of_micro_batches_add_up)
{
    struct net n;
    net_init(&n, 0);
    struct slab slab;
    struct tape t;
    slab_init(&slab, dry_peak(&n, true));
    tape_init(&t, &slab, RECORDS_BYTES);
    net_step(&n, &t, true, 3);
    float *once = malloc(n.n_values * sizeof *once);
    memcpy(once, n.blocks + n.n_values, n.n_values * sizeof *once);
    net_step(&n, &t, true, 3);
    double worst = 0;
    for (size_t i = 0; i < n.n_values; i++)
        worst = fmax(worst, fabs(n.blocks[n.n_values + i] - 2 * once[i]));
    cr_expect_lt(worst, 1e-6);
    free(once);
    tape_release(&t);
    slab_release(&slab);
    free(n.blocks);
}

/* n_layers times gelu(x Q), collapsing after each; the first value of the result. */
static float deep(struct net *n, struct tape *t, bool training, int n_layers)
{
    tape_begin(t, training, 1, 1);
    struct tape_mark start = tape_mark(t);
    struct tensor *x = op_embedding(t, &n->params[GAMMA], (int[N_TOK]){0}, N_TOK);
    for (int l = 0; l < n_layers; l++) {
        x = op_act(t, op_linear(t, x, &n->params[Q], NULL), ACT_GELU);
        tape_collapse(t, start, x);
    }
    if (training)
        tape_backward(t, op_cross_entropy(t, op_mean_rows(t, x, offsets, N_SEQ), labels, 1), 1);
    return t->dry ? 0 : x->data[0];
}

Test(tape, collapses_what_no_backward_remembers)
{
    struct net frozen, trained;
    net_init(&frozen, N_PARAMS);
    net_init(&trained, Q);
    size_t peaks[2][2];
    for (int dry = 0; dry < 2; dry++)
        for (int deeper = 0; deeper < 2; deeper++) {
            struct slab slab;
            struct tape t;
            if (dry)
                slab_init_dry(&slab);
            else
                slab_init(&slab, 1 << 20);
            tape_init(&t, &slab, RECORDS_BYTES);
            float value = deep(&frozen, &t, true, deeper ? 9 : 3);
            peaks[dry][deeper] = slab.peak_bytes;
            float same = deep(&trained, &t, true, deeper ? 9 : 3); /* collapses nothing */
            cr_expect_eq(value, same);
            cr_expect_gt(slab.peak_bytes, 2 * peaks[dry][deeper]);
            tape_release(&t);
            slab_release(&slab);
        }
    cr_expect_eq(peaks[0][0], peaks[0][1], "depth costs nothing");
    cr_expect_eq(peaks[0][0], peaks[1][0], "dry knows");
    cr_expect_eq(peaks[1][0], peaks[1][1]);
    free(frozen.blocks);
    free(trained.blocks);
}

/* Steps that only their words outlive: the second takes no room beyond the first's. */
Test(tape, rewinds_to_a_mark)
{
    struct slab slab;
    struct tape t;
    slab_init(&slab, 1 << 16);
    tape_init(&t, &slab, RECORDS_BYTES);
    tape_begin(&t, false, 0, 0);
    struct tensor *kept = tape_tensor(&t, 3, 5, false);
    kept->data[14] = 7;
    struct tape_mark start = tape_mark(&t);
    size_t peak = 0, records = t.records_used;
    for (int step = 0; step < 4; step++) {
        int *ids = tape_ints(&t, 100);
        struct tensor *x = op_scale(&t, tape_tensor(&t, 20, 20, false), 2);
        cr_expect(ids[99] == 0 && x->rows == 20);
        tape_rewind(&t, start);
        cr_expect(step == 0 || peak == slab.peak_bytes);
        cr_expect_eq(t.records_used, records);
        peak = slab.peak_bytes;
    }
    cr_expect(kept->data[14] == 7);
    tape_release(&t);
    slab_release(&slab);
}

/* --- slab -------------------------------------------------------------------------- */

Test(slab, hands_out_aligned_and_reuses_exact_sizes)
{
    struct slab s;
    slab_init(&s, 4096);
    char *a = slab_alloc(&s, 100), *b = slab_alloc(&s, 1), *c = slab_alloc(&s, 64);
    cr_expect_eq((uintptr_t)a % 64, 0);
    cr_expect_eq(b - a, 128);
    cr_expect_eq(c - b, 64);
    slab_give_back(&s, a, 100);
    cr_expect_neq(slab_alloc(&s, 64), a, "another size");
    cr_expect_eq(slab_alloc(&s, 128), a, "the same after rounding");
    size_t used = s.used_bytes;
    char *front = slab_alloc(&s, 500);
    slab_give_back(&s, front, 500);
    cr_expect_eq(s.used_bytes, used, "the newest block moves the front back");
    slab_reset(&s);
    cr_expect_eq(slab_alloc(&s, 4096), a);
    slab_release(&s);
}

/* --- dropout ----------------------------------------------------------------------- */

enum { MANY = 1 << 18 };

/* Dropout of ones: n values after op_dropout at (seed 5, step) and site. */
static void drop_ones(float *out, float p, int stream, uint32_t step, uint32_t site)
{
    struct slab slab;
    struct tape t;
    slab_init(&slab, 8 * MANY);
    tape_init(&t, &slab, RECORDS_BYTES);
    tape_begin(&t, true, 5, step);
    struct tensor *x = tape_tensor(&t, MANY / 64, 64, false);
    for (int i = 0; i < MANY; i++)
        x->data[i] = 1;
    memcpy(out, op_dropout(&t, x, p, stream, site)->data, MANY * sizeof *out);
    tape_release(&t);
    slab_release(&slab);
}

Test(dropout, keeps_expectation_and_variance)
{
    static float y[MANY];
    static const float rates[] = {0.01f, 0.1f, 0.5f, 0.9f};
    for (int r = 0; r < 4; r++) {
        double p = rates[r], sum = 0, squares = 0, scale = 1 / (1 - p);
        drop_ones(y, rates[r], RNG_DROPOUT, 0, 0);
        for (int i = 0; i < MANY; i++) {
            cr_assert(y[i] == 0 || fabs(y[i] - scale) < 1e-6 * scale);
            sum += y[i];
            squares += (y[i] - 1.0) * (y[i] - 1.0);
        }
        double variance = p / (1 - p); /* of one value; mean within 4 standard errors */
        cr_expect_float_eq(sum / MANY, 1, 4 * sqrt(variance / MANY), "p %g", p);
        double kept = sum / scale / MANY, want = kept * (scale - 1) * (scale - 1) + 1 - kept;
        cr_expect_float_eq(squares / MANY, want, 1e-5 * fmax(1, want));
    }
}

Test(dropout, masks_of_places_are_independent)
{
    static float a[MANY], b[MANY];
    drop_ones(a, 0.5f, RNG_DROPOUT, 3, 7);
    static const struct {
        int stream;
        uint32_t step, site;
    } places[] = {
        {RNG_DROPOUT, 3, 7}, {RNG_DROPOUT, 4, 7}, {RNG_DROPOUT, 3, 8}, {RNG_METHOD, 3, 7}};
    for (int r = 0; r < 4; r++) {
        drop_ones(b, 0.5f, places[r].stream, places[r].step, places[r].site);
        double together = 0;
        for (int i = 0; i < MANY; i++)
            together += (a[i] - 1) * (b[i] - 1) / MANY;
        cr_expect_float_eq(together, r == 0 ? 1 : 0, 4 / sqrt(MANY), "place %d: %g", r, together);
    }
}

Test(dropout, is_nothing_when_it_should_be)
{
    struct slab slab;
    struct tape t;
    slab_init(&slab, 4096);
    tape_init(&t, &slab, RECORDS_BYTES);
    tape_begin(&t, true, 5, 0);
    struct tensor *x = tape_tensor(&t, 2, 2, true);
    cr_expect_eq(op_dropout(&t, x, 0, RNG_DROPOUT, 0), x);
    tape_begin(&t, false, 5, 0);
    x = tape_tensor(&t, 2, 2, true);
    cr_expect_eq(op_dropout(&t, x, 0.5f, RNG_DROPOUT, 0), x);
    tape_release(&t);
    slab_release(&slab);
}

/* --- bits ---------------------------------------------------------------------------- */

/* Everything but the library's products: forward, backward and an update. */
Test(tape, has_the_same_bits_everywhere)
{
    struct net n;
    net_init(&n, 0);
    struct slab slab;
    struct tape t;
    slab_init(&slab, 1 << 20);
    tape_init(&t, &slab, RECORDS_BYTES);
    for (uint32_t step = 0; step < 3; step++) {
        tape_begin(&t, true, 9, step);
        struct tensor *x = op_embedding(&t, &n.params[TABLE], n.ids, N_TOK);
        x = op_layer_norm(&t, x, &n.params[GAMMA], &n.params[BETA], 1e-5f);
        for (int act = 0; act < ACT_COUNT; act++)
            x = op_add(&t, op_act(&t, op_dropout(&t, x, 0.1f, RNG_DROPOUT, 1), (enum act)act), x);
        x = op_scale_columns(&t, op_scale(&t, x, 0.3f), &n.params[BETA]);
        x = op_prepend(&t, &n.params[GAMMA], x, offsets, N_SEQ);
        static const int longer[] = {0, 2, 11, N_TOK + N_SEQ};
        x = op_mean_rows(&t, x, longer, N_SEQ);
        tape_backward(&t, op_cross_entropy(&t, x, labels, 0.5f), 1);
        struct adamw_slice slice = everything(n.n_values);
        struct adamw_state s = {n.blocks,
                                n.blocks + n.n_values,
                                n.blocks + 2 * n.n_values,
                                n.blocks + 3 * n.n_values,
                                &slice,
                                1};
        adamw_step(&(struct adamw){0.9f, 0.999f, 1e-8f, 0.01f}, &s, step + 1, 1e-2,
                   clip_scale(grad_norm(&s, NULL), 1), NULL);
    }
    char hex[HASH_HEX_SIZE];
    hash_bytes(hex, n.blocks, 4 * n.n_values * sizeof *n.blocks);
    cr_expect_str_eq(hex, "3fab61ebe81e5a08b633e1e22cc519d0fb28bb02808be4da1dd91e0d8cc5dd74");
    tape_release(&t);
    slab_release(&slab);
    free(n.blocks);
}

/* The ops of T5 that no product of the library stands in: the gradients that reach the table. */
Test(tape, has_the_same_bits_everywhere_with_the_norms_and_gates_of_t5)
{
    struct net n;
    net_init(&n, 0);
    struct slab slab;
    struct tape t;
    slab_init(&slab, 1 << 20);
    tape_init(&t, &slab, RECORDS_BYTES);
    tape_begin(&t, true, 9, 0);
    struct tensor *x = op_embedding(&t, &n.params[TABLE], n.ids, N_TOK);
    struct tensor *y = op_rms_norm(&t, x, &n.params[GAMMA], 1e-6f);
    for (int act = 0; act < ACT_COUNT; act++)
        y = op_add(&t, op_gated_act(&t, y, op_scale(&t, x, 0.7f), (enum act)act), x);
    y = op_mean_rows(&t, op_rms_norm(&t, y, &n.params[BETA], 1e-6f), offsets, N_SEQ);
    tape_backward(&t, op_cross_entropy(&t, y, labels, 0.5f), 1);
    char hex[HASH_HEX_SIZE];
    hash_bytes(hex, n.blocks + n.n_values, n.n_values * sizeof *n.blocks);
    cr_expect_str_eq(hex, "f7c0dc060e7b73c1f1494d9393dd70c37f9d0bb5435a201a2aaa2186fbb6d457");
    tape_release(&t);
    slab_release(&slab);
    free(n.blocks);
}
