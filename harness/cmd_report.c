#include "harness/command.h"
#include "harness/plan.h"
#include "harness/usual.h"
#include "reports/report.h"

int cmd_report(const struct command_line *cl, FILE *out, struct err *e)
{
    const char *out_dir = cl->out ? cl->out : "reports/out";
    struct plan plan;
    struct report_params p = {.db_path = cl->db, .out_dir = out_dir, .title = "ftbench report"};
    if (cl->n_args) {
        if (plan_read(&plan, cl->args[0], cl->only, cl->n_only, cl->arena, e) != 0)
            return -1;
        p.spec_path = cl->args[0];
        p.title = *plan.spec->title ? plan.spec->title : plan.spec->name;
        p.note = *plan.spec->notes ? plan.spec->notes : NULL;
        p.cell_ids = plan_ids(&plan, cl->arena);
        p.n_cell_ids = plan.n;
    }
    struct usual_rate usual;
    if (usual_rate_open(&usual, cl->arena, e) != 0)
        return -1;
    p.usual_rate = &usual;
    if (report_write(&p, e) != 0)
        return -1;
    fprintf(out, "%s/report.md\n%s/report.html\n", out_dir, out_dir);
    return EXIT_DONE;
}
