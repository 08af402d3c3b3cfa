#include "pretrain/objective.h"

#include "harness/base/rng.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* --- numbers -------------------------------------------------------------- */

int objective_n_hidden(const struct objective *o, int n_pieces)
{
    assert(n_pieces >= 1);
    int n = (int)rint(n_pieces * o->share);
    int most = o->kind == OBJECTIVE_SPANS && n_pieces > 1 ? n_pieces - 1 : n_pieces;
    return n < 1 ? 1 : n > most ? most : n;
}

int objective_n_spans(const struct objective *o, int n_pieces)
{
    int n_hidden = objective_n_hidden(o, n_pieces), n_shown = n_pieces - n_hidden;
    int n = (int)rint(n_hidden / o->mean_noise_span_length);
    n = n > n_shown ? n_shown : n;
    return n < 1 ? 1 : n;
}

int objective_cost(const struct objective *o, int n_pieces)
{
    /* [CLS] and [SEP]; or each span's sentinel twice, and </s> twice. */
    return n_pieces + 2 + (o->kind == OBJECTIVE_SPANS ? 2 * objective_n_spans(o, n_pieces) : 0);
}

/* --- what the vocabulary must have ---------------------------------------- */

static bool is_special(const struct tokenizer *t, int id)
{
    const struct tokenizer_special *s = tokenizer_special(t);
    return id == s->pad || id == s->unk || id == s->cls || id == s->sep || id == s->mask ||
           str_starts(tokenizer_piece(t, id), "[unused");
}

static int init_masked(struct objective *o, struct arena *a, struct err *e)
{
    const struct tokenizer_special *s = tokenizer_special(o->tokenizer);
    if (s->mask < 0 || s->cls < 0 || s->sep < 0)
        return err_usage(e, "masked language modelling needs [CLS], [SEP] and [MASK], and the "
                            "vocabulary lacks one of them");
    int n_vocab = tokenizer_n_vocab(o->tokenizer);
    o->continues = arena_array(a, (size_t)n_vocab, sizeof *o->continues);
    o->ordinary = arena_array(a, (size_t)n_vocab, sizeof *o->ordinary);
    for (int id = 0; id < n_vocab; id++) {
        o->continues[id] = str_starts(tokenizer_piece(o->tokenizer, id), "##");
        if (!is_special(o->tokenizer, id))
            o->ordinary[o->n_ordinary++] = id;
    }
    return o->n_ordinary ? 0 : err_usage(e, "the vocabulary has special pieces only");
}

static int init_spans(struct objective *o, struct arena *a, struct err *e)
{
    if (!(o->mean_noise_span_length >= 1))
        return err_usage(e, "mean_noise_span_length is %g, but a span has one token or more",
                         o->mean_noise_span_length);
    if (!(o->prefix_lm_share >= 0 && o->prefix_lm_share <= 1))
        return err_usage(e, "prefix_lm_share is %g; it must be from 0 to 1", o->prefix_lm_share);
    if (tokenizer_special(o->tokenizer)->eos < 0)
        return err_usage(e, "span corruption needs </s>, which the vocabulary lacks");
    for (int n = 1; n <= o->max_pieces; n++) {
        int n_spans = objective_n_spans(o, n);
        o->n_sentinels = n_spans > o->n_sentinels ? n_spans : o->n_sentinels;
    }
    o->sentinels = arena_array(a, (size_t)o->n_sentinels, sizeof *o->sentinels);
    for (int i = 0; i < o->n_sentinels; i++) {
        char piece[32];
        snprintf(piece, sizeof piece, "<extra_id_%d>", i);
        o->sentinels[i] = tokenizer_id(o->tokenizer, piece);
        if (o->sentinels[i] < 0)
            return err_usage(e,
                             "of a text of %d pieces %d spans are hidden, and the vocabulary "
                             "lacks %s",
                             o->max_pieces, o->n_sentinels, piece);
    }
    return 0;
}

int objective_init(struct objective *o, struct arena *a, struct err *e)
{
    assert(o->max_pieces >= 1);
    o->continues = NULL;
    o->ordinary = o->sentinels = NULL;
    o->n_ordinary = o->n_sentinels = 0;
    if (!(o->share > 0 && o->share < 1))
        return err_usage(e, "%s is %g; it must be above 0 and below 1",
                         o->kind == OBJECTIVE_MASKED ? "mlm_probability" : "noise_density",
                         o->share);
    return o->kind == OBJECTIVE_MASKED ? init_masked(o, a, e) : init_spans(o, a, e);
}

/* --- masked words --------------------------------------------------------- */

/* Where words start, to words[0..n_words], the end behind them; their number. A stretch that
 * begins within a word begins with a word all the same. */
static int find_words(int *words, const struct objective *o, const int *pieces, int n)
{
    int n_words = 0;
    for (int i = 0; i < n; i++) {
        if (i == 0 || !o->continues[pieces[i]])
            words[n_words++] = i;
    }
    words[n_words] = n;
    return n_words;
}

static int hide_word(struct objective_packer *p, int word)
{
    int n = p->words[word + 1] - p->words[word];
    memset(p->hidden + p->words[word], 1, (size_t)n);
    return n;
}

/* Marks words in a random order in p->hidden[0..n) until there are n_wanted tokens, those passed
 * over that would make more. Returns the number of tokens. */
static int choose_words(struct objective_packer *p, const struct rng *r, int n_words, int n_wanted)
{
    memset(p->hidden, 0, (size_t)p->words[n_words]);
    rng_fill_u32(r, 0, p->draws, (size_t)n_words);
    for (int i = 0; i < n_words; i++)
        p->order[i] = i;
    int n_hidden = 0;
    for (int i = 0; i < n_words && n_hidden < n_wanted; i++) { /* Fisher-Yates as far as needed */
        int j = i + (int)((uint64_t)p->draws[i] * (uint64_t)(n_words - i) >> 32);
        int word = p->order[j];
        p->order[j] = p->order[i];
        p->order[i] = word;
        if (n_hidden + p->words[word + 1] - p->words[word] <= n_wanted)
            n_hidden += hide_word(p, word);
    }
    return n_hidden ? n_hidden : hide_word(p, p->order[0]);
}

/* What a hidden piece is shown as. */
static int disguise(const struct objective *o, int piece, const uint32_t draws[2])
{
    double share = draws[0] * 0x1p-32;
    if (share < 0.8)
        return tokenizer_special(o->tokenizer)->mask;
    if (share < 0.9)
        return o->ordinary[(uint64_t)draws[1] * (uint64_t)o->n_ordinary >> 32];
    return piece;
}

/* Adds [CLS] pieces [SEP], some of them hidden. */
static void add_masked(struct batch *b, struct objective_packer *p, const struct objective *o,
                       const struct rng *r, const int *pieces, int n)
{
    int n_words = find_words(p->words, o, pieces, n);
    int n_hidden = choose_words(p, r, n_words, objective_n_hidden(o, n));
    uint64_t first = ((uint64_t)n + 3) / 4 * 4; /* behind the draws for words */
    rng_fill_u32(r, first, p->draws, 2 * (size_t)n_hidden);
    const uint32_t *draws = p->draws;
    p->ids[b->n_tok++] = tokenizer_special(o->tokenizer)->cls;
    for (int i = 0; i < n; i++, b->n_tok++) {
        p->ids[b->n_tok] = pieces[i];
        if (!p->hidden[i])
            continue;
        p->masked_rows[b->n_masked] = b->n_tok;
        p->masked_ids[b->n_masked++] = pieces[i];
        p->ids[b->n_tok] = disguise(o, pieces[i], draws);
        draws += 2;
    }
    p->ids[b->n_tok++] = tokenizer_special(o->tokenizer)->sep;
}

/* --- corrupted spans and continuations ------------------------------------ */

/* n items into n_lengths segments of one item or more, each way as likely: of the n - 1 places
 * between items, which get a border (Knuth's algorithm S). */
static void cut_at_random(int *lengths, int n_lengths, int n, const uint32_t *draws)
{
    int at = 0;
    lengths[0] = n > 0;
    for (int i = 1; i < n; i++) {
        uint64_t n_borders_left = (uint64_t)(n_lengths - 1 - at), n_left = (uint64_t)(n - i);
        if (draws[i - 1] * n_left >> 32 < n_borders_left)
            lengths[++at] = 1;
        else
            lengths[at]++;
    }
    assert(at == n_lengths - 1);
}

static void show(struct batch *b, struct objective_packer *p, const int *pieces, int n)
{
    memcpy(p->ids + b->n_tok, pieces, (size_t)n * sizeof *pieces);
    b->n_tok += n;
}

static void tell(struct batch *b, struct objective_packer *p, const int *pieces, int n)
{
    memcpy(p->target_ids + b->n_target_tok, pieces, (size_t)n * sizeof *pieces);
    b->n_target_tok += n;
}

/* Adds the pieces with sentinels for spans, and the target that spells them out. */
static void add_corrupted(struct batch *b, struct objective_packer *p, const struct objective *o,
                          const struct rng *r, const int *pieces, int n)
{
    int n_hidden = objective_n_hidden(o, n), n_spans = objective_n_spans(o, n);
    assert(n_spans <= o->n_sentinels);
    int *shown = p->words, *hidden = p->order; /* lengths in turn, a shown one first */
    rng_fill_u32(r, 0, p->draws, (size_t)n);
    cut_at_random(hidden, n_spans, n_hidden, p->draws);
    cut_at_random(shown, n_spans, n - n_hidden, p->draws + n_hidden);
    for (int i = 0; i < n_spans; i++) {
        show(b, p, pieces, shown[i]);
        pieces += shown[i];
        show(b, p, &o->sentinels[i], 1);
        tell(b, p, &o->sentinels[i], 1);
        tell(b, p, pieces, hidden[i]);
        pieces += hidden[i];
    }
}

/* Whether a stretch is cut in two, and then how many of its pieces are shown. */
static bool is_cut(const struct objective *o, const struct rng *r, int n, int *n_shown)
{
    uint64_t first = ((uint64_t)n + 3) / 4 * 4; /* behind the draws for spans */
    uint32_t draws[2];
    rng_fill_u32(r, first, draws, 2);
    *n_shown = 1 + (int)((uint64_t)draws[1] * (uint64_t)(n - 1) >> 32);
    return n > 1 && draws[0] * 0x1p-32 < o->prefix_lm_share;
}

/* Adds a stretch and its target. */
static void add_told(struct batch *b, struct objective_packer *p, const struct objective *o,
                     const struct rng *r, const int *pieces, int n)
{
    int eos = tokenizer_special(o->tokenizer)->eos, n_shown;
    if (is_cut(o, r, n, &n_shown)) {
        show(b, p, pieces, n_shown);
        tell(b, p, pieces + n_shown, n - n_shown);
    } else {
        add_corrupted(b, p, o, r, pieces, n);
    }
    show(b, p, &eos, 1);
    tell(b, p, &eos, 1);
    p->target_starts[b->n_target] = b->n_target;
    p->target_offsets[++b->n_target] = b->n_target_tok;
}

/* --- batches -------------------------------------------------------------- */

void objective_packer_init(struct objective_packer *p, int max_tok, int max_seq, struct arena *a)
{
    size_t n_tok = (size_t)max_tok, n_seq = (size_t)max_seq;
    *p = (struct objective_packer){.max_tok = max_tok, .max_seq = max_seq};
    p->ids = arena_array(a, n_tok, sizeof *p->ids);
    p->offsets = arena_array(a, n_seq + 1, sizeof *p->offsets);
    p->masked_rows = arena_array(a, n_tok, sizeof *p->masked_rows);
    p->masked_ids = arena_array(a, n_tok, sizeof *p->masked_ids);
    p->target_starts = arena_array(a, n_seq + 1, sizeof *p->target_starts);
    p->target_offsets = arena_array(a, n_seq + 1, sizeof *p->target_offsets);
    p->target_ids = arena_array(a, n_tok, sizeof *p->target_ids);
    p->words = arena_array(a, n_tok + 1, sizeof *p->words);
    p->order = arena_array(a, n_tok, sizeof *p->order);
    p->hidden = arena_array(a, n_tok, sizeof *p->hidden);
    p->draws = arena_array(a, 2 * n_tok, sizeof *p->draws);
}

struct batch objective_batch(struct objective_packer *p, const struct objective *o,
                             const struct stretches *from, const int *rows, int n, uint32_t epoch)
{
    assert(n >= 1 && n <= p->max_seq);
    struct batch b = {.offsets = p->offsets, .input_ids = p->ids};
    for (int i = 0, cost = 0; i < n; i++) {
        int row = rows[i], n_pieces = from->length_tok[row];
        cost += objective_cost(o, n_pieces);
        assert(row >= 0 && row < from->n && n_pieces <= o->max_pieces && cost <= p->max_tok);
        const struct rng r = {o->seed, RNG_CORRUPTION, epoch, (uint32_t)row};
        const int *pieces = from->ids + from->offsets[row];
        if (o->kind == OBJECTIVE_MASKED)
            add_masked(&b, p, o, &r, pieces, n_pieces);
        else
            add_told(&b, p, o, &r, pieces, n_pieces);
        p->offsets[++b.n_seq] = b.n_tok;
    }
    if (o->kind == OBJECTIVE_MASKED) {
        b.masked_rows = p->masked_rows;
        b.masked_ids = p->masked_ids;
        return b;
    }
    p->target_starts[b.n_target] = b.n_target;
    b.target_starts = p->target_starts;
    b.target_offsets = p->target_offsets;
    b.target_ids = p->target_ids;
    return b;
}
