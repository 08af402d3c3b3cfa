#include "harness/command.h"
#include "harness/plan.h"
#include "reports/report.h"

/* Ids of a plan's cells. */
static const char *const *ids_of(const struct plan *p, struct arena *a)
{
    const char **ids = arena_array(a, (size_t)p->n + 1, sizeof *ids);
    for (int i = 0; i < p->n; i++)
        ids[i] = p->cells[i].id;
    return ids;
}

int cmd_report(const struct command_line *cl, FILE *out, struct err *e)
{
    struct plan plan;
    struct report_params p = {.db_path = cl->db, .out_dir = cl->out, .title = "ftbench report"};
    if (cl->n_args) {
        if (plan_read(&plan, cl->args[0], cl->only, cl->n_only, cl->arena, e) != 0)
            return -1;
        p.spec_path = cl->args[0];
        p.title = *plan.spec->title ? plan.spec->title : plan.spec->name;
        p.note = *plan.spec->notes ? plan.spec->notes : NULL;
        p.cell_ids = ids_of(&plan, cl->arena);
        p.n_cell_ids = plan.n;
    }
    if (report_write(&p, e) != 0)
        return -1;
    fprintf(out, "%s/report.md\n%s/report.html\n", cl->out, cl->out);
    return EXIT_DONE;
}
