/* Every reader: what it gives for good input, and what it says about bad. */
#include "datasets/reader.h"
#include "harness/base/file.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const columns[] = {"text"};
static const char *const two_columns[] = {"2", "3"};
static const char *const names[] = {"neg", "pos"};
static const char *const numbers[] = {"0", "1"};

/* One file's bytes through a reader. */
struct trial {
    struct arena arena;
    struct reader r;
    struct reader_options options;
    struct err e;
    int rc;
};

static struct reader_options options_for(enum reader_kind kind)
{
    struct reader_options o = {
        .kind = kind, .text = columns, .n_text = 1, .label = "label", .labels = names};
    o.header = kind == READER_CSV || kind == READER_TSV;
    return o;
}

static void run(struct trial *t, struct reader_options options, const char *const *bytes,
                const size_t *n_bytes, int n_files)
{
    struct reader_file files[3] = {0};
    char paths[3][64];
    static const char *const file_names[] = {"first.txt", "second.txt", "third.txt"};
    memset(t, 0, sizeof *t);
    t->options = options;
    t->r = (struct reader){.options = &t->options, .n_classes = 2, .arena = &t->arena};
    for (int i = 0; i < n_files; i++) {
        snprintf(paths[i], sizeof paths[i], "/tmp/ftbench_reader_%ld_%d", (long)getpid(), i);
        cr_assert(file_write(paths[i], bytes[i], n_bytes[i], &t->e) == 0, "%s", t->e.text);
        files[i] = (struct reader_file){paths[i], file_names[i]};
    }
    t->rc = reader_read(&t->r, files, n_files, &t->e);
    for (int i = 0; i < n_files; i++)
        unlink(paths[i]);
}

static void run_text(struct trial *t, struct reader_options options, const char *text)
{
    const size_t n = strlen(text);
    run(t, options, &text, &n, 1);
}

static void release(struct trial *t)
{
    reader_release(&t->r);
    arena_release(&t->arena);
}

static void expect_row(const struct trial *t, int i, const char *text, int label)
{
    cr_assert(t->rc == 0, "%s", t->e.text);
    cr_assert(i < t->r.n, "only %d rows", t->r.n);
    cr_expect_str_eq(t->r.rows[i].text, text);
    cr_expect(eq(int, t->r.rows[i].label, label));
}

static void expect_error(struct reader_options options, const char *text, const char *message)
{
    struct trial t;
    run_text(&t, options, text);
    cr_expect(t.rc == -1, "accepted: %s", text);
    cr_expect(strstr(t.e.text, message) != NULL, "no '%s' in: %s", message, t.e.text);
    release(&t);
}

Test(reader, csv)
{
    struct trial t;
    run_text(&t, options_for(READER_CSV),
             "label,text\r\nneg,\"a \"\"b\"\", c\"\r\npos,\"two\nlines\"\r\n\npos,last");
    cr_expect(eq(int, t.r.n, 3));
    expect_row(&t, 0, "a \"b\", c", 0);
    expect_row(&t, 1, "two\nlines", 1);
    expect_row(&t, 2, "last", 1);
    release(&t);
}

Test(reader, csv_without_header_joins_columns)
{
    struct trial t;
    struct reader_options o = options_for(READER_CSV);
    o.header = false;
    o.text = two_columns;
    o.n_text = 2;
    o.label = "1";
    o.labels = numbers;
    run_text(&t, o, "\"1\",\"Title\",\"Words here\"\n0,T,W\n");
    expect_row(&t, 0, "Title Words here", 1);
    expect_row(&t, 1, "T W", 0);
    release(&t);
    expect_error(o, "1,only\n", "first.txt:1: missing column '3'; this file has 2 columns");
}

Test(reader, csv_refusals)
{
    struct reader_options o = options_for(READER_CSV);
    expect_error(o, "text,label\na,neg\n\"open,neg\nmore,pos\n",
                 "first.txt:3: the quote opened in this row is never closed");
    expect_error(o, "text,label\na,neg\n\"x\"y,neg\n", "first.txt:3: a quote stands inside");
    expect_error(o, "text,label\na,neg,3\n",
                 "first.txt:2: wrong number of fields: expected 2, got 3");
    expect_error(o, "text,labels\na,neg\n", "first.txt:1: missing column 'label'");
    expect_error(o, "text,label\n\"two\nlines\",neg\n  ,pos\n", "first.txt:4: empty text");
    expect_error(o, "text,label\na,poss\n",
                 "first.txt:2: unknown label 'poss'; the nearest known one is 'pos'");
    o.labels = numbers;
    expect_error(o, "text,label\na,2\n",
                 "first.txt:2: label 2 is out of range: this set has 0 to 1");
    expect_error(o, "text,label\na,-1\n", "first.txt:2: label -1 is out of range");
}

Test(reader, tsv_knows_no_quotes)
{
    struct trial t;
    run_text(&t, options_for(READER_TSV), "text\tlabel\n\"a \tneg\nb\tpos\n");
    cr_expect(eq(int, t.r.n, 2));
    expect_row(&t, 0, "\"a ", 0);
    release(&t);
    expect_error(options_for(READER_TSV), "text\tlabel\na b neg\n",
                 "first.txt:2: wrong number of fields: expected 2, got 1");
    expect_error(options_for(READER_TSV), "sentence\tlabel\na\tneg\n", "missing column 'text'");
}

Test(reader, label_text)
{
    struct trial t;
    struct reader_options o = options_for(READER_LABEL_TEXT);
    o.latin1 = true;
    run_text(&t, o, "neg:fine How is caf\xe9 ?\npos Plain: yes\n");
    expect_row(&t, 0, "How is caf\xc3\xa9 ?", 0);
    expect_row(&t, 1, "Plain: yes", 1);
    release(&t);
    expect_error(o, "neg:a b\nword\n", "first.txt:2: wrong number of fields: expected LABEL text");
    expect_error(o, "neg:a \n", "first.txt:1: empty text");
    expect_error(o, "bad:a b\n", "first.txt:1: unknown label 'bad'");
}

Test(reader, text_at_label)
{
    struct trial t;
    struct reader_options o = options_for(READER_TEXT_AT_LABEL);
    o.latin1 = true;
    run_text(&t, o, "mail a@b now@neg\r\n\xa3 5 up .@pos");
    expect_row(&t, 0, "mail a@b now", 0);
    expect_row(&t, 1, "\xc2\xa3 5 up .", 1);
    release(&t);
    expect_error(o, "no label\n", "first.txt:1: wrong number of fields: expected text@label");
    expect_error(o, "x@neg\n\n", "first.txt:2: wrong number of fields");
}

Test(reader, text_and_label_files)
{
    struct trial t;
    struct reader_options o = options_for(READER_TEXT_LABEL_FILES);
    o.labels = numbers;
    static const char *const good[] = {"one\ntwo \n", "0\n1\n"};
    static const size_t n_good[] = {9, 4};
    run(&t, o, good, n_good, 2);
    cr_expect(eq(int, t.r.n, 2));
    expect_row(&t, 0, "one", 0);
    expect_row(&t, 1, "two ", 1);
    release(&t);
    static const char *const cut[] = {"one\ntwo\nthree\n", "0\n1\n"};
    static const size_t n_cut[] = {14, 4};
    run(&t, o, cut, n_cut, 2);
    cr_expect(t.rc == -1);
    cr_expect_str_eq(t.e.text, "second.txt:3: there is a text for this line but no label");
    release(&t);
    static const char *const more[] = {"one\n", "0\n1\n"};
    static const size_t n_more[] = {4, 4};
    run(&t, o, more, n_more, 2);
    cr_expect(t.rc == -1);
    cr_expect_str_eq(t.e.text, "first.txt:2: there is a label for this line but no text");
    release(&t);
}

Test(reader, one_file_a_class)
{
    struct trial t;
    struct reader_options o = options_for(READER_CLASS_LINES);
    o.trim = true;
    static const char *const bytes[] = {" bad . \n", "good .\nfine .\n"};
    static const size_t n_bytes[] = {8, 14};
    run(&t, o, bytes, n_bytes, 2);
    cr_expect(eq(int, t.r.n, 3));
    expect_row(&t, 0, "bad .", 0);
    expect_row(&t, 2, "fine .", 1);
    release(&t);
    expect_error(o, "a\n\nb\n", "first.txt:2: empty text");
}

Test(reader, jsonl)
{
    struct trial t;
    struct reader_options o = options_for(READER_JSONL);
    o.labels = numbers;
    run_text(&t, o,
             "{\"text\": \"a\\n\\u00e9\", \"label\": 1}\n{\"text\":\"b\",\"label\":\"0\"}\n");
    expect_row(&t, 0, "a\n\xc3\xa9", 1);
    expect_row(&t, 1, "b", 0);
    release(&t);
    expect_error(o, "{\"text\": \"a\", \"label\": 0}\n{\"text\": \"a\"", "first.txt:2: not JSON");
    expect_error(o, "{\"text\": \"a\"}\n", "first.txt:1: missing column 'label'");
    expect_error(o, "{\"label\": 0}\n", "first.txt:1: missing column 'text'");
    expect_error(o, "{\"text\": 5, \"label\": 0}\n", "column 'text' is not text");
    expect_error(o, "{\"text\": \"a\", \"label\": 0.5}\n", "neither a whole number nor text");
    expect_error(o, "{\"text\": \"a\", \"label\": 7}\n", "label 7 is out of range");
    expect_error(o, "[1]\n", "first.txt:1: not a JSON object");
    expect_error(o, "{\"text\": \"\", \"label\": 0}\n", "first.txt:1: empty text");
}

/* gzip -n of two JSON lines: {"text":"a","label":1} and {"text":"b","label":0}. */
static const char packed[] =
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff\xab\x56\x2a\x49\xad\x28\x51\xb2\x52\x4a\x54\xd2\x51"
    "\xca\x49\x4c\x4a\xcd\x51\xb2\x32\xac\xe5\xaa\x86\x09\x27\x21\x84\x0d\x6a\xb9\x00\xf2\xd7\x0a"
    "\xd7\x2e\x00\x00\x00";

Test(reader, jsonl_packed)
{
    struct trial t;
    struct reader_options o = options_for(READER_JSONL);
    o.labels = numbers;
    const char *bytes = packed;
    size_t n = sizeof packed - 1;
    run(&t, o, &bytes, &n, 1);
    cr_expect(eq(int, t.r.n, 2));
    expect_row(&t, 0, "a", 1);
    expect_row(&t, 1, "b", 0);
    release(&t);
    n -= 20;
    run(&t, o, &bytes, &n, 1);
    cr_expect(t.rc == -1);
    cr_expect(str_starts(t.e.text, "first.txt: damaged or cut gzip data"), "%s", t.e.text);
    release(&t);
}

Test(reader, bytes_that_are_no_text)
{
    struct trial t;
    struct reader_options o = options_for(READER_CSV);
    expect_error(o,
                 "text,label\nok,neg\nb\xff"
                 "d,pos\n",
                 "first.txt:3: invalid UTF-8 at byte 19");
    expect_error(o, "text,label\ncut\xc3,pos\n", "first.txt:2: invalid UTF-8 at byte 14");
    const char *bytes = "text,label\na\0b,neg\n";
    const size_t n = 19;
    run(&t, o, &bytes, &n, 1);
    cr_expect(t.rc == -1);
    cr_expect_str_eq(t.e.text, "first.txt:2: NUL byte at byte 12");
    release(&t);
    run_text(&t, o, "\xef\xbb\xbftext,label\na,neg\n"); /* a byte order mark is no column name */
    expect_row(&t, 0, "a", 0);
    release(&t);
}

Test(reader, names_of_formats)
{
    for (int k = 0; k < READER_COUNT; k++)
        cr_expect(eq(int, (int)reader_kind_of(reader_names[k]), k));
    cr_expect(reader_kind_of("xml") == READER_COUNT);
    cr_expect(eq(int, reader_files_needed(READER_CLASS_LINES), -1));
    cr_expect(eq(int, reader_files_needed(READER_TEXT_LABEL_FILES), 2));
    cr_expect(eq(int, reader_files_needed(READER_CSV), 1));
}
