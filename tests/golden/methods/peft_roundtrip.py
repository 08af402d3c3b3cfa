"""Adapters across the border: PEFT loads ours and gives our logits, we load
PEFT's and give its logits.

Needs: pip install torch transformers peft (seen with torch 2.15, transformers
5.23, peft 0.21.2), and, from the project's root:
    make build/gcc-release/tests/methods/bench_roundtrip
Run: python tests/golden/methods/peft_roundtrip.py [--base FOLDER] from the root.
FOLDER: a BERT of real size instead of the tiny one. Prints the largest absolute
difference of any logit and way; exit code 1 above 1e-4.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

import torch
from peft import (IA3Config, LoraConfig, PeftModel, PrefixTuningConfig, PromptTuningConfig,
                  get_peft_model)
from transformers import BertForSequenceClassification, logging

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = "build/gcc-release/tests/methods/bench_roundtrip"
LIMIT = 1e-4

ALL = "target_modules=q,k,v,o,ffn_in,ffn_out"
EVERY_DENSE = r".*(query|key|value|attention\.output\.dense|intermediate\.dense|\d\.output\.dense)"
CASES = [
    ("lora q v", "lora", ["r=4"],
     LoraConfig(task_type="SEQ_CLS", r=4, lora_alpha=16, target_modules=["query", "value"])),
    ("lora all targets", "lora", ["r=3", "lora_alpha=5", ALL],
     LoraConfig(task_type="SEQ_CLS", r=3, lora_alpha=5, target_modules=EVERY_DENSE)),
    ("lora ffn_out", "lora", ["r=2", "target_modules=ffn_out"],
     LoraConfig(task_type="SEQ_CLS", r=2, target_modules=r".*\d\.output\.dense")),
    ("lora o, rsLoRA", "lora", ["r=5", "use_rslora=true", "target_modules=o"],
     LoraConfig(task_type="SEQ_CLS", r=5, use_rslora=True,
                target_modules=["attention.output.dense"])),
    ("ia3", "ia3", [], IA3Config(task_type="SEQ_CLS")),
    ("ia3 all targets", "ia3", [ALL, "feedforward_modules=o,ffn_in"],
     IA3Config(task_type="SEQ_CLS", feedforward_modules=["intermediate.dense"],
               target_modules=["query", "key", "value", "attention.output.dense",
                               "intermediate.dense", "output.dense"])),
    ("prefix", "prefix", ["num_virtual_tokens=5"],
     PrefixTuningConfig(task_type="SEQ_CLS", num_virtual_tokens=5)),
    ("prompt", "prompt", ["num_virtual_tokens=7"],
     PromptTuningConfig(task_type="SEQ_CLS", num_virtual_tokens=7)),
]


def padded(batch):
    longest = max(map(len, batch["input_ids"]))
    fill = lambda rows: torch.tensor([r + [0] * (longest - len(r)) for r in rows])
    return {"input_ids": fill(batch["input_ids"]), "token_type_ids": fill(batch["token_type_ids"]),
            "attention_mask": fill([[1] * len(r) for r in batch["input_ids"]])}


def load_base(folder):
    return BertForSequenceClassification.from_pretrained(folder, num_labels=3)


def run(*arguments):
    done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return torch.tensor([[float(x) for x in line.split()] for line in done.stdout.splitlines()])


def shake(model):
    """Large enough to matter, not so large that a wide model's logits explode."""
    scale = 0.7 / model.config.hidden_size ** 0.5
    with torch.no_grad():
        for name, p in model.named_parameters():
            if p.requires_grad:
                p.copy_(float("ia3_l" in name) + scale * torch.randn_like(p))


def theirs_here(folder, batch_file, inputs, config, directory):
    model = get_peft_model(load_base(folder), config)
    shake(model)
    model.eval()
    with torch.no_grad():
        want = model(**inputs).logits
    model.save_pretrained(directory)
    return (run("read", folder, directory, batch_file) - want).abs().max().item()


def ours_there(folder, batch_file, inputs, method, settings, directory):
    got = run("write", folder, directory, batch_file, method, *settings)
    model = PeftModel.from_pretrained(load_base(folder), directory).eval()
    with torch.no_grad():
        return (model(**inputs).logits - got).abs().max().item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--base", default=os.path.join(HERE, "base"))
    base = parser.parse_args().base
    logging.set_verbosity_error()
    torch.manual_seed(3)
    torch.set_num_threads(1)
    batch_file = os.path.join(HERE, "batch.json")
    with open(batch_file) as f:
        inputs = padded(json.load(f))
    worst = 0
    print(f"{'adapter':20}{'theirs read here':>18}{'ours read there':>18}")
    for title, method, settings, config in CASES:
        with tempfile.TemporaryDirectory() as a, tempfile.TemporaryDirectory() as b:
            here = theirs_here(base, batch_file, inputs, config, a)
            there = ours_there(base, batch_file, inputs, method, settings, b)
        print(f"{title:20}{here:18.2e}{there:18.2e}")
        worst = max(worst, here, there)
    sys.exit(worst > LIMIT)


main()
