#!/usr/bin/env bash
# A full disk, a read-only database, an unwritable cache: a clear message, the
# right exit status, nothing lost.
source "$(dirname "$0")/common.bash"

small_spec "$scratch/spec.yaml" "head" "1" 1 64
expect_status 0 "$ftbench" run "$scratch/spec.yaml" --db "$scratch/good.db"
before=$(results_of "$scratch/good.db" | sha256sum)
small_spec "$scratch/more.yaml" "head, bitfit" "1, 2" 1 64

# Permissions do not bind root; without these capabilities they do.
as_mortal() {
    if [ "$(id -u)" = 0 ]; then
        setpriv --bounding-set -dac_override,-dac_read_search \
            --inh-caps -dac_override,-dac_read_search "$@"
    else
        "$@"
    fi
}

# A read-only database.
mkdir "$scratch/ro"
cp "$scratch/good.db" "$scratch/ro/results.db"
chmod 755 "$scratch"
chmod 444 "$scratch/ro/results.db"
chmod 555 "$scratch/ro"
export FTBENCH_CACHE=$scratch/cache
mkdir -p "$FTBENCH_CACHE"
chmod 777 "$FTBENCH_CACHE"
expect_status 3 as_mortal "$ftbench" run "$scratch/more.yaml" --db "$scratch/ro/results.db"
said "read-only"
[ "$(results_of "$scratch/good.db" | sha256sum)" = "$before" ] || fail "results were changed"

# Not a database at all.
echo "this is text" >"$scratch/text.db"
expect_status 3 "$ftbench" run "$scratch/more.yaml" --db "$scratch/text.db"
said "$scratch/text.db"
[ "$(cat "$scratch/text.db")" = "this is text" ] || fail "a foreign file was overwritten"

# Weights that are not here and whose hash nobody published: their cells have no id yet.
# Looking at what would run makes no database.
FTBENCH_MIRROR='' expect_status 0 "$ftbench" run specs/survey.yaml --dry-run --db "$scratch/no.db"
FTBENCH_MIRROR='' expect_status 3 "$ftbench" run specs/survey.yaml --limit 1 --db "$scratch/unknown.db"
said "model bert-base-cased is not here and nobody published its hash"
[ ! -e "$scratch/no.db" ] || fail "a dry run made a database"
[ ! -e "$scratch/unknown.db.state" ] || fail "a cell of unknown weights was begun"

# More processes than there can be.
expect_status 2 "$ftbench" run "$scratch/spec.yaml" --jobs 257 --db "$scratch/no.db"
said "1 to 256"

# A full disk: a small file system that is filled up after the first result.
mkdir "$scratch/full"
if mount -t tmpfs -o size=2m none "$scratch/full" 2>/dev/null; then
    expect_status 0 "$ftbench" run "$scratch/spec.yaml" --db "$scratch/full/results.db"
    dd if=/dev/zero of="$scratch/full/filler" bs=4k status=none 2>/dev/null || true
    expect_status 3 "$ftbench" run "$scratch/more.yaml" --db "$scratch/full/results.db"
    said "full"
    rm "$scratch/full/filler"
    [ "$(results_of "$scratch/full/results.db" | sha256sum)" = "$before" ] ||
        fail "the result stored before the disk was full is lost or changed"
    expect_status 0 "$ftbench" run "$scratch/more.yaml" --db "$scratch/full/results.db"
else
    echo "skip: no file system may be mounted here, the full disk was not tried"
fi

# An unwritable cache, when something would have to be fetched into it.
chmod 555 "$FTBENCH_CACHE"
FTBENCH_MIRROR='' FTBENCH_HUB=http://127.0.0.1:9 expect_status 3 as_mortal "$ftbench" fetch sst2
said "$FTBENCH_CACHE"
