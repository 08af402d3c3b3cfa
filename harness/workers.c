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

/* The parent hears nobody while it loads: it leaves what takes longer to each cell. */
static const double stock_seconds = 0.3;

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
    int n_threads;
    struct execute_summary summary;
    char failure[1024]; /* "" unless the worker said why it failed */
};

struct crew {
    const struct workers_params *params;
    const struct cell *const *cells;
    int n_cells, next; /* cells[next] is not started yet */
    struct job *jobs;  /* [params->n_jobs] */
    struct progress_slot *slots;
    struct progress progress;
    struct workers_outcome *outcome;
    int n_running, signals_seen, signal_fd;
    struct environment environment;
    struct material stock;
    const struct cell *stocked_for; /* NULL: nothing is in stock */
    const struct cell *proved;      /* was done, and took little time to load */
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

static int worker_main(const struct cell *c, const struct execute_params *p, int fd, pid_t parent)
{
    struct execute_params execute = *p;
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

/* Whether c may start beside cells that need used_bytes. */
static bool fits(const struct crew *crew, const struct cell *c, size_t used_bytes)
{
    size_t limit = crew->params->memory_bytes;
    return limit == 0 || used_bytes == 0 ||
           (used_bytes < limit && c->est_memory_bytes <= limit - used_bytes);
}

/* What the cells at work need. */
static size_t used_bytes(const struct crew *crew)
{
    size_t n = 0;
    for (int i = 0; i < crew->params->n_jobs; i++)
        if (crew->jobs[i].pid)
            n += crew->slots[i].cell->est_memory_bytes;
    return n;
}

/* Estimated seconds below which a cell's products are too small, or too few, for threads to pay:
 * 1,000 cells of method null take 4.6 s with one thread each and 14.6 s with two. */
#define SHORT_CELL_SECONDS 1.0

/* Threads of the next cell: the free cores, divided among it and those that will start
 * beside it. */
static int choose_threads(const struct crew *crew)
{
    const struct workers_params *p = crew->params;
    int n_free = p->n_cores, n_starting = 0;
    size_t used = used_bytes(crew);

    if (p->n_threads)
        return p->n_threads;
    if (crew->cells[crew->next]->est_seconds < SHORT_CELL_SECONDS)
        return 1;
    for (int i = 0; i < p->n_jobs; i++)
        n_free -= crew->jobs[i].pid ? crew->jobs[i].n_threads : 0;
    for (int i = crew->next; i < crew->n_cells && crew->n_running + n_starting < p->n_jobs; i++) {
        if (!fits(crew, crew->cells[i], used))
            break;
        used += crew->cells[i]->est_memory_bytes;
        n_starting++;
    }
    int n = n_starting ? n_free / n_starting : n_free;
    return n < 1 ? 1 : n > POOL_THREADS_MAX ? POOL_THREADS_MAX : n;
}

static void warn_if_too_large(struct crew *crew, const struct cell *c)
{
    char text[256];
    if (!crew->params->memory_bytes || c->est_memory_bytes <= crew->params->memory_bytes)
        return;
    snprintf(text, sizeof text,
             "needs an estimated %zu MiB of the %zu MiB there are: runs alone and may be killed",
             c->est_memory_bytes >> 20, crew->params->memory_bytes >> 20);
    progress_note(&crew->progress, c, text);
}

/* What the cell is made from, if the parent has it or may load it: another cell has shown that
 * loading goes well. Its processes then share one copy. */
static const struct material *take_stock(struct crew *crew, const struct cell *c)
{
    struct asset_flags flags = {.offline = crew->params->execute.offline};
    struct err ignored = {0}; /* the cell will see for itself */

    if (crew->stocked_for && material_serves(crew->stocked_for, c))
        return &crew->stock;
    if (!crew->proved || !material_serves(crew->proved, c))
        return NULL;
    material_release(&crew->stock);
    crew->proved = NULL;
    crew->stocked_for = material_load(&crew->stock, c, &flags, &ignored) == 0 ? c : NULL;
    return crew->stocked_for ? &crew->stock : NULL;
}

static int start(struct crew *crew, int slot, struct err *e)
{
    struct job *job = &crew->jobs[slot];
    const struct cell *cell = crew->cells[crew->next];
    struct execute_params execute = crew->params->execute;
    pid_t parent = getpid();
    int ends[2];

    if (pipe(ends))
        return err_errno(e, "cannot make a pipe for a worker");
    warn_if_too_large(crew, cell);
    execute.n_threads = choose_threads(crew);
    execute.environment = &crew->environment;
    execute.material = take_stock(crew, cell);
    pid_t pid = fork();
    if (pid < 0) {
        close(ends[0]);
        close(ends[1]);
        return err_errno(e, "cannot start a worker process");
    }
    if (pid == 0) {
        close(ends[0]);
        _exit(worker_main(cell, &execute, ends[1], parent));
    }
    close(ends[1]);
    *job = (struct job){.pid = pid, .fd = ends[0], .n_threads = execute.n_threads};
    crew->slots[slot] = (struct progress_slot){.cell = cell, .started_ns = clock_ns()};
    crew->next++;
    crew->n_running++;
    return 0;
}

static void take_note(struct crew *crew, int slot, const struct note *note)
{
    struct job *job = &crew->jobs[slot];
    switch (note->kind) {
    case NOTE_PROGRESS:
        crew->slots[slot].at = note->progress;
        break;
    case NOTE_WARNING:
        progress_note(&crew->progress, crew->slots[slot].cell, note->text);
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
static int settle(struct crew *crew, int slot, int status, struct err *e)
{
    struct job *job = &crew->jobs[slot];
    struct progress_slot *s = &crew->slots[slot];
    const struct cell *cell = s->cell;
    double seconds = 1e-9 * (double)(clock_ns() - s->started_ns);
    bool stopped = crew->signals_seen && !job->done && !job->failure[0];

    s->cell = NULL;
    close(job->fd);
    job->pid = 0;
    crew->n_running--;
    if (stopped || (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_STOPPED))
        return 0;
    if (job->done) {
        crew->outcome->n_done++;
        if (job->summary.load_seconds < stock_seconds)
            crew->proved = cell;
        progress_finished(&crew->progress, cell, seconds, job->summary.accuracy, NULL);
        if (crew->params->execute.profile)
            return phases_tell(cell, &job->summary.profile, crew->params->phases, crew->params->out,
                               e);
        return 0;
    }
    if (!job->failure[0])
        explain_end(job->failure, sizeof job->failure, job, status, crew->params->timeout_seconds);
    crew->outcome->n_failed++;
    progress_finished(&crew->progress, cell, seconds, 0, job->failure);
    return execute_store_failure(cell, &crew->params->execute, job->failure, e);
}

/* Reads what the workers said and settles those that ended. */
static int hear(struct crew *crew, struct err *e)
{
    struct pollfd fds[WORKERS_MAX + 1] = {{.fd = crew->signal_fd, .events = POLLIN}};
    int n = crew->params->n_jobs;

    for (int i = 0; i < n; i++)
        fds[i + 1] =
            (struct pollfd){.fd = crew->jobs[i].pid ? crew->jobs[i].fd : -1, .events = POLLIN};
    poll(fds, (nfds_t)n + 1, POLL_MS);
    struct signalfd_siginfo info;
    if (fds[0].revents & POLLIN && read(crew->signal_fd, &info, sizeof info) == sizeof info)
        crew->signals_seen++;
    for (int i = 0; i < n; i++) {
        struct note note;
        int status = 0;
        if (!crew->jobs[i].pid || !fds[i + 1].revents)
            continue;
        if (read(crew->jobs[i].fd, &note, sizeof note) == sizeof note) {
            take_note(crew, i, &note);
            continue;
        }
        waitpid(crew->jobs[i].pid, &status, 0); /* the pipe is closed: it is ending */
        if (settle(crew, i, status, e))
            return -1;
    }
    return 0;
}

/* Time-outs, and what a signal asks for. */
static void discipline(struct crew *crew, int *signals_passed_on)
{
    double limit = crew->params->timeout_seconds;
    for (int i = 0; i < crew->params->n_jobs; i++) {
        struct job *job = &crew->jobs[i];
        if (!job->pid)
            continue;
        double seconds = 1e-9 * (double)(clock_ns() - crew->slots[i].started_ns);
        if (limit > 0 && seconds > limit && !job->timed_out) {
            job->timed_out = true;
            kill(job->pid, SIGKILL);
        }
        if (crew->signals_seen > *signals_passed_on)
            kill(job->pid, crew->signals_seen > 1 ? SIGKILL : SIGTERM);
    }
    *signals_passed_on = crew->signals_seen;
}

static void kill_all(struct crew *crew)
{
    for (int i = 0; i < crew->params->n_jobs; i++) {
        if (!crew->jobs[i].pid)
            continue;
        kill(crew->jobs[i].pid, SIGKILL);
        waitpid(crew->jobs[i].pid, NULL, 0);
        close(crew->jobs[i].fd);
    }
}

static bool may_start(const struct crew *crew)
{
    return crew->next < crew->n_cells && !crew->signals_seen &&
           fits(crew, crew->cells[crew->next], used_bytes(crew));
}

static int conduct(struct crew *crew, struct err *e)
{
    int signals_passed_on = 0;
    for (;;) {
        for (int i = 0; i < crew->params->n_jobs; i++)
            if (!crew->jobs[i].pid && may_start(crew) && start(crew, i, e))
                return -1;
        if (crew->n_running == 0)
            return 0;
        if (hear(crew, e))
            return -1;
        discipline(crew, &signals_passed_on);
        progress_draw(&crew->progress, crew->slots);
    }
}

int workers_run(const struct cell *const *cells, int n, const struct workers_params *p,
                struct workers_outcome *outcome, struct err *e)
{
    struct arena a = {0};
    struct crew crew = {.params = p, .cells = cells, .n_cells = n, .outcome = outcome};
    sigset_t signals, before;

    assert(p->n_jobs >= 1 && p->n_jobs <= WORKERS_MAX);
    memset(outcome, 0, sizeof *outcome);
    crew.jobs = arena_array(&a, (size_t)p->n_jobs, sizeof *crew.jobs);
    crew.slots = arena_array(&a, (size_t)p->n_jobs, sizeof *crew.slots);
    environment_read(&crew.environment, &a);
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, &before);
    crew.signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    progress_init(&crew.progress, p->out, p->execute.state_dir, cells, n, p->n_jobs);
    int failed = conduct(&crew, e);
    kill_all(&crew);
    material_release(&crew.stock);
    progress_end(&crew.progress);
    close(crew.signal_fd);
    sigprocmask(SIG_SETMASK, &before, NULL);
    outcome->stopped = crew.signals_seen > 0;
    outcome->n_left = n - outcome->n_done - outcome->n_failed;
    arena_release(&a);
    return failed;
}
