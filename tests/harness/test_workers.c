/* Cells as processes: one that crashes, hangs or is killed becomes a stored failure while the
 * others go on; signals stop a matrix and leave it to be taken up again. */
#include "tests/harness/scene.h"

#include <signal.h>
#include <time.h>

static FILE *out; /* what workers_run tells */

static const char *told(struct scene *s)
{
    char *text = arena_alloc(&s->arena, 8192);
    rewind(out);
    text[fread(text, 1, 8191, out)] = '\0';
    return text;
}

/* Runs the cells on n_jobs processes; nothing may go wrong in the parent. */
static struct workers_outcome run(struct scene *s, const struct cell *const *cells, int n,
                                  int n_jobs, double timeout)
{
    struct workers_params p = {.execute = s->execute, .n_jobs = n_jobs, .timeout_seconds = timeout};
    struct workers_outcome o;
    out = p.out = tmpfile();
    cr_assert(out != NULL);
    cr_assert(workers_run(cells, n, &p, &o, &s->e) == 0, "%s", s->e.text);
    return o;
}

static void nap(long milliseconds)
{
    struct timespec t = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    nanosleep(&t, NULL);
}

static int declare_abort(struct model *m, struct err *e)
{
    (void)m, (void)e;
    abort();
}

static int declare_exit(struct model *m, struct err *e)
{
    (void)m, (void)e;
    _exit(7);
}

static int declare_killed(struct model *m, struct err *e)
{
    (void)m, (void)e;
    return raise(SIGKILL);
}

static int declare_hang(struct model *m, struct err *e)
{
    (void)m, (void)e;
    nap(1000000);
    return -1;
}

static int declare_fail(struct model *m, struct err *e)
{
    (void)m;
    return err_set(e, "planted: it will not be declared");
}

/* A sound cell after a bad one, on one process: the bad one is stored with this message, the
 * sound one is done. */
static void bad_then_good(int (*declare)(struct model *, struct err *), double timeout,
                          const char *message)
{
    struct scene s;
    scene_open(&s, "mini-bert-xs", "bitfit, head", "  num_train_epochs: 1\n");
    const struct cell *cells[] = {scene_saboteur(&s, 0, declare), &s.plan.cells[1]};
    struct workers_outcome o = run(&s, cells, 2, 1, timeout);
    cr_expect(o.n_done == 1 && o.n_failed == 1 && o.n_left == 0 && !o.stopped,
              "%d done, %d failed: %s", o.n_done, o.n_failed, told(&s));
    cr_expect(eq(str, (char *)scene_status(&s, cells[0]), "failed"));
    cr_expect(eq(str, (char *)scene_message(&s, cells[0]), (char *)message));
    cr_expect(eq(str, (char *)scene_status(&s, cells[1]), "done"));
    cr_expect(says(told(&s), "[1/2]") && says(told(&s), message), "%s", told(&s));
    scene_close(&s);
}

Test(workers, a_crash_is_a_stored_failure)
{
    bad_then_good(declare_abort, 0, "crashed: signal 6 (Aborted)");
}

Test(workers, an_early_exit_is_a_stored_failure)
{
    bad_then_good(declare_exit, 0, "ended with status 7 without a result");
}

Test(workers, a_kill_is_a_stored_failure)
{
    bad_then_good(declare_killed, 0,
                  "killed (signal 9): out of memory, or by hand; try fewer --jobs");
}

Test(workers, an_error_is_a_stored_failure)
{
    bad_then_good(declare_fail, 0, "planted: it will not be declared");
}

Test(workers, a_time_out_is_a_stored_failure)
{
    struct scene s;
    scene_open(&s, "mini-bert-xs", "bitfit", "");
    const struct cell *cells[] = {scene_saboteur(&s, 0, declare_hang)};
    struct workers_outcome o = run(&s, cells, 1, 1, 0.5);
    cr_expect(o.n_failed == 1 && !o.stopped);
    cr_expect(
        eq(str, (char *)scene_message(&s, cells[0]), "timed out after 0.5 s; raise --timeout"));
    scene_close(&s);
}

static const char *watched_db; /* set before the fork */

/* Fails once two other cells are stored; for a minute it waits for them. */
static int declare_after_two(struct model *m, struct err *e)
{
    (void)m;
    for (int i = 0; i < 600; i++) {
        struct err ignored = {0};
        struct query q = {0};
        struct store *store =
            file_exists(watched_db) ? store_open(watched_db, STORE_READ, &ignored) : NULL;
        bool both = store && query_open(&q, store, "SELECT count(*) FROM run", &ignored) == 0 &&
                    query_next(&q, &ignored) == 1 && query_int(&q, 0) == 2;
        query_close(&q);
        store_close(store);
        if (both)
            return err_set(e, "planted: two others are done");
        nap(100);
    }
    return err_set(e, "nobody went on");
}

/* Two processes: the second works off the rest while the first hangs. */
Test(workers, others_go_on_beside_one_that_hangs)
{
    struct scene s;
    scene_open(&s, "mini-bert-xs", "bitfit, head, full", "  num_train_epochs: 1\n");
    watched_db = s.execute.db;
    const struct cell *cells[] = {scene_saboteur(&s, 0, declare_after_two), &s.plan.cells[1],
                                  &s.plan.cells[2]};
    struct workers_outcome o = run(&s, cells, 3, 2, 0);
    cr_expect(o.n_done == 2 && o.n_failed == 1, "%s", told(&s));
    cr_expect(says(told(&s), "[3/3]") && says(told(&s), "planted: two others are done"), "%s",
              told(&s));
    scene_close(&s);
}

Test(workers, a_model_that_vanished_is_a_stored_failure)
{
    struct scene s;
    const char *copy = "cp -r tests/golden/methods/base /tmp/ftbench_gone_model";
    cr_assert(system("rm -rf /tmp/ftbench_gone_model") == 0 && system(copy) == 0);
    scene_open(&s, "/tmp/ftbench_gone_model, mini-bert-xs", "head", "  num_train_epochs: 1\n");
    cr_assert(system("rm -rf /tmp/ftbench_gone_model") == 0);
    const struct cell *cells[] = {&s.plan.cells[0], &s.plan.cells[1]};
    struct workers_outcome o = run(&s, cells, 2, 2, 0);
    cr_expect(o.n_done == 1 && o.n_failed == 1, "%s", told(&s));
    cr_expect(says(scene_message(&s, cells[0]), "/tmp/ftbench_gone_model"), "%s",
              scene_message(&s, cells[0]));
    scene_close(&s);
}

/* --- memory and cores ---------------------------------------------------------- */

/* A cell of its own, of which the plan says that it needs so much, and long enough for threads. */
static const struct cell *needing(struct scene *s, int i, size_t mib)
{
    struct cell *c = arena_alloc(&s->arena, sizeof *c);
    *c = s->plan.cells[i];
    c->est_memory_bytes = mib << 20;
    c->est_seconds = 60;
    return c;
}

static const char *threads_of(struct scene *s, const struct cell *c)
{
    return scene_ask(s,
                     "SELECT value FROM environment JOIN run USING (environment_id) JOIN cell ON "
                     "cell.id = run.cell WHERE key = 'threads' AND cell_id = ?1",
                     c->id);
}

static struct workers_outcome run_within(struct scene *s, const struct cell *const *cells, int n,
                                         size_t mib)
{
    struct workers_params p = {
        .execute = s->execute, .n_jobs = 3, .n_cores = 4, .memory_bytes = mib << 20};
    struct workers_outcome o;
    out = p.out = tmpfile();
    cr_assert(workers_run(cells, n, &p, &o, &s->e) == 0, "%s", s->e.text);
    return o;
}

/* Threads tell who starts beside whom: four cores, three jobs. Of 100 MiB the first two take 90, so
 * each gets two; the third waits for one of them or both; the last needs more than there is, waits
 * for all, is warned of and has all cores. */
Test(workers, cells_start_when_memory_admits_them)
{
    static const size_t mib[] = {50, 40, 30, 500};
    struct scene s;
    scene_open(&s, "mini-bert-xs", "bitfit, head, lora, full", "  num_train_epochs: 1\n");
    const struct cell *cells[4];
    for (int i = 0; i < 4; i++)
        cells[i] = needing(&s, i, mib[i]);
    struct workers_outcome o = run_within(&s, cells, 4, 100);
    cr_expect(o.n_done == 4, "%s", told(&s));
    cr_expect(eq(str, (char *)threads_of(&s, cells[0]), "2"));
    cr_expect(eq(str, (char *)threads_of(&s, cells[1]), "2"));
    cr_expect(ne(str, (char *)threads_of(&s, cells[2]), "1"));
    cr_expect(eq(str, (char *)threads_of(&s, cells[3]), "4"));
    cr_expect(says(told(&s), "needs an estimated 500 MiB of the 100 MiB there are"), "%s",
              told(&s));
    scene_close(&s);
}

Test(workers, without_a_limit_jobs_alone_decide)
{
    struct scene s;
    scene_open(&s, "mini-bert-xs", "bitfit, head, lora", "  num_train_epochs: 1\n");
    const struct cell *cells[] = {needing(&s, 0, 5000), needing(&s, 1, 5000), needing(&s, 2, 5000)};
    struct workers_outcome o = run_within(&s, cells, 3, 0);
    cr_expect(o.n_done == 3, "%s", told(&s));
    for (int i = 0; i < 3; i++) /* four cores among three: the last to start gets what is left */
        cr_expect(eq(str, (char *)threads_of(&s, cells[i]), i < 2 ? "1" : "2"), "cell %d", i);
    scene_close(&s);
}

Test(workers, a_short_cell_gets_one_thread)
{
    struct scene s;
    scene_open(&s, "mini-bert-xs", "head", "  num_train_epochs: 1\n");
    struct cell brief = *needing(&s, 0, 1);
    brief.est_seconds = 0.1;
    const struct cell *cells[] = {&brief};
    cr_expect(run_within(&s, cells, 1, 0).n_done == 1, "%s", told(&s));
    cr_expect(eq(str, (char *)threads_of(&s, cells[0]), "1"));
    scene_close(&s);
}

/* --- signals ---------------------------------------------------------------- */

/* The worker asks its parent to stop, waits until that has come back to it, and trains on:
 * it must stop after its first update. */
static int declare_stopping(struct model *m, struct err *e)
{
    sigset_t waiting;
    kill(getppid(), SIGTERM);
    do {
        nap(10);
        sigpending(&waiting);
    } while (!sigismember(&waiting, SIGTERM));
    return bert_family.declare(m, e);
}

Test(workers, a_signal_stops_after_the_update_with_a_snapshot)
{
    struct scene s;
    scene_open(&s, "mini-bert-xs", "bitfit, head", "");
    const struct cell *cells[] = {scene_saboteur(&s, 0, declare_stopping), &s.plan.cells[1]};
    struct workers_outcome o = run(&s, cells, 2, 1, 0);
    cr_expect(o.stopped && o.n_done == 0 && o.n_failed == 0 && o.n_left == 2, "%s", told(&s));
    cr_expect(
        file_exists(arena_printf(&s.arena, "%s/%s.snapshot", s.execute.state_dir, cells[0]->id)));
    cr_expect(file_exists(s.execute.db) == false, "something was stored");
    const struct cell *again[] = {&s.plan.cells[0], &s.plan.cells[1]};
    o = run(&s, again, 2, 1, 0);
    cr_expect(o.n_done == 2 && !o.stopped, "%s", told(&s));
    const char *resumed = scene_ask(&s, "SELECT sum(resumed) FROM run", NULL);
    cr_expect(eq(str, (char *)resumed, "1"));
    scene_close(&s);
}

static int declare_stopping_twice(struct model *m, struct err *e)
{
    kill(getppid(), SIGTERM);
    nap(600); /* so that the parent sees two */
    kill(getppid(), SIGINT);
    return declare_hang(m, e);
}

Test(workers, a_second_signal_kills)
{
    struct scene s;
    scene_open(&s, "mini-bert-xs", "bitfit, head", "");
    const struct cell *cells[] = {scene_saboteur(&s, 0, declare_stopping_twice), &s.plan.cells[1]};
    struct workers_outcome o = run(&s, cells, 2, 1, 0);
    cr_expect(o.stopped && o.n_done == 0 && o.n_failed == 0 && o.n_left == 2, "%s", told(&s));
    cr_expect(file_exists(s.execute.db) == false, "something was stored");
    scene_close(&s);
}

Test(workers, signals_reach_the_program_again_afterwards)
{
    struct scene s;
    sigset_t before, after;
    sigprocmask(SIG_BLOCK, NULL, &before);
    scene_open(&s, "mini-bert-xs", "\"null\"", "");
    const struct cell *cells[] = {&s.plan.cells[0]};
    run(&s, cells, 1, 1, 0);
    sigprocmask(SIG_BLOCK, NULL, &after);
    cr_expect(sigismember(&after, SIGTERM) == sigismember(&before, SIGTERM));
    cr_expect(sigismember(&after, SIGINT) == sigismember(&before, SIGINT));
    scene_close(&s);
}

/* --- the parent's own troubles ------------------------------------------------ */

Test(workers, results_that_cannot_be_stored_end_the_matrix)
{
    struct scene s;
    scene_open(&s, "mini-bert-xs", "bitfit, head", "  num_train_epochs: 1\n");
    s.execute.db = arena_printf(&s.arena, "%s/none/r.db", s.folder);
    const struct cell *cells[] = {&s.plan.cells[0], &s.plan.cells[1]};
    struct workers_params p = {.execute = s.execute, .n_jobs = 1};
    struct workers_outcome o;
    p.out = tmpfile();
    cr_assert(workers_run(cells, 2, &p, &o, &s.e) == -1);
    cr_expect(says(s.e.text, "none/r.db"), "%s", s.e.text);
    cr_expect(o.n_done == 0 && o.n_left <= 1);
    scene_close(&s);
}

Test(workers, no_cells_are_no_work)
{
    struct scene s;
    scene_open(&s, "mini-bert-xs", "head", "");
    struct workers_outcome o = run(&s, NULL, 0, 2, 0);
    cr_expect(o.n_done == 0 && o.n_left == 0 && !o.stopped);
    scene_close(&s);
}
