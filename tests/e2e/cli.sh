#!/usr/bin/env bash
# Exit status and messages of the command line, and a help page for every command.
source "$(dirname "$0")/common.bash"

# Every command of the list has a page that names it and every option it takes.
commands=$("$ftbench" help | sed -n 's/^  \([a-z]*\) .*/\1/p')
[ "$(echo "$commands" | wc -l)" -ge 13 ] || fail "too few commands listed"
for command in $commands; do
    expect_status 0 "$ftbench" "$command" --help
    said "usage: ftbench $command"
    said "--help"
    cp "$scratch/said" "$scratch/page"
    expect_status 0 "$ftbench" help "$command"
    cmp -s "$scratch/said" "$scratch/page" || fail "help $command is another page"
done
expect_status 0 "$ftbench" run --help
for option in db jobs threads memory only limit timeout retry-failed dry-run offline; do said "--$option"; done
expect_status 0 "$ftbench" plan --help
for option in db format json only; do said "--$option"; done

# 2: what was typed is wrong, and what was meant is named.
expect_status 2 "$ftbench" plna
said 'ftbench: unknown command "plna"; did you mean "plan"?'
expect_status 2 "$ftbench" plan
said "usage: ftbench plan SPEC"
expect_status 2 "$ftbench" plan a b
said '"b" is one argument too many'
expect_status 2 "$ftbench" plan specs/survey.yaml --fromat csv
said "plan: unknown option --fromat; did you mean --format?"
expect_status 2 "$ftbench" plan specs/survey.yaml --threads 2
said "plan: unknown option --threads"
expect_status 2 "$ftbench" plan specs/survey.yaml --format xml
said '--format is table, csv or json, not "xml"'
expect_status 2 "$ftbench" plan specs/survey.yaml --format
said "--format wants a value"
expect_status 2 "$ftbench" run specs/survey.yaml --jobs none
said '--jobs wants a whole number from 1, not "none"'
expect_status 2 "$ftbench" run specs/survey.yaml --jobs 0
said '--jobs wants a whole number from 1, not "0"'
expect_status 2 "$ftbench" plan specs/survey.yaml --only model
said '--only wants KEY=VALUE, not "model"'
expect_status 2 "$ftbench" plan specs/survey.yaml --only model=bert
said "no cell of specs/survey.yaml has this"
expect_status 2 "$ftbench" plan -x
said "unknown option -x"
expect_status 2 "$ftbench" methods lora
said "usage: ftbench methods [show NAME...]"
expect_status 2 "$ftbench" methods show lroa
said 'did you mean "lora"?'
expect_status 2 "$ftbench" models show all-minilm-l6-v3
said 'did you mean "all-minilm-l6-v2"?'
expect_status 2 "$ftbench" datasets show ag_new
said "did you mean 'ag_news'?"
expect_status 2 "$ftbench" protocols show sond
said 'did you mean "sound"?'
expect_status 2 "$ftbench" fetch
said "say what to fetch"
expect_status 2 "$ftbench" fetch ag_new
said 'did you mean "ag_news"?'
expect_status 2 "$ftbench" explain 0000 --db "$scratch/none.db"
said "no cell's id begins with 0000"
printf 'matrix: {modles: [x]}\nprotocol: sound\n' >"$scratch/bad.yaml"
expect_status 2 "$ftbench" plan "$scratch/bad.yaml"
said 'bad.yaml:1:10: unknown key "modles"; did you mean "models"?'

# 3: the world is not as it should be.
expect_status 3 "$ftbench" plan "$scratch/none.yaml"
said "none.yaml"
expect_status 3 "$ftbench" status --db "$scratch/none.db"
said "none.db is not there"
echo "not a database" >"$scratch/text.db"
expect_status 3 "$ftbench" status --db "$scratch/text.db"
if [ -e /dev/full ]; then
    got=0
    "$ftbench" methods >/dev/full 2>"$scratch/said" || got=$?
    [ "$got" -eq 3 ] || fail "status $got when output cannot be written"
    said "cannot write"
fi

# 0: lists, and one of each in full.
expect_status 0 "$ftbench"
said "usage: ftbench COMMAND"
expect_status 0 "$ftbench" --version
said "numerics version"
expect_status 0 "$ftbench" methods show lora head
said "lora_alpha"
said "linear probe"
expect_status 0 "$ftbench" models show bert-base-cased
said "108311810 with 2 classes"
expect_status 0 "$ftbench" datasets show ag_news
said "World, Sports, Business, Sci/Tech"
said "World, Sports, Business, Technology"
said "split 80/20, stratified: 12160 train, 3040 evaluate"
expect_status 0 "$ftbench" protocols show sound
said "when method=head: learning_rate=5e-3"
said "max_grad_norm"
for list in models methods datasets protocols; do
    "$ftbench" $list --json >"$scratch/list.json"
    python3 -c 'import json, sys; assert json.load(open(sys.argv[1]))' "$scratch/list.json"
done
expect_status 0 "$ftbench" audit mini_irony --json
python3 -c 'import json, sys; json.load(open(sys.argv[1]))' "$scratch/said"
expect_status 0 "$ftbench" audit mini_irony mini_stance
FTBENCH_CACHE=$scratch/cache "$ftbench" doctor >"$scratch/said" || [ $? -eq 1 ]
said "blas_core"
said "$scratch/cache"

# The BLAS library is told which kernels to use, whatever the environment said before.
core=$("$ftbench" doctor --json | python3 -c 'import json, sys
print(next(r["found"] for r in json.load(sys.stdin) if r["what"] == "blas_core"))')
again=$(OPENBLAS_CORETYPE=Prescott "$ftbench" doctor --json | python3 -c 'import json, sys
print(next(r["found"] for r in json.load(sys.stdin) if r["what"] == "blas_core"))')
[ "$core" = "$again" ] || fail "OPENBLAS_CORETYPE from outside moved the kernels: $core, $again"
