#include "datasets/audit.h"
#include "harness/command.h"

static void print_audit(const struct dataset *d, bool json, struct arena *a, FILE *out)
{
    struct str text = {0};
    struct audit audit = audit_dataset(d, a);
    (json ? audit_json : audit_text)(&text, &audit);
    fputs(str_text(&text), out);
    str_release(&text);
}

/* Which rows of x stand in y, and the other way where any do: shares differ where sizes do. */
static void print_shared(const struct dataset *x, const struct dataset *y, bool json, FILE *out)
{
    struct str text = {0};
    void (*print)(struct str *, const struct dataset *, const struct dataset *, int) =
        json ? audit_shared_json : audit_shared_text;
    int n_shared = audit_shared_rows(x, y);
    print(&text, x, y, n_shared);
    if (n_shared > 0)
        print(&text, y, x, audit_shared_rows(y, x));
    fputs(str_text(&text), out);
    str_release(&text);
}

/* Whether path is a file, and not a descriptor of a data set. */
static bool is_spec(const char *path, struct arena *a)
{
    struct err ignored = {0};
    if (!str_ends(path, ".yaml"))
        return false;
    const struct yaml *root = yaml_read(a, path, &ignored);
    return !root || root->kind != YAML_MAP || !yaml_get(root, "reader");
}

/* Loads the named sets, prints each one's audit and what each two of them share; of a set under
 * whose name the survey's code served other rows, these too. */
int cmd_audit(const struct command_line *cl, FILE *out, struct err *e)
{
    if (cl->memorise)
        return cmd_memorise(cl, out, e);
    if (is_spec(cl->args[0], cl->arena))
        return cmd_audit_spec(cl, out, e);
    struct asset_flags flags = command_asset_flags(cl);
    const struct dataset **sets = arena_array(cl->arena, (size_t)cl->n_args, sizeof *sets);
    for (int i = 0; i < cl->n_args; i++) {
        const struct dataset_info *info = dataset_describe(cl->args[i], cl->arena, e);
        sets[i] = info ? dataset_load(info, &flags, cl->arena, e) : NULL;
        if (!sets[i])
            return -1;
        print_audit(sets[i], cl->json, cl->arena, out);
        for (int k = 0; k < i; k++)
            print_shared(sets[i], sets[k], cl->json, out);
    }
    for (int i = 0; i < cl->n_args; i++) {
        if (!sets[i]->info->survey.rows_of || cl->n_args == 1)
            continue;
        const struct dataset *served = dataset_load_served(sets[i]->info, &flags, cl->arena, e);
        if (!served)
            return -1;
        for (int k = 0; k < cl->n_args; k++)
            if (k != i)
                print_shared(served, sets[k], cl->json, out);
    }
    return EXIT_DONE;
}
