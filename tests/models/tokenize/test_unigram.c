/* SentencePiece unigram: ids beside those of transformers' T5Tokenizer, stored by
 * make_unigram.py, and files that are refused. */
#include "tests/models/tokenize/hard.h"

#include <unistd.h>

#define SMALL GOLDEN "small_unigram/"

Test(unigram, small_model_both_files)
{
    static const char *const names[] = {SMALL, SMALL "spiece.model", SMALL "tokenizer.json"};
    for (int i = 0; i < 3; i++) {
        check_ids(names[i], "small_unigram", 100000, true);
        check_ids(names[i], "small_unigram_max9", 9, true);
        check_decoded(names[i], "small_unigram", true);
    }
}

Test(unigram, real_vocabulary)
{
    struct str path = {0};
    if (!paths_mirror()) {
        printf("skip: FTBENCH_MIRROR is not set, so T5's vocabulary is not here\n");
        return;
    }
    static const char *const names[] = {"t5/spiece.model", "t5/t5-small.tokenizer.json"};
    for (int i = 0; i < 2; i++) {
        str_clear(&path);
        str_printf(&path, "%s/tokenizers/%s", paths_mirror(), names[i]);
        check_ids(path.buf, "t5", 100000, true);
        check_ids(path.buf, "t5_max9", 9, true);
        check_decoded(path.buf, "t5", true);
    }
    /* A space at the end of a text is a piece in this file. */
    str_clear(&path);
    str_printf(&path, "%s/tokenizers/flan-t5", paths_mirror());
    check_ids(path.buf, "flan-t5", 100000, true);
    str_release(&path);
}

/* What the survey's classes are in T5's vocabulary. */
Test(unigram, class_names_of_the_real_vocabulary)
{
    static const struct {
        const char *text;
        int n;
    } names[] = {{"World", 1},    {"Sports", 1},  {"Business", 1}, {"Sci/Tech", 3},
                 {"negative", 1}, {"neutral", 1}, {"positive", 1}, {"0", 2},
                 {"1", 1},        {"2", 1},       {"irony", 2},    {"non_irony", 4}};
    struct err e = {0};
    struct str path = {0};
    if (!paths_mirror()) {
        printf("skip: FTBENCH_MIRROR is not set, so T5's vocabulary is not here\n");
        return;
    }
    str_printf(&path, "%s/tokenizers/t5/spiece.model", paths_mirror());
    struct tokenizer *t = tokenizer_open(path.buf, &e);
    cr_assert(t, "%s", e.text);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        int ids[16];
        cr_expect_eq(tokenizer_encode_pieces(t, names[i].text, 16, ids, &e), names[i].n, "%s",
                     names[i].text);
    }
    cr_assert_eq(tokenizer_n_vocab(t), 32100);
    cr_assert_eq(tokenizer_id(t, "<extra_id_0>"), 32099);
    tokenizer_free(t);
    str_release(&path);
}

Test(unigram, both_files_of_a_model_are_one_tokenizer)
{
    struct err e = {0};
    struct tokenizer *model = tokenizer_open(SMALL "spiece.model", &e);
    struct tokenizer *json = tokenizer_open(SMALL "tokenizer.json", &e);
    struct tokenizer *mini = tokenizer_open("models/zoo/mini-unigram/spiece.model", &e);
    cr_assert(model && json && mini, "%s", e.text);
    cr_assert_str_eq(tokenizer_hash(model), tokenizer_hash(json));
    cr_assert_str_neq(tokenizer_hash(model), tokenizer_hash(mini));
    tokenizer_free(model);
    tokenizer_free(json);
    tokenizer_free(mini);
}

Test(unigram, ids_end_in_eos_also_when_cut)
{
    struct err e = {0};
    struct tokenizer *t = tokenizer_open("models/zoo/mini-unigram/spiece.model", &e);
    cr_assert(t, "%s", e.text);
    const struct tokenizer_special *s = tokenizer_special(t);
    cr_assert(s->pad == 0 && s->eos == 1 && s->unk == 2);
    cr_assert(s->cls == -1 && s->sep == -1 && s->mask == -1);
    cr_assert_eq(tokenizer_n_vocab(t), 1500);
    cr_assert_str_eq(tokenizer_piece(t, 1400), "<extra_id_99>");
    cr_assert_str_eq(tokenizer_piece(t, 1499), "<extra_id_0>");
    int all[32], cut[4], ids[3] = {-7, -7, -7};
    int n = tokenizer_encode(t, "The shares rose in Oslo.", 32, all, &e);
    cr_assert(n > 5 && all[n - 1] == 1 && all[0] != 1);
    cr_assert_eq(tokenizer_encode(t, "The shares rose in Oslo.", 4, cut, &e), 4);
    cr_assert_arr_eq(cut, all, 3 * sizeof *cut);
    cr_assert_eq(cut[3], 1);
    cr_assert_eq(tokenizer_encode(t, "", 2, ids, &e), 1);
    cr_assert(ids[0] == 1 && ids[1] == -7);
    tokenizer_free(t);
}

/* The small model's bytes. */
static void read_small(struct str *s, const char *name)
{
    struct err e = {0};
    cr_assert_eq(file_read(s, name, &e), 0, "%s", e.text);
}

/* Opening these bytes under that name fails, and the message holds wanted. */
static void refused(const char *name, const char *bytes, size_t n, const char *wanted)
{
    struct err e = {0};
    char dir[] = "/tmp/ftbench-unigram-XXXXXX";
    struct str path = {0};
    cr_assert(mkdtemp(dir));
    cr_assert_eq(file_write(file_join(&path, dir, name), bytes, n, &e), 0, "%s", e.text);
    struct tokenizer *t = tokenizer_open(dir, &e);
    cr_expect_null(t, "%s opened; wanted: %s", name, wanted);
    cr_expect(strstr(e.text, wanted), "\"%s\", wanted: %s", e.text, wanted);
    cr_expect(strstr(e.text, name), "\"%s\" does not name the file", e.text);
    tokenizer_free(t);
    unlink(str_text(&path));
    rmdir(dir);
    str_release(&path);
}

/* Wherever a model is cut, it is refused and the message says at which byte. */
Test(unigram, cut_model)
{
    struct str s = {0};
    read_small(&s, SMALL "spiece.model");
    for (size_t n = 0; n < s.len; n += n < 100 ? 1 : 97)
        refused("spiece.model", s.buf, n, "byte ");
    refused("spiece.model", s.buf, s.len - 1, "byte ");
    str_release(&s);
}

/* A message that is appended is merged with what stands before, as protocol buffers are. */
static void refused_with(const char *tail, size_t n, const char *wanted)
{
    struct str s = {0};
    read_small(&s, SMALL "spiece.model");
    str_add_bytes(&s, tail, n);
    refused("spiece.model", s.buf, s.len, wanted);
    str_release(&s);
}

Test(unigram, models_that_ask_for_something_else)
{
    static const char text[] = "[MASK] this is no protocol buffer";
    refused("spiece.model", "", 0, "ends at byte 0 without pieces");
    refused("spiece.model", text, sizeof text, "byte 0: no protocol buffer");
    refused_with("\x12\x02\x18\x02", 4, "model_type is BPE; only UNIGRAM is understood");
    refused_with("\x12\x03\x98\x02\x01", 5, "byte_fallback");
    refused_with("\x12\x03\xc0\x01\x01", 5, "treat_whitespace_as_suffix");
    refused_with("\x12\x04\xd8\x02\xff\x7f", 6, "pad_id is 16383: not one of the 700 pieces");
    refused_with("\x12\x03\xd0\x02\x05", 5, "eos_id is 5, but that piece is of type 1");
    refused_with("\x1a\x02\x18\x00", 4, "without add_dummy_prefix");
    refused_with("\x1a\x02\x20\x00", 4, "without remove_extra_whitespaces");
    refused_with("\x1a\x02\x28\x00", 4, "without escape_whitespaces");
    refused_with("\x1a\x04\x12\x02xy", 6, "precompiled_charsmap of 2 bytes has no trie");
    refused_with("\x1a\x07\x12\x05\x08\x00\x00\x00z", 9, "claims a trie of 8");
    refused_with("\x2a\x03\x12\x01x", 5, "a denormalizer");
    refused_with("\x0a\x03\x0a\x01\xff", 5, "has no UTF-8 text");
    refused_with("\x0a\x00", 2, "has no UTF-8 text");
    refused_with("\x0a\x05\x0a\x01z\x18\x06", 7, "is a byte");
    refused_with("\x0a\x08\x0a\x01z\x15\x00\x00\xc0\x7f", 10, "no finite score");
    refused_with("\x0a\x0a\x0a\x08\xe2\x96\x81the\xe2\x96", 12, "has no UTF-8 text");
    refused_with("\x0a\x06\x0a\x04</s>", 8, "pieces 1 and 700 are the same");
    refused_with("\x0a\x09\x0a\x07wx\0yz..", 11, "has no UTF-8 text");
    refused_with("\x0a\x7f\x0a\x07", 4, "the file is cut or damaged");
    refused_with("\x08\x01", 2, "a piece is of protocol buffer type 0, not 2");
}

/* A piece behind the others, by its type: made, recognised as it stands, or never made. */
Test(unigram, normal_user_defined_and_unused_pieces)
{
    static const struct {
        char type;
        const char *text;
        int n, first; /* pieces; first: the one that is new is the first */
    } cases[] = {{1, "qzqzq", 1, 1},  {1, "aqzqzq", 0, 0}, {4, "qzqzq", 1, 1},
                 {4, "qzqzqa", 0, 1}, {5, "qzqzq", 0, 0},  {5, "the qzqzq", 0, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err e = {0};
        struct str s = {0}, path = {0};
        char dir[] = "/tmp/ftbench-unigram-XXXXXX";
        /* "▁qzqzq", or as the user wrote it, of score 0. */
        static const char marked[] = "\x0a\x11\x0a\x08\xe2\x96\x81qzqzq\x15\0\0\0\0\x18";
        static const char plain[] = "\x0a\x0e\x0a\x05qzqzq\x15\0\0\0\0\x18";
        read_small(&s, SMALL "spiece.model");
        if (cases[i].type == 4)
            str_add_bytes(&s, plain, sizeof plain - 1);
        else
            str_add_bytes(&s, marked, sizeof marked - 1);
        str_add_char(&s, cases[i].type);
        cr_assert(mkdtemp(dir));
        cr_assert_eq(file_write(file_join(&path, dir, "spiece.model"), s.buf, s.len, &e), 0);
        struct tokenizer *t = tokenizer_open(dir, &e);
        cr_assert(t, "case %zu: %s", i, e.text);
        int ids[32], n = tokenizer_encode_pieces(t, cases[i].text, 32, ids, &e);
        cr_expect(n > 0 && (cases[i].n == 0 || n == cases[i].n), "case %zu: %d pieces", i, n);
        cr_expect_eq(ids[0] == 700, cases[i].first, "case %zu", i);
        for (int j = 1; j < n; j++)
            cr_expect_neq(ids[j], 700, "case %zu", i);
        tokenizer_free(t);
        unlink(path.buf);
        rmdir(dir);
        str_release(&s);
        str_release(&path);
    }
}

Test(unigram, bpe_models_are_refused)
{
    struct err e = {0};
    struct str path = {0};
    if (!paths_mirror()) {
        printf("skip: FTBENCH_MIRROR is not set, so llama2's tokenizer is not here\n");
        return;
    }
    str_printf(&path, "%s/tokenizers/llama2/tokenizer.model", paths_mirror());
    cr_assert_null(tokenizer_open(path.buf, &e));
    cr_assert(strstr(e.text, "model_type is BPE; only UNIGRAM is understood"), "%s", e.text);
    str_release(&path);
}

/* The small tokenizer.json with one thing changed. */
static void refused_changed(const char *old, const char *new, const char *wanted)
{
    struct str s = {0}, changed = {0};
    read_small(&s, SMALL "tokenizer.json");
    const char *at = strstr(s.buf, old);
    cr_assert(at, "%s", old);
    str_add_bytes(&changed, s.buf, (size_t)(at - s.buf));
    str_add(&changed, new);
    str_add(&changed, at + strlen(old));
    refused("tokenizer.json", changed.buf, changed.len, wanted);
    str_release(&s);
    str_release(&changed);
}

Test(unigram, json_that_asks_for_something_else)
{
    refused_changed("\"Unigram\"", "\"BPE\"", "model is of type BPE");
    refused_changed("\"byte_fallback\":false", "\"byte_fallback\":true", "byte_fallback");
    refused_changed("\"byte_fallback\"", "\"alpha\":0.5,\"byte_fallback\"",
                    "alpha 0.5 is not understood");
    refused_changed("\"unk_id\":2", "\"unk_id\":-1", "unk_id is not one of the 800 pieces");
    refused_changed("\"unk_id\":2", "\"unk_id\":null", "unk_id is not one of");
    refused_changed("[\"<unk>\",0.0]", "[\"<unk>\"]", "piece 2 is not [text, score]");
    refused_changed("[\"<unk>\",0.0]", "[\"</s>\",0.0]", "pieces 1 and 2 are the same");
    refused_changed("\"Precompiled\"", "\"Lowercase\"", "normalizer {\"type\":\"Lowercase\"");
    refused_changed("\"precompiled_charsmap\":\"", "\"precompiled_charsmap\":\"*",
                    "not base64 at character 0");
    refused_changed("\"WhitespaceSplit\"", "\"Digits\"", "pre_tokenizer {\"type\":\"Sequence\"");
    refused_changed("\"always\"", "\"first\"", "pre_tokenizer {\"type\":\"Metaspace\"");
    refused_changed("\"split\":true", "\"split\":false", "pre_tokenizer");
    refused_changed("\"decoder\":{\"type\":\"Metaspace\"", "\"decoder\":{\"type\":\"Fuse\"",
                    "decoder {\"type\":\"Fuse\"");
    refused_changed("\"TemplateProcessing\"", "\"RobertaProcessing\"",
                    "post_processor (RobertaProcessing)");
    refused_changed("\"ids\":[1]", "\"ids\":[2]", "post_processor's </s> has an id");
    refused_changed("\"lstrip\":false", "\"lstrip\":true", "wants lstrip");
    refused_changed("{\"id\":0,\"content\":\"<pad>\"", "{\"id\":5,\"content\":\"<pad>\"",
                    "\"<pad>\" has two ids");
}
