#!/bin/sh
# tests/lint/selftest.sh: proves that the checks can fail.
#
# Every check of lint.sh passes on a small clean tree and fails, naming the
# file, when one fault is planted there; a missing tool is an error that names
# its package; and tests/run.sh calls a failing test a failure.
set -u
here=$(cd "$(dirname "$0")" && pwd)
tree=$(mktemp -d)
failures=$(mktemp) # a file, for plant runs behind a pipe: in a shell of its own
trap 'rm -rf "$tree" "$failures"' EXIT

wrong() {
    echo "selftest: $1" | tee -a "$failures"
}

clean_tree() {
    rm -rf "$tree"
    mkdir -p "$tree/harness/base" "$tree/models/tensor" "$tree/results" "$tree/tests/lint"
    cat >"$tree/harness/base/a.h" <<'C'
#ifndef FT_HARNESS_BASE_A_H
#define FT_HARNESS_BASE_A_H

#include <stddef.h>

size_t a_add(size_t x, size_t y);

#endif
C
    # The words in the comment and in the text are no calls; the table is const.
    cat >"$tree/harness/base/a.c" <<'C'
#include "harness/base/a.h"

/* strcpy(x), exit(1) and
 * printf("") are not called here. */
static const char *const words[] = {"atoi(text)", "\"rand()"};

size_t a_add(size_t x, size_t y) // time(NULL)
{
    return x + y + (words[0] == words[1]);
}
C
    cat >"$tree/models/tensor/gemm_own.c" <<'C'
#include "harness/base/a.h"

#include <cblas.h>
C
    printf '#!/bin/sh\nset -eu\necho "$#"\n' >"$tree/tests/a.sh"
}

# plant CHECK FILE: a clean tree with standard input appended to FILE must fail
# CHECK, and the message must name FILE.
plant() {
    clean_tree
    mkdir -p "$(dirname "$tree/$2")"
    cat >>"$tree/$2"
    out=$("$here/lint.sh" "$tree" "$1" 2>&1) && wrong "$1 does not see the fault in $2"
    case $out in
    *"$2"*) ;;
    *) wrong "$1 fails without naming $2: $out" ;;
    esac
}

checks="format headers layers functions lengths banned variables shell cppcheck tidy"
clean_tree
for check in $checks; do
    out=$("$here/lint.sh" "$tree" "$check" 2>&1) || wrong "$check fails on a clean tree: $out"
done

echo 'size_t  a_two( void );' | plant format harness/base/a.h
printf '#ifndef FT_RESULTS_B_H\n#define FT_RESULTS_B_H\nsize_t b(void);\n#endif\n' |
    plant headers results/b.h
printf '#ifndef FT_B_H\n#define FT_B_H\n#endif\n' | plant headers results/b.h
echo '#include "models/tensor/tape.h"' | plant layers harness/base/a.c
echo '#include "datasets/reader.h"' | plant layers results/b.c
echo '#include "models/model.h"' | plant layers tests/models/tensor/test_b.c
echo '#include "a.h"' | plant layers harness/b.c
echo '#include <cblas.h>' | plant layers models/tensor/op_b.c
{
    printf 'void b(void);\nvoid b(void)\n{\n'
    yes ';' | head -n 99
    echo '}'
} | plant functions results/b.c
echo 'int b(int p, int q, int r, int s, int t, int u, int (*v)(int, int)) { return 0; }' |
    plant functions results/b.c
yes '// a line' | head -n 601 | plant lengths results/b.c
echo 'char *b(char *x) { return strcpy(x, "y"); }' | plant banned results/b.c
echo 'long b(void) { return time(0); }' | plant banned results/b.c
echo 'void b(void) { exit(1); }' | plant banned harness/b.c
echo 'void b(void) { printf("x"); }' | plant banned results/b.c
echo 'int b(const char *x) { /* a " */ return atoi(x); }' | plant banned tests/results/test_b.c
echo 'static int n; int b(void); int b(void) { return n++; }' | plant variables results/b.c
echo 'int b(void); int b(void) { static int n = 3; return n++; }' | plant variables results/b.c
# shellcheck disable=SC2016
printf '#!/bin/sh\n[ $# == 1 ] && cd x\n' | plant shell tests/b.sh
echo 'int b(void); int b(void) { int x[2] = {0}; return x[2]; }' | plant cppcheck results/b.c
echo 'int b(int *p); int b(int *p) { if (!p) return *p; return 0; }' | plant tidy results/b.c

# An exception takes away what it names and nothing else.
clean_tree
echo 'void b(void) { exit(1); }' >"$tree/results/b.c"
echo 'banned results/b.c exit a reason' >"$tree/tests/lint/exceptions"
"$here/lint.sh" "$tree" banned >/dev/null || wrong "an exception is not heeded"
echo 'void c(void) { abort(); }' >>"$tree/results/b.c"
"$here/lint.sh" "$tree" banned >/dev/null && wrong "an exception hides another fault"
echo 'banned results/b.c abort' >>"$tree/tests/lint/exceptions"
"$here/lint.sh" "$tree" banned >/dev/null && wrong "an exception without a reason is taken"

# missing CHECK PACKAGE: without its tool, CHECK fails and names the package.
clean_tree
mkdir "$tree/bin"
for tool in sh awk cat dirname find grep mkdir mktemp rm sed sort tr wc xargs; do
    ln -s "$(command -v $tool)" "$tree/bin/$tool"
done
missing() {
    out=$(PATH=$tree/bin "$here/lint.sh" "$tree" "$1" 2>&1) && wrong "$1 passes without its tool"
    case $out in
    *"apt-get install $2"*) ;;
    *) wrong "$1 without its tool does not name $2: $out" ;;
    esac
}
missing format clang-format
missing headers gcc
missing functions universal-ctags
missing variables binutils
missing shell shellcheck
missing cppcheck cppcheck
missing tidy clang-tidy

# tests/run.sh: a verdict is an exit status.
run="$here/../run.sh"
cat >"$tree/test.c" <<'C'
#include <criterion/criterion.h>
Test(planted, fault)
{
    cr_assert_eq(1 + WRONG, 1);
}
C
gcc -DWRONG=1 -o "$tree/failing" "$tree/test.c" -lcriterion || wrong "cannot build a test"
gcc -DWRONG=0 -o "$tree/passing" "$tree/test.c" -lcriterion || wrong "cannot build a test"
cat >"$tree/leak.c" <<'C'
#include <criterion/criterion.h>
#include <stdlib.h>
Test(planted, leak)
{
    volatile char *p = malloc(77);
    p[0] = 1;
    p = NULL;
}
C
gcc -fsanitize=address -o "$tree/leaking" "$tree/leak.c" -lcriterion || wrong "cannot build a test"
printf '#!/bin/sh\necho "skip: no reason"\nexit 77\n' >"$tree/skipping"
printf '#!/bin/sh\nkill -SEGV $$\n' >"$tree/crashing"
chmod +x "$tree/skipping" "$tree/crashing"
"$run" unit "$tree/passing" "$tree/skipping" >"$tree/log" 2>&1 || wrong "run.sh fails a passing test"
grep -q 'unit: 1 passed, 0 failed, 1 skipped' "$tree/log" || wrong "run.sh counts wrongly"
"$run" unit "$tree/passing" "$tree/failing" >"$tree/log" 2>&1 && wrong "run.sh passes a failing test"
grep -q "^FAIL  $tree/failing" "$tree/log" || wrong "run.sh does not name the failing test"
"$run" unit "$tree/passing" "$tree/crashing" >/dev/null 2>&1 && wrong "run.sh passes a crash"
"$run" unit "$tree/passing" "$tree/leaking" >/dev/null 2>&1 && wrong "run.sh passes a leak"
"$run" unit "$tree/skipping" >/dev/null 2>&1 && wrong "run.sh passes when nothing ran"
"$run" unit >/dev/null 2>&1 && wrong "run.sh passes without tests"

[ ! -s "$failures" ] || exit 1
echo "lint: selftest ok"
