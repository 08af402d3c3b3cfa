/*
 * method: one way of fine-tuning; one file and one row of registry.c each.
 *
 * A method declares its parameters, marks what trains, and composes ops at
 * sites. Forward only: the tape gives it its backward. It sees sites, roles,
 * parameter roles and parts, never a family's name.
 */
#ifndef FT_METHODS_METHOD_H
#define FT_METHODS_METHOD_H

#include "models/model.h"

struct tuned;
struct peft_format; /* methods/peft.h */

struct method {
    const char *name;
    const char *summary; /* one line for lists */
    const char *source;  /* paper, arXiv number */
    const struct option *options;
    /* Adds parameters to model->params and sets trainable flags. Runs before any
     * weights are loaded. All parameters start frozen except the head, which
     * every method but `null` trains. */
    int (*declare)(struct tuned *t, struct err *e);
    /* See struct hooks; state is the struct tuned. */
    struct tensor *(*before)(void *state, struct forward *f, const struct site *s,
                             struct tensor *x);
    struct tensor *(*after)(void *state, struct forward *f, const struct site *s, struct tensor *x,
                            struct tensor *y);
    void (*key_value)(void *state, struct forward *f, const struct site *s, struct attention *a);
    /* Folds the method into the base weights (params_own_data); NULL when it
     * cannot be done. Called by method_merge only. */
    void (*merge)(struct tuned *t);
    const struct peft_format *peft; /* how PEFT names and stores it, or NULL */
    bool starts_as_base;            /* step 0 computes exactly what the base model does */
};

extern const struct method *const methods[]; /* registry.c; NULL-ended */
const struct method *method_find(const char *name);

/* A model with a method attached. */
struct tuned {
    const struct method *method;
    struct options options; /* of method->options */
    struct model *model;    /* borrowed */
    void **at_site;         /* [model->n_sites] the method's own state per site */
    void *state;            /* the method's own state */
    int extra_positions;    /* positions it takes from every sequence: the longest
                               text is that much shorter */
    struct hooks hooks;     /* ready for model_logits */
    struct arena *arena;    /* borrowed */
};

/* Attaches method with options to a declared model that has no memory yet:
 * declares, marks. t must stay where it is (hooks point to it). */
int method_attach(struct tuned *t, const struct method *method, const struct options *options,
                  struct model *model, struct arena *a, struct err *e) MUST_CHECK;

/* Folds the trained method into copies of the base weights and takes the hooks
 * away; a mapped checkpoint is not touched. Nothing to do for a method without
 * hooks; ERR_USAGE for one that cannot be folded. After params have values, not
 * while training. */
int method_merge(struct tuned *t, struct err *e) MUST_CHECK;

/* --- for methods ---------------------------------------------------------- */

/* The words of an option that names projections: "q" "k" "v" "o" "ffn_in"
 * "ffn_out" NULL. */
extern const char *const method_linear_roles[];

/* Whether the list option (target_modules, ...) names the role of this
 * projection. False for sites of other kinds. */
bool method_targets(const struct tuned *t, const char *option, const struct site *s);

/* ERR_USAGE when the list option is empty or names a role this model lacks. */
int method_check_targets(const struct tuned *t, const char *option, struct err *e) MUST_CHECK;

/* A parameter of the method: named, shaped, PART_METHOD, trainable. The name is
 * module + "." + suffix; the other fields come from spec. */
struct param *method_param(struct tuned *t, const char *module, const char *suffix,
                           const struct param *spec);

#endif
