#!/bin/sh
# The miniature data sets are what their generator writes, byte for byte, stay small, and their
# vocabulary covers them.
set -eu
cd "$(dirname "$0")/../.."
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
python3 tools/miniature.py "$out"
(cd "$out" && find . -type f | sort) >"$out.list"
trap 'rm -rf "$out" "$out.list"' EXIT
while read -r file; do
    cmp "$out/$file" "$file"
done <"$out.list"

# Nothing in the folder that the generator does not write, but what is said of it.
committed=$(find datasets/miniature -type f ! -name README.md | wc -l)
written=$(find "$out/datasets/miniature" -type f | wc -l)
[ "$committed" -eq "$written" ] || { echo "$committed files, $written written"; exit 1; }
bytes=$(cat datasets/miniature/*_* | wc -c)
[ "$bytes" -lt 1500000 ] || { echo "$bytes bytes in all"; exit 1; }

# No word of theirs is unknown ([UNK] is id 1) to the vocabulary.
digest=build/${CC:-gcc}-${V:-release}/tests/models/tokenize/digest
make -s "$digest" >/dev/null
python3 - >"$out/texts" <<'EOF'
import pathlib
for path in sorted(pathlib.Path("datasets/miniature").glob("*_*")):
    encoding = "latin-1" if path.name.startswith("financial") else "utf-8"
    for line in path.read_text(encoding=encoding).splitlines():
        print(line, end="\0")
EOF
"$digest" models/zoo/mini 100000 ids <"$out/texts" >"$out/ids" 2>/dev/null
lines=$(wc -l <"$out/ids")
unknown=$(grep -cw 1 "$out/ids" || true)
echo "$bytes bytes, $lines lines, $unknown with unknown words"
[ "$lines" -gt 5000 ] && [ "$unknown" -eq 0 ]
