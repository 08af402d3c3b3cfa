#include "reports/figures.h"

#include "harness/base/file.h"
#include "harness/base/str.h"
#include "reports/gnuplot.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>

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
    char *name = arena_printf(d->arena, "%s-%s", kind, d->models[model]);
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

/* One panel a data set, one row a method: mean and interval of accuracy. */
static int draw_accuracy(const struct report_data *d, int model, const char *name, const char *dir,
                         struct err *e)
{
    struct plot p;
    plot_begin(&p, name, "accuracy.gp");
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
            widen(&low, &high, fmax(0, m.low));
            widen(&low, &high, fmin(1, m.high));
        }
    }
    plot_number(&p, "n_panels", n_panels);
    plot_number(&p, "x_low", fmax(0, floor(low * 10) / 10));
    plot_number(&p, "x_high", fmin(1, ceil(high * 10) / 10));
    return plot_draw(&p, dir, e);
}

/* Moves labels apart: y[0..n) keep their order and get at least gap between
 * each other, inside [low, high] where there is room. */
static void spread(double *y, int n, double gap, double low, double high)
{
    for (int round = 0; round < 200; round++) {
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < n; j++) {
                /* Of equals the later stands lower. */
                bool above = y[j] > y[i] || (y[j] == y[i] && j < i);
                if (i == j || !above || y[j] - y[i] >= gap) {
                    continue;
                }
                double push = (gap - (y[j] - y[i])) / 2 + gap * 1e-6;
                y[i] -= push;
                y[j] += push;
            }
        }
        for (int i = 0; i < n; i++) {
            y[i] = fmin(fmax(y[i], low), high);
        }
    }
}

/* Mean over seeds of one epoch; NaN when no seed has it. */
static double epoch_mean(const struct report_group *g, int epoch, bool loss)
{
    double sum = 0;
    int n = 0;
    for (int i = 0; i < g->n; i++) {
        if (epoch < g->cells[i]->n_epochs) {
            const struct report_epoch *x = &g->cells[i]->epochs[epoch];
            sum += loss ? x->train_loss : x->validation_accuracy;
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
    double *ends = arena_array(d->arena, (size_t)d->n_methods, sizeof *ends);
    int *method_of = arena_array(d->arena, (size_t)d->n_methods, sizeof *method_of);
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
            ends[n_ends] = last;
            method_of[n_ends++] = method;
        }
    }
    double margin = fmax(0.02, (accuracy_range[1] - accuracy_range[0]) * 0.06);
    accuracy_range[0] = fmax(0, accuracy_range[0] - margin);
    accuracy_range[1] = fmin(1, accuracy_range[1] + margin);
    loss_range[1] *= 1.05;
    spread(ends, n_ends, (accuracy_range[1] - accuracy_range[0]) * 0.085, accuracy_range[0],
           accuracy_range[1]);
    plot_block(p, "labels", "y method colour");
    for (int i = 0; i < n_ends || i == 0; i++) {
        plot_real(p, n_ends > 0 ? ends[i] : NAN);
        plot_text(p, n_ends > 0 ? d->methods[method_of[i]] : "");
        plot_int(p, n_ends > 0 ? method_of[i] : 0);
        plot_row_end(p);
    }
    return n_most;
}

static int draw_epochs(const struct report_data *d, int model, const char *name, const char *dir,
                       struct err *e)
{
    struct plot p;
    plot_begin(&p, name, "epochs.gp");
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

static void place_labels(struct point *points, int n, double low, double high, struct arena *a)
{
    double *y = arena_array(a, (size_t)n, sizeof *y);
    for (int i = 0; i < n; i++) {
        y[i] = points[i].accuracy;
    }
    spread(y, n, (high - low) * 0.07, low, high);
    for (int i = 0; i < n; i++) {
        points[i].label = y[i];
    }
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
            plot_array_text(&p, arena_printf(d->arena, "%s (%d data set%s)", d->models[model],
                                             n_datasets, n_datasets == 1 ? "" : "s"));
        }
    }
    n_panels = plot_array_end(&p);
    if (n_panels == 0) {
        plot_abandon(&p);
        return 1;
    }
    low = fmax(0, low - 0.03);
    high = fmin(1, high + 0.03);
    for (int model = 0; model < d->n_models; model++) {
        struct point *mine = &points[model * d->n_methods];
        if (counts[model] == 0) {
            continue;
        }
        place_labels(mine, counts[model], low, high, d->arena);
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
    plot_number(&p, "y_low", low);
    plot_number(&p, "y_high", high);
    plot_number(&p, "x_low", pow(10, floor(log10(smallest))));
    plot_number(&p, "x_high", pow(10, ceil(log10(largest) + 1e-9)));
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
        status = draw_parameters(d, "accuracy_by_parameters", into, e);
        f->parameters = status == 0 ? "accuracy_by_parameters" : NULL;
    }
    if (status >= 0) {
        status = draw_resources(d, "speed_and_memory", into, e);
        f->resources = status == 0 ? "speed_and_memory" : NULL;
    }
    str_release(&folder);
    return status < 0 ? -1 : 0;
}
