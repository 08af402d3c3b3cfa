#!/usr/bin/env bash
# tests/bench/bench.sh            what `make bench` runs
# tests/bench/bench.sh profile    where the engine's time goes (needs perf)
#
# Speed of whole training steps (forward, backward, clipping, AdamW) on one thread
# in float32, in real tokens a second: padding counts nothing. Both sides see the
# same batches of 32 in the same order and take turns, so that a machine that slows
# down slows both; a row shows medians over the rounds, its ratio is the median of
# the rounds' ratios. Time is processor time, user and system, which other work on
# the machine disturbs least; "wall" is how much longer it took by the clock.
# Useful GFLOP: see bench_engine.c; peaks are of sgemm, in the same minutes.
# Without torch only the engine is measured.
#
#   FTBENCH_PYTHON   python3 by default; one that has torch, transformers, peft
#   FTBENCH_MIRROR   where AG News and the vocabulary may lie; without them random
#                    tokens of the lengths in ag_news_lengths.txt
#   BENCH_MODELS     bert-l2-h128 bert-l4-h256 bert-l4-h512 bert-l12-h768
#   BENCH_METHODS    full lora,r=8 lora,r=64 head
#   BENCH_SECONDS    1.5: about what a side's turn takes, one step at least
#   BENCH_ROUNDS     3; 2 where a step of both sides takes over 5 turns
#   BENCH_CSV        build/bench.csv
set -euo pipefail
cd "$(dirname "$0")/../.."
read -ra models <<<"${BENCH_MODELS:-bert-l2-h128 bert-l4-h256 bert-l4-h512 bert-l12-h768}"
read -ra methods <<<"${BENCH_METHODS:-full lora,r=8 lora,r=64 head}"
seconds=${BENCH_SECONDS:-1.5}
csv=${BENCH_CSV:-build/bench.csv}
engine=build/${CC:-gcc}-${V:-release}/tests/bench/bench_engine
export FTBENCH_HOME=$PWD OMP_NUM_THREADS=1 MKL_NUM_THREADS=1
scratch=$(mktemp -d)
batches=$scratch/batches.json
trap 'rm -rf "$scratch"' EXIT
trap '' PIPE # a side that died is seen by the answer that does not come

# start SIDE COMMAND...: its input and output become ${to[SIDE]} and ${from[SIDE]}.
declare -A to from pid
start() {
    local side=$1 in out
    shift
    mkfifo "$scratch/$side.in" "$scratch/$side.out"
    "$@" <"$scratch/$side.in" >"$scratch/$side.out" 2>"$scratch/$side.err" &
    pid[$side]=$!
    exec {in}>"$scratch/$side.in" {out}<"$scratch/$side.out"
    rm "$scratch/$side.in" "$scratch/$side.out"
    to[$side]=$in from[$side]=$out
}

# stop SIDE
stop() {
    local in=${to[$1]} out=${from[$1]}
    exec {in}>&- {out}<&-
    wait "${pid[$1]}"
}

# ask SIDE WORDS...: its answer is in $answer.
ask() {
    local side=$1
    shift
    [ $# -eq 0 ] || echo "$*" >&"${to[$side]}" || true
    read -r answer <&"${from[$side]}" && return
    cat "$scratch/$side.err" >&2
    echo "bench: $side gave no answer to: $*" >&2
    exit 1
}

calculate() {
    awk "BEGIN { print ($*) }"
}

# cpu_of ANSWER: processor seconds.
cpu_of() {
    set -- $1
    echo "$3"
}

# warm SIDE: runs steps until one has been fast or slow enough to know; processor
# seconds of a step into $step.
warm() {
    ask "$1" run 1
    step=$(cpu_of "$answer")
    [ "$(calculate "$step < 0.3")" = 0 ] || {
        ask "$1" run 3
        step=$(calculate "$(cpu_of "$answer") / 3")
    }
}

# measure MODEL METHOD: lines "side round tokens wall cpu gflop rss loss" and "peak
# round large own" into $scratch/raw.
measure() {
    local side n total=0 rounds=${BENCH_ROUNDS:-3} sides=engine
    start engine "$engine" serve "$batches" "$1" "$2"
    ask engine
    [ "$torch" = no ] || {
        ask torch setup "$batches" "$1" "$2"
        case $answer in
        ready) sides="engine torch" ;;
        *) echo "$answer" ;;
        esac
    }
    for side in $sides; do
        warm "$side"
        total=$(calculate "$total + $step")
    done
    n=$(calculate "int($seconds * $(set -- $sides && echo $#) / $total + 0.5)")
    [ "$n" -gt 0 ] || n=1
    [ -n "${BENCH_ROUNDS:-}" ] || [ "$(calculate "$total > 5 * $seconds")" = 0 ] || rounds=2
    : >"$scratch/raw"
    for ((round = 1; round <= rounds; round++)); do
        for side in $sides; do
            ask "$side" run "$n"
            echo "$side $round $answer" >>"$scratch/raw"
        done
        ask engine peak
        echo "peak $round $answer" >>"$scratch/raw"
    done
    echo "steps $n" >>"$scratch/raw"
    [ "$sides" = engine ] || echo end >&"${to[torch]}"
    stop engine
}

# A row of the table, and one of the file.
summarise() {
    awk -v model="$1" -v method="$2" -v csv="$csv" -v machine="$machine" -v versions="$versions" '
        function median(a, n,    i, j, t) {
            for (i = 2; i <= n; i++)
                for (j = i; j > 1 && a[j] < a[j - 1]; j--) { t = a[j]; a[j] = a[j - 1]; a[j - 1] = t }
            return n % 2 ? a[(n + 1) / 2] : (a[n / 2] + a[n / 2 + 1]) / 2
        }
        $1 == "steps" { steps = $2; next }
        $1 == "peak" { if ($3 > large) large = $3; if ($4 > own) own = $4; next }
        { speed[$1, $2] = $3 / $5; slow[$1] += $4 / $5; rss[$1] = $7 / 1048576; rounds = $2 }
        $1 == "engine" { rate[$2] = $6 / $5 }
        END {
            for (i = 1; i <= rounds; i++) {
                e[i] = speed["engine", i]
                t[i] = speed["torch", i]
                if (t[i]) r[i] = e[i] / t[i]
            }
            gflops = median(rate, rounds)
            engine = median(e, rounds)
            if (t[1]) {
                torch = sprintf("%.0f", median(t, rounds)); ratio = sprintf("%.2f", median(r, rounds))
                spread = sprintf("%.2f-%.2f", r[1], r[rounds])
                torch_rss = sprintf("%.0f", rss["torch"])
                torch_wall = sprintf("%.2f", slow["torch"] / rounds)
            } else
                torch = ratio = spread = torch_rss = torch_wall = "-"
            wall = sprintf("%.2f", slow["engine"] / rounds)
            printf "%-14s %-10s %9.0f %9s %7s %11s %8.1f %7.0f %7.0f %5.0f%% %8.0f %8s %6s %6s\n",
                model, method, engine, torch, ratio, spread, gflops, large, own,
                100 * gflops / large, rss["engine"], torch_rss, wall, torch_wall
            gsub(/-$/, "", torch_wall)
            line = sprintf("%s,\"%s\",%.1f,%s,%s,%s,%.2f,%.1f,%.1f,%.1f,%s,%s,%s,%d,%d,\"%s\",\"%s\"",
                model, method, engine, torch, ratio, spread, gflops, large, own, rss["engine"],
                torch_rss, wall, torch_wall, steps, rounds, machine, versions)
            gsub(/,-,/, ",,", line); gsub(/,-,/, ",,", line)
            print line >>csv
        }' "$scratch/raw"
}

profile() {
    command -v perf >/dev/null || { echo "perf is missing: apt-get install linux-perf" && exit 1; }
    local model method
    for model in "${models[@]}"; do
        for method in "${methods[@]}"; do
            start engine "$engine" serve "$batches" "$model" "$method"
            ask engine
            warm engine
            perf record -q -e cpu-clock -p "${pid[engine]}" -o "$scratch/perf" &
            pid[perf]=$!
            sleep 1 # perf says nothing when it is ready
            ask engine run "$(calculate "int(1 + 2 * $seconds / $step)")"
            kill -INT "${pid[perf]}"
            wait "${pid[perf]}" || true
            stop engine
            echo "== $model $method"
            perf report -q -i "$scratch/perf" --stdio --sort symbol 2>/dev/null |
                awk 'NF && n++ < 20 { print $1, $3 }'
        done
    done
}

make -s CC="${CC:-gcc}" V="${V:-release}" "$engine"
machine=$("$engine" machine)
data=$("$engine" batches "$batches" tests/bench/ag_news_lengths.txt)
printf '%s\n%s\n' "$machine" "$data"
if [ "${1:-}" = profile ]; then
    profile
    exit
fi

torch=no versions="no torch"
python=${FTBENCH_PYTHON:-python3}
if "$python" -c 'import torch, transformers, peft' 2>/dev/null; then
    torch=yes
    start torch "$python" tests/bench/bench.py
    ask torch
    versions=$answer
else
    echo "$python has no torch, transformers and peft (FTBENCH_PYTHON): the engine alone"
fi
printf '%s\n' "$versions" \
    "tok/s and GFLOP/s: per second of processor time; wall: clock time over processor time"
printf '%-14s %-10s %9s %9s %7s %11s %8s %7s %7s %6s %8s %8s %6s %6s\n' model method engine \
    torch ratio spread GFLOP/s peak own share engine torch wall wall
printf '%-14s %-10s %9s %9s %7s %11s %8s %7s %7s %6s %8s %8s %6s %6s\n' "" "" tok/s tok/s "" \
    "over rounds" useful sgemm shapes "" MiB MiB engine torch
mkdir -p "$(dirname "$csv")"
echo "model,method,engine_tok_s,torch_tok_s,ratio,ratio_spread,useful_gflop_s,sgemm_peak_gflop_s,sgemm_own_shapes_gflop_s,engine_peak_mib,torch_peak_mib,engine_wall_per_cpu,torch_wall_per_cpu,steps,rounds,machine,torch" >"$csv"
for model in "${models[@]}"; do
    for method in "${methods[@]}"; do
        measure "$model" "$method"
        summarise "$model" "$method"
    done
done
[ "$torch" = no ] || stop torch
