/* The survey's two epoch figures, unstacked, and accuracy by size (survey.h). */
#include "reports/survey.h"

#include "harness/base/file.h"
#include "harness/base/str.h"
#include "reports/family.h"
#include "reports/lines.h"

#include <math.h>

/* One curve of a figure. */
struct curve {
    const char *model, *method; /* of a size figure: the family */
    const char *name;
};

/* What the points of one figure are taken from. */
struct source {
    const struct survey *survey;
    const struct report_data *data; /* NULL: published alone */
};

/* The measured group of a method; of several, as in a sweep, the one with the survey's rate. */
static const struct report_group *measured(const struct source *from, const char *model,
                                           const char *method, const char *dataset)
{
    const struct report_group *best = NULL;
    const struct report_data *d = from->data;
    const struct observation *x = survey_published(from->survey, model, method, dataset);
    for (int k = 0; d != NULL && k < d->n_methods; k++) {
        const struct report_group *g = survey_group(d, model, k, dataset);
        if (g == NULL || g->n == 0 || !survey_is_method(d->methods[k], method)) {
            continue;
        }
        if (best == NULL || (x != NULL && g->cells[0]->learning_rate == x->learning_rate &&
                             best->cells[0]->learning_rate != x->learning_rate)) {
            best = g;
        }
    }
    return best;
}

static struct points published_epochs(const struct observation *x, struct arena *a)
{
    struct points p = {0};
    if (x != NULL) {
        p.n = (int)x->n_epochs;
        p.x = arena_array(a, (size_t)p.n, sizeof *p.x);
        p.y = x->epoch_accuracy;
    }
    for (int i = 0; i < p.n; i++) {
        p.x[i] = i + 1;
    }
    return p;
}

/* Means over the seeds that have an epoch, in the unit of the protocol. */
static struct points measured_epochs(const struct report_group *g, struct arena *a)
{
    struct points p = {0};
    for (int i = 0; g != NULL && i < g->n; i++) {
        p.n = g->cells[i]->n_epochs > p.n ? g->cells[i]->n_epochs : p.n;
    }
    p.x = arena_array(a, (size_t)p.n, sizeof *p.x);
    p.y = arena_array(a, (size_t)p.n, sizeof *p.y);
    for (int epoch = 0; epoch < p.n; epoch++) {
        double sum = 0;
        int n = 0;
        for (int i = 0; i < g->n; i++) {
            const struct report_cell *c = g->cells[i];
            enum metric m =
                str_equal(c->metric_unit, "token") ? METRIC_TOKEN_ACCURACY : METRIC_ACCURACY;
            if (epoch < c->n_epochs && !isnan(c->epochs[epoch].metric[m])) {
                sum += c->epochs[epoch].metric[m];
                n++;
            }
        }
        p.x[epoch] = epoch + 1;
        p.y[epoch] = n > 0 ? sum / n : NAN;
    }
    return p;
}

/* Accuracy of a family's models against their size, smallest first. */
static struct points sizes(const struct source *from, const struct curve *c, const char *dataset,
                           bool published, struct arena *a)
{
    const struct survey *s = from->survey;
    struct points p = {arena_array(a, (size_t)s->n_rows, sizeof(double)),
                       arena_array(a, (size_t)s->n_rows, sizeof(double)), 0};
    for (int i = 0; i < s->n_rows; i++) {
        const struct survey_row *row = &s->rows[i];
        if (!str_equal(row->method, c->method) ||
            !str_equal(family_of_model(row->model, a), c->model)) {
            continue;
        }
        const struct observation *x = survey_published(s, row->model, row->method, dataset);
        const struct report_group *g = measured(from, row->model, row->method, dataset);
        if (published ? x == NULL : g == NULL) {
            continue;
        }
        double size = published ? (double)x->total_params : (double)g->cells[0]->total_params;
        int at = p.n++;
        for (; at > 0 && p.x[at - 1] > size; at--) {
            p.x[at] = p.x[at - 1];
            p.y[at] = p.y[at - 1];
        }
        p.x[at] = size;
        p.y[at] = published ? x->accuracy : report_mean_of(g, report_reported, 0).mean;
    }
    return p;
}

static const char *title_of(const struct source *from, const char *what, struct arena *a)
{
    return from->data == NULL
               ? arena_printf(a, "%s: published (logged runs)", what)
               : arena_printf(a, "%s: published (solid), measured under protocol %s (dashed)", what,
                              from->data->protocol);
}

struct figure {
    const char *name, *what;
    const struct curve *curves;
    int n_curves;
    bool by_size;
};

/* The name of the figure in *drawn, or NULL when there is nothing to draw. */
static int draw(const char **drawn, const struct source *from, const struct figure *f,
                const char *dir, struct err *e)
{
    const struct survey *s = from->survey;
    struct arena *a = s->set->arena;
    int n_series = 2 * f->n_curves;
    size_t n_points = (size_t)s->n_datasets * (size_t)n_series;
    struct series *series = arena_array(a, (size_t)n_series, sizeof *series);
    struct points *points = arena_array(a, n_points, sizeof *points);
    for (int k = 0; k < n_series; k++) {
        int c = k % f->n_curves;
        series[k] = (struct series){f->curves[c].name, c, k >= f->n_curves};
    }
    for (int i = 0; i < s->n_datasets * n_series; i++) {
        int k = i % n_series;
        const struct curve *c = &f->curves[k % f->n_curves];
        const char *dataset = s->datasets[i / n_series];
        if (f->by_size) {
            points[i] = sizes(from, c, dataset, !series[k].dashed, a);
        } else if (!series[k].dashed) {
            points[i] = published_epochs(survey_published(s, c->model, c->method, dataset), a);
        } else {
            points[i] = measured_epochs(measured(from, c->model, c->method, dataset), a);
        }
    }
    *drawn = from->data != NULL ? arena_printf(a, "%s-%s", f->name, from->data->protocol) : f->name;
    int status = lines_draw(&(struct lines){.name = *drawn,
                                            .title = title_of(from, f->what, a),
                                            .x_label = f->by_size ? "parameters" : "epoch",
                                            .y_label = "accuracy",
                                            .log_x = f->by_size,
                                            .series = series,
                                            .panels = s->datasets,
                                            .points = points,
                                            .n_series = n_series,
                                            .n_panels = s->n_datasets},
                            dir, a, e);
    *drawn = status == 0 ? *drawn : NULL;
    return status < 0 ? -1 : 0;
}

static int draw_all(struct survey_figures *out, const struct source *from, const char *dir,
                    struct err *e)
{
    static const struct curve by_model[] = {{"bert-base-cased", "lora", "bert-base-cased"},
                                            {"bert-large-cased", "lora", "bert-large-cased"},
                                            {"flan-t5-base", "lora", "flan-t5-base"},
                                            {"flan-t5-large", "lora", "flan-t5-large"},
                                            {"flan-t5-xl", "lora", "flan-t5-xl"}};
    static const struct curve by_method[] = {{"bert-base-cased", "full", "bert-base full"},
                                             {"bert-base-cased", "lora", "bert-base lora"},
                                             {"flan-t5-base", "full", "flan-t5-base full"},
                                             {"flan-t5-base", "lora", "flan-t5-base lora"}};
    static const struct curve by_size[] = {{"bert", "lora", "bert lora"},
                                           {"flan-t5", "lora", "flan-t5 lora"},
                                           {"bert", "full", "bert full"},
                                           {"flan-t5", "full", "flan-t5 full"}};
    const struct figure figures[] = {
        {"survey_sizes", "LoRA by epoch, five models", by_model, 5, false},
        {"survey_methods", "Full and LoRA by epoch", by_method, 4, false},
        {"survey_parameters", "Accuracy by size", by_size, 4, true}};
    const char **names[] = {&out->sizes, &out->methods, &out->parameters};
    out->protocol = from->data != NULL ? from->data->protocol : NULL;
    for (int i = 0; i < 3; i++) {
        if (draw(names[i], from, &figures[i], dir, e) != 0) {
            return -1;
        }
    }
    return 0;
}

int survey_draw(struct survey *s, const char *dir, struct err *e)
{
    struct str folder = {0};
    int status = 0;
    file_join(&folder, dir, "figures");
    s->figures = arena_array(s->set->arena, (size_t)s->set->n + 1, sizeof *s->figures);
    for (int k = 0; status == 0 && s->n_measured > 0 && k < s->set->n; k++) {
        if (survey_has(s, &s->set->items[k])) {
            const struct source from = {s, &s->set->items[k]};
            status = draw_all(&s->figures[s->n_figures++], &from, str_text(&folder), e);
        }
    }
    if (status == 0 && s->n_figures == 0) {
        status =
            draw_all(&s->figures[s->n_figures++], &(struct source){s, NULL}, str_text(&folder), e);
    }
    str_release(&folder);
    return status;
}
