#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# No frame made by hand in pc1 reaches a cloud that it may not reach, in whatever shape.
#
# Every case sends 20 forbidden frames, then 20 allowed ones from pc1 to pc2. Seeing all of the
# allowed ones at pc2's router proves that the watchers work and that the exchange has dealt with
# what came before them; then the forbidden ones must be at no router and no VM of pc2 and pc3.
# shellcheck source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

FORBIDDEN=1
ALLOWED=2

# The watcher at pc2's VM, where allowed frames end, ends by itself when they have passed.
watch_everywhere() {
	local place
	launch pc2-router t0x-pc2 watch --dev t0
	launch pc2-vm t0x-pc2-vm watch --dev eth0 --until-idle 150 --seconds 3
	launch pc3-router t0x-pc3 watch --dev t0
	launch pc3-vm t0x-pc3-vm watch --dev eth0
	for place in pc2-router pc2-vm pc3-router pc3-vm; do
		ready "$place"
	done
}

# The promise of every case: nothing missed, nothing forbidden, the allowed ones in pc2 only.
only_the_allowed_arrived() {
	local seen
	complete pc2-vm
	finish pc2-router
	finish pc3-router
	finish pc3-vm
	seen=$(jq -rs --argjson forbidden "$FORBIDDEN" --argjson allowed "$ALLOWED" '
		def of($stream): [.streams[] | select(.stream == $stream) | .frames] | add // 0;
		[(map(.missed) | add), (map(of($forbidden)) | add), (.[0] | of($allowed)),
		(.[1] | of($allowed)), (.[2:] | map(of($allowed)) | add)] | join(" ")' \
		"$STREAMS"/{pc2-router,pc2-vm,pc3-router,pc3-vm}.json)
	equal "0 0 20 20 0" "$seen" "missed, forbidden, allowed at pc2's router, at its VM, in pc3"
}

inject() { # STREAM OPTION...
	local stream=$1
	shift
	ip netns exec t0x-pc1 "$TRAFFIC" inject --dev t0 --count 20 --rate 2000 --stream "$stream" "$@"
}

# forbidden INJECT-OPTION...: the destination is the gateway's MAC unless given.
forbidden() {
	watch_everywhere
	inject "$FORBIDDEN" --dst-mac "$MAC" "$@" # a later --dst-mac wins
	inject "$ALLOWED" --dst-mac "$MAC" --from 172.16.1.10 --to 172.16.2.10
	only_the_allowed_arrived
}

allowed() {
	watch_everywhere
	inject "$ALLOWED" --dst-mac "$MAC" "$@"
	only_the_allowed_arrived
}

case_of() { # NAME OPTION...: the name becomes the promise's
	local name=$1
	eval "$name() { forbidden \"\$@\"; }"
	promise "$@"
}

ONE=172.16.1.10 TWO=172.16.2.10 THREE=172.16.3.10

every_case() {
	# Not interconnected, and lies about the source.
	case_of "${1}honest_source_to_a_closed_cloud" --from "$ONE" --to "$THREE"
	case_of "${1}management_to_a_closed_cloud" --from 10.1.0.2 --to 10.3.0.2
	case_of "${1}source_of_the_middle_cloud" --from "$TWO" --to "$THREE"
	case_of "${1}source_of_the_middle_clouds_management" --from 10.2.0.2 --to "$THREE"
	case_of "${1}source_of_the_far_cloud_itself" --from "$THREE" --to "$THREE"
	case_of "${1}source_of_the_far_cloud_to_the_middle" --from "$THREE" --to "$TWO"
	case_of "${1}source_of_the_middle_cloud_to_itself" --from "$TWO" --to "$TWO"
	case_of "${1}source_nobody_owns" --from 198.18.5.5 --to "$TWO"
	case_of "${1}source_loopback" --from 127.0.0.1 --to "$TWO"
	case_of "${1}source_zero" --from 0.0.0.0 --to "$TWO"
	case_of "${1}source_broadcast" --from 255.255.255.255 --to "$TWO"
	case_of "${1}source_multicast" --from 224.0.0.5 --to "$TWO"
	case_of "${1}destination_multicast" --from "$ONE" --to 224.0.0.5
	case_of "${1}destination_broadcast" --from "$ONE" --to 255.255.255.255
	case_of "${1}hairpin" --from "$ONE" --to 172.16.1.77

	# Addresses of the exchange and of routers.
	case_of "${1}to_the_middle_clouds_gateway" --from "$ONE" --to 169.254.2.1
	case_of "${1}to_the_middle_clouds_router" --from "$ONE" --to 169.254.2.2
	case_of "${1}to_the_far_clouds_gateway" --from "$ONE" --to 169.254.3.1
	case_of "${1}to_the_far_clouds_router" --from "$ONE" --to 169.254.3.2
	case_of "${1}router_to_the_far_clouds_router" --from 169.254.1.2 --to 169.254.3.2
	case_of "${1}router_as_ordinary_source" --from 169.254.1.2 --to "$TWO"
	case_of "${1}gateway_as_source" --from 169.254.1.1 --to "$TWO"
	case_of "${1}echo_from_the_router" --icmp 8.0 --from 169.254.1.2 --to "$TWO"

	# Other destinations in the Ethernet header.
	case_of "${1}mac_of_the_far_gateway" --dst-mac "$(gateway_mac 3)" --from "$ONE" --to "$THREE"
	case_of "${1}mac_of_the_far_router" --dst-mac "$(router_mac 3)" --from "$ONE" --to "$THREE"
	case_of "${1}mac_of_the_middle_router" --dst-mac "$(router_mac 2)" --from "$ONE" --to "$TWO"
	case_of "${1}mac_broadcast" --dst-mac ff:ff:ff:ff:ff:ff --from "$ONE" --to "$TWO"
	case_of "${1}mac_multicast" --dst-mac 01:00:5e:00:00:05 --from "$ONE" --to "$TWO"

	# Tagged, on a port without VLANs: not even to a direct peer.
	case_of "${1}vlan_tagged" --vlan 2 --from "$ONE" --to "$TWO"
	case_of "${1}vlan_tagged_to_a_closed_cloud" --vlan 3 --from "$ONE" --to "$THREE"
	case_of "${1}priority_tagged_to_a_closed_cloud" --vlan 0xe000 --from "$ONE" --to "$THREE"
	case_of "${1}double_tagged" --tpid 88a8 --vlan 2 --vlan 3 --from "$ONE" --to "$TWO"
	case_of "${1}double_tagged_to_a_closed_cloud" --vlan 2 --vlan 3 --from "$ONE" --to "$THREE"

	# Shapes of IPv4 that a careless parser lets through.
	case_of "${1}first_fragment" --mf --from "$ONE" --to "$THREE"
	case_of "${1}later_fragment" --fragment 100 --from "$ONE" --to "$THREE"
	case_of "${1}later_fragment_with_a_lie" --fragment 100 --mf --from "$TWO" --to "$THREE"
	case_of "${1}options_nop" --ip-option nop --from "$ONE" --to "$THREE"
	case_of "${1}options_record_route" --ip-option rr --from "$ONE" --to "$THREE"
	case_of "${1}options_source_route" --ip-option lsrr --from "$ONE" --to "$THREE"
	case_of "${1}ttl_1" --ttl 1 --from "$ONE" --to "$TWO"
	case_of "${1}ttl_0" --ttl 0 --from "$ONE" --to "$TWO"
	case_of "${1}ttl_1_to_a_closed_cloud" --ttl 1 --from "$ONE" --to "$THREE"
	case_of "${1}ttl_1_with_a_lie" --ttl 1 --from "$THREE" --to "$TWO"
	case_of "${1}checksum_wrong" --bad checksum --from "$ONE" --to "$TWO"
	case_of "${1}version_wrong" --bad version --from "$ONE" --to "$TWO"
	case_of "${1}header_length_too_small" --bad ihl --from "$ONE" --to "$TWO"
	case_of "${1}total_length_beyond_the_frame" --bad long --from "$ONE" --to "$TWO"
	case_of "${1}total_length_below_the_header" --bad short --from "$ONE" --to "$TWO"
	case_of "${1}ethertype_ipv6_around_ipv4" --ethertype 86dd --from "$ONE" --to "$TWO"

	# ICMP errors, which alone may come from the router's address, and only to a direct peer.
	case_of "${1}time_exceeded_to_a_closed_cloud" --icmp 11.0 --from 169.254.1.2 --to "$THREE"
	case_of "${1}unreachable_to_a_closed_cloud" --icmp 3.1 --from 169.254.1.2 --to "$THREE"
	case_of "${1}too_big_to_a_closed_cloud" --icmp 3.4 --from 169.254.1.2 --to "$THREE"
	case_of "${1}time_exceeded_as_the_middle_router" --icmp 11.0 --from 169.254.2.2 --to "$THREE"
	case_of "${1}time_exceeded_as_the_far_router" --icmp 11.0 --from 169.254.3.2 --to "$TWO"
	case_of "${1}time_exceeded_from_a_lie" --icmp 11.0 --from "$TWO" --to "$THREE"
}

ONE6=fd00:1:2::10 TWO6=fd00:2:2::10 THREE6=fd00:3:2::10
GROUP=33:33:ff:00:00:01 # the MAC of the solicited-node group of every gateway

every_case_of_ipv6() {
	# Not interconnected, and lies about the source.
	case_of ipv6_honest_source_to_a_closed_cloud --from "$ONE6" --to "$THREE6"
	case_of ipv6_management_to_a_closed_cloud --from fd00:1:1::2 --to fd00:3:1::2
	case_of ipv6_source_of_the_middle_cloud --from "$TWO6" --to "$THREE6"
	case_of ipv6_source_of_the_middle_clouds_management --from fd00:2:1::2 --to "$THREE6"
	case_of ipv6_source_of_the_far_cloud_itself --from "$THREE6" --to "$THREE6"
	case_of ipv6_source_of_the_far_cloud_to_the_middle --from "$THREE6" --to "$TWO6"
	case_of ipv6_source_of_the_middle_cloud_to_itself --from "$TWO6" --to "$TWO6"
	case_of ipv6_source_nobody_owns --from 2001:db8::5 --to "$TWO6"
	case_of ipv6_source_loopback --from ::1 --to "$TWO6"
	case_of ipv6_source_unspecified --from :: --to "$TWO6"
	case_of ipv6_source_multicast --from ff02::1 --to "$TWO6"
	case_of ipv6_source_link_local --from fe80::1:2 --to "$TWO6"
	case_of ipv6_source_mapped --from ::ffff:172.16.1.10 --to "$TWO6"
	case_of ipv6_destination_of_the_site --from "$ONE6" --to ff05::1
	case_of ipv6_destination_of_the_link --from "$ONE6" --to ff02::1
	case_of ipv6_destination_link_local --from "$ONE6" --to fe80::54:30ff:fe00:202
	case_of ipv6_both_link_local --from fe80::1:2 --to fe80::54:30ff:fe00:202
	case_of ipv6_hairpin --from "$ONE6" --to fd00:1:2::77
	case_of ipv6_segment_that_is_not_routed --from fd00:100::10 --to "$TWO6"

	# Addresses of the exchange and of routers.
	case_of ipv6_to_the_middle_clouds_gateway --from "$ONE6" --to fd00:2:ffff::1
	case_of ipv6_to_the_middle_clouds_router --from "$ONE6" --to fd00:2:ffff::2
	case_of ipv6_to_the_far_clouds_gateway --from "$ONE6" --to fd00:3:ffff::1
	case_of ipv6_to_the_far_clouds_router --from "$ONE6" --to fd00:3:ffff::2
	case_of ipv6_router_to_the_far_clouds_router --from fd00:1:ffff::2 --to fd00:3:ffff::2
	case_of ipv6_router_as_ordinary_source --from fd00:1:ffff::2 --to "$TWO6"
	case_of ipv6_gateway_as_source --from fd00:1:ffff::1 --to "$TWO6"
	case_of ipv6_echo_from_the_router --icmp 128.0 --from fd00:1:ffff::2 --to "$TWO6"

	# Other destinations in the Ethernet header, and tags on a port without VLANs.
	case_of ipv6_mac_of_the_far_router --dst-mac "$(router_mac 3)" --from "$ONE6" --to "$THREE6"
	case_of ipv6_mac_of_the_middle_router --dst-mac "$(router_mac 2)" --from "$ONE6" --to "$TWO6"
	case_of ipv6_mac_broadcast --dst-mac ff:ff:ff:ff:ff:ff --from "$ONE6" --to "$TWO6"
	case_of ipv6_mac_of_the_gateways_group --dst-mac "$GROUP" --from "$ONE6" --to "$TWO6"
	case_of ipv6_mac_of_all_nodes --dst-mac 33:33:00:00:00:01 --from "$ONE6" --to "$TWO6"
	case_of ipv6_vlan_tagged --vlan 2 --from "$ONE6" --to "$TWO6"
	case_of ipv6_double_tagged_to_a_closed_cloud --vlan 2 --vlan 3 --from "$ONE6" --to "$THREE6"

	# Shapes of IPv6 that a careless parser lets through.
	case_of ipv6_first_fragment --mf --from "$ONE6" --to "$THREE6"
	case_of ipv6_later_fragment --fragment 100 --from "$ONE6" --to "$THREE6"
	case_of ipv6_later_fragment_with_a_lie --fragment 100 --mf --from "$TWO6" --to "$THREE6"
	case_of ipv6_hop_by_hop --extension hop --from "$ONE6" --to "$THREE6"
	case_of ipv6_destination_options_with_a_lie --extension dst --from "$TWO6" --to "$THREE6"
	case_of ipv6_source_route_to_a_direct_peer --extension rh0 --from "$ONE6" --to "$TWO6"
	case_of ipv6_source_route_to_a_closed_cloud --extension rh0 --from "$ONE6" --to "$THREE6"
	case_of ipv6_segment_route_to_a_closed_cloud --extension rh4 --from "$ONE6" --to "$THREE6"
	case_of ipv6_hop_by_hop_twice --extension twice --from "$ONE6" --to "$TWO6"
	case_of ipv6_options_beyond_the_packet --extension cut --from "$ONE6" --to "$TWO6"
	case_of ipv6_hop_limit_1 --ttl 1 --from "$ONE6" --to "$TWO6"
	case_of ipv6_hop_limit_0 --ttl 0 --from "$ONE6" --to "$TWO6"
	case_of ipv6_hop_limit_1_with_a_lie --ttl 1 --from "$THREE6" --to "$TWO6"
	case_of ipv6_version_wrong --bad version --from "$ONE6" --to "$TWO6"
	case_of ipv6_length_beyond_the_frame --bad long --from "$ONE6" --to "$TWO6"
	case_of ipv6_jumbogram --bad jumbo --from "$ONE6" --to "$TWO6"
	case_of ethertype_ipv4_around_ipv6 --ethertype 0800 --from "$ONE6" --to "$TWO6"

	# ICMP errors, which alone may come from the router's address, and only to a direct peer.
	case_of ipv6_time_exceeded_to_a_closed_cloud --icmp 3.0 --from fd00:1:ffff::2 --to "$THREE6"
	case_of ipv6_too_big_to_a_closed_cloud --icmp 2.0 --from fd00:1:ffff::2 --to "$THREE6"
	case_of ipv6_time_exceeded_as_the_far_router --icmp 3.0 --from fd00:3:ffff::2 --to "$TWO6"
	case_of ipv6_time_exceeded_from_a_lie --icmp 3.0 --from "$TWO6" --to "$THREE6"

	# Neighbour discovery ends at t0x, whatever it says and to whom.
	case_of solicitation_for_the_gateway --icmp 135.0 --ttl 255 --dst-mac "$GROUP" \
		--from fd00:1:ffff::2 --to ff02::1:ff00:1 --target fd00:1:ffff::1
	case_of solicitation_for_the_far_gateway --icmp 135.0 --ttl 255 --dst-mac "$GROUP" \
		--from fd00:1:ffff::2 --to ff02::1:ff00:1 --target fd00:3:ffff::1
	case_of solicitation_of_a_workload --icmp 135.0 --ttl 255 --from "$ONE6" --to "$TWO6" \
		--target "$TWO6" --ttl 1
	case_of advertisement_of_the_middle_router --icmp 136.0 --ttl 255 \
		--from fd00:1:ffff::2 --to fd00:1:ffff::1 --target fd00:2:ffff::2
	case_of advertisement_to_the_middle_gateway --icmp 136.0 --ttl 255 \
		--from fd00:2:ffff::2 --to fd00:2:ffff::1 --target fd00:2:ffff::2
	case_of advertisement_to_all_nodes --icmp 136.0 --ttl 255 --dst-mac 33:33:00:00:00:01 \
		--from fd00:1:ffff::2 --to ff02::1 --target fd00:2:ffff::2
	case_of router_advertisement --icmp 134.0 --ttl 255 --dst-mac 33:33:00:00:00:01 \
		--from fe80::1:2 --to ff02::1
	case_of redirect --icmp 137.0 --ttl 255 --from fe80::1:2 --to "$TWO6"
}

router_mac() { ip -n "t0x-pc$1" -j link show t0 | jq -r '.[0].address'; }

icmp_error_of_the_router_reaches_a_direct_peer() {
	allowed --icmp 11.0 --from 169.254.1.2 --to "$TWO" --quote-to "$ONE"
}
fragments_reach_a_direct_peer() { allowed --fragment 100 --from "$ONE" --to "$TWO"; }
icmpv6_error_of_the_router_reaches_a_direct_peer() {
	allowed --icmp 3.0 --from fd00:1:ffff::2 --to "$TWO6" --quote-to "$ONE6"
}
ipv6_fragments_reach_a_direct_peer() { allowed --fragment 100 --from "$ONE6" --to "$TWO6"; }
ipv6_with_options_reaches_a_direct_peer() { allowed --extension hop --from "$ONE6" --to "$TWO6"; }

# All that lies of pc1 could have reached is what the kernel knows of the routers.
nobody_is_believed_about_another_cloud() {
	local n
	for n in 1 2 3; do
		equal "$(router_mac "$n")" "$(ctl cloud show "pc$n" -o json | jq -r .resolved_router_mac)" \
			"router MAC of pc$n"
		fails grep -v "^fd00:$n:ffff::2 \|^fe80:" <(control_ip -6 neigh show dev "$(control_netdev "$n")")
	done
}

# Nothing above may have disturbed what is allowed.
the_allowed_pairs_still_answer() {
	pings t0x-pc1-vm 172.16.2.10
	pings t0x-pc2-vm 172.16.3.10
	pings_not t0x-pc1-vm 172.16.3.10
	pings t0x-pc1-vm fd00:2:2::10
	pings t0x-pc2-vm fd00:3:2::10
	pings_not t0x-pc1-vm fd00:3:2::10
	pings t0x-pc1 fd00:1:ffff::1
}

FORWARD=/proc/sys/net/ipv4/ip_forward
FORWARD6=/proc/sys/net/ipv6/conf/all/forwarding
before=$(<$FORWARD)
before6=$(<$FORWARD6)
trap 'echo "$before" >$FORWARD; echo "$before6" >$FORWARD6; streams_end' EXIT
region_is pc1-pc2 pc2-pc3
MAC=$(gateway_mac 1)

promise icmp_error_of_the_router_reaches_a_direct_peer
promise fragments_reach_a_direct_peer
promise icmpv6_error_of_the_router_reaches_a_direct_peer
promise ipv6_fragments_reach_a_direct_peer
promise ipv6_with_options_reaches_a_direct_peer
# The host itself forwards, as somebody's container runtime makes it: where it does not, less can go
# wrong.
echo 1 >$FORWARD
echo 1 >$FORWARD6
every_case "host_forwards_"
every_case_of_ipv6
promise nobody_is_believed_about_another_cloud
promise the_allowed_pairs_still_answer
promises_end
