/* What pre-training is worth, from a made-up database. */
#include "reports/worth.h"

#include "tests/reports/make_report.h"

TestSuite(worth, .init = set_up, .fini = tear_down, .timeout = 120);

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
    write_report(NULL);
    expect_in("report.md", "What pre-training is worth");
    expect_in("report.md", "| mini-enc-xs | full | (mean of 2 data sets) |");
    cr_expect_eq(count_lines(text_of("worth.csv")), 4);

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
