#!/usr/bin/env bash
# audit SPEC.yaml: the survey's protocol betrays its defects before anything has run, a sound one
# is quiet, and a collapse is found in results.
source "$(dirname "$0")/common.bash"
mirror=${FTBENCH_MIRROR:-}
unset FTBENCH_MIRROR
export FTBENCH_CACHE=$scratch/cache

# The miniature counterparts of the survey's sets need no mirror. The effective batch differs
# between sizes, as it did in the survey.
cat >"$scratch/mini.yaml" <<'SPEC'
matrix:
  models: [mini-bert-xs, mini-bert-s]
  methods: [full, lora]
  datasets: [mini_ag_news, mini_financial_phrasebank, mini_imdb_truncated, mini_irony, mini_stance]
  seeds: [1, 2, 3]
protocol: [published, sound]
overrides:
  - when: {protocol: published, model: mini-bert-xs}
    set: {train_batch_size: 8}
  - when: {protocol: published, method: full}
    set: {learning_rate: 0.1}
exclude:
  - {protocol: published, seed: [2, 3]}
SPEC
audit() { expect_status "$1" "$ftbench" audit "$2" --db "$scratch/none.db" "${@:3}"; }

audit 1 "$scratch/mini.yaml"
said "published: leak (defect 1): mini_ag_news: "
said "published: leak (defect 1): mini_financial_phrasebank: "
said "published: shared rows (defect 3): mini_irony and mini_stance are judged on the same rows"
said "learning rate (defect 4): full"
said "published: unequal updates (defect 5)"
said "published: one seed (defect 6)"
grep -q "^sound:" "$scratch/said" && fail "sound is not quiet"
grep -q "^unknown:" "$scratch/said" && fail "what the project ships is not known"
audit 0 "$scratch/mini.yaml" --only protocol=sound
said "60 cells, 0 findings"
[ ! -e "$scratch/none.db" ] || fail "audit made a database"

# A model that answers in text beside one that does not: units differ, and words are cut. In a home
# of its own with a small encoder-decoder that nothing here trains.
mkdir -p "$scratch/home/models"
cp -r models/zoo "$scratch/home/models/"
ln -s "$PWD/datasets" "$PWD/harness" "$scratch/home/"
cat >"$scratch/home/models/zoo/little-t5.yaml" <<'MODEL'
name: little-t5
title: an encoder-decoder for this test
family: t5
licence: that of this project
source: this project
init: random
tokenizer: models/zoo/mini-unigram/spiece.model
config: {vocab_size: 4096, d_model: 16, d_kv: 8, d_ff: 32, num_layers: 1, num_heads: 2}
MODEL
cat >"$scratch/text.yaml" <<'SPEC'
matrix:
  models: [mini-bert-xs, little-t5]
  methods: [lora]
  datasets: [mini_ag_news, mini_irony]
  seeds: [1, 2, 3]
protocol: [published, sound]
SPEC
FTBENCH_HOME=$scratch/home audit 1 "$scratch/text.yaml"
said "published: mixed units (defect 2): mini_ag_news: accuracy counts 360 examples (mini-bert-xs) but"
said "published: mixed units (defect 2): mini_irony: accuracy counts 200 examples (mini-bert-xs) but"
said "published: cut targets (defect 8): mini_irony"
grep -q "^sound:" "$scratch/said" && fail "sound is not quiet"
grep -q "^unknown:" "$scratch/said" && fail "the shipped vocabulary is not known"

# For programs: the same findings.
audit 1 "$scratch/mini.yaml" --only protocol=published
lines=$(grep -c "^published: " "$scratch/said")
expect_status 1 "$ftbench" audit "$scratch/mini.yaml" --only protocol=published --json
python3 - "$scratch/said" "$lines" <<'PYTHON'
import json, sys
findings = json.load(open(sys.argv[1]))
assert len(findings) == int(sys.argv[2]), len(findings)
assert {f["defect"] for f in findings} >= {1, 3, 4, 5, 6}, findings
PYTHON

# Data that is not here is unknown, which is no error; what follows from the spec is still found.
audit 1 specs/survey.yaml --only protocol=published
said "unknown: rows of ag_news not known: "
said "learning rate (defect 4): full"
said "unequal updates (defect 5)"
audit 0 specs/survey.yaml --only protocol=sound
said "unknown: rows of ag_news not known: "

# With results: a rate that makes a model answer one class is the suspect. What was told
# beforehand is what the run stores.
cat >"$scratch/collapse.yaml" <<'SPEC'
matrix: {models: [mini-bert-xs], methods: [full], datasets: [mini_ag_news], seeds: [1]}
protocol: published
set: {num_train_epochs: 1, learning_rate: 0.3, max_length: 32}
SPEC
expect_status 0 "$ftbench" run "$scratch/collapse.yaml" --db "$scratch/collapse.db"
expect_status 1 "$ftbench" audit "$scratch/collapse.yaml" --db "$scratch/collapse.db"
said "published: collapse (defect 4)"
expect_status 1 "$ftbench" audit "$scratch/collapse.yaml" --db "$scratch/none.db" --json
python3 - "$scratch/said" "$scratch/collapse.db" <<'PYTHON'
import json, sqlite3, sys
findings = {f["kind"]: f for f in json.load(open(sys.argv[1]))}
stored = sqlite3.connect(sys.argv[2]).execute(
    "SELECT leak_rate, n_train, n_validation, n_updates FROM run").fetchall()
assert len(stored) == 1 and "collapse" not in findings
assert stored[0] == (findings["leak"]["value"], 1440, 360, 45), (stored, findings["leak"])
PYTHON

# Bad input.
expect_status 3 "$ftbench" audit "$scratch/absent.yaml"
said "absent.yaml"
expect_status 2 "$ftbench" audit "$scratch/mini.yaml" mini_irony
said "audited alone"
printf 'matrix: {}\n' >"$scratch/bad.yaml"
expect_status 2 "$ftbench" audit "$scratch/bad.yaml"
said "bad.yaml:1:1: "
# A descriptor of a data set ends in .yaml too.
expect_status 0 "$ftbench" audit datasets/mini_irony.yaml
said "majority rate"

# Protocols: what is inherited, and where each setting comes from.
expect_status 0 "$ftbench" protocols show published-fixed-lr
said "inherits  published ("
grep -Eq "row_copies +survey +published.yaml:[0-9]+" "$scratch/said" || fail "no place of row_copies"
grep -Eq "micro_batch_tokens +4096 +default" "$scratch/said" || fail "no default"
grep -Eq "when family=bert method=full: learning_rate=2e-5 \(published-fixed-lr.yaml:[0-9]+\)" \
    "$scratch/said" || fail "no override"
printf 'name: a\ntitle: a\ninherits: %s/b.yaml\n' "$scratch" >"$scratch/a.yaml"
printf 'name: b\ntitle: b\ninherits: %s/a.yaml\n' "$scratch" >"$scratch/b.yaml"
expect_status 2 "$ftbench" protocols show "$scratch/a.yaml"
said "protocols inherit in a circle: $scratch/a.yaml:3: "
said "$scratch/b.yaml:3: "

# All six sets: the leak rates, the token count of AG News, and the cut targets of the survey's
# code, each found with the vocabulary and no weights.
if [ -z "$mirror" ]; then
    echo "skip: the survey's own sets, FTBENCH_MIRROR is not set"
    exit 0
fi
export FTBENCH_MIRROR=$mirror
audit 1 specs/survey.yaml --only protocol=published
grep -q "^unknown:" "$scratch/said" && fail "something of the mirror is not known"
for defect in 1 2 3 4 5 6 8; do
    said "(defect $defect): "
done
# Two copies of every row, split 80/20 and 90/10.
said "ag_news: 80.7 % of the 3040 judged rows also stand in training"
said "financial_phrasebank: 87.6 % of the 453 judged rows also stand in training"
said "ag_news: accuracy counts 3040 examples (bert-base-cased, bert-large-cased) but 4560 tokens"
said "tweet_eval_irony and tweet_eval_stance_abortion are judged on the same rows (955 of 955)"
said "full (bert-base-cased): learning rate 0.001, 20 times the usual 5e-05"
said "cut targets (defect 8): imdb_truncated"
said "cut targets (defect 8): tweet_eval_irony"
audit 0 specs/survey.yaml --only protocol=sound
said "126 cells, 0 findings"
grep -q "^unknown:" "$scratch/said" && fail "something of the mirror is not known"
exit 0
