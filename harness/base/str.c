#include "harness/base/str.h"

#include "harness/base/arena.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

void str_release(struct str *s)
{
    free(s->buf);
    *s = (struct str){0};
}

void str_clear(struct str *s)
{
    s->len = 0;
    if (s->buf)
        s->buf[0] = '\0';
}

const char *str_text(const struct str *s)
{
    return s->buf ? s->buf : "";
}

/* Room for n_bytes more and the NUL. */
static void reserve(struct str *s, size_t n_bytes)
{
    size_t need = s->len + n_bytes + 1;
    assert(need > s->len);
    if (need <= s->alloc_bytes)
        return;
    size_t grown = s->alloc_bytes + s->alloc_bytes / 2 + 32;
    s->alloc_bytes = grown > need ? grown : need;
    s->buf = xrealloc(s->buf, s->alloc_bytes);
}

void str_add(struct str *s, const char *text)
{
    str_add_bytes(s, text, strlen(text));
}

void str_add_bytes(struct str *s, const void *data, size_t n_bytes)
{
    reserve(s, n_bytes);
    if (n_bytes)
        memcpy(s->buf + s->len, data, n_bytes);
    s->len += n_bytes;
    s->buf[s->len] = '\0';
}

void str_add_char(struct str *s, char c)
{
    str_add_bytes(s, &c, 1);
}

void str_printf(struct str *s, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    assert(n >= 0);
    reserve(s, (size_t)n);
    vsnprintf(s->buf + s->len, (size_t)n + 1, fmt, again);
    va_end(again);
    s->len += (size_t)n;
}

bool str_equal(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

bool str_starts(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool str_ends(const char *text, const char *suffix)
{
    size_t n = strlen(text), n_suffix = strlen(suffix);
    return n >= n_suffix && strcmp(text + n - n_suffix, suffix) == 0;
}

int str_index(const char *const *list, const char *text)
{
    for (int i = 0; list[i]; i++)
        if (strcmp(list[i], text) == 0)
            return i;
    return -1;
}

static int least(int a, int b)
{
    return a < b ? a : b;
}

enum { LONGEST_NAME = 63 }; /* longer texts are nobody's misspelling */

/* Edits that turn a into b: insert, delete, replace a byte, or swap two
 * neighbours (optimal string alignment). */
static int edit_distance(const char *a, const char *b)
{
    int d[LONGEST_NAME + 1][LONGEST_NAME + 1];
    int n = (int)strlen(a), m = (int)strlen(b);
    for (int i = 0; i <= n; i++) {
        for (int j = 0; j <= m; j++) {
            if (i == 0 || j == 0) {
                d[i][j] = i + j;
                continue;
            }
            int best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            best = least(best, least(d[i - 1][j], d[i][j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                best = least(best, d[i - 2][j - 2] + 1);
            d[i][j] = best;
        }
    }
    return d[n][m];
}

const char *str_nearest(const char *const *names, int n, const char *text)
{
    const char *best = NULL;
    int best_distance = 0;
    size_t n_text = strlen(text);
    for (int i = 0; i < n; i++) {
        size_t n_name = strlen(names[i]);
        if (n_name > LONGEST_NAME || n_text > LONGEST_NAME)
            continue;
        int distance = edit_distance(names[i], text);
        if (3 * (size_t)distance > (n_name > n_text ? n_name : n_text))
            continue;
        if (!best || distance < best_distance) {
            best = names[i];
            best_distance = distance;
        }
    }
    return best;
}

int str_to_long(long *out, const char *text)
{
    char *end;
    if (!*text || strspn(text, "+-0123456789") != strlen(text))
        return -1;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (errno || end == text || *end)
        return -1;
    *out = value;
    return 0;
}

int str_to_double(double *out, const char *text)
{
    char *end;
    /* Keeps out blanks, hexadecimal, "inf" and "nan". */
    if (!*text || strspn(text, "+-.0123456789eE") != strlen(text))
        return -1;
    double value = strtod(text, &end);
    if (end == text || *end || !isfinite(value))
        return -1;
    *out = value;
    return 0;
}

void str_add_double(struct str *s, double value)
{
    char text[40];
    int digits = 1;
    for (; digits < 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    /* With fewer digits than places before the point, %g would write 10 as 1e+01. */
    int n_places = 1;
    for (double limit = 10; limit <= fabs(value) && fabs(value) < 1e16; limit *= 10)
        n_places++;
    if (digits < n_places)
        digits = n_places;
    snprintf(text, sizeof text, "%.*g", digits, value);
    str_add(s, text);
}

long str_utf8_error(const char *text, size_t n_bytes)
{
    const utf8proc_uint8_t *bytes = (const utf8proc_uint8_t *)text;
    for (size_t i = 0; i < n_bytes;) {
        if (bytes[i] < 0x80) {
            i++;
            continue;
        }
        /* Never more than one character, so that the length fits whatever n_bytes. */
        size_t left = n_bytes - i < 4 ? n_bytes - i : 4;
        utf8proc_int32_t code;
        utf8proc_ssize_t used = utf8proc_iterate(bytes + i, (utf8proc_ssize_t)left, &code);
        if (used <= 0)
            return (long)i;
        i += (size_t)used;
    }
    return -1;
}

void str_add_latin1(struct str *s, const char *text, size_t n_bytes)
{
    for (size_t i = 0; i < n_bytes; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c >= 0x80) {
            str_add_char(s, (char)(0xC0 | (c >> 6)));
            str_add_char(s, (char)(0x80 | (c & 0x3F)));
        } else {
            str_add_char(s, (char)c);
        }
    }
}
