"""Ten AdamW steps, learning-rate schedules and clipping as PyTorch and transformers
compute them (pip install torch transformers). Writes adamw.h beside itself:
start values, gradients of each step, parameters after each; factors; norms."""
import os

import torch
from transformers import get_constant_schedule_with_warmup as constant
from transformers import get_cosine_schedule_with_warmup as cosine
from transformers import get_linear_schedule_with_warmup as linear

N, STEPS = 7, 10
torch.manual_seed(5)
start = torch.randn(N)
grads = torch.randn(STEPS, N) * torch.tensor([1e-6, 1e-3, 0.1, 1, 1, 30, 0])
max_norm = 20.0


def rows(name, values):
    body = ",\n    ".join("{" + ", ".join(float(v).hex() for v in row) + "}" for row in values)
    return f"static const double {name}[][{len(values[0])}] = {{\n    {body},\n}};\n"


def train(weight_decay, clip):
    p = torch.nn.Parameter(start.clone())
    optimizer = torch.optim.AdamW([p], lr=1e-2, betas=(0.9, 0.999), eps=1e-8, weight_decay=weight_decay)
    schedule = linear(optimizer, 3, STEPS)
    after, norms = [], []
    for step in range(STEPS):
        p.grad = grads[step].clone()
        norms.append(float(torch.nn.utils.clip_grad_norm_([p], max_norm)) if clip else 0)
        optimizer.step()
        schedule.step()
        after.append(p.detach().clone())
    return after, norms


def factors(get, *args):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = get(optimizer, *args)
    out = []
    for _ in range(12):
        out.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    return out


decayed, _ = train(0.1, False)
clipped, norms = train(0.0, True)
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "adamw.h"), "w") as out:
    out.write("/* Made by make.py; do not edit. */\n/* clang-format off */\n")
    out.write(rows("start", [start]))
    out.write(rows("grads", grads))
    out.write(rows("decayed", decayed))
    out.write(rows("clipped", clipped))
    out.write(rows("norms", [norms]))
    out.write("/* linear 3 of 10, linear 0 of 10, constant 3, cosine 3 of 10, cosine 0 of 11 */\n")
    out.write(rows("factors", [factors(linear, 3, 10), factors(linear, 0, 10), factors(constant, 3),
                               factors(cosine, 3, 10), factors(cosine, 0, 11)]))
