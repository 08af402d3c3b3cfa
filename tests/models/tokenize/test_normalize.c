/*
 * Normaliser and word cut over every code point, beside digests of what Hugging
 * Face's make of them (make_unicode.py). A newer utf8proc that decomposes or
 * lower-cases differently is found here, with the block where it does.
 */
#include "harness/base/file.h"
#include "harness/base/hash.h"
#include "models/tokenize/normalize.h"
#include "models/tokenize/unicode.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct normalizer cased = {.clean_text = true, .handle_chinese_chars = true};
static const struct normalizer uncased = {
    .clean_text = true, .handle_chinese_chars = true, .strip_accents = true, .lowercase = true};

/* Appends the words of text with a blank between and a newline at the end. */
static void add_words(struct str *out, const struct normalizer *how, const char *text,
                      size_t n_bytes)
{
    struct code_points chars = {0};
    normalize(&chars, how, text, n_bytes);
    bool first = true;
    for (size_t start = 0, end; (end = normalize_word(&chars, &start)) > start; start = end) {
        if (!first)
            str_add_char(out, ' ');
        first = false;
        for (size_t i = start; i < end; i++) {
            char bytes[4];
            str_add_bytes(out, bytes, (size_t)unicode_encode(bytes, chars.at[i]));
        }
    }
    str_add_char(out, '\n');
    code_points_release(&chars);
}

/* Digest of 4096 code points from first on, each between letters and alone. */
static void block_digest(char hex[HASH_HEX_SIZE], const struct normalizer *how, int32_t first)
{
    struct str words = {0};
    for (int32_t c = first; c < first + 4096; c++) {
        if (c == 0 || (c >= 0xd800 && c < 0xe000))
            continue;
        char text[6] = "a";
        int n = unicode_encode(text + 1, c);
        text[1 + n] = 'b';
        add_words(&words, how, text, (size_t)n + 2);
        add_words(&words, how, text + 1, (size_t)n);
    }
    hash_bytes(hex, str_text(&words), words.len);
    str_release(&words);
}

Test(normalize, every_code_point)
{
    struct err e = {0};
    struct str file = {0};
    cr_assert_eq(file_read(&file, "tests/golden/tokenize/unicode_digests.tsv", &e), 0, "%s",
                 e.text);
    int n = 0;
    for (char *line = strchr(file.buf, '\n') + 1; *line; line = strchr(line, '\n') + 1) {
        char kind[16], wanted[HASH_HEX_SIZE], got[HASH_HEX_SIZE];
        unsigned first;
        cr_assert_eq(sscanf(line, "%15s %x %64s", kind, &first, wanted), 3);
        block_digest(got, strcmp(kind, "cased") == 0 ? &cased : &uncased, (int32_t)first);
        cr_expect_str_eq(got, wanted, "%s: some code point from U+%04X on", kind, first);
        n++;
    }
    cr_assert_eq(n, 2 * 0x110);
    str_release(&file);
}

static void words_are(const struct normalizer *how, const char *text, const char *wanted)
{
    struct str out = {0};
    add_words(&out, how, text, strlen(text));
    cr_expect(strncmp(out.buf, wanted, out.len - 1) == 0 && strlen(wanted) == out.len - 1,
              "\"%s\": \"%.*s\", wanted \"%s\"", text, (int)out.len - 1, out.buf, wanted);
    str_release(&out);
}

/* Each switch alone; the stored ids only show the usual combinations. */
Test(normalize, switches)
{
    words_are(&(struct normalizer){0}, "\u00c9t\u00e9\u200b\u4e2d\u6587 x\v\xc2\x85y",
              "\u00c9t\u00e9\u200b\u4e2d\u6587 x y");
    words_are(&(struct normalizer){.clean_text = true}, "\u00c9\u200bt x\v\xc2\x85y\ufffd",
              "\u00c9t xy");
    words_are(&(struct normalizer){.handle_chinese_chars = true}, "a\u4e2d\u6587b",
              "a \u4e2d \u6587 b");
    words_are(&(struct normalizer){.strip_accents = true}, "\u00c9t\u00e9 \u0130", "Ete I");
    words_are(&(struct normalizer){.lowercase = true}, "\u00c9T\u00c9 \u0130\u03a3 \u1e9e",
              "\u00e9t\u00e9 i\u0307\u03c3 \u00df");
}

/* Canonical order decides which of two stacked marks comes first, where both are
 * kept. U+1DF8 has a class only since Unicode 10, after the tokenizer's table. */
Test(normalize, marks_are_put_in_canonical_order)
{
    static const struct normalizer strip = {.strip_accents = true};
    words_are(&strip, "a\U0001e000\u302e\u0323\U0001d165b", "a\U0001d165\u302e\U0001e000b");
    words_are(&strip, "a\u302e\u034f\U0001d165b", "a\u302e\U0001d165b");
    words_are(&strip, "a\u302e\u1df8\U0001d165b", "a\u302e\u1df8\U0001d165b");
}

/* Half a million marks, each out of order: minutes if sorting were quadratic. */
Test(normalize, a_long_run_of_marks_takes_no_time, .timeout = 10)
{
    static const struct normalizer strip = {.strip_accents = true};
    struct str text = {0};
    struct code_points out = {0};
    for (int i = 0; i < 250000; i++)
        str_add(&text, "\U0001e000\U0001d165");
    normalize(&out, &strip, text.buf, text.len);
    cr_assert_eq(out.n, 500000);
    cr_assert_eq(out.at[249999], 0x1d165);
    cr_assert_eq(out.at[250000], 0x1e000);
    code_points_release(&out);
    str_release(&text);
}
