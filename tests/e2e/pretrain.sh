#!/usr/bin/env bash
# From a text alone to a report: vocabularies, pre-training of an encoder and an encoder-decoder
# (stopped and killed on the way), fine-tuning of both, tables.
source "$(dirname "$0")/common.bash"

# Words in a circle, one in five at random: what comes before a word mostly tells it.
awk 'BEGIN {
    srand(5)
    n = split("the of and to in a is that for it as was with on be by at his from are not they " \
              "have this which there their will but all", word, " ")
    for (d = 0; d < 400; d++) {
        at = int(rand() * n)
        line = ""
        for (i = 0; i < 60; i++) {
            line = line (i ? " " : "") word[at + 1]
            at = rand() < 0.2 ? int(rand() * n) : (at + 1) % n
        }
        print line
    }
}' >"$scratch/text"

mkdir "$scratch/enc" "$scratch/encdec" "$scratch/out" "$scratch/torn"
expect_status 0 "$ftbench" tokenizer "$scratch/text" --kind wordpiece --vocab_size 75 \
    --out "$scratch/enc"
expect_status 0 "$ftbench" tokenizer "$scratch/text" --kind unigram --vocab_size 150 \
    --out "$scratch/encdec"
cat >"$scratch/enc/config.json" <<'EOF'
{"model_type": "bert", "vocab_size": 75, "hidden_size": 64, "num_hidden_layers": 1,
 "num_attention_heads": 2, "intermediate_size": 128, "max_position_embeddings": 128,
 "initializer_range": 0.1}
EOF
cat >"$scratch/encdec/config.json" <<'EOF'
{"model_type": "t5", "vocab_size": 150, "d_model": 32, "d_kv": 16, "d_ff": 64, "num_layers": 1,
 "num_heads": 2, "feed_forward_proj": "gated-gelu", "tie_word_embeddings": true}
EOF

# recipe MODEL SETTINGS
recipe() {
    cat >"$scratch/$1.yaml" <<EOF
name: small
title: A small recipe
models: [$scratch/$1]
corpus:
  title: thirty words in a circle
  licence: CC0-1.0
  language: en
  sha256: $(sha256sum <"$scratch/text" | cut -d' ' -f1)
set: {$2, max_length: 64, tokens_per_update: 512, held_out_share: 0.1, precision: float32}
EOF
}
recipe enc "max_steps: 1500, learning_rate: 3e-3"
recipe encdec "max_steps: 400, learning_rate: 1e-2, eval_steps: 50"

# pretrain MODEL DIR [OPTIONS]; with exec=exec in the background, so that $! is the program's.
exec=
pretrain() {
    local model=$1 dir=$2
    shift 2
    ${exec:+exec} "$ftbench" pretrain "$scratch/$model.yaml" --corpus "$scratch/text" --out "$dir" \
        --db "$dir/r.db" "$@"
}

for model in enc encdec; do
    expect_status 0 pretrain "$model" "$scratch/out"
    dir=$scratch/out/$model
    for f in config.json model.safetensors README.md tokenizer_config.json; do
        [ -s "$dir/$f" ] || fail "no $f of $model"
    done
    grep -q "$(sha256sum <"$dir/model.safetensors" | cut -d' ' -f1)" "$dir/README.md" ||
        fail "the card of $model names other weights"
    expect_status 0 pretrain "$model" "$scratch/out"
    said "pre-trained already"
done
sqlite3 "$scratch/out/r.db" "SELECT model, unigram_loss, min(held_out_loss), max(held_out_loss)
    FROM pretraining JOIN pretraining_point ON pretraining.id = pretraining GROUP BY 1" \
    >"$scratch/losses"
cat "$scratch/losses"
[ "$(wc -l <"$scratch/losses")" = 2 ] || fail "not both are stored"
awk -F '|' '!($3 < 0.7 * $2 && $4 > $2) { exit 1 }' "$scratch/losses" ||
    fail "no more was learnt than how frequent words are"

# wait_for COMMAND...: until it succeeds, of what works in the background.
wait_for() {
    for _ in $(seq 500); do
        "$@" 2>/dev/null && return
        sleep 0.02
    done
    fail "never came: $*"
}

# Killed, stopped, gone on with two threads: the same weights.
exec="exec" pretrain encdec "$scratch/torn" --snapshot-seconds 0 >"$scratch/said" 2>&1 &
pid=$!
wait_for test -e "$scratch/torn/encdec.snapshot"
kill -9 $pid
wait $pid 2>/dev/null || true
exec="exec" pretrain encdec "$scratch/torn" --snapshot-seconds 0 >"$scratch/said" 2>&1 &
pid=$!
wait_for grep -q "goes on at update" "$scratch/said"
kill -TERM $pid
status=0
wait $pid || status=$?
[ $status = 1 ] || fail "a stopped pre-training ends with status $status"
said "the same command goes on"

# What is not this training's is neither taken up nor written over.
cp "$scratch/torn/encdec.snapshot" "$scratch/good"
printf 'x' | dd of="$scratch/torn/encdec.snapshot" bs=1 seek=4000 conv=notrunc status=none
expect_status 3 pretrain encdec "$scratch/torn"
said "damaged"
cp "$scratch/good" "$scratch/torn/encdec.snapshot"
sed -i 's/max_steps: 400/max_steps: 401/' "$scratch/encdec.yaml"
expect_status 3 pretrain encdec "$scratch/torn"
said "not a snapshot of this pre-training"
cmp "$scratch/good" "$scratch/torn/encdec.snapshot" || fail "it was written over"
sed -i 's/max_steps: 401/max_steps: 400/' "$scratch/encdec.yaml"
expect_status 0 pretrain encdec "$scratch/torn" --threads 2
said "goes on at update"
cmp "$scratch/torn/encdec/model.safetensors" "$scratch/out/encdec/model.safetensors" ||
    fail "going on gave other weights"
[ ! -e "$scratch/torn/encdec.snapshot" ] || fail "the snapshot is left over"

# A disk that is full at the end, or a folder in the way: nothing has to be trained again.
rm -r "$scratch/torn/encdec" "$scratch/torn/r.db"
mkdir -p "$scratch/torn/encdec/README.md"
expect_status 3 pretrain encdec "$scratch/torn"
said "README.md"
rmdir "$scratch/torn/encdec/README.md"
expect_status 0 pretrain encdec "$scratch/torn"
said "goes on at update 400 of 400"
cmp "$scratch/torn/encdec/model.safetensors" "$scratch/out/encdec/model.safetensors" ||
    fail "ending later gave other weights"

# Another text is told before any work.
echo "one more line" >>"$scratch/text"
rm "$scratch/torn/encdec/model.safetensors"
expect_status 3 pretrain encdec "$scratch/torn"
said "another text than the recipe's"
expect_status 2 pretrain encdec "$scratch/torn" --only model=decenc
said "has no model"
expect_status 2 "$ftbench" pretrain "$scratch/encdec.yaml"
said "corpus FILE is needed"

# What was made is a model like any other.
small_spec "$scratch/spec.yaml" "full" "1" 1 100
sed -i "s|models: .*|models: [$scratch/out/enc, $scratch/out/encdec]|" "$scratch/spec.yaml"
expect_status 0 "$ftbench" run "$scratch/spec.yaml" --db "$scratch/out/r.db" --jobs 1
said "2 done, 0 failed"
expect_status 0 "$ftbench" report "$scratch/spec.yaml" --db "$scratch/out/r.db" \
    --out "$scratch/report"
grep -q "$scratch/out/encdec" "$scratch/report/report.md" || fail "the report knows nothing of it"
