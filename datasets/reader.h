/*
 * reader: the file formats data sets come in, each turned into (text, label).
 *
 * A file is read whole, made UTF-8 (a byte that is not is an error, never a
 * replacement character), then cut into rows by the reader of its format. Every
 * error names file:line. An empty text is an error: no data set here has one,
 * so one means that the wrong thing was read.
 */
#ifndef FT_DATASETS_READER_H
#define FT_DATASETS_READER_H

#include "datasets/dataset.h"

/* A file as reader and messages see it. */
struct reader_file {
    const char *path; /* where its bytes are */
    const char *name; /* what messages call it */
};

struct reader_row {
    const char *text; /* owned by the arena */
    int label;
};

struct reader {
    const struct reader_options *options; /* borrowed */
    int n_classes;
    struct arena *arena;     /* borrowed; owns the texts */
    struct reader_row *rows; /* owned, [n] */
    int n, n_alloc;
};

void reader_release(struct reader *r);

/* Reads the files of one split and appends their rows. */
int reader_read(struct reader *r, const struct reader_file *files, int n_files,
                struct err *e) MUST_CHECK;

/* The format of this name, or READER_COUNT; the NULL-terminated list of names. */
enum reader_kind reader_kind_of(const char *name);
extern const char *const reader_names[READER_COUNT + 1];

/* How many files a split of this format has: exactly, or -1 for one a class. */
int reader_files_needed(enum reader_kind kind);

/* ---- for the readers themselves ---- */

/* A span of bytes in a file's text. */
struct span {
    const char *at;
    size_t n;
};

/* The lines of a text, without "\n" or "\r\n": true while there is one. */
struct lines {
    const char *at, *end;
    long line; /* number of the line last given, from 1 */
};
bool lines_next(struct lines *l, struct span *out);

/* Appends one row after checking text and label. */
int reader_add(struct reader *r, const char *file, long line, struct span text, struct span label,
               struct err *e) MUST_CHECK;
/* The same with a known label. */
int reader_add_row(struct reader *r, const char *file, long line, struct span text, int label,
                   struct err *e) MUST_CHECK;

/* text holds the whole file as UTF-8; file is its name in messages. */
int reader_csv(struct reader *r, const struct str *text, const char *file,
               struct err *e) MUST_CHECK;
int reader_tsv(struct reader *r, const struct str *text, const char *file,
               struct err *e) MUST_CHECK;
int reader_jsonl(struct reader *r, const struct str *text, const char *file,
                 struct err *e) MUST_CHECK;

/* Adds a row from the fields of a table; the first row may be a header. columns
 * keeps where text and label stand between calls. */
struct columns {
    bool found;
    int *text; /* [n_text] */
    int label;
    int n_fields;
};
struct fields {
    const struct span *at; /* [n] */
    int n;
};
int reader_table_row(struct reader *r, struct columns *c, const char *file, long line,
                     struct fields row, struct err *e) MUST_CHECK;

#endif
