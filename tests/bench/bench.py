"""PyTorch's side of `make bench` (see bench.sh): pip install torch transformers peft

What transformers' Trainer does in a step, with the fastest settings that need no
change of its code: BertForSequenceClassification with random weights, sdpa
attention, batches padded to their longest row (made before the clock starts),
clip_grad_norm_, AdamW, zero_grad(set_to_none). One thread, float32, dropout 0.1.

The first line out says what this is. Then lines on standard input:
    setup FILE MODEL METHOD   -> ready (or: unsupported WHY); MODEL bert-lN-hN,
                                 METHOD full | head | lora,r=N
    run N                     -> real tokens, wall seconds, processor seconds, 0,
                                 peak resident bytes, loss of the last step
    end                       -> ends what setup began
Every setup runs in a child, so that its peak memory is its own and libraries are
loaded once.
"""
import json
import os
import re
import resource
import sys
import time

import peft
import torch
import transformers

BATCH = 32


def say(*words):
    print(*words, flush=True)


def ask():
    """One line, read byte by byte: parent and child share the stream."""
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            return None
        line += byte
    return line.decode().split()


def read_batches(path):
    with open(path, encoding="utf-8") as f:
        rows = json.load(f)
    batches = []
    for start in range(0, len(rows) - BATCH + 1, BATCH):
        part = rows[start:start + BATCH]
        width = max(len(ids) for _, ids in part)
        batches.append({
            "input_ids": torch.tensor([ids + [0] * (width - len(ids)) for _, ids in part]),
            "attention_mask": torch.tensor([[1] * len(ids) + [0] * (width - len(ids))
                                            for _, ids in part]),
            "labels": torch.tensor([label for label, _ in part])})
    return batches


def build(name, method):
    """The model of that name under the method, or a ValueError."""
    size = re.fullmatch(r"bert-l(\d+)-h(\d+)", name)
    rank = re.fullmatch(r"lora,r=(\d+)", method)
    if not size or not (rank or method in ("full", "head")):
        raise ValueError(f"{name} {method}")
    layers, width = int(size[1]), int(size[2])
    config = transformers.BertConfig(
        vocab_size=30522, hidden_size=width, num_hidden_layers=layers,
        num_attention_heads=width // 64, intermediate_size=4 * width, num_labels=4)
    model = transformers.AutoModelForSequenceClassification.from_config(
        config, attn_implementation="sdpa")
    if rank:
        model = peft.get_peft_model(model, peft.LoraConfig(
            task_type="SEQ_CLS", r=int(rank[1]), lora_alpha=16, lora_dropout=0.1,
            target_modules=["query", "value"]))
    elif method == "head":
        model.bert.requires_grad_(False)
    return model.train()


def optimizer(model, fused):
    named = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
    plain = [p for n, p in named if n.endswith("bias") or "LayerNorm" in n]
    decayed = [p for n, p in named if not (n.endswith("bias") or "LayerNorm" in n)]
    groups = [{"params": decayed, "weight_decay": 0.01}, {"params": plain, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=2e-5, fused=True if fused else None)


def in_child(work):
    """work() in a process of its own; its exit status."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            sys.stdout.flush()
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def probe():
    """Whether fused AdamW is the faster one, and the rate of sgemm."""
    model = build("bert-l4-h512", "full")
    seconds = {}
    for fused in (False, True):
        try:
            steps = optimizer(model, fused)
            for turn in range(4):
                for p in model.parameters():
                    p.grad = torch.zeros_like(p)
                start = time.process_time()
                steps.step()
                if turn:
                    seconds[fused] = min(seconds.get(fused, 1e9), time.process_time() - start)
        except RuntimeError:
            pass
    x, y = torch.rand(1024, 1024), torch.rand(1024, 1024)
    best = 1e9
    for _ in range(12):
        start = time.process_time()
        torch.mm(x, y)
        best = min(best, time.process_time() - start)
    fused = seconds.get(True, 1e9) < seconds[False]
    ms = " ".join(f"{'fused' if f else 'default'} {1e3 * s:.0f} ms" for f, s in seconds.items())
    return fused, f"AdamW {'fused' if fused else 'default'} ({ms} for 29 M values), " \
                  f"sgemm {2e-9 * 1024 ** 3 / best:.0f} GFLOP/s"


class Side:
    def __init__(self, path, model, method, fused):
        self.batches = read_batches(path)
        self.model = build(model, method)
        self.optimizer = optimizer(self.model, fused)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimizer, lambda _: 1.0)
        self.trained = [p for p in self.model.parameters() if p.requires_grad]
        self.at = 0

    def step(self):
        batch = self.batches[self.at % len(self.batches)]
        self.at += 1
        loss = self.model(**batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.trained, 1.0)
        self.optimizer.step()
        self.schedule.step()
        self.optimizer.zero_grad(set_to_none=True)
        return batch, loss.detach()

    def run(self, n):
        tokens = 0
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(n):
            batch, loss = self.step()
            tokens += int(batch["attention_mask"].sum())
        cpu = time.process_time() - cpu
        wall = time.perf_counter() - wall
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        say(tokens, f"{wall:.6f} {cpu:.6f} 0", peak, f"{float(loss):.5f}")


def serve(path, model, method, fused):
    try:
        side = Side(path, model, method, fused)
    except ValueError as why:
        say("unsupported", why)
        return
    say("ready")
    while (words := ask()) and words[0] == "run":
        side.run(int(words[1]))


def main():
    transformers.logging.set_verbosity_error()
    torch.set_num_threads(1)
    torch.manual_seed(1)
    # A child: no thread of torch's may live before the first fork.
    reader, writer = os.pipe()
    in_child(lambda: os.write(writer, json.dumps(probe()).encode()))
    os.close(writer)
    fused, facts = json.loads(os.read(reader, 1000))
    say(f"torch {torch.__version__}, transformers {transformers.__version__}, "
        f"peft {peft.__version__}; {facts}")
    while words := ask():
        if words[0] == "setup":
            in_child(lambda: serve(*words[1:4], fused))


main()
