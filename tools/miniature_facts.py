#!/usr/bin/env python3
"""Prints how the miniature data sets compare with the six that they stand beside, as Markdown.

    pip install scikit-learn==1.9.1
    FTBENCH_MIRROR=DIR python3 tools/miniature_facts.py

DIR holds the real files (INDEX.tsv: sha256 and path); without it the miniatures stand alone. Rows,
classes, lengths and the nearest neighbour's score are those of `./ftbench audit`. Types and tokens
are counted over the first 10,000 words to learn from, as their ratio falls with the length.
Bag of words is TF-IDF of words and pairs under logistic regression, learnt from as many rows as the
miniature has to learn from; of a pool, every fifth row is kept to test on.
"""
import csv
import json
import os
import pathlib
import re
import subprocess

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from miniature import NOISE

ROOT = pathlib.Path(__file__).resolve().parents[1]
MIRROR = os.environ.get("FTBENCH_MIRROR")
N_WORDS = 10000


def read_news(path):
    return [(row[1] + " " + row[2], row[0]) for row in csv.reader(open(path, newline=""))]


def read_at(path):
    return [line.rstrip("\n").rsplit("@", 1) for line in open(path, encoding="latin-1")]


def read_json(path):
    rows = [json.loads(line) for line in open(path)]
    return [(row.get("text") or row.get("sentence"), row["label"]) for row in rows]


def read_film(path):
    return list(csv.reader(open(path, newline="")))[1:]


def read_pair(texts, labels):
    return list(zip(*(open(path).read().splitlines() for path in (texts, labels))))


def read_tab(path):
    return [line.rstrip("\n").rsplit("\t", 1) for line in open(path)][1:]


# Real set, its reader, files to learn from and to test on (none: a pool), and the same of ours.
SETS = [
    ("ag_news", read_news, "test.csv", None, read_news, "train", "test"),
    ("financial_phrasebank", read_at, "Sentences_AllAgree.txt", None, read_at, "train", "test"),
    ("auditor_sentiment", read_json, "train.jsonl", "test.jsonl", read_json, "train", "test"),
    ("imdb_truncated", read_json, "train.jsonl", "validation.jsonl", read_film, "train",
     "validation"),
    ("tweet_eval_irony", read_pair, "train", "test", read_pair, "train", "test"),
    ("tweet_eval_stance_abortion", read_pair, "train", "test", read_tab, "train", "test"),
]


def audit(*arguments):
    done = subprocess.run([ROOT / "ftbench", "audit", "--offline", "--json", *arguments], cwd=ROOT,
                          stdout=subprocess.PIPE, check=False)
    return [json.loads(line) for line in done.stdout.splitlines()]


def files_of(name, part):
    """The files of a data set whose names have part, from its descriptor, where they are here."""
    text = (ROOT / "datasets" / (name + ".yaml")).read_text()
    out = []
    # A stand-in's hash comes after the sources of what it stands for.
    for file, sha256 in re.findall(r"  - name: (\S+)\n(?:    .*\n)*?\s+sha256: (\w+)", text):
        if part in file:
            shipped = re.search(r"path: (datasets/miniature/%s)\n" % re.escape(file), text)
            out.append(ROOT / shipped[1] if shipped else mirrored(sha256))
    return out


def mirrored(sha256):
    for line in open(pathlib.Path(MIRROR) / "INDEX.tsv"):
        if line.startswith(sha256):
            return pathlib.Path(MIRROR) / line.rstrip("\n").split("\t")[2]
    raise SystemExit("not in the mirror: " + sha256)


def rows_of(name, read, train, test):
    learn = [tuple(row) for row in read(*files_of(name, train))]
    if test:
        return learn, [tuple(row) for row in read(*files_of(name, test))]
    return [x for i, x in enumerate(learn) if i % 5], learn[::5]


def every(rows, n):
    """n rows, evenly from all."""
    return [rows[i * len(rows) // n] for i in range(min(n, len(rows)))]


def bag_of_words(learn, test):
    count = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    model = LogisticRegression(C=10, max_iter=1000)
    model.fit(count.fit_transform(x for x, _ in learn), [str(y) for _, y in learn])
    return model.score(count.transform(x for x, _ in test), [str(y) for _, y in test])


def words(rows):
    return [w for text, _ in rows for w in re.findall(r"\w+", text.lower())]


def facts(name, rows, n_learn):
    learn, test = rows
    learn = every(learn, n_learn)
    said = audit(name)[0]
    sound = [x for x in audit("--memorise", name) if x["split"] == "sound"][0]
    classes = {}
    for split in said["splits"]:
        for label, n in split["classes"].items():
            classes[label] = classes.get(label, 0) + n
    n_rows = sum(x["rows"] for x in said["splits"])
    longest = max(x["words_p95"] for x in said["splits"])
    mean = sum(x["words_mean"] * x["rows"] for x in said["splits"]) / n_rows
    known, first = set(words(learn)), words(learn)[:N_WORDS]
    judged = words(test)
    return [name, n_rows, " / ".join("%.2f" % (n / n_rows) for n in classes.values()),
            "%.1f" % mean, "%d" % longest, "%.3f" % (len(set(first)) / len(first)),
            "%.3f" % (sum(w not in known for w in judged) / len(judged)),
            "%.3f" % sound["majority_rate"], "%.3f" % sound["nearest"],
            "%.3f" % bag_of_words(learn, test), "%.2f" % (1 - NOISE[name]) if name in NOISE else ""]


def main():
    print("| data set | rows | class shares | words, mean | 95 % | types / tokens | new words |"
          " majority | nearest | bag of words | right labels |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for name, read, train, test, read_ours, ours_train, ours_test in SETS:
        mini = "mini_" + re.sub("^tweet_eval_|_abortion$", "", name)
        ours = rows_of(mini, read_ours, ours_train, ours_test)
        if MIRROR:
            real = rows_of(name, read, train, test)
            print("| " + " | ".join(map(str, facts(name, real, len(ours[0])))) + " |")
        print("| " + " | ".join(map(str, facts(mini, ours, len(ours[0])))) + " |")


if __name__ == "__main__":
    main()
