/* What tells the protocols of a report apart (page.h). */
#include "reports/page.h"

#include <string.h>

/* The one value that all cells of a protocol have for an option, "varies", or "" when none
 * has it. */
static const char *value_of(const struct report_data *d, const char *name)
{
    const char *value = NULL;
    for (int i = 0; i < d->n_cells; i++) {
        const char *other = report_option(d->cells[i].protocol_options, name, d->arena);
        if (value != NULL && !str_equal(value, other)) {
            return "varies";
        }
        value = other;
    }
    return value != NULL ? value : "";
}

/* Names of all options, in the order of the first cell that has them. */
static int option_names(const char **names, int n_most, const struct report_set *r)
{
    int n = 0;
    for (int k = 0; k < r->n; k++) {
        for (const char *at = r->items[k].cells[0].protocol_options; *at != '\0' && n < n_most;
             at += strcspn(at, "\n"), at += *at == '\n') {
            const char *name = arena_strndup(r->arena, at, strcspn(at, "=\n"));
            bool known = false;
            for (int i = 0; i < n; i++) {
                known = known || str_equal(names[i], name);
            }
            if (!known) {
                names[n++] = name;
            }
        }
    }
    return n;
}

void page_protocols(const struct page *p)
{
    enum { OPTIONS_MAX = 200 };
    const struct report_set *r = p->set;
    const char **names = arena_array(r->arena, OPTIONS_MAX, sizeof *names);
    int n = r->n > 1 ? option_names(names, OPTIONS_MAX, r) : 0, n_rows = 0;
    for (int i = 0; i < n; i++) {
        const char *first = value_of(&r->items[0], names[i]);
        bool same = true;
        for (int k = 1; k < r->n; k++) {
            same = same && str_equal(first, value_of(&r->items[k], names[i]));
        }
        if (same) {
            continue;
        }
        if (n_rows++ == 0) {
            doc_paragraph(p->doc, "What tells the protocols apart (varies: by model, method or "
                                  "data set, see runs.csv):");
            doc_table(p->doc, 1 + r->n);
            doc_head(p->doc, 'l', "option");
            for (int k = 0; k < r->n; k++) {
                doc_head(p->doc, 'l', r->items[k].protocol);
            }
        }
        doc_cell(p->doc, "%s", names[i]);
        for (int k = 0; k < r->n; k++) {
            doc_cell(p->doc, "%s", value_of(&r->items[k], names[i]));
        }
    }
    if (n_rows > 0) {
        doc_table_end(p->doc);
    }
    page_figure(
        p, p->contrast,
        "The same models under two protocols. Points: means over seeds by example, bands: "
        "95 % intervals where there are several; crosses: all rows get one class; after the "
        "dashed line: what the protocol itself reports, by target token. Leak: share of "
        "the judged rows that were also trained on, shaded above 5 %. Dashed, grey: always "
        "the commonest class.");
}
