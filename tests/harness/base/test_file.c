#include "harness/base/file.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/ftbench-file-XXXXXX";
static char path[64];

static void make_dir(void)
{
    cr_assert_not_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/a.txt", dir);
}

static void remove_dir(void)
{
    char **names;
    struct err e;
    int n = file_list(&names, dir, "", &e);
    struct str full = {0};
    for (int i = 0; i < n; i++)
        unlink(file_join(&full, dir, names[i]));
    str_release(&full);
    free(names);
    rmdir(dir);
}

TestSuite(file, .init = make_dir, .fini = remove_dir);

static int count_files(void)
{
    char **names;
    struct err e;
    int n = file_list(&names, dir, "", &e);
    free(names);
    return n;
}

static void expect_text(const char *text)
{
    struct str got = {0};
    struct err e;
    cr_assert_eq(file_read(&got, path, &e), 0);
    cr_assert_str_eq(str_text(&got), text);
    str_release(&got);
}

Test(file, write_then_read)
{
    struct err e = {0};
    cr_assert_eq(file_write(path, "hello", 5, &e), 0);
    expect_text("hello");
    cr_assert_eq(file_write(path, "", 0, &e), 0);
    expect_text("");
    cr_assert_eq(count_files(), 1);
    struct stat st;
    mode_t mask = umask(0);
    umask(mask);
    cr_assert_eq(stat(path, &st), 0);
    cr_assert_eq(st.st_mode & 0777, 0666 & ~mask);
}

Test(file, nothing_is_visible_before_commit)
{
    struct err e = {0};
    struct file_out f;
    cr_assert_eq(file_write(path, "old", 3, &e), 0);
    cr_assert_eq(file_create(&f, path, &e), 0);
    fputs("new", f.stream);
    fflush(f.stream);
    expect_text("old");
    cr_assert_eq(file_commit(&f, &e), 0);
    expect_text("new");
    cr_assert_eq(count_files(), 1);
}

Test(file, abandoning_leaves_no_trace)
{
    struct err e = {0};
    struct file_out f, empty = {0};
    cr_assert_eq(file_create(&f, path, &e), 0);
    fputs("new", f.stream);
    file_abandon(&f);
    cr_assert_eq(count_files(), 0);
    file_abandon(&f);
    file_abandon(&empty);
}

Test(file, two_writers_do_not_meet)
{
    struct err e = {0};
    struct file_out f, g;
    cr_assert_eq(file_create(&f, path, &e), 0);
    cr_assert_eq(file_create(&g, path, &e), 0);
    fputs("first", f.stream);
    fputs("second", g.stream);
    cr_assert_eq(file_commit(&g, &e), 0);
    cr_assert_eq(file_commit(&f, &e), 0);
    expect_text("first");
}

/* A file-size limit fails writes as a full disk does. */
Test(file, a_failed_write_keeps_the_old_file)
{
    struct err e = {0};
    cr_assert_eq(file_write(path, "old", 3, &e), 0);
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit = {1000, RLIM_INFINITY};
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    char *big = calloc(1, 100000);
    cr_assert_eq(file_write(path, big, 100000, &e), -1);
    cr_assert_eq(e.kind, ERR_WORLD);
    cr_assert_not_null(strstr(e.text, "cannot write"));
    free(big);
    expect_text("old");
    cr_assert_eq(count_files(), 1);
}

Test(file, errors_name_the_path)
{
    struct err e = {0};
    struct str s = {0};
    struct file_map m;
    struct file_out f;
    cr_assert_eq(file_read(&s, "/nowhere/x", &e), -1);
    cr_assert_not_null(strstr(e.text, "/nowhere/x: No such file"));
    cr_assert_eq(file_read(&s, dir, &e), -1);
    cr_assert_eq(file_map(&m, "/nowhere/x", &e), -1);
    cr_assert_eq(file_map(&m, dir, &e), -1);
    cr_assert_eq(file_create(&f, "/nowhere/x", &e), -1);
    cr_assert_not_null(strstr(e.text, "/nowhere/x"));
    char **names;
    cr_assert_eq(file_list(&names, "/nowhere", "", &e), -1);
    str_release(&s);
}

Test(file, map)
{
    struct err e = {0};
    struct file_map m;
    cr_assert_eq(file_write(path, "abc", 3, &e), 0);
    cr_assert_eq(file_map(&m, path, &e), 0);
    cr_assert_eq(m.n_bytes, 3);
    cr_assert_arr_eq(m.data, "abc", 3);
    file_unmap(&m);
    file_unmap(&m);
    cr_assert_eq(file_write(path, "", 0, &e), 0);
    cr_assert_eq(file_map(&m, path, &e), 0);
    cr_assert_null(m.data);
    file_unmap(&m);
}

Test(file, folders)
{
    struct err e = {0};
    struct str deep = {0};
    str_printf(&deep, "%s/x//y/z/", dir);
    cr_assert_eq(file_make_dirs(str_text(&deep), &e), 0);
    cr_assert_eq(file_make_dirs(str_text(&deep), &e), 0);
    cr_assert(file_is_dir(str_text(&deep)) && file_exists(str_text(&deep)));
    cr_assert_eq(file_write(path, "", 0, &e), 0);
    cr_assert(file_exists(path) && !file_is_dir(path) && !file_exists("/nowhere"));
    str_clear(&deep);
    str_printf(&deep, "%s/sub", path);
    cr_assert_eq(file_make_dirs(str_text(&deep), &e), -1);
    cr_assert_not_null(strstr(e.text, path));
    static const char *const made[] = {"x/y/z", "x/y", "x"};
    for (int i = 0; i < 3; i++)
        cr_assert_eq(rmdir(file_join(&deep, dir, made[i])), 0);
    str_release(&deep);
}

Test(file, list_is_sorted_and_filtered)
{
    struct err e = {0};
    struct str full = {0};
    static const char *const made[] = {"b.yaml", "a.yaml", "B.yaml", "c.txt", "yaml"};
    for (int i = 0; i < 5; i++)
        cr_assert_eq(file_write(file_join(&full, dir, made[i]), "", 0, &e), 0);
    cr_assert_eq(mkdir(file_join(&full, dir, "d.yaml"), 0777), 0);
    char **names;
    cr_assert_eq(file_list(&names, dir, ".yaml", &e), 3);
    cr_assert_str_eq(names[0], "B.yaml");
    cr_assert_str_eq(names[1], "a.yaml");
    cr_assert_str_eq(names[2], "b.yaml");
    free(names);
    cr_assert_eq(file_list(&names, dir, ".none", &e), 0);
    free(names);
    rmdir(str_text(&full));
    str_release(&full);
}

Test(file, join)
{
    struct str s = {0};
    cr_assert_str_eq(file_join(&s, "a", "b"), "a/b");
    cr_assert_str_eq(file_join(&s, "a", "/b"), "/b");
    str_release(&s);
}
