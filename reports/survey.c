#include "reports/survey.h"

#include "harness/base/file.h"
#include "harness/base/str.h"
#include "reports/tables.h"

#include <string.h>

bool survey_is_method(const char *label, const char *method)
{
    size_t n = strlen(method);
    return strncmp(label, method, n) == 0 && (label[n] == '\0' || label[n] == ' ');
}

static int find(const char *const *names, int n, const char *name)
{
    for (int i = 0; i < n; i++) {
        if (str_equal(names[i], name)) {
            return i;
        }
    }
    return -1;
}

static bool is_published_model(const struct survey *s, const char *model)
{
    for (int i = 0; i < s->published.n; i++) {
        if (str_equal(s->published.items[i].model, model)) {
            return true;
        }
    }
    return false;
}

static bool is_of_survey(const struct survey *s, const struct report_cell *c)
{
    return is_published_model(s, c->model) && find(s->datasets, s->n_datasets, c->dataset) >= 0;
}

static void add_row(struct survey *s, const char *model, const char *method)
{
    for (int i = 0; i < s->n_rows; i++) {
        if (str_equal(s->rows[i].model, model) && str_equal(s->rows[i].method, method)) {
            return;
        }
    }
    s->rows[s->n_rows++] = (struct survey_row){model, method};
}

int survey_load(struct survey *s, const struct report_set *set, struct err *e)
{
    struct arena *a = set->arena;
    *s = (struct survey){.set = set};
    if (observations_published(&s->published, a, e) != 0) {
        return -1;
    }
    size_t n_most = (size_t)s->published.n + (size_t)set->n_cells;
    s->rows = arena_array(a, n_most, sizeof *s->rows);
    s->datasets = arena_array(a, (size_t)s->published.n, sizeof *s->datasets);
    for (int i = 0; i < s->published.n; i++) {
        const struct observation *x = &s->published.items[i];
        add_row(s, x->model, x->method);
        if (find(s->datasets, s->n_datasets, x->dataset) < 0) {
            s->datasets[s->n_datasets++] = x->dataset;
        }
    }
    s->n_published_rows = s->n_rows;
    for (int i = 0; i < set->n_cells; i++) {
        const struct report_cell *c = &set->cells[i];
        if (!is_of_survey(s, c)) {
            continue;
        }
        s->n_measured += c->done && !c->superseded;
        const char *method = arena_strndup(a, c->method, strcspn(c->method, " "));
        if (str_equal(method, "full") || str_equal(method, "lora")) {
            add_row(s, c->model, method);
        }
    }
    return 0;
}

const struct observation *survey_published(const struct survey *s, const char *model,
                                           const char *method, const char *dataset)
{
    for (int i = 0; i < s->published.n; i++) {
        const struct observation *x = &s->published.items[i];
        if (str_equal(x->model, model) && str_equal(x->method, method) &&
            str_equal(x->dataset, dataset)) {
            return x;
        }
    }
    return NULL;
}

bool survey_has(const struct survey *s, const struct report_data *d)
{
    for (int i = 0; i < d->n_cells; i++) {
        if (is_of_survey(s, &d->cells[i])) {
            return true;
        }
    }
    return false;
}

const struct report_group *survey_group(const struct report_data *d, const char *model, int method,
                                        const char *dataset)
{
    const struct report_group *best = NULL;
    int at = find(d->models, d->n_models, model);
    for (int i = 0; at >= 0 && i < d->n_datasets; i++) {
        if (str_equal(d->datasets[i].name, dataset)) {
            const struct report_group *g = report_group_at(d, at, method, i);
            bool any = g->n + g->n_failed + g->n_skipped > 0;
            if (any && (best == NULL || d->datasets[i].stand_in == NULL)) {
                best = g;
            }
        }
    }
    return best;
}

static double seconds(const struct report_cell *c, int which)
{
    (void)which;
    return c->train_seconds;
}

static void add_published(struct str *s, const struct observation *x)
{
    if (x == NULL) {
        str_add(s, ",,,,,,,,,");
        return;
    }
    csv_text(s, x->metric_unit, ',');
    csv_real(s, x->accuracy, ',');
    csv_int(s, x->n_train, ',');
    csv_int(s, x->n_evaluation, ',');
    csv_real(s, x->learning_rate, ',');
    csv_int(s, x->train_batch_size, ',');
    csv_int(s, x->n_epochs, ',');
    csv_int(s, x->n_updates, ',');
    csv_real(s, x->train_seconds, ',');
}

/* One place: the published run, one measured group, or both. */
static void add_place(struct str *s, const struct report_data *d, const struct survey_row *row,
                      const char *dataset, const struct observation *x,
                      const struct report_group *g)
{
    csv_text(s, row->model, ',');
    csv_text(s, row->method, ',');
    csv_text(s, dataset, ',');
    add_published(s, x);
    if (g == NULL || g->n == 0) {
        str_add(s, ",,,,,,,,,,,,,,,\n");
        return;
    }
    const struct report_cell *c = g->cells[0];
    struct report_mean m = report_mean_of(g, report_reported, 0);
    csv_text(s, d->protocol, ',');
    csv_text(s, d->methods[g->method], ',');
    csv_text(s, c->stand_in != NULL ? c->stand_in : "", ',');
    csv_text(s, c->metric_unit, ',');
    csv_int(s, m.n, ',');
    csv_real(s, m.mean, ',');
    csv_real(s, m.low, ',');
    csv_real(s, m.high, ',');
    csv_real(s, report_mean_of(g, report_metric, METRIC_ACCURACY).mean, ',');
    csv_int(s, c->n_train, ',');
    csv_int(s, str_equal(c->split, "test") ? c->n_test : c->n_validation, ',');
    csv_real(s, c->learning_rate, ',');
    csv_int(s, c->train_batch_size, ',');
    csv_int(s, c->n_epochs, ',');
    csv_int(s, c->n_updates, ',');
    csv_real(s, report_mean_of(g, seconds, 0).mean, '\n');
}

static void add_places(struct str *s, const struct survey *v, const struct survey_row *row,
                       const char *dataset)
{
    const struct observation *x = survey_published(v, row->model, row->method, dataset);
    bool any = false;
    for (int k = 0; k < v->set->n; k++) {
        const struct report_data *d = &v->set->items[k];
        for (int method = 0; method < d->n_methods; method++) {
            const struct report_group *g = survey_group(d, row->model, method, dataset);
            if (g != NULL && g->n > 0 && survey_is_method(d->methods[method], row->method)) {
                add_place(s, d, row, dataset, x, g);
                any = true;
            }
        }
    }
    if (!any && x != NULL) {
        add_place(s, NULL, row, dataset, x, NULL);
    }
}

int survey_write(const struct survey *s, const char *dir, struct err *e)
{
    struct str text = {0}, path = {0};
    str_add(&text, "model,method,dataset,published_unit,published_accuracy,published_n_train,"
                   "published_n_evaluation,published_learning_rate,published_batch_size,"
                   "published_n_epochs,published_n_updates,published_train_seconds,"
                   "measured_protocol,measured_label,measured_stand_in,measured_unit,measured_n,"
                   "measured_accuracy,measured_low_95,measured_high_95,measured_by_example,"
                   "measured_n_train,measured_n_evaluation,measured_learning_rate,"
                   "measured_batch_size,measured_n_epochs,measured_n_updates,"
                   "measured_train_seconds\n");
    for (int i = 0; i < s->n_rows; i++) {
        for (int k = 0; k < s->n_datasets; k++) {
            add_places(&text, s, &s->rows[i], s->datasets[k]);
        }
    }
    int status = file_write(file_join(&path, dir, "survey.csv"), str_text(&text), text.len, e);
    str_release(&text);
    str_release(&path);
    return status;
}
