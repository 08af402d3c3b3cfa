#include "results/metrics.h"

#include "harness/base/arena.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[METRIC_COUNT] = {
    [METRIC_ACCURACY] = "accuracy",
    [METRIC_LOSS] = "loss",
    [METRIC_PRECISION_MACRO] = "precision_macro",
    [METRIC_RECALL_MACRO] = "recall_macro",
    [METRIC_F1_MACRO] = "f1_macro",
    [METRIC_PRECISION_WEIGHTED] = "precision_weighted",
    [METRIC_RECALL_WEIGHTED] = "recall_weighted",
    [METRIC_F1_WEIGHTED] = "f1_weighted",
    [METRIC_MCC] = "mcc",
    [METRIC_MAJORITY_RATE] = "majority_rate",
    [METRIC_CLASSES_PREDICTED] = "classes_predicted",
    [METRIC_ACCURACY_NORM] = "accuracy_norm",
    [METRIC_EXACT_MATCH] = "exact_match",
    [METRIC_TOKEN_ACCURACY] = "token_accuracy",
    [METRIC_TOKEN_LOSS] = "token_loss",
    [METRIC_TOKEN_PRECISION_WEIGHTED] = "token_precision_weighted",
    [METRIC_TOKEN_RECALL_WEIGHTED] = "token_recall_weighted",
    [METRIC_TOKEN_F1_WEIGHTED] = "token_f1_weighted",
    [METRIC_TOKEN_COUNT] = "token_count",
};

const char *metric_name(enum metric m)
{
    assert(m < METRIC_COUNT);
    return names[m];
}

void metrics_confusion(long *confusion, const struct predictions *p)
{
    int n_classes = p->n_classes;
    memset(confusion, 0, (size_t)n_classes * (size_t)n_classes * sizeof *confusion);
    for (int i = 0; i < p->n; i++) {
        assert(p->label[i] >= 0 && p->label[i] < n_classes);
        assert(p->predicted[i] >= 0 && p->predicted[i] < n_classes);
        confusion[p->label[i] * n_classes + p->predicted[i]]++;
    }
}

int metrics_argmax(const float *logits, int n)
{
    int best = 0;
    for (int i = 1; i < n; i++) {
        if (logits[i] > logits[best]) {
            best = i;
        }
    }
    return best;
}

static double ratio(double numerator, double denominator)
{
    return denominator > 0 ? numerator / denominator : 0;
}

/* Mean of log(sum(exp(logits))) - logits[label]. */
static double cross_entropy(const struct predictions *p)
{
    if (p->logits == NULL) {
        return NAN;
    }
    double total = 0;
    for (int i = 0; i < p->n; i++) {
        const float *row = p->logits + (size_t)i * (size_t)p->n_classes;
        double largest = row[metrics_argmax(row, p->n_classes)];
        double sum = 0;
        for (int c = 0; c < p->n_classes; c++) {
            sum += exp((double)row[c] - largest);
        }
        total += log(sum) + largest - (double)row[p->label[i]];
    }
    return total / p->n;
}

/* From the confusion matrix k [C, C] and its row sums (labels) and column sums
 * (predictions): everything but the loss. */
static void from_confusion(double out[METRIC_COUNT], const long *k, const long *labelled,
                           const long *predicted, int n_classes)
{
    double n = 0, correct = 0, majority = 0, n_seen = 0, n_predicted = 0;
    double covariance = 0, label_square = 0, predicted_square = 0;
    for (int c = 0; c < n_classes; c++) {
        n += (double)labelled[c];
        correct += (double)k[c * n_classes + c];
        majority = fmax(majority, (double)labelled[c]);
        n_seen += labelled[c] > 0 || predicted[c] > 0;
        n_predicted += predicted[c] > 0;
        covariance += (double)labelled[c] * (double)predicted[c];
        label_square += (double)labelled[c] * (double)labelled[c];
        predicted_square += (double)predicted[c] * (double)predicted[c];
    }
    for (int c = 0; c < n_classes; c++) {
        double hit = (double)k[c * n_classes + c], weight = (double)labelled[c] / n;
        double precision = ratio(hit, (double)predicted[c]);
        double recall = ratio(hit, (double)labelled[c]);
        double f1 = ratio(2 * hit, (double)(labelled[c] + predicted[c]));
        out[METRIC_PRECISION_MACRO] += precision / n_seen;
        out[METRIC_RECALL_MACRO] += recall / n_seen;
        out[METRIC_F1_MACRO] += f1 / n_seen;
        out[METRIC_PRECISION_WEIGHTED] += precision * weight;
        out[METRIC_RECALL_WEIGHTED] += recall * weight;
        out[METRIC_F1_WEIGHTED] += f1 * weight;
    }
    out[METRIC_ACCURACY] = correct / n;
    out[METRIC_MAJORITY_RATE] = majority / n;
    out[METRIC_CLASSES_PREDICTED] = n_predicted;
    out[METRIC_MCC] =
        ratio(correct * n - covariance, sqrt((n * n - predicted_square) * (n * n - label_square)));
}

/* Greedy decoding may leave a space at either end; words are compared without. */
static bool same_words(const char *a, const char *b)
{
    static const char space[] = " \t\r\n";
    a += strspn(a, space);
    b += strspn(b, space);
    size_t n_a = strlen(a), n_b = strlen(b);
    while (n_a > 0 && strchr(space, a[n_a - 1]) != NULL) {
        n_a--;
    }
    while (n_b > 0 && strchr(space, b[n_b - 1]) != NULL) {
        n_b--;
    }
    return n_a == n_b && memcmp(a, b, n_a) == 0;
}

static double accuracy_by_length(const struct predictions *p)
{
    long n_correct = 0;
    for (int i = 0; i < p->n; i++) {
        const float *row = p->logits + (size_t)i * (size_t)p->n_classes;
        int best = 0;
        for (int c = 1; c < p->n_classes; c++) {
            /* a / n > b / m without a rounding, so that equals stay equals. */
            if ((double)row[c] * p->said->target_length[best] >
                (double)row[best] * p->said->target_length[c]) {
                best = c;
            }
        }
        n_correct += best == p->label[i];
    }
    return (double)n_correct / p->n;
}

static int by_value(const void *a, const void *b)
{
    const int *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* One id that stands among the targets. */
struct id_count {
    int id;
    long support, predicted, hit;
};

static struct id_count *count_of(struct id_count *counts, int n, int id)
{
    return bsearch(&id, counts, (size_t)n, sizeof *counts, by_value); /* id comes first */
}

/* Ids that are only ever predicted have no support, hence no weight. */
static void token_metrics(double out[METRIC_COUNT], const struct said *s, int n_tok,
                          struct arena *a)
{
    int *sorted = arena_array(a, (size_t)n_tok, sizeof *sorted);
    struct id_count *counts = arena_array(a, (size_t)n_tok, sizeof *counts);
    int n_ids = 0;
    double loss = 0, n_correct = 0;
    double precision = 0, recall = 0, f1 = 0;
    memcpy(sorted, s->target_ids, (size_t)n_tok * sizeof *sorted);
    qsort(sorted, (size_t)n_tok, sizeof *sorted, by_value);
    for (int i = 0; i < n_tok; i++) {
        if (i == 0 || sorted[i] != sorted[i - 1]) {
            counts[n_ids++] = (struct id_count){.id = sorted[i]};
        }
        counts[n_ids - 1].support++;
    }
    for (int i = 0; i < n_tok; i++) {
        struct id_count *said = count_of(counts, n_ids, s->predicted_ids[i]);
        if (said != NULL) {
            said->predicted++;
            said->hit += s->predicted_ids[i] == s->target_ids[i];
        }
        n_correct += s->predicted_ids[i] == s->target_ids[i];
        loss += (double)s->nll[i];
    }
    for (int i = 0; i < n_ids; i++) {
        double hit = (double)counts[i].hit, weight = (double)counts[i].support / n_tok;
        precision += weight * ratio(hit, (double)counts[i].predicted);
        recall += weight * ratio(hit, (double)counts[i].support);
        f1 += weight * ratio(2 * hit, (double)(counts[i].support + counts[i].predicted));
    }
    out[METRIC_TOKEN_ACCURACY] = n_correct / n_tok;
    out[METRIC_TOKEN_LOSS] = loss / n_tok;
    out[METRIC_TOKEN_PRECISION_WEIGHTED] = precision;
    out[METRIC_TOKEN_RECALL_WEIGHTED] = recall;
    out[METRIC_TOKEN_F1_WEIGHTED] = f1;
    out[METRIC_TOKEN_COUNT] = n_tok;
}

static void said_metrics(double out[METRIC_COUNT], const struct predictions *p, struct arena *a)
{
    const struct said *s = p->said;
    int n_tok = s->offsets[p->n];
    assert(p->logits != NULL && n_tok > 0);
    out[METRIC_ACCURACY_NORM] = accuracy_by_length(p);
    if (s->text != NULL) {
        long n_same = 0;
        for (int i = 0; i < p->n; i++) {
            n_same += same_words(s->text[i], s->answer[p->label[i]]);
        }
        out[METRIC_EXACT_MATCH] = (double)n_same / p->n;
    }
    token_metrics(out, s, n_tok, a);
}

void metrics_compute(double out[METRIC_COUNT], const struct predictions *p)
{
    assert(p->n > 0 && p->n_classes > 0);
    struct arena a = {0};
    size_t n_classes = (size_t)p->n_classes;
    long *confusion = arena_array(&a, n_classes * n_classes, sizeof *confusion);
    long *labelled = arena_array(&a, n_classes, sizeof *labelled);
    long *predicted = arena_array(&a, n_classes, sizeof *predicted);
    metrics_confusion(confusion, p);
    for (size_t row = 0; row < n_classes; row++) {
        for (size_t column = 0; column < n_classes; column++) {
            labelled[row] += confusion[row * n_classes + column];
            predicted[column] += confusion[row * n_classes + column];
        }
    }
    for (int m = 0; m < METRIC_COUNT; m++)
        out[m] = m < METRIC_ACCURACY_NORM ? 0 : NAN;
    from_confusion(out, confusion, labelled, predicted, p->n_classes);
    out[METRIC_LOSS] = cross_entropy(p);
    if (p->said != NULL) {
        said_metrics(out, p, &a);
    }
    arena_release(&a);
}
