/*
 * doc: one document, written as Markdown and as HTML at the same time.
 *
 * Knows headings, paragraphs, lists, tables, figures, commands; nothing of what
 * they say. Text is plain: whatever it holds is shown as it is (escaped), in
 * both. The HTML needs no other file but the figures.
 */
#ifndef FT_REPORTS_DOC_H
#define FT_REPORTS_DOC_H

#include "harness/base/err.h"
#include "harness/base/str.h"

enum { DOC_COLUMNS = 64 }; /* most columns of a table */

struct doc {
    struct str markdown, html;
    int n_columns, column; /* of the table that is being written */
    char align[DOC_COLUMNS];
    bool in_head;
};

/* Starts the page. */
void doc_begin(struct doc *d, const char *title);
void doc_heading(struct doc *d, int level, const char *text);
void doc_paragraph(struct doc *d, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Set off from the rest: what nobody may overlook. */
void doc_note(struct doc *d, const char *text);
void doc_item(struct doc *d, const char *fmt, ...) PRINTF_LIKE(2, 3);
void doc_items_end(struct doc *d);
/* Commands to type, lines. */
void doc_code(struct doc *d, const char *text);
/* A figure's file name without ".png" and ".svg"; path relative to the page. */
void doc_figure(struct doc *d, const char *path, const char *caption);

/* Hides what follows behind a line of text until doc_fold_end. */
void doc_fold(struct doc *d, const char *summary);
void doc_fold_end(struct doc *d);

/* A table: one doc_head a column ('l' or 'r' aligned), then n_columns doc_cell a
 * row, then doc_table_end. */
void doc_table(struct doc *d, int n_columns);
void doc_head(struct doc *d, char align, const char *text);
void doc_cell(struct doc *d, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* A cell that leads to an anchor of this page ("#g3") or to a file. */
void doc_link_cell(struct doc *d, const char *target, const char *text);
/* A cell that carries an anchor ("g3"). */
void doc_anchor_cell(struct doc *d, const char *anchor, const char *text);
void doc_table_end(struct doc *d);

/* Ends the page and writes DIR/report.md and DIR/report.html. */
int doc_write(struct doc *d, const char *dir, struct err *e) MUST_CHECK;

void doc_release(struct doc *d);

#endif
