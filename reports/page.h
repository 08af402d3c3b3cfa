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
#include "reports/survey.h"
#include "reports/verdicts.h"

struct page {
    struct doc *doc;
    const struct report_params *params;
    const struct report_set *set;
    const char *contrast;        /* the figure of two protocols, or NULL */
    const struct survey *survey; /* published beside measured */
    const struct verdicts *verdicts;
    /* The sections of one protocol: */
    const struct report_data *data;
    const struct figures *figures;
    const struct paired_table *paired; /* [n_models, n_datasets] */
    int level;                         /* of their headings: 2, or 3 below the protocol's own */
};

/* page.c: what was measured under one protocol. */
void page_protocol(const struct page *p);
void page_accuracy(const struct page *p);
void page_other_metrics(const struct page *p);
void page_curves(const struct page *p);
void page_cost(const struct page *p);

/* page_protocols.c: the options in which the protocols differ. */
void page_protocols(const struct page *p);

/* page_text.c: what models that answer in text said, by each way to count. */
void page_text(const struct page *p);

/* page_paired.c: method against method. */
void page_paired(const struct page *p);

/* page_worth.c: models with and without their pre-training. */
void page_worth(const struct page *p);

/* page_facts.c: on what, and what to think of it. page_problems is of one protocol. */
void page_summary(const struct page *p);
void page_problems(const struct page *p);
int page_data(const struct page *p, struct err *e) MUST_CHECK;
int page_provenance(const struct page *p, struct err *e) MUST_CHECK;
void page_reproduce(const struct page *p);
void page_runs(const struct page *p);

/* page_claims.c and page_findings.c: the survey's statements, and what is wrong with the protocols.
 */
void page_claims(const struct page *p);
void page_findings(const struct page *p);

/* page_survey.c: the survey's table and figures, with what was measured beside. */
void page_survey(const struct page *p);

/* "0.873 ± 0.012", "0.873 (n=1)", "failed": mean of a metric over a group. */
void page_mean_text(char out[64], const struct report_group *g, enum metric metric);
/* A figure by its name in the folder figures; NULL: none. */
void page_figure(const struct page *p, const char *name, const char *caption);
/* "s" for all numbers but 1. */
const char *page_plural(int n);

#endif
