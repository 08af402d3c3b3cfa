#include "datasets/reader.h"

#include <csv.h>

#include <stdlib.h>
#include <string.h>

enum { CSV_FIELDS_MAX = 64 };

/* What libcsv's callbacks need: the fields of the row being read. */
struct csv_state {
    struct reader *r;
    const char *file;
    struct columns columns;
    struct str bytes;             /* the row's fields, end to end */
    size_t start[CSV_FIELDS_MAX]; /* of each field in bytes */
    int n_fields;
    long row_line; /* where the row began */
    long line;     /* where the parser is */
    struct err *e;
    bool failed;
};

static void on_field(void *data, size_t n, void *context)
{
    struct csv_state *s = context;
    if (s->failed)
        return;
    if (s->n_fields == CSV_FIELDS_MAX) {
        s->failed = true;
        err_set(s->e, "%s:%ld: more than %d fields", s->file, s->row_line, (int)CSV_FIELDS_MAX);
        return;
    }
    s->start[s->n_fields++] = s->bytes.len;
    if (n > 0)
        str_add_bytes(&s->bytes, data, n);
}

static void on_row(int terminator, void *context)
{
    (void)terminator;
    struct csv_state *s = context;
    struct span fields[CSV_FIELDS_MAX];
    for (int i = 0; i < s->n_fields; i++) {
        size_t end = i + 1 < s->n_fields ? s->start[i + 1] : s->bytes.len;
        fields[i] = (struct span){str_text(&s->bytes) + s->start[i], end - s->start[i]};
    }
    if (!s->failed)
        s->failed = reader_table_row(s->r, &s->columns, s->file, s->row_line,
                                     (struct fields){fields, s->n_fields}, s->e) < 0;
    s->n_fields = 0;
    str_clear(&s->bytes);
    s->row_line = s->line + 1;
}

/* Feeds libcsv a line at a time, for it does not count them itself. */
static int feed(struct csv_parser *parser, struct csv_state *s, const struct str *text)
{
    const char *at = str_text(text), *end = at + text->len;
    while (at < end && !s->failed) {
        const char *nl = memchr(at, '\n', (size_t)(end - at));
        size_t n = (size_t)((nl ? nl + 1 : end) - at);
        s->line++;
        if (csv_parse(parser, at, n, on_field, on_row, s) != n)
            return err_set(s->e, "%s:%ld: %s", s->file, s->line,
                           csv_error(parser) == CSV_EPARSE ? "a quote stands inside a field"
                                                           : csv_strerror(csv_error(parser)));
        at += n;
    }
    if (!s->failed && csv_fini(parser, on_field, on_row, s) != 0)
        return err_set(s->e, "%s:%ld: the quote opened in this row is never closed", s->file,
                       s->row_line);
    return s->failed ? -1 : 0;
}

int reader_csv(struct reader *r, const struct str *text, const char *file, struct err *e)
{
    struct csv_parser parser;
    struct csv_state s = {.r = r, .file = file, .row_line = 1, .e = e};
    if (csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI) != 0)
        return err_set(e, "libcsv does not start");
    int rc = feed(&parser, &s, text);
    csv_free(&parser);
    str_release(&s.bytes);
    return rc;
}
