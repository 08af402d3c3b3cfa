/* Snapshots: what was written comes back; anything else is refused and changes nothing. */
#include "harness/base/hash.h"
#include "harness/snapshot.h"
#include "tests/harness/rig.h"

static const struct cell a_cell = {.id = "0123456789abcdef"};
static const struct cell other_cell = {.id = "0123456789abcdee"};

/* Where things stand in the file (see struct header in snapshot.c). */
enum { AT_ID = 8, AT_KERNELS = 32, AT_N_TRAIN = 96, AT_STATE = 104 };
enum { HEADER_BYTES = AT_STATE + sizeof(struct train_state) };

/* A trainer half-way, its snapshot, and what a reader had before. */
struct scene {
    struct trainer from, to;
    const char *folder, *path;
    struct str file;        /* the good snapshot */
    struct train_state had; /* to.state before reading */
    float *params;          /* to's parameters before reading */
    struct err e;
};

static bool at_five(void *context)
{
    return ((struct trainer *)context)->state.step == 5;
}

static void scene_open(struct scene *s)
{
    memset(s, 0, sizeof *s);
    trainer_open(&s->from, &rig_small);
    trainer_open(&s->to, &rig_small);
    s->from.hooks = (struct train_hooks){.context = &s->from, .stop = at_five};
    cr_assert(train_run(&s->from.t, &s->from.state, &s->e) == TRAIN_STOPPED, "%s", s->e.text);
    s->folder = rig_folder(&s->from.rig.arena);
    s->path = arena_printf(&s->from.rig.arena, "%s/s", s->folder);
    cr_assert(snapshot_write(s->path, &a_cell, &s->from.state, &s->from.rig.model.params, &s->e) ==
                  0,
              "%s", s->e.text);
    cr_assert(file_read(&s->file, s->path, &s->e) == 0, "%s", s->e.text);
    const struct params *p = &s->to.rig.model.params;
    s->params = arena_array(&s->from.rig.arena, p->n_train, sizeof(float));
    memcpy(s->params, p->adam.param, p->n_train * sizeof(float));
    s->had = s->to.state;
}

static void scene_close(struct scene *s)
{
    unlink(s->path);
    rmdir(s->folder);
    str_release(&s->file);
    trainer_close(&s->from);
    trainer_close(&s->to);
}

static int read_as(struct scene *s, const struct cell *c)
{
    err_clear(&s->e);
    return snapshot_read(s->path, c, &s->to.steps, &s->to.state, &s->to.rig.model.params, &s->e);
}

/* Puts n bytes in the snapshot's place and expects them refused, for that reason if given. */
static void expect_refused(struct scene *s, const char *data, size_t n, const char *why)
{
    const struct params *p = &s->to.rig.model.params;
    cr_assert(file_write(s->path, data, n, &s->e) == 0, "%s", s->e.text);
    cr_assert(read_as(s, &a_cell) == -1, "%zu bytes taken", n);
    cr_assert(strstr(s->e.text, s->path) != NULL, "%s", s->e.text);
    cr_assert(why == NULL || says(&s->e, why), "%s", s->e.text);
    cr_assert(memcmp(&s->to.state, &s->had, sizeof s->had) == 0, "the state was touched");
    cr_assert(memcmp(p->adam.param, s->params, p->n_train * sizeof(float)) == 0);
}

/* The checksum behind a changed body: as someone would who wants to be believed. */
static void sign(char *file, size_t n)
{
    char hex[HASH_HEX_SIZE];
    hash_bytes(hex, file, n - sizeof hex);
    memcpy(file + n - sizeof hex, hex, sizeof hex);
}

Test(snapshot, what_was_written_comes_back)
{
    struct scene s;
    scene_open(&s);
    cr_assert(read_as(&s, &a_cell) == 1, "%s", s.e.text);
    const struct train_state *a = &s.from.state, *b = &s.to.state;
    const struct params *p = &s.from.rig.model.params, *q = &s.to.rig.model.params;
    size_t block = p->n_train * sizeof(float);
    cr_expect(b->step == 5 && b->n_epochs == 1 && b->n_resumed == 1);
    cr_expect(a->best_epoch == b->best_epoch && a->best_value == b->best_value);
    cr_expect(a->epoch_loss == b->epoch_loss && a->epoch_loss > 0);
    cr_expect(a->n_tok == b->n_tok && a->n_examples == b->n_examples);
    cr_expect(a->train_ns == b->train_ns && a->evaluate_ns == b->evaluate_ns);
    cr_expect(memcmp(a->steps, b->steps, 5 * sizeof *a->steps) == 0 && a->steps != b->steps);
    cr_expect(memcmp(a->epochs, b->epochs, sizeof *a->epochs) == 0);
    cr_expect(memcmp(a->best, b->best, block) == 0);
    cr_expect(memcmp(p->adam.param, q->adam.param, block) == 0);
    cr_expect(memcmp(p->adam.m, q->adam.m, block) == 0);
    cr_expect(memcmp(p->adam.v, q->adam.v, block) == 0);
    scene_close(&s);
}

Test(snapshot, none_is_no_error)
{
    struct scene s;
    scene_open(&s);
    unlink(s.path);
    cr_expect(read_as(&s, &a_cell) == 0);
    cr_expect(memcmp(&s.to.state, &s.had, sizeof s.had) == 0);
    scene_close(&s);
}

/* Before, at and behind each border: header, curve, epochs, best, parameters, moments, sum. */
Test(snapshot, cut_anywhere_it_is_refused)
{
    struct scene s;
    scene_open(&s);
    size_t block = s.from.rig.model.params.n_train * sizeof(float);
    size_t at = 0;
    const size_t parts[] = {8,
                            AT_STATE - 8,
                            sizeof(struct train_state),
                            5 * sizeof(struct result_step),
                            sizeof(struct result_epoch),
                            block,
                            block,
                            block,
                            block,
                            HASH_HEX_SIZE};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        expect_refused(&s, s.file.buf, at, NULL);
        expect_refused(&s, s.file.buf, at + 1, NULL);
        at += parts[i];
        expect_refused(&s, s.file.buf, at - 1, NULL);
    }
    cr_assert(at == s.file.len, "the file has other parts than this test");
    str_add_char(&s.file, '\0');
    expect_refused(&s, s.file.buf, s.file.len, NULL);
    scene_close(&s);
}

Test(snapshot, every_changed_byte_is_seen)
{
    struct scene s;
    scene_open(&s);
    size_t step = 1;
    for (size_t at = 0; at < s.file.len; at += step) {
        s.file.buf[at] ^= 0x10;
        expect_refused(&s, s.file.buf, s.file.len, "damaged");
        s.file.buf[at] ^= 0x10;
        if (at > HEADER_BYTES)
            step = s.file.len - at < HASH_HEX_SIZE + 8 ? 1 : 997;
    }
    scene_close(&s);
}

Test(snapshot, of_another_cell_it_is_refused)
{
    struct scene s;
    scene_open(&s);
    cr_expect(read_as(&s, &other_cell) == -1);
    cr_expect(says(&s.e, "not a snapshot of this cell"), "%s", s.e.text);
    scene_close(&s);
}

Test(snapshot, of_another_plan_it_is_refused)
{
    struct scene s;
    scene_open(&s);
    struct trainer shorter, smaller;
    struct rig_plan plan = rig_small;
    plan.n_epochs = 1; /* 3 updates, 5 are done */
    trainer_open(&shorter, &plan);
    cr_expect(snapshot_read(s.path, &a_cell, &shorter.steps, &shorter.state,
                            &shorter.rig.model.params, &s.e) == -1);
    cr_expect(says(&s.e, "made for another plan"), "%s", s.e.text);
    plan = rig_small;
    plan.method = "lora";
    trainer_open(&smaller, &plan);
    cr_expect(snapshot_read(s.path, &a_cell, &smaller.steps, &smaller.state,
                            &smaller.rig.model.params, &s.e) == -1);
    cr_expect(says(&s.e, "made for another plan"), "%s", s.e.text);
    trainer_close(&shorter);
    trainer_close(&smaller);
    scene_close(&s);
}

Test(snapshot, of_other_blas_kernels_it_is_refused)
{
    struct scene s;
    scene_open(&s);
    memcpy(s.file.buf + AT_KERNELS, "Elsewhere", sizeof "Elsewhere");
    sign(s.file.buf, s.file.len);
    expect_refused(&s, s.file.buf, s.file.len, "made with other BLAS kernels (Elsewhere)");
    scene_close(&s);
}

/* A sound checksum over numbers that would read or write elsewhere. */
Test(snapshot, numbers_that_cannot_be_are_refused)
{
    static const struct {
        size_t at, n_bytes;
        int64_t value;
    } lies[] = {
        {offsetof(struct train_state, step), 8, -1},
        {offsetof(struct train_state, step), 8, 10},
        {offsetof(struct train_state, step), 8, INT64_MAX},
        {offsetof(struct train_state, step), 8, 3}, /* then one epoch is validated: fits */
        {offsetof(struct train_state, n_epochs), 4, -1},
        {offsetof(struct train_state, n_epochs), 4, 0},
        {offsetof(struct train_state, n_epochs), 4, 3},
        {offsetof(struct train_state, best_epoch), 4, 2},
        {offsetof(struct train_state, best_epoch), 4, -1},
        {offsetof(struct train_state, n_resumed), 4, -1},
    };
    struct scene s;
    scene_open(&s);
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        struct str file = {0};
        str_add_bytes(&file, s.file.buf, s.file.len);
        memcpy(file.buf + AT_STATE + lies[i].at, &lies[i].value, lies[i].n_bytes);
        sign(file.buf, file.len);
        expect_refused(&s, file.buf, file.len, i == 3 ? "length" : "another plan");
        str_release(&file);
    }
    scene_close(&s);
}

Test(snapshot, a_folder_that_is_not_there_is_an_error)
{
    struct scene s;
    scene_open(&s);
    const char *path = arena_printf(&s.from.rig.arena, "%s/none/s", s.folder);
    cr_expect(snapshot_write(path, &a_cell, &s.from.state, &s.from.rig.model.params, &s.e) == -1);
    cr_expect(says(&s.e, a_cell.id) && says(&s.e, path), "%s", s.e.text);
    scene_close(&s);
}
