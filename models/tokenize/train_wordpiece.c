/*
 * WordPiece: a word begins as its characters, those that do not begin it with "##" in front; then,
 * again and again, the most frequent pair of neighbours becomes one piece everywhere. Counts of
 * pairs are kept up to date, so a round costs what the words with that pair cost.
 */
#include "models/tokenize/train_kinds.h"
#include "models/tokenize/unicode.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const char *const specials[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};
enum { N_SPECIALS = sizeof specials / sizeof *specials, CONTINUING_BYTES = 2 };

/* A word as pieces; pieces move together when some are joined. */
struct spelling {
    int *pieces; /* [n] into trainer.spelled */
    int n;
    int64_t count;
};

/* Two pieces that stand side by side. */
struct pair {
    int left, right;
    int64_t count; /* over all words; 0: none any more */
    int *where;    /* owned, [n_where] words that have or had it */
    int n_where, room;
    int touched; /* the round in which its count rose last */
};

/* A pair in the queue, with its count when it was put there. */
struct waiting {
    int64_t count;
    int pair;
};

struct trainer {
    const struct tokenizer_recipe *recipe;
    struct words pieces;    /* by id, in the order in which they were made */
    int *spelled;           /* owned */
    struct spelling *words; /* owned, [n_words] */
    int n_words;
    struct pair *pairs; /* owned, [n_pairs] */
    int n_pairs, room;
    int *slots; /* owned, [n_slots] pair + 1, or 0 */
    size_t n_slots;
    struct waiting *queue; /* owned, [n_queue] a heap, the next pair at 0 */
    size_t n_queue, queue_room;
    int round;           /* of joining */
    int *risen, n_risen; /* owned: pairs whose count rose in this round */
};

/* --- the queue --------------------------------------------------------------- */

/* Whether a goes before b: more frequent, or earlier by its texts. */
static bool before(const struct trainer *t, struct waiting a, struct waiting b)
{
    if (a.count != b.count)
        return a.count > b.count;
    const struct pair *x = &t->pairs[a.pair], *y = &t->pairs[b.pair];
    int order = strcmp(t->pieces.at[x->left].text, t->pieces.at[y->left].text);
    if (order == 0)
        order = strcmp(t->pieces.at[x->right].text, t->pieces.at[y->right].text);
    return order < 0;
}

static void enqueue(struct trainer *t, int pair)
{
    if (t->n_queue == t->queue_room) {
        t->queue_room = 2 * t->queue_room + 1024;
        t->queue = xrealloc(t->queue, t->queue_room * sizeof *t->queue);
    }
    struct waiting item = {t->pairs[pair].count, pair};
    size_t i = t->n_queue++;
    for (size_t up; i > 0 && before(t, item, t->queue[up = (i - 1) / 2]); i = up)
        t->queue[i] = t->queue[up];
    t->queue[i] = item;
}

static struct waiting dequeue(struct trainer *t)
{
    struct waiting first = t->queue[0], item = t->queue[--t->n_queue];
    size_t i = 0;
    for (size_t down; (down = 2 * i + 1) < t->n_queue; i = down) {
        if (down + 1 < t->n_queue && before(t, t->queue[down + 1], t->queue[down]))
            down++;
        if (!before(t, t->queue[down], item))
            break;
        t->queue[i] = t->queue[down];
    }
    t->queue[i] = item;
    return first;
}

/* The most frequent pair that is frequent enough, or -1. Counts in the queue may be old. */
static int next_pair(struct trainer *t)
{
    while (t->n_queue > 0) {
        struct waiting w = dequeue(t);
        int64_t count = t->pairs[w.pair].count;
        if (count < t->recipe->min_frequency)
            continue;
        if (count == w.count)
            return w.pair;
        enqueue(t, w.pair);
    }
    return -1;
}

/* --- pairs --------------------------------------------------------------------- */

static size_t pair_slot(const struct trainer *t, int left, int right)
{
    uint64_t key = (uint64_t)left << 32 | (uint32_t)right;
    size_t slot = (size_t)((key * 0x9e3779b97f4a7c15u) >> 20) & (t->n_slots - 1);
    while (t->slots[slot]) {
        const struct pair *p = &t->pairs[t->slots[slot] - 1];
        if (p->left == left && p->right == right)
            break;
        slot = (slot + 1) & (t->n_slots - 1);
    }
    return slot;
}

static void grow_pairs(struct trainer *t)
{
    t->room = t->room ? 2 * t->room : 4096;
    t->pairs = xrealloc(t->pairs, (size_t)t->room * sizeof *t->pairs);
    free(t->slots);
    t->n_slots = 2 * (size_t)t->room;
    t->slots = xmalloc(t->n_slots * sizeof *t->slots);
    memset(t->slots, 0, t->n_slots * sizeof *t->slots);
    for (int i = 0; i < t->n_pairs; i++)
        t->slots[pair_slot(t, t->pairs[i].left, t->pairs[i].right)] = i + 1;
}

static struct pair *pair_of(struct trainer *t, int left, int right)
{
    if (t->n_pairs == t->room)
        grow_pairs(t);
    size_t slot = pair_slot(t, left, right);
    if (!t->slots[slot]) {
        t->pairs[t->n_pairs] = (struct pair){.left = left, .right = right, .touched = -1};
        t->slots[slot] = ++t->n_pairs;
    }
    return &t->pairs[t->slots[slot] - 1];
}

static void pair_seen_in(struct pair *p, int word)
{
    if (p->n_where > 0 && p->where[p->n_where - 1] == word)
        return;
    if (p->n_where == p->room) {
        p->room = 2 * p->room + 4;
        p->where = xrealloc(p->where, (size_t)p->room * sizeof *p->where);
    }
    p->where[p->n_where++] = word;
}

/* --- words to pieces ------------------------------------------------------------ */

/* Adds a piece's text that is not there yet and returns its id. */
static int piece_id(struct trainer *t, const char *text, size_t n_bytes)
{
    return (int)words_add(&t->pieces, text, n_bytes, 0);
}

static bool is_kept(const struct word_count *w, const bool *kept)
{
    int length;
    for (size_t at = 0; at < w->n_bytes; at += (size_t)length)
        if (!kept[unicode_decode(w->text + at, &length)])
            return false;
    return true;
}

/* The character at a place of a word as a piece's text; returns its bytes, *step those of the
 * character. */
static size_t spell(char out[8], const struct word_count *w, size_t at, int *step)
{
    size_t n = at > 0 ? CONTINUING_BYTES : 0;
    out[0] = out[1] = '#';
    unicode_decode(w->text + at, step);
    memcpy(out + n, w->text + at, (size_t)*step);
    return n + (size_t)*step;
}

/* The characters become pieces, those that begin words first, each group by its bytes. */
static void add_characters(struct trainer *t, const struct words *words, const bool *kept)
{
    char text[8];
    int step;
    for (int inside = 0; inside < 2; inside++) {
        struct words found = {0};
        for (size_t i = 0; i < words->n; i++) {
            const struct word_count *w = &words->at[i];
            for (size_t at = 0; at < w->n_bytes; at += (size_t)step) {
                size_t n = spell(text, w, at, &step);
                int length;
                if ((at > 0) == (inside > 0) && kept[unicode_decode(w->text + at, &length)])
                    words_add(&found, text, n, 1);
            }
        }
        words_sort(&found);
        for (size_t i = 0; i < found.n; i++)
            piece_id(t, found.at[i].text, found.at[i].n_bytes);
        words_release(&found);
    }
}

/* Every word whose characters are all kept, spelled by them. */
static void spell_words(struct trainer *t, const struct words *words, const bool *kept)
{
    size_t n_chars = 0, used = 0;
    for (size_t i = 0; i < words->n; i++)
        n_chars += words->at[i].n_bytes;
    t->spelled = xmalloc((n_chars + 1) * sizeof *t->spelled);
    t->words = xmalloc((words->n + 1) * sizeof *t->words);
    for (size_t i = 0; i < words->n; i++) {
        const struct word_count *w = &words->at[i];
        if (!is_kept(w, kept))
            continue;
        struct spelling s = {.pieces = t->spelled + used, .count = w->count};
        int step;
        for (size_t at = 0; at < w->n_bytes; at += (size_t)step) {
            char text[8];
            size_t n = spell(text, w, at, &step);
            s.pieces[s.n++] = (int)words_find(&t->pieces, text, n);
        }
        used += (size_t)s.n;
        t->words[t->n_words++] = s;
    }
}

static void count_pairs(struct trainer *t)
{
    for (int i = 0; i < t->n_words; i++) {
        const struct spelling *s = &t->words[i];
        for (int k = 0; k + 1 < s->n; k++) {
            struct pair *p = pair_of(t, s->pieces[k], s->pieces[k + 1]);
            p->count += s->count;
            pair_seen_in(p, i);
        }
    }
    for (int i = 0; i < t->n_pairs; i++)
        enqueue(t, i);
}

/* --- joining --------------------------------------------------------------------- */

static int joined_id(struct trainer *t, int left, int right)
{
    struct str text = {0};
    str_add(&text, t->pieces.at[left].text);
    str_add(&text, t->pieces.at[right].text + CONTINUING_BYTES);
    int id = piece_id(t, str_text(&text), text.len);
    str_release(&text);
    return id;
}

/* Joins left and right wherever they stand in a word. */
static void join(struct spelling *s, int left, int right, int id)
{
    int n = 0;
    for (int k = 0; k < s->n; k++) {
        bool match = s->pieces[k] == left && k + 1 < s->n && s->pieces[k + 1] == right;
        s->pieces[n++] = match ? id : s->pieces[k];
        k += match;
    }
    s->n = n;
}

/* Adds sign times the word's count to all its pairs; those with the new piece id learn where they
 * stand and go, once a round, to the list of what rose. */
static void weigh_pairs(struct trainer *t, int word, int sign, int id)
{
    const struct spelling *s = &t->words[word];
    for (int k = 0; k + 1 < s->n; k++) {
        struct pair *p = pair_of(t, s->pieces[k], s->pieces[k + 1]);
        p->count += sign * s->count;
        if (sign < 0 || (p->left != id && p->right != id))
            continue;
        pair_seen_in(p, word);
        if (p->touched == t->round)
            continue;
        p->touched = t->round;
        if ((t->n_risen & (t->n_risen - 1)) == 0) /* doubles at powers of two */
            t->risen = xrealloc(t->risen, (size_t)(2 * t->n_risen + 2) * sizeof *t->risen);
        t->risen[t->n_risen++] = (int)(p - t->pairs);
    }
}

static void join_everywhere(struct trainer *t, int pair)
{
    int left = t->pairs[pair].left, right = t->pairs[pair].right;
    int id = joined_id(t, left, right);
    int *where = t->pairs[pair].where, n_where = t->pairs[pair].n_where;
    t->pairs[pair].where = NULL;
    t->pairs[pair].n_where = t->pairs[pair].room = 0;
    t->n_risen = 0;
    for (int i = 0; i < n_where; i++) {
        struct spelling *s = &t->words[where[i]];
        bool there = false;
        for (int k = 0; k + 1 < s->n && !there; k++)
            there = s->pieces[k] == left && s->pieces[k + 1] == right;
        if (!there) /* joined with others since */
            continue;
        weigh_pairs(t, where[i], -1, id);
        join(s, left, right, id);
        weigh_pairs(t, where[i], 1, id);
    }
    for (int i = 0; i < t->n_risen; i++)
        enqueue(t, t->risen[i]);
    free(where);
}

static int join_pairs(struct trainer *t, struct err *e)
{
    size_t wanted = (size_t)t->recipe->vocab_size;
    for (t->round = 0; t->pieces.n < wanted; t->round++) {
        int pair = next_pair(t);
        if (pair < 0)
            return err_usage(e,
                             "the text gives %zu pieces at a min_frequency of %d; vocab_size is %d",
                             t->pieces.n, t->recipe->min_frequency, t->recipe->vocab_size);
        join_everywhere(t, pair);
        if (t->round % 1000 == 999)
            train_note(t->recipe, "%zu pieces of %zu", t->pieces.n, wanted);
    }
    return 0;
}

static void trainer_release(struct trainer *t)
{
    for (int i = 0; i < t->n_pairs; i++)
        free(t->pairs[i].where);
    free(t->pairs);
    free(t->slots);
    free(t->queue);
    free(t->risen);
    free(t->words);
    free(t->spelled);
    words_release(&t->pieces);
}

int train_wordpiece(struct str *out, const struct tokenizer_recipe *r, const struct words *words,
                    const bool *kept, struct err *e)
{
    struct trainer t = {.recipe = r};
    for (int i = 0; i < N_SPECIALS; i++)
        piece_id(&t, specials[i], strlen(specials[i]));
    add_characters(&t, words, kept);
    int status = 0;
    if (t.pieces.n > (size_t)r->vocab_size) {
        status = err_usage(e,
                           "vocab_size %d is too small: special tokens and the text's characters "
                           "alone are %zu pieces; ask for more or cover fewer characters",
                           r->vocab_size, t.pieces.n);
    } else {
        spell_words(&t, words, kept);
        count_pairs(&t);
        status = join_pairs(&t, e);
    }
    for (size_t i = 0; status == 0 && i < t.pieces.n; i++)
        str_printf(out, "%s\n", t.pieces.at[i].text);
    trainer_release(&t);
    return status;
}
