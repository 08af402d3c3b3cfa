/*
 * scene: real cells of the smallest kind, in a folder that goes away, the cache with it.
 *
 * A scene's cells come from a spec as a user writes one: mini-bert-xs over some rows of
 * mini_irony, which the project ships. A saboteur is a cell whose model's declaration
 * misbehaves in the worker that runs it, and only there: the parent never declares.
 */
#ifndef FT_TESTS_HARNESS_SCENE_H
#define FT_TESTS_HARNESS_SCENE_H

#include "harness/base/file.h"
#include "harness/plan.h"
#include "harness/workers.h"
#include "models/bert.h"
#include "results/query.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct scene {
    struct arena arena;
    const char *folder;
    struct spec spec;
    struct plan plan;
    struct execute_params execute;
    struct err e;
};

static inline bool says(const char *text, const char *part)
{
    return strstr(text, part) != NULL;
}

/* Opens the folder and plans: MODELS and METHODS as in a spec, one seed, settings as lines. */
static inline void scene_open(struct scene *s, const char *models, const char *method_list,
                              const char *settings)
{
    memset(s, 0, sizeof *s);
    setenv("FTBENCH_HOME", ".", 1);
    char *folder = arena_strdup(&s->arena, "/tmp/ftbench_scene_XXXXXX");
    cr_assert(mkdtemp(folder) != NULL);
    s->folder = folder;
    setenv("FTBENCH_CACHE", arena_printf(&s->arena, "%s/cache", folder), 1);
    const char *path = arena_printf(&s->arena, "%s/spec.yaml", folder);
    const char *text = arena_printf(&s->arena,
                                    "matrix: {models: [%s], methods: [%s], datasets: "
                                    "[mini_irony], seeds: [1]}\nprotocol: sound\nset:\n"
                                    "  max_train_samples: 48\n  max_length: 16\n%s",
                                    models, method_list, settings);
    cr_assert(file_write(path, text, strlen(text), &s->e) == 0, "%s", s->e.text);
    cr_assert(spec_read(&s->spec, path, &s->arena, &s->e) == 0, "%s", s->e.text);
    cr_assert(plan_make(&s->plan, &s->spec, &s->arena, &s->e) == 0, "%s", s->e.text);
    s->execute = (struct execute_params){.db = arena_printf(&s->arena, "%s/r.db", folder),
                                         .state_dir = arena_printf(&s->arena, "%s/state", folder),
                                         .spec_path = path,
                                         .spec_hash = s->spec.hash,
                                         .offline = true,
                                         .snapshot_seconds = 60};
}

static inline void scene_close(struct scene *s)
{
    const char *command = arena_printf(&s->arena, "rm -rf '%s'", s->folder);
    cr_assert(system(command) == 0);
    arena_release(&s->arena);
}

/* The cell with a model whose declaration is this function. */
static inline struct cell *scene_saboteur(struct scene *s, int i,
                                          int (*declare)(struct model *, struct err *))
{
    struct cell *c = arena_alloc(&s->arena, sizeof *c);
    struct zoo_entry *zoo = arena_alloc(&s->arena, sizeof *zoo);
    struct family *family = arena_alloc(&s->arena, sizeof *family);
    *c = s->plan.cells[i];
    *zoo = *c->model;
    *family = *zoo->family;
    family->declare = declare;
    zoo->family = family;
    c->model = zoo;
    return c;
}

/* The first column of the only row of a query, "" when there is none; in the arena. */
static inline const char *scene_ask(struct scene *s, const char *sql, const char *cell_id)
{
    struct query q;
    struct store *store = store_open(s->execute.db, STORE_READ, &s->e);
    cr_assert(store != NULL, "%s", s->e.text);
    cr_assert(query_open(&q, store, sql, &s->e) == 0, "%s", s->e.text);
    if (cell_id)
        query_bind_text(&q, 1, cell_id);
    int more = query_next(&q, &s->e);
    cr_assert(more >= 0, "%s", s->e.text);
    const char *text = arena_strdup(&s->arena, more ? query_text(&q, 0) : "");
    query_close(&q);
    store_close(store);
    return text;
}

static inline const char *scene_status(struct scene *s, const struct cell *c)
{
    return scene_ask(s, "SELECT status FROM run JOIN cell ON cell.id = run.cell WHERE cell_id = ?1",
                     c->id);
}

static inline const char *scene_message(struct scene *s, const struct cell *c)
{
    return scene_ask(
        s, "SELECT message FROM run JOIN cell ON cell.id = run.cell WHERE cell_id = ?1", c->id);
}

#endif
