/*
 * ftbench report: tables, figures and the page of what is stored.
 */
#include "harness/base/file.h"
#include "harness/base/paths.h"
#include "harness/command.h"
#include "harness/made.h"
#include "harness/plan.h"
#include "harness/usual.h"
#include "reports/report.h"

#include <string.h>

/* Hash of all that a page depends on. */
static int make_hash(char hex[HASH_HEX_SIZE], const struct report_params *p, struct arena *a,
                     struct err *e)
{
    struct str home = {0};
    if (paths_home(&home, e) != 0)
        return -1;
    const char *at = str_text(&home);
    const char *const paths[] = {p->db_path,
                                 arena_printf(a, "%s-wal", p->db_path),
                                 arena_printf(a, "%s/reports", at),
                                 arena_printf(a, "%s/reports/figures", at),
                                 arena_printf(a, "%s/results/published", at),
                                 arena_printf(a, "%s/harness/protocols", at),
                                 NULL};
    struct hash *h = hash_new();
    int rc = made_from(h, paths, e);
    const char *const words[] = {p->title, p->note ? p->note : "",
                                 p->spec_path ? p->spec_path : ""};
    for (int i = 0; i < 3; i++)
        hash_update(h, words[i], strlen(words[i]) + 1);
    for (int i = 0; i < p->n_cell_ids; i++)
        hash_update(h, p->cell_ids[i], strlen(p->cell_ids[i]) + 1);
    hash_final(h, hex);
    hash_free(h);
    str_release(&home);
    return rc;
}

int cmd_report(const struct command_line *cl, FILE *out, struct err *e)
{
    const char *out_dir = cl->out ? cl->out : "reports/out";
    struct plan plan;
    struct report_params p = {.db_path = cl->db, .out_dir = out_dir, .title = "ftbench report"};
    char from[HASH_HEX_SIZE];
    if (cl->n_args) {
        if (plan_read(&plan, cl->args[0], cl->only, cl->n_only, cl->arena, e) != 0)
            return -1;
        p.spec_path = cl->args[0];
        p.title = *plan.spec->title ? plan.spec->title : plan.spec->name;
        p.note = *plan.spec->notes ? plan.spec->notes : NULL;
        p.cell_ids = plan_ids(&plan, cl->arena);
        p.n_cell_ids = plan.n;
    }
    if (make_hash(from, &p, cl->arena, e) != 0)
        return -1;
    if (made_is_current(out_dir, from)) {
        fprintf(out,
                "%s/report.md\n%s/report.html\n(current: nothing changed since they were "
                "written)\n",
                out_dir, out_dir);
        return EXIT_DONE;
    }
    struct usual_rate usual;
    if (usual_rate_open(&usual, cl->arena, e) != 0)
        return -1;
    p.usual_rate = &usual;
    if (report_write(&p, e) != 0 || made_note(out_dir, from, e) != 0)
        return -1;
    fprintf(out, "%s/report.md\n%s/report.html\n", out_dir, out_dir);
    return EXIT_DONE;
}
