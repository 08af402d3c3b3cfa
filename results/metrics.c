#include "results/metrics.h"

#include "harness/base/arena.h"

#include <assert.h>
#include <math.h>
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
    arena_release(&a);
}
