/*
 * yaml: a YAML file as a tree that remembers where each thing stood (libyaml).
 *
 * Scalars stay text; options (option.h) give them types. Anchors, aliases and
 * tags are refused: a spec is read by people. Duplicate keys are an error.
 */
#ifndef FT_HARNESS_BASE_YAML_H
#define FT_HARNESS_BASE_YAML_H

#include "harness/base/arena.h"

#include <stddef.h>

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml {
    enum yaml_kind kind;
    const char *file;   /* for messages */
    int line, column;   /* from 1 */
    const char *text;   /* YAML_SCALAR: its text */
    int n;              /* YAML_LIST, YAML_MAP: entries */
    struct yaml *items; /* [n] values */
    struct yaml *keys;  /* [n] YAML_MAP: scalars */
};

/* The file's one document, owned by a. NULL on error: "file:line:column: ...". */
struct yaml *yaml_read(struct arena *a, const char *path, struct err *e) MUST_CHECK;

/* The same from text; name stands for the file in messages. */
struct yaml *yaml_parse(struct arena *a, const char *text, size_t n_bytes, const char *name,
                        struct err *e) MUST_CHECK;

/* The value at key of a map, or NULL. */
const struct yaml *yaml_get(const struct yaml *map, const char *key);

/* The text at key: -1 when it is absent or not a scalar. */
int yaml_text(const char **out, const struct yaml *map, const char *key, struct err *e) MUST_CHECK;

/* The text at key, or fallback when absent (or not a scalar). */
const char *yaml_text_or(const struct yaml *map, const char *key, const char *fallback);

/* A whole number at key: -1 when it is absent or not one in [min, max]. */
int yaml_long(long *out, const struct yaml *map, const char *key, long min, long max,
              struct err *e) MUST_CHECK;

/* -1 unless node is of this kind; the message names what stood there. */
int yaml_expect(const struct yaml *node, enum yaml_kind kind, const char *what,
                struct err *e) MUST_CHECK;

/* -1 when map has a key that is not in the NULL-terminated list; the message
 * has file:line:column, the bad key and the nearest good one. */
int yaml_only_keys(const struct yaml *map, const char *const *allowed, struct err *e) MUST_CHECK;

/* err_usage with "file:line:column: " of node in front. Returns -1. */
int yaml_error(const struct yaml *node, struct err *e, const char *fmt, ...) PRINTF_LIKE(3, 4);

#endif
