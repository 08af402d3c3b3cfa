#include "harness/base/file.h"
#include "harness/base/text_file.h"
#include "tests/harness/base/gzip.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char dir[] = "/tmp/ftbench-text-XXXXXX";
static char path[64];

static void make_dir(void)
{
    cr_assert_not_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/text", dir);
}

static void remove_dir(void)
{
    unlink(path);
    rmdir(dir);
}

TestSuite(text_file, .init = make_dir, .fini = remove_dir);

static void write_plain(const char *text, size_t n_bytes)
{
    struct err e = {0};
    cr_assert_eq(file_write(path, text, n_bytes, &e), 0);
}

/* The file's lines are those, and its hash is of text. */
static void expect_lines(const char *const *wanted, int n, const char *text)
{
    struct text_file l;
    struct err e = {0};
    cr_assert_eq(text_file_open(&l, path, &e), 0, "%s", e.text);
    for (int i = 0; i < n; i++) {
        cr_assert_eq(text_file_next(&l, &e), 1, "%s", e.text);
        cr_assert_str_eq(str_text(&l.text), wanted[i]);
        cr_assert_eq(l.number, i + 1);
    }
    cr_assert_eq(text_file_next(&l, &e), 0);
    char hex[HASH_HEX_SIZE], of_text[HASH_HEX_SIZE];
    text_file_hash(&l, hex);
    hash_bytes(of_text, text, strlen(text));
    cr_assert_str_eq(hex, of_text);
    text_file_close(&l);
    text_file_close(&l);
}

/* Reading ends in an error that says so; returns the lines before it. */
static long expect_error(const char *says)
{
    struct text_file l;
    struct err e = {0};
    int rc = text_file_open(&l, path, &e);
    while (rc >= 0 && (rc = text_file_next(&l, &e)) > 0)
        ;
    cr_assert_eq(rc, -1);
    cr_assert(strstr(e.text, path) && strstr(e.text, says), "%s", e.text);
    long n = l.number;
    text_file_close(&l);
    return n;
}

Test(text_file, plain_and_gzip_are_the_same)
{
    static const char *const texts[] = {"one\n\ntwo \xc3\xa9\r\nthree\n",
                                        "one\n\ntwo \xc3\xa9\r\nthree"};
    static const char *const wanted[] = {"one", "", "two \xc3\xa9\r", "three"};
    for (int i = 0; i < 2; i++) {
        write_plain(texts[i], strlen(texts[i]));
        expect_lines(wanted, 4, texts[i]);
        write_gzip(path, texts[i], strlen(texts[i]));
        expect_lines(wanted, 4, texts[i]);
    }
    static const char *const nothing[] = {""};
    write_plain("\n", 1);
    expect_lines(nothing, 1, "\n");
}

Test(text_file, a_line_longer_than_any_block)
{
    enum { LONG = 3000000 };
    char *text = malloc(LONG + 5);
    for (int i = 0; i < LONG; i++)
        text[i] = (char)('a' + i % 8191 % 26);
    memcpy(text + LONG, "\nend", 5);
    char *first = strndup(text, LONG);
    const char *const wanted[] = {first, "end"};
    write_gzip(path, text, LONG + 4);
    expect_lines(wanted, 2, text);
    write_plain(text, LONG + 4);
    expect_lines(wanted, 2, text);
    free(first);
    free(text);
}

Test(text_file, what_is_no_text)
{
    write_plain("good\nbad \xff here\nmore\n", 21);
    expect_error("text:2: byte 4 of the line is not UTF-8");
    write_plain("good\ncut \xe2\x82", 11);
    expect_error("text:2: byte 4 of the line is not UTF-8");
    write_plain("a\0b\n", 4);
    expect_error("text:1: byte 1 of the line is NUL");
    write_plain("", 0);
    expect_error("text:1: the file holds no text");
    write_gzip(path, "", 0);
    expect_error("text:1: the file holds no text");
    unlink(path);
    expect_error("cannot be read");
}

Test(text_file, a_cut_gzip_file)
{
    struct str text = {0};
    for (int i = 0; i < 40000; i++)
        str_printf(&text, "line %d of many, %d\n", i, i % 10007 * 7919 % 10007);
    write_gzip(path, text.buf, text.len);
    struct str packed = {0};
    struct err e = {0};
    cr_assert_eq(file_read(&packed, path, &e), 0);
    write_plain(packed.buf, packed.len / 2);
    long n = expect_error("damaged or cut file");
    cr_assert(n > 1000 && n < 39000, "%ld lines before the cut", n);
    struct str place = {0};
    str_printf(&place, "text:%ld:", n + 1);
    cr_assert_eq(expect_error(place.buf), n);
    write_plain(packed.buf, packed.len - 9); /* the last block, check sum and length */
    expect_error("damaged or cut file");
    str_release(&place);
    str_release(&packed);
    str_release(&text);
}
