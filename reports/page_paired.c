/* Method against method (page.h). */
#include "reports/page.h"

#include <stdio.h>

static void paired_row(const struct page *p, const struct paired_test *t)
{
    const struct report_data *d = p->data;
    doc_cell(p->doc, "%s – %s", d->methods[t->a], d->methods[t->b]);
    doc_cell(p->doc, "%+.3f", t->difference);
    doc_cell(p->doc, "%+.3f to %+.3f", t->ci.low, t->ci.high);
    doc_cell(p->doc, "%ld : %ld", t->only_a, t->only_b);
    doc_cell(p->doc, t->p < 0.0005 ? "< 0.001" : "%.3f", t->p);
    doc_cell(p->doc, t->p_holm < 0.0005 ? "< 0.001" : "%.3f", t->p_holm);
    doc_cell(p->doc, "%s",
             t->p_holm >= 0.05       ? "cannot tell"
             : t->only_a > t->only_b ? d->methods[t->a]
                                     : d->methods[t->b]);
}

/* The tests of one model and data set, folded away. */
static void paired_section(const struct page *p, int model, int dataset)
{
    const struct paired_table *table = &p->paired[model * p->data->n_datasets + dataset];
    int n_tests = 0, n_told = 0, n_rows = 0, n_seeds = 0;
    for (int i = 0; i < table->n; i++) {
        const struct paired_test *t = &table->tests[i];
        n_tests += t->n_rows > 0;
        n_told += t->n_rows > 0 && t->p_holm < 0.05;
        n_rows = t->n_rows > n_rows ? t->n_rows : n_rows;
        n_seeds = t->n_seeds > n_seeds ? t->n_seeds : n_seeds;
    }
    if (n_tests == 0) {
        return;
    }
    char summary[400];
    snprintf(summary, sizeof summary,
             "%s on %s: %d of %d pairs differ (up to %d distinct rows, %d seed%s)",
             p->data->models[model], p->data->datasets[dataset].shown, n_told, n_tests, n_rows,
             n_seeds, page_plural(n_seeds));
    doc_fold(p->doc, summary);
    doc_table(p->doc, 7);
    static const char *const heads[] = {"difference", "95 % interval", "only one right",
                                        "p",          "p (Holm)",      "better"};
    doc_head(p->doc, 'l', "pair");
    for (int i = 0; i < 6; i++) {
        doc_head(p->doc, i == 5 ? 'l' : 'r', heads[i]);
    }
    for (int i = 0; i < table->n; i++) {
        if (table->tests[i].n_rows > 0) {
            paired_row(p, &table->tests[i]);
        }
    }
    doc_table_end(p->doc);
    doc_fold_end(p->doc);
}

void page_paired(const struct page *p)
{
    const struct report_data *d = p->data;
    int n = 0;
    for (int i = 0; i < d->n_models * d->n_datasets; i++) {
        n += p->paired[i].n;
    }
    if (n == 0) {
        return;
    }
    doc_heading(p->doc, p->level, "Method against method");
    doc_paragraph(p->doc,
                  "Pairs of methods on the same test rows. Difference: mean accuracy over distinct "
                  "rows, with a paired bootstrap interval over rows. p: McNemar's test (mid-p), "
                  "each row once, with its first seed; Holm's adjustment is over the pairs of one "
                  "model and data set. These intervals are over rows, not over seeds. All pairs: "
                  "paired.csv.");
    for (int i = 0; i < d->n_models * d->n_datasets; i++) {
        paired_section(p, i / d->n_datasets, i % d->n_datasets);
    }
}
