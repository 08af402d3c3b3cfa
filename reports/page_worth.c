/* What pre-training is worth (page.h). */
#include "reports/page.h"
#include "reports/worth.h"

#include <math.h>

static void worth_row(const struct page *p, const struct worth_row *row)
{
    const struct report_data *d = p->data;
    doc_cell(p->doc, "%s", d->models[row->model]);
    doc_cell(p->doc, "%s", d->methods[row->method]);
    if (row->dataset >= 0) {
        doc_cell(p->doc, "%s", d->datasets[row->dataset].shown);
    } else {
        doc_cell(p->doc, "(mean of %d data sets)", row->n_datasets);
    }
    doc_cell(p->doc, "%.3f", row->pretrained);
    doc_cell(p->doc, "%.3f", row->random);
    doc_cell(p->doc, "%+.3f", row->difference);
    if (isnan(row->ci.low)) {
        doc_cell(p->doc, "–");
    } else {
        doc_cell(p->doc, "%+.3f to %+.3f", row->ci.low, row->ci.high);
    }
    doc_cell(p->doc, "%d", row->n_seeds);
}

void page_worth(const struct page *p)
{
    static const char *const heads[] = {"pre-trained", "random", "difference", "95 % interval",
                                        "seeds"};
    struct worth w = worth_of(p->data);
    if (w.n == 0) {
        return;
    }
    doc_heading(p->doc, p->level, "What pre-training is worth");
    doc_paragraph(p->doc,
                  "Each model from its checkpoint and from random weights of the same shapes, on "
                  "the same rows in the same order: accuracy by example, means over the seeds that "
                  "both have. The interval is of the paired difference, over seeds (Student's t). "
                  "An interval that holds 0 cannot tell.");
    doc_table(p->doc, 8);
    doc_head(p->doc, 'l', "model");
    doc_head(p->doc, 'l', "method");
    doc_head(p->doc, 'l', "data set");
    for (int i = 0; i < 5; i++) {
        doc_head(p->doc, 'r', heads[i]);
    }
    for (int i = 0; i < w.n; i++) {
        worth_row(p, &w.rows[i]);
    }
    doc_table_end(p->doc);
}
