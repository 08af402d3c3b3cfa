/*
 * near: which rows have a near copy before them (used by audit.c).
 *
 * MinHash of three-word shingles in bands, each candidate checked by the exact
 * Jaccard similarity: what is found is true, a few pairs may be missed.
 */
#ifndef FT_DATASETS_NEAR_H
#define FT_DATASETS_NEAR_H

#include "harness/base/arena.h"

#include <stdbool.h>
#include <stdint.h>

/* The hash of the next word from *at on, which moves behind it; false at the end. Words are runs
 * of letters, marks, digits and emoji, in lower case. */
bool near_word(const char **at, uint64_t *hash);

/* The different shingles of a text, ascending. A shingle is three words in lower
 * case without punctuation; a text of fewer words is one shingle. */
struct shingles {
    const uint64_t *hash; /* [n] */
    int n;
    int n_words;
};
struct shingles shingles_of(const char *text, struct arena *a);

/* Size of intersection over size of union; 0 when both are empty. */
double shingles_jaccard(const struct shingles *x, const struct shingles *y);

/* seen(context, row, earlier) is called for each candidate pair, earlier < row,
 * similarity at least NEAR_MIN; a pair may come more than once. */
#define NEAR_MIN 0.8
typedef void near_seen(void *context, int row, int earlier);
void near_pairs(const struct shingles *rows, int n, near_seen *seen, void *context);

#endif
