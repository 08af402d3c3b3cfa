/* What is stored of a pre-training comes back, and cells know nothing of it. */
#include "results/pretraining.h"
#include "results/query.h"
#include "results/schema.h"

#include <criterion/criterion.h>
#include <math.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[64];

static void set_up(void)
{
    snprintf(path, sizeof path, "/tmp/ftbench-pretraining-%ld.db", (long)getpid());
    unlink(path);
}

static void tear_down(void)
{
    unlink(path);
}

TestSuite(pretraining, .init = set_up, .fini = tear_down);

static struct store *must_open(void)
{
    struct err e = {0};
    struct store *s = store_open(path, STORE_WRITE, &e);
    cr_assert(s != NULL, "%s", e.text);
    return s;
}

static double ask(struct store *s, const char *sql)
{
    struct query q;
    struct err e = {0};
    cr_assert(query_open(&q, s, sql, &e) == 0, "%s", e.text);
    cr_assert(query_next(&q, &e) == 1, "%s: %s", sql, e.text);
    double value = query_real(&q, 0);
    query_close(&q);
    return value;
}

static void must_put(struct store *s, const char *weights_hash, int n_points)
{
    static const struct environment_fact facts[] = {{"cpu_model", "a"}, {"build", "b"}};
    static const struct result_pretraining_point points[] = {
        {.held_out_loss = 9, .train_loss = NAN},
        {.step = 5, .tokens = 100, .train_loss = 8.5, .held_out_loss = 8, .seconds = 2},
        {.step = 10, .tokens = 200, .train_loss = 7.5, .held_out_loss = 7.25, .seconds = 4}};
    struct result_pretraining r = {.pretraining_id = "0123456789abcdef",
                                   .canonical = "all",
                                   .model = "m",
                                   .recipe = "r",
                                   .options = "o=1\n",
                                   .corpus_hash = "c",
                                   .tokenizer_hash = "t",
                                   .weights_hash = weights_hash,
                                   .precision = "bfloat16",
                                   .seed = 3,
                                   .total_params = 1000,
                                   .n_documents = 20,
                                   .n_held_out = 2,
                                   .n_words = 400,
                                   .n_updates = 10,
                                   .train_tokens = 200,
                                   .unigram_loss = 6.5,
                                   .train_seconds = 4,
                                   .started = "2026-01-31T12:00:00Z",
                                   .numerics_version = 2,
                                   .blas_core = "b",
                                   .commit = "c",
                                   .environment = facts,
                                   .n_environment = 2,
                                   .points = points,
                                   .n_points = n_points};
    struct err e = {0};
    cr_assert(store_put_pretraining(s, &r, &e) == 0, "%s", e.text);
}

static void expect_weights(struct store *s, const char *id, const char *hash)
{
    char hex[HASH_HEX_SIZE] = "";
    struct err e = {0};
    cr_expect(store_pretraining(s, id, hex, &e) == (hash != NULL), "%s", e.text);
    cr_expect(hash == NULL || strcmp(hex, hash) == 0, "%s", hex);
}

Test(pretraining, a_run_comes_back_and_another_of_its_id_replaces_it)
{
    struct store *s = must_open();
    expect_weights(s, "0123456789abcdef", NULL);
    must_put(s, "w1", 3);
    expect_weights(s, "0123456789abcdef", "w1");
    expect_weights(s, "0123456789abcdee", NULL);
    cr_expect(ask(s, "SELECT held_out_loss FROM pretraining_point WHERE step = 10") == 7.25);
    cr_expect(ask(s, "SELECT train_loss IS NULL FROM pretraining_point WHERE step = 0") == 1);
    cr_expect(ask(s, "SELECT unigram_loss FROM pretraining") == 6.5);
    cr_expect(ask(s, "SELECT count(*) FROM environment") == 2);
    must_put(s, "w2", 2);
    expect_weights(s, "0123456789abcdef", "w2");
    cr_expect(ask(s, "SELECT count(*) FROM pretraining") == 1);
    cr_expect(ask(s, "SELECT count(*) FROM pretraining_point") == 2, "of the old run");
    cr_expect(ask(s, "SELECT count(*) FROM result_lines") == 0, "lines are of cells");
    store_close(s);
}

/* As the program before left it. */
Test(pretraining, a_version_2_file_gets_the_tables)
{
    sqlite3 *db;
    char pragmas[100];
    cr_assert(sqlite3_open(path, &db) == SQLITE_OK);
    for (int v = 0; v < 2; v++)
        for (const char *const *sql = schema_steps[v]; *sql != NULL; sql++)
            cr_assert(sqlite3_exec(db, *sql, NULL, NULL, NULL) == SQLITE_OK, "%s", *sql);
    snprintf(pragmas, sizeof pragmas, "PRAGMA application_id = %d; PRAGMA user_version = 2",
             SCHEMA_APPLICATION_ID);
    cr_assert(sqlite3_exec(db, pragmas, NULL, NULL, NULL) == SQLITE_OK);
    sqlite3_close(db);
    struct store *s = must_open();
    cr_expect(ask(s, "PRAGMA user_version") == SCHEMA_VERSION);
    must_put(s, "w", 3);
    expect_weights(s, "0123456789abcdef", "w");
    store_close(s);
}
