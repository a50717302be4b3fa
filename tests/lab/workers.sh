#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Two workers do what one does: ports with one queue, bursts handed over between them.
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

# All three ports send to and from pc2 at once, so its one transmit queue is wanted by both.
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
promise a_delete_stops_both_workers
promise one_worker_on_the_other_core_does_as_well
promises_end
