/*
 * unicode_table: frozen sets of code points, private to unicode.c.
 *
 * Written by tests/golden/tokenize/make_unicode.py; ranges are inclusive, sorted
 * and apart.
 */
#ifndef FT_MODELS_TOKENIZE_UNICODE_TABLE_H
#define FT_MODELS_TOKENIZE_UNICODE_TABLE_H

#include <stdint.h>

struct unicode_range {
    int32_t first, last;
};

struct unicode_set {
    const struct unicode_range *ranges;
    int n;
};

extern const struct unicode_set unicode_dropped;
extern const struct unicode_set unicode_punctuation;
extern const struct unicode_set unicode_marks;

/* Characters with a canonical combining class that are none of unicode_marks. */
struct unicode_class {
    int32_t first, last;
    int class;
};

extern const struct unicode_class unicode_kept_marks[];
extern const int unicode_n_kept_marks;

#endif
