#!/usr/bin/env bash
# run --profile: phases add up to the time that the training took, in every cell, and results
# are the same as without.
source "$(dirname "$0")/common.bash"

spec=$scratch/spec.yaml
db=$scratch/results.db
small_spec "$spec" "full, lora, bitfit" "1" 3 400
expect_status 0 "$ftbench" run "$spec" --db "$db" --jobs 1 --profile
said "processors busy"
expect_status 0 "$ftbench" run "$spec" --db "$scratch/plain.db" --jobs 1
[ ! -e "$scratch/plain.db.profile.tsv" ] || fail "a profile nobody asked for"
[ "$(results_of "$db")" = "$(results_of "$scratch/plain.db")" ] || fail "a profile changed results"

tsv=$db.profile.tsv
[ "$(wc -l <"$tsv")" = 25 ] || fail "$(wc -l <"$tsv") lines, not one and 3 cells of 8"
[ "$(cut -f9 "$tsv" | tail -n 8 | xargs)" = \
    "gemm attention pointwise loss optimizer data evaluation other" ] || fail "other phases"

# Sum of the phases over all updates against the training's own clock, which leaves out only
# what happens between updates (progress, snapshots): equal within 5 %. Where a snapshot took
# long, "other" is larger by it.
sqlite3 "$db" "SELECT cell_id, max(epoch.seconds) FROM epoch JOIN cell ON cell.id = epoch.cell
               GROUP BY cell_id" >"$scratch/times"
[ "$(wc -l <"$scratch/times")" = 3 ] || fail "the database has no times of 3 cells"
while IFS='|' read -r id seconds; do
    awk -F'\t' -v id="$id" -v seconds="$seconds" '
        $1 == id { percent += $11; if ($9 != "other") s += 1e-9 * $10 * $7 }
        $1 == id && $9 == "optimizer" { optimizer = $10 }
        $1 == id && $9 == "gemm" { gemm = $10 }
        $1 == id && $9 == "evaluation" { evaluation = $10 }
        END {
            printf "%s: phases %.4f s, training %.4f s\n", id, s, seconds
            exit !(percent > 99.9 && percent < 100.1 && s > 0.95 * seconds && s < 1.05 * seconds &&
                optimizer > 0 && gemm > 0 && evaluation > 0)
        }' "$tsv" || fail "phases do not add up"
done <"$scratch/times"
