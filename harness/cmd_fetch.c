#include "harness/command.h"

#include "harness/base/clock.h"
#include "harness/spec.h"

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

static int fetch_dataset(const struct dataset_info *info, const struct asset_flags *flags,
                         struct arena *a, FILE *out, struct err *e)
{
    const struct dataset *d = dataset_load(info, flags, a, e);
    /* The survey's protocol may want other rows under this name. */
    bool all = d && (!info->survey.rows_of || dataset_load_served(info, flags, a, e));
    clear(flags->context);
    if (!all)
        return -1;
    fprintf(out, "%s: %d rows, sha256 of rows %.16s%s%s\n", info->name, d->n, d->data_hash,
            d->stand_in ? "; STAND-IN: " : "", d->stand_in ? d->stand_in : "");
    for (int i = 0; i < d->n_warnings; i++)
        fprintf(out, "%s: %s\n", info->name, d->warnings[i]);
    fflush(out);
    return 0;
}

static int fetch_model(const struct zoo_entry *z, const struct asset_flags *flags, FILE *out,
                       struct err *e)
{
    struct str dir = {0};
    int rc = zoo_fetch(&dir, z, flags, e);
    clear(flags->context);
    if (rc == 0)
        fprintf(out, "%s: %s\n", z->name, str_text(&dir));
    fflush(out);
    str_release(&dir);
    return rc;
}

static int fetch_spec(const char *path, const struct asset_flags *flags, struct arena *a, FILE *out,
                      struct err *e)
{
    struct spec s;
    if (spec_read(&s, path, a, e) != 0)
        return -1;
    for (int i = 0; i < s.n_datasets; i++)
        if (fetch_dataset(s.datasets[i], flags, a, out, e) != 0)
            return -1;
    for (int i = 0; i < s.n_models; i++)
        if (fetch_model(&s.models[i], flags, out, e) != 0)
            return -1;
    return 0;
}

/* A name is a data set's or a model's; where it is neither, the nearest of both is told. */
static int fetch_name(const char *name, const struct asset_flags *flags, struct arena *a, FILE *out,
                      struct err *e)
{
    const char *const *sets, *const *models;
    int n_sets = dataset_list(&sets, a, e);
    if (n_sets < 0 || zoo_list(&models, a, e) < 0)
        return -1;
    if (strpbrk(name, "/:") || str_index(models, name) >= 0) {
        struct zoo_entry z;
        return zoo_find(&z, name, a, e) == 0 ? fetch_model(&z, flags, out, e) : -1;
    }
    for (int i = 0; i < n_sets; i++)
        if (strcmp(sets[i], name) == 0) {
            const struct dataset_info *info = dataset_describe(name, a, e);
            return info ? fetch_dataset(info, flags, a, out, e) : -1;
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
    struct asset_flags flags = command_asset_flags(cl);
    flags.progress = draw;
    flags.context = &bar;
    if (cl->spec && fetch_spec(cl->spec, &flags, cl->arena, out, e) != 0)
        return -1;
    for (int i = 0; i < cl->n_args; i++)
        if (fetch_name(cl->args[i], &flags, cl->arena, out, e) != 0)
            return -1;
    return EXIT_DONE;
}
