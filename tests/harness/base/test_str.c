#include "harness/base/str.h"

#include <criterion/criterion.h>
#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

Test(str, grows_and_stays_terminated)
{
    struct str s = {0};
    cr_assert_str_eq(str_text(&s), "");
    for (int i = 0; i < 1000; i++)
        str_printf(&s, "%d,", i % 10);
    cr_assert_eq(s.len, 2000);
    cr_assert_eq(strlen(str_text(&s)), 2000);
    str_clear(&s);
    cr_assert_str_eq(str_text(&s), "");
    str_add(&s, "ab");
    str_add_char(&s, 'c');
    str_add_bytes(&s, "d\0e", 3);
    cr_assert_eq(s.len, 6);
    cr_assert_arr_eq(s.buf, "abcd\0e", 7);
    str_release(&s);
    str_release(&s);
}

Test(str, questions)
{
    static const char *const list[] = {"q", "k", "v", NULL};
    cr_assert(str_equal(NULL, NULL) && !str_equal(NULL, "") && str_equal("a", "a"));
    cr_assert(str_starts("abc", "ab") && str_starts("abc", "") && !str_starts("a", "ab"));
    cr_assert(str_ends("a.yaml", ".yaml") && !str_ends("yaml", ".yaml") && str_ends("", ""));
    cr_assert_eq(str_index(list, "v"), 2);
    cr_assert_eq(str_index(list, "kv"), -1);
}

Test(str, nearest)
{
    static const char *const names[] = {"learning_rate", "lora", "head", "adapter"};
    cr_assert_str_eq(str_nearest(names, 4, "learning-rate"), "learning_rate");
    cr_assert_str_eq(str_nearest(names, 4, "lroa"), "lora");
    cr_assert_str_eq(str_nearest(names, 4, "hed"), "head");
    cr_assert_str_eq(str_nearest(names, 4, "adaptr"), "adapter");
    cr_assert_null(str_nearest(names, 4, "prefix"));
    cr_assert_null(str_nearest(names, 0, "lora"));
    char *big = calloc(1, 5000);
    memset(big, 'x', 4999);
    cr_assert_null(str_nearest(names, 4, big));
    free(big);
}

Test(str, whole_numbers)
{
    long v = 5;
    cr_assert(str_to_long(&v, "-12") == 0 && v == -12);
    cr_assert(str_to_long(&v, "9223372036854775807") == 0 && v == LONG_MAX);
    static const char *const bad[] = {"",     " 1",  "1 ", "1.0", "1e3",
                                      "0x10", "abc", "-",  "1-",  "9223372036854775808"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_assert_eq(str_to_long(&v, bad[i]), -1, "\"%s\" was taken", bad[i]);
    cr_assert_eq(v, LONG_MAX, "a refused text must leave the value");
}

Test(str, numbers)
{
    double v = 0;
    cr_assert(str_to_double(&v, "1e-3") == 0 && v == 0.001);
    cr_assert(str_to_double(&v, "-.5") == 0 && v == -0.5);
    static const char *const bad[] = {"", " 1", "1 ", "inf", "nan", "0x1p3", "1e999", "1..2", "e5"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_assert_eq(str_to_double(&v, bad[i]), -1, "\"%s\" was taken", bad[i]);
}

Test(str, doubles_are_short_and_read_back)
{
    struct str s = {0};
    static const struct {
        double value;
        const char *text;
    } cases[] = {{0.001, "0.001"},
                 {2e-5, "2e-05"},
                 {1, "1"},
                 {0.1, "0.1"},
                 {1.0 / 3, "0.3333333333333333"},
                 {-0.25, "-0.25"},
                 {1e22, "1e+22"},
                 {10, "10"},
                 {1e6, "1000000"},
                 {1e15, "1000000000000000"},
                 {1e16, "1e+16"},
                 {-1234.5, "-1234.5"},
                 {9007199254740992, "9007199254740992"},
                 {DBL_MAX, "1.7976931348623157e+308"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        str_clear(&s);
        str_add_double(&s, cases[i].value);
        cr_assert_str_eq(str_text(&s), cases[i].text);
        cr_assert_eq(strtod(str_text(&s), NULL), cases[i].value);
    }
    str_clear(&s);
    str_add_double(&s, NAN);
    cr_assert_str_eq(str_text(&s), "nan");
    str_release(&s);
}

Test(str, utf8_errors_are_found_where_they_are)
{
    static const struct {
        const char *text;
        long at;
    } cases[] = {
        {"", -1},
        {"plain", -1},
        {"na\xC3\xAFve \xE2\x82\xAC \xF0\x9F\x98\x80", -1},
        {"ab\xFF", 2},                 /* no lead byte */
        {"ab\xC3", 2},                 /* cut */
        {"\xE2\x82", 0},               /* cut */
        {"x\xC0\xAF", 1},              /* overlong */
        {"\xED\xA0\x80", 0},           /* surrogate */
        {"\xF4\x90\x80\x80", 0},       /* past U+10FFFF */
        {"\xC3\xA9\x80", 2},           /* continuation alone */
        {"\xF0\x9F\x98\x80\xE2(x", 4}, /* lead without its rest */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_assert_eq(str_utf8_error(cases[i].text, strlen(cases[i].text)), cases[i].at, "case %zu",
                     i);
    cr_assert_eq(str_utf8_error("a\0b", 3), -1);
}

Test(str, latin1_becomes_utf8)
{
    struct str s = {0};
    for (int c = 1; c < 256; c++) {
        char byte = (char)c;
        str_add_latin1(&s, &byte, 1);
    }
    cr_assert_eq(s.len, 127 + 2 * 128);
    cr_assert_eq(str_utf8_error(s.buf, s.len), -1);
    str_clear(&s);
    str_add_latin1(&s, "caf\xE9", 4);
    cr_assert_str_eq(str_text(&s), "caf\xC3\xA9");
    str_release(&s);
}
