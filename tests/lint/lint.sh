#!/bin/sh
# tests/lint/lint.sh [ROOT [CHECK...]]
#
# Checks the conventions of CONTRIBUTING.md over the tree at ROOT (the project
# itself when left out, and then selftest.sh too, which proves that every check
# can fail). A check is a function that runs in ROOT, prints what is wrong and
# fails when anything is. Exceptions stand, with a reason, in ROOT's
# tests/lint/exceptions.
set -u
here=$(cd "$(dirname "$0")" && pwd)
project=$(cd "$here/../.." && pwd)
root=${1:-$project}
[ $# -eq 0 ] && whole=1 || { whole= && shift; }
[ $# -gt 0 ] ||
    set -- format headers layers functions lengths banned variables shell cppcheck tidy

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$root" || exit 2

# need COMMAND PACKAGE: fails, naming the package, when COMMAND is missing.
need() {
    command -v "$1" >/dev/null && return
    echo "$1 is missing: apt-get install $2"
    return 1
}

# files PATTERN...: files under the root whose name matches one of them.
files() {
    for pattern in "$@"; do
        find . \( -path ./build -o -path ./.git -o -path ./reports/out -o -path ./results/state \) \
            -prune -o -type f -name "$pattern" -print
    done | sed 's|^\./||' | sort
}

# Sources of the program: no tests.
sources() {
    files '*.c' | grep -v '^tests/'
}

# fail_if_any FILE: shows FILE's lines; fails when there are any.
fail_if_any() {
    cat "$1"
    [ ! -s "$1" ]
}

# excepted CHECK: drops input lines "path:name: ..." (path:line:name: ...) whose
# path and name stand in the exceptions file as "CHECK path name reason".
excepted() {
    [ -f tests/lint/exceptions ] || { cat && return; }
    awk -v check="$1" '
        NR == FNR { if ($1 == check && NF > 3) ok[$2 ":" $3] = 1; next }
        { split($0, at, ":"); if (!((at[1] ":" at[3]) in ok)) print }
    ' tests/lint/exceptions -
}

flags() {
    [ -f "$project/build/packages.mk" ] || make -s -C "$project" build/packages.mk >&2
    packages=$(sed -n 's/^PKG_CFLAGS := //p' "$project/build/packages.mk")
    echo "-std=c17 -I. -D_GNU_SOURCE -DFT_BUILD=__FILE__ -DFT_FLAGS=__FILE__" \
        "-march=x86-64-v3 $packages"
}

# clang-format leaves every file as it is.
check_format() {
    need clang-format clang-format || return 1
    files '*.c' '*.h' | xargs -r clang-format --dry-run -Werror --style=file:"$project/.clang-format"
}

# Each header compiles alone, twice in a row, and its guard is named after it.
# What lies in tests/golden is data.
check_headers() {
    need gcc gcc || return 1
    files '*.h' | grep -v '^tests/golden/' >"$scratch/headers"
    FLAGS=$(flags) xargs -r -P2 -I{} sh -c '
        # shellcheck disable=SC2086
        printf "#include \"%s\"\n#include \"%s\"\n" {} {} |
            gcc $FLAGS -Wall -Wextra -Wpedantic -Werror -fsyntax-only -x c - ||
            echo "{}: does not compile alone"' \
        <"$scratch/headers" >"$scratch/out" 2>&1
    while read -r h; do
        guard=FT_$(echo "$h" | tr 'a-z/.-' 'A-Z___')
        grep -q "^#ifndef $guard\$" "$h" || echo "$h: its guard must be $guard"
    done <"$scratch/headers" >>"$scratch/out"
    fail_if_any "$scratch/out"
}

# A folder includes only itself and the folders below it; only gemm_*.c sees a BLAS.
check_layers() {
    files '*.c' '*.h' | xargs -r awk -f "$here/layers.awk" >"$scratch/out"
    fail_if_any "$scratch/out"
}

# Functions have at most 100 lines and, but for kernels, 6 parameters.
check_functions() {
    need ctags universal-ctags || return 1
    files '*.c' '*.h' | ctags -L - -o - --languages=C --langmap=C:.c.h --kinds-C=f --fields=+neS \
        --_xformat='%F|%n|%N|%e|%S' -x | awk -F '|' -f "$here/functions.awk" |
        excepted functions >"$scratch/out"
    fail_if_any "$scratch/out"
}

# Files have at most 600 lines.
check_lengths() {
    files '*.c' '*.h' '*.sh' '*.py' | while read -r f; do
        n=$(wc -l <"$f")
        [ "$n" -le 600 ] || echo "$f:1:lines: $n lines; 600 are allowed"
    done | excepted lengths >"$scratch/out"
    fail_if_any "$scratch/out"
}

# banned_in WORDS REASON: reads file names; names each call of one of WORDS.
banned_in() {
    while read -r f; do
        awk -f "$here/strip.awk" "$f" |
            grep -noE "(^|[^A-Za-z0-9_])($1)[[:space:]]*\(" |
            sed -E "s#^([0-9]+):[^A-Za-z0-9_]?($1)[[:space:]]*\(#$f:\1:\2: $2#"
    done
}

# Calls that are unsafe, not repeatable, or end the process behind main.c's back.
check_banned() {
    {
        files '*.c' '*.h' | banned_in \
            'strcpy|strcat|sprintf|vsprintf|strtok|atoi|atol|atof|rand|srand|random|gets|gmtime|localtime|ctime|asctime|alloca' \
            'banned: unsafe or not repeatable'
        sources | grep -v '^harness/base/clock\.c$' | banned_in 'time|gettimeofday|clock_gettime' \
            'only harness/base/clock.c asks for the time'
        sources | grep -v '^harness/main\.c$' | banned_in 'exit|abort|perror' \
            'only harness/main.c ends the process'
        sources | grep -v '^harness/[^/]*$' | banned_in 'printf|vprintf|puts|putchar' \
            'a library does not print'
    } | excepted banned >"$scratch/out"
    fail_if_any "$scratch/out"
}

# No variable lives longer than a call, but for main.c's. Without -fno-pie a const
# table of pointers would look like data; at -O0 nothing is optimised away.
check_variables() {
    need nm binutils || return 1
    mkdir "$scratch/objects"
    sources | grep -v '^harness/main\.c$' >"$scratch/sources"
    FLAGS=$(flags) OUT="$scratch/objects" xargs -r -P2 -I{} sh -c '
        o=$OUT/$(echo {} | tr / @).o
        # shellcheck disable=SC2086
        gcc $FLAGS -O0 -w -Wno-psabi -fno-pie -c -o "$o" {} || echo "{}:1:-: does not compile"
        [ -f "$o" ] && nm "$o" | sed -nE "s|^[0-9a-f]+ [bBdDC] (.*)|{}:1:\1: a variable that outlives a call|p"
        rm -f "$o"' <"$scratch/sources" | excepted variables >"$scratch/out"
    fail_if_any "$scratch/out"
}

# SC2154 (never assigned) and SC2034 (never used) would ask for what a sourced file
# assigns or its reader uses.
check_shell() {
    need shellcheck shellcheck || return 1
    { files '*.sh' '*.bash'; [ ! -f .ci/run ] || echo .ci/run; } | xargs -r shellcheck --severity=warning --exclude=SC2154,SC2034
}

check_cppcheck() {
    need cppcheck cppcheck || return 1
    sources >"$scratch/sources"
    [ -s "$scratch/sources" ] || return 0
    cppcheck --file-list="$scratch/sources" --std=c11 --language=c -I. --library=posix,gnu -j2 \
        --enable=warning,performance,portability --inline-suppr --quiet --error-exitcode=1 \
        --suppressions-list="$here/cppcheck.suppressions" \
        --template='{file}:{line}: {id}: {message}' -D_GNU_SOURCE -DFT_BUILD='""' -DFT_FLAGS='""'
}

# $0 is the project's folder. LINT_ERR and LINT_YAML: see analyser.h.
check_tidy() {
    need clang-tidy clang-tidy || return 1
    sources >"$scratch/sources"
    FLAGS=$(flags) xargs -r -P2 -n1 sh -c '
        case $1 in
        harness/base/err.c) own=-DLINT_ERR ;;
        harness/base/yaml.c) own=-DLINT_YAML ;;
        *) own= ;;
        esac
        # shellcheck disable=SC2086
        clang-tidy --quiet --config-file="$0/.clang-tidy" "$1" -- $FLAGS -I"$0" $own \
            -include "$0/tests/lint/analyser.h" 2>/dev/null' \
        "$project" <"$scratch/sources" >"$scratch/out" || echo "clang-tidy failed" >>"$scratch/out"
    sed -i -nE "s|^$PWD/||; / (warning|error): |^clang-tidy failed/p" "$scratch/out"
    fail_if_any "$scratch/out"
}

failed=
for check in "$@"; do
    if "check_$check"; then
        echo "lint: $check ok"
    else
        echo "lint: $check FAILED"
        failed="$failed $check"
    fi
done
[ -z "$whole" ] || "$here/selftest.sh" || failed="$failed selftest"
[ -z "$failed" ] && exit 0
echo "lint: failed:$failed"
exit 1
