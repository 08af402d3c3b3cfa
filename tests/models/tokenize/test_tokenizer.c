/* Ids beside those of Hugging Face's tokenizers, stored by make_hard.py. */
#include "harness/base/arena.h"
#include "harness/base/file.h"
#include "harness/base/json.h"
#include "harness/base/paths.h"
#include "models/tokenize/tokenizer.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define GOLDEN "tests/golden/tokenize/"

/* The hard strings, in order. */
struct texts {
    struct arena arena;
    const char **at;
    int n;
};

static void texts_read(struct texts *t)
{
    struct err e = {0};
    struct str file = {0};
    cr_assert_eq(file_read(&file, GOLDEN "hard.jsonl", &e), 0, "%s", e.text);
    *t = (struct texts){0};
    t->at = arena_array(&t->arena, file.len, sizeof *t->at);
    for (char *line = file.buf, *end; (end = strchr(line, '\n')); line = end + 1) {
        json_t *text = json_loadb(line, (size_t)(end - line), JSON_DECODE_ANY, NULL);
        cr_assert(text, "line %d", t->n + 1);
        t->at[t->n++] = arena_strdup(&t->arena, json_string_value(text));
        json_decref(text);
    }
    str_release(&file);
    cr_assert_gt(t->n, 500);
}

/* Every hard string against one file of stored ids. */
static void check(const char *tokenizer, const char *golden, int max_length)
{
    struct err e = {0};
    struct texts texts;
    struct str wanted = {0}, path = {0}, line = {0};
    struct token_lists lists;
    texts_read(&texts);
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

Test(tokenizer, small_vocabulary_cased)
{
    check(GOLDEN "small_cased", "small_cased", 100000);
    check(GOLDEN "small_cased", "small_cased_max9", 9);
}

Test(tokenizer, small_vocabulary_uncased)
{
    check(GOLDEN "small_uncased", "small_uncased", 100000);
    check(GOLDEN "small_uncased/tokenizer.json", "small_uncased_max9", 9);
    check(GOLDEN "small_uncased/vocab.txt", "small_uncased", 100000);
}

Test(tokenizer, real_vocabularies)
{
    static const char *const names[] = {"bert-base-cased", "bert-base-uncased"};
    if (!paths_mirror()) {
        printf("skip: FTBENCH_MIRROR is not set, so bert-base's vocabularies are not here\n");
        return;
    }
    for (int i = 0; i < 2; i++) {
        struct str path = {0}, cut = {0};
        str_printf(&path, "%s/tokenizers/%s", paths_mirror(), names[i]);
        str_printf(&cut, "%s_max9", names[i]);
        check(path.buf, names[i], 100000);
        check(path.buf, cut.buf, 9);
        str_release(&path);
        str_release(&cut);
    }
}

static struct tokenizer *open_small(const char *name)
{
    struct err e = {0};
    struct str path = {0};
    str_printf(&path, GOLDEN "%s", name);
    struct tokenizer *t = tokenizer_open(path.buf, &e);
    cr_assert(t, "%s", e.text);
    str_release(&path);
    return t;
}

Test(tokenizer, hash_is_of_content_not_of_file)
{
    struct tokenizer *json = open_small("small_uncased/tokenizer.json");
    struct tokenizer *txt = open_small("small_uncased/vocab.txt");
    struct tokenizer *cased = open_small("small_cased");
    cr_assert(hash_is_hex(tokenizer_hash(json)));
    cr_assert_str_eq(tokenizer_hash(json), tokenizer_hash(txt));
    /* The same pieces, other settings. */
    cr_assert_str_neq(tokenizer_hash(json), tokenizer_hash(cased));
    tokenizer_free(json);
    tokenizer_free(txt);
    tokenizer_free(cased);
}

Test(tokenizer, pieces_and_special_ids)
{
    struct tokenizer *t = open_small("small_cased");
    const struct tokenizer_special *s = tokenizer_special(t);
    cr_assert_str_eq(tokenizer_piece(t, s->pad), "[PAD]");
    cr_assert_str_eq(tokenizer_piece(t, s->unk), "[UNK]");
    cr_assert_str_eq(tokenizer_piece(t, s->cls), "[CLS]");
    cr_assert_str_eq(tokenizer_piece(t, s->sep), "[SEP]");
    cr_assert_str_eq(tokenizer_piece(t, s->mask), "[MASK]");
    for (int id = 0; id < tokenizer_n_vocab(t); id++)
        cr_assert_eq(tokenizer_id(t, tokenizer_piece(t, id)), id);
    cr_assert_eq(tokenizer_id(t, "no such piece"), -1);
    tokenizer_free(t);
}

Test(tokenizer, shortest_length_leaves_cls_and_sep)
{
    struct err e = {0};
    struct tokenizer *t = open_small("small_cased");
    int ids[3] = {-1, -1, -7};
    cr_assert_eq(tokenizer_encode(t, "some [MASK] text", 2, ids, &e), 2);
    cr_assert_eq(ids[0], tokenizer_special(t)->cls);
    cr_assert_eq(ids[1], tokenizer_special(t)->sep);
    cr_assert_eq(ids[2], -7);
    tokenizer_free(t);
}

Test(tokenizer, invalid_utf8_names_the_byte)
{
    struct err e = {0};
    struct tokenizer *t = open_small("small_cased");
    static const struct {
        const char *text, *where;
    } bad[] = {
        {"ok \xff no", "0xff at offset 3"}, {"caf\xe9", "0xe9 at offset 3"},
        {"\xc0\x80", "0xc0 at offset 0"},   {"a\xed\xa0\x80", "0xed at offset 1"},
        {"ab\xe4\xb8", "0xe4 at offset 2"}, {"\xf4\x90\x80\x80", "0xf4 at offset 0"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int ids[8];
        err_clear(&e);
        cr_assert_eq(tokenizer_encode(t, bad[i].text, 8, ids, &e), -1);
        cr_assert(strstr(e.text, bad[i].where), "%s", e.text);
    }
    struct token_lists lists;
    const char *texts[] = {"fine", "caf\xe9"};
    cr_assert_eq(tokenizer_encode_all(t, texts, 2, 8, &lists, &e), -1);
    cr_assert(str_starts(e.text, "text 1: "), "%s", e.text);
    token_lists_release(&lists);
    tokenizer_free(t);
}
