/*
 * pool: threads that share the pieces of one loop.
 *
 * pool_run cuts 0 .. n into pieces and lets all threads take one after another. Which thread
 * does a piece is left to chance, so what a piece computes must depend on the piece alone; then
 * the bits are the same with any number of threads. A sum is cut where its terms do not meet
 * (columns, heads), or into parts that depend on n only and are added in order afterwards.
 *
 * A NULL pool is the calling thread alone and costs nothing. Threads do not survive a fork:
 * a pool belongs to the process that made it. One loop at a time; a piece may not start another.
 */
#ifndef FT_HARNESS_BASE_POOL_H
#define FT_HARNESS_BASE_POOL_H

struct pool;

enum { POOL_THREADS_MAX = 64 };

/* n_threads in all, the caller's own among them: 1 to POOL_THREADS_MAX. NULL for 1, and where
 * the machine gives no more threads. */
struct pool *pool_new(int n_threads);
void pool_free(struct pool *p);

/* Threads in all. */
int pool_threads(const struct pool *p);

/* Does first .. end; thread, from 0 to pool_threads - 1, tells whose scratch to use. */
typedef void pool_function(void *state, long first, long end, int thread);

/* All of 0 .. n, in pieces of `piece` (the last may be shorter); returns when all is done. The
 * caller's thread alone does a loop of one piece, at once. */
void pool_run(struct pool *p, long n, long piece, pool_function *work, void *state);

#endif
