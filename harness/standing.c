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

struct standing_result {
    uint64_t id;
    enum result_status status;
};

/* An id's digits as a number; 0 for a text that is no id. */
static uint64_t id_number(const char *id)
{
    size_t n = strspn(id, "0123456789abcdef");
    return n == CELL_ID_SIZE - 1 && !id[n] ? strtoull(id, NULL, 16) : 0;
}

/* FNV-1a, going on from h. */
static uint64_t hash_text(uint64_t h, const char *text)
{
    do
        h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    while (*text++);
    return h;
}

static uint64_t kin_of(const char *model, const char *method, const char *dataset,
                       const char *protocol, int64_t seed)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325) ^ (uint64_t)seed;
    h = hash_text(hash_text(h, model), method);
    return hash_text(hash_text(h, dataset), protocol);
}

static int compare_results(const void *a, const void *b)
{
    uint64_t x = ((const struct standing_result *)a)->id;
    uint64_t y = ((const struct standing_result *)b)->id;
    return (x > y) - (x < y);
}

static int compare_kin(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static enum result_status status_named(const char *name)
{
    int status = RESULT_DONE;
    while (status < RESULT_SKIPPED && strcmp(name, result_status_name(status)) != 0)
        status++;
    return (enum result_status)status;
}

/* All results at once: a plan may have more cells than anyone wants to ask for one by one. */
static int read_results(struct standing *s, struct arena *a, struct err *e)
{
    struct query q = {0};
    int more = query_open(&q, s->store, "SELECT count(*) FROM run", e) ? -1 : query_next(&q, e);
    size_t n = more == 1 ? (size_t)query_int(&q, 0) : 0;
    query_close(&q);
    s->results = arena_array(a, n, sizeof *s->results);
    s->kin = arena_array(a, n, sizeof *s->kin);
    if (more < 0 || query_open(&q, s->store,
                               "SELECT cell_id, status, model, method, dataset, protocol, seed "
                               "FROM run JOIN cell ON cell.id = cell",
                               e))
        return -1;
    while (s->n_results < n && (more = query_next(&q, e)) == 1) {
        s->results[s->n_results] =
            (struct standing_result){id_number(query_text(&q, 0)), status_named(query_text(&q, 1))};
        s->kin[s->n_results++] = kin_of(query_text(&q, 2), query_text(&q, 3), query_text(&q, 4),
                                        query_text(&q, 5), query_int(&q, 6));
    }
    query_close(&q);
    qsort(s->results, s->n_results, sizeof *s->results, compare_results);
    qsort(s->kin, s->n_results, sizeof *s->kin, compare_kin);
    return more < 0 ? -1 : 0;
}

enum result_status standing_status(const struct standing *s, const struct cell *c)
{
    struct standing_result key = {.id = id_number(c->id)};
    const struct standing_result *r =
        s->n_results ? bsearch(&key, s->results, s->n_results, sizeof key, compare_results) : NULL;
    return r ? r->status : RESULT_ABSENT;
}

/* Whether a result may be there that standing_older looks for. */
static bool has_kin(const struct standing *s, const struct cell *c)
{
    uint64_t kin =
        kin_of(c->model->name, c->method_label, c->dataset->name, c->protocol, (int64_t)c->seed);
    return s->n_results && bsearch(&kin, s->kin, s->n_results, sizeof kin, compare_kin);
}

int standing_open(struct standing *s, const char *db, struct arena *a, struct err *e)
{
    *s = (struct standing){0};
    if (!file_exists(db))
        return 0;
    s->store = store_open(db, STORE_READ, e);
    if (!s->store)
        return -1;
    return read_results(s, a, e) ? -1 : read_running(s, db, a, e);
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
    enum result_status status = standing_status(s, c);
    if (status != RESULT_ABSENT)
        return result_status_name(status);
    if (!has_kin(s, c))
        return "pending";
    struct arena a = {0};
    err_clear(e);
    bool older = standing_older(s, c, &a, e) != NULL;
    arena_release(&a);
    if (e->kind != ERR_NONE)
        return NULL;
    return older ? "stale" : "pending";
}
