#!/usr/bin/env bash
# Vocabularies made from a text that is written here: both kinds, the same bytes from the plain and
# the packed text, usable by a model of a spec, and what a wrong request is told.
source "$(dirname "$0")/common.bash"

python3 - "$scratch" <<'PYTHON'
import gzip, random, sys

draw = random.Random(4)
stems = ["market", "share", "play", "report", "film", "score", "quick", "dull", "win", "trade"]
ends = ["", "s", "ed", "ing", "er", "'s", ",", ".", "!"]
lines = []
for _ in range(3000):
    words = [draw.choice(stems) + draw.choice(ends) for _ in range(draw.randint(3, 12))]
    words.append(str(draw.randint(1, 2000)))
    lines.append(" ".join(words).capitalize())
text = "\n".join(lines) + "\n"
open(sys.argv[1] + "/text.txt", "w").write(text)
gzip.open(sys.argv[1] + "/text.txt.gz", "wt").write(text)
PYTHON

make_one() { # KIND TEXT DIR
    expect_status 0 "$ftbench" tokenizer "$scratch/$2" --kind "$1" --vocab_size 300 \
        --out "$scratch/$3"
    said "300 pieces"
}
for kind in wordpiece unigram; do
    make_one $kind text.txt $kind
    make_one $kind text.txt.gz $kind-gz
    diff -r "$scratch/$kind" "$scratch/$kind-gz" || fail "$kind: other bytes from the packed text"
done
[ "$(wc -l <"$scratch/wordpiece/vocab.txt")" -eq 300 ] || fail "vocab.txt has other than 300 lines"
grep -q '"do_lower_case": true' "$scratch/wordpiece/tokenizer_config.json" || fail "no lower case"
for piece in market '##ing' playing; do
    grep -qx -- "$piece" "$scratch/wordpiece/vocab.txt" || fail "no piece $piece"
done
expect_status 0 "$ftbench" tokenizer "$scratch/text.txt" --kind wordpiece --vocab_size 300 --cased \
    --out "$scratch/cased"
grep -qx M "$scratch/cased/vocab.txt" || fail "--cased lost the capitals"
grep -qx M "$scratch/wordpiece/vocab.txt" && fail "capitals without --cased"

# refused TEXT COMMAND...: status 2, and the message says so.
refused() {
    local wanted=$1
    shift
    expect_status 2 "$ftbench" tokenizer "$@"
    said "$wanted"
}
text=$scratch/text.txt
refused "--out DIR" "$text" --kind unigram
refused "--kind is wordpiece or unigram" "$text" --out "$scratch/no"
refused 'not "bpe"' "$text" --kind bpe --out "$scratch/no"
refused "vocab_size 20 is too small" "$text" --kind wordpiece --vocab_size 20 --out "$scratch/no"
refused "vocab_size 120 is too small" "$text" --kind unigram --vocab_size 120 --out "$scratch/no"
refused "the text gives" "$text" --kind wordpiece --vocab_size 100000 --out "$scratch/no"
refused "--coverage wants" "$text" --kind unigram --coverage 1.5 --out "$scratch/no"
refused "--cased goes with" "$text" --kind unigram --cased --out "$scratch/no"
expect_status 3 "$ftbench" tokenizer "$scratch/absent" --kind unigram --out "$scratch/no"
said absent
head -c 2000 "$scratch/text.txt.gz" >"$scratch/cut.gz"
expect_status 3 "$ftbench" tokenizer "$scratch/cut.gz" --kind unigram --out "$scratch/no"
said cut.gz
[ -z "$(ls -A "$scratch/no" 2>/dev/null)" ] || fail "a refused request left files"
echo "two kinds, two forms of text, ten refusals"
