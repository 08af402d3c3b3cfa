#include "harness/cell.h"

#include "harness/base/hash.h"

#include <stdio.h>
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

bool cell_in_bfloat16(const struct cell *c)
{
    return strcmp(option_choice(&c->training, "precision"), "bfloat16") == 0;
}

bool cell_says_text(const struct cell *c)
{
    return c->model->family->decode != NULL;
}

/* "key=text", a line break in it as \n and a backslash twice. */
static void add_line(struct str *s, const char *key, const char *text)
{
    str_printf(s, "%s=", key);
    for (; *text; text++) {
        if (*text == '\n')
            str_add(s, "\\n");
        else if (*text == '\\')
            str_add(s, "\\\\");
        else
            str_add_char(s, *text);
    }
    str_add_char(s, '\n');
}

/* Rows as the survey's code took them: only for cells that ask for that. */
static void add_survey(struct str *s, const struct cell *c, const char *served)
{
    const struct survey_rows *r = &c->dataset->survey;
    const struct options *o = &c->training;
    if (strcmp(option_choice(o, "rows"), "survey") == 0)
        str_printf(s, "served=%s\n", served);
    if (strcmp(option_choice(o, "row_copies"), "survey") == 0)
        str_printf(s, "survey.copies=%d\n", r->copies);
    if (strcmp(option_choice(o, "split"), "survey") != 0)
        return;
    str_printf(s, "survey.split=%u %u %ld ", r->train, r->evaluation, r->seed);
    str_add_double(s, r->evaluation_share);
    str_add_char(s, '\n');
}

/* What a model that answers in text reads and says. */
static void add_words(struct str *s, const struct cell *c)
{
    const struct options *o = &c->training;
    const struct dataset_info *d = c->dataset;
    const char *const *answers = option_bool(o, "use_verbalizers") ? d->verbalizers : d->classes;
    const char *prompt = option_bool(o, "use_template") ? d->prompt_template : NULL;
    char key[32];
    for (int i = 0; i < d->n_classes; i++) {
        snprintf(key, sizeof key, "answer.%d", i);
        add_line(s, key, answers[i]);
    }
    if (prompt)
        add_line(s, "template", prompt);
}

void cell_identify(struct cell *c, const struct cell_hashes *h, struct arena *a)
{
    struct str text = {0};
    str_printf(&text, "numerics=%d\n", NUMERICS_VERSION);
    str_printf(&text, "model=%s\n", c->model->name);
    str_printf(&text, "model.family=%s\n", c->model->family->name);
    str_printf(&text, "model.init=%s\n", c->model->random_init ? "random" : "pretrained");
    options_canonical(&text, &c->model->config, "model.config.", false);
    str_printf(&text, "weights=%s\n", h->weights);
    str_printf(&text, "tokenizer=%s\n", h->tokenizer);
    str_printf(&text, "dataset=%s\n", c->dataset->name);
    str_printf(&text, "data=%s\n", h->data);
    add_survey(&text, c, h->served);
    if (cell_says_text(c))
        add_words(&text, c);
    str_printf(&text, "method=%s\n", c->method->name);
    options_canonical(&text, &c->method_options, "method.", false);
    str_printf(&text, "protocol=%s\n", c->protocol);
    options_canonical(&text, &c->training, "training.", false);
    /* The label is stored with the result, so a swept cell is not one that came without. */
    if (*c->swept)
        str_printf(&text, "swept=%s\n", c->swept + 1);
    c->lines = sorted_lines(str_text(&text), a);
    str_release(&text);
    c->seed_at = 0;
    while (c->lines[c->seed_at] && strncmp(c->lines + c->seed_at, "seed=", 5) < 0)
        c->seed_at += strcspn(c->lines + c->seed_at, "\n") + 1;
    cell_take_seed(c, c->seed);
}

enum { SEED_LINE_SIZE = 32 };

static void seed_line(char line[SEED_LINE_SIZE], const struct cell *c)
{
    snprintf(line, SEED_LINE_SIZE, "seed=%llu\n", (unsigned long long)c->seed);
}

void cell_take_seed(struct cell *c, uint64_t seed)
{
    char line[SEED_LINE_SIZE], hex[HASH_HEX_SIZE];
    struct hash *h = hash_new();
    c->seed = seed;
    seed_line(line, c);
    hash_update(h, c->lines, c->seed_at);
    hash_update(h, line, strlen(line));
    hash_update(h, c->lines + c->seed_at, strlen(c->lines + c->seed_at));
    hash_final(h, hex);
    hash_free(h);
    memcpy(c->id, hex, CELL_ID_SIZE - 1);
    c->id[CELL_ID_SIZE - 1] = '\0';
}

const char *cell_canonical(const struct cell *c, struct arena *a)
{
    char line[SEED_LINE_SIZE];
    seed_line(line, c);
    return arena_printf(a, "%.*s%s%s", (int)c->seed_at, c->lines, line, c->lines + c->seed_at);
}
