#!/usr/bin/env bash
# What status and explain say of done, failed, pending and stale cells.
source "$(dirname "$0")/common.bash"

spec=$scratch/spec.yaml
db=$scratch/results.db
small_spec "$spec" "head, bitfit" "1" 1 64
expect_status 0 "$ftbench" status "$spec" --db "$db"
said "2 cells: 0 done, 0 failed, 0 skipped, 0 running, 0 stale, 2 pending"
expect_status 0 "$ftbench" run "$spec" --db "$db" --only method=head
expect_status 0 "$ftbench" status "$spec" --db "$db" --json
said '{"cells": 2, "done": 1, "failed": 0, "skipped": 0, "running": 0, "stale": 0, "pending": 1}'

id=$("$ftbench" plan "$spec" --db "$db" --format csv | awk -F, '$3 == "head" { print $1 }')
expect_status 0 "$ftbench" explain "${id:0:6}" --db "$db" --spec "$spec"
said "cell $id"
said "current: stored under this id"
said "training.learning_rate=0.005"
said "commit: "
said "test accuracy: "
said "cpu_model: "
expect_status 0 "$ftbench" explain "$id" --db "$db" --json
said '"standing": "stored"'
expect_status 2 "$ftbench" explain "" --db "$db" --spec "$spec"
said "is the beginning of more than one id"

# Something that counts changes: the old result is named, and so is the difference.
sed -i 's/^set:/set:\n  weight_decay: 0.5/' "$spec"
expect_status 0 "$ftbench" status "$spec" --db "$db"
said "2 cells: 0 done, 0 failed, 0 skipped, 0 running, 1 stale, 1 pending"
new=$("$ftbench" plan "$spec" --db "$db" --format csv | awk -F, '$3 == "head" { print $1 }')
[ "$new" != "$id" ] || fail "another weight decay left the id as it was"
expect_status 0 "$ftbench" explain "$new" --db "$db" --spec "$spec"
said "stale: something that counts has changed"
said "an older result, $id, differs in:"
said "  training.weight_decay: 0.01 -> 0.5"
[ "$(grep -c ' -> ' "$scratch/said")" = 1 ] || fail "more than one difference is told"

# A cell that fails is told with its message, and makes the exit status 1.
sqlite3 "$db" "UPDATE run SET status = 'failed', message = 'made to fail'"
expect_status 1 "$ftbench" status --db "$db"
said "1 cells: 0 done, 1 failed"
said "failed $id  mini-bert-xs, head, mini_irony, seed 1, attempt 1: made to fail"
