"""Five epochs of the method `head`, whose trunk is frozen: the program's whole training of them,
with an empty cache of features, against PyTorch's P1, an epoch of which is measured and counted
five times. One thread."""
import os
import shutil
import sqlite3
import subprocess
import tempfile

COLUMNS = ("model", "precision", "texts", "tokens_an_epoch", "engine_s", "P1_s", "ratio_P1")
EPOCHS = 5
TEXTS = {"bert-l2-h128": 1920, "bert-l4-h256": 640, "bert-l4-h512": 320, "bert-l12-h768": 96}


def cache_without_features(folder):
    """What was fetched, without what was computed."""
    cache = os.environ.get("FTBENCH_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "ftbench")
    os.makedirs(folder)
    for name in os.listdir(cache) if os.path.isdir(cache) else ():
        if name != "features":
            os.symlink(os.path.join(cache, name), os.path.join(folder, name))


def program(home, spec, db, scratch):
    """(tokens an epoch, seconds of training) of the one cell, or None and why."""
    env = {**os.environ, "FTBENCH_CACHE": os.path.join(scratch, "cache")}
    cache_without_features(env["FTBENCH_CACHE"])
    done = subprocess.run([os.path.join(home, "ftbench"), "run", spec, "--db", db, "--jobs", "1",
                           "--threads", "1", "--offline"],
                          env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        return None, (done.stderr or done.stdout).strip().splitlines()[-1]
    store = sqlite3.connect(db)
    seconds = store.execute("SELECT train_seconds FROM run").fetchone()[0]
    tokens = store.execute("SELECT sum(tokens) FROM step").fetchone()[0]
    store.close()
    return (tokens / EPOCHS, seconds), None


def measure(home, out, models, batches_of, torch):
    rows = []
    print(f"\nhead over {EPOCHS} epochs, one thread, float32")
    for model in models:
        texts = TEXTS[model]
        scratch = tempfile.mkdtemp(dir=out)
        spec = os.path.join(scratch, "head.yaml")
        with open(spec, "w", encoding="utf-8") as f:
            f.write(f"matrix:\n  models: ['{model}:random']\n  methods: [head]\n"
                    "  datasets: [ag_news]\n  seeds: [1]\nprotocol: sound\n"
                    f"set: {{num_train_epochs: {EPOCHS}, max_train_samples: {texts}, "
                    "max_eval_samples: 32}\n")
        got, why = program(home, spec, os.path.join(scratch, "head.db"), scratch)
        shutil.rmtree(scratch)
        if not got:
            print(f"{model}: not measured: {why}")
            continue
        tokens, seconds = got
        row = {"model": model, "precision": "float32", "texts": texts,
               "tokens_an_epoch": round(tokens), "engine_s": round(seconds, 3)}
        if torch:
            path, _ = batches_of("ag_news", model)
            side = torch.setup("P1", path, (model, "head", "float32", 1))
            side.ask("run", 1, 0, 4)
            answer = side.ask("epoch", 32, texts)
            torch.end(side)
            row["P1_s"] = round(EPOCHS * tokens * float(answer[2]) / float(answer[0]), 3)
            row["ratio_P1"] = round(row["P1_s"] / seconds, 1)
        rows.append(row)
        print(f"{model:<14} {texts} texts: engine {seconds:.2f} s, P1 {row.get('P1_s', '-')} s, "
              f"ratio {row.get('ratio_P1', '-')}", flush=True)
    return rows
