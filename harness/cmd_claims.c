#include "harness/command.h"
#include "harness/usual.h"
#include "reports/verdicts.h"

#include <string.h>

static int print(const struct verdicts *v, const struct command_line *cl, FILE *out)
{
    struct str text = {0};
    if (strcmp(cl->format, "json") == 0)
        verdicts_json(&text, v);
    else if (strcmp(cl->format, "csv") == 0)
        verdicts_csv(&text, v);
    else
        verdicts_text(&text, v, cl->arena);
    fputs(str_text(&text), out);
    str_release(&text);
    return EXIT_DONE;
}

/* Verdicts on the published numbers, and on what the database holds of a spec or at all. */
int cmd_claims(const struct command_line *cl, FILE *out, struct err *e)
{
    struct plan plan = {0};
    struct report_set set;
    struct verdicts verdicts;
    struct usual_rate usual;
    if (usual_rate_open(&usual, cl->arena, e) != 0)
        return -1;
    if (cl->published) {
        if (cl->n_args)
            return err_usage(e, "--published is about the survey's numbers: leave %s away",
                             cl->args[0]);
        return verdicts_load(&verdicts, NULL, &usual, cl->arena, e) != 0
                   ? -1
                   : print(&verdicts, cl, out);
    }
    if (cl->n_args && plan_read(&plan, cl->args[0], cl->only, cl->n_only, cl->arena, e) != 0)
        return -1;
    struct store *store = store_open(cl->db, STORE_READ, e);
    if (!store)
        return -1;
    int rc = report_set_load(&set, store, plan_ids(&plan, cl->arena), plan.n, cl->arena, e);
    if (rc == 0 && set.n_cells == 0)
        rc = err_set(e, "%s: none of the cells asked for is in it; run them first", cl->db);
    if (rc == 0)
        rc = verdicts_load(&verdicts, &set, &usual, cl->arena, e);
    store_close(store);
    return rc != 0 ? -1 : print(&verdicts, cl, out);
}
