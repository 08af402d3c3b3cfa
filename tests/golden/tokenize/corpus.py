#!/usr/bin/env python3
"""The texts of the ten data sets, as one tokenizer check after another needs them.

    FTBENCH_MIRROR=DIR python3 corpus.py list          names
    FTBENCH_MIRROR=DIR python3 corpus.py texts NAME    the texts, each ended by NUL

Standard library only. corpus_digest.py imports it, so both sides of the check see the same texts.
"""
import csv
import gzip
import json
import os
import pathlib
import sys


def mirror():
    return pathlib.Path(os.environ["FTBENCH_MIRROR"])


def rows(name, **how):
    with open(mirror() / name, encoding="utf-8", newline="") as f:
        yield from csv.reader(f, **how)


def lines(name, encoding="utf-8"):
    with open(mirror() / name, encoding=encoding, newline="\n") as f:
        for line in f:
            yield line.rstrip("\n")


def objects(name, key):
    opener = gzip.open if name.endswith(".gz") else open
    with opener(mirror() / name, "rt", encoding="utf-8") as f:
        for line in f:
            yield json.loads(line)[key]


def ag_news():
    for row in rows("ag_news/test.csv"):
        yield row[1] + " " + row[2]
    for row in list(rows("ag_news/train_subset_18067.csv"))[1:]:
        yield row[0]


def financial_phrasebank():
    for name in ("AllAgree", "50Agree"):
        for line in lines("financial_phrasebank/Sentences_%s.txt" % name, "latin-1"):
            yield line.rpartition("@")[0]


def auditor_sentiment():
    for name in ("train", "test"):
        yield from objects("auditor_sentiment/%s.jsonl" % name, "sentence")


def imdb():
    for name in ("imdb_truncated/train.jsonl", "imdb_truncated/validation.jsonl",
                 "imdb/imdb_train.jsonl.gz", "imdb/imdb_test.jsonl.gz"):
        yield from objects(name, "text")


def tweets(folder):
    for name in ("train", "val", "test"):
        yield from lines("tweet_eval/%s/%s_text.txt" % (folder, name))


def sst2():
    for name in ("train", "dev"):
        for line in list(lines("sst2/%s.tsv" % name))[1:]:
            yield line.split("\t")[0]


def trec():
    for name in ("train_5500", "TREC_10"):
        for line in lines("trec/%s.label" % name, "latin-1"):
            yield line.partition(" ")[2]


def rotten_tomatoes():
    for name in ("neg", "pos"):
        yield from lines("rotten_tomatoes/rt-polarity.%s" % name, "latin-1")


def banking77():
    for name in ("train", "test"):
        for row in list(rows("banking77/%s.csv" % name))[1:]:
            yield row[0]


DATASETS = {
    "ag_news": ag_news,
    "financial_phrasebank": financial_phrasebank,
    "auditor_sentiment": auditor_sentiment,
    "imdb": imdb,
    "irony": lambda: tweets("irony"),
    "stance_abortion": lambda: tweets("stance_abortion"),
    "sst2": sst2,
    "trec": trec,
    "rotten_tomatoes": rotten_tomatoes,
    "banking77": banking77,
}


if __name__ == "__main__":
    if sys.argv[1:] == ["list"]:
        print("\n".join(DATASETS))
    elif len(sys.argv) == 3 and sys.argv[1] == "texts" and sys.argv[2] in DATASETS:
        for text in DATASETS[sys.argv[2]]():
            sys.stdout.buffer.write(text.encode("utf-8") + b"\0")
    else:
        sys.exit(__doc__)
