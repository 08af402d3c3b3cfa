/* results/store: what goes in comes out, and what can go wrong says so. */
#include "results/store.h"

#include "harness/base/clock.h"
#include "harness/base/file.h"
#include "results/query.h"
#include "results/schema.h"
#include "tests/results/make_db.h"

#include <criterion/criterion.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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
    static const char *const endings[] = {"", "-wal", "-shm", ".2", ".2-wal", ".2-shm"};
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

TestSuite(store, .init = set_up, .fini = tear_down);

static struct store *must_open(const char *name, enum store_mode mode)
{
    struct err e = {0};
    struct store *s = store_open(name, mode, &e);
    cr_assert(s != NULL, "%s", e.text);
    return s;
}

static void must_put(struct store *s, const struct result *r)
{
    struct err e = {0};
    cr_assert(store_put_result(s, r, &e) == 0, "%s", e.text);
}

static struct made_cell example_cell(void)
{
    return (struct made_cell){.model = "bert-l2-h128", .method = "lora", .dataset = "ag_news"};
}

/* The number that a query gives. */
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

static enum result_status status_of(struct store *s, const char *cell_id)
{
    struct err e = {0};
    enum result_status status;
    cr_assert(store_status(s, cell_id, &status, &e) == 0, "%s", e.text);
    return status;
}

static char *dump(const char *name)
{
    struct store *s = must_open(name, STORE_READ);
    struct err e = {0};
    char *text = NULL;
    size_t n_bytes = 0;
    FILE *out = open_memstream(&text, &n_bytes);
    cr_assert(store_dump_results(s, out, &e) == 0, "%s", e.text);
    fclose(out);
    store_close(s);
    return text;
}

Test(store, keeps_everything)
{
    struct store *s = must_open(path, STORE_WRITE);
    struct result r = made_result(&memory, example_cell());
    cr_expect(status_of(s, r.cell.cell_id) == RESULT_ABSENT);
    must_put(s, &r);
    cr_expect(status_of(s, r.cell.cell_id) == RESULT_DONE);
    cr_expect(ask(s, "SELECT count(*) FROM example") == 200);
    cr_expect(ask(s, "SELECT count(*) FROM step") == 20);
    cr_expect(ask(s, "SELECT count(*) FROM epoch") == 5);
    cr_expect(ask(s, "SELECT count(*) FROM metric") == 2 * METRIC_ACCURACY_NORM);
    cr_expect(ask(s, "SELECT count(*) FROM epoch_metric") == 3 * 5);
    cr_expect(ask(s, "SELECT count(*) FROM said") + ask(s, "SELECT count(*) FROM target") == 0);
    cr_expect(ask(s, "SELECT n_updates FROM run") == 20);
    cr_expect(ask(s, "SELECT count(*) FROM environment") == 6);
    cr_expect(ask(s, "SELECT tokens_per_second FROM run") == 5000);
    cr_expect(ask(s, "SELECT grad_norm FROM step WHERE step = 8") == r.steps[7].grad_norm);
    cr_expect(ask(s, "SELECT train_loss FROM epoch WHERE epoch = 2") == r.epochs[1].train_loss);
    double values[METRIC_COUNT];
    metrics_compute(values, &r.splits[1].rows);
    cr_expect(ask(s, "SELECT value FROM metric WHERE split = 'test' AND name = 'mcc'") ==
              values[METRIC_MCC]);
    store_close(s);
}

Test(store, logits_keep_their_bits)
{
    struct store *s = must_open(path, STORE_WRITE);
    struct result r = made_result(&memory, example_cell());
    must_put(s, &r);
    struct query q;
    struct err e = {0};
    cr_assert(query_open(&q, s,
                         "SELECT logits, row_hash, label, predicted FROM example"
                         " WHERE split = 'test' ORDER BY position",
                         &e) == 0);
    const struct result_split *test = &r.splits[1];
    for (int i = 0; i < test->rows.n; i++) {
        cr_assert(query_next(&q, &e) == 1);
        size_t n_bytes;
        const void *logits = query_blob(&q, 0, &n_bytes);
        cr_assert(n_bytes == 3 * sizeof(float));
        cr_expect(memcmp(logits, test->rows.logits + 3 * i, n_bytes) == 0);
        cr_expect(strtoull(query_text(&q, 1), NULL, 16) == test->row_hash[i]);
        cr_expect(query_int(&q, 2) == test->rows.label[i]);
        cr_expect(query_int(&q, 3) == test->rows.predicted[i]);
    }
    cr_expect(query_next(&q, &e) == 0);
    query_close(&q);
    store_close(s);
}

/* A column of a said row as an array of n 4-byte values. */
static const void *four_bytes(const struct query *q, int column, int n)
{
    size_t n_bytes;
    const void *data = query_blob(q, column, &n_bytes);
    cr_assert(n_bytes == 4 * (size_t)n);
    return data;
}

/* Every metric of a text model can be computed again from the database alone. */
Test(store, what_was_said_gives_the_metrics_again)
{
    struct store *s = must_open(path, STORE_WRITE);
    struct made_cell m = example_cell();
    m.says_text = true;
    struct result r = made_result(&memory, m);
    must_put(s, &r);
    int length[3], offsets[101] = {0}, target[300], best[300], label[100], predicted[100];
    float nll[300], logits[300];
    const char *text[100], *answer[3];
    struct err e = {0};
    struct query q;
    cr_assert(query_open(&q, s, "SELECT n_tok, answer FROM target ORDER BY label", &e) == 0);
    for (int c = 0; c < 3; c++) {
        cr_assert(query_next(&q, &e) == 1);
        length[c] = (int)query_int(&q, 0);
        answer[c] = arena_strdup(&memory, query_text(&q, 1));
    }
    cr_assert(query_next(&q, &e) == 0);
    query_close(&q);
    cr_assert(query_open(&q, s,
                         "SELECT label, predicted, logits, text, target_ids, predicted_ids, nll"
                         " FROM example JOIN said USING (cell, split, position)"
                         " WHERE split = 'test' ORDER BY position",
                         &e) == 0,
              "%s", e.text);
    for (int i = 0; i < 100; i++) {
        cr_assert(query_next(&q, &e) == 1);
        label[i] = (int)query_int(&q, 0);
        predicted[i] = (int)query_int(&q, 1);
        int n = length[label[i]], at = offsets[i];
        offsets[i + 1] = at + n;
        memcpy(logits + 3 * i, four_bytes(&q, 2, 3), 12);
        text[i] = arena_strdup(&memory, query_text(&q, 3));
        memcpy(target + at, four_bytes(&q, 4, n), 4 * (size_t)n);
        memcpy(best + at, four_bytes(&q, 5, n), 4 * (size_t)n);
        memcpy(nll + at, four_bytes(&q, 6, n), 4 * (size_t)n);
    }
    query_close(&q);
    const struct said said = {length, offsets, target, best, nll, text, answer};
    double values[METRIC_COUNT];
    metrics_compute(values, &(struct predictions){100, 3, label, predicted, logits, .said = &said});
    for (int k = 0; k < METRIC_COUNT; k++) {
        char sql[120];
        snprintf(sql, sizeof sql, "SELECT value FROM metric WHERE split = 'test' AND name = '%s'",
                 metric_name((enum metric)k));
        cr_expect(ask(s, sql) == values[k], "%s", metric_name((enum metric)k));
    }
    cr_expect(values[METRIC_TOKEN_COUNT] > 100 && values[METRIC_EXACT_MATCH] < 0.9);
    store_close(s);
}

Test(store, the_last_bit_of_what_was_said_shows)
{
    struct made_cell m = example_cell();
    m.says_text = true;
    struct result r = made_result(&memory, m);
    struct store *s = must_open(path, STORE_WRITE);
    must_put(s, &r);
    store_close(s);
    char *before = dump(path);
    float *nll = (float *)(uintptr_t)r.splits[0].rows.said->nll;
    nll[3] = nextafterf(nll[3], 10);
    s = must_open(path, STORE_WRITE);
    must_put(s, &r);
    store_close(s);
    char *after = dump(path);
    cr_expect(strcmp(before, after) != 0);
    free(before);
    free(after);
}

/* A file as the first version of the program left it: its tables, one cell of two epochs. */
static void make_version_1(void)
{
    static const char rows[] =
        "INSERT INTO dataset VALUES ('trec', 'd1', NULL, 10, 'a', '');"
        "INSERT INTO cell VALUES (1, 'c1', 'x', 'bert', 'lora', '', 'trec', 'd1', 'sound', '', 7,"
        " 'float32', 10, 100, 's.yaml', 'h');"
        "INSERT INTO run VALUES (1, 'done', '', 1, 0, '2026-01-31', 9.5, 8, 1, 1, 1, 1, 1, 2, 8, 1,"
        " 1, 'e', 1, 'Haswell', 'same', 'abc');"
        "INSERT INTO epoch VALUES (1, 1, 0.9, 0.8, 0.5, 0.25, 4), (1, 2, 0.7, NULL, 0.75, 0.5, 4);"
        "INSERT INTO step VALUES (1, 1, 1, 0.9, 0.1, 1, 5), (1, 2, 1, 0.8, 0.1, 1, 5),"
        " (1, 3, 2, 0.7, 0.1, 1, 5);"
        "INSERT INTO example VALUES (1, 'test', 0, '00000000000000ab', 0, 1, x'0000803f00000040');"
        "INSERT INTO metric VALUES (1, 'test', 'accuracy', 0.5);"
        "PRAGMA user_version = 1";
    sqlite3 *db;
    cr_assert(sqlite3_open(path, &db) == SQLITE_OK);
    for (const char *const *sql = schema_steps[0]; *sql != NULL; sql++) {
        cr_assert(sqlite3_exec(db, *sql, NULL, NULL, NULL) == SQLITE_OK, "%s", *sql);
    }
    char application[60];
    snprintf(application, sizeof application, "PRAGMA application_id = %d", SCHEMA_APPLICATION_ID);
    cr_assert(sqlite3_exec(db, application, NULL, NULL, NULL) == SQLITE_OK);
    cr_assert(sqlite3_exec(db, rows, NULL, NULL, NULL) == SQLITE_OK, "%s", sqlite3_errmsg(db));
    sqlite3_close(db);
}

static void expect_migrated(struct store *s)
{
    cr_expect(ask(s, "PRAGMA user_version") == SCHEMA_VERSION);
    cr_expect(ask(s, "SELECT count(*) FROM epoch") == 2);
    cr_expect(ask(s, "SELECT train_loss FROM epoch WHERE epoch = 2") == 0.7);
    cr_expect(ask(s, "SELECT count(*) FROM epoch_metric") == 5); /* one was not known */
    cr_expect(ask(s, "SELECT value FROM epoch_metric WHERE epoch = 1 AND name = 'loss'") == 0.8);
    cr_expect(ask(s, "SELECT value FROM epoch_metric WHERE epoch = 2 AND name = 'f1_macro'") ==
              0.5);
    cr_expect(ask(s, "SELECT n_updates FROM run") == 3);
    cr_expect(ask(s, "SELECT leak_rate IS NULL AND n_cut_targets IS NULL FROM run") == 1);
    cr_expect(ask(s, "SELECT seconds FROM run") == 9.5);
    cr_expect(ask(s, "SELECT count(*) FROM result_lines") == 1 + 2 + 5 + 3 + 1 + 1);
    cr_expect(ask(s, "SELECT count(*) FROM pragma_table_info('epoch')") == 4);
}

Test(store, a_version_1_file_keeps_what_it_had)
{
    make_version_1();
    struct store *s = must_open(path, STORE_WRITE);
    expect_migrated(s);
    struct result r = made_result(&memory, example_cell());
    must_put(s, &r);
    cr_expect(ask(s, "SELECT count(*) FROM run") == 2);
    store_close(s);
}

Test(store, a_version_1_file_can_be_read_at_once)
{
    make_version_1();
    struct store *s = must_open(path, STORE_READ);
    expect_migrated(s);
    store_close(s);
}

Test(store, a_failure_is_stored_and_a_retry_replaces_it)
{
    struct store *s = must_open(path, STORE_WRITE);
    struct made_cell m = example_cell();
    m.status = RESULT_FAILED;
    m.message = "killed by signal 9 (out of memory?)";
    struct result r = made_result(&memory, m);
    must_put(s, &r);
    cr_expect(status_of(s, r.cell.cell_id) == RESULT_FAILED);
    cr_expect(ask(s, "SELECT message = 'killed by signal 9 (out of memory?)' FROM run") == 1);
    r = made_result(&memory, example_cell());
    must_put(s, &r);
    must_put(s, &r);
    cr_expect(status_of(s, r.cell.cell_id) == RESULT_DONE);
    cr_expect(ask(s, "SELECT count(*) FROM cell") == 1);
    cr_expect(ask(s, "SELECT attempts FROM run") == 3);
    cr_expect(ask(s, "SELECT count(*) FROM example") == 200);
    cr_expect(ask(s, "SELECT count(*) FROM example WHERE cell NOT IN (SELECT id FROM cell)") == 0);
    store_close(s);
}

Test(store, what_was_not_measured_is_null)
{
    struct store *s = must_open(path, STORE_WRITE);
    struct result r = made_result(&memory, example_cell());
    struct result_epoch epoch = {.train_loss = 0.5, .seconds = 1};
    for (int m = 0; m < METRIC_COUNT; m++) {
        epoch.metric[m] = NAN;
    }
    r.run.leak_rate = NAN;
    r.epochs = &epoch;
    r.n_epochs = 1;
    must_put(s, &r);
    cr_expect(ask(s, "SELECT count(*) FROM epoch") == 1);
    cr_expect(ask(s, "SELECT count(*) FROM epoch_metric") == 0);
    cr_expect(ask(s, "SELECT count(*) FROM run WHERE leak_rate IS NULL") == 1);
    store_close(s);
}

Test(store, dump_is_equal_for_equal_results_in_any_order)
{
    struct made_cell other = example_cell();
    other.seed = 9;
    struct result one = made_result(&memory, example_cell());
    struct result two = made_result(&memory, other);
    char second[110];
    snprintf(second, sizeof second, "%s.2", path);
    struct store *s = must_open(path, STORE_WRITE);
    must_put(s, &one);
    must_put(s, &two);
    store_close(s);
    s = must_open(second, STORE_WRITE);
    must_put(s, &two);
    one.run.seconds = 999; /* measured, not computed */
    one.run.started = "2027-01-01T00:00:00Z";
    must_put(s, &one);
    store_close(s);
    char *a = dump(path), *b = dump(second);
    cr_expect(strcmp(a, b) == 0);
    cr_expect(strlen(a) > 30000, "%zu", strlen(a));
    free(b);

    /* The last bit of one logit must show. */
    float *logits = (float *)(uintptr_t)one.splits[1].rows.logits;
    logits[5] = nextafterf(logits[5], 10);
    s = must_open(second, STORE_WRITE);
    must_put(s, &one);
    store_close(s);
    b = dump(second);
    cr_expect(strcmp(a, b) != 0);
    free(a);
    free(b);
}

/* A cell of AG News size must not cost noticeable time. */
Test(store, six_thousand_examples_take_less_than_200_ms)
{
    struct made_cell m = example_cell();
    m.n_test = 3000;
    m.n_steps = 1500;
    struct result r = made_result(&memory, m);
    struct store *s = must_open(path, STORE_WRITE);
    int64_t best_ns = INT64_MAX;
    for (int i = 0; i < 5; i++) { /* the best of five: other processes share the machine */
        int64_t start = clock_ns();
        must_put(s, &r);
        int64_t took_ns = clock_ns() - start;
        best_ns = took_ns < best_ns ? took_ns : best_ns;
    }
#if defined(__SANITIZE_ADDRESS__)
    int64_t limit_ns = 2000000000;
#else
    int64_t limit_ns = 200000000;
#endif
    cr_expect(best_ns < limit_ns, "%.3f s", (double)best_ns * 1e-9);
    cr_log_info("stored in %.3f s", (double)best_ns * 1e-9);
    store_close(s);
}
