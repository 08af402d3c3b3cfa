/* What an encoder-decoder says, step by step against whole passes; transformers' own words are
 * in test_t5.c. */
#include "models/seq2seq.h"
#include "models/t5.h"
#include "tests/models/rig.h"

#include <string.h>

static const char *const small[][2] = {{"vocab_size", "9"},
                                       {"d_model", "8"},
                                       {"d_kv", "3"},
                                       {"d_ff", "13"},
                                       {"num_layers", "1"},
                                       {"num_heads", "2"},
                                       {"relative_attention_num_buckets", "6"},
                                       {"relative_attention_max_distance", "9"},
                                       {"tie_word_embeddings", "false"},
                                       {"eos_token_id", "4"},
                                       {NULL, NULL}};
enum { N_SEQ = 5, N_VOCAB = 9, MOST = 12, END = 4 };
static const int lengths[N_SEQ] = {5, 12, 1, 3, 7};

static void open_small(struct rig *r, uint64_t seed)
{
    rig_random_of(r, &t5_family, small, 0.1);
    params_allocate(&r->m.params, false);
    params_init_missing(&r->m.params, seed);
    rig_batch(r, lengths, N_SEQ, 9);
}

Test(seq2seq, token_scores_are_those_of_a_naive_softmax)
{
    enum { ROWS = 3, COLS = 37 };
    float data[ROWS * COLS], nll[ROWS];
    int best[ROWS];
    static const int targets[ROWS] = {0, 36, 17};
    struct rng g = {.seed = 5};
    for (int i = 0; i < ROWS * COLS; i++)
        data[i] = 20 * rng_normal(&g, (uint64_t)i);
    data[COLS + 20] = data[COLS + 7] = 90; /* the largest of row 1, twice */
    const struct tensor logits = {.rows = ROWS, .cols = COLS, .data = data};
    seq2seq_token_scores(&logits, targets, nll, best);
    for (int i = 0; i < ROWS; i++) {
        const float *x = data + (ptrdiff_t)i * COLS;
        double sum = 0;
        int largest = 0;
        for (int k = 0; k < COLS; k++) {
            sum += exp((double)x[k] - 90);
            largest = x[k] > x[largest] ? k : largest;
        }
        double want = log(sum) + 90 - x[targets[i]];
        /* One rounding to float. */
        cr_expect_float_eq(nll[i], want, 1e-7 * fabs(want) + 1e-7, "%g not %g", nll[i], want);
        cr_expect(best[i] == largest);
    }
    cr_expect(best[1] == 7, "the smallest of equals");
    int only[ROWS];
    float alone[ROWS];
    seq2seq_token_scores(&logits, NULL, NULL, only);
    seq2seq_token_scores(&logits, targets, alone, NULL);
    cr_expect(memcmp(only, best, sizeof best) == 0 && memcmp(alone, nll, sizeof nll) == 0);
}

/* A method that acts on every projection, on keys and values of the encoder's rows most. */
static struct tensor *stretch(void *state, struct forward *f, const struct site *s,
                              struct tensor *x, struct tensor *y)
{
    (void)state;
    (void)x;
    return op_scale(f->tape, y, s->cross ? 3 : 0.9f);
}

static const struct hooks stretching = {.after = stretch};

/* The next token of one sequence after the n that were said, by a pass of its own. */
static int next_by_whole_pass(struct rig *r, const struct hooks *hooks, int s, const int *said,
                              int n)
{
    int ids[MOST + 1] = {0}, best[MOST + 1];
    memcpy(ids, said, (size_t)n * sizeof *ids);
    const int offsets[] = {0, lengths[s]}, starts[] = {0, 1}, target_offsets[] = {0, n + 1};
    const struct batch one = {.n_seq = 1,
                              .n_tok = lengths[s],
                              .offsets = offsets,
                              .input_ids = r->batch.input_ids + r->batch.offsets[s],
                              .n_target = 1,
                              .n_target_tok = n + 1,
                              .target_starts = starts,
                              .target_offsets = target_offsets,
                              .target_ids = ids};
    tape_begin(&r->tape, false, 0, 0);
    seq2seq_token_scores(model_logits(&r->m, &r->tape, &one, hooks), NULL, NULL, best);
    return best[n];
}

Test(seq2seq, decoding_is_greedy_and_ends_where_it_says)
{
    int n_ended = 0, n_cut = 0;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        struct rig rig, *r = &rig;
        int ids[N_SEQ * MOST], n_ids[N_SEQ];
        struct generated said = {MOST, ids, n_ids};
        const struct hooks *hooks = seed % 2 ? NULL : &stretching;
        open_small(r, seed);
        tape_begin(&r->tape, false, 0, 0);
        seq2seq_generate(&r->m, &r->tape, &r->batch, hooks, &said);
        for (int s = 0; s < N_SEQ; s++) {
            const int *of = ids + (ptrdiff_t)s * MOST;
            cr_assert(n_ids[s] >= 1 && n_ids[s] <= MOST);
            for (int i = 0; i < n_ids[s]; i++) {
                cr_expect(of[i] == next_by_whole_pass(r, hooks, s, of, i), "seed %d, %d, %d",
                          (int)seed, s, i);
                cr_expect(of[i] != END || i == n_ids[s] - 1);
            }
            n_ended += of[n_ids[s] - 1] == END;
            n_cut += of[n_ids[s] - 1] != END;
            cr_expect(of[n_ids[s] - 1] == END || n_ids[s] == MOST);
        }
        rig_close(r);
    }
    cr_expect(n_ended > 3 && n_cut > 3, "%d ended, %d cut: both were to be seen", n_ended, n_cut);
}

Test(seq2seq, a_dry_tape_measures_decoding_whatever_is_said)
{
    struct rig rig, *r = &rig;
    int ids[N_SEQ * MOST], n_ids[N_SEQ] = {-1};
    struct generated said = {MOST, ids, n_ids};
    open_small(r, 1);
    struct slab dry;
    struct tape tape;
    slab_init_dry(&dry);
    tape_init(&tape, &dry, (size_t)1 << 20);
    tape_begin(&tape, false, 0, 0);
    seq2seq_generate(&r->m, &tape, &r->batch, NULL, &said);
    cr_expect(n_ids[0] == -1, "nothing is said");
    size_t records = tape.records_used;
    said.max_new_tokens = 1;
    tape_begin(&tape, false, 0, 0);
    seq2seq_generate(&r->m, &tape, &r->batch, NULL, &said);
    cr_expect(tape.records_used == records, "steps leave nothing behind");

    said.max_new_tokens = MOST;
    tape_begin(&r->tape, false, 0, 0);
    seq2seq_generate(&r->m, &r->tape, &r->batch, NULL, &said);
    bool all = false;
    for (int s = 0; s < N_SEQ; s++)
        all |= n_ids[s] == MOST;
    cr_expect(all ? r->slab.peak_bytes == dry.peak_bytes : r->slab.peak_bytes <= dry.peak_bytes,
              "%zu dry, %zu real", dry.peak_bytes, r->slab.peak_bytes);
    tape_release(&tape);
    slab_release(&dry);
    rig_close(r);
}
