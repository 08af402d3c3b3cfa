#include "models/tensor/rows.h"

#include "models/tensor/lanes.h"

#include <stddef.h>
#include <string.h>

struct column_sums {
    float *sum;
    const float *x;
    int rows, cols;
    float beta;
};

static void sum_columns(void *state, long first, long end, int thread)
{
    const struct column_sums *s = state;
    float *restrict sum = s->sum + first;
    const float *restrict x = s->x + first;
    size_t n = (size_t)(end - first), stride = (size_t)s->cols;
    (void)thread;
    if (s->beta == 0)
        memset(sum, 0, n * sizeof *sum);
    int i = 0;
    for (; i + 4 <= s->rows; i += 4) { /* four rows a turn: a quarter of the traffic on sum */
        const float *a = x + (size_t)i * stride, *b = a + stride, *c = b + stride, *d = c + stride;
        for (size_t k = 0; k < n; k++)
            sum[k] += (a[k] + b[k]) + (c[k] + d[k]);
    }
    for (; i < s->rows; i++)
        for (size_t k = 0; k < n; k++)
            sum[k] += x[(size_t)i * stride + k];
}

void rows_sum(struct pool *pool, float *sum, const float *x, int rows, int cols, float beta)
{
    struct column_sums s = {sum, x, rows, cols, beta};
    pool_run(pool, cols, COLUMNS_PIECE, sum_columns, &s);
}

void rows_add(float *restrict y, const float *restrict x, long n, float factor, float beta)
{
    if (beta == 0)
        for (long i = 0; i < n; i++)
            y[i] = factor * x[i];
    else
        for (long i = 0; i < n; i++)
            y[i] += factor * x[i];
}

struct addition {
    float *y;
    const float *x;
    float factor, beta;
};

static void add_part(void *state, long first, long end, int thread)
{
    const struct addition *s = state;
    (void)thread;
    rows_add(s->y + first, s->x + first, end - first, s->factor, s->beta);
}

void rows_add_shared(struct pool *pool, float *y, const float *x, long n, float factor, float beta)
{
    struct addition s = {y, x, factor, beta};
    pool_run(pool, n, VALUES_PIECE, add_part, &s);
}

/* Four rounds of interleaving row i with row i + 8 transpose 16 x 16. */
LANES_INLINE void interleave(lanes to[N_LANES], const lanes from[N_LANES])
{
    for (int i = 0; i < N_LANES / 2; i++) {
        lanes a = from[i], b = from[i + N_LANES / 2];
        to[2 * i] =
            __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
        to[2 * i + 1] = __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29,
                                                14, 30, 15, 31);
    }
}

void rows_transpose(float *y, const float *x, int rows, int cols, int x_stride, int stride)
{
    lanes a[N_LANES], b[N_LANES];
    for (int i = 0; i < rows; i += N_LANES)
        for (int k = 0; k < cols; k += N_LANES) {
            int n_k = cols - k < N_LANES ? cols - k : N_LANES;
            for (int r = 0; r < N_LANES; r++) {
                const float *from = x + (size_t)(i + r) * (size_t)x_stride + k;
                a[r] = lanes_of(0);
                if (i + r < rows)
                    a[r] =
                        n_k == N_LANES ? lanes_load(from) : lanes_load_part(from, (size_t)n_k, 0);
            }
            interleave(b, a);
            interleave(a, b);
            interleave(b, a);
            interleave(a, b);
            for (int r = 0; r < n_k; r++)
                lanes_store(y + (size_t)(k + r) * (size_t)stride + i, a[r]);
        }
}
