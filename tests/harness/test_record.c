/* Records: what a running cell hands to the store. */
#include "harness/base/environment.h"
#include "harness/record.h"
#include "tests/harness/scene.h"

#include <math.h>

static const char *fact(const struct result_run *r, const char *key)
{
    for (int i = 0; i < r->n_environment; i++)
        if (strcmp(r->environment[i].key, key) == 0)
            return r->environment[i].value;
    return NULL;
}

Test(record, identity_and_environment_of_a_cell)
{
    struct scene s;
    struct record r;
    scene_open(&s, "mini-bert-xs", "{lora: {r: 4}}", "");
    const struct cell *c = &s.plan.cells[0];
    s.execute.n_threads = 3;
    record_init(&r, c, &s.execute, &s.arena);
    const struct result_cell *x = &r.result.cell;
    cr_expect(eq(str, (char *)x->cell_id, (char *)c->id));
    cr_expect(eq(str, (char *)x->canonical, (char *)cell_canonical(c, &s.arena)));
    cr_expect(eq(str, (char *)x->model, "mini-bert-xs"));
    cr_expect(eq(str, (char *)x->method, "lora r=4"));
    cr_expect(eq(str, (char *)x->dataset, "mini_irony"));
    cr_expect(eq(str, (char *)x->protocol, "sound"));
    cr_expect(eq(str, (char *)x->precision, "float32"));
    cr_expect(says(x->method_options, "r=4\n") && says(x->protocol_options, "max_length=16\n"));
    cr_expect(x->seed == 1);
    const struct result_run *run = &r.result.run;
    cr_expect(isnan(run->leak_rate)); /* until its rows are known */
    cr_expect(run->status == RESULT_DONE && run->numerics_version == NUMERICS_VERSION);
    cr_expect(strlen(run->started) == 20 && run->started[19] == 'Z', "%s", run->started);
    cr_expect(fact(run, "blas") != NULL && strlen(run->blas_core) > 0);
    cr_expect(run->n_environment == ENVIRONMENT_FACTS + 2);
    cr_expect(eq(str, (char *)fact(run, "threads"), "3"));
    scene_close(&s);
}

Test(record, splits_with_their_rows)
{
    struct scene s;
    struct record r;
    uint64_t hashes[] = {5, 6, 7};
    const struct feed f = {.hashes = hashes, .n = 3, .n_classes = 2};
    const float logits[6] = {0};
    const struct predictions p = {.n = 3, .n_classes = 2, .logits = logits};
    scene_open(&s, "mini-bert-xs", "head", "");
    record_init(&r, &s.plan.cells[0], &s.execute, &s.arena);
    record_split(&r, "validation", &f, &p);
    record_split(&r, "test", &f, &p);
    cr_assert(r.result.n_splits == 2 && r.result.splits == r.splits);
    const struct result_split *test = &r.splits[1];
    cr_expect(eq(str, (char *)test->name, "test"));
    cr_expect(test->rows.n == 3 && test->rows.logits == logits && test->row_hash == hashes);
    scene_close(&s);
}

Test(record, a_training_with_its_curves_and_costs)
{
    struct scene s;
    struct record r;
    struct result_step curve[4] = {{.loss = 1}};
    struct result_epoch epochs[2] = {{.train_loss = 0.5}};
    const struct steps steps = {.n_steps = 4};
    const struct train_state state = {.step = 4,
                                      .n_epochs = 2,
                                      .best_epoch = 1,
                                      .n_resumed = 3,
                                      .train_ns = 2500000000,
                                      .n_tok = 700,
                                      .n_examples = 60,
                                      .steps = curve,
                                      .epochs = epochs};
    scene_open(&s, "mini-bert-xs", "head", "");
    record_init(&r, &s.plan.cells[0], &s.execute, &s.arena);
    record_training(&r, &state, &steps, 9);
    const struct result_run *run = &r.result.run;
    cr_expect(r.result.steps == curve && r.result.n_steps == 4);
    cr_expect(r.result.epochs == epochs && r.result.n_epochs == 2);
    cr_expect(run->seconds == 9 && run->train_seconds == 2.5);
    cr_expect(run->train_tokens == 700 && run->train_examples == 60);
    cr_expect(run->best_epoch == 1 && run->resumed == 3 && run->n_updates == 4);
    cr_expect(run->peak_rss_bytes > 1000000); /* this program is larger than that */
    scene_close(&s);
}

Test(record, data_with_its_classes)
{
    struct scene s;
    struct record r;
    struct split split;
    const struct asset_flags flags = {.offline = true};
    scene_open(&s, "mini-bert-xs", "head", "");
    const struct cell *c = &s.plan.cells[0];
    const struct dataset *d = dataset_load(c->dataset, &flags, &s.arena, &s.e);
    cr_assert(d != NULL, "%s", s.e.text);
    cr_assert(split_make(&split, d, &(struct split_options){.seed = 1, .deduplicate = true},
                         &s.arena, &s.e) == 0,
              "%s", s.e.text);
    record_init(&r, c, &s.execute, &s.arena);
    record_data(&r, d, &split);
    const struct result_dataset *x = &r.result.dataset;
    cr_expect(eq(str, (char *)x->classes, "non_irony\nirony"));
    cr_expect(eq(str, (char *)x->data_hash, (char *)d->data_hash));
    cr_expect(x->stand_in == NULL && x->n_examples == d->n);
    cr_expect(r.result.run.n_train == split.train.n && r.result.run.n_test == split.test.n);
    cr_expect(r.result.run.n_validation == split.validation.n && r.result.run.leak_rate == 0);
    /* without a test the rows that validate are judged: here, rows that train */
    split.test.n = 0;
    split.validation = split.train;
    record_data(&r, d, &split);
    cr_expect(r.result.run.leak_rate == 1);
    scene_close(&s);
}

/* An audit takes longer than a small cell: the second result of the same data brings none. */
Test(record, the_first_result_brings_the_audit)
{
    struct scene s;
    struct record r;
    const struct asset_flags flags = {.offline = true};
    scene_open(&s, "mini-bert-xs", "head, full", "");
    const struct dataset *d = dataset_load(s.plan.cells[0].dataset, &flags, &s.arena, &s.e);
    cr_assert(d != NULL, "%s", s.e.text);
    struct split split = {.train = split_rows_of(d, 1, 1, &s.arena)};
    for (int i = 0; i < 2; i++) {
        record_init(&r, &s.plan.cells[i], &s.execute, &s.arena);
        record_data(&r, d, &split);
        cr_assert(record_store(&r, &s.execute, &s.e) == 0, "%s", s.e.text);
        cr_expect(r.result.dataset.audit[0] == (i == 0 ? '{' : '\0'));
        cr_expect(scene_ask(&s, "SELECT audit FROM dataset", NULL)[0] == '{');
    }
    scene_close(&s);
}

Test(record, stored_with_the_spec_it_came_from)
{
    struct scene s;
    struct record r;
    scene_open(&s, "mini-bert-xs", "head", "");
    record_init(&r, &s.plan.cells[0], &s.execute, &s.arena);
    record_failure(&r, "it broke");
    cr_assert(record_store(&r, &s.execute, &s.e) == 0, "%s", s.e.text);
    cr_expect(eq(str, (char *)scene_message(&s, &s.plan.cells[0]), "it broke"));
    cr_expect(eq(str, (char *)scene_ask(&s, "SELECT spec_hash FROM cell", NULL), s.spec.hash));
    s.execute.db = arena_printf(&s.arena, "%s/none/r.db", s.folder);
    cr_assert(record_store(&r, &s.execute, &s.e) == -1);
    scene_close(&s);
}
