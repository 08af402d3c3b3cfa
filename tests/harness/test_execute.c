/* One cell from its rows to its stored result: what is stored, what stops it, what it refuses. */
#include "tests/harness/scene.h"

static enum execute_outcome execute(struct scene *s, struct execute_summary *summary)
{
    err_clear(&s->e);
    return execute_cell(&s->plan.cells[0], &s->execute, summary, &s->e);
}

static const char *file_of(struct scene *s, const char *ending)
{
    return arena_printf(&s->arena, "%s/%s%s", s->execute.state_dir, s->plan.cells[0].id, ending);
}

Test(execute, a_cell_is_stored_with_all_it_computed)
{
    struct scene s;
    struct execute_summary summary;
    scene_open(&s, "mini-bert-xs", "full", "  num_train_epochs: 2\n");
    cr_assert(execute(&s, &summary) == EXECUTE_DONE, "%s", s.e.text);
    cr_expect(eq(str, (char *)scene_status(&s, &s.plan.cells[0]), "done"));
    /* 48 rows in updates of 16 or 32, twice; all rows of validation and test with logits */
    cr_expect(eq(str, (char *)scene_ask(&s, "SELECT n_train FROM run", NULL), "48"));
    cr_expect(eq(str, (char *)scene_ask(&s, "SELECT count(*) FROM epoch", NULL), "2"));
    cr_expect(eq(str, (char *)scene_ask(&s, "SELECT train_examples FROM run", NULL), "96"));
    double accuracy = strtod(scene_ask(&s,
                                       "SELECT value FROM metric WHERE split = 'test' AND "
                                       "name = 'accuracy'",
                                       NULL),
                             NULL);
    cr_expect(accuracy == summary.accuracy && accuracy > 0);
    cr_expect(file_exists(file_of(&s, ".snapshot")) == false);
    scene_close(&s);
}

static bool stop(void *context)
{
    return ++*(int *)context == 3;
}

Test(execute, stopped_and_taken_up_again)
{
    struct scene s;
    struct execute_summary whole, summary;
    int n_updates = 0;
    scene_open(&s, "mini-bert-xs", "full", "  num_train_epochs: 3\n  train_batch_size: 16\n");
    const char *db = s.execute.db;
    s.execute.db = arena_printf(&s.arena, "%s/whole.db", s.folder);
    cr_assert(execute(&s, &whole) == EXECUTE_DONE, "%s", s.e.text);
    s.execute.db = db;
    s.execute.stop = stop;
    s.execute.context = &n_updates;
    cr_assert(execute(&s, &summary) == EXECUTE_STOPPED, "%s", s.e.text);
    cr_expect(file_exists(file_of(&s, ".snapshot")));
    cr_expect(file_exists(db) == false, "something was stored");
    s.execute.stop = NULL;
    cr_assert(execute(&s, &summary) == EXECUTE_DONE, "%s", s.e.text);
    cr_expect(summary.accuracy == whole.accuracy && summary.f1_macro == whole.f1_macro);
    cr_expect(eq(str, (char *)scene_ask(&s, "SELECT resumed FROM run", NULL), "1"));
    scene_close(&s);
}

static void keep_text(void *context, const char *text)
{
    snprintf(context, 256, "%s", text);
}

Test(execute, a_snapshot_that_is_no_good_is_a_warning)
{
    struct scene s;
    struct execute_summary summary;
    char warning[256] = "";
    scene_open(&s, "mini-bert-xs", "head", "  num_train_epochs: 1\n");
    cr_assert(file_make_dirs(s.execute.state_dir, &s.e) == 0, "%s", s.e.text);
    cr_assert(file_write(file_of(&s, ".snapshot"), "nonsense", 8, &s.e) == 0);
    s.execute.warn = keep_text;
    s.execute.context = warning;
    cr_assert(execute(&s, &summary) == EXECUTE_DONE, "%s", s.e.text);
    cr_expect(says(warning, "starting again from the first step") && says(warning, "cut short"),
              "%s", warning);
    scene_close(&s);
}

static int n_told;
static struct execute_progress last;

static void remember(void *context, const struct execute_progress *p)
{
    (void)context;
    n_told++;
    last = *p;
}

Test(execute, progress_after_every_update)
{
    struct scene s;
    struct execute_summary summary;
    scene_open(&s, "mini-bert-xs", "bitfit", "  num_train_epochs: 2\n  train_batch_size: 16\n");
    s.execute.progress = remember;
    cr_assert(execute(&s, &summary) == EXECUTE_DONE, "%s", s.e.text);
    cr_expect(n_told == 6 && last.step == 6 && last.n_steps == 6);
    cr_expect(last.epoch == 2 && last.n_epochs == 2 && last.n_tok > 0 && last.loss > 0);
    scene_close(&s);
}

Test(execute, what_trains_nothing_is_evaluated_all_the_same)
{
    struct scene s;
    struct execute_summary summary;
    scene_open(&s, "mini-bert-xs", "\"null\"", "");
    cr_assert(execute(&s, &summary) == EXECUTE_DONE, "%s", s.e.text);
    cr_expect(eq(str, (char *)scene_ask(&s, "SELECT count(*) FROM epoch", NULL), "0"));
    cr_expect(eq(str, (char *)scene_ask(&s, "SELECT best_epoch FROM run", NULL), "0"));
    cr_expect(summary.accuracy > 0);
    scene_close(&s);
}

static void expect_refused(const char *method_list, const char *settings, const char *why)
{
    struct scene s;
    struct execute_summary summary;
    scene_open(&s, "mini-bert-xs", method_list, settings);
    cr_expect(execute(&s, &summary) == EXECUTE_FAILED);
    cr_expect(says(s.e.text, why), "%s", s.e.text);
    cr_expect(file_exists(s.execute.db) == false);
    scene_close(&s);
}

Test(execute, what_does_not_fit_is_refused_before_training)
{
    expect_refused("{prompt: {num_virtual_tokens: 250}}", "",
                   "(with 250 virtual tokens) is more than the 256 positions");
}

/* Dropout masks are numbered with room for so many micro-batches an update. */
Test(execute, too_many_micro_batches_are_refused)
{
    struct scene s;
    struct execute_summary summary;
    scene_open(&s, "mini-bert-xs", "full", "  train_batch_size: 300\n  micro_batch_tokens: 1\n");
    struct cell *c = &s.plan.cells[0];
    cr_assert(option_set(&c->training, "max_train_samples", "300", &s.e) == 0, "%s", s.e.text);
    cr_expect(execute(&s, &summary) == EXECUTE_FAILED);
    cr_expect(says(s.e.text, "raise micro_batch_tokens"), "%s", s.e.text);
    scene_close(&s);
}

/* An adapter that cannot be written: the cell is not stored as done. */
Test(execute, a_result_is_stored_after_its_adapter)
{
    struct scene s;
    struct execute_summary summary;
    scene_open(&s, "mini-bert-xs", "head", "  num_train_epochs: 1\n");
    s.execute.keep_adapter = true;
    cr_assert(file_make_dirs(s.execute.state_dir, &s.e) == 0, "%s", s.e.text);
    cr_assert(file_write(file_of(&s, ".adapter"), "in the way", 10, &s.e) == 0);
    cr_expect(execute(&s, &summary) == EXECUTE_FAILED);
    cr_expect(file_exists(s.execute.db) == false);
    unlink(file_of(&s, ".adapter"));
    cr_assert(execute(&s, &summary) == EXECUTE_DONE, "%s", s.e.text);
    const char *config = arena_printf(&s.arena, "%s/adapter_config.json", file_of(&s, ".adapter"));
    cr_expect(file_exists(config));
    scene_close(&s);
}

Test(execute, a_failure_is_stored_with_its_message)
{
    struct scene s;
    scene_open(&s, "mini-bert-xs", "full", "");
    const struct cell *c = &s.plan.cells[0];
    cr_assert(execute_store_failure(c, &s.execute, "the reason", &s.e) == 0, "%s", s.e.text);
    cr_expect(eq(str, (char *)scene_status(&s, c), "failed"));
    cr_expect(eq(str, (char *)scene_message(&s, c), "the reason"));
    s.execute.db = "/nonexistent/r.db";
    cr_expect(execute_store_failure(c, &s.execute, "the reason", &s.e) == -1);
    cr_expect(says(s.e.text, "/nonexistent"), "%s", s.e.text);
    scene_close(&s);
}

/* A worker killed between its commit and its last word must not lose its result. */
Test(execute, a_failure_does_not_replace_a_result)
{
    struct scene s;
    struct execute_summary summary;
    scene_open(&s, "mini-bert-xs", "head", "  num_train_epochs: 1\n");
    const struct cell *c = &s.plan.cells[0];
    cr_assert(execute(&s, &summary) == EXECUTE_DONE, "%s", s.e.text);
    cr_assert(execute_store_failure(c, &s.execute, "too late", &s.e) == 0, "%s", s.e.text);
    cr_expect(eq(str, (char *)scene_status(&s, c), "done"));
    scene_close(&s);
}
