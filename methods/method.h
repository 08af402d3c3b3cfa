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
struct peft_format;

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
    /* Folds the method into the base weights, after which no hook is needed; NULL
     * when it cannot be. Base weights must be in own memory. */
    int (*merge)(struct tuned *t, struct err *e);
    const struct peft_format *peft; /* how PEFT names and stores it, or NULL */
    bool starts_as_base; /* step 0 computes exactly what the base model does */
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
    struct hooks hooks;     /* ready for model_logits */
    struct arena *arena;    /* borrowed */
};

/* Attaches method with options to a declared model that has no memory yet:
 * declares, marks. t must stay where it is (hooks point to it). */
int method_attach(struct tuned *t, const struct method *method, const struct options *options,
                  struct model *model, struct arena *a, struct err *e) MUST_CHECK;

/* --- for methods ---------------------------------------------------------- */

/* A parameter of the method: named, shaped, PART_METHOD, trainable. */
struct param *method_param(struct tuned *t, const struct param *spec);

#endif
