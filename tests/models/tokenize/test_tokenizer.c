/* Ids beside those of Hugging Face's tokenizers, stored by make_hard.py. */
#include "tests/models/tokenize/hard.h"

static void check(const char *tokenizer, const char *golden, int max_length)
{
    check_ids(tokenizer, golden, max_length, false);
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

Test(tokenizer, decoded_texts)
{
    check_decoded(GOLDEN "small_cased", "small_cased", false);
    check_decoded(GOLDEN "small_uncased", "small_uncased", false);
}

Test(tokenizer, pieces_alone)
{
    struct err e = {0};
    struct tokenizer *t = tokenizer_open(GOLDEN "small_cased", &e);
    int with[16], alone[16];
    int n = tokenizer_encode(t, "some [MASK] text", 16, with, &e);
    cr_assert_eq(tokenizer_encode_pieces(t, "some [MASK] text", 16, alone, &e), n - 2);
    cr_assert_arr_eq(alone, with + 1, (size_t)(n - 2) * sizeof *with);
    cr_assert_eq(tokenizer_encode_pieces(t, "some [MASK] text", 1, alone, &e), 1);
    cr_assert_eq(tokenizer_encode_pieces(t, "", 16, alone, &e), 0);
    cr_assert_eq(tokenizer_encode_pieces(t, "caf\xe9", 16, alone, &e), -1);
    cr_assert_eq(tokenizer_special(t)->eos, -1);
    tokenizer_free(t);
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
