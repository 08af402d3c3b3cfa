"""Makes the golden values of tests/models/test_masked_lm.c with Hugging Face transformers.

pip install torch transformers safetensors   (made with torch 2.15, transformers 5.23, CPU)
Run in this folder: OMP_NUM_THREADS=1 python make.py

A folder holds a Hugging Face checkpoint of a small BertForMaskedLM with odd sizes, written by
save_pretrained, and golden.safetensors: a packed batch (ids as F32), some of whose places are to be
told, and what transformers makes of it padded with an attention mask, dropout off.
"""
import json
import os
import shutil

import torch
from safetensors.torch import save_file
from transformers import BertConfig, BertForMaskedLM, get_linear_schedule_with_warmup

LENGTHS = [2, 41, 7, 19, 1, 33]
STEPS, WARMUP, RATE, DECAY, CLIP = 10, 2, 1e-3, 0.01, 1.0

CASES = {
    "gelu": dict(vocab_size=151, hidden_size=36, num_attention_heads=3, intermediate_size=75,
                 num_hidden_layers=2, hidden_act="gelu", max_position_embeddings=48),
    "relu": dict(vocab_size=97, hidden_size=20, num_attention_heads=2, intermediate_size=30,
                 num_hidden_layers=1, hidden_act="relu", max_position_embeddings=41,
                 layer_norm_eps=1e-5, pad_token_id=3),
}


def randomise(model, seed):
    """Weights large enough that softmax and GELU leave their linear range."""
    g = torch.Generator().manual_seed(seed)
    for name, p in model.named_parameters():
        noise = torch.randn(p.shape, generator=g)
        if "LayerNorm.weight" in name:
            p.data = 1 + 0.1 * noise
        elif name.endswith("bias"):
            p.data = 0.1 * noise
        else:
            p.data = noise * (0.3 if "embeddings" in name else 1.5 / p.shape[1] ** 0.5)


def make_batch(config, seed):
    """Of every sequence about a fifth of the places is to be told, at least one; -100: not told."""
    g = torch.Generator().manual_seed(seed)
    shape = (len(LENGTHS), max(LENGTHS))
    ids = torch.full(shape, config.pad_token_id)
    mask, labels = torch.zeros(shape, dtype=torch.long), torch.full(shape, -100)
    for i, n in enumerate(LENGTHS):
        ids[i, :n] = torch.randint(4, config.vocab_size, (n,), generator=g)
        mask[i, :n] = 1
        told = torch.randperm(n, generator=g)[: max(1, n // 5)]
        labels[i, told] = torch.randint(4, config.vocab_size, told.shape, generator=g)
    return dict(input_ids=ids, attention_mask=mask), labels


def train(model, batch, labels):
    """Losses and gradient norms of AdamW steps on the one batch."""
    decayed = [p for n, p in model.named_parameters() if not n.endswith("bias") and "LayerNorm" not in n]
    others = [p for n, p in model.named_parameters() if n.endswith("bias") or "LayerNorm" in n]
    optimiser = torch.optim.AdamW([dict(params=decayed, weight_decay=DECAY),
                                   dict(params=others, weight_decay=0.0)], lr=RATE)
    schedule = get_linear_schedule_with_warmup(optimiser, WARMUP, STEPS)
    losses, norms = [], []
    for _ in range(STEPS):
        optimiser.zero_grad()
        loss = model(**batch, labels=labels).loss
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP))
        optimiser.step()
        schedule.step()
        losses.append(loss.detach())
    return torch.stack(losses), torch.stack(norms)


def write_case(name, seed):
    config = BertConfig(**CASES[name])
    model = BertForMaskedLM._from_config(config, attn_implementation="eager").eval()
    randomise(model, seed)
    batch, labels = make_batch(config, seed + 1)
    real = batch["attention_mask"].bool()
    out = model(**batch, labels=labels)
    out.loss.backward()
    packed_labels = labels[real]
    golden = {
        "input_ids": batch["input_ids"][real].float(),
        "lengths": torch.tensor(LENGTHS).float(),
        "masked_rows": (packed_labels >= 0).nonzero().flatten().float(),
        "masked_ids": packed_labels[packed_labels >= 0].float(),
        "logits": out.logits.detach()[labels >= 0].contiguous(),
        "loss": out.loss.detach().reshape(1),
    }
    for key, p in model.named_parameters():
        golden["grad/" + key] = p.grad.clone()
    model.save_pretrained(name)
    with open(f"{name}/config.json") as f:
        saved = json.load(f)
    with open(f"{name}/config.json", "w") as f:
        json.dump(saved, f, indent=2, sort_keys=True)
    golden["step_losses"], golden["step_norms"] = train(model, batch, labels)
    save_file(golden, f"{name}/golden.safetensors")
    print(name, os.listdir(name), golden["step_losses"].tolist())


if __name__ == "__main__":
    torch.set_num_threads(1)
    for i, name in enumerate(CASES):
        shutil.rmtree(name, ignore_errors=True)
        write_case(name, 100 * i + 7)
