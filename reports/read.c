/* Reading the cells of a report (read.h). */
#include "reports/read.h"

#include "harness/base/str.h"
#include "results/query.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char cell_sql[] =
    "SELECT id, cell_id, model, method, method_options, dataset, data_hash, protocol,"
    " protocol_options, precision, status, message, started, environment_id, blas_core,"
    " determinism, \"commit\", seed, trainable_params, total_params, peak_rss_bytes, n_train,"
    " n_validation, n_test, attempts, resumed, best_epoch, numerics_version,"
    " n_updates, n_cut_targets, leak_rate, seconds,"
    " train_seconds, tokens_per_second, examples_per_second,"
    " coalesce((SELECT min(split) FROM metric WHERE cell = id AND split IN ('test',"
    " 'validation')), '')," /* "test" sorts first */
    " (SELECT stand_in FROM dataset AS s WHERE s.name = dataset AND s.data_hash ="
    " cell.data_hash)"
    " FROM cell JOIN run ON run.cell = cell.id ORDER BY protocol, cell_id";

const char *report_option(const char *lines, const char *name, struct arena *a)
{
    size_t n = strlen(name);
    for (const char *at = lines; *at != '\0'; at += strcspn(at, "\n"), at += *at == '\n') {
        if (strncmp(at, name, n) == 0 && at[n] == '=') {
            return arena_strndup(a, at + n + 1, strcspn(at + n + 1, "\n"));
        }
    }
    return "";
}

/* What reports need of the protocol's options. */
static void parse_options(struct report_cell *c, struct arena *a)
{
    const char *options = c->protocol_options;
    if (str_to_double(&c->learning_rate, report_option(options, "learning_rate", a)) != 0) {
        c->learning_rate = NAN;
    }
    if (str_to_long(&c->train_batch_size, report_option(options, "train_batch_size", a)) != 0) {
        c->train_batch_size = 0;
    }
    c->says_text = !isnan(c->metric[METRIC_TOKEN_COUNT]);
    c->metric_unit = c->says_text && str_equal(report_option(options, "metric_unit", a), "token")
                         ? "token"
                         : "example";
}

static void read_cell(struct report_cell *c, const struct query *q, struct arena *a)
{
    const char **texts[] = {
        &c->cell_id,        &c->model,     &c->method,      &c->method_options,
        &c->dataset,        &c->data_hash, &c->protocol,    &c->protocol_options,
        &c->precision,      &c->status,    &c->message,     &c->started,
        &c->environment_id, &c->blas_core, &c->determinism, &c->commit};
    enum { N_TEXTS = sizeof texts / sizeof *texts };
    c->id = query_int(q, 0);
    int at = 1;
    for (int i = 0; i < N_TEXTS; i++) {
        *texts[i] = arena_strdup(a, query_text(q, at++));
    }
    c->seed = query_int(q, at++);
    c->trainable_params = query_int(q, at++);
    c->total_params = query_int(q, at++);
    c->peak_rss_bytes = query_int(q, at++);
    c->n_train = query_int(q, at++);
    c->n_validation = query_int(q, at++);
    c->n_test = query_int(q, at++);
    c->attempts = (int)query_int(q, at++);
    c->resumed = (int)query_int(q, at++);
    c->best_epoch = (int)query_int(q, at++);
    c->numerics_version = (int)query_int(q, at++);
    c->n_updates = query_int(q, at++);
    c->n_cut_targets = query_is_null(q, at) ? -1 : (int)query_int(q, at);
    at++;
    c->leak_rate = query_real(q, at++);
    c->seconds = query_real(q, at++);
    c->train_seconds = query_real(q, at++);
    c->tokens_per_second = query_real(q, at++);
    c->examples_per_second = query_real(q, at++);
    c->split = arena_strdup(a, query_text(q, at++));
    c->stand_in = query_is_null(q, at) ? NULL : arena_strdup(a, query_text(q, at));
    c->shown = c->stand_in != NULL ? arena_printf(a, "%s (stand-in)", c->dataset) : c->dataset;
    c->done = str_equal(c->status, "done");
    for (int m = 0; m < METRIC_COUNT; m++) {
        c->metric[m] = NAN;
    }
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Reads all cells, keeps those asked for. */
static int read_cells(struct report_set *d, const char *const *cell_ids, int n_cell_ids,
                      struct err *e)
{
    size_t n_ids = (size_t)n_cell_ids;
    const char **wanted = arena_array(d->arena, n_ids, sizeof *wanted);
    for (size_t i = 0; i < n_ids; i++) {
        wanted[i] = cell_ids[i];
    }
    qsort(wanted, n_ids, sizeof *wanted, by_text);
    struct query q;
    if (query_open(&q, d->store, "SELECT count(*) FROM run", e) != 0) {
        return -1;
    }
    int more = query_next(&q, e);
    size_t n_stored = more == 1 ? (size_t)query_int(&q, 0) : 0;
    query_close(&q);
    d->cells = arena_array(d->arena, n_stored, sizeof *d->cells);
    if (more < 0 || query_open(&q, d->store, cell_sql, e) != 0) {
        return -1;
    }
    /* A writer may add cells meanwhile; they wait for the next report. */
    while ((size_t)d->n_cells < n_stored && (more = query_next(&q, e)) == 1) {
        const char *id = query_text(&q, 1);
        if (n_ids == 0 || bsearch(&id, wanted, n_ids, sizeof *wanted, by_text) != NULL) {
            read_cell(&d->cells[d->n_cells++], &q, d->arena);
        }
    }
    query_close(&q);
    d->n_missing = n_cell_ids > 0 ? n_cell_ids - d->n_cells : 0;
    return more < 0 ? -1 : 0;
}

/* Which metric is called name; METRIC_COUNT when this program knows none. */
static enum metric metric_of(const char *name)
{
    enum metric m = 0;
    while (m < METRIC_COUNT && !str_equal(name, metric_name(m))) {
        m++;
    }
    return m;
}

static int read_metrics(struct report_set *d, struct err *e)
{
    struct query q;
    int status = query_open(&q, d->store,
                            "SELECT name, value FROM metric WHERE cell = ?1 AND split = ?2", e);
    for (int i = 0; status == 0 && i < d->n_cells; i++) {
        struct report_cell *c = &d->cells[i];
        query_bind_int(&q, 1, c->id);
        query_bind_text(&q, 2, c->split);
        while ((status = query_next(&q, e)) == 1) {
            enum metric m = metric_of(query_text(&q, 0));
            if (m < METRIC_COUNT) {
                c->metric[m] = query_real(&q, 1);
            }
        }
        query_reset(&q);
    }
    query_close(&q);
    return status;
}

static int read_losses(struct report_cell *c, struct query *q, struct arena *a, struct err *e)
{
    int more;
    query_bind_int(q, 1, c->id);
    while ((more = query_next(q, e)) == 1) {
        if (c->epochs == NULL) {
            c->epochs = arena_array(a, (size_t)query_int(q, 2), sizeof *c->epochs);
        }
        struct report_epoch *x = &c->epochs[c->n_epochs++];
        x->train_loss = query_real(q, 0);
        x->seconds = query_real(q, 1);
        for (int m = 0; m < METRIC_COUNT; m++) {
            x->metric[m] = NAN;
        }
    }
    query_reset(q);
    return more;
}

static int read_epoch_metrics(struct report_cell *c, struct query *q, struct err *e)
{
    int more;
    query_bind_int(q, 1, c->id);
    while ((more = query_next(q, e)) == 1) {
        int epoch = (int)query_int(q, 0);
        enum metric m = metric_of(query_text(q, 1));
        if (m < METRIC_COUNT && epoch >= 1 && epoch <= c->n_epochs) {
            c->epochs[epoch - 1].metric[m] = query_real(q, 2);
        }
    }
    query_reset(q);
    return more;
}

static int read_epochs(struct report_set *d, struct err *e)
{
    struct query losses = {0}, metrics = {0};
    int status = query_open(&losses, d->store,
                            "SELECT train_loss, seconds, max(epoch) OVER () FROM epoch"
                            " WHERE cell = ?1 ORDER BY epoch",
                            e);
    if (status == 0) {
        status = query_open(&metrics, d->store,
                            "SELECT epoch, name, value FROM epoch_metric WHERE cell = ?1", e);
    }
    for (int i = 0; status == 0 && i < d->n_cells; i++) {
        status = read_losses(&d->cells[i], &losses, d->arena, e);
        if (status == 0) {
            status = read_epoch_metrics(&d->cells[i], &metrics, e);
        }
    }
    query_close(&losses);
    query_close(&metrics);
    return status;
}

/* A cell that failed before its data were there belongs to the data that others
 * of its name had. */
static void adopt_dataset(struct report_set *d, struct report_cell *c)
{
    for (int i = 0; *c->data_hash == '\0' && i < d->n_cells; i++) {
        const struct report_cell *other = &d->cells[i];
        if (*other->data_hash != '\0' && str_equal(other->dataset, c->dataset)) {
            c->stand_in = other->stand_in;
            c->shown = other->shown;
            break;
        }
    }
}

int report_set_read(struct report_set *r, const char *const *cell_ids, int n_cell_ids,
                    struct err *e)
{
    if (read_cells(r, cell_ids, n_cell_ids, e) != 0 || read_metrics(r, e) != 0 ||
        read_epochs(r, e) != 0) {
        return -1;
    }
    for (int i = 0; i < r->n_cells; i++) {
        adopt_dataset(r, &r->cells[i]);
        parse_options(&r->cells[i], r->arena);
    }
    return 0;
}
