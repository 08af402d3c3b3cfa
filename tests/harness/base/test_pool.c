#include "harness/base/pool.h"

#include "harness/base/clock.h"

#include <criterion/criterion.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct count {
    long n, piece;
    int n_threads;
    atomic_int *times;        /* [n] each place was done */
    atomic_int wrong_pieces;  /* that were not what was asked for */
    atomic_int by_thread[64]; /* pieces */
};

static void count_places(void *state, long first, long end, int thread)
{
    struct count *c = state;
    bool whole = first == 0 && end == c->n;
    if (!whole && (first % c->piece || end != (first + c->piece < c->n ? first + c->piece : c->n)))
        c->wrong_pieces++;
    if (thread < 0 || thread >= c->n_threads)
        c->wrong_pieces++;
    else
        c->by_thread[thread]++;
    for (long i = first; i < end; i++)
        c->times[i]++;
}

static void check_loop(struct pool *p, long n, long piece)
{
    struct count c = {.n = n, .piece = piece, .n_threads = pool_threads(p)};
    c.times = calloc((size_t)n + 1, sizeof *c.times);
    pool_run(p, n, piece, count_places, &c);
    cr_assert_eq(c.wrong_pieces, 0);
    for (long i = 0; i < n; i++)
        cr_assert_eq(c.times[i], 1, "place %ld of %ld in pieces of %ld", i, n, piece);
    free(c.times);
}

Test(pool, every_place_is_done_once)
{
    for (int n_threads = 1; n_threads <= 5; n_threads++) {
        struct pool *p = pool_new(n_threads);
        cr_assert_eq(pool_threads(p), n_threads);
        for (long n = 0; n < 40; n++)
            for (long piece = 1; piece < 9; piece++)
                check_loop(p, n, piece);
        check_loop(p, 100000, 7);
        pool_free(p);
    }
}

Test(pool, one_thread_is_no_pool)
{
    cr_assert_null(pool_new(1));
    cr_assert_eq(pool_threads(NULL), 1);
    pool_free(NULL);
}

/* Loops shorter than a wake-up, so that threads come late to most of them; the totals tell
 * when one did a piece of a loop that was over. */
static void add_piece(void *state, long first, long end, int thread)
{
    (void)thread;
    atomic_fetch_add((atomic_long *)state, (end - first) * (first + end - 1) / 2);
}

Test(pool, late_threads_never_touch_the_next_loop)
{
    struct pool *p = pool_new(4);
    for (long round = 0; round < 20000; round++) {
        atomic_long sum = 0;
        long n = 2 + round % 50;
        pool_run(p, n, 1 + round % 3, add_piece, &sum);
        cr_assert_eq(sum, n * (n - 1) / 2, "round %ld", round);
    }
    pool_free(p);
}

static void slow_piece(void *state, long first, long end, int thread)
{
    (void)first, (void)end;
    ((atomic_int *)state)[thread]++;
    nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
}

Test(pool, threads_that_slept_wake_and_share)
{
    struct pool *p = pool_new(3);
    for (int round = 0; round < 3; round++) {
        atomic_int by_thread[3] = {0};
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL); /* long enough to fall asleep */
        pool_run(p, 30, 1, slow_piece, by_thread);
        cr_assert_eq(by_thread[0] + by_thread[1] + by_thread[2], 30);
        for (int i = 0; i < 3; i++)
            cr_assert_gt(by_thread[i], 0, "thread %d slept through 30 slow pieces", i);
    }
    pool_free(p);
}
