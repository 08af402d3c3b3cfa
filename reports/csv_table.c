#include "reports/csv_table.h"

#include "harness/base/file.h"
#include "harness/base/str.h"

#include <csv.h>
#include <stdbool.h>
#include <string.h>

enum { FIELDS_MAX = 64 };

struct reading {
    struct csv_table *table;
    const char *const *columns;
    struct arena *arena;
    int place[FIELDS_MAX]; /* column of the table that each field of a row is, or -1 */
    const char *field[FIELDS_MAX];
    int n_fields, n_header; /* n_header 0: the header is still to come */
    long row_line, line;
    struct err *e;
    bool failed;
};

static void on_field(void *data, size_t n, void *context)
{
    struct reading *r = context;
    if (r->failed) {
        return;
    }
    if (r->n_fields == FIELDS_MAX) {
        err_set(r->e, "%s:%ld: more than %d fields", r->table->path, r->row_line, FIELDS_MAX);
        r->failed = true;
        return;
    }
    r->field[r->n_fields++] = arena_strndup(r->arena, data, n);
}

static void take_header(struct reading *r)
{
    int n_found = 0;
    for (int i = 0; i < r->n_fields; i++) {
        r->place[i] = str_index(r->columns, r->field[i]);
        n_found += r->place[i] >= 0;
    }
    for (int k = 0; k < r->table->n_columns && n_found < r->table->n_columns; k++) {
        bool found = false;
        for (int i = 0; i < r->n_fields; i++) {
            found = found || r->place[i] == k;
        }
        if (!found) {
            err_set(r->e, "%s:1: no column \"%s\"", r->table->path, r->columns[k]);
            r->failed = true;
            return;
        }
    }
    r->n_header = r->n_fields;
}

static void take_row(struct reading *r)
{
    struct csv_table *t = r->table;
    if (r->n_fields != r->n_header) {
        err_set(r->e, "%s:%ld: %d fields where the header has %d", t->path, r->row_line,
                r->n_fields, r->n_header);
        r->failed = true;
        return;
    }
    size_t n_columns = (size_t)t->n_columns;
    for (int i = 0; i < r->n_fields; i++) {
        if (r->place[i] >= 0) {
            t->fields[(size_t)t->n_rows * n_columns + (size_t)r->place[i]] = r->field[i];
        }
    }
    t->line[t->n_rows++] = r->row_line;
}

static void on_row(int terminator, void *context)
{
    (void)terminator;
    struct reading *r = context;
    if (!r->failed && r->n_header == 0) {
        take_header(r);
    } else if (!r->failed) {
        take_row(r);
    }
    r->n_fields = 0;
    r->row_line = r->line + 1;
}

/* A line at a time, for libcsv does not count them. */
static int parse(struct csv_parser *parser, struct reading *r, const struct str *text)
{
    const char *at = str_text(text), *end = at + text->len;
    while (at < end && !r->failed) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t n = (size_t)((newline != NULL ? newline + 1 : end) - at);
        r->line++;
        if (csv_parse(parser, at, n, on_field, on_row, r) != n) {
            return err_set(r->e, "%s:%ld: not CSV: %s", r->table->path, r->line,
                           csv_strerror(csv_error(parser)));
        }
        at += n;
    }
    if (!r->failed && csv_fini(parser, on_field, on_row, r) != 0) {
        return err_set(r->e, "%s:%ld: the quote opened in this row is never closed", r->table->path,
                       r->row_line);
    }
    return r->failed ? -1 : 0;
}

int csv_table_read(struct csv_table *t, const char *path, const char *const *columns,
                   struct arena *a, struct err *e)
{
    struct str text = {0};
    struct csv_parser parser;
    *t = (struct csv_table){.path = path};
    if (file_read(&text, path, e) != 0) {
        return -1;
    }
    while (columns[t->n_columns] != NULL) {
        t->n_columns++;
    }
    size_t n_lines = 1;
    for (size_t i = 0; i < text.len; i++) {
        n_lines += text.buf[i] == '\n';
    }
    t->fields = arena_array(a, n_lines * (size_t)t->n_columns, sizeof *t->fields);
    t->line = arena_array(a, n_lines, sizeof *t->line);
    struct reading r = {.table = t, .columns = columns, .arena = a, .row_line = 1, .e = e};
    int status = -1;
    if (csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI) == 0) {
        status = parse(&parser, &r, &text);
        csv_free(&parser);
    } else {
        err_set(e, "%s: the CSV parser could not be set up", path);
    }
    if (status == 0 && r.n_header == 0) {
        status = err_set(e, "%s: empty, not even a header", path);
    }
    str_release(&text);
    return status;
}

const char *csv_table_text(const struct csv_table *t, int row, int column)
{
    return t->fields[(size_t)row * (size_t)t->n_columns + (size_t)column];
}

int csv_table_real(double *out, const struct csv_table *t, int row, int column, const char *name,
                   struct err *e)
{
    const char *text = csv_table_text(t, row, column);
    return str_to_double(out, text) == 0 ? 0
                                         : err_set(e, "%s:%ld: %s is \"%s\", not a number", t->path,
                                                   t->line[row], name, text);
}

int csv_table_int(int64_t *out, const struct csv_table *t, int row, int column, const char *name,
                  struct err *e)
{
    const char *text = csv_table_text(t, row, column);
    long value;
    if (str_to_long(&value, text) != 0) {
        return err_set(e, "%s:%ld: %s is \"%s\", not a whole number", t->path, t->line[row], name,
                       text);
    }
    *out = value;
    return 0;
}
