/* Accuracy against size (figures.h). */
#include "reports/figures.h"

#include "harness/base/str.h"
#include "reports/family.h"
#include "reports/gnuplot.h"
#include "reports/lines.h"

#include <math.h>

struct curve {
    const char *family; /* its models in d->models are not neighbours, but stand by size */
    const char *name;
    int family_index, method;
};

struct figure {
    const struct report_data *d;
    struct curve *series; /* [n] with a result or more, family by family */
    int n, n_families;
    double x_low, x_high, y_low, y_high; /* of all panels */
};

static bool is_of(const struct curve *s, const struct report_data *d, const struct report_group *g)
{
    return g->n > 0 && g->method == s->method &&
           str_equal(family_of_model(d->models[g->model], d->arena), s->family);
}

/* Whether the series has a result on any data set. */
static bool has_results(const struct report_data *d, const struct curve *s)
{
    for (int i = 0; i < d->n_models * d->n_methods * d->n_datasets; i++) {
        if (is_of(s, d, &d->groups[i])) {
            return true;
        }
    }
    return false;
}

static int find_families(const char **families, const struct report_data *d)
{
    int n = 0;
    for (int model = 0; model < d->n_models; model++) {
        const char *name = family_of_model(d->models[model], d->arena);
        int k = 0;
        while (k < n && !str_equal(families[k], name)) {
            k++;
        }
        families[k] = name;
        n += k == n;
    }
    return n;
}

static struct figure find_series(const struct report_data *d)
{
    const char **families = arena_array(d->arena, (size_t)d->n_models, sizeof *families);
    struct figure f = {.d = d, .n_families = find_families(families, d)};
    f.series = arena_array(d->arena, (size_t)(f.n_families * d->n_methods), sizeof *f.series);
    for (int k = 0; k < f.n_families * d->n_methods; k++) {
        const char *family = families[k / d->n_methods], *method = d->methods[k % d->n_methods];
        const char *both = arena_printf(d->arena, "%s %s", family, method);
        struct curve s = {family, f.n_families > 1 ? both : method, k / d->n_methods,
                          k % d->n_methods};
        if (has_results(d, &s)) {
            f.series[f.n++] = s;
        }
    }
    return f;
}

static double clip(double x)
{
    return fmax(0, fmin(1, x));
}

static void widen(struct figure *f, double x, struct report_mean m)
{
    f->x_low = fmin(f->x_low, x);
    f->x_high = fmax(f->x_high, x);
    f->y_low = fmin(f->y_low, m.n > 1 ? clip(m.low) : m.mean);
    f->y_high = fmax(f->y_high, m.n > 1 ? clip(m.high) : m.mean);
}

/* Widens the ranges to all that is drawn. Gives the most sizes that a series has on a data set. */
static int find_ranges(struct figure *f)
{
    const struct report_data *d = f->d;
    int n_most = 0;
    f->x_low = f->y_low = INFINITY;
    f->x_high = f->y_high = -INFINITY;
    for (int k = 0; k < f->n * d->n_datasets; k++) {
        int n = 0;
        for (int model = 0; model < d->n_models; model++) {
            const struct curve *s = &f->series[k / d->n_datasets];
            const struct report_group *g = report_group_at(d, model, s->method, k % d->n_datasets);
            if (is_of(s, d, g)) {
                widen(f, (double)g->cells[0]->total_params,
                      report_mean_of(g, report_metric, METRIC_ACCURACY));
                f->y_low = fmin(f->y_low, g->cells[0]->metric[METRIC_MAJORITY_RATE]);
                n++;
            }
        }
        n_most = n > n_most ? n : n_most;
    }
    f->y_low = floor(10 * f->y_low) / 10;
    f->y_high = ceil(10 * f->y_high) / 10;
    return n_most;
}

/* A name at the end of a line, which is at x, y. */
struct end {
    double x, y;
};

static double majority_of(const struct figure *f, int dataset)
{
    const struct report_data *d = f->d;
    double sum = 0;
    int n = 0;
    for (int i = 0; i < d->n_models * d->n_methods; i++) {
        const struct report_group *g =
            report_group_at(d, i / d->n_methods, i % d->n_methods, dataset);
        for (int k = 0; k < g->n; k++) {
            sum += g->cells[k]->metric[METRIC_MAJORITY_RATE];
            n++;
        }
    }
    return n > 0 ? sum / n : NAN;
}

/* Draws one series' block; where it ends, NaN without a point. */
static struct end add_series(struct plot *p, const struct figure *f, const struct curve *s,
                             int dataset)
{
    struct end end = {NAN, NAN};
    plot_block(p, s->name, "parameters mean low high");
    for (int model = 0; model < f->d->n_models; model++) {
        const struct report_group *g = report_group_at(f->d, model, s->method, dataset);
        struct report_mean m = report_mean_of(g, report_metric, METRIC_ACCURACY);
        if (is_of(s, f->d, g) && !isnan(m.mean)) {
            end = (struct end){(double)g->cells[0]->total_params, m.mean};
            plot_real(p, end.x);
            plot_real(p, m.mean);
            plot_real(p, m.n > 1 ? clip(m.low) : m.mean);
            plot_real(p, m.n > 1 ? clip(m.high) : m.mean);
            plot_row_end(p);
        }
    }
    if (isnan(end.x)) { /* a block needs a row */
        for (int i = 0; i < 4; i++) {
            plot_real(p, NAN);
        }
        plot_row_end(p);
    }
    return end;
}

static void add_panel(struct plot *p, const struct figure *f, int dataset)
{
    struct arena *a = f->d->arena;
    struct end *ends = arena_array(a, (size_t)f->n, sizeof *ends);
    struct line_end *names = arena_array(a, (size_t)f->n + 1, sizeof *names);
    int n = 0;
    for (int k = 0; k < f->n; k++) {
        ends[k] = add_series(p, f, &f->series[k], dataset);
        if (!isnan(ends[k].y)) {
            names[n++] = (struct line_end){ends[k].y, k};
        }
    }
    double majority = majority_of(f, dataset);
    if (!isnan(majority)) {
        names[n++] = (struct line_end){majority, -1};
    }
    /* As many lines of text as the script has room for. */
    line_ends_spread(names, n, (f->y_high - f->y_low) / fmax(12.9, f->n + 1), f->y_low, f->y_high,
                     a);
    plot_block(p, "names", "y name colour series x_last y_last");
    for (int i = 0; i < n; i++) {
        int k = names[i].series;
        plot_real(p, names[i].y);
        plot_text(p, k < 0 ? "majority" : f->series[k].name);
        plot_int(p, k < 0 ? -1 : f->series[k].method);
        plot_int(p, k + 1);
        plot_real(p, k < 0 ? NAN : ends[k].x);
        plot_real(p, k < 0 ? NAN : ends[k].y);
        plot_row_end(p);
    }
}

/* Arrays of one entry a series. */
static void add_looks(struct plot *p, const struct figure *f)
{
    plot_array_begin(p, "series");
    for (int k = 0; k < f->n; k++) {
        plot_array_text(p, f->series[k].name);
    }
    plot_array_end(p);
    plot_array_begin(p, "series_colour");
    for (int k = 0; k < f->n; k++) {
        plot_array_real(p, f->series[k].method);
    }
    plot_array_end(p);
    plot_array_begin(p, "series_family");
    for (int k = 0; k < f->n; k++) {
        plot_array_real(p, f->series[k].family_index);
    }
    plot_array_end(p);
}

static void add_panels(struct plot *p, const struct figure *f)
{
    const struct report_data *d = f->d;
    int n = 0;
    plot_array_begin(p, "panel");
    for (int dataset = 0; dataset < d->n_datasets; dataset++) {
        if (!isnan(majority_of(f, dataset))) {
            plot_array_text(p, d->datasets[dataset].shown);
        }
    }
    n = plot_array_end(p);
    plot_array_begin(p, "majority");
    for (int dataset = 0; dataset < d->n_datasets; dataset++) {
        double majority = majority_of(f, dataset);
        if (!isnan(majority)) {
            plot_array_real(p, majority);
            add_panel(p, f, dataset);
        }
    }
    plot_array_end(p);
    plot_number(p, "n_panels", n);
}

int figures_draw_sizes(const struct report_data *d, const char *name, const char *dir,
                       struct err *e)
{
    struct figure f = find_series(d);
    if (find_ranges(&f) < 2) {
        return 1;
    }
    struct plot p;
    plot_begin(&p, name, "sizes.gp");
    add_looks(&p, &f);
    add_panels(&p, &f);
    plot_number(&p, "n_families", f.n_families);
    plot_number(&p, "x_low", f.x_low);
    plot_number(&p, "x_high", f.x_high);
    plot_number(&p, "y_low", f.y_low);
    plot_number(&p, "y_high", f.y_high);
    return plot_draw(&p, dir, e);
}
