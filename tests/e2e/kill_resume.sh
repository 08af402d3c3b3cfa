#!/usr/bin/env bash
# A matrix killed with SIGKILL at ten random moments and resumed gives the bits
# of one that was left alone.
source "$(dirname "$0")/common.bash"

small_spec "$scratch/spec.yaml" "full, {lora: {r: 4}}" "1, 2" 60 400
start=$(date +%s%N)
expect_status 0 "$ftbench" run "$scratch/spec.yaml" --db "$scratch/whole.db" --jobs 2
whole_ms=$((($(date +%s%N) - start) / 1000000))
results_of "$scratch/whole.db" >"$scratch/whole.lines"

kills=0
RANDOM=7
while [ $kills -lt 10 ]; do
    "$ftbench" run "$scratch/spec.yaml" --db "$scratch/killed.db" --jobs 2 --snapshot-seconds 0 \
        >"$scratch/log" 2>&1 &
    pid=$!
    # On the average a twentieth of the whole run: ten kills fall within it on any machine.
    ms=$((RANDOM * 32768 + RANDOM))
    ms=$((20 + ms % (whole_ms / 10)))
    sleep "$((ms / 1000)).$(printf '%03d' $((ms % 1000)))"
    kill -0 $pid 2>/dev/null || fail "the matrix ended before it could be killed ten times"
    kill -9 $pid
    wait $pid 2>/dev/null || true
    kills=$((kills + 1))
done
sleep 0.2 # workers die with their parent
expect_status 0 "$ftbench" run "$scratch/spec.yaml" --db "$scratch/killed.db" --jobs 2
results_of "$scratch/killed.db" >"$scratch/killed.lines"
cmp "$scratch/whole.lines" "$scratch/killed.lines" || fail "resuming gave other bits"
resumed=$(sqlite3 "$scratch/killed.db" 'SELECT sum(resumed) FROM run')
[ "$resumed" -gt 0 ] || fail "nothing was ever resumed from a snapshot"
[ -z "$(find "$scratch/killed.db.state" -name '*.snapshot')" ] || fail "snapshots are left over"

# A damaged snapshot is refused and the cell starts over, with the same bits.
small_spec "$scratch/one.yaml" "full" "1" 60 400
"$ftbench" run "$scratch/one.yaml" --db "$scratch/torn.db" --snapshot-seconds 0 >/dev/null 2>&1 &
pid=$!
for _ in $(seq 100); do
    ls "$scratch"/torn.db.state/*.snapshot >/dev/null 2>&1 && break
    sleep 0.05
done
kill -9 $pid
wait $pid 2>/dev/null || true
snapshot=$(ls "$scratch"/torn.db.state/*.snapshot)
printf 'x' | dd of="$snapshot" bs=1 seek=4000 conv=notrunc status=none
expect_status 0 "$ftbench" run "$scratch/one.yaml" --db "$scratch/torn.db"
said "damaged"
said "starting again from the first step"
results_of "$scratch/torn.db" >"$scratch/torn.lines"
diff <(grep -F "$(sqlite3 "$scratch/torn.db" 'SELECT cell_id FROM cell')" "$scratch/whole.lines") \
    "$scratch/torn.lines" >/dev/null || fail "starting over gave other bits"
