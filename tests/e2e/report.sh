#!/usr/bin/env bash
# A matrix run for real, then reported: the tables say what the stored logits
# say, the page is well formed, no link is dead, figures can be drawn by hand.
source "$(dirname "$0")/common.bash"

small_spec "$scratch/spec.yaml" "full, head, {lora: {r: 2}}, {lora: {r: 4}}" "1, 2" 2 64
db=$scratch/r.db out=$scratch/out
expect_status 3 "$ftbench" report "$scratch/spec.yaml" --db "$db" --out "$out"
said "$db"
expect_status 0 "$ftbench" run "$scratch/spec.yaml" --db "$db"
expect_status 0 "$ftbench" report "$scratch/spec.yaml" --db "$db" --out "$out"
[ ! -e "$db-wal" ] || fail "the reader left a write-ahead log behind"

python3 - "$db" "$out" <<'EOF'
"""Recomputes the numbers from the logits, and follows every link."""
import csv, html.parser, pathlib, sqlite3, statistics, struct, sys

db, out = sqlite3.connect(sys.argv[1]), pathlib.Path(sys.argv[2])
runs = list(csv.DictReader(open(out / "runs.csv", newline="")))
assert len(runs) == 8, len(runs)

def recomputed(cell_id):
    rows = db.execute("SELECT label, logits FROM example JOIN cell ON cell.id = cell"
                      " WHERE cell_id = ? AND split = 'test'", (cell_id,)).fetchall()
    pairs = []
    for label, blob in rows:
        logits = struct.unpack(f"<{len(blob) // 4}f", blob)
        pairs.append((label, logits.index(max(logits))))
    f1 = []
    for c in {x for pair in pairs for x in pair}:
        hit = sum(a == b == c for a, b in pairs)
        f1.append(2 * hit / (sum(a == c for a, _ in pairs) + sum(b == c for _, b in pairs)))
    return sum(a == b for a, b in pairs) / len(pairs), statistics.fmean(f1)

for run in runs:
    accuracy, f1 = recomputed(run["cell_id"])
    assert run["status"] == "done" and run["split"] == "test", run
    assert abs(float(run["accuracy"]) - accuracy) < 1e-12, (run, accuracy)
    assert abs(float(run["f1_macro"]) - f1) < 1e-12, (run, f1)

labels = {run["label"] for run in runs}
assert len(labels) == 4, labels
for row in csv.DictReader(open(out / "summary.csv", newline="")):
    if row["metric"] == "accuracy":
        mine = [float(r["accuracy"]) for r in runs if r["label"] == row["method"]]
        assert row["n"] == "2" and sorted(row["cell_ids"].split()) == sorted(
            r["cell_id"] for r in runs if r["label"] == row["method"])
        assert abs(float(row["mean"]) - statistics.fmean(mine)) < 1e-12
        # Student's t, 1 degree of freedom, 0.975: 12.7062047361747
        half = 12.7062047361747 * statistics.stdev(mine) / 2 ** 0.5
        assert abs(float(row["high_95"]) - float(row["mean"]) - half) < 1e-9

class Page(html.parser.HTMLParser):
    open_tags, ids, targets = [], set(), []
    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag not in ("meta", "img"):
            self.open_tags.append(tag)
        self.ids.add(attributes.get("id"))
        self.targets += [attributes[k] for k in ("href", "src") if k in attributes]
    def handle_endtag(self, tag):
        assert self.open_tags.pop() == tag, (tag, self.getpos())

page = Page()
page.feed((out / "report.html").read_text())
assert not page.open_tags, page.open_tags
assert len(page.targets) > 20, page.targets
for target in page.targets:
    if target.startswith("#"):
        assert target[1:] in page.ids, target
    else:
        assert (out / target).is_file(), target
EOF

# What is current is not written again; a file that is gone, or one that someone changed, is.
cp -r "$out" "$scratch/first"
report() {
    expect_status 0 "$ftbench" report "$scratch/spec.yaml" --db "$db" --out "$out" "$@"
}
made_again() {
    report "$@"
    ! grep -q "current" "$scratch/said" || fail "not made again: $*"
}
report
said "current"
rm "$out/figures/speed_and_memory.svg"
made_again
echo "a line" >>"$out/report.md"
made_again
made_again --only seed=1
made_again
report
said "current"

# The same again, byte for byte; then a figure by hand.
rm "$out/made.sha256"
made_again
diff -r "$scratch/first" "$out" || fail "two reports of one database differ"
cd "$out/figures" || exit 1
rm speed_and_memory.svg
gnuplot speed_and_memory.gp
cmp speed_and_memory.svg "$scratch/first/figures/speed_and_memory.svg"
sqlite3 "$db" "UPDATE run SET seconds = seconds + 1 WHERE cell = 1"
made_again
echo "8 cells, tables equal to the logits, links alive"
