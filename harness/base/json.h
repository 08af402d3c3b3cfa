/*
 * json: JSON files in and out, with errors that say where (jansson).
 *
 * Not a wrapper: callers use jansson's json_t itself. Here is what would
 * otherwise stand at every call: reading with a place in the message, typed
 * reads that name the key, and writing that gives the same bytes every time.
 */
#ifndef FT_HARNESS_BASE_JSON_H
#define FT_HARNESS_BASE_JSON_H

#include "harness/base/err.h"
#include "harness/base/str.h"

#include <jansson.h>

/* The file's one value; free with json_decref. NULL on error:
 * "file:line:column: ...". Repeated keys are an error. */
json_t *json_read(const char *path, struct err *e) MUST_CHECK;

/* The same from text; name stands for the file in messages. */
json_t *json_parse(const char *text, size_t n_bytes, const char *name, struct err *e) MUST_CHECK;

/* Typed reads of object[key]: -1 when object is no object, the key is absent or
 * the value has another type; the message names what (the file, as a rule) and
 * key. Texts and values are borrowed from object. */
int json_text(const char **out, const json_t *object, const char *key, const char *what,
              struct err *e) MUST_CHECK;
int json_long(long *out, const json_t *object, const char *key, const char *what,
              struct err *e) MUST_CHECK;
int json_double(double *out, const json_t *object, const char *key, const char *what,
                struct err *e) MUST_CHECK; /* a whole number will do */
int json_bool(bool *out, const json_t *object, const char *key, const char *what,
              struct err *e) MUST_CHECK;
int json_list(json_t **out, const json_t *object, const char *key, const char *what,
              struct err *e) MUST_CHECK;
int json_map(json_t **out, const json_t *object, const char *key, const char *what,
             struct err *e) MUST_CHECK;

/* Appends value as text: keys sorted, two blanks of indent (0: one line), numbers
 * with 17 digits, no newline at the end. Any value, not only lists and maps. */
void json_add(struct str *s, const json_t *value, int indent);

/* The indented text and a newline into path, whole or not at all. */
int json_write(const char *path, const json_t *value, struct err *e) MUST_CHECK;

#endif
