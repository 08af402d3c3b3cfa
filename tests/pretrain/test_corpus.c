/* Stretches beside those that transformers' tokenizers make, stored by make.py. */
#include "harness/base/file.h"
#include "tests/harness/base/gzip.h"
#include "tests/pretrain/fixture.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char dir[] = "/tmp/ftbench-corpus-XXXXXX";
static char path[64];

static void make_dir(void)
{
    cr_assert_not_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/text", dir);
}

static void remove_dir(void)
{
    unlink(path);
    rmdir(dir);
}

TestSuite(corpus, .init = make_dir, .fini = remove_dir);

static void write_text(const char *text)
{
    struct err e = {0};
    cr_assert_eq(file_write(path, text, strlen(text), &e), 0);
}

static void check_golden(const char *name, const char *tokenizer)
{
    struct arena a = {0};
    struct tokenizer *t = open_tokenizer(tokenizer);
    const struct corpus_source from = {GOLDEN "documents.txt", t, 40, 5, 0.3};
    struct corpus c = open_corpus(&from, &a);
    struct str golden = {0};
    struct err e = {0};
    cr_assert_eq(file_read(&golden, name, &e), 0, "%s", e.text);
    int at[2] = {0, 0};
    for (char *line = golden.buf, *end; (end = strchr(line, '\n')); line = end + 1) {
        bool held = str_starts(line, "held ");
        const struct stretches *s = held ? &c.held_out : &c.train;
        int row = at[held]++, n = 0;
        cr_assert_lt(row, s->n);
        for (char *id = strchr(line, ' '); id < end; n++) {
            cr_assert_lt(n, s->length_tok[row]);
            cr_assert_eq(strtol(id, &id, 10), s->ids[s->offsets[row] + n]);
        }
        cr_assert_eq(n, s->length_tok[row]);
        cr_assert_eq(n, s->offsets[row + 1] - s->offsets[row]);
    }
    cr_assert_eq(at[0], c.train.n);
    cr_assert_eq(at[1], c.held_out.n);
    cr_assert(c.train.n > 50 && c.held_out.n > 10);
    char hash[HASH_HEX_SIZE];
    cr_assert_eq(hash_file(hash, from.path, &e), 0);
    cr_assert_str_eq(c.hash, hash);
    str_release(&golden);
    tokenizer_free(t);
    arena_release(&a);
}

Test(corpus, stretches_of_wordpieces)
{
    check_golden(GOLDEN "wordpiece", WORDPIECE);
}

Test(corpus, stretches_of_unigram_pieces)
{
    check_golden(GOLDEN "unigram", UNIGRAM);
}

Test(corpus, documents_are_cut_evenly)
{
    struct arena a = {0};
    struct tokenizer *t = open_tokenizer(WORDPIECE);
    struct str text = {0};
    for (int i = 0; i < 300; i++)
        str_add(&text, "a ");
    str_add(&text, "\n\n \xe2\x80\x83\t\na b c d e f g h\na\xe2\x80\x83"
                   "b, c\r\n");
    write_gzip(path, text.buf, text.len);
    const struct corpus_source from = {path, t, 254, 5, 0};
    struct corpus c = open_corpus(&from, &a);
    cr_assert_eq(c.n_documents, 3);
    cr_assert_eq(c.n_held_out, 0);
    cr_assert_eq(c.held_out.n, 0);
    cr_assert_eq(c.n_words, 300 + 8 + 3);
    cr_assert_eq(c.train.n, 3); /* the last has four pieces */
    cr_assert_eq(c.train.length_tok[0], 150);
    cr_assert_eq(c.train.length_tok[1], 150);
    cr_assert_eq(c.train.length_tok[2], 8);
    char hash[HASH_HEX_SIZE];
    hash_bytes(hash, text.buf, text.len);
    cr_assert_str_eq(c.hash, hash);
    str_release(&text);
    tokenizer_free(t);
    arena_release(&a);
}

Test(corpus, a_document_longer_than_any_buffer)
{
    enum { LONG = 100000, MAX = 100 };
    struct arena a = {0};
    struct tokenizer *t = open_tokenizer(WORDPIECE);
    struct str text = {0};
    for (int i = 0; i < LONG; i++)
        str_printf(&text, "%c ", 'a' + i % 26);
    write_text(text.buf);
    const struct corpus_source from = {path, t, MAX, 1, 0};
    struct corpus c = open_corpus(&from, &a);
    cr_assert_eq(c.train.n, LONG / MAX);
    cr_assert_eq(c.train.offsets[c.train.n], LONG);
    int *ids = malloc(2 * LONG * sizeof *ids);
    struct err e = {0};
    cr_assert_eq(tokenizer_encode_pieces(t, text.buf, 2 * LONG, ids, &e), LONG);
    cr_assert_arr_eq(c.train.ids, ids, LONG * sizeof *ids);
    free(ids);
    str_release(&text);
    tokenizer_free(t);
    arena_release(&a);
}

static void add_document(struct str *text, int i)
{
    str_printf(text, "document number %d of those with words\n", i);
}

/* Whether s has the pieces of that stretch of other. */
static bool has_stretch(const struct stretches *s, const struct stretches *other, int row)
{
    size_t n_bytes = (size_t)other->length_tok[row] * sizeof *s->ids;
    for (int i = 0; i < s->n; i++) {
        if (s->length_tok[i] == other->length_tok[row] &&
            !memcmp(s->ids + s->offsets[i], other->ids + other->offsets[row], n_bytes))
            return true;
    }
    return false;
}

Test(corpus, held_out_stays_held_out)
{
    enum { FIRST = 1000, ALL = 2000 };
    struct arena a = {0};
    struct tokenizer *t = open_tokenizer(WORDPIECE);
    const struct corpus_source from = {path, t, 254, 1, 0.1};
    struct str text = {0};
    for (int i = 0; i < FIRST; i++)
        add_document(&text, i);
    write_text(text.buf);
    struct corpus few = open_corpus(&from, &a);
    str_clear(&text);
    for (int i = ALL - 1; i >= 0; i--) /* others in front, and the order turned */
        add_document(&text, i);
    write_text(text.buf);
    struct corpus more = open_corpus(&from, &a);
    cr_assert_eq(more.n_documents, ALL);
    cr_assert_eq(more.held_out.n, more.n_held_out);
    /* sqrt(2000 0.1 0.9) = 13.4 */
    cr_assert(abs(more.n_held_out - 200) < 4 * 13.4, "%d held out", more.n_held_out);
    cr_assert(few.n_held_out > 50 && more.n_held_out > few.n_held_out);
    for (int i = 0; i < few.held_out.n; i++)
        cr_assert(has_stretch(&more.held_out, &few.held_out, i));
    for (int i = 0; i < few.train.n; i++)
        cr_assert(has_stretch(&more.train, &few.train, i));
    str_release(&text);
    tokenizer_free(t);
    arena_release(&a);
}

/* No corpus, and the message says so. */
static void expect_error(const char *says)
{
    struct arena a = {0};
    struct tokenizer *t = open_tokenizer(WORDPIECE);
    const struct corpus_source from = {path, t, 254, 4, 0};
    struct corpus c;
    struct err e = {0};
    cr_assert_eq(corpus_open(&c, &from, &a, &e), -1);
    cr_assert_eq(e.kind, ERR_WORLD);
    cr_assert(strstr(e.text, path) && strstr(e.text, says), "%s", e.text);
    tokenizer_free(t);
    arena_release(&a);
}

Test(corpus, what_cannot_be_read)
{
    write_text("good words here, four or more\nbad \xff ones\n");
    expect_error("text:2: byte 4 of the line is not UTF-8");
    write_text("");
    expect_error("text:1: the file holds no text");
    write_text("\n \n");
    expect_error("none of its 0 documents gives 4 pieces to train on");
    write_text("a b c\n\na\n");
    expect_error("none of its 2 documents gives 4 pieces to train on");
    unlink(path);
    expect_error("cannot be read");
}

Test(corpus, a_cut_gzip_file)
{
    struct str text = {0}, packed = {0};
    for (int i = 0; i < 20000; i++)
        add_document(&text, i);
    write_gzip(path, text.buf, text.len);
    struct err e = {0};
    cr_assert_eq(file_read(&packed, path, &e), 0);
    cr_assert_eq(file_write(path, packed.buf, packed.len / 2, &e), 0);
    expect_error(": damaged or cut file: truncated gzip input");
    str_release(&packed);
    str_release(&text);
}
