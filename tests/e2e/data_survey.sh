#!/usr/bin/env bash
# The survey's rows without any weights: how many train and evaluate, how many of these leak, what
# a model that only remembers scores, which sets are really others. On the miniatures for anyone,
# on the survey's own six sets where a mirror has them.
source "$(dirname "$0")/common.bash"
export FTBENCH_CACHE=$scratch/cache

# memorised JSON_LINES CHECK...: each check is an expression over r[data set, split].
memorised() {
    python3 - "$@" <<'EOF'
import json, sys
r = {}
for line in open(sys.argv[1]):
    x = json.loads(line)
    r[x["dataset"], x["split"]] = x
names = {"r": r, "counts": lambda name: (r[name, "survey"]["n_train"],
                                         r[name, "survey"]["n_evaluation"])}
for check in sys.argv[2:]:
    if not eval(check, names):
        sys.exit("FAILED: " + check + "\n" + "\n".join(map(str, r.values())))
EOF
}

minis="mini_ag_news mini_financial_phrasebank mini_auditor_sentiment mini_imdb_truncated mini_irony
mini_stance"
mirror=${FTBENCH_MIRROR:-}
unset FTBENCH_MIRROR
# shellcheck disable=SC2086 # a list of names
expect_status 0 "$ftbench" audit --memorise $minis --offline --json
memorised "$scratch/said" \
    'counts("mini_ag_news") == (1440, 360)' \
    'counts("mini_financial_phrasebank") == (1620, 180)' \
    'counts("mini_auditor_sentiment") == (1800, 800)' \
    'counts("mini_imdb_truncated") == (1200, 800)' \
    'counts("mini_irony") == (1600, 200)' \
    'counts("mini_stance") == (800, 100)' \
    'r["mini_stance", "survey"]["rows_of"] == "mini_irony"' \
    '0.75 < r["mini_ag_news", "survey"]["leak_rate"] < 0.85' \
    '0.80 < r["mini_financial_phrasebank", "survey"]["leak_rate"] < 0.96' \
    'all(x["leak_rate"] == 0 for x in r.values() if x["split"] == "sound")' \
    'all(x["lookup"] == x["majority_rate"] for x in r.values() if x["split"] == "sound")'
expect_status 0 "$ftbench" audit mini_irony mini_stance --offline
said "mini_stance as the survey served it and mini_irony share rows: 1300 of 1300 rows"
said "mini_stance and mini_irony share rows: 0 of 920 rows"
expect_status 0 "$ftbench" audit --memorise mini_irony
said "mini_irony                  survey     1600        200     0.0000"

[ -n "$mirror" ] || skip "skip: FTBENCH_MIRROR is not set (the miniatures passed)"
export FTBENCH_MIRROR=$mirror
sets="ag_news financial_phrasebank auditor_sentiment imdb_truncated tweet_eval_irony
tweet_eval_stance_abortion"
# shellcheck disable=SC2086
expect_status 0 "$ftbench" audit --memorise $sets --offline --json
memorised "$scratch/said" \
    'counts("ag_news") == (12160, 3040)' \
    'counts("financial_phrasebank") == (4075, 453)' \
    'counts("auditor_sentiment") == (7754, 1938)' \
    'counts("imdb_truncated") == (2000, 2000)' \
    'counts("tweet_eval_irony") == (5724, 1910)' \
    'counts("tweet_eval_stance_abortion") == (2862, 955)' \
    '0.77 < r["ag_news", "survey"]["leak_rate"] < 0.83' \
    '0.85 < r["financial_phrasebank", "survey"]["leak_rate"] < 0.95' \
    'r["ag_news", "survey"]["nearest"] > 0.95' \
    'r["financial_phrasebank", "survey"]["nearest"] > 0.95' \
    'r["ag_news", "survey"]["lookup"] > 0.8' \
    'r["financial_phrasebank", "survey"]["lookup"] > 0.92' \
    'r["ag_news", "survey"]["nearest"] - r["ag_news", "sound"]["nearest"] > 0.1' \
    'all(x["leak_rate"] == 0 for x in r.values() if x["split"] == "sound")' \
    'all(x["lookup"] == x["majority_rate"] for x in r.values() if x["split"] == "sound")'
expect_status 0 "$ftbench" audit financial_phrasebank auditor_sentiment --offline
said "financial_phrasebank and auditor_sentiment share rows: 2264 of 2264 rows"
expect_status 0 "$ftbench" audit tweet_eval_irony tweet_eval_stance_abortion --offline
said "tweet_eval_stance_abortion as the survey served it and tweet_eval_irony share rows: 4601 of 4601"
said "tweet_eval_stance_abortion and tweet_eval_irony share rows: 0 of 933 rows"
