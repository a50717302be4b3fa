#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Two workers do what one does: each with a queue of each port, or handing over to the owner of the
# only one; and queues that move from one to the other under traffic.
# shellcheck source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

restart_with() {
	local eal=()
	[[ ! -s $LAB_RUN/daemon-arguments ]] || mapfile -t eal <"$LAB_RUN/daemon-arguments"
	daemon_stop
	daemon_start "$@" "${eal[@]}"
	for cloud in pc1 pc2 pc3; do
		wait_for 10 cloud_is_connected "$cloud"
	done
}

two_workers_reach_what_one_does() {
	restart_with --workers 0,1
	pings t0x-pc1-vm 172.16.2.10 10
	pings t0x-pc1-vm 10.2.0.2
	pings t0x-pc2-vm 172.16.1.10
	pings t0x-pc2-vm 172.16.3.10
	pings t0x-pc3-vm 172.16.2.10
	pings_not t0x-pc1-vm 172.16.3.10
	pings_not t0x-pc3-vm 172.16.1.10
	pings t0x-pc1 169.254.1.1
}

# Where devargs do not say otherwise, a port has a queue for each worker, and the kernel fills both.
flows_are_spread_over_the_queues() {
	local before port
	equal "2 2" "$(ctl port show "net_${PORTS}1" -o json | jq -r '"\(.rx_queues) \(.tx_queues)"')" queues
	before=$(queue_packets "net_${PORTS}1")
	for port in {9100..9131}; do
		ip netns exec t0x-pc1-vm "$TRAFFIC" send --to 172.16.2.10 --port "$port" --stream 1 \
			--rate 10000 --count 10 >/dev/null
	done
	equal 320 "$(($(queue_packets "net_${PORTS}1" | sum) - $(sum <<<"$before")))" "packets"
	paste <(echo "$before") <(queue_packets "net_${PORTS}1") | awk '$2 - $1 < 10 { exit 1 }'
	fails test "$(sent_by_queue "net_${PORTS}2" | awk '$1 < 10' | wc -l)" -gt 0 # each worker by its own
}

queue_packets() { ctl port show "$1" -o json --all | jq '.xstats | .rx_q0_packets, .rx_q1_packets'; }
sent_by_queue() { ctl port show "$1" -o json --all | jq '.xstats | .tx_q0_packets, .tx_q1_packets'; }
sum() { awk '{ n += $1 } END { print n }'; }

list_shows_each_queue_once() {
	local list
	list=$(ctl worker list -o json)
	equal "0 1" "$(jq -r '[.[].worker] | join(" ")' <<<"$list")" "workers"
	equal "0 1" "$(jq -r '[.[].cpu] | join(" ")' <<<"$list")" "CPUs"
	jq -e 'all(.[]; .busy_ratio >= 0 and .busy_ratio <= 1)' <<<"$list"
	for side in rx tx; do
		equal "$(printf "net_$PORTS%s\n" 1/0 1/1 2/0 2/1 3/0 3/1)" \
			"$(jq -r ".[].${side}_queues[] | \"\(.port)/\(.queue)\"" <<<"$list" | sort)" "$side"
		equal "3 3" "$(jq -r "[.[].${side}_queues | length] | join(\" \")" <<<"$list")" "$side, dealt out"
	done
	ctl worker list | grep -E "^ *0 +0 .* net_$PORTS" # for people as well
}

worker_of() { # PORT QUEUE
	ctl worker list -o json | jq --arg port "$1" --argjson queue "$2" \
		'.[] | select(.rx_queues[] | .port == $port and .queue == $queue) | .worker'
}

# Every queue of every port, ten times, while two clouds send to the third.
queues_move_under_traffic_and_nothing_is_lost() {
	local port queue to
	background in-1 t0x-pc2-vm receive --port 9001 --stream 1
	background in-3 t0x-pc2-vm receive --port 9003 --stream 3
	background out-1 t0x-pc1-vm send --to 172.16.2.10 --port 9001 --stream 1 --rate 3000 --seconds 120
	background out-3 t0x-pc3-vm send --to 172.16.2.10 --port 9003 --stream 3 --rate 3000 --seconds 120
	for _ in {1..10}; do
		for port in "net_${PORTS}1" "net_${PORTS}2" "net_${PORTS}3"; do
			for queue in 0 1; do
				to=$((1 - $(worker_of "$port" "$queue")))
				ctl worker set "$port" "$queue" "$to" >/dev/null
				equal "$to" "$(worker_of "$port" "$queue")" "worker of $port/$queue"
			done
		done
	done
	finish out-1
	finish out-3
	sleep 0.3 # until all have arrived
	finish in-1
	finish in-3
	fails test "$(report out-1 .sent)" -lt 1000
	# Not their order: what the two workers send waits in the kernel's queue of each one's CPU.
	equal "$(report out-1 .sent) 0" "$(report in-1 '"\(.received) \(.duplicate)"')" "from pc1"
	equal "$(report out-3 .sent) 0" "$(report in-3 '"\(.received) \(.duplicate)"')" "from pc3"
	tell "60 moves, $(report out-1 .sent) packets from pc1"
}

# With all queues on one worker the other has nothing to do, and traffic passes all the same.
one_worker_can_have_all_queues() {
	local port queue
	for port in "net_${PORTS}1" "net_${PORTS}2" "net_${PORTS}3"; do
		for queue in 0 1; do
			equal "{\"port\":\"$port\",\"queue\":$queue,\"worker\":1}" \
				"$(ctl worker set "$port" "$queue" 1 -o json | jq -c .)" "answer"
		done
	done
	equal "0 6" "$(ctl worker list -o json | jq -r '[.[].rx_queues | length] | join(" ")')" "rx queues"
	equal 1 "$(ctl port show "net_${PORTS}1" -o json | jq -r '.workers | join(" ")')" "workers of a port"
	pings t0x-pc1-vm 172.16.2.10 10
	pings t0x-pc3-vm 172.16.2.10
	pings_not t0x-pc1-vm 172.16.3.10
}

moves_are_told() {
	local events
	ctl worker set "net_${PORTS}1" 0 1
	events=$(ctl event list -o json | jq '[.[] | select(.action == "worker.set")] | length')
	ctl worker set "net_${PORTS}1" 0 1 # it is there: nothing to tell
	ctl worker set "net_${PORTS}1" 0 0
	equal $((events + 1)) \
		"$(ctl event list -o json | jq '[.[] | select(.action == "worker.set")] | length')" "events"
	equal "uid:0 net_${PORTS}1 rx queue 0: from worker 1 to 0" \
		"$(ctl event list -o json | jq -r \
			'[.[] | select(.action == "worker.set")][-1] | "\(.principal) \(.object) \(.text)"')" event
}

what_there_is_not_is_refused() {
	local before
	before=$(ctl worker list -o json | jq '.[].rx_queues')
	refused port_not_found "net_${PORTS}9" worker set "net_${PORTS}9" 0 1
	refused queue_not_found "net_${PORTS}1 2" worker set "net_${PORTS}1" 2 1
	refused worker_not_found "2 --workers" worker set "net_${PORTS}1" 0 2
	for words in "net_${PORTS}1 0" "net_${PORTS}1 x 0" "net_${PORTS}1 0 -1" "net_${PORTS}1 0 1 2"; do
		# shellcheck disable=SC2086 # words
		equal 2 "$(ctl worker set $words >/dev/null 2>&1 && echo 0 || echo $?)" "exit status of $words"
	done
	equal "$before" "$(ctl worker list -o json | jq '.[].rx_queues')" "placement"
}

# A restart deals out anew.
placement_ends_with_t0xd() {
	restart_with --workers 0,1
	equal "3 3" "$(ctl worker list -o json | jq -r '[.[].rx_queues | length] | join(" ")')" "rx queues"
}

# With one queue, which both workers want to send on: one hands over to the other.
one_queue_serves_both_workers() {
	trap 'ctl dump | jq "(.clouds[].port) |= sub(\",qpairs=1$\"; \"\")" >"$STREAMS/region.json"
		ctl apply "$STREAMS/region.json" --confirm-no-overlap; streams_end' EXIT
	ctl dump | jq '(.clouds[].port) |= . + ",qpairs=1"' >"$STREAMS/region.json"
	ctl apply "$STREAMS/region.json" --confirm-no-overlap
	for cloud in pc1 pc2 pc3; do
		wait_for 10 cloud_is_connected "$cloud"
	done
	equal "1 1" "$(ctl port show "net_${PORTS}2" -o json | jq -r '"\(.rx_queues) \(.tx_queues)"')" queues
	two_workers_lose_and_reorder_nothing
}

# All three ports send to and from pc2 at once, so that both workers send there.
two_workers_lose_and_reorder_nothing() {
	background in-1 t0x-pc2-vm receive --port 9001 --stream 1
	background in-3 t0x-pc2-vm receive --port 9003 --stream 3
	background out-1 t0x-pc1-vm send --to 172.16.2.10 --port 9001 --stream 1 --rate 2000 --count 10000
	background out-3 t0x-pc3-vm send --to 172.16.2.10 --port 9003 --stream 3 --rate 2000 --count 10000
	complete out-1
	complete out-3
	sleep 0.3
	finish in-1
	finish in-3
	equal "10000 0 0" "$(report in-1 '"\(.received) \(.duplicate) \(.reordered)"')" "from pc1"
	equal "10000 0 0" "$(report in-3 '"\(.received) \(.duplicate) \(.reordered)"')" "from pc3"
}

a_delete_stops_both_workers() {
	local returned
	watch_start edge t0x-pc2 t0
	background out-1 t0x-pc1-vm send --to 172.16.2.10 --stream 1 --rate 1000 --seconds 20
	background out-3 t0x-pc3-vm send --to 172.16.2.10 --stream 3 --rate 1000 --seconds 20
	sleep 0.3 # of traffic
	separated pc1 pc2
	separated pc2 pc3
	returned=$EPOCHREALTIME
	sleep 0.3 # of traffic that must not pass
	finish out-1
	finish out-3
	finish edge
	fails test "$(report edge .frames)" -lt 200
	awk -v a="$(report edge .last_at)" -v b="$returned" 'BEGIN { exit !(a < b) }'
}

one_worker_on_the_other_core_does_as_well() {
	region_is pc1-pc2 pc2-pc3
	restart_with --workers 0
	pings t0x-pc1-vm 172.16.2.10 10
	pings_not t0x-pc1-vm 172.16.3.10
}

as_the_lab_started_it() {
	daemon_stop
	daemon_start
}

region_is pc1-pc2 pc2-pc3
if (($(nproc) < 2)); then
	say "SKIP two workers: one core"
	exit 0
fi
trap 'as_the_lab_started_it; streams_end' EXIT
promise two_workers_reach_what_one_does
promise two_workers_lose_and_reorder_nothing
promise flows_are_spread_over_the_queues
promise list_shows_each_queue_once
promise queues_move_under_traffic_and_nothing_is_lost
promise one_worker_can_have_all_queues
promise moves_are_told
promise what_there_is_not_is_refused
promise placement_ends_with_t0xd
promise one_queue_serves_both_workers
promise a_delete_stops_both_workers
promise one_worker_on_the_other_core_does_as_well
promises_end
