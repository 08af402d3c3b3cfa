#include "reports/doc.h"

#include "harness/base/arena.h"
#include "harness/base/file.h"

#include <assert.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Quiet by intent: numbers in columns, thin rules, figures no wider than the page. */
static const char style[] =
    "body{font:16px/1.5 system-ui,sans-serif;color:#222;max-width:60rem;margin:2rem auto;"
    "padding:0 1rem}\n"
    "h1,h2,h3{line-height:1.25;margin:2rem 0 .5rem}\n"
    "table{border-collapse:collapse;font-size:.85rem;display:block;overflow-x:auto}\n"
    "th,td{padding:.25rem .75rem .25rem 0;border-bottom:1px solid #ddd;text-align:left;"
    "vertical-align:top}\n"
    "th.r,td.r{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}\n"
    "th{border-bottom:2px solid #888}\n"
    "a{color:#0072b2;text-decoration:none}a:hover{text-decoration:underline}\n"
    "figure{margin:1rem 0}img{max-width:100%}figcaption{font-size:.85rem;color:#555}\n"
    "pre{background:#f5f5f5;padding:.75rem;overflow-x:auto}\n"
    ".note{border-left:4px solid #d55e00;padding:.5rem 1rem;background:#fdf4ec}\n"
    "summary{cursor:pointer;margin:.5rem 0}\n"
    ":target{background:#fff3bf}\n";

static void add_html(struct str *s, const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        switch (*c) {
        case '<':
            str_add(s, "&lt;");
            break;
        case '>':
            str_add(s, "&gt;");
            break;
        case '&':
            str_add(s, "&amp;");
            break;
        case '"':
            str_add(s, "&quot;");
            break;
        default:
            str_add_char(s, *c);
        }
    }
}

/* An underscore inside a word is no markup, and names are full of them. */
static bool is_inside_word(const char *text, const char *c)
{
    return c > text && isalnum((unsigned char)c[-1]) && isalnum((unsigned char)c[1]);
}

static void add_markdown(struct str *s, const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '\n') {
            str_add_char(s, ' ');
            continue;
        }
        if (strchr("\\`*[]<>|", *c) != NULL || (*c == '_' && !is_inside_word(text, c))) {
            str_add_char(s, '\\');
        }
        str_add_char(s, *c);
    }
}

/* The formatted text, to be freed. */
static char *format(const char *fmt, va_list args) __attribute__((format(printf, 1, 0)));
static char *format(const char *fmt, va_list args)
{
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    assert(n >= 0); /* our formats are plain */
    char *text = xmalloc((size_t)n + 1);
    vsnprintf(text, (size_t)n + 1, fmt, args);
    return text;
}

static void both(struct doc *d, const char *text)
{
    add_markdown(&d->markdown, text);
    add_html(&d->html, text);
}

void doc_begin(struct doc *d, const char *title)
{
    *d = (struct doc){0};
    str_add(&d->html, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                      "<meta name=\"viewport\" content=\"width=device-width\">\n<title>");
    add_html(&d->html, title);
    str_printf(&d->html, "</title>\n<style>\n%s</style>\n</head>\n<body>\n", style);
    doc_heading(d, 1, title);
}

void doc_heading(struct doc *d, int level, const char *text)
{
    for (int i = 0; i < level; i++) {
        str_add_char(&d->markdown, '#');
    }
    str_add_char(&d->markdown, ' ');
    str_printf(&d->html, "<h%d>", level);
    both(d, text);
    str_add(&d->markdown, "\n\n");
    str_printf(&d->html, "</h%d>\n", level);
}

void doc_paragraph(struct doc *d, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    char *text = format(fmt, args);
    va_end(args);
    str_add(&d->html, "<p>");
    both(d, text);
    str_add(&d->markdown, "\n\n");
    str_add(&d->html, "</p>\n");
    free(text);
}

void doc_note(struct doc *d, const char *text)
{
    str_add(&d->markdown, "> **Note.** ");
    str_add(&d->html, "<p class=\"note\">");
    both(d, text);
    str_add(&d->markdown, "\n\n");
    str_add(&d->html, "</p>\n");
}

void doc_item(struct doc *d, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    char *text = format(fmt, args);
    va_end(args);
    str_add(&d->markdown, "- ");
    str_add(&d->html, str_ends(str_text(&d->html), "</li>\n") ? "<li>" : "<ul>\n<li>");
    both(d, text);
    str_add(&d->markdown, "\n");
    str_add(&d->html, "</li>\n");
    free(text);
}

void doc_items_end(struct doc *d)
{
    str_add(&d->markdown, "\n");
    str_add(&d->html, "</ul>\n");
}

void doc_code(struct doc *d, const char *text)
{
    str_printf(&d->markdown, "```sh\n%s```\n\n", text);
    str_add(&d->html, "<pre>");
    add_html(&d->html, text);
    str_add(&d->html, "</pre>\n");
}

void doc_figure(struct doc *d, const char *path, const char *caption)
{
    str_add(&d->markdown, "![");
    add_markdown(&d->markdown, caption);
    str_printf(&d->markdown, "](%s.png)\n\n", path);
    add_markdown(&d->markdown, caption);
    str_printf(&d->markdown, " ([SVG](%s.svg), [data](%s.dat))\n\n", path, path);
    str_printf(&d->html, "<figure><img src=\"%s.svg\" alt=\"", path);
    add_html(&d->html, caption);
    str_add(&d->html, "\"><figcaption>");
    add_html(&d->html, caption);
    str_printf(&d->html,
               " (<a href=\"%s.png\">PNG</a>, <a href=\"%s.dat\">data</a>)</figcaption>"
               "</figure>\n",
               path, path);
}

void doc_fold(struct doc *d, const char *summary)
{
    str_add(&d->markdown, "<details><summary>");
    str_add(&d->html, "<details><summary>");
    add_html(&d->markdown, summary);
    add_html(&d->html, summary);
    str_add(&d->markdown, "</summary>\n\n");
    str_add(&d->html, "</summary>\n");
}

void doc_fold_end(struct doc *d)
{
    str_add(&d->markdown, "</details>\n\n");
    str_add(&d->html, "</details>\n");
}

void doc_table(struct doc *d, int n_columns)
{
    assert(n_columns <= DOC_COLUMNS);
    d->n_columns = n_columns;
    d->column = 0;
    d->in_head = true;
    str_add(&d->html, "<table>\n<tr>");
    str_add(&d->markdown, "|");
}

void doc_head(struct doc *d, char align, const char *text)
{
    assert(d->in_head && d->column < d->n_columns);
    d->align[d->column++] = align;
    str_add(&d->markdown, " ");
    str_printf(&d->html, "<th class=\"%c\">", align);
    both(d, text);
    str_add(&d->markdown, " |");
    str_add(&d->html, "</th>");
    if (d->column < d->n_columns) {
        return;
    }
    str_add(&d->markdown, "\n|");
    for (int i = 0; i < d->n_columns; i++) {
        str_add(&d->markdown, d->align[i] == 'r' ? "---:|" : ":---|");
    }
    str_add(&d->markdown, "\n");
    str_add(&d->html, "</tr>\n");
    d->column = 0;
    d->in_head = false;
}

/* What stands before and after the text of a cell of the table. */
static void cell_begin(struct doc *d)
{
    assert(!d->in_head);
    str_add(&d->markdown, d->column == 0 ? "| " : " ");
    str_printf(&d->html, "%s<td class=\"%c\">", d->column == 0 ? "<tr>" : "", d->align[d->column]);
}

static void cell_end(struct doc *d)
{
    bool last = ++d->column == d->n_columns;
    str_add(&d->markdown, last ? " |\n" : " |");
    str_add(&d->html, last ? "</td></tr>\n" : "</td>");
    d->column = last ? 0 : d->column;
}

void doc_cell(struct doc *d, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    char *text = format(fmt, args);
    va_end(args);
    cell_begin(d);
    both(d, text);
    cell_end(d);
    free(text);
}

void doc_link_cell(struct doc *d, const char *target, const char *text)
{
    cell_begin(d);
    str_add(&d->markdown, "[");
    str_printf(&d->html, "<a href=\"%s\">", target);
    both(d, text);
    str_printf(&d->markdown, "](%s)", target);
    str_add(&d->html, "</a>");
    cell_end(d);
}

void doc_anchor_cell(struct doc *d, const char *anchor, const char *text)
{
    cell_begin(d);
    str_printf(&d->markdown, "<a id=\"%s\"></a>", anchor);
    str_printf(&d->html, "<span id=\"%s\">", anchor);
    both(d, text);
    str_add(&d->html, "</span>");
    cell_end(d);
}

void doc_table_end(struct doc *d)
{
    assert(d->column == 0 && !d->in_head);
    str_add(&d->markdown, "\n");
    str_add(&d->html, "</table>\n");
}

int doc_write(struct doc *d, const char *dir, struct err *e)
{
    str_add(&d->html, "</body>\n</html>\n");
    struct str path = {0};
    int status =
        file_write(file_join(&path, dir, "report.md"), str_text(&d->markdown), d->markdown.len, e);
    if (status == 0) {
        status =
            file_write(file_join(&path, dir, "report.html"), str_text(&d->html), d->html.len, e);
    }
    str_release(&path);
    return status;
}

void doc_release(struct doc *d)
{
    str_release(&d->markdown);
    str_release(&d->html);
}
