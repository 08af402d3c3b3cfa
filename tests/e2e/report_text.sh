#!/usr/bin/env bash
# A classifier and an encoder-decoder under two protocols in one database: the report keeps the
# protocols apart, and what the database holds of each answer gives every metric of it again.
source "$(dirname "$0")/common.bash"

cat >"$scratch/spec.yaml" <<'SPEC'
matrix:
  models: [mini-bert-xs, mini-t5-xs]
  methods: [full]
  datasets: [mini_ag_news]
  seeds: [1]
protocol: [published, sound]
set:
  num_train_epochs: 2
  max_train_samples: 48
  max_eval_samples: 40
  max_length: 24
SPEC
db=$scratch/r.db out=$scratch/out
expect_status 0 "$ftbench" run "$scratch/spec.yaml" --db "$db"
expect_status 0 "$ftbench" report "$scratch/spec.yaml" --db "$db" --out "$out"

python3 - "$db" "$out" <<'PYTHON'
"""Computes the metrics of text from the tables said, target and example alone."""
import collections, csv, pathlib, sqlite3, struct, sys

db, out = sqlite3.connect(sys.argv[1]), pathlib.Path(sys.argv[2])
runs = list(csv.DictReader(open(out / "runs.csv", newline="")))
assert sorted((r["protocol"], r["model"]) for r in runs) == [
    (p, m) for p in ("published", "sound") for m in ("mini-bert-xs", "mini-t5-xs")], runs

def ints(blob):
    return struct.unpack(f"<{len(blob) // 4}i", blob)

def floats(blob):
    return struct.unpack(f"<{len(blob) // 4}f", blob)

def weighted(pairs):
    """Precision, recall and F1 over target ids, weighted by how often each is a target."""
    target = collections.Counter(t for t, _ in pairs)
    said = collections.Counter(p for _, p in pairs)
    hit = collections.Counter(t for t, p in pairs if t == p)
    share = {t: n / len(pairs) for t, n in target.items()}
    return (sum(share[t] * hit[t] / said[t] for t in target if said[t]),
            sum(share[t] * hit[t] / target[t] for t in target),
            sum(share[t] * 2 * hit[t] / (target[t] + said[t]) for t in target))

def recomputed(run):
    cell, = db.execute("SELECT id FROM cell WHERE cell_id = ?", (run["cell_id"],)).fetchone()
    words = db.execute("SELECT answer, n_tok FROM target WHERE cell = ? ORDER BY label",
                       (cell,)).fetchall()
    rows = db.execute("SELECT label, logits, text, target_ids, predicted_ids, nll FROM example"
                      " JOIN said USING (cell, split, position) WHERE cell = ? AND split = ?",
                      (cell, run["split"])).fetchall()
    n = len(rows)
    likely = by_length = exact = 0
    pairs, nll = [], []
    for label, logits, text, target, predicted, loss in rows:
        scores = floats(logits)
        per_token = [s / n_tok for s, (_, n_tok) in zip(scores, words, strict=True)]
        likely += scores.index(max(scores)) == label
        by_length += per_token.index(max(per_token)) == label
        exact += text.strip() == words[label][0].strip()
        assert len(ints(target)) == words[label][1]
        # The likelihood of a row's own words is the sum over their tokens.
        assert abs(sum(floats(loss)) + scores[label]) < 1e-3, (sum(floats(loss)), scores[label])
        pairs += zip(ints(target), ints(predicted), strict=True)
        nll += floats(loss)
    precision, recall, f1 = weighted(pairs)
    return {"accuracy": likely / n, "accuracy_norm": by_length / n, "exact_match": exact / n,
            "token_accuracy": sum(t == p for t, p in pairs) / len(pairs),
            "token_loss": sum(nll) / len(nll), "token_precision_weighted": precision,
            "token_recall_weighted": recall, "token_f1_weighted": f1, "token_count": len(pairs)}

for run in runs:
    if run["model"] == "mini-bert-xs":
        assert run["token_accuracy"] == run["exact_match"] == run["token_count"] == "", run
        assert run["metric_unit"] == "example"
        continue
    assert run["metric_unit"] == ("token" if run["protocol"] == "published" else "example"), run
    for name, value in recomputed(run).items():
        # Sums of a few hundred doubles in another order.
        assert abs(float(run[name]) - value) < 1e-12 * max(1, abs(value)), (name, run[name], value)

epochs = list(csv.DictReader(open(out / "epochs.csv", newline="")))
assert len(epochs) == 8 and all(
    (e["validation_token_accuracy"] != "") == (e["model"] == "mini-t5-xs") for e in epochs), epochs
survey = list(csv.DictReader(open(out / "survey.csv", newline="")))
assert len(survey) == 40 and not any(row["measured_protocol"] for row in survey)
page = (out / "report.md").read_text()
for part in ("## Under protocol published", "## Under protocol sound", "| metric_unit | example | token |",
             "counted four ways", "No cell of the survey is measured here."):
    assert part in page, part
PYTHON
echo "2 protocols, text metrics equal to what the database says of each answer"
