/* reports: made-up databases through every file of a report. */
#include "reports/report.h"

#include "harness/base/stats.h"
#include "reports/data.h"
#include "reports/doc.h"
#include "reports/paired.h"
#include "reports/tables.h"
#include "tests/reports/make_report.h"

TestSuite(report, .init = set_up, .fini = tear_down, .timeout = 120);

Test(report, one_cell)
{
    const struct made_cell one = cell("full", "ag_news", 1);
    store_cells(&one, 1);
    write_report(NULL);
    expect_figure("accuracy-bert-l2-h128");
    expect_figure("epochs-bert-l2-h128");
    expect_figure("accuracy_by_parameters");
    expect_figure("speed_and_memory");
    expect_in("report.md", "(n=1)");
    expect_in("report.md", "n=1, no interval");
    expect_in("summary.csv", "n=1, no interval");
    expect_in("report.html", "</html>");
    expect_not_in("report.md", "Method against method");
    expect_not_in("report.md", " nan"); /* "financial" may stand there */
    expect_not_in("report.html", ">nan");
    expect_in("report.md", "No cell of the survey is measured here.");
    expect_figure("survey_sizes");
    expect_figure("survey_methods");
    expect_figure("survey_parameters");
    cr_expect(count_lines(text_of("runs.csv")) == 2);
    cr_expect(count_lines(text_of("epochs.csv")) == 6);
    cr_expect(count_lines(text_of("summary.csv")) == 1 + METRIC_ACCURACY_NORM);
}

Test(report, failed_skipped_and_missing_cells)
{
    struct made_cell cells[] = {cell("full", "ag_news", 1), cell("full", "ag_news", 2),
                                cell("lora", "ag_news", 1), cell("full", "trec", 1),
                                cell("head", "ag_news", 1)};
    cells[2].status = RESULT_FAILED;
    cells[2].message = "killed by signal 9, out of memory? a|b <c>";
    cells[4].status = RESULT_SKIPPED;
    cells[4].message = "excluded by the spec";
    store_cells(cells, 5);
    write_report("This is a miniature.");
    expect_in("report.md", "> **Note.** This is a miniature.");
    expect_in("report.md", "| lora | failed |");
    expect_in("report.md", "killed by signal 9, out of memory? a\\|b \\<c\\>");
    expect_in("report.html", "a|b &lt;c&gt;");
    expect_in("report.md", "excluded by the spec");
    expect_in("report.md", "3 cells done, 1 failed, 1 skipped");
    expect_in("runs.csv", "\"killed by signal 9, out of memory? a|b <c>\"");
    expect_figure("accuracy-bert-l2-h128");
    /* No method but full has both data sets, and one alone is enough. */
    expect_in("figures/accuracy_by_parameters.gp", "(2 data sets)");
}

Test(report, only_failures)
{
    struct made_cell one = cell("full", "ag_news", 1);
    one.status = RESULT_FAILED;
    one.message = "no weights";
    store_cells(&one, 1);
    write_report(NULL);
    expect_in("report.md", "no weights");
    expect_in("report.md", "| full | failed |");
}

Test(report, stand_ins_are_named_everywhere)
{
    struct made_cell cells[] = {cell("full", "auditor_sentiment", 1),
                                cell("lora", "auditor_sentiment", 1), cell("full", "trec", 1)};
    cells[0].stand_in = cells[1].stand_in = "financial_phrasebank, 50 % agreement";
    store_cells(cells, 3);
    write_report(NULL);
    static const char *const files[] = {"report.md", "report.html",
                                        "figures/accuracy-bert-l2-h128.gp",
                                        "figures/epochs-bert-l2-h128.gp"};
    for (int i = 0; i < 4; i++) {
        expect_in(files[i], "auditor_sentiment (stand-in)");
        expect_not_in(files[i], "trec (stand-in)");
    }
    expect_in("runs.csv", "auditor_sentiment,\"financial_phrasebank, 50 % agreement\",");
    expect_in("summary.csv", "auditor_sentiment,\"financial_phrasebank, 50 % agreement\",");
    expect_in("epochs.csv", "auditor_sentiment,\"financial_phrasebank, 50 % agreement\",");
    expect_in("paired.csv", "auditor_sentiment,\"financial_phrasebank, 50 % agreement\",");
    expect_in("figures/accuracy_by_parameters.gp", "stand-in");
}

Test(report, namesakes_are_told_apart_by_what_differs)
{
    struct made_cell cells[] = {cell("lora", "trec", 1), cell("lora", "trec", 1),
                                cell("full", "trec", 1)};
    cells[0].method_options = "r=8\nalpha=16\n";
    cells[1].method_options = "r=64\nalpha=16\n";
    store_cells(cells, 3);
    write_report(NULL);
    expect_in("report.md", "| lora r=8 |");
    expect_in("report.md", "| lora r=64 |");
    expect_in("report.md", "| full |");
    expect_not_in("report.md", "alpha");
}

/* Two protocols, a classifier and a model that answers in text, in one database. */
static void store_two_protocols(void)
{
    static const char published[] =
        "learning_rate=0.001\nmetric_unit=token\ntrain_batch_size=256\n";
    struct made_cell cells[8];
    for (int i = 0; i < 8; i++) {
        cells[i] = cell(i % 2 ? "lora" : "full", "trec", 1);
        cells[i].model = i % 4 < 2 ? "bert-l2-h128" : "flan-t5-xs";
        cells[i].says_text = i % 4 >= 2;
        cells[i].protocol = i < 4 ? "published" : "sound";
        cells[i].protocol_options = i < 4 ? published : NULL;
        cells[i].accuracy = i < 4 ? 0.9 : 0.5;
    }
    store_cells(cells, 8);
}

Test(report, protocols_stay_apart)
{
    store_two_protocols();
    write_report(NULL);
    expect_in("report.md", "## Under protocol published");
    expect_in("report.md", "## Under protocol sound");
    expect_in("report.md", "published (4 cells), sound (4 cells)");
    expect_in("report.md", "| option | published | sound |");
    expect_in("report.md", "| metric_unit | token | example |");
    expect_not_in("report.md", "| learning_rate |"); /* the same in both */
    expect_figure("accuracy-flan-t5-xs-published");
    expect_figure("accuracy-flan-t5-xs-sound");
    expect_figure("epochs-bert-l2-h128-published");
    struct err e = {0};
    struct store *s = store_open(db, STORE_READ, &e);
    struct report_set set;
    cr_assert(report_set_load(&set, s, NULL, 0, &memory, &e) == 0, "%s", e.text);
    cr_assert(set.n == 2 && set.n_cells == 8);
    for (int k = 0; k < 2; k++) {
        const struct report_data *d = &set.items[k];
        cr_expect(strcmp(d->protocol, k == 0 ? "published" : "sound") == 0);
        cr_assert(d->n_models == 2 && d->n_methods == 2 && d->n_cells == 4);
        cr_expect(strcmp(d->methods[0], "full") == 0); /* no option tells namesakes apart */
        for (int i = 0; i < 4; i++) {
            const struct report_cell *c = &d->cells[i];
            bool text = strcmp(c->model, "flan-t5-xs") == 0;
            cr_expect(d->groups[i].n == 1 && !c->superseded && c->says_text == text);
            cr_expect(strcmp(c->metric_unit, text && k == 0 ? "token" : "example") == 0);
            cr_expect(report_reported(c, 0) ==
                      c->metric[text && k == 0 ? METRIC_TOKEN_ACCURACY : METRIC_ACCURACY]);
            cr_expect(c->learning_rate == 1e-3 && c->train_batch_size == (k == 0 ? 256 : 16));
            cr_expect(c->n_updates == 20 && c->n_cut_targets == 0);
            cr_expect(isnan(c->epochs[4].metric[METRIC_TOKEN_ACCURACY]) == !text);
        }
    }
    store_close(s);
}

Test(report, text_is_counted_four_ways)
{
    store_two_protocols();
    write_report(NULL);
    expect_in("report.md", "### Answers in text, counted four ways");
    expect_in("report.md", "As protocol published counts: right target tokens");
    expect_not_in("report.md", "As protocol sound counts");
    struct made_cell text = cell("full", "trec", 1);
    text.model = "flan-t5-xs";
    text.says_text = true;
    text.accuracy = 0.5;
    struct result r = made_result(&memory, text);
    double v[METRIC_COUNT];
    metrics_compute(v, &r.splits[1].rows);
    char row[200];
    snprintf(
        row, sizeof row,
        "| flan-t5-xs | full | trec | %.3f (n=1) | %.3f (n=1) | %.3f (n=1) | %.3f (n=1) | %.2f |",
        v[METRIC_TOKEN_ACCURACY], v[METRIC_EXACT_MATCH], v[METRIC_ACCURACY],
        v[METRIC_ACCURACY_NORM], v[METRIC_TOKEN_COUNT] / 100);
    cr_expect(v[METRIC_TOKEN_ACCURACY] > v[METRIC_ACCURACY]);
    expect_in("report.md", row);
}

Test(report, swept_rates_show_in_the_label)
{
    struct made_cell cells[] = {cell("lora", "trec", 1), cell("lora", "trec", 1)};
    cells[0].protocol_options = "learning_rate=1e-05\nmetric_unit=example\n";
    store_cells(cells, 2);
    write_report(NULL);
    expect_in("report.md", "| lora learning_rate=1e-05");
    expect_in("report.md", "| lora learning_rate=0.001");
}

/* A cell of the survey, and one whose data are a stand-in. */
/* All protocols with test rows: nothing to hold against each other. */
Test(report, no_figure_of_two_sound_protocols)
{
    store_two_protocols();
    write_report(NULL);
    expect_not_in("report.md", "figures/protocols");
}

Test(report, published_stands_beside_measured)
{
    struct made_cell cells[5];
    for (int i = 0; i < 5; i++) {
        cells[i] = cell("lora", i < 3 ? "ag_news" : "auditor_sentiment", 1 + i % 3);
        cells[i].model = "bert-base-cased";
        cells[i].stand_in = i < 3 ? NULL : "other rows";
    }
    cells[4] = cell("lora", "trec", 1); /* none of the survey's */
    store_cells(cells, 5);
    write_report(NULL);
    expect_in("report.md", "### Measured under protocol sound");
    expect_not_in("report.md", "No cell of the survey");
    expect_in("report.md",
              "| bert-base-cased | lora | published | example | 0.917 | 0.996 | 0.867 |");
    expect_in("report.md", " stand-in](#g");
    expect_in("survey.csv", "bert-base-cased,lora,ag_news,example,0.917105,12160,3040,0.001,256,5,"
                            "240,1392.1,sound,lora,,example,3,");
    expect_in("survey.csv", "flan-t5-xl,lora,imdb_truncated,token,0.93,");
    cr_expect(count_lines(text_of("survey.csv")) == 1 + 40);
    expect_figure("survey_sizes-sound");
    expect_figure("survey_methods-sound");
    expect_figure("survey_parameters-sound");
    expect_in("figures/survey_sizes-sound.gp", "tweet_eval_stance_abortion");
    /* Unstacked: the last point of flan-t5-xl on AG News is its accuracy, no sum. */
    expect_in("figures/survey_sizes-sound.dat", "5 0.967982");
    expect_in("figures/survey_sizes-sound.dat", "5 0.917105");
}

Test(report, csv_files_keep_their_columns)
{
    static const char *const heads[][2] = {
        {"runs.csv", "cell_id,model,method,label,dataset,stand_in,seed,protocol,precision,status,"
                     "superseded,message,trainable_params,total_params,split,accuracy,loss,"},
        {"summary.csv", "protocol,model,method,dataset,stand_in,metric,n,mean,sd,low_95,high_95,"
                        "note,cell_ids\n"},
        {"epochs.csv", "cell_id,protocol,model,method,dataset,stand_in,seed,epoch,train_loss,"
                       "seconds,validation_accuracy,validation_loss,"},
        {"paired.csv", "protocol,model,dataset,stand_in,method_a,method_b,n_seeds,n_rows,"},
        {"survey.csv", "model,method,dataset,published_unit,published_accuracy,"}};
    store_two_protocols();
    write_report(NULL);
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        const char *text = text_of(heads[i][0]);
        cr_expect(strncmp(text, heads[i][1], strlen(heads[i][1])) == 0, "%s: %.200s", heads[i][0],
                  text);
        /* Every row has as many commas outside quotes as the header. */
        int n_header = -1, n = 0;
        bool quoted = false;
        for (; *text != '\0'; text++) {
            quoted ^= *text == '"';
            n += *text == ',' && !quoted;
            if (*text == '\n' && !quoted) {
                n_header = n_header < 0 ? n : n_header;
                cr_expect(n == n_header, "%s: %d of %d", heads[i][0], n, n_header);
                n = 0;
            }
        }
    }
}

Test(report, the_same_database_gives_the_same_bytes)
{
    struct made_cell cells[] = {cell("full", "trec", 1), cell("full", "trec", 2),
                                cell("lora", "trec", 1), cell("lora", "trec", 2)};
    static const char *const files[] = {"report.md",
                                        "report.html",
                                        "runs.csv",
                                        "summary.csv",
                                        "paired.csv",
                                        "epochs.csv",
                                        "figures/accuracy-bert-l2-h128.svg"};
    store_cells(cells, 4);
    const char *first[7];
    write_report(NULL);
    for (int i = 0; i < 7; i++) {
        first[i] = text_of(files[i]);
    }
    write_report(NULL);
    for (int i = 0; i < 7; i++) {
        cr_expect(strcmp(first[i], text_of(files[i])) == 0, "%s", files[i]);
    }
}

Test(report, cells_can_be_chosen)
{
    struct made_cell cells[] = {cell("full", "trec", 1), cell("lora", "trec", 1)};
    store_cells(cells, 2);
    struct result lora = made_result(&memory, cells[1]);
    const char *ids[] = {lora.cell.cell_id, "0000", "1111"};
    struct report_params p = {
        .db_path = db, .out_dir = out, .title = "One", .cell_ids = ids, .n_cell_ids = 3};
    struct err e = {0};
    cr_assert(report_write(&p, &e) == 0, "%s", e.text);
    expect_not_in("runs.csv", "full");
    expect_in("report.md", "1 cell done, 0 failed, 0 skipped, 2 not run yet");
    p.cell_ids = ids + 1;
    p.n_cell_ids = 2;
    cr_expect(report_write(&p, &e) == -1);
    cr_expect(strstr(e.text, "none of the cells") != NULL, "%s", e.text);
}

Test(report, mean_and_interval_over_seeds)
{
    struct made_cell cells[] = {cell("full", "trec", 1), cell("full", "trec", 2),
                                cell("full", "trec", 3)};
    double accuracy[3];
    store_cells(cells, 3);
    for (int i = 0; i < 3; i++) {
        struct result r = made_result(&memory, cells[i]);
        double values[METRIC_COUNT];
        metrics_compute(values, &r.splits[1].rows);
        accuracy[i] = values[METRIC_ACCURACY];
    }
    struct err e = {0};
    struct store *s = store_open(db, STORE_READ, &e);
    struct report_set set;
    cr_assert(report_set_load(&set, s, NULL, 0, &memory, &e) == 0, "%s", e.text);
    struct report_mean m = report_mean_of(&set.items[0].groups[0], report_metric, METRIC_ACCURACY);
    double mean = (accuracy[0] + accuracy[1] + accuracy[2]) / 3;
    cr_expect(m.n == 3 && fabs(m.mean - mean) < 1e-15);
    /* t(0.975, 2) = 4.302652729911275 (tables) */
    double half = 4.302652729911275 * stats_sd(accuracy, 3) / sqrt(3);
    cr_expect(fabs(m.high - m.mean - half) < 1e-9 && fabs(m.mean - m.low - half) < 1e-9);
    store_close(s);
}

/* Counts by hand what paired.c computes. */
Test(report, pairs_are_compared_on_the_same_rows)
{
    struct made_cell cells[] = {cell("full", "trec", 1), cell("lora", "trec", 1),
                                cell("full", "trec", 2)};
    cells[0].trainable_params = 5000;
    store_cells(cells, 3);
    struct result a = made_result(&memory, cells[0]), b = made_result(&memory, cells[1]);
    long only_a = 0, only_b = 0;
    for (int i = 0; i < 100; i++) {
        const struct predictions *x = &a.splits[1].rows, *y = &b.splits[1].rows;
        bool right_a = x->predicted[i] == x->label[i], right_b = y->predicted[i] == y->label[i];
        only_a += right_a && !right_b;
        only_b += right_b && !right_a;
    }
    struct err e = {0};
    struct store *s = store_open(db, STORE_READ, &e);
    struct report_set set;
    struct paired_table *tables;
    cr_assert(report_set_load(&set, s, NULL, 0, &memory, &e) == 0, "%s", e.text);
    cr_assert(paired_load(&tables, &set.items[0], &e) == 0, "%s", e.text);
    cr_assert(tables[0].n == 1);
    const struct paired_test *t = &tables[0].tests[0];
    cr_expect(t->n_seeds == 1 && t->n_rows == 100);
    cr_expect(t->only_a == only_a && t->only_b == only_b);
    cr_expect(fabs(t->difference - (double)(only_a - only_b) / 100) < 1e-12);
    cr_expect(t->ci.low < t->difference && t->difference < t->ci.high);
    cr_expect(t->p == stats_mcnemar(only_a, only_b).mid_p && t->p_holm == t->p);
    store_close(s);
}

Test(report, unwritable_folder)
{
    const struct made_cell one = cell("full", "trec", 1);
    store_cells(&one, 1);
    struct err e = {0};
    cr_assert(file_write(out, "x", 1, &e) == 0); /* a file where the folder should be */
    struct report_params p = {.db_path = db, .out_dir = out, .title = "None"};
    cr_expect(report_write(&p, &e) == -1);
    cr_expect(strstr(e.text, out) != NULL, "%s", e.text);
}

Test(report, missing_gnuplot_is_named)
{
    const struct made_cell one = cell("full", "trec", 1);
    store_cells(&one, 1);
    struct err e = {0};
    setenv("PATH", folder, 1);
    struct report_params p = {.db_path = db, .out_dir = out, .title = "None"};
    cr_expect(report_write(&p, &e) == -1);
    cr_expect(strstr(e.text, "gnuplot") != NULL && strstr(e.text, "installed") != NULL, "%s",
              e.text);
    setenv("PATH", "/usr/bin:/bin", 1);
}

Test(csv, quotes_what_it_must)
{
    struct str s = {0};
    csv_text(&s, "plain", ',');
    csv_text(&s, "a,b", ',');
    csv_text(&s, "say \"no\"", ',');
    csv_real(&s, NAN, ',');
    csv_real(&s, 0.1, '\n');
    cr_expect(strcmp(str_text(&s), "plain,\"a,b\",\"say \"\"no\"\"\",,0.1\n") == 0, "%s",
              str_text(&s));
    str_release(&s);
}

Test(doc, both_forms_show_text_as_it_is)
{
    struct doc d;
    doc_begin(&d, "A & B");
    doc_paragraph(&d, "%s", "1 < 2 *stars* in_word _out_ [x] `c` a|b");
    doc_table(&d, 2);
    doc_head(&d, 'l', "l");
    doc_head(&d, 'r', "r");
    doc_cell(&d, "a|b");
    doc_link_cell(&d, "#g1", "0.5");
    doc_table_end(&d);
    const char *md = str_text(&d.markdown), *html = str_text(&d.html);
    cr_expect(strstr(md, "1 \\< 2 \\*stars\\* in_word \\_out\\_ \\[x\\] \\`c\\` a\\|b") != NULL,
              "%s", md);
    cr_expect(strstr(md, "|:---|---:|\n| a\\|b | [0.5](#g1) |\n") != NULL, "%s", md);
    cr_expect(strstr(html, "<h1>A &amp; B</h1>") != NULL, "%s", html);
    cr_expect(strstr(html, "<td class=\"r\"><a href=\"#g1\">0.5</a></td></tr>") != NULL, "%s",
              html);
    doc_release(&d);
}
