#!/usr/bin/env bash
# Ctrl-C stops cleanly, time-outs and crashes are stored failures, and the
# matrix goes on.
source "$(dirname "$0")/common.bash"

small_spec "$scratch/spec.yaml" "full" "1, 2" 900 400
"$ftbench" run "$scratch/spec.yaml" --db "$scratch/a.db" --jobs 1 >"$scratch/log" 2>&1 &
pid=$!
sleep 1
kill -TERM $pid
status=0
wait $pid || status=$?
[ $status -eq 1 ] || fail "a stopped run ended with $status"
grep -q "goes on where this one left off" "$scratch/log" || fail "does not say how to go on"
ls "$scratch"/a.db.state/*.snapshot >/dev/null || fail "no snapshot of the stopped cell"
[ "$(sqlite3 "$scratch/a.db" 'SELECT count(*) FROM run')" = 0 ] || fail "a stopped cell was stored"

expect_status 1 "$ftbench" run "$scratch/spec.yaml" --db "$scratch/b.db" --jobs 2 --timeout 1
said "timed out after 1 s"
[ "$(sqlite3 "$scratch/b.db" "SELECT count(*) FROM run WHERE status='failed'")" = 2 ] ||
    fail "time-outs are not stored as failures"

# A failed cell is left alone until asked for, and does not stop the others.
small_spec "$scratch/mixed.yaml" "full" "1, 2" 2 100
cat >>"$scratch/mixed.yaml" <<'EOF'
  train_batch_size: 16
EOF
"$ftbench" run "$scratch/mixed.yaml" --db "$scratch/c.db" --jobs 1 >"$scratch/log" 2>&1 || true
id=$(sqlite3 "$scratch/c.db" 'SELECT min(cell_id) FROM cell')
sqlite3 "$scratch/c.db" "UPDATE run SET status='failed', message='planted' WHERE cell=(SELECT id FROM cell WHERE cell_id='$id')"
expect_status 1 "$ftbench" run "$scratch/mixed.yaml" --db "$scratch/c.db"
said "--retry-failed runs them again"
expect_status 0 "$ftbench" run "$scratch/mixed.yaml" --db "$scratch/c.db" --retry-failed
said "1 done, 0 failed"

# Weights with a NaN in them: a stored failure that says where training broke.
python3 tests/e2e/nan_model.py "$scratch/nan" models/zoo/mini/vocab.txt
small_spec "$scratch/nan.yaml" "full" "1" 2 200
sed -i "s|models: .*|models: [$scratch/nan]|" "$scratch/nan.yaml"
expect_status 1 "$ftbench" run "$scratch/nan.yaml" --db "$scratch/d.db"
said "training diverged at step 1"
said "try a smaller learning_rate"
sqlite3 "$scratch/d.db" 'SELECT message FROM run' | grep -q "diverged" || fail "not stored"
