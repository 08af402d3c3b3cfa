#include "harness/command.h"
#include "harness/plan.h"
#include "harness/standing.h"
#include "results/query.h"

#include <assert.h>
#include <jansson.h>
#include <string.h>

/* A cell as the spec, the database or both know it. */
struct found {
    const char *id;
    const char *planned;  /* canonical text by the spec, or NULL */
    const char *stored;   /* canonical text by the database, or NULL */
    const char *standing; /* standing.h; "stored" without a spec */
    const char *older;    /* id of a stale result, or NULL */
};

static int ambiguous(const char *prefix, const char *a, const char *b, struct err *e)
{
    return err_usage(e, "%s is the beginning of more than one id: %s, %s", prefix, a, b);
}

static int find_planned(struct found *f, const struct command_line *cl, struct standing *s,
                        struct err *e)
{
    struct plan plan;
    if (plan_read(&plan, cl->spec, NULL, 0, cl->arena, e) != 0)
        return -1;
    for (int i = 0; i < plan.n; i++) {
        const struct cell *c = &plan.cells[i];
        if (!str_starts(c->id, cl->args[0]))
            continue;
        if (f->id)
            return ambiguous(cl->args[0], f->id, c->id, e);
        f->id = c->id;
        f->planned = cell_canonical(c, cl->arena);
        f->standing = standing_of(s, c, e);
        if (!f->standing)
            return -1;
        f->older = standing_older(s, c, cl->arena, e);
    }
    return 0;
}

static int find_stored(struct found *f, const struct command_line *cl, struct standing *s,
                       struct err *e)
{
    struct query q;
    if (query_open(&q, s->store,
                   "SELECT cell_id, canonical FROM cell WHERE substr(cell_id, 1, length(?1)) = ?1 "
                   "ORDER BY cell_id",
                   e) != 0)
        return -1;
    query_bind_text(&q, 1, cl->args[0]);
    int more;
    while ((more = query_next(&q, e)) == 1) {
        const char *id = query_text(&q, 0);
        if (f->id && strcmp(f->id, id) != 0) {
            more = ambiguous(cl->args[0], f->id, arena_strdup(cl->arena, id), e);
            break;
        }
        f->id = arena_strdup(cl->arena, id);
        f->stored = arena_strdup(cl->arena, query_text(&q, 1));
        if (!f->standing)
            f->standing = "stored";
    }
    query_close(&q);
    return more;
}

static const char *next_line(const char *line)
{
    size_t n = strcspn(line, "\n");
    return line + n + (line[n] == '\n');
}

/* The value at key in canonical text, into value; "(absent)" when it is not there. */
static void value_at(struct str *value, const char *text, const char *key, size_t n_key)
{
    str_clear(value);
    for (const char *line = text; *line; line = next_line(line))
        if (strncmp(line, key, n_key) == 0 && line[n_key] == '=') {
            str_add_bytes(value, line + n_key + 1, strcspn(line + n_key + 1, "\n"));
            return;
        }
    str_add(value, "(absent)");
}

/* "key: old -> new" for every line of one text that is not in the other. */
static void print_differences(const char *old, const char *new, FILE *out)
{
    struct str a = {0}, b = {0};
    const char *texts[] = {old, new};
    for (int side = 0; side < 2; side++)
        for (const char *line = texts[side]; *line; line = next_line(line)) {
            size_t n_key = strcspn(line, "=");
            value_at(&a, old, line, n_key);
            value_at(&b, new, line, n_key);
            bool here_twice = side == 1 && strcmp(str_text(&a), "(absent)") != 0;
            if (!here_twice && strcmp(str_text(&a), str_text(&b)) != 0)
                fprintf(out, "  %.*s: %s -> %s\n", (int)n_key, line, str_text(&a), str_text(&b));
        }
    str_release(&a);
    str_release(&b);
}

static int print_older(const struct found *f, struct standing *s, FILE *out, struct err *e)
{
    struct query q;
    if (query_open(&q, s->store, "SELECT canonical FROM cell WHERE cell_id = ?1", e) != 0)
        return -1;
    query_bind_text(&q, 1, f->older);
    int more = query_next(&q, e);
    if (more == 1) {
        fprintf(out, "an older result, %s, differs in:\n", f->older);
        print_differences(query_text(&q, 0), f->planned, out);
    }
    query_close(&q);
    return more < 0 ? -1 : 0;
}

/* Rows of (name, value) under a heading. */
static int print_pairs(struct standing *s, const char *id, const char *heading, const char *sql,
                       FILE *out, struct err *e)
{
    struct query q;
    if (query_open(&q, s->store, sql, e) != 0)
        return -1;
    query_bind_text(&q, 1, id);
    int more, n = 0;
    while ((more = query_next(&q, e)) == 1) {
        if (n++ == 0)
            fprintf(out, "%s\n", heading);
        fprintf(out, "  %s: %s\n", query_text(&q, 0), query_text(&q, 1));
    }
    query_close(&q);
    return more;
}

/* One row of facts, a line a column. */
static int print_run(struct standing *s, const char *id, FILE *out, struct err *e)
{
    static const char *const names[] = {"status",
                                        "message",
                                        "attempts",
                                        "resumed",
                                        "started",
                                        "seconds",
                                        "best epoch",
                                        "peak memory, bytes",
                                        "tokens/s",
                                        "rows (train, validation, test)",
                                        "numerics version",
                                        "BLAS kernels",
                                        "determinism",
                                        "commit",
                                        "spec",
                                        "data hash",
                                        "stand-in"};
    struct query q;
    if (query_open(&q, s->store,
                   "SELECT status, message, attempts, resumed, started, seconds, best_epoch, "
                   "peak_rss_bytes, tokens_per_second, n_train || ', ' || n_validation || ', ' || "
                   "n_test, numerics_version, blas_core, determinism, \"commit\", spec_path || ' "
                   "(' || spec_hash || ')', cell.data_hash, dataset.stand_in FROM run JOIN cell ON "
                   "cell.id = cell LEFT JOIN dataset ON dataset.name = cell.dataset AND "
                   "dataset.data_hash = cell.data_hash WHERE cell_id = ?1",
                   e) != 0)
        return -1;
    query_bind_text(&q, 1, id);
    int more = query_next(&q, e);
    if (more == 1) {
        fputs("provenance\n", out);
        for (int i = 0; i < (int)(sizeof names / sizeof *names); i++)
            if (*query_text(&q, i))
                fprintf(out, "  %s: %s\n", names[i], query_text(&q, i));
    }
    query_close(&q);
    return more < 0 ? -1 : 0;
}

static const char *meaning(const char *standing)
{
    static const char *const table[][2] = {
        {"done", "current: stored under this id, so nothing that counts has changed since"},
        {"failed", "failed: `ftbench run SPEC --retry-failed` tries again"},
        {"skipped", "skipped, for the reason below"},
        {"running", "running now"},
        {"stale", "stale: something that counts has changed since it was last run"},
        {"pending", "pending: never run into this database"},
        {"stored", "stored; with --spec SPEC it is also told whether that spec still asks for it"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (str_equal(table[i][0], standing))
            return table[i][1];
    assert(!"a word of standing.h");
    return "";
}

static int print_found(const struct found *f, struct standing *s, FILE *out, struct err *e)
{
    fprintf(out, "cell %s\n%s\n", f->id, meaning(f->standing));
    fputs("\nits id is made of\n", out);
    const char *text = f->planned ? f->planned : f->stored;
    assert(text);
    for (const char *line = text; *line; line = next_line(line))
        fprintf(out, "  %.*s\n", (int)strcspn(line, "\n"), line);
    fputc('\n', out);
    if (f->older && print_older(f, s, out, e) != 0)
        return -1;
    if (!f->stored)
        return 0;
    if (print_run(s, f->id, out, e) != 0)
        return -1;
    if (print_pairs(s, f->id, "environment",
                    "SELECT key, value FROM environment WHERE environment_id = (SELECT "
                    "environment_id FROM run JOIN cell ON cell.id = cell WHERE cell_id = ?1) "
                    "ORDER BY key",
                    out, e) != 0)
        return -1;
    return print_pairs(s, f->id, "metrics",
                       "SELECT split || ' ' || name, value FROM metric JOIN cell ON cell.id = "
                       "cell WHERE cell_id = ?1 ORDER BY split, name",
                       out, e);
}

static void print_json(const struct found *f, FILE *out)
{
    json_t *canonical = json_object();
    const char *text = f->planned ? f->planned : f->stored;
    assert(text);
    for (const char *line = text; *line; line = next_line(line)) {
        size_t n_key = strcspn(line, "="), n = strcspn(line, "\n");
        json_object_setn_new(canonical, line, n_key, json_stringn(line + n_key + 1, n - n_key - 1));
    }
    json_t *root =
        json_pack("{s:s, s:s, s:s?, s:b, s:o}", "cell_id", f->id, "standing", f->standing, "older",
                  f->older, "stored", f->stored != NULL, "canonical", canonical);
    json_dumpf(root, out, JSON_INDENT(2));
    fputc('\n', out);
    json_decref(root);
}

int cmd_explain(const struct command_line *cl, FILE *out, struct err *e)
{
    struct standing s;
    struct found f = {0};
    if (standing_open(&s, cl->db, cl->arena, e) != 0)
        return -1;
    int rc = 0;
    if (cl->spec)
        rc = find_planned(&f, cl, &s, e);
    if (rc == 0 && s.store)
        rc = find_stored(&f, cl, &s, e);
    if (rc == 0 && !f.id)
        rc = err_usage(e, "no cell's id begins with %s%s%s%s; `ftbench plan SPEC` lists ids",
                       cl->args[0], s.store ? " in " : "", s.store ? cl->db : "",
                       cl->spec ? " or the spec" : "; --spec SPEC looks in a spec too");
    if (rc == 0 && cl->json)
        print_json(&f, out);
    else if (rc == 0)
        rc = print_found(&f, &s, out, e);
    standing_close(&s);
    return rc == 0 ? EXIT_DONE : -1;
}
