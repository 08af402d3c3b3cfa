#include "datasets/memorise.h"
#include "harness/command.h"

/* The seed that `sound` splits with unless a spec says otherwise (split_seed). */
enum { SPLIT_SEED = 42 };

/* One line of the table: the rows as the survey's code used them, or as `sound` does. */
static int one_split(struct memorised_line *line, const struct dataset_info *info, bool survey,
                     const struct command_line *cl, struct err *e)
{
    const struct asset_flags flags = command_asset_flags(cl);
    const struct split_options o = {
        .seed = SPLIT_SEED, .survey = survey, .copies = survey, .deduplicate = !survey};
    struct split split;
    line->split = survey ? "survey" : "sound";
    line->data = survey ? dataset_load_served(info, &flags, cl->arena, e)
                        : dataset_load(info, &flags, cl->arena, e);
    if (!line->data || split_make(&split, line->data, &o, cl->arena, e) < 0)
        return -1;
    line->scores = memorise(line->data, &split);
    return 0;
}

/* What a model scores that remembers its training rows, on the survey's splits and the sound. */
int cmd_memorise(const struct command_line *cl, FILE *out, struct err *e)
{
    struct str text = {0};
    int rc = 0;
    if (!cl->json)
        memorise_head(&text);
    for (int i = 0; rc == 0 && i < cl->n_args; i++) {
        const struct dataset_info *info = dataset_describe(cl->args[i], cl->arena, e);
        rc = info ? 0 : -1;
        for (int sound = info && info->survey.given ? 0 : 1; rc == 0 && sound < 2; sound++) {
            struct memorised_line line;
            rc = one_split(&line, info, !sound, cl, e);
            if (rc < 0)
                break;
            if (cl->json)
                memorise_json(&text, &line);
            else
                memorise_text(&text, &line);
            fputs(str_text(&text), out);
            fflush(out);
            str_clear(&text);
        }
    }
    str_release(&text);
    return rc == 0 ? EXIT_DONE : -1;
}
