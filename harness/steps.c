#include "harness/steps.h"

#include <assert.h>
#include <limits.h>
#include <string.h>

/* Lays one epoch's rows, steps and micro-batches behind what is there. */
static void lay_epoch(struct steps *s, const struct feed *train, int epoch, int batch_size,
                      int micro_batch_tokens, uint64_t seed)
{
    struct arena scratch = {0};
    const int *costs = feed_costs(train, PACK_ANSWER, &scratch);
    struct batches steps = order_epoch(train->n, batch_size, seed, (uint32_t)epoch, &scratch);
    int at = epoch * train->n;
    memcpy(s->rows + at, steps.rows, (size_t)train->n * sizeof *s->rows);
    for (int i = 0; i < steps.n; i++) {
        const int *rows = steps.rows + steps.start[i];
        struct batches micro = order_micro(rows, steps.start[i + 1] - steps.start[i], costs,
                                           micro_batch_tokens, &scratch);
        s->step_micro[(long)epoch * steps.n + i] = s->n_micro;
        for (int j = 0; j < micro.n; j++)
            s->micro_start[s->n_micro++] = at + steps.start[i] + micro.start[j];
    }
    arena_release(&scratch);
}

static void find_largest(struct steps *s, const struct feed *train)
{
    for (long i = 0; i < s->n_micro; i++) {
        int n_tok = 0, n_seq = s->micro_start[i + 1] - s->micro_start[i];
        for (int j = s->micro_start[i]; j < s->micro_start[i + 1]; j++)
            n_tok += feed_cost(train, s->rows[j], PACK_ANSWER);
        if (n_tok > s->max_tok)
            s->max_tok = n_tok;
        if (n_seq > s->max_seq)
            s->max_seq = n_seq;
    }
    for (long i = 0; i < s->n_steps; i++)
        if (s->step_micro[i + 1] - s->step_micro[i] > s->max_micro)
            s->max_micro = s->step_micro[i + 1] - s->step_micro[i];
}

struct steps steps_lay(const struct feed *train, int n_epochs, int batch_size,
                       int micro_batch_tokens, uint64_t seed, struct arena *a)
{
    struct steps s = {.n_epochs = n_epochs,
                      .steps_per_epoch = (train->n + batch_size - 1) / batch_size};
    s.n_steps = (long)n_epochs * s.steps_per_epoch;
    size_t n_rows = (size_t)n_epochs * (size_t)train->n;
    assert(n_rows <= INT_MAX);
    s.rows = arena_array(a, n_rows, sizeof *s.rows);
    s.micro_start = arena_array(a, n_rows + 1, sizeof *s.micro_start);
    s.step_micro = arena_array(a, (size_t)s.n_steps + 1, sizeof *s.step_micro);
    for (int epoch = 0; epoch < n_epochs; epoch++)
        lay_epoch(&s, train, epoch, batch_size, micro_batch_tokens, seed);
    s.micro_start[s.n_micro] = (int)n_rows;
    s.step_micro[s.n_steps] = s.n_micro;
    find_largest(&s, train);
    return s;
}

int steps_examples(const struct steps *s, long step)
{
    return s->micro_start[s->step_micro[step + 1]] - s->micro_start[s->step_micro[step]];
}

long steps_tokens(const struct steps *s, const struct feed *train, long step)
{
    long n_tok = 0;
    for (int i = s->micro_start[s->step_micro[step]]; i < s->micro_start[s->step_micro[step + 1]];
         i++)
        n_tok += feed_cost(train, s->rows[i], PACK_ANSWER);
    return n_tok;
}

long steps_losses(const struct steps *s, const struct feed *train, long step)
{
    long n = 0;
    for (int i = s->micro_start[s->step_micro[step]]; i < s->micro_start[s->step_micro[step + 1]];
         i++)
        n += feed_n_losses(train, s->rows[i]);
    return n;
}
