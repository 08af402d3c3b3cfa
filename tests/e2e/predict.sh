#!/usr/bin/env bash
# A stored adapter at work: the labels of the test rows' texts are those that the
# training run stored for them, and what cannot be predicted is said.
source "$(dirname "$0")/common.bash"

small_spec "$scratch/spec.yaml" "full, {lora: {r: 2}}" "1" 12 800
echo "  learning_rate: 3e-3" >>"$scratch/spec.yaml"
db=$scratch/results.db
expect_status 0 "$ftbench" run "$scratch/spec.yaml" --db "$db" --keep-adapters

# mini_irony's test rows are those of its file, in its order.
texts=datasets/miniature/irony_test_text.txt
for id in $(sqlite3 "$db" 'SELECT cell_id FROM cell ORDER BY cell_id'); do
    sqlite3 "$db" "SELECT iif(predicted = 0, 'non_irony', 'irony') FROM example
        JOIN cell ON cell.id = example.cell
        WHERE cell_id = '$id' AND split = 'test' ORDER BY position" >"$scratch/stored"
    "$ftbench" predict "$id" --db "$db" <$texts >"$scratch/predicted"
    cut -f 1 "$scratch/predicted" | cmp - "$scratch/stored" ||
        fail "predict and the training run disagree on $id"
    cut -f 3- "$scratch/predicted" | cmp - $texts || fail "the texts are not given back"
    [ "$(sort -u "$scratch/stored" | wc -l)" -eq 2 ] || fail "$id predicts one class: nothing shown"
    # Probabilities of the winner among two classes.
    awk -F '\t' '$2 < 0.5 || $2 > 1 { exit 1 }' "$scratch/predicted" || fail "odd probabilities"
done

# The beginning of an id will do; JSON says the same as text.
head -n 3 $texts | "$ftbench" predict "${id:0:8}" --db "$db" --json >"$scratch/json"
python3 - "$scratch/json" "$scratch/predicted" <<'EOF'
import json, sys
rows = [json.loads(line) for line in open(sys.argv[1])]
lines = [line.rstrip("\n").split("\t") for line in open(sys.argv[2])][: len(rows)]
assert len(rows) == 3
for row, (label, probability, text) in zip(rows, lines):
    assert row["label"] == label and row["text"] == text, (row, label, text)
    assert abs(row["probability"] - float(probability)) < 1e-4, (row, probability)
EOF

# A model that answers in text: the likeliest class, what it says, and each class's likelihood.
mkdir "$scratch/text"
cp models/zoo/mini-unigram/spiece.model "$scratch/text"
cat >"$scratch/text/config.json" <<'EOF'
{"model_type": "t5", "vocab_size": 1500, "d_model": 64, "d_kv": 16, "d_ff": 128, "num_layers": 1, "num_heads": 4}
EOF
small_spec "$scratch/text.yaml" full 1 20 640
sed -i "s#mini-bert-xs#\"$scratch/text/:random\"#" "$scratch/text.yaml"
echo "  learning_rate: 5e-3" >>"$scratch/text.yaml"
expect_status 0 "$ftbench" run "$scratch/text.yaml" --db "$scratch/text.db" --keep-adapters
text_id=$(sqlite3 "$scratch/text.db" 'SELECT cell_id FROM cell')
sqlite3 "$scratch/text.db" "SELECT iif(predicted = 0, 'non_irony', 'irony'), text FROM example
    JOIN said USING (cell, split, position) WHERE split = 'test' ORDER BY position" \
    >"$scratch/stored"
"$ftbench" predict "$text_id" --db "$scratch/text.db" --json <$texts >"$scratch/json"
python3 - "$scratch/json" "$scratch/stored" <<'EOF'
import json, math, sys
rows = [json.loads(line) for line in open(sys.argv[1])]
stored = [line.rstrip("\n").split("|") for line in open(sys.argv[2])]
assert len(rows) == len(stored) > 100
for row, (label, said) in zip(rows, stored):
    assert row["label"] == label and row["said"] == said, (row, label, said)
    likelihoods = row["log_likelihoods"]
    assert max(likelihoods, key=likelihoods.get) == label and max(likelihoods.values()) < 0, row
    share = math.exp(likelihoods[label]) / sum(math.exp(x) for x in likelihoods.values())
    assert abs(share - row["probability"]) < 1e-6, row
assert len({row["label"] for row in rows}) == 2, "one class is predicted: nothing shown"
EOF
head -n 1 $texts | "$ftbench" predict "$text_id" --db "$scratch/text.db" >"$scratch/line"
[ "$(awk -F '\t' '{ print NF }' "$scratch/line")" -eq 5 ] || fail "not five columns"

# Line ends of other systems, an empty line, no line at all.
printf 'cold shower again\r\n\nlast' >"$scratch/odd"
expect_status 0 "$ftbench" predict "$id" --db "$db" <"$scratch/odd"
[ "$(wc -l <"$scratch/said")" -eq 3 ] || fail "three lines in, others out"
grep -qP '\tcold shower again$' "$scratch/said" || fail "a carriage return was kept"
expect_status 0 "$ftbench" predict "$id" --db "$db" </dev/null
[ ! -s "$scratch/said" ] || fail "something was predicted from nothing"

# Bytes that are no text: the line is named; those before it are answered.
printf 'fine\nbad \377 byte\n' >"$scratch/odd"
expect_status 3 "$ftbench" predict "$id" --db "$db" <"$scratch/odd"
said "standard input, line 2"
said "UTF-8"
printf 'a\0b\n' >"$scratch/odd"
expect_status 3 "$ftbench" predict "$id" --db "$db" <"$scratch/odd"
said "standard input, line 1: a NUL byte"

# A cell nobody ran, a beginning of two, a database that is not there.
expect_status 2 "$ftbench" predict ffffffffffffffff --db "$db" </dev/null
said "no finished cell in $db begins with ffffffffffffffff"
expect_status 2 "$ftbench" predict "" --db "$db" </dev/null
said "more than one id"
expect_status 3 "$ftbench" predict "$id" --db "$scratch/none.db" </dev/null
said "$scratch/none.db"

# No adapter; half an adapter.
mv "$db.state/$id.adapter" "$scratch/kept"
expect_status 3 "$ftbench" predict "$id" --db "$db" </dev/null
said "run --keep-adapters"
cp -r "$scratch/kept" "$db.state/$id.adapter"
rm "$db.state/$id.adapter/adapter_model.safetensors"
expect_status 3 "$ftbench" predict "$id" --db "$db" </dev/null
said "adapter_model.safetensors"
