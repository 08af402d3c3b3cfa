"""Golden values of the methods, from PEFT and plain PyTorch.

Needs: pip install torch transformers peft safetensors (made with torch 2.15,
transformers 5.23, peft 0.21.2, on a CPU). Run: python make.py, in this folder.

base/         a tiny BERT as transformers saves it, with weights large enough to
              make every branch matter, classifier included
batch.json    one batch of texts of very different lengths, as ids
CASE/         adapter_config.json, adapter_model.safetensors: the adapter before
              training, as PEFT saves it (full, head, bitfit: none, they start
              from base/)
CASE/golden.json    logits, and the losses of N_STEPS AdamW steps on the batch
CASE/gradients.safetensors  of the first step, under the names of the adapter file
"""
import copy
import json
import os
import shutil

import torch
from peft import (IA3Config, LoraConfig, PrefixTuningConfig, PromptTuningConfig,
                  PeftModel, get_peft_model, get_peft_model_state_dict)
from safetensors.torch import save_file
from transformers import BertConfig, BertForSequenceClassification

N_STEPS, RATE, DECAY = 10, 1e-2, 0.01
HERE = os.path.dirname(os.path.abspath(__file__))
LENGTHS = [7, 1, 19, 3, 12]
ROLES = ["query", "key", "value", "attention.output.dense", "intermediate.dense"]

CASES = {
    "lora_qv": LoraConfig(task_type="SEQ_CLS", r=4, lora_alpha=8, lora_dropout=0.0,
                          target_modules=["query", "value"]),
    "lora_all": LoraConfig(task_type="SEQ_CLS", r=3, lora_alpha=5, lora_dropout=0.0,
                           target_modules=ROLES + ["output.dense"]),
    "lora_rs": LoraConfig(task_type="SEQ_CLS", r=5, lora_alpha=4, lora_dropout=0.0, use_rslora=True,
                          target_modules=["query", "intermediate.dense"]),
    "ia3": IA3Config(task_type="SEQ_CLS", target_modules=["key", "value", r"0.output.dense",
                     "1.output.dense", "2.output.dense"],
                     feedforward_modules=["0.output.dense", "1.output.dense", "2.output.dense"]),
    # What PEFT picks for BERT by itself: attention.output.dense ends in output.dense too.
    "ia3_default": IA3Config(task_type="SEQ_CLS"),
    "prefix": PrefixTuningConfig(task_type="SEQ_CLS", num_virtual_tokens=4),
    "prompt": PromptTuningConfig(task_type="SEQ_CLS", num_virtual_tokens=6),
}
PLAIN = {
    "full": lambda name: True,
    "head": lambda name: name.startswith("classifier."),
    "bitfit": lambda name: name.startswith("classifier.") or name.endswith(".bias"),
}


def shake(model, scale):
    """Values no initialisation would give, so that nothing cancels by chance."""
    with torch.no_grad():
        for name, p in model.named_parameters():
            if p.requires_grad:
                centre = 1.0 if "ia3_l" in name or name.endswith("LayerNorm.weight") else 0.0
                p.copy_(centre + scale * torch.randn_like(p))


def make_base():
    config = BertConfig(vocab_size=50, hidden_size=12, num_hidden_layers=3, num_attention_heads=3,
                        intermediate_size=20, max_position_embeddings=32, num_labels=3,
                        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    model = BertForSequenceClassification(config)
    shake(model, 0.3)
    model.save_pretrained(os.path.join(HERE, "base"))


def make_batch():
    ids = [torch.randint(1, 50, (n,)).tolist() for n in LENGTHS]
    types = [[int(i >= n // 2) for i in range(n)] for n in LENGTHS]
    labels = torch.randint(0, 3, (len(LENGTHS),)).tolist()
    batch = {"input_ids": ids, "token_type_ids": types, "labels": labels}
    with open(os.path.join(HERE, "batch.json"), "w") as f:
        json.dump(batch, f, indent=None)
        f.write("\n")
    return padded(batch)


def padded(batch):
    longest = max(map(len, batch["input_ids"]))
    fill = lambda rows: torch.tensor([r + [0] * (longest - len(r)) for r in rows])
    return {"input_ids": fill(batch["input_ids"]), "token_type_ids": fill(batch["token_type_ids"]),
            "attention_mask": fill([[1] * len(r) for r in batch["input_ids"]]),
            "labels": torch.tensor(batch["labels"])}


def load_base():
    return BertForSequenceClassification.from_pretrained(os.path.join(HERE, "base"))


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


def train(model, batch, folder):
    model.train()  # every dropout probability is 0
    named = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
    flat = lambda n: n.endswith("bias") or "LayerNorm" in n
    optimizer = torch.optim.AdamW(
        [{"params": [p for n, p in named if not flat(n)], "weight_decay": DECAY},
         {"params": [p for n, p in named if flat(n)], "weight_decay": 0.0}], lr=RATE)
    losses, logits = [], None
    for step in range(N_STEPS):
        optimizer.zero_grad()
        out = model(**batch)
        out.loss.backward()
        if step == 0:
            logits = out.logits.tolist()
            save_file({k: v.detach().contiguous() for k, v in gradients(model).items()},
                      os.path.join(folder, "gradients.safetensors"))
        losses.append(out.loss.item())
        optimizer.step()
    with open(os.path.join(folder, "golden.json"), "w") as f:
        json.dump({"learning_rate": RATE, "weight_decay": DECAY, "logits": logits,
                   "losses": losses}, f, indent=1)
        f.write("\n")


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


def main():
    torch.manual_seed(2)
    torch.set_num_threads(1)
    make_base()
    batch = make_batch()
    for name, config in CASES.items():
        folder = fresh(name)
        model = get_peft_model(load_base(), config)
        shake(model, 0.3)
        model.peft_config["default"].base_model_name_or_path = "base"
        model.save_pretrained(folder)
        os.remove(os.path.join(folder, "README.md"))
        sort_lists(os.path.join(folder, "adapter_config.json"))
        train(model, batch, folder)
    for name, trains in PLAIN.items():
        model = load_base()
        for n, p in model.named_parameters():
            p.requires_grad = trains(n)
        train(model, batch, fresh(name))


main()
