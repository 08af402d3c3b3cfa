/* Mutated tokenizer.json, vocab.txt and tokenizer_config.json: a tokenizer whose ids are in
 * its vocabulary, or a message. */
#include "models/tokenize/tokenizer.h"
#include "tests/fuzz/mutate.h"

enum { ROUNDS = 1000, LENGTH = 24 };

static const char text[] = "Caf\xc3\xa9 [MASK] don't \xe4\xb8\xad\xe6\x96\x87 \xf0\x9f\x98\x80 "
                           "unaffable\xe2\x80\x8b THE end.";

static void use(const struct tokenizer *t, int round)
{
    int ids[LENGTH];
    struct err e = {0};
    int n = tokenizer_encode(t, text, LENGTH, ids, &e), n_vocab = tokenizer_n_vocab(t);
    cr_assert(n >= 2 && n <= LENGTH, "round %d: %d ids, %s", round, n, e.text);
    for (int i = 0; i < n; i++)
        cr_assert(ids[i] >= 0 && ids[i] < n_vocab && tokenizer_piece(t, ids[i]) != NULL, "round %d",
                  round);
}

/* The other files of a folder stay sound. */
static void mutate_file(const char *name, bool with_vocab)
{
    struct fuzz_count count = {0};
    struct str original = {0}, vocab = {0}, file = {0};
    char folder[64], path[96], other[96];
    fuzz_folder(folder);
    snprintf(path, sizeof path, "tests/golden/tokenize/small_uncased/%s", name);
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
    mutate_file("tokenizer.json", false);
}

Test(fuzz_tokenizer, vocab_txt)
{
    mutate_file("vocab.txt", false);
}

Test(fuzz_tokenizer, tokenizer_config_json)
{
    mutate_file("tokenizer_config.json", true);
}
