#!/usr/bin/env python3
"""Writes corpus_digests.tsv: what Hugging Face's tokenizers make of every text of ten data sets.

    pip install transformers==5.23.0 tokenizers==0.23.3
    FTBENCH_MIRROR=DIR python3 corpus_digest.py

The canonical text of a data set is one line of ids a text, [CLS] and [SEP] included, with spaces
between; its SHA-256 is stored. max_length 128 shows the truncation, 1000000 all pieces.
"""
import hashlib
import pathlib

from transformers import BertTokenizerFast

import corpus

HERE = pathlib.Path(__file__).resolve().parent


def digest(tokenizer, texts, max_length):
    h, n_ids = hashlib.sha256(), 0
    for i in range(0, len(texts), 500):
        for ids in tokenizer(texts[i:i + 500], truncation=True, max_length=max_length)["input_ids"]:
            n_ids += len(ids)
            h.update((" ".join(map(str, ids)) + "\n").encode())
    return n_ids, h.hexdigest()


def main():
    out = ["vocabulary\tmax_length\tdataset\tn_texts\tn_ids\tsha256\n"]
    for kind in ("cased", "uncased"):
        name = "bert-base-" + kind
        tokenizer = BertTokenizerFast.from_pretrained(
            corpus.mirror() / "tokenizers" / name, do_lower_case=kind == "uncased")
        for dataset, read in corpus.DATASETS.items():
            texts = list(read())
            for max_length in (128, 1000000):
                n_ids, h = digest(tokenizer, texts, max_length)
                out.append("\t".join(map(str, (name, max_length, dataset, len(texts), n_ids, h)))
                           + "\n")
                print(out[-1], end="", flush=True)
    (HERE / "corpus_digests.tsv").write_text("".join(out))


if __name__ == "__main__":
    main()
