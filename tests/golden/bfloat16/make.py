"""Makes the golden values of tests/models/test_bfloat16.c with PyTorch and transformers.

pip install torch transformers safetensors   (made with torch 2.15, transformers 5.23, CPU)
Run in this folder, after those of ../bert and ../t5: OMP_NUM_THREADS=1 python make.py

Models and batches are those of ../bert/gelu and ../t5/gated. Two computations each:
- factors: every linear map multiplies factors rounded to bfloat16, forward and backward,
  and sums in float32; all else is float32. What ftbench's precision bfloat16 means.
- autocast: PyTorch's own, in which results and attention are rounded too.
"""
import importlib.util

import torch
from safetensors.torch import load_file, save_file
from transformers import BertConfig


class Rounded(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w, b):
        x, w = x.bfloat16().float(), w.bfloat16().float()
        ctx.save_for_backward(x, w)
        ctx.biased = b is not None
        y = x @ w.T
        return y + b if b is not None else y

    @staticmethod
    def backward(ctx, dy):
        x, w = ctx.saved_tensors
        flat, r = dy.flatten(0, -2), dy.bfloat16().float()
        dw = r.flatten(0, -2).T @ x.flatten(0, -2)
        return r @ w, dw, flat.sum(0) if ctx.biased else None


def oracle(name):
    spec = importlib.util.spec_from_file_location(name, f"../{name}/make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def padded(ids, lengths, fill):
    return torch.nn.utils.rnn.pad_sequence(list(ids.long().split(lengths)), True, fill)


def bert(golden):
    make = oracle("bert")
    config = BertConfig(**make.CASES["gelu"], num_labels=make.LABELS["gelu"])
    model = make.build(config, load_file("../bert/gelu/model.safetensors"))
    lengths = golden["lengths"].int().tolist()
    mask = padded(torch.ones(sum(lengths)), lengths, 0)
    batch = dict(input_ids=padded(golden["input_ids"], lengths, 0),
                 token_type_ids=padded(golden["token_type_ids"], lengths, 0), attention_mask=mask)
    labels = golden["labels"].long()

    def run():
        logits = model(**batch).logits.float()
        return logits, torch.nn.functional.cross_entropy(logits, labels)
    return model, run


def t5(golden):
    make = oracle("t5")
    model = make.build(make.CASES["gated"], load_file("../t5/gated/model.safetensors"))
    lengths, said = golden["lengths"].int().tolist(), golden["target_lengths"].int().tolist()
    ids = padded(golden["input_ids"], lengths, 0)
    mask = padded(torch.ones(sum(lengths)), lengths, 0)
    targets = padded(golden["target_ids"], said, -100)

    def run():
        logits = make.logits_of(model, ids, mask, targets).float()
        loss = torch.nn.functional.cross_entropy(logits.transpose(1, 2), targets, ignore_index=-100)
        return torch.cat([row[:n] for row, n in zip(logits, said)]), loss
    return model, run


def write(name, model, run, golden):
    plain = run()
    assert (plain[0] - golden["logits"]).abs().max() < 2e-5, "not the batch of the other golden"
    out = {}
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits, loss = run()
    out["autocast_logits"], out["autocast_loss"] = logits.detach(), loss.detach().reshape(1)
    linear, torch.nn.functional.linear = torch.nn.functional.linear, lambda x, w, b=None: Rounded.apply(x, w, b)
    logits, loss = run()
    loss.backward()
    torch.nn.functional.linear = linear
    out["logits"], out["loss"] = logits.detach(), loss.detach().reshape(1)
    for key, p in model.named_parameters():
        if p.grad is not None:
            out["grad/" + key] = p.grad.clone()
    save_file({k: v.contiguous() for k, v in out.items()}, f"{name}.safetensors")
    for key in ("logits", "autocast_logits"):
        print(name, key, (out[key] - plain[0]).abs().max().item())


for name, folder, open_model in [("bert", "../bert/gelu", bert), ("t5", "../t5/gated", t5)]:
    golden = load_file(f"{folder}/golden.safetensors")
    write(name, *open_model(golden), golden)
