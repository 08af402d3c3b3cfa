#include "models/tokenize/train_seeds.h"

#include "models/tokenize/unicode.h"

#include <stdlib.h>
#include <string.h>

enum { MARK = 0x2581 };

/* Signs and digits are one sort, all others the other. */
static bool is_sign(int32_t c)
{
    bool symbol = (c >= 0xa0 && c < 0xc0) || c == 0xd7 || c == 0xf7 ||
                  (c >= 0x2000 && c < 0x2c00) || c >= 0x1f000;
    return symbol || (c >= '0' && c <= '9') || c < 0x20 || (c >= 0x7f && c < 0xa0) ||
           unicode_is_punctuation(c);
}

static void cut_word(struct words *runs, const struct word_count *w, const bool *kept)
{
    size_t start = 0;
    int n_chars = 0, step;
    bool sign = false;
    for (size_t at = 0; at < w->n_bytes; at += (size_t)step) {
        int32_t c = unicode_decode(w->text + at, &step);
        bool mark_before = start == 0 && n_chars == 1, known = c == MARK || kept[c];
        bool goes_on = known && (is_sign(c) == sign || mark_before);
        if (n_chars > 0 && (!goes_on || n_chars == RUN_CHARS)) {
            words_add(runs, w->text + start, at - start, w->count);
            n_chars = 0;
        }
        if (!known)
            continue;
        if (n_chars++ == 0)
            start = at;
        sign = is_sign(c);
    }
    if (n_chars > 0)
        words_add(runs, w->text + start, w->n_bytes - start, w->count);
}

void seeds_cut(struct words *runs, const struct words *words, const bool *kept)
{
    for (size_t i = 0; i < words->n; i++)
        cut_word(runs, &words->at[i], kept);
    words_sort(runs);
}

/* Where a part of a run begins; the run ends with 0. */
struct suffix {
    const int32_t *at;
    int64_t count;
};

/* Characters that two suffixes share, of the first SEED_CHARS. */
static int shared(const int32_t *a, const int32_t *b)
{
    int n = 0;
    while (n < SEED_CHARS && a[n] == b[n] && a[n] != 0)
        n++;
    return n;
}

static int compare_suffixes(const void *a, const void *b)
{
    const int32_t *x = ((const struct suffix *)a)->at, *y = ((const struct suffix *)b)->at;
    int n = shared(x, y);
    return n == SEED_CHARS || x[n] == y[n] ? 0 : x[n] < y[n] ? -1 : 1;
}

/* A node of the trie of all suffixes: the path to it, how long that is and how often it occurs. */
struct node {
    int depth;
    int64_t count;
};

struct finder {
    struct arena *arena;
    struct seed *seeds; /* [n] */
    size_t n, room;
    int min_frequency;
    struct node path[SEED_CHARS + 2]; /* the open nodes; the root at 0 */
    int n_path;
};

static void report(struct finder *f, const int32_t *text, struct node node)
{
    char bytes[4 * SEED_CHARS];
    size_t n = 0;
    if (node.depth != 1 && node.count < f->min_frequency)
        return;
    for (int i = 0; i < node.depth; i++)
        n += (size_t)unicode_encode(bytes + n, text[i]);
    if (f->n == f->room) {
        f->room = 2 * f->room + 1024;
        f->seeds = xrealloc(f->seeds, f->room * sizeof *f->seeds);
    }
    f->seeds[f->n++] = (struct seed){.text = arena_strndup(f->arena, bytes, n),
                                     .n_bytes = (uint32_t)n,
                                     .single = node.depth == 1,
                                     .count = node.count};
}

/* Closes the open nodes of text that are deeper than depth. */
static void close_nodes(struct finder *f, const int32_t *text, int depth)
{
    while (f->path[f->n_path - 1].depth > depth) {
        struct node node = f->path[--f->n_path];
        report(f, text, node);
        /* A single character always gets a node: it is a piece also where nothing branches. */
        int open = depth > 0 || node.depth == 1 ? depth : 1;
        if (open > f->path[f->n_path - 1].depth)
            f->path[f->n_path++] = (struct node){open, 0};
        f->path[f->n_path - 1].count += node.count;
    }
}

static void walk(struct finder *f, const struct suffix *suffixes, size_t n)
{
    f->path[f->n_path++] = (struct node){0};
    for (size_t i = 0; i < n; i++) {
        const int32_t *at = suffixes[i].at;
        int length = 0;
        while (length < SEED_CHARS && at[length] != 0)
            length++;
        if (i > 0)
            close_nodes(f, suffixes[i - 1].at, shared(suffixes[i - 1].at, at));
        if (length > f->path[f->n_path - 1].depth)
            f->path[f->n_path++] = (struct node){length, 0};
        f->path[f->n_path - 1].count += suffixes[i].count;
    }
    if (n > 0)
        close_nodes(f, suffixes[n - 1].at, 0);
}

static int by_cover(const void *a, const void *b)
{
    const struct seed *x = a, *y = b;
    if (x->single != y->single)
        return x->single ? -1 : 1;
    int64_t cover_x = x->count * x->n_bytes, cover_y = y->count * y->n_bytes;
    if (cover_x != cover_y)
        return cover_x > cover_y ? -1 : 1;
    return strcmp(x->text, y->text);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(((const struct seed *)a)->text, ((const struct seed *)b)->text);
}

size_t seeds_find(struct seed **seeds, const struct words *runs, int min_frequency,
                  size_t max_seeds, struct arena *a)
{
    size_t n_bytes = 0, n = 0, n_singles = 0;
    for (size_t i = 0; i < runs->n; i++)
        n_bytes += runs->at[i].n_bytes + 1;
    int32_t *chars = xmalloc((n_bytes + 1) * sizeof *chars), *end = chars;
    struct suffix *suffixes = xmalloc((n_bytes + 1) * sizeof *suffixes);
    for (size_t i = 0; i < runs->n; i++) {
        const struct word_count *run = &runs->at[i];
        int step;
        for (size_t at = 0; at < run->n_bytes; at += (size_t)step) {
            suffixes[n++] = (struct suffix){end, run->count};
            *end++ = unicode_decode(run->text + at, &step);
        }
        *end++ = 0;
    }
    qsort(suffixes, n, sizeof *suffixes, compare_suffixes);
    struct finder f = {.arena = a, .min_frequency = min_frequency};
    walk(&f, suffixes, n);
    free(chars);
    free(suffixes);
    if (f.n > 0)
        qsort(f.seeds, f.n, sizeof *f.seeds, by_cover);
    while (n_singles < f.n && f.seeds[n_singles].single)
        n_singles++;
    if (f.n > n_singles + max_seeds)
        f.n = n_singles + max_seeds;
    if (f.n > 0)
        qsort(f.seeds, f.n, sizeof *f.seeds, by_text);
    *seeds = f.seeds;
    return f.n;
}
