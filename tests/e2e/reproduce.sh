#!/usr/bin/env bash
# make reproduce, as its script: says what it will do before it does it, does nothing a second time,
# and is kind about what does not exist. In a folder of its own, so that nobody's results are
# touched.
source "$(dirname "$0")/common.bash"
unset FTBENCH_MIRROR DATA PROFILE SPEC ONLY
export FTBENCH_HOME=$PWD FTBENCH_CACHE=$scratch/cache
mkdir "$scratch/here" "$scratch/here/tools"
cp -r specs "$scratch/here/"
cp tools/reproduce.sh "$scratch/here/tools/"
ln -s "$(readlink -f ftbench)" "$scratch/here/ftbench"
reproduce=$scratch/here/tools/reproduce.sh

# Before anything runs: what would be fetched, how many cells, how long.
PROFILE=smoke expect_status 0 "$reproduce"
said "from the network: nothing"
said "smoke: 6 cells, 0 current, 6 to run"
said "6 done, 0 failed"
said "The page: reports/out/smoke/report.md"
here=$scratch/here/reports/out/smoke
[ -s "$here/report.html" ] || fail "no page"

# Again: nothing to do, at once.
began=$(date +%s%N)
PROFILE=smoke expect_status 0 "$reproduce"
took=$((($(date +%s%N) - began) / 1000000))
said "Nothing to do: all 6 cells"
[ "$took" -lt 2000 ] || fail "the second run took $took ms"

# Another title: no cell runs, the page is written anew.
sed -i 's/^title: .*/title: Another title/' "$scratch/here/specs/smoke.yaml"
PROFILE=smoke expect_status 0 "$reproduce"
said "All 6 cells of specs/smoke.yaml are in results/smoke.db; the page is new"
grep -q "Another title" "$here/report.md" || fail "the page has the old title"

# A part of the default, with nothing but what the project ships.
ONLY='seed=1 dataset=mini_irony model=mini-enc-xs method=full' expect_status 0 "$reproduce"
said "from the network: nothing"
said "1 done, 0 failed"
[ -s "$scratch/here/reports/out/report.html" ] || fail "no page of the miniature"

# What does not exist is named, with what does.
PROFILE=surveys expect_status 2 "$reproduce"
said "there is no PROFILE=surveys"
said "survey-full"
DATA=unreal expect_status 2 "$reproduce"
said "miniature or real"
DATA=real PROFILE=mini-full expect_status 2 "$reproduce"
said "has no version on real data"
SPEC=none.yaml expect_status 2 "$reproduce"
said "SPEC=none.yaml is not there"

# Without a network: what was wanted, and what can be done without one. Nothing has run.
export http_proxy=http://127.0.0.1:9 https_proxy=http://127.0.0.1:9
DATA=real expect_status 3 "$reproduce"
said "ag_news: 1 file, about 1.9 MB"
said "240 cells"
said "FTBENCH_MIRROR=DIR"
[ ! -e "$scratch/here/results/mini-real.db" ] || fail "something was stored"
