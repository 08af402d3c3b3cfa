"""Adapters of encoder-decoders across the border: PEFT loads ours and gives our logits,
we load PEFT's and give its logits.

Needs: pip install torch transformers peft (seen with torch 2.15, transformers 5.23,
peft 0.21.2), and, from the project's root:
    make build/gcc-release/tests/methods/bench_roundtrip
Run: python tests/golden/methods_t5/peft_roundtrip.py from the root. Prints the largest
absolute difference of any logit and way; exit code 1 above 1e-4.
"""
import json
import os
import subprocess
import sys
import tempfile

import torch
from peft import (IA3Config, LoraConfig, PeftModel, PrefixTuningConfig, PromptTuningConfig,
                  get_peft_model)
from transformers import logging

import make
from make import HERE, SEQ

PROGRAM = "build/gcc-release/tests/methods/bench_roundtrip"
LIMIT = 1e-4
ALL = "target_modules=q,k,v,o,ffn_in,ffn_out"


def cases(base):
    inner = ["wi"] if base == "v10" else ["wi_0", "wi_1"]
    sizes = dict(num_layers=make.COMMON["num_decoder_layers"],
                 num_attention_heads=make.BASES[base]["num_heads"],
                 token_dim=make.BASES[base]["num_heads"] * make.BASES[base]["d_kv"])
    return [
        ("lora", "lora", ["r=4"], LoraConfig(task_type=SEQ, r=4, lora_alpha=16)),
        ("lora all targets", "lora", ["r=3", "lora_alpha=5", ALL],
         LoraConfig(task_type=SEQ, r=3, lora_alpha=5,
                    target_modules=["q", "k", "v", "o", "wo"] + inner)),
        ("lora o, rsLoRA", "lora", ["r=5", "use_rslora=true", "target_modules=o"],
         LoraConfig(task_type=SEQ, r=5, use_rslora=True, target_modules=["o"])),
        ("ia3", "ia3", [], IA3Config(task_type=SEQ)),
        ("ia3 all targets", "ia3", [ALL, "feedforward_modules=o,ffn_in"],
         IA3Config(task_type=SEQ, target_modules=["q", "k", "v", "o", "wo"] + inner,
                   feedforward_modules=["o"] + inner)),
        ("prefix", "prefix", ["num_virtual_tokens=5"],
         PrefixTuningConfig(task_type=SEQ, num_virtual_tokens=5, **sizes)),
        ("prompt", "prompt", ["num_virtual_tokens=7"],
         PromptTuningConfig(task_type=SEQ, num_virtual_tokens=7)),
    ]


def run(*arguments):
    done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return torch.tensor([[float(x) for x in line.split()] for line in done.stdout.splitlines()])


def logits_of(model, inputs):
    model.eval()
    with torch.no_grad():
        return model(**inputs).logits[inputs["labels"] >= 0]


def theirs_here(base, batch_file, inputs, config, directory):
    model = get_peft_model(make.load_base(base), config)
    make.shake(model, 0.2)
    want = logits_of(model, inputs)
    model.save_pretrained(directory)
    return (run("read", os.path.join(HERE, base), directory, batch_file) - want).abs().max().item()


def ours_there(base, batch_file, inputs, method, settings, directory):
    got = run("write", os.path.join(HERE, base), directory, batch_file, method, *settings)
    model = PeftModel.from_pretrained(make.load_base(base), directory)
    return (logits_of(model, inputs) - got).abs().max().item()


def main():
    logging.set_verbosity_error()
    torch.manual_seed(3)
    torch.set_num_threads(1)
    batch_file = os.path.join(HERE, "batch.json")
    with open(batch_file) as f:
        inputs = make.padded(json.load(f))
    worst = 0
    print(f"{'adapter':24}{'theirs read here':>18}{'ours read there':>18}")
    for base in make.BASES:
        for title, method, settings, config in cases(base):
            with tempfile.TemporaryDirectory() as a, tempfile.TemporaryDirectory() as b:
                here = theirs_here(base, batch_file, inputs, config, a)
                there = ours_there(base, batch_file, inputs, method, settings, b)
            print(f"{base} {title:20}{here:18.2e}{there:18.2e}")
            worst = max(worst, here, there)
    sys.exit(worst > LIMIT)


main()
