#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A thousand clouds with 64 prefixes each, and five thousand interconnects: memory, and how long it
# takes to apply them, to list them, and to have them programmed again after a restart, when the
# daemon answers; its control netdevs come after that.
#
# What it costs a packet is measured by the part forward, whose figures with 1,000 clouds are shown
# here, too, when bench/report/forward.json has them: each of its verdicts that says "1,000 clouds".
set -euo pipefail

# shellcheck source=../lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../lib/common.sh"
# shellcheck source=../lib/report.sh
source "$TREE/bench/lib/report.sh"
# shellcheck source=../lib/lab.sh
source "$TREE/bench/lib/lab.sh"
# shellcheck source=../lib/scale.sh
source "$TREE/bench/lib/scale.sh"

SEGMENTS=63 # and the network block
FILES=$(mktemp -d)

finish_all() {
	trunks_remove
	"$TREE/bench/lab" down >/dev/null || true
	rm -rf "$FILES"
}

# timed NAME COMMAND...: one more time of it, in ms, among the samples.
timed() {
	local began=$EPOCHREALTIME
	progress "scale: $1"
	"${@:2}" >/dev/null
	printf '%s\t%s\n' "$1" "$(ms_between "$began" "$EPOCHREALTIME")" >>"$FILES/times"
}

nothing_to_do() { ctl apply "$1" --dry-run | grep -qF 'nothing to do'; }

restart() {
	daemon_kill
	timed "restart" daemon_start
	nothing_to_do "$FILES/all.json" || die "after a restart the region is not as it was applied"
}

# Hugepages are of the whole process, whatever their use; its heap is what DPDK has given out.
memory() {
	jq -n --argjson stats "$(ctl stats -o json | jq .memory)" \
		--argjson huge "$(awk '/^HugetlbPages:/ { print $2 * 1024 }' "/proc/$(daemon_pids)/status")" \
		'{tables: $stats.tables, resident_bytes: $stats.process.resident_bytes,
		  heap_bytes: $stats.process.heap_bytes, hugepage_bytes: $huge}'
}

measure() { # CLOUDS ROUNDS
	local round
	progress "scale: lab up"
	"$TREE/bench/lab" up --ports af_packet >"$FILES/lab.log" 2>&1 || { cat "$FILES/lab.log" >&2 && exit 1; }
	trunks_create
	ctl dump >"$FILES/lab.json"
	memory >"$FILES/before"
	scale_region "$1" macs "$SEGMENTS" >"$FILES/scale.json"
	region_join "$FILES/lab.json" "$FILES/scale.json" >"$FILES/all.json"
	for ((round = 1; round <= $2; round++)); do
		timed "apply" ctl apply "$FILES/all.json" --confirm-no-overlap
		nothing_to_do "$FILES/all.json" || die "the region is not as it was applied"
		timed "apply, nothing to do" ctl apply "$FILES/all.json"
		timed "list clouds" ctl cloud list
		timed "list interconnects" ctl interconnect list
		timed "list routes of a cloud" ctl route list s0
		timed "stats" ctl stats
		timed "dump" ctl dump
		memory >"$FILES/after"
		restart
		timed "delete all again" ctl apply "$FILES/lab.json" --confirm-no-overlap
	done
}

measured() { # CLOUDS
	jq -R -n --argjson clouds "$1" --argjson segments "$SEGMENTS" --slurpfile before "$FILES/before" \
		--slurpfile after "$FILES/after" --argjson interconnects "$(jq '.interconnects | length' "$FILES/scale.json")" '
		{clouds: $clouds, prefixes: ($segments + 1), interconnects: $interconnects,
		 times_ms: ([inputs / "\t"] | group_by(.[0])
			| map({key: .[0][0], value: map(.[1] | tonumber)}) | from_entries),
		 memory: {before: $before[0], after: $after[0]}}' "$FILES/times"
}

# Of the part forward, if it has been run.
with_forwarding() {
	jq --argjson forward "$(jq '[.verdicts[] | select(.measure | contains("1,000 clouds"))]' \
		"$REPORT/forward.json" 2>/dev/null || echo '[]')" '. + {forward: $forward}'
}

GOALS='.forward[] | del(.verdict)'

say_scale() {
	report_query scale '"\(.clouds) clouds on VLANs of four trunks, \(.prefixes) routed prefixes each, \(.interconnects) interconnects:",
		"tables of \(.memory.after.tables.routes) routes in all, each cloud with those of ten peers."'
	echo
	report_query scale '.times_ms | to_entries[] | [.key, (.value | median | round), (.value | min), (.value | max), (.value | length)] | @tsv' |
		table MILLISECONDS MEDIAN+ LEAST+ MOST+ TIMES+
	echo
	report_query scale '.memory | [["tables", .before.tables.bytes, .after.tables.bytes],
		["resident", .before.resident_bytes, .after.resident_bytes],
		["heap of DPDK", .before.heap_bytes, .after.heap_bytes],
		["hugepages", .before.hugepage_bytes, .after.hugepage_bytes]][]
		| [.[0], (.[1:][] | . / 1048576 | short)] | @tsv' | table MIB "LAB ALONE+" "ALL+"
	report_query scale 'if (.forward | length) == 0 then "", "Forwarding rate: run the part forward first." else empty end'
}

draw() {
	report_query scale '.times_ms | to_entries[] | [.key, (.value | median, min, max)] | @tsv' |
		plot_bars scale-times "1,000 clouds x 64 prefixes, 5,000 interconnects: median, least, most" "milliseconds"
}

report_options "$@"
needs_lab
clouds=1000 rounds=${ROUNDS:-3}
((!QUICK)) || clouds=100 rounds=${ROUNDS:-1}
trap finish_all EXIT
measure "$clouds" "$rounds"
measured "$clouds" | with_forwarding | report_json scale "$GOALS"
draw
report_text scale say_scale
