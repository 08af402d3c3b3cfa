#include "reports/figures.h"

#include "harness/base/file.h"
#include "harness/base/str.h"
#include "reports/gnuplot.h"
#include "reports/lines.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool has_results(const struct report_data *d, int model, int dataset)
{
    for (int method = 0; method < d->n_methods; method++) {
        const struct report_group *g = report_group_at(d, model, method, dataset);
        if (g->n > 0 || g->n_failed > 0 || g->n_skipped > 0) {
            return true;
        }
    }
    return false;
}

static bool has_model(const struct report_data *d, int method, int model)
{
    for (int dataset = 0; dataset < d->n_datasets; dataset++) {
        if (report_group_at(d, model, method, dataset)->n > 0) {
            return true;
        }
    }
    return false;
}

/* "accuracy-" and the model's name, as a file name. */
static const char *figure_name(const struct report_data *d, const char *kind, int model)
{
    char *name = arena_printf(d->arena, "%s-%s%s", kind, d->models[model], d->suffix);
    for (char *c = name; *c != '\0'; c++) {
        *c = isalnum((unsigned char)*c) || *c == '.' || *c == '_' ? *c : '-';
    }
    return name;
}

static double mean_majority(const struct report_data *d, int model, int dataset)
{
    double sum = 0;
    int n = 0;
    for (int method = 0; method < d->n_methods; method++) {
        const struct report_group *g = report_group_at(d, model, method, dataset);
        for (int i = 0; i < g->n; i++) {
            sum += g->cells[i]->metric[METRIC_MAJORITY_RATE];
            n++;
        }
    }
    return n > 0 ? sum / n : NAN;
}

static void widen(double *low, double *high, double x)
{
    if (!isnan(x)) {
        *low = fmin(*low, x);
        *high = fmax(*high, x);
    }
}

static const char *why_absent(const struct report_group *g)
{
    return g->n_failed > 0 ? "failed" : g->n_skipped > 0 ? "skipped" : "not run";
}

/* Which rows a model's numbers are of: "test", "validation". */
static const char *judged_on(const struct report_data *d, int model)
{
    const char *split = "";
    for (int i = 0; i < d->n_cells; i++) {
        const struct report_cell *c = &d->cells[i];
        if (c->done && str_equal(c->model, d->models[model])) {
            split = *split == '\0' || str_equal(split, c->split) ? c->split : "test or validation";
        }
    }
    return *split == '\0' ? "no" : split;
}

/* One panel a data set, one row a method: mean and interval of accuracy. */
static int draw_accuracy(const struct report_data *d, int model, const char *name, const char *dir,
                         struct err *e)
{
    struct plot p;
    plot_begin(&p, name, "accuracy.gp");
    plot_string(&p, "model", d->models[model]);
    plot_string(&p, "judged", judged_on(d, model));
    double low = 0.9, high = 0.95;
    int n_panels = 0;
    plot_array_begin(&p, "panel");
    for (int dataset = 0; dataset < d->n_datasets; dataset++) {
        if (has_results(d, model, dataset)) {
            plot_array_text(&p, d->datasets[dataset].shown);
        }
    }
    n_panels = plot_array_end(&p);
    plot_array_begin(&p, "majority");
    for (int dataset = 0; dataset < d->n_datasets; dataset++) {
        if (has_results(d, model, dataset)) {
            double rate = mean_majority(d, model, dataset);
            plot_array_real(&p, rate);
            widen(&low, &high, rate);
        }
    }
    plot_array_end(&p);
    plot_array_begin(&p, "method");
    for (int method = 0; method < d->n_methods; method++) {
        plot_array_text(&p, d->methods[method]);
    }
    plot_array_end(&p);
    for (int dataset = 0; dataset < d->n_datasets; dataset++) {
        if (!has_results(d, model, dataset)) {
            continue;
        }
        plot_block(&p, d->datasets[dataset].shown, "row method n mean low high note");
        for (int method = 0; method < d->n_methods; method++) {
            const struct report_group *g = report_group_at(d, model, method, dataset);
            struct report_mean m = report_mean_of(g, report_metric, METRIC_ACCURACY);
            plot_int(&p, method + 1);
            plot_text(&p, d->methods[method]);
            plot_int(&p, m.n);
            plot_real(&p, m.mean);
            plot_real(&p, m.low);
            plot_real(&p, m.high);
            plot_text(&p, m.n > 0 ? "" : why_absent(g));
            plot_row_end(&p);
            widen(&low, &high, m.mean);
            widen(&low, &high, m.low < 0 ? 0 : m.low); /* NaN stays NaN */
            widen(&low, &high, m.high > 1 ? 1 : m.high);
        }
    }
    plot_number(&p, "n_panels", n_panels);
    plot_number(&p, "x_low", fmax(0, floor(low * 10) / 10));
    plot_number(&p, "x_high", fmin(1, ceil(high * 10) / 10));
    return plot_draw(&p, dir, e);
}

/* Mean over seeds of one epoch; NaN when no seed has it. */
static double epoch_mean(const struct report_group *g, int epoch, bool loss)
{
    double sum = 0;
    int n = 0;
    for (int i = 0; i < g->n; i++) {
        if (epoch < g->cells[i]->n_epochs) {
            const struct report_epoch *x = &g->cells[i]->epochs[epoch];
            sum += loss ? x->train_loss : x->metric[METRIC_ACCURACY];
            n++;
        }
    }
    return n > 0 ? sum / n : NAN;
}

static int epochs_of(const struct report_group *g)
{
    int n = 0;
    for (int i = 0; i < g->n; i++) {
        n = g->cells[i]->n_epochs > n ? g->cells[i]->n_epochs : n;
    }
    return n;
}

/* The curves of one data set: n_methods blocks, then one block of labels at the
 * ends of the accuracy curves. Returns the number of epochs. */
static int add_curves(struct plot *p, const struct report_data *d, int model, int dataset,
                      double loss_range[2], double accuracy_range[2])
{
    int n_most = 0;
    struct line_end *ends = arena_array(d->arena, (size_t)d->n_methods, sizeof *ends);
    int n_ends = 0;
    for (int method = 0; method < d->n_methods; method++) {
        const struct report_group *g = report_group_at(d, model, method, dataset);
        int n = epochs_of(g);
        n_most = n > n_most ? n : n_most;
        plot_block(p, d->methods[method], "epoch train_loss validation_accuracy");
        double last = NAN;
        for (int epoch = 0; epoch < (n > 0 ? n : 1); epoch++) {
            double loss = epoch_mean(g, epoch, true), accuracy = epoch_mean(g, epoch, false);
            plot_int(p, epoch + 1);
            plot_real(p, loss);
            plot_real(p, accuracy);
            plot_row_end(p);
            widen(&loss_range[0], &loss_range[1], loss);
            widen(&accuracy_range[0], &accuracy_range[1], accuracy);
            last = isnan(accuracy) ? last : accuracy;
        }
        if (!isnan(last)) {
            ends[n_ends++] = (struct line_end){last, method};
        }
    }
    double margin = fmax(0.02, (accuracy_range[1] - accuracy_range[0]) * 0.06);
    accuracy_range[0] = fmax(0, accuracy_range[0] - margin);
    accuracy_range[1] = fmin(1, accuracy_range[1] + margin);
    loss_range[1] *= 1.05;
    double height = accuracy_range[1] - accuracy_range[0];
    line_ends_spread(ends, n_ends, height * (d->n_methods > 5 ? 0.088 : 0.11), accuracy_range[0],
                     accuracy_range[1], d->arena);
    plot_block(p, "labels", "y method colour");
    for (int i = 0; i < n_ends || i == 0; i++) {
        plot_real(p, n_ends > 0 ? ends[i].y : NAN);
        plot_text(p, n_ends > 0 ? d->methods[ends[i].series] : "");
        plot_int(p, n_ends > 0 ? ends[i].series : 0);
        plot_row_end(p);
    }
    return n_most;
}

static int draw_epochs(const struct report_data *d, int model, const char *name, const char *dir,
                       struct err *e)
{
    struct plot p;
    plot_begin(&p, name, "epochs.gp");
    plot_string(&p, "model", d->models[model]);
    int n_epochs = 1, n_rows = 0;
    double *ranges = arena_array(d->arena, (size_t)d->n_datasets * 4, sizeof *ranges);
    const char **shown = arena_array(d->arena, (size_t)d->n_datasets, sizeof *shown);
    for (int dataset = 0; dataset < d->n_datasets; dataset++) {
        double *r = &ranges[4 * n_rows];
        r[0] = r[1] = 0;
        r[2] = 1;
        bool any = false;
        for (int method = 0; method < d->n_methods; method++) {
            any = any || epochs_of(report_group_at(d, model, method, dataset)) > 0;
        }
        if (any) {
            int n = add_curves(&p, d, model, dataset, r, r + 2);
            n_epochs = n > n_epochs ? n : n_epochs;
            shown[n_rows++] = d->datasets[dataset].shown;
        }
    }
    if (n_rows == 0) {
        plot_abandon(&p);
        return 1;
    }
    static const char *const names[] = {"loss_low", "loss_high", "accuracy_low", "accuracy_high"};
    for (int k = 0; k < 4; k++) {
        plot_array_begin(&p, names[k]);
        for (int i = 0; i < n_rows; i++) {
            plot_array_real(&p, ranges[4 * i + k]);
        }
        plot_array_end(&p);
    }
    plot_array_begin(&p, "panel");
    for (int i = 0; i < n_rows; i++) {
        plot_array_text(&p, shown[i]);
    }
    plot_array_end(&p);
    plot_array_begin(&p, "method");
    for (int method = 0; method < d->n_methods; method++) {
        plot_array_text(&p, d->methods[method]);
    }
    plot_array_end(&p);
    plot_number(&p, "n_panels", n_rows);
    plot_number(&p, "n_epochs", n_epochs);
    return plot_draw(&p, dir, e);
}

/* Whether every method with results on this model has some on this data set. */
static bool all_methods_have(const struct report_data *d, int model, int dataset)
{
    bool any = false;
    for (int method = 0; method < d->n_methods; method++) {
        bool has = report_group_at(d, model, method, dataset)->n > 0;
        if (!has && has_model(d, method, model)) {
            return false;
        }
        any = any || has;
    }
    return any;
}

struct point {
    const char *method;
    double parameters, accuracy, label;
};

/* Mean accuracy over the data sets that all methods have; NaN without any. */
static double mean_accuracy(const struct report_data *d, int model, int method, int *n_datasets)
{
    double sum = 0;
    *n_datasets = 0;
    for (int dataset = 0; dataset < d->n_datasets; dataset++) {
        const struct report_group *g = report_group_at(d, model, method, dataset);
        if (all_methods_have(d, model, dataset) && g->n > 0) {
            sum += report_mean_of(g, report_metric, METRIC_ACCURACY).mean;
            (*n_datasets)++;
        }
    }
    return *n_datasets > 0 ? sum / *n_datasets : NAN;
}

static double trainable(const struct report_cell *c)
{
    return (double)c->trainable_params;
}

/* Points of one model; methods that train nothing have no place on a log axis. */
static int points_of(struct point *points, const struct report_data *d, int model, int *n_datasets)
{
    int n = 0;
    for (int method = 0; method < d->n_methods; method++) {
        double parameters = report_median_of(d, model, method, trainable);
        int n_sets;
        double accuracy = mean_accuracy(d, model, method, &n_sets);
        if (parameters > 0 && !isnan(accuracy)) {
            *n_datasets = n_sets;
            points[n++] = (struct point){d->methods[method], parameters, accuracy, accuracy};
        }
    }
    return n;
}

/* A panel as the script draws it, in shares of its width and height. */
static const double letter_width = 0.02, line_height = 0.062, label_shift = 0.03;

struct panel {
    double x_low, x_end, y_low, y_high;
};

static double x_share(const struct panel *v, double parameters)
{
    return log(parameters / v->x_low) / log(v->x_end / v->x_low);
}

/* Whether the name of points[i] at height y would cover a point or a name that
 * was placed before. */
static bool is_covered(const struct panel *v, const struct point *points, int n, int i, double y)
{
    double scale = v->y_high - v->y_low;
    double left = x_share(v, points[i].parameters) + label_shift;
    double right = left + letter_width * (double)strlen(points[i].method);
    for (int k = 0; k < n; k++) {
        double x = x_share(v, points[k].parameters);
        bool over_point = x > left - 0.02 && x < right &&
                          fabs(points[k].accuracy - y) < 0.6 * line_height * scale;
        double other_right = x + label_shift + letter_width * (double)strlen(points[k].method);
        bool over_name = k < i && x + label_shift < right && other_right > left &&
                         fabs(points[k].label - y) < line_height * scale;
        if ((k != i && over_point) || over_name) {
            return true;
        }
    }
    return false;
}

/* Each name as near to the height of its point as there is room. */
static void place_labels(struct point *points, int n, const struct panel *v)
{
    double step = line_height * (v->y_high - v->y_low) / 4;
    for (int i = 0; i < n; i++) {
        points[i].label = points[i].accuracy;
        for (int k = 0; k < 80; k++) { /* 0, -1, 1, -2, 2, ... steps */
            double y = points[i].accuracy + (k % 2 == 0 ? 1 : -1) * ((k + 1) / 2) * step;
            if (y > v->y_low + step && y < v->y_high - step && !is_covered(v, points, n, i, y)) {
                points[i].label = y;
                break;
            }
        }
    }
}

/* "bert-base (6 data sets, 1 of them a stand-in)" */
static const char *parameters_title(const struct report_data *d, int model, int n_datasets)
{
    int n_stand_ins = 0;
    for (int dataset = 0; dataset < d->n_datasets; dataset++) {
        n_stand_ins += all_methods_have(d, model, dataset) && d->datasets[dataset].stand_in != NULL;
    }
    const char *of_them = n_stand_ins == 0   ? ""
                          : n_stand_ins == 1 ? ", 1 of them a stand-in"
                                             : ", some of them stand-ins";
    return arena_printf(d->arena, "%s (%d data set%s%s)", d->models[model], n_datasets,
                        n_datasets == 1 ? "" : "s", of_them);
}

static int draw_parameters(const struct report_data *d, const char *name, const char *dir,
                           struct err *e)
{
    struct plot p;
    plot_begin(&p, name, "parameters.gp");
    size_t n_points = (size_t)d->n_models * (size_t)d->n_methods;
    struct point *points = arena_array(d->arena, n_points, sizeof *points);
    int *counts = arena_array(d->arena, (size_t)d->n_models, sizeof *counts);
    double low = 1, high = 0, smallest = INFINITY, largest = 0;
    int n_panels = 0;
    plot_array_begin(&p, "panel");
    for (int model = 0; model < d->n_models; model++) {
        struct point *mine = &points[model * d->n_methods];
        int n_datasets = 0;
        counts[model] = points_of(mine, d, model, &n_datasets);
        for (int i = 0; i < counts[model]; i++) {
            widen(&low, &high, mine[i].accuracy);
            widen(&smallest, &largest, mine[i].parameters);
        }
        if (counts[model] > 0) {
            plot_array_text(&p, parameters_title(d, model, n_datasets));
        }
    }
    n_panels = plot_array_end(&p);
    if (n_panels == 0) {
        plot_abandon(&p);
        return 1;
    }
    double margin = fmax(0.05, (high - low) * 0.08), room = 0;
    for (int method = 0; method < d->n_methods; method++) {
        room = fmax(room, label_shift + letter_width * (double)strlen(d->methods[method]));
    }
    struct panel v = {.x_low = pow(10, floor(log10(smallest))),
                      .y_low = fmax(0, low - margin),
                      .y_high = fmin(1, high + margin)};
    /* So that a name still stands inside, right of the last point. */
    v.x_end = v.x_low * pow(fmax(10, largest / v.x_low), 1 / (1 - fmin(room, 0.5)));
    for (int model = 0; model < d->n_models; model++) {
        struct point *mine = &points[model * d->n_methods];
        if (counts[model] == 0) {
            continue;
        }
        place_labels(mine, counts[model], &v);
        plot_block(&p, d->models[model], "method trainable_parameters accuracy label_y");
        for (int i = 0; i < counts[model]; i++) {
            plot_text(&p, mine[i].method);
            plot_real(&p, mine[i].parameters);
            plot_real(&p, mine[i].accuracy);
            plot_real(&p, mine[i].label);
            plot_row_end(&p);
        }
    }
    plot_number(&p, "n_panels", n_panels);
    plot_number(&p, "y_low", v.y_low);
    plot_number(&p, "y_high", v.y_high);
    plot_number(&p, "x_low", v.x_low);
    plot_number(&p, "x_end", v.x_end);
    return plot_draw(&p, dir, e);
}

static double tokens_per_second(const struct report_cell *c)
{
    return c->tokens_per_second > 0 ? c->tokens_per_second : NAN;
}

static double peak_mib(const struct report_cell *c)
{
    return c->peak_rss_bytes > 0 ? (double)c->peak_rss_bytes / (1 << 20) : NAN;
}

static int draw_resources(const struct report_data *d, const char *name, const char *dir,
                          struct err *e)
{
    struct plot p;
    plot_begin(&p, name, "resources.gp");
    int n_panels = 0;
    double tokens = 0, memory = 0, none = 0;
    plot_array_begin(&p, "panel");
    for (int model = 0; model < d->n_models; model++) {
        bool any = false;
        for (int method = 0; method < d->n_methods; method++) {
            any = any || has_model(d, method, model);
        }
        if (any) {
            plot_array_text(&p, d->models[model]);
            plot_block(&p, d->models[model], "row method tokens_per_second peak_mib");
        }
        for (int method = 0; any && method < d->n_methods; method++) {
            double rate = report_median_of(d, model, method, tokens_per_second);
            double peak = report_median_of(d, model, method, peak_mib);
            plot_int(&p, method + 1);
            plot_text(&p, d->methods[method]);
            plot_real(&p, rate);
            plot_real(&p, peak);
            plot_row_end(&p);
            widen(&none, &tokens, rate);
            widen(&none, &memory, peak);
        }
    }
    n_panels = plot_array_end(&p);
    if (n_panels == 0) {
        plot_abandon(&p);
        return 1;
    }
    plot_array_begin(&p, "method");
    for (int method = 0; method < d->n_methods; method++) {
        plot_array_text(&p, d->methods[method]);
    }
    plot_array_end(&p);
    plot_number(&p, "n_panels", n_panels);
    plot_number(&p, "tokens_high", tokens > 0 ? tokens : 1);
    plot_number(&p, "memory_high", memory > 0 ? memory : 1);
    return plot_draw(&p, dir, e);
}

static bool model_has_cells(const struct report_data *d, int model)
{
    for (int dataset = 0; dataset < d->n_datasets; dataset++) {
        if (has_results(d, model, dataset)) {
            return true;
        }
    }
    return false;
}

int figures_draw(struct figures *f, const struct report_data *d, const char *dir, struct err *e)
{
    *f = (struct figures){.accuracy = arena_array(d->arena, (size_t)d->n_models, sizeof(char *)),
                          .epochs = arena_array(d->arena, (size_t)d->n_models, sizeof(char *))};
    struct str folder = {0};
    file_join(&folder, dir, "figures");
    const char *into = str_text(&folder);
    int status = file_make_dirs(into, e) != 0 ? -1 : plot_copy_scripts(into, e);
    for (int model = 0; status >= 0 && model < d->n_models; model++) {
        const char *name = figure_name(d, "accuracy", model);
        if (model_has_cells(d, model)) {
            status = draw_accuracy(d, model, name, into, e);
            f->accuracy[model] = name;
        }
        name = figure_name(d, "epochs", model);
        if (status >= 0) {
            status = draw_epochs(d, model, name, into, e);
            f->epochs[model] = status == 0 ? name : NULL;
        }
    }
    if (status >= 0) {
        const char *name = arena_printf(d->arena, "accuracy_by_parameters%s", d->suffix);
        status = draw_parameters(d, name, into, e);
        f->parameters = status == 0 ? name : NULL;
    }
    if (status >= 0) {
        const char *name = arena_printf(d->arena, "accuracy_by_size%s", d->suffix);
        status = figures_draw_sizes(d, name, into, e);
        f->sizes = status == 0 ? name : NULL;
    }
    if (status >= 0) {
        const char *name = arena_printf(d->arena, "speed_and_memory%s", d->suffix);
        status = draw_resources(d, name, into, e);
        f->resources = status == 0 ? name : NULL;
    }
    str_release(&folder);
    return status < 0 ? -1 : 0;
}
