#include "harness/workers.h"

#include "harness/base/clock.h"
#include "harness/phases.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { POLL_MS = 200, EXIT_STOPPED = 75 };

static const int64_t TELL_EVERY_NS = 100000000;

/* What a worker tells through its pipe; small enough to be written whole. */
struct note {
    enum { NOTE_PROGRESS, NOTE_WARNING, NOTE_DONE, NOTE_FAILED } kind;
    struct execute_progress progress;
    struct execute_summary summary;
    char text[1024];
};

/* One running process. */
struct job {
    pid_t pid; /* 0: none */
    int fd;    /* notes come from here */
    bool timed_out, done;
    struct execute_summary summary;
    char failure[1024]; /* "" unless the worker said why it failed */
};

struct pool {
    const struct workers_params *params;
    const struct cell *const *cells;
    int n_cells, next; /* cells[next] is not started yet */
    struct job *jobs;  /* [params->n_jobs] */
    struct progress_slot *slots;
    struct progress progress;
    struct workers_outcome *outcome;
    int n_running, signals_seen, signal_fd;
};

/* --- in the worker ------------------------------------------------------ */

static void send_note(int fd, const struct note *note)
{
    while (write(fd, note, sizeof *note) < 0 && errno == EINTR)
        ;
}

struct worker {
    int fd;
    int64_t told_ns;
};

static void worker_progress(void *context, const struct execute_progress *p)
{
    struct worker *w = context;
    struct note note = {.kind = NOTE_PROGRESS, .progress = *p};

    if (clock_ns() - w->told_ns < TELL_EVERY_NS)
        return;
    w->told_ns = clock_ns();
    send_note(w->fd, &note);
}

static void worker_warn(void *context, const char *text)
{
    struct note note = {.kind = NOTE_WARNING};
    snprintf(note.text, sizeof note.text, "%s", text);
    send_note(((struct worker *)context)->fd, &note);
}

/* The signals stay blocked in workers, so asking whether one waits is enough. */
static bool worker_stop(void *context)
{
    sigset_t waiting;
    (void)context;
    sigpending(&waiting);
    return sigismember(&waiting, SIGTERM) || sigismember(&waiting, SIGINT);
}

static int worker_main(const struct cell *c, const struct workers_params *p, int fd, pid_t parent)
{
    struct execute_params execute = p->execute;
    struct worker worker = {.fd = fd};
    struct note note = {.kind = NOTE_DONE};
    struct err e = {0};

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        return 1;
    execute.context = &worker;
    execute.progress = worker_progress;
    execute.warn = worker_warn;
    execute.stop = worker_stop;
    enum execute_outcome outcome = execute_cell(c, &execute, &note.summary, &e);
    if (outcome == EXECUTE_STOPPED)
        return EXIT_STOPPED;
    if (outcome == EXECUTE_FAILED) {
        note.kind = NOTE_FAILED;
        snprintf(note.text, sizeof note.text, "%s", e.text);
    }
    send_note(fd, &note);
    return outcome == EXECUTE_DONE ? 0 : 1;
}

/* --- in the parent ------------------------------------------------------ */

static int start(struct pool *pool, int slot, struct err *e)
{
    struct job *job = &pool->jobs[slot];
    const struct cell *cell = pool->cells[pool->next];
    pid_t parent = getpid();
    int ends[2];

    if (pipe(ends))
        return err_errno(e, "cannot make a pipe for a worker");
    pid_t pid = fork();
    if (pid < 0) {
        close(ends[0]);
        close(ends[1]);
        return err_errno(e, "cannot start a worker process");
    }
    if (pid == 0) {
        close(ends[0]);
        _exit(worker_main(cell, pool->params, ends[1], parent));
    }
    close(ends[1]);
    *job = (struct job){.pid = pid, .fd = ends[0]};
    pool->slots[slot] = (struct progress_slot){.cell = cell, .started_ns = clock_ns()};
    pool->next++;
    pool->n_running++;
    return 0;
}

static void take_note(struct pool *pool, int slot, const struct note *note)
{
    struct job *job = &pool->jobs[slot];
    switch (note->kind) {
    case NOTE_PROGRESS:
        pool->slots[slot].at = note->progress;
        break;
    case NOTE_WARNING:
        progress_note(&pool->progress, pool->slots[slot].cell, note->text);
        break;
    case NOTE_DONE:
        job->done = true;
        job->summary = note->summary;
        break;
    case NOTE_FAILED:
        snprintf(job->failure, sizeof job->failure, "%s", note->text);
        break;
    }
}

/* Why a worker that ended without a word did so. */
static void explain_end(char *out, size_t size, const struct job *job, int status, double timeout)
{
    if (job->timed_out)
        snprintf(out, size, "timed out after %g s; raise --timeout", timeout);
    else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        snprintf(out, size, "killed (signal 9): out of memory, or by hand; try fewer --jobs");
    else if (WIFSIGNALED(status))
        snprintf(out, size, "crashed: signal %d (%s)", WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
    else
        snprintf(out, size, "ended with status %d without a result", WEXITSTATUS(status));
}

/* A worker has ended: count it, store a failure. */
static int settle(struct pool *pool, int slot, int status, struct err *e)
{
    struct job *job = &pool->jobs[slot];
    struct progress_slot *s = &pool->slots[slot];
    const struct cell *cell = s->cell;
    double seconds = 1e-9 * (double)(clock_ns() - s->started_ns);
    bool stopped = pool->signals_seen && !job->done && !job->failure[0];

    s->cell = NULL;
    close(job->fd);
    job->pid = 0;
    pool->n_running--;
    if (stopped || (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_STOPPED))
        return 0;
    if (job->done) {
        pool->outcome->n_done++;
        progress_finished(&pool->progress, cell, seconds, job->summary.accuracy, NULL);
        if (pool->params->execute.profile)
            return phases_tell(cell, &job->summary.profile, pool->params->phases, pool->params->out,
                               e);
        return 0;
    }
    if (!job->failure[0])
        explain_end(job->failure, sizeof job->failure, job, status, pool->params->timeout_seconds);
    pool->outcome->n_failed++;
    progress_finished(&pool->progress, cell, seconds, 0, job->failure);
    return execute_store_failure(cell, &pool->params->execute, job->failure, e);
}

/* Reads what the workers said and settles those that ended. */
static int hear(struct pool *pool, struct err *e)
{
    struct pollfd fds[WORKERS_MAX + 1] = {{.fd = pool->signal_fd, .events = POLLIN}};
    int n = pool->params->n_jobs;

    for (int i = 0; i < n; i++)
        fds[i + 1] =
            (struct pollfd){.fd = pool->jobs[i].pid ? pool->jobs[i].fd : -1, .events = POLLIN};
    poll(fds, (nfds_t)n + 1, POLL_MS);
    struct signalfd_siginfo info;
    if (fds[0].revents & POLLIN && read(pool->signal_fd, &info, sizeof info) == sizeof info)
        pool->signals_seen++;
    for (int i = 0; i < n; i++) {
        struct note note;
        int status = 0;
        if (!pool->jobs[i].pid || !fds[i + 1].revents)
            continue;
        if (read(pool->jobs[i].fd, &note, sizeof note) == sizeof note) {
            take_note(pool, i, &note);
            continue;
        }
        waitpid(pool->jobs[i].pid, &status, 0); /* the pipe is closed: it is ending */
        if (settle(pool, i, status, e))
            return -1;
    }
    return 0;
}

/* Time-outs, and what a signal asks for. */
static void discipline(struct pool *pool, int *signals_passed_on)
{
    double limit = pool->params->timeout_seconds;
    for (int i = 0; i < pool->params->n_jobs; i++) {
        struct job *job = &pool->jobs[i];
        if (!job->pid)
            continue;
        double seconds = 1e-9 * (double)(clock_ns() - pool->slots[i].started_ns);
        if (limit > 0 && seconds > limit && !job->timed_out) {
            job->timed_out = true;
            kill(job->pid, SIGKILL);
        }
        if (pool->signals_seen > *signals_passed_on)
            kill(job->pid, pool->signals_seen > 1 ? SIGKILL : SIGTERM);
    }
    *signals_passed_on = pool->signals_seen;
}

static void kill_all(struct pool *pool)
{
    for (int i = 0; i < pool->params->n_jobs; i++) {
        if (!pool->jobs[i].pid)
            continue;
        kill(pool->jobs[i].pid, SIGKILL);
        waitpid(pool->jobs[i].pid, NULL, 0);
        close(pool->jobs[i].fd);
    }
}

static int conduct(struct pool *pool, struct err *e)
{
    int signals_passed_on = 0;
    for (;;) {
        for (int i = 0; i < pool->params->n_jobs; i++)
            if (!pool->jobs[i].pid && pool->next < pool->n_cells && !pool->signals_seen &&
                start(pool, i, e))
                return -1;
        if (pool->n_running == 0)
            return 0;
        if (hear(pool, e))
            return -1;
        discipline(pool, &signals_passed_on);
        progress_draw(&pool->progress, pool->slots);
    }
}

int workers_run(const struct cell *const *cells, int n, const struct workers_params *p,
                struct workers_outcome *outcome, struct err *e)
{
    struct arena a = {0};
    struct pool pool = {.params = p, .cells = cells, .n_cells = n, .outcome = outcome};
    sigset_t signals, before;

    assert(p->n_jobs >= 1 && p->n_jobs <= WORKERS_MAX);
    memset(outcome, 0, sizeof *outcome);
    pool.jobs = arena_array(&a, (size_t)p->n_jobs, sizeof *pool.jobs);
    pool.slots = arena_array(&a, (size_t)p->n_jobs, sizeof *pool.slots);
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, &before);
    pool.signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    progress_init(&pool.progress, p->out, p->execute.state_dir, cells, n, p->n_jobs);
    int failed = conduct(&pool, e);
    kill_all(&pool);
    progress_end(&pool.progress);
    close(pool.signal_fd);
    sigprocmask(SIG_SETMASK, &before, NULL);
    outcome->stopped = pool.signals_seen > 0;
    outcome->n_left = n - outcome->n_done - outcome->n_failed;
    arena_release(&a);
    return failed;
}
