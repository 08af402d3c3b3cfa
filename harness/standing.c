#include "harness/standing.h"

#include "harness/base/clock.h"
#include "harness/base/file.h"
#include "results/query.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A running matrix rewrites its file all the time; an older one was left by a killed run. */
enum { RUNNING_IS_FRESH_SECONDS = 30 };

static bool is_fresh(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && clock_unix() - st.st_mtime <= RUNNING_IS_FRESH_SECONDS;
}

static bool read_running_line(struct running_cell *r, char *line, struct arena *a)
{
    enum { N = 7 };
    char *field[N], *rest = line;
    for (int i = 0; i < N; i++)
        if (!(field[i] = strtok_r(rest, "\t", &rest)))
            return false;
    r->id = arena_strdup(a, field[0]);
    return str_to_long(&r->epoch, field[1]) == 0 && str_to_long(&r->n_epochs, field[2]) == 0 &&
           str_to_long(&r->step, field[3]) == 0 && str_to_long(&r->n_steps, field[4]) == 0 &&
           str_to_double(&r->tokens_per_second, field[5]) == 0 &&
           str_to_double(&r->seconds, field[6]) == 0;
}

static int read_running(struct standing *s, const char *db, struct arena *a, struct err *e)
{
    struct str path = {0}, text = {0};
    str_printf(&path, "%s.state/running.tsv", db);
    int rc = is_fresh(str_text(&path)) ? file_read(&text, str_text(&path), e) : 0;
    if (rc == 0 && text.len) {
        char *rest = text.buf;
        int n_max = 0;
        for (const char *c = text.buf; *c; c++)
            n_max += *c == '\n';
        s->running = arena_array(a, (size_t)n_max + 1, sizeof *s->running);
        for (char *line; (line = strtok_r(rest, "\n", &rest));)
            if (read_running_line(&s->running[s->n_running], line, a))
                s->n_running++;
    }
    str_release(&path);
    str_release(&text);
    return rc;
}

int standing_open(struct standing *s, const char *db, struct arena *a, struct err *e)
{
    *s = (struct standing){0};
    if (!file_exists(db))
        return 0;
    s->store = store_open(db, STORE_READ, e);
    if (!s->store)
        return -1;
    return read_running(s, db, a, e);
}

void standing_close(struct standing *s)
{
    store_close(s->store);
    s->store = NULL;
}

const char *standing_older(struct standing *s, const struct cell *c, struct arena *a, struct err *e)
{
    if (!s->store)
        return NULL;
    struct query q = {0};
    if (query_open(&q, s->store,
                   "SELECT cell_id FROM cell JOIN run ON run.cell = cell.id WHERE model = ?1 AND "
                   "method = ?2 AND dataset = ?3 AND protocol = ?4 AND seed = ?5 AND cell_id <> "
                   "?6 ORDER BY started DESC, cell_id LIMIT 1",
                   e) != 0)
        return NULL;
    query_bind_text(&q, 1, c->model->name);
    query_bind_text(&q, 2, c->method_label);
    query_bind_text(&q, 3, c->dataset->name);
    query_bind_text(&q, 4, c->protocol);
    query_bind_int(&q, 5, (int64_t)c->seed);
    query_bind_text(&q, 6, c->id);
    const char *id = NULL;
    if (query_next(&q, e) == 1)
        id = arena_strdup(a, query_text(&q, 0));
    query_close(&q);
    return id;
}

const char *standing_of(struct standing *s, const struct cell *c, struct err *e)
{
    for (int i = 0; i < s->n_running; i++)
        if (strcmp(s->running[i].id, c->id) == 0)
            return "running";
    if (!s->store)
        return "pending";
    enum result_status status;
    if (store_status(s->store, c->id, &status, e) != 0)
        return NULL;
    if (status != RESULT_ABSENT)
        return result_status_name(status);
    struct arena a = {0};
    err_clear(e);
    bool older = standing_older(s, c, &a, e) != NULL;
    arena_release(&a);
    if (e->kind != ERR_NONE)
        return NULL;
    return older ? "stale" : "pending";
}
