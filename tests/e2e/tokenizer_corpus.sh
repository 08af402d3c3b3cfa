#!/bin/sh
# The ids of every text of ten data sets beside Hugging Face's, as stored digests
# (tests/golden/tokenize/corpus_digest.py made them). Needs the mirror: the real
# vocabularies and texts are not the project's to ship.
set -eu
cd "$(dirname "$0")/../.."
if [ -z "${FTBENCH_MIRROR:-}" ]; then
    echo "skip: FTBENCH_MIRROR is not set, so there are no corpora and no vocabularies"
    exit 77
fi
golden=tests/golden/tokenize
digest=build/${CC:-gcc}-${V:-release}/tests/models/tokenize/digest
make -s "$digest" >/dev/null
tab=$(printf '\t')
texts=$(mktemp)
trap 'rm -f "$texts"' EXIT
n_texts=0 n_checks=0 bad=0
for name in $(python3 $golden/corpus.py list); do
    python3 $golden/corpus.py texts "$name" >"$texts"
    while IFS=$tab read -r vocabulary max_length dataset count n_ids sha256 _; do
        [ "$dataset" = "$name" ] || continue
        got=$("$digest" "$FTBENCH_MIRROR/tokenizers/$vocabulary" "$max_length" <"$texts" 2>/dev/null)
        if [ "$got" != "$count$tab$n_ids$tab$sha256" ]; then
            echo "$name, $vocabulary, max_length $max_length: got $got," \
                "stored $count $n_ids $sha256"
            bad=$((bad + 1))
        fi
        n_checks=$((n_checks + 1))
    done <$golden/corpus_digests.tsv
    n_texts=$((n_texts + $(tr -cd "\000" <"$texts" | wc -c)))
done
echo "$n_texts texts, $n_checks digests, $bad differ"
[ "$bad" -eq 0 ] && [ "$n_texts" -gt 100000 ] && [ "$n_checks" -eq 100 ]
