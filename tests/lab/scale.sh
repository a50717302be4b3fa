#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A thousand clouds on four trunks, five thousand interconnects: applied, listed, restarted, removed,
# while the lab's own traffic loses nothing.
# shellcheck source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=../../bench/lib/scale.sh
source "$TREE/bench/lib/scale.sh"

CRASHES=${CRASHES:-5}
# What must hold on a machine that is busy with something else as well; the figures are told.
APPLY_MS=10000 RESTART_MS=3000 LIST_MS=1000
LAB=$LOGS/scale-lab.json
ALL=$LOGS/scale-all.json

timed() { # NAME COMMAND...: sets TOOK_MS
	local began=$EPOCHREALTIME
	"${@:2}"
	TOOK_MS=$(ms_between "$began" "$EPOCHREALTIME")
	tell "$1: $TOOK_MS ms"
}

region_prepare() {
	region_is pc1-pc2 pc2-pc3
	trunks_create
	ctl dump >"$LAB"
	scale_region 1000 macs >"$LOGS/scale.json"
	region_join "$LAB" "$LOGS/scale.json" >"$ALL"
}

nothing_to_do() { ctl apply "$1" --dry-run | grep -qF 'nothing to do'; }

stream_start() {
	background in t0x-pc3-vm receive --port 9000 --stream 1
	background out t0x-pc2-vm send --to 172.16.3.10 --port 9000 --stream 1 --rate 1000 --seconds 600
}
stream_lost_nothing() {
	finish out
	sleep 0.3 # for what is still under way
	finish in
	equal "$(report out .sent) 0 0" \
		"$(report in '"\(.received) \(.duplicate) \(.reordered)"')" "pc2 to pc3"
	tell "beside it $(report out .sent) packets, none lost, largest gap $(report in .largest_gap_ms) ms"
}

a_thousand_clouds_are_applied_at_once() {
	region_prepare
	stream_start
	timed "1,000 clouds and 5,000 interconnects applied" ctl apply "$ALL" --confirm-no-overlap >/dev/null
	((TOOK_MS < APPLY_MS))
	stream_lost_nothing
	nothing_to_do "$ALL"
	ctl dump >"$LOGS/dump.json"
	nothing_to_do "$LOGS/dump.json"
	equal "5002 Active" "$(ctl interconnect list -o json | jq -r '[.[].state] | group_by(.)[] | "\(length) \(.[0])"')"
}

lists_stay_quick() {
	timed "interconnect list -o json" ctl interconnect list -o json >/dev/null
	((TOOK_MS < LIST_MS))
	timed "cloud list -o json" ctl cloud list -o json >/dev/null
	((TOOK_MS < LIST_MS))
	timed "stats -o json" ctl stats -o json >/dev/null
	((TOOK_MS < LIST_MS))
	tell "t0xd: $(awk '/VmRSS|HugetlbPages/ { printf "%s %d MiB ", $1, $2 / 1024 }' "/proc/$(daemon_pids)/status")"
}

# Cloud sI has its next five as peers, and its last five.
direct_peers_and_nobody_else() {
	local i peer address
	for i in 0 1 7 499 994 995 999; do
		for peer in 1 5 995 999; do
			peer=$(((i + peer) % 1000))
			explained "s$i" "$(address_of "$i")" "$(address_of "$peer")" forward
		done
		for peer in 6 10 500 994; do
			peer=$(((i + peer) % 1000))
			explained "s$i" "$(address_of "$i")" "$(address_of "$peer")" drop no_interconnect
		done
		explained "s$i" "$(address_of "$i")" 192.168.100.10 drop no_interconnect
		explained "s$i" "$(address_of "$i")" 172.16.2.10 drop no_interconnect
	done
	explained pc1 172.16.1.10 "$(address_of 0)" drop no_interconnect
}
address_of() { # I: a host of its first segment
	local n=$((3 * $1))
	echo "10.$((128 + n / 256)).$((n % 256)).9"
}

a_restart_programs_all() {
	local began
	daemon_kill
	began=$EPOCHREALTIME
	daemon_start
	TOOK_MS=$(ms_between "$began" "$EPOCHREALTIME")
	tell "from start to the first answer: $TOOK_MS ms"
	((TOOK_MS < RESTART_MS))
	nothing_to_do "$ALL"
	wait_for 10 cloud_is_connected pc3
	wait_for 5 pings t0x-pc2-vm 172.16.3.10
	direct_peers_and_nobody_else
	equal 1003 "$(taps_when_settled)" "control netdevs"
}
taps_when_settled() { wait_for 10 has_taps 1003 || true; taps; }
taps() { ip -n t0x-control -br link | grep -c '^t0x'; }
has_taps() { (($(taps) == $1)); }

# Killed anywhere on the way from one region to the other: one of the two is there afterwards.
a_crash_leaves_one_region_or_the_other() {
	local round target=$LAB other=$ALL applied
	for ((round = 1; round <= CRASHES; round++)); do
		ctl apply "$target" --confirm-no-overlap >/dev/null 2>&1 &
		applied=$!
		sleep "0.$((RANDOM % 9))$((RANDOM % 10))"
		daemon_kill
		wait "$applied" || true
		daemon_start
		if nothing_to_do "$target"; then
			tell "killed on the way, and there"
			if [[ $target == "$LAB" ]]; then target=$ALL other=$LAB; else target=$LAB other=$ALL; fi
		else
			tell "killed on the way, and not"
			nothing_to_do "$other"
		fi
	done
	ctl apply "$ALL" --confirm-no-overlap >/dev/null
}

all_of_it_goes_at_once() {
	wait_for 10 cloud_is_connected pc3
	wait_for 5 pings t0x-pc2-vm 172.16.3.10
	stream_start
	timed "the same deleted" ctl apply "$LAB" --confirm-no-overlap >/dev/null
	((TOOK_MS < APPLY_MS))
	stream_lost_nothing
	nothing_to_do "$LAB"
	wait_for 10 has_taps 3
	trunks_remove
}

trap 'trunks_remove; streams_end' EXIT
promise a_thousand_clouds_are_applied_at_once
promise lists_stay_quick
promise direct_peers_and_nobody_else
promise a_restart_programs_all
promise a_crash_leaves_one_region_or_the_other
promise all_of_it_goes_at_once
promises_end
