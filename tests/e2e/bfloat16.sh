#!/usr/bin/env bash
# Precision bfloat16 keeps its bits: two processes or one, three threads or one, killed and
# resumed. Without the instructions its cells fail and say why, and others run.
source "$(dirname "$0")/common.bash"

spec() { # FILE EPOCHS METHODS
    cat >"$1" <<END
matrix:
  models: [mini-bert-xs, mini-t5-xs]
  methods: [$3]
  datasets: [mini_irony]
  seeds: [1]
protocol: sound
sweep: {precision: [float32, bfloat16]}
set: {num_train_epochs: $2, max_train_samples: 200, max_length: 32}
END
}

spec "$scratch/none.yaml" 1 '"null"'
ONEDNN_MAX_CPU_ISA=AVX2 expect_status 1 "$ftbench" run "$scratch/none.yaml" --db "$scratch/none.db"
said "precision bfloat16 needs a processor with AVX512-BF16 or AMX"
[ "$(sqlite3 "$scratch/none.db" "SELECT count(*) FROM run WHERE status = 'done'")" = 2 ] ||
    fail "the float32 cells did not run"

"$ftbench" doctor | grep -q '^bfloat16 .*refused' && skip "no bfloat16 products on this processor"

spec "$scratch/spec.yaml" 4 "full, {lora: {r: 4}}"
for run in one two three; do
    jobs=1 threads=1
    [ $run = two ] && jobs=2
    [ $run = three ] && threads=3
    expect_status 0 "$ftbench" run "$scratch/spec.yaml" --db "$scratch/$run.db" --jobs $jobs \
        --threads $threads
    results_of "$scratch/$run.db" >"$scratch/$run.lines"
done
[ "$(wc -l <"$scratch/one.lines")" -gt 500 ] || fail "too few result lines to compare"
cmp "$scratch/one.lines" "$scratch/two.lines" || fail "--jobs 2 gave other bits"
cmp "$scratch/one.lines" "$scratch/three.lines" || fail "--threads 3 gave other bits"

while [ "${kills:=0}" -lt 4 ]; do
    "$ftbench" run "$scratch/spec.yaml" --db "$scratch/killed.db" --jobs 2 --snapshot-seconds 0 \
        >"$scratch/log" 2>&1 &
    pid=$!
    sleep "0.$((kills + 2))"
    kill -9 $pid 2>/dev/null || true
    wait $pid 2>/dev/null || true
    kills=$((kills + 1))
done
sleep 0.2 # workers die with their parent
expect_status 0 "$ftbench" run "$scratch/spec.yaml" --db "$scratch/killed.db"
results_of "$scratch/killed.db" >"$scratch/killed.lines"
cmp "$scratch/one.lines" "$scratch/killed.lines" || fail "resuming gave other bits"
[ "$(sqlite3 "$scratch/killed.db" 'SELECT sum(resumed) FROM run')" -gt 0 ] ||
    fail "nothing was ever resumed from a snapshot"

# The precision is in effect, and which kernels multiplied is stored.
pairs=$(sqlite3 "$scratch/one.db" "SELECT count(*) FROM (SELECT 1 FROM step JOIN cell ON cell.id = cell
    WHERE step = 1 GROUP BY model, method_options HAVING count(DISTINCT loss) = 2)")
[ "$pairs" = 4 ] || fail "first losses of $pairs instead of 4 cells depend on the precision"
named=$(sqlite3 "$scratch/one.db" "SELECT count(*) FROM run JOIN cell ON cell.id = cell
    WHERE (blas_core LIKE '%oneDNN%') = (precision = 'bfloat16')")
[ "$named" = 8 ] || fail "kernels of $named instead of 8 cells are stored right"
