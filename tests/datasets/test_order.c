/* Batches: every row once, in an order that only the seed and epoch decide. */
#include "datasets/order.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <string.h>

static void expect_all_once(const struct batches *b, int n)
{
    char seen[200] = {0};
    cr_assert(b->n_rows == n && n <= 200);
    cr_expect(eq(int, b->start[0], 0));
    cr_expect(eq(int, b->start[b->n], n));
    for (int i = 0; i < n; i++) {
        cr_assert(b->rows[i] >= 0 && b->rows[i] < n);
        cr_expect(seen[b->rows[i]] == 0);
        seen[b->rows[i]] = 1;
    }
    for (int i = 0; i < b->n; i++)
        cr_expect(b->start[i] < b->start[i + 1]);
}

Test(order, an_epoch_sees_every_row_once)
{
    struct arena a = {0};
    static const int sizes[][3] = {{10, 3, 4}, {9, 3, 3}, {1, 8, 1}, {200, 64, 4}};
    for (int k = 0; k < 4; k++) {
        struct batches b = order_epoch(sizes[k][0], sizes[k][1], 5, 0, &a);
        cr_expect(eq(int, b.n, sizes[k][2]));
        expect_all_once(&b, sizes[k][0]);
        for (int i = 0; i + 1 < b.n; i++)
            cr_expect(eq(int, b.start[i + 1] - b.start[i], sizes[k][1]));
    }
    arena_release(&a);
}

Test(order, seed_and_epoch_decide)
{
    struct arena a = {0};
    struct batches first = order_epoch(100, 8, 5, 0, &a);
    struct batches again = order_epoch(100, 32, 5, 0, &a); /* the cut does not move rows */
    struct batches epoch = order_epoch(100, 8, 5, 1, &a);
    struct batches seed = order_epoch(100, 8, 6, 0, &a);
    cr_expect(memcmp(first.rows, again.rows, 100 * sizeof(int)) == 0);
    cr_expect(memcmp(first.rows, epoch.rows, 100 * sizeof(int)) != 0);
    cr_expect(memcmp(first.rows, seed.rows, 100 * sizeof(int)) != 0);
    arena_release(&a);
}

Test(order, micro_batches_keep_the_order_and_the_budget)
{
    struct arena a = {0};
    static const int rows[] = {4, 0, 3, 1, 2};
    static const int length_tok[] = {6, 5, 30, 4, 3};
    struct batches b = order_micro(rows, 5, length_tok, 10, &a);
    static const int start[] = {0, 2, 4, 5}; /* 3 + 6 | 4 + 5 | 30, too long but alone */
    cr_assert(eq(int, b.n, 3));
    for (int i = 0; i <= 3; i++)
        cr_expect(eq(int, b.start[i], start[i]));
    cr_expect(memcmp(b.rows, rows, sizeof rows) == 0);
    arena_release(&a);
}

Test(order, evaluation_goes_from_long_to_short)
{
    struct arena a = {0};
    int length_tok[50];
    for (int i = 0; i < 50; i++)
        length_tok[i] = 3 + i * 7 % 20;
    struct batches b = order_evaluation(50, length_tok, 40, &a);
    expect_all_once(&b, 50);
    for (int i = 0; i < b.n; i++) {
        int sum = 0;
        for (int j = b.start[i]; j < b.start[i + 1]; j++)
            sum += length_tok[b.rows[j]];
        cr_expect(sum <= 40);
    }
    for (int i = 1; i < 50; i++) {
        int before = length_tok[b.rows[i - 1]], now = length_tok[b.rows[i]];
        cr_expect(before > now || (before == now && b.rows[i - 1] < b.rows[i]));
    }
    struct batches none = order_evaluation(0, length_tok, 40, &a);
    cr_expect(eq(int, none.n, 0));
    arena_release(&a);
}
