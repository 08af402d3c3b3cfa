#include "models/tokenize/charsmap.h"

#include "harness/base/arena.h"
#include "models/tokenize/unicode.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

/* Clusters of as many bytes or more are mapped character by character. */
enum { CLUSTER_BYTES = 6 };

static uint32_t little_endian(const unsigned char *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

int charsmap_init(struct charsmap *m, const void *bytes, size_t n_bytes, const char *what,
                  struct err *e)
{
    const unsigned char *at = bytes;
    *m = (struct charsmap){0};
    if (n_bytes < 4)
        return err_set(e, "%s: precompiled_charsmap of %zu bytes has no trie", what, n_bytes);
    size_t trie_bytes = little_endian(at);
    if (trie_bytes == 0 || trie_bytes % 4 != 0 || trie_bytes > n_bytes - 4)
        return err_set(e, "%s: precompiled_charsmap of %zu bytes claims a trie of %zu", what,
                       n_bytes, trie_bytes);
    m->n_units = trie_bytes / 4;
    m->units = xmalloc(trie_bytes);
    for (size_t i = 0; i < m->n_units; i++)
        m->units[i] = little_endian(at + 4 + 4 * i);
    m->n_texts = n_bytes - 4 - trie_bytes;
    m->texts = xmalloc(m->n_texts + 1);
    memcpy(m->texts, at + 4 + trie_bytes, m->n_texts);
    if (m->n_texts == 0 || m->texts[m->n_texts - 1] != '\0')
        return err_set(e, "%s: precompiled_charsmap does not end its last text", what);
    long bad = str_utf8_error(m->texts, m->n_texts);
    if (bad >= 0)
        return err_set(e, "%s: precompiled_charsmap is not UTF-8 at byte %zu", what,
                       4 + trie_bytes + (size_t)bad);
    struct hash *h = hash_new();
    hash_update(h, bytes, n_bytes);
    hash_final(h, m->hash);
    hash_free(h);
    return 0;
}

void charsmap_release(struct charsmap *m)
{
    free(m->units);
    free(m->texts);
    *m = (struct charsmap){0};
}

/* A unit's fields: bit 8 says that a key ends at it, bits 10 up (times 256 with bit 9) are
 * the distance to its children; of a leaf, all but bit 31 are the value. */
static size_t children(uint32_t unit)
{
    return (size_t)(unit >> 10) << ((unit & 1u << 9) >> 6);
}

/* What the shortest key that text begins with maps to, or NULL. */
static const char *find(const struct charsmap *m, const char *text, size_t n_bytes)
{
    size_t node = children(m->units[0]);
    for (size_t i = 0; i < n_bytes; i++) {
        unsigned char byte = (unsigned char)text[i];
        node ^= byte;
        if (node >= m->n_units)
            return NULL;
        uint32_t unit = m->units[node];
        if ((unit & (1u << 31 | 0xff)) != byte)
            return NULL;
        node ^= children(unit);
        if (unit & 1u << 8) {
            size_t value = node < m->n_units ? m->units[node] & ~(1u << 31) : m->n_texts;
            /* A place within a character is no text. */
            if (value >= m->n_texts || ((unsigned char)m->texts[value] & 0xc0) == 0x80)
                return NULL;
            return m->texts + value;
        }
    }
    return NULL;
}

/* A character of the same kind that every utf8proc knows: what Unicode 16 and 17 added to
 * the marks and changed in the letters that lean on the next one. */
static int32_t stand_in(int32_t c)
{
    static const struct {
        int32_t first, last, like;
    } newer[] = {
        {0x897, 0x897, 0x300},     {0x1acf, 0x1add, 0x300}, {0x1ae0, 0x1aeb, 0x300},
        {0x113d1, 0x113d1, 0x600}, {0x11a3a, 0x11a3a, 'a'},
    };
    for (size_t i = 0; i < sizeof newer / sizeof *newer; i++) {
        if (c >= newer[i].first && c <= newer[i].last)
            return newer[i].like;
    }
    return c;
}

/* Bytes of the grapheme cluster at text. */
static size_t cluster(const char *text, size_t n_bytes)
{
    int length, next;
    utf8proc_int32_t state = 0;
    /* ASCII beside ASCII is a cluster, but for a line's end. */
    if (n_bytes == 1 || (((unsigned char)text[0] | (unsigned char)text[1]) < 0x80 && *text != '\r'))
        return 1;
    int32_t c = stand_in(unicode_decode(text, &length));
    size_t at = (size_t)length;
    while (at < n_bytes) {
        int32_t after = stand_in(unicode_decode(text + at, &next));
        if (utf8proc_grapheme_break_stateful(c, after, &state))
            break;
        c = after;
        at += (size_t)next;
    }
    return at;
}

/* One character, mapped or as it is; returns its bytes. */
static size_t apply_character(struct str *out, const struct charsmap *m, const char *text)
{
    int length;
    unicode_decode(text, &length);
    const char *mapped = find(m, text, (size_t)length);
    if (mapped)
        str_add(out, mapped);
    else
        str_add_bytes(out, text, (size_t)length);
    return (size_t)length;
}

void charsmap_apply(struct str *out, const struct charsmap *m, const char *text, size_t n_bytes)
{
    for (size_t i = 0; i < n_bytes;) {
        size_t n = cluster(text + i, n_bytes - i), end = i + n;
        const char *mapped = n < CLUSTER_BYTES ? find(m, text + i, n) : NULL;
        if (mapped) {
            str_add(out, mapped);
            i = end;
        }
        while (i < end)
            i += apply_character(out, m, text + i);
    }
}
