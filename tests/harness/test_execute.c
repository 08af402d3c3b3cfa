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

/* --- frozen models -------------------------------------------------------------- */

static int n_files(struct scene *s)
{
    char **names;
    int n = file_list(&names, arena_printf(&s->arena, "%s/cache/features", s->folder), "", &s->e);
    if (n > 0)
        free(names);
    return n;
}

/* All that was stored of the result that does not depend on the clock. */
static const char *numbers(struct scene *s)
{
    return scene_ask(s,
                     "SELECT (SELECT group_concat(hex(loss)) FROM step) || "
                     "(SELECT group_concat(hex(value)) FROM metric)",
                     NULL);
}

static const char *run_again(struct scene *s, const char *name)
{
    struct execute_summary summary;
    s->execute.db = arena_printf(&s->arena, "%s/%s.db", s->folder, name);
    cr_assert(execute(s, &summary) == EXECUTE_DONE, "%s", s->e.text);
    return numbers(s);
}

/* The first run fills the cache, the second reads it, the third finds it damaged and the fourth
 * cannot even make its folder: one result. */
Test(execute, features_of_a_frozen_model_are_kept_and_change_nothing)
{
    struct scene s;
    scene_open(&s, "mini-bert-xs", "head", "  num_train_epochs: 2\n");
    char warning[256] = "";
    s.execute.warn = keep_text;
    s.execute.context = warning;
    const char *first = run_again(&s, "first");
    cr_assert(strlen(first) > 100 && n_files(&s) == 3); /* train, validation, test */
    cr_expect(eq(str, (char *)run_again(&s, "second"), (char *)first));

    const char *folder = arena_printf(&s.arena, "%s/cache/features", s.folder);
    const char *damage = arena_printf(&s.arena,
                                      "for f in %s/*; do printf x | dd of=$f bs=1 seek=99 "
                                      "conv=notrunc status=none; done",
                                      folder);
    cr_assert(system(damage) == 0);
    cr_expect(eq(str, (char *)run_again(&s, "third"), (char *)first));
    cr_expect(eq(str, warning, ""));

    cr_assert(system(arena_printf(&s.arena, "rm -r %s && touch %s", folder, folder)) == 0);
    cr_expect(eq(str, (char *)run_again(&s, "fourth"), (char *)first));
    cr_expect(says(warning, "features"), "%s", warning);
    scene_close(&s);
}

/* With dropout in what is frozen only what is judged stays the same. */
Test(execute, features_that_dropout_changes_are_not_kept)
{
    struct scene s;
    scene_open(&s, "mini-bert-xs", "head", "  num_train_epochs: 2\n  frozen_dropout: true\n");
    run_again(&s, "first");
    cr_expect(n_files(&s) == 2);
    scene_close(&s);
}

Test(execute, layers_computed_again_change_no_number)
{
    struct scene s;
    const char *kept;
    scene_open(&s, "mini-bert-xs", "full", "  num_train_epochs: 1\n");
    kept = arena_strdup(&s.arena, run_again(&s, "kept"));
    struct scene again;
    scene_open(&again, "mini-bert-xs", "full",
               "  num_train_epochs: 1\n  gradient_checkpointing: true\n");
    cr_expect(eq(str, (char *)run_again(&again, "again"), (char *)kept));
    scene_close(&again);
    scene_close(&s);
}

/* --- models that answer in text ---------------------------------------------- */

/* A folder in the arena with an encoder-decoder's configuration and vocabulary; its name as a
 * spec has it, from random weights. */
static const char *text_model(struct arena *a)
{
    static const char config[] =
        "{\"model_type\": \"t5\", \"vocab_size\": 1500, \"d_model\": 32, \"d_kv\": 16, "
        "\"d_ff\": 64, \"num_layers\": 1, \"num_heads\": 2}";
    struct err e = {0};
    struct str pieces = {0};
    char *folder = arena_strdup(a, "/tmp/ftbench_model_XXXXXX");
    cr_assert(mkdtemp(folder) != NULL);
    cr_assert(file_read(&pieces, "models/zoo/mini-unigram/spiece.model", &e) == 0, "%s", e.text);
    cr_assert(file_write(arena_printf(a, "%s/config.json", folder), config, strlen(config), &e) ==
                      0 &&
                  file_write(arena_printf(a, "%s/spiece.model", folder), str_text(&pieces),
                             pieces.len, &e) == 0,
              "%s", e.text);
    str_release(&pieces);
    return arena_printf(a, "\"%s/:random\"", folder);
}

static void remove_model(const char *name, struct arena *a)
{
    int length = (int)strcspn(name + 1, ":");
    cr_assert(system(arena_printf(a, "rm -r '%.*s'", length, name + 1)) == 0);
    arena_release(a);
}

static double metric(struct scene *s, const char *name)
{
    return strtod(scene_ask(s, "SELECT value FROM metric WHERE split = 'test' AND name = ?1", name),
                  NULL);
}

Test(execute, a_model_of_text_is_judged_in_all_its_ways)
{
    struct arena a = {0};
    struct scene s;
    struct execute_summary summary;
    const char *model = text_model(&a);
    scene_open(&s, model, "full", "  num_train_epochs: 2\n  learning_rate: 0.01\n");
    cr_assert(execute(&s, &summary) == EXECUTE_DONE, "%s", s.e.text);
    /* "not ironic", "ironic": some tokens each, with the end-of-sequence token */
    cr_expect(metric(&s, "token_count") > 2 * 200);
    cr_expect(metric(&s, "token_loss") > 0 && metric(&s, "accuracy") == summary.accuracy);
    cr_expect(eq(
        str, (char *)scene_ask(&s, "SELECT count(*) FROM metric WHERE value IS NULL", NULL), "0"));
    cr_expect(eq(str, (char *)scene_ask(&s, "SELECT n_cut_targets FROM run", NULL), "0"));
    cr_expect(eq(str, (char *)scene_ask(&s, "SELECT n_updates FROM run", NULL), "4"));
    cr_expect(eq(str, (char *)scene_ask(&s, "SELECT leak_rate FROM run", NULL), "0.0"));
    scene_close(&s);
    remove_model(model, &a);
}

Test(execute, a_model_of_text_goes_on_with_the_same_bits)
{
    static const char lines[] = "SELECT group_concat(line, char(10)) FROM result_lines";
    struct arena a = {0};
    struct scene s;
    struct execute_summary summary;
    int n_updates = 0;
    const char *model = text_model(&a);
    scene_open(&s, model, "{lora: {r: 2}}", "  num_train_epochs: 3\n  train_batch_size: 16\n");
    const char *db = s.execute.db;
    s.execute.db = arena_printf(&s.arena, "%s/whole.db", s.folder);
    cr_assert(execute(&s, &summary) == EXECUTE_DONE, "%s", s.e.text);
    const char *whole = scene_ask(&s, lines, NULL);
    s.execute.db = db;
    s.execute.stop = stop;
    s.execute.context = &n_updates;
    cr_assert(execute(&s, &summary) == EXECUTE_STOPPED, "%s", s.e.text);
    s.execute.stop = NULL;
    cr_assert(execute(&s, &summary) == EXECUTE_DONE, "%s", s.e.text);
    cr_expect(strlen(whole) > 1000 && strcmp(whole, scene_ask(&s, lines, NULL)) == 0);
    scene_close(&s);
    remove_model(model, &a);
}

/* The survey's two parts, rows loaded twice before they were split, targets cut, tokens counted,
 * the last epoch reported. */
Test(execute, the_surveys_switches_reach_the_run)
{
    struct arena a = {0};
    struct scene s;
    struct execute_summary summary;
    const char *model = text_model(&a);
    scene_open(&s, model, "full",
               "  num_train_epochs: 2\n  row_copies: survey\n  split: survey\n"
               "  deduplicate: false\n  target_length: n_classes\n  target_eos: false\n"
               "  use_verbalizers: false\n  metric_unit: token\n"
               "  load_best_model_at_end: false\n");
    cr_assert(execute(&s, &summary) == EXECUTE_DONE, "%s", s.e.text);
    cr_expect(eq(str, (char *)scene_ask(&s, "SELECT n_validation FROM run", NULL), "200"));
    cr_expect(eq(str, (char *)scene_ask(&s, "SELECT n_test FROM run", NULL), "0"));
    cr_expect(eq(str, (char *)scene_ask(&s, "SELECT best_epoch FROM run", NULL), "2"));
    cr_expect(eq(str, (char *)scene_ask(&s, "SELECT n_cut_targets FROM run", NULL), "2"));
    cr_expect(eq(str,
                 (char *)scene_ask(&s, "SELECT group_concat(DISTINCT split) FROM metric", NULL),
                 "validation"));
    /* one token a row: accuracy counts it */
    double tokens =
        strtod(scene_ask(&s, "SELECT value FROM metric WHERE name = 'token_accuracy'", NULL), NULL);
    cr_expect(summary.accuracy == tokens);
    cr_expect(eq(str,
                 (char *)scene_ask(&s, "SELECT value FROM metric WHERE name = 'token_count'", NULL),
                 "200.0"));
    scene_close(&s);
    remove_model(model, &a);
}

Test(execute, rows_of_another_set_are_served_where_the_survey_did_so)
{
    struct scene s;
    struct execute_summary summary;
    scene_open(&s, "mini-bert-xs", "head", "  num_train_epochs: 1\n  rows: survey\n");
    struct err e = {0};
    s.plan.cells[0].dataset = dataset_describe("mini_stance", &s.arena, &e);
    cr_assert(s.plan.cells[0].dataset != NULL, "%s", e.text);
    cr_assert(execute(&s, &summary) == EXECUTE_DONE, "%s", s.e.text);
    const char *hashes = "SELECT group_concat(row_hash) FROM example WHERE split = 'test'";
    const char *served = scene_ask(&s, hashes, NULL);
    struct scene irony;
    scene_open(&irony, "mini-bert-xs", "head", "  num_train_epochs: 1\n");
    cr_assert(execute(&irony, &summary) == EXECUTE_DONE, "%s", irony.e.text);
    cr_expect(strcmp(served, scene_ask(&irony, hashes, NULL)) == 0 && strlen(served) > 1000);
    scene_close(&irony);
    scene_close(&s);
}

/* --- what is refused, and failures --------------------------------------------- */

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

Test(execute, a_model_that_ends_otherwise_than_its_tokenizer_is_refused)
{
    struct arena a = {0};
    struct scene s;
    struct execute_summary summary;
    const char *model = text_model(&a);
    scene_open(&s, model, "full", "");
    struct zoo_entry zoo = *s.plan.cells[0].model;
    options_copy(&zoo.config, &s.plan.cells[0].model->config, &s.arena);
    cr_assert(option_set(&zoo.config, "eos_token_id", "2", &s.e) == 0, "%s", s.e.text);
    s.plan.cells[0].model = &zoo;
    cr_expect(execute(&s, &summary) == EXECUTE_FAILED);
    cr_expect(says(s.e.text, "ends what it says with token 2, but its tokenizer ends texts with 1"),
              "%s", s.e.text);
    scene_close(&s);
    remove_model(model, &a);
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
