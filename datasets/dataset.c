#include "datasets/dataset.h"
#include "datasets/reader.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t dataset_row_hash(const char *text)
{
    struct str plain = {0};
    char hex[HASH_HEX_SIZE], first[17];
    for (const char *p = text; *p; p++) {
        if (!isspace((unsigned char)*p))
            str_add_char(&plain, *p);
        else if (plain.len > 0 && plain.buf[plain.len - 1] != ' ')
            str_add_char(&plain, ' ');
    }
    if (plain.len > 0 && plain.buf[plain.len - 1] == ' ')
        plain.len--;
    hash_bytes(hex, str_text(&plain), plain.len);
    str_release(&plain);
    memcpy(first, hex, 16);
    first[16] = '\0';
    return strtoull(first, NULL, 16);
}

/* Identity of the data: class names, then every row. Fields end with NUL, which
 * no text holds, so no two data sets share a canonical form. */
static void hash_data(struct dataset *d)
{
    struct hash *h = hash_new();
    const struct dataset_info *info = d->info;
    char number[32];
    for (int c = 0; c < info->n_classes; c++)
        hash_update(h, info->classes[c], strlen(info->classes[c]) + 1);
    for (int i = 0; i < d->n; i++) {
        const struct example *x = &d->examples[i];
        const char *split = info->splits[x->split].name;
        int n = snprintf(number, sizeof number, "%d", x->label);
        hash_update(h, split, strlen(split) + 1);
        hash_update(h, number, (size_t)n + 1);
        hash_update(h, x->text, strlen(x->text) + 1);
    }
    hash_final(h, d->data_hash);
    hash_free(h);
}

/* The files of all assets, in the order of info->assets. */
static int get_assets(struct asset_file *files, const struct dataset_info *info,
                      const struct asset_flags *flags, struct err *e)
{
    for (int i = 0; i < info->n_assets; i++)
        if (asset_get(&files[i], &info->assets[i], flags, e) < 0)
            return err_wrap(e, "data set %s", info->name);
    return 0;
}

static int read_split(struct reader *r, const struct dataset_info *info, int split,
                      const struct asset_file *files, struct err *e)
{
    const struct dataset_split *s = &info->splits[split];
    struct reader_file *list = xmalloc((size_t)s->n_files * sizeof *list);
    for (int i = 0; i < s->n_files; i++) {
        const struct asset *asset = asset_named(info->assets, info->n_assets, s->files[i]);
        list[i] = (struct reader_file){str_text(&files[asset - info->assets].path), s->files[i]};
    }
    int before = r->n;
    int rc = reader_read(r, list, s->n_files, e);
    if (rc < 0)
        err_wrap(e, "data set %s, split %s", info->name, s->name);
    else if (r->n - before != s->rows)
        rc = err_set(e, "data set %s, split %s: %d rows read, %ld published (%s, in %s)",
                     info->name, s->name, r->n - before, s->rows, s->files[0], list[0].path);
    free(list);
    return rc;
}

/* What stands in for real data, and what the survey did with this set. */
static void add_warnings(struct dataset *d, const struct asset_file *files, struct arena *a)
{
    const struct dataset_info *info = d->info;
    const char **warnings = arena_array(a, (size_t)info->n_assets + 2, sizeof *warnings);
    for (int i = 0; i < info->n_assets; i++) {
        const char *why = files[i].stand_in;
        if (!why)
            continue;
        if (!d->stand_in)
            d->stand_in = arena_strdup(a, why);
        warnings[d->n_warnings++] =
            arena_printf(a, "stand-in for %s: %s", info->assets[i].name, why);
    }
    if (info->survey.rows_of)
        warnings[d->n_warnings++] =
            arena_printf(a, "the survey's protocol serves the rows of %s under the name %s",
                         info->survey.rows_of, info->name);
    d->warnings = warnings;
}

static void add_examples(struct dataset *d, const struct reader *r, const int *split_end,
                         struct arena *a)
{
    d->n = r->n;
    d->examples = arena_array(a, (size_t)r->n, sizeof *d->examples);
    for (int i = 0, split = 0; i < r->n; i++) {
        while (i >= split_end[split])
            split++;
        d->examples[i] = (struct example){r->rows[i].text, r->rows[i].label, split,
                                          dataset_row_hash(r->rows[i].text)};
    }
}

const struct dataset *dataset_load(const struct dataset_info *info, const struct asset_flags *flags,
                                   struct arena *a, struct err *e)
{
    struct reader r = {.options = &info->reader, .n_classes = info->n_classes, .arena = a};
    struct asset_file *files = xmalloc((size_t)info->n_assets * sizeof *files);
    memset(files, 0, (size_t)info->n_assets * sizeof *files);
    int *split_end = arena_array(a, (size_t)info->n_splits, sizeof *split_end);
    struct dataset *d = NULL;
    int rc = get_assets(files, info, flags, e);
    for (int s = 0; rc == 0 && s < info->n_splits; s++) {
        rc = read_split(&r, info, s, files, e);
        split_end[s] = r.n;
    }
    if (rc == 0) {
        d = arena_alloc(a, sizeof *d);
        d->info = info;
        add_examples(d, &r, split_end, a);
        add_warnings(d, files, a);
        hash_data(d);
    }
    for (int i = 0; i < info->n_assets; i++)
        asset_file_release(&files[i]);
    free(files);
    reader_release(&r);
    return d;
}

/* The splits of mask in from, as a mask of the splits of the same names in to. */
static int same_splits(uint32_t *mask, const struct dataset_info *from,
                       const struct dataset_info *to, struct err *e)
{
    uint32_t out = 0;
    for (int i = 0; i < from->n_splits; i++) {
        if (!(*mask & 1u << i))
            continue;
        int k = 0;
        while (k < to->n_splits && !str_equal(to->splits[k].name, from->splits[i].name))
            k++;
        if (k == to->n_splits)
            return err_usage(e, "%s: the rows of %s have no split '%s'", from->path, to->name,
                             from->splits[i].name);
        out |= 1u << k;
    }
    *mask = out;
    return 0;
}

static int check_labels(const struct dataset *d, const struct dataset_info *info, struct err *e)
{
    for (int i = 0; i < d->n; i++)
        if (d->examples[i].label >= info->n_classes)
            return err_usage(e,
                             "%s: the rows of %s have the label %d (%s), but %s has %d classes "
                             "only",
                             info->path, d->info->name, d->examples[i].label,
                             d->info->classes[d->examples[i].label], info->name, info->n_classes);
    return 0;
}

const struct dataset *dataset_load_served(const struct dataset_info *info,
                                          const struct asset_flags *flags, struct arena *a,
                                          struct err *e)
{
    const char *name = info->survey.rows_of;
    if (!name)
        return dataset_load(info, flags, a, e);
    const struct dataset_info *real = dataset_describe(name, a, e);
    const struct dataset *rows = real ? dataset_load(real, flags, a, e) : NULL;
    struct dataset_info *shown = arena_alloc(a, sizeof *shown);
    *shown = *info;
    if (!rows || check_labels(rows, info, e) < 0 ||
        same_splits(&shown->survey.train, info, real, e) < 0 ||
        same_splits(&shown->survey.evaluation, info, real, e) < 0)
        return NULL;
    shown->splits = real->splits;
    shown->n_splits = real->n_splits;
    shown->sound = real->sound;
    struct dataset *d = arena_alloc(a, sizeof *d);
    *d = *rows;
    d->info = shown;
    d->served = name;
    const char **warnings = arena_array(a, (size_t)rows->n_warnings + 1, sizeof *warnings);
    for (int i = 0; i < rows->n_warnings; i++)
        warnings[i] = rows->warnings[i];
    warnings[d->n_warnings++] =
        arena_printf(a, "the rows are those of %s, served under the name %s", name, info->name);
    d->warnings = warnings;
    hash_data(d);
    return d;
}

char *dataset_prompt(const struct dataset_info *info, const char *text, struct arena *a)
{
    const char *template = info->prompt_template;
    if (!template)
        return arena_strdup(a, text);
    const char *hole = strstr(template, DATASET_HOLE);
    return arena_printf(a, "%.*s%s%s", (int)(hole - template), template, text,
                        hole + strlen(DATASET_HOLE));
}
