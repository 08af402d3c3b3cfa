"""What the harness itself costs: a cell that trains nothing, the start of a cell with a mapped
BERT-base, two cells side by side, a plan of a million cells."""
import json
import os
import random
import re
import resource
import shutil
import sqlite3
import struct
import subprocess
import threading
import time

COLUMNS = ("what", "value", "unit", "goal", "note")
N_NULL = 1000


def spec_file(path, models, methods, datasets, seeds, settings, sweep=""):
    with open(path, "w", encoding="utf-8") as f:
        f.write(f"matrix:\n  models: [{models}]\n  methods: [{methods}]\n  datasets: [{datasets}]\n"
                f"  seeds: [{', '.join(map(str, seeds))}]\nprotocol: sound\n{sweep}"
                f"set: {{{settings}}}\n")
    return path


def command(home, *words, **options):
    """Wall seconds, peak MiB of the process (not of its children's sum) and what it said."""
    start = time.perf_counter()
    process = subprocess.Popen([os.path.join(home, "ftbench"), *words], stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, **options)
    said = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return time.perf_counter() - start, usage.ru_maxrss / 1024, said, process.returncode


def null_cells(home, out):
    spec = spec_file(os.path.join(out, "null.yaml"), "mini-bert-xs", '"null"', "mini_irony",
                     range(1, N_NULL + 1), "max_train_samples: 32, max_eval_samples: 32")
    rows = []
    for jobs in (1, 2):
        db = os.path.join(out, "null.db")
        seconds, _, said, status = command(home, "run", spec, "--db", db, "--jobs", str(jobs),
                                           "--offline")
        if status:
            return [failed("null cells", said)]
        shutil.rmtree(db + ".state", ignore_errors=True)
        for end in ("", "-wal", "-shm"):
            if os.path.exists(db + end):
                os.unlink(db + end)
        rows.append({"what": f"`null`, {N_NULL} cells, {jobs} at a time",
                     "value": round(1000 * seconds / N_NULL, 2), "unit": "ms a cell",
                     "goal": "under 5"})
    return rows


def failed(what, said):
    return {"what": what, "note": "not measured: " + (said.strip().splitlines() or ["?"])[-1]}


def bert_base(out):
    """A Hugging Face folder of BERT-base's shapes with random weights, 440 MB, and the miniature's
    vocabulary. Kept for the next time."""
    folder = os.path.join(out, "bert-base")
    home = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    path = os.path.join(folder, "model.safetensors")
    if os.path.exists(path):
        return folder
    os.makedirs(folder, exist_ok=True)
    vocabulary = os.path.join(home, "models/zoo/mini/vocab.txt")
    shutil.copy(vocabulary, folder)
    width, inner, n_vocab = 768, 3072, 30522
    with open(os.path.join(folder, "config.json"), "w", encoding="utf-8") as f:
        json.dump({"model_type": "bert", "vocab_size": n_vocab, "hidden_size": width,
                   "num_hidden_layers": 12, "num_attention_heads": 12,
                   "intermediate_size": inner}, f)
    shapes = {"bert.embeddings.word_embeddings.weight": [n_vocab, width],
              "bert.embeddings.position_embeddings.weight": [512, width],
              "bert.embeddings.token_type_embeddings.weight": [2, width],
              "bert.embeddings.LayerNorm.weight": [width],
              "bert.embeddings.LayerNorm.bias": [width],
              "bert.pooler.dense.weight": [width, width], "bert.pooler.dense.bias": [width]}
    for layer in range(12):
        for name, shape in (("attention.self.query", [width, width]),
                            ("attention.self.key", [width, width]),
                            ("attention.self.value", [width, width]),
                            ("attention.output.dense", [width, width]),
                            ("attention.output.LayerNorm", [width]),
                            ("intermediate.dense", [inner, width]),
                            ("output.dense", [width, inner]), ("output.LayerNorm", [width])):
            shapes[f"bert.encoder.layer.{layer}.{name}.weight"] = shape
            shapes[f"bert.encoder.layer.{layer}.{name}.bias"] = shape[:1]
    header, at = {}, 0
    for name, shape in shapes.items():
        n_bytes = 4 * shape[0] * (shape[1] if len(shape) > 1 else 1)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + n_bytes]}
        at += n_bytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    noise = random.Random(1)
    block = struct.pack("<65536f", *(noise.gauss(0, 0.02) for _ in range(65536)))
    with open(path + ".new", "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for start in range(0, at, len(block)):
            f.write(block[:at - start])
    os.rename(path + ".new", path)
    return folder


def cell_start(home, out):
    """From a cell's first instruction to its first update; the first cell of three warms caches."""
    db = os.path.join(out, "start.db")
    for data in ("ag_news", "mini_ag_news"):
        spec = spec_file(os.path.join(out, "start.yaml"), bert_base(out), "{lora: {r: 8}}", data,
                         (1, 2, 3),
                         "num_train_epochs: 1, max_train_samples: 16, max_eval_samples: 8, "
                         "max_length: 32")
        clean(db)
        _, _, said, status = command(home, "run", spec, "--db", db, "--jobs", "1", "--threads", "1",
                                     "--profile", "--offline")
        if status == 0:
            break
    if status:
        return [failed("start of a cell", said)]
    starts = [float(ms) for ms in re.findall(r"start +(\d+(?:\.\d+)?) ms", said)]
    clean(db)
    return [{"what": "start of a cell, cached data, mapped BERT-base, to the first update",
             "value": round(min(starts) / 1000, 3), "unit": "s", "goal": "under 0.3",
             "note": f"LoRA on 16 rows of {data}; best of 3, rows and tokens loaded by the parent"}]


def clean(db):
    shutil.rmtree(db + ".state", ignore_errors=True)
    for end in ("", "-wal", "-shm", ".profile.tsv"):
        if os.path.exists(db + end):
            os.unlink(db + end)


class Residence(threading.Thread):
    """Looks at how much of a mapped file is resident: in all processes together (Pss), and most
    in one of them (Rss)."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.path, self.over = os.path.realpath(path), False
        self.pss = self.rss = 0

    def look(self):
        pss = rss = 0
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/smaps", encoding="utf-8", errors="replace") as f:
                    text = f.read()
            except OSError:
                continue
            for part in text.split(self.path)[1:]:
                found = re.search(r"Rss: +(\d+) kB\nPss: +(\d+) kB", part)
                if found:
                    rss, pss = max(rss, int(found[1])), pss + int(found[2])
        if pss >= self.pss:
            self.pss, self.rss = pss, rss

    def run(self):
        while not self.over:
            self.look()
            time.sleep(0.2)


def two_cells(home, out):
    """Tokens a second of two cells with a core each, against one alone with one."""
    folder = bert_base(out)
    rates, seen = [], None
    for seeds in ((1,), (1, 2)):
        spec = spec_file(os.path.join(out, "two.yaml"), folder, "{lora: {r: 8}}", "mini_ag_news",
                         seeds, "num_train_epochs: 1, max_train_samples: 64, max_eval_samples: 8, "
                         "max_length: 64")
        db = os.path.join(out, "two.db")
        clean(db)
        seen = Residence(os.path.join(folder, "model.safetensors"))
        seen.start()
        _, _, said, status = command(home, "run", spec, "--db", db, "--jobs", str(len(seeds)),
                                     "--threads", "1", "--offline")
        seen.over = True
        seen.join()
        if status:
            return [failed("two cells on two cores", said)]
        store = sqlite3.connect(db)
        rates.append(sum(tokens / seconds for tokens, seconds in store.execute(
            "SELECT (SELECT sum(tokens) FROM step WHERE step.cell = run.cell), train_seconds "
            "FROM run")))
        store.close()
        clean(db)
    weights = os.path.getsize(os.path.join(folder, "model.safetensors")) / 1024
    return [{"what": "two cells on two cores against one on one, BERT-base, LoRA",
             "value": round(rates[1] / rates[0], 2), "unit": "times the tokens/s", "goal": "1.9"},
            {"what": "resident weights of the two together", "value": round(seen.pss / weights, 2),
             "unit": "times the file", "goal": "1.0",
             "note": f"of each alone {seen.rss / weights:.2f}"}]


def plan(home, out):
    """A million cells; a tenth first, and no more where that says it would take minutes."""
    rows = []
    for cells in (100_000, 1_000_000):
        spec = spec_file(os.path.join(out, "plan.yaml"), "mini-bert-s, mini-bert-xs",
                         "full, head, bitfit, {lora: {r: 2}}, {lora: {r: 4}}",
                         "mini_ag_news, mini_irony", range(1, cells // 20 + 1), "max_length: 32")
        seconds, mib, said, status = command(
            home, "plan", spec, "--db", os.path.join(out, "none.db"), "--format", "csv",
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30)))
        if status:
            return rows + [failed(f"plan of {cells:,} cells", said)]
        if said.count("\n") < cells:
            return rows + [failed(f"plan of {cells:,} cells", "it lists fewer")]
        rows = [{"what": f"`plan` of {cells:,} cells", "value": round(seconds, 2), "unit": "s",
                 "goal": "under 10 for 1,000,000"},
                {"what": f"`plan` of {cells:,} cells", "value": round(mib), "unit": "MiB",
                 "goal": "under 1024 for 1,000,000"}]
        if cells < 1_000_000 and 12 * seconds > 120:
            rows[0]["note"] = "a million was not tried"
            break
    return rows


PARTS = (null_cells, cell_start, two_cells, plan)


def measure(home, out, parts):
    print("\nthe harness")
    rows = []
    for part in parts:
        for row in part(home, out):
            rows.append(row)
            print(f"{row['what']}: {row.get('value', '')} {row.get('unit', '')} "
                  f"(goal {row.get('goal', '-')}) {row.get('note', '')}", flush=True)
    return rows
