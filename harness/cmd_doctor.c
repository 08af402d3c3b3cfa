#include "harness/command.h"

#include "harness/base/environment.h"
#include "harness/base/file.h"
#include "harness/base/paths.h"
#include "harness/listing.h"
#include "models/tensor/gemm.h"
#include "results/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* Rows of what, found, verdict; n_missing counts what a command would need. */
struct findings {
    struct listing list;
    int n_missing;
};

static void note(struct findings *f, const char *what, const char *value, const char *verdict)
{
    listing_row(&f->list);
    listing_set(&f->list, "what", what);
    listing_set(&f->list, "found", value);
    listing_set(&f->list, "verdict", verdict);
    if (strcmp(verdict, "ok") != 0 && strcmp(verdict, "-") != 0)
        f->n_missing++;
}

static void check_environment(struct findings *f, struct arena *a)
{
    struct environment env;
    struct environment_fact facts[ENVIRONMENT_FACTS];
    environment_read(&env, a);
    environment_facts(facts, &env, a);
    for (int i = 0; i < ENVIRONMENT_FACTS; i++)
        note(f, facts[i].key, facts[i].value, "-");
    note(f, "blas", gemm_library(), "-");
    note(f, "blas_core", gemm_core_name(), "-");
    note(f, "bfloat16",
         gemm_half_supported() ? gemm_half_name()
                               : "this CPU has neither AVX512-BF16 nor AMX: precision bfloat16 is "
                                 "refused",
         "-");
    note(f, "sgemm_peak",
         arena_printf(a, "%.0f GFLOP/s on one thread", gemm_measure_gflops(512, 512, 512, 3)), "-");
    if (gemm_half_supported())
        note(f, "bfloat16_peak",
             arena_printf(a, "%.0f GFLOP/s on one thread",
                          gemm_half_measure_gflops(512, 512, 512, 3)),
             "-");
}

/* The nearest folder at or above path that is there. */
static const char *nearest_folder(const char *path, struct arena *a)
{
    char *copy = arena_strdup(a, path);
    while (!file_is_dir(copy)) {
        char *slash = strrchr(copy, '/');
        if (!slash)
            return ".";
        if (slash == copy)
            return "/";
        *slash = '\0';
    }
    return copy;
}

static void check_folder(struct findings *f, const char *what, const char *path, struct arena *a)
{
    const char *folder = nearest_folder(path, a);
    struct statvfs fs;
    const char *verdict = "ok";
    double free_gib = 0;
    if (statvfs(folder, &fs) == 0)
        free_gib = (double)fs.f_bavail * (double)fs.f_frsize / (double)(1 << 30);
    if (access(folder, W_OK) != 0)
        verdict = arena_printf(a, "cannot be written: %s", strerror(errno));
    else if (free_gib < 1)
        verdict = "less than 1 GiB free";
    note(f, what, arena_printf(a, "%s, %.1f GiB free", path, free_gib), verdict);
}

static void check_paths(struct findings *f, const struct command_line *cl)
{
    struct str path = {0};
    struct err e = {0};
    int rc = paths_home(&path, &e);
    note(f, "home", rc == 0 ? str_text(&path) : "", rc == 0 ? "ok" : e.text);
    str_clear(&path);
    err_clear(&e);
    if (paths_cache(&path, &e) == 0)
        check_folder(f, "cache", str_text(&path), cl->arena);
    else
        note(f, "cache", "", e.text);
    str_release(&path);
    const char *mirror = paths_mirror();
    if (!mirror)
        note(f, "mirror", "FTBENCH_MIRROR is not set", "-");
    else
        note(f, "mirror", mirror,
             file_exists(arena_printf(cl->arena, "%s/INDEX.tsv", mirror)) ? "ok"
                                                                          : "holds no INDEX.tsv");
}

static void check_database(struct findings *f, const struct command_line *cl)
{
    struct err e = {0};
    if (!file_exists(cl->db)) {
        check_folder(f, "database", cl->db, cl->arena);
        return;
    }
    struct store *s = store_open(cl->db, STORE_READ, &e);
    note(f, "database", cl->db, s ? "ok" : e.text);
    store_close(s);
}

/* Whether a program is on the PATH. */
static bool has_program(const char *name, struct arena *a)
{
    const char *path = getenv("PATH");
    char *rest = arena_strdup(a, path ? path : "");
    for (char *dir; (dir = strtok_r(rest, ":", &rest));)
        if (access(arena_printf(a, "%s/%s", dir, name), X_OK) == 0)
            return true;
    return false;
}

int cmd_doctor(const struct command_line *cl, FILE *out, struct err *e)
{
    (void)e;
    static const struct column columns[] = {
        {"what", false}, {"found", false}, {"verdict", false}, {0}};
    struct findings f = {0};
    listing_init(&f.list, columns, cl->arena);
    check_environment(&f, cl->arena);
    check_paths(&f, cl);
    check_database(&f, cl);
    bool gnuplot = has_program("gnuplot", cl->arena);
    note(&f, "gnuplot", gnuplot ? "on the PATH" : "",
         gnuplot ? "ok" : "missing: install gnuplot-nox; `report` draws with it");
    bool pip = has_program("pip", cl->arena) || has_program("pip3", cl->arena);
    note(&f, "pip",
         pip ? "on the PATH" : "not there: models from Python packages cannot be fetched", "-");
    listing_print(&f.list, cl->format, out);
    return f.n_missing ? EXIT_BAD : EXIT_DONE;
}
