#!/usr/bin/env bash
# fetch and audit as a user types them: what the project ships needs no
# network, a wrong file is refused by name, an unknown set gets its neighbour.
source "$(dirname "$0")/common.bash"
unset FTBENCH_MIRROR
export FTBENCH_CACHE=$scratch/cache

expect_status 0 "$ftbench" fetch mini_ag_news --offline
said "mini_ag_news: 1300 rows"
expect_status 0 "$ftbench" audit mini_ag_news mini_irony --offline
said "majority rate"
said "texts with more than one label: "
said "share rows"

expect_status 2 "$ftbench" fetch mini_agnews --offline
said "mini_ag_news"

# Not here, and not allowed to be fetched: exit status of the world, and what to type.
expect_status 3 "$ftbench" fetch sst2 --offline
said "data set sst2: train.tsv: not on this machine"
said "ftbench fetch"

# The same from a cache that cannot be made.
echo "a file" >"$scratch/file"
FTBENCH_CACHE=$scratch/file expect_status 3 "$ftbench" fetch sst2
said "the cache cannot be written"

# A shipped file that somebody changed: refused by name, with both hashes.
mkdir -p "$scratch/home/models"
cp -r models/zoo "$scratch/home/models/"
cp -r datasets "$scratch/home/"
victim=$(sed -n 's/.*path: //p' datasets/mini_ag_news.yaml | head -n 1)
tr a b <"$victim" >"$scratch/home/$victim"
FTBENCH_HOME=$scratch/home expect_status 3 "$ftbench" fetch mini_ag_news --offline
said "wrong sha256"
said "$victim"
