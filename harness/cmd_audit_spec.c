#include "harness/command.h"
#include "harness/inspect.h"
#include "harness/standing.h"

/* What is wrong with a spec's protocols: before anything ran, and with the database's results
 * where there is one. */
int cmd_audit_spec(const struct command_line *cl, FILE *out, struct err *e)
{
    if (cl->n_args > 1)
        return err_usage(e, "%s is a spec, which is audited alone: %s is one too many", cl->args[0],
                         cl->args[1]);
    struct plan plan;
    struct standing standing;
    struct inspection seen;
    if (plan_read(&plan, cl->args[0], cl->only, cl->n_only, cl->arena, e) != 0 ||
        standing_open(&standing, cl->db, cl->arena, e) != 0)
        return -1;
    int rc = inspect_plan(&seen, &plan, standing.store, cl->arena, e);
    standing_close(&standing);
    if (rc != 0)
        return -1;
    struct findings found = findings_of(seen.facts, seen.n, cl->arena);
    struct str text = {0};
    if (cl->json)
        findings_json(&text, &found);
    else
        findings_text(&text, &found);
    fputs(str_text(&text), out);
    str_release(&text);
    if (!cl->json) {
        for (int i = 0; i < seen.n_notes; i++)
            fprintf(out, "unknown: %s\n", seen.notes[i]);
        fprintf(out, "%d cells, %d findings\n", seen.n, found.n);
    }
    return found.n ? EXIT_BAD : EXIT_DONE;
}
