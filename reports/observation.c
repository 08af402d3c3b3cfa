#include "reports/observation.h"

#include "harness/base/paths.h"
#include "harness/base/str.h"
#include "reports/csv_table.h"

#include <math.h>
#include <string.h>

/* "lora" of "lora learning_rate=1e-05". */
static const char *base_of(const char *method, struct arena *a)
{
    return arena_strndup(a, method, strcspn(method, " "));
}

struct observations observations_measured(const struct report_data *d, struct arena *a)
{
    struct observations o = {arena_array(a, (size_t)d->n_cells, sizeof *o.items), 0};
    for (int i = 0; i < d->n_cells; i++) {
        const struct report_cell *c = &d->cells[i];
        if (!c->done || c->superseded) {
            continue;
        }
        bool tokens = str_equal(c->metric_unit, "token");
        double *epochs = arena_array(a, (size_t)c->n_epochs, sizeof *epochs);
        for (int k = 0; k < c->n_epochs; k++) {
            epochs[k] = c->epochs[k].metric[tokens ? METRIC_TOKEN_ACCURACY : METRIC_ACCURACY];
        }
        o.items[o.n++] = (struct observation){
            .model = c->model,
            .method = base_of(c->method, a),
            .label = c->label,
            .dataset = c->dataset,
            .protocol = c->protocol,
            .metric_unit = c->metric_unit,
            .seed = c->seed,
            .accuracy = report_reported(c, 0),
            .f1_weighted = c->metric[tokens ? METRIC_TOKEN_F1_WEIGHTED : METRIC_F1_WEIGHTED],
            .learning_rate = c->learning_rate,
            .train_batch_size = c->train_batch_size,
            .n_updates = (long)c->n_updates,
            .n_epochs = c->n_epochs,
            .n_train = (long)c->n_train,
            .n_evaluation = (long)(str_equal(c->split, "test") ? c->n_test : c->n_validation),
            .trainable_params = c->trainable_params,
            .total_params = c->total_params,
            .train_seconds = c->train_seconds,
            .epoch_accuracy = epochs,
            .cell = c,
        };
    }
    return o;
}

static int check_unit(const struct csv_table *t, int row, const char *unit, struct err *e)
{
    if (str_equal(unit, "example") || str_equal(unit, "token")) {
        return 0;
    }
    return err_set(e, "%s:%ld: metric_unit is \"%s\", not example or token", t->path, t->line[row],
                   unit);
}

static int read_final(struct observations *out, const char *path, struct arena *a, struct err *e)
{
    static const char *const columns[] = {
        "model",           "method",           "dataset",       "metric_unit",
        "accuracy",        "f1_weighted",      "train_seconds", "epochs",
        "effective_batch", "trainable_params", "total_params",  NULL};
    enum { ACCURACY = 4, EPOCHS = 7, N_COLUMNS = 11 };
    struct csv_table t;
    if (csv_table_read(&t, path, columns, a, e) != 0) {
        return -1;
    }
    *out = (struct observations){arena_array(a, (size_t)t.n_rows, sizeof *out->items), t.n_rows};
    for (int i = 0; i < t.n_rows; i++) {
        struct observation *o = &out->items[i];
        double reals[EPOCHS - ACCURACY];
        int64_t counts[N_COLUMNS - EPOCHS];
        for (int k = ACCURACY; k < N_COLUMNS; k++) {
            int status = k < EPOCHS ? csv_table_real(&reals[k - ACCURACY], &t, i, k, columns[k], e)
                                    : csv_table_int(&counts[k - EPOCHS], &t, i, k, columns[k], e);
            if (status != 0) {
                return -1;
            }
        }
        if (counts[0] < 1 || counts[0] > 10000) {
            return err_set(e, "%s:%ld: epochs is %ld", path, t.line[i], (long)counts[0]);
        }
        *o = (struct observation){.model = csv_table_text(&t, i, 0),
                                  .method = csv_table_text(&t, i, 1),
                                  .label = csv_table_text(&t, i, 1),
                                  .dataset = csv_table_text(&t, i, 2),
                                  .protocol = "published",
                                  .metric_unit = csv_table_text(&t, i, 3),
                                  .accuracy = reals[0],
                                  .f1_weighted = reals[1],
                                  .train_seconds = reals[2],
                                  .learning_rate = NAN,
                                  .n_epochs = (long)counts[0],
                                  .train_batch_size = (long)counts[1],
                                  .trainable_params = counts[2],
                                  .total_params = counts[3]};
        if (check_unit(&t, i, o->metric_unit, e) != 0) {
            return -1;
        }
        double *epochs = arena_array(a, (size_t)o->n_epochs, sizeof *epochs);
        for (long k = 0; k < o->n_epochs; k++) {
            epochs[k] = NAN;
        }
        o->epoch_accuracy = epochs;
    }
    return 0;
}

static struct observation *find(const struct observations *o, const struct csv_table *t, int row)
{
    for (int i = 0; i < o->n; i++) {
        if (str_equal(o->items[i].model, csv_table_text(t, row, 0)) &&
            str_equal(o->items[i].method, csv_table_text(t, row, 1)) &&
            str_equal(o->items[i].dataset, csv_table_text(t, row, 2))) {
            return &o->items[i];
        }
    }
    return NULL;
}

static int read_epochs(struct observations *o, const char *path, struct arena *a, struct err *e)
{
    static const char *const columns[] = {"model",      "method",        "dataset",
                                          "accuracy",   "learning_rate", "epoch",
                                          "train_rows", "eval_rows",     NULL};
    struct csv_table t;
    if (csv_table_read(&t, path, columns, a, e) != 0) {
        return -1;
    }
    for (int i = 0; i < t.n_rows; i++) {
        double accuracy, learning_rate;
        int64_t epoch, n_train, n_evaluation;
        struct observation *x = find(o, &t, i);
        if (csv_table_real(&accuracy, &t, i, 3, columns[3], e) != 0 ||
            csv_table_real(&learning_rate, &t, i, 4, columns[4], e) != 0 ||
            csv_table_int(&epoch, &t, i, 5, columns[5], e) != 0 ||
            csv_table_int(&n_train, &t, i, 6, columns[6], e) != 0 ||
            csv_table_int(&n_evaluation, &t, i, 7, columns[7], e) != 0) {
            return -1;
        }
        if (x == NULL || epoch < 1 || epoch > x->n_epochs || x->train_batch_size < 1) {
            return err_set(e, "%s:%ld: epoch %ld of %s %s on %s has no run in final.csv", path,
                           t.line[i], (long)epoch, csv_table_text(&t, i, 0),
                           csv_table_text(&t, i, 1), csv_table_text(&t, i, 2));
        }
        x->epoch_accuracy[epoch - 1] = accuracy;
        x->learning_rate = learning_rate;
        x->n_train = (long)n_train;
        x->n_evaluation = (long)n_evaluation;
        x->n_updates = (x->n_train + x->train_batch_size - 1) / x->train_batch_size * x->n_epochs;
    }
    return 0;
}

int observations_read(struct observations *out, const char *folder, struct arena *a, struct err *e)
{
    const char *final = arena_printf(a, "%s/final.csv", folder);
    const char *epochs = arena_printf(a, "%s/epochs.csv", folder);
    return read_final(out, final, a, e) != 0 ? -1 : read_epochs(out, epochs, a, e);
}

int observations_published(struct observations *out, struct arena *a, struct err *e)
{
    struct str home = {0};
    int status = paths_home(&home, e);
    if (status == 0) {
        const char *folder = arena_printf(a, "%s/results/published", str_text(&home));
        status = observations_read(out, folder, a, e);
    }
    str_release(&home);
    return status;
}
