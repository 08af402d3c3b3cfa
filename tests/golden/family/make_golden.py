"""Makes the golden values of tests/models/test_family.c with Hugging Face transformers.

Needs: pip install torch transformers sentencepiece   (made with torch 2.15, transformers 5.23, CPU)
Run: OMP_NUM_THREADS=1 python tests/golden/family/make_golden.py
whenever a folder models/zoo/NAME with a model.safetensors has come, gone or changed.

golden.json beside this script has for each such folder the sha256 of its weights; texts some of
whose words are hidden; their ids as AutoTokenizer has them; and of every place that is to be told
(an encoder's hidden pieces, an encoder-decoder's targets) what the model, in float32 and without
dropout, makes of it: the logits of N_COLUMNS pieces and the logarithm of the sum of all exponentials.
masked counts a text's places from its first id; columns, logits and log_sum_exp go over all texts.
"""
import hashlib
import json
import pathlib
import re
import sys

import torch
from transformers import AutoModelForMaskedLM, AutoModelForSeq2SeqLM, AutoTokenizer, logging

HERE = pathlib.Path(__file__).resolve().parent
ZOO = HERE.parents[2] / "models" / "zoo"
N_COLUMNS = 12  # one less where two of them are the same

# What is to be told stands in braces. The last is longer than 128 pieces: from there on all
# distances are one to an encoder-decoder.
TEXTS = [
    "The minister said on {Monday} that the talks would go {on}.",
    "Caf\u00e9 na\u00efve r\u00e9sum\u00e9 \u2014 profit rose to EUR 12.5 mn from {EUR 9.1 mn}; 3,000 people {came} # @ & *",
    "The ship left the harbour early in the morning, when the town was still asleep, and for two days "
    "nobody heard of {her} again. Then a fisherman came home and told his wife that he had seen lights far "
    "out, in the north, where no ship should be at that time of the year. She did not believe him at "
    "first, because he liked to tell stories, but in the {evening} the whole street spoke about it, and on "
    "the third day the owner of the ship sent a letter to the government and asked for help. It was a "
    "long letter, and it said that the captain knew the coast better than anyone else, that the crew was "
    "{experienced}, that there was water and bread for at least four weeks, and that he was afraid all the "
    "same. The answer was short. They would send a {boat}.",
]
HIDDEN = re.compile(r"\{(.*?)\}")


def masked(tokenizer, text):
    """The text with a [MASK] for each piece that is hidden, and the ids of those pieces."""
    ids = []

    def hide(found):
        pieces = tokenizer(found.group(1), add_special_tokens=False)["input_ids"]
        ids.extend(pieces)
        return " ".join([tokenizer.mask_token] * len(pieces))

    return HIDDEN.sub(hide, text), ids


def spans(text):
    """The text with <extra_id_N> for what is hidden, and the target that says it."""
    said = HIDDEN.findall(text)
    for i in range(len(said)):
        text = HIDDEN.sub(f"<extra_id_{i}>", text, count=1)
    return text, " ".join(f"<extra_id_{i}> {words}" for i, words in enumerate(said))


def columns(row, told):
    """The told id, the likeliest ones, the least likely and others spread over the vocabulary."""
    order = row.argsort(descending=True, stable=True).tolist()
    wanted = list(dict.fromkeys([told, *order[:5], order[-1]]))
    n_more = N_COLUMNS - len(wanted)
    spread = [len(order) * (i + 1) // (n_more + 1) for i in range(n_more)]
    return list(dict.fromkeys(wanted + spread))


def rounded(x):
    """Nine digits are enough for any float32."""
    return float(f"{x:.9g}")


def add_rows(golden, logits, told):
    for row, true in zip(logits, told, strict=True):
        at = columns(row, true)
        golden["columns"].append(at)
        golden["logits"].append([rounded(x) for x in row[at].tolist()])
        golden["log_sum_exp"].append(rounded(row.double().logsumexp(0).item()))


def encoder_texts(golden, model, tokenizer):
    golden.update(texts=[], input_ids=[], masked=[], masked_ids=[])
    for text in TEXTS:
        text, told = masked(tokenizer, text)
        ids = tokenizer(text)["input_ids"]
        places = [i for i, piece in enumerate(ids) if piece == tokenizer.mask_token_id]
        golden["texts"].append(text)
        golden["input_ids"].append(ids)
        golden["masked"].append(places)
        golden["masked_ids"].append(told)
        add_rows(golden, model(input_ids=torch.tensor([ids])).logits[0, places], told)


def encoder_decoder_texts(golden, model, tokenizer):
    golden.update(texts=[], input_ids=[], targets=[], target_ids=[])
    for text in TEXTS:
        text, target = spans(text)
        ids, told = tokenizer(text)["input_ids"], tokenizer(target)["input_ids"]
        golden["texts"].append(text)
        golden["input_ids"].append(ids)
        golden["targets"].append(target)
        golden["target_ids"].append(told)
        add_rows(golden, model(input_ids=torch.tensor([ids]), labels=torch.tensor([told])).logits[0], told)


@torch.no_grad()
def golden_of(folder):
    config = json.loads((folder / "config.json").read_text())
    seq2seq = config.get("is_encoder_decoder", False)
    loader = AutoModelForSeq2SeqLM if seq2seq else AutoModelForMaskedLM
    model, found = loader.from_pretrained(folder, dtype=torch.float32, output_loading_info=True,
                                          attn_implementation="eager")
    if found["missing_keys"] or found["mismatched_keys"]:
        sys.exit(f"{folder}: transformers misses {found}")
    weights = (folder / "model.safetensors").read_bytes()
    golden = {"sha256": hashlib.sha256(weights).hexdigest(), "columns": [], "logits": [],
              "log_sum_exp": []}
    fill = encoder_decoder_texts if seq2seq else encoder_texts
    fill(golden, model.eval(), AutoTokenizer.from_pretrained(folder))
    return golden


def laid_out(value):
    """A list of lists, or of texts, an item a line; all else in one."""
    if isinstance(value, list) and isinstance(value[0], (list, str)):
        return "[\n   " + ",\n   ".join(map(json.dumps, value)) + "\n  ]"
    return json.dumps(value)


def main():
    folders = sorted(path.parent for path in ZOO.glob("*/model.safetensors"))
    if not folders:
        sys.exit(f"no folder of {ZOO} has a model.safetensors")
    models = []
    for folder in folders:
        golden = golden_of(folder)
        print(f"{folder.name}: {len(golden['texts'])} texts, {len(golden['columns'])} places, largest "
              f"logit {max(abs(x) for row in golden['logits'] for x in row):.4g}")
        keys = (f"  {json.dumps(key)}: {laid_out(value)}" for key, value in sorted(golden.items()))
        models.append(f" {json.dumps(folder.name)}: {{\n" + ",\n".join(keys) + "\n }")
    (HERE / "golden.json").write_text("{\n" + ",\n".join(models) + "\n}\n", encoding="ascii")


if __name__ == "__main__":
    logging.set_verbosity_error()
    torch.set_num_threads(1)
    main()
