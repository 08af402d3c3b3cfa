#!/usr/bin/env bash
# Parameter counts of the survey's runs, from configurations alone: no weights, no data. Every
# trainable count of its logs; its totals only where they count nothing twice (PEFT's printed
# totals of BERT's LoRA runs hold the classifier twice).
source "$(dirname "$0")/common.bash"

export FTBENCH_CACHE=$scratch/cache
unset FTBENCH_MIRROR
expect_status 0 "$ftbench" plan specs/survey.yaml --format csv --db "$scratch/none.db"
cp "$scratch/said" "$scratch/plan.csv"
[ ! -e "$FTBENCH_CACHE" ] || fail "plan fetched something"

# The columns that programs rely on, in order.
read -r header <"$scratch/plan.csv"
wanted=cell_id,model,method,dataset,protocol,seed,precision,trainable_params,total_params
wanted=$wanted,est_memory_bytes,est_seconds,status
[ "$header" = "$wanted" ] || fail "columns are $header"

# JSON says the same.
"$ftbench" plan specs/survey.yaml --json --db "$scratch/none.db" >"$scratch/plan.json"
python3 - "$scratch/plan.json" "$scratch/plan.csv" results/published/final.csv <<'PYTHON'
import csv, json, sys

cells = json.load(open(sys.argv[1]))
rows = list(csv.DictReader(open(sys.argv[2])))
logged = list(csv.DictReader(open(sys.argv[3])))

# 42 cells of one seed as published, and the same of three seeds as sound.
assert len(cells) == len(rows) == 42 + 3 * 42, len(rows)
for cell, row in zip(cells, rows):
    assert list(cell) == list(row)
    assert all(str(cell[k]) == row[k] for k in ("cell_id", "model", "method", "trainable_params"))
    assert isinstance(cell["total_params"], int)

assert len(logged) == 40
planned = {}
for row in rows:
    if row["protocol"] == "published":
        planned[row["model"], row["method"].split()[0], row["dataset"]] = row
for run in logged:
    row = planned.pop((run["model"], run["method"], run["dataset"]))
    assert row["trainable_params"] == run["trainable_params"], (run, row)
    if run["method"] == "full" or run["model"].startswith("flan"):
        assert row["total_params"] == run["total_params"], (run, row)
# Planned and never run.
assert sorted(planned) == [("flan-t5-base", "lora", "tweet_eval_irony"),
                           ("flan-t5-base", "lora", "tweet_eval_stance_abortion")], planned

# Within the memory of a usual machine.
assert all(int(row["est_memory_bytes"]) < 24 << 30 for row in rows)
PYTHON

# The extensions: full fine-tuning of every size, and one row of the table a learning rate.
expect_status 0 "$ftbench" plan specs/survey-full.yaml --format csv --db "$scratch/none.db"
[ "$(grep -c ',full,' "$scratch/said")" -eq 72 ] || fail "survey-full has not 72 cells"
expect_status 0 "$ftbench" plan specs/survey-lr.yaml --format csv --db "$scratch/none.db"
for rate in 1e-05 3e-05 0.0001 0.0003 0.001 0.003; do
    [ "$(grep -c ",full learning_rate=$rate," "$scratch/said")" -eq 24 ] || fail "full at $rate"
    [ "$(grep -c ",lora r=64 learning_rate=$rate," "$scratch/said")" -eq 24 ] ||
        fail "lora at $rate"
done
