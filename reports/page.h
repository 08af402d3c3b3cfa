/*
 * page: the sections of report.md and report.html, in order.
 *
 * Not here: how Markdown and HTML are written (doc.h), what the numbers are
 * (data.h, paired.h) and the figures (figures.h).
 */
#ifndef FT_REPORTS_PAGE_H
#define FT_REPORTS_PAGE_H

#include "reports/data.h"
#include "reports/doc.h"
#include "reports/figures.h"
#include "reports/paired.h"
#include "reports/report.h"

struct page {
    struct doc *doc;
    const struct report_params *params;
    const struct report_data *data;
    const struct figures *figures;
    const struct paired_table *paired; /* [n_models, n_datasets] */
};

/* page.c: what was measured. */
void page_summary(const struct page *p);
void page_accuracy(const struct page *p);
void page_other_metrics(const struct page *p);
void page_curves(const struct page *p);
void page_cost(const struct page *p);
void page_paired(const struct page *p);

/* page_facts.c: on what, and what to think of it. */
void page_problems(const struct page *p);
int page_data(const struct page *p, struct err *e) MUST_CHECK;
int page_provenance(const struct page *p, struct err *e) MUST_CHECK;
void page_reproduce(const struct page *p);
void page_runs(const struct page *p);

#endif
