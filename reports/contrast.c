#include "reports/contrast.h"

#include "harness/base/str.h"
#include "reports/gnuplot.h"
#include "reports/lines.h"

#include <math.h>

/* One line of a panel: a method's results under both protocols. */
struct pair {
    const struct report_group *sound, *other; /* n > 0 */
    const char *method;
    int colour;
    bool collapsed; /* each of the other's results answers one class for all rows */
};

struct panel {
    const char *model, *dataset;
    struct pair *pairs; /* [n] */
    int n;
    bool counts_tokens;
};

struct contrast {
    const struct report_data *sound, *other;
    struct panel *panels; /* [n] with a pair or more, model by model */
    int n;
};

static bool has_test_rows(const struct report_data *d)
{
    for (int i = 0; i < d->n_cells; i++) {
        if (d->cells[i].n_test > 0) {
            return true;
        }
    }
    return false;
}

/* The other protocol's group of the same names; NULL: none with results. */
static const struct report_group *same_group(const struct contrast *c, const struct panel *v,
                                             const char *method)
{
    const struct report_data *d = c->other;
    for (int i = 0; i < d->n_models * d->n_methods * d->n_datasets; i++) {
        const struct report_group *g = &d->groups[i];
        if (g->n > 0 && str_equal(d->models[g->model], v->model) &&
            str_equal(d->methods[g->method], method) &&
            str_equal(d->datasets[g->dataset].shown, v->dataset)) {
            return g;
        }
    }
    return NULL;
}

static bool is_collapsed(const struct report_group *g)
{
    for (int i = 0; i < g->n; i++) {
        if (g->cells[i]->metric[METRIC_CLASSES_PREDICTED] > 1) {
            return false;
        }
    }
    return true;
}

static struct panel make_panel(const struct contrast *c, int model, int dataset, struct arena *a)
{
    const struct report_data *d = c->sound;
    struct panel v = {d->models[model], d->datasets[dataset].shown,
                      arena_array(a, (size_t)d->n_methods, sizeof *v.pairs), 0, false};
    for (int method = 0; method < d->n_methods; method++) {
        const struct report_group *sound = report_group_at(d, model, method, dataset);
        const struct report_group *other = same_group(c, &v, d->methods[method]);
        if (sound->n > 0 && other != NULL) {
            v.pairs[v.n++] = (struct pair){.sound = sound,
                                           .other = other,
                                           .method = d->methods[method],
                                           .colour = method,
                                           .collapsed = is_collapsed(other)};
            v.counts_tokens = str_equal(other->cells[0]->metric_unit, "token");
        }
    }
    return v;
}

static struct contrast find_pairs(const struct report_set *r)
{
    struct contrast c = {0};
    for (int i = r->n - 1; i >= 0; i--) {
        if (has_test_rows(&r->items[i])) {
            c.sound = &r->items[i];
        } else {
            c.other = &r->items[i];
        }
    }
    if (c.sound == NULL || c.other == NULL) {
        return c;
    }
    int n_datasets = c.sound->n_datasets, n = c.sound->n_models * n_datasets;
    c.panels = arena_array(r->arena, (size_t)n, sizeof *c.panels);
    for (int i = 0; i < n; i++) {
        struct panel v = make_panel(&c, i / n_datasets, i % n_datasets, r->arena);
        if (v.n > 0) {
            c.panels[c.n++] = v;
        }
    }
    return c;
}

static double mean_of(const struct report_group *g, enum metric metric)
{
    return report_mean_of(g, report_metric, (int)metric).mean;
}

/* A mean that takes what is known. */
struct mean {
    double sum;
    int n;
};

static void take(struct mean *m, double x)
{
    if (!isnan(x)) {
        m->sum += x;
        m->n++;
    }
}

static double leak_of(const struct panel *v)
{
    struct mean m = {0};
    for (int i = 0; i < v->n; i++) {
        for (int k = 0; k < v->pairs[i].other->n; k++) {
            take(&m, v->pairs[i].other->cells[k]->leak_rate);
        }
    }
    return m.n > 0 ? m.sum / m.n : NAN;
}

/* Below this share of leaked rows a score is what it is for other reasons. */
static const double leak_noticed = 0.05;

static void add_leak(struct plot *p, const struct contrast *c)
{
    struct mean leak = {0}, gain = {0};
    for (int i = 0; i < c->n; i++) {
        const struct panel *v = &c->panels[i];
        double leaked = leak_of(v);
        for (int k = 0; leaked > leak_noticed && k < v->n; k++) {
            if (!v->pairs[k].collapsed) {
                take(&gain, mean_of(v->pairs[k].other, METRIC_ACCURACY) -
                                mean_of(v->pairs[k].sound, METRIC_ACCURACY));
            }
        }
        take(&leak, leaked > leak_noticed ? leaked : NAN);
    }
    struct str text = {0};
    if (leak.n > 0) {
        str_printf(&text,
                   "Leak: in %d of %d panels %s judges rows that it also trained on, %.0f %%",
                   leak.n, c->n, c->other->protocol, 100 * leak.sum / leak.n);
    }
    if (leak.n > 0 && gain.n > 0) {
        str_printf(&text, "; what learns there reads %+.2f against %s", gain.sum / gain.n,
                   c->sound->protocol);
    }
    plot_string(p, "leak_line", str_text(&text));
    str_release(&text);
}

static void add_unit(struct plot *p, const struct contrast *c)
{
    struct mean unit = {0};
    for (int i = 0; i < c->n; i++) {
        const struct panel *v = &c->panels[i];
        for (int k = 0; v->counts_tokens && k < v->n; k++) {
            take(&unit, mean_of(v->pairs[k].other, METRIC_TOKEN_ACCURACY) -
                            mean_of(v->pairs[k].other, METRIC_ACCURACY));
        }
    }
    struct str text = {0};
    if (unit.n > 0) {
        str_printf(&text, "Unit: %s counts target tokens; the same answers read %+.2f (dashed)",
                   c->other->protocol, unit.sum / unit.n);
    }
    plot_string(p, "unit_line", str_text(&text));
    str_release(&text);
}

/* In how many panels each method answers one class. */
static void add_collapses(struct plot *p, const struct contrast *c)
{
    struct str text = {0};
    for (int method = 0; method < c->sound->n_methods; method++) {
        int n = 0, n_collapsed = 0;
        double rate = NAN;
        for (int i = 0; i < c->n; i++) {
            for (int k = 0; k < c->panels[i].n; k++) {
                const struct pair *x = &c->panels[i].pairs[k];
                if (str_equal(x->method, c->sound->methods[method])) {
                    n++;
                    n_collapsed += x->collapsed;
                    rate = x->other->cells[0]->learning_rate;
                }
            }
        }
        if (n > 0) {
            str_printf(&text, "%s%s at %g in %d of %d panels",
                       text.len > 0 ? ", " : "Learning rate: all rows get one class from ",
                       c->sound->methods[method], rate, n_collapsed, n);
        }
    }
    plot_string(p, "collapse_line", str_text(&text));
    str_release(&text);
}

static void add_point(struct plot *p, int x, struct report_mean m, const char *note)
{
    plot_int(p, x);
    plot_real(p, m.mean);
    plot_real(p, fmax(0, m.low)); /* NaN where there is one seed */
    plot_real(p, fmin(1, m.high));
    plot_text(p, note);
    plot_row_end(p);
}

static struct report_mean single_to_nan(struct report_mean m)
{
    if (m.n < 2) {
        m.low = m.high = m.mean;
    }
    return m;
}

/* Two blocks a panel: all points with the colour of their line, then the names at the ends. */
static void add_panel(struct plot *p, const struct panel *v, double low, struct arena *a)
{
    struct line_end *ends = arena_array(a, (size_t)v->n, sizeof *ends);
    for (int i = 0; i < v->n; i++) {
        const struct pair *x = &v->pairs[i];
        struct report_mean m =
            single_to_nan(report_mean_of(x->other, report_metric, METRIC_ACCURACY));
        plot_block(p, x->method, "x mean low high note");
        add_point(p, 1, single_to_nan(report_mean_of(x->sound, report_metric, METRIC_ACCURACY)),
                  "");
        add_point(p, 2, m, x->collapsed ? "one class" : "");
        if (v->counts_tokens) {
            m = single_to_nan(report_mean_of(x->other, report_reported, 0));
            add_point(p, 3, m, "");
        }
        ends[i] = (struct line_end){m.mean, i};
    }
    line_ends_spread(ends, v->n, 0.085 * (1 - low), low, 1, a);
    plot_block(p, "names", "y name colour");
    for (int i = 0; i < v->n; i++) {
        plot_real(p, ends[i].y);
        plot_text(p, v->pairs[ends[i].series].method);
        plot_int(p, v->pairs[ends[i].series].colour);
        plot_row_end(p);
    }
}

static double lowest_of(const struct contrast *c)
{
    double low = 0.5;
    for (int i = 0; i < c->n; i++) {
        for (int k = 0; k < c->panels[i].n; k++) {
            const struct pair *x = &c->panels[i].pairs[k];
            low = fmin(low, mean_of(x->sound, METRIC_MAJORITY_RATE));
            low = fmin(low, mean_of(x->sound, METRIC_ACCURACY));
            low = fmin(low, mean_of(x->other, METRIC_ACCURACY));
        }
    }
    return fmax(0, floor(10 * low - 0.5) / 10);
}

/* An array of one number a panel. */
static void add_numbers(struct plot *p, const char *name, const struct contrast *c,
                        double (*of)(const struct panel *v))
{
    plot_array_begin(p, name);
    for (int i = 0; i < c->n; i++) {
        plot_array_real(p, of(&c->panels[i]));
    }
    plot_array_end(p);
}

static double majority_of(const struct panel *v)
{
    return mean_of(v->pairs[0].sound, METRIC_MAJORITY_RATE);
}

static double lines_of(const struct panel *v)
{
    return v->n;
}

static double places_of(const struct panel *v)
{
    return v->counts_tokens ? 3 : 2;
}

int contrast_draw(const struct report_set *r, const char *name, const char *dir, struct err *e)
{
    struct contrast c = find_pairs(r);
    if (c.n == 0) {
        return 1;
    }
    struct plot p;
    double low = lowest_of(&c);
    plot_begin(&p, name, "contrast.gp");
    plot_string(&p, "sound", c.sound->protocol);
    plot_string(&p, "other", c.other->protocol);
    add_leak(&p, &c);
    add_collapses(&p, &c);
    add_unit(&p, &c);
    plot_array_begin(&p, "model");
    for (int i = 0; i < c.n; i++) {
        plot_array_text(&p, c.panels[i].model);
    }
    plot_array_end(&p);
    plot_array_begin(&p, "panel");
    for (int i = 0; i < c.n; i++) {
        plot_array_text(&p, c.panels[i].dataset);
    }
    plot_array_end(&p);
    add_numbers(&p, "majority", &c, majority_of);
    add_numbers(&p, "leak", &c, leak_of);
    add_numbers(&p, "n_lines", &c, lines_of);
    add_numbers(&p, "n_places", &c, places_of);
    plot_array_begin(&p, "line_colour");
    for (int i = 0; i < c.n; i++) {
        for (int k = 0; k < c.panels[i].n; k++) {
            plot_array_real(&p, c.panels[i].pairs[k].colour);
        }
    }
    plot_array_end(&p);
    for (int i = 0; i < c.n; i++) {
        add_panel(&p, &c.panels[i], low, r->arena);
    }
    plot_number(&p, "n_panels", c.n);
    plot_number(&p, "y_low", low);
    return plot_draw(&p, dir, e);
}
