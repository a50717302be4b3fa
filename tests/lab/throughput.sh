#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# TCP and UDP between VMs run clean: no lost, damaged or reordered packets at a modest rate.
# Veths and af_packet say nothing about speed, so no rate is demanded.
# shellcheck source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# Everything that a receiver's stack counts as damaged, of IP, ICMP, TCP and UDP together.
damage() {
	ip netns exec "$1" cat /proc/net/snmp | awk '
		$1 in names { n = split(names[$1], name, " ")
			for (i = 2; i <= n; i++)
				if (name[i] ~ /^(InCsumErrors|InErrs|InHdrErrors)$/) sum += $i
			delete names[$1]; next }
		{ names[$1] = $0 }
		END { print sum + 0 }'
}

undamaged() { # COMMAND...
	local one two
	one=$(damage t0x-pc1-vm) two=$(damage t0x-pc2-vm)
	"$@"
	equal "$one $two" "$(damage t0x-pc1-vm) $(damage t0x-pc2-vm)" "damaged packets received"
}

iperf() {
	iperf_run t0x-pc1-vm t0x-pc2-vm 172.16.2.10 "$@" >"$STREAMS/iperf.json"
	jq -c .end "$STREAMS/iperf.json"
}

tcp_runs_clean() {
	undamaged iperf -t 2
	tell "TCP $(jq '.end.sum_received.bits_per_second / 1e6 | round' "$STREAMS/iperf.json") Mbit/s"
	fails test "$(jq '.end.sum_received.bytes' "$STREAMS/iperf.json")" -lt 1000000
}

tcp_runs_clean_the_other_way() { undamaged iperf -t 2 -R; }
several_tcp_flows_run_clean() { undamaged iperf -t 2 -P 4; }

# What arrived, but found iperf's socket full, since iperf had no CPU for a while.
too_late_for_iperf() { ip netns exec t0x-pc2-vm nstat -asz UdpRcvbufErrors | awk '/^Udp/ { print $2 }'; }

udp_loses_nothing() {
	local late lost
	late=$(too_late_for_iperf)
	undamaged iperf -u -b 20M -l 1400 -t 2
	late=$(($(too_late_for_iperf) - late))
	lost=$(jq .end.sum.lost_packets "$STREAMS/iperf.json")
	echo "lost: $lost, of which too late for iperf: $late"
	((lost <= late)) # iperf does not count what it is the last to miss
	fails test "$(jq .end.sum.packets "$STREAMS/iperf.json")" -lt 2500
}

a_stream_arrives_whole_and_in_order() {
	background in t0x-pc2-vm receive --port 9000 --until-idle 500 --stream 3
	background out t0x-pc1-vm send --to 172.16.2.10 --port 9000 --stream 3 --rate 5000 --count 20000 --size 200
	complete out
	complete in
	cat "$STREAMS/in.json"
	equal "20000 0 0 0" "$(report in '"\(.received) \(.lost) \(.duplicate) \(.reordered)"')" "arrived"
}

region_is pc1-pc2 pc2-pc3
promise tcp_runs_clean
promise tcp_runs_clean_the_other_way
promise several_tcp_flows_run_clean
promise udp_loses_nothing
promise a_stream_arrives_whole_and_in_order
promises_end
