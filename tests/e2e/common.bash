# Shared by the end-to-end tests: a scratch folder that goes away, and checks
# that say what they expected. Each test is run from the project's root.
# shellcheck shell=bash
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
ftbench=$PWD/ftbench
scratch=$(mktemp -d)
trap 'cleanup' EXIT

cleanup() {
    if mountpoint -q "$scratch/full" 2>/dev/null; then umount "$scratch/full"; fi
    chmod -R u+w "$scratch" 2>/dev/null || true
    rm -rf "$scratch"
}

skip() {
    echo "$1"
    exit 77
}

fail() {
    echo "FAILED: $1" >&2
    exit 1
}

# expect_status STATUS COMMAND...: its output goes to $scratch/said.
expect_status() {
    local wanted=$1 got=0
    shift
    "$@" >"$scratch/said" 2>&1 || got=$?
    [ "$got" -eq "$wanted" ] || {
        cat "$scratch/said"
        fail "status $got instead of $wanted from: $*"
    }
}

# said TEXT: the last expect_status printed it.
said() {
    grep -qF -- "$1" "$scratch/said" || {
        cat "$scratch/said"
        fail "nothing says: $1"
    }
}

# The results in a database, bit for bit, without what was measured by a clock.
results_of() {
    sqlite3 "$1" 'SELECT line FROM result_lines'
}

# A matrix that takes a few seconds: small_spec FILE METHODS SEEDS EPOCHS ROWS
small_spec() {
    cat >"$1" <<EOF
matrix:
  models: [mini-bert-xs]
  methods: [$2]
  datasets: [mini_irony]
  seeds: [$3]
protocol: sound
set:
  num_train_epochs: $4
  max_train_samples: $5
  max_length: 32
EOF
}
