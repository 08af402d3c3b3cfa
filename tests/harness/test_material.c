/* What cells share: the same bits as when each loads its own, and only where it is the same. */
#include "tests/harness/scene.h"

static struct cell *other(struct scene *s, const char *option, const char *value)
{
    struct cell *c = arena_alloc(&s->arena, sizeof *c);
    *c = s->plan.cells[0];
    options_copy(&c->training, &s->plan.cells[0].training, &s->arena);
    cr_assert(option_set(&c->training, option, value, &s->e) == 0, "%s", s->e.text);
    return c;
}

Test(material, serves_cells_with_the_same_rows_and_tokens)
{
    static const struct {
        const char *option, *value;
        bool serves;
    } cases[] = {{"learning_rate", "0.5", true},      {"num_train_epochs", "7", true},
                 {"precision", "bfloat16", true},     {"max_length", "17", false},
                 {"split_seed", "3", false},          {"max_train_samples", "9", false},
                 {"max_eval_samples", "9", false},    {"deduplicate", "false", false},
                 {"split", "survey", false},          {"rows", "survey", false},
                 {"row_copies", "survey", false},     {"target_length", "n_classes", false},
                 {"use_verbalizers", "false", false}, {"use_template", "false", false}};
    struct scene s;
    scene_open(&s, "mini-bert-xs, mini-bert-s", "head, full", "");
    const struct cell *c = &s.plan.cells[0];
    cr_expect(material_serves(c, &s.plan.cells[1]));          /* another method */
    cr_expect(material_serves(c, &s.plan.cells[2]) == false); /* another model */
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_expect(material_serves(c, other(&s, cases[i].option, cases[i].value)) == cases[i].serves,
                  "%s", cases[i].option);
    scene_close(&s);
}

static const char *lines_of(struct scene *s, const char *db)
{
    FILE *out = tmpfile();
    char *text = arena_alloc(&s->arena, 1 << 20);
    struct store *store = store_open(db, STORE_READ, &s->e);
    cr_assert(store != NULL, "%s", s->e.text);
    cr_assert(store_dump_results(store, out, &s->e) == 0, "%s", s->e.text);
    store_close(store);
    rewind(out);
    text[fread(text, 1, (1 << 20) - 1, out)] = '\0';
    fclose(out);
    return text;
}

/* On one process the second cell is what the parent loads for, and the third and fourth share it.
 */
Test(material, in_stock_gives_the_bits_of_ones_own)
{
    struct scene s;
    struct workers_outcome o;
    struct execute_summary summary;
    scene_open(&s, "mini-bert-xs", "full, head, lora, ia3", "  num_train_epochs: 2\n");
    const struct cell *cells[4];
    for (int i = 0; i < 4; i++)
        cells[i] = &s.plan.cells[i];
    struct workers_params p = {.execute = s.execute, .n_jobs = 1, .out = tmpfile()};
    cr_assert(workers_run(cells, 4, &p, &o, &s.e) == 0, "%s", s.e.text);
    cr_assert(o.n_done == 4);
    s.execute.db = arena_printf(&s.arena, "%s/own.db", s.folder);
    for (int i = 0; i < 4; i++) {
        struct execute_params own = s.execute;
        cr_assert(execute_cell(cells[i], &own, &summary, &s.e) == EXECUTE_DONE, "%s", s.e.text);
        cr_expect(summary.load_seconds > 0);
    }
    const char *in_stock = lines_of(&s, p.execute.db);
    cr_expect(strlen(in_stock) > 1000);
    cr_expect(eq(str, (char *)in_stock, (char *)lines_of(&s, s.execute.db)));
    scene_close(&s);
}

Test(material, what_is_not_there_is_told_and_releases)
{
    struct scene s;
    struct material m;
    scene_open(&s, "mini-bert-xs", "head", "");
    struct cell *c = other(&s, "split_seed", "1");
    struct zoo_entry gone = *c->model;
    gone.folder = "/nonexistent";
    c->model = &gone;
    cr_expect(material_load(&m, c, &(struct asset_flags){.offline = true}, &s.e) == -1);
    cr_expect(says(s.e.text, "/nonexistent"), "%s", s.e.text);
    material_release(&m);
    scene_close(&s);
}
