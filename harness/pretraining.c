#include "harness/pretraining.h"

#include "harness/base/clock.h"
#include "harness/base/file.h"
#include "harness/cell.h"
#include "harness/identity.h"
#include "harness/progress.h"
#include "harness/record.h"
#include "models/checkpoint.h"
#include "models/save.h"
#include "pretrain/card.h"
#include "results/pretraining.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

enum { ID_DIGITS = 16 };

/* All of one run. */
struct run {
    const struct pretraining_params *params;
    struct arena arena;
    struct options options;
    struct tokenizer *tokenizer;
    struct str tokenizer_dir;
    const char *canonical;
    char id[ID_DIGITS + 1], started[21], weights_hash[HASH_HEX_SIZE];
    const char *dir, *weights, *snapshot; /* paths */
    struct pool *pool;
    struct pretrain pretrain;
    struct profile profile;
    struct result_run made_on; /* environment, commit, kernels */
    int64_t last_snapshot_ns, drawn_ns, start_ns, start_tok;
    int n_told; /* points printed */
    bool terminal;
};

/* --- progress ------------------------------------------------------------------- */

/* Where it stands, and how long it will take at the pace of this process. */
static void describe(struct str *s, const struct run *r)
{
    const struct pretrain *p = &r->pretrain;
    const struct pretrain_state *state = &p->state;
    double seconds = 1e-9 * (double)(clock_ns() - r->start_ns);
    int64_t n_tok = state->n_tok - r->start_tok;
    char left[32];

    str_printf(s, "%s: update %ld/%ld, loss %.3f, held out %.3f", r->params->model->name,
               state->step, p->train.n_steps, state->loss,
               state->points[state->n_points - 1].held_out_loss);
    if (n_tok > 0) {
        double share = (double)(p->train.n_steps - state->step) / (double)state->step;
        progress_duration(left, seconds * share * (double)state->n_tok / (double)n_tok);
        str_printf(s, ", %.0f tokens/s, %s left", (double)n_tok / seconds, left);
    }
}

/* A terminal's line is drawn over; elsewhere every look is a line. */
static void on_progress(void *context, const struct pretrain *p)
{
    static const int64_t DRAW_EVERY_NS = 500000000;
    struct run *r = context;
    struct str line = {0};
    bool looked = p->state.n_points > r->n_told;

    if (!looked && !(r->terminal && clock_ns() - r->drawn_ns > DRAW_EVERY_NS))
        return;
    r->drawn_ns = clock_ns();
    r->n_told = p->state.n_points;
    describe(&line, r);
    fprintf(r->params->print, "%s%s%s", r->terminal ? "\r\033[K" : "", str_text(&line),
            looked ? "\n" : "");
    fflush(r->params->print);
    str_release(&line);
}

static bool on_stop(void *context)
{
    sigset_t waiting;
    (void)context;
    sigpending(&waiting);
    return sigismember(&waiting, SIGTERM) || sigismember(&waiting, SIGINT);
}

static bool on_snapshot_due(void *context)
{
    const struct run *r = context;
    return 1e-9 * (double)(clock_ns() - r->last_snapshot_ns) >= r->params->snapshot_seconds;
}

static int on_snapshot(void *context, const struct pretrain *p, struct err *e)
{
    struct run *r = context;
    r->last_snapshot_ns = clock_ns();
    return pretrain_snapshot_write(p, r->snapshot, r->id, e);
}

/* --- before and after --------------------------------------------------------------- */

/* All that can change a number, and the id. */
static void identify(struct run *r)
{
    const struct pretraining_params *p = r->params;
    struct str s = {0};
    char hex[HASH_HEX_SIZE];

    str_printf(&s, "pretraining\nnumerics=%d\nmodel=%s\nfamily=%s\n", NUMERICS_VERSION,
               p->model->name, p->model->family->name);
    options_canonical(&s, &p->model->config, "config.", false);
    str_printf(&s, "tokenizer=%s\ncorpus=%s\n", tokenizer_hash(r->tokenizer),
               p->recipe->corpus.sha256);
    options_canonical(&s, &r->options, "", false);
    hash_bytes(hex, str_text(&s), s.len);
    snprintf(r->id, sizeof r->id, "%.*s", ID_DIGITS, hex);
    r->canonical = arena_strdup(&r->arena, str_text(&s));
    str_release(&s);
}

static int prepare(struct run *r, struct err *e)
{
    const struct pretraining_params *p = r->params;
    struct asset_flags flags = {.offline = p->offline};

    if (recipe_settle(&r->options, p->recipe, p->model, &r->arena, e) != 0 ||
        zoo_fetch(&r->tokenizer_dir, p->model, &flags, e) != 0)
        return -1;
    r->tokenizer = tokenizer_open(str_text(&r->tokenizer_dir), e);
    if (!r->tokenizer)
        return -1;
    identify(r);
    const char *slash = strrchr(p->model->name, '/'); /* of a model given as a folder */
    r->dir = arena_printf(&r->arena, "%s/%s", p->out, slash ? slash + 1 : p->model->name);
    r->weights = arena_printf(&r->arena, "%s/%s", r->dir, CHECKPOINT_SINGLE);
    r->snapshot = arena_printf(&r->arena, "%s.snapshot", r->dir);
    return file_make_dirs(r->dir, e);
}

/* 1: a run of this id is stored and its weights are here. Also tells, before hours of work,
 * whether there is a database to store into. */
static int is_current(const struct run *r, struct err *e)
{
    char stored[HASH_HEX_SIZE], hex[HASH_HEX_SIZE];
    struct store *store = store_open(r->params->db, STORE_WRITE, e);
    int found = store ? store_pretraining(store, r->id, stored, e) : -1;
    store_close(store);
    if (found != 1 || !file_exists(r->weights))
        return found < 0 ? -1 : 0;
    if (hash_file(hex, r->weights, e) != 0)
        return -1;
    return str_equal(stored, hex);
}

static int copy_tokenizer(const struct run *r, struct err *e)
{
    struct str from = {0}, to = {0}, data = {0};
    int rc = 0;
    for (int i = 0; tokenizer_files[i] && rc == 0; i++) {
        file_join(&from, str_text(&r->tokenizer_dir), tokenizer_files[i]);
        file_join(&to, r->dir, tokenizer_files[i]);
        if (!file_exists(str_text(&from)))
            continue;
        str_clear(&data);
        rc = file_read(&data, str_text(&from), e);
        if (rc == 0)
            rc = file_write(str_text(&to), str_text(&data), data.len, e);
    }
    str_release(&from);
    str_release(&to);
    str_release(&data);
    return rc;
}

static int write_card(const struct run *r, struct err *e)
{
    struct str text = {0}, path = {0};
    struct card card = {.recipe = r->params->recipe,
                        .model = r->params->model,
                        .run = &r->pretrain,
                        .id = r->id,
                        .weights_hash = r->weights_hash,
                        .blas_core = r->made_on.blas_core,
                        .commit = r->made_on.commit,
                        .started = r->started,
                        .numerics_version = NUMERICS_VERSION,
                        .environment = r->made_on.environment,
                        .n_environment = r->made_on.n_environment};
    card_write(&text, &card);
    int rc = file_write(file_join(&path, r->dir, "README.md"), text.buf, text.len, e);
    str_release(&text);
    str_release(&path);
    return rc;
}

static int store_run(struct run *r, struct err *e)
{
    const struct pretrain *p = &r->pretrain;
    const struct pretrain_state *s = &p->state;
    struct str options = {0};
    struct result_pretraining_point *points =
        arena_array(&r->arena, (size_t)s->n_points, sizeof *points);

    for (int i = 0; i < s->n_points; i++)
        points[i] = (struct result_pretraining_point){.step = s->points[i].step,
                                                      .tokens = s->points[i].n_tok,
                                                      .train_loss = s->points[i].train_loss,
                                                      .held_out_loss = s->points[i].held_out_loss,
                                                      .learning_rate = s->points[i].learning_rate,
                                                      .seconds = s->points[i].seconds};
    options_canonical(&options, &r->options, "", false);
    struct result_pretraining result = {.pretraining_id = r->id,
                                        .canonical = r->canonical,
                                        .model = r->params->model->name,
                                        .recipe = r->params->recipe->name,
                                        .options = str_text(&options),
                                        .corpus_hash = p->corpus.hash,
                                        .tokenizer_hash = tokenizer_hash(r->tokenizer),
                                        .weights_hash = r->weights_hash,
                                        .precision = option_choice(&r->options, "precision"),
                                        .seed = (uint64_t)option_int(&r->options, "seed"),
                                        .total_params = (int64_t)params_total(&p->model.params),
                                        .n_documents = p->corpus.n_documents,
                                        .n_held_out = p->corpus.n_held_out,
                                        .n_words = p->corpus.n_words,
                                        .n_updates = s->step,
                                        .train_tokens = s->n_tok,
                                        .unigram_loss = p->unigram_loss,
                                        .train_seconds =
                                            1e-9 * (double)(s->train_ns + s->evaluate_ns),
                                        .started = r->started,
                                        .resumed = s->n_resumed,
                                        .numerics_version = NUMERICS_VERSION,
                                        .blas_core = r->made_on.blas_core,
                                        .commit = r->made_on.commit,
                                        .environment = r->made_on.environment,
                                        .n_environment = r->made_on.n_environment,
                                        .points = points,
                                        .n_points = s->n_points};
    struct store *store = store_open(r->params->db, STORE_WRITE, e);
    int rc = store ? store_put_pretraining(store, &result, e) : -1;
    store_close(store);
    str_release(&options);
    return rc;
}

/* The row last: it says that all the rest is there. */
static int finish(struct run *r, struct err *e)
{
    if (copy_tokenizer(r, e) != 0 || model_save(&r->pretrain.model, r->dir, e) != 0 ||
        hash_file(r->weights_hash, r->weights, e) != 0 || write_card(r, e) != 0 ||
        store_run(r, e) != 0)
        return -1;
    unlink(r->snapshot);
    return 0;
}

/* Takes up the snapshot, if any. One that cannot be used is in the way of no bit, but may hold
 * hours of another run's work: it is not written over. */
static int take_up(struct run *r, struct err *e)
{
    struct pretrain *p = &r->pretrain;
    int found = pretrain_snapshot_read(p, r->snapshot, r->id, e);
    if (found < 0)
        return err_wrap(e, "remove it to begin anew, or give another --out");
    if (found)
        fprintf(r->params->print, "%s: goes on at update %ld of %ld\n", r->params->model->name,
                p->state.step, p->train.n_steps);
    return 0;
}

static void announce(const struct run *r)
{
    const struct pretrain *p = &r->pretrain;
    fprintf(r->params->print,
            "%s: pre-training %s, %zu parameters, %lld words, %d stretches, %ld updates, %s\n",
            r->params->model->name, r->id, params_total(&p->model.params),
            (long long)p->corpus.n_words, p->corpus.train.n, p->train.n_steps,
            r->made_on.blas_core);
    fprintf(r->params->print, "%s: by frequencies alone the held-out loss is %.4f\n",
            r->params->model->name, p->unigram_loss);
    fflush(r->params->print);
}

static void print_profile(const struct run *r)
{
    const struct profile *p = &r->profile;
    for (int i = 0; i < PHASE_COUNT; i++)
        fprintf(r->params->print, "  %-11s %10.3f s %6.2f %%\n", phase_names[i],
                1e-9 * (double)p->ns[i],
                100.0 * (double)p->ns[i] / (double)(profile_total_ns(p) + 1));
}

static enum pretrain_outcome learn(struct run *r, struct err *e)
{
    struct pretrain_hooks hooks = {.context = r,
                                   .progress = on_progress,
                                   .snapshot_due = on_snapshot_due,
                                   .snapshot = on_snapshot,
                                   .stop = on_stop};
    r->last_snapshot_ns = r->start_ns = clock_ns();
    r->start_tok = r->pretrain.state.n_tok;
    r->n_told = r->pretrain.state.n_points ? r->pretrain.state.n_points : 1; /* not of step 0 */
    if (r->params->profile) {
        r->pretrain.profile = &r->profile;
        profile_start(&r->profile);
    }
    enum pretrain_outcome outcome = pretrain_run(&r->pretrain, &hooks, e);
    if (r->params->profile) {
        profile_stop(&r->profile);
        print_profile(r);
    }
    return outcome;
}

static enum pretraining_outcome train(struct run *r, struct err *e)
{
    const struct pretraining_params *p = r->params;
    struct pretrain_source source = {.model = p->model,
                                     .options = &r->options,
                                     .tokenizer = r->tokenizer,
                                     .corpus_path = p->corpus,
                                     .corpus_sha256 = p->recipe->corpus.sha256};
    bool half = str_equal(option_choice(&r->options, "precision"), "bfloat16");

    const struct execute_params how = {.n_threads = p->n_threads};
    record_environment(&r->made_on, half, &how, &r->arena);
    if (p->n_threads > 1)
        r->pool = pool_new(p->n_threads);
    source.pool = r->pool;
    if (pretrain_open(&r->pretrain, &source, &r->arena, e) != 0)
        return PRETRAINING_FAILED;
    announce(r);
    if (take_up(r, e) != 0)
        return PRETRAINING_FAILED;
    enum pretrain_outcome outcome = learn(r, e);
    if (outcome == PRETRAIN_STOPPED) {
        fprintf(p->print,
                "%s%s: stopped after update %ld of %ld; the same command goes on from %s\n",
                r->terminal ? "\n" : "", p->model->name, r->pretrain.state.step,
                r->pretrain.train.n_steps, r->snapshot);
        return PRETRAINING_STOPPED;
    }
    /* Once more, so that what may fail from here on (a full disk) costs no training. */
    if (outcome == PRETRAIN_FAILED || on_snapshot(r, &r->pretrain, e) != 0 || finish(r, e) != 0)
        return PRETRAINING_FAILED;
    fprintf(p->print, "%s: done; %s, sha256 %s\n", p->model->name, r->weights, r->weights_hash);
    return PRETRAINING_DONE;
}

/* With SIGINT and SIGTERM blocked, in threads of the pool too: whether one waits is asked after
 * each update. */
static enum pretraining_outcome train_blocked(struct run *r, struct err *e)
{
    sigset_t block, before;
    sigemptyset(&block);
    sigaddset(&block, SIGINT);
    sigaddset(&block, SIGTERM);
    sigprocmask(SIG_BLOCK, &block, &before);
    enum pretraining_outcome outcome = train(r, e);
    struct timespec none = {0};
    while (outcome == PRETRAINING_STOPPED && sigtimedwait(&block, NULL, &none) > 0)
        ; /* it has been answered */
    sigprocmask(SIG_SETMASK, &before, NULL);
    return outcome;
}

enum pretraining_outcome pretraining_run(const struct pretraining_params *p, struct err *e)
{
    struct run r = {.params = p, .terminal = isatty(fileno(p->print))};
    enum pretraining_outcome outcome = PRETRAINING_FAILED;

    clock_utc(r.started);
    if (prepare(&r, e) == 0) {
        int current = is_current(&r, e);
        if (current == 0)
            outcome = train_blocked(&r, e);
        if (current == 1) {
            fprintf(p->print, "%s: pre-trained already (%s); %s is current\n", p->model->name, r.id,
                    r.weights);
            outcome = PRETRAINING_DONE;
        }
    }
    pretrain_release(&r.pretrain);
    pool_free(r.pool);
    tokenizer_free(r.tokenizer);
    str_release(&r.tokenizer_dir);
    arena_release(&r.arena);
    return outcome;
}
