#include "reports/tables.h"

#include "harness/base/file.h"
#include "harness/base/str.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

void csv_text(struct str *s, const char *text, char end)
{
    if (strpbrk(text, ",\"\r\n") == NULL) {
        str_add(s, text);
    } else {
        str_add_char(s, '"');
        for (const char *c = text; *c != '\0'; c++) {
            str_add(s, *c == '"' ? "\"" : "");
            str_add_char(s, *c);
        }
        str_add_char(s, '"');
    }
    str_add_char(s, end);
}

void csv_real(struct str *s, double value, char end)
{
    if (!isnan(value)) {
        str_add_double(s, value);
    }
    str_add_char(s, end);
}

void csv_int(struct str *s, int64_t value, char end)
{
    str_printf(s, "%" PRId64 "%c", value, end);
}

/* Options one a line, as one field: "r=8; alpha=16". */
static void csv_options(struct str *s, const char *options, char end)
{
    struct str joined = {0};
    for (const char *at = options; *at != '\0'; at += strcspn(at, "\n"), at += *at == '\n') {
        str_add(&joined, joined.len > 0 ? "; " : "");
        str_add_bytes(&joined, at, strcspn(at, "\n"));
    }
    csv_text(s, str_text(&joined), end);
    str_release(&joined);
}

static const char *or_empty(const char *text)
{
    return text != NULL ? text : "";
}

static void add_run(struct str *s, const struct report_cell *c)
{
    csv_text(s, c->cell_id, ',');
    csv_text(s, c->model, ',');
    csv_text(s, c->method, ',');
    csv_text(s, c->label, ',');
    csv_text(s, c->dataset, ',');
    csv_text(s, or_empty(c->stand_in), ',');
    csv_int(s, c->seed, ',');
    csv_text(s, c->protocol, ',');
    csv_text(s, c->precision, ',');
    csv_text(s, c->status, ',');
    csv_int(s, c->superseded, ',');
    csv_text(s, c->message, ',');
    csv_int(s, c->trainable_params, ',');
    csv_int(s, c->total_params, ',');
    csv_text(s, c->split, ',');
    for (int m = 0; m < METRIC_COUNT; m++) {
        csv_real(s, c->metric[m], ',');
    }
    csv_int(s, c->n_train, ',');
    csv_int(s, c->n_validation, ',');
    csv_int(s, c->n_test, ',');
    csv_int(s, c->n_updates, ',');
    csv_real(s, c->leak_rate, ',');
    csv_real(s, c->n_cut_targets < 0 ? NAN : c->n_cut_targets, ',');
    csv_real(s, c->learning_rate, ',');
    csv_int(s, c->train_batch_size, ',');
    csv_text(s, c->metric_unit, ',');
    csv_int(s, c->n_epochs, ',');
    csv_int(s, c->best_epoch, ',');
    csv_real(s, c->seconds, ',');
    csv_real(s, c->train_seconds, ',');
    csv_real(s, c->tokens_per_second, ',');
    csv_real(s, c->examples_per_second, ',');
    csv_int(s, c->peak_rss_bytes, ',');
    csv_int(s, c->attempts, ',');
    csv_int(s, c->resumed, ',');
    csv_text(s, c->started, ',');
    csv_text(s, c->blas_core, ',');
    csv_text(s, c->determinism, ',');
    csv_int(s, c->numerics_version, ',');
    csv_text(s, c->commit, ',');
    csv_text(s, c->environment_id, ',');
    csv_text(s, c->data_hash, ',');
    csv_options(s, c->method_options, ',');
    csv_options(s, c->protocol_options, '\n');
}

static void add_runs(struct str *s, const struct report_set *r)
{
    str_add(s, "cell_id,model,method,label,dataset,stand_in,seed,protocol,precision,status,"
               "superseded,message,trainable_params,total_params,split,");
    for (int m = 0; m < METRIC_COUNT; m++) {
        str_printf(s, "%s,", metric_name((enum metric)m));
    }
    str_add(s, "n_train,n_validation,n_test,n_updates,leak_rate,n_cut_targets,learning_rate,"
               "train_batch_size,metric_unit,n_epochs,best_epoch,seconds,train_seconds,"
               "tokens_per_second,examples_per_second,peak_rss_bytes,attempts,resumed,started,"
               "blas_core,determinism,numerics_version,commit,environment_id,data_hash,"
               "method_options,protocol_options\n");
    for (int k = 0; k < r->n; k++) {
        const struct report_data *d = &r->items[k];
        for (int i = 0; i < d->n_models * d->n_cells; i++) {
            const struct report_cell *c = &d->cells[i % d->n_cells];
            if (str_equal(c->model, d->models[i / d->n_cells])) {
                add_run(s, c);
            }
        }
    }
}

static void add_group(struct str *s, const struct report_data *d, const struct report_group *g)
{
    for (int m = 0; m < METRIC_COUNT; m++) {
        struct report_mean mean = report_mean_of(g, report_metric, m);
        if (mean.n == 0) { /* of text, and the model has a classifier */
            continue;
        }
        csv_text(s, d->protocol, ',');
        csv_text(s, d->models[g->model], ',');
        csv_text(s, d->methods[g->method], ',');
        csv_text(s, d->datasets[g->dataset].name, ',');
        csv_text(s, or_empty(d->datasets[g->dataset].stand_in), ',');
        csv_text(s, metric_name((enum metric)m), ',');
        csv_int(s, mean.n, ',');
        csv_real(s, mean.mean, ',');
        csv_real(s, mean.sd, ',');
        csv_real(s, mean.low, ',');
        csv_real(s, mean.high, ',');
        csv_text(s, mean.n == 1 ? "n=1, no interval" : "", ',');
        for (int i = 0; i < g->n; i++) {
            str_printf(s, "%s%s", i > 0 ? " " : "", g->cells[i]->cell_id);
        }
        str_add_char(s, '\n');
    }
}

static void add_summary(struct str *s, const struct report_set *r)
{
    str_add(s, "protocol,model,method,dataset,stand_in,metric,n,mean,sd,low_95,high_95,note,"
               "cell_ids\n");
    for (int k = 0; k < r->n; k++) {
        const struct report_data *d = &r->items[k];
        for (int i = 0; i < d->n_models * d->n_methods * d->n_datasets; i++) {
            if (d->groups[i].n > 0) {
                add_group(s, d, &d->groups[i]);
            }
        }
    }
}

static void add_epochs(struct str *s, const struct report_set *r)
{
    str_add(s, "cell_id,protocol,model,method,dataset,stand_in,seed,epoch,train_loss,seconds");
    for (int m = 0; m < METRIC_COUNT; m++) {
        str_printf(s, ",validation_%s", metric_name((enum metric)m));
    }
    str_add_char(s, '\n');
    for (int i = 0; i < r->n_cells; i++) {
        const struct report_cell *c = &r->cells[i];
        for (int j = 0; j < c->n_epochs; j++) {
            csv_text(s, c->cell_id, ',');
            csv_text(s, c->protocol, ',');
            csv_text(s, c->model, ',');
            csv_text(s, c->label, ',');
            csv_text(s, c->dataset, ',');
            csv_text(s, or_empty(c->stand_in), ',');
            csv_int(s, c->seed, ',');
            csv_int(s, j + 1, ',');
            csv_real(s, c->epochs[j].train_loss, ',');
            csv_real(s, c->epochs[j].seconds, ',');
            for (int m = 0; m < METRIC_COUNT; m++) {
                csv_real(s, c->epochs[j].metric[m], m + 1 < METRIC_COUNT ? ',' : '\n');
            }
        }
    }
}

int tables_write(const struct report_set *r, const char *dir, struct err *e)
{
    static const struct {
        const char *file;
        void (*add)(struct str *s, const struct report_set *r);
    } tables[] = {{"runs.csv", add_runs}, {"summary.csv", add_summary}, {"epochs.csv", add_epochs}};
    int status = 0;
    for (size_t i = 0; status == 0 && i < sizeof tables / sizeof *tables; i++) {
        struct str text = {0}, path = {0};
        tables[i].add(&text, r);
        status = file_write(file_join(&path, dir, tables[i].file), str_text(&text), text.len, e);
        str_release(&text);
        str_release(&path);
    }
    return status;
}
