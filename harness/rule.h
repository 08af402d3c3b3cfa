/*
 * rule: "when this, then set that", for protocols, overrides and exclusions.
 *
 * A rule's conditions are lists of words for some of model, family, method, dataset, init,
 * protocol and seed; it holds for a point of the matrix when each condition names the point's word.
 * What it sets are training options (protocol.h) by name, or a method's options as
 * METHOD.OPTION. Names and values are checked when the rule is read, so that a rule nobody
 * meets cannot hide a typo.
 */
#ifndef FT_HARNESS_RULE_H
#define FT_HARNESS_RULE_H

#include "harness/base/option.h"
#include "methods/method.h"

enum rule_key {
    RULE_MODEL,
    RULE_FAMILY, /* "bert", "t5" */
    RULE_METHOD,
    RULE_DATASET,
    RULE_INIT,
    RULE_PROTOCOL,
    RULE_SEED,
    RULE_KEY_COUNT
};
extern const char *const rule_keys[]; /* [RULE_KEY_COUNT] and NULL */

/* A point of the matrix as conditions see it. */
struct point {
    const char *word[RULE_KEY_COUNT]; /* init: "random" or "pretrained" */
    const char *method_label;         /* what `method` may name as well: "lora r=64" */
};

struct rule {
    const struct yaml *node;                 /* for messages */
    const struct yaml *when[RULE_KEY_COUNT]; /* scalar or list of scalars, or NULL: any */
    const struct yaml *set;                  /* map, or NULL for an exclusion */
    bool *used;                              /* [set->n]; for an exclusion [1] */
};

/* Reads {when: {...}, set: {...}}. */
int rule_read(struct rule *r, const struct yaml *node, struct arena *a, struct err *e) MUST_CHECK;
/* Reads an exclusion, a map of conditions only. */
int rule_read_exclusion(struct rule *r, const struct yaml *node, struct arena *a,
                        struct err *e) MUST_CHECK;
/* A list of rules; with is_exclusion, of exclusions. node NULL: none. */
int rules_read(struct rule **rules, int *n, const struct yaml *node, bool is_exclusion,
               struct arena *a, struct err *e) MUST_CHECK;

bool rule_holds(const struct rule *r, const struct point *p);

/* Whether a condition of any of them is about this key. */
bool rules_name(const struct rule *rules, int n, enum rule_key key);

/* The options of one cell, which settings change. */
struct settled {
    const struct method *method; /* NULL: only training options are settled */
    struct options *training, *method_options;
};

/* Sets what each rule that holds says, in order, and marks it as used. */
int rules_apply(const struct rule *rules, int n, const struct point *p, const struct settled *to,
                struct err *e) MUST_CHECK;

/* Checks a map of settings: each key a training option or METHOD.OPTION, each value good. */
int settings_check(const struct yaml *set, struct err *e) MUST_CHECK;

/* Applies a map of settings; METHOD.OPTION only where METHOD is the method. used (NULL:
 * nobody asks) is set for every entry that was applied. */
int settings_apply(const struct yaml *set, bool *used, const struct settled *to,
                   struct err *e) MUST_CHECK;

#endif
