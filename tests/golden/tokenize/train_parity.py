#!/usr/bin/env python3
"""Checks vocabularies that `ftbench tokenizer` made: transformers reads them and gives our ids.

    pip install transformers==5.23.0 tokenizers==0.23.3 sentencepiece==0.2.3 protobuf
    make build/gcc-release/tests/models/tokenize/digest
    python3 tests/golden/tokenize/train_parity.py TEXT [HELD_OUT...]

Texts are files with one document a line, plain or gzip. Of each it prints the tokens a word (words
as white space divides them), the share of unknown tokens and how many lines sentencepiece itself
spells otherwise (it sums in single precision, so that of ways with equal scores it may take
another). Fails when a line's ids differ from transformers'.
"""
import gzip
import pathlib
import subprocess
import sys

import sentencepiece
from transformers import BertTokenizer, T5Tokenizer

ROOT = pathlib.Path(__file__).resolve().parents[3]
DIGEST = ROOT / "build/gcc-release/tests/models/tokenize/digest"
ZOO = ROOT / "models/zoo"
BATCH = 2000


def lines(path):
    with (gzip.open if str(path).endswith(".gz") else open)(path, "rb") as file:
        return file.read().decode().removesuffix("\n").split("\n")


def ours(folder, texts):
    stdin = b"".join(t.encode() + b"\0" for t in texts)
    said = subprocess.run([DIGEST, folder, "1000000", "ids"], input=stdin, check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.decode()
    return [[int(i) for i in line.split()] for line in said.splitlines()[:len(texts)]]


def check(name, tokenizer, path):
    texts = lines(path)
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(ZOO / name / "spiece.model")) \
        if name == "mini-encdec" else None
    n_words = n_ids = n_unknown = differ = pieces_differ = 0
    for at in range(0, len(texts), BATCH):
        some = texts[at:at + BATCH]
        for text, mine, theirs in zip(some, ours(ZOO / name, some), tokenizer(some)["input_ids"]):
            differ += mine != theirs
            if pieces:
                pieces_differ += pieces.encode(text) + [pieces.eos_id()] != mine
            n_words += len(text.split())
            n_ids += len(mine) - (1 if pieces else 2)
            n_unknown += mine.count(tokenizer.unk_token_id)
    print(f"{name}, {path}: {len(texts)} lines, {n_ids / n_words:.4f} tokens a word,"
          f" {100 * n_unknown / n_ids:.4f} % unknown, {differ} differ from transformers"
          + (f", {pieces_differ} from sentencepiece" if pieces else ""))
    return differ == 0


def main():
    good = True
    for name, kind in (("mini-enc", BertTokenizer), ("mini-encdec", T5Tokenizer)):
        tokenizer = kind.from_pretrained(ZOO / name)
        assert len(tokenizer) == 8000, len(tokenizer)
        for path in sys.argv[1:]:
            good = check(name, tokenizer, path) and good
    sys.exit(not good)


if __name__ == "__main__":
    main()
