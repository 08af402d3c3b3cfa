#include "reports/verdicts.h"

#include "harness/base/file.h"
#include "harness/base/json.h"
#include "reports/tables.h"

#include <math.h>

static void judge(struct verdict_column *c, const struct claims *claims,
                  const struct observations *o, const struct facts *facts, struct arena *a)
{
    c->answers = claims_evaluate(claims, o, a);
    c->findings = findings_of(facts->items, facts->n, a);
    c->n_results = o->n;
    c->weakened = arena_array(a, (size_t)claims->n, sizeof *c->weakened);
    for (int i = 0; i < claims->n; i++)
        c->weakened[i] = findings_behind(&c->findings, &c->answers[i], a);
}

int verdicts_load(struct verdicts *v, const struct report_set *r, const struct usual_rate *usual,
                  struct arena *a, struct err *e)
{
    struct observations o;
    int n_measured = r ? r->n : 0;
    *v = (struct verdicts){.columns = arena_array(a, (size_t)n_measured + 1, sizeof *v->columns)};
    if (claims_read(&v->claims, NULL, a, e) != 0 || observations_published(&o, a, e) != 0)
        return -1;
    struct facts facts = facts_of_observations(&o, usual, a);
    v->columns[0].name = "published numbers";
    judge(&v->columns[v->n++], &v->claims, &o, &facts, a);
    for (int i = 0; i < n_measured; i++) {
        const struct report_data *d = &r->items[i];
        o = observations_measured(d, a);
        if (facts_of_report(&facts, d, usual, a, e) != 0)
            return -1;
        v->columns[v->n].name = arena_printf(a, "measured, %s", d->protocol);
        judge(&v->columns[v->n++], &v->claims, &o, &facts, a);
    }
    return 0;
}

const char *verdict_estimate(const struct answer *answer, struct arena *a)
{
    if (isnan(answer->estimate))
        return "";
    if (isnan(answer->low))
        return arena_printf(a, "%.3g %s, no interval", answer->estimate, answer->unit);
    if (answer->low == answer->estimate && answer->high == answer->estimate)
        return arena_printf(a, "%.3g %s", answer->estimate, answer->unit);
    return arena_printf(a, "%.3g [%.3g, %.3g] %s", answer->estimate, answer->low, answer->high,
                        answer->unit);
}

const char *verdict_grounds(const struct verdict_column *c, int claim, struct arena *a)
{
    const struct answer *r = &c->answers[claim];
    struct str s = {0};
    str_add(&s, r->test);
    if (!isnan(r->p_value))
        str_printf(&s, ", p %.2g after Holm%s", r->p_value,
                   r->verdict != VERDICT_CANNOT_TELL && r->p_value > .05
                       ? ": alone it tells, among so many claims it may be chance"
                       : "");
    if (*r->why)
        str_printf(&s, "%s%s", s.len ? "; " : "", r->why);
    if (*c->weakened[claim])
        str_printf(&s, "; weakened by what was found: %s", c->weakened[claim]);
    const char *text = arena_strdup(a, str_text(&s));
    str_release(&s);
    return text;
}

void verdicts_text(struct str *s, const struct verdicts *v, struct arena *a)
{
    for (int k = 0; k < v->n; k++) {
        const struct verdict_column *c = &v->columns[k];
        str_printf(s, "%s%s\n", k ? "\n" : "", c->name);
        for (int i = 0; i < v->claims.n; i++) {
            const struct answer *r = &c->answers[i];
            const char *estimate = verdict_estimate(r, a), *grounds = verdict_grounds(c, i, a);
            str_printf(s, "  %-11s  %s\n", verdict_names[r->verdict], r->claim->statement);
            if (*estimate)
                str_printf(s, "               %s\n", estimate);
            str_printf(s, "               %s\n", grounds);
        }
    }
}

void verdicts_csv(struct str *s, const struct verdicts *v)
{
    str_add(s, "results,claim,statement,verdict,estimate,low_95,high_95,unit,test,p_holm,n,"
               "seeds_needed,why,findings\n");
    for (int k = 0; k < v->n; k++)
        for (int i = 0; i < v->claims.n; i++) {
            const struct answer *r = &v->columns[k].answers[i];
            csv_text(s, v->columns[k].name, ',');
            csv_text(s, r->claim->id, ',');
            csv_text(s, r->claim->statement, ',');
            csv_text(s, verdict_names[r->verdict], ',');
            csv_real(s, r->estimate, ',');
            csv_real(s, r->low, ',');
            csv_real(s, r->high, ',');
            csv_text(s, r->unit, ',');
            csv_text(s, r->test, ',');
            csv_real(s, r->p_value, ',');
            csv_int(s, r->n, ',');
            if (r->verdict == VERDICT_CANNOT_TELL && r->seeds_needed >= 0)
                csv_int(s, r->seeds_needed, ',');
            else
                str_add(s, ",");
            csv_text(s, r->why, ',');
            csv_text(s, v->columns[k].weakened[i], '\n');
        }
}

static json_t *number(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

void verdicts_json(struct str *s, const struct verdicts *v)
{
    json_t *list = json_array();
    for (int k = 0; k < v->n; k++)
        for (int i = 0; i < v->claims.n; i++) {
            const struct answer *r = &v->columns[k].answers[i];
            bool told = r->verdict != VERDICT_CANNOT_TELL || r->seeds_needed < 0;
            json_t *one =
                json_pack("{ss ss ss ss so so so ss ss so si so ss ss}", "results",
                          v->columns[k].name, "claim", r->claim->id, "statement",
                          r->claim->statement, "verdict", verdict_names[r->verdict], "estimate",
                          number(r->estimate), "low_95", number(r->low), "high_95", number(r->high),
                          "unit", r->unit, "test", r->test, "p_holm", number(r->p_value), "n", r->n,
                          "seeds_needed", told ? json_null() : json_integer(r->seeds_needed), "why",
                          r->why, "findings", v->columns[k].weakened[i]);
            json_array_append_new(list, one);
        }
    json_add(s, list, 2);
    str_add_char(s, '\n');
    json_decref(list);
}

int verdicts_write(const struct verdicts *v, const char *dir, struct err *e)
{
    struct str text = {0}, path = {0};
    str_printf(&path, "%s/claims.csv", dir);
    verdicts_csv(&text, v);
    int status = file_write(str_text(&path), str_text(&text), text.len, e);
    str_release(&text);
    str_release(&path);
    return status;
}
