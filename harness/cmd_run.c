/*
 * ftbench run: runs the cells of a spec that are not current.
 */
#include "harness/base/environment.h"
#include "harness/base/file.h"
#include "harness/command.h"
#include "harness/forecast.h"
#include "harness/identity.h"
#include "harness/keeper.h"
#include "harness/plan.h"
#include "harness/standing.h"
#include "harness/workers.h"
#include "models/tensor/gemm.h"
#include "results/store.h"

#include <math.h>
#include <string.h>

/* Cells that this run has to do, in order. */
struct todo {
    const struct cell **cells;
    int n;
    int n_current, n_failed_before;
};

/* An id stands for weights and data of a known hash. A cell that ran without one would be
 * stored under an id that no later plan asks for. */
static int check_resolved(const struct cell *c, struct err *e)
{
    const char *at = strstr(c->lines, "=" IDENTITY_UNRESOLVED "\n");
    if (!at)
        return 0;
    bool is_data = at - c->lines >= 5 && strncmp(at - 5, "\ndata", 5) == 0;
    const char *name = is_data ? c->dataset->name : c->model->name;
    return err_set(e, "%s %s is not here and nobody published its hash; `ftbench fetch %s` first",
                   is_data ? "data set" : "model", name, name);
}

/* Creates the database, or leads it to this version. */
static int make_store(const char *db, struct err *e)
{
    struct store *store = store_open(db, STORE_WRITE, e);
    store_close(store);
    return store ? 0 : -1;
}

static int choose(struct todo *todo, const struct plan *plan, const struct command_line *cl,
                  struct err *e)
{
    struct standing standing;

    if ((!cl->dry_run && make_store(cl->db, e)) || standing_open(&standing, cl->db, cl->arena, e))
        return -1;
    todo->cells = arena_array(cl->arena, (size_t)plan->n, sizeof *todo->cells);
    for (int i = 0; i < plan->n; i++) {
        enum result_status status = standing_status(&standing, &plan->cells[i]);
        if (status == RESULT_DONE)
            todo->n_current++;
        else if (status == RESULT_FAILED && !cl->retry_failed)
            todo->n_failed_before++;
        else if (cl->limit == 0 || todo->n < cl->limit)
            todo->cells[todo->n++] = &plan->cells[i];
    }
    standing_close(&standing);
    for (int i = 0; i < todo->n && !cl->dry_run; i++)
        if (check_resolved(todo->cells[i], e))
            return -1;
    return 0;
}

static void announce(const struct todo *todo, const struct plan *plan,
                     const struct command_line *cl, FILE *out)
{
    double seconds = 0, longest = 0;
    char text[32];

    for (int i = 0; i < todo->n; i++) {
        seconds += todo->cells[i]->est_seconds;
        longest = fmax(longest, todo->cells[i]->est_seconds);
    }
    progress_duration(text, forecast_make(seconds, longest, cl->jobs).wall_seconds);
    fprintf(out, "%s: %d cells, %d current, %d to run on %ld processes (%s), about %s\n",
            plan->spec->name, plan->n, todo->n_current, todo->n, cl->jobs, gemm_core_name(), text);
    if (todo->n_failed_before)
        fprintf(out, "%d cells failed before and are left alone; --retry-failed runs them again\n",
                todo->n_failed_before);
    fflush(out);
}

static int conclude(const struct workers_outcome *o, const struct todo *todo,
                    const struct command_line *cl, FILE *out)
{
    fprintf(out, "%d done, %d failed, %d left; results in %s\n", o->n_done, o->n_failed, o->n_left,
            cl->db);
    if (o->n_left)
        fprintf(out, "stopped; the same command goes on where this one left off\n");
    return o->n_failed || o->n_left || todo->n_failed_before ? EXIT_BAD : EXIT_DONE;
}

/* Estimates are not exact and other programs live too: a tenth is left to them. */
static size_t memory_limit(const struct command_line *cl)
{
    return cl->memory_mib ? (size_t)cl->memory_mib << 20
                          : (size_t)(environment_free_bytes() / 10 * 9);
}

int cmd_run(const struct command_line *cl, FILE *out, struct err *e)
{
    struct plan plan;
    struct todo todo = {0};
    struct workers_outcome outcome;

    if (cl->jobs < 1 || cl->jobs > WORKERS_MAX)
        return err_usage(e, "--jobs %ld: 1 to %d processes", cl->jobs, WORKERS_MAX);
    if (cl->threads > POOL_THREADS_MAX)
        return err_usage(e, "--threads %ld: 1 to %d threads", cl->threads, POOL_THREADS_MAX);
    if (plan_read(&plan, cl->args[0], cl->only, cl->n_only, cl->arena, e) ||
        plan_estimate(&plan, e) || choose(&todo, &plan, cl, e))
        return -1;
    announce(&todo, &plan, cl, out);
    if (cl->dry_run) {
        for (int i = 0; i < todo.n; i++)
            fprintf(out, "%s %s %s %s seed %llu\n", todo.cells[i]->id, todo.cells[i]->dataset->name,
                    todo.cells[i]->model->name, todo.cells[i]->method_label,
                    (unsigned long long)todo.cells[i]->seed);
        return EXIT_DONE;
    }
    struct workers_params p = {.execute = {.db = cl->db,
                                           .state_dir = arena_printf(cl->arena, "%s.state", cl->db),
                                           .spec_path = plan.spec->path,
                                           .spec_hash = plan.spec->hash,
                                           .offline = cl->offline,
                                           .profile = cl->profile,
                                           .keep_adapter = cl->keep_adapters,
                                           .snapshot_seconds = (double)cl->snapshot_seconds},
                               .n_jobs = (int)cl->jobs,
                               .n_cores = (int)environment_cores(),
                               .n_threads = (int)cl->threads,
                               .memory_bytes = memory_limit(cl),
                               .timeout_seconds = (double)cl->timeout,
                               .phases = arena_printf(cl->arena, "%s.profile.tsv", cl->db),
                               .out = out};
    struct keeper keeper = {0};
    if (todo.n)
        keeper_start(&keeper, cl->db);
    int failed = workers_run(todo.cells, todo.n, &p, &outcome, e);
    keeper_end(&keeper);
    return failed ? -1 : conclude(&outcome, &todo, cl, out);
}
