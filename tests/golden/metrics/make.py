"""Golden values of results/metrics.c from an independent implementation.

    pip install scikit-learn==1.9.1 numpy
    python3 tests/golden/metrics/make.py > tests/golden/metrics/metrics.txt

One case a block: "case NAME n n_classes", the labels, the predictions, the
logits (hexadecimal floats, row by row), then "name value" lines and "end".
"""
import random

import numpy as np
from sklearn.metrics import (accuracy_score, matthews_corrcoef, precision_recall_fscore_support)


def log_softmax(logits):
    """scikit-learn's log_loss clips probabilities, so the loss is from its definition."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def case(name, labels, n_classes, logits):
    logits = np.asarray(logits, dtype=np.float32)
    y, p = np.asarray(labels), logits.argmax(axis=1)
    print("case", name, len(y), n_classes)
    print(*y)
    print(*p)
    print(*[float(x).hex() for x in logits.ravel()])
    print("accuracy", repr(float(accuracy_score(y, p))))
    wide_log = log_softmax(logits.astype(np.float64))
    print("loss", repr(float(-np.mean(wide_log[np.arange(len(y)), y]))))
    for average in "macro", "weighted":
        values = precision_recall_fscore_support(y, p, average=average, zero_division=0)
        for metric, value in zip(("precision", "recall", "f1"), values):
            print(f"{metric}_{average}", repr(float(value)))
    print("mcc", repr(float(matthews_corrcoef(y, p))))
    print("majority_rate", repr(float(np.bincount(y).max() / len(y))))
    print("classes_predicted", len(set(p.tolist())))
    print("end")


def drawn(name, n, n_classes, seed, label=None, winner=None, lift=1.5):
    r = random.Random(seed)
    labels, logits = [], []
    for i in range(n):
        y = r.randrange(n_classes) if label is None else label(i)
        row = [r.gauss(0, 1) for _ in range(n_classes)]
        row[y if winner is None else winner(i)] += lift if winner is None else 10
        labels.append(y)
        logits.append(row)
    case(name, labels, n_classes, logits)


drawn("two_classes", 50, 2, 1)
drawn("three_classes", 61, 3, 2)
drawn("many_classes", 97, 12, 3)
drawn("collapse", 30, 3, 4, winner=lambda i: 1)
drawn("one_label_only", 20, 3, 5, label=lambda i: 2)
drawn("one_label_one_prediction", 7, 2, 6, label=lambda i: 1, winner=lambda i: 1)
drawn("class_never_labelled", 40, 4, 7, label=lambda i: i % 3, lift=0.5)
drawn("class_in_neither", 40, 5, 8, label=lambda i: i % 2, winner=lambda i: (i * i) % 3)
drawn("all_wrong", 12, 2, 9, label=lambda i: i % 2, winner=lambda i: 1 - i % 2)
drawn("one_row", 1, 2, 10)
case("huge_logits", [0, 1, 1], 2, [[300, -300], [80, 88], [-1e4, 0]])
case("equal_logits", [0, 1], 2, [[1, 1], [2, 2]])
