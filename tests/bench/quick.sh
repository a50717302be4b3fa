#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# bench/run works, and says what is so: no figure is judged here, but every answer must be right.
set -euo pipefail

# shellcheck source=../../bench/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../bench/lib/common.sh"
# shellcheck source=../promise.sh
source "$TREE/tests/promise.sh"
# shellcheck source=../../bench/lib/report.sh
source "$TREE/bench/lib/report.sh"

LOG=$TREE/build/test-logs/bench.log
REPORT=$TREE/bench/report

run() { "$TREE/bench/run" "$@"; }
told() { jq -e "$2" "$REPORT/$1.json" >/dev/null || { jq -c "$2" "$REPORT/$1.json" && return 1; }; }

# usage_error PATTERN ARGUMENT...: nothing runs, and what is wrong is said.
usage_error() {
	local out rc=0
	out=$(run "${@:2}" 2>&1) || rc=$?
	fails test "$rc" = 0
	grep -qF -- "$1" <<<"$out"
	fails grep -q '^bench/run: ' <<<"$out"
}

what_is_not_understood_runs_nothing() {
	usage_error "usage: bench/run" no-such-part
	usage_error "usage: bench/run" --fast lookup
	usage_error "--rounds" --rounds
	usage_error "--rounds" --rounds 0 lookup
	usage_error "--rounds" --rounds many lookup
	run --help | grep -qF "usage: bench/run"
}

# verdict VALUE LEAST AIM more|less SPREAD: what report_json makes of it.
verdict() {
	jq -n '{}' | REPORT=$VERDICTS QUICK=1 report_json verdict "{measure: \"m\", value: $1, unit: \"u\",
		least: $2, aim: $3, better: \"$4\", spread: $5}"
	jq -r '.verdicts[0].verdict' "$VERDICTS/verdict.json"
}

verdicts_say_what_was_reached() {
	equal "aim met" "$(verdict 550 400 550 more null)"
	equal "least met" "$(verdict 549 400 550 more null)"
	equal "least met" "$(verdict 400 400 550 more 0.25)"
	equal "missed" "$(verdict 399 400 550 more 0.25)"
	equal "too noisy" "$(verdict 999 400 550 more 0.26)"
	equal "aim met" "$(verdict 0 0 0 less null)"
	equal "missed" "$(verdict 1 0 0 less null)"
	equal "least met" "$(verdict 11 50 10 less null)"
	equal "not measured" "$(verdict null 50 10 less null)"
}

the_quick_run_ends_well() {
	rm -f "$REPORT"/lookup* "$REPORT"/update*
	run --quick lookup update
	for part in lookup update; do
		test -s "$REPORT/$part.txt"
		told "$part" '.part == "'"$part"'" and .quick and (.verdicts | length > 0)'
		told "$part" '.machine | .cpu and .kernel and .dpdk and .commit and .date and .cpus > 0'
	done
	head -n 2 "$REPORT/lookup-ipv4.svg" | grep -q '<svg'
	head -n 2 "$REPORT/lookup-clouds.svg" | grep -q '<svg'
	head -n 2 "$REPORT/update-times.svg" | grep -q '<svg'
}

# All of ours that the CPU has take part everywhere, whatever a peer can hold.
every_lookup_is_right() {
	told lookup '.wrong == 0 and (.cases | length == 18)'
	told lookup 'all(.cases[].entrants[]; .cannot or (.wrong == 0 and .checked >= 32768))'
	told lookup 'all(.cases[]; any(.entrants[]; .name == "t0x" and .median > 0))'
	told lookup 'all(.cases[] | select(.clouds == 1); all(.entrants[]; .cannot | not or test("CPU")))'
	told lookup 'all(.cases[] | select(.clouds == 1000); any(.entrants[]; .cannot))'
	tell "$(jq '[.cases[].entrants[].checked // 0] | add' "$REPORT/lookup.json") lookups checked"
}

nothing_is_late_or_lost_while_interconnects_come_and_go() {
	told update '.changes == 400 and .frames > 400'
	told update '.late == 0 and .silent == 0 and .missed == 0'
	told update '.others.lost == 0 and .others.sent > 400'
	tell "$(jq -r '"\(.frames) frames, \(.changes) changes, \(.changes_per_second | round)/s"' "$REPORT/update.json")"
}

# skipped PART: could it not run here? Tells so.
skipped() {
	local line
	line=$(grep "^skipped: $1" "$VERDICTS/$1") || return
	tell "$line"
}

# The bench itself looks whether every frame was steered, forwarded or dropped as it should.
the_guard_is_measured() {
	rm -f "$REPORT"/guard*
	run --quick guard | tee "$VERDICTS/guard"
	! skipped guard || return 0
	test -s "$REPORT/guard.txt"
	told guard '(.cost | length == 8) and all(.cost[]; .ns.median > 0)'
	told guard 'all(.wire[]; .engine == "drop" or .arrived.median > 1000)'
	told guard '(.wire[] | select(.engine == "drop") | .sent.median > 1000 and .arrived.median < 100)'
	head -n 2 "$REPORT/guard-cost.svg" | grep -q '<svg'
	tell "$(jq -r '[.cost[] | "\(.name) \(.ns.median | round) ns"] | join(", ")' "$REPORT/guard.json")"
}

# Where there is no memory for all of them, it says so.
all_contestants_forward() {
	rm -f "$REPORT"/forward*
	run --quick forward | tee "$VERDICTS/forward"
	! skipped forward || return 0
	test -s "$REPORT/forward.txt"
	told forward '[.cases[].name] == ["ipv4-64", "ipv6-64"]'
	told forward 'all(.cases[]; [.contestants[].name] | contains(["l3fwd-lpm", "l3fwd-fib", "testpmd-mac", "t0x"]))'
	told forward 'all(.cases[].contestants[]; (.cannot | not) and .packets_per_second.median > 1e6)'
	head -n 2 "$REPORT/forward-ipv4.svg" | grep -q '<svg'
	tell "$(jq -r '[.cases[] | "\(.name) \((.contestants[] | select(.name == "t0x").ratio.median * 100 | round) / 100) of \(.reference)"] | join(", ")' "$REPORT/forward.json")"
}

VERDICTS=$(mktemp -d)
trap 'rm -rf "$VERDICTS"' EXIT
promise_log
need_root
promise what_is_not_understood_runs_nothing
promise verdicts_say_what_was_reached
promise the_quick_run_ends_well
promise every_lookup_is_right
promise nothing_is_late_or_lost_while_interconnects_come_and_go
promise the_guard_is_measured
promise all_contestants_forward
promises_end
