#!/usr/bin/env bash
# usage: memory.sh SPEC   -- what `plan` says each cell will take and what it took, in MiB; then,
# of two workers that ran side by side, how much of their mapped weights is resident in both
# (Rss) and how much of it each has to answer for (Pss: half, where the pages are one).
set -eu
cd "$(dirname "$0")/../.."
spec=$1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

./ftbench run "$spec" --db "$scratch/r.db" --jobs 1 --threads 1 >"$scratch/log" 2>&1 ||
    tail -3 "$scratch/log"
./ftbench plan "$spec" --format csv --db "$scratch/r.db" >"$scratch/plan.csv"
sqlite3 "$scratch/r.db" <<SQL
.import --csv $scratch/plan.csv plan
SELECT printf('%-22s %-14s %-16s plan %8.1f took %8.1f ratio %.2f', plan.model, plan.method,
              plan.dataset, plan.est_memory_bytes / 1048576.0, run.peak_rss_bytes / 1048576.0,
              1.0 * plan.est_memory_bytes / run.peak_rss_bytes)
FROM plan JOIN cell ON cell.cell_id = plan.cell_id JOIN run ON run.cell = cell.id;
SQL

./ftbench run "$spec" --db "$scratch/two.db" --jobs 2 --threads 1 >/dev/null 2>&1 &
parent=$!
most=""
while kill -0 $parent 2>/dev/null; do
    seen=$(for child in $(pgrep -P $parent); do
        awk '/^[0-9a-f]+-[0-9a-f]+ / {mapped = $2 == "r--p" && $6 ~ "^/" && $6 !~ /[.]so|ftbench$/}
             mapped && $1 ~ /^(Rss|Pss):$/ {n[$1] += $2}
             END {if (n["Rss:"] > 20000)
                      printf "  worker: Rss %.1f Pss %.1f\n", n["Rss:"] / 1024, n["Pss:"] / 1024}' \
            "/proc/$child/smaps" 2>/dev/null || true
    done)
    [ "$(wc -l <<<"$seen")" = 2 ] && most=$seen
    sleep 0.2
done
echo "mapped weights of two workers, MiB"
echo "${most:-  no two workers mapped weights at one time}"
