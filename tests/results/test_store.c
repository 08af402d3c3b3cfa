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
    cr_expect(ask(s, "SELECT count(*) FROM metric") == 2 * METRIC_COUNT);
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
    struct result_epoch epoch = {
        .train_loss = 0.5,
        .metric = {[METRIC_ACCURACY] = NAN, [METRIC_LOSS] = NAN, [METRIC_F1_MACRO] = NAN},
        .seconds = 1};
    r.epochs = &epoch;
    r.n_epochs = 1;
    must_put(s, &r);
    cr_expect(ask(s, "SELECT count(*) FROM epoch WHERE validation_loss IS NULL") == 1);
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
