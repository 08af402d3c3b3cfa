#include "reports/contrast.h"

#include "harness/base/str.h"
#include "reports/gnuplot.h"
#include "reports/lines.h"

#include <math.h>
#include <string.h>

/* One line of a panel: a method's results under both protocols. */
struct pair {
    const struct report_group *sound, *other; /* n > 0 */
    const char *method;
    const char *shown; /* at its end */
    int colour;
    /* Each of the results answers one class for all rows. */
    bool sound_collapsed, collapsed;
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
                                           .sound_collapsed = is_collapsed(sound),
                                           .collapsed = is_collapsed(other)};
            struct pair *x = &v.pairs[v.n - 1];
            x->shown = x->collapsed ? arena_printf(a, "%s: one class", x->method) : x->method;
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

/* What learns under both reads this much more under the other, where rows leak and elsewhere. */
static void take_gains(struct mean *leaking, struct mean *elsewhere, const struct panel *v)
{
    for (int k = 0; k < v->n; k++) {
        const struct pair *x = &v->pairs[k];
        if (!x->collapsed && !x->sound_collapsed) {
            take(leak_of(v) > leak_noticed ? leaking : elsewhere,
                 mean_of(x->other, METRIC_ACCURACY) - mean_of(x->sound, METRIC_ACCURACY));
        }
    }
}

/* A line above the panels, if there is something to say. Empties text. */
static void add_note(struct plot *p, struct str *text)
{
    if (text->len > 0) {
        plot_array_text(p, str_text(text));
    }
    str_release(text);
    *text = (struct str){0};
}

static void add_leak(struct plot *p, const struct contrast *c)
{
    struct mean leak = {0}, gain = {0}, elsewhere = {0};
    for (int i = 0; i < c->n; i++) {
        double leaked = leak_of(&c->panels[i]);
        take(&leak, leaked > leak_noticed ? leaked : NAN);
        take_gains(&gain, &elsewhere, &c->panels[i]);
    }
    struct str text = {0};
    if (leak.n > 0) {
        str_printf(&text,
                   "Leak (shaded): in %d of %d panels %s judges rows that it also trained on, "
                   "%.0f %%",
                   leak.n, c->n, c->other->protocol, 100 * leak.sum / leak.n);
    }
    if (leak.n > 0 && gain.n > 0) {
        str_printf(&text, "; what learns there reads %+.2f against %s", gain.sum / gain.n,
                   c->sound->protocol);
    }
    if (leak.n > 0 && gain.n > 0 && elsewhere.n > 0) {
        str_printf(&text, ", elsewhere %+.2f", elsewhere.sum / elsewhere.n);
    }
    add_note(p, &text);
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
        str_printf(&text,
                   "Unit (dashed): where models answer in text %s counts target tokens; the same "
                   "answers read %+.2f",
                   c->other->protocol, unit.sum / unit.n);
    }
    add_note(p, &text);
}

/* A method's results under one of the two protocols. */
struct tally {
    int n, n_collapsed;
    double rate_low, rate_high; /* learning rates */
};

static void count(struct tally *t, const struct report_group *g, bool collapsed)
{
    double rate = g->cells[0]->learning_rate;
    t->rate_low = t->n == 0 ? rate : fmin(t->rate_low, rate);
    t->rate_high = t->n == 0 ? rate : fmax(t->rate_high, rate);
    t->n++;
    t->n_collapsed += collapsed;
}

static void add_rates(struct str *text, const struct tally *t)
{
    str_printf(text, "%g", t->rate_low);
    if (t->rate_high > t->rate_low) {
        str_printf(text, " to %g", t->rate_high);
    }
}

/* In how many panels a method answers one class; false: the two protocols do not share it. */
static bool add_collapse(struct str *text, const struct contrast *c, int method,
                         const char *between)
{
    struct tally sound = {0}, other = {0};
    for (int i = 0; i < c->n; i++) {
        for (int k = 0; k < c->panels[i].n; k++) {
            const struct pair *x = &c->panels[i].pairs[k];
            if (x->colour == method) {
                count(&sound, x->sound, x->sound_collapsed);
                count(&other, x->other, x->collapsed);
            }
        }
    }
    if (other.n == 0) {
        return false;
    }
    str_printf(text, "%s%s at ", between, c->sound->methods[method]);
    add_rates(text, &other);
    str_printf(text, " in %d of %d panels (%s at ", other.n_collapsed, other.n, c->sound->protocol);
    add_rates(text, &sound);
    str_printf(text, ": %d)", sound.n_collapsed);
    return true;
}

/* All methods, in lines of about the figure's width. */
static void add_collapses(struct plot *p, const struct contrast *c)
{
    static const size_t full_bytes = 110;
    struct str text = {0};
    str_add(&text, "Learning rate (crosses: all rows get one class)");
    const char *between = ": ";
    for (int method = 0; method < c->sound->n_methods; method++) {
        bool added = add_collapse(&text, c, method, between);
        between = added ? ", " : between;
        if (added && text.len > full_bytes) {
            add_note(p, &text);
            between = "    ";
        }
    }
    add_note(p, &text);
}

/* What stands above the panels, a line each. */
static void add_notes(struct plot *p, const struct contrast *c)
{
    struct str title = {0};
    str_printf(&title,
               "The same models on the same data under two protocols, %s (left in each panel) and "
               "%s (right)",
               c->sound->protocol, c->other->protocol);
    plot_array_begin(p, "note");
    add_note(p, &title);
    add_leak(p, c);
    add_collapses(p, c);
    add_unit(p, c);
    plot_array_end(p);
}

static void add_point(struct plot *p, int x, struct report_mean m, bool one_class)
{
    plot_int(p, x);
    plot_real(p, m.mean);
    plot_real(p, fmax(0, m.low)); /* NaN where there is one seed */
    plot_real(p, fmin(1, m.high));
    plot_int(p, one_class);
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
        plot_block(p, x->method, "x mean low high one_class");
        add_point(p, 1, single_to_nan(report_mean_of(x->sound, report_metric, METRIC_ACCURACY)),
                  x->sound_collapsed);
        add_point(p, 2, m, x->collapsed);
        if (v->counts_tokens) {
            m = single_to_nan(report_mean_of(x->other, report_reported, 0));
            add_point(p, 3, m, x->collapsed);
        }
        ends[i] = (struct line_end){m.mean, i};
    }
    line_ends_spread(ends, v->n, 0.085 * (1 - low), low, 1, a);
    plot_block(p, "names", "y name colour");
    for (int i = 0; i < v->n; i++) {
        plot_real(p, ends[i].y);
        plot_text(p, v->pairs[ends[i].series].shown);
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

static double longest_name(const struct contrast *c)
{
    size_t longest = 0;
    for (int i = 0; i < c->n; i++) {
        for (int k = 0; k < c->panels[i].n; k++) {
            size_t n = strlen(c->panels[i].pairs[k].shown);
            longest = n > longest ? n : longest;
        }
    }
    return (double)longest;
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
    add_notes(&p, &c);
    plot_number(&p, "leak_noticed", leak_noticed);
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
    plot_number(&p, "longest_name", longest_name(&c));
    return plot_draw(&p, dir, e);
}
