#include "models/tokenize/unicode.h"

#include "models/tokenize/unicode_table.h"

#include <utf8proc.h>

static bool set_has(const struct unicode_set *set, int32_t c)
{
    int low = 0, high = set->n;
    while (low < high) {
        int middle = (low + high) / 2;
        if (set->ranges[middle].last < c)
            low = middle + 1;
        else
            high = middle;
    }
    return low < set->n && set->ranges[low].first <= c;
}

bool unicode_is_dropped(int32_t c)
{
    if (c < 0x80)
        return c == 0x7f || (c < 0x20 && c != '\t' && c != '\n' && c != '\r');
    return set_has(&unicode_dropped, c);
}

bool unicode_is_space(int32_t c)
{
    if (c < 0x80)
        return c == ' ' || (c >= '\t' && c <= '\r');
    return c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 ||
           c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

bool unicode_is_ideograph(int32_t c)
{
    /* Extension E begins at 2B820; 2B920 is what the tokenizer was written with. */
    return (c >= 0x4e00 && c <= 0x9fff) || (c >= 0x3400 && c <= 0x4dbf) ||
           (c >= 0x20000 && c <= 0x2a6df) || (c >= 0x2a700 && c <= 0x2b81f) ||
           (c >= 0x2b920 && c <= 0x2ceaf) || (c >= 0xf900 && c <= 0xfaff) ||
           (c >= 0x2f800 && c <= 0x2fa1f);
}

bool unicode_is_punctuation(int32_t c)
{
    if (c < 0x80)
        return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') ||
               (c >= '{' && c <= '~');
    return set_has(&unicode_punctuation, c);
}

bool unicode_is_mark(int32_t c)
{
    return c >= 0x300 && set_has(&unicode_marks, c);
}

int unicode_combining_class(int32_t c)
{
    if (c < 0x300)
        return 0;
    if (unicode_is_mark(c)) /* old enough to have the class in every version */
        return (int)utf8proc_get_property(c)->combining_class;
    for (int i = 0; i < unicode_n_kept_marks; i++) {
        if (c <= unicode_kept_marks[i].last)
            return c < unicode_kept_marks[i].first ? 0 : unicode_kept_marks[i].class;
    }
    return 0;
}

int unicode_decompose(int32_t out[UNICODE_EXPANSION_MAX], int32_t c)
{
    out[0] = c;
    if (c < 0xc0)
        return 1;
    /* U+11938 has a decomposition since Unicode 13, after the tokenizer's table. */
    if (c == 0x11938)
        return 1;
    int boundary = 0;
    int n =
        (int)utf8proc_decompose_char(c, out, UNICODE_EXPANSION_MAX, UTF8PROC_DECOMPOSE, &boundary);
    return n < 1 || n > UNICODE_EXPANSION_MAX ? 1 : n;
}

/* Capital letters newer than Unicode 15, which utf8proc 2.8 lacks. */
static const struct {
    int32_t first, last, lower;
} new_capitals[] = {
    {0x1c89, 0x1c89, 0x1c8a},    {0xa7cb, 0xa7cb, 0x264},  {0xa7cc, 0xa7cc, 0xa7cd},
    {0xa7ce, 0xa7ce, 0xa7cf},    {0xa7d2, 0xa7d2, 0xa7d3}, {0xa7d4, 0xa7d4, 0xa7d5},
    {0xa7da, 0xa7da, 0xa7db},    {0xa7dc, 0xa7dc, 0x19b},  {0x10d50, 0x10d65, 0x10d70},
    {0x16ea0, 0x16eb8, 0x16ebb},
};

int unicode_lower(int32_t out[UNICODE_EXPANSION_MAX], int32_t c)
{
    if (c < 0x80) {
        out[0] = c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
        return 1;
    }
    if (c == 0x130) { /* the only one that becomes two: i and a dot above */
        out[0] = 'i';
        out[1] = 0x307;
        return 2;
    }
    out[0] = utf8proc_tolower(c);
    for (size_t i = 0; i < sizeof new_capitals / sizeof *new_capitals; i++) {
        if (c >= new_capitals[i].first && c <= new_capitals[i].last)
            out[0] = new_capitals[i].lower + (c - new_capitals[i].first);
    }
    return 1;
}

int32_t unicode_decode(const char *text, int *n_bytes)
{
    const unsigned char *b = (const unsigned char *)text;
    if (b[0] < 0x80) {
        *n_bytes = 1;
        return b[0];
    }
    if (b[0] < 0xe0) {
        *n_bytes = 2;
        return (b[0] & 0x1f) << 6 | (b[1] & 0x3f);
    }
    if (b[0] < 0xf0) {
        *n_bytes = 3;
        return (b[0] & 0x0f) << 12 | (b[1] & 0x3f) << 6 | (b[2] & 0x3f);
    }
    *n_bytes = 4;
    return (b[0] & 0x07) << 18 | (b[1] & 0x3f) << 12 | (b[2] & 0x3f) << 6 | (b[3] & 0x3f);
}

int unicode_encode(char out[4], int32_t c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    int n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (int i = n - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (c & 0x3f));
        c >>= 6;
    }
    out[0] = (char)(lead[n] | c);
    return n;
}
