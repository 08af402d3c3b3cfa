/* Mutated tokenizer.json, vocab.txt, tokenizer_config.json and spiece.model: a tokenizer whose
 * ids are in its vocabulary, or a message. */
#include "models/tokenize/tokenizer.h"
#include "tests/fuzz/mutate.h"

enum { ROUNDS = 1000, LENGTH = 40 };

static const char text[] = "<extra_id_0> \xef\xac\x81\xcc\x81x \xe2\x96\x81 e\xcc\x81 <br /> "
                           "Caf\xc3\xa9 [MASK] don't \xe4\xb8\xad\xe6\x96\x87 \xf0\x9f\x98\x80 "
                           "unaffable\xe2\x80\x8b THE end.";

static void use(const struct tokenizer *t, int round)
{
    int ids[LENGTH];
    struct err e = {0};
    int n = tokenizer_encode(t, text, LENGTH, ids, &e), n_vocab = tokenizer_n_vocab(t);
    cr_assert(n >= 1 && n <= LENGTH, "round %d: %d ids, %s", round, n, e.text);
    for (int i = 0; i < n; i++)
        cr_assert(ids[i] >= 0 && ids[i] < n_vocab && tokenizer_piece(t, ids[i]) != NULL, "round %d",
                  round);
    struct str decoded = {0};
    tokenizer_decode(&decoded, t, ids, n);
    str_release(&decoded);
}

/* The other files of a folder stay sound. */
static void mutate_file(const char *from, const char *name, bool with_vocab)
{
    struct fuzz_count count = {0};
    struct str original = {0}, vocab = {0}, file = {0};
    char folder[64], path[96], other[96];
    fuzz_folder(folder);
    snprintf(path, sizeof path, "tests/golden/tokenize/%s/%s", from, name);
    fuzz_read(&original, path);
    if (with_vocab) {
        fuzz_read(&vocab, "tests/golden/tokenize/small_uncased/vocab.txt");
        snprintf(other, sizeof other, "%s/vocab.txt", folder);
        fuzz_write(other, &vocab);
    }
    snprintf(path, sizeof path, "%s/%s", folder, name);
    for (int round = 0; round < ROUNDS; round++) {
        struct chance c = chance_of(round);
        struct err e = {0};
        fuzz_mutate(&file, &original, &c);
        fuzz_write(path, &file);
        struct tokenizer *t = tokenizer_open(folder, &e);
        fuzz_count(&count, t ? 0 : -1, &e, round);
        if (t)
            use(t, round);
        tokenizer_free(t);
    }
    fuzz_both(&count);
    str_release(&original);
    str_release(&vocab);
    str_release(&file);
    fuzz_folder_gone(folder);
}

Test(fuzz_tokenizer, tokenizer_json)
{
    mutate_file("small_uncased", "tokenizer.json", false);
}

Test(fuzz_tokenizer, vocab_txt)
{
    mutate_file("small_uncased", "vocab.txt", false);
}

Test(fuzz_tokenizer, tokenizer_config_json)
{
    mutate_file("small_uncased", "tokenizer_config.json", true);
}

Test(fuzz_tokenizer, spiece_model)
{
    mutate_file("small_unigram", "spiece.model", false);
}

Test(fuzz_tokenizer, unigram_json)
{
    mutate_file("small_unigram", "tokenizer.json", false);
}

enum { UNITS = 256, TEXTS = 12 };

/* A character map that is made up: a few places for children, each unit labelled so that one of
 * them can reach it, values that point anywhere near the texts. */
static void random_map(struct str *s, struct chance *c)
{
    uint32_t places[4];
    str_add_bytes(s, "\x1a\x93\x08\x12\x90\x08\x00\x04\x00\x00", 10);
    for (int i = 0; i < 4; i++)
        places[i] = below(c, UNITS + 20);
    for (uint32_t i = 0; i < UNITS; i++) {
        uint32_t unit = below(c, 4) == 0 ? below(c, TEXTS + 4) : places[below(c, 4)] << 10;
        if (unit >> 10)
            unit |= ((i ^ places[below(c, 4)]) & 0xff) | below(c, 2) << 8;
        for (int byte = 0; byte < 4; byte++)
            str_add_char(s, (char)(unit >> 8 * byte & 0xff));
    }
    str_add_bytes(s, "a\xc3\xa9\0\xe2\x96\x81\0<b>\0", TEXTS);
}

Test(fuzz_tokenizer, character_map)
{
    struct str model = {0}, file = {0};
    char folder[64], path[96];
    fuzz_folder(folder);
    fuzz_read(&model, "tests/golden/tokenize/small_unigram/spiece.model");
    snprintf(path, sizeof path, "%s/spiece.model", folder);
    for (int round = 0; round < ROUNDS; round++) {
        struct chance c = chance_of(round);
        struct err e = {0};
        str_clear(&file);
        str_add_bytes(&file, model.buf, model.len);
        random_map(&file, &c);
        fuzz_write(path, &file);
        struct tokenizer *t = tokenizer_open(folder, &e);
        cr_assert(t, "round %d: %s", round, e.text);
        use(t, round);
        tokenizer_free(t);
    }
    str_release(&model);
    str_release(&file);
    fuzz_folder_gone(folder);
}
