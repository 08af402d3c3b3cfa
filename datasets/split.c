#include "datasets/split.h"

#include "harness/base/rng.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Which use of the RNG_SPLIT stream a draw is; part of a split's identity. */
enum {
    STEP_TEST,
    STEP_VALIDATION,
    STEP_LIMIT,
    STEP_LIMIT_VALIDATION,
    STEP_LIMIT_TEST,
    STEP_SURVEY
};

/* ---- sets of row hashes ---- */

struct keyed {
    uint64_t hash;
    int row, label;
};

static int by_hash(const void *x, const void *y)
{
    const struct keyed *a = x, *b = y;
    if (a->hash != b->hash)
        return a->hash < b->hash ? -1 : 1;
    return a->row < b->row ? -1 : a->row > b->row;
}

/* The rows sorted by hash, then row. Freed by the caller. */
static struct keyed *keyed_rows(const struct dataset *d, const struct rows *rows)
{
    struct keyed *keys = xmalloc((size_t)(rows->n + 1) * sizeof *keys);
    for (int i = 0; i < rows->n; i++) {
        const struct example *x = &d->examples[rows->index[i]];
        keys[i] = (struct keyed){x->hash, rows->index[i], x->label};
    }
    qsort(keys, (size_t)rows->n, sizeof *keys, by_hash);
    return keys;
}

static bool has_hash(const struct keyed *keys, int n, uint64_t hash)
{
    int low = 0, high = n;
    while (low < high) {
        int mid = low + (high - low) / 2;
        if (keys[mid].hash < hash)
            low = mid + 1;
        else
            high = mid;
    }
    return low < n && keys[low].hash == hash;
}

static int by_row(const void *x, const void *y)
{
    const int *a = x, *b = y;
    return *a < *b ? -1 : *a > *b;
}

/* Keeps the first of equal rows; drops a text with two labels altogether. */
static void drop_duplicates(struct rows *rows, const struct dataset *d, struct split *notes)
{
    struct keyed *keys = keyed_rows(d, rows);
    int kept = 0;
    for (int i = 0, end; i < rows->n; i = end) {
        bool conflict = false;
        for (end = i + 1; end < rows->n && keys[end].hash == keys[i].hash; end++)
            conflict |= keys[end].label != keys[i].label;
        if (conflict) {
            notes->n_conflicts += end - i;
        } else {
            notes->n_duplicates += end - i - 1;
            rows->index[kept++] = keys[i].row;
        }
    }
    free(keys);
    rows->n = kept;
    qsort(rows->index, (size_t)kept, sizeof *rows->index, by_row);
}

/* Drops from rows what also stands in later. */
static void drop_leaks(struct rows *rows, const struct rows *later, const struct dataset *d,
                       struct split *notes)
{
    struct keyed *keys = keyed_rows(d, later);
    int kept = 0;
    for (int i = 0; i < rows->n; i++)
        if (!has_hash(keys, later->n, d->examples[rows->index[i]].hash))
            rows->index[kept++] = rows->index[i];
    notes->n_leaks += rows->n - kept;
    rows->n = kept;
    free(keys);
}

/* ---- taking rows ---- */

/* Moves rows[i] with taken[i] set into a new list; order is kept in both. */
static struct rows move_taken(struct rows *rows, const bool *taken, int n_out, struct arena *a)
{
    struct rows out = {arena_array(a, (size_t)n_out, sizeof *out.index), 0};
    int kept = 0;
    for (int i = 0; i < rows->n; i++) {
        if (taken[i])
            out.index[out.n++] = rows->index[i];
        else
            rows->index[kept++] = rows->index[i];
    }
    assert(out.n == n_out);
    rows->n = kept;
    return out;
}

/* quota[c]: n_out shared out among classes of count[c] rows by largest remainder. */
static void share_out(int *quota, const int *count, int n_classes, int n_out, int n_rows)
{
    int given = 0;
    for (int c = 0; c < n_classes; c++) {
        quota[c] = (int)((int64_t)n_out * count[c] / n_rows);
        given += quota[c];
    }
    bool *extra = xmalloc((size_t)n_classes * sizeof *extra);
    memset(extra, 0, (size_t)n_classes * sizeof *extra);
    for (; given < n_out; given++) {
        int best = -1;
        int64_t best_rest = -1;
        for (int c = 0; c < n_classes; c++) {
            int64_t rest = (int64_t)n_out * count[c] % n_rows;
            if (!extra[c] && rest > best_rest) {
                best = c;
                best_rest = rest;
            }
        }
        extra[best] = true;
        quota[best]++;
    }
    free(extra);
}

struct rows split_take_by_class(struct rows *rows, const int *labels, int n_classes, int n_out,
                                struct split_draw draw, struct arena *a)
{
    assert(n_out >= 0 && n_out <= rows->n);
    int *count = arena_array(a, (size_t)n_classes, sizeof *count);
    int *quota = arena_array(a, (size_t)n_classes, sizeof *quota);
    int *order = arena_array(a, (size_t)rows->n, sizeof *order);
    int *place = arena_array(a, (size_t)rows->n, sizeof *place);
    bool *taken = arena_array(a, (size_t)rows->n, sizeof *taken);
    for (int i = 0; i < rows->n; i++)
        count[labels[rows->index[i]]]++;
    if (rows->n > 0)
        share_out(quota, count, n_classes, n_out, rows->n);
    for (int c = 0; c < n_classes; c++) {
        struct rng r = {draw.seed, RNG_SPLIT, draw.step, (uint32_t)c};
        int n = 0;
        for (int i = 0; i < rows->n; i++)
            if (labels[rows->index[i]] == c)
                place[n++] = i;
        rng_permutation(&r, order, n);
        for (int i = 0; i < quota[c]; i++)
            taken[place[order[i]]] = true;
    }
    return move_taken(rows, taken, n_out, a);
}

struct rows split_rows_of(const struct dataset *d, uint32_t mask, int copies, struct arena *a)
{
    struct rows out = {arena_array(a, (size_t)d->n * (size_t)copies, sizeof *out.index), 0};
    for (int c = 0; c < copies; c++)
        for (int i = 0; i < d->n; i++)
            if (mask & 1u << d->examples[i].split)
                out.index[out.n++] = i;
    return out;
}

/* ---- the whole split ---- */

static int *labels_of(const struct dataset *d, struct arena *a)
{
    int *labels = arena_array(a, (size_t)d->n, sizeof *labels);
    for (int i = 0; i < d->n; i++)
        labels[i] = d->examples[i].label;
    return labels;
}

/* n of rows, by class. */
static void limit(struct rows *rows, const struct dataset *d, int n, struct split_draw draw,
                  struct arena *a)
{
    if (n < rows->n)
        *rows = split_take_by_class(rows, labels_of(d, a), d->info->n_classes, n, draw, a);
}

void split_limit_train(struct split *s, const struct dataset *d, int n, uint64_t seed,
                       struct arena *a)
{
    limit(&s->train, d, n, (struct split_draw){seed, STEP_LIMIT}, a);
}

void split_limit_evaluation(struct split *s, const struct dataset *d, int n, uint64_t seed,
                            struct arena *a)
{
    limit(&s->validation, d, n, (struct split_draw){seed, STEP_LIMIT_VALIDATION}, a);
    limit(&s->test, d, n, (struct split_draw){seed, STEP_LIMIT_TEST}, a);
}

static int tenth(int n)
{
    return (n + 5) / 10;
}

/* The parts that no row has been moved between yet; test 0: there is none. */
struct parts {
    uint32_t train, validation, test; /* bit s: split s */
};

static struct parts parts_of(const struct dataset_info *info, bool survey)
{
    if (survey)
        return (struct parts){info->survey.train, info->survey.evaluation, 0};
    const struct sound_rows *sound = &info->sound;
    return (struct parts){sound->train, sound->validation, sound->pooled ? 0 : sound->test};
}

static void drop_copies_and_leaks(struct split *s, const struct dataset *d)
{
    drop_leaks(&s->validation, &s->test, d, s);
    drop_duplicates(&s->validation, d, s);
    drop_leaks(&s->train, &s->test, d, s);
    drop_leaks(&s->train, &s->validation, d, s);
    drop_duplicates(&s->train, d, s);
}

/* Moves the rows of the parts that have no split of their own out of train. */
static void carve(struct split *s, const struct dataset *d, const struct split_options *o,
                  struct arena *a)
{
    const struct dataset_info *info = d->info;
    const int *labels = labels_of(d, a);
    int n = s->train.n, n_out = 0;
    struct split_draw draw = {o->seed, STEP_VALIDATION};
    if (o->survey) {
        /* As sklearn's train_test_split rounds: what evaluates is rounded up. */
        n_out = (int)ceil(info->survey.evaluation_share * n);
        draw = (struct split_draw){(uint64_t)info->survey.seed, STEP_SURVEY};
    } else {
        if (info->sound.pooled)
            s->test = split_take_by_class(&s->train, labels, info->n_classes, tenth(n),
                                          (struct split_draw){o->seed, STEP_TEST}, a);
        n_out = tenth(n) < SPLIT_VALIDATION_MAX ? tenth(n) : SPLIT_VALIDATION_MAX;
    }
    if (!parts_of(info, o->survey).validation)
        s->validation = split_take_by_class(&s->train, labels, info->n_classes, n_out, draw, a);
}

/* Rows served under another set's name need not have all of its classes. */
static int check_parts(const struct split *s, const struct dataset *d,
                       const struct split_options *o, struct err *e)
{
    const struct dataset_info *info = d->info;
    if (s->train.n == 0 || s->validation.n == 0 || (s->test.n == 0 && !o->survey))
        return err_set(e,
                       "data set %s is too small for the %s protocol: %d rows train, %d "
                       "validate, %d test",
                       info->name, o->survey ? "survey's" : "sound", s->train.n, s->validation.n,
                       s->test.n);
    for (int c = 0; c < info->n_classes && !d->served; c++) {
        bool found = false;
        for (int i = 0; i < s->train.n && !found; i++)
            found = d->examples[s->train.index[i]].label == c;
        if (!found)
            return err_set(e, "data set %s: no row of class %s is left to train on", info->name,
                           info->classes[c]);
    }
    return 0;
}

int split_make(struct split *out, const struct dataset *d, const struct split_options *o,
               struct arena *a, struct err *e)
{
    const struct dataset_info *info = d->info;
    memset(out, 0, sizeof *out);
    if ((o->survey || o->copies) && !info->survey.given)
        return err_usage(e,
                         "the survey's %s asked of data set %s, which the survey never used: its "
                         "descriptor has no survey_rows",
                         o->survey ? "split is" : "copies are", info->name);
    int copies = o->copies ? info->survey.copies : 1;
    struct parts parts = parts_of(info, o->survey);
    out->train = split_rows_of(d, parts.train, copies, a);
    out->validation = split_rows_of(d, parts.validation, copies, a);
    out->test = split_rows_of(d, parts.test, copies, a);
    if (o->deduplicate)
        drop_copies_and_leaks(out, d);
    carve(out, d, o, a);
    return check_parts(out, d, o, e);
}

double split_leak_rate(const struct dataset *d, const struct rows *train, const struct rows *rows)
{
    struct keyed *keys = keyed_rows(d, train);
    int n_leaked = 0;
    for (int i = 0; i < rows->n; i++)
        n_leaked += has_hash(keys, train->n, d->examples[rows->index[i]].hash);
    free(keys);
    return rows->n > 0 ? (double)n_leaked / rows->n : (double)NAN;
}

void split_hashes(struct str *s, const struct dataset *d, const struct rows *rows)
{
    for (int i = 0; i < rows->n; i++)
        str_printf(s, "%016llx\n", (unsigned long long)d->examples[rows->index[i]].hash);
}

void split_identity(char hex[HASH_HEX_SIZE], const struct dataset *d, const struct split *s)
{
    const struct rows *parts[] = {&s->train, &s->validation, &s->test};
    struct str text = {0};
    for (int i = 0; i < 3; i++) {
        split_hashes(&text, d, parts[i]);
        str_add(&text, "--\n");
    }
    hash_bytes(hex, str_text(&text), text.len);
    str_release(&text);
}
