#include "reports/page.h"

#include "harness/base/json.h"
#include "harness/base/str.h"
#include "results/query.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static int count_status(const struct report_set *r, const char *status)
{
    int n = 0;
    for (int i = 0; i < r->n_cells; i++) {
        n += str_equal(r->cells[i].status, status);
    }
    return n;
}

/* The axes of a report, all protocols together. */
struct extent {
    int n_models, n_methods, n_datasets, n_seeds;
};

static struct extent extent_of(const struct report_set *r)
{
    struct extent x = {0};
    for (int i = 0; i < r->n_cells; i++) {
        bool model = true, method = true, dataset = true;
        for (int j = 0; j < i; j++) {
            model = model && !str_equal(r->cells[j].model, r->cells[i].model);
            method = method && !str_equal(r->cells[j].label, r->cells[i].label);
            dataset = dataset && !str_equal(r->cells[j].shown, r->cells[i].shown);
        }
        x.n_models += model;
        x.n_methods += method;
        x.n_datasets += dataset;
    }
    for (int k = 0; k < r->n; k++) {
        const struct report_data *d = &r->items[k];
        for (int i = 0; i < d->n_models * d->n_methods * d->n_datasets; i++) {
            x.n_seeds = d->groups[i].n > x.n_seeds ? d->groups[i].n : x.n_seeds;
        }
    }
    return x;
}

/* Whether an earlier protocol has the data set under the same name. */
static bool is_shown_before(const struct report_set *r, int protocol, const char *shown)
{
    for (int k = 0; k < protocol; k++) {
        for (int i = 0; i < r->items[k].n_datasets; i++) {
            if (str_equal(r->items[k].datasets[i].shown, shown)) {
                return true;
            }
        }
    }
    return false;
}

static void stand_in_notes(const struct page *p)
{
    for (int k = 0; k < p->set->n; k++) {
        for (int i = 0; i < p->set->items[k].n_datasets; i++) {
            const struct report_dataset *x = &p->set->items[k].datasets[i];
            if (x->stand_in == NULL || is_shown_before(p->set, k, x->shown)) {
                continue;
            }
            struct str text = {0};
            str_printf(&text,
                       "%s: the real data set was not to be had; in its place stands: %s. What is "
                       "measured on it says nothing about the real %s.",
                       x->shown, x->stand_in, x->name);
            doc_note(p->doc, str_text(&text));
            str_release(&text);
        }
    }
}

void page_summary(const struct page *p)
{
    const struct report_set *r = p->set;
    int n_validation = 0;
    if (p->params->note != NULL) {
        doc_note(p->doc, p->params->note);
    }
    stand_in_notes(p);
    for (int i = 0; i < r->n_cells; i++) {
        n_validation += str_equal(r->cells[i].split, "validation");
    }
    if (n_validation > 0) {
        struct str text = {0};
        str_printf(&text,
                   "%d of the cells have no test rows (protocol): their numbers are of validation "
                   "rows, and too good where those also chose the epoch.",
                   n_validation);
        doc_note(p->doc, str_text(&text));
        str_release(&text);
    }
    struct extent x = extent_of(r);
    int n_done = count_status(r, "done");
    doc_paragraph(p->doc,
                  "%d model%s x %d method%s x %d data set%s, up to %d seed%s: %d cell%s done, %d "
                  "failed, %d skipped, %d not run yet.",
                  x.n_models, page_plural(x.n_models), x.n_methods, page_plural(x.n_methods),
                  x.n_datasets, page_plural(x.n_datasets), x.n_seeds, page_plural(x.n_seeds),
                  n_done, page_plural(n_done), count_status(r, "failed"),
                  count_status(r, "skipped"), r->n_missing);
    if (r->n > 1) {
        struct str names = {0};
        for (int k = 0; k < r->n; k++) {
            str_printf(&names, "%s%s (%d cells)", k > 0 ? ", " : "", r->items[k].protocol,
                       r->items[k].n_cells);
        }
        doc_paragraph(p->doc, "Protocols, each with its own sections below and never averaged: %s.",
                      str_text(&names));
        str_release(&names);
    }
    doc_paragraph(p->doc,
                  "The epoch is chosen on validation rows; what is reported is measured on test "
                  "rows where the protocol has any. A number is the mean over seeds, ± half of its "
                  "95 %% interval (Student's t); (n=1) means one seed: n=1, no interval. Each "
                  "number leads to the runs behind it at the end of the page, and those to "
                  "runs.csv.");
}

/* What looks wrong with a run that ended well, or NULL. A method that trains
 * nothing is not expected to learn. */
static const char *suspicion(const struct report_cell *c)
{
    if (!c->done || c->superseded || c->trainable_params == 0) {
        return NULL;
    }
    if (c->metric[METRIC_CLASSES_PREDICTED] == 1) {
        return "predicts one class for every row (collapse)";
    }
    if (c->n_epochs > 1 && !(c->epochs[c->n_epochs - 1].train_loss < c->epochs[0].train_loss)) {
        return "training loss did not fall";
    }
    if (c->metric[METRIC_ACCURACY] < c->metric[METRIC_MAJORITY_RATE]) {
        return "less accurate than always answering the commonest class";
    }
    return NULL;
}

/* What the page says of a cell, and under which heading; NULL when all is well. */
static const char *problem_of(const struct report_cell *c, const char **status)
{
    *status = c->done ? "doubtful" : c->status;
    return c->done ? suspicion(c) : c->message;
}

/* The problems of one model, method and data set: seeds that share one share a row. */
static void problem_rows(const struct page *p, const struct report_cell *const *cells, int n)
{
    for (int i = 0; i < n; i++) {
        const struct report_cell *c = cells[i];
        const char *status, *other_status, *text = problem_of(c, &status);
        bool told = false;
        struct str seeds = {0}, ids = {0};
        for (int j = 0; j < n; j++) {
            const char *other = problem_of(cells[j], &other_status);
            if (str_equal(other, text) && str_equal(other_status, status)) {
                told = told || j < i;
                str_printf(&seeds, "%s%lld", seeds.len > 0 ? ", " : "", (long long)cells[j]->seed);
                str_printf(&ids, "%s%.12s", ids.len > 0 ? ", " : "", cells[j]->cell_id);
            }
        }
        if (text != NULL && !told) {
            doc_cell(p->doc, "%s", status);
            doc_cell(p->doc, "%s", c->model);
            doc_cell(p->doc, "%s", c->label);
            doc_cell(p->doc, "%s", c->shown);
            doc_cell(p->doc, "%s", str_text(&seeds));
            doc_cell(p->doc, "%s", text);
            doc_cell(p->doc, "%s", str_text(&ids));
        }
        str_release(&seeds);
        str_release(&ids);
    }
}

/* All rows, in the order of the tables. */
static void all_problem_rows(const struct page *p)
{
    const struct report_data *d = p->data;
    const struct report_cell **cells = arena_array(d->arena, (size_t)d->n_cells, sizeof *cells);
    for (int i = 0; i < d->n_models * d->n_methods * d->n_datasets; i++) {
        const char *model = d->models[i / d->n_datasets / d->n_methods];
        const char *method = d->methods[i / d->n_datasets % d->n_methods];
        const char *shown = d->datasets[i % d->n_datasets].shown;
        int n = 0;
        for (int k = 0; k < d->n_cells; k++) {
            const struct report_cell *c = &d->cells[k];
            if (str_equal(c->model, model) && str_equal(c->label, method) &&
                str_equal(c->shown, shown)) {
                int at = n++;
                for (; at > 0 && cells[at - 1]->seed > c->seed; at--) {
                    cells[at] = cells[at - 1];
                }
                cells[at] = c;
            }
        }
        problem_rows(p, cells, n);
    }
}

void page_problems(const struct page *p)
{
    const struct report_data *d = p->data;
    int n_bad = 0, n_superseded = 0;
    for (int i = 0; i < d->n_cells; i++) {
        n_bad += !d->cells[i].done || suspicion(&d->cells[i]) != NULL;
        n_superseded += d->cells[i].superseded;
    }
    doc_heading(p->doc, p->level, "What went wrong, and what looks wrong");
    if (n_superseded > 0) {
        doc_paragraph(p->doc,
                      "%d older run%s of the same model, method, data set and seed, with other "
                      "weights, data or numerics, stand%s in runs.csv only.",
                      n_superseded, n_superseded == 1 ? "" : "s", n_superseded == 1 ? "s" : "");
    }
    if (n_bad == 0) {
        doc_paragraph(p->doc, "Nothing: no run failed, none was skipped, none collapsed.");
        return;
    }
    static const char *const heads[] = {"",      "model", "method", "data set",
                                        "seeds", "what",  "cells"};
    doc_table(p->doc, 7);
    for (int i = 0; i < 7; i++) {
        doc_head(p->doc, 'l', heads[i]);
    }
    all_problem_rows(p);
    doc_table_end(p->doc);
}

static long integer_at(const json_t *object, const char *key)
{
    return (long)json_integer_value(json_object_get(object, key));
}

static const char *text_at(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

static void split_rows(const struct page *p, const struct report_dataset *x, const json_t *audit)
{
    size_t i;
    const json_t *split;
    json_array_foreach(json_object_get(audit, "splits"), i, split)
    {
        doc_cell(p->doc, "%s", x->shown);
        doc_cell(p->doc, "%s", text_at(split, "split"));
        doc_cell(p->doc, "%ld", integer_at(split, "rows"));
        doc_cell(p->doc, "%.3f", json_number_value(json_object_get(split, "majority_rate")));
        doc_cell(p->doc, "%ld", integer_at(split, "exact_duplicates"));
        doc_cell(p->doc, "%ld", integer_at(split, "near_duplicates"));
        doc_cell(p->doc, "%ld", integer_at(split, "words_median"));
        doc_cell(p->doc, "%ld", integer_at(split, "words_p95"));
    }
}

/* What the audit found beyond the table, one line each. */
static int finding_items(const struct page *p, const struct report_dataset *x, const json_t *audit)
{
    int n = 0;
    size_t i;
    const json_t *entry;
    json_array_foreach(json_object_get(audit, "across"), i, entry)
    {
        long n_exact = integer_at(entry, "exact"), n_near = integer_at(entry, "near");
        if (n_exact + n_near > 0) {
            doc_item(p->doc,
                     "%s: of the published %s rows, %ld also stand in %s word for word, %ld "
                     "more nearly so",
                     x->shown, text_at(entry, "rows_of"), n_exact, text_at(entry, "also_in"),
                     n_near);
            n++;
        }
    }
    if (integer_at(audit, "conflicting_texts") > 0) {
        doc_item(p->doc, "%s: %ld texts carry two or more labels", x->shown,
                 integer_at(audit, "conflicting_texts"));
        n++;
    }
    json_array_foreach(json_object_get(audit, "warnings"), i, entry)
    {
        const char *text = json_string_value(entry);
        doc_item(p->doc, "%s: %s", x->shown, text != NULL ? text : "");
        n++;
    }
    return n;
}

/* Data sets of all protocols, each once, with their stored audits. */
static int parse_audits(const struct page *p, const struct report_dataset **datasets,
                        json_t **audits, int *n, struct err *e)
{
    for (int k = 0; k < p->set->n; k++) {
        for (int i = 0; i < p->set->items[k].n_datasets; i++) {
            const struct report_dataset *x = &p->set->items[k].datasets[i];
            if (*x->audit == '\0' || is_shown_before(p->set, k, x->shown)) {
                continue;
            }
            audits[*n] = json_parse(x->audit, strlen(x->audit), "stored audit", e);
            if (audits[*n] == NULL) {
                return err_wrap(e, "%s", x->name);
            }
            datasets[(*n)++] = x;
        }
    }
    return 0;
}

int page_data(const struct page *p, struct err *e)
{
    static const char *const heads[] = {"data set",      "split",        "rows",
                                        "majority rate", "exact copies", "near copies",
                                        "words, median", "words, 95 %"};
    size_t n_most = (size_t)p->set->n_cells;
    json_t **audits = arena_array(p->set->arena, n_most, sizeof(json_t *));
    const struct report_dataset **datasets =
        arena_array(p->set->arena, n_most, sizeof(struct report_dataset *));
    int n = 0, n_findings = 0;
    int status = parse_audits(p, datasets, audits, &n, e);
    if (status == 0 && n > 0) {
        doc_heading(p->doc, 2, "The data, audited");
        doc_paragraph(p->doc, "As published, before the protocol drops duplicates and conflicts.");
        doc_table(p->doc, 8);
        for (int i = 0; i < 8; i++) {
            doc_head(p->doc, i < 2 ? 'l' : 'r', heads[i]);
        }
        for (int i = 0; i < n; i++) {
            split_rows(p, datasets[i], audits[i]);
        }
        doc_table_end(p->doc);
        for (int i = 0; i < n; i++) {
            n_findings += finding_items(p, datasets[i], audits[i]);
        }
        if (n_findings > 0) {
            doc_items_end(p->doc);
        }
    }
    for (int i = 0; i < n; i++) {
        json_decref(audits[i]);
    }
    return status;
}

/* Cells that have what c has: environment, BLAS core, determinism, commit. */
static int count_alike(const struct report_set *d, const struct report_cell *c, bool *first)
{
    int n = 0;
    *first = true;
    for (int i = 0; i < d->n_cells; i++) {
        const struct report_cell *x = &d->cells[i];
        if (str_equal(x->environment_id, c->environment_id) &&
            str_equal(x->blas_core, c->blas_core) && str_equal(x->determinism, c->determinism) &&
            str_equal(x->commit, c->commit) && x->numerics_version == c->numerics_version) {
            *first = *first && x >= c;
            n++;
        }
    }
    return n;
}

static int environment_rows(const struct page *p, const struct report_cell *c, struct err *e)
{
    struct query q;
    if (query_open(&q, p->set->store,
                   "SELECT key, value FROM environment"
                   " WHERE environment_id = ?1 AND key <> 'commit' ORDER BY key",
                   e) != 0) {
        return -1;
    }
    query_bind_text(&q, 1, c->environment_id);
    int more;
    while ((more = query_next(&q, e)) == 1) {
        doc_cell(p->doc, "%s", query_text(&q, 0));
        doc_cell(p->doc, "%s", query_text(&q, 1));
    }
    query_close(&q);
    return more;
}

int page_provenance(const struct page *p, struct err *e)
{
    const struct report_set *d = p->set;
    doc_heading(p->doc, 2, "Made on");
    int status = 0;
    for (int i = 0; status == 0 && i < d->n_cells; i++) {
        const struct report_cell *c = &d->cells[i];
        bool first;
        int n = count_alike(d, c, &first);
        if (!first) {
            continue;
        }
        doc_paragraph(p->doc, "%d cell%s in environment %.12s:", n, n == 1 ? "" : "s",
                      c->environment_id);
        doc_table(p->doc, 2);
        doc_head(p->doc, 'l', "what");
        doc_head(p->doc, 'l', "value");
        const char *const facts[][2] = {{"program's commit", c->commit},
                                        {"BLAS core", c->blas_core},
                                        {"determinism", c->determinism}};
        for (size_t k = 0; k < sizeof facts / sizeof *facts; k++) {
            doc_cell(p->doc, "%s", facts[k][0]);
            doc_cell(p->doc, "%s", facts[k][1]);
        }
        doc_cell(p->doc, "numerics version");
        doc_cell(p->doc, "%d", c->numerics_version);
        status = environment_rows(p, c, e);
        doc_table_end(p->doc);
    }
    return status;
}

void page_reproduce(const struct page *p)
{
    doc_heading(p->doc, 2, "To do it again");
    struct str text = {0};
    const char *spec = p->params->spec_path != NULL ? p->params->spec_path : "SPEC";
    str_printf(&text,
               "make\n"
               "./ftbench run %s --db %s\n"
               "./ftbench report %s --db %s --out %s\n"
               "./ftbench explain CELL --db %s   # where one number comes from\n",
               spec, p->params->db_path, spec, p->params->db_path, p->params->out_dir,
               p->params->db_path);
    doc_code(p->doc, str_text(&text));
    str_release(&text);
    doc_paragraph(p->doc, "The figures alone: in figures/, gnuplot NAME.gp draws NAME.svg and "
                          "NAME.png from NAME.dat.");
}

static void run_rows(const struct page *p, const struct report_data *d)
{
    for (int i = 0; i < d->n_models * d->n_methods * d->n_datasets; i++) {
        const struct report_group *g = &d->groups[i];
        if (g->n == 0) {
            continue;
        }
        char anchor[128];
        snprintf(anchor, sizeof anchor, "g%d%s", i + 1, d->suffix);
        doc_anchor_cell(p->doc, anchor, d->models[g->model]);
        doc_cell(p->doc, "%s", d->methods[g->method]);
        doc_cell(p->doc, "%s", d->datasets[g->dataset].shown);
        doc_cell(p->doc, "%s", d->protocol);
        doc_cell(p->doc, "%d", g->n);
        struct str ids = {0};
        for (int k = 0; k < g->n; k++) {
            str_printf(&ids, "%s%lld: %.12s", k > 0 ? ", " : "", (long long)g->cells[k]->seed,
                       g->cells[k]->cell_id);
        }
        doc_link_cell(p->doc, "runs.csv", str_text(&ids));
        str_release(&ids);
    }
}

void page_runs(const struct page *p)
{
    static const char *const heads[] = {"model",    "method", "data set",
                                        "protocol", "n",      "seed: cell"};
    doc_heading(p->doc, 2, "The runs behind the numbers");
    doc_paragraph(p->doc, "Cell ids by seed; each is a row of runs.csv (first column, here cut to "
                          "12 digits) with every metric and resource.");
    doc_table(p->doc, 6);
    for (int i = 0; i < 6; i++) {
        doc_head(p->doc, i == 4 ? 'r' : 'l', heads[i]);
    }
    for (int k = 0; k < p->set->n; k++) {
        run_rows(p, &p->set->items[k]);
    }
    doc_table_end(p->doc);
}
