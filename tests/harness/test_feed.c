/* Feeds: rows as the tokenizer's ids; packed batches made of them. */
#include "tests/harness/rig.h"

static const char vocab[] = "models/zoo/mini/vocab.txt";

/* Three rows of a data set that is nowhere on disk. */
static struct example examples[] = {{"I love it, finished my thesis.", 1, 0, 0xa1},
                                    {"cold shower again", 0, 0, 0xb2},
                                    {"ok", 1, 0, 0xc3}};
static const struct dataset_info info = {.name = "three", .n_classes = 2};
static const struct dataset three = {.info = &info, .examples = examples, .n = 3};

static struct tokenizer *open_vocab(void)
{
    struct err e = {0};
    struct tokenizer *t = tokenizer_open(vocab, &e);
    cr_assert(t != NULL, "%s", e.text);
    return t;
}

Test(feed, rows_are_encoded_in_the_order_asked_for)
{
    struct arena a = {0};
    struct err e = {0};
    struct tokenizer *t = open_vocab();
    struct feed f;
    int index[] = {2, 0};
    struct rows rows = {index, 2};
    struct feed_source from = {.data = &three, .tokenizer = t, .max_length = 64};
    cr_assert(feed_encode(&f, &from, &rows, &a, &e) == 0, "%s", e.text);
    cr_assert(f.n == 2 && f.n_classes == 2);
    for (int i = 0; i < 2; i++) {
        const struct example *x = &examples[index[i]];
        int ids[64], n = tokenizer_encode(t, x->text, 64, ids, &e);
        cr_expect(f.labels[i] == x->label && f.hashes[i] == x->hash);
        cr_assert(f.length_tok[i] == n && n > 2);
        cr_expect(memcmp(f.tokens.ids + f.tokens.offsets[i], ids, (size_t)n * sizeof *ids) == 0);
    }
    feed_release(&f);
    tokenizer_free(t);
    arena_release(&a);
}

Test(feed, long_texts_are_cut)
{
    struct arena a = {0};
    struct err e = {0};
    struct tokenizer *t = open_vocab();
    struct feed f;
    int index[] = {0, 1, 2};
    struct rows rows = {index, 3};
    struct feed_source from = {.data = &three, .tokenizer = t, .max_length = 4};
    cr_assert(feed_encode(&f, &from, &rows, &a, &e) == 0, "%s", e.text);
    cr_expect(f.length_tok[0] == 4 && f.length_tok[1] == 4 && f.length_tok[2] == 3);
    cr_expect(f.tokens.n_truncated == 2);
    feed_release(&f);
    tokenizer_free(t);
    arena_release(&a);
}

Test(feed, a_text_that_is_not_utf8_names_the_data_set)
{
    struct arena a = {0};
    struct err e = {0};
    struct tokenizer *t = open_vocab();
    struct example bad[] = {{"fine", 0, 0, 1}, {"bad \xff byte", 1, 0, 2}};
    struct dataset d = {.info = &info, .examples = bad, .n = 2};
    struct feed f;
    int index[] = {0, 1};
    struct rows rows = {index, 2};
    struct feed_source from = {.data = &d, .tokenizer = t, .max_length = 16};
    cr_assert(feed_encode(&f, &from, &rows, &a, &e) == -1);
    cr_expect(strstr(e.text, "data set three") && strstr(e.text, "UTF-8"), "%s", e.text);
    feed_release(&f);
    tokenizer_free(t);
    arena_release(&a);
}

Test(packer, rows_lie_end_to_end_in_the_order_given)
{
    struct arena a = {0};
    struct feed f = rig_feed(5, false, 7, &a);
    const int rows[] = {3, 0, 4};
    int n_tok = 0;
    struct packer p;
    packer_init(&p, 3 * RIG_LENGTH, 3, &a);
    struct batch b = packer_pack(&p, &f, rows, 3, PACK_ANSWER);
    cr_assert(b.n_seq == 3 && b.token_type_ids == NULL);
    for (int i = 0; i < 3; i++) {
        size_t length = (size_t)f.length_tok[rows[i]];
        cr_expect(b.offsets[i] == n_tok && b.labels[i] == f.labels[rows[i]]);
        cr_expect(memcmp(b.input_ids + n_tok, f.tokens.ids + f.tokens.offsets[rows[i]],
                         length * sizeof(int)) == 0);
        n_tok += (int)length;
    }
    cr_expect(b.n_tok == n_tok && b.offsets[3] == n_tok);
    arena_release(&a);
}

Test(packer, packing_takes_no_memory)
{
    struct arena a = {0};
    struct feed f = rig_feed(5, false, 7, &a);
    const int rows[] = {0, 1, 2};
    struct packer p;
    packer_init(&p, 3 * RIG_LENGTH, 3, &a);
    size_t used = a.used_bytes;
    packer_pack(&p, &f, rows, 3, PACK_ANSWER);
    struct batch b = packer_pack(&p, &f, rows + 2, 1, PACK_ANSWER);
    cr_expect(a.used_bytes == used);
    cr_expect(b.n_seq == 1 && b.n_tok == f.length_tok[2]); /* nothing is left of the first */
    arena_release(&a);
}

/* A row's own target to learn it, all classes' in their order to compare them. */
Test(packer, targets_stand_beside_their_rows)
{
    struct arena a = {0};
    struct feed f = rig_feed(5, false, 7, &a);
    const int rows[] = {3, 0, 4};
    struct packer p;
    f.targets = &rig_targets;
    packer_init(&p, 3 * (RIG_LENGTH + 9), 3, &a);
    struct batch b = packer_pack(&p, &f, rows, 3, PACK_ANSWER);
    int at = 0;
    cr_assert(b.n_target == 3);
    for (int i = 0; i < 3; i++) {
        int label = f.labels[rows[i]], first = rig_target_offsets[label];
        int length = rig_target_offsets[label + 1] - first;
        cr_expect(b.target_starts[i] == i && b.target_offsets[i] == at);
        cr_expect(memcmp(b.target_ids + at, rig_target_ids + first, (size_t)length * sizeof(int)) ==
                  0);
        cr_expect(feed_n_losses(&f, rows[i]) == length);
        cr_expect(feed_cost(&f, rows[i], PACK_ANSWER) == f.length_tok[rows[i]] + length);
        at += length;
    }
    cr_expect(b.target_starts[3] == 3 && b.target_offsets[3] == at && b.n_target_tok == at);

    b = packer_pack(&p, &f, rows, 3, PACK_CANDIDATES);
    cr_assert(b.n_target == 9 && b.n_target_tok == 27 && b.target_offsets[9] == 27);
    for (int i = 0; i < 3; i++) {
        cr_expect(b.target_starts[i] == 3 * i);
        for (int c = 0; c < 3; c++)
            cr_expect(b.target_offsets[3 * i + c] == 9 * i + rig_target_offsets[c]);
        cr_expect(memcmp(b.target_ids + (ptrdiff_t)9 * i, rig_target_ids, sizeof rig_target_ids) ==
                  0);
        cr_expect(feed_costs(&f, PACK_CANDIDATES, &a)[rows[i]] == f.length_tok[rows[i]] + 9);
    }
    arena_release(&a);
}

Test(feed, texts_go_into_the_prompt_where_that_is_asked_for)
{
    struct arena a = {0};
    struct err e = {0};
    struct tokenizer *t = open_vocab();
    struct dataset_info asks = info;
    struct dataset d = three;
    asks.prompt_template = "Is it love? {text} Say so.";
    d.info = &asks;
    int index[] = {1}, ids[64];
    struct rows rows = {index, 1};
    for (int prompted = 0; prompted < 2; prompted++) {
        struct feed f;
        struct feed_source from = {
            .data = &d, .tokenizer = t, .max_length = 64, .prompted = prompted};
        const char *text = prompted ? "Is it love? cold shower again Say so." : "cold shower again";
        cr_assert(feed_encode(&f, &from, &rows, &a, &e) == 0, "%s", e.text);
        int n = tokenizer_encode(t, text, 64, ids, &e);
        cr_assert(f.length_tok[0] == n && memcmp(f.tokens.ids, ids, (size_t)n * sizeof *ids) == 0);
        feed_release(&f);
    }
    tokenizer_free(t);
    arena_release(&a);
}

Test(feed, there_may_be_no_rows)
{
    struct arena a = {0};
    struct err e = {0};
    struct tokenizer *t = open_vocab();
    struct feed f;
    struct feed_source from = {.data = &three, .tokenizer = t, .max_length = 64};
    cr_assert(feed_encode(&f, &from, &(struct rows){NULL, 0}, &a, &e) == 0, "%s", e.text);
    cr_expect(f.n == 0);
    feed_release(&f);
    tokenizer_free(t);
    arena_release(&a);
}
