/* What tests of pre-training share: a corpus of small documents, opened. */
#ifndef FT_TESTS_PRETRAIN_FIXTURE_H
#define FT_TESTS_PRETRAIN_FIXTURE_H

#include "pretrain/corpus.h"

#include <criterion/criterion.h>

#define GOLDEN    "tests/golden/pretrain/"
#define WORDPIECE "tests/golden/tokenize/small_uncased"
#define UNIGRAM   "tests/golden/tokenize/small_unigram/spiece.model"

static inline struct tokenizer *open_tokenizer(const char *path)
{
    struct err e = {0};
    struct tokenizer *t = tokenizer_open(path, &e);
    cr_assert(t, "%s", e.text);
    return t;
}

static inline struct corpus open_corpus(const struct corpus_source *from, struct arena *a)
{
    struct corpus c;
    struct err e = {0};
    cr_assert_eq(corpus_open(&c, from, a, &e), 0, "%s", e.text);
    return c;
}

#endif
