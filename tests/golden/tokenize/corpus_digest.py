#!/usr/bin/env python3
"""Writes corpus_digests.tsv: what Hugging Face's tokenizers make of every text of ten data sets.

    pip install transformers==5.23.0 tokenizers==0.23.3 sentencepiece==0.2.3 protobuf
    FTBENCH_MIRROR=DIR python3 corpus_digest.py [VOCABULARY...]    (the rows of others stay)

The canonical text of a data set is one line of ids a text, special tokens included, with spaces
between; its SHA-256 is stored. max_length 128 shows the truncation, 1000000 all pieces.

T5's three files: transformers makes one tokenizer of spiece.model and of either tokenizer.json; the
tokenizers library, which is asked about the tokenizer.json here, does what the file says, and
flan-t5's keeps a space at a text's end. How many texts sentencepiece itself cuts otherwise is
printed, and the column sp_differs has it.
"""
import hashlib
import pathlib
import shutil
import sys
import tempfile

import sentencepiece
from tokenizers import Tokenizer
from transformers import BertTokenizerFast, T5TokenizerFast

import corpus

HERE = pathlib.Path(__file__).resolve().parent
EOS = 1


def bert(name):
    t = BertTokenizerFast.from_pretrained(corpus.mirror() / "tokenizers" / name,
                                          do_lower_case=name.endswith("uncased"))
    return lambda texts, n: t(texts, truncation=True, max_length=n)["input_ids"]


def t5_model(name):
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(corpus.mirror() / "tokenizers" / name, folder)
        t = T5TokenizerFast.from_pretrained(folder)
    return lambda texts, n: t(texts, truncation=True, max_length=n)["input_ids"]


def t5_json(name):
    t = Tokenizer.from_file(str(corpus.mirror() / "tokenizers" / name))
    t.no_padding()

    def encode(texts, n):
        t.enable_truncation(n)
        return [e.ids for e in t.encode_batch(texts)]
    return encode


VOCABULARIES = {"bert-base-cased": bert, "bert-base-uncased": bert, "t5/spiece.model": t5_model,
                "t5/t5-small.tokenizer.json": t5_json, "flan-t5/tokenizer.json": t5_json}


def digest(encode, texts, max_length, pieces):
    h, n_ids, differ = hashlib.sha256(), 0, 0
    for i in range(0, len(texts), 500):
        for text, ids in zip(texts[i:i + 500], encode(texts[i:i + 500], max_length)):
            n_ids += len(ids)
            h.update((" ".join(map(str, ids)) + "\n").encode())
            differ += pieces is not None and ids != pieces(text)[:max_length - 1] + [EOS]
    return n_ids, h.hexdigest(), differ if pieces else "-"


def main():
    table = HERE / "corpus_digests.tsv"
    head, *rows = table.read_text().splitlines(keepends=True)
    chosen = sys.argv[1:] or list(VOCABULARIES)
    rows = [r for r in rows if r.split("\t")[0] not in chosen]
    sp = sentencepiece.SentencePieceProcessor(
        model_file=str(corpus.mirror() / "tokenizers" / "t5" / "spiece.model"))
    for name in chosen:
        open_ = VOCABULARIES[name]
        encode = open_(name)
        for dataset, read in corpus.DATASETS.items():
            texts = list(read())
            for max_length in (128, 1000000):
                compared = open_ is t5_model and max_length > 128
                row = digest(encode, texts, max_length, sp.encode if compared else None)
                rows.append("\t".join(map(str, (name, max_length, dataset, len(texts), *row)))
                            + "\n")
                print(rows[-1], end="", flush=True)
    table.write_text("".join([head] + rows))


if __name__ == "__main__":
    main()
