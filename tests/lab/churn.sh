#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# What is deleted stops at once; what is not touched loses nothing, whatever changes beside it.
# shellcheck source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

DELETES=${DELETES:-20}
CHANGES=${CHANGES:-1000}
CLOUD_ROUNDS=${CLOUD_ROUNDS:-20}

# The edge is pc2's end of the link to t0x: frames are stamped there while t0x sends them.
no_frame_arrives_after_delete_returned() {
	local round before returned last
	for ((round = 1; round <= DELETES; round++)); do
		region_is pc1-pc2 pc2-pc3
		watch_start edge t0x-pc2 t0
		background in t0x-pc2-vm receive --port 9000 --stream 1
		background out t0x-pc1-vm send --to 172.16.2.10 --port 9000 --stream 1 --rate 1000 --seconds 20
		before=$(vm_datagrams)
		wait_for 5 flowing
		ctl interconnect delete pc1 pc2 --yes
		returned=$EPOCHREALTIME
		sleep 0.3 # of traffic that must not pass
		finish out
		finish edge
		finish in
		fails test "$(report in .received)" -lt 100
		for place in edge in; do
			last=$(report "$place" .last_at)
			awk -v a="$last" -v b="$returned" 'BEGIN { exit !(a < b) }' || {
				echo "round $round, $place: $(ms_between "$returned" "$last") ms after"
				return 1
			}
		done
	done
}
flowing() { (($(vm_datagrams) > before + 100)); }
vm_datagrams() { ip netns exec t0x-pc2-vm awk '$1 == "Udp:" && $2 ~ /[0-9]/ { print $2 }' /proc/net/snmp; }

# untouched COMMAND...: a stream from pc2 to pc3 and one back lose nothing while COMMAND runs.
untouched() {
	background in-3 t0x-pc3-vm receive --port 9000 --stream 1
	background in-2 t0x-pc2-vm receive --port 9000 --stream 2
	background out-3 t0x-pc2-vm send --to 172.16.3.10 --port 9000 --stream 1 --rate 1000 --seconds 600
	background out-2 t0x-pc3-vm send --to 172.16.2.10 --port 9000 --stream 2 --rate 1000 --seconds 600
	"$@"
	finish out-3
	finish out-2
	sleep 0.3 # for what is still under way
	finish in-3
	finish in-2
	cat "$STREAMS"/*.json
	equal "$(report out-3 .sent) 0 0" \
		"$(report in-3 '"\(.received) \(.duplicate) \(.reordered)"')" "pc2 to pc3"
	equal "$(report out-2 .sent) 0 0" \
		"$(report in-2 '"\(.received) \(.duplicate) \(.reordered)"')" "pc3 to pc2"
	tell "$(report out-3 .sent) + $(report out-2 .sent) packets, largest gap" \
		"$(report in-3 .largest_gap_ms) and $(report in-2 .largest_gap_ms) ms"
}

create_and_delete() {
	local i began=$EPOCHREALTIME
	set +x
	for ((i = 0; i < CHANGES; i++)); do
		ctl interconnect create pc1 pc2 --confirm-no-overlap >/dev/null
		ctl interconnect delete pc1 pc2 --yes >/dev/null
	done
	set -x
	tell "$CHANGES creates and deletes in $(ms_between "$began" "$EPOCHREALTIME") ms"
}

a_thousand_changes_lose_no_packet_of_others() {
	region_is pc2-pc3
	untouched create_and_delete
}

# The changes touch both clouds of the stream here: their tables are swapped under it.
changes_of_their_own_tables_lose_no_packet() {
	region_is pc2-pc3
	untouched segments_come_and_go
}
segments_come_and_go() {
	local i
	for ((i = 0; i < 50; i++)); do
		ctl segment create pc2 extra --gateway-address 172.20.2.1/24
		ctl segment create pc3 extra --gateway-address 172.20.3.1/24
		ctl segment delete pc2 extra
		ctl segment delete pc3 extra
	done
}

clouds_come_and_go() {
	local round
	for ((round = 1; round <= CLOUD_ROUNDS; round++)); do
		cloud_create 9
		ctl segment create pc9 workload --gateway-address 172.16.9.1/24
		interconnected pc9 pc2
		if ((round % 5 == 1)); then
			wait_for 10 cloud_is_connected pc9
			wait_for 5 pings t0x-pc9-vm 172.16.2.10 1
		fi
		separated pc9 pc2
		ctl cloud delete pc9
	done
}

attaching_and_detaching_ports_loses_no_packet_of_others() {
	region_is pc2-pc3
	trap 'ctl cloud delete pc9 2>/dev/null || true; topology_cloud_remove 9; streams_end' EXIT
	topology_cloud_create 9
	untouched clouds_come_and_go
}

outer_clouds_stay_apart_while_everything_changes() {
	region_is pc2-pc3
	watch_start far-router t0x-pc3 t0
	watch_start far-vm t0x-pc3-vm eth0
	watch_start near t0x-pc2 t0
	background out t0x-pc1-vm send --to 172.16.3.10 --stream 1 --rate 1000 --seconds 600
	background lie t0x-pc1 inject --dev t0 --dst-mac "$(gateway_mac 1)" --from 172.16.2.10 \
		--to 172.16.3.10 --stream 2 --rate 1000 --seconds 600
	background honest t0x-pc1-vm send --to 172.16.2.10 --stream 3 --rate 1000 --seconds 600
	CHANGES=100 create_and_delete
	finish out
	finish lie
	finish honest
	sleep 0.3
	finish far-router
	finish far-vm
	finish near
	equal "0 0" "$(report far-router .frames) $(report far-vm .frames)" "frames in pc3"
	fails test "$(frames near 3)" = 0
}

promise no_frame_arrives_after_delete_returned
promise a_thousand_changes_lose_no_packet_of_others
promise changes_of_their_own_tables_lose_no_packet
promise attaching_and_detaching_ports_loses_no_packet_of_others
promise outer_clouds_stay_apart_while_everything_changes
promises_end
