/* Vocabularies made from small texts: merges worked out by hand, a unigram model beside a naive
 * twin, and what a bad request is told. */
#include "harness/base/file.h"
#include "harness/base/rng.h"
#include "models/tokenize/kind.h"
#include "models/tokenize/train.h"
#include "models/tokenize/unigram.h"
#include "tests/harness/base/gzip.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WORDPIECE(size)                                                                            \
    (struct tokenizer_recipe)                                                                      \
    {                                                                                              \
        .kind = TRAIN_WORDPIECE, .vocab_size = (size), .min_frequency = 2, .lower_case = true,     \
        .character_coverage = 1                                                                    \
    }
#define UNIGRAM(size)                                                                              \
    (struct tokenizer_recipe)                                                                      \
    {                                                                                              \
        .kind = TRAIN_UNIGRAM, .vocab_size = (size), .min_frequency = 2, .character_coverage = 1   \
    }

enum { EXTRAS = 103 }; /* <pad>, </s>, <unk> and T5's hundred */

static const char *const files[] = {"text", "vocab.txt", "spiece.model", "tokenizer_config.json"};

/* What training on text wrote. */
struct result {
    int status;
    struct err e;
    struct str file;     /* vocab.txt or spiece.model */
    struct tokenizer *t; /* of it */
};

static struct result train_bytes(struct tokenizer_recipe r, const char *text, bool gzip)
{
    struct result out = {0};
    struct str path = {0}, source = {0};
    char *dir = strdup("/tmp/ftbench-train-XXXXXX");
    cr_assert(mkdtemp(dir));
    file_join(&source, dir, "text");
    if (gzip)
        write_gzip(str_text(&source), text, strlen(text));
    else
        cr_assert_eq(file_write(str_text(&source), text, strlen(text), &out.e), 0);
    out.status = tokenizer_train(&r, str_text(&source), dir, &out.e);
    file_join(&path, dir, r.kind == TRAIN_WORDPIECE ? "vocab.txt" : "spiece.model");
    if (out.status == 0) {
        cr_assert_eq(file_read(&out.file, str_text(&path), &out.e), 0, "%s", out.e.text);
        out.t = tokenizer_open(dir, &out.e);
        cr_assert(out.t, "%s", out.e.text);
        cr_expect_eq(tokenizer_n_vocab(out.t), r.vocab_size);
    } else {
        cr_expect(!file_exists(str_text(&path)), "a file in spite of the error");
    }
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        unlink(file_join(&path, dir, files[i]));
    rmdir(dir);
    free(dir);
    str_release(&path);
    str_release(&source);
    return out;
}

static struct result train(struct tokenizer_recipe r, const char *text)
{
    return train_bytes(r, text, false);
}

static void result_release(struct result *r)
{
    tokenizer_free(r->t);
    str_release(&r->file);
}

static void check_vocab(struct tokenizer_recipe r, const char *text, const char *wanted)
{
    struct result got = train(r, text);
    cr_assert_eq(got.status, 0, "%s", got.e.text);
    cr_assert(str_starts(str_text(&got.file), "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n"));
    cr_expect_str_eq(str_text(&got.file) + strlen("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n"), wanted);
    result_release(&got);
}

static void check_refused(struct tokenizer_recipe r, const char *text, const char *wanted)
{
    struct result got = train(r, text);
    cr_expect_eq(got.status, -1);
    cr_expect_eq(got.e.kind, ERR_USAGE, "\"%s\"", got.e.text);
    cr_expect(strstr(got.e.text, wanted), "\"%s\", wanted: %s", got.e.text, wanted);
    result_release(&got);
}

/* --- WordPiece --------------------------------------------------------------- */

/* ab 3 times, abc twice, b once: a ##b stands together 5 times, then ab ##c twice. */
Test(train_wordpiece, the_most_frequent_pair_first)
{
    static const char text[] = "ab ab abc\nAB abc b\n";
    check_vocab(WORDPIECE(9), text, "a\nb\n##b\n##c\n");
    check_vocab(WORDPIECE(10), text, "a\nb\n##b\n##c\nab\n");
    check_vocab(WORDPIECE(11), text, "a\nb\n##b\n##c\nab\nabc\n");
    check_refused(WORDPIECE(12), text, "gives 11 pieces");
    check_refused(WORDPIECE(8), text, "vocab_size 8 is too small");
}

/* Both pairs of xyz occur three times, so the one whose texts come first: "##y" before "x". The
 * piece x ##yz is then made of a pair that did not exist before. */
Test(train_wordpiece, of_equals_the_first_by_text)
{
    check_vocab(WORDPIECE(10), "xyz xyz xyz", "x\n##y\n##z\n##yz\nxyz\n");
}

/* aaaa: a ##a ##a ##a. ##a ##a is counted twice a word, joined once from the left, and then
 * ##aa ##a is left, not ##a ##aa. Twice 2 of it are more than 2 of a ##a. */
Test(train_wordpiece, a_pair_of_equals_joins_from_the_left)
{
    check_vocab(WORDPIECE(9), "aaaa aaaa", "a\n##a\n##aa\n##aaa\n");
}

Test(train_wordpiece, lower_case_and_accents)
{
    check_vocab(WORDPIECE(8), "\xc3\x89T \xc3\xa9t Et", "e\n##t\net\n");
    struct tokenizer_recipe cased = WORDPIECE(8);
    cased.lower_case = false;
    check_vocab(cased, "\xc3\x89t \xc3\xa9t", "\xc3\x89\n\xc3\xa9\n##t\n");
}

Test(train_wordpiece, rare_characters_are_unknown)
{
    struct str text = {0};
    struct err e = {0};
    int ids[8];
    for (int i = 0; i < 500; i++)
        str_add(&text, "ab ");
    str_add(&text, "a\xe2\x98\x83"); /* a snowman: one of 1,002 characters */
    struct tokenizer_recipe r = WORDPIECE(8);
    r.character_coverage = 0.999;
    struct result got = train(r, str_text(&text));
    cr_assert_eq(got.status, 0, "%s", got.e.text);
    cr_assert_eq(tokenizer_encode_pieces(got.t, "a\xe2\x98\x83 ab", 8, ids, &e), 2);
    cr_expect_eq(ids[0], tokenizer_special(got.t)->unk);
    cr_expect_eq(ids[1], tokenizer_id(got.t, "ab"));
    result_release(&got);
    str_release(&text);
}

/* --- both ------------------------------------------------------------------------ */

/* Made-up words of made-up syllables, with signs, capitals and some accents. */
static void make_text(struct str *out, int n_words)
{
    static const char *const syllables[] = {"ba", "Ko",       "ri", "lum", "ten",         "s",
                                            "'s", "1",        "20", "ing", "un",          "do",
                                            ",",  "\xc3\xa9", "vo", ".",   "\xe2\x82\xac"};
    enum { N = sizeof syllables / sizeof *syllables };
    struct rng rng = {.seed = 5};
    for (int i = 0; i < n_words; i++) {
        uint64_t at = (uint64_t)i * 8;
        int n = 1 + (int)rng_below(&rng, at, 4);
        for (int k = 1; k <= n; k++) /* the first ones are likelier */
            str_add(out,
                    syllables[rng_below(&rng, at + (uint64_t)k, 1 + rng_below(&rng, at + 5, N))]);
        str_add_char(out, i % 12 == 11 ? '\n' : ' ');
    }
}

/* The line order does not matter, nor whether the text is packed. */
Test(train, the_same_bytes_again)
{
    static const char *const lines[] = {"one two two three, three. three!\n", "Four 4 four 44\n",
                                        "\xc3\xa9 1 one\n"};
    struct str here = {0}, there = {0};
    for (int i = 0; i < 60; i++) {
        str_add(&here, lines[i % 3]);
        str_add(&there, lines[2 - i % 3]);
    }
    for (int kind = 0; kind < 2; kind++) {
        struct tokenizer_recipe r = kind ? UNIGRAM(EXTRAS + 22) : WORDPIECE(34);
        struct result a = train(r, str_text(&here)), b = train_bytes(r, str_text(&there), true);
        cr_assert_eq(a.status, 0, "%s", a.e.text);
        cr_assert_eq(b.status, 0, "%s", b.e.text);
        cr_expect(a.file.len == b.file.len && !memcmp(a.file.buf, b.file.buf, a.file.len));
        result_release(&a);
        result_release(&b);
    }
    str_release(&here);
    str_release(&there);
}

Test(train, every_word_is_spelled_where_all_characters_are_covered)
{
    struct str text = {0};
    struct err e = {0};
    make_text(&text, 20000);
    static int ids[200000];
    for (int kind = 0; kind < 2; kind++) {
        struct tokenizer_recipe small = kind ? UNIGRAM(EXTRAS + 60) : WORDPIECE(100), r = small;
        int fewer = 1 << 30;
        for (int times = 1; times <= 4; times *= 2, r.vocab_size *= 2) {
            struct result got = train(r, str_text(&text));
            cr_assert_eq(got.status, 0, "%s", got.e.text);
            int n = tokenizer_encode_pieces(got.t, str_text(&text), 200000, ids, &e);
            for (int i = 0; i < n; i++)
                cr_assert_neq(ids[i], tokenizer_special(got.t)->unk);
            cr_expect_lt(n, fewer, "kind %d: %d tokens with %d pieces", kind, n, r.vocab_size);
            fewer = n;
            result_release(&got);
        }
    }
    str_release(&text);
}

Test(train, a_bad_text_is_named)
{
    struct tokenizer_recipe r = WORDPIECE(100);
    struct result bad = train(r, "good\nbad \xff\n"), blank = train(r, " \n \n");
    cr_expect(bad.status == -1 && bad.e.kind == ERR_WORLD && strstr(bad.e.text, "text:2"), "%s",
              bad.e.text);
    cr_expect(blank.status == -1 && strstr(blank.e.text, "no words"), "%s", blank.e.text);
    result_release(&bad);
    result_release(&blank);
}

/* --- unigram beside a naive twin ------------------------------------------------- */

#define MARK UNIGRAM_SPACE

/* A candidate as the twin has it. */
struct candidate {
    char text[64];
    double weight, p, expected;
};

struct twin {
    struct candidate all[4000];
    int n;
};

static int characters(const char *text)
{
    int n = 0;
    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

static struct candidate *find(struct twin *t, const char *text, size_t n)
{
    for (int i = 0; i < t->n; i++) {
        if (strlen(t->all[i].text) == n && strncmp(t->all[i].text, text, n) == 0)
            return &t->all[i];
    }
    return NULL;
}

/* How often part stands in the words, and whether more than one thing follows it: another
 * character, or a word's end. */
static int occurrences(const char *const *words, int n, const char *part, bool *branches)
{
    int count = 0, follower = -1;
    *branches = false;
    for (int i = 0; i < n; i++) {
        for (const char *at = words[i]; (at = strstr(at, part)) != NULL; at++) {
            int next = (unsigned char)at[strlen(part)];
            *branches = *branches || (follower >= 0 && follower != next) || next == 0;
            follower = next;
            count++;
        }
    }
    return count;
}

static void find_candidates(struct twin *t, const char *const *words, int n)
{
    for (int i = 0; i < n; i++) {
        for (const char *a = words[i]; *a; a++) {
            for (const char *b = a + 1; b <= words[i] + strlen(words[i]); b++) {
                if (((unsigned char)*a & 0xc0) == 0x80 || ((unsigned char)*b & 0xc0) == 0x80)
                    continue;
                struct candidate c = {0};
                bool branches;
                memcpy(c.text, a, (size_t)(b - a));
                c.weight = occurrences(words, n, c.text, &branches);
                bool wanted = characters(c.text) == 1 || (c.weight >= 2 && branches);
                if (wanted && !find(t, c.text, strlen(c.text))) {
                    c.weight *= (double)strlen(c.text);
                    t->all[t->n++] = c;
                }
            }
        }
    }
}

/* All ways to spell word, one after the other: the sum of their probabilities; with sum given, each
 * piece gets its share of it. */
static double all_ways(struct twin *t, const char *word, double so_far, double sum, double *share)
{
    if (!*word) {
        if (sum > 0)
            *share += so_far / sum;
        return so_far;
    }
    double total = 0;
    for (size_t n = 1; n <= strlen(word); n++) {
        struct candidate *c = find(t, word, n);
        double below = 0;
        if (!c)
            continue;
        total += all_ways(t, word + n, so_far * c->p, sum, &below);
        c->expected += below;
        *share += below;
    }
    return total;
}

/* psi by its definition: the slope of log gamma. */
static double digamma(double x)
{
    double h = 1e-5 * (x < 1 ? x : 1);
    return (lgamma(x + h) - lgamma(x - h)) / (2 * h);
}

static void twin_estimate(struct twin *t, const char *const *words, int n)
{
    double total = 0, ignored = 0;
    for (int i = 0; i < t->n; i++)
        t->all[i].expected = 0;
    for (int i = 0; i < n; i++) {
        double sum = all_ways(t, words[i], 1, 0, &ignored);
        all_ways(t, words[i], 1, sum, &ignored);
    }
    for (int i = 0; i < t->n; i++) {
        t->all[i].p = t->all[i].expected > 0 ? exp(digamma(t->all[i].expected)) : 0;
        total += t->all[i].p;
    }
    for (int i = 0; i < t->n; i++)
        t->all[i].p = fmax(t->all[i].p / total, 1e-9);
}

/* With as many pieces as there are candidates nothing is pruned: probabilities estimated twice. */
Test(train_unigram, scores_of_a_naive_twin)
{
    static const char *const words[] = {
        MARK "lower", MARK "lowest", MARK "newer", MARK "newest", MARK "wid\xc3\xa9r", MARK "low",
        MARK "low",   MARK "new",    MARK "low",   MARK "west",   MARK "wid\xc3\xa9"};
    enum { N = sizeof words / sizeof *words };
    static struct twin twin;
    struct str text = {0};
    for (int i = 0; i < N; i++)
        str_printf(&text, "%s ", words[i] + strlen(MARK));
    find_candidates(&twin, words, N);
    double total = 0;
    for (int i = 0; i < twin.n; i++)
        total += twin.all[i].weight;
    for (int i = 0; i < twin.n; i++)
        twin.all[i].p = twin.all[i].weight / total;
    for (int i = 0; i < 2; i++)
        twin_estimate(&twin, words, N);

    struct result got = train(UNIGRAM(EXTRAS + twin.n), str_text(&text));
    cr_assert_eq(got.status, 0, "%s", got.e.text);
    const struct unigram *u = got.t->state;
    for (int i = 0; i < twin.n; i++) {
        int id = tokenizer_id(got.t, twin.all[i].text);
        cr_assert_geq(id, 3, "%s is no piece", twin.all[i].text);
        /* The slope of lgamma is good to 1e-9; a score is a float of up to 21: 1e-6. */
        cr_expect_float_eq(u->scores[id], log(twin.all[i].p), 1e-5, "%s: %.9g, not %.9g",
                           twin.all[i].text, u->scores[id], log(twin.all[i].p));
    }
    for (int id = 4; id < tokenizer_n_vocab(got.t) - 100; id++)
        cr_expect_leq(u->scores[id], u->scores[id - 1], "not by falling score");
    result_release(&got);
    check_refused(UNIGRAM(EXTRAS + twin.n + 1), str_text(&text), "the text gives");
    str_release(&text);
}

/* One word: where one piece besides the characters is to stay it is the word. */
Test(train_unigram, what_is_always_together_is_one_piece)
{
    struct err e = {0};
    struct str text = {0};
    int ids[8];
    for (int i = 0; i < 50; i++)
        str_add(&text, "abab ");
    struct result got = train(UNIGRAM(EXTRAS + 4), str_text(&text)); /* U+2581, a, b */
    cr_assert_eq(got.status, 0, "%s", got.e.text);
    cr_expect_str_eq(tokenizer_piece(got.t, 3), MARK "abab");
    cr_expect_eq(tokenizer_encode_pieces(got.t, "abab abab", 8, ids, &e), 2);
    const struct unigram *u = got.t->state;
    cr_expect_float_eq(u->scores[3], 0, 1e-6); /* it is certain */
    result_release(&got);
    check_refused(UNIGRAM(EXTRAS + 2), str_text(&text), "is too small");
    str_release(&text);
}

/* Letters, and signs with digits, meet in no piece; a mark in front joins either. */
Test(train_unigram, no_piece_is_of_two_sorts)
{
    struct str text = {0};
    for (int i = 0; i < 50; i++)
        str_add(&text, "don't (1.5) abc, $20 ");
    struct result got = train(UNIGRAM(EXTRAS + 22), str_text(&text));
    cr_assert_eq(got.status, 0, "%s", got.e.text);
    for (int id = 3; id < tokenizer_n_vocab(got.t) - 100; id++) {
        const char *piece = tokenizer_piece(got.t, id);
        piece += str_starts(piece, MARK) ? strlen(MARK) : 0;
        size_t letters = strspn(piece, "abcdefghijklmnopqrstuvwxyz");
        cr_expect(letters == 0 || piece[letters] == '\0', "%s", piece);
        cr_expect(strpbrk(piece, "abcdefghijklmnopqrstuvwxyz") == NULL || letters > 0);
    }
    result_release(&got);
    str_release(&text);
}
