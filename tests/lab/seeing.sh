#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# What an operator sees of a running t0xd: rates, events, ports, telemetry, logs, packets.
# shellcheck source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# asked COMMAND: what DPDK's telemetry answers, by its own client.
asked() { echo "$1" | dpdk-telemetry.py -f t0x 2>/dev/null | grep -F "{\"${1%%,*}\"" | jq -c --arg at "${1%%,*}" '.[$at]'; }

telemetry_tells_what_t0xctl_tells() {
	region_is pc1-pc2 pc2-pc3
	pings t0x-pc1-vm 172.16.2.10 5
	pings_not t0x-pc1-vm 172.16.3.10
	equal '["pc1","pc2","pc3"]' "$(asked /t0x/clouds | jq -c .clouds)"
	equal Connected "$(asked /t0x/clouds,pc1 | jq -r .state)"
	equal '["pc2","pc3"]' "$(asked /t0x/interconnects | jq -c '.names | sort')"
	equal '["Active"]' "$(asked /t0x/interconnects,pc1 | jq -c .states)"
	equal "$(ctl interconnect show pc1 pc2 -o json | jq -c '[.counters.cloud_to_peer.packets]')" \
		"$(asked /t0x/interconnects,pc1 | jq -c .cloud_to_peer_packets)"
	equal "$(ctl stats -o json | jq '[.drops[] | select(.cloud == "pc1" and .reason == "no_interconnect").packets] | add')" \
		"$(asked /t0x/drops,pc1 | jq .no_interconnect)"
	equal 1 "$(asked /t0x/workers | jq '.busy_cycles | length')"
	equal null "$(asked /t0x/clouds,nobody)"
	equal null "$(asked /t0x/interconnects,nobody)"
}

ports_tell_whose_they_are_and_what_they_carried() {
	local before after
	region_is pc1-pc2
	before=$(port_of "net_${PORTS}1" .rx_packets)
	pings t0x-pc1-vm 172.16.2.10 5
	after=$(port_of "net_${PORTS}1" .rx_packets)
	((after >= before + 5))
	equal "[\"pc1\"] up net_$PORTS" "$(port_of "net_${PORTS}1" '"\([.clouds[].name] | tojson) \(.link) \(.driver)"')"
	ip link set t0x-pc1-t0 down
	wait_for 5 port_is "net_${PORTS}1" down
	ip link set t0x-pc1-t0 up
	wait_for 5 port_is "net_${PORTS}1" up
	((after <= $(ctl port show "net_${PORTS}1" -o json | jq .xstats.rx_good_packets)))
	refused port_not_found "net_${PORTS}77" port show "net_${PORTS}77"
}
port_of() { ctl port list -o json | jq -r --arg name "$1" ".[] | select(.port == \$name) | $2"; }
port_is() { [[ $(port_of "$1" .link) == "$2" ]]; }

a_log_tells_more_when_asked_to() {
	equal info "$(ctl log list -o json | jq -r '.[] | select(.module == "live").level')"
	ctl log set warning live
	link_flaps
	equal 0 "$(tail -n +"$((LINES_BEFORE + 1))" "$DAEMON_LOG" | grep -c 'module=live' || true)"
	ctl log set info
	link_flaps
	fails test "$(tail -n +"$((LINES_BEFORE + 1))" "$DAEMON_LOG" | grep -c 'module=live event=cloud_state cloud=pc3')" = 0
	refused invalid_params "noise" log set debug noise
}
link_flaps() {
	LINES_BEFORE=$(wc -l <"$DAEMON_LOG")
	ip link set t0x-pc3-t0 down
	wait_for 5 port_is "net_${PORTS}3" down
	ip link set t0x-pc3-t0 up
	wait_for 10 cloud_is_connected pc3
	sleep 0.1 # for the event
}

# By DPDK's own tool, beside a stream that does not suffer.
packets_of_a_port_can_be_captured() {
	local capture
	[[ -s $LAB_RUN/hugepages || $(</proc/sys/vm/nr_hugepages) -gt 0 ]] || {
		tell "without hugepages there is no shared memory to capture through"
		return 0
	}
	region_is pc1-pc2
	timeout -s INT 20 dpdk-dumpcap --file-prefix t0x -i "net_${PORTS}1" -c 20 -w "$STREAMS/port.pcapng" \
		>"$STREAMS/dumpcap" 2>&1 &
	capture=$!
	# It says nothing when it begins: more than enough packets, until it has its 20.
	ip netns exec t0x-pc1-vm timeout -s INT 8 ping -q -c 400 -i 0.05 172.16.2.10 >"$STREAMS/pinged" &
	wait "$capture"
	kill -INT "$!"
	wait "$!" || true
	grep -q ' 0% packet loss' "$STREAMS/pinged"
	tcpdump -nn -r "$STREAMS/port.pcapng" 2>/dev/null >"$STREAMS/text" # neighbour discovery, too
	equal 20 "$(wc -l <"$STREAMS/text")"
	grep -q '172.16.1.10 > 172.16.2.10: ICMP echo request' "$STREAMS/text"
	grep -q '172.16.2.10 > 172.16.1.10: ICMP echo reply' "$STREAMS/text"
	pings t0x-pc1-vm 172.16.2.10
}

memory_is_told() {
	local memory
	region_is pc1-pc2
	memory=$(ctl stats -o json | jq -c .memory)
	equal "3 20" "$(jq -r '"\(.tables.count) \(.tables.routes)"' <<<"$memory")"
	jq -e '.tables.bytes > 0 and .mbufs.total > 0 and .process.resident_bytes > 1000000' <<<"$memory"
}

# A stream of 1,000 packets/s is seen as one, also beyond a restart of t0xd; in a second without a CPU
# it is none.
rates_are_those_of_the_stream() {
	region_is pc1-pc2
	background out t0x-pc1-vm send --to 172.16.2.10 --port 9000 --stream 1 --rate 1000 --seconds 600
	"$T0XCTL" stats --watch >"$STREAMS/watch" &
	WATCH=$!
	wait_for 10 has_lines 3
	wait_for 10 rate_is_1000
	daemon_kill
	daemon_start
	: >"$STREAMS/watch"
	wait_for 15 has_lines 4
	wait_for 10 rate_is_1000
	kill "$WATCH"
	wait "$WATCH"
	finish out
}
has_lines() { (($(wc -l <"$STREAMS/watch") >= $1)); }
rate_is_1000() {
	tail -n 1 "$STREAMS/watch" | jq -e '.interconnects[] | select(.cloud == "pc1" and .peer == "pc2")
		| .cloud_to_peer | .packets_per_second > 800 and .packets_per_second < 1200 and .bits_per_second > 100000' &&
		tail -n 1 "$STREAMS/watch" | jq -e '.workers[0].busy_ratio > 0 and .workers[0].busy_ratio < 1'
}

a_terminal_shows_rates_and_ends_on_q() {
	region_is pc1-pc2
	pings t0x-pc1-vm 172.16.2.10
	(sleep 2.5 && echo q) | script -qec "stty rows 30 cols 100; TERM=xterm $T0XCTL stats --watch" "$STREAMS/screen" >/dev/null
	grep -q 'INTERCONNECT' "$STREAMS/screen"
	grep -qE 'pc1 +pc2 +pc2' "$STREAMS/screen"
	grep -q 'Workers busy:' "$STREAMS/screen"
}

events_are_told_as_they_happen_each_once() {
	region_is
	"$T0XCTL" event list --follow --limit 1 >"$STREAMS/events" &
	FOLLOW=$!
	wait_for 5 told 1 .
	ctl interconnect create pc1 pc2 --confirm-no-overlap
	wait_for 5 told 1 'interconnect.create  pc1 <-> pc2'
	daemon_kill
	daemon_start
	ctl interconnect delete pc1 pc2 --yes
	wait_for 5 told 1 'interconnect.deleted  pc1 <-> pc2'
	told 1 'interconnect.create  pc1 <-> pc2'
	wait_for 5 told 1 't0xd.start'
	kill "$FOLLOW"
	wait "$FOLLOW"
	equal 2 "$(ctl event list --limit 2 -o json | jq length)"
}
told() { (($(grep -c -- "$2" "$STREAMS/events") >= $1)); }

promise rates_are_those_of_the_stream
promise a_terminal_shows_rates_and_ends_on_q
promise events_are_told_as_they_happen_each_once
promise telemetry_tells_what_t0xctl_tells
promise ports_tell_whose_they_are_and_what_they_carried
promise a_log_tells_more_when_asked_to
promise packets_of_a_port_can_be_captured
promise memory_is_told
promises_end
