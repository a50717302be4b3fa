#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A cloud's gateway answers its cloud's ping, once, and nothing else of the host answers a cloud.
# shellcheck source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

BAIT=7777 # a TCP and UDP listener on every address of the host

own_gateway_answers_exactly_once() {
	local n
	for n in 1 2 3; do
		answers_once "$n" "169.254.$n.1"
		answers_once "$n" "fd00:$n:ffff::1"
	done
}

answers_once() { # N ADDRESS
	watch_start wire "t0x-pc$1" t0
	ip netns exec "t0x-pc$1" ping -c 20 -i 0.01 -W 1 -p "$(mark_pattern 5)" "$2" >"$STREAMS/ping"
	cat "$STREAMS/ping"
	finish wire
	grep -q '20 packets transmitted, 20 received, 0% packet loss' "$STREAMS/ping"
	fails grep -qi 'DUP\|duplicates' "$STREAMS/ping"
	equal 20 "$(frames wire 5)" "replies on the wire of pc$1 by $2"
}

other_gateways_do_not_answer() {
	local other from pid pids=()
	for other in 169.254.2.1,169.254.1.2 169.254.3.1,169.254.1.2 fd00:2:ffff::1,fd00:1:ffff::2 \
		fd00:3:ffff::1,fd00:1:ffff::2; do
		from=${other#*,} other=${other%,*}
		fails ip netns exec t0x-pc1 ping -q -c 2 -i 0.1 -W 1 -I "$from" "$other" &
		pids+=($!)
		none_answers t0x-pc1 "$other" t0x-pc1-vm "$other" &
		pids+=($!)
	done
	# Not even its own, by anyone but the router.
	none_answers t0x-pc1-vm fd00:1:ffff::1 t0x-pc1 "$(link_local_of_gateway 1)%t0"
	for pid in "${pids[@]}"; do
		wait "$pid"
	done
}

# The address from which the kernel solicits: it says where it is, and nothing more.
link_local_of_gateway() {
	control_ip -6 -br addr show to fe80::/10 dev "$(control_netdev "$1")" | awk '{ sub("/.*", "", $3); print $3 }'
}

other_gateways_are_not_resolved() {
	trap 'ip -n t0x-pc1 route del 169.254.2.1/32 dev t0 || true
		ip -n t0x-pc1 route del fd00:2:ffff::1/128 dev t0 || true
		streams_end' EXIT
	ip -n t0x-pc1 route add 169.254.2.1/32 dev t0
	fails ip netns exec t0x-pc1 ping -q -c 1 -W 1 -I 169.254.1.2 169.254.2.1
	fails grep -q lladdr <(ip -n t0x-pc1 neigh show to 169.254.2.1 dev t0)
	ip -n t0x-pc1 route add fd00:2:ffff::1/128 dev t0
	fails ip netns exec t0x-pc1 ping -q -c 1 -W 1 -I fd00:1:ffff::2 fd00:2:ffff::1
	fails grep -q lladdr <(ip -n t0x-pc1 neigh show to fd00:2:ffff::1 dev t0)
	# Its own is.
	grep -q lladdr <(ip -n t0x-pc1 neigh show to fd00:1:ffff::1 dev t0)
}

# Solicitations and advertisements that are none, router advertisements and redirects: counted, and
# nothing comes of them.
what_is_no_neighbour_discovery_of_the_router_is_refused() {
	local before mac
	mac=$(gateway_mac 1)
	before=$(refusals)
	nd 135.0 33:33:ff:00:00:01 fd00:1:ffff::2 ff02::1:ff00:1 --ttl 254 --target fd00:1:ffff::1
	nd 135.1 33:33:ff:00:00:01 fd00:1:ffff::2 ff02::1:ff00:1 --target fd00:1:ffff::1
	nd 135.0 33:33:ff:00:00:01 fd00:1:1::2 ff02::1:ff00:1 --target fd00:1:ffff::1
	nd 136.0 "$mac" fd00:1:ffff::2 fd00:1:ffff::1 --target fd00:2:ffff::2
	nd 136.0 "$mac" fd00:1:1::2 fd00:1:ffff::1 --target fd00:1:ffff::2
	nd 134.0 33:33:00:00:00:01 fe80::1 ff02::1
	nd 137.0 "$mac" fe80::1 fd00:1:ffff::1
	nd 143.0 33:33:00:00:00:16 fe80::1 ff02::16
	wait_for 2 refusals_reach $((before + 40))
	equal "$(router_mac)" "$(ctl cloud show pc1 -o json | jq -r .resolved_router_mac)" "router MAC"
	equal "" "$(control_ip -6 route show default dev "$(control_netdev 1)")" "default route"
}

nd() { # TYPE.CODE MAC FROM TO OPTION...: five of them
	ip netns exec t0x-pc1 "$TRAFFIC" inject --dev t0 --icmp "$1" --dst-mac "$2" --from "$3" --to "$4" \
		--src-mac 02:66:66:66:66:66 --ttl 255 --count 5 "${@:5}"
}
refusals_reach() { (($(refusals) >= $1)); }
refusals() { ctl stats -o json | jq '[.drops[] | select(.cloud == "pc1" and .reason == "punt_refused") | .packets] | add // 0'; }
router_mac() { ip -n t0x-pc1 -j link show t0 | jq -r '.[0].address'; }

host_addresses() {
	ip -j addr show scope global | jq -r '.[].addr_info[].local // empty'
}
targets() {
	printf '%s\n' 169.254.1.1 169.254.2.1 169.254.3.1 169.254.2.2 \
		fd00:1:ffff::1 fd00:2:ffff::1 fd00:3:ffff::1 fd00:2:ffff::2
	host_addresses
}

scan() { # NAMESPACE TARGET [OPTION...]
	local answer
	answer=$(ip netns exec "$1" "$TRAFFIC" scan --to "$2" --timeout 400 "${@:3}")
	equal 0 "$(jq .answered <<<"$answer")" "answers: $answer"
}

# All targets: a few at a time, since a scan mostly waits; not so many that rates would be exceeded
# for which a frame is dropped.
scan_targets() { # NAMESPACE OPTION...
	local target pid scans=()
	for target in $(targets); do
		scan "$1" "$target" "${@:2}" &
		scans+=($!)
		((${#scans[@]} < 4)) && continue
		wait "${scans[0]}" || break
		scans=("${scans[@]:1}")
	done
	for pid in "${scans[@]}"; do
		wait "$pid" || { wait && return 1; }
	done
}

bait_untouched() {
	finish bait
	cat "$STREAMS/bait.json"
	equal "0 0 0" "$(report bait '"\(.received) \(.foreign) \(.accepted)"')" "what the bait got"
}

# The listener must be able to catch something, or the tests below prove nothing.
the_bait_works() {
	background bait - receive --port "$BAIT" --tcp-listen
	equal 2 "$("$TRAFFIC" scan --to 127.0.0.1 --tcp "$BAIT",7778 --udp 7778 --timeout 300 |
		jq '(.tcp.open | length) + (.tcp.refused | length)')" "the scanner sees"
	"$TRAFFIC" send --to 127.0.0.1 --port "$BAIT" --count 3
	sleep 0.1
	finish bait
	equal 3 "$(report bait .received)" "the bait catches"
	background bait - receive --port "$BAIT" --tcp-listen
	equal 2 "$("$TRAFFIC" scan --to ::1 --tcp "$BAIT",7778 --udp 7778 --timeout 300 |
		jq '(.tcp.open | length) + (.tcp.refused | length)')" "the scanner sees in IPv6"
	"$TRAFFIC" send --to ::1 --port "$BAIT" --count 3
	sleep 0.1
	finish bait
	equal 3 "$(report bait .received)" "the bait catches IPv6"
	fails test "$(report bait .accepted)" = 0
}

no_port_answers() {
	background bait - receive --port "$BAIT" --tcp-listen
	for ns in t0x-pc1 t0x-pc1-vm; do
		scan_targets "$ns" --tcp 22,53,80,179,443,"$BAIT" --udp 53,67,123,3784,"$BAIT"
	done
	# From the transit address, which alone the gateway listens to.
	scan t0x-pc1 169.254.1.1 --from 169.254.1.2 --tcp 1-1024,"$BAIT" --udp 1-256,3784,4784,"$BAIT"
	scan t0x-pc1 fd00:1:ffff::1 --from fd00:1:ffff::2 --tcp 1-1024,"$BAIT" --udp 1-256,3784,4784,"$BAIT"
	bait_untouched
}

# Whatever MAC the gateway shows: the frames reach the netdev under t0x by its own MAC, too.
no_port_answers_to_the_netdevs_own_mac() {
	local mac target
	trap 'ip -n t0x-pc1 neigh del 169.254.1.1 dev t0 || true
		ip -n t0x-pc1 neigh del fd00:1:ffff::1 dev t0 || true
		streams_end' EXIT
	background bait - receive --port "$BAIT" --tcp-listen
	mac=$(ip -j link show "$(host_end 1)" | jq -r '.[0].address')
	ip -n t0x-pc1 neigh replace 169.254.1.1 lladdr "$mac" dev t0 nud permanent
	ip -n t0x-pc1 neigh replace fd00:1:ffff::1 lladdr "$mac" dev t0 nud permanent
	for ns in t0x-pc1 t0x-pc1-vm; do
		scan_targets "$ns" --tcp "$BAIT" --udp "$BAIT"
	done
	for target in $(targets) 255.255.255.255 224.0.0.1 169.254.1.3 ff02::1 ::1; do
		for source in $(sources_like "$target"); do
			inject "$mac" "$source" "$target"
			inject ff:ff:ff:ff:ff:ff "$source" "$target"
		done
	done
	bait_untouched
}

sources_like() {
	[[ $1 == *:* ]] && echo fd00:1:ffff::2 fd00:1:2::10 fe80::1 :: ||
		echo 169.254.1.2 172.16.1.10 0.0.0.0
}

inject() {
	ip netns exec t0x-pc1 "$TRAFFIC" inject --dev t0 --dst-mac "$1" --from "$2" --to "$3" \
		--port "$BAIT" --count 5
}

with_host_forwarding() {
	local before
	before=$(</proc/sys/net/ipv4/ip_forward)
	# shellcheck disable=SC2064
	trap "echo $before >/proc/sys/net/ipv4/ip_forward; streams_end" EXIT
	echo 1 >/proc/sys/net/ipv4/ip_forward
	(
		set -e
		trap streams_end EXIT
		"$1"
	)
}
no_port_answers_while_the_host_forwards() { with_host_forwarding no_port_answers; }
the_netdevs_own_mac_is_no_way_in_while_the_host_forwards() {
	with_host_forwarding no_port_answers_to_the_netdevs_own_mac
}

region_is pc1-pc2 pc2-pc3
promise own_gateway_answers_exactly_once
promise other_gateways_do_not_answer
promise other_gateways_are_not_resolved
promise what_is_no_neighbour_discovery_of_the_router_is_refused
promise the_bait_works
promise no_port_answers_while_the_host_forwards
promise the_netdevs_own_mac_is_no_way_in_while_the_host_forwards
promise own_gateway_answers_exactly_once
promises_end
