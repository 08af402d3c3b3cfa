/*
 * unicode: the character classes and mappings of Hugging Face's BERT tokenizer.
 *
 * Its tables mix several versions of Unicode (categories and combining
 * classes from about Unicode 9, lower case from 17). Frozen copies of what differs
 * are kept in unicode_table.c, so ids do not depend on the installed utf8proc;
 * the rest (decomposition, lower case) is utf8proc's. Measured
 * over all code points by tests/golden/tokenize/make_unicode.py.
 */
#ifndef FT_MODELS_TOKENIZE_UNICODE_H
#define FT_MODELS_TOKENIZE_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Removed by clean_text: control, format and private use characters other than
 * tab, line feed and carriage return; U+FFFD. */
bool unicode_is_dropped(int32_t c);

/* White_Space, tab to carriage return included. */
bool unicode_is_space(int32_t c);

/* The ideograph blocks BERT surrounds by spaces. */
bool unicode_is_ideograph(int32_t c);

/* Punctuation: every ASCII sign that is no letter or digit, and category P. */
bool unicode_is_punctuation(int32_t c);

/* Nonspacing mark (category Mn). */
bool unicode_is_mark(int32_t c);

/* Canonical combining class, 0 to 254, as Unicode 9 had it. */
int unicode_combining_class(int32_t c);

#define UNICODE_EXPANSION_MAX 4

/* Full canonical decomposition, not reordered. Returns the number in out. */
int unicode_decompose(int32_t out[UNICODE_EXPANSION_MAX], int32_t c);

/* Lower case, free of context. Returns the number in out (1 or 2). */
int unicode_lower(int32_t out[UNICODE_EXPANSION_MAX], int32_t c);

/* One code point from valid UTF-8 at text; its length goes to n_bytes. */
int32_t unicode_decode(const char *text, int *n_bytes);

/* UTF-8 of c into out; returns 1 to 4. */
int unicode_encode(char out[4], int32_t c);

#endif
