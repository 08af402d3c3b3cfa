/*
 * Unigram: a run is the sum over its ways into pieces, and a way the product of its pieces'
 * probabilities (Kudo, section 3.2). Runs are short enough (RUN_CHARS) for plain products, so
 * nothing but + * / decides what is kept, and our own logarithm what a loss or a score is.
 */
#include "models/tensor/vmath.h"
#include "models/tokenize/protobuf.h"
#include "models/tokenize/spiece.h"
#include "models/tokenize/train_kinds.h"
#include "models/tokenize/train_seeds.h"
#include "models/tokenize/trie.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* What is kept of the pieces in a round, how often their probabilities are estimated before it,
 * and how many candidates there are to begin with. */
static const double KEEP = 0.75;
enum { ESTIMATES = 2, MAX_SEEDS = 1000000, N_SPECIALS = 3 };

/* No piece is less probable: RUN_CHARS of them are still a normal double. */
static const double LEAST = 1e-9;

/* seeds, with what is known of them; always sorted by text, so an index settles ties. */
struct model {
    const struct tokenizer_recipe *recipe;
    const struct words *runs;
    struct seed *pieces; /* owned, [n] */
    double *probability; /* owned, [n] */
    double *count;       /* owned, [n] of the last pass over the runs */
    int n;
    struct trie trie; /* of the pieces */
};

/* A piece in a run: from one of its bytes to another. */
struct edge {
    uint16_t from, to;
    int piece;
};

enum { RUN_BYTES = 4 * RUN_CHARS };

/* All pieces in a run, by where they start. */
struct lattice {
    struct edge edges[RUN_CHARS * SEED_CHARS];
    int n;
    double forward[RUN_BYTES + 1], backward[RUN_BYTES + 1];
    int last[RUN_BYTES + 1]; /* edge of the best way to a byte */
};

static void find_edges(struct lattice *l, const struct model *m, const char *text, size_t n)
{
    l->n = 0;
    for (size_t start = 0; start < n; start++) {
        if (((unsigned char)text[start] & 0xc0) == 0x80)
            continue;
        int32_t node = 0;
        for (size_t i = start; i < n; i++) {
            node = trie_next(&m->trie, node, (unsigned char)text[i]);
            if (node < 0)
                break;
            if (m->trie.nodes[node].value >= 0)
                l->edges[l->n++] =
                    (struct edge){(uint16_t)start, (uint16_t)(i + 1), m->trie.nodes[node].value};
        }
    }
}

/* Adds to m->count how often each piece is expected in the run: over all ways, weighted by their
 * probability. */
static void expect_run(struct lattice *l, const struct model *m, const struct word_count *run)
{
    find_edges(l, m, run->text, run->n_bytes);
    for (size_t i = 0; i <= run->n_bytes; i++)
        l->forward[i] = l->backward[i] = 0;
    l->forward[0] = l->backward[run->n_bytes] = 1;
    for (int i = 0; i < l->n; i++) {
        const struct edge *d = &l->edges[i];
        l->forward[d->to] += l->forward[d->from] * m->probability[d->piece];
    }
    double scale = (double)run->count / l->forward[run->n_bytes];
    for (int i = l->n - 1; i >= 0; i--) {
        const struct edge *d = &l->edges[i];
        double rest = m->probability[d->piece] * l->backward[d->to];
        l->backward[d->from] += rest;
        m->count[d->piece] += l->forward[d->from] * rest * scale;
    }
}

/* The most probable way over l's edges to byte n, leaving out piece without; its probability, or 0
 * when there is none. Of equals the one whose last piece starts first, as in encoding. */
static double best_way(struct lattice *l, const struct model *m, size_t n, int without)
{
    for (size_t i = 0; i <= n; i++)
        l->forward[i] = 0;
    l->forward[0] = 1;
    for (int i = 0; i < l->n; i++) {
        const struct edge *d = &l->edges[i];
        double p = l->forward[d->from] * m->probability[d->piece];
        if (d->piece == without || p <= l->forward[d->to])
            continue;
        l->forward[d->to] = p;
        l->last[d->to] = i;
    }
    return l->forward[n];
}

static void clear_counts(struct model *m)
{
    for (int i = 0; i < m->n; i++)
        m->count[i] = 0;
}

/* exp(psi(x)), psi the derivative of log gamma: about x - 1/2 for large x, nearly 0 below 1. */
static double exp_digamma(double x)
{
    double below = 0;
    while (x < 7) { /* psi(x) = psi(x + 1) - 1 / x; from 7 on its series, within 1e-7 */
        below += 1 / x;
        x += 1;
    }
    return scalar_exp(scalar_log(x) - 1 / (2 * x) - 1 / (12 * x * x) + 1 / (120 * x * x * x * x) -
                      below);
}

/* Probabilities that make the runs more probable: expected counts over their sum, rare ones made
 * rarer as the mean field of a Dirichlet prior with weight 0 does (as SentencePiece's
 * trainer does it), which gives fewer tokens a text than expected counts alone. */
static void estimate(struct model *m, struct lattice *l)
{
    double total = 0;
    clear_counts(m);
    for (size_t i = 0; i < m->runs->n; i++)
        expect_run(l, m, &m->runs->at[i]);
    for (int i = 0; i < m->n; i++) {
        m->count[i] = m->count[i] > 0 ? exp_digamma(m->count[i]) : 0;
        total += m->count[i];
    }
    for (int i = 0; i < m->n; i++) {
        double p = m->count[i] / total;
        m->probability[i] = p > LEAST ? p : LEAST;
    }
}

/* How often each piece is in the best ways of the runs, to m->count; returns the sum. */
static double count_best(struct model *m, struct lattice *l)
{
    double total = 0;
    clear_counts(m);
    for (size_t i = 0; i < m->runs->n; i++) {
        const struct word_count *run = &m->runs->at[i];
        find_edges(l, m, run->text, run->n_bytes);
        best_way(l, m, run->n_bytes, -1);
        for (size_t end = run->n_bytes; end > 0; end = l->edges[l->last[end]].from) {
            m->count[l->edges[l->last[end]].piece] += (double)run->count;
            total += (double)run->count;
        }
    }
    return total;
}

struct loss {
    double loss;
    int piece;
};

/* What the log-likelihood of the best ways loses when piece i goes and its occurrences are spelled
 * by the next best way; 0 for a piece that is never used. */
static double loss_of(const struct model *m, struct lattice *l, int i, double total)
{
    const struct seed *s = &m->pieces[i];
    double count = m->count[i];
    find_edges(l, m, s->text, s->n_bytes);
    if (count <= 0 || best_way(l, m, s->n_bytes, i) > m->probability[i])
        return 0;
    double logs = 0;
    int n = 0;
    for (size_t end = s->n_bytes; end > 0; end = l->edges[l->last[end]].from, n++)
        logs += scalar_log(m->count[l->edges[l->last[end]].piece] + count);
    return count * (scalar_log(count) - scalar_log(total) -
                    (logs - n * scalar_log(total + count * (n - 1))));
}

static int compare_losses(const void *a, const void *b)
{
    const struct loss *x = a, *y = b;
    if (x->loss != y->loss)
        return x->loss > y->loss ? -1 : 1;
    return x->piece - y->piece;
}

static void index_pieces(struct model *m)
{
    struct trie_key *keys = xmalloc((size_t)m->n * sizeof *keys);
    for (int i = 0; i < m->n; i++)
        keys[i] = (struct trie_key){m->pieces[i].text, m->pieces[i].n_bytes, i};
    trie_release(&m->trie);
    trie_init(&m->trie, keys, (size_t)m->n);
    free(keys);
}

/* Takes the least useful pieces away: a quarter, all that serve nothing, but none below target. */
static void prune(struct model *m, struct lattice *l, int target)
{
    struct loss *losses = xmalloc((size_t)m->n * sizeof *losses);
    bool *stays = xmalloc((size_t)m->n * sizeof *stays);
    double total = count_best(m, l);
    int n_singles = 0, n_losses = 0, n_useful = 0, n = 0;
    for (int i = 0; i < m->n; i++) {
        stays[i] = m->pieces[i].single;
        n_singles += stays[i];
        if (!stays[i])
            losses[n_losses++] = (struct loss){loss_of(m, l, i, total), i};
    }
    if (n_losses > 0)
        qsort(losses, (size_t)n_losses, sizeof *losses, compare_losses);
    while (n_useful < n_losses && losses[n_useful].loss > 0)
        n_useful++;
    int keep = (int)(KEEP * m->n) - n_singles;
    if (keep > n_useful)
        keep = n_useful;
    if (keep < target - n_singles)
        keep = target - n_singles;
    for (int i = 0; i < keep; i++)
        stays[losses[i].piece] = true;
    for (int i = 0; i < m->n; i++) {
        if (!stays[i])
            continue;
        m->pieces[n] = m->pieces[i];
        m->probability[n++] = m->probability[i];
    }
    m->n = n;
    free(losses);
    free(stays);
    index_pieces(m);
}

/* From seeds to target pieces. What a candidate covers is where it begins: by counts alone single
 * characters, each of which is in every longer candidate too, would seem to make those needless. */
static void train(struct model *m, int target)
{
    struct lattice *l = xmalloc(sizeof *l);
    double total = 0;
    for (int i = 0; i < m->n; i++)
        total += (double)m->pieces[i].count * m->pieces[i].n_bytes;
    for (int i = 0; i < m->n; i++) {
        double p = (double)m->pieces[i].count * m->pieces[i].n_bytes / total;
        m->probability[i] = p > LEAST ? p : LEAST;
    }
    index_pieces(m);
    for (;;) {
        for (int i = 0; i < ESTIMATES; i++)
            estimate(m, l);
        if (m->n == target)
            break;
        train_note(m->recipe, "%d candidates for %d pieces", m->n, target);
        prune(m, l, target);
    }
    free(l);
}

/* --- the file --------------------------------------------------------------------- */

static void put_piece(struct str *out, const char *text, float score, enum piece_type type)
{
    struct str message = {0};
    protobuf_put_bytes(&message, PIECE_TEXT, text, strlen(text));
    protobuf_put_float(&message, PIECE_SCORE, score);
    if (type != TYPE_NORMAL)
        protobuf_put_number(&message, PIECE_TYPE, type);
    protobuf_put_bytes(out, MODEL_PIECES, message.buf, message.len);
    str_release(&message);
}

static void put_specs(struct str *out, int n_pieces)
{
    struct str trainer = {0}, normalizer = {0};
    protobuf_put_number(&trainer, TRAINER_TYPE, TRAINER_UNIGRAM);
    protobuf_put_number(&trainer, TRAINER_SIZE, n_pieces);
    protobuf_put_number(&trainer, TRAINER_UNK, 2);
    protobuf_put_number(&trainer, TRAINER_BOS, -1);
    protobuf_put_number(&trainer, TRAINER_EOS, 1);
    protobuf_put_number(&trainer, TRAINER_PAD, 0);
    protobuf_put_bytes(out, MODEL_TRAINER, trainer.buf, trainer.len);
    protobuf_put_bytes(&normalizer, NORMALIZER_NAME, "identity", strlen("identity"));
    protobuf_put_number(&normalizer, NORMALIZER_PREFIX, 1);
    protobuf_put_number(&normalizer, NORMALIZER_EXTRA, 1);
    protobuf_put_number(&normalizer, NORMALIZER_ESCAPE, 1);
    protobuf_put_bytes(out, MODEL_NORMALIZER, normalizer.buf, normalizer.len);
    str_release(&trainer);
    str_release(&normalizer);
}

/* T5's ids: <pad>, </s>, <unk>, then the pieces by falling score. */
static void put_model(struct str *out, const struct model *m)
{
    struct loss *order = xmalloc((size_t)m->n * sizeof *order);
    for (int i = 0; i < m->n; i++)
        order[i] = (struct loss){m->probability[i], i};
    qsort(order, (size_t)m->n, sizeof *order, compare_losses);
    put_piece(out, "<pad>", 0, TYPE_CONTROL);
    put_piece(out, "</s>", 0, TYPE_CONTROL);
    put_piece(out, "<unk>", 0, TYPE_UNKNOWN);
    for (int i = 0; i < m->n; i++)
        put_piece(out, m->pieces[order[i].piece].text, (float)scalar_log(order[i].loss),
                  TYPE_NORMAL);
    put_specs(out, m->n + N_SPECIALS);
    free(order);
}

static int check_target(const struct model *m, int target, struct err *e)
{
    int n_singles = 0, more = N_SPECIALS + N_EXTRA_IDS;
    for (int i = 0; i < m->n; i++)
        n_singles += m->pieces[i].single;
    if (target < n_singles)
        return err_usage(e,
                         "vocab_size %d is too small: special tokens, %d extra ids and the text's "
                         "characters alone are %d pieces; ask for more or cover fewer characters",
                         m->recipe->vocab_size, N_EXTRA_IDS, n_singles + more);
    if (target > m->n)
        return err_usage(e, "the text gives %d pieces at a min_frequency of %d; vocab_size is %d",
                         m->n + more, m->recipe->min_frequency, m->recipe->vocab_size);
    return 0;
}

int train_unigram(struct str *out, const struct tokenizer_recipe *r, const struct words *words,
                  const bool *kept, struct err *e)
{
    struct arena texts = {0};
    struct words runs = {0};
    struct model m = {.recipe = r, .runs = &runs};
    int target = r->vocab_size - N_SPECIALS - N_EXTRA_IDS;
    seeds_cut(&runs, words, kept);
    m.n = (int)seeds_find(&m.pieces, &runs, r->min_frequency, MAX_SEEDS, &texts);
    int status = check_target(&m, target, e);
    if (status == 0) {
        m.probability = xmalloc((size_t)m.n * sizeof *m.probability);
        m.count = xmalloc((size_t)m.n * sizeof *m.count);
        train(&m, target);
        put_model(out, &m);
    }
    trie_release(&m.trie);
    free(m.pieces);
    free(m.probability);
    free(m.count);
    words_release(&runs);
    arena_release(&texts);
    return status;
}
