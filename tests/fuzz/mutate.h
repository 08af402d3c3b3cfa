/*
 * mutate: sound files made unsound, the same way in every run.
 *
 * A round is a number; what is drawn in it follows from that number alone, so a failure is
 * found again by its round. What such tests prove is worth most with V=asan.
 */
#ifndef FT_TESTS_FUZZ_MUTATE_H
#define FT_TESTS_FUZZ_MUTATE_H

#include "harness/base/file.h"
#include "harness/base/rng.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct chance {
    struct rng r;
    uint64_t at;
};

static inline struct chance chance_of(int round)
{
    return (struct chance){.r = {.seed = 1, .step = (uint32_t)round}};
}

static inline uint32_t below(struct chance *c, size_t n)
{
    return rng_below(&c->r, c->at++, (uint32_t)n);
}

/* What numbers are overwritten with, and what is put in anywhere. */
static const char *const fuzz_numbers[] = {"0",
                                           "-1",
                                           "1e9",
                                           "9223372036854775807",
                                           "18446744073709551615",
                                           "4294967296",
                                           "2147483648",
                                           "0.5",
                                           "null",
                                           "true",
                                           "1e999",
                                           "nan"};
static const char *const fuzz_words[] = {
    "\"",   "'",    "[",    "]",  "{",    "}",    ":",   ",",    "\n",      "\t",   "\r",
    "\\",   "@",    "\xff", "é",  "\"\"", "\n- ", ": [", "{a: ", "\\ud800", "\xc3", "#",
    "[[[[", "/../", "*a",   "&a", "!!x ", "%",    "---", "\xf0", "\n\n",    "null"};
enum {
    FUZZ_NUMBERS = sizeof fuzz_numbers / sizeof *fuzz_numbers,
    FUZZ_WORDS = sizeof fuzz_words / sizeof *fuzz_words
};

/* text[0..n_new) in place of n bytes of s at `at`. */
static inline void fuzz_splice(struct str *s, size_t at, size_t n, const char *text, size_t n_new)
{
    struct str out = {0};
    str_add_bytes(&out, s->buf, at);
    str_add_bytes(&out, text, n_new);
    str_add_bytes(&out, s->buf + at + n, s->len - at - n);
    str_release(s);
    *s = out;
}

/* The run of digits at or behind `at`; its length, or 0. */
static inline size_t fuzz_number(const struct str *s, size_t *at)
{
    size_t n = 0, from = *at;
    while (from < s->len && (s->buf[from] < '0' || s->buf[from] > '9'))
        from++;
    while (from + n < s->len && s->buf[from + n] >= '0' && s->buf[from + n] <= '9')
        n++;
    *at = n ? from : *at;
    return n;
}

/* One change somewhere. */
static inline void fuzz_change(struct str *s, struct chance *c)
{
    if (s->len == 0)
        return;
    size_t at = below(c, s->len), n = 1 + below(c, 24), to;
    const char *word;
    n = n < s->len - at ? n : s->len - at;
    switch (below(c, 8)) {
    case 0: /* the end gone */
        s->len = at;
        s->buf[at] = '\0';
        break;
    case 1: /* one bit */
        s->buf[at] = (char)(s->buf[at] ^ 1 << below(c, 8));
        break;
    case 2: /* a piece gone */
        fuzz_splice(s, at, n, "", 0);
        break;
    case 3: { /* a piece elsewhere as well */
        char piece[32];
        memcpy(piece, s->buf + at, n);
        to = below(c, s->len);
        fuzz_splice(s, to, 0, piece, n);
        break;
    }
    case 4: /* something put in */
        word = fuzz_words[below(c, FUZZ_WORDS)];
        fuzz_splice(s, at, 0, word, strlen(word));
        break;
    case 5: /* a zero byte */
        s->buf[at] = '\0';
        break;
    default: /* another number */
        n = fuzz_number(s, &at);
        word = fuzz_numbers[below(c, FUZZ_NUMBERS)];
        fuzz_splice(s, at, n, word, strlen(word));
    }
}

/* out: from, changed one to three times; in round 0 as it is, for that must be taken. */
static inline void fuzz_mutate(struct str *out, const struct str *from, struct chance *c)
{
    str_release(out);
    *out = (struct str){0};
    str_add_bytes(out, from->buf, from->len);
    for (uint32_t n = c->r.step ? 1 + below(c, 3) : 0; n > 0; n--)
        fuzz_change(out, c);
}

/* Without the syncing of file_write: a test writes thousands. */
static inline void fuzz_write(const char *path, const struct str *s)
{
    FILE *f = fopen(path, "wb");
    cr_assert(f != NULL, "%s", path);
    cr_assert(fwrite(s->buf, 1, s->len, f) == s->len);
    fclose(f);
}

static inline void fuzz_read(struct str *s, const char *path)
{
    struct err e = {0};
    cr_assert(file_read(s, path, &e) == 0, "%s", e.text);
}

/* A folder of the test's own in out[64]; in memory where that is possible. */
static inline void fuzz_folder(char out[64])
{
    snprintf(out, 64, "%s/ftbench_fuzz_XXXXXX", file_is_dir("/dev/shm") ? "/dev/shm" : "/tmp");
    cr_assert(mkdtemp(out) != NULL);
}

static inline void fuzz_folder_gone(const char *folder)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    cr_assert(system(command) == 0);
}

/* What opened and what was refused, and that refusals say something on one line. */
struct fuzz_count {
    int n_taken, n_refused;
};

static inline void fuzz_count(struct fuzz_count *n, int rc, const struct err *e, int round)
{
    if (rc == 0) {
        n->n_taken++;
        return;
    }
    n->n_refused++;
    cr_assert(e->kind != ERR_NONE && e->text[0] != '\0', "round %d: refused without a word", round);
    cr_assert(strchr(e->text, '\n') == NULL, "round %d: %s", round, e->text);
}

/* Both ends of a parser must have been reached. */
static inline void fuzz_both(const struct fuzz_count *n)
{
    cr_expect(n->n_taken > 0 && n->n_refused > 0, "%d taken, %d refused", n->n_taken, n->n_refused);
}

#endif
