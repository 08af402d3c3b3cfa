#!/usr/bin/env bash
# A million cells are planned in ten seconds of processor time and a gibibyte of address space,
# and their ids do not depend on how many they are.
source "$(dirname "$0")/common.bash"

write_spec() # file, seeds
{
    cat >"$1" <<SPEC
matrix:
  models: [mini-bert-xs, mini-bert-s, bert-l2-h128, bert-l4-h256, bert-l4-h512]
  methods: [full, head, bitfit, lora, {lora: {r: 64}}, ia3, adapter, prefix, prompt, "null"]
  datasets: [mini_irony, imdb_truncated, ag_news, tweet_eval_irony]
  seeds: [$(seq -s, "$2")]
protocol: sound
SPEC
}
write_spec "$scratch/all.yaml" 5000
write_spec "$scratch/few.yaml" 3
plan() { "$ftbench" plan "$1" --format csv --db "$scratch/none.db"; }

( # a sanitiser's shadow memory would break the second limit
    ulimit -t 10
    [[ ${V:-release} = asan ]] || ulimit -v 1048576
    plan "$scratch/all.yaml" >"$scratch/all.csv"
) || fail "a million cells took too long or too much"
[ "$(wc -l <"$scratch/all.csv")" = 1000001 ] || fail "not a million cells"
plan "$scratch/few.yaml" >"$scratch/few.csv" || fail "few cells cannot be planned"
awk -F, 'NR == 1 || $6 <= 3' "$scratch/all.csv" | cmp - "$scratch/few.csv" ||
    fail "cells are others among many"
