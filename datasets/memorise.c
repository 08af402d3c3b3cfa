#include "datasets/memorise.h"

#include "datasets/near.h"

#include <jansson.h>

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- what trained ---- */

/* The different texts of train by hash, each with its label. */
struct lesson {
    uint64_t hash;
    int row;   /* the first of train that has it */
    int label; /* the one it has most often */
};

struct lessons {
    struct lesson *at; /* [n] by hash; owned */
    int n;
    int majority; /* train's most frequent class */
};

static int by_hash(const void *x, const void *y)
{
    const struct lesson *a = x, *b = y;
    if (a->hash != b->hash)
        return a->hash < b->hash ? -1 : 1;
    return a->row < b->row ? -1 : a->row > b->row;
}

static int most(const int *count, int n)
{
    int best = 0;
    for (int c = 1; c < n; c++)
        best = count[c] > count[best] ? c : best;
    return best;
}

static struct lessons learn(const struct dataset *d, const struct rows *train)
{
    int n_classes = d->info->n_classes;
    struct lessons out = {xmalloc((size_t)train->n * sizeof *out.at), 0, 0};
    int *count = xmalloc((size_t)n_classes * sizeof *count);
    memset(count, 0, (size_t)n_classes * sizeof *count);
    for (int i = 0; i < train->n; i++) {
        const struct example *x = &d->examples[train->index[i]];
        out.at[i] = (struct lesson){x->hash, train->index[i], x->label};
        count[x->label]++;
    }
    out.majority = most(count, n_classes);
    qsort(out.at, (size_t)train->n, sizeof *out.at, by_hash);
    for (int i = 0, end; i < train->n; i = end) {
        memset(count, 0, (size_t)n_classes * sizeof *count);
        for (end = i; end < train->n && out.at[end].hash == out.at[i].hash; end++)
            count[out.at[end].label]++;
        out.at[out.n++] = (struct lesson){out.at[i].hash, out.at[i].row, most(count, n_classes)};
    }
    free(count);
    return out;
}

/* What the lookup table says of a text. */
static int looked_up(const struct lessons *known, uint64_t hash)
{
    int low = 0, high = known->n;
    while (low < high) {
        int mid = low + (high - low) / 2;
        if (known->at[mid].hash < hash)
            low = mid + 1;
        else
            high = mid;
    }
    bool found = low < known->n && known->at[low].hash == hash;
    return found ? known->at[low].label : known->majority;
}

double memorise_lookup(const struct dataset *d, const struct rows *train, const struct rows *rows)
{
    assert(train->n > 0 && rows->n > 0);
    struct lessons known = learn(d, train);
    int n_right = 0;
    for (int i = 0; i < rows->n; i++) {
        const struct example *x = &d->examples[rows->index[i]];
        n_right += looked_up(&known, x->hash) == x->label;
    }
    free(known.at);
    return (double)n_right / rows->n;
}

/* ---- words ---- */

/* A word of a text. */
struct term {
    uint64_t word;
    int text;     /* which training text holds it */
    double count; /* how often; then its weight */
};

/* The training texts that hold each word, word after word. */
struct words_index {
    struct term *terms; /* [n] by word, then text; owned */
    int n, n_alloc;
    int n_texts;
};

static struct words_index index_new(int n_texts)
{
    enum { N_FIRST = 1024 };
    return (struct words_index){
        .terms = xmalloc(N_FIRST * sizeof(struct term)), .n_alloc = N_FIRST, .n_texts = n_texts};
}

static int by_word(const void *x, const void *y)
{
    const struct term *a = x, *b = y;
    if (a->word != b->word)
        return a->word < b->word ? -1 : 1;
    return a->text < b->text ? -1 : a->text > b->text;
}

/* Appends the different words of a text, each with its count. */
static void add_text(struct words_index *x, const char *text, int number)
{
    uint64_t word;
    int first = x->n;
    while (near_word(&text, &word)) {
        if (x->n == x->n_alloc) {
            x->n_alloc *= 2;
            x->terms = xrealloc(x->terms, (size_t)x->n_alloc * sizeof *x->terms);
        }
        x->terms[x->n++] = (struct term){word, number, 1};
    }
    if (x->n == first)
        return;
    qsort(x->terms + first, (size_t)(x->n - first), sizeof *x->terms, by_word);
    int kept = first;
    for (int i = first + 1; i < x->n; i++) {
        if (x->terms[i].word == x->terms[kept].word)
            x->terms[kept].count++;
        else
            x->terms[++kept] = x->terms[i];
    }
    x->n = kept + 1;
}

/* The first term of a word, n where there is none; *end: behind the last. */
static int find_word(const struct words_index *x, uint64_t word, int *end)
{
    int bound[2];
    for (int k = 0; k < 2; k++) {
        int low = 0, high = x->n;
        while (low < high) {
            int mid = low + (high - low) / 2;
            if (x->terms[mid].word < word || (k == 1 && x->terms[mid].word == word))
                low = mid + 1;
            else
                high = mid;
        }
        bound[k] = low;
    }
    *end = bound[1];
    return bound[0];
}

static double rarity(const struct words_index *x, int n_texts_with_it)
{
    return 1 + log((1.0 + x->n_texts) / (1.0 + n_texts_with_it));
}

/* Turns counts into weights of texts of length 1. */
static void weigh(struct words_index *x)
{
    double *square = xmalloc((size_t)x->n_texts * sizeof *square);
    for (int t = 0; t < x->n_texts; t++)
        square[t] = 0;
    qsort(x->terms, (size_t)x->n, sizeof *x->terms, by_word);
    for (int i = 0, end; i < x->n; i = end) {
        for (end = i; end < x->n && x->terms[end].word == x->terms[i].word;)
            end++;
        for (int k = i; k < end; k++) {
            x->terms[k].count *= rarity(x, end - i);
            square[x->terms[k].text] += x->terms[k].count * x->terms[k].count;
        }
    }
    for (int i = 0; i < x->n; i++)
        x->terms[i].count /= sqrt(square[x->terms[i].text]);
    free(square);
}

/* The training text most like this one, or -1. like [n_texts] is all zero before and after. */
static int nearest_text(const struct words_index *x, const char *text, double *like)
{
    struct words_index query = index_new(1);
    int best = -1, end;
    double best_like = 0;
    add_text(&query, text, 0);
    for (int i = 0; i < query.n; i++) {
        int first = find_word(x, query.terms[i].word, &end);
        double weight = query.terms[i].count * rarity(x, end - first);
        for (int k = first; k < end; k++)
            like[x->terms[k].text] += weight * x->terms[k].count;
    }
    /* Each text is met once for every word it shares; the first time its sum is taken. */
    for (int i = 0; i < query.n; i++)
        for (int k = find_word(x, query.terms[i].word, &end); k < end; k++) {
            int found = x->terms[k].text;
            double sum = like[found];
            like[found] = 0;
            if (sum > best_like || (sum > 0 && sum >= best_like && found < best)) {
                best_like = sum;
                best = found;
            }
        }
    free(query.terms);
    return best;
}

static int by_row(const void *x, const void *y)
{
    const struct lesson *a = x, *b = y;
    return a->row < b->row ? -1 : a->row > b->row;
}

double memorise_nearest(const struct dataset *d, const struct rows *train, const struct rows *rows)
{
    assert(train->n > 0 && rows->n > 0);
    struct lessons known = learn(d, train);
    /* Texts are numbered in the order of rows: the first of equals is that of the data set. */
    qsort(known.at, (size_t)known.n, sizeof *known.at, by_row);
    struct words_index index = index_new(known.n);
    double *like = xmalloc((size_t)known.n * sizeof *like);
    for (int t = 0; t < known.n; t++) {
        like[t] = 0;
        add_text(&index, d->examples[known.at[t].row].text, t);
    }
    weigh(&index);
    int n_right = 0;
    for (int i = 0; i < rows->n; i++) {
        const struct example *x = &d->examples[rows->index[i]];
        int t = nearest_text(&index, x->text, like);
        n_right += (t < 0 ? known.majority : known.at[t].label) == x->label;
    }
    free(like);
    free(index.terms);
    free(known.at);
    return (double)n_right / rows->n;
}

struct memorised memorise(const struct dataset *d, const struct split *s)
{
    const struct rows *rows = s->test.n > 0 ? &s->test : &s->validation;
    struct lessons known = learn(d, &s->train);
    int n_majority = 0;
    for (int i = 0; i < rows->n; i++)
        n_majority += d->examples[rows->index[i]].label == known.majority;
    free(known.at);
    return (struct memorised){.n_train = s->train.n,
                              .n_evaluation = rows->n,
                              .leak_rate = split_leak_rate(d, &s->train, rows),
                              .lookup = memorise_lookup(d, &s->train, rows),
                              .nearest = memorise_nearest(d, &s->train, rows),
                              .majority_rate = (double)n_majority / rows->n};
}

/* ---- for people and programs ---- */

void memorise_head(struct str *s)
{
    str_printf(s, "%-27s %-7s %7s %10s %10s %8s %8s %9s\n", "data set", "split", "n_train",
               "n_evaluate", "leak rate", "lookup", "nearest", "majority");
}

void memorise_text(struct str *s, const struct memorised_line *line)
{
    const struct memorised *m = &line->scores;
    str_printf(s, "%-27s %-7s %7d %10d %10.4f %8.4f %8.4f %9.4f%s%s\n", line->data->info->name,
               line->split, m->n_train, m->n_evaluation, m->leak_rate, m->lookup, m->nearest,
               m->majority_rate, line->data->served ? "  rows of " : "",
               line->data->served ? line->data->served : "");
}

void memorise_json(struct str *s, const struct memorised_line *line)
{
    const struct memorised *m = &line->scores;
    json_t *root =
        json_pack("{s:s, s:s?, s:s, s:i, s:i, s:f, s:f, s:f, s:f}", "dataset",
                  line->data->info->name, "rows_of", line->data->served, "split", line->split,
                  "n_train", m->n_train, "n_evaluation", m->n_evaluation, "leak_rate", m->leak_rate,
                  "lookup", m->lookup, "nearest", m->nearest, "majority_rate", m->majority_rate);
    char *text = json_dumps(root, JSON_COMPACT);
    str_printf(s, "%s\n", text);
    free(text);
    json_decref(root);
}
