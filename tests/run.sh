#!/bin/sh
# tests/run.sh KIND TEST...  Runs each test program or script; its exit status is
# its verdict: 0 passed, 77 skipped (and says why), anything else failed. Prints
# "N passed, N failed, N skipped" and exits 1 when anything failed or when
# nothing ran.
set -u
kind=$1
shift
passed=0 failed=0 skipped=0
for t in "$@"; do
    log=$(mktemp)
    timeout "${TEST_TIMEOUT:-600}" "$t" >"$log" 2>&1
    status=$?
    # Criterion runs a test in a process of its own and does not look at how it ends
    # after a pass: what LeakSanitizer says there must count all the same.
    if [ $status -eq 0 ] && grep -q 'ERROR: [A-Za-z]*Sanitizer' "$log"; then status=1; fi
    case $status in
    0) passed=$((passed + 1)) && echo "pass  $t" && grep -h '^skip: ' "$log" ;;
    77) skipped=$((skipped + 1)) && echo "skip  $t: $(tail -n 1 "$log")" ;;
    *) failed=$((failed + 1)) && echo "FAIL  $t (status $status)" && cat "$log" ;;
    esac
    rm -f "$log"
done
echo "$kind: $passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
