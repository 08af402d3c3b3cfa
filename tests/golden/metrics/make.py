"""Golden values of results/metrics.c from an independent implementation.

    pip install scikit-learn==1.9.1 numpy
    python3 tests/golden/metrics/make.py > tests/golden/metrics/metrics.txt

One case a block: "case NAME n n_classes", the labels, the predictions, the
logits (hexadecimal floats, row by row), then "name value" lines and "end".
Of a model that answers in text there stand a line "said 1" before the values, the
classes' answers (bytes in hexadecimal, "-" when empty), the tokens of each, then
for each row the text that was decoded, and for each of its tokens the target id,
the id that was predicted and -log p; "said 0" of a model with a classifier.
"""
import random

import numpy as np
from sklearn.metrics import (accuracy_score, matthews_corrcoef, precision_recall_fscore_support)


def log_softmax(logits):
    """scikit-learn's log_loss clips probabilities, so the loss is from its definition."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def hexed(text):
    return text.encode().hex() or "-"


def print_said(labels, said):
    print("said 1")
    print(*[hexed(a) for a in said["answers"]])
    print(*[len(t) for t in said["targets"]])
    for i, y in enumerate(labels):
        print(hexed(said["texts"][i]), *[
            f"{t} {p} {float(np.float32(nll)).hex()}" for t, p, nll in
            zip(said["targets"][y], said["predicted"][i], said["nll"][i], strict=True)])


def print_said_metrics(y, logits, said):
    """Token metrics take the tokens of all rows as one list, target ids as classes."""
    length = np.asarray([len(t) for t in said["targets"]], dtype=np.float64)
    by_length = (logits.astype(np.float64) / length).argmax(axis=1)
    print("accuracy_norm", repr(float(accuracy_score(y, by_length))))
    same = [said["texts"][i].strip() == said["answers"][c].strip() for i, c in enumerate(y)]
    print("exact_match", repr(float(np.mean(same))))
    target = [t for c in y for t in said["targets"][c]]
    predicted = [t for row in said["predicted"] for t in row]
    nll = [float(np.float32(x)) for row in said["nll"] for x in row]
    print("token_accuracy", repr(float(accuracy_score(target, predicted))))
    print("token_loss", repr(float(np.mean(nll))))
    values = precision_recall_fscore_support(target, predicted, average="weighted",
                                             zero_division=0)
    for metric, value in zip(("precision", "recall", "f1"), values):
        print(f"token_{metric}_weighted", repr(float(value)))
    print("token_count", len(target))


def case(name, labels, n_classes, logits, said=None):
    logits = np.asarray(logits, dtype=np.float32)
    y, p = np.asarray(labels), logits.argmax(axis=1)
    print("case", name, len(y), n_classes)
    print(*y)
    print(*p)
    print(*[float(x).hex() for x in logits.ravel()])
    if said:
        print_said(labels, said)
    else:
        print("said 0")
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
    if said:
        print_said_metrics(y, logits, said)
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


def drawn_said(name, n, answers, targets, seed, right=0.6, strange=0.2):
    """Rows whose tokens are right, another target's, or of no target at all."""
    r = random.Random(seed)
    labels, logits, texts, predicted, nll = [], [], [], [], []
    known = sorted({t for target in targets for t in target})
    for _ in range(n):
        y = r.randrange(len(targets))
        labels.append(y)
        logits.append([-abs(r.gauss(0, 1)) * len(t) - (0 if c == y else r.random() * 2)
                       for c, t in enumerate(targets)])
        said = r.choice([answers[y], answers[y] + " ", " " + answers[y], "",
                         r.choice(answers), answers[y] + "s", answers[y][:-1]])
        texts.append(said)
        predicted.append([t if r.random() < right else
                          r.choice(known) if r.random() > strange else r.randrange(32128)
                          for t in targets[y]])
        nll.append([abs(r.gauss(0, 1)) for _ in targets[y]])
    case(name, labels, len(targets), logits,
         {"answers": answers, "targets": targets, "texts": texts, "predicted": predicted,
          "nll": nll})


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
drawn_said("said_news", 80, ["World", "Sports", "Business", "Sci/Tech"],
           [[1150], [5716], [1769], [2056, 87, 6703]], 11)
drawn_said("said_shared_prefix", 60, ["0", "1"], [[3, 632], [209]], 12)
drawn_said("said_never_right", 30, ["irony", "non_irony"], [[3575, 63], [529, 834, 23, 63]], 13,
           right=0, strange=1)
drawn_said("said_all_right", 30, ["negative", "neutral", "positive"], [[2841], [7163], [1465]], 14,
           right=1)
