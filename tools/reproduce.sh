#!/bin/sh
# make reproduce: runs what is not current of a matrix and writes its report.
#
#   make reproduce                    the miniature survey; nothing is fetched
#   make reproduce DATA=real          the miniature models on the survey's own data sets
#   make reproduce PROFILE=NAME       specs/NAME.yaml: mini-full, survey, survey-full, ...
#   make reproduce SPEC=FILE          a spec of one's own
#   ... ONLY='seed=1 dataset=mini_irony'   a part of it: words of `ftbench run --only`
#
# Before anything starts it says what will be fetched, from where, how many cells there are and
# how long they take here. What is stored already is not run again: a second run finds nothing
# to do and says so.
set -eu
cd "$(dirname "$0")/.."

fail() {
    echo "reproduce: $1" >&2
    exit 2
}

# A spec's line that begins with this key, without the key.
line_of() {
    sed -n "s/^$2: //p" "$1" | head -n 1
}

list_profiles() {
    for file in specs/*.yaml; do
        printf '  %-12s %s\n' "$(basename "$file" .yaml)" "$(line_of "$file" title)"
    done
}

data=${DATA:-}
profile=${PROFILE:-miniature}
case $data in
'' | miniature) ;;
real)
    case $profile in
    miniature) profile=mini-real ;;
    mini-*) fail "PROFILE=$profile has no version on real data; \`make reproduce DATA=real\` is the miniature's" ;;
    esac ;;
*) fail "DATA=$data: miniature or real" ;;
esac

spec=${SPEC:-specs/$profile.yaml}
if [ ! -f "$spec" ]; then
    [ -z "${SPEC:-}" ] || fail "SPEC=$spec is not there"
    echo "reproduce: there is no PROFILE=$profile; there are" >&2
    list_profiles >&2
    exit 2
fi
name=$(basename "$spec" .yaml)
db=results/$name.db
out=reports/out
[ "$name" = miniature ] || out=reports/out/$name
page=$out/report.html

set --
for pair in ${ONLY:-}; do
    set -- "$@" --only "$pair"
done

# Nothing to run: every cell is stored. The report knows whether its page is current.
# A spec that cannot be read is told of here.
standing=$(./ftbench status "$spec" --db "$db" "$@" --json) || [ $? -eq 1 ] || exit 2
count() {
    echo "$standing" | sed "s/.*\"$1\": \([0-9]*\).*/\1/"
}
n_cells=$(count cells)
n_left=$((n_cells - $(count 'done') - $(count failed)))
if [ "$n_left" -eq 0 ]; then
    said=$(./ftbench report "$spec" --db "$db" "$@" --out "$out")
    case $said in
    *"(current:"*) echo "Nothing to do: all $n_cells cells of $spec are in $db, and the page is current:" ;;
    *) echo "All $n_cells cells of $spec are in $db; the page is new:" ;;
    esac
    echo "$out/report.md and $page"
    [ "$(count failed)" -eq 0 ] || echo "$(count failed) of them failed; the page says why"
    [ "$(count failed)" -eq 0 ] || exit 1
    exit 0
fi

echo "$(line_of "$spec" title) ($spec)"
[ "$name" != miniature ] || cat <<'NOTE'
Small models that this project pre-trained, on small data sets that it generates: the survey's
comparison in its shape, not on its data. `make reproduce DATA=real` has the real data sets,
`make reproduce PROFILE=survey` the real models as well.
NOTE
echo
echo "What it needs:"
needs=$(./ftbench fetch --dry-run --spec "$spec" "$@")
echo "$needs" | sed 's/^/  /'
echo "What it runs:"
./ftbench run "$spec" --db "$db" "$@" --dry-run | sed -n '1s/^/  /p'
echo
case $needs in
*"from the network: nothing") ;;
*) ./ftbench fetch --spec "$spec" "$@" || {
    echo "reproduce: not everything could be fetched. With the files in a folder, say FTBENCH_MIRROR=DIR" \
        "(see README.md); without any of them, \`make reproduce\` alone needs no network." >&2
    exit 3
} ;;
esac

# All it needs is here now, if only as a stand-in.
mkdir -p "$(dirname "$db")"
status=0
./ftbench run "$spec" --db "$db" "$@" --offline || status=$?
[ "$status" -le 1 ] || exit "$status"
./ftbench report "$spec" --db "$db" "$@" --out "$out" >/dev/null
echo "The page: $out/report.md and $page"
exit "$status"
