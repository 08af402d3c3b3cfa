#include "reports/claims.h"

#include "harness/base/paths.h"
#include "harness/base/stats.h"
#include "harness/base/yaml.h"
#include "reports/claim_tests.h"

#include <math.h>

const char *const verdict_names[] = {"holds", "fails", "cannot tell"};
const char claim_no_rows[] = "no such rows here";

static int read_claim(struct claim *c, const struct claims *before, const struct yaml *node,
                      struct err *e)
{
    *c = (struct claim){.node = node};
    if (yaml_expect(node, YAML_MAP, "a claim", e) != 0 || yaml_text(&c->id, node, "id", e) != 0 ||
        yaml_text(&c->statement, node, "statement", e) != 0 ||
        yaml_text(&c->kind, node, "kind", e) != 0)
        return -1;
    for (int i = 0; i < before->n; i++)
        if (str_equal(before->items[i].id, c->id))
            return yaml_error(yaml_get(node, "id"), e, "a second claim \"%s\"", c->id);
    return claim_check(c, e);
}

int claims_read(struct claims *out, const char *path, struct arena *a, struct err *e)
{
    static const char *const allowed[] = {"claims", NULL};
    struct str home = {0};
    *out = (struct claims){0};
    if (!path) {
        int status = paths_home(&home, e);
        path = arena_printf(a, "%s/reports/claims.yaml", str_text(&home));
        str_release(&home);
        if (status != 0)
            return -1;
    }
    const struct yaml *root = yaml_read(a, path, e);
    if (!root || yaml_expect(root, YAML_MAP, "claims", e) != 0 ||
        yaml_only_keys(root, allowed, e) != 0)
        return -1;
    const struct yaml *list = yaml_get(root, "claims");
    if (!list || list->kind != YAML_LIST)
        return yaml_error(list ? list : root, e, "claims: a list");
    out->items = arena_array(a, (size_t)list->n, sizeof *out->items);
    for (; out->n < list->n; out->n++)
        if (read_claim(&out->items[out->n], out, &list->items[out->n], e) != 0)
            return -1;
    return 0;
}

struct answer *claims_evaluate(const struct claims *c, const struct observations *o,
                               struct arena *a)
{
    struct answer *answers = arena_array(a, (size_t)c->n, sizeof *answers);
    double *p = arena_array(a, (size_t)c->n, sizeof *p);
    int n = 0;
    for (int i = 0; i < c->n; i++) {
        claim_test(&answers[i], &c->items[i], o, a);
        if (!isnan(answers[i].p_value))
            p[n++] = answers[i].p_value;
    }
    stats_holm(p, n);
    n = 0;
    for (int i = 0; i < c->n; i++)
        if (!isnan(answers[i].p_value))
            answers[i].p_value = p[n++];
    return answers;
}
