#include "harness/base/file.h"
#include "harness/base/paths.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void clear_variables(void)
{
    unsetenv("FTBENCH_HOME");
    unsetenv("FTBENCH_CACHE");
    unsetenv("FTBENCH_MIRROR");
    unsetenv("XDG_CACHE_HOME");
}

TestSuite(paths, .init = clear_variables);

/* The test program lies below the project's own folder. */
Test(paths, home_is_found_above_the_program)
{
    struct str home = {0}, sub = {0};
    struct err e = {0};
    cr_assert_eq(paths_home(&home, &e), 0, "%s", e.text);
    cr_assert(file_is_dir(file_join(&sub, str_text(&home), "models/zoo")));
    cr_assert_eq(str_text(&home)[0], '/');
    str_release(&home);
    str_release(&sub);
}

Test(paths, home_that_is_none_is_refused)
{
    struct str home = {0};
    struct err e = {0};
    setenv("FTBENCH_HOME", "/tmp", 1);
    cr_assert_eq(paths_home(&home, &e), -1);
    cr_assert_not_null(strstr(e.text, "FTBENCH_HOME=/tmp"));
    str_release(&home);
}

Test(paths, home_may_be_relative)
{
    char dir[] = "/tmp/ftbench-paths-XXXXXX";
    struct str sub = {0}, home = {0};
    struct err e = {0};
    cr_assert_not_null(mkdtemp(dir));
    cr_assert_eq(file_make_dirs(file_join(&sub, dir, "h/models/zoo"), &e), 0);
    cr_assert_eq(file_make_dirs(file_join(&sub, dir, "h/datasets"), &e), 0);
    cr_assert_eq(chdir(dir), 0);
    setenv("FTBENCH_HOME", "h", 1);
    cr_assert_eq(paths_home(&home, &e), 0, "%s", e.text);
    cr_assert_str_eq(str_text(&home), file_join(&sub, dir, "h"));
    static const char *const made[] = {"h/datasets", "h/models/zoo", "h/models", "h", "."};
    for (int i = 0; i < 4; i++)
        cr_assert_eq(rmdir(file_join(&sub, dir, made[i])), 0);
    rmdir(dir);
    str_release(&sub);
    str_release(&home);
}

Test(paths, cache)
{
    struct str cache = {0};
    struct err e = {0};
    setenv("HOME", "/h", 1);
    cr_assert_eq(paths_cache(&cache, &e), 0);
    cr_assert_str_eq(str_text(&cache), "/h/.cache/ftbench");
    setenv("XDG_CACHE_HOME", "/x", 1);
    cr_assert_eq(paths_cache(&cache, &e), 0);
    cr_assert_str_eq(str_text(&cache), "/x/ftbench");
    setenv("FTBENCH_CACHE", "/c", 1);
    cr_assert_eq(paths_cache(&cache, &e), 0);
    cr_assert_str_eq(str_text(&cache), "/c");
    clear_variables();
    unsetenv("HOME");
    cr_assert_eq(paths_cache(&cache, &e), -1);
    cr_assert_not_null(strstr(e.text, "FTBENCH_CACHE"));
    str_release(&cache);
}

Test(paths, mirror)
{
    cr_assert_null(paths_mirror());
    setenv("FTBENCH_MIRROR", "", 1);
    cr_assert_null(paths_mirror());
    setenv("FTBENCH_MIRROR", "/m", 1);
    cr_assert_str_eq(paths_mirror(), "/m");
}
