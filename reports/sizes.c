/* Accuracy against size (figures.h). */
#include "reports/figures.h"

#include "harness/base/str.h"
#include "reports/family.h"
#include "reports/lines.h"

/* Models of one family in d->models are not neighbours, but stand by size. */
struct family {
    const char *name;
    int n_models;
};

static int families_of(struct family *families, const struct report_data *d)
{
    int n = 0;
    for (int model = 0; model < d->n_models; model++) {
        const char *name = family_of_model(d->models[model], d->arena);
        int k = 0;
        while (k < n && !str_equal(families[k].name, name)) {
            k++;
        }
        if (k == n) {
            families[n++] = (struct family){name, 0};
        }
        families[k].n_models++;
    }
    return n;
}

static struct points points_of(const struct report_data *d, const struct family *family, int method,
                               int dataset)
{
    struct points p = {arena_array(d->arena, (size_t)d->n_models, sizeof(double)),
                       arena_array(d->arena, (size_t)d->n_models, sizeof(double)), 0};
    for (int model = 0; model < d->n_models; model++) {
        const struct report_group *g = report_group_at(d, model, method, dataset);
        if (g->n > 0 && str_equal(family_of_model(d->models[model], d->arena), family->name)) {
            p.x[p.n] = (double)g->cells[0]->total_params;
            p.y[p.n++] = report_mean_of(g, report_metric, METRIC_ACCURACY).mean;
        }
    }
    return p;
}

int figures_draw_sizes(const struct report_data *d, const char *name, const char *dir,
                       struct err *e)
{
    struct family *families = arena_array(d->arena, (size_t)d->n_models, sizeof *families);
    int n_families = families_of(families, d), n_most = 0;
    int n_series = n_families * d->n_methods;
    struct series *series = arena_array(d->arena, (size_t)n_series, sizeof *series);
    const char **panels = arena_array(d->arena, (size_t)d->n_datasets, sizeof *panels);
    struct points *points =
        arena_array(d->arena, (size_t)n_series * (size_t)d->n_datasets, sizeof *points);
    for (int k = 0; k < n_series; k++) {
        const struct family *f = &families[k / d->n_methods];
        const char *method = d->methods[k % d->n_methods];
        const char *both = arena_printf(d->arena, "%s %s", f->name, method);
        series[k] = (struct series){n_families > 1 ? both : method, k, false};
    }
    for (int i = 0; i < d->n_datasets * n_series; i++) {
        int k = i % n_series, dataset = i / n_series;
        panels[dataset] = d->datasets[dataset].shown;
        points[i] = points_of(d, &families[k / d->n_methods], k % d->n_methods, dataset);
        n_most = points[i].n > n_most ? points[i].n : n_most;
    }
    if (n_most < 2) {
        return 1;
    }
    return lines_draw(&(struct lines){.name = name,
                                      .title = "Accuracy by example against size, mean over seeds",
                                      .x_label = "parameters",
                                      .y_label = "accuracy",
                                      .log_x = true,
                                      .series = series,
                                      .panels = panels,
                                      .points = points,
                                      .n_series = n_series,
                                      .n_panels = d->n_datasets},
                      dir, d->arena, e);
}
