#include "models/tokenize/normalize.h"

#include "harness/base/arena.h"
#include "models/tokenize/unicode.h"

#include <stdlib.h>
#include <string.h>

void code_points_release(struct code_points *p)
{
    free(p->at);
    *p = (struct code_points){0};
}

static void reserve(struct code_points *p, size_t room)
{
    if (room <= p->room)
        return;
    p->room = room + room / 2;
    p->at = xrealloc(p->at, p->room * sizeof *p->at);
}

static void append(struct code_points *p, int32_t c)
{
    if (p->n == p->room)
        reserve(p, p->n + 64);
    p->at[p->n++] = c;
}

static void clean_and_space(struct code_points *out, const struct normalizer *how, const char *text,
                            size_t n_bytes)
{
    for (size_t i = 0; i < n_bytes;) {
        int length;
        int32_t c = unicode_decode(text + i, &length);
        i += (size_t)length;
        if (how->clean_text) {
            if (unicode_is_dropped(c))
                continue;
            if (unicode_is_space(c))
                c = ' ';
        }
        bool spaced = c >= 0x3400 && how->handle_chinese_chars && unicode_is_ideograph(c);
        if (spaced)
            append(out, ' ');
        append(out, c);
        if (spaced)
            append(out, ' ');
    }
}

/* Stable sort of marks by combining class, a pass a class that occurs: linear also
 * for a hostile text that is one long run of marks. */
static void order_run(int32_t *run, size_t n)
{
    int32_t few[16], *out = n <= 16 ? few : xmalloc(n * sizeof *out);
    size_t n_out = 0;
    for (int class = 1, next; n_out < n; class = next) {
        next = 255;
        for (size_t i = 0; i < n; i++) {
            int k = unicode_combining_class(run[i]);
            if (k == class)
                out[n_out++] = run[i];
            else if (k > class && k < next)
                next = k;
        }
    }
    memcpy(run, out, n * sizeof *run);
    if (out != few)
        free(out);
}

static void order_marks(struct code_points *p)
{
    for (size_t i = 0; i < p->n;) {
        size_t end = i;
        while (end < p->n && unicode_combining_class(p->at[end]) > 0)
            end++;
        if (end - i > 1)
            order_run(p->at + i, end - i);
        i = end + (end == i);
    }
}

static bool all_below(const struct code_points *p, int32_t limit)
{
    int32_t bits = 0;
    for (size_t i = 0; i < p->n; i++)
        bits |= p->at[i];
    return bits < limit;
}

/* Replaces each code point by what map makes of it. */
static void expand(struct code_points *p, int (*map)(int32_t *, int32_t))
{
    struct code_points out = {0};
    reserve(&out, p->n);
    for (size_t i = 0; i < p->n; i++) {
        int32_t to[UNICODE_EXPANSION_MAX];
        int n = map(to, p->at[i]);
        for (int j = 0; j < n; j++)
            append(&out, to[j]);
    }
    code_points_release(p);
    *p = out;
}

static void strip_accents(struct code_points *p)
{
    if (all_below(p, 0x80)) /* nothing decomposes and nothing is a mark */
        return;
    expand(p, unicode_decompose);
    order_marks(p);
    size_t n = 0;
    for (size_t i = 0; i < p->n; i++) {
        if (!unicode_is_mark(p->at[i]))
            p->at[n++] = p->at[i];
    }
    p->n = n;
}

static void lower(struct code_points *p)
{
    if (!all_below(p, 0x80)) {
        expand(p, unicode_lower);
        return;
    }
    for (size_t i = 0; i < p->n; i++) {
        if (p->at[i] >= 'A' && p->at[i] <= 'Z')
            p->at[i] += 'a' - 'A';
    }
}

void normalize(struct code_points *out, const struct normalizer *how, const char *text,
               size_t n_bytes)
{
    out->n = 0;
    reserve(out, n_bytes);
    clean_and_space(out, how, text, n_bytes);
    if (how->strip_accents)
        strip_accents(out);
    if (how->lowercase)
        lower(out);
}

size_t normalize_word(const struct code_points *p, size_t *start)
{
    size_t i = *start;
    while (i < p->n && unicode_is_space(p->at[i]))
        i++;
    *start = i;
    if (i < p->n && unicode_is_punctuation(p->at[i]))
        return i + 1;
    while (i < p->n && !unicode_is_space(p->at[i]) && !unicode_is_punctuation(p->at[i]))
        i++;
    return i;
}
