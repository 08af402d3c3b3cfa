"""Whether transformers reads a folder of ours as the model it is.

Needs: pip install torch transformers safetensors sentencepiece   (seen with transformers 5.23) and,
from the project's root, make build/gcc-release/tests/models/bench_logits
Run: OMP_NUM_THREADS=1 python tools/check_checkpoint.py FOLDER...

For each folder: AutoModelForMaskedLM or AutoModelForSeq2SeqLM finds every tensor and no other (but
the pooler, which a masked language model does not read), AutoTokenizer gives our ids, and the logits
in float32 are ours. Prints one line a folder; exit code 1 when anything differs.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

import torch
from safetensors.torch import load_file
from transformers import AutoModelForMaskedLM, AutoModelForSeq2SeqLM, AutoTokenizer, logging

PROGRAM = "build/gcc-release/tests/models/bench_logits"
LIMIT = 1e-4  # relative to the largest logit: two float32 computations in another order

ENCODER_TEXTS = [
    "The minister said on [MASK] that the talks would go on .",
    "a film that is , in the end , more [MASK] than it wants to be",
    "Profit rose to EUR 12.5 mn from EUR 9.1 mn in the third quarter of 2009",
    "ok",
    "Caf\u00e9 na\u00efve r\u00e9sum\u00e9 \u2014 3,000 people [MASK] # @ & *",
]
PAIRS = [
    ("The minister said on <extra_id_0> that the talks <extra_id_1> on.",
     "<extra_id_0> Monday <extra_id_1> would go"),
    ("a film that is, in the end, more <extra_id_0> than it wants to be", "<extra_id_0> clever"),
    ("Profit rose to EUR 12.5 mn from <extra_id_0> in the third quarter",
     "<extra_id_0> EUR 9.1 mn <extra_id_1>"),
    ("ok", "negative"),
    ("Caf\u00e9 na\u00efve r\u00e9sum\u00e9 \u2014 3,000 people # @ & *", "positive"),
]


def ours(folder, lines):
    with tempfile.TemporaryDirectory() as temporary:
        out = os.path.join(temporary, "out.safetensors")
        run = subprocess.run([PROGRAM, "logits", folder, out], input="\n".join(lines) + "\n",
                             text=True, stderr=subprocess.PIPE)
        if run.returncode:
            sys.exit(f"the engine refuses it: {run.stderr.strip()}")
        return load_file(out)


def rows(values, lengths):
    return [part.long().tolist() for part in values.split(lengths.long().tolist())]


def check_ids(tokenizer, texts, lists):
    for text, ids in zip(texts, lists, strict=True):
        theirs = tokenizer(text)["input_ids"]
        if theirs != ids:
            return [f"ids of {text!r}: transformers {theirs}, ours {ids}"]
    return []


def padded(lists, fill):
    longest = max(map(len, lists))
    return torch.tensor([ids + [fill] * (longest - len(ids)) for ids in lists])


def check(folder):
    with open(os.path.join(folder, "config.json")) as f:
        config = json.load(f)
    seq2seq = config.get("is_encoder_decoder", False)
    loader = AutoModelForSeq2SeqLM if seq2seq else AutoModelForMaskedLM
    model, found = loader.from_pretrained(folder, dtype=torch.float32, output_loading_info=True,
                                          attn_implementation="eager")
    unexpected = [k for k in found["unexpected_keys"] if seq2seq or "pooler." not in k]
    wrong = [f"{kind}: {sorted(keys)}" for kind, keys in
             [("missing", found["missing_keys"]), ("unexpected", unexpected),
              ("mis-shaped", found["mismatched_keys"])] if keys]
    name = type(model).__name__
    if config["architectures"] != [name]:
        wrong.append(f"architectures {config['architectures']}, but loaded as {name}")

    got = ours(folder, ["\t".join(p) for p in PAIRS] if seq2seq else ENCODER_TEXTS)
    inputs = rows(got["input_ids"], got["lengths"])
    targets = rows(got["target_ids"], got["target_lengths"]) if seq2seq else None
    tokenizer = AutoTokenizer.from_pretrained(folder)
    if seq2seq:
        wrong += check_ids(tokenizer, [p[0] for p in PAIRS], inputs)
        wrong += check_ids(tokenizer, [p[1] for p in PAIRS], targets)
    else:
        wrong += check_ids(tokenizer, ENCODER_TEXTS, inputs)

    batch = dict(input_ids=padded(inputs, 0), attention_mask=padded([[1] * len(i) for i in inputs], 0))
    if seq2seq:
        batch["labels"] = padded(targets, -100)
    with torch.no_grad():
        logits = model.eval()(**batch).logits
    read = batch["labels"] >= 0 if seq2seq else batch["attention_mask"].bool()
    theirs = logits[read]
    difference = (theirs - got["logits"]).abs().max().item()
    largest = theirs.abs().max().item()
    if not difference <= LIMIT * largest:
        wrong.append("logits differ")
    print(f"{folder}: {name}, {theirs.shape[0]} tokens x {theirs.shape[1]} pieces, largest logit "
          f"{largest:.3g}, largest difference {difference:.2g}" + "".join("\n  " + w for w in wrong))
    return not wrong


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folders", nargs="+", metavar="FOLDER")
    logging.set_verbosity_error()
    torch.set_num_threads(1)
    sys.exit(0 if all([check(f) for f in parser.parse_args().folders]) else 1)
