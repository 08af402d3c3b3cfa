/* Vocabulary files that are wrong, each refused with a message that says why. */
#include "harness/base/file.h"
#include "harness/base/rng.h"
#include "harness/base/str.h"
#include "models/tokenize/tokenizer.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SPECIAL "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n"

/* A folder of its own for each test. */
static char *folder(void)
{
    char *dir = strdup("/tmp/ftbench-tokenizer-XXXXXX");
    cr_assert(mkdtemp(dir));
    return dir;
}

static void put(const char *dir, const char *name, const char *text, size_t n_bytes)
{
    struct err e = {0};
    struct str path = {0};
    cr_assert_eq(file_write(file_join(&path, dir, name), text, n_bytes, &e), 0, "%s", e.text);
    str_release(&path);
}

static void drop(char *dir)
{
    static const char *const names[] = {"vocab.txt", "spiece.model", "tokenizer.json",
                                        "tokenizer_config.json"};
    struct str path = {0};
    for (int i = 0; i < 3; i++)
        unlink(file_join(&path, dir, names[i]));
    rmdir(dir);
    free(dir);
    str_release(&path);
}

/* A folder with one file in it does not open, and the message holds wanted. */
static void refused_bytes(const char *name, const char *text, size_t n_bytes, const char *wanted)
{
    struct err e = {0};
    char *dir = folder();
    put(dir, name, text, n_bytes);
    struct tokenizer *t = tokenizer_open(dir, &e);
    cr_expect_null(t, "%s opened; wanted: %s", name, wanted);
    cr_expect(strstr(e.text, wanted), "\"%s\", wanted: %s", e.text, wanted);
    cr_expect(strstr(e.text, name), "\"%s\" does not name the file", e.text);
    cr_expect_eq(e.kind, ERR_WORLD);
    tokenizer_free(t);
    drop(dir);
}

static void refused(const char *name, const char *text, const char *wanted)
{
    refused_bytes(name, text, strlen(text), wanted);
}

Test(load, bad_vocab_txt)
{
    refused("vocab.txt", "", "is empty");
    refused("vocab.txt", SPECIAL "a\n##a\na\n", "vocab.txt:8: piece \"a\" stands in line 6");
    refused("vocab.txt", SPECIAL "a\n\n##a\n", "vocab.txt:7: empty line");
    refused("vocab.txt", SPECIAL "a\nb\n", "no piece starts with ##");
    refused("vocab.txt", "[PAD]\n[CLS]\n[SEP]\n[MASK]\n##a\n", "has no [UNK]");
    refused("vocab.txt", "[PAD]\n[UNK]\n[SEP]\n[MASK]\n##a\n", "has no [CLS]");
    refused("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[MASK]\n##a\n", "has no [SEP]");
    refused("vocab.txt", "[UNK]\n[CLS]\n[SEP]\n[MASK]\n##a\n", "has no [PAD]");
    refused("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n##a\n", "has no [MASK]");
    refused("vocab.txt", SPECIAL "caf\xe9\n##a\n", "not UTF-8 at byte offset 34");
    refused_bytes("vocab.txt", SPECIAL "a\0b\n##a\n", sizeof SPECIAL - 1 + 8, "NUL");
}

Test(load, nothing_there)
{
    struct err e = {0};
    char *dir = folder();
    cr_assert_null(tokenizer_open(dir, &e));
    cr_assert(strstr(e.text, "neither tokenizer.json nor spiece.model"), "%s", e.text);
    err_clear(&e);
    cr_assert_null(tokenizer_open("/nonexistent/folder", &e));
    cr_assert(strstr(e.text, "/nonexistent/folder"), "%s", e.text);
    drop(dir);
}

Test(load, two_kinds_in_one_folder)
{
    struct err e = {0};
    char *dir = folder();
    put(dir, "vocab.txt", "a", 1);
    put(dir, "spiece.model", "b", 1);
    cr_assert_null(tokenizer_open(dir, &e));
    cr_assert(strstr(e.text, "holds both spiece.model and vocab.txt"), "%s", e.text);
    drop(dir);
}

Test(load, bad_config)
{
    struct err e = {0};
    char *dir = folder();
    put(dir, "vocab.txt", SPECIAL "##a\n", sizeof SPECIAL - 1 + 4);
    put(dir, "tokenizer_config.json", "{\"do_lower_case\": \"yes\"}", 24);
    cr_assert_null(tokenizer_open(dir, &e));
    cr_assert(strstr(e.text, "do_lower_case is neither true nor false"), "%s", e.text);
    err_clear(&e);
    put(dir, "tokenizer_config.json", "{\"do_lower_case\": ", 18);
    cr_assert_null(tokenizer_open(dir, &e));
    cr_assert(strstr(e.text, "tokenizer_config.json:1:"), "%s", e.text);
    drop(dir);
}

Test(load, lines_may_end_as_on_windows_or_not_at_all)
{
    struct err e = {0};
    char *dir = folder();
    static const char text[] = "[PAD]\r\n[UNK]\r\n[CLS]\r\n[SEP]\r\n[MASK]\r\nab\r\n##a";
    put(dir, "vocab.txt", text, sizeof text - 1);
    struct tokenizer *t = tokenizer_open(dir, &e);
    cr_assert(t, "%s", e.text);
    int ids[8];
    cr_assert_eq(tokenizer_n_vocab(t), 7);
    cr_assert_eq(tokenizer_encode(t, "ABa b", 8, ids, &e), 5);
    const int wanted[] = {2, 5, 6, 1, 3};
    cr_assert_arr_eq(ids, wanted, sizeof wanted);
    tokenizer_free(t);
    drop(dir);
}

Test(load, config_settings_are_obeyed)
{
    struct err e = {0};
    char *dir = folder();
    static const char text[] = SPECIAL "É\né\ne\n中\n##中\n##x\n";
    put(dir, "vocab.txt", text, sizeof text - 1);
    static const struct {
        const char *config;
        int n, ids[6]; /* of "É 中中" */
    } cases[] = {
        {"{}", 5, {2, 7, 8, 8, 3}},
        {"{\"do_lower_case\": false}", 5, {2, 5, 8, 8, 3}},
        {"{\"strip_accents\": false}", 5, {2, 6, 8, 8, 3}},
        {"{\"strip_accents\": null, \"tokenize_chinese_chars\": false}", 5, {2, 7, 8, 9, 3}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int ids[8];
        put(dir, "tokenizer_config.json", cases[i].config, strlen(cases[i].config));
        struct tokenizer *t = tokenizer_open(dir, &e);
        cr_assert(t, "%s", e.text);
        cr_expect_eq(tokenizer_encode(t, "É 中中", 8, ids, &e), cases[i].n);
        cr_expect_arr_eq(ids, cases[i].ids, (size_t)cases[i].n * sizeof(int), "%s",
                         cases[i].config);
        tokenizer_free(t);
    }
    drop(dir);
}

/* The good tokenizer.json, one place of it changed. */
static void refused_json(const char *from, const char *to, const char *wanted)
{
    struct err e = {0};
    struct str good = {0}, bad = {0};
    cr_assert_eq(file_read(&good, "tests/golden/tokenize/small_uncased/tokenizer.json", &e), 0);
    char *at = strstr(good.buf, from);
    cr_assert(at, "%s is not in the file", from);
    str_add_bytes(&bad, good.buf, (size_t)(at - good.buf));
    str_add(&bad, to);
    str_add(&bad, at + strlen(from));
    refused("tokenizer.json", bad.buf, wanted);
    str_release(&good);
    str_release(&bad);
}

Test(load, bad_tokenizer_json)
{
    refused_json("\"WordPiece\",\"unk", "\"BPE\",\"unk", "model is of type BPE");
    refused_json("BertNormalizer", "NFKC", "normalizer is of type NFKC");
    refused_json("BertPreTokenizer", "Metaspace", "pre_tokenizer is of type Metaspace");
    refused_json("TemplateProcessing", "ByteLevel", "post_processor (ByteLevel)");
    refused_json("\"single\":[{\"SpecialToken\":{\"id\":\"[CLS]\"",
                 "\"single\":[{\"SpecialToken\":{\"id\":\"[SEP]\"", "does not make [CLS]");
    refused_json("\"unk_token\":\"[UNK]\"", "\"unk_token\":\"<unk>\"", "unk_token is <unk>");
    refused_json("_word\":100", "_word\":-1", "max_input_chars_per_word");
    refused_json("\"clean_text\":true", "\"clean_text\":1", "clean_text is neither");
    refused_json("\"normalized\":false", "\"normalized\":true", "\"[PAD]\" wants normalized");
    refused_json("\"[CLS]\":2", "\"[CLS]\":1", "share id 1");
    refused_json("\"[CLS]\":2", "\"[CLS]\":-3", "id outside 0 to");
    refused_json("\"[CLS]\":2", "\"[CLS]\":99999999999", "id outside 0 to");
    refused_json("\"[CLS]\":2", "\"[CLS]\":\"2\"", "id outside 0 to");
    refused_json("\"[CLS]\":2", "\"\":2", "piece 2 is empty");
    refused_json("\"[CLS]\":2", "\"[UNK]\":2", "duplicate");
    refused_json("{\"id\":2,\"content\":\"[CLS]\"", "{\"id\":5,\"content\":\"[CLS]\"", "two ids");
}

/* Cut anywhere, the file is refused and nothing leaks or overruns (asan). */
Test(load, cut_tokenizer_json)
{
    struct err e = {0};
    struct str good = {0};
    cr_assert_eq(file_read(&good, "tests/golden/tokenize/small_uncased/tokenizer.json", &e), 0);
    char *dir = folder();
    for (size_t n = 0; n < good.len; n += n < 1500 ? 37 : 997) {
        err_clear(&e);
        put(dir, "tokenizer.json", good.buf, n);
        cr_assert_null(tokenizer_open(dir, &e), "cut to %zu bytes", n);
        cr_assert(strstr(e.text, "tokenizer.json"), "%s", e.text);
    }
    drop(dir);
    str_release(&good);
}

/* A few bytes changed anywhere: it opens and works, or says why not (asan). */
Test(load, damaged_files)
{
    static const char *const names[] = {"tokenizer.json", "vocab.txt"};
    const struct rng place = {.seed = 11, .stream = RNG_SPLIT};
    char *dir = folder();
    int n_opened = 0, n_refused = 0;
    for (int i = 0; i < 200; i++) {
        struct err e = {0};
        struct str good = {0}, path = {0};
        const char *name = names[i % 2];
        file_join(&path, "tests/golden/tokenize/small_uncased", name);
        cr_assert_eq(file_read(&good, path.buf, &e), 0, "%s", e.text);
        size_t reach = i % 3 ? good.len : 2600; /* mostly the settings of the JSON file */
        for (uint64_t j = 0; j < 1 + (uint64_t)i % 2; j++) {
            uint32_t at = rng_below(&place, (uint64_t)i * 16 + j, (uint32_t)reach);
            good.buf[at] =
                (char)(i % 5 ? 32 + rng_below(&place, (uint64_t)i * 16 + 8 + j, 95) : 0xe9);
        }
        put(dir, name, good.buf, good.len);
        struct tokenizer *t = tokenizer_open(file_join(&path, dir, name), &e);
        if (t) {
            int ids[16];
            cr_assert_gt(tokenizer_encode(t, "Unbelievably [MASK] thick fög!", 16, ids, &e), 2);
            for (int j = 0; j < 3; j++)
                cr_assert_lt(ids[j], tokenizer_n_vocab(t));
        } else {
            cr_assert(strstr(e.text, name), "%s", e.text);
        }
        n_opened += t != NULL;
        n_refused += t == NULL;
        tokenizer_free(t);
        str_release(&good);
        str_release(&path);
    }
    cr_assert_gt(n_opened, 10);
    cr_assert_gt(n_refused, 10);
    drop(dir);
}

/* Tokens added behind the vocabulary, as fine-tuned models have them. */
Test(load, added_token_behind_the_vocabulary)
{
    struct err e = {0};
    struct str good = {0}, text = {0};
    cr_assert_eq(file_read(&good, "tests/golden/tokenize/small_uncased/tokenizer.json", &e), 0);
    struct tokenizer *small = tokenizer_open("tests/golden/tokenize/small_uncased", &e);
    int n = tokenizer_n_vocab(small);
    const char *at = strstr(good.buf, "\"added_tokens\":[");
    cr_assert(at);
    at += strlen("\"added_tokens\":[");
    str_add_bytes(&text, good.buf, (size_t)(at - good.buf));
    str_printf(&text,
               "{\"id\":%d,\"content\":\"[MASK]ED\",\"single_word\":false,\"lstrip\":false,"
               "\"rstrip\":false,\"normalized\":false,\"special\":true},",
               n);
    str_add(&text, at);
    char *dir = folder();
    put(dir, "tokenizer.json", text.buf, text.len);
    struct tokenizer *t = tokenizer_open(dir, &e);
    cr_assert(t, "%s", e.text);
    cr_assert_eq(tokenizer_n_vocab(t), n + 1);
    cr_assert_str_neq(tokenizer_hash(t), tokenizer_hash(small));
    int ids[8];
    /* The longest added token wins; lower case is another text. */
    cr_assert_eq(tokenizer_encode(t, "[MASK]ED[MASK]", 8, ids, &e), 4);
    const int wanted[] = {2, n, 4, 3};
    cr_assert_arr_eq(ids, wanted, sizeof wanted);
    tokenizer_free(t);
    tokenizer_free(small);
    drop(dir);
    str_release(&good);
    str_release(&text);
}
