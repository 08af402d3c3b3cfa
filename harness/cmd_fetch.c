#include "harness/command.h"

#include "harness/base/clock.h"
#include "harness/fetch_plan.h"
#include "harness/plan.h"

#include <string.h>
#include <unistd.h>

/* Where the bar stands. */
struct bar {
    FILE *out;
    bool terminal;
    int64_t drawn_ns;
    bool drawn;
};

/* asset_progress: a bar that is drawn over, on a terminal only. */
static void draw(void *context, const char *name, long have, long total)
{
    enum { WIDTH = 30 };
    struct bar *bar = context;
    bool last = total > 0 && have >= total;
    if (!bar->terminal || (!last && clock_ns() - bar->drawn_ns < 100000000))
        return;
    bar->drawn_ns = clock_ns();
    bar->drawn = true;
    fprintf(bar->out, "\r\033[K%-28s ", name);
    if (total > 0) {
        int filled = (int)(WIDTH * ((double)have / (double)total));
        filled = filled > WIDTH ? WIDTH : filled;
        fputc('[', bar->out);
        for (int i = 0; i < WIDTH; i++)
            fputc(i < filled ? '#' : '.', bar->out);
        fprintf(bar->out, "] %3.0f %%", 100 * (double)have / (double)total);
    } else {
        fprintf(bar->out, "%ld", have);
    }
    fflush(bar->out);
}

static void clear(struct bar *bar)
{
    if (bar->drawn)
        fputs("\r\033[K", bar->out);
    bar->drawn = false;
}

/* How things are brought here, or counted only. */
struct bringer {
    struct asset_flags flags;
    struct fetch_plan *plan; /* NULL: bring them */
    struct arena *arena;
    FILE *out;
};

static int fetch_dataset(const struct dataset_info *info, const struct bringer *b, struct err *e)
{
    if (b->plan)
        return fetch_plan_dataset(b->plan, info, b->out, e);
    const struct dataset *d = dataset_load(info, &b->flags, b->arena, e);
    /* The survey's protocol may want other rows under this name. */
    bool all =
        d && (!info->survey.rows_of || dataset_load_served(info, &b->flags, b->arena, e) != NULL);
    clear(b->flags.context);
    if (!all)
        return -1;
    fprintf(b->out, "%s: %d rows, sha256 of rows %.16s%s%s\n", info->name, d->n, d->data_hash,
            d->stand_in ? "; STAND-IN: " : "", d->stand_in ? d->stand_in : "");
    for (int i = 0; i < d->n_warnings; i++)
        fprintf(b->out, "%s: %s\n", info->name, d->warnings[i]);
    fflush(b->out);
    return 0;
}

static int fetch_model(const struct zoo_entry *z, const struct bringer *b, struct err *e)
{
    struct str dir = {0};
    if (b->plan)
        return fetch_plan_model(b->plan, z, b->out, e);
    int rc = zoo_fetch(&dir, z, &b->flags, e);
    clear(b->flags.context);
    if (rc == 0)
        fprintf(b->out, "%s: %s\n", z->name, str_text(&dir));
    fflush(b->out);
    str_release(&dir);
    return rc;
}

static bool needs(const struct plan *plan, const struct dataset_info *info,
                  const struct zoo_entry *z)
{
    for (int i = 0; i < plan->n; i++)
        if (plan->cells[i].dataset == info || plan->cells[i].model == z)
            return true;
    return false;
}

/* What the cells of a spec, or those that --only leaves, are made of. */
static int fetch_spec(const struct command_line *cl, const struct bringer *b, struct err *e)
{
    struct plan plan;
    if (plan_read(&plan, cl->spec, cl->only, cl->n_only, cl->arena, e) != 0)
        return -1;
    const struct spec *s = plan.spec;
    for (int i = 0; i < s->n_datasets; i++)
        if (needs(&plan, s->datasets[i], NULL) && fetch_dataset(s->datasets[i], b, e) != 0)
            return -1;
    for (int i = 0; i < s->n_models; i++)
        if (needs(&plan, NULL, &s->models[i]) && fetch_model(&s->models[i], b, e) != 0)
            return -1;
    return 0;
}

/* A name is a data set's or a model's; where it is neither, the nearest of both is told. */
static int fetch_name(const char *name, const struct bringer *b, struct err *e)
{
    struct arena *a = b->arena;
    const char *const *sets, *const *models;
    int n_sets = dataset_list(&sets, a, e);
    if (n_sets < 0 || zoo_list(&models, a, e) < 0)
        return -1;
    if (strpbrk(name, "/:") || str_index(models, name) >= 0) {
        struct zoo_entry z;
        return zoo_find(&z, name, a, e) == 0 ? fetch_model(&z, b, e) : -1;
    }
    for (int i = 0; i < n_sets; i++)
        if (strcmp(sets[i], name) == 0) {
            const struct dataset_info *info = dataset_describe(name, a, e);
            return info ? fetch_dataset(info, b, e) : -1;
        }
    int n_models = 0;
    while (models[n_models])
        n_models++;
    const char *near = str_nearest(sets, n_sets, name);
    near = near ? near : str_nearest(models, n_models, name);
    return err_usage(e, "%s is no data set and no model; %s%s%s", name,
                     near ? "did you mean \"" : "`ftbench datasets` and `ftbench models` list them",
                     near ? near : "", near ? "\"?" : "");
}

int cmd_fetch(const struct command_line *cl, FILE *out, struct err *e)
{
    if (cl->n_args == 0 && !cl->spec)
        return err_usage(e, "say what to fetch: names of data sets or models, or --spec SPEC");
    struct bar bar = {.out = stderr, .terminal = isatty(STDERR_FILENO)};
    struct fetch_plan plan = {.arena = cl->arena};
    struct bringer b = {command_asset_flags(cl), cl->dry_run ? &plan : NULL, cl->arena, out};
    b.flags.progress = draw;
    b.flags.context = &bar;
    if (cl->spec && fetch_spec(cl, &b, e) != 0)
        return -1;
    for (int i = 0; i < cl->n_args; i++)
        if (fetch_name(cl->args[i], &b, e) != 0)
            return -1;
    if (b.plan)
        fetch_plan_print(b.plan, out);
    return EXIT_DONE;
}
