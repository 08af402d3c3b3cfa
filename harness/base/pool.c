#include "harness/base/pool.h"

#include "harness/base/arena.h"
#include "harness/base/clock.h"

#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

/* How long a thread looks for the next loop before it sleeps: loops follow each other within
 * microseconds, and waking a thread takes tens of them. */
static const int64_t LOOK_NS = 100000;

/* The place is the loop's number and its next piece in one word, so that a thread that comes
 * late cannot take a piece of another loop. Between loops the piece is NONE_LEFT; only then the
 * loop's description changes. */
#define NONE_LEFT UINT64_C(0xffffffff)
enum { LOOP_SHIFT = 32 };

struct pool {
    int n_threads, n_made;
    struct pool_thread {
        struct pool *pool;
        pthread_t id;
        int number;
    } * threads; /* [n_threads - 1] */

    _Atomic uint64_t place;
    _Atomic long n_pieces, n_done; /* of this loop */
    _Atomic long n, piece;
    _Atomic(pool_function *) work;
    _Atomic(void *) state;

    atomic_int n_asleep;
    atomic_bool ending;
    pthread_mutex_t lock; /* of sleep */
    pthread_cond_t awake;
};

static void relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

/* Takes pieces of the loop under way until none is left. */
static void share(struct pool *p, int thread)
{
    uint64_t place = atomic_load(&p->place);
    while ((place & NONE_LEFT) != NONE_LEFT) {
        long k = (long)(place & NONE_LEFT), n = p->n, piece = p->piece;
        pool_function *work = p->work;
        void *state = p->state;
        if (k >= p->n_pieces)
            return;
        if (!atomic_compare_exchange_weak(&p->place, &place, place + 1))
            continue; /* place is what it is now */
        long first = k * piece, end = n - first < piece ? n : first + piece;
        work(state, first, end, thread);
        atomic_fetch_add(&p->n_done, 1);
        place = atomic_load(&p->place);
    }
}

/* Until there is another loop than the one numbered seen. */
static uint64_t wait_for_loop(struct pool *p, uint64_t seen)
{
    uint64_t loop;
    int64_t until = clock_ns() + LOOK_NS;
    for (int i = 0; (loop = atomic_load(&p->place) >> LOOP_SHIFT) == seen; i++) {
        if (atomic_load(&p->ending))
            return loop;
        relax();
        if (i % 64 != 63 || clock_ns() < until)
            continue;
        pthread_mutex_lock(&p->lock);
        atomic_fetch_add(&p->n_asleep, 1);
        while (atomic_load(&p->place) >> LOOP_SHIFT == seen && !atomic_load(&p->ending))
            pthread_cond_wait(&p->awake, &p->lock);
        atomic_fetch_sub(&p->n_asleep, 1);
        pthread_mutex_unlock(&p->lock);
    }
    return loop;
}

static void *thread_main(void *argument)
{
    struct pool_thread *t = argument;
    for (uint64_t seen = 0; !atomic_load(&t->pool->ending);) {
        seen = wait_for_loop(t->pool, seen);
        share(t->pool, t->number);
    }
    return NULL;
}

static void wake(struct pool *p)
{
    if (atomic_load(&p->n_asleep) == 0)
        return;
    pthread_mutex_lock(&p->lock);
    pthread_cond_broadcast(&p->awake);
    pthread_mutex_unlock(&p->lock);
}

struct pool *pool_new(int n_threads)
{
    assert(n_threads >= 1 && n_threads <= POOL_THREADS_MAX);
    if (n_threads == 1)
        return NULL;
    struct pool *p = xmalloc(sizeof *p);
    *p = (struct pool){.n_threads = n_threads};
    atomic_store(&p->place, NONE_LEFT);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->awake, NULL);
    p->threads = xmalloc((size_t)(n_threads - 1) * sizeof *p->threads);
    sigset_t all, before; /* signals are for the thread that made the pool */
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    for (int i = 0; i < n_threads - 1; i++) {
        p->threads[i] = (struct pool_thread){.pool = p, .number = i + 1};
        if (pthread_create(&p->threads[i].id, NULL, thread_main, &p->threads[i]) != 0)
            break;
        p->n_made++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    p->n_threads = p->n_made + 1;
    if (p->n_made)
        return p;
    pool_free(p);
    return NULL;
}

void pool_free(struct pool *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    atomic_store(&p->ending, true);
    pthread_cond_broadcast(&p->awake);
    pthread_mutex_unlock(&p->lock);
    for (int i = 0; i < p->n_made; i++)
        pthread_join(p->threads[i].id, NULL);
    pthread_cond_destroy(&p->awake);
    pthread_mutex_destroy(&p->lock);
    free(p->threads);
    free(p);
}

int pool_threads(const struct pool *p)
{
    return p ? p->n_threads : 1;
}

void pool_run(struct pool *p, long n, long piece, pool_function *work, void *state)
{
    assert(n >= 0 && piece > 0);
    if (!p || n <= piece) {
        if (n > 0)
            work(state, 0, n, 0);
        return;
    }
    long n_pieces = (n + piece - 1) / piece;
    assert(n_pieces < (long)NONE_LEFT - POOL_THREADS_MAX);
    p->n = n;
    p->piece = piece;
    p->work = work;
    p->state = state;
    p->n_pieces = n_pieces;
    p->n_done = 0;
    uint64_t loop = ((atomic_load(&p->place) >> LOOP_SHIFT) + 1) & NONE_LEFT;
    atomic_store(&p->place, loop << LOOP_SHIFT);
    wake(p);
    share(p, 0);
    for (int i = 0; atomic_load(&p->n_done) < n_pieces; i++) /* others are at their last piece */
        if (i < 1000)
            relax();
        else
            sched_yield();
    atomic_store(&p->place, loop << LOOP_SHIFT | NONE_LEFT);
}
