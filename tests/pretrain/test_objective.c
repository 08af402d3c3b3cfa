/* What is hidden of a stretch can be put back, and the shares are those promised. */
#include "harness/base/file.h"
#include "harness/base/rng.h"
#include "pretrain/objective.h"
#include "tests/pretrain/fixture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PIECES = 254, MAX_TOK = 600, MAX_SEQ = 16, N_STRETCHES = 508 };

/* Random pieces in stretches of every length, each twice. */
struct rig {
    struct arena arena;
    struct tokenizer *tokenizer;
    struct objective o;
    struct objective_packer packer;
    struct stretches text;
};

static void rig_init(struct rig *g, enum objective_kind kind)
{
    *g = (struct rig){0};
    struct err e = {0};
    g->tokenizer = open_tokenizer(kind == OBJECTIVE_MASKED ? WORDPIECE : UNIGRAM);
    g->o = (struct objective){.kind = kind,
                              .tokenizer = g->tokenizer,
                              .max_pieces = MAX_PIECES,
                              .share = 0.15,
                              .mean_noise_span_length = 3,
                              .seed = 7};
    cr_assert_eq(objective_init(&g->o, &g->arena, &e), 0, "%s", e.text);
    objective_packer_init(&g->packer, MAX_TOK, MAX_SEQ, &g->arena);
    struct stretches *s = &g->text;
    s->n = N_STRETCHES;
    s->offsets = arena_array(&g->arena, N_STRETCHES + 1, sizeof *s->offsets);
    s->length_tok = arena_array(&g->arena, N_STRETCHES, sizeof *s->length_tok);
    for (int i = 0; i < N_STRETCHES; i++) {
        s->length_tok[i] = 1 + i % MAX_PIECES;
        s->offsets[i + 1] = s->offsets[i] + s->length_tok[i];
    }
    s->ids = arena_array(&g->arena, (size_t)s->offsets[s->n], sizeof *s->ids);
    const struct rng r = {3, RNG_SPLIT, 0, 0};
    for (int i = 0; i < (int)s->offsets[s->n]; i++) {
        /* Unigram: any piece behind the special ones and before the sentinels. */
        int n = kind == OBJECTIVE_MASKED ? g->o.n_ordinary : tokenizer_n_vocab(g->tokenizer) - 110;
        int k = (int)rng_below(&r, (uint64_t)i, (uint32_t)n);
        s->ids[i] = kind == OBJECTIVE_MASKED ? g->o.ordinary[k] : k + 5;
    }
}

static void rig_release(struct rig *g)
{
    tokenizer_free(g->tokenizer);
    arena_release(&g->arena);
}

static const int *pieces_of(const struct rig *g, int row)
{
    return g->text.ids + g->text.offsets[row];
}

static struct batch batch_of(struct rig *g, int row, uint32_t epoch)
{
    return objective_batch(&g->packer, &g->o, &g->text, &row, 1, epoch);
}

/* A count of n draws of chance p is where it should be; chance alone would put one in 16,000
 * farther out, and the draws are the same every time. */
static void expect_share(long count, long n, double p)
{
    double sigma = sqrt((double)n * p * (1 - p));
    cr_assert(fabs((double)count - (double)n * p) < 4 * sigma, "%ld of %ld, not %g", count, n, p);
}

/* --- masked words --------------------------------------------------------- */

/* Puts back what b hides of the only stretch, and checks what must hold of it. */
static void check_masked(const struct rig *g, const struct batch *b, int row)
{
    const struct tokenizer_special *special = tokenizer_special(g->tokenizer);
    const int *pieces = pieces_of(g, row);
    int n = g->text.length_tok[row], next = 0;
    cr_assert_eq(b->n_seq, 1);
    cr_assert_eq(b->n_tok, n + 2);
    cr_assert_eq(b->n_tok, objective_cost(&g->o, n));
    cr_assert_eq(b->offsets[1], n + 2);
    cr_assert_eq(b->input_ids[0], special->cls);
    cr_assert_eq(b->input_ids[n + 1], special->sep);
    cr_assert(b->n_masked >= 1);
    bool was = false;
    for (int i = 0; i < n; i++) {
        bool is = next < b->n_masked && b->masked_rows[next] == i + 1;
        cr_assert_eq(is ? b->masked_ids[next++] : b->input_ids[i + 1], pieces[i]);
        if (i > 0 && g->o.continues[pieces[i]])
            cr_assert_eq(is, was, "a word is split");
        was = is;
    }
    cr_assert_eq(next, b->n_masked);
}

Test(objective, masked_words_can_be_put_back)
{
    struct rig g;
    rig_init(&g, OBJECTIVE_MASKED);
    long n_masked = 0, n_wanted = 0;
    for (int row = 0; row < N_STRETCHES; row++) {
        struct batch b = batch_of(&g, row, 0);
        check_masked(&g, &b, row);
        cr_assert_eq(b.n_target, 0);
        n_masked += b.n_masked;
        n_wanted += objective_n_hidden(&g.o, g.text.length_tok[row]);
        if (g.text.length_tok[row] > 100) /* some word of it always fits */
            cr_assert_eq(b.n_masked, objective_n_hidden(&g.o, g.text.length_tok[row]));
    }
    long n = g.text.offsets[N_STRETCHES];
    cr_assert(labs(n_masked - n_wanted) < n_wanted / 100);
    /* Rounding takes at most a half each way and a token where the share is less. */
    cr_assert(fabs((double)n_masked / (double)n - 0.15) < 0.002);
    rig_release(&g);
}

/* And which are hidden tells nothing of what they are shown as. */
Test(objective, every_token_has_the_same_chance)
{
    enum { N = 100, EPOCHS = 16000 };
    struct rig g;
    rig_init(&g, OBJECTIVE_MASKED);
    long n_last = 0, n_kept = 0; /* batches that hide the last token; that show the first hidden */
    int counts[N] = {0}, word = tokenizer_id(g.tokenizer, "the");
    for (int i = 0; i < N; i++)
        g.text.ids[g.text.offsets[N - 1] + i] = word;
    for (uint32_t epoch = 0; epoch < EPOCHS; epoch++) {
        struct batch b = batch_of(&g, N - 1, epoch);
        cr_assert_eq(b.n_masked, 15);
        for (int i = 0; i < b.n_masked; i++)
            counts[b.masked_rows[i] - 1]++;
        if (b.masked_rows[14] == N) {
            n_last++;
            n_kept += b.input_ids[b.masked_rows[0]] == word;
        }
    }
    expect_share(n_kept, n_last, 0.1 + 0.1 / g.o.n_ordinary);
    for (int i = 0; i < N; i++)
        expect_share(counts[i], EPOCHS, 0.15);
    rig_release(&g);
}

Test(objective, eighty_ten_ten)
{
    struct rig g;
    rig_init(&g, OBJECTIVE_MASKED);
    const struct tokenizer_special *special = tokenizer_special(g.tokenizer);
    int *drawn = calloc((size_t)tokenizer_n_vocab(g.tokenizer), sizeof *drawn);
    long n = 0, n_mask = 0, n_kept = 0, n_random = 0;
    for (uint32_t epoch = 0; epoch < 12; epoch++) {
        for (int row = 0; row < N_STRETCHES; row++) {
            struct batch b = batch_of(&g, row, epoch);
            for (int i = 0; i < b.n_masked; i++, n++) {
                int shown = b.input_ids[b.masked_rows[i]];
                n_mask += shown == special->mask;
                n_kept += shown == b.masked_ids[i];
                if (shown == special->mask || shown == b.masked_ids[i])
                    continue;
                n_random++;
                drawn[shown]++;
            }
        }
    }
    double same = 0.1 / g.o.n_ordinary; /* a random piece that happens to be the true one */
    expect_share(n_mask, n, 0.8);
    expect_share(n_kept, n, 0.1 + same);
    expect_share(n_random, n, 0.1 - same);
    int n_drawn = 0;
    for (int i = 0; i < g.o.n_ordinary; i++) {
        n_drawn += drawn[g.o.ordinary[i]] > 0;
        n_random -= drawn[g.o.ordinary[i]];
        cr_assert_lt(drawn[g.o.ordinary[i]], 30); /* the mean is about 7 */
    }
    cr_assert_eq(n_random, 0, "a special piece was drawn");
    cr_assert_gt(n_drawn, g.o.n_ordinary * 98 / 100); /* all but e^-7 */
    free(drawn);
    rig_release(&g);
}

/* Stretch row becomes n pieces: a word, and pieces that go on with it where marked. */
static void write_words(struct rig *g, int row, const char *shape)
{
    int n = (int)strlen(shape);
    for (int i = 0; i < n; i++) {
        const char *piece = shape[i] == 'w' ? "the" : "##s";
        g->text.ids[g->text.offsets[row] + i] = tokenizer_id(g->tokenizer, piece);
    }
    g->text.length_tok[row] = n;
}

Test(objective, words_longer_than_the_share)
{
    struct rig g;
    rig_init(&g, OBJECTIVE_MASKED);
    /* Nothing but one word, which a stretch may also begin within; two that are too long. */
    static const char *const shapes[] = {"w", "w+", "+++++", "w+++++++++", "w++w++"};
    static const int masked[] = {1, 2, 5, 10, 3};
    for (uint32_t epoch = 0; epoch < 20; epoch++) {
        for (int i = 0; i < 5; i++) {
            write_words(&g, 250, shapes[i]);
            struct batch b = batch_of(&g, 250, epoch);
            check_masked(&g, &b, 250);
            cr_assert_eq(b.n_masked, masked[i]);
        }
        write_words(&g, 250, "w+++++++w+"); /* a share of two: the long word is passed over */
        struct batch b = batch_of(&g, 250, epoch);
        cr_assert_eq(b.n_masked, 2);
        cr_assert_eq(b.masked_rows[0], 9);
    }
    rig_release(&g);
}

/* --- corrupted spans ------------------------------------------------------ */

/* Puts target target back into sequence target of b: the pieces to out, their number. Lengths of
 * what is shown before and what is hidden in each span go to lengths, in turn. */
static int restore(const struct rig *g, const struct batch *b, int target, int *out, int *lengths)
{
    const struct tokenizer_special *special = tokenizer_special(g->tokenizer);
    int at = b->target_offsets[target], end = b->target_offsets[target + 1] - 1, n = 0, span = 0;
    int shown = 0, last = b->offsets[target + 1] - 1;
    cr_assert_eq(b->target_ids[end], special->eos);
    cr_assert_eq(b->input_ids[last], special->eos);
    for (int i = b->offsets[target]; i < last; i++) {
        char sentinel[32];
        snprintf(sentinel, sizeof sentinel, "<extra_id_%d>", span);
        int id = tokenizer_id(g->tokenizer, sentinel);
        if (b->input_ids[i] != id) {
            out[n++] = b->input_ids[i];
            shown++;
            continue;
        }
        cr_assert_eq(b->target_ids[at++], id);
        snprintf(sentinel, sizeof sentinel, "<extra_id_%d>", span + 1);
        id = tokenizer_id(g->tokenizer, sentinel);
        lengths[2 * span] = shown;
        for (lengths[2 * span + 1] = 0; at < end && b->target_ids[at] != id; at++) {
            out[n++] = b->target_ids[at];
            lengths[2 * span + 1]++;
        }
        span++;
        shown = 0;
    }
    cr_assert_eq(at, end);
    cr_assert_eq(shown, 0, "a stretch ends in a span");
    lengths[2 * span] = -1;
    return n;
}

Test(objective, spans_can_be_put_back)
{
    struct rig g;
    rig_init(&g, OBJECTIVE_SPANS);
    for (int row = 0; row < N_STRETCHES; row++) {
        struct batch b = batch_of(&g, row, 0);
        int n = g.text.length_tok[row], out[MAX_TOK], lengths[MAX_TOK], hidden = 0, spans = 0;
        cr_assert_eq(b.n_masked, 0);
        cr_assert_eq(b.n_target, 1);
        cr_assert_eq(b.target_starts[1], 1);
        cr_assert_eq(b.n_tok + b.n_target_tok, objective_cost(&g.o, n));
        cr_assert_eq(restore(&g, &b, 0, out, lengths), n);
        cr_assert_arr_eq(out, pieces_of(&g, row), (size_t)n * sizeof *out);
        for (; lengths[2 * spans] >= 0; spans++) {
            cr_assert(lengths[2 * spans] >= 1 || n == 1, "two spans meet");
            cr_assert(lengths[2 * spans + 1] >= 1);
            hidden += lengths[2 * spans + 1];
        }
        cr_assert_eq(hidden, objective_n_hidden(&g.o, n));
        cr_assert_eq(spans, objective_n_spans(&g.o, n));
    }
    rig_release(&g);
}

Test(objective, t5s_numbers)
{
    struct objective o = {.kind = OBJECTIVE_SPANS};
    struct str golden = {0};
    struct err e = {0};
    cr_assert_eq(file_read(&golden, GOLDEN "spans", &e), 0, "%s", e.text);
    int lines = 0;
    for (char *line = golden.buf, *end; (end = strchr(line, '\n')); line = end + 1, lines++) {
        int n, n_hidden, n_spans;
        cr_assert_eq(sscanf(line, "%d %lf %lf %d %d", &n, &o.share, &o.mean_noise_span_length,
                            &n_hidden, &n_spans),
                     5);
        cr_assert_eq(objective_n_hidden(&o, n), n_hidden, "%d pieces", n);
        cr_assert_eq(objective_n_spans(&o, n), n_spans, "%d pieces", n);
    }
    cr_assert_eq(lines, 4 * 302);
    o.mean_noise_span_length = 1;
    for (int i = 1; i < 1000; i++) { /* what T5's authors do not provide for */
        o.share = i / 1000.0;
        for (int n = 2; n < 50; n++) {
            int n_hidden = objective_n_hidden(&o, n), n_spans = objective_n_spans(&o, n);
            cr_assert(n_hidden >= 1 && n_hidden < n);
            cr_assert(n_spans >= 1 && n_spans <= n_hidden && n_spans <= n - n_hidden);
        }
    }
    str_release(&golden);
}

Test(objective, every_way_to_lay_spans_is_as_likely)
{
    enum { N = 10, EPOCHS = 15000 };
    struct rig g;
    rig_init(&g, OBJECTIVE_SPANS);
    g.o.share = 0.4; /* four of ten in two spans: 3 ways for those, 5 for the other six */
    g.o.mean_noise_span_length = 2;
    int counts[6][4] = {{0}}, out[MAX_TOK], lengths[MAX_TOK];
    for (uint32_t epoch = 0; epoch < EPOCHS; epoch++) {
        struct batch b = batch_of(&g, N - 1, epoch);
        restore(&g, &b, 0, out, lengths);
        cr_assert_eq(lengths[4], -1);
        counts[lengths[0]][lengths[1]]++;
    }
    for (int shown = 1; shown <= 5; shown++) {
        for (int hidden = 1; hidden <= 3; hidden++)
            expect_share(counts[shown][hidden], EPOCHS, 1.0 / 15);
    }
    rig_release(&g);
}

/* Share and mean length at their limits. */
Test(objective, extreme_shares)
{
    static const double shares[] = {1e-9, 0.5, 0.999999}, means[] = {1, 3, 1e9};
    struct rig g;
    rig_init(&g, OBJECTIVE_SPANS);
    struct err e = {0};
    for (int k = 0; k < 9; k++) {
        g.o.max_pieces = 150; /* 75 spans at most, and there are a hundred sentinels */
        g.o.share = shares[k % 3];
        g.o.mean_noise_span_length = means[k / 3];
        cr_assert_eq(objective_init(&g.o, &g.arena, &e), 0, "%s", e.text);
        for (int row = 0; row < 150; row++) {
            struct batch b = batch_of(&g, row, 0);
            int out[MAX_TOK], lengths[MAX_TOK], n = g.text.length_tok[row];
            cr_assert_eq(restore(&g, &b, 0, out, lengths), n);
            cr_assert_arr_eq(out, pieces_of(&g, row), (size_t)n * sizeof *out);
        }
    }
    rig_release(&g);
}

/* --- continuations -------------------------------------------------------- */

/* How many pieces of its only stretch b shows; 0 where spans are hidden instead. */
static int check_cut(const struct rig *g, const struct batch *b, int row)
{
    int eos = tokenizer_special(g->tokenizer)->eos, n = g->text.length_tok[row];
    int n_shown = b->n_tok - 1, out[MAX_TOK], lengths[MAX_TOK];
    if (b->n_tok + b->n_target_tok > n + 2) {
        cr_assert_eq(restore(g, b, 0, out, lengths), n);
        return 0;
    }
    cr_assert(n_shown >= 1 && n_shown < n);
    cr_assert_eq(b->n_target, 1);
    cr_assert_eq(b->n_target_tok, n - n_shown + 1);
    cr_assert_eq(b->input_ids[n_shown], eos);
    cr_assert_eq(b->target_ids[n - n_shown], eos);
    cr_assert_arr_eq(b->input_ids, pieces_of(g, row), (size_t)n_shown * sizeof(int));
    cr_assert_arr_eq(b->target_ids, pieces_of(g, row) + n_shown,
                     (size_t)(n - n_shown) * sizeof(int));
    return n_shown;
}

Test(objective, cut_in_two_anywhere_as_often_as_asked)
{
    enum { N = 10, EPOCHS = 15000 };
    struct rig g;
    rig_init(&g, OBJECTIVE_SPANS);
    g.o.prefix_lm_share = 0.4;
    int counts[N] = {0};
    for (uint32_t epoch = 0; epoch < EPOCHS; epoch++) {
        struct batch b = batch_of(&g, N - 1, epoch);
        counts[check_cut(&g, &b, N - 1)]++;
    }
    expect_share(counts[0], EPOCHS, 0.6);
    for (int n_shown = 1; n_shown < N; n_shown++)
        expect_share(counts[n_shown], EPOCHS, 0.4 / (N - 1));
    g.o.prefix_lm_share = 1;
    for (int row = 0; row < N_STRETCHES; row++) { /* one piece cannot be cut */
        struct batch b = batch_of(&g, row, 0);
        cr_assert_eq(check_cut(&g, &b, row) == 0, g.text.length_tok[row] == 1);
    }
    rig_release(&g);
}

/* --- both ----------------------------------------------------------------- */

/* What a batch says of its sequence i, appended to s. */
static void add_sequence(struct str *s, const struct batch *b, int i)
{
    int start = b->offsets[i], end = b->offsets[i + 1];
    str_add_bytes(s, b->input_ids + start, (size_t)(end - start) * sizeof *b->input_ids);
    for (int k = 0; k < b->n_masked; k++) {
        if (b->masked_rows[k] >= start && b->masked_rows[k] < end)
            str_printf(s, "%d %d ", b->masked_rows[k] - start, b->masked_ids[k]);
    }
    for (int k = b->n_target ? b->target_starts[i] : 0; b->n_target && k < b->target_starts[i + 1];
         k++) {
        int first = b->target_offsets[k], n = b->target_offsets[k + 1] - first;
        str_add_bytes(s, b->target_ids + first, (size_t)n * sizeof *b->target_ids);
    }
}

static bool same(const struct str *a, const struct str *b)
{
    return a->len == b->len && !memcmp(a->buf, b->buf, a->len);
}

/* Rows of one batch are hidden as each alone. */
static void check_batches(enum objective_kind kind)
{
    static const int rows[] = {40, 3, 200, 0, 41, 1, 295};
    struct rig g;
    rig_init(&g, kind);
    struct batch b = objective_batch(&g.packer, &g.o, &g.text, rows, 7, 5);
    struct str together[7] = {{0}}, alone = {0};
    cr_assert_eq(b.n_seq, 7);
    for (int i = 0; i < 7; i++)
        add_sequence(&together[i], &b, i);
    for (int k = 1; k < b.n_masked; k++)
        cr_assert_gt(b.masked_rows[k], b.masked_rows[k - 1]);
    for (int i = 0; i < 7; i++) {
        str_clear(&alone);
        b = batch_of(&g, rows[i], 5);
        add_sequence(&alone, &b, 0);
        cr_assert(same(&together[i], &alone), "row %d", rows[i]);
        str_release(&together[i]);
    }
    str_release(&alone);
    rig_release(&g);
}

Test(objective, a_batch_is_its_stretches)
{
    check_batches(OBJECTIVE_MASKED);
    check_batches(OBJECTIVE_SPANS);
}

/* The same stretch at other epochs, with another seed, at another place. */
static void check_differences(enum objective_kind kind)
{
    static const uint32_t epochs[] = {0, 1, 2, OBJECTIVE_HELD_OUT, 0, 0};
    struct rig g;
    rig_init(&g, kind);
    int row = 180, twin = 180 + MAX_PIECES;
    memcpy(g.text.ids + g.text.offsets[twin], pieces_of(&g, row),
           (size_t)g.text.length_tok[row] * sizeof *g.text.ids);
    struct str said[6] = {{0}};
    for (int i = 0; i < 6; i++) {
        g.o.seed = i == 4 ? 8 : 7;
        struct batch b = batch_of(&g, i == 5 ? twin : row, epochs[i]);
        add_sequence(&said[i], &b, 0);
        for (int k = 0; k < i; k++)
            cr_assert(!same(&said[i], &said[k]), "%d and %d", i, k);
    }
    for (int i = 0; i < 6; i++)
        str_release(&said[i]);
    rig_release(&g);
}

Test(objective, epochs_seeds_and_stretches_differ)
{
    check_differences(OBJECTIVE_MASKED);
    check_differences(OBJECTIVE_SPANS);
}

static void expect_usage_error(struct rig *g, const char *says)
{
    struct err e = {0};
    cr_assert_eq(objective_init(&g->o, &g->arena, &e), -1);
    cr_assert_eq(e.kind, ERR_USAGE);
    cr_assert(strstr(e.text, says), "%s", e.text);
}

Test(objective, what_cannot_be)
{
    static const double shares[] = {0, 1, -0.1, NAN};
    struct rig masked, spans;
    rig_init(&masked, OBJECTIVE_MASKED);
    rig_init(&spans, OBJECTIVE_SPANS);
    for (int i = 0; i < 4; i++) {
        masked.o.share = spans.o.share = shares[i];
        expect_usage_error(&masked, "mlm_probability is");
        expect_usage_error(&spans, "noise_density is");
    }
    masked.o.share = spans.o.share = 0.15;
    spans.o.mean_noise_span_length = 0.5;
    expect_usage_error(&spans, "mean_noise_span_length is 0.5");
    spans.o.mean_noise_span_length = 3;
    spans.o.max_pieces = 2020; /* 303 hidden in 101 spans */
    expect_usage_error(&spans, "lacks <extra_id_100>");
    masked.o.tokenizer = spans.tokenizer;
    expect_usage_error(&masked, "needs [CLS], [SEP] and [MASK]");
    spans.o.tokenizer = masked.tokenizer;
    expect_usage_error(&spans, "needs </s>");
    rig_release(&masked);
    rig_release(&spans);
}
