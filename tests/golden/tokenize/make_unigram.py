#!/usr/bin/env python3
"""Writes the small unigram model and what transformers makes of the hard strings with it and T5's.

    pip install transformers==5.23.0 tokenizers==0.23.3 sentencepiece==0.2.3 protobuf
    [FTBENCH_MIRROR=DIR] python3 make_unigram.py

small_unigram/   spiece.model and the tokenizer.json that transformers makes of it
hard_unigram.jsonl   strings that matter here and not to BERT, behind those of hard.jsonl
ids/   a line of ids a string; *_max9 truncated; *_decoded.jsonl the strings decoded again

Where sentencepiece itself differs is printed: it knows no added tokens in a text ("</s>"), takes
the longest key of the character map where transformers takes the shortest of a grapheme cluster
("e" with two marks), and never makes a control token of text that is only mapped to one ("＜pad＞").
"""
import io
import json
import os
import pathlib
import random
import shutil
import tempfile
import unicodedata

import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import Tokenizer
from transformers import BertTokenizerFast, T5TokenizerFast

from make_hard import PROSE, strings

HERE = pathlib.Path(__file__).resolve().parent

MORE = [
    "<extra_id_0>", "<extra_id_99>", "<extra_id_100>", "a <extra_id_0> b", "a<extra_id_7>b",
    "<extra_id_0><extra_id_1>", " <extra_id_10> ", "<extra_id_1", "extra_id_0>", "＜extra_id_0＞",
    "</s>", "a</s>b", "</s></s>", "a </s> ", "<pad> x <pad>", "<unk>", "x<unk>y", "<s>", "＜pad＞",
    "＜unk＞x", "＜/s＞", "<br />", "a<br />b <br /> c", "<ctl>", "x<ctl>y", "＜br />",
    "▁", "▁▁", "▁a", "a▁", "a▁b", "▁ a", " ▁a", "a ▁ b", "▁▁▁a b▁▁", "a\u2581\u0301b", "<extra_id_0>▁a",
    "  a  b  ", "a  ", "   a", "a\t b", "a \u3000b", "a\u00a0\u00a0b", "\u2028a\u2029", "a\u200b b", "\u200b",
    "\u200b \u200b", "a \r\n b\r", "\r", "a\r\u0301b", "1,000,000", "a" * 300, "ab " * 40, "é" * 120,
    "e\u0323\u0302", "e\u0302\u0323", "ﬁ\u0301x", "²\u0301", "²\u0897", "²\u0301\u0301", "\u0600²\u0301", "\u0600e\u0301",
    "½\u200d", "ﬀ\u200d", "²\ufe0f", "カ\u3099\u0301", "\u0e33\u0301", "\u0e01\u0e33", "\u1112\u1161\u11ab\u0301",
    "中文中文", "中 文", "😀 😀😀", "中a文", "\U0001f468\u200d\U0001f469", "\U0001d400\u0301", "ﷺ\u0301", "\u0958", "\u0915\u093c\u094d",
    "World", "Sports", "Business", "Sci/Tech", "negative", "neutral", "positive", "0", "1", "2", "irony",
    "non_irony", "none", "against", "favor", "classify: is this irony? ",
]


def small_map():
    """A character map of a few kilobytes: what the hard strings need of NFKC, and odd ones."""
    marks = [0x300, 0x301, 0x302, 0x303, 0x308, 0x30a, 0x323, 0x327]
    rules = {}
    for base in "AEIOUNaeioun":
        for m in marks:
            for tail in ([], [0x301], [0x302]):
                source = [ord(base), m] + tail
                target = unicodedata.normalize("NFC", "".join(map(chr, source)))
                if len(target) == 1:
                    rules[tuple(source)] = target
    for c in [*range(0xff01, 0xff5f), *range(0xfb00, 0xfb05), 0xb2, 0xb3, 0xb9, 0xbc, 0xbd, 0xbe, 0x2026,
              0x2122, 0x1d400, 0xfdfa, 0xe33, 0x958, 0x3000, 0xa0, 0x2003, 0x2028, 0x2029]:
        rules[(c,)] = unicodedata.normalize("NFKC", chr(c))
    for c in [0x9, 0xa, 0xd, 0x2028, 0x2029]:
        rules[(c,)] = " "
    for c in [0x200b, 0xfeff, 0x1, 0x7f]:
        rules[(c,)] = ""
    return "".join("%s\t%s\n" % (" ".join("%X" % c for c in source),
                                 " ".join("%X" % ord(c) for c in target))
                   for source, target in sorted(rules.items()))


def write_small(texts):
    folder = HERE / "small_unigram"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    draw, model = random.Random(1), io.BytesIO()
    lines = PROSE.splitlines() * 4 + [t for t in texts if len(t) < 200 and draw.random() < 0.5]
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as rules:
        rules.write(small_map())
        rules.flush()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(t.replace("\n", " ") for t in lines), model_writer=model,
            model_type="unigram", vocab_size=700, pad_id=0, eos_id=1, unk_id=2, bos_id=-1,
            character_coverage=0.98, normalization_rule_tsv=rules.name, num_threads=1,
            control_symbols=["<ctl>"], user_defined_symbols=["<br />"], minloglevel=2)
    proto = sentencepiece_model_pb2.ModelProto.FromString(model.getvalue())
    proto.trainer_spec.ClearField("input")
    proto.normalizer_spec.ClearField("normalization_rule_tsv")
    (folder / "spiece.model").write_bytes(proto.SerializeToString())
    t = from_model(folder / "spiece.model")
    t.backend_tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    return t


def from_model(path):
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(path, folder)
        return T5TokenizerFast.from_pretrained(folder)


def write_ids(name, tokenizer, texts, decoded):
    for suffix, max_length in (("", 10 ** 6), ("_max9", 9)):
        rows = tokenizer(texts, truncation=True, max_length=max_length)["input_ids"]
        (HERE / "ids" / (name + suffix + ".txt")).write_text(
            "".join(" ".join(map(str, r)) + "\n" for r in rows))
    if decoded:
        write_decoded(name, tokenizer, texts)


def write_decoded(name, tokenizer, texts):
    rows = tokenizer(texts)["input_ids"]
    with open(HERE / "ids" / (name + "_decoded.jsonl"), "w") as f:
        f.writelines(json.dumps(tokenizer.decode(r, skip_special_tokens=True)) + "\n" for r in rows)


def compare(name, tokenizer, path, texts):
    sp = sentencepiece.SentencePieceProcessor(model_file=str(path))
    differ = [t for t in texts if tokenizer(t)["input_ids"] != sp.encode(t) + [1]]
    print(name, len(texts), "strings,", len(differ), "of which sentencepiece cuts otherwise:",
          *map(ascii, differ))


def main():
    with open(HERE / "hard_unigram.jsonl", "w") as f:
        f.writelines(json.dumps(t) + "\n" for t in MORE)
    texts = strings() + MORE
    small = write_small(texts)
    write_ids("small_unigram", small, texts, True)
    compare("small_unigram", small, HERE / "small_unigram" / "spiece.model", texts)
    for kind in ("cased", "uncased"):
        write_decoded("small_" + kind,
                      BertTokenizerFast.from_pretrained(HERE / ("small_" + kind),
                                                        do_lower_case=kind == "uncased"), strings())
    if "FTBENCH_MIRROR" in os.environ:
        real = pathlib.Path(os.environ["FTBENCH_MIRROR"]) / "tokenizers"
        t5 = from_model(real / "t5" / "spiece.model")
        write_ids("t5", t5, texts, True)
        compare("t5", t5, real / "t5" / "spiece.model", texts)
        flan = Tokenizer.from_file(str(real / "flan-t5" / "tokenizer.json"))
        flan.no_truncation()
        flan.no_padding()
        (HERE / "ids" / "flan-t5.txt").write_text(
            "".join(" ".join(map(str, flan.encode(t).ids)) + "\n" for t in texts))


if __name__ == "__main__":
    main()
