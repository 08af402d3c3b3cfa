#include "reports/lines.h"

#include "harness/base/str.h"
#include "reports/gnuplot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int by_height(const void *a, const void *b)
{
    const struct line_end *x = a, *y = b;
    return x->y != y->y ? (x->y > y->y) - (x->y < y->y) : y->series - x->series;
}

void line_ends_spread(struct line_end *ends, int n, double gap, double low, double high,
                      struct arena *a)
{
    double *level = arena_array(a, (size_t)n, sizeof *level);
    int *size = arena_array(a, (size_t)n, sizeof *size);
    int n_pools = 0;
    qsort(ends, (size_t)n, sizeof *ends, by_height);
    for (int i = 0; i < n; i++) {
        level[n_pools] = ends[i].y - i * gap;
        size[n_pools++] = 1;
        while (n_pools > 1 && level[n_pools - 2] > level[n_pools - 1]) {
            int both = size[n_pools - 2] + size[n_pools - 1];
            level[n_pools - 2] =
                (level[n_pools - 2] * size[n_pools - 2] + level[n_pools - 1] * size[n_pools - 1]) /
                both;
            size[--n_pools - 1] = both;
        }
    }
    for (int pool = 0, i = 0; pool < n_pools; pool++) {
        for (int k = 0; k < size[pool]; k++, i++) {
            ends[i].y = fmax(low, fmin(level[pool], high - (n - 1) * gap)) + i * gap;
        }
    }
}

/* Smallest and largest of what a panel shows. */
struct range {
    double low, high;
};

static void widen(struct range *r, double x)
{
    if (!isnan(x)) {
        r->low = fmin(r->low, x);
        r->high = fmax(r->high, x);
    }
}

static bool is_drawn(const struct points *p)
{
    for (int i = 0; i < p->n; i++) {
        if (!isnan(p->y[i])) {
            return true;
        }
    }
    return false;
}

static double last_of(const struct points *p)
{
    double last = NAN;
    for (int i = 0; i < p->n; i++) {
        last = isnan(p->y[i]) ? last : p->y[i];
    }
    return last;
}

/* Whether series k of a panel carries its name there: not beside an undashed namesake. */
static bool is_named(const struct lines *f, const struct points *panel, int k)
{
    const struct series *mine = &f->series[k];
    bool has_namesake = false;
    for (int i = 0; i < f->n_series; i++) {
        const struct series *other = &f->series[i];
        has_namesake = has_namesake || (mine->dashed && !other->dashed && is_drawn(&panel[i]) &&
                                        str_equal(other->name, mine->name));
    }
    return is_drawn(&panel[k]) && !has_namesake;
}

/* Blocks of one panel: one a series, then the names. */
static struct range add_panel(struct plot *p, const struct lines *f, int panel, struct range *x,
                              struct arena *a)
{
    const struct points *points = &f->points[panel * f->n_series];
    struct range y = {INFINITY, -INFINITY};
    struct line_end *ends = arena_array(a, (size_t)f->n_series, sizeof *ends);
    int n_ends = 0;
    for (int k = 0; k < f->n_series; k++) {
        plot_block(p, f->series[k].name, "x y");
        for (int i = 0; i < points[k].n; i++) {
            plot_real(p, points[k].x[i]);
            plot_real(p, points[k].y[i]);
            plot_row_end(p);
            if (!isnan(points[k].y[i])) {
                widen(x, points[k].x[i]);
                widen(&y, points[k].y[i]);
            }
        }
        if (points[k].n == 0) {
            plot_real(p, NAN);
            plot_real(p, NAN);
            plot_row_end(p);
        }
        if (is_named(f, points, k)) {
            ends[n_ends++] = (struct line_end){last_of(&points[k]), k};
        }
    }
    double margin = fmax(0.01, (y.high - y.low) * 0.08);
    y = (struct range){fmax(0, y.low - margin), fmin(1, y.high + margin)};
    line_ends_spread(ends, n_ends, (y.high - y.low) * 0.1, y.low, y.high, a);
    plot_block(p, "names", "y name colour");
    for (int i = 0; i < n_ends; i++) {
        plot_real(p, ends[i].y);
        plot_text(p, f->series[ends[i].series].name);
        plot_int(p, f->series[ends[i].series].colour);
        plot_row_end(p);
    }
    return y;
}

static void add_series(struct plot *p, const struct lines *f)
{
    plot_array_begin(p, "series");
    for (int k = 0; k < f->n_series; k++) {
        plot_array_text(p, f->series[k].name);
    }
    plot_array_end(p);
    plot_array_begin(p, "series_colour");
    for (int k = 0; k < f->n_series; k++) {
        plot_array_real(p, f->series[k].colour);
    }
    plot_array_end(p);
    plot_array_begin(p, "dashed");
    for (int k = 0; k < f->n_series; k++) {
        plot_array_real(p, f->series[k].dashed);
    }
    plot_array_end(p);
}

static void add_ranges(struct plot *p, const char *low, const char *high, const struct range *r,
                       int n)
{
    plot_array_begin(p, low);
    for (int i = 0; i < n; i++) {
        plot_array_real(p, r[i].low);
    }
    plot_array_end(p);
    plot_array_begin(p, high);
    for (int i = 0; i < n; i++) {
        plot_array_real(p, r[i].high);
    }
    plot_array_end(p);
}

int lines_draw(const struct lines *f, const char *dir, struct arena *a, struct err *e)
{
    struct plot p;
    struct range *x = arena_array(a, (size_t)f->n_panels, sizeof *x);
    struct range *y = arena_array(a, (size_t)f->n_panels, sizeof *y);
    const char **shown = arena_array(a, (size_t)f->n_panels, sizeof *shown);
    int n = 0;
    plot_begin(&p, f->name, "lines.gp");
    for (int panel = 0; panel < f->n_panels; panel++) {
        bool any = false;
        for (int k = 0; k < f->n_series; k++) {
            any = any || is_drawn(&f->points[panel * f->n_series + k]);
        }
        if (any) {
            x[n] = (struct range){INFINITY, -INFINITY};
            y[n] = add_panel(&p, f, panel, &x[n], a);
            shown[n++] = f->panels[panel];
        }
    }
    if (n == 0) {
        plot_abandon(&p);
        return 1;
    }
    plot_string(&p, "figure_title", f->title);
    plot_string(&p, "x_label", f->x_label);
    plot_string(&p, "y_label", f->y_label);
    plot_number(&p, "log_x", f->log_x);
    plot_number(&p, "n_panels", n);
    plot_array_begin(&p, "panel");
    for (int i = 0; i < n; i++) {
        plot_array_text(&p, shown[i]);
    }
    plot_array_end(&p);
    add_series(&p, f);
    add_ranges(&p, "x_low", "x_high", x, n);
    add_ranges(&p, "y_low", "y_high", y, n);
    return plot_draw(&p, dir, e);
}
