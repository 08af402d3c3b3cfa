#!/usr/bin/env bash
# What plan says a cell will take is what it takes. A fifth: of sets this small the program's own
# share is most; tests/bench/memory.sh holds larger cells to less.
source "$(dirname "$0")/common.bash"

cat >"$scratch/spec.yaml" <<EOF
matrix: {models: [mini-bert-s, mini-t5-s], methods: [full], datasets: [mini_irony], seeds: [1]}
protocol: sound
set: {num_train_epochs: 1, max_train_samples: 160}
EOF
expect_status 0 "$ftbench" run "$scratch/spec.yaml" --db "$scratch/r.db" --jobs 1 --threads 1
"$ftbench" plan "$scratch/spec.yaml" --format csv --db "$scratch/r.db" >"$scratch/plan.csv"
sqlite3 "$scratch/r.db" ".import --csv $scratch/plan.csv plan" \
    "SELECT plan.model, 1.0 * plan.est_memory_bytes / run.peak_rss_bytes AS ratio FROM plan
     JOIN cell ON cell.cell_id = plan.cell_id JOIN run ON run.cell = cell.id" >"$scratch/ratios"
[ "$(wc -l <"$scratch/ratios")" = 2 ] || fail "not two cells"
awk -F'|' '$2 < 0.8 || $2 > 1.2 {bad = 1} END {exit bad}' "$scratch/ratios" ||
    fail "plan over peak: $(tr '\n' ' ' <"$scratch/ratios")"
