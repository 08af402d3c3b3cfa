#include "datasets/order.h"

#include "harness/base/rng.h"

#include <assert.h>
#include <stdlib.h>

static struct batches batches_for(int n_rows, int n_max, struct arena *a)
{
    struct batches b = {.n_rows = n_rows};
    b.rows = arena_array(a, (size_t)n_rows, sizeof *b.rows);
    b.start = arena_array(a, (size_t)n_max + 1, sizeof *b.start);
    return b;
}

/* Fills b->start for b->rows: each batch as many rows as fit, one at least. */
static void cut_by_tokens(struct batches *b, const int *length_tok, int max_tokens)
{
    int64_t used = 0;
    b->n = 0;
    for (int i = 0; i < b->n_rows; i++) {
        int length = length_tok[b->rows[i]];
        if (i == 0 || used + length > max_tokens) {
            b->start[b->n++] = i;
            used = 0;
        }
        used += length;
    }
    b->start[b->n] = b->n_rows;
}

struct batches order_epoch(int n_rows, int batch_size, uint64_t seed, uint32_t epoch,
                           struct arena *a)
{
    assert(n_rows >= 0 && batch_size > 0);
    int n = (n_rows + batch_size - 1) / batch_size;
    struct batches b = batches_for(n_rows, n, a);
    struct rng r = {seed, RNG_ORDER, epoch, 0};
    rng_permutation(&r, b.rows, n_rows);
    b.n = n;
    for (int i = 0; i <= n; i++)
        b.start[i] = i < n ? i * batch_size : n_rows;
    return b;
}

struct batches order_micro(const int *rows, int n, const int *length_tok, int max_tokens,
                           struct arena *a)
{
    struct batches b = batches_for(n, n, a);
    for (int i = 0; i < n; i++)
        b.rows[i] = rows[i];
    cut_by_tokens(&b, length_tok, max_tokens);
    return b;
}

struct sized {
    int row, length;
};

static int by_falling_length(const void *x, const void *y)
{
    const struct sized *a = x, *b = y;
    if (a->length != b->length)
        return a->length > b->length ? -1 : 1;
    return a->row < b->row ? -1 : a->row > b->row;
}

struct batches order_evaluation(int n_rows, const int *length_tok, int max_tokens, struct arena *a)
{
    struct batches b = batches_for(n_rows, n_rows, a);
    struct sized *sized = arena_array(a, (size_t)n_rows, sizeof *sized);
    for (int i = 0; i < n_rows; i++)
        sized[i] = (struct sized){i, length_tok[i]};
    qsort(sized, (size_t)n_rows, sizeof *sized, by_falling_length);
    for (int i = 0; i < n_rows; i++)
        b.rows[i] = sized[i].row;
    cut_by_tokens(&b, length_tok, max_tokens);
    return b;
}
