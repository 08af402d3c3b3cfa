#!/usr/bin/env python3
"""Writes a small corpus, its stretches as transformers' tokenizers make them, and T5's numbers.

    pip install transformers==5.23.0 tokenizers==0.23.3 numpy
    python3 make.py

documents.txt           a document a line: the tokenizers' hard strings, many or few together
wordpiece, unigram      a line a stretch of at most 40 and at least 5 pieces: "train" or "held",
                        then ids; 0.3 of the documents held out
spans                   "pieces density mean noise spans" a line, after random_spans_noise_mask of
                        google-research/text-to-text-transfer-transformer (t5/data/preprocessors.py)
"""
import hashlib
import json
import pathlib

import numpy
from transformers import BertTokenizerFast, T5TokenizerFast

HERE = pathlib.Path(__file__).resolve().parent
TOKENIZE = HERE.parent / "tokenize"
MAX_PIECES, MIN_PIECES, HELD_OUT = 40, 5, 0.3


def documents():
    strings = []
    for name in ("hard.jsonl", "hard_unigram.jsonl"):
        for line in open(TOKENIZE / name, encoding="utf-8"):
            text = json.loads(line)
            strings.append(text.replace("\n", " ").replace("\r", " ").replace("\0", " "))
    sizes, at, made = (1, 40, 3, 9, 2, 60), 0, []
    while at < len(strings):
        n = sizes[len(made) % len(sizes)]
        made.append(" ".join(strings[at:at + n]))
        at += n
    made.insert(7, "")
    return made


def is_held_out(text):
    return int(hashlib.sha256(text.encode()).hexdigest()[:13], 16) / 2**52 < HELD_OUT


def stretches(tokenizer, text):
    ids = tokenizer.encode(text, add_special_tokens=False)
    n = -(-len(ids) // MAX_PIECES)
    for i in range(n):
        part = ids[len(ids) * i // n:len(ids) * (i + 1) // n]
        if len(part) >= MIN_PIECES:
            yield part


def write_stretches(name, tokenizer, texts):
    with open(HERE / name, "w", encoding="ascii") as out:
        for text in texts:
            for part in stretches(tokenizer, text):
                print("held" if is_held_out(text) else "train", *part, file=out)


def t5_numbers(length, density, mean):
    """In doubles, as transformers' run_t5_mlm_flax.py; T5's own singles differ where the half is
    not exact: of these lengths at 190 only, 29 for 28."""
    length = max(length, 2)
    noise = min(max(int(numpy.round(length * density)), 1), length - 1)
    return noise, max(int(numpy.round(noise / mean)), 1)


def write_spans():
    with open(HERE / "spans", "w", encoding="ascii") as out:
        for density, mean in ((0.15, 3), (0.15, 1), (0.5, 3), (0.25, 2.5)):
            for length in list(range(1, 301)) + [512, 1000]:
                print(length, density, mean, *t5_numbers(length, density, mean), file=out)


def main():
    texts = documents()
    (HERE / "documents.txt").write_text("\n".join(texts) + "\n", encoding="utf-8")
    write_stretches("wordpiece", BertTokenizerFast.from_pretrained(
        TOKENIZE / "small_uncased", do_lower_case=True), texts)
    write_stretches("unigram", T5TokenizerFast.from_pretrained(TOKENIZE / "small_unigram"), texts)
    write_spans()


main()
