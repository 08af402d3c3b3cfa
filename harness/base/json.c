#include "harness/base/json.h"

#include "harness/base/file.h"

#include <assert.h>
#include <stdlib.h>

json_t *json_parse(const char *text, size_t n_bytes, const char *name, struct err *e)
{
    json_error_t bad;
    json_t *value = json_loadb(text, n_bytes, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &bad);
    if (!value)
        err_set(e, "%s:%d:%d: %s", name, bad.line, bad.column, bad.text);
    return value;
}

json_t *json_read(const char *path, struct err *e)
{
    struct str text = {0};
    json_t *value = NULL;
    if (file_read(&text, path, e) == 0)
        value = json_parse(str_text(&text), text.len, path, e);
    str_release(&text);
    return value;
}

static const char *type_name(const json_t *value)
{
    static const char *const names[] = {
        [JSON_OBJECT] = "a map",    [JSON_ARRAY] = "a list",
        [JSON_STRING] = "a text",   [JSON_INTEGER] = "a whole number",
        [JSON_REAL] = "a fraction", [JSON_TRUE] = "true",
        [JSON_FALSE] = "false",     [JSON_NULL] = "null"};
    return value ? names[json_typeof(value)] : "nothing";
}

/* The value at key, NULL (and e filled) when there is none. */
static json_t *get(const json_t *object, const char *key, const char *what, struct err *e)
{
    if (!json_is_object(object)) {
        err_set(e, "%s: a map with the key \"%s\" is expected, not %s", what, key,
                type_name(object));
        return NULL;
    }
    json_t *value = json_object_get(object, key);
    if (!value)
        err_set(e, "%s: the key \"%s\" is missing", what, key);
    return value;
}

static int wrong_type(const json_t *value, const char *key, const char *what, const char *wanted,
                      struct err *e)
{
    return err_set(e, "%s: \"%s\" must be %s, not %s", what, key, wanted, type_name(value));
}

int json_text(const char **out, const json_t *object, const char *key, const char *what,
              struct err *e)
{
    const json_t *value = get(object, key, what, e);
    if (!value)
        return -1;
    if (!json_is_string(value))
        return wrong_type(value, key, what, "a text", e);
    *out = json_string_value(value);
    return 0;
}

int json_long(long *out, const json_t *object, const char *key, const char *what, struct err *e)
{
    const json_t *value = get(object, key, what, e);
    if (!value)
        return -1;
    if (!json_is_integer(value))
        return wrong_type(value, key, what, "a whole number", e);
    *out = (long)json_integer_value(value);
    return 0;
}

int json_double(double *out, const json_t *object, const char *key, const char *what, struct err *e)
{
    const json_t *value = get(object, key, what, e);
    if (!value)
        return -1;
    if (!json_is_number(value))
        return wrong_type(value, key, what, "a number", e);
    *out = json_number_value(value);
    return 0;
}

int json_bool(bool *out, const json_t *object, const char *key, const char *what, struct err *e)
{
    const json_t *value = get(object, key, what, e);
    if (!value)
        return -1;
    if (!json_is_boolean(value))
        return wrong_type(value, key, what, "true or false", e);
    *out = json_is_true(value);
    return 0;
}

int json_list(json_t **out, const json_t *object, const char *key, const char *what, struct err *e)
{
    json_t *value = get(object, key, what, e);
    if (!value)
        return -1;
    if (!json_is_array(value))
        return wrong_type(value, key, what, "a list", e);
    *out = value;
    return 0;
}

int json_map(json_t **out, const json_t *object, const char *key, const char *what, struct err *e)
{
    json_t *value = get(object, key, what, e);
    if (!value)
        return -1;
    if (!json_is_object(value))
        return wrong_type(value, key, what, "a map", e);
    *out = value;
    return 0;
}

void json_add(struct str *s, const json_t *value, int indent)
{
    char *text = json_dumps(value, JSON_SORT_KEYS | JSON_ENCODE_ANY | JSON_REAL_PRECISION(17) |
                                       JSON_INDENT((size_t)indent));
    assert(text); /* only a value that is no JSON, or no memory */
    str_add(s, text);
    free(text);
}

int json_write(const char *path, const json_t *value, struct err *e)
{
    struct str text = {0};
    json_add(&text, value, 2);
    str_add_char(&text, '\n');
    int rc = file_write(path, text.buf, text.len, e);
    str_release(&text);
    return rc;
}
