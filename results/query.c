#include "results/query.h"

#include "results/internal.h"

#include <assert.h>
#include <math.h>

int query_open(struct query *q, struct store *s, const char *sql, struct err *e)
{
    *q = (struct query){.store = s};
    return sqlite3_prepare_v2(s->db, sql, -1, &q->statement, NULL) == SQLITE_OK ? 0
                                                                                : store_error(s, e);
}

/* Binding fails only for a wrong parameter number or without memory. */
static void bound(int code)
{
    assert(code == SQLITE_OK);
}

void query_bind_text(struct query *q, int parameter, const char *text)
{
    bound(sqlite3_bind_text(q->statement, parameter, text, -1, SQLITE_TRANSIENT));
}

void query_bind_int(struct query *q, int parameter, int64_t value)
{
    bound(sqlite3_bind_int64(q->statement, parameter, value));
}

void query_bind_real(struct query *q, int parameter, double value)
{
    bound(isnan(value) ? sqlite3_bind_null(q->statement, parameter)
                       : sqlite3_bind_double(q->statement, parameter, value));
}

void query_bind_blob(struct query *q, int parameter, const void *data, size_t n_bytes)
{
    bound(sqlite3_bind_blob64(q->statement, parameter, data, n_bytes, SQLITE_STATIC));
}

int query_next(struct query *q, struct err *e)
{
    int code = sqlite3_step(q->statement);
    if (code == SQLITE_ROW || code == SQLITE_DONE) {
        return code == SQLITE_ROW;
    }
    return store_error(q->store, e);
}

int query_run(struct query *q, struct err *e)
{
    int more = query_next(q, e);
    assert(more != 1);
    query_reset(q);
    return more;
}

const char *query_text(const struct query *q, int column)
{
    const char *text = (const char *)sqlite3_column_text(q->statement, column);
    return text != NULL ? text : "";
}

int64_t query_int(const struct query *q, int column)
{
    return sqlite3_column_int64(q->statement, column);
}

double query_real(const struct query *q, int column)
{
    return query_is_null(q, column) ? NAN : sqlite3_column_double(q->statement, column);
}

bool query_is_null(const struct query *q, int column)
{
    return sqlite3_column_type(q->statement, column) == SQLITE_NULL;
}

const void *query_blob(const struct query *q, int column, size_t *n_bytes)
{
    const void *data = sqlite3_column_blob(q->statement, column);
    *n_bytes = (size_t)sqlite3_column_bytes(q->statement, column);
    return data;
}

void query_reset(struct query *q)
{
    sqlite3_reset(q->statement); /* repeats the error of the step, which was reported */
}

void query_close(struct query *q)
{
    sqlite3_finalize(q->statement);
    *q = (struct query){0};
}
