#!/usr/bin/env python3
"""`make bench`: speed of whole training steps, of this engine and of PyTorch, in one run.

A case is MODEL/METHOD/PRECISION/THREADS/DATASET. All sides of a case train on the same texts and
take turns, so that a machine that slows down slows all; a row shows medians over the rounds and
the median of the rounds' ratios. Only tokens of texts and answers count, padding does not. Time
is processor time with one thread, which other work on the machine disturbs least, and clock time
with two. Useful operations: bench_engine.c. Then five epochs of a frozen trunk (bench_head.py)
and the harness itself (bench_harness.py).

    BENCH            cases to run, parts of their names: "l4-h256/full/float32/1 t5-small/lora,r=8";
                     also "head-epochs", "harness" and its parts (null_cells, cell_start,
                     two_cells, plan), "xl" (flan-t5-xl, never run unasked: minutes and 12 GiB)
    BENCH_SHORT=1    a minute or two: the smaller models, one thread, float32, one round
    BENCH_SECONDS    0.3: about what a side's turn takes; one step at least
    BENCH_OUT        build/bench: speed.tsv, head.tsv, harness.tsv, machine.json, speed.md
    FTBENCH_PYTHON   a python with torch, transformers and peft; without one the engine alone
    FTBENCH_MIRROR   where AG News, IMDB and the vocabularies may lie; without them the
                     project's miniature texts, which is said

With the argument `page`, only the page is written again from what lies in BENCH_OUT.
"""
import json
import os
import re
import statistics
import subprocess
import sys

import bench_harness
import bench_head
import bench_page

HOME = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ENGINE = os.path.join(HOME, "build", f"{os.environ.get('CC', 'gcc')}-{os.environ.get('V', 'release')}",
                      "tests/bench/bench_engine")
OUT = os.environ.get("BENCH_OUT", os.path.join(HOME, "build/bench"))
SECONDS = float(os.environ.get("BENCH_SECONDS", "0.3"))
SHORT = os.environ.get("BENCH_SHORT", "") not in ("", "0")
PYTHON = os.environ.get("FTBENCH_PYTHON", "")
BERTS = ["bert-l2-h128", "bert-l4-h256", "bert-l4-h512", "bert-l12-h768"]
T5S = ["t5-l2-h128", "t5-small"]
LARGEST = "flan-t5-xl"
DATA = {"ag_news": ("mini_ag_news", 128, 32), "tweet_eval_irony": ("mini_irony", 128, 32),
        "imdb_truncated": ("mini_imdb_truncated", 512, 8)}  # stand-in, tokens, texts a step
SIDES = ("P1", "P2", "P128")
FIELDS = ("model", "method", "precision", "threads", "dataset")
COLUMNS = FIELDS + (
    "texts_a_step", "tokens_a_step", "steps", "rounds", "engine_tok_s", "P1_tok_s", "P2_tok_s",
    "P128_tok_s", "ratio_P1", "ratio_P2", "ratio_P128", "spread_P1", "useful_gflop_s",
    "gemm_peak", "gemm_own_shapes", "share_of_peak", "torch_gemm_peak", "engine_mib", "P1_mib",
    "P2_mib", "P128_mib", "wall_per_cpu", "projection")


def cases():
    """Cases in the order in which they run: (fields, PyTorch's sides)."""
    made = []
    threads, precisions = ((1,), ("float32",)) if SHORT else ((1, 2), ("float32", "bfloat16"))
    for model in T5S[:1] + BERTS[:2] if SHORT else BERTS + T5S:
        for n in threads:
            for precision in precisions:
                for method in ("full", "lora,r=8", "lora,r=64", "head"):
                    if method == "head" and model in T5S or SHORT and method == "lora,r=64":
                        continue
                    plain = (method, precision, n) == ("full", "float32", 1)
                    padded = ("P128",) if plain and model in BERTS else ()
                    made.append(((model, method, precision, n, "ag_news"), ("P1", "P2") + padded))
    for model in BERTS[:2] if SHORT else BERTS:
        made.append(((model, "full", "float32", 1, "tweet_eval_irony"), ("P1", "P128")))
        made.append(((model, "full", "float32", 1, "imdb_truncated"), ("P1", "P2")))
    made.append(((LARGEST, "lora,r=64", "bfloat16", 2, "ag_news"), ()))
    return made


def wanted(fields):
    """Whether BENCH asks for it. A part is one of the fields, or within the model's name."""
    asked = os.environ.get("BENCH", "").lower().split()
    if not asked:
        return fields[0] != LARGEST
    names = [str(f).lower() for f in fields] + (["xl"] if fields[0] == LARGEST else [])
    return any(all(part in names or not part.isdigit() and part in names[0]
                   for part in one.split("/")) for one in asked)


class Side:
    """A process that is asked line by line."""

    def __init__(self, name, command):
        self.name = name
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, cwd=HOME)

    def ask(self, *words):
        try:
            if words:
                self.process.stdin.write(" ".join(map(str, words)) + "\n")
                self.process.stdin.flush()
        except BrokenPipeError:
            pass  # the answer that does not come says so
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"bench: {self.name} gave no answer to: {' '.join(map(str, words))}\n"
                     + self.process.stderr.read())
        return line.split()

    def stop(self):
        self.process.stdin.close()
        self.process.wait()


class Torch:
    """PyTorch's sides, started when first needed."""

    def __init__(self):
        self.sides, self.versions = {}, None
        self.there = bool(PYTHON) and subprocess.run(
            [PYTHON, "-c", "import torch, transformers, peft, yaml"], capture_output=True,
            check=False).returncode == 0
        if PYTHON and not self.there:
            sys.exit(f"bench: {PYTHON} has no torch, transformers and peft")

    def setup(self, name, batches, fields):
        """The side, ready for the case; None when it cannot do it."""
        model, method, precision, threads = fields[:4]
        if name not in self.sides:
            side = Side(name, [PYTHON, "-W", "ignore", "tests/bench/bench_torch.py", name])
            self.versions = " ".join(side.ask())
            self.sides[name] = side
        answer = self.sides[name].ask("setup", batches, f"models/zoo/{model}.yaml", method,
                                      precision, threads)
        if answer[0] == "ready":
            return self.sides[name]
        print(f"{name}: {' '.join(answer)}")
        return None

    @staticmethod
    def end(side):
        side.process.stdin.write("end\n")
        side.process.stdin.flush()

    def stop(self):
        for side in self.sides.values():
            side.stop()


def numbers(answer):
    tokens, wall, cpu, operations, rss, loss = map(float, answer)
    return {"tokens": tokens, "wall": wall, "cpu": cpu, "operations": operations, "rss": rss,
            "loss": loss}


def batches_of(dataset, model):
    """File of the data set's texts for the model's family, made when first asked for; what they
    are called; whether they are the real ones."""
    stand_in, length, _ = DATA[dataset]
    family = "t5" if "t5" in model else "bert"
    path = os.path.join(OUT, f"{dataset}-{family}.json")
    if path not in MADE:
        command = [ENGINE, "batches", path, "t5-small" if family == "t5" else BERTS[0], dataset,
                   str(length)]
        real = subprocess.run(command, capture_output=True, text=True, check=False)
        if real.returncode:
            print(f"{dataset}: the project's miniature texts instead: {real.stderr.strip()}")
            command[3:5] = ["mini-t5-s" if family == "t5" else "mini-bert-s", stand_in]
            subprocess.run(command, check=True)
        MADE[path] = real.returncode == 0
    return path, dataset if MADE[path] else stand_in


MADE = {}


def measure(fields, names, torch):
    """A row of the table."""
    model, method, precision, threads, dataset = fields
    rows = 8 if model == LARGEST else DATA[dataset][2]
    path, used = batches_of(dataset, model)
    sides = {"engine": Side("engine", [ENGINE, "serve", path, model, method, precision,
                                       str(threads), str(rows)])}
    if sides["engine"].ask() != ["ready"]:
        sys.exit("bench: the engine is not ready")
    for name in names if torch.there else ():
        side = torch.setup(name, path, fields)
        if side:
            sides[name] = side
    clock = "cpu" if threads == 1 else "wall"

    def one_step(side):
        """Seconds of a step, after what is done once: fresh memory, kernels for new shapes.
        PyTorch's longest steps are told from short ones: it takes its memory anew in each."""
        for _ in range(2):
            small = numbers(side.ask("run", 1, 0, 4))[clock] * rows / 4
        if small > 10 * SECONDS and side.name != "engine":
            return small
        first = numbers(side.ask("run", 1, 0, rows))[clock]
        return first if first > SECONDS else numbers(side.ask("run", 1, 0, rows))[clock]

    step = {name: one_step(side) for name, side in sides.items()}
    steps = {name: max(1, min(63, round(SECONDS / s))) for name, s in step.items()}
    if max(step.values()) > SECONDS:  # the same texts: as many steps for all
        steps = dict.fromkeys(steps, max(1, min(steps.values())))
    total = sum(step.values())
    rounds = 1 if SHORT or total > 10 * SECONDS else 2 if total > 4 * SECONDS else 3
    runs, peaks, own, torch_peak = {name: [] for name in sides}, [], [], []
    for _ in range(rounds):
        for name, side in sides.items():
            runs[name].append(numbers(side.ask("run", steps[name], 0, rows)))
        large, shapes = map(float, sides["engine"].ask("peak"))
        peaks.append(large)
        own.append(shapes)
    if "P1" in sides:
        torch_peak.append(float(sides["P1"].ask("peak")[0]))
    for name in list(sides)[1:]:
        Torch.end(sides[name])
    sides["engine"].stop()
    row = row_of(fields[:4] + (used,), rows, steps["engine"], clock, runs, peaks, own, torch_peak)
    if model == LARGEST:
        row["projection"] = projection(path, row["engine_tok_s"])
    return row


def projection(path, rate):
    """What the survey's run would take at this rate: its training rows, five times."""
    with open(path, encoding="utf-8") as f:
        data = json.load(f)
    with open(os.path.join(HOME, "datasets/ag_news.yaml"), encoding="utf-8") as f:
        rows = int(re.search(r"n_train: (\d+)", f.read())[1])
    length = statistics.mean(len(ids) + len(data["targets"][label]) for label, ids in data["texts"])
    return (f"At this rate five epochs of the survey's {rows:,} rows, of {length:.1f} tokens each, "
            f"take {5 * rows * length / rate:,.0f} s; its author's run took 51,615 s.")


def row_of(fields, rows, steps, clock, runs, peaks, own, torch_peak):
    speed = {name: [r["tokens"] / r[clock] for r in rs] for name, rs in runs.items()}
    row = dict(zip(FIELDS, fields))
    engine = runs["engine"]
    gflops = statistics.median(1e-9 * r["operations"] / r[clock] for r in engine)
    row.update(texts_a_step=rows, tokens_a_step=round(engine[0]["tokens"] / steps), steps=steps,
               rounds=len(engine), engine_tok_s=round(statistics.median(speed["engine"]), 1),
               useful_gflop_s=round(gflops, 1), gemm_peak=max(peaks), gemm_own_shapes=max(own),
               share_of_peak=round(gflops / max(peaks), 3),
               torch_gemm_peak=max(torch_peak, default=""),
               engine_mib=round(max(r["rss"] for r in engine) / 2 ** 20),
               wall_per_cpu=round(statistics.median(r["wall"] / r["cpu"] for r in engine), 2))
    for name in set(runs) - {"engine"}:
        ratios = [e / t for e, t in zip(speed["engine"], speed[name])]
        row[f"{name}_tok_s"] = round(statistics.median(speed[name]), 1)
        row[f"ratio_{name}"] = round(statistics.median(ratios), 2)
        row[f"{name}_mib"] = round(max(r["rss"] for r in runs[name]) / 2 ** 20)
        if name == "P1":
            row["spread_P1"] = f"{min(ratios):.2f}-{max(ratios):.2f}"
    return row


def show(row):
    def cell(key, width, form="{:.0f}"):
        value = row.get(key, "")
        return (form.format(value) if value != "" else "-").rjust(width)

    print(f"{row['model']:<14}{row['method']:<10}{row['precision']:<9}{row['threads']} "
          f"{row['dataset']:<17}" + cell("engine_tok_s", 9) + cell("P1_tok_s", 9)
          + cell("P2_tok_s", 9) + cell("ratio_P1", 7, "{:.2f}") + cell("ratio_P2", 7, "{:.2f}")
          + cell("ratio_P128", 7, "{:.2f}") + cell("useful_gflop_s", 8) + cell("gemm_peak", 7)
          + cell("share_of_peak", 7, "{:.0%}") + cell("engine_mib", 7) + cell("P1_mib", 7)
          + cell("wall_per_cpu", 6, "{:.2f}"), flush=True)


def write_tsv(name, columns, rows):
    with open(os.path.join(OUT, name), "w", encoding="utf-8") as f:
        f.write("\t".join(columns) + "\n")
        for row in rows:
            f.write("\t".join(str(row.get(c, "")) for c in columns) + "\n")


def run():
    os.makedirs(OUT, exist_ok=True)
    os.environ["FTBENCH_HOME"] = HOME
    machine = json.loads(subprocess.run([ENGINE, "machine"], check=True, capture_output=True,
                                        text=True).stdout)
    torch = Torch()
    print(f"{machine['date']}; {machine['cpu']}, {machine['cores']} cores; BLAS {machine['blas']}, "
          f"bfloat16 by {machine['bfloat16']}; {machine['build']}; commit {machine['commit'][:12]}")
    print("tokens/s, of processor time with one thread and of clock time with two; ratios of the "
          "engine's rate to PyTorch's;\nMiB: peak resident memory; share: useful operations of the "
          "gemm peak; wall: clock time over processor time\n")
    print(f"{'model':<14}{'method':<10}{'format':<9}{'t'} {'texts':<17}{'engine':>9}{'P1':>9}"
          f"{'P2':>9}{'/P1':>7}{'/P2':>7}{'/P128':>7}{'GFLOP/s':>8}{'peak':>7}{'share':>7}"
          f"{'MiB':>7}{'P1 MiB':>7}{'wall':>6}")
    rows = []
    for fields, names in cases():
        if not wanted(fields) or fields[2] == "bfloat16" and not machine["has_bfloat16"]:
            continue
        rows.append(measure(fields, names, torch))
        show(rows[-1])
        write_tsv("speed.tsv", COLUMNS, rows)
    if rows:
        machine["torch"] = torch.versions or "none: the engine alone"
        with open(os.path.join(OUT, "machine.json"), "w", encoding="utf-8") as f:
            json.dump(machine, f, indent=1)
    heads = [m for m in bench_head.TEXTS if wanted(("head-epochs", m)) and not SHORT]
    if heads:
        write_tsv("head.tsv", bench_head.COLUMNS, bench_head.measure(
            HOME, OUT, heads, batches_of, torch if torch.there else None))
    torch.stop()
    parts = [p for p in bench_harness.PARTS if wanted(("harness", p.__name__)) and not SHORT]
    if parts:
        write_tsv("harness.tsv", bench_harness.COLUMNS, bench_harness.measure(HOME, OUT, parts))


if sys.argv[1:] != ["page"]:
    run()
if bench_page.write(OUT, os.path.join(OUT, "speed.md")):
    print(f"\n{OUT}/speed.md")
