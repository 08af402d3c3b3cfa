#include "harness/base/yaml.h"

#include "harness/base/file.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

/* Deeper nesting is no spec, and would be deep recursion here. */
enum { MAX_DEPTH = 64 };

/* What stands while one document is read. */
struct reader {
    yaml_parser_t parser;
    const char *file;
    struct arena *arena;
    struct err *e;
};

static const char *const kind_names[] = {
    [YAML_SCALAR] = "a scalar", [YAML_LIST] = "a list", [YAML_MAP] = "a map"};

static int fail_at(const struct reader *r, yaml_mark_t mark, const char *what)
{
    return err_usage(r->e, "%s:%zu:%zu: %s", r->file, mark.line + 1, mark.column + 1, what);
}

/* The next event; the caller deletes it. */
static int next_event(struct reader *r, yaml_event_t *event)
{
    if (yaml_parser_parse(&r->parser, event))
        return 0;
    /* A bad byte has an offset and no mark; the parser's mark is near it. */
    yaml_mark_t mark =
        r->parser.error == YAML_READER_ERROR ? r->parser.mark : r->parser.problem_mark;
    return fail_at(r, mark, r->parser.problem ? r->parser.problem : "not YAML");
}

/* -1 when event carries an anchor, an alias or a tag. */
static int refuse_extras(const struct reader *r, const yaml_event_t *event)
{
    const yaml_char_t *anchor = NULL, *tag = NULL;
    switch (event->type) {
    case YAML_ALIAS_EVENT:
        return fail_at(r, event->start_mark, "aliases are not allowed; write the value out");
    case YAML_SCALAR_EVENT:
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
        break;
    case YAML_SEQUENCE_START_EVENT:
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
        break;
    case YAML_MAPPING_START_EVENT:
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
        break;
    default:
        break;
    }
    if (anchor)
        return fail_at(r, event->start_mark, "anchors are not allowed; write the value out");
    if (tag)
        return fail_at(r, event->start_mark, "tags are not allowed");
    return 0;
}

static int read_node(struct reader *r, struct yaml *node, const yaml_event_t *event, int depth);

/* Grows a node's arrays by doubling; what the arena held before is left to it. */
static void make_room(struct reader *r, struct yaml *node, int *n_room)
{
    if (node->n < *n_room)
        return;
    *n_room = *n_room ? 2 * *n_room : 8;
    struct yaml *items = arena_array(r->arena, (size_t)*n_room, sizeof *items);
    if (node->n)
        memcpy(items, node->items, (size_t)node->n * sizeof *items);
    node->items = items;
    if (node->kind != YAML_MAP)
        return;
    struct yaml *keys = arena_array(r->arena, (size_t)*n_room, sizeof *keys);
    if (node->n)
        memcpy(keys, node->keys, (size_t)node->n * sizeof *keys);
    node->keys = keys;
}

/* Keys are unique scalars. */
static int check_key(struct reader *r, const struct yaml *map, const struct yaml *key)
{
    if (key->kind != YAML_SCALAR)
        return yaml_error(key, r->e, "a key must be a scalar, not %s", kind_names[key->kind]);
    for (int i = 0; i < map->n; i++)
        if (strcmp(map->keys[i].text, key->text) == 0)
            return yaml_error(key, r->e, "key \"%s\" stands twice, first in line %d", key->text,
                              map->keys[i].line);
    return 0;
}

/* Entries up to the event that ends this list or map. */
static int read_entries(struct reader *r, struct yaml *node, int depth)
{
    yaml_event_type_t end =
        node->kind == YAML_MAP ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT;
    int n_room = 0;
    for (;;) {
        yaml_event_t event;
        if (next_event(r, &event) != 0)
            return -1;
        if (event.type == end) {
            yaml_event_delete(&event);
            return 0;
        }
        make_room(r, node, &n_room);
        int rc;
        if (node->kind == YAML_MAP) {
            struct yaml *key = &node->keys[node->n];
            rc = read_node(r, key, &event, depth + 1);
            yaml_event_delete(&event);
            if (rc != 0 || check_key(r, node, key) != 0 || next_event(r, &event) != 0)
                return -1;
        }
        rc = read_node(r, &node->items[node->n], &event, depth + 1);
        yaml_event_delete(&event);
        if (rc != 0)
            return -1;
        node->n++;
    }
}

/* The node that starts with event; its end is read too. */
static int read_node(struct reader *r, struct yaml *node, const yaml_event_t *event, int depth)
{
    if (refuse_extras(r, event) != 0)
        return -1;
    if (depth > MAX_DEPTH)
        return fail_at(r, event->start_mark, "nested too deeply");
    *node = (struct yaml){.file = r->file,
                          .line = (int)event->start_mark.line + 1,
                          .column = (int)event->start_mark.column + 1};
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        node->kind = YAML_SCALAR;
        if (memchr(event->data.scalar.value, 0, event->data.scalar.length))
            return fail_at(r, event->start_mark, "a NUL character is not allowed");
        node->text = arena_strndup(r->arena, (const char *)event->data.scalar.value,
                                   event->data.scalar.length);
        return 0;
    case YAML_SEQUENCE_START_EVENT:
        node->kind = YAML_LIST;
        return read_entries(r, node, depth);
    case YAML_MAPPING_START_EVENT:
        node->kind = YAML_MAP;
        return read_entries(r, node, depth);
    default:
        return fail_at(r, event->start_mark, "a value is expected here");
    }
}

/* -1 unless the next event has this type. */
static int pass_event(struct reader *r, yaml_event_type_t type, const char *otherwise)
{
    yaml_event_t event;
    if (next_event(r, &event) != 0)
        return -1;
    int rc = event.type == type ? 0 : fail_at(r, event.start_mark, otherwise);
    yaml_event_delete(&event);
    return rc;
}

static int read_document(struct reader *r, struct yaml *root)
{
    if (pass_event(r, YAML_STREAM_START_EVENT, "not YAML") != 0 ||
        pass_event(r, YAML_DOCUMENT_START_EVENT, "the file is empty") != 0)
        return -1;
    yaml_event_t event;
    if (next_event(r, &event) != 0)
        return -1;
    int rc = read_node(r, root, &event, 0);
    yaml_event_delete(&event);
    if (rc != 0 || pass_event(r, YAML_DOCUMENT_END_EVENT, "the end is expected here") != 0)
        return -1;
    return pass_event(r, YAML_STREAM_END_EVENT, "only one document is allowed");
}

struct yaml *yaml_parse(struct arena *a, const char *text, size_t n_bytes, const char *name,
                        struct err *e)
{
    struct reader r = {.file = arena_strdup(a, name), .arena = a, .e = e};
    int ok = yaml_parser_initialize(&r.parser);
    assert(ok);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, n_bytes);
    /* Not guessed from the first bytes: a spec is UTF-8. */
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    struct yaml *root = arena_alloc(a, sizeof *root);
    int rc = read_document(&r, root);
    yaml_parser_delete(&r.parser);
    return rc == 0 ? root : NULL;
}

struct yaml *yaml_read(struct arena *a, const char *path, struct err *e)
{
    struct str text = {0};
    struct yaml *root = NULL;
    if (file_read(&text, path, e) == 0)
        root = yaml_parse(a, str_text(&text), text.len, path, e);
    str_release(&text);
    return root;
}

const struct yaml *yaml_get(const struct yaml *map, const char *key)
{
    if (map->kind != YAML_MAP)
        return NULL;
    for (int i = 0; i < map->n; i++)
        if (strcmp(map->keys[i].text, key) == 0)
            return &map->items[i];
    return NULL;
}

int yaml_text(const char **out, const struct yaml *map, const char *key, struct err *e)
{
    if (yaml_expect(map, YAML_MAP, "this", e) != 0)
        return -1;
    const struct yaml *value = yaml_get(map, key);
    if (!value)
        return yaml_error(map, e, "the key \"%s\" is missing", key);
    if (yaml_expect(value, YAML_SCALAR, key, e) != 0)
        return -1;
    *out = value->text;
    return 0;
}

const char *yaml_text_or(const struct yaml *map, const char *key, const char *fallback)
{
    const struct yaml *value = yaml_get(map, key);
    return value && value->kind == YAML_SCALAR ? value->text : fallback;
}

int yaml_long(long *out, const struct yaml *map, const char *key, long min, long max, struct err *e)
{
    const char *text = NULL;
    if (yaml_text(&text, map, key, e) != 0)
        return -1;
    long value;
    if (str_to_long(&value, text) != 0 || value < min || value > max)
        return yaml_error(yaml_get(map, key), e,
                          "%s must be a whole number from %ld to %ld, not \"%s\"", key, min, max,
                          text);
    *out = value;
    return 0;
}

int yaml_expect(const struct yaml *node, enum yaml_kind kind, const char *what, struct err *e)
{
    if (node->kind == kind)
        return 0;
    return yaml_error(node, e, "%s must be %s, not %s", what, kind_names[kind],
                      kind_names[node->kind]);
}

int yaml_only_keys(const struct yaml *map, const char *const *allowed, struct err *e)
{
    if (yaml_expect(map, YAML_MAP, "this", e) != 0)
        return -1;
    int n_allowed = 0;
    while (allowed[n_allowed])
        n_allowed++;
    for (int i = 0; i < map->n; i++) {
        const struct yaml *key = &map->keys[i];
        if (str_index(allowed, key->text) >= 0)
            continue;
        const char *near = str_nearest(allowed, n_allowed, key->text);
        if (near)
            return yaml_error(key, e, "unknown key \"%s\"; did you mean \"%s\"?", key->text, near);
        struct str all = {0};
        for (int k = 0; k < n_allowed; k++)
            str_printf(&all, "%s%s", k ? ", " : "", allowed[k]);
        yaml_error(key, e, "unknown key \"%s\"; known are %s", key->text, str_text(&all));
        str_release(&all);
        return -1;
    }
    return 0;
}

int yaml_error(const struct yaml *node, struct err *e, const char *fmt, ...)
{
    char text[sizeof e->text];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return err_usage(e, "%s:%d:%d: %s", node->file, node->line, node->column, text);
}
