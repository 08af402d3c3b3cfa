#include "datasets/reader.h"

#include "harness/base/file.h"

#include <archive.h>
#include <archive_entry.h>

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

const char *const reader_names[READER_COUNT + 1] = {
    [READER_CSV] = "csv",
    [READER_TSV] = "tsv",
    [READER_LABEL_TEXT] = "label_text",
    [READER_TEXT_AT_LABEL] = "text_at_label",
    [READER_TEXT_LABEL_FILES] = "text_label_files",
    [READER_CLASS_LINES] = "class_lines",
    [READER_JSONL] = "jsonl",
};

enum reader_kind reader_kind_of(const char *name)
{
    int i = str_index(reader_names, name);
    return i < 0 ? READER_COUNT : (enum reader_kind)i;
}

int reader_files_needed(enum reader_kind kind)
{
    if (kind == READER_CLASS_LINES)
        return -1;
    return kind == READER_TEXT_LABEL_FILES ? 2 : 1;
}

void reader_release(struct reader *r)
{
    free(r->rows);
    r->rows = NULL;
    r->n = r->n_alloc = 0;
}

bool lines_next(struct lines *l, struct span *out)
{
    if (l->at >= l->end)
        return false;
    const char *nl = memchr(l->at, '\n', (size_t)(l->end - l->at));
    const char *stop = nl ? nl : l->end;
    *out = (struct span){l->at, (size_t)(stop - l->at)};
    if (out->n > 0 && out->at[out->n - 1] == '\r')
        out->n--;
    l->at = nl ? nl + 1 : l->end;
    l->line++;
    return true;
}

static struct lines lines_of(const struct str *text)
{
    const char *at = str_text(text);
    return (struct lines){at, at + text->len, 0};
}

static struct span trimmed(struct span s)
{
    while (s.n > 0 && isspace((unsigned char)s.at[0])) {
        s.at++;
        s.n--;
    }
    while (s.n > 0 && isspace((unsigned char)s.at[s.n - 1]))
        s.n--;
    return s;
}

int reader_add_row(struct reader *r, const char *file, long line, struct span text, int label,
                   struct err *e)
{
    assert(label >= 0 && label < r->n_classes);
    if (trimmed(text).n == 0)
        return err_set(e, "%s:%ld: empty text", file, line);
    if (r->options->trim)
        text = trimmed(text);
    if (r->n == r->n_alloc) {
        r->n_alloc = r->n_alloc ? 2 * r->n_alloc : 1024;
        r->rows = xrealloc(r->rows, (size_t)r->n_alloc * sizeof *r->rows);
    }
    r->rows[r->n++] = (struct reader_row){arena_strndup(r->arena, text.at, text.n), label};
    return 0;
}

/* A bad label: a number is out of range, a word is unknown. */
static int bad_label(const struct reader *r, const char *file, long line, struct span label,
                     struct err *e)
{
    char word[64];
    snprintf(word, sizeof word, "%.*s", (int)(label.n < 60 ? label.n : 60), label.at);
    long number;
    const char *const *labels = r->options->labels;
    if (str_to_long(&number, word) == 0)
        return err_set(e, "%s:%ld: label %s is out of range: this set has %s to %s", file, line,
                       word, labels[0], labels[r->n_classes - 1]);
    const char *near = str_nearest(labels, r->n_classes, word);
    return err_set(e, "%s:%ld: unknown label '%s'%s%s%s", file, line, word,
                   near ? "; the nearest known one is '" : "", near ? near : "", near ? "'" : "");
}

int reader_add(struct reader *r, const char *file, long line, struct span text, struct span label,
               struct err *e)
{
    label = trimmed(label);
    for (int c = 0; c < r->n_classes; c++) {
        const char *known = r->options->labels[c];
        if (strlen(known) == label.n && memcmp(known, label.at, label.n) == 0)
            return reader_add_row(r, file, line, text, c, e);
    }
    return bad_label(r, file, line, label, e);
}

/* ---- a whole file as UTF-8 ---- */

static int gunzip(struct str *out, const struct str *packed, const char *name, struct err *e)
{
    struct archive *a = archive_read_new();
    struct archive_entry *entry;
    archive_read_support_filter_gzip(a);
    archive_read_support_format_raw(a);
    char block[65536];
    la_ssize_t n = -1;
    if (archive_read_open_memory(a, packed->buf, packed->len) == ARCHIVE_OK &&
        archive_read_next_header(a, &entry) == ARCHIVE_OK)
        while ((n = archive_read_data(a, block, sizeof block)) > 0)
            str_add_bytes(out, block, (size_t)n);
    if (n < 0) {
        const char *why = archive_error_string(a);
        err_set(e, "%s: damaged or cut gzip data: %s", name, why ? why : "unknown reason");
    }
    archive_read_free(a);
    return n < 0 ? -1 : 0;
}

static long line_at(const struct str *text, long offset)
{
    long line = 1;
    for (long i = 0; i < offset; i++)
        line += str_text(text)[i] == '\n';
    return line;
}

/* The raw bytes as UTF-8 without byte order mark, into out. */
static int decode(struct str *out, const struct str *raw, const struct reader *r, const char *name,
                  struct err *e)
{
    const char *bytes = str_text(raw);
    const char *nul = memchr(bytes, 0, raw->len);
    if (nul)
        return err_set(e, "%s:%ld: NUL byte at byte %ld", name, line_at(raw, (long)(nul - bytes)),
                       (long)(nul - bytes));
    if (r->options->latin1) {
        str_add_latin1(out, bytes, raw->len);
        return 0;
    }
    long bad = str_utf8_error(bytes, raw->len);
    if (bad >= 0)
        return err_set(e, "%s:%ld: invalid UTF-8 at byte %ld", name, line_at(raw, bad), bad);
    size_t mark = str_starts(bytes, "\xef\xbb\xbf") ? 3 : 0;
    str_add_bytes(out, bytes + mark, raw->len - mark);
    return 0;
}

static int load(struct str *out, const struct reader *r, const struct reader_file *f, struct err *e)
{
    struct str raw = {0}, plain = {0};
    int rc = file_read(&raw, f->path, e);
    bool packed = raw.len > 2 && memcmp(raw.buf, "\x1f\x8b", 2) == 0;
    if (rc == 0 && packed)
        rc = gunzip(&plain, &raw, f->name, e);
    if (rc == 0)
        rc = decode(out, packed ? &plain : &raw, r, f->name, e);
    str_release(&raw);
    str_release(&plain);
    return rc;
}

/* ---- formats of one line a row ---- */

static int read_label_text(struct reader *r, const struct str *text, const char *file,
                           struct err *e)
{
    struct lines l = lines_of(text);
    struct span line;
    while (lines_next(&l, &line)) {
        const char *blank = memchr(line.at, ' ', line.n);
        if (!blank)
            return err_set(e, "%s:%ld: wrong number of fields: expected LABEL text", file, l.line);
        size_t n_label = (size_t)(blank - line.at);
        const char *colon = memchr(line.at, ':', n_label);
        struct span label = {line.at, colon ? (size_t)(colon - line.at) : n_label};
        struct span rest = {blank + 1, line.n - n_label - 1};
        if (reader_add(r, file, l.line, rest, label, e) < 0)
            return -1;
    }
    return 0;
}

static int read_text_at_label(struct reader *r, const struct str *text, const char *file,
                              struct err *e)
{
    struct lines l = lines_of(text);
    struct span line;
    while (lines_next(&l, &line)) {
        const char *at = memrchr(line.at, '@', line.n);
        if (!at)
            return err_set(e, "%s:%ld: wrong number of fields: expected text@label", file, l.line);
        struct span before = {line.at, (size_t)(at - line.at)};
        struct span label = {at + 1, line.n - before.n - 1};
        if (reader_add(r, file, l.line, before, label, e) < 0)
            return -1;
    }
    return 0;
}

static int read_class_lines(struct reader *r, const struct str *text, const char *file, int label,
                            struct err *e)
{
    struct lines l = lines_of(text);
    struct span line;
    while (lines_next(&l, &line))
        if (reader_add_row(r, file, l.line, line, label, e) < 0)
            return -1;
    return 0;
}

static int read_pair(struct reader *r, const struct reader_file *files, struct err *e)
{
    struct str texts = {0}, labels = {0};
    int rc = load(&texts, r, &files[0], e) < 0 || load(&labels, r, &files[1], e) < 0 ? -1 : 0;
    struct lines t = lines_of(&texts), l = lines_of(&labels);
    struct span text, label;
    while (rc == 0) {
        bool more = lines_next(&t, &text), more_labels = lines_next(&l, &label);
        if (more != more_labels)
            rc = err_set(e, "%s:%ld: there is a %s for this line but no %s",
                         files[more ? 1 : 0].name, (more ? t.line : l.line),
                         more ? "text" : "label", more ? "label" : "text");
        if (!more || rc < 0)
            break;
        rc = reader_add(r, files[0].name, t.line, text, label, e);
    }
    str_release(&texts);
    str_release(&labels);
    return rc;
}

int reader_tsv(struct reader *r, const struct str *text, const char *file, struct err *e)
{
    enum { FIELDS_MAX = 64 };
    struct lines l = lines_of(text);
    struct columns columns = {0};
    struct span line, fields[FIELDS_MAX];
    while (lines_next(&l, &line)) {
        int n = 0;
        const char *at = line.at, *end = line.at + line.n;
        for (;;) {
            const char *tab = memchr(at, '\t', (size_t)(end - at));
            if (n == FIELDS_MAX)
                return err_set(e, "%s:%ld: more than %d fields", file, l.line, (int)FIELDS_MAX);
            fields[n++] = (struct span){at, (size_t)((tab ? tab : end) - at)};
            if (!tab)
                break;
            at = tab + 1;
        }
        if (reader_table_row(r, &columns, file, l.line, (struct fields){fields, n}, e) < 0)
            return -1;
    }
    return 0;
}

/* ---- tables ---- */

/* Index of a column named in the header, or given as a number from 1; -1. */
static int find_column(const char *want, bool header, struct fields row)
{
    long number;
    for (int i = 0; header && i < row.n; i++)
        if (strlen(want) == row.at[i].n && memcmp(want, row.at[i].at, row.at[i].n) == 0)
            return i;
    if (!header && str_to_long(&number, want) == 0 && number >= 1 && number <= row.n)
        return (int)number - 1;
    return -1;
}

static int find_columns(struct reader *r, struct columns *c, const char *file, struct fields row,
                        struct err *e)
{
    const struct reader_options *o = r->options;
    c->text = arena_array(r->arena, (size_t)o->n_text, sizeof *c->text);
    for (int i = 0; i <= o->n_text; i++) {
        const char *want = i < o->n_text ? o->text[i] : o->label;
        int at = find_column(want, o->header, row);
        if (at < 0)
            return err_set(e, "%s:1: missing column '%s'; this file has %d columns", file, want,
                           row.n);
        if (i < o->n_text)
            c->text[i] = at;
        else
            c->label = at;
    }
    c->n_fields = row.n;
    c->found = true;
    return 0;
}

int reader_table_row(struct reader *r, struct columns *c, const char *file, long line,
                     struct fields row, struct err *e)
{
    if (!c->found) {
        if (find_columns(r, c, file, row, e) < 0)
            return -1;
        if (r->options->header)
            return 0;
    }
    if (row.n != c->n_fields)
        return err_set(e, "%s:%ld: wrong number of fields: expected %d, got %d", file, line,
                       c->n_fields, row.n);
    struct str text = {0};
    for (int i = 0; i < r->options->n_text; i++) {
        if (i > 0)
            str_add_char(&text, ' ');
        str_add_bytes(&text, row.at[c->text[i]].at, row.at[c->text[i]].n);
    }
    struct span joined = {str_text(&text), text.len};
    int rc = reader_add(r, file, line, joined, row.at[c->label], e);
    str_release(&text);
    return rc;
}

int reader_read(struct reader *r, const struct reader_file *files, int n_files, struct err *e)
{
    enum reader_kind kind = r->options->kind;
    if (kind == READER_TEXT_LABEL_FILES) {
        assert(n_files == 2);
        return read_pair(r, files, e);
    }
    int rc = 0;
    for (int i = 0; i < n_files && rc == 0; i++) {
        struct str text = {0};
        const char *name = files[i].name;
        rc = load(&text, r, &files[i], e);
        if (rc == 0 && kind == READER_CSV)
            rc = reader_csv(r, &text, name, e);
        else if (rc == 0 && kind == READER_TSV)
            rc = reader_tsv(r, &text, name, e);
        else if (rc == 0 && kind == READER_LABEL_TEXT)
            rc = read_label_text(r, &text, name, e);
        else if (rc == 0 && kind == READER_TEXT_AT_LABEL)
            rc = read_text_at_label(r, &text, name, e);
        else if (rc == 0 && kind == READER_CLASS_LINES)
            rc = read_class_lines(r, &text, name, i, e);
        else if (rc == 0 && kind == READER_JSONL)
            rc = reader_jsonl(r, &text, name, e);
        str_release(&text);
    }
    return rc;
}
