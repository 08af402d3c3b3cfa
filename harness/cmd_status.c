#include "harness/command.h"
#include "harness/plan.h"
#include "harness/standing.h"
#include "results/query.h"

#include <string.h>

static const char *const words[] = {"done",  "failed",  "skipped", "running",
                                    "stale", "pending", NULL};
enum { FAILED = 1, RUNNING = 3, N_WORDS = 6 };

/* How many cells stand how. */
struct tally {
    long n[N_WORDS], all;
};

/* Standings of a spec's cells. Failures are printed as they are met when out is given. */
static int tally_spec(struct tally *t, const struct command_line *cl, struct standing *s,
                      struct err *e)
{
    struct plan plan;
    if (plan_read(&plan, cl->args[0], cl->only, cl->n_only, cl->arena, e) != 0)
        return -1;
    for (int i = 0; i < plan.n; i++) {
        const char *word = standing_of(s, &plan.cells[i], e);
        if (!word)
            return -1;
        t->n[str_index(words, word)]++;
        t->all++;
    }
    return 0;
}

static int tally_database(struct tally *t, struct standing *s, struct err *e)
{
    struct query q;
    if (query_open(&q, s->store, "SELECT status, count(*) FROM run GROUP BY status", e) != 0)
        return -1;
    int more;
    while ((more = query_next(&q, e)) == 1) {
        t->n[str_index(words, query_text(&q, 0))] += query_int(&q, 1);
        t->all += query_int(&q, 1);
    }
    query_close(&q);
    t->n[RUNNING] += s->n_running;
    t->all += s->n_running;
    return more;
}

static void print_running(const struct standing *s, FILE *out)
{
    for (int i = 0; i < s->n_running; i++) {
        const struct running_cell *r = &s->running[i];
        fprintf(out, "running %s  epoch %ld of %ld, step %ld of %ld, %.0f tokens/s, %.0f s\n",
                r->id, r->epoch, r->n_epochs, r->step, r->n_steps, r->tokens_per_second,
                r->seconds);
    }
}

static int print_failed(struct standing *s, FILE *out, struct err *e)
{
    struct query q;
    if (query_open(&q, s->store,
                   "SELECT cell_id, model, method, dataset, seed, attempts, message FROM run JOIN "
                   "cell ON cell.id = cell WHERE status = 'failed' ORDER BY cell_id",
                   e) != 0)
        return -1;
    int more;
    while ((more = query_next(&q, e)) == 1)
        fprintf(out, "failed %s  %s, %s, %s, seed %s, attempt %s: %s\n", query_text(&q, 0),
                query_text(&q, 1), query_text(&q, 2), query_text(&q, 3), query_text(&q, 4),
                query_text(&q, 5), query_text(&q, 6));
    query_close(&q);
    return more;
}

static void print_json(const struct tally *t, FILE *out)
{
    fprintf(out, "{\"cells\": %ld", t->all);
    for (int i = 0; words[i]; i++)
        fprintf(out, ", \"%s\": %ld", words[i], t->n[i]);
    fputs("}\n", out);
}

static int print_text(const struct tally *t, struct standing *s, FILE *out, struct err *e)
{
    fprintf(out, "%ld cells:", t->all);
    for (int i = 0; words[i]; i++)
        fprintf(out, "%s %ld %s", i ? "," : "", t->n[i], words[i]);
    fputc('\n', out);
    print_running(s, out);
    return s->store ? print_failed(s, out, e) : 0;
}

int cmd_status(const struct command_line *cl, FILE *out, struct err *e)
{
    struct standing s;
    struct tally t = {0};
    if (standing_open(&s, cl->db, cl->arena, e) != 0)
        return -1;
    int rc;
    if (cl->n_args)
        rc = tally_spec(&t, cl, &s, e);
    else if (s.store)
        rc = tally_database(&t, &s, e);
    else
        rc = err_set(e, "%s is not there; `ftbench run SPEC` makes it, --db names another", cl->db);
    if (rc == 0 && cl->json)
        print_json(&t, out);
    else if (rc == 0)
        rc = print_text(&t, &s, out, e);
    standing_close(&s);
    return rc != 0 ? -1 : t.n[FAILED] ? EXIT_BAD : EXIT_DONE;
}
