#include "datasets/reader.h"

#include <jansson.h>

#include <string.h>

/* The text columns of one object, joined by blanks, into text. */
static int join_text(struct str *text, const struct reader *r, const json_t *row, const char *file,
                     long line, struct err *e)
{
    for (int i = 0; i < r->options->n_text; i++) {
        const json_t *value = json_object_get(row, r->options->text[i]);
        if (!value)
            return err_set(e, "%s:%ld: missing column '%s'", file, line, r->options->text[i]);
        if (!json_is_string(value))
            return err_set(e, "%s:%ld: column '%s' is not text", file, line, r->options->text[i]);
        if (i > 0)
            str_add_char(text, ' ');
        str_add(text, json_string_value(value));
    }
    return 0;
}

static int add_object(struct reader *r, const json_t *row, const char *file, long line,
                      struct err *e)
{
    struct str text = {0}, label = {0};
    const json_t *value = json_object_get(row, r->options->label);
    int rc = 0;
    if (!json_is_object(row))
        rc = err_set(e, "%s:%ld: not a JSON object", file, line);
    else if (!value)
        rc = err_set(e, "%s:%ld: missing column '%s'", file, line, r->options->label);
    else if (json_is_integer(value))
        str_printf(&label, "%ld", (long)json_integer_value(value));
    else if (json_is_string(value))
        str_add(&label, json_string_value(value));
    else
        rc = err_set(e, "%s:%ld: column '%s' is neither a whole number nor text", file, line,
                     r->options->label);
    if (rc == 0)
        rc = join_text(&text, r, row, file, line, e);
    if (rc == 0)
        rc = reader_add(r, file, line, (struct span){str_text(&text), text.len},
                        (struct span){str_text(&label), label.len}, e);
    str_release(&text);
    str_release(&label);
    return rc;
}

int reader_jsonl(struct reader *r, const struct str *text, const char *file, struct err *e)
{
    struct lines l = {str_text(text), str_text(text) + text->len, 0};
    struct span line;
    while (lines_next(&l, &line)) {
        json_error_t je;
        json_t *row = json_loadb(line.at, line.n, JSON_REJECT_DUPLICATES, &je);
        if (!row)
            return err_set(e, "%s:%ld: not JSON: %s", file, l.line, je.text);
        int rc = add_object(r, row, file, l.line, e);
        json_decref(row);
        if (rc < 0)
            return -1;
    }
    return 0;
}
