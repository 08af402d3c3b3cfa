/* What is wrong with the protocols, by themselves and as the results show it (page.h). */
#include "reports/page.h"

void page_findings(const struct page *p)
{
    doc_heading(p->doc, 2, "What is wrong with the protocols");
    doc_paragraph(
        p->doc, "Found by rules from the facts of each result: leaks, mixed units, shared rows, "
                "collapses, learning rates far from the usual, unequal updates, missing seeds, cut "
                "targets, selection on the judged rows.");
    for (int k = 0; k < p->verdicts->n; k++) {
        const struct verdict_column *c = &p->verdicts->columns[k];
        doc_heading(p->doc, 3, c->name);
        if (c->findings.n == 0)
            doc_paragraph(p->doc, "%s", c->n_results > 0 ? "Nothing found." : "No results.");
        for (int i = 0; i < c->findings.n; i++) {
            const struct finding *f = &c->findings.items[i];
            doc_item(p->doc, "%s: %s", finding_name(f->kind), f->text);
        }
        if (c->findings.n > 0)
            doc_items_end(p->doc);
    }
}
