#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# t0xd and the generator as two processes: all that is sent, of both families, is received or counted, over
# every kind of port, and again after the generator was killed under load.
set -euo pipefail

# shellcheck source=../../bench/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../bench/lib/common.sh"
# shellcheck source=../promise.sh
source "$TREE/tests/promise.sh"
# shellcheck source=../../bench/lib/report.sh
source "$TREE/bench/lib/report.sh"
# shellcheck source=../../bench/generator/session.sh
source "$TREE/bench/generator/session.sh"
# shellcheck source=../../bench/endtoend/books.sh
source "$TREE/bench/endtoend/books.sh"

LOG=$TREE/build/test-logs/endtoend.log

# A promise has a session of its own, unless the script has one up for several.
SHARED=''
promise_begin() { [[ -n $SHARED ]] || session_begin small; }
promise_end() { [[ -n $SHARED ]] || session_end; }
promise_broken() { cat "$SESSION"/*.log 2>/dev/null || true; }

shared_up() { # KIND
	SHARED=$1
	trap session_end EXIT
	{ session_begin small && session_up "$1"; } >>"$LOG" 2>&1
}
shared_down() {
	session_end
	trap - EXIT
	SHARED=''
}

figure() { jq -r "$1" "$SESSION/trial"; }

none_connected() { bench_ctl cloud list -o json | jq -e 'all(.state != "Connected")'; }

# restart_under_load: the generator dies without a word while frames are under way both ways, another comes.
restart_under_load() {
	ask_no_answer "{\"clouds\":$CLOUDS,\"flows\":$PAIRS,\"seconds\":20}"
	sleep 0.3 # for frames to be everywhere
	kill -9 "$GENERATOR_PID"
	generator_stop
	[[ $KIND == af_packet ]] || wait_for 5 none_connected # a veth does not tell who is behind it
	t0xd_lives
	generator_start "$KIND" "${BENCH_CLOUDS[@]}"
	generator_ready
	wait_for 15 all_connected
	CLOUDS=$(clouds_of_t0xd "${BENCH_CLOUDS[@]}") # a port attached anew may have another MAC
}

overload() {
	trial overload "$ALL_FLOWS" '"seconds":0.5,"size":"imix"'
	balanced
	fails test "$(figure .received)" -lt 1000
	each_family_arrives_everywhere
	tell "$KIND: $(figure '"\(.sent) sent, \(.received) received, \(.dropped) dropped, \(.lost_there + .lost_back) lost by the kernel"')"
}

each_family_arrives_everywhere() {
	equal '[4,6]' "$(jq -c '[.flows[] | select(.kind == "valid")] | group_by(.family)
		| map(select(length == 4 and all(.received > 0))[0].family)' "$SESSION/generator")" \
		"families that arrived in all four directions"
}

over() { # KIND
	session_up "$1"
	overload
	restart_under_load
	trial again "$ALL_FLOWS" '"rate":20000,"seconds":0.3'
	balanced
	fails test "$(figure .received)" -lt 100
}

over_memif_all_is_accounted_for() { over memif; }
over_vhost_all_is_accounted_for() { over vhost; }
over_virtio_user_all_is_accounted_for() { over virtio_user; }
over_af_packet_all_is_accounted_for() { over af_packet; }
over_vlans_of_one_port_all_is_accounted_for() { overload; }

no_frame_passes_between_clouds_that_are_not_interconnected() {
	disconnect pc1 pc2
	trial separated "$SEPARATED_FLOWS" '"seconds":0.3'
	balanced
	equal 0 "$(figure .unexpected)" "frames that must not have come"
	equal "$(jq '[.flows[] | select(.kind == "forbidden").sent] | add' "$SESSION/generator")" \
		"$(figure .reasons.no_interconnect)" "dropped as no_interconnect"
	# The generator sees what passes: told that nothing may, it finds that all does, in either family.
	connect pc1 pc2
	trial interconnected "$SEPARATED_FLOWS" '"count":10000'
	fails balanced
	fails test "$(jq '[.flows[] | select(.family == 4).unexpected] | add' "$SESSION/generator")" -lt 1000
	fails test "$(jq '[.flows[] | select(.family == 6).unexpected] | add' "$SESSION/generator")" -lt 1000
}

interconnects_that_come_and_go_leave_no_gap_in_the_books() {
	trial_with_changes 3
	balanced
	fails test "$(figure '.reasons.no_interconnect')" -lt 1
}

what_is_larger_than_the_mtu_comes_in_fragments_or_is_dropped() {
	trial fragments "$FRAGMENTED_FLOWS" '"count":5000,"rate":50000'
	balanced
	fails test "$(figure .cut)" -lt 500
	fails test "$(figure .reasons.frag_needed)" -lt 500
	equal true "$(jq '[.flows[] | select(.kind == "fragments") | .received == 2 * .sent] | all' "$SESSION/generator")" \
		"each came in two fragments"
	trial overload "$FRAGMENTED_FLOWS" '"seconds":0.3'
	balanced
}

# A ledger that always balances proves nothing.
one_frame_too_many_or_too_few_is_seen() {
	trial paced "$ALL_FLOWS" '"count":5000,"rate":50000'
	balanced
	spoiled after '.stats.drops[0].packets += 1'
	spoiled after '.stats.drops[0].packets -= 1'
	spoiled after '.stats.drops[0].reason = "tx_full"'
	spoiled after '.stats.clouds[0].received += 1'
	spoiled after '.stats.interconnects[0].cloud_to_peer.packets += 1'
	spoiled after '.stats.icmp[0].sent += 1'
	spoiled after '.ports[0].rx_missed += 1'
	spoiled generator '.received -= 1'
	spoiled generator '.cuts += 1'
	spoiled generator '.duplicate += 1'
	spoiled generator '.clouds[0].other += 1'
}
spoiled() { # FILE FILTER
	cp "$SESSION/$1" "$SESSION/kept"
	jq "$2" "$SESSION/kept" >"$SESSION/$1"
	balance spoiled
	fails balanced
	mv "$SESSION/kept" "$SESSION/$1"
}

the_generator_says_what_it_does_not_understand() {
	local rc=0
	generator_start memif "${BENCH_CLOUDS[@]}"
	for wrong in '[]' '{"rate":-1}' '{"size":63}' '{"size":1519}' '{"size":"64,"}' '{"hops":2}' '{"speed":1}' \
		'{"flows":[{"from":"pc1","to":"pc9"}]}' '{"flows":[{"from":"pc1","to":"pc1"}]}' \
		'{"flows":[{"from":"pc1","to":"pc2","kind":"evil"}]}' '{"flows":[{"from":"pc1","to":"pc2","family":5}]}' \
		'{"flows":[{"from":"pc1","to":"pc2","family":6,"kind":"fragments"}]}' 'nonsense'; do
		[[ $wrong == nonsense ]] || wrong=$(jq -c --argjson clouds "$CLOUDS" --argjson flows "$PAIRS" \
			'if type == "object" then {$clouds, $flows} + . else . end' <<<"$wrong")
		generator_refuses "$wrong"
	done
	"$GENERATOR" --no-huge --no-pci --file-prefix nothing -- --rate fast >/dev/null 2>&1 || rc=$?
	equal 2 "$rc" "exit status of a usage error"
}
generator_refuses() {
	local line
	ask_no_answer "$1"
	read -r -t 10 line <&8
	[[ $line == '{"error":'* ]] || { echo "accepted: $1: $line" && return 1; }
}

sigterm_ends_a_trial_with_its_report() {
	ask_no_answer "{\"clouds\":$CLOUDS,\"flows\":$PAIRS,\"rate\":20000,\"seconds\":60}"
	sleep 0.5
	kill "$GENERATOR_PID"
	answer >"$SESSION/generator"
	equal true "$(jq '.seconds < 30 and .received == .sent and .sent > 100' "$SESSION/generator")" "report"
	wait_gone "$GENERATOR_PID" 5
}

promise_log
need_root
promise over_memif_all_is_accounted_for
promise over_vhost_all_is_accounted_for
promise over_virtio_user_all_is_accounted_for
promise over_af_packet_all_is_accounted_for
shared_up memif_trunk
promise over_vlans_of_one_port_all_is_accounted_for
promise no_frame_passes_between_clouds_that_are_not_interconnected
promise interconnects_that_come_and_go_leave_no_gap_in_the_books
promise what_is_larger_than_the_mtu_comes_in_fragments_or_is_dropped
promise one_frame_too_many_or_too_few_is_seen
promise sigterm_ends_a_trial_with_its_report # and the generator: the last
shared_down
promise the_generator_says_what_it_does_not_understand
promises_end
