#include "results/store.h"

#include "harness/base/arena.h"
#include "harness/base/file.h"
#include "results/internal.h"
#include "results/query.h"
#include "results/schema.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUSY_MS 60000

int store_error(const struct store *s, struct err *e)
{
    int code = s->db != NULL ? sqlite3_errcode(s->db) & 0xff : SQLITE_NOMEM;
    const char *detail = s->db != NULL ? sqlite3_errmsg(s->db) : "out of memory";
    switch (code) {
    case SQLITE_FULL:
        return err_set(e, "%s: the disk is full; make room and run again (what was stored stays)",
                       s->path);
    case SQLITE_READONLY:
        return err_set(e,
                       "%s: the database is read-only; make the file and its folder writable, or "
                       "name another with --db",
                       s->path);
    case SQLITE_NOTADB:
        return err_set(e, "%s: not a database; name another file with --db", s->path);
    case SQLITE_CORRUPT:
        return err_set(e,
                       "%s: the database is damaged (%s); move it away, and save what can be read "
                       "with: sqlite3 FILE .recover",
                       s->path, detail);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return err_set(e, "%s: locked by another process for more than a minute", s->path);
    case SQLITE_CANTOPEN:
        return err_set(e, "%s: cannot be opened; does its folder exist, and may you write there?",
                       s->path);
    case SQLITE_IOERR:
        return err_set(e,
                       "%s: reading or writing failed (%s); is the disk full or damaged? What was "
                       "stored before stays",
                       s->path, detail);
    default:
        return err_set(e, "%s: %s", s->path, detail);
    }
}

int store_execute(struct store *s, const char *sql, struct err *e)
{
    return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : store_error(s, e);
}

/* The one number that a statement gives. */
static int ask_number(struct store *s, const char *sql, int64_t *out, struct err *e)
{
    struct query q;
    if (query_open(&q, s, sql, e) != 0) {
        return -1;
    }
    int more = query_next(&q, e);
    *out = more == 1 ? query_int(&q, 0) : 0;
    query_close(&q);
    return more < 0 ? -1 : 0;
}

/* Two processes that create one file at the same time collide here, and SQLite's
 * own waiting does not cover a change of journal mode. */
static int use_wal(struct store *s, struct err *e)
{
    for (int waited_ms = 0;; waited_ms += 10) {
        int code = sqlite3_exec(s->db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL);
        if (code == SQLITE_OK) {
            return 0;
        }
        if (code != SQLITE_BUSY || waited_ms >= BUSY_MS) {
            return store_error(s, e);
        }
        usleep(10 * 1000);
    }
}

/* Whose file it is, and of which version. An empty file is ours, version 0. The tables are
 * counted first: another process may be creating them, all in one commit with the id, and
 * then must not be seen with tables but still without an id. */
static int read_version(struct store *s, int64_t *version, struct err *e)
{
    int64_t application = 0, n_tables = 0;
    if (ask_number(s, "SELECT count(*) FROM sqlite_schema", &n_tables, e) != 0 ||
        ask_number(s, "PRAGMA application_id", &application, e) != 0 ||
        ask_number(s, "PRAGMA user_version", version, e) != 0) {
        return -1;
    }
    if (application != SCHEMA_APPLICATION_ID && (application != 0 || n_tables != 0)) {
        return err_set(e, "%s: a database, but not of results; name another file with --db",
                       s->path);
    }
    if (*version > SCHEMA_VERSION) {
        return err_set(e,
                       "%s: written by a newer program (schema %d, this one knows %d); update "
                       "this program or name another file with --db",
                       s->path, (int)*version, SCHEMA_VERSION);
    }
    return 0;
}

/* Leads the tables to SCHEMA_VERSION, inside a transaction. */
static int migrate(struct store *s, struct err *e)
{
    int64_t version;
    if (read_version(s, &version, e) != 0) { /* again: another process may have been first */
        return -1;
    }
    for (; version < SCHEMA_VERSION; version++) {
        for (const char *const *sql = schema_steps[version]; *sql != NULL; sql++) {
            if (store_execute(s, *sql, e) != 0) {
                return -1;
            }
        }
    }
    char pragmas[100];
    snprintf(pragmas, sizeof pragmas, "PRAGMA application_id = %d; PRAGMA user_version = %d",
             SCHEMA_APPLICATION_ID, SCHEMA_VERSION);
    return store_execute(s, pragmas, e);
}

void store_roll_back(struct store *s)
{
    if (!sqlite3_get_autocommit(s->db)) { /* a full disk rolls back by itself */
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    }
}

static int prepare_for_writing(struct store *s, struct err *e)
{
    int64_t version;
    if (read_version(s, &version, e) != 0) {
        return -1;
    }
    if (sqlite3_db_readonly(s->db, "main") == 1) {
        return err_set(e,
                       "%s: the database is read-only; make the file and its folder writable, or "
                       "name another with --db",
                       s->path);
    }
    if (use_wal(s, e) != 0 || store_execute(s, "PRAGMA synchronous = NORMAL", e) != 0 ||
        store_execute(s, "PRAGMA foreign_keys = ON", e) != 0) {
        return -1;
    }
    if (version == SCHEMA_VERSION) {
        return 0;
    }
    if (store_execute(s, "BEGIN IMMEDIATE", e) != 0) {
        return -1;
    }
    if (migrate(s, e) != 0 || store_execute(s, "COMMIT", e) != 0) {
        store_roll_back(s);
        return -1;
    }
    return 0;
}

static int connect(struct store *s, const char *name, int flags, struct err *e)
{
    int code = sqlite3_open_v2(name, &s->db, flags, NULL);
    if (code == SQLITE_OK) {
        sqlite3_busy_timeout(s->db, BUSY_MS);
    }
    return code == SQLITE_OK ? 0 : store_error(s, e);
}

/* A WAL database in a folder that may not be written can be read only with the
 * promise that nobody writes; true when it was closed well (no -wal beside it). */
static int connect_immutable(struct store *s, struct err *e)
{
    struct str name = {0};
    str_printf(&name, "%s-wal", s->path);
    if (file_exists(str_text(&name))) {
        str_release(&name);
        return store_error(s, e);
    }
    str_clear(&name);
    str_add(&name, "file:");
    for (const char *c = s->path; *c != '\0'; c++) {
        str_printf(&name, strchr("?#%", *c) != NULL ? "%%%02x" : "%c", (unsigned)*c);
    }
    str_add(&name, "?immutable=1");
    sqlite3_close(s->db);
    s->db = NULL;
    int status = connect(s, str_text(&name), SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, e);
    str_release(&name);
    return status;
}

static int prepare_for_reading(struct store *s, struct err *e)
{
    int64_t version;
    int status = read_version(s, &version, e);
    int code = sqlite3_errcode(s->db) & 0xff;
    if (status != 0 && (code == SQLITE_CANTOPEN || code == SQLITE_READONLY)) {
        err_clear(e);
        status = connect_immutable(s, e) != 0 ? -1 : read_version(s, &version, e);
    }
    if (status == 0 && version == 0) {
        status = err_set(e, "%s: no results in it yet; run something first", s->path);
    } else if (status == 0 && version < SCHEMA_VERSION) { /* of an older program */
        status = prepare_for_writing(s, e);
    }
    return status != 0 ? -1 : store_execute(s, "PRAGMA query_only = ON", e);
}

struct store *store_open(const char *path, enum store_mode mode, struct err *e)
{
    if (mode == STORE_READ && !file_exists(path)) {
        err_set(e, "%s: no such result database; run something first, or name it with --db", path);
        return NULL;
    }
    struct store *s = xmalloc(sizeof *s);
    *s = (struct store){.path = xmalloc(strlen(path) + 1)};
    memcpy(s->path, path, strlen(path) + 1);
    /* A reader opens for writing too where it may: only so does the last one to
     * close take the -wal and -shm files away. */
    int flags = SQLITE_OPEN_READWRITE | (mode == STORE_READ ? 0 : SQLITE_OPEN_CREATE);
    int status = connect(s, path, flags, e);
    if (status == 0) {
        status = mode == STORE_READ ? prepare_for_reading(s, e) : prepare_for_writing(s, e);
    }
    if (status == 0 && mode == STORE_RELAY) {
        sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    }
    if (status != 0) {
        store_close(s);
        return NULL;
    }
    return s;
}

void store_close(struct store *s)
{
    if (s != NULL) {
        sqlite3_close(s->db);
        free(s->path);
        free(s);
    }
}

const char *result_status_name(enum result_status status)
{
    static const char *const names[] = {"absent", "done", "failed", "skipped"};
    return names[status];
}

int store_has_audit(struct store *s, const char *dataset, const char *data_hash, bool *out,
                    struct err *e)
{
    struct query q;
    if (query_open(&q, s,
                   "SELECT 1 FROM dataset WHERE name = ?1 AND data_hash = ?2 AND audit <> ''",
                   e) != 0) {
        return -1;
    }
    query_bind_text(&q, 1, dataset);
    query_bind_text(&q, 2, data_hash);
    int more = query_next(&q, e);
    query_close(&q);
    *out = more == 1;
    return more < 0 ? -1 : 0;
}

int store_status(struct store *s, const char *cell_id, enum result_status *out, struct err *e)
{
    struct query q;
    if (query_open(&q, s, "SELECT status FROM run JOIN cell ON cell.id = cell WHERE cell_id = ?1",
                   e) != 0) {
        return -1;
    }
    query_bind_text(&q, 1, cell_id);
    int more = query_next(&q, e);
    *out = RESULT_ABSENT;
    for (int status = RESULT_DONE; more == 1 && status <= RESULT_SKIPPED; status++) {
        if (str_equal(query_text(&q, 0), result_status_name(status))) {
            *out = status;
        }
    }
    query_close(&q);
    return more < 0 ? -1 : 0;
}

int store_dump_results(struct store *s, FILE *out, struct err *e)
{
    struct query q;
    if (query_open(&q, s, "SELECT line FROM result_lines", e) != 0) {
        return -1;
    }
    int more;
    while ((more = query_next(&q, e)) == 1) {
        fprintf(out, "%s\n", query_text(&q, 0));
    }
    query_close(&q);
    if (more == 0 && (fflush(out) != 0 || ferror(out))) {
        return err_errno(e, "writing the results of %s", s->path);
    }
    return more;
}
