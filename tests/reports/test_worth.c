/* What pre-training is worth, from a made-up database. */
#include "reports/worth.h"

#include "harness/base/file.h"
#include "reports/report.h"
#include "tests/results/make_db.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static struct arena memory;
static char folder[64], db[96];

static void set_up(void)
{
    strncpy(folder, "/tmp/ftbench-worth-XXXXXX", sizeof folder);
    cr_assert(mkdtemp(folder) != NULL);
    snprintf(db, sizeof db, "%s/r.db", folder);
    setenv("FTBENCH_HOME", ".", 0);
}

static void tear_down(void)
{
    char command[120];
    snprintf(command, sizeof command, "rm -r %s", folder);
    cr_expect(system(command) == 0);
    arena_release(&memory);
}

TestSuite(worth, .init = set_up, .fini = tear_down, .timeout = 120);

static struct made_cell cell(const char *method, const char *dataset, int seed)
{
    return (struct made_cell){
        .model = "bert-l2-h128", .method = method, .dataset = dataset, .seed = seed};
}

static void store_cells(const struct made_cell *cells, int n)
{
    struct err e = {0};
    struct store *s = store_open(db, STORE_WRITE, &e);
    cr_assert(s != NULL, "%s", e.text);
    for (int i = 0; i < n; i++) {
        struct result r = made_result(&memory, cells[i]);
        cr_assert(store_put_result(s, &r, &e) == 0, "%s", e.text);
    }
    store_close(s);
}

static const char *text_of(const char *name)
{
    struct err e = {0};
    struct str path = {0}, text = {0};
    cr_assert(file_read(&text, file_join(&path, folder, name), &e) == 0, "%s", e.text);
    const char *copy = arena_strdup(&memory, str_text(&text));
    str_release(&path);
    str_release(&text);
    return copy;
}

/* Three seeds with and without pre-training on two data sets; a fourth only with. */
Test(worth, of_pre_training)
{
    struct made_cell cells[14];
    int n = 0;
    for (int seed = 1; seed <= 3; seed++) {
        for (int k = 0; k < 4; k++) {
            cells[n] = cell("full", k < 2 ? "trec" : "sst2", seed);
            cells[n].model = k % 2 ? "mini-enc-xs:random" : "mini-enc-xs";
            cells[n++].accuracy = k % 2 ? 0.6 : 0.9;
        }
    }
    cells[n++] = cell("full", "trec", 4);
    cells[n - 1].model = "mini-enc-xs";
    cells[n++] = cell("lora", "trec", 1); /* without a twin */
    store_cells(cells, n);
    struct err e = {0};
    const struct report_params p = {.db_path = db, .out_dir = folder, .title = "Worth"};
    cr_assert(report_write(&p, &e) == 0, "%s", e.text);
    const char *page = text_of("report.md");
    cr_expect(strstr(page, "What pre-training is worth") != NULL);
    cr_expect(strstr(page, "| mini-enc-xs | full | (mean of 2 data sets) |") != NULL);
    int n_lines = 0;
    for (const char *c = text_of("worth.csv"); *c != '\0'; c++) {
        n_lines += *c == '\n';
    }
    cr_expect_eq(n_lines, 4);

    struct store *s = store_open(db, STORE_READ, &e);
    struct report_set set;
    cr_assert(report_set_load(&set, s, NULL, 0, &memory, &e) == 0, "%s", e.text);
    struct worth w = worth_of(&set.items[0]);
    cr_assert_eq(w.n, 3);
    double of_set[3][4] = {{0}}; /* [seed][data set, model] */
    for (int i = 0; i < set.n_cells; i++) {
        const struct report_cell *c = &set.cells[i];
        if (strncmp(c->model, "mini", 4) == 0 && c->seed < 4) {
            int k = 2 * (strcmp(c->dataset, "trec") == 0) + (strstr(c->model, ":") != NULL);
            of_set[c->seed - 1][k] = c->metric[METRIC_ACCURACY];
        }
    }
    for (int i = 0; i < 3; i++) { /* sst2, trec, both */
        double x[3];
        for (int seed = 0; seed < 3; seed++) {
            const double *v = of_set[seed];
            double both = (v[0] - v[1] + v[2] - v[3]) / 2;
            x[seed] = i < 2 ? v[2 * i] - v[2 * i + 1] : both;
        }
        struct interval ci = stats_t_interval(x, 3, 0.95);
        cr_expect_eq(w.rows[i].n_seeds, 3);
        cr_expect_float_eq(w.rows[i].difference, stats_mean(x, 3), 1e-12);
        cr_expect_float_eq(w.rows[i].ci.low, ci.low, 1e-12); /* sums in another order */
        cr_expect_float_eq(w.rows[i].ci.high, ci.high, 1e-12);
        cr_expect_gt(w.rows[i].ci.low, 0);
    }
    store_close(s);
}
