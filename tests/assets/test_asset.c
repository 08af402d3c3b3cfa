/* Assets: cache, mirror, sources, locks and every refusal, against a server of our own. */
#include "assets/asset.h"
#include "harness/base/file.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* One test's world: a server, its files, an empty cache. */
static struct world {
    char dir[64];
    char base[64]; /* http://127.0.0.1:PORT */
    char sha256[HASH_HEX_SIZE];
    pid_t server;
} w;

static const long data_bytes = 140000; /* 20,000 lines of 7 bytes */

static void path_in(char out[256], const char *name)
{
    snprintf(out, 256, "%s/%s", w.dir, name);
}

static void start_server(void)
{
    int out[2];
    char port[16] = "";
    cr_assert(pipe(out) == 0);
    w.server = fork();
    if (w.server == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        dup2(out[1], 1);
        execlp("python3", "python3", "tests/assets/server.py", w.dir, (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    FILE *f = fdopen(out[0], "r");
    cr_assert(fgets(port, sizeof port, f) != NULL, "the test server did not start");
    snprintf(w.base, sizeof w.base, "http://127.0.0.1:%ld", strtol(port, NULL, 10));
}

static void set_up(void)
{
    char path[256], home[512];
    struct err e = {0};
    snprintf(w.dir, sizeof w.dir, "/tmp/ftbench_assets_XXXXXX");
    cr_assert(mkdtemp(w.dir) != NULL);
    start_server();
    path_in(path, "cache");
    setenv("FTBENCH_CACHE", path, 1);
    setenv("FTBENCH_HOME", getcwd(home, sizeof home), 1);
    setenv("no_proxy", "127.0.0.1", 1);
    unsetenv("FTBENCH_MIRROR");
    unsetenv("FTBENCH_HUB");
    path_in(path, "data.txt");
    cr_assert(hash_file(w.sha256, path, &e) == 0, "%s", e.text);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void tear_down(void)
{
    kill(w.server, SIGTERM);
    waitpid(w.server, NULL, 0);
    nftw(w.dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

TestSuite(assets, .init = set_up, .fini = tear_down, .timeout = 60);

/* An asset data.txt with one URL source, base + path. */
struct one {
    char url[256];
    struct source source;
    struct asset asset;
};

static void one_url(struct one *o, const char *path)
{
    snprintf(o->url, sizeof o->url, "%s%s", w.base, path);
    o->source = (struct source){.kind = SOURCE_URL, .where = o->url, .rows = -1};
    o->asset = (struct asset){"data.txt", w.sha256, data_bytes, &o->source, 1, NULL, NULL};
}

static void expect_data(const struct asset *asset, const struct asset_flags *flags)
{
    struct asset_file f;
    struct err e = {0};
    struct stat st;
    cr_assert(asset_get(&f, asset, flags, &e) == 0, "%s", e.text);
    cr_assert(stat(str_text(&f.path), &st) == 0);
    cr_expect(eq(long, (long)st.st_size, data_bytes));
    cr_expect_str_eq(f.sha256, w.sha256);
    cr_expect(f.stand_in == NULL);
    asset_file_release(&f);
}

/* asset_get must fail with a message that holds each of the words. */
static void expect_error(const struct asset *asset, const struct asset_flags *flags,
                         const char *const *words)
{
    struct asset_file f;
    struct err e = {0};
    cr_assert(asset_get(&f, asset, flags, &e) == -1, "this should have failed");
    cr_expect(eq(int, e.kind, ERR_WORLD));
    for (int i = 0; words[i]; i++)
        cr_expect(strstr(e.text, words[i]) != NULL, "no '%s' in: %s", words[i], e.text);
}
#define ERROR_HAS(asset, flags, ...)                                                               \
    expect_error(asset, flags, (const char *const[]){__VA_ARGS__, NULL})

/* How many requests the server saw whose line holds text. */
static int requests(const char *text)
{
    char path[256], line[512];
    int n = 0;
    path_in(path, "requests.log");
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f))
        n += strstr(line, text) != NULL;
    if (f)
        fclose(f);
    return n;
}

Test(assets, fetched_once_then_cached)
{
    struct one o;
    const struct asset_flags offline = {.offline = true};
    one_url(&o, "/ok/data.txt");
    expect_data(&o.asset, NULL);
    expect_data(&o.asset, NULL);
    expect_data(&o.asset, &offline);
    cr_expect(eq(int, requests("/ok/data.txt"), 1));
}

Test(assets, offline_says_what_to_type)
{
    struct one o;
    const struct asset_flags offline = {.offline = true};
    one_url(&o, "/ok/data.txt");
    ERROR_HAS(&o.asset, &offline, "data.txt: not on this machine", "ftbench fetch",
              "FTBENCH_MIRROR", w.sha256);
    cr_expect(eq(int, requests("/"), 0));
}

Test(assets, retries_server_errors)
{
    struct one o;
    one_url(&o, "/fail/2/data.txt");
    expect_data(&o.asset, NULL);
    cr_expect(eq(int, requests("/fail"), 3));
}

Test(assets, gives_up_after_five)
{
    struct one o;
    one_url(&o, "/fail/99/data.txt");
    ERROR_HAS(&o.asset, NULL, "given up after 5 tries", "503", "/fail/99/data.txt");
    cr_expect(eq(int, requests("/fail"), 5));
}

Test(assets, does_not_retry_what_is_final)
{
    struct one o;
    one_url(&o, "/ok/nothing.txt");
    ERROR_HAS(&o.asset, NULL, "404");
    cr_expect(eq(int, requests("/ok"), 1));
}

Test(assets, waits_as_told)
{
    struct one o;
    one_url(&o, "/throttle/1/data.txt");
    expect_data(&o.asset, NULL);
    cr_expect(eq(int, requests("/throttle"), 2));
}

Test(assets, goes_on_where_it_was_cut)
{
    struct one o;
    one_url(&o, "/cut/data.txt");
    expect_data(&o.asset, NULL);
    cr_expect(eq(int, requests("/cut/data.txt -"), 1));
    cr_expect(eq(int, requests("/cut/data.txt bytes=70000-"), 1));
}

Test(assets, starts_anew_without_ranges)
{
    struct one o;
    one_url(&o, "/norange/data.txt");
    expect_data(&o.asset, NULL);
    cr_expect(eq(int, requests("bytes=70000-"), 1));
}

Test(assets, starts_anew_when_no_hash_is_known)
{
    struct one o;
    one_url(&o, "/cut/data.txt");
    o.asset.sha256 = NULL; /* two halves may be of two versions */
    expect_data(&o.asset, NULL);
    cr_expect(eq(int, requests("/cut/data.txt -"), 2));
}

Test(assets, refuses_wrong_bytes)
{
    struct one o;
    char hex[HASH_HEX_SIZE];
    struct str text = {0}, turned = {0};
    struct err e = {0};
    char path[256];
    path_in(path, "data.txt");
    cr_assert(file_read(&text, path, &e) == 0);
    for (size_t i = text.len; i-- > 0;)
        str_add_char(&turned, text.buf[i]);
    hash_bytes(hex, turned.buf, turned.len);
    one_url(&o, "/wrong/data.txt");
    ERROR_HAS(&o.asset, NULL, "wrong sha256", w.sha256, hex, "/wrong/data.txt", "removed");
    /* The refused bytes must not be there for the next try. */
    one_url(&o, "/ok/data.txt");
    expect_data(&o.asset, NULL);
    str_release(&text);
    str_release(&turned);
}

Test(assets, refuses_more_bytes_than_published)
{
    struct one o;
    one_url(&o, "/long/data.txt");
    ERROR_HAS(&o.asset, NULL, "sends more than the 140000 bytes");
}

Test(assets, takes_the_next_source)
{
    struct one bad, good;
    one_url(&bad, "/ok/nothing.txt");
    one_url(&good, "/ok/data.txt");
    const struct source both[] = {bad.source, good.source};
    good.asset.sources = both;
    good.asset.n_sources = 2;
    expect_data(&good.asset, NULL);
}

Test(assets, names_every_source_that_failed)
{
    struct one a, b;
    one_url(&a, "/ok/nothing.txt");
    one_url(&b, "/wrong/data.txt");
    const struct source both[] = {a.source, b.source};
    a.asset.sources = both;
    a.asset.n_sources = 2;
    ERROR_HAS(&a.asset, NULL, "/ok/nothing.txt", "404", "wrong sha256");
}

static void member_of(struct one *o, const char *path, const char *member)
{
    one_url(o, path);
    o->source.kind = SOURCE_ARCHIVE;
    o->source.member = member;
}

Test(assets, members_of_archives)
{
    struct one o;
    member_of(&o, "/ok/data.tar.gz", "inside/data.txt");
    expect_data(&o.asset, NULL);
    member_of(&o, "/ok/data.zip", "inside/data.txt");
    cr_assert(system("rm -rf \"$FTBENCH_CACHE/sha256\"") == 0);
    expect_data(&o.asset, NULL);
}

Test(assets, an_archive_is_fetched_once_for_all_members)
{
    struct one o;
    char hex[HASH_HEX_SIZE];
    struct asset_file f;
    struct err e = {0};
    member_of(&o, "/ok/data.zip", "inside/data.txt");
    expect_data(&o.asset, NULL);
    member_of(&o, "/ok/data.zip", "inside/other.txt");
    hash_bytes(hex, "other\n", 6);
    o.asset.sha256 = hex;
    o.asset.bytes = 6;
    cr_assert(asset_get(&f, &o.asset, NULL, &e) == 0, "%s", e.text);
    asset_file_release(&f);
    cr_expect(eq(int, requests("data.zip"), 1));
}

Test(assets, bad_archives)
{
    struct one o;
    member_of(&o, "/ok/data.zip", "inside/missing.txt");
    ERROR_HAS(&o.asset, NULL, "no member inside/missing.txt");
    member_of(&o, "/ok/cut.tar.gz", "inside/data.txt");
    ERROR_HAS(&o.asset, NULL, "damaged or cut archive");
    member_of(&o, "/ok/cut.zip", "inside/data.txt");
    ERROR_HAS(&o.asset, NULL, "damaged or cut archive");
    member_of(&o, "/ok/data.txt", "inside/data.txt");
    ERROR_HAS(&o.asset, NULL, "damaged or cut archive");
    member_of(&o, "/ok/data.tar.gz", "inside/data.txt");
    o.asset.bytes = 100; /* a bomb stops at the published size */
    ERROR_HAS(&o.asset, NULL, "longer than the 100 bytes");
}

static void rows_of(struct one *o, const char *dataset)
{
    one_url(o, "");
    o->source = (struct source){.kind = SOURCE_ROWS,
                                .where = "https://datasets-server.huggingface.co",
                                .dataset = dataset,
                                .config = "default",
                                .split = "train",
                                .rows = 250};
    o->asset.sha256 = NULL;
    o->asset.bytes = -1;
    setenv("FTBENCH_HUB", w.base, 1);
}

static void expect_rows(const struct asset *asset)
{
    struct asset_file f;
    struct str text = {0};
    struct err e = {0};
    cr_assert(asset_get(&f, asset, NULL, &e) == 0, "%s", e.text);
    cr_assert(file_read(&text, str_text(&f.path), &e) == 0);
    int lines = 0;
    for (size_t i = 0; i < text.len; i++)
        lines += text.buf[i] == '\n';
    cr_expect(eq(int, lines, 250));
    cr_expect(str_starts(str_text(&text), "{\"label\":0,\"text\":\"row \xc3\xa9 0\"}\n"));
    cr_expect(str_ends(str_text(&text), "{\"label\":1,\"text\":\"row \xc3\xa9 249\"}\n"));
    str_release(&text);
    asset_file_release(&f);
}

Test(assets, rows_come_in_pages)
{
    struct one o;
    rows_of(&o, "good");
    expect_rows(&o.asset);
    cr_expect(eq(int, requests("/rows?"), 3));
    cr_expect(eq(int, requests("offset=200&length=100"), 1));
    expect_rows(&o.asset); /* locked and cached now */
    cr_expect(eq(int, requests("/rows?"), 3));
}

Test(assets, rows_are_throttled)
{
    struct one o;
    rows_of(&o, "throttled");
    expect_rows(&o.asset);
    cr_expect(eq(int, requests("/rows?"), 6));
}

Test(assets, rows_that_are_not_what_was_published)
{
    static const struct {
        const char *dataset, *word;
    } bad[] = {{"short", "ends after 200 of 250 rows"},
               {"shifted", "row 100 is missing or out of order"},
               {"notjson", "not JSON"},
               {"growing", "num_rows_total changed from 250 to 350"},
               {"cells", "cut cells"}};
    struct one o;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        rows_of(&o, bad[i].dataset);
        ERROR_HAS(&o.asset, NULL, bad[i].word);
    }
    rows_of(&o, "good");
    o.source.rows = 251;
    ERROR_HAS(&o.asset, NULL, "has 250 rows, 251 were published");
    rows_of(&o, "broken");
    ERROR_HAS(&o.asset, NULL, "given up after 5 tries", "500");
}

Test(assets, locked_on_first_fetch)
{
    struct one o;
    struct str locks = {0};
    struct err e = {0};
    char path[256];
    one_url(&o, "/ok/data.txt");
    o.asset.sha256 = NULL;
    o.asset.bytes = -1;
    expect_data(&o.asset, NULL);
    path_in(path, "cache/locks.tsv");
    cr_assert(file_read(&locks, path, &e) == 0, "%s", e.text);
    cr_expect(str_starts(str_text(&locks), w.sha256));
    /* The publisher changes the file; the cache has lost its copy. */
    path_in(path, "data.txt");
    cr_assert(file_write(path, "changed\n", 8, &e) == 0);
    cr_assert(system("rm -rf \"$FTBENCH_CACHE/sha256\"") == 0);
    ERROR_HAS(&o.asset, NULL, "locked on first fetch", "wrong sha256", "locks.tsv");
    str_release(&locks);
}

Test(assets, a_damaged_cache_file_is_set_aside)
{
    struct one o;
    const struct asset_flags offline = {.offline = true};
    one_url(&o, "/ok/data.txt");
    expect_data(&o.asset, NULL);
    cr_assert(system("cd \"$FTBENCH_CACHE\" && f=$(find sha256 -type f) && chmod u+w $f && "
                     "printf x | dd of=$f conv=notrunc status=none") == 0);
    ERROR_HAS(&o.asset, &offline, "set aside", ".damaged", "wrong sha256", "--offline");
    expect_data(&o.asset, NULL);
    cr_expect(eq(int, requests("/ok"), 2));
}

/* A mirror at $DIR/mirror whose INDEX.tsv says sha256 is data.txt's. */
static void make_mirror(const char *sha256, bool damaged)
{
    struct err e = {0};
    struct str index = {0};
    char path[256], command[1024];
    path_in(path, "mirror");
    setenv("FTBENCH_MIRROR", path, 1);
    snprintf(command, sizeof command, "mkdir -p %s/set && cp %s/data.txt %s/set/", path, w.dir,
             path);
    cr_assert(system(command) == 0);
    str_printf(&index, "sha256\tbytes\tpath\tkind\torigin\n%s\t140000\tset/data.txt\toriginal\t\n",
               sha256);
    path_in(path, "mirror/INDEX.tsv");
    cr_assert(file_write(path, index.buf, index.len, &e) == 0);
    path_in(path, "mirror/set/data.txt");
    if (damaged)
        cr_assert(file_write(path, "damaged", 7, &e) == 0);
    str_release(&index);
}

Test(assets, the_mirror_comes_before_the_network)
{
    struct one o;
    one_url(&o, "/ok/data.txt");
    make_mirror(w.sha256, false);
    expect_data(&o.asset, NULL);
    cr_expect(eq(int, requests("/"), 0));
}

Test(assets, a_damaged_mirror_is_an_error)
{
    struct one o;
    one_url(&o, "/ok/data.txt");
    make_mirror(w.sha256, true);
    ERROR_HAS(&o.asset, NULL, "the mirror holds a damaged file", "expected 140000 bytes, got 7");
}

Test(assets, a_mirror_without_index_is_an_error)
{
    struct one o;
    one_url(&o, "/ok/data.txt");
    setenv("FTBENCH_MIRROR", w.dir, 1);
    ERROR_HAS(&o.asset, NULL, "FTBENCH_MIRROR", "INDEX.tsv");
}

Test(assets, a_stand_in_is_named)
{
    struct one o;
    struct asset_file f;
    struct err e = {0};
    one_url(&o, "/ok/nothing.txt");
    o.asset.sha256 = NULL;
    o.asset.stand_in_sha256 = w.sha256;
    o.asset.stand_in_why = "NOT the original";
    ERROR_HAS(&o.asset, NULL, "404");
    make_mirror(w.sha256, false);
    cr_assert(asset_get(&f, &o.asset, NULL, &e) == 0, "%s", e.text);
    cr_expect_str_eq(f.stand_in, "NOT the original");
    asset_file_release(&f);
    cr_expect(eq(int, asset_find(&f, &o.asset, &e), 0)); /* the real one is not here */
    one_url(&o, "/ok/data.txt");                         /* the real one can be had */
    unsetenv("FTBENCH_MIRROR");
    o.asset.sha256 = NULL;
    o.asset.stand_in_sha256 = w.sha256;
    o.asset.stand_in_why = "NOT the original";
    expect_data(&o.asset, NULL);
}

Test(assets, an_unwritable_cache)
{
    struct one o;
    char path[256];
    path_in(path, "data.txt/cache"); /* a file is in the way, for root too */
    setenv("FTBENCH_CACHE", path, 1);
    one_url(&o, "/ok/data.txt");
    ERROR_HAS(&o.asset, NULL, "the cache cannot be written", "FTBENCH_CACHE");
}

Test(assets, a_full_disk)
{
    struct one o;
    const struct rlimit limit = {50000, 50000};
    one_url(&o, "/ok/data.txt");
    signal(SIGXFSZ, SIG_IGN);
    cr_assert(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    ERROR_HAS(&o.asset, NULL, "cannot write what was fetched", "File too large");
}

Test(assets, a_member_of_a_wheel)
{
    struct one o;
    if (system("python3 -m pip --version >/dev/null 2>&1") != 0)
        cr_skip_test("skip: python3 has no pip");
    setenv("PIP_NO_INDEX", "1", 1);
    setenv("PIP_FIND_LINKS", w.dir, 1);
    one_url(&o, "");
    o.source = (struct source){
        .kind = SOURCE_PIP, .where = "ft-fixture==1.0", .member = "ft_fixture/data.txt"};
    expect_data(&o.asset, NULL);
    o.source.where = "ft-fixture==2.0";
    cr_assert(system("rm -rf \"$FTBENCH_CACHE/sha256\"") == 0);
    ERROR_HAS(&o.asset, NULL, "pip download ft-fixture==2.0 failed", "No matching distribution");
}

Test(assets, shipped_files_need_no_cache)
{
    struct one o;
    one_url(&o, "");
    o.source = (struct source){.kind = SOURCE_PATH, .where = "data.txt"};
    setenv("FTBENCH_HOME", w.dir, 1);
    cr_assert(system("mkdir -p \"$FTBENCH_HOME/models/zoo\" \"$FTBENCH_HOME/datasets\"") == 0);
    const struct asset_flags offline = {.offline = true};
    expect_data(&o.asset, &offline);
    cr_assert(system("test ! -e \"$FTBENCH_CACHE\"") == 0);
}

static void expect_place(const struct asset *asset, enum asset_place place, long bytes)
{
    struct err e = {0};
    enum asset_place is;
    long n;
    cr_assert(asset_locate(&is, &n, asset, &e) == 0, "%s", e.text);
    cr_expect(eq(int, (int)is, (int)place));
    cr_expect(eq(long, n, bytes));
}

/* Where it would be taken from, nearest last, without a request. */
Test(assets, located_without_fetching)
{
    struct one o;
    struct err e = {0};
    one_url(&o, "/ok/data.txt");
    expect_place(&o.asset, ASSET_NETWORK, data_bytes);
    o.asset.bytes = -1;
    expect_place(&o.asset, ASSET_NETWORK, -1);
    make_mirror(w.sha256, false);
    expect_place(&o.asset, ASSET_MIRROR, data_bytes);
    cr_expect(eq(int, requests("/"), 0));
    unsetenv("FTBENCH_MIRROR");
    expect_data(&o.asset, NULL);
    expect_place(&o.asset, ASSET_CACHE, data_bytes);
    setenv("FTBENCH_HOME", w.dir, 1);
    cr_assert(system("mkdir -p \"$FTBENCH_HOME/models/zoo\" \"$FTBENCH_HOME/datasets\"") == 0);
    o.source = (struct source){.kind = SOURCE_PATH, .where = "data.txt"};
    expect_place(&o.asset, ASSET_PROJECT, -1);

    enum asset_place place;
    long n;
    setenv("FTBENCH_MIRROR", "/nonexistent", 1);
    setenv("FTBENCH_CACHE", "/nonexistent", 1);
    one_url(&o, "/ok/data.txt");
    cr_expect(asset_locate(&place, &n, &o.asset, &e) < 0);
    cr_expect(strstr(e.text, "FTBENCH_MIRROR") != NULL);
}

static void on_progress(void *context, const char *name, long have, long total)
{
    long *last = context;
    cr_expect_str_eq(name, "data.txt");
    cr_expect(have > *last && total == data_bytes);
    *last = have;
}

Test(assets, progress_reaches_the_end)
{
    struct one o;
    long last = 0;
    const struct asset_flags flags = {.progress = on_progress, .context = &last};
    one_url(&o, "/ok/data.txt");
    expect_data(&o.asset, &flags);
    cr_expect(eq(long, last, data_bytes));
}
