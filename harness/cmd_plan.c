#include "harness/command.h"
#include "harness/forecast.h"
#include "harness/listing.h"
#include "harness/plan.h"
#include "harness/progress.h"
#include "harness/standing.h"

#include <math.h>
#include <string.h>

static const struct column columns[] = {{"cell_id", false},
                                        {"model", false},
                                        {"method", false},
                                        {"dataset", false},
                                        {"protocol", false},
                                        {"seed", true},
                                        {"precision", false},
                                        {"trainable_params", true},
                                        {"total_params", true},
                                        {"est_memory_bytes", true},
                                        {"est_seconds", true},
                                        {"status", false},
                                        {0}};

static int add_cell(struct listing *l, const struct cell *c, struct standing *s, struct err *e)
{
    const char *status = standing_of(s, c, e);
    if (!status)
        return -1;
    listing_row(l);
    listing_set(l, "cell_id", c->id);
    listing_set(l, "model", c->model->name);
    listing_set(l, "method", c->method_label);
    listing_set(l, "dataset", c->dataset->name);
    listing_set(l, "protocol", c->protocol);
    listing_set_int(l, "seed", (long long)c->seed);
    listing_set(l, "precision", option_choice(&c->training, "precision"));
    listing_set_int(l, "trainable_params", (long long)c->trainable_params);
    listing_set_int(l, "total_params", (long long)c->total_params);
    listing_set_int(l, "est_memory_bytes", (long long)c->est_memory_bytes);
    listing_set_double(l, "est_seconds", 0.1 * round(10 * c->est_seconds));
    listing_set(l, "status", status);
    return 0;
}

/* What is still to be done, under a table. */
static void add_up(const struct plan *plan, const struct standing *s, long n_jobs, FILE *out)
{
    double seconds = 0, longest = 0;
    int n = 0;
    for (int i = 0; i < plan->n; i++) {
        if (standing_status(s, &plan->cells[i]) == RESULT_DONE)
            continue;
        n++;
        seconds += plan->cells[i].est_seconds;
        longest = fmax(longest, plan->cells[i].est_seconds);
    }
    struct forecast f = forecast_make(seconds, longest, n_jobs);
    char core[32], wall[32];
    progress_duration(core, f.core_seconds);
    progress_duration(wall, f.wall_seconds);
    fprintf(out, "%d cells, %d of them done; the rest: %s of one core here, %s on %ld processes\n",
            plan->n, plan->n - n, core, wall, n_jobs);
}

int cmd_plan(const struct command_line *cl, FILE *out, struct err *e)
{
    struct plan plan;
    struct standing standing;
    struct listing l;
    if (plan_read(&plan, cl->args[0], cl->only, cl->n_only, cl->arena, e) != 0 ||
        plan_estimate(&plan, e) != 0 || standing_open(&standing, cl->db, cl->arena, e) != 0)
        return -1;
    listing_init(&l, columns, cl->arena);
    int rc = 0;
    for (int i = 0; i < plan.n && rc == 0; i++)
        rc = add_cell(&l, &plan.cells[i], &standing, e);
    if (rc == 0)
        listing_print(&l, cl->format, out);
    if (rc == 0 && strcmp(cl->format, "table") == 0)
        add_up(&plan, &standing, cl->jobs, out);
    standing_close(&standing);
    return rc == 0 ? EXIT_DONE : -1;
}
