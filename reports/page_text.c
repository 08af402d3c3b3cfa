/* What models that answer in text said, by each way to count (page.h). */
#include "reports/page.h"

static const struct {
    enum metric metric;
    const char *head;
} counts[] = {{METRIC_TOKEN_ACCURACY, "target tokens"},
              {METRIC_EXACT_MATCH, "exact match"},
              {METRIC_ACCURACY, "likeliest class"},
              {METRIC_ACCURACY_NORM, "likeliest per token"}};
enum { N_COUNTS = sizeof counts / sizeof *counts };

static bool group_says_text(const struct report_group *g)
{
    return g->n > 0 && g->cells[0]->says_text;
}

static bool has_cut_targets(const struct report_data *d)
{
    for (int i = 0; i < d->n_cells; i++) {
        if (d->cells[i].says_text && d->cells[i].n_cut_targets > 0) {
            return true;
        }
    }
    return false;
}

static bool learns_ends(const struct report_data *d)
{
    for (int i = 0; i < d->n_cells; i++) {
        const struct report_cell *c = &d->cells[i];
        if (c->says_text &&
            str_equal(report_option(c->protocol_options, "target_eos", d->arena), "false")) {
            return false;
        }
    }
    return true;
}

void page_text(const struct page *p)
{
    const struct report_data *d = p->data;
    int n_groups = d->n_models * d->n_methods * d->n_datasets, n_text = 0;
    for (int i = 0; i < n_groups; i++) {
        n_text += group_says_text(&d->groups[i]);
    }
    if (n_text == 0) {
        return;
    }
    doc_heading(p->doc, p->level, "Answers in text, counted four ways");
    doc_paragraph(p->doc,
                  "These models answer with a class's words. Target tokens: share of all target "
                  "tokens that are likeliest at their place when the right ones before them are "
                  "given; a class of three tokens counts three times, and most of its tokens "
                  "follow from the first. Exact match: rows whose greedily decoded answer is the "
                  "class's words. Likeliest class: rows whose class's words have the highest "
                  "likelihood; this one compares with a classifier's accuracy. Likeliest per "
                  "token: the same by likelihood per token, which does not favour short words.");
    if (has_cut_targets(d)) {
        doc_paragraph(p->doc, "This protocol cuts the words of some classes short, so that no "
                              "answer to their rows can match exactly.");
    }
    if (!learns_ends(d)) {
        doc_paragraph(p->doc, "This protocol does not teach where an answer ends, so that greedy "
                              "decoding goes on behind the words and hardly ever matches them.");
    }
    doc_table(p->doc, 3 + N_COUNTS + 1);
    doc_head(p->doc, 'l', "model");
    doc_head(p->doc, 'l', "method");
    doc_head(p->doc, 'l', "data set");
    for (int k = 0; k < N_COUNTS; k++) {
        doc_head(p->doc, 'r', counts[k].head);
    }
    doc_head(p->doc, 'r', "tokens a row");
    for (int i = 0; i < n_groups; i++) {
        const struct report_group *g = &d->groups[i];
        if (!group_says_text(g)) {
            continue;
        }
        const struct report_cell *c = g->cells[0];
        doc_cell(p->doc, "%s", d->models[g->model]);
        doc_cell(p->doc, "%s", d->methods[g->method]);
        doc_cell(p->doc, "%s", d->datasets[g->dataset].shown);
        for (int k = 0; k < N_COUNTS; k++) {
            char text[64];
            page_mean_text(text, g, counts[k].metric);
            doc_cell(p->doc, "%s", text);
        }
        int64_t n_rows = str_equal(c->split, "test") ? c->n_test : c->n_validation;
        doc_cell(p->doc, n_rows > 0 ? "%.2f" : "–",
                 n_rows > 0 ? c->metric[METRIC_TOKEN_COUNT] / (double)n_rows : 0);
    }
    doc_table_end(p->doc);
}
