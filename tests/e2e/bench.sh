#!/usr/bin/env bash
# make bench without PyTorch and without real texts: it says so, measures, and writes its page.
source "$(dirname "$0")/common.bash"

engine=build/${CC:-gcc}-${V:-release}/tests/bench/bench_engine
make -s "$engine" >"$scratch/made" 2>&1 || { cat "$scratch/made"; fail "bench_engine does not build"; }
unset FTBENCH_MIRROR FTBENCH_PYTHON
export FTBENCH_CACHE=$scratch/cache BENCH_OUT=$scratch/out BENCH_SECONDS=0.02 BENCH_SHORT=1
export BENCH="bert-l2-h128/full t5-l2-h128/lora,r=8"
expect_status 0 tests/bench/bench.py
said "the project's miniature texts instead"
[ "$(cut -f1-5 "$BENCH_OUT/speed.tsv" | tr '\t' ' ')" = "model method precision threads dataset
t5-l2-h128 lora,r=8 float32 1 mini_ag_news
bert-l2-h128 full float32 1 mini_ag_news
bert-l2-h128 full float32 1 mini_irony
bert-l2-h128 full float32 1 mini_imdb_truncated" ] || fail "other rows: $(cat "$BENCH_OUT/speed.tsv")"
# Rates are above 0, and nothing multiplies faster than the fastest product, with room for a
# machine that is busy while one of the two is measured.
awk -F'\t' 'NR > 1 && !($10 > 0 && $18 > 0 && $21 > 0 && $21 < 1.5) { exit 1 }
    NR == 1 && ($10 != "engine_tok_s" || $18 != "useful_gflop_s" || $21 != "share_of_peak") { exit 1 }' \
    "$BENCH_OUT/speed.tsv" || { cat "$BENCH_OUT/speed.tsv"; fail "rates that cannot be"; }
grep -q "the real ones were not here" "$BENCH_OUT/speed.md" || fail "the page is silent about its texts"
grep -q "^| t5-l2-h128 | lora,r=8 |" "$BENCH_OUT/speed.md" || fail "the page lacks a row"
