#!/usr/bin/env bash
# The survey's statements, tested: on its own numbers without a database, then on a
# small matrix run for real, swept over learning rates; the report says the same.
source "$(dirname "$0")/common.bash"

expect_status 0 "$ftbench" claims --published
said "LoRA is more accurate than full fine-tuning on bert-base-cased"
said "weakened by what was found: collapse, learning rate, one seed"
expect_status 0 "$ftbench" claims --published --format csv
cp "$scratch/said" "$scratch/published.csv"
expect_status 0 "$ftbench" claims --published --json
cp "$scratch/said" "$scratch/published.json"
expect_status 3 "$ftbench" claims --db "$scratch/none.db"
said "none.db"
expect_status 2 "$ftbench" claims --published specs/smoke.yaml
expect_status 2 "$ftbench" claims --format xml --published
expect_status 0 "$ftbench" claims --help
said "--published"

cat >"$scratch/spec.yaml" <<'EOF2'
matrix:
  models: [mini-bert-xs]
  methods: [full, lora]
  datasets: [mini_irony, mini_ag_news]
  seeds: [1, 2]
protocol: sound
set: {num_train_epochs: 2, max_train_samples: 64, max_length: 32}
sweep: {learning_rate: [1e-4, 1e-3, 5e-3]}
EOF2
db=$scratch/r.db out=$scratch/out
expect_status 0 "$ftbench" run "$scratch/spec.yaml" --db "$db"
expect_status 0 "$ftbench" claims "$scratch/spec.yaml" --db "$db" --format csv
cp "$scratch/said" "$scratch/claims.csv"
expect_status 0 "$ftbench" report "$scratch/spec.yaml" --db "$db" --out "$out"
cmp "$scratch/claims.csv" "$out/claims.csv" || fail "the report's claims.csv is another"
grep -q "## The survey's statements, tested" "$out/report.md" || fail "no section on claims"
grep -q "## What is wrong with the protocols" "$out/report.md" || fail "no section on findings"

python3 - "$scratch" "$db" <<'EOF2'
"""Verdicts follow from the numbers, and the numbers from the files they are about."""
import csv, json, math, sqlite3, statistics, sys

scratch = sys.argv[1]
published = list(csv.DictReader(open(scratch + "/published.csv", newline="")))
as_json = json.load(open(scratch + "/published.json"))
assert len(published) == len(as_json) == 12, len(published)
for row, other in zip(published, as_json):
    assert all(row[k] == (other[k] or "") for k in ("claim", "verdict", "why", "findings")), row
    assert row["estimate"] == "" or float(row["estimate"]) == other["estimate"], row

by_id = {row["claim"]: row for row in published}
final = {(r["model"], r["method"], r["dataset"]): r
         for r in csv.DictReader(open("results/published/final.csv", newline=""))}
gains = [100 * (float(final["bert-base-cased", "lora", d]["accuracy"]) - float(r["accuracy"]))
         for (m, how, d), r in final.items() if (m, how) == ("bert-base-cased", "full")]
row = by_id["lora-beats-full-bert"]
half = 2.570581835636314 * statistics.stdev(gains) / 6 ** 0.5  # t, 5 degrees of freedom, 0.975
assert abs(float(row["estimate"]) - statistics.fmean(gains)) < 1e-9, row
assert abs(float(row["low_95"]) - statistics.fmean(gains) + half) < 1e-9, row
assert row["verdict"] == "holds" and "collapse" in row["findings"], row
for row in published:  # no verdict against its interval
    if row["unit"] == "points of accuracy" and row["low_95"] and "margin" not in row["test"]:
        low, high = float(row["low_95"]), float(row["high_95"])
        assert row["verdict"] == ("holds" if low > 0 else "fails" if high < 0 else "cannot tell"), row

measured = {r["claim"]: r for r in csv.DictReader(open(scratch + "/claims.csv", newline=""))
            if r["results"] == "measured, sound"}
assert measured["lora-beats-full-bert"]["why"] == "no such rows here"
assert "several rows" in measured["lora-beats-full"]["why"]
tuned = measured["lora-beats-full-tuned"]
# The same by hand: per set and method the rate that is best on validation, judged on test.
db = sqlite3.connect(sys.argv[2])
cells = db.execute("""
    SELECT dataset, method, protocol_options, seed,
      (SELECT value FROM metric WHERE metric.cell = cell.id AND split = 'test'
       AND name = 'accuracy'),
      (SELECT value FROM epoch_metric AS m WHERE m.cell = cell.id AND m.epoch = best_epoch
       AND name = 'accuracy')
    FROM cell JOIN run ON run.cell = cell.id""").fetchall()
assert len(cells) == 24
def best(dataset, method):
    rates = {}
    for d, m, options, seed, test, validation in cells:
        if (d, m.split()[0]) == (dataset, method):
            rate = [x for x in options.split() if x.startswith("learning_rate=")][0]
            rates.setdefault(rate, []).append((seed, test, validation))
    top = max(statistics.fmean(v for _, _, v in x) for x in rates.values())
    tied = [x for x in rates.values() if statistics.fmean(v for _, _, v in x) == top]
    return [statistics.fmean(t for _, t, _ in x) for x in tied]
sets = ("mini_irony", "mini_ag_news")
options = [[a - b for a in best(d, "lora") for b in best(d, "full")] for d in sets]
means = {100 * (x + y) / 2 for x in options[0] for y in options[1]}
assert any(math.isclose(float(tuned["estimate"]), m, abs_tol=1e-9) for m in means), (tuned, means)
assert tuned["verdict"] == "cannot tell" or float(tuned["low_95"]) * float(tuned["high_95"]) > 0
EOF2
echo "12 claims on published and on measured numbers"
