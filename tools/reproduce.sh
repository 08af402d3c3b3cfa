#!/bin/sh
# make reproduce: runs what is not current of a matrix and writes its report. By default the
# survey's matrix in miniature, with nothing but what the project ships; SPEC=FILE names
# another. A second run finds nothing to do.
set -eu
cd "$(dirname "$0")/.."

spec=${SPEC:-specs/miniature.yaml}
name=$(basename "$spec" .yaml)
db=results/$name.db
out=reports/out

[ "$name" != miniature ] || cat <<'NOTE'
This is a miniature. Its data sets are small ones written for this project after the survey's
six, and its models are tiny and trained from scratch: what it shows is that the whole path
works, and how methods compare under those conditions. It does not measure what the survey
measured; specs/real.yaml is one step closer and needs the network.

NOTE
mkdir -p "$(dirname "$db")"
[ "$name" != miniature ] || offline=--offline
./ftbench run "$spec" --db "$db" ${offline:+"$offline"}
./ftbench report "$spec" --db "$db" --out "$out"
echo "The page: $out/report.md and $out/report.html"
