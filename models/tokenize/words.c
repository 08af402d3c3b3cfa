#include "models/tokenize/words.h"

#include "models/tokenize/vocabulary.h"

#include <stdlib.h>
#include <string.h>

static uint32_t hash_text(const char *text, size_t n_bytes)
{
    uint32_t hash = VOCABULARY_HASH_START;
    for (size_t i = 0; i < n_bytes; i++)
        hash = vocabulary_hash(hash, (unsigned char)text[i]);
    return hash;
}

/* The slot that holds text, or a free one. */
static size_t find_slot(const struct words *w, const char *text, size_t n_bytes, uint32_t hash)
{
    size_t slot = hash & (w->n_slots - 1);
    while (w->slots[slot]) {
        const struct word_count *c = &w->at[w->slots[slot] - 1];
        if (c->hash == hash && c->n_bytes == n_bytes && memcmp(c->text, text, n_bytes) == 0)
            break;
        slot = (slot + 1) & (w->n_slots - 1);
    }
    return slot;
}

static void grow(struct words *w)
{
    w->room = w->room ? 2 * w->room : 1024;
    w->at = xrealloc(w->at, w->room * sizeof *w->at);
    free(w->slots);
    w->n_slots = 2 * w->room;
    w->slots = xmalloc(w->n_slots * sizeof *w->slots);
    memset(w->slots, 0, w->n_slots * sizeof *w->slots);
    for (size_t i = 0; i < w->n; i++) {
        const struct word_count *c = &w->at[i];
        w->slots[find_slot(w, c->text, c->n_bytes, c->hash)] = (uint32_t)i + 1;
    }
}

size_t words_add(struct words *w, const char *text, size_t n_bytes, int64_t count)
{
    if (w->n == w->room)
        grow(w);
    uint32_t hash = hash_text(text, n_bytes);
    size_t slot = find_slot(w, text, n_bytes, hash);
    if (!w->slots[slot]) {
        w->at[w->n] = (struct word_count){.text = arena_strndup(&w->arena, text, n_bytes),
                                          .n_bytes = (uint32_t)n_bytes,
                                          .hash = hash};
        w->slots[slot] = (uint32_t)++w->n;
    }
    size_t i = w->slots[slot] - 1;
    w->at[i].count += count;
    return i;
}

int64_t words_find(const struct words *w, const char *text, size_t n_bytes)
{
    if (w->n == 0)
        return -1;
    return (int64_t)w->slots[find_slot(w, text, n_bytes, hash_text(text, n_bytes))] - 1;
}

static int compare_words(const void *a, const void *b)
{
    return strcmp(((const struct word_count *)a)->text, ((const struct word_count *)b)->text);
}

void words_sort(struct words *w)
{
    if (w->n > 0)
        qsort(w->at, w->n, sizeof *w->at, compare_words);
}

void words_release(struct words *w)
{
    arena_release(&w->arena);
    free(w->at);
    free(w->slots);
    *w = (struct words){0};
}

struct character {
    int32_t c;
    int64_t count;
};

static int compare_characters(const void *a, const void *b)
{
    const struct character *x = a, *y = b;
    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    return x->c < y->c ? -1 : 1;
}

int characters_choose(bool kept[N_CODE_POINTS], const int64_t counts[N_CODE_POINTS],
                      double coverage)
{
    struct character *all = xmalloc(N_CODE_POINTS * sizeof *all);
    size_t n = 0;
    int64_t total = 0, covered = 0;
    for (int32_t c = 0; c < N_CODE_POINTS; c++) {
        kept[c] = false;
        total += counts[c];
        if (counts[c] > 0)
            all[n++] = (struct character){c, counts[c]};
    }
    if (n > 0)
        qsort(all, n, sizeof *all, compare_characters);
    int n_kept = 0;
    for (size_t i = 0; i < n && (double)covered < coverage * (double)total; i++, n_kept++) {
        kept[all[i].c] = true;
        covered += all[i].count;
    }
    free(all);
    return n_kept;
}
