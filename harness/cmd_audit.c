#include "datasets/audit.h"
#include "harness/command.h"

/* Loads the named sets, prints each one's audit and what each two of them share. */
int cmd_audit(const struct command_line *cl, FILE *out, struct err *e)
{
    if (cl->memorise)
        return cmd_memorise(cl, out, e);
    struct asset_flags flags = command_asset_flags(cl);
    const struct dataset **sets = arena_array(cl->arena, (size_t)cl->n_args, sizeof *sets);
    struct str text = {0};
    for (int i = 0; i < cl->n_args; i++) {
        const struct dataset_info *info = dataset_describe(cl->args[i], cl->arena, e);
        sets[i] = info ? dataset_load(info, &flags, cl->arena, e) : NULL;
        if (!sets[i]) {
            str_release(&text);
            return -1;
        }
        struct audit audit = audit_dataset(sets[i], cl->arena);
        str_clear(&text);
        if (cl->json)
            audit_json(&text, &audit);
        else
            audit_text(&text, &audit);
        fprintf(out, "%s%s", str_text(&text), cl->json ? "\n" : "");
        for (int k = 0; k < i; k++) {
            str_clear(&text);
            audit_shared_text(&text, sets[i], sets[k], audit_shared_rows(sets[i], sets[k]));
            if (!cl->json)
                fputs(str_text(&text), out);
        }
    }
    str_release(&text);
    return EXIT_DONE;
}
