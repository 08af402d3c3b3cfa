/*
 * str: a growing string, and the few questions we ask of text.
 *
 * buf is always NUL-terminated (a zeroed struct reads as "" through str_text).
 */
#ifndef FT_HARNESS_BASE_STR_H
#define FT_HARNESS_BASE_STR_H

#include "harness/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct str {
    char *buf;  /* owned; NULL while empty */
    size_t len; /* bytes before the NUL */
    size_t alloc_bytes;
};

void str_release(struct str *s);
void str_clear(struct str *s);
const char *str_text(const struct str *s);
void str_add(struct str *s, const char *text);
void str_add_bytes(struct str *s, const void *data, size_t n_bytes);
void str_add_char(struct str *s, char c);
void str_printf(struct str *s, const char *fmt, ...) PRINTF_LIKE(2, 3);

bool str_equal(const char *a, const char *b); /* NULL equals NULL only */
bool str_starts(const char *text, const char *prefix);
bool str_ends(const char *text, const char *suffix);

/* Index of text in a NULL-terminated list, or -1. */
int str_index(const char *const *list, const char *text);

/* The entry of names[0..n) nearest to text by edit distance, or NULL when none
 * is within a third of its length: for "did you mean". */
const char *str_nearest(const char *const *names, int n, const char *text);

/* Whole-text number parsing: -1 unless all of text is one number in range. */
int str_to_long(long *out, const char *text) MUST_CHECK;
int str_to_double(double *out, const char *text) MUST_CHECK;

/* Shortest decimal that reads back as the same double ("0.001", "2e-05"). */
void str_add_double(struct str *s, double value);

/* Offset of the first byte that is not valid UTF-8, or -1 when all is. */
long str_utf8_error(const char *text, size_t n_bytes);

/* Appends the UTF-8 encoding of an ISO-8859-1 text. */
void str_add_latin1(struct str *s, const char *text, size_t n_bytes);

#endif
