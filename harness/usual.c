#include "harness/usual.h"

#include "models/zoo.h"

#include <math.h>

struct usual {
    struct protocol sound;
    struct arena *arena; /* borrowed */
};

double usual_rate_at(const struct protocol *sound, struct point at, const struct method *method,
                     struct arena *a)
{
    struct options training, method_options;
    struct err ignored = {0}; /* its settings were checked when it was read */
    at.word[RULE_PROTOCOL] = sound->name;
    options_init(&training, training_options, a);
    options_init(&method_options, method->options, a);
    const struct settled to = {method, &training, &method_options};
    if (protocol_apply(sound, &at, &to, &ignored) != 0)
        return NAN;
    return option_float(&training, "learning_rate");
}

/* NaN for a model or method that is not known here: results may come from elsewhere. */
static double usual_rate_of(const void *state, const char *model, const char *method)
{
    const struct usual *u = state;
    const struct method *m = method_find(method);
    struct zoo_entry entry;
    struct err ignored = {0};
    if (!m || zoo_find(&entry, model, u->arena, &ignored) != 0)
        return NAN;
    struct point at = {.word = {[RULE_MODEL] = entry.name,
                                [RULE_FAMILY] = entry.family->name,
                                [RULE_METHOD] = m->name,
                                [RULE_DATASET] = "",
                                [RULE_INIT] = entry.random_init ? "random" : "pretrained",
                                [RULE_SEED] = ""},
                       .method_label = method};
    return usual_rate_at(&u->sound, at, m, u->arena);
}

int usual_rate_open(struct usual_rate *out, struct arena *a, struct err *e)
{
    struct usual *u = arena_alloc(a, sizeof *u);
    u->arena = a;
    *out = (struct usual_rate){usual_rate_of, u};
    return protocol_read(&u->sound, "sound", a, e);
}
