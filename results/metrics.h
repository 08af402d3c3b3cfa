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
    /* Only of models that answer in text, else NaN. The metrics above take for a prediction the
     * class whose target has the highest log-likelihood. */
    METRIC_ACCURACY_NORM,  /* the same by log-likelihood per target token */
    METRIC_EXACT_MATCH,    /* greedy decoding says the class's words, nothing else */
    METRIC_TOKEN_ACCURACY, /* over target tokens under teacher forcing, all rows together */
    METRIC_TOKEN_LOSS,     /* mean -log p of a target token, nats */
    METRIC_TOKEN_PRECISION_WEIGHTED, /* target tokens as classes, weighted by support */
    METRIC_TOKEN_RECALL_WEIGHTED,
    METRIC_TOKEN_F1_WEIGHTED,
    METRIC_TOKEN_COUNT, /* target tokens: the denominator of the five above but one */
    METRIC_COUNT
};

/* What a model that answers in text said, beside predictions. Rows' own targets stand end to
 * end: those of row i are [offsets[i], offsets[i + 1]). */
struct said {
    const int *target_length;  /* [C] tokens of each class's target */
    const int *offsets;        /* [n + 1] */
    const int *target_ids;     /* [offsets[n]] */
    const int *predicted_ids;  /* [offsets[n]] most likely under teacher forcing */
    const float *nll;          /* [offsets[n]] -log p of each target token, nats */
    const char *const *text;   /* [n] greedy decoding's words, or NULL: not decoded */
    const char *const *answer; /* [C] the classes' words */
};

/* What was evaluated, and the outcome. */
struct predictions {
    int n;                   /* rows */
    int n_classes;           /* C */
    const int *label;        /* [n] in [0, C) */
    const int *predicted;    /* [n] in [0, C) */
    const float *logits;     /* [n, C], or NULL: then METRIC_LOSS is NaN; log-likelihoods of the
                                classes' targets where said is given */
    const struct said *said; /* NULL: a model with a classifier */
};

/* Column name, as in the database and the CSV files ("f1_macro"). */
const char *metric_name(enum metric m);

/* Fills out[METRIC_COUNT]; p->n > 0. What a model that answers in text said needs logits and
 * a target token or more; its METRIC_LOSS takes the log-likelihoods for logits. A label or
 * prediction out of range is our bug (assert). */
void metrics_compute(double out[METRIC_COUNT], const struct predictions *p);

/* confusion[label * C + predicted] = rows; C * C longs, cleared first. */
void metrics_confusion(long *confusion, const struct predictions *p);

/* Index of the largest of n logits, the first of equals: the predicted class. */
int metrics_argmax(const float *logits, int n);

#endif
