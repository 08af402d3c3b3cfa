#include "harness/record.h"

#include "datasets/audit.h"
#include "harness/base/clock.h"
#include "harness/base/environment.h"
#include "models/tensor/gemm.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static const char *canonical_options(const struct options *o, struct arena *a)
{
    struct str s = {0};
    options_canonical(&s, o, "", false);
    const char *text = arena_strdup(a, str_text(&s));
    str_release(&s);
    return text;
}

void record_environment(struct result_run *run, bool half, const struct execute_params *p,
                        struct arena *a)
{
    struct environment env;
    struct environment_fact *facts = arena_array(a, ENVIRONMENT_FACTS + 2, sizeof *facts);

    if (p->environment)
        env = *p->environment;
    else
        environment_read(&env, a);
    environment_facts(facts, &env, a);
    facts[ENVIRONMENT_FACTS] = (struct environment_fact){"blas", gemm_library()};
    facts[ENVIRONMENT_FACTS + 1] = (struct environment_fact){
        "threads", arena_printf(a, "%d", p->n_threads > 1 ? p->n_threads : 1)};
    run->environment = facts;
    run->n_environment = ENVIRONMENT_FACTS + 2;
    run->commit = env.commit;
    enum { SIZE = 256 };
    run->blas_core = gemm_kernels(arena_alloc(a, SIZE), SIZE, half);
    run->determinism = "same bits with these BLAS kernels";
}

void record_init(struct record *r, const struct cell *c, const struct execute_params *p,
                 struct arena *a)
{
    memset(r, 0, sizeof *r);
    r->arena = a;
    clock_utc(r->started);
    r->result.cell = (struct result_cell){
        .cell_id = c->id,
        .canonical = cell_canonical(c, a),
        .model = c->model->name,
        .method = c->method_label,
        .method_options = canonical_options(&c->method_options, a),
        .dataset = c->dataset->name,
        .protocol = c->protocol,
        .protocol_options = canonical_options(&c->training, a),
        .precision = option_choice(&c->training, "precision"),
        .spec_path = "",
        .spec_hash = "",
        .seed = c->seed,
        .trainable_params = (int64_t)c->trainable_params,
        .total_params = (int64_t)c->total_params,
    };
    r->result.dataset = (struct result_dataset){.data_hash = "", .classes = "", .audit = ""};
    r->result.run = (struct result_run){.status = RESULT_DONE,
                                        .message = "",
                                        .started = r->started,
                                        .leak_rate = NAN,
                                        .numerics_version = NUMERICS_VERSION};
    record_environment(&r->result.run, cell_in_bfloat16(c), p, a);
}

void record_data(struct record *r, const struct dataset *d, const struct split *s)
{
    struct str classes = {0};

    for (int i = 0; i < d->info->n_classes; i++)
        str_printf(&classes, "%s%s", i ? "\n" : "", d->info->classes[i]);
    r->result.dataset =
        (struct result_dataset){.data_hash = d->data_hash,
                                .stand_in = d->stand_in,
                                .classes = arena_strdup(r->arena, str_text(&classes)),
                                .audit = "",
                                .n_examples = d->n};
    str_release(&classes);
    r->data = d;
    r->result.run.n_train = s->train.n;
    r->result.run.n_validation = s->validation.n;
    r->result.run.n_test = s->test.n;
    r->result.run.leak_rate =
        split_leak_rate(d, &s->train, s->test.n > 0 ? &s->test : &s->validation);
}

void record_split(struct record *r, const char *name, const struct feed *f,
                  const struct predictions *p)
{
    assert(r->result.n_splits < RECORD_SPLITS);
    r->splits[r->result.n_splits++] =
        (struct result_split){.name = name, .rows = *p, .row_hash = f->hashes};
    r->result.splits = r->splits;
}

void record_training(struct record *r, const struct train_state *s, const struct steps *steps,
                     double seconds)
{
    struct result_run *run = &r->result.run;

    r->result.steps = s->steps;
    r->result.n_steps = (int)steps->n_steps;
    r->result.epochs = s->epochs;
    r->result.n_epochs = s->n_epochs;
    run->seconds = seconds;
    run->train_seconds = 1e-9 * (double)s->train_ns;
    run->peak_rss_bytes = process_usage().peak_rss_bytes;
    run->train_tokens = s->n_tok;
    run->train_examples = s->n_examples;
    run->best_epoch = s->best_epoch;
    run->n_updates = s->step;
    run->resumed = s->n_resumed;
}

void record_failure(struct record *r, const char *message)
{
    r->result.run.status = RESULT_FAILED;
    r->result.run.message = message;
}

/* Whether the store holds this cell as done: a failure must not replace that. */
static int is_done(struct store *store, const struct record *r, bool *done, struct err *e)
{
    enum result_status status;

    if (store_status(store, r->result.cell.cell_id, &status, e))
        return -1;
    *done = status == RESULT_DONE;
    return 0;
}

/* The first result of a data set in a store brings its audit. */
static int audit_once(struct store *store, struct record *r, struct err *e)
{
    struct result_dataset *d = &r->result.dataset;
    bool known = !r->data;

    if (r->data && store_has_audit(store, r->result.cell.dataset, d->data_hash, &known, e))
        return -1;
    if (!known) {
        struct str json = {0};
        struct audit audit = audit_dataset(r->data, r->arena);
        audit_json(&json, &audit);
        d->audit = arena_strdup(r->arena, str_text(&json));
        str_release(&json);
    }
    return 0;
}

int record_store(struct record *r, const struct execute_params *p, struct err *e)
{
    struct store *store = store_open(p->db, STORE_RELAY, e);
    bool done = false;

    if (!store)
        return -1;
    r->result.cell.spec_path = p->spec_path;
    r->result.cell.spec_hash = p->spec_hash;
    int failed = r->result.run.status == RESULT_FAILED && is_done(store, r, &done, e);
    if (!failed && !done)
        failed = audit_once(store, r, e) || store_put_result(store, &r->result, e);
    store_close(store);
    return failed ? err_wrap(e, "result of cell %s", r->result.cell.cell_id) : 0;
}
