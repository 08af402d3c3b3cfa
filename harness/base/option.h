/*
 * option: one table gives an option its parsing, range check, help, database
 * column and documentation.
 *
 * Methods, protocols and model configurations each declare a const table of
 * struct option; values live in a struct options beside it, in table order. The
 * canonical text of a set is part of a cell's identity, so it must never depend
 * on how the user wrote a value ("1e-3" and "0.001" are one option).
 */
#ifndef FT_HARNESS_BASE_OPTION_H
#define FT_HARNESS_BASE_OPTION_H

#include "harness/base/arena.h"
#include "harness/base/str.h"
#include "harness/base/yaml.h"

#include <stdbool.h>

enum option_type { OPTION_INT, OPTION_FLOAT, OPTION_BOOL, OPTION_CHOICE, OPTION_LIST };

struct option {
    const char *name; /* the field's standard term, as in PEFT */
    enum option_type type;
    const char *initial;        /* default, as a user would write it */
    double min, max;            /* OPTION_INT, OPTION_FLOAT: allowed, inclusive */
    const char *const *choices; /* OPTION_CHOICE, OPTION_LIST: allowed words,
                                   NULL-terminated; LIST: NULL allows any word */
    const char *help;           /* one line: meaning, unit, source */
};

struct option_value {
    long i;            /* OPTION_INT, OPTION_BOOL (0/1), OPTION_CHOICE (index) */
    double f;          /* OPTION_FLOAT */
    const char **list; /* OPTION_LIST: n_list sorted words */
    int n_list;
    bool given; /* set by the user, not by default */
};

struct options {
    const struct option *table;  /* borrowed, ends with a NULL name */
    struct option_value *values; /* owned by the arena given to options_init */
    int n;
    struct arena *arena; /* borrowed */
};

/* All defaults. A table whose own defaults do not parse is our bug (assert). */
void options_init(struct options *o, const struct option *table, struct arena *a);

/* A copy with its own values, in arena a. */
void options_copy(struct options *to, const struct options *from, struct arena *a);

/* Sets one option from text (a list as "a,b" or "[a, b]"). ERR_USAGE names the
 * option, the value, the allowed range or words, and the nearest good name. */
int option_set(struct options *o, const char *name, const char *text, struct err *e) MUST_CHECK;

/* Sets from a YAML map node (values scalars or lists of scalars); errors carry
 * file:line:column. */
int options_set_yaml(struct options *o, const struct yaml *map, struct err *e) MUST_CHECK;

/* Sets from a scalar or list node. */
int option_set_yaml(struct options *o, const struct yaml *key, const struct yaml *value,
                    struct err *e) MUST_CHECK;

bool options_has(const struct options *o, const char *name);
/* Typed reads; an unknown name or a wrong type is our bug (assert). */
long option_int(const struct options *o, const char *name);
double option_float(const struct options *o, const char *name);
bool option_bool(const struct options *o, const char *name);
const char *option_choice(const struct options *o, const char *name);
/* The list's words; *n is their number. */
const char *const *option_list(const struct options *o, const char *name, int *n);
bool option_list_has(const struct options *o, const char *name, const char *word);

/* The value of entry i as canonical text, appended to s. */
void option_text(struct str *s, const struct options *o, int i);

/* "name=value" lines in table order, appended to s; with a prefix before each
 * name. skip_defaults leaves out what equals the default. */
void options_canonical(struct str *s, const struct options *o, const char *prefix,
                       bool skip_defaults);

/* A help table: name, default, allowed, meaning; one line each. */
void options_help(struct str *s, const struct option *table, const char *indent);

#endif
