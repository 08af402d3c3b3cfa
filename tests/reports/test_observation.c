/* reports/observation: the published numbers as they stand in their files, and bad files. */
#include "reports/observation.h"

#include "harness/base/file.h"
#include "reports/csv_table.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct arena memory;
static char folder[64];

static void set_up(void)
{
    strncpy(folder, "/tmp/ftbench-observation-XXXXXX", sizeof folder);
    cr_assert(mkdtemp(folder) != NULL);
    setenv("FTBENCH_HOME", ".", 0);
}

static void tear_down(void)
{
    char command[120];
    snprintf(command, sizeof command, "rm -r %s", folder);
    cr_expect(system(command) == 0);
    arena_release(&memory);
}

TestSuite(observation, .init = set_up, .fini = tear_down);

Test(observation, published_numbers_are_all_there)
{
    struct err e = {0};
    struct observations o;
    cr_assert(observations_published(&o, &memory, &e) == 0, "%s", e.text);
    cr_assert(o.n == 40);
    int n_tokens = 0, n_epochs = 0;
    for (int i = 0; i < o.n; i++) {
        const struct observation *x = &o.items[i];
        bool token = strcmp(x->metric_unit, "token") == 0;
        n_tokens += token;
        cr_expect(token == (strncmp(x->model, "flan-t5", 7) == 0));
        cr_expect(x->learning_rate == 1e-3 && x->cell == NULL && x->seed == 0);
        cr_expect(x->n_train > 1900 && x->n_evaluation > 400 && x->train_seconds > 200);
        for (long k = 0; k < x->n_epochs; k++) {
            n_epochs += !isnan(x->epoch_accuracy[k]);
        }
        /* final.csv is the last epoch of epochs.csv, to the digits that were logged. */
        cr_expect(fabs(x->epoch_accuracy[x->n_epochs - 1] - x->accuracy) < 1e-6, "%s %s %s",
                  x->model, x->method, x->dataset);
    }
    cr_expect(n_tokens == 22, "%d", n_tokens);
    cr_expect(n_epochs == 210, "%d", n_epochs);
    const struct observation *x = &o.items[0]; /* bert-base-cased full ag_news */
    cr_expect(x->accuracy == 0.25 && x->trainable_params == 108313348);
    cr_expect(x->n_updates == 48 * 5); /* 12160 rows in batches of 256 */
}

static void write_files(const char *final, const char *epochs)
{
    struct err e = {0};
    struct str path = {0};
    cr_assert(file_write(file_join(&path, folder, "final.csv"), final, strlen(final), &e) == 0);
    cr_assert(file_write(file_join(&path, folder, "epochs.csv"), epochs, strlen(epochs), &e) == 0);
    str_release(&path);
}

#define FINAL_HEAD                                                                                 \
    "model,method,dataset,epochs,effective_batch,metric_unit,accuracy,f1_weighted,"                \
    "trainable_params,total_params,train_seconds\n"
#define FINAL_ROW   "m,lora,d,2,8,example,0.5,0.4,10,100,7.5\n"
#define EPOCHS_HEAD "model,method,dataset,epoch,learning_rate,train_rows,eval_rows,accuracy\n"

static void must_not_read(const char *final, const char *epochs, const char *message)
{
    struct err e = {0};
    struct observations o;
    write_files(final, epochs);
    cr_expect(observations_read(&o, folder, &memory, &e) == -1, "%s was not refused", message);
    cr_expect(strstr(e.text, message) != NULL, "\"%s\" lacks \"%s\"", e.text, message);
}

Test(observation, epochs_come_to_their_runs)
{
    struct err e = {0};
    struct observations o;
    write_files(FINAL_HEAD FINAL_ROW, EPOCHS_HEAD "m,lora,d,2,1e-3,17,9,0.5\n");
    cr_assert(observations_read(&o, folder, &memory, &e) == 0, "%s", e.text);
    cr_assert(o.n == 1);
    cr_expect(isnan(o.items[0].epoch_accuracy[0]) && o.items[0].epoch_accuracy[1] == 0.5);
    cr_expect(o.items[0].n_train == 17 && o.items[0].n_updates == 3 * 2);
}

Test(observation, bad_files_are_refused_with_their_line)
{
    must_not_read("", EPOCHS_HEAD, "final.csv: empty");
    must_not_read("model,method\n", EPOCHS_HEAD, "final.csv:1: no column \"dataset\"");
    must_not_read(FINAL_HEAD "m,lora,d,2\n", EPOCHS_HEAD, "final.csv:2: 4 fields");
    must_not_read(FINAL_HEAD FINAL_ROW "m,lora,x,2,8,example,high,0.4,10,100,7.5\n", EPOCHS_HEAD,
                  "final.csv:3: accuracy is \"high\", not a number");
    must_not_read(FINAL_HEAD "m,lora,x,2.5,8,example,0.5,0.4,10,100,7.5\n", EPOCHS_HEAD,
                  "final.csv:2: epochs is \"2.5\", not a whole number");
    must_not_read(FINAL_HEAD "m,lora,x,2,8,rows,0.5,0.4,10,100,7.5\n", EPOCHS_HEAD,
                  "metric_unit is \"rows\"");
    must_not_read(FINAL_HEAD "\"m,lora\n", EPOCHS_HEAD, "never closed");
    must_not_read(FINAL_HEAD FINAL_ROW, EPOCHS_HEAD "m,lora,d,3,1e-3,17,9,0.5\n",
                  "epochs.csv:2: epoch 3 of m lora on d has no run");
    must_not_read(FINAL_HEAD FINAL_ROW, EPOCHS_HEAD "m,full,d,1,1e-3,17,9,0.5\n", "has no run");
}
