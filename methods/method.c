#include "methods/method.h"

#include <assert.h>
#include <string.h>

const char *const method_linear_roles[] = {"q", "k", "v", "o", "ffn_in", "ffn_out", NULL};

const struct method *method_find(const char *name)
{
    for (int i = 0; methods[i]; i++)
        if (strcmp(methods[i]->name, name) == 0)
            return methods[i];
    return NULL;
}

int method_attach(struct tuned *t, const struct method *method, const struct options *options,
                  struct model *model, struct arena *a, struct err *e)
{
    assert(options->table == method->options);
    *t = (struct tuned){.method = method, .model = model, .arena = a};
    options_copy(&t->options, options, a);
    t->at_site = arena_array(a, (size_t)model->n_sites, sizeof *t->at_site);
    t->hooks = (struct hooks){.state = t,
                              .before = method->before,
                              .after = method->after,
                              .key_value = method->key_value,
                              .at_site = t->at_site};
    for (int i = 0; i < model->params.n; i++) {
        struct param *p = model->params.items[i];
        p->trainable = p->part == PART_HEAD;
    }
    if (method->declare(t, e) != 0)
        return err_wrap(e, "method %s", method->name);
    return 0;
}

int method_merge(struct tuned *t, struct err *e)
{
    const struct method *m = t->method;
    bool hooked = m->before || m->after || m->key_value;
    if (hooked && !m->merge)
        return err_usage(e, "method %s cannot be folded into the base weights", m->name);
    if (m->merge)
        m->merge(t);
    t->hooks = (struct hooks){.state = t};
    return 0;
}

bool method_targets(const struct tuned *t, const char *option, const struct site *s)
{
    return s->kind == SITE_LINEAR && option_list_has(&t->options, option, role_names[s->role]);
}

int method_check_targets(const struct tuned *t, const char *option, struct err *e)
{
    int n;
    const char *const *words = option_list(&t->options, option, &n);
    if (n == 0)
        return err_usage(e, "%s: empty; name at least one projection", option);
    for (int w = 0; w < n; w++) {
        bool found = false;
        for (int i = 0; i < t->model->n_sites && !found; i++) {
            const struct site *s = &t->model->sites[i];
            found = s->kind == SITE_LINEAR && str_equal(role_names[s->role], words[w]);
        }
        if (!found)
            return err_usage(e, "%s: this model has no projection \"%s\"", option, words[w]);
    }
    return 0;
}

struct param *method_param(struct tuned *t, const char *module, const char *suffix,
                           const struct param *spec)
{
    struct param named = *spec;
    named.name = arena_printf(t->model->arena, "%s.%s", module, suffix);
    named.part = PART_METHOD;
    struct param *p = params_add(&t->model->params, &named);
    p->trainable = true;
    return p;
}
