#include "harness/cell.h"

#include "harness/base/hash.h"

#include <stdlib.h>
#include <string.h>

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The lines of text in byte order, so that the place of an entry in a table never matters. */
static const char *sorted_lines(const char *text, struct arena *a)
{
    size_t n_max = 1;
    for (const char *c = text; (c = strchr(c, '\n')); c++)
        n_max++;
    char *copy = arena_strdup(a, text), *rest = copy;
    char **lines = arena_array(a, n_max, sizeof *lines);
    size_t n = 0;
    for (char *line; (line = strtok_r(rest, "\n", &rest));)
        lines[n++] = line;
    qsort(lines, n, sizeof *lines, compare_lines);
    struct str out = {0};
    for (size_t i = 0; i < n; i++)
        str_printf(&out, "%s\n", lines[i]);
    const char *sorted = arena_strdup(a, str_text(&out));
    str_release(&out);
    return sorted;
}

void cell_identify(struct cell *c, const char *weights_hash, const char *tokenizer_hash,
                   const char *data_hash, struct arena *a)
{
    struct str text = {0};
    str_printf(&text, "numerics=%d\n", NUMERICS_VERSION);
    str_printf(&text, "model=%s\n", c->model->name);
    str_printf(&text, "model.family=%s\n", c->model->family->name);
    str_printf(&text, "model.init=%s\n", c->model->random_init ? "random" : "pretrained");
    options_canonical(&text, &c->model->config, "model.config.", false);
    str_printf(&text, "weights=%s\n", weights_hash);
    str_printf(&text, "tokenizer=%s\n", tokenizer_hash);
    str_printf(&text, "dataset=%s\n", c->dataset->name);
    str_printf(&text, "data=%s\n", data_hash);
    str_printf(&text, "method=%s\n", c->method->name);
    options_canonical(&text, &c->method_options, "method.", false);
    str_printf(&text, "protocol=%s\n", c->protocol);
    options_canonical(&text, &c->training, "training.", false);
    str_printf(&text, "seed=%llu\n", (unsigned long long)c->seed);
    c->canonical = sorted_lines(str_text(&text), a);
    str_release(&text);

    char hex[HASH_HEX_SIZE];
    hash_bytes(hex, c->canonical, strlen(c->canonical));
    memcpy(c->id, hex, CELL_ID_SIZE - 1);
    c->id[CELL_ID_SIZE - 1] = '\0';
}
