"""Golden values of the methods on encoder-decoders, from PEFT and plain PyTorch.

Needs: pip install torch transformers peft safetensors (made with torch 2.15,
transformers 5.23, peft 0.21.2, on a CPU). Run: python make.py, in this folder.

v10/, v11/    tiny T5s with weights large enough to make every branch matter: 1.0 (ReLU,
              tied and scaled output layer) and 1.1 (gated GELU, output layer of its own);
              heads * d_kv is not d_model, encoder and decoder differ in depth
batch.json    one batch: texts and targets of very different lengths, as ids
VERSION_CASE/ as in ../methods; logits are [target tokens, vocabulary], end to end; said: what
              greedy decoding says before training
"""
import copy
import json
import os
import shutil

import torch
from peft import (IA3Config, LoraConfig, PeftModel, PrefixTuningConfig, PromptTuningConfig,
                  get_peft_model, get_peft_model_state_dict)
from safetensors.torch import load_file, save_file
from transformers import T5Config, T5ForConditionalGeneration

N_STEPS, DECAY, MOST = 10, 0.01, 6
HERE = os.path.dirname(os.path.abspath(__file__))
LENGTHS, TARGETS = [7, 1, 19, 3, 12], [2, 1, 5, 3, 4]
COMMON = dict(vocab_size=50, num_layers=2, num_decoder_layers=3, dropout_rate=0.0,
              decoder_start_token_id=0)
BASES = {
    "v10": dict(d_model=12, d_kv=5, d_ff=20, num_heads=3, relative_attention_num_buckets=8,
                relative_attention_max_distance=14),
    "v11": dict(d_model=14, d_kv=6, d_ff=18, num_heads=2, relative_attention_num_buckets=32,
                relative_attention_max_distance=128, feed_forward_proj="gated-gelu",
                tie_word_embeddings=False),
}
SEQ = "SEQ_2_SEQ_LM"
CASES = {
    "lora_qv": lambda base: LoraConfig(task_type=SEQ, r=4, lora_alpha=8, lora_dropout=0.0,
                                       target_modules=["q", "v"]),
    # No ffn_in: where the feed-forward is gated its name is another.
    "lora_all": lambda base: LoraConfig(task_type=SEQ, r=3, lora_alpha=5, lora_dropout=0.0,
                                        target_modules=["q", "k", "v", "o", "wo"] +
                                        (["wi"] if base == "v10" else ["wi_0", "wi_1"])),
    "ia3": lambda base: IA3Config(task_type=SEQ),
    # An odd number of decoder layers: with an even one PEFT 0.21.2 gives layers l and l + n / 2
    # one prefix between them and leaves half of its table unused (methods/prefix.c).
    "prefix": lambda base: PrefixTuningConfig(
        task_type=SEQ, num_virtual_tokens=4, num_layers=COMMON["num_decoder_layers"],
        num_attention_heads=BASES[base]["num_heads"],
        token_dim=BASES[base]["num_heads"] * BASES[base]["d_kv"]),
    "prompt": lambda base: PromptTuningConfig(task_type=SEQ, num_virtual_tokens=6,
                                              num_transformer_submodules=1),
}
PLAIN = {
    "full": lambda name: True,
    "head": lambda name: name == "lm_head.weight",
}


def build(base):
    """The model with fresh weights. transformers 5 ties the output layer whatever the
    configuration says, and keeps only the scaling apart; here it is what the file says."""
    config = T5Config(**COMMON, **BASES[base])
    model = T5ForConditionalGeneration(config)
    if BASES[base].get("tie_word_embeddings") is False:
        model.lm_head.weight = torch.nn.Parameter(torch.empty_like(model.shared.weight))
    return model


def load_base(base):
    model = build(base)
    values = load_file(os.path.join(HERE, base, "model.safetensors"))
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.copy_(values.pop(name))
    assert not values
    return model


def shake(model, scale):
    """Values no initialisation would give, so that nothing cancels by chance."""
    with torch.no_grad():
        for name, p in model.named_parameters():
            if p.requires_grad:
                centre = 1.0 if "ia3_l" in name or "layer_norm" in name else 0.0
                # T5 does not scale its scores. Saturated, they have gradients of rounding noise
                # alone, and AdamW makes whole steps of that.
                size = scale / 2 if name.endswith((".q.weight", ".k.weight")) else scale
                p.copy_(centre + size * torch.randn_like(p))


def make_base(base):
    model = build(base)
    shake(model, 0.3)
    folder = fresh(base)
    save_file({n: p.detach().contiguous() for n, p in model.named_parameters()},
              os.path.join(folder, "model.safetensors"))
    with open(os.path.join(folder, "config.json"), "w") as f:
        json.dump({"model_type": "t5", **COMMON, **BASES[base]}, f, indent=2)
        f.write("\n")


def make_batch():
    ids = [torch.randint(2, 50, (n,)).tolist() for n in LENGTHS]
    targets = [torch.randint(2, 50, (n - 1,)).tolist() + [1] for n in TARGETS]
    batch = {"input_ids": ids, "targets": targets}
    with open(os.path.join(HERE, "batch.json"), "w") as f:
        json.dump(batch, f, indent=None)
        f.write("\n")
    return padded(batch)


def padded(batch):
    def fill(rows, value):
        longest = max(map(len, rows))
        return torch.tensor([r + [value] * (longest - len(r)) for r in rows])
    return {"input_ids": fill(batch["input_ids"], 0),
            "attention_mask": fill([[1] * len(r) for r in batch["input_ids"]], 0),
            "labels": fill(batch["targets"], -100)}


def gradients(model):
    """The gradients where the weights stand, so that the file has PEFT's names."""
    grads = [p.grad for p in model.parameters()]
    model = copy.deepcopy(model)  # leaves gradients behind
    with torch.no_grad():
        for p, grad in zip(model.parameters(), grads):
            if grad is not None:
                p.copy_(grad)
    if isinstance(model, PeftModel):
        return get_peft_model_state_dict(model)
    return {"base_model.model." + n: p for n, p in model.named_parameters() if p.requires_grad}


def say(model, batch):
    """What greedy decoding says, by whole passes: generate's cache has a layer for each of the
    encoder's, and this decoder has more."""
    model.eval()
    ids = torch.zeros((len(LENGTHS), 1), dtype=torch.long)
    with torch.no_grad():
        for _ in range(MOST):
            out = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"],
                        decoder_input_ids=ids)
            ids = torch.cat([ids, out.logits[:, -1].argmax(-1, keepdim=True)], dim=1)
    rows = [row[1:] for row in ids.tolist()]
    return [row[:row.index(1) + 1] if 1 in row else row for row in rows]


def train(model, batch, folder, rate):
    said = say(model, batch)
    model.train()  # every dropout probability is 0
    named = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
    flat = lambda n: "layer_norm" in n
    optimizer = torch.optim.AdamW(
        [{"params": [p for n, p in named if not flat(n)], "weight_decay": DECAY},
         {"params": [p for n, p in named if flat(n)], "weight_decay": 0.0}], lr=rate)
    losses, logits = [], None
    for step in range(N_STEPS):
        optimizer.zero_grad()
        out = model(**batch)
        out.loss.backward()
        if step == 0:
            logits = out.logits[batch["labels"] >= 0].tolist()
            save_file({k: v.detach().contiguous() for k, v in gradients(model).items()},
                      os.path.join(folder, "gradients.safetensors"))
        losses.append(out.loss.item())
        optimizer.step()
    with open(os.path.join(folder, "golden.json"), "w") as f:
        json.dump({"learning_rate": rate, "weight_decay": DECAY, "logits": logits,
                   "losses": losses, "said": said}, f)
        f.write("\n")
    print(os.path.basename(folder), losses[0], losses[-1])


def sort_lists(path):
    """PEFT writes sets of names in an order that changes with every run."""
    with open(path) as f:
        config = json.load(f)
    config = {k: sorted(v) if isinstance(v, list) else v for k, v in config.items()}
    with open(path, "w") as f:
        json.dump(config, f, indent=2)
        f.write("\n")


def fresh(name):
    folder = os.path.join(HERE, name)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    return folder


def save_adapter(model, folder):
    model.peft_config["default"].base_model_name_or_path = "base"
    model.save_pretrained(folder)
    os.remove(os.path.join(folder, "README.md"))
    sort_lists(os.path.join(folder, "adapter_config.json"))


def main():
    torch.manual_seed(4)
    torch.set_num_threads(1)
    batch = make_batch()
    for base in BASES:
        make_base(base)
        for name, config in CASES.items():
            folder = fresh(f"{base}_{name}")
            model = get_peft_model(load_base(base), config(base))
            shake(model, 0.2)
            save_adapter(model, folder)
            train(model, batch, folder, 3e-3)
        for name, trains in PLAIN.items():
            model = load_base(base)
            for n, p in model.named_parameters():
                p.requires_grad = trains(n)
            if any(p.requires_grad for p in model.parameters()):
                train(model, batch, fresh(f"{base}_{name}"), 3e-3)
    # As PEFT saves a prompt when nothing is said: twice the rows, the second half never read.
    model = get_peft_model(load_base("v10"), PromptTuningConfig(task_type=SEQ, num_virtual_tokens=6))
    shake(model, 0.3)
    folder = fresh("v10_prompt_default")
    save_adapter(model, folder)
    with torch.no_grad(), open(os.path.join(folder, "golden.json"), "w") as f:
        json.dump({"logits": model(**batch).logits[batch["labels"] >= 0].tolist(),
                   "said": say(model, batch)}, f)
        f.write("\n")


if __name__ == "__main__":
    main()
