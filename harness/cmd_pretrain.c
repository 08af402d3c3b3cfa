/*
 * ftbench pretrain: trains the models of a recipe from random weights on running text.
 */
#include "harness/base/pool.h"
#include "harness/command.h"
#include "harness/pretraining.h"

#include <string.h>

/* Whether --only wants this model; all where it is not given. */
static bool wanted(const struct command_line *cl, const char *name)
{
    bool any = cl->n_only == 0;
    for (int i = 0; i < cl->n_only; i++)
        any = any || str_equal(cl->only[i].value, name);
    return any;
}

static int check_only(const struct command_line *cl, const struct recipe *r, struct err *e)
{
    const char **names = arena_array(cl->arena, (size_t)r->n_models + 1, sizeof *names);
    for (int i = 0; i < r->n_models; i++)
        names[i] = r->models[i].name;
    for (int i = 0; i < cl->n_only; i++) {
        const struct only *only = &cl->only[i];
        if (!str_equal(only->key, "model"))
            return err_usage(e, "--only %s=%s: of a recipe, models can be chosen: --only model=%s",
                             only->key, only->value, names[0]);
        if (str_index(names, only->value) >= 0)
            continue;
        const char *near = str_nearest(names, r->n_models, only->value);
        return err_usage(e, "%s has no model \"%s\"%s%s%s", r->path, only->value,
                         near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    }
    return 0;
}

int cmd_pretrain(const struct command_line *cl, FILE *out, struct err *e)
{
    struct recipe recipe;

    if (cl->threads > POOL_THREADS_MAX)
        return err_usage(e, "--threads %ld: 1 to %d threads", cl->threads, POOL_THREADS_MAX);
    if (recipe_read(&recipe, cl->args[0], cl->arena, e) != 0 || check_only(cl, &recipe, e) != 0)
        return -1;
    if (!cl->corpus)
        return err_usage(e, "%s: --corpus FILE is needed: %s, of sha256 %s", recipe.path,
                         recipe.corpus.title, recipe.corpus.sha256);
    for (int i = 0; i < recipe.n_models; i++) {
        struct pretraining_params p = {.recipe = &recipe,
                                       .model = &recipe.models[i],
                                       .corpus = cl->corpus,
                                       .out = cl->out ? cl->out : "results/pretrained",
                                       .db = cl->db,
                                       .n_threads = (int)cl->threads,
                                       .snapshot_seconds = (double)cl->snapshot_seconds,
                                       .offline = cl->offline,
                                       .profile = cl->profile,
                                       .print = out};
        if (!wanted(cl, p.model->name))
            continue;
        enum pretraining_outcome outcome = pretraining_run(&p, e);
        if (outcome == PRETRAINING_FAILED)
            return err_wrap(e, "%s", p.model->name);
        if (outcome == PRETRAINING_STOPPED)
            return EXIT_BAD;
    }
    return EXIT_DONE;
}
