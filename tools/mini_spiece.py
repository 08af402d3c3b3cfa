#!/usr/bin/env python3
"""Writes models/zoo/mini-unigram/spiece.model: a unigram vocabulary for the miniature encoder-decoders.

    pip install sentencepiece==0.2.3
    python3 tools/mini_spiece.py [ROOT]

Trained on the texts of datasets/miniature and the names of their classes, with T5's ids (pad 0,
eos 1, unk 2). No character map, as the published one alone has 237 kB. Same bytes every time.
"""
import csv
import io
import json
import pathlib
import re
import sys

import sentencepiece

N_PIECES = 1400
CLASS_COPIES = 400  # a class name is to be one piece or few, as in the published vocabulary


def texts(root):
    folder = root / "datasets" / "miniature"

    def read(name, encoding="utf-8"):
        return (folder / name).read_text(encoding=encoding)

    for part in ("train", "test"):
        for row in csv.reader(io.StringIO(read(f"ag_news_{part}.csv"))):
            yield from row[1:]
        for line in read(f"auditor_sentiment_{part}.jsonl").splitlines():
            yield json.loads(line)["sentence"]
        for line in read(f"financial_phrasebank_{part}.txt", "iso-8859-1").splitlines():
            yield line.rsplit("@", 1)[0]
    for part in ("train", "validation"):
        for row in list(csv.reader(io.StringIO(read(f"imdb_truncated_{part}.csv"))))[1:]:
            yield row[0]
    for part in ("train", "validation", "test"):
        yield from read(f"irony_{part}_text.txt").splitlines()
        for line in read(f"stance_{part}.tsv").splitlines()[1:]:
            yield line.rsplit("\t", 1)[0]


def classes(root):
    for path in sorted((root / "datasets").glob("mini_*.yaml")):
        listed = re.search(r"^classes: \[(.*)\]$", path.read_text(), re.MULTILINE)[1]
        yield from listed.split(", ")


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent)
    lines = list(texts(root)) + sorted(classes(root)) * CLASS_COPIES
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_writer=model, model_type="unigram",
        vocab_size=N_PIECES, pad_id=0, eos_id=1, unk_id=2, bos_id=-1, character_coverage=1.0,
        normalization_rule_name="identity", num_threads=1, max_sentence_length=100000,
        minloglevel=2)
    out = root / "models" / "zoo" / "mini-unigram" / "spiece.model"
    out.write_bytes(model.getvalue())
    print(len(lines), "texts,", N_PIECES, "pieces,", len(model.getvalue()), "bytes")


if __name__ == "__main__":
    main()
