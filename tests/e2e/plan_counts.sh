#!/usr/bin/env bash
# Parameter counts of the survey's BERT runs, from configurations alone: no weights, no data.
# Numbers: the survey's logs, trainable counts as printed (its totals for LoRA count the
# classifier twice and are not compared).
source "$(dirname "$0")/common.bash"

export FTBENCH_CACHE=$scratch/cache
unset FTBENCH_MIRROR
expect_status 0 "$ftbench" plan specs/counts.yaml --format csv --db "$scratch/none.db"
cp "$scratch/said" "$scratch/counts.csv"

# model, method, data set (2, 3, 4 classes), trainable
while read -r model method dataset trainable; do
    awk -F, -v model="$model" -v method="$method" -v dataset="$dataset" -v n="$trainable" '
        $2 == model && index($3, method) == 1 && $4 == dataset && $8 == n { found = 1 }
        END { exit !found }' "$scratch/counts.csv" ||
        fail "$model $method on $dataset does not train $trainable parameters"
done <<'COUNTS'
bert-base-cased full imdb_truncated 108311810
bert-base-cased full financial_phrasebank 108312579
bert-base-cased full ag_news 108313348
bert-base-cased lora imdb_truncated 2360834
bert-base-cased lora financial_phrasebank 2361603
bert-base-cased lora ag_news 2362372
bert-large-cased lora imdb_truncated 6293506
bert-large-cased lora financial_phrasebank 6294531
bert-large-cased lora ag_news 6295556
COUNTS
[ ! -e "$FTBENCH_CACHE" ] || fail "plan fetched something"

# The columns that programs rely on, in order.
read -r header <"$scratch/counts.csv"
wanted=cell_id,model,method,dataset,protocol,seed,precision,trainable_params,total_params
wanted=$wanted,est_memory_bytes,est_seconds,status
[ "$header" = "$wanted" ] || fail "columns are $header"

# JSON says the same.
"$ftbench" plan specs/counts.yaml --json --db "$scratch/none.db" >"$scratch/plan.json"
python3 - "$scratch/plan.json" "$scratch/counts.csv" <<'PYTHON'
import csv, json, sys
cells = json.load(open(sys.argv[1]))
rows = list(csv.DictReader(open(sys.argv[2])))
assert len(cells) == len(rows) == 12
for cell, row in zip(cells, rows):
    assert list(cell) == list(row)
    assert all(str(cell[k]) == row[k] for k in ("cell_id", "model", "method", "trainable_params"))
    assert isinstance(cell["total_params"], int)
PYTHON
