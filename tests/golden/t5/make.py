"""Makes the golden values of tests/models/test_t5.c with Hugging Face transformers.

pip install torch transformers safetensors   (made with torch 2.15, transformers 5.23, CPU)
Run in this folder: OMP_NUM_THREADS=1 python make.py

Each folder is a Hugging Face checkpoint of a small T5ForConditionalGeneration with odd
sizes, and golden.safetensors: inputs and targets (packed, ids as F32), and what
transformers makes of them padded with an attention mask, dropout off.
"""
import json
import os
import shutil

import torch
from safetensors.torch import save_file
from transformers import T5Config, T5ForConditionalGeneration, get_linear_schedule_with_warmup

LENGTHS = [2, 41, 7, 19, 1, 26]
TARGET_LENGTHS = [3, 1, 5, 2, 7, 4]
# Of the case "far": beyond the distance where all positions share a bucket.
FAR_LENGTHS, FAR_TARGET_LENGTHS = [150, 3], [141, 2]
# Targets of each sequence when several are to be scored.
CANDIDATES = [[2, 3, 1], [4], [1, 1], [3, 5], [2, 2, 2, 2], [6, 1]]
STEPS, WARMUP, RATE, DECAY, CLIP = 10, 2, 1e-3, 0.01, 1.0
NEW_TOKENS = 9

CASES = {
    # T5 1.0: ReLU, one embedding for everything; heads narrower than the model together.
    "relu": dict(vocab_size=97, d_model=36, d_kv=7, d_ff=50, num_layers=2, num_heads=3,
                 relative_attention_num_buckets=12, relative_attention_max_distance=20,
                 feed_forward_proj="relu", decoder_start_token_id=0, eos_token_id=36,
                 pad_token_id=0),
    # T5 1.1: gated GELU, a head of its own; heads wider than the model together.
    "gated": dict(vocab_size=83, d_model=24, d_kv=16, d_ff=37, num_layers=3,
                  num_decoder_layers=1, num_heads=2, relative_attention_num_buckets=8,
                  relative_attention_max_distance=15, feed_forward_proj="gated-gelu",
                  layer_norm_epsilon=1e-5, tie_word_embeddings=False, decoder_start_token_id=3,
                  eos_token_id=25, pad_token_id=0),
    # The buckets that all published T5 have.
    "far": dict(vocab_size=11, d_model=6, d_kv=4, d_ff=8, num_layers=1, num_heads=2,
                relative_attention_num_buckets=32, relative_attention_max_distance=128,
                feed_forward_proj="relu", decoder_start_token_id=0, eos_token_id=1,
                pad_token_id=0),
}


def randomise(model, seed):
    """Weights large enough that softmax and GELU leave their linear range."""
    g = torch.Generator().manual_seed(seed)
    for name, p in model.named_parameters():
        noise = torch.randn(p.shape, generator=g)
        if "layer_norm" in name:
            p.data = 1 + 0.1 * noise
        elif "relative_attention_bias" in name:
            p.data = noise
        elif name in ("shared.weight", "lm_head.weight"):
            p.data = noise * 0.4
        elif name.endswith("q.weight"):
            p.data = noise * 0.6 / p.shape[1] ** 0.5
        else:
            p.data = noise * 1.6 / p.shape[1] ** 0.5


def draw(lengths, vocab, seed, fill):
    """Random ids [n, longest] from 4 up, fill behind each row's end."""
    g = torch.Generator().manual_seed(seed)
    ids = torch.full((len(lengths), max(lengths)), fill)
    for i, length in enumerate(lengths):
        ids[i, :length] = torch.randint(4, vocab, (length,), generator=g)
    return ids


def mask_of(lengths):
    return (torch.arange(max(lengths))[None] < torch.tensor(lengths)[:, None]).long()


def packed(x, lengths):
    return x[mask_of(lengths).bool()].float().contiguous()


def build(case, weights=None):
    model = T5ForConditionalGeneration._from_config(T5Config(**case), attn_implementation="eager")
    if not case.get("tie_word_embeddings", True):  # what loading a file with both tables gives
        model.lm_head.weight = torch.nn.Parameter(model.lm_head.weight.detach().clone())
    if weights is not None:
        model.load_state_dict({**model.state_dict(), **weights})
    return model.eval()


def logits_of(model, ids, mask, targets):
    start = torch.full((len(targets), 1), model.config.decoder_start_token_id)
    reads = torch.cat([start, targets[:, :-1].clamp(min=0)], 1)
    return model(input_ids=ids, attention_mask=mask, decoder_input_ids=reads).logits


def loss_of(model, ids, mask, targets):
    logits = logits_of(model, ids, mask, targets)
    return logits, torch.nn.functional.cross_entropy(logits.transpose(1, 2), targets, ignore_index=-100)


def no_decay(name):
    return "layer_norm" in name


def train(model, ids, mask, targets):
    """Losses and gradient norms of AdamW steps on the one batch."""
    named = list(model.named_parameters())
    optimiser = torch.optim.AdamW(
        [dict(params=[p for n, p in named if not no_decay(n)], weight_decay=DECAY),
         dict(params=[p for n, p in named if no_decay(n)], weight_decay=0.0)], lr=RATE)
    schedule = get_linear_schedule_with_warmup(optimiser, WARMUP, STEPS)
    losses, norms = [], []
    for _ in range(STEPS):
        optimiser.zero_grad()
        loss = loss_of(model, ids, mask, targets)[1]
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP))
        optimiser.step()
        schedule.step()
        losses.append(loss.detach())
    return torch.stack(losses), torch.stack(norms)


@torch.no_grad()
def score_candidates(model, ids, mask, vocab, seed):
    """-log p of every candidate, summed over its tokens."""
    lengths = [n for of_one in CANDIDATES for n in of_one]
    owner = [s for s, of_one in enumerate(CANDIDATES) for _ in of_one]
    targets = draw(lengths, vocab, seed, -100)
    logits = logits_of(model, ids[owner], mask[owner], targets)
    nll = torch.nn.functional.cross_entropy(logits.transpose(1, 2), targets, ignore_index=-100,
                                            reduction="none")
    return {"candidate_ids": packed(targets, lengths),
            "candidate_lengths": torch.tensor(lengths).float(),
            "candidate_counts": torch.tensor([len(c) for c in CANDIDATES]).float(),
            "candidate_nll": nll.sum(1)}


@torch.no_grad()
def greedy(model, ids, mask):
    """What generate says, without the start token, up to the end-of-sequence token."""
    said = model.generate(input_ids=ids, attention_mask=mask, num_beams=1, do_sample=False,
                          max_new_tokens=NEW_TOKENS)[:, 1:]
    rows = []
    for row in said.tolist():
        end = row.index(model.config.eos_token_id) + 1 if model.config.eos_token_id in row else len(row)
        rows.append(row[:end])
    return {"greedy_ids": torch.tensor(sum(rows, [])).float(),
            "greedy_lengths": torch.tensor([len(r) for r in rows]).float()}


def write_config(folder, case):
    keep = dict(case, model_type="t5", is_encoder_decoder=True,
                architectures=["T5ForConditionalGeneration"])
    with open(f"{folder}/config.json", "w") as f:
        json.dump(keep, f, indent=2, sort_keys=True)


def file_weights(model, case):
    """As files on the hub hold them: the shared table once, a head where it is its own."""
    tied = case.get("tie_word_embeddings", True)
    return {k: v.clone() for k, v in model.state_dict().items()
            if "embed_tokens" not in k and not (tied and k == "lm_head.weight")}


def write_case(name, seed):
    case = CASES[name]
    model = build(case)
    randomise(model, seed)
    lengths = FAR_LENGTHS if name == "far" else LENGTHS
    target_lengths = FAR_TARGET_LENGTHS if name == "far" else TARGET_LENGTHS
    ids = draw(lengths, case["vocab_size"], seed + 1, case["pad_token_id"])
    mask = mask_of(lengths)
    targets = draw(target_lengths, case["vocab_size"], seed + 2, -100)
    logits, loss = loss_of(model, ids, mask, targets)
    loss.backward()
    golden = {
        "input_ids": packed(ids, lengths),
        "lengths": torch.tensor(lengths).float(),
        "labels": torch.zeros(len(lengths)),
        "target_ids": packed(targets, target_lengths),
        "target_lengths": torch.tensor(target_lengths).float(),
        "encoded": packed(model.encoder(input_ids=ids, attention_mask=mask)[0].detach(), lengths),
        "logits": packed(logits.detach(), target_lengths),
        "loss": loss.detach().reshape(1),
    }
    for key, p in model.named_parameters():
        golden["grad/" + key] = p.grad.clone()
    if name != "far":
        golden.update(score_candidates(model, ids, mask, case["vocab_size"], seed + 3))
        golden.update(greedy(model, ids, mask))
    weights = file_weights(model, case)
    assert sorted(weights) == sorted(k for k, _ in model.named_parameters())
    golden["step_losses"], golden["step_norms"] = train(model, ids, mask, targets)

    os.makedirs(name, exist_ok=True)
    write_config(name, case)
    save_file(weights, f"{name}/model.safetensors", metadata={"format": "pt"})
    if name == "gated":
        golden.update(write_copies(case, weights, ids, mask, targets))
    save_file(golden, f"{name}/golden.safetensors")
    print(name, sum(w.numel() for w in weights.values()), golden["step_losses"].tolist(),
          golden.get("greedy_lengths"))


@torch.no_grad()
def write_copies(case, weights, ids, mask, targets):
    """The same weights as F16, as BF16 and in shards; logits of the rounded ones. The shards
    hold what older files hold besides: copies of the shared table, and a table nobody reads."""
    golden = {}
    for dtype, short in [(torch.float16, "f16"), (torch.bfloat16, "bf16")]:
        folder = "gated-" + short
        os.makedirs(folder, exist_ok=True)
        rounded = {k: v.to(dtype) for k, v in weights.items()}
        save_file(rounded, f"{folder}/model.safetensors", metadata={"format": "pt"})
        write_config(folder, case)
        model = build(case, {k: v.float() for k, v in rounded.items()})
        model.encoder.embed_tokens.weight = model.decoder.embed_tokens.weight = model.shared.weight
        golden["logits_" + short] = packed(logits_of(model, ids, mask, targets), TARGET_LENGTHS)
    folder = "gated-shards"
    os.makedirs(folder, exist_ok=True)
    write_config(folder, case)
    extra = {"encoder.embed_tokens.weight": weights["shared.weight"].clone(),
             "decoder.embed_tokens.weight": weights["shared.weight"].clone(),
             "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight":
                 torch.ones(case["relative_attention_num_buckets"], case["num_heads"])}
    weights = {**weights, **extra}
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
    for name in os.listdir("."):
        if os.path.isdir(name):
            shutil.rmtree(name)
    for i, name in enumerate(CASES):
        write_case(name, 100 * i + 7)
