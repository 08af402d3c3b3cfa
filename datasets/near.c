#include "datasets/near.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

enum {
    BANDS = 16,
    BAND_ROWS = 4,     /* P(candidate) = 1 - (1 - s^4)^16: 0.9998 at s = 0.8 */
    BUCKET_LOOKS = 32, /* members of a bucket compared, nearest first */
};

/* A bijective mixer (the finaliser of SplitMix64). */
static uint64_t mix(uint64_t x)
{
    x ^= x >> 30;
    x *= 0xbf58476d1ce4e5b9u;
    x ^= x >> 27;
    x *= 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

bool near_word(const char **at, uint64_t *hash)
{
    uint64_t h = 0;
    int letters = 0;
    while (**at) {
        utf8proc_int32_t c;
        utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)*at, -1, &c);
        if (n <= 0) {
            n = 1;
            c = ' ';
        }
        utf8proc_category_t k = utf8proc_category(c);
        bool part = (k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_NO) ||
                    k == UTF8PROC_CATEGORY_SO; /* emoji tell texts apart */
        if (!part && letters > 0)
            break;
        *at += n;
        if (part) {
            h = mix(h ^ (uint64_t)(uint32_t)utf8proc_tolower(c)) + 1;
            letters++;
        }
    }
    *hash = h;
    return letters > 0;
}

static int by_value(const void *x, const void *y)
{
    const uint64_t *a = x, *b = y;
    return *a < *b ? -1 : *a > *b;
}

struct shingles shingles_of(const char *text, struct arena *a)
{
    size_t n_max = strlen(text) / 2 + 2; /* a word and what parts it: two bytes */
    uint64_t *hash = xmalloc(n_max * sizeof *hash), word;
    int n = 0;
    while (near_word(&text, &word))
        hash[n++] = word;
    struct shingles s = {.n_words = n};
    int n_shingles = n >= 3 ? n - 2 : n > 0;
    for (int i = 0; i < n_shingles; i++)
        for (int k = 1; k < 3 && i + k < n; k++)
            hash[i] = mix(hash[i] * 3 + hash[i + k]);
    qsort(hash, (size_t)n_shingles, sizeof *hash, by_value);
    for (int i = 0; i < n_shingles; i++)
        if (i == 0 || hash[i] != hash[s.n - 1])
            hash[s.n++] = hash[i];
    uint64_t *kept = arena_array(a, (size_t)s.n, sizeof *kept);
    if (s.n > 0)
        memcpy(kept, hash, (size_t)s.n * sizeof *kept);
    s.hash = kept;
    free(hash);
    return s;
}

double shingles_jaccard(const struct shingles *x, const struct shingles *y)
{
    int i = 0, j = 0, both = 0;
    while (i < x->n && j < y->n) {
        if (x->hash[i] == y->hash[j]) {
            both++;
            i++;
            j++;
        } else if (x->hash[i] < y->hash[j]) {
            i++;
        } else {
            j++;
        }
    }
    int all = x->n + y->n - both;
    return all ? (double)both / all : 0;
}

struct banded {
    uint64_t key;
    int row;
};

static int by_key(const void *x, const void *y)
{
    const struct banded *a = x, *b = y;
    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    return a->row < b->row ? -1 : a->row > b->row;
}

static uint64_t band_key(const struct shingles *s, int band)
{
    uint64_t key = 0;
    for (int k = 0; k < BAND_ROWS; k++) {
        uint64_t salt = mix((uint64_t)band * BAND_ROWS + (uint64_t)k + 1), low = UINT64_MAX;
        for (int i = 0; i < s->n; i++) {
            uint64_t h = mix(s->hash[i] ^ salt);
            low = h < low ? h : low;
        }
        key = mix(key ^ low) + 1;
    }
    return key;
}

void near_pairs(const struct shingles *rows, int n, near_seen *seen, void *context)
{
    struct banded *banded = xmalloc((size_t)(n + 1) * sizeof *banded);
    for (int band = 0; band < BANDS; band++) {
        int m = 0;
        for (int i = 0; i < n; i++)
            if (rows[i].n > 0)
                banded[m++] = (struct banded){band_key(&rows[i], band), i};
        qsort(banded, (size_t)m, sizeof *banded, by_key);
        for (int i = 1; i < m; i++)
            for (int j = i - 1; j >= 0 && j >= i - BUCKET_LOOKS; j--) {
                if (banded[j].key != banded[i].key)
                    break;
                const struct shingles *x = &rows[banded[i].row], *y = &rows[banded[j].row];
                if (shingles_jaccard(x, y) >= NEAR_MIN)
                    seen(context, banded[i].row, banded[j].row);
            }
    }
    free(banded);
}
