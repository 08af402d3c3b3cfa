"""docs/speed.md from what a run of `make bench` left: speed.tsv, head.tsv, harness.tsv and
machine.json. Numbers come from there only; this file holds the words."""
import json
import os

GOALS_P1 = {"bert-l2-h128": 4, "bert-l4-h256": 3, "bert-l4-h512": 2.2, "bert-l12-h768": 1.7}
GOALS_P2 = {"bert-l2-h128": 2.5, "bert-l4-h256": 1.7, "bert-l4-h512": 1.3, "bert-l12-h768": 1}
GOALS_LORA = {"bert-l2-h128": 5, "bert-l4-h256": 3.5, "bert-l4-h512": 2.5, "bert-l12-h768": 2}
GOALS_HALF = {"bert-l12-h768": 3}
HALF_ANYWHERE = 2
HEAD, PAD_AG_NEWS, PAD_IRONY = 20, 2.5, 5
SHARE = {"float32": 0.92, "bfloat16": 0.5}

INTRODUCTION = """# Speed

Whole training steps (forward, backward, clipping, AdamW) of this engine beside PyTorch's, on the same texts, in one run
and in turns, and the machine's own matrix product in the same minutes. `FTBENCH_PYTHON=PYTHON make bench` measures and
writes this page into `build/bench/speed.md`; with `PAGE=docs/speed.md` it also puts it here.

{machine}

- **P1**: PyTorch as users run it: transformers' model and PEFT, what Trainer does in a step with its defaults (shuffled
  batches padded to their longest row, the attention and the optimiser that transformers chooses), `torch.autocast` for
  bfloat16.
- **P2**: tuned without changing the model: batches of texts of similar length, scaled-dot-product attention, fused AdamW.
- **P128**: P1 with every text padded to 128 tokens, as the survey did.
- **tokens/s**: of the texts' own tokens and of answers in text; padding counts nothing. With one thread per second of
  processor time, with two per second by the clock.
- **GFLOP/s**: useful operations. For each matrix the rows that pass it times its size times 2, once forward, once more
  where its input needs a gradient, once more where it trains; attention's two products forward and, backwards, one for
  each of queries, keys, values and probabilities whose gradient is needed. Rows of the last layer that no logit depends on,
  embeddings, softmax, norms and everything elementwise count nothing.
- **share**: of **peak**, the best measured 2048 x 2048 x 2048 product of the library the engine uses, in that precision
  and with those threads.
- **MiB**: peak resident memory of the process that trained, PyTorch's libraries included.
- Texts: {texts}. {batch}
- `head` drops nothing in its frozen trunk, as in protocol `sound`; PyTorch in training mode does. Each of its steps
  here goes through the trunk; what keeping features is worth stands under *Five epochs*.
- Models have random weights of the named model's configuration: speed does not depend on their values.

**How to read it.** On AMD processors PyTorch's matrix library (MKL) does not choose its fastest kernels: its float32 product
reaches {torch_peak} here, the engine's (OpenBLAS) {engine_peak}. So a part of each float32 ratio is the library's and
not the engine's; on an Intel processor expect less. The bfloat16 products of both come from oneDNN. The other
part is work that is not done: padding, gradients that nothing needs, rows of the last layer that nobody reads.
Single steps of the largest models are measured once (`rounds` in `speed.tsv`): their last digit means little.
"""


def read(folder, name):
    path = os.path.join(folder, name)
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as f:
        head = f.readline().rstrip("\n").split("\t")
        return [dict(zip(head, line.rstrip("\n").split("\t"))) for line in f]


def table(head, rows):
    """Markdown; all columns but the first `text` of each are numbers."""
    lines = ["| " + " | ".join(head) + " |",
             "|" + "|".join("---" if h in ("model", "method", "texts", "what", "note", "unit", "goal")
                            else "---:" for h in head) + "|"]
    return "\n".join(lines + ["| " + " | ".join(r) + " |" for r in rows]) + "\n"


def number(text, form="{:,.0f}", missing="-"):
    return form.format(float(text)) if text else missing


def against(row, key, goal):
    """A ratio, with its goal where it misses it."""
    if not row.get(key):
        return "-"
    ratio = float(row[key])
    return f"{ratio:.2f}" + (f" (goal {goal:g})" if goal and ratio < goal else "")


def goals_of(row):
    """Those against P1 and P2."""
    model, half = row["model"], row["precision"] == "bfloat16"
    if half:
        return GOALS_HALF.get(model, HALF_ANYWHERE), None
    if row["method"] == "full":
        return GOALS_P1.get(model), GOALS_P2.get(model)
    return (GOALS_LORA.get(model) if row["method"].startswith("lora") else None), None


def main_table(rows):
    made = []
    for r in rows:
        first, second = goals_of(r)
        share = float(r["share_of_peak"])
        goal = SHARE[r["precision"]] if (r["model"], r["method"], r["threads"]) == \
            ("bert-l12-h768", "full", "1") else 0
        less = ""
        if r["P1_mib"]:
            less = f"{float(r['engine_mib']) / float(r['P1_mib']):.2f}"
        made.append([r["model"], r["method"], number(r["engine_tok_s"]), number(r["P1_tok_s"]),
                     number(r["P2_tok_s"]), against(r, "ratio_P1", first),
                     against(r, "ratio_P2", second), number(r["useful_gflop_s"]),
                     number(r["gemm_peak"]),
                     f"{share:.0%}" + (f" (goal {goal:.0%})" if share < goal else ""),
                     number(r["engine_mib"]), number(r["P1_mib"]), less or "-"])
    return table(["model", "method", "tokens/s", "P1", "P2", "to P1", "to P2", "GFLOP/s", "peak",
                  "share", "MiB", "P1 MiB", "to P1 MiB"], made)


def padded_table(rows):
    made = []
    for r in rows:
        goal = PAD_IRONY if "irony" in r["dataset"] else PAD_AG_NEWS
        made.append([r["model"], r["dataset"], number(r["engine_tok_s"]), number(r["P1_tok_s"]),
                     number(r["P128_tok_s"]), against(r, "ratio_P1", None),
                     against(r, "ratio_P128", goal)])
    return table(["model", "texts", "tokens/s", "P1", "P128", "to P1", "to P128"], made)


def imdb_table(rows):
    return table(["model", "texts", "tokens/s", "P1", "P2", "to P1", "to P2", "share"],
                 [[r["model"], r["dataset"], number(r["engine_tok_s"]), number(r["P1_tok_s"]),
                   number(r["P2_tok_s"]), against(r, "ratio_P1", None),
                   against(r, "ratio_P2", None), f"{float(r['share_of_peak']):.0%}"] for r in rows])


def head_table(rows):
    return table(["model", "texts an epoch", "engine, s", "P1, s", "ratio"],
                 [[r["model"], r["texts"], number(r["engine_s"], "{:.2f}"),
                   number(r["P1_s"], "{:.2f}"), against(r, "ratio_P1", HEAD)] for r in rows])


def largest(rows, key, precision):
    values = [float(r[key]) for r in rows
              if r[key] and r["precision"] == precision and r["threads"] == "1"]
    return f"{max(values):.0f} GFLOP/s" if values else "(not measured)"


def machine_text(m):
    return (f"{m['date'][:10]}; {m['cpu']}, {m['cores']} cores; {m['os']}; OpenBLAS kernels "
            f"{m['blas']}, {m['bfloat16']}; {m['build']}, commit {m['commit'][:12]}.\n"
            f"PyTorch's side: {m['torch']}.")


def projection(rows):
    xl = [r for r in rows if r["model"] == "flan-t5-xl"]
    if not xl:
        return ""
    return ("\n## flan-t5-xl\n\nLoRA r 64, bfloat16, two threads, AG News' texts: "
            f"{number(xl[0]['engine_tok_s'])} tokens/s, {number(xl[0]['useful_gflop_s'])} GFLOP/s "
            f"({float(xl[0]['share_of_peak']):.0%} of peak), {number(xl[0]['engine_mib'])} MiB. "
            f"{xl[0].get('projection', '')}\n")


def write(folder, path):
    """False where nothing has been measured yet."""
    rows = read(folder, "speed.tsv")
    if not rows:
        return False
    with open(os.path.join(folder, "machine.json"), encoding="utf-8") as f:
        machine = json.load(f)
    usual = [r for r in rows if "ag_news" in r["dataset"] and r["model"] != "flan-t5-xl"]
    names = sorted({r["dataset"] for r in rows})
    stand_ins = any(n.startswith("mini_") for n in names)
    per_step = {r["texts_a_step"] for r in usual}
    tokens = {r["tokens_a_step"] for r in usual if r["model"].startswith("bert")}
    text = INTRODUCTION.format(
        machine=machine_text(machine),
        texts=", ".join(names) + (" (the project's miniatures: the real ones were not here)"
                                  if stand_ins else ""),
        batch=f"A step takes {'/'.join(sorted(per_step))} texts of AG News, "
              f"{'/'.join(sorted(tokens, key=int))} tokens, or 8 reviews of IMDB cut at 512 tokens."
        if usual else "",
        torch_peak=largest(rows, "torch_gemm_peak", "float32"),
        engine_peak=largest(rows, "gemm_peak", "float32"))
    for precision in ("float32", "bfloat16"):
        for threads in ("1", "2"):
            some = [r for r in usual if (r["precision"], r["threads"]) == (precision, threads)]
            if some:
                plural = "one thread" if threads == "1" else f"{threads} threads"
                text += f"\n## {precision}, {plural}\n\n" + main_table(some)
    padded = [r for r in rows if r["P128_tok_s"]]
    if padded:
        text += "\n## Against padding to 128\n\nFull, float32, one thread.\n\n" + padded_table(padded)
    long = [r for r in rows if "imdb" in r["dataset"]]
    if long:
        text += "\n## Long texts\n\nFull, float32, one thread.\n\n" + imdb_table(long)
    heads = read(folder, "head.tsv")
    if heads:
        text += ("\n## Five epochs of `head`\n\nThe program's whole training, features of the frozen "
                 "trunk computed once in it, against five times the measured epoch of P1; float32, one "
                 "thread.\n\n" + head_table(heads))
    text += projection(rows)
    harness = read(folder, "harness.tsv")
    if harness:
        text += "\n## The harness\n\n" + table(
            ["what", "value", "unit", "goal", "note"],
            [[r["what"], r["value"], r["unit"], r["goal"], r["note"]] for r in harness])
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    return True
