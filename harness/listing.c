#include "harness/listing.h"

#include "harness/base/str.h"

#include <assert.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

void listing_init(struct listing *l, const struct column *columns, struct arena *a)
{
    *l = (struct listing){.columns = columns, .arena = a};
    while (columns[l->n_columns].name)
        l->n_columns++;
}

void listing_row(struct listing *l)
{
    size_t n_columns = (size_t)l->n_columns;
    if (l->n_rows == l->n_room) {
        l->n_room = l->n_room ? 2 * l->n_room : 16;
        const char **cells = arena_array(l->arena, (size_t)l->n_room * n_columns, sizeof *cells);
        if (l->n_rows)
            memcpy(cells, l->cells, (size_t)l->n_rows * n_columns * sizeof *cells);
        l->cells = cells;
    }
    for (size_t i = 0; i < n_columns; i++)
        l->cells[(size_t)l->n_rows * n_columns + i] = "";
    l->n_rows++;
}

enum { TEXT_BLOCK = 1 << 16 };

/* A copy, close to the one before: the arena alone would give each a cache line of its own. */
static const char *keep(struct listing *l, const char *text)
{
    size_t n = strlen(text) + 1;
    if (n > TEXT_BLOCK)
        return arena_strdup(l->arena, text);
    if (n > l->n_text) {
        l->text = arena_alloc(l->arena, TEXT_BLOCK);
        l->n_text = TEXT_BLOCK;
    }
    char *copy = memcpy(l->text, text, n);
    l->text += n;
    l->n_text -= n;
    return copy;
}

void listing_set(struct listing *l, const char *column, const char *text)
{
    int i = 0;
    while (l->columns[i].name && strcmp(l->columns[i].name, column) != 0)
        i++;
    assert(l->columns[i].name && l->n_rows > 0);
    const char **cell = &l->cells[(size_t)(l->n_rows - 1) * (size_t)l->n_columns + (size_t)i];
    if (l->n_rows > 1 && strcmp(cell[-l->n_columns], text) == 0)
        *cell = cell[-l->n_columns];
    else
        *cell = keep(l, text);
}

void listing_set_int(struct listing *l, const char *column, long long value)
{
    char text[32];
    snprintf(text, sizeof text, "%lld", value);
    listing_set(l, column, text);
}

void listing_set_double(struct listing *l, const char *column, double value)
{
    char text[32];
    snprintf(text, sizeof text, "%.10g", value);
    listing_set(l, column, text);
}

/* Columns that a terminal shows for a text: its code points. */
static int width_of(const char *text)
{
    int n = 0;
    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

static void print_padded(const char *text, int width, bool right, bool is_last, FILE *out)
{
    int pad = width - width_of(text);
    if (right)
        fprintf(out, "%*s%s", pad, "", text);
    else
        fprintf(out, "%s%*s", text, is_last ? 0 : pad, "");
    fputs(is_last ? "\n" : "  ", out);
}

static void print_table(const struct listing *l, FILE *out)
{
    int *width = xmalloc((size_t)l->n_columns * sizeof *width);
    for (int i = 0; i < l->n_columns; i++) {
        width[i] = width_of(l->columns[i].name);
        for (int r = 0; r < l->n_rows; r++) {
            int w = width_of(l->cells[r * l->n_columns + i]);
            width[i] = w > width[i] ? w : width[i];
        }
    }
    for (int i = 0; i < l->n_columns; i++)
        print_padded(l->columns[i].name, width[i], l->columns[i].is_number, i + 1 == l->n_columns,
                     out);
    for (int r = 0; r < l->n_rows; r++)
        for (int i = 0; i < l->n_columns; i++)
            print_padded(l->cells[r * l->n_columns + i], width[i], l->columns[i].is_number,
                         i + 1 == l->n_columns, out);
    free(width);
}

static void print_quoted(const char *text, FILE *out)
{
    if (!strpbrk(text, ",\"\r\n")) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"')
            fputc('"', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

static void print_csv(const struct listing *l, FILE *out)
{
    for (int i = 0; i < l->n_columns; i++)
        fprintf(out, "%s%s", i ? "," : "", l->columns[i].name);
    fputc('\n', out);
    for (int r = 0; r < l->n_rows; r++) {
        for (int i = 0; i < l->n_columns; i++) {
            if (i)
                fputc(',', out);
            print_quoted(l->cells[r * l->n_columns + i], out);
        }
        fputc('\n', out);
    }
}

/* A text that is no number (an absent one) is null. */
static void print_json_value(const char *text, bool is_number, FILE *out)
{
    double number;
    if (is_number) {
        fputs(str_to_double(&number, text) == 0 ? text : "null", out);
        return;
    }
    json_t *value = json_string(text);
    assert(value);
    json_dumpf(value, out, JSON_ENCODE_ANY);
    json_decref(value);
}

static void print_json(const struct listing *l, FILE *out)
{
    fputs("[", out);
    for (int r = 0; r < l->n_rows; r++) {
        fputs(r ? ",\n {" : "\n {", out);
        for (int i = 0; i < l->n_columns; i++) {
            fprintf(out, "%s\"%s\": ", i ? ", " : "", l->columns[i].name);
            print_json_value(l->cells[r * l->n_columns + i], l->columns[i].is_number, out);
        }
        fputs("}", out);
    }
    fputs("\n]\n", out);
}

void listing_print(const struct listing *l, const char *format, FILE *out)
{
    if (strcmp(format, "csv") == 0)
        print_csv(l, out);
    else if (strcmp(format, "json") == 0)
        print_json(l, out);
    else
        print_table(l, out);
}
