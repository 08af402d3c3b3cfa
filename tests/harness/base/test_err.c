#include "harness/base/err.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

Test(err, kinds_and_returns)
{
    struct err e = {0};
    cr_assert_eq(err_set(&e, "cannot open %s", "a.txt"), -1);
    cr_assert_eq(e.kind, ERR_WORLD);
    cr_assert_str_eq(e.text, "cannot open a.txt");
    cr_assert_eq(err_usage(&e, "bad %d", 7), -1);
    cr_assert_eq(e.kind, ERR_USAGE);
    cr_assert_str_eq(e.text, "bad 7");
    err_clear(&e);
    cr_assert_eq(e.kind, ERR_NONE);
    cr_assert_str_empty(e.text);
}

Test(err, errno_is_named)
{
    struct err e = {0};
    errno = ENOSPC;
    cr_assert_eq(err_errno(&e, "cannot write %s", "x"), -1);
    cr_assert_str_eq(e.text, "cannot write x: No space left on device");
}

Test(err, wrap_keeps_the_kind_and_may_use_its_own_text)
{
    struct err e = {0};
    err_usage(&e, "inner");
    cr_assert_eq(err_wrap(&e, "cell %d", 3), -1);
    cr_assert_str_eq(e.text, "cell 3: inner");
    cr_assert_eq(e.kind, ERR_USAGE);
    err_set(&e, "<%s>", e.text);
    cr_assert_str_eq(e.text, "<cell 3: inner>");
}

Test(err, long_messages_are_cut_and_stay_one_line)
{
    struct err e = {0};
    char big[3000];
    memset(big, 'x', sizeof big);
    big[sizeof big - 1] = '\0';
    big[5] = '\n';
    err_set(&e, "%s", big);
    cr_assert_eq(strlen(e.text), sizeof e.text - 1);
    cr_assert_null(strchr(e.text, '\n'));
    err_wrap(&e, "%s", big);
    cr_assert_eq(strlen(e.text), sizeof e.text - 1);
    errno = EIO;
    err_errno(&e, "%s", big);
    cr_assert_eq(strlen(e.text), sizeof e.text - 1);
}
