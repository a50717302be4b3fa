#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A cloud's gateway answers its cloud's ping, once, and nothing else of the host answers a cloud.
# shellcheck source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

BAIT=7777 # a TCP and UDP listener on every address of the host

own_gateway_answers_exactly_once() {
	local n replies
	for n in 1 2 3; do
		watch_start wire "t0x-pc$n" t0
		ip netns exec "t0x-pc$n" ping -c 20 -i 0.05 -W 1 -p "$(mark_pattern 5)" "169.254.$n.1" \
			>"$STREAMS/ping"
		cat "$STREAMS/ping"
		finish wire
		grep -q '20 packets transmitted, 20 received, 0% packet loss' "$STREAMS/ping"
		fails grep -qi 'DUP\|duplicates' "$STREAMS/ping"
		replies=$(frames wire 5)
		equal 20 "$replies" "replies on the wire of pc$n"
	done
}

other_gateways_do_not_answer() {
	for other in 169.254.2.1 169.254.3.1; do
		pings_not t0x-pc1 "$other"
		fails ip netns exec t0x-pc1 ping -q -c 2 -i 0.1 -W 1 -I 169.254.1.2 "$other"
		pings_not t0x-pc1-vm "$other"
	done
}

other_gateways_are_not_resolved() {
	trap 'ip -n t0x-pc1 route del 169.254.2.1/32 dev t0 || true; streams_end' EXIT
	ip -n t0x-pc1 route add 169.254.2.1/32 dev t0
	fails ip netns exec t0x-pc1 ping -q -c 1 -W 1 -I 169.254.1.2 169.254.2.1
	fails grep -q lladdr <(ip -n t0x-pc1 neigh show to 169.254.2.1 dev t0)
}

host_addresses() { ip -4 -j addr show scope global | jq -r '.[].addr_info[].local'; }
targets() {
	printf '%s\n' 169.254.1.1 169.254.2.1 169.254.3.1 169.254.2.2
	host_addresses
}

scan() { # NAMESPACE TARGET [OPTION...]
	local answer
	answer=$(ip netns exec "$1" "$TRAFFIC" scan --to "$2" --timeout 400 "${@:3}")
	equal 0 "$(jq .answered <<<"$answer")" "answers: $answer"
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
	fails test "$(report bait .accepted)" = 0
}

no_port_answers() {
	background bait - receive --port "$BAIT" --tcp-listen
	for ns in t0x-pc1 t0x-pc1-vm; do
		for target in $(targets); do
			scan "$ns" "$target" --tcp 22,53,80,179,443,"$BAIT" --udp 53,67,123,3784,"$BAIT"
		done
	done
	# From the transit address, which alone the gateway listens to.
	scan t0x-pc1 169.254.1.1 --from 169.254.1.2 --tcp 1-1024,"$BAIT" --udp 1-256,3784,4784,"$BAIT"
	bait_untouched
}

# Whatever MAC the gateway shows: the frames reach the netdev under t0x by its own MAC, too.
no_port_answers_to_the_netdevs_own_mac() {
	local mac target
	trap 'ip -n t0x-pc1 neigh del 169.254.1.1 dev t0 || true; streams_end' EXIT
	background bait - receive --port "$BAIT" --tcp-listen
	mac=$(ip -j link show "$(host_end 1)" | jq -r '.[0].address')
	ip -n t0x-pc1 neigh replace 169.254.1.1 lladdr "$mac" dev t0 nud permanent
	for ns in t0x-pc1 t0x-pc1-vm; do
		for target in $(targets); do
			scan "$ns" "$target" --tcp "$BAIT" --udp "$BAIT"
		done
	done
	for target in $(targets) 255.255.255.255 224.0.0.1 169.254.1.3; do
		for source in 169.254.1.2 172.16.1.10 0.0.0.0; do
			inject "$mac" "$source" "$target"
			inject ff:ff:ff:ff:ff:ff "$source" "$target"
		done
	done
	bait_untouched
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
promise the_bait_works
promise no_port_answers
promise no_port_answers_to_the_netdevs_own_mac
promise no_port_answers_while_the_host_forwards
promise the_netdevs_own_mac_is_no_way_in_while_the_host_forwards
promise own_gateway_answers_exactly_once
promises_end
