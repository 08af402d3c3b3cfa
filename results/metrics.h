/*
 * metrics: how good predictions are, from labels, predicted classes and logits.
 *
 * Everything is computed in double and in the order of the rows and classes, so
 * the same rows give the same bits. Definitions are scikit-learn's with
 * zero_division=0: classes are those that occur as a label or as a prediction,
 * and a quotient with denominator 0 is 0. Not here: intervals and tests over
 * runs (harness/base/stats.h).
 */
#ifndef FT_RESULTS_METRICS_H
#define FT_RESULTS_METRICS_H

enum metric {
    METRIC_ACCURACY,
    METRIC_LOSS, /* mean cross-entropy of softmax(logits), natural log */
    METRIC_PRECISION_MACRO,
    METRIC_RECALL_MACRO,
    METRIC_F1_MACRO,
    METRIC_PRECISION_WEIGHTED, /* weights: share of each class among the labels */
    METRIC_RECALL_WEIGHTED,
    METRIC_F1_WEIGHTED,
    METRIC_MCC,               /* Matthews correlation, Gorodkin 2004 for > 2 classes */
    METRIC_MAJORITY_RATE,     /* share of the commonest label */
    METRIC_CLASSES_PREDICTED, /* number of classes predicted at least once: 1 is a collapse */
    METRIC_COUNT
};

/* What was evaluated, and the outcome. */
struct predictions {
    int n;                /* rows */
    int n_classes;        /* C */
    const int *label;     /* [n] in [0, C) */
    const int *predicted; /* [n] in [0, C) */
    const float *logits;  /* [n, C], or NULL: then METRIC_LOSS is NaN */
};

/* Column name, as in the database and the CSV files ("f1_macro"). */
const char *metric_name(enum metric m);

/* Fills out[METRIC_COUNT]; p->n > 0. A label or prediction out of range is our
 * bug (assert). */
void metrics_compute(double out[METRIC_COUNT], const struct predictions *p);

/* confusion[label * C + predicted] = rows; C * C longs, cleared first. */
void metrics_confusion(long *confusion, const struct predictions *p);

/* Index of the largest of n logits, the first of equals: the predicted class. */
int metrics_argmax(const float *logits, int n);

#endif
