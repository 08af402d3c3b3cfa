/*
 * memorise: how well a model that only remembers its training rows would score.
 *
 * Two of them. The lookup table knows the label of every row that trained (equal hash) and says
 * train's most frequent class of any other: it learns nothing that carries over, so what it
 * scores above the majority rate is leakage and nothing else; with a leak rate r it can reach
 * about r + (1 - r) x majority, no more. The nearest neighbour says the label of the training row
 * most like the text (cosine of TF-IDF over words): like a trained model it also has something to
 * say of rows it has not seen. Between a leaked split and a sound one, the difference of the same
 * memoriser is what the leak is worth. Neither is a baseline to beat: nothing is tuned.
 *
 * Always: a function of the rows only; a memoriser sees labels of train alone.
 */
#ifndef FT_DATASETS_MEMORISE_H
#define FT_DATASETS_MEMORISE_H

#include "datasets/split.h"

/* Scores are shares of the rows that evaluate, copies counted. */
struct memorised {
    int n_train, n_evaluation;
    double leak_rate;     /* split_leak_rate */
    double lookup;        /* accuracy of the lookup table */
    double nearest;       /* accuracy of the nearest neighbour */
    double majority_rate; /* accuracy of always saying train's most frequent class */
};

/* Of the lookup table. A text that trains with two labels has the one it has oftener (the first
 * class, if as often). rows not empty, neither train. */
double memorise_lookup(const struct dataset *d, const struct rows *train, const struct rows *rows);

/* Of the nearest neighbour: weight of word w in a text is count x (1 + ln((1 + n) / (1 + n_w))), of
 * n different training texts n_w holding it, as scikit-learn's TfidfVectorizer weighs; the first of
 * equally near rows; a text that shares no word with train gets train's most frequent class. Time
 * is the number of (word of a row, training text that holds it) pairs. */
double memorise_nearest(const struct dataset *d, const struct rows *train, const struct rows *rows);

/* All scores of one split: rows are s->test, or s->validation where there is no test. */
struct memorised memorise(const struct dataset *d, const struct split *s);

/* One line of a table, and its head; json: one JSON object on one line. */
struct memorised_line {
    const struct dataset *data;
    const char *split; /* "survey" or "sound" */
    struct memorised scores;
};
void memorise_head(struct str *s);
void memorise_text(struct str *s, const struct memorised_line *line);
void memorise_json(struct str *s, const struct memorised_line *line);

#endif
