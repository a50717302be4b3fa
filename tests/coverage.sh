#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# tests/coverage.sh BUILD: what the programs of a build directory have reached since its .gcda files
# were last deleted; a table on standard output, the lines themselves in BUILD/index.html.
# A t0xd that is killed writes nothing, one that ends on SIGTERM does.
set -euo pipefail

# shellcheck source=../bench/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../bench/lib/common.sh"

(($# == 1)) || die "usage: tests/coverage.sh BUILD"
build=$1

cd "$TREE"
gcovr --root . --object-directory "$build" --filter dataplane/ --filter control/ \
	--exclude-unreachable-branches --json-summary "$build/coverage.json" \
	--html-details "$build/index.html" --html-title t0x "$build" >"$build/gcovr.log" 2>&1 || {
	cat "$build/gcovr.log" >&2
	die "gcovr failed"
}

# row NAME COVERED TOTAL COVERED TOTAL, lines then branches; a header has no branches.
awk_rows='
function share(covered, total) { return total ? sprintf("%.1f %%", 100 * covered / total) : "-" }
{ printf "  %-28s %12s %8s %14s %8s\n", $1, $2 "/" $3, share($2, $3), $4 "/" $5, share($4, $5) }'

printf '  %-28s %12s %8s %14s %8s\n' FILE LINES '' BRANCHES ''
jq -r '.files | sort_by(.filename)[] |
	"\(.filename) \(.line_covered) \(.line_total) \(.branch_covered) \(.branch_total)"' \
	"$build/coverage.json" | awk "$awk_rows"
for folder in dataplane control; do
	jq -r --arg folder "$folder" '[.files[] | select(.filename | startswith($folder + "/"))] |
		"\($folder)/ \(map(.line_covered) | add) \(map(.line_total) | add)" +
		" \(map(.branch_covered) | add) \(map(.branch_total) | add)"' \
		"$build/coverage.json" | awk "$awk_rows"
done
jq -r '"total \(.line_covered) \(.line_total) \(.branch_covered) \(.branch_total)"' \
	"$build/coverage.json" | awk "$awk_rows"
say "  line by line: ${build#"$TREE"/}/index.html"
