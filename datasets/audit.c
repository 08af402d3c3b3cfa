#include "datasets/audit.h"

#include "datasets/near.h"

#include <jansson.h>

#include <stdlib.h>
#include <string.h>

enum { CONFLICTS_SHOWN = 5, TEXT_SHOWN = 70 };

/* ---- rows by hash ---- */

struct keyed {
    uint64_t hash;
    int row;
};

static int by_hash(const void *x, const void *y)
{
    const struct keyed *a = x, *b = y;
    if (a->hash != b->hash)
        return a->hash < b->hash ? -1 : 1;
    return a->row < b->row ? -1 : a->row > b->row;
}

static struct keyed *sorted_rows(const struct dataset *d)
{
    struct keyed *keys = xmalloc((size_t)(d->n + 1) * sizeof *keys);
    for (int i = 0; i < d->n; i++)
        keys[i] = (struct keyed){d->examples[i].hash, i};
    qsort(keys, (size_t)d->n, sizeof *keys, by_hash);
    return keys;
}

/* For each row, the splits (bits) that hold a copy earlier in the data set. */
struct copies {
    const struct dataset *d;
    uint32_t *exact, *near; /* [n] */
};

static void find_exact(struct copies *c, struct audit *au, struct arena *a)
{
    const struct dataset *d = c->d;
    struct keyed *keys = sorted_rows(d);
    au->conflicts = arena_array(a, CONFLICTS_SHOWN, sizeof *au->conflicts);
    for (int i = 0, end; i < d->n; i = end) {
        uint32_t splits = 0;
        int other = -1;
        for (end = i; end < d->n && keys[end].hash == keys[i].hash; end++) {
            int row = keys[end].row;
            c->exact[row] = splits;
            splits |= 1u << d->examples[row].split;
            if (other < 0 && d->examples[row].label != d->examples[keys[i].row].label)
                other = row;
        }
        if (other < 0)
            continue;
        au->n_conflict_texts++;
        if (au->n_conflicts < CONFLICTS_SHOWN)
            au->conflicts[au->n_conflicts++] = (struct audit_conflict){keys[i].row, other};
    }
    free(keys);
}

static void on_near(void *context, int row, int earlier)
{
    struct copies *c = context;
    const struct example *x = c->d->examples;
    if (x[row].hash != x[earlier].hash)
        c->near[row] |= 1u << x[earlier].split;
}

/* ---- counts ---- */

static int by_int(const void *x, const void *y)
{
    const int *a = x, *b = y;
    return *a < *b ? -1 : *a > *b;
}

static void count_words(struct audit_split *s, const struct dataset *d, int split,
                        const struct shingles *rows)
{
    int *words = xmalloc((size_t)(s->n + 1) * sizeof *words);
    int n = 0;
    long sum = 0;
    for (int i = 0; i < d->n; i++)
        if (d->examples[i].split == split) {
            words[n++] = rows[i].n_words;
            sum += rows[i].n_words;
        }
    qsort(words, (size_t)n, sizeof *words, by_int);
    s->words_mean = (double)sum / n;
    s->words_median = words[n / 2];
    s->words_p95 = words[(int)((long)n * 95 / 100)];
    s->words_max = words[n - 1];
    free(words);
}

static void count_split(struct audit_split *s, const struct copies *c, int split, struct arena *a)
{
    const struct dataset *d = c->d;
    uint32_t bit = 1u << split;
    s->name = d->info->splits[split].name;
    s->n_of_class = arena_array(a, (size_t)d->info->n_classes, sizeof *s->n_of_class);
    for (int i = 0; i < d->n; i++) {
        if (d->examples[i].split != split)
            continue;
        s->n++;
        s->n_of_class[d->examples[i].label]++;
        s->n_exact += (c->exact[i] & bit) != 0;
        s->n_near += (c->near[i] & ~c->exact[i] & bit) != 0;
    }
    int most = 0;
    for (int k = 0; k < d->info->n_classes; k++)
        most = s->n_of_class[k] > most ? s->n_of_class[k] : most;
    s->majority_rate = (double)most / s->n;
}

static void count_pairs(struct audit *au, const struct copies *c, struct arena *a)
{
    int n = c->d->info->n_splits;
    au->pairs = arena_array(a, (size_t)(n * (n - 1) / 2), sizeof *au->pairs);
    for (int b = 1; b < n; b++)
        for (int s = 0; s < b; s++) {
            struct audit_pair *p = &au->pairs[au->n_pairs++];
            *p = (struct audit_pair){.a = s, .b = b};
            for (int i = 0; i < c->d->n; i++) {
                if (c->d->examples[i].split != b)
                    continue;
                p->n_exact += (c->exact[i] >> s & 1u) != 0;
                p->n_near += ((c->near[i] & ~c->exact[i]) >> s & 1u) != 0;
            }
        }
}

struct audit audit_dataset(const struct dataset *d, struct arena *a)
{
    struct audit au = {.data = d};
    struct arena scratch = {0};
    struct copies c = {d, arena_array(&scratch, (size_t)d->n, sizeof *c.exact),
                       arena_array(&scratch, (size_t)d->n, sizeof *c.near)};
    struct shingles *rows = arena_array(&scratch, (size_t)d->n, sizeof *rows);
    for (int i = 0; i < d->n; i++)
        rows[i] = shingles_of(d->examples[i].text, &scratch);
    find_exact(&c, &au, a);
    near_pairs(rows, d->n, on_near, &c);
    au.splits = arena_array(a, (size_t)d->info->n_splits, sizeof *au.splits);
    for (int s = 0; s < d->info->n_splits; s++) {
        count_split(&au.splits[s], &c, s, a);
        count_words(&au.splits[s], d, s, rows);
    }
    count_pairs(&au, &c, a);
    arena_release(&scratch);
    return au;
}

int audit_shared_rows(const struct dataset *d, const struct dataset *other)
{
    struct keyed *keys = sorted_rows(other);
    int shared = 0;
    for (int i = 0; i < d->n; i++) {
        const struct keyed want = {d->examples[i].hash, 0};
        int low = 0, high = other->n;
        while (low < high) {
            int mid = low + (high - low) / 2;
            if (by_hash(&keys[mid], &want) < 0)
                low = mid + 1;
            else
                high = mid;
        }
        shared += low < other->n && keys[low].hash == want.hash;
    }
    free(keys);
    return shared;
}

/* ---- for people ---- */

/* The beginning of a text, cut at a whole character, blanks for control characters. */
static void add_quoted(struct str *s, const char *text)
{
    size_t n = strlen(text);
    bool cut = n > TEXT_SHOWN;
    if (cut)
        for (n = TEXT_SHOWN; n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80;)
            n--;
    str_add_char(s, '"');
    for (size_t i = 0; i < n; i++)
        str_add_char(s, (unsigned char)text[i] < ' ' ? ' ' : text[i]);
    str_add(s, cut ? "...\"" : "\"");
}

static void split_text(struct str *s, const struct audit *au, const struct audit_split *x)
{
    const struct dataset_info *info = au->data->info;
    str_printf(s, "  %s: %d rows; %d exact and %d near duplicates within; majority rate %.4f\n",
               x->name, x->n, x->n_exact, x->n_near, x->majority_rate);
    str_printf(s, "    words a text: mean %.1f, median %d, 95 %% %d, most %d\n", x->words_mean,
               x->words_median, x->words_p95, x->words_max);
    str_add(s, "    rows a class:");
    for (int c = 0; c < info->n_classes; c++)
        str_printf(s, " %s %d%s", info->classes[c], x->n_of_class[c],
                   c + 1 < info->n_classes ? "," : "\n");
}

void audit_text(struct str *s, const struct audit *au)
{
    const struct dataset *d = au->data;
    const struct dataset_info *info = d->info;
    str_printf(s, "%s: %d rows, %d classes, data %.12s\n", info->name, d->n, info->n_classes,
               d->data_hash);
    for (int i = 0; i < d->n_warnings; i++)
        str_printf(s, "  warning: %s\n", d->warnings[i]);
    for (int i = 0; i < info->n_splits; i++)
        split_text(s, au, &au->splits[i]);
    for (int i = 0; i < au->n_pairs; i++) {
        const struct audit_pair *p = &au->pairs[i];
        str_printf(s, "  %s in %s: %d exact and %d near copies\n", info->splits[p->b].name,
                   info->splits[p->a].name, p->n_exact, p->n_near);
    }
    str_printf(s, "  texts with more than one label: %d\n", au->n_conflict_texts);
    for (int i = 0; i < au->n_conflicts; i++) {
        const struct example *x = &d->examples[au->conflicts[i].first];
        const struct example *y = &d->examples[au->conflicts[i].second];
        str_printf(s, "    %s and %s: ", info->classes[x->label], info->classes[y->label]);
        add_quoted(s, x->text);
        str_add_char(s, '\n');
    }
}

static json_t *split_json(const struct audit *au, const struct audit_split *x)
{
    const struct dataset_info *info = au->data->info;
    json_t *classes = json_object();
    for (int c = 0; c < info->n_classes; c++)
        json_object_set_new(classes, info->classes[c], json_integer(x->n_of_class[c]));
    return json_pack("{s:s, s:i, s:i, s:i, s:f, s:f, s:i, s:i, s:i, s:o}", "split", x->name, "rows",
                     x->n, "exact_duplicates", x->n_exact, "near_duplicates", x->n_near,
                     "majority_rate", x->majority_rate, "words_mean", x->words_mean, "words_median",
                     x->words_median, "words_p95", x->words_p95, "words_max", x->words_max,
                     "classes", classes);
}

void audit_json(struct str *s, const struct audit *au)
{
    const struct dataset *d = au->data;
    const struct dataset_info *info = d->info;
    json_t *splits = json_array(), *pairs = json_array(), *warnings = json_array();
    for (int i = 0; i < info->n_splits; i++)
        json_array_append_new(splits, split_json(au, &au->splits[i]));
    for (int i = 0; i < au->n_pairs; i++) {
        const struct audit_pair *p = &au->pairs[i];
        json_array_append_new(
            pairs, json_pack("{s:s, s:s, s:i, s:i}", "rows_of", info->splits[p->b].name, "also_in",
                             info->splits[p->a].name, "exact", p->n_exact, "near", p->n_near));
    }
    for (int i = 0; i < d->n_warnings; i++)
        json_array_append_new(warnings, json_string(d->warnings[i]));
    json_t *root =
        json_pack("{s:s, s:s, s:i, s:s?, s:o, s:o, s:i, s:o}", "dataset", info->name, "data_hash",
                  d->data_hash, "rows", d->n, "stand_in", d->stand_in, "splits", splits, "across",
                  pairs, "conflicting_texts", au->n_conflict_texts, "warnings", warnings);
    char *text = json_dumps(root, JSON_COMPACT);
    str_add(s, text);
    str_add_char(s, '\n');
    free(text);
    json_decref(root);
}

/* What a set is called when it is held against another one. */
static const char *served_as(const struct dataset *d)
{
    return d->served ? " as the survey served it" : "";
}

void audit_shared_text(struct str *s, const struct dataset *d, const struct dataset *other,
                       int n_shared)
{
    const char *name = d->info->name, *there = other->info->name;
    str_printf(s, "%s%s and %s%s share rows: %d of %d rows of %s (%.1f %%) also stand in %s\n",
               name, served_as(d), there, served_as(other), n_shared, d->n, name,
               100.0 * n_shared / d->n, there);
}

void audit_shared_json(struct str *s, const struct dataset *d, const struct dataset *other,
                       int n_shared)
{
    json_t *root = json_pack("{s:s, s:s?, s:s, s:s?, s:i, s:i}", "dataset", d->info->name, "served",
                             d->served, "also_in", other->info->name, "also_in_served",
                             other->served, "rows", d->n, "shared_rows", n_shared);
    char *text = json_dumps(root, JSON_COMPACT);
    str_printf(s, "%s\n", text);
    free(text);
    json_decref(root);
}
