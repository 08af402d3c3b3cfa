#include "reports/page.h"

#include "harness/base/str.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static bool model_has_dataset(const struct report_data *d, int model, int dataset)
{
    for (int method = 0; method < d->n_methods; method++) {
        const struct report_group *g = report_group_at(d, model, method, dataset);
        if (g->n + g->n_failed + g->n_skipped > 0) {
            return true;
        }
    }
    return false;
}

static bool model_has_method(const struct report_data *d, int model, int method)
{
    for (int dataset = 0; dataset < d->n_datasets; dataset++) {
        const struct report_group *g = report_group_at(d, model, method, dataset);
        if (g->n + g->n_failed + g->n_skipped > 0) {
            return true;
        }
    }
    return false;
}

const char *page_plural(int n)
{
    return n == 1 ? "" : "s";
}

/* "0.873 ± 0.012", "0.873 (n=1)", "failed". */
void page_mean_text(char out[64], const struct report_group *g, enum metric metric)
{
    struct report_mean m = report_mean_of(g, report_metric, (int)metric);
    if (m.n > 1) {
        int n = snprintf(out, 64, "%.3f ± %.3f", m.mean, m.high - m.mean);
        if (g->n_failed + g->n_skipped > 0) { /* not all seeds came through */
            snprintf(out + n, 64 - (size_t)n, " (n=%d)", m.n);
        }
    } else if (m.n == 1) {
        snprintf(out, 64, "%.3f (n=1)", m.mean);
    } else {
        snprintf(out, 64, "%s", g->n_failed > 0 ? "failed" : g->n_skipped > 0 ? "skipped" : "–");
    }
}

static void metric_row(const struct page *p, int model, int method, enum metric metric)
{
    const struct report_data *d = p->data;
    doc_cell(p->doc, "%s", d->methods[method]);
    for (int dataset = 0; dataset < d->n_datasets; dataset++) {
        if (!model_has_dataset(d, model, dataset)) {
            continue;
        }
        const struct report_group *g = report_group_at(d, model, method, dataset);
        char text[64];
        page_mean_text(text, g, metric);
        if (g->n > 0) {
            char target[128];
            snprintf(target, sizeof target, "#g%d%s", (int)(g - d->groups) + 1, d->suffix);
            doc_link_cell(p->doc, target, text);
        } else {
            doc_cell(p->doc, "%s", text);
        }
    }
}

/* Mean over all cells of a model and a data set, whatever the method. */
static double majority_of(const struct report_data *d, int model, int dataset)
{
    double sum = 0;
    int n = 0;
    for (int method = 0; method < d->n_methods; method++) {
        const struct report_group *g = report_group_at(d, model, method, dataset);
        for (int i = 0; i < g->n; i++) {
            sum += g->cells[i]->metric[METRIC_MAJORITY_RATE];
            n++;
        }
    }
    return n > 0 ? sum / n : NAN;
}

static void majority_row(const struct page *p, int model)
{
    const struct report_data *d = p->data;
    doc_cell(p->doc, "(commonest class)");
    for (int dataset = 0; dataset < d->n_datasets; dataset++) {
        if (model_has_dataset(d, model, dataset)) {
            double rate = majority_of(d, model, dataset);
            doc_cell(p->doc, isnan(rate) ? "–" : "%.3f", rate);
        }
    }
}

/* Methods down, data sets across. */
static void metric_table(const struct page *p, int model, enum metric metric)
{
    const struct report_data *d = p->data;
    int n_columns = 1;
    for (int dataset = 0; dataset < d->n_datasets; dataset++) {
        n_columns += model_has_dataset(d, model, dataset);
    }
    doc_table(p->doc, n_columns);
    doc_head(p->doc, 'l', "method");
    for (int dataset = 0; dataset < d->n_datasets; dataset++) {
        if (model_has_dataset(d, model, dataset)) {
            doc_head(p->doc, 'r', d->datasets[dataset].shown);
        }
    }
    for (int method = 0; method < d->n_methods; method++) {
        if (model_has_method(d, model, method)) {
            metric_row(p, model, method, metric);
        }
    }
    if (metric == METRIC_ACCURACY) {
        majority_row(p, model);
    }
    doc_table_end(p->doc);
}

void page_figure(const struct page *p, const char *name, const char *caption)
{
    if (name != NULL) {
        char path[300];
        snprintf(path, sizeof path, "figures/%s", name);
        doc_figure(p->doc, path, caption);
    }
}

void page_protocol(const struct page *p)
{
    const struct report_data *d = p->data;
    if (p->set->n > 1) {
        char title[120];
        snprintf(title, sizeof title, "Under protocol %s", d->protocol);
        doc_heading(p->doc, 2, title);
    }
}

/* Whether the protocol's own accuracy of this model counts target tokens. */
static bool counts_tokens(const struct report_data *d, int model)
{
    for (int i = 0; i < d->n_cells; i++) {
        if (str_equal(d->cells[i].model, d->models[model]) &&
            str_equal(d->cells[i].metric_unit, "token")) {
            return true;
        }
    }
    return false;
}

void page_accuracy(const struct page *p)
{
    const struct report_data *d = p->data;
    doc_heading(p->doc, p->level, "Accuracy");
    for (int model = 0; model < d->n_models; model++) {
        doc_heading(p->doc, p->level + 1, d->models[model]);
        if (counts_tokens(d, model)) {
            doc_paragraph(p->doc,
                          "As protocol %s counts: right target tokens of all target "
                          "tokens, each predicted with the right ones before it.",
                          d->protocol);
            metric_table(p, model, METRIC_TOKEN_ACCURACY);
            doc_paragraph(p->doc, "The same predictions by example: rows whose class has the "
                                  "likeliest words.");
        }
        metric_table(p, model, METRIC_ACCURACY);
        page_figure(p, p->figures->accuracy[model],
                    "Accuracy by example with 95 % intervals over seeds. Dashed: always the "
                    "commonest class.");
    }
    page_figure(p, p->figures->sizes,
                "Accuracy by example against the number of parameters (logarithmic): means over "
                "seeds with 95 % intervals where there are several. One scale for all data sets; "
                "a colour a method, a line and marker a family of models. Curves stand a little "
                "apart, so that no interval hides another.");
}

void page_other_metrics(const struct page *p)
{
    static const struct {
        enum metric metric;
        const char *title;
    } sections[] = {{METRIC_F1_MACRO, "Macro F1"}, {METRIC_MCC, "Matthews correlation"}};
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        doc_heading(p->doc, p->level, sections[i].title);
        for (int model = 0; model < p->data->n_models; model++) {
            doc_heading(p->doc, p->level + 1, p->data->models[model]);
            metric_table(p, model, sections[i].metric);
        }
    }
    doc_paragraph(p->doc, "Loss, and precision, recall and F1, macro and weighted, are in "
                          "summary.csv (means and intervals) and runs.csv (each run).");
}

void page_curves(const struct page *p)
{
    const struct report_data *d = p->data;
    bool any = false;
    for (int model = 0; model < d->n_models; model++) {
        if (p->figures->epochs[model] != NULL) {
            if (!any) {
                doc_heading(p->doc, p->level, "Epoch by epoch");
            }
            any = true;
            doc_heading(p->doc, p->level + 1, d->models[model]);
            page_figure(
                p, p->figures->epochs[model],
                "Training loss and validation accuracy by epoch, means over seeds. Numbers: "
                "epochs.csv.");
        }
    }
}

static double tokens_per_second(const struct report_cell *c)
{
    return c->tokens_per_second > 0 ? c->tokens_per_second : NAN;
}

static double examples_per_second(const struct report_cell *c)
{
    return c->examples_per_second > 0 ? c->examples_per_second : NAN;
}

static double peak_mib(const struct report_cell *c)
{
    return c->peak_rss_bytes > 0 ? (double)c->peak_rss_bytes / (1 << 20) : NAN;
}

static double seconds(const struct report_cell *c)
{
    return c->seconds > 0 ? c->seconds : NAN;
}

static double trainable(const struct report_cell *c)
{
    return (double)c->trainable_params;
}

static double share(const struct report_cell *c)
{
    return c->total_params > 0 ? 100 * (double)c->trainable_params / (double)c->total_params : NAN;
}

/* "108,311,810" */
static void with_commas(char out[32], double value)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%.0f", value);
    size_t n = strlen(digits), k = 0;
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && (n - i) % 3 == 0) {
            out[k++] = ',';
        }
        out[k++] = digits[i];
    }
    out[k] = '\0';
}

static void cost_cell(const struct page *p, int model, int method,
                      double (*value)(const struct report_cell *c), int n_decimals)
{
    double median = report_median_of(p->data, model, method, value);
    char text[32];
    if (isnan(median)) {
        doc_cell(p->doc, "–");
    } else if (n_decimals > 0) {
        doc_cell(p->doc, "%.*f", n_decimals, median);
    } else {
        with_commas(text, median);
        doc_cell(p->doc, "%s", text);
    }
}

void page_cost(const struct page *p)
{
    const struct report_data *d = p->data;
    static const char *const heads[] = {"trainable parameters", "share %",  "tokens/s",
                                        "examples/s",           "peak MiB", "seconds"};
    doc_heading(p->doc, p->level, "What it costs");
    doc_paragraph(p->doc, "Medians over data sets and seeds. Tokens and examples per second are of "
                          "training alone; seconds are of the whole cell; peak memory is the "
                          "process's resident set, frozen weights included.");
    doc_table(p->doc, 8);
    doc_head(p->doc, 'l', "model");
    doc_head(p->doc, 'l', "method");
    for (int i = 0; i < 6; i++) {
        doc_head(p->doc, 'r', heads[i]);
    }
    for (int model = 0; model < d->n_models; model++) {
        for (int method = 0; method < d->n_methods; method++) {
            if (isnan(report_median_of(d, model, method, trainable))) {
                continue;
            }
            doc_cell(p->doc, "%s", d->models[model]);
            doc_cell(p->doc, "%s", d->methods[method]);
            cost_cell(p, model, method, trainable, 0);
            cost_cell(p, model, method, share, 2);
            cost_cell(p, model, method, tokens_per_second, 0);
            cost_cell(p, model, method, examples_per_second, 1);
            cost_cell(p, model, method, peak_mib, 0);
            cost_cell(p, model, method, seconds, 1);
        }
    }
    doc_table_end(p->doc);
    page_figure(
        p, p->figures->parameters,
        "Mean accuracy, over the data sets that all methods of a model have, against trainable "
        "parameters (logarithmic). A method that trains nothing is not drawn.");
    page_figure(p, p->figures->resources, "Training speed and peak memory.");
}
