/* The survey's table and figures, with what was measured beside (page.h). */
#include "reports/page.h"

#include <math.h>
#include <stdio.h>

/* "1,392.1" would suggest more than a wall clock knows. */
static void seconds_cell(const struct page *p, double seconds)
{
    doc_cell(p->doc, isnan(seconds) || seconds <= 0 ? "–" : "%.0f", seconds);
}

static void count_cell(const struct page *p, long n)
{
    doc_cell(p->doc, n > 0 ? "%ld" : "–", n);
}

static void published_row(const struct page *p, const struct survey_row *row)
{
    const struct survey *s = p->survey;
    const char *unit = "";
    for (int k = 0; k < s->n_datasets; k++) {
        const struct observation *x = survey_published(s, row->model, row->method, s->datasets[k]);
        unit = x != NULL ? x->metric_unit : unit;
    }
    doc_cell(p->doc, "%s", row->model);
    doc_cell(p->doc, "%s", row->method);
    doc_cell(p->doc, "published");
    doc_cell(p->doc, "%s", unit);
    for (int k = 0; k < s->n_datasets; k++) {
        const struct observation *x = survey_published(s, row->model, row->method, s->datasets[k]);
        char text[32] = "";
        if (x != NULL) {
            snprintf(text, sizeof text, "%.3f", x->accuracy);
        }
        doc_cell(p->doc, "%s", text);
    }
}

/* "0.913 ± 0.004 (3)": mean, half of the interval, seeds. */
static void measured_cell(const struct page *p, const struct report_data *d,
                          const struct report_group *g)
{
    if (g == NULL || g->n == 0) {
        doc_cell(p->doc, "%s", g == NULL ? "" : g->n_failed > 0 ? "failed" : "skipped");
        return;
    }
    struct report_mean m = report_mean_of(g, report_reported, 0);
    const char *stand_in = d->datasets[g->dataset].stand_in != NULL ? " stand-in" : "";
    char text[80], target[128];
    if (m.n > 1) {
        snprintf(text, sizeof text, "%.3f ± %.3f (%d)%s", m.mean, m.high - m.mean, m.n, stand_in);
    } else {
        snprintf(text, sizeof text, "%.3f (1)%s", m.mean, stand_in);
    }
    snprintf(target, sizeof target, "#g%d%s", (int)(g - d->groups) + 1, d->suffix);
    doc_link_cell(p->doc, target, text);
}

/* Labels of the row's method that a protocol has for its model: usually one. */
static bool has_label(const struct page *p, const struct report_data *d,
                      const struct survey_row *row, int method)
{
    if (!survey_is_method(d->methods[method], row->method)) {
        return false;
    }
    for (int k = 0; k < p->survey->n_datasets; k++) {
        if (survey_group(d, row->model, method, p->survey->datasets[k]) != NULL) {
            return true;
        }
    }
    return false;
}

static void measured_row(const struct page *p, const struct report_data *d,
                         const struct survey_row *row, int method)
{
    const struct survey *s = p->survey;
    const char *unit = "";
    for (int k = 0; k < s->n_datasets; k++) {
        const struct report_group *g = survey_group(d, row->model, method, s->datasets[k]);
        unit = g != NULL && g->n > 0 ? g->cells[0]->metric_unit : unit;
    }
    doc_cell(p->doc, "%s", row->model);
    doc_cell(p->doc, "%s", d->methods[method]);
    doc_cell(p->doc, "measured");
    doc_cell(p->doc, "%s", unit);
    for (int k = 0; k < s->n_datasets; k++) {
        measured_cell(p, d, survey_group(d, row->model, method, s->datasets[k]));
    }
}

/* The survey's table; d: the protocol measured beside it, or NULL. */
static void table(const struct page *p, const struct report_data *d)
{
    const struct survey *s = p->survey;
    static const char *const heads[] = {"model", "method", "", "unit"};
    doc_table(p->doc, 4 + s->n_datasets);
    for (int i = 0; i < 4; i++) {
        doc_head(p->doc, 'l', heads[i]);
    }
    for (int k = 0; k < s->n_datasets; k++) {
        doc_head(p->doc, 'r', s->datasets[k]);
    }
    for (int i = 0; i < (d != NULL ? s->n_rows : s->n_published_rows); i++) {
        if (i < s->n_published_rows) {
            published_row(p, &s->rows[i]);
        }
        for (int method = 0; d != NULL && method < d->n_methods; method++) {
            if (has_label(p, d, &s->rows[i], method)) {
                measured_row(p, d, &s->rows[i], method);
            }
        }
    }
    doc_table_end(p->doc);
}

static void origin_cells(const struct page *p, const struct survey_row *row, const char *label,
                         const char *dataset, const char *who)
{
    doc_cell(p->doc, "%s", row->model);
    doc_cell(p->doc, "%s", label);
    doc_cell(p->doc, "%s", dataset);
    doc_cell(p->doc, "%s", who);
}

static void published_origin(const struct page *p, const struct survey_row *row,
                             const struct observation *x)
{
    origin_cells(p, row, x->method, x->dataset, "published");
    doc_cell(p->doc, "%.3f %s", x->accuracy, x->metric_unit);
    count_cell(p, x->n_train);
    count_cell(p, x->n_evaluation);
    doc_cell(p->doc, "%s", "");
    doc_cell(p->doc, "%g", x->learning_rate);
    count_cell(p, x->train_batch_size);
    count_cell(p, x->n_updates);
    seconds_cell(p, x->train_seconds);
    doc_cell(p->doc, "%s", "");
}

static double train_seconds(const struct report_cell *c, int which)
{
    (void)which;
    return c->train_seconds;
}

static void measured_origin(const struct page *p, const struct survey_row *row,
                            const struct report_data *d, const struct report_group *g)
{
    const struct report_cell *c = g->cells[0];
    origin_cells(p, row, d->methods[g->method], c->dataset, d->protocol);
    doc_cell(p->doc, "%.3f %s", report_mean_of(g, report_reported, 0).mean, c->metric_unit);
    count_cell(p, (long)c->n_train);
    count_cell(p, (long)(str_equal(c->split, "test") ? c->n_test : c->n_validation));
    doc_cell(p->doc, isnan(c->leak_rate) ? "–" : "%.3f", c->leak_rate);
    doc_cell(p->doc, isnan(c->learning_rate) ? "–" : "%g", c->learning_rate);
    count_cell(p, c->train_batch_size);
    count_cell(p, (long)c->n_updates);
    seconds_cell(p, report_mean_of(g, train_seconds, 0).mean);
    doc_cell(p->doc, "%s", c->stand_in != NULL ? c->stand_in : "");
}

/* On what each number was measured, and how long it took. */
static void origins(const struct page *p)
{
    const struct survey *s = p->survey;
    static const char *const heads[] = {
        "model",  "method", "data set", "who",     "accuracy",      "train rows",          "judged",
        "leaked", "rate",   "batch",    "updates", "train seconds", "in place of the data"};
    doc_fold(p->doc, "What each number was measured on, and how long it took");
    doc_paragraph(p->doc,
                  "Leaked: share of the judged rows whose text was also trained on, where it was "
                  "measured. Published updates are worked out from rows and batch. Seconds: "
                  "training on the author's machines, and here.");
    doc_table(p->doc, 13);
    for (int i = 0; i < 13; i++) {
        doc_head(p->doc, i < 4 || i == 12 ? 'l' : 'r', heads[i]);
    }
    for (int i = 0; i < s->n_rows * s->n_datasets; i++) {
        const struct survey_row *row = &s->rows[i / s->n_datasets];
        const char *dataset = s->datasets[i % s->n_datasets];
        const struct observation *x = survey_published(s, row->model, row->method, dataset);
        if (x != NULL) {
            published_origin(p, row, x);
        }
        for (int k = 0; k < s->set->n; k++) {
            const struct report_data *d = &s->set->items[k];
            for (int method = 0; method < d->n_methods; method++) {
                const struct report_group *g = survey_group(d, row->model, method, dataset);
                if (g != NULL && g->n > 0 && survey_is_method(d->methods[method], row->method)) {
                    measured_origin(p, row, d, g);
                }
            }
        }
    }
    doc_table_end(p->doc);
    doc_fold_end(p->doc);
}

static void figures(const struct page *p, const struct survey_figures *f)
{
    page_figure(p, f->sizes,
                "LoRA by epoch: one curve a model. BERT's accuracy counts examples, FLAN-T5's "
                "published one counts target tokens. Not stacked: a height is an accuracy. Of "
                "several rates that were measured the survey's is drawn.");
    page_figure(p, f->methods, "Full fine-tuning and LoRA by epoch, not stacked.");
    page_figure(p, f->parameters,
                "Accuracy after the last epoch against the number of parameters "
                "(logarithmic).");
}

static void what_is_published(const struct page *p)
{
    doc_paragraph(p->doc,
                  "Published: the survey's author's own logged runs (arXiv 2404.09022; "
                  "results/published). One run a cell, no test rows, every row loaded twice "
                  "(on AG News and Financial PhraseBank before the split), one learning rate of "
                  "1e-3 for all; BERT's "
                  "unit is the example, FLAN-T5's the target token; stance was run on the rows of "
                  "irony. A number beside another of a different unit does not compare with it.");
}

void page_survey(const struct page *p)
{
    const struct survey *s = p->survey;
    doc_heading(p->doc, 2, "Published beside measured");
    if (s->n_measured == 0) {
        doc_paragraph(p->doc, "No cell of the survey is measured here.");
        doc_fold(p->doc, "The survey's published numbers");
        what_is_published(p);
        table(p, NULL);
        figures(p, &s->figures[0]);
        doc_fold_end(p->doc);
        return;
    }
    what_is_published(p);
    doc_paragraph(p->doc, "Measured: mean over seeds, ± half of its 95 %% interval, (seeds); blank "
                          "where nothing was measured. Both as numbers: survey.csv.");
    for (int k = 0, n = 0; k < s->set->n; k++) {
        const struct report_data *d = &s->set->items[k];
        if (survey_has(s, d)) {
            char title[120];
            snprintf(title, sizeof title, "Measured under protocol %s", d->protocol);
            doc_heading(p->doc, 3, title);
            table(p, d);
            figures(p, &s->figures[n++]);
        }
    }
    origins(p);
}
