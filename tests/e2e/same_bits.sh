#!/usr/bin/env bash
# The same spec gives the same bits: one process or two, one thread or three, and run again.
source "$(dirname "$0")/common.bash"

small_spec "$scratch/spec.yaml" "full, lora, bitfit, prefix" "1, 2" 2 200
for run in one two three again; do
    jobs=1 threads=1
    [ $run = two ] && jobs=2
    [ $run = three ] && threads=3
    expect_status 0 "$ftbench" run "$scratch/spec.yaml" --db "$scratch/$run.db" --jobs $jobs \
        --threads $threads
    results_of "$scratch/$run.db" >"$scratch/$run.lines"
done
[ "$(sqlite3 "$scratch/one.db" 'SELECT count(*) FROM cell')" = 8 ] || fail "not all cells stored"
[ "$(wc -l <"$scratch/one.lines")" -gt 500 ] || fail "too few result lines to compare"
cmp "$scratch/one.lines" "$scratch/two.lines" || fail "--jobs 2 gave other bits"
cmp "$scratch/one.lines" "$scratch/three.lines" || fail "--threads 3 gave other bits"
cmp "$scratch/one.lines" "$scratch/again.lines" || fail "a second run gave other bits"

# The comparison can fail: another seed gives other lines.
small_spec "$scratch/spec.yaml" "full" "3" 2 200
expect_status 0 "$ftbench" run "$scratch/spec.yaml" --db "$scratch/other.db"
results_of "$scratch/other.db" >"$scratch/other.lines"
cmp -s "$scratch/one.lines" "$scratch/other.lines" && fail "another seed gave the same lines"

# What is current is not run again.
expect_status 0 "$ftbench" run "$scratch/spec.yaml" --db "$scratch/other.db"
said "0 to run"
