/* results/store when the world fails: disk, permissions, damage, SIGKILL. Every
 * message names the file; the database stays whole. */
#include "results/store.h"

#include "harness/base/clock.h"
#include "harness/base/file.h"
#include "results/query.h"
#include "results/schema.h"
#include "tests/results/make_db.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct arena memory;
static char folder[64];
static char path[96];

static void set_up(void)
{
    strncpy(folder, "/tmp/ftbench-store-XXXXXX", sizeof folder);
    cr_assert(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/r.db", folder);
}

static void tear_down(void)
{
    static const char *const endings[] = {"", "-wal", "-shm"};
    chmod(folder, 0700);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        struct str name = {0};
        str_printf(&name, "%s%s", path, endings[i]);
        unlink(str_text(&name));
        str_release(&name);
    }
    rmdir(folder);
    arena_release(&memory);
}

TestSuite(store_failures, .init = set_up, .fini = tear_down, .timeout = 120);

static void expect_message(const struct err *e, const char *part)
{
    cr_expect(strstr(e->text, part) != NULL, "message \"%s\" lacks \"%s\"", e->text, part);
    cr_expect(strstr(e->text, "r.db") != NULL, "message \"%s\" lacks the file", e->text);
}

static void must_not_open(enum store_mode mode, const char *part)
{
    struct err e = {0};
    cr_assert(store_open(path, mode, &e) == NULL);
    cr_expect(e.kind == ERR_WORLD);
    expect_message(&e, part);
}

static struct store *must_open(enum store_mode mode)
{
    struct err e = {0};
    struct store *s = store_open(path, mode, &e);
    cr_assert(s != NULL, "%s", e.text);
    return s;
}

static struct result big_result(int seed, int n_test)
{
    return made_result(
        &memory,
        (struct made_cell){
            .model = "m", .method = "full", .dataset = "d", .seed = seed, .n_test = n_test});
}

static void put_one(int seed)
{
    struct err e = {0};
    struct store *s = must_open(STORE_WRITE);
    struct result r = big_result(seed, 100);
    cr_assert(store_put_result(s, &r, &e) == 0, "%s", e.text);
    store_close(s);
}

static double ask(struct store *s, const char *sql)
{
    struct err e = {0};
    struct query q;
    cr_assert(query_open(&q, s, sql, &e) == 0, "%s", e.text);
    cr_assert(query_next(&q, &e) == 1, "%s: %s", sql, e.text);
    double value = query_real(&q, 0);
    query_close(&q);
    return value;
}

/* Integrity, and each stored cell with all its rows. Returns the number of cells. */
static int check_whole(int n_examples)
{
    struct store *s = must_open(STORE_READ);
    struct err e = {0};
    struct query q;
    cr_assert(query_open(&q, s, "PRAGMA integrity_check", &e) == 0);
    cr_assert(query_next(&q, &e) == 1);
    cr_expect(strcmp(query_text(&q, 0), "ok") == 0, "%s", query_text(&q, 0));
    query_close(&q);
    int n = (int)ask(s, "SELECT count(*) FROM cell");
    cr_expect(ask(s, "SELECT count(*) FROM run") == n);
    cr_expect(ask(s, "SELECT count(*) FROM example") == (double)n * n_examples);
    cr_expect(ask(s, "SELECT count(*) FROM metric") == (double)n * 2 * METRIC_ACCURACY_NORM);
    store_close(s);
    return n;
}

Test(store_failures, missing_file)
{
    must_not_open(STORE_READ, "no such result database");
}

Test(store_failures, missing_folder)
{
    snprintf(path, sizeof path, "%s/none/r.db", folder);
    must_not_open(STORE_WRITE, "does its folder exist");
}

Test(store_failures, empty_file_for_reading)
{
    struct err e = {0};
    cr_assert(file_write(path, "", 0, &e) == 0);
    must_not_open(STORE_READ, "no results in it yet");
}

Test(store_failures, not_a_database)
{
    struct err e = {0};
    const char text[] = "model,method,accuracy\nand more text than the hundred bytes of the header "
                        "of a database, so that it is read as one and found not to be\n";
    cr_assert(file_write(path, text, sizeof text, &e) == 0);
    must_not_open(STORE_WRITE, "not a database");
    must_not_open(STORE_READ, "not a database");
    struct str now = {0};
    cr_assert(file_read(&now, path, &e) == 0);
    cr_expect(now.len == sizeof text, "somebody's file was changed");
    str_release(&now);
}

static void execute(const char *sql)
{
    sqlite3 *db;
    cr_assert(sqlite3_open(path, &db) == SQLITE_OK);
    cr_assert(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK, "%s", sqlite3_errmsg(db));
    sqlite3_close(db);
}

Test(store_failures, somebody_elses_database)
{
    execute("CREATE TABLE bookmarks (url TEXT)");
    must_not_open(STORE_WRITE, "not of results");
    must_not_open(STORE_READ, "not of results");
}

Test(store_failures, newer_schema)
{
    put_one(1);
    execute("PRAGMA user_version = 99");
    must_not_open(STORE_WRITE, "newer program (schema 99");
    must_not_open(STORE_READ, "newer program (schema 99");
}

Test(store_failures, damaged_file)
{
    struct err e = {0};
    put_one(1);
    struct stat info;
    cr_assert(stat(path, &info) == 0);
    int fd = open(path, O_WRONLY);
    char junk[4096];
    memset(junk, 0xa5, sizeof junk);
    for (off_t at = 4096; at < info.st_size; at += 4096) { /* all pages but the first */
        cr_assert(pwrite(fd, junk, sizeof junk, at) == (ssize_t)sizeof junk);
    }
    close(fd);
    struct store *s = store_open(path, STORE_WRITE, &e);
    if (s != NULL) {
        struct result r = big_result(2, 100);
        cr_expect(store_put_result(s, &r, &e) == -1);
        store_close(s);
    }
    expect_message(&e, "damaged");
}

/* Runs body in a child without root's rights; its exit status says how many
 * expectations failed. */
static void as_ordinary_user(void (*body)(void))
{
    fflush(NULL);
    pid_t child = fork();
    cr_assert(child >= 0);
    if (child == 0) {
        if (getuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) {
            _exit(99);
        }
        body();
        _exit(98);
    }
    int status;
    cr_assert(waitpid(child, &status, 0) == child);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "child: status %x", (unsigned)status);
}

static void expect_read_only(void)
{
    struct err e = {0};
    struct store *s = store_open(path, STORE_WRITE, &e);
    if (s != NULL) {
        _exit(1);
    }
    if (strstr(e.text, "read-only") == NULL || strstr(e.text, "r.db") == NULL) {
        fprintf(stderr, "message: %s\n", e.text);
        _exit(2);
    }
    /* Reading must still work. */
    s = store_open(path, STORE_READ, &e);
    enum result_status status;
    if (s == NULL || store_status(s, "none", &status, &e) != 0 || status != RESULT_ABSENT) {
        fprintf(stderr, "reading: %s\n", e.text);
        _exit(3);
    }
    store_close(s);
    _exit(0);
}

Test(store_failures, read_only_file)
{
    put_one(1);
    chmod(folder, 0777);
    chmod(path, 0444);
    as_ordinary_user(expect_read_only);
}

Test(store_failures, read_only_folder_and_file)
{
    put_one(1);
    chmod(path, 0444);
    chmod(folder, 0555);
    as_ordinary_user(expect_read_only);
}

/* Fills the disk that holds folder while cells are stored; limit says how that
 * looks to the writer. */
static void fill_disk(void)
{
    struct err e = {0};
    struct store *s = must_open(STORE_WRITE);
    int n_stored = 0, n_tried = 0;
    while (n_tried < 50) {
        struct result r = big_result(++n_tried, 1000);
        if (store_put_result(s, &r, &e) != 0) {
            break;
        }
        n_stored++;
    }
    cr_assert(n_stored > 0 && n_stored < 50, "stored %d", n_stored);
    expect_message(&e, "disk");
    expect_message(&e, "storing cell");
    store_close(s);
    cr_expect(check_whole(2000) == n_stored);
}

/* In a mount namespace of this test's process alone: it goes when the test ends. */
static bool mount_small_disk(void)
{
    return unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("none", folder, "tmpfs", 0, "size=2m") == 0;
}

Test(store_failures, full_disk)
{
    if (!mount_small_disk()) {
        printf("skip: mounting a tmpfs is not permitted here; file_size_limit covers the rest\n");
        return;
    }
    fill_disk();
    cr_expect(umount(folder) == 0);
}

/* The same through a limit on file size, which needs no rights. */
Test(store_failures, file_size_limit)
{
    struct rlimit limit;
    cr_assert(getrlimit(RLIMIT_FSIZE, &limit) == 0);
    limit.rlim_cur = 1 << 20;
    signal(SIGXFSZ, SIG_IGN);
    cr_assert(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    fill_disk();
}

static void write_for_ever(void)
{
    struct err e = {0};
    struct store *s = store_open(path, STORE_WRITE, &e);
    for (int seed = 1; s != NULL; seed++) {
        struct result r = big_result(1 + seed % 40, 300);
        if (store_put_result(s, &r, &e) != 0) {
            break;
        }
    }
    fprintf(stderr, "%s\n", e.text);
    _exit(1);
}

Test(store_failures, killed_while_writing)
{
    store_close(must_open(STORE_WRITE));
    struct rng moments = {.seed = (uint64_t)clock_ns()};
    int n_cells = 0;
    /* At least 12 rounds; on a busy machine more, each longer, until one got to a cell. */
    for (int round = 0; round < 12 || (n_cells == 0 && round < 100); round++) {
        fflush(NULL);
        pid_t child = fork();
        cr_assert(child >= 0);
        if (child == 0) {
            write_for_ever();
        }
        usleep(5000 + rng_u32(&moments, (uint64_t)round) % (60000 * (1 + (uint32_t)round / 12)));
        kill(child, SIGKILL);
        int status;
        cr_assert(waitpid(child, &status, 0) == child);
        cr_assert(WIFSIGNALED(status), "the writer stopped by itself");
        n_cells = check_whole(600);
    }
    cr_expect(n_cells > 0, "no round got as far as one cell");
}

/* Workers write to one file, and create it, at the same time. */
Test(store_failures, four_writers_at_once)
{
    enum { N_WRITERS = 4, N_CELLS = 5 };
    pid_t children[N_WRITERS];
    fflush(NULL);
    for (int w = 0; w < N_WRITERS; w++) {
        children[w] = fork();
        cr_assert(children[w] >= 0);
        if (children[w] == 0) {
            struct err e = {0};
            struct store *s = store_open(path, STORE_WRITE, &e);
            for (int i = 0; s != NULL && i < N_CELLS; i++) {
                struct result r = big_result(1 + w * N_CELLS + i, 200);
                if (store_put_result(s, &r, &e) != 0) {
                    break;
                }
            }
            fprintf(stderr, "%s", e.text);
            store_close(s);
            _exit(e.kind != ERR_NONE);
        }
    }
    for (int w = 0; w < N_WRITERS; w++) {
        int status;
        cr_assert(waitpid(children[w], &status, 0) == children[w]);
        cr_expect(status == 0, "writer %d", w);
    }
    cr_expect(check_whole(400) == N_WRITERS * N_CELLS);
}
