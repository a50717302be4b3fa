#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Interconnected clouds reach each other, others do not; the path looks as routers make it look.
# shellcheck source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

nothing_is_reachable_before() {
	region_is
	equal "" "$(pairs)" "interconnects"
	none_answers t0x-pc1-vm 172.16.2.10 t0x-pc1-vm 10.2.0.2 t0x-pc1-vm 172.16.3.10 \
		t0x-pc2-vm 172.16.3.10 t0x-pc1-vm fd00:2:2::10 t0x-pc2-vm fd00:3:2::10
	explained pc1 172.16.1.10 172.16.2.10 drop no_interconnect
	explained pc1 fd00:1:2::10 fd00:2:2::10 drop no_interconnect
}

direct_peers_answer_once_interconnected() {
	region_is pc1-pc2 pc2-pc3
	equal $'pc1-pc2\npc2-pc3' "$(pairs)" "interconnects"
	equal Active "$(ctl interconnect show pc1 pc2 -o json | jq -r .state)" "state"
	pings t0x-pc1-vm 172.16.2.10 10
	pings t0x-pc1-vm 10.2.0.2
	pings t0x-pc1 172.16.2.10 # the router's management host is in the network block
	explained pc1 172.16.1.10 172.16.2.10 forward
	pings t0x-pc1-vm fd00:2:2::10 10
	pings t0x-pc1-vm fd00:2:1::2
	ip netns exec t0x-pc1 ping -q -c 2 -i 0.05 -W 1 -I fd00:1:1::2 fd00:2:2::10 >/dev/null
	explained pc1 fd00:1:2::10 fd00:2:2::10 forward
	equal fd00:2:2::/64 "$(ctl explain pc1 fd00:1:2::10 fd00:2:2::10 -o json | jq -r .prefix)" "prefix"
}

# An address of the transit network is nobody's to reach, and no source but of ICMP errors.
the_routers_own_address_reaches_no_peer() {
	fails ip netns exec t0x-pc1 ping -q -c 2 -i 0.1 -W 1 -I fd00:1:ffff::2 fd00:2:2::10
	fails ip netns exec t0x-pc1 ping -q -c 2 -i 0.1 -W 1 -I 169.254.1.2 172.16.2.10
	none_answers t0x-pc1-vm fd00:2:ffff::2 t0x-pc1-vm fd00:2:ffff::1
	explained pc1 fd00:1:ffff::2 fd00:2:2::10 drop spoofed_source
}

the_middle_cloud_reaches_both_sides() {
	pings t0x-pc2-vm 172.16.1.10
	pings t0x-pc2-vm 10.1.0.2
	pings t0x-pc2-vm 172.16.3.10
	pings t0x-pc2-vm 10.3.0.2
	pings t0x-pc2-vm fd00:1:2::10
	pings t0x-pc2-vm fd00:1:1::2
	pings t0x-pc2-vm fd00:3:2::10
	pings t0x-pc2-vm fd00:3:1::2
}

the_outer_clouds_stay_apart() {
	none_answers t0x-pc1-vm 172.16.3.10 t0x-pc1-vm 10.3.0.2 t0x-pc3-vm 172.16.1.10 \
		t0x-pc3-vm 10.1.0.2 t0x-pc1-vm fd00:3:2::10 t0x-pc1-vm fd00:3:1::2 \
		t0x-pc3-vm fd00:1:2::10 t0x-pc3-vm fd00:1:1::2
	explained pc1 172.16.1.10 172.16.3.10 drop no_interconnect
	explained pc3 172.16.3.10 172.16.1.10 drop no_interconnect
	explained pc1 fd00:1:2::10 fd00:3:2::10 drop no_interconnect
	explained pc3 fd00:3:2::10 fd00:1:2::10 drop no_interconnect
	fails grep -q '172\.16\.3\|10\.3\.\|fd00:3:' <(ctl route list pc1)
	fails grep -q '172\.16\.1\|10\.1\.\|fd00:1:' <(ctl route list pc3)
	equal 4 "$(ctl route list pc1 -o json | jq '[.[] | select(.prefix | contains("fd00:"))] | length')" \
		"IPv6 routes of pc1"
}

what_is_sent_in_fragments_arrives() {
	ip netns exec t0x-pc1-vm ping -q -c 3 -i 0.2 -W 1 -s 6000 172.16.2.10 >/dev/null
	ip netns exec t0x-pc2-vm ping -q -c 3 -i 0.2 -W 1 -s 1600 172.16.3.10 >/dev/null
	ip netns exec t0x-pc1-vm ping -q -c 3 -i 0.2 -W 1 -s 6000 fd00:2:2::10 >/dev/null
}

# VM -> T0 of pc1 -> t0x -> T0 of pc2 -> VM, each hop with the address it is known by.
traceroute_shows_every_hop() {
	equal "172.16.1.1 169.254.1.1 169.254.2.2 172.16.2.10" "$(hops_to 172.16.2.10)" "hops"
	equal "fd00:1:2::1 fd00:1:ffff::1 fd00:2:ffff::2 fd00:2:2::10" "$(hops_to fd00:2:2::10)" "hops"
}

hops_to() {
	ip netns exec t0x-pc1-vm traceroute -n -q 1 -w 2 "$1" | awk 'NR > 1 { print $2 }' | paste -sd' '
}

traceroute_to_a_closed_cloud_ends_at_the_gateway() {
	local hops
	hops=$(ip netns exec t0x-pc1-vm traceroute -n -q 1 -w 1 -m 4 172.16.3.10 |
		awk 'NR > 1 { print $2 }' | tr -d '*\n' | head -c 200)
	fails grep -qE '169\.254\.3|172\.16\.3' <<<"$hops"
	# That there is no route is an answer, from the gateway; the guard drops it without a word.
	ip netns exec t0x-pc1-vm ping -c 1 -W 1 fd00:3:2::10 >"$STREAMS/ping" || true
	cat "$STREAMS/ping"
	if [[ $PORTS == af_xdp ]]; then
		fails grep -q '^From' "$STREAMS/ping"
	else
		grep -q 'From fd00:1:ffff::1 .*No route' "$STREAMS/ping"
	fi
	fails grep -q 'fd00:3:ffff' <(ip netns exec t0x-pc1-vm traceroute -n -q 1 -w 1 -m 4 fd00:3:2::10)
}

tracepath_finds_the_lower_mtu_of_a_cloud() {
	trap 'ctl cloud set pc2 --mtu 1500; streams_end' EXIT
	caches_flush
	equal "1500 1500" "$(path_mtus)" "before"
	ctl cloud set pc2 --mtu 1400
	equal 1400 "$(ctl cloud show pc2 -o json | jq -r .mtu)" "mtu of pc2"
	caches_flush
	equal "1400 1400" "$(path_mtus)" "lowered"
	# 1,372 + 28 fit, one more does not and the sender is told so.
	ip netns exec t0x-pc1-vm ping -q -c 1 -W 1 -M "do" -s 1372 172.16.2.10
	fails ip netns exec t0x-pc1-vm ping -q -c 1 -W 1 -M "do" -s 1373 172.16.2.10
	# Of IPv6 1,352 + 48; what is larger is known to be by now, and sent in fragments.
	caches_flush
	ip netns exec t0x-pc1-vm ping -q -c 1 -W 1 -M "do" -s 1352 fd00:2:2::10
	fails ip netns exec t0x-pc1-vm ping -q -c 1 -W 1 -M "do" -s 1353 fd00:2:2::10
	ip netns exec t0x-pc1-vm ping -q -c 1 -W 1 -s 1353 fd00:2:2::10
	refused limit_reached "1280 IPv6" cloud set pc2 --mtu 1279
	ctl cloud set pc2 --mtu 1500
	caches_flush
	equal "1500 1500" "$(path_mtus)" "restored"
	ip netns exec t0x-pc1-vm ping -q -c 1 -W 1 -M "do" -s 1472 172.16.2.10
	ip netns exec t0x-pc1-vm ping -q -c 1 -W 1 -M "do" -s 1452 fd00:2:2::10
}

caches_flush() {
	ip -n t0x-pc1-vm route flush cache
	ip -n t0x-pc1-vm -6 route flush cache
}

path_mtus() { echo "$(path_mtu 172.16.2.10) $(path_mtu fd00:2:2::10)"; }
path_mtu() {
	ip netns exec t0x-pc1-vm tracepath -n -m 8 "$1" |
		awk '/Resume:/ { for (i = 1; i < NF; i++) if ($i == "pmtu") print $(i + 1) }'
}

# Sizes around the border of one fragment and two, MTUs that are no multiple of 8. Nobody answers an
# echo but who has it whole.
what_may_be_fragmented_arrives_whole_over_a_lower_mtu() {
	trap 'ctl cloud set pc2 --mtu 1500; streams_end' EXIT
	local before mtu size
	caches_flush # or the sender itself would fragment
	for mtu in 1401 1283; do
		ctl cloud set pc2 --mtu "$mtu"
		for size in $((mtu - 29)) $((mtu - 28)) $((mtu - 27)) 1471 1472; do
			ip netns exec t0x-pc1-vm ping -q -c 3 -i 0.05 -W 1 -M dont -s "$size" 172.16.2.10
		done
		# Fragments of fragments: the sender's own are of 1,500 bytes.
		ip netns exec t0x-pc1-vm ping -q -c 3 -i 0.05 -W 1 -M dont -s 6000 172.16.2.10
	done
	before=$(packets_and_bytes)
	ip netns exec t0x-pc1-vm ping -q -c 10 -i 0.02 -W 1 -M dont -s 1472 172.16.2.10
	equal "10 15000" "$(echo "$before $(packets_and_bytes)" | awk '{ print $3 - $1, $4 - $2 }')" "counted"
	fails ip netns exec t0x-pc1-vm ping -q -c 1 -W 1 -M "do" -s 1472 172.16.2.10 # not with DF
	caches_flush
}

packets_and_bytes() { # from pc1 to pc2
	ctl interconnect show pc1 pc2 -o json | jq -r \
		'.counters[if .cloud == "pc1" then "cloud_to_peer" else "peer_to_cloud" end] |
		"\(.packets) \(.bytes)"'
}

a_stream_in_fragments_loses_nothing() {
	trap 'ctl cloud set pc2 --mtu 1500; path_mtu_discovery_off 0; streams_end' EXIT
	local tcpdump
	path_mtu_discovery_off 1
	ctl cloud set pc2 --mtu 1283
	ip netns exec t0x-pc2 tcpdump --immediate-mode -i t0 -Q in -U -w "$STREAMS/wire.pcap" \
		'net 172.16.1.0/24' >/dev/null 2>"$STREAMS/tcpdump" &
	tcpdump=$!
	wait_for 5 grep -q 'listening on' "$STREAMS/tcpdump"
	background in t0x-pc2-vm receive --port 9001 --stream 1
	background out t0x-pc1-vm send --to 172.16.2.10 --port 9001 --stream 1 --rate 1000 --count 2000 \
		--size 1400
	complete out
	sleep 0.3 # until all have arrived
	finish in
	kill "$tcpdump"
	wait "$tcpdump" || true
	equal "2000 0 0" "$(report in '"\(.received) \(.duplicate) \(.reordered)"')" "received"
	equal 4000 "$(on_the_wire 'ip[6:2] & 0x3fff != 0')" "fragments"
	equal 0 "$(on_the_wire 'ip[2:2] > 1283')" "too large"
}

on_the_wire() { tcpdump -nn -r "$STREAMS/wire.pcap" "udp and $1" 2>/dev/null | wc -l; }

# With 1 what pc1's VM sends may be fragmented.
path_mtu_discovery_off() {
	ip netns exec t0x-pc1-vm sysctl -q "net.ipv4.ip_no_pmtu_disc=$1"
	ip -n t0x-pc1-vm route flush cache
}

the_unrouted_segment_never_crosses() {
	local mac
	ip netns exec t0x-pc1-vm ping -q -c 1 -W 1 -I 192.168.100.10 192.168.100.1 # at home
	fails ip netns exec t0x-pc1-vm ping -q -c 2 -i 0.1 -W 1 -I 192.168.100.10 172.16.2.10
	explained pc1 192.168.100.10 172.16.2.10 drop spoofed_source
	explained pc1 172.16.1.10 192.168.100.10 drop
	ip netns exec t0x-pc1-vm ping -q -c 1 -W 1 -I fd00:100::10 fd00:100::1
	fails ip netns exec t0x-pc1-vm ping -q -c 2 -i 0.1 -W 1 -I fd00:100::10 fd00:2:2::10
	explained pc1 fd00:100::10 fd00:2:2::10 drop spoofed_source
	explained pc1 fd00:1:2::10 fd00:100::10 drop no_interconnect
	mac=$(gateway_mac 1)
	watch_start router t0x-pc2 t0
	watch_start vm t0x-pc2-vm eth0
	for addresses in 192.168.100.10,172.16.2.10 192.168.100.10,192.168.100.11 \
		172.16.1.10,192.168.100.10 \
		fd00:100::10,fd00:2:2::10 fd00:100::10,fd00:100::11 fd00:1:2::10,fd00:100::10; do
		ip netns exec t0x-pc1 "$TRAFFIC" inject --dev t0 --dst-mac "$mac" --count 20 \
			--stream 1 --from "${addresses%,*}" --to "${addresses#*,}"
	done
	ip netns exec t0x-pc1 "$TRAFFIC" inject --dev t0 --dst-mac "$mac" --count 20 --stream 2 \
		--from 172.16.1.10 --to 172.16.2.10
	ip netns exec t0x-pc1 "$TRAFFIC" inject --dev t0 --dst-mac "$mac" --count 20 --stream 3 \
		--from fd00:1:2::10 --to fd00:2:2::10
	sleep 0.3
	finish router
	finish vm
	equal "0 20 20" "$(frames router 1) $(frames router 2) $(frames router 3)" "seen by pc2's router"
	equal "0 20 20" "$(frames vm 1) $(frames vm 2) $(frames vm 3)" "seen by pc2's VM"
}

a_deleted_interconnect_closes_both_ways() {
	separated pc2 pc1 # either end may; the name of the other end is the default name
	none_answers t0x-pc1-vm 172.16.2.10 t0x-pc2-vm 172.16.1.10 t0x-pc1-vm fd00:2:2::10 \
		t0x-pc2-vm fd00:1:2::10
	pings t0x-pc2-vm 172.16.3.10
	pings t0x-pc2-vm fd00:3:2::10
}

# pc3 anew, with these addresses and no others: GATEWAY ROUTER NETWORK-BLOCK SEGMENT
pc3_has_only() {
	region_is
	ctl cloud delete pc3
	ctl cloud create pc3 --location westeurope --port "$(port_devargs 3)" \
		--gateway "$1" --router "$2" --network-block "$3"
	ctl segment create pc3 workload --gateway-address "$4"
	wait_for 10 cloud_is_connected pc3
	interconnected pc2 pc3
}

pc3_as_before() {
	region_is
	ctl cloud delete pc3
	cloud_register 3
	wait_for 10 cloud_is_connected pc3
}

a_cloud_may_have_ipv6_alone() {
	trap 'pc3_as_before; streams_end' EXIT
	pc3_has_only fd00:3:ffff::1/126 fd00:3:ffff::2 fd00:3:1::/64 fd00:3:2::1/64
	pings t0x-pc2-vm fd00:3:2::10
	pings t0x-pc3-vm fd00:2:2::10
	pings t0x-pc3 fd00:3:ffff::1
	none_answers t0x-pc2-vm 172.16.3.10 t0x-pc3-vm 172.16.2.10 t0x-pc3 169.254.3.1
	refused address_invalid "IPv4 172.16.3.1/24" segment create pc3 more --gateway-address 172.16.3.1/24
}

a_cloud_may_have_ipv4_alone() {
	trap 'pc3_as_before; streams_end' EXIT
	pc3_has_only 169.254.3.1/30 169.254.3.2 10.3.0.0/22 172.16.3.1/24
	pings t0x-pc2-vm 172.16.3.10
	none_answers t0x-pc2-vm fd00:3:2::10 t0x-pc3-vm fd00:2:2::10 t0x-pc3 fd00:3:ffff::1
	ip -n t0x-pc3 neigh flush dev t0
	pings_not t0x-pc3 fd00:3:ffff::1
	fails grep -q lladdr <(ip -n t0x-pc3 neigh show to fd00:3:ffff::1 dev t0)
	ctl cloud set pc3 --mtu 1279 # IPv4 asks for no more than 576
	refused address_invalid "IPv6 fd00:3:2::1/64" segment create pc3 more --gateway-address fd00:3:2::1/64
}

promise nothing_is_reachable_before
promise direct_peers_answer_once_interconnected
promise the_routers_own_address_reaches_no_peer
promise the_middle_cloud_reaches_both_sides
promise the_outer_clouds_stay_apart
promise what_is_sent_in_fragments_arrives
promise traceroute_shows_every_hop
promise traceroute_to_a_closed_cloud_ends_at_the_gateway
promise tracepath_finds_the_lower_mtu_of_a_cloud
promise what_may_be_fragmented_arrives_whole_over_a_lower_mtu
promise a_stream_in_fragments_loses_nothing
promise the_unrouted_segment_never_crosses
promise a_deleted_interconnect_closes_both_ways
promise a_cloud_may_have_ipv6_alone
promise a_cloud_may_have_ipv4_alone
promises_end
