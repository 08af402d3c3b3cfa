"""PyTorch's side of `make bench` (see bench.py): pip install torch transformers peft

    bench_torch.py P1|P2|P128

P1    as users run it: what transformers' Trainer does in a step with its defaults. Shuffled
      batches padded to their longest row, the attention that transformers chooses, the
      optimizer that TrainingArguments names, clip_grad_norm_, linear schedule.
P2    tuned without changing the model's code: batches of texts of similar length, scaled-dot-
      product attention, fused AdamW.
P128  P1 with every text padded to 128 tokens, as the survey did.

bfloat16 is torch.autocast around the forward, as Trainer's bf16=True. Models have random
weights of the zoo's configuration, in training mode (dropout 0.1). Batches are made before the
clock starts. The first line out says what this is; then lines on standard input:

    setup FILE ZOO_YAML METHOD PRECISION THREADS   -> ready (or: unsupported WHY)
    run N FIRST ROWS     -> real tokens, wall seconds, processor seconds, 0, peak resident
                            bytes, loss of the last step; see bench_engine.c
    epoch ROWS N_TEXTS   -> the same of one pass over the first N_TEXTS texts
    peak                 -> GFLOP/s of torch.mm, 2048 cubed, and 0
    end                  -> ends what setup began

Every setup runs in a child, so that its peak memory is its own.
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
import yaml

SIDE = sys.argv[1]
GROUP = 50  # batches in which transformers sorts texts by length


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


def default_optimizer():
    for field in transformers.TrainingArguments.__dataclass_fields__.values():
        if field.name == "optim":
            default = field.default
            break
    return str(getattr(default, "value", default))


def build(path, method, n_classes):
    """The model of a zoo file under the method; whether it answers in text."""
    with open(path, encoding="utf-8") as f:
        entry = yaml.safe_load(f)
    rank = re.fullmatch(r"lora,r=(\d+)", method)
    if not rank and method not in ("full", "head"):
        raise ValueError(method)
    text = entry["family"] == "t5"
    attention = {"attn_implementation": "sdpa"} if SIDE == "P2" else {}
    if text:
        config = transformers.T5Config(**{"decoder_start_token_id": 0, **entry["config"]})
        cls = transformers.AutoModelForSeq2SeqLM
    else:
        config = transformers.BertConfig(num_labels=n_classes, **entry["config"])
        cls = transformers.AutoModelForSequenceClassification
    try:
        model = cls.from_config(config, **attention)
    except ValueError:  # the architecture has no such attention
        model = cls.from_config(config)
    if rank:
        model = peft.get_peft_model(model, peft.LoraConfig(
            task_type="SEQ_2_SEQ_LM" if text else "SEQ_CLS", r=int(rank[1]), lora_alpha=16,
            lora_dropout=0.1, target_modules=["q", "v"] if text else ["query", "value"]))
    elif method == "head":
        model.bert.requires_grad_(False)
    return model.train(), text


def make_optimizer(model):
    named = [(n, p) for n, p in model.named_parameters() if p.requires_grad]

    def spared(name):
        return name.endswith("bias") or "LayerNorm" in name or "layer_norm" in name

    groups = [{"params": [p for n, p in named if not spared(n)], "weight_decay": 0.01},
              {"params": [p for n, p in named if spared(n)], "weight_decay": 0.0}]
    fused = SIDE == "P2" or "fused" in default_optimizer()
    return torch.optim.AdamW(groups, lr=2e-5, fused=True if fused else None)


class Side:
    def __init__(self, path, zoo, method, precision):
        with open(path, encoding="utf-8") as f:
            data = json.load(f)
        self.texts, self.targets = data["texts"], data["targets"]
        self.bfloat16 = precision == "bfloat16"
        self.model, self.says_text = build(zoo, method, data["n_classes"])
        self.optimizer = make_optimizer(self.model)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimizer, lambda _: 1.0)
        self.trained = [p for p in self.model.parameters() if p.requires_grad]

    def collate(self, texts):
        width = 128 if SIDE == "P128" else max(len(ids) for _, ids in texts)

        def padded(rows, value, n):
            return torch.tensor([row + [value] * (n - len(row)) for row in rows])

        batch = {"input_ids": padded([ids for _, ids in texts], 0, width),
                 "attention_mask": padded([[1] * len(ids) for _, ids in texts], 0, width)}
        if self.says_text:
            answers = [self.targets[label] for label, _ in texts]
            batch["labels"] = padded(answers, -100, max(map(len, answers)))
        else:
            batch["labels"] = torch.tensor([label for label, _ in texts])
        return batch

    def tokens(self, batch):
        n = int(batch["attention_mask"].sum())
        return n + int((batch["labels"] != -100).sum()) if self.says_text else n

    def batches(self, n, first, n_rows):
        """P1: n batches from text `first` on. P2: n of the batches that sorting leaves, spread
        evenly over their lengths, since few steps would else see short or long ones only."""
        n_texts = len(self.texts)
        if SIDE != "P2" or n_rows < 8:
            return [self.collate([self.texts[(first + i * n_rows + j) % n_texts]
                                  for j in range(n_rows)]) for i in range(n)]
        size = min(GROUP * n_rows, n_texts // n_rows * n_rows)
        group = sorted(self.texts[:size], key=lambda t: -len(t[1]))
        made = [group[i:i + n_rows] for i in range(0, size, n_rows)]
        return [self.collate(made[int((i % len(made) + 0.5) * len(made) / min(n, len(made)))
                                  % len(made)]) for i in range(n)]

    def step(self, batch):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.bfloat16):
            loss = self.model(**batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.trained, 1.0)
        self.optimizer.step()
        self.schedule.step()
        self.optimizer.zero_grad(set_to_none=True)
        return loss.detach()

    def run(self, batches):
        tokens = sum(map(self.tokens, batches))
        wall, cpu = time.perf_counter(), time.process_time()
        for batch in batches:
            loss = self.step(batch)
        cpu = time.process_time() - cpu
        wall = time.perf_counter() - wall
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        say(tokens, f"{wall:.6f} {cpu:.6f} 0", peak, f"{float(loss):.5f}")

    def peak(self, threads):
        dtype = torch.bfloat16 if self.bfloat16 else torch.float32
        x, y = torch.rand(2048, 2048).to(dtype), torch.rand(2048, 2048).to(dtype)
        best = 1e9
        for _ in range(5):
            wall, cpu = time.perf_counter(), time.process_time()
            torch.mm(x, y.T)
            took = time.perf_counter() - wall if threads > 1 else time.process_time() - cpu
            best = min(best, took)
        say(f"{2e-9 * 2048 ** 3 / best:.1f} 0")


def serve(path, zoo, method, precision, threads):
    torch.set_num_threads(int(threads))
    torch.manual_seed(1)
    try:
        side = Side(path, zoo, method, precision)
    except ValueError as why:
        say("unsupported", why)
        return
    say("ready")
    while (words := ask()) and words[0] != "end":
        if words[0] == "peak":
            side.peak(int(threads))
        elif words[0] == "epoch":
            n_rows, n_texts = int(words[1]), int(words[2])
            side.run(side.batches(n_texts // n_rows, 0, n_rows))
        else:
            side.run(side.batches(*map(int, words[1:])))


def main():
    transformers.logging.set_verbosity_error()
    say(f"PyTorch {torch.__version__}, transformers {transformers.__version__}, "
        f"PEFT {peft.__version__}; Trainer's optimizer {default_optimizer()}")
    while words := ask():
        if words[0] != "setup":
            continue
        child = os.fork()  # no thread of torch's lives here
        if child == 0:
            status = 1
            try:
                serve(*words[1:])
                status = 0
            finally:
                sys.stdout.flush()
                os._exit(status)
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]):
            sys.exit(f"{SIDE}: no measurement of {' '.join(words)}")


main()
