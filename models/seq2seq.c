#include "models/seq2seq.h"

#include "models/tensor/vmath.h"

#include <assert.h>
#include <string.h>

static int most_likely(const float *x, int n)
{
    int best = 0;
    for (int k = 1; k < n; k++)
        if (x[k] > x[best])
            best = k;
    return best;
}

void seq2seq_token_scores(const struct tensor *logits, const int *target_ids, float *nll, int *best)
{
    for (int i = 0; i < logits->rows; i++) {
        const float *x = logits->data + (size_t)i * (size_t)logits->cols;
        if (nll) {
            assert(target_ids[i] >= 0 && target_ids[i] < logits->cols);
            nll[i] = (float)(vec_log_sum_exp(x, (size_t)logits->cols) - x[target_ids[i]]);
        }
        if (best)
            best[i] = most_likely(x, logits->cols);
    }
}

/* b with one target of n tokens for every sequence, ids[n_seq, most]. */
static struct batch spoken_batch(struct tape *t, const struct batch *b, const int *ids, int n,
                                 int most)
{
    struct batch out = *b;
    out.n_target = b->n_seq;
    out.n_target_tok = b->n_seq * n;
    int *starts = tape_ints(t, b->n_seq + 1), *offsets = tape_ints(t, b->n_seq + 1);
    int *targets = tape_ints(t, out.n_target_tok);
    for (int s = 0; s <= b->n_seq; s++) {
        starts[s] = s;
        offsets[s] = s * n;
    }
    /* The last one's place is what the decoder is to fill. */
    for (int s = 0; s < b->n_seq && !t->dry; s++)
        memcpy(targets + (size_t)s * (size_t)n, ids + (size_t)s * (size_t)most,
               (size_t)(n - 1) * sizeof *ids);
    out.target_starts = starts;
    out.target_offsets = offsets;
    out.target_ids = targets;
    return out;
}

/* The next token of every sequence that still speaks; how many go on. */
static int say_next(struct generated *out, const struct tensor *logits, int n_seq, int n, int eos)
{
    int n_speaking = 0;
    for (int s = 0; s < n_seq; s++) {
        const float *x = logits->data + (size_t)(s * n + n - 1) * (size_t)logits->cols;
        int *ids = out->ids + (size_t)s * (size_t)out->max_new_tokens;
        bool ended = out->n_ids[s] < n - 1 || (n > 1 && ids[n - 2] == eos);
        ids[n - 1] = ended ? eos : most_likely(x, logits->cols);
        if (ended)
            continue;
        out->n_ids[s] = n;
        n_speaking += ids[n - 1] != eos;
    }
    return n_speaking;
}

/* The decoder's keys and values of the encoder's rows: the same in every step. */
static void know_encoded(struct forward *f, struct tensor *encoded)
{
    const struct model *m = f->model;
    struct tensor **known = tape_tensors(f->tape, m->n_sites);
    for (int i = 0; i < m->n_sites; i++) {
        const struct site *s = &m->sites[i];
        if (s->kind != SITE_LINEAR || !s->cross || (s->role != ROLE_K && s->role != ROLE_V))
            continue;
        known[i] = forward_linear(f, s, encoded);
        known[i]->overwritable = false; /* read again */
    }
    f->cross = known;
}

void seq2seq_generate(struct model *m, struct tape *t, const struct batch *b,
                      const struct hooks *hooks, struct generated *out)
{
    assert(!t->training && out->max_new_tokens > 0 && model_says_text(m));
    int eos = (int)option_int(&m->config, "eos_token_id");
    struct forward f;
    forward_begin(&f, m, t, b, hooks);
    struct tensor *encoded = m->family->encode(&f);
    know_encoded(&f, encoded);
    struct tape_mark start = tape_mark(t);
    for (int s = 0; s < b->n_seq && !t->dry; s++)
        out->n_ids[s] = 0;
    /* All sequences are as long, those that have ended too: a step takes the same memory
     * whatever is said, which is what a dry run measures. */
    for (int n = 1; n <= out->max_new_tokens; n++) {
        struct batch spoken = spoken_batch(t, b, out->ids, n, out->max_new_tokens);
        f.batch = &spoken;
        struct tensor *logits = m->family->decode(&f, encoded);
        int n_speaking = t->dry ? b->n_seq : say_next(out, logits, b->n_seq, n, eos);
        tape_rewind(t, start);
        if (n_speaking == 0)
            break;
    }
}
