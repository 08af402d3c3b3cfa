/* The survey's statements, tested (page.h). */
#include "reports/page.h"

static void verdict_table(const struct page *p, const struct verdicts *v)
{
    doc_table(p->doc, v->n + 1);
    doc_head(p->doc, 'l', "claim");
    for (int k = 0; k < v->n; k++)
        doc_head(p->doc, 'l', v->columns[k].name);
    for (int i = 0; i < v->claims.n; i++) {
        doc_cell(p->doc, "%s", v->claims.items[i].statement);
        for (int k = 0; k < v->n; k++) {
            const struct answer *r = &v->columns[k].answers[i];
            if (str_equal(r->why, claim_no_rows)) {
                doc_cell(p->doc, "–");
                continue;
            }
            /* A verdict is not to be read without what weakens it. */
            doc_cell(p->doc, "%s%s%s%s", verdict_names[r->verdict],
                     *v->columns[k].weakened[i] ? " (" : "", v->columns[k].weakened[i],
                     *v->columns[k].weakened[i] ? ")" : "");
        }
    }
    doc_table_end(p->doc);
}

static void grounds_table(const struct page *p, const struct verdicts *v)
{
    static const char *const heads[] = {"claim", "results", "verdict", "estimate [95 %]",
                                        "test, and what it needs"};
    doc_table(p->doc, 5);
    for (int i = 0; i < 5; i++)
        doc_head(p->doc, 'l', heads[i]);
    for (int i = 0; i < v->claims.n; i++)
        for (int k = 0; k < v->n; k++) {
            const struct answer *r = &v->columns[k].answers[i];
            if (str_equal(r->why, claim_no_rows))
                continue;
            doc_cell(p->doc, "%s", r->claim->id);
            doc_cell(p->doc, "%s", v->columns[k].name);
            doc_cell(p->doc, "%s", verdict_names[r->verdict]);
            doc_cell(p->doc, "%s", verdict_estimate(r, p->set->arena));
            doc_cell(p->doc, "%s", verdict_grounds(&v->columns[k], i, p->set->arena));
        }
    doc_table_end(p->doc);
}

void page_claims(const struct page *p)
{
    doc_heading(p->doc, 2, "The survey's statements, tested");
    doc_paragraph(
        p->doc, "Each statement in our words, as a hypothesis, on the numbers that the survey's "
                "author logged and on what was measured here. A verdict is made by a 95 %% "
                "interval, data sets being the sample (seeds, where there is one data set), never "
                "by an estimate alone; in brackets what was found that weakens it, as the next "
                "section says in full. p-values are Holm's over the claims of one column. All of "
                "it is in claims.csv.");
    verdict_table(p, p->verdicts);
    grounds_table(p, p->verdicts);
}
