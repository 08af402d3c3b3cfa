/*
 * make_report: a report of made-up results in a folder of its own, and what its files say.
 *
 * For tests only; a header, because each test is one program of one file. A suite starts with
 * set_up and ends with tear_down.
 */
#ifndef FT_TESTS_REPORTS_MAKE_REPORT_H
#define FT_TESTS_REPORTS_MAKE_REPORT_H

#include "harness/base/file.h"
#include "reports/report.h"
#include "tests/results/make_db.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

static struct arena memory;
static char folder[64], db[96], out[96];

static inline void set_up(void)
{
    strncpy(folder, "/tmp/ftbench-report-XXXXXX", sizeof folder);
    cr_assert(mkdtemp(folder) != NULL);
    snprintf(db, sizeof db, "%s/r.db", folder);
    snprintf(out, sizeof out, "%s/out", folder);
    setenv("FTBENCH_HOME", ".", 0);
}

static inline void tear_down(void)
{
    char command[120];
    snprintf(command, sizeof command, "rm -r %s", folder);
    cr_expect(system(command) == 0);
    arena_release(&memory);
}

static inline void store_cells(const struct made_cell *cells, int n)
{
    struct err e = {0};
    struct store *s = store_open(db, STORE_WRITE, &e);
    cr_assert(s != NULL, "%s", e.text);
    for (int i = 0; i < n; i++) {
        struct result r = made_result(&memory, cells[i]);
        cr_assert(store_put_result(s, &r, &e) == 0, "%s", e.text);
    }
    store_close(s);
}

static inline struct made_cell cell(const char *method, const char *dataset, int seed)
{
    return (struct made_cell){
        .model = "bert-l2-h128", .method = method, .dataset = dataset, .seed = seed};
}

static inline void write_report(const char *note)
{
    struct err e = {0};
    struct report_params p = {.db_path = db,
                              .out_dir = out,
                              .title = "Methods compared",
                              .spec_path = "specs/made.yaml",
                              .note = note};
    cr_assert(report_write(&p, &e) == 0, "%s", e.text);
}

/* The text of a file of the report, owned by memory. */
static inline const char *text_of(const char *name)
{
    struct err e = {0};
    struct str path = {0}, text = {0};
    str_printf(&path, "%s/%s", out, name);
    cr_assert(file_read(&text, str_text(&path), &e) == 0, "%s", e.text);
    const char *copy = arena_strdup(&memory, str_text(&text));
    str_release(&path);
    str_release(&text);
    return copy;
}

static inline void expect_in(const char *name, const char *part)
{
    cr_expect(strstr(text_of(name), part) != NULL, "%s lacks \"%s\"", name, part);
}

static inline void expect_not_in(const char *name, const char *part)
{
    cr_expect(strstr(text_of(name), part) == NULL, "%s has \"%s\"", name, part);
}

static inline int count_lines(const char *text)
{
    int n = 0;
    for (; *text != '\0'; text++) {
        n += *text == '\n';
    }
    return n;
}

static inline void expect_figure(const char *name)
{
    struct str path = {0};
    static const char *const endings[] = {".png", ".svg", ".dat", ".gp"};
    for (int i = 0; i < 4; i++) {
        struct file_map map;
        struct err e = {0};
        str_clear(&path);
        str_printf(&path, "%s/figures/%s%s", out, name, endings[i]);
        cr_assert(file_map(&map, str_text(&path), &e) == 0, "%s", e.text);
        cr_expect(map.n_bytes > (i < 2 ? 2000 : 30), "%s is small", str_text(&path));
        cr_expect(i != 0 || memcmp(map.data, "\x89PNG", 4) == 0);
        file_unmap(&map);
    }
    str_release(&path);
}

#endif
