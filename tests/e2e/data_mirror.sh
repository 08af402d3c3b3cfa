#!/usr/bin/env bash
# The ten data sets from a mirror, all rows, with no network; stand-ins are
# named in what fetch and audit print.
source "$(dirname "$0")/common.bash"
[ -n "${FTBENCH_MIRROR:-}" ] || skip "skip: FTBENCH_MIRROR is not set"
export FTBENCH_CACHE=$scratch/cache
sets="ag_news financial_phrasebank auditor_sentiment imdb_truncated tweet_eval_irony
tweet_eval_stance_abortion sst2 trec rotten_tomatoes banking77"

# shellcheck disable=SC2086 # a list of names
expect_status 0 "$ftbench" fetch $sets --offline
said "ag_news: 7600 rows"
said "sst2: 68221 rows"
said "trec: 5952 rows"
said "rotten_tomatoes: 10662 rows"
said "banking77: 13083 rows"
[ "$(grep -c 'NOT the original split' "$scratch/said")" -ge 1 ] || fail "a stand-in is not named"
[ "$(grep -c 'NOT the sample' "$scratch/said")" -ge 1 ] || fail "a stand-in is not named"
expect_status 0 "$ftbench" audit financial_phrasebank auditor_sentiment --offline
said "stand-in for train.jsonl"
said "share rows"
# Nothing was copied: the mirror's own files were used.
[ ! -e "$FTBENCH_CACHE/sha256" ] || fail "mirror files were copied into the cache"
