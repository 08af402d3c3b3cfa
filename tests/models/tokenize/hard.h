/* hard: the hard strings and what Hugging Face's tokenizers make of them, as stored by
 * make_hard.py and make_unigram.py. */
#ifndef FT_TESTS_MODELS_TOKENIZE_HARD_H
#define FT_TESTS_MODELS_TOKENIZE_HARD_H

#include "harness/base/arena.h"
#include "harness/base/file.h"
#include "harness/base/json.h"
#include "harness/base/paths.h"
#include "models/tokenize/tokenizer.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define GOLDEN "tests/golden/tokenize/"

/* The hard strings, in order; unigram: with those that matter there alone. */
struct texts {
    struct arena arena;
    const char **at;
    int n;
};

static inline void texts_read_file(struct texts *t, const char *path)
{
    struct err e = {0};
    struct str file = {0};
    cr_assert_eq(file_read(&file, path, &e), 0, "%s", e.text);
    for (char *line = file.buf, *end; (end = strchr(line, '\n')); line = end + 1) {
        json_t *text = json_loadb(line, (size_t)(end - line), JSON_DECODE_ANY, NULL);
        cr_assert(text, "line %d", t->n + 1);
        t->at[t->n++] = arena_strdup(&t->arena, json_string_value(text));
        json_decref(text);
    }
    str_release(&file);
}

static inline void texts_read(struct texts *t, bool unigram)
{
    *t = (struct texts){0};
    t->at = arena_array(&t->arena, 4000, sizeof *t->at);
    texts_read_file(t, GOLDEN "hard.jsonl");
    if (unigram)
        texts_read_file(t, GOLDEN "hard_unigram.jsonl");
    cr_assert(t->n > 500 && t->n <= 4000);
}

/* Every hard string against one file of stored ids. */
static inline void check_ids(const char *tokenizer, const char *golden, int max_length,
                             bool unigram)
{
    struct err e = {0};
    struct texts texts;
    struct str wanted = {0}, path = {0}, line = {0};
    struct token_lists lists;
    texts_read(&texts, unigram);
    str_printf(&path, GOLDEN "ids/%s.txt", golden);
    cr_assert_eq(file_read(&wanted, path.buf, &e), 0, "%s", e.text);
    struct tokenizer *t = tokenizer_open(tokenizer, &e);
    cr_assert(t, "%s", e.text);
    int status = tokenizer_encode_all(t, texts.at, texts.n, max_length, &lists, &e);
    cr_assert_eq(status, 0, "%s", e.text);
    const char *at = wanted.buf;
    int n_cut = 0;
    for (int i = 0; i < texts.n; i++) {
        str_clear(&line);
        for (int j = lists.offsets[i]; j < lists.offsets[i + 1]; j++)
            str_printf(&line, j > lists.offsets[i] ? " %d" : "%d", lists.ids[j]);
        str_add_char(&line, '\n');
        cr_assert(str_starts(at, line.buf), "%s, string %d \"%s\": ids %swanted %.60s", golden,
                  i + 1, texts.at[i], line.buf, at);
        at += line.len;
        n_cut += lists.offsets[i + 1] - lists.offsets[i] == max_length;
    }
    cr_assert_eq(*at, '\0');
    cr_assert_eq(lists.n, texts.n);
    cr_assert_leq(lists.n_truncated, n_cut); /* some fit exactly */
    cr_assert_eq(lists.n_truncated > 0, max_length < 1000);
    token_lists_release(&lists);
    tokenizer_free(t);
    arena_release(&texts.arena);
    str_release(&wanted);
    str_release(&path);
    str_release(&line);
}

/* The ids of every hard string, decoded, against one file of stored texts. */
static inline void check_decoded(const char *tokenizer, const char *golden, bool unigram)
{
    struct err e = {0};
    struct texts texts, wanted = {0};
    struct str path = {0}, text = {0};
    struct token_lists lists;
    texts_read(&texts, unigram);
    wanted.at = arena_array(&wanted.arena, 4000, sizeof *wanted.at);
    str_printf(&path, GOLDEN "ids/%s_decoded.jsonl", golden);
    texts_read_file(&wanted, path.buf);
    cr_assert_eq(wanted.n, texts.n);
    struct tokenizer *t = tokenizer_open(tokenizer, &e);
    cr_assert(t, "%s", e.text);
    cr_assert_eq(tokenizer_encode_all(t, texts.at, texts.n, 100000, &lists, &e), 0);
    for (int i = 0; i < texts.n; i++) {
        str_clear(&text);
        tokenizer_decode(&text, t, lists.ids + lists.offsets[i],
                         lists.offsets[i + 1] - lists.offsets[i]);
        cr_assert_str_eq(str_text(&text), wanted.at[i], "%s, string %d", golden, i + 1);
    }
    token_lists_release(&lists);
    tokenizer_free(t);
    arena_release(&texts.arena);
    arena_release(&wanted.arena);
    str_release(&path);
    str_release(&text);
}

#endif
