"""Makes the golden values of tests/models/test_bert.c with Hugging Face transformers.

pip install torch transformers safetensors   (made with torch 2.15, transformers 5.23, CPU)
Run in this folder: OMP_NUM_THREADS=1 python make.py

Each folder is a Hugging Face checkpoint of a small BertForSequenceClassification
with odd sizes, and golden.safetensors: a batch (packed, ids as F32), and what
transformers makes of it padded with an attention mask, dropout off.
"""
import json
import os
import shutil

import torch
from safetensors.torch import save_file
from transformers import BertConfig, BertForSequenceClassification, get_linear_schedule_with_warmup

LENGTHS = [2, 61, 7, 19, 1, 33]
STEPS, WARMUP, RATE, DECAY, CLIP = 10, 2, 1e-3, 0.01, 1.0

CASES = {
    "gelu": dict(vocab_size=211, hidden_size=36, num_attention_heads=3, intermediate_size=75,
                 num_hidden_layers=2, hidden_act="gelu", max_position_embeddings=64),
    "gelu_new": dict(vocab_size=173, hidden_size=64, num_attention_heads=4, intermediate_size=100,
                     num_hidden_layers=3, hidden_act="gelu_new", max_position_embeddings=61,
                     type_vocab_size=3, classifier_dropout=0.3),
    "relu": dict(vocab_size=97, hidden_size=40, num_attention_heads=5, intermediate_size=30,
                 num_hidden_layers=1, hidden_act="relu", max_position_embeddings=70,
                 layer_norm_eps=1e-5, pad_token_id=3),
}
LABELS = {"gelu": 3, "gelu_new": 2, "relu": 4}


def randomise(model, seed):
    """Weights large enough that softmax, GELU and tanh leave their linear range."""
    g = torch.Generator().manual_seed(seed)
    for name, p in model.named_parameters():
        noise = torch.randn(p.shape, generator=g)
        if "LayerNorm.weight" in name:
            p.data = 1 + 0.1 * noise
        elif name.endswith("bias"):
            p.data = 0.1 * noise
        else:
            p.data = noise * (0.3 if "embeddings" in name else 1.5 / p.shape[1] ** 0.5)


def make_batch(config, n_labels, seed):
    g = torch.Generator().manual_seed(seed)
    n, longest = len(LENGTHS), max(LENGTHS)
    ids = torch.full((n, longest), config.pad_token_id)
    types = torch.zeros((n, longest), dtype=torch.long)
    mask = torch.zeros((n, longest), dtype=torch.long)
    for i, length in enumerate(LENGTHS):
        ids[i, :length] = torch.randint(4, config.vocab_size, (length,), generator=g)
        types[i, :length] = torch.randint(0, config.type_vocab_size, (length,), generator=g).sort()[0]
        mask[i, :length] = 1
    labels = torch.randint(0, n_labels, (n,), generator=g)
    return dict(input_ids=ids, token_type_ids=types, attention_mask=mask), labels


def packed(x, mask):
    return x[mask.bool()].float().contiguous()


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


def build(config, weights):
    model = BertForSequenceClassification._from_config(config, attn_implementation="eager").eval()
    if weights is not None:
        model.load_state_dict(weights)
    return model


def write_config(folder, config, n_labels):
    keep = dict(CASES[folder.split("-")[0]], model_type="bert", pad_token_id=config.pad_token_id,
                architectures=["BertForSequenceClassification"], num_labels=n_labels,
                position_embedding_type="absolute", classifier_dropout=config.classifier_dropout)
    with open(f"{folder}/config.json", "w") as f:
        json.dump(keep, f, indent=2, sort_keys=True)


def write_case(name, seed):
    n_labels = LABELS[name]
    config = BertConfig(**CASES[name], num_labels=n_labels)
    model = build(config, None)
    randomise(model, seed)
    batch, labels = make_batch(config, n_labels, seed + 1)
    mask = batch["attention_mask"]
    out = model(**batch, labels=labels)
    out.loss.backward()
    base = model.bert(**batch)
    golden = {
        "input_ids": packed(batch["input_ids"], mask),
        "token_type_ids": packed(batch["token_type_ids"], mask),
        "lengths": torch.tensor(LENGTHS).float(),
        "labels": labels.float(),
        "logits": out.logits.detach(),
        "loss": out.loss.detach().reshape(1),
        "last_hidden_state": packed(base.last_hidden_state.detach(), mask),
        "pooler_output": base.pooler_output.detach(),
    }
    for key, p in model.named_parameters():
        golden["grad/" + key] = p.grad.clone()
    weights = {k: v.clone() for k, v in model.state_dict().items() if "position_ids" not in k}
    golden["step_losses"], golden["step_norms"] = train(model, batch, labels)

    os.makedirs(name, exist_ok=True)
    write_config(name, config, n_labels)
    save_file(weights, f"{name}/model.safetensors", metadata={"format": "pt"})
    if name == "relu":
        golden.update(write_copies(config, n_labels, weights, batch))
    save_file(golden, f"{name}/golden.safetensors")
    print(name, sum(w.numel() for w in weights.values()), golden["step_losses"].tolist())


def write_copies(config, n_labels, weights, batch):
    """The same weights as F16, as BF16 and in shards; logits of the rounded ones."""
    golden = {}
    for dtype, short in [(torch.float16, "f16"), (torch.bfloat16, "bf16")]:
        folder = "relu-" + short
        os.makedirs(folder, exist_ok=True)
        rounded = {k: v.to(dtype) for k, v in weights.items()}
        save_file(rounded, f"{folder}/model.safetensors", metadata={"format": "pt"})
        write_config(folder, config, n_labels)
        model = build(config, {k: v.float() for k, v in rounded.items()})
        golden["logits_" + short] = model(**batch).logits.detach()
    folder = "relu-shards"
    os.makedirs(folder, exist_ok=True)
    write_config(folder, config, n_labels)
    names = sorted(weights)
    parts = [names[i::3] for i in range(3)]
    where = {}
    for i, part in enumerate(parts):
        file = f"model-{i + 1:05d}-of-00003.safetensors"
        save_file({k: weights[k] for k in part}, f"{folder}/{file}", metadata={"format": "pt"})
        where.update({k: file for k in part})
    with open(f"{folder}/model.safetensors.index.json", "w") as f:
        json.dump(dict(metadata={}, weight_map=where), f, indent=1, sort_keys=True)
    return golden


if __name__ == "__main__":
    torch.set_num_threads(1)
    for folder in CASES:
        shutil.rmtree(folder, ignore_errors=True)
    for i, name in enumerate(CASES):
        write_case(name, 100 * i + 7)
