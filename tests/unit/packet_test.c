// SPDX-License-Identifier: BSD-3-Clause
// What happens to a packet: frame in, verdict and reason, frame out. The stages run in worker.c's
// order, on buffers that end where the frame ends.
#include "packet_kit.h"

#include <errno.h>

static void a_port_and_its_vlan_tags_decide_whose_a_frame_is(void **state)
{
	const struct l2 tagged = {.cloud = 4, .tagged = true, .tci = 104};
	const struct packet_case cases[] = {
		{"untagged on an untagged port", ipv4(), PASSES_TO(2)},
		{"tagged on an untagged port", ipv4(.l2 = {.tagged = true, .tci = 104}),
		 DROPS(unknown_vlan)},
		{"priority tag on an untagged port", ipv4(.l2 = {.tagged = true, .tci = 0xe000}),
		 DROPS(unknown_vlan)},
		{"no cloud on the port", ipv4(), .port = 9, DROPS(unknown_vlan)},
		{"the cloud's VLAN", ipv4(.l2 = tagged, .source = "10.4.0.2", .destination = PC1),
		 .port = 4, PASSES_TO(1)},
		{"with priority and DEI bits",
		 ipv4(.l2 = {.cloud = 4, .tagged = true, .tci = 0xf000 | 104}, .source = "10.4.0.2",
		      .destination = PC1),
		 .port = 4, PASSES_TO(1)},
		{"another VLAN", ipv4(.l2 = {.cloud = 4, .tagged = true, .tci = 105}), .port = 4,
		 DROPS(unknown_vlan)},
		{"VLAN 4095", ipv4(.l2 = {.cloud = 4, .tagged = true, .tci = 0xffff}), .port = 4,
		 DROPS(unknown_vlan)},
		{"priority tag on a tagged port", ipv4(.l2 = {.cloud = 4, .tagged = true}),
		 .port = 4, DROPS(unknown_vlan)},
		{"untagged on a tagged port", ipv4(.l2 = {.cloud = 4}), .port = 4,
		 DROPS(unknown_vlan)},
		{"another tag in the tag",
		 ipv4(.l2 = {.cloud = 4, .tagged = true, .tci = 104, .inner = true}), .port = 4,
		 DROPS(unknown_ethertype)},
		{"a service tag (802.1ad) on a tagged port",
		 ipv4(.l2 = {.cloud = 4, .tagged = true, .tci = 104, .tpid = 0x88a8}), .port = 4,
		 DROPS(unknown_vlan)},
		{"a service tag on an untagged port",
		 ipv4(.l2 = {.tagged = true, .tci = 104, .tpid = 0x88a8}),
		 DROPS(unknown_ethertype)},
		{"half a tag", cut(ipv4(.l2 = tagged), 17), .port = 4, DROPS(unknown_vlan)},
		{"a tag and nothing behind it", cut(ipv4(.l2 = tagged), 18), .port = 4,
		 DROPS(too_short)},
		{"half an Ethernet header", cut(ipv4(), 13), DROPS(too_short)},
		{"nothing", cut(ipv4(), 0), DROPS(too_short)},
	};

	check_cases(cases, COUNT(cases));
}

static void only_frames_to_our_mac_with_a_known_ethertype_are_routed(void **state)
{
	const struct packet_case cases[] = {
		{"to our MAC", ipv4(), PASSES_TO(2)},
		{"to another MAC", ipv4(.l2 = {.to = MAC_OTHER}), DROPS(not_for_us)},
		{"to our MAC on another port", ipv4(.l2 = {.to = mac_ours(2)}), DROPS(not_for_us)},
		{"to the broadcast MAC", ipv4(.l2 = {.to = MAC_BROADCAST}), DROPS(not_for_us)},
		{"to a multicast MAC", ipv4(.l2 = {.to = MAC_MULTICAST}), DROPS(not_for_us)},
		{"IPv4 as IPv6", ipv4(.l2 = {.type = 0x86dd}), DROPS(bad_version)},
		{"MPLS", l2_frame((struct l2){}, 0x8847), DROPS(unknown_ethertype)},
		{"LLDP", l2_frame((struct l2){}, 0x88cc), DROPS(unknown_ethertype)},
		{"802.3 with a length", l2_frame((struct l2){}, 46), DROPS(unknown_ethertype)},
	};

	check_cases(cases, COUNT(cases));
}

static void the_ipv4_header_is_checked_in_the_order_of_rfc_1812(void **state)
{
	const struct packet_case cases[] = {
		{"20 bytes of IP", ipv4(.payload = NO_PAYLOAD), PASSES_TO(2)},
		{"19 bytes of IP", cut(ipv4(.payload = NO_PAYLOAD), 33), DROPS(too_short)},
		{"no byte of IP", cut(ipv4(), 14), DROPS(too_short)},
		{"version 5", ipv4(.version = 5), DROPS(bad_version)},
		{"version 6", ipv4(.version = 6), DROPS(bad_version)},
		{"version 15", ipv4(.version = 15), DROPS(bad_version)},
		{"header of 0 bytes", ipv4(.ihl_zero = true), DROPS(bad_header_length)},
		{"header of 16 bytes", ipv4(.ihl = 4), DROPS(bad_header_length)},
		{"header longer than the frame", ipv4(.ihl = 15), DROPS(bad_header_length)},
		{"header of 60 bytes",
		 ipv4(.options = "\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1"
				 "\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1",
		      .options_length = 40),
		 PASSES_TO(2)},
		{"checksum one too high", ipv4(.checksum_off = 1), DROPS(bad_checksum)},
		{"checksum one too low", ipv4(.checksum_off = 0xffff), DROPS(bad_checksum)},
		{"total length one beyond the frame", ipv4(.total_length_off = 1),
		 DROPS(bad_length)},
		{"total length one below the frame", ipv4(.total_length_off = -1), PASSES_TO(2)},
		{"total length 65535", ipv4(.total_length_off = 65535 - 46), DROPS(bad_length)},
		{"total length of the header", ipv4(.total_length_off = -26), PASSES_TO(2)},
		{"total length one below the header", ipv4(.total_length_off = -27),
		 DROPS(bad_length)},
		{"total length 0", ipv4(.total_length_off = -46), DROPS(bad_length)},
		{"padding behind the packet", ipv4(.payload = 1, .padding = 25), PASSES_TO(2)},
		{"padding does not lengthen a header",
		 ipv4(.payload = NO_PAYLOAD, .total_length_off = -1, .padding = 26),
		 DROPS(bad_length)},
	};

	check_cases(cases, COUNT(cases));
}

static void options_pass_unless_they_route_or_are_malformed(void **state)
{
#define OPTIONS(bytes) .options = (bytes), .options_length = sizeof(bytes) - 1
	const struct packet_case cases[] = {
		{"NOP", ipv4(OPTIONS("\1\1\1\1")), PASSES_TO(2)},
		{"END", ipv4(OPTIONS("\0")), PASSES_TO(2)},
		{"record route", ipv4(OPTIONS("\7\7\4\0\0\0\0")), PASSES_TO(2)},
		{"router alert", ipv4(OPTIONS("\x94\4\0\0")), PASSES_TO(2)},
		{"an option of 2 bytes, as short as they come", ipv4(OPTIONS("\x5e\2\1\1")),
		 PASSES_TO(2)},
		{"an option that ends with the header", ipv4(OPTIONS("\1\7\3\4")), PASSES_TO(2)},
		{"loose source route", ipv4(OPTIONS("\x83\7\4\n\2\0\2")), DROPS(source_route)},
		{"strict source route", ipv4(OPTIONS("\x89\7\4\n\2\0\2")), DROPS(source_route)},
		{"source route behind others", ipv4(OPTIONS("\1\7\3\4\x83\3\4")),
		 DROPS(source_route)},
		{"source route, used up", ipv4(OPTIONS("\x83\3\4\0")), DROPS(source_route)},
		{"behind END nothing counts", ipv4(OPTIONS("\1\0\x83\3")), PASSES_TO(2)},
		{"length 0", ipv4(OPTIONS("\7\0\1\1")), DROPS(bad_option)},
		{"length 1", ipv4(OPTIONS("\7\1\1\1")), DROPS(bad_option)},
		{"length beyond the header", ipv4(OPTIONS("\7\5\4\0")), DROPS(bad_option)},
		{"length 255", ipv4(OPTIONS("\7\xff\4\0")), DROPS(bad_option)},
		{"no room for the length", ipv4(OPTIONS("\1\1\1\7")), DROPS(bad_option)},
		{"no room for the length, and the frame ends",
		 ipv4(OPTIONS("\1\1\1\7"), .payload = NO_PAYLOAD), DROPS(bad_option)},
		{"malformed source route", ipv4(OPTIONS("\x83\0\4\0")), DROPS(bad_option)},
	};
#undef OPTIONS

	check_cases(cases, COUNT(cases));
}

static void fragments_are_forwarded_like_whole_packets(void **state)
{
	const struct packet_case cases[] = {
		{"the first", ipv4(.fragment = FLAG_MF, .payload = 24), PASSES_TO(2)},
		{"one in between", ipv4(.fragment = FLAG_MF | FRAGMENT_AT(1480), .payload = 24),
		 PASSES_TO(2)},
		{"the last", ipv4(.fragment = FRAGMENT_AT(1480), .payload = 1), PASSES_TO(2)},
		{"the highest offset", ipv4(.fragment = 0x1fff, .payload = 8), PASSES_TO(2)},
		{"with the reserved bit", ipv4(.fragment = 0x8000), PASSES_TO(2)},
		{"DF", ipv4(.fragment = FLAG_DF), PASSES_TO(2)},
	};

	check_cases(cases, COUNT(cases));
}

static void martians_are_dropped_and_their_neighbours_are_not_martians(void **state)
{
	const struct packet_case cases[] = {
		{"source 0.0.0.0", ipv4(.source = "0.0.0.0"), DROPS(martian_source)},
		{"source 0.255.255.255", ipv4(.source = "0.255.255.255"), DROPS(martian_source)},
		{"source 1.0.0.0", ipv4(.source = "1.0.0.0"), DROPS(spoofed_source)},
		{"source 126.255.255.255", ipv4(.source = "126.255.255.255"),
		 DROPS(spoofed_source)},
		{"source 127.0.0.0", ipv4(.source = "127.0.0.0"), DROPS(martian_source)},
		{"source 127.255.255.255", ipv4(.source = "127.255.255.255"),
		 DROPS(martian_source)},
		{"source 128.0.0.0", ipv4(.source = "128.0.0.0"), DROPS(spoofed_source)},
		{"source 169.253.255.255", ipv4(.source = "169.253.255.255"),
		 DROPS(spoofed_source)},
		{"source 169.254.0.0", ipv4(.source = "169.254.0.0"), DROPS(martian_source)},
		{"source 169.254.255.255", ipv4(.source = "169.254.255.255"),
		 DROPS(martian_source)},
		{"source 169.255.0.0", ipv4(.source = "169.255.0.0"), DROPS(spoofed_source)},
		{"source 223.255.255.255", ipv4(.source = "223.255.255.255"),
		 DROPS(spoofed_source)},
		{"source 224.0.0.0", ipv4(.source = "224.0.0.0"), DROPS(martian_source)},
		{"source 239.255.255.255", ipv4(.source = "239.255.255.255"),
		 DROPS(martian_source)},
		{"source 240.0.0.0", ipv4(.source = "240.0.0.0"), DROPS(martian_source)},
		{"source 255.255.255.255", ipv4(.source = "255.255.255.255"),
		 DROPS(martian_source)},
		{"our own gateway as source", ipv4(.source = "169.254.1.1"), DROPS(martian_source)},

		{"destination 0.0.0.0", ipv4(.destination = "0.0.0.0"), DROPS(martian_destination)},
		{"destination 1.0.0.0", ipv4(.destination = "1.0.0.0"), DROPS(no_interconnect)},
		{"destination 126.255.255.255", ipv4(.destination = "126.255.255.255"),
		 DROPS(no_interconnect)},
		{"destination 127.0.0.1", ipv4(.destination = "127.0.0.1"),
		 DROPS(martian_destination)},
		{"destination 128.0.0.0", ipv4(.destination = "128.0.0.0"), DROPS(no_interconnect)},
		{"destination 169.253.255.255", ipv4(.destination = "169.253.255.255"),
		 DROPS(no_interconnect)},
		{"destination 169.255.0.0", ipv4(.destination = "169.255.0.0"),
		 DROPS(no_interconnect)},
		{"the peer's gateway", ipv4(.destination = "169.254.2.1"),
		 DROPS(martian_destination)},
		{"the peer's router", ipv4(.destination = "169.254.2.2"),
		 DROPS(martian_destination)},
		{"the cloud's own router", ipv4(.destination = "169.254.1.2"),
		 DROPS(martian_destination)},
		{"destination 240.0.0.0", ipv4(.destination = "240.0.0.0"),
		 DROPS(martian_destination)},
		{"destination 255.255.255.254", ipv4(.destination = "255.255.255.254"),
		 DROPS(martian_destination)},

		{"destination 223.255.255.255", ipv4(.destination = "223.255.255.255"),
		 DROPS(no_interconnect)},
		{"destination 224.0.0.0", ipv4(.destination = "224.0.0.0"), DROPS(multicast)},
		{"all OSPF routers", ipv4(.destination = "224.0.0.5"), DROPS(multicast)},
		{"destination 239.255.255.255", ipv4(.destination = "239.255.255.255"),
		 DROPS(multicast)},
		{"limited broadcast", ipv4(.destination = "255.255.255.255"), DROPS(multicast)},
		{"multicast from a martian", ipv4(.source = "0.0.0.0", .destination = "224.0.0.1"),
		 DROPS(martian_source)},
	};

	check_cases(cases, COUNT(cases));
}

static void a_source_must_be_a_routed_prefix_of_the_cloud(void **state)
{
	const struct packet_case cases[] = {
		{"first of the network block", ipv4(.source = "10.1.0.0"), PASSES_TO(2)},
		{"last of the network block", ipv4(.source = "10.1.3.255"), PASSES_TO(2)},
		{"one below it", ipv4(.source = "10.0.255.255"), DROPS(spoofed_source)},
		{"one above it", ipv4(.source = "10.1.4.0"), DROPS(spoofed_source)},
		{"first of the segment", ipv4(.source = "172.16.1.0"), PASSES_TO(2)},
		{"last of the segment", ipv4(.source = "172.16.1.255"), PASSES_TO(2)},
		{"one below it", ipv4(.source = "172.16.0.255"), DROPS(spoofed_source)},
		{"the peer's", ipv4(.source = "172.16.2.10"), DROPS(spoofed_source)},
		{"the destination itself", ipv4(.source = PC2), DROPS(spoofed_source)},
		{"the peer's peer's", ipv4(.source = PC3), DROPS(spoofed_source)},
		{"a segment that is not routed", ipv4(.source = "192.168.100.10"),
		 DROPS(spoofed_source)},
		{"to nowhere: still spoofed", ipv4(.source = PC3, .destination = "8.8.8.8"),
		 DROPS(spoofed_source)},
		{"into its own cloud: still spoofed", ipv4(.source = PC2, .destination = PC1),
		 DROPS(spoofed_source)},
		{"with TTL 0: still spoofed", ipv4(.source = PC2, .ttl = TTL_ZERO),
		 DROPS(spoofed_source)},
	};

	check_cases(cases, COUNT(cases));
}

static void a_destination_must_be_in_a_direct_peer(void **state)
{
	const struct packet_case cases[] = {
		{"first of the peer's block", ipv4(.destination = "10.2.0.0"), PASSES_TO(2)},
		{"last of the peer's block", ipv4(.destination = "10.2.3.255"), PASSES_TO(2)},
		{"one below it", ipv4(.destination = "10.1.255.255"), DROPS(no_interconnect)},
		{"one above it", ipv4(.destination = "10.2.4.0"), DROPS(no_interconnect)},
		{"the peer's segment", ipv4(.destination = "172.16.2.10"), PASSES_TO(2)},
		{"the peer's peer", ipv4(.destination = PC3), DROPS(no_interconnect)},
		{"a segment that is not routed", ipv4(.destination = "192.168.100.10"),
		 DROPS(no_interconnect)},
		{"the Internet", ipv4(.destination = "8.8.8.8"), DROPS(no_interconnect)},
		{"the cloud's own block", ipv4(.destination = "10.1.3.255"), DROPS(hairpin)},
		{"the cloud's own segment", ipv4(.destination = "172.16.1.10"), DROPS(hairpin)},
		{"itself", ipv4(.destination = PC1), DROPS(hairpin)},
		{"both peers of 2 reach it", ipv4(.l2 = {.cloud = 3}, .source = PC3), .port = 3,
		 PASSES_TO(2)},
		{"but not each other", ipv4(.l2 = {.cloud = 3}, .source = PC3, .destination = PC1),
		 .port = 3, DROPS(no_interconnect)},
		{"nowhere, with TTL 1", ipv4(.destination = "8.8.8.8", .ttl = 1),
		 DROPS(no_interconnect)},
	};

	check_cases(cases, COUNT(cases));
}

static void ttl_mtu_and_egress_decide_last(void **state)
{
	const struct packet_case cases[] = {
		{"TTL 0", ipv4(.ttl = TTL_ZERO), DROPS(ttl_exceeded)},
		{"TTL 1", ipv4(.ttl = 1), DROPS(ttl_exceeded)},
		{"TTL 2", ipv4(.ttl = 2), PASSES_TO(2)},
		{"TTL 255", ipv4(.ttl = 255), PASSES_TO(2)},
		{"as large as the MTU, DF", ipv4(.payload = MTU - 20, .fragment = FLAG_DF),
		 PASSES_TO(2)},
		{"one more, DF", ipv4(.payload = MTU - 19, .fragment = FLAG_DF),
		 DROPS(frag_needed)},
		{"as large as the MTU", ipv4(.payload = MTU - 20), PASSES_TO(2)},
		{"one more: fragment() is next", ipv4(.payload = MTU - 19), PASSES_TO(2)},
		{"padding does not count", ipv4(.payload = MTU - 20, .padding = 4), PASSES_TO(2)},
		{"the tag does not count", ipv4(.payload = MTU - 20, .destination = "10.4.0.2"),
		 PASSES_TO(4)},
		{"too large, and TTL 1", ipv4(.payload = MTU - 19, .ttl = 1), DROPS(ttl_exceeded)},
		{"too large, and the peer's port is down",
		 ipv4(.payload = MTU - 19, .destination = "10.5.0.2"), DROPS(egress_down)},
		{"the peer's port is down", ipv4(.destination = "10.5.0.2"), DROPS(egress_down)},
		{"the peer's router is unresolved", ipv4(.destination = "10.6.0.2"),
		 DROPS(router_unresolved)},
	};

	check_cases(cases, COUNT(cases));
}

static void the_routers_own_icmp_errors_pass_to_a_peer(void **state)
{
#define ROUTER_ICMP(t, ...) \
	ipv4(.source = "169.254.1.2", .protocol = IPPROTO_ICMP, .icmp_type = (t), ##__VA_ARGS__)
	const struct packet_case cases[] = {
		{"destination unreachable", ROUTER_ICMP(3), PASSES_TO(2)},
		{"time exceeded", ROUTER_ICMP(11), PASSES_TO(2)},
		{"parameter problem", ROUTER_ICMP(12), PASSES_TO(2)},
		{"echo reply", ROUTER_ICMP(0), DROPS(martian_source)},
		{"source quench", ROUTER_ICMP(4), DROPS(martian_source)},
		{"redirect", ROUTER_ICMP(5), DROPS(martian_source)},
		{"echo", ROUTER_ICMP(8), DROPS(martian_source)},
		{"timestamp", ROUTER_ICMP(13), DROPS(martian_source)},
		{"type 2", ROUTER_ICMP(2), DROPS(martian_source)},
		{"first fragment", ROUTER_ICMP(3, .fragment = FLAG_MF, .payload = 24),
		 PASSES_TO(2)},
		{"later fragment", ROUTER_ICMP(3, .fragment = FRAGMENT_AT(24)),
		 DROPS(martian_source)},
		{"with options", ROUTER_ICMP(3, .options = "\1\1\1\1", .options_length = 4),
		 PASSES_TO(2)},
		{"8 bytes of ICMP", ROUTER_ICMP(3, .payload = 8), PASSES_TO(2)},
		{"7 bytes of ICMP", ROUTER_ICMP(3, .payload = 7), DROPS(martian_source)},
		{"7 bytes of ICMP, padded", ROUTER_ICMP(3, .payload = 7, .padding = 19),
		 DROPS(martian_source)},
		{"no byte of ICMP", ROUTER_ICMP(3, .payload = NO_PAYLOAD), DROPS(martian_source)},
		{"UDP that looks like it",
		 ipv4(.source = "169.254.1.2", .protocol = IPPROTO_UDP, .icmp_type = 3),
		 DROPS(martian_source)},
		{"to the peer's peer", ROUTER_ICMP(3, .destination = PC3), DROPS(no_interconnect)},
		{"into its own cloud", ROUTER_ICMP(3, .destination = PC1), DROPS(hairpin)},
		{"to the peer's router", ROUTER_ICMP(3, .destination = "169.254.2.2"),
		 DROPS(martian_destination)},
		{"to a group", ROUTER_ICMP(3, .destination = "224.0.0.1"), DROPS(multicast)},
		{"to the gateway", ROUTER_ICMP(3, .destination = "169.254.1.1"),
		 DROPS(punt_refused)},
		{"with TTL 1", ROUTER_ICMP(3, .ttl = 1), DROPS(ttl_exceeded)},
		{"from the gateway",
		 ipv4(.source = "169.254.1.1", .protocol = IPPROTO_ICMP, .icmp_type = 3),
		 DROPS(martian_source)},
		{"from another of the transit network",
		 ipv4(.source = "169.254.1.3", .protocol = IPPROTO_ICMP, .icmp_type = 3),
		 DROPS(martian_source)},
		{"from the peer's router",
		 ipv4(.source = "169.254.2.2", .protocol = IPPROTO_ICMP, .icmp_type = 3),
		 DROPS(martian_source)},
		{"of a foreign host",
		 ipv4(.source = "8.8.8.8", .protocol = IPPROTO_ICMP, .icmp_type = 3),
		 DROPS(spoofed_source)},
		{"of a host of the cloud", ipv4(.protocol = IPPROTO_ICMP, .icmp_type = 3),
		 PASSES_TO(2)},
	};
#undef ROUTER_ICMP

	check_cases(cases, COUNT(cases));
}

static void a_router_with_a_public_address_may_no_more_than_one_with_a_link_local(void **state)
{
	struct ingress *ingress = calloc(1, sizeof(*ingress));

	assert_non_null(ingress);
	*ingress = *exchange.ingresses[1];
	ingress->gateway = 0xc0000201;
	ingress->router = 0xc0000202;
	exchange_set_ingress(1, ingress);

	const struct packet_case cases[] = {
		{"an ICMP error",
		 ipv4(.source = "192.0.2.2", .protocol = IPPROTO_ICMP, .icmp_type = 11),
		 PASSES_TO(2)},
		{"an echo", ipv4(.source = "192.0.2.2", .protocol = IPPROTO_ICMP, .icmp_type = 8),
		 DROPS(spoofed_source)},
		{"anything else", ipv4(.source = "192.0.2.2"), DROPS(spoofed_source)},
		{"as destination", ipv4(.destination = "192.0.2.2"), DROPS(no_interconnect)},
		{"the gateway as destination", ipv4(.destination = "192.0.2.1"),
		 DROPS(punt_refused)},
	};

	check_cases(cases, COUNT(cases));
}

static void only_what_is_on_the_allow_list_is_punted(void **state)
{
	const struct l2 to_us = {.to = mac_ours(1)};
	const struct l2 tagged = {
		.cloud = 4,
		.tagged = true,
		.tci = 104,
		.to = MAC_BROADCAST,
	};
	const char *gateway = "169.254.1.1";
	const char *router = "169.254.1.2";
	const struct packet_case cases[] = {
		{"ARP request of the router for the gateway", arp(), PUNTS(arp)},
		{"the same to our MAC", arp(.l2 = to_us), PUNTS(arp)},
		{"the same to another MAC", arp(.l2 = {.to = MAC_OTHER}), DROPS(not_for_us)},
		{"the same to a multicast MAC", arp(.l2 = {.to = MAC_MULTICAST}),
		 DROPS(not_for_us)},
		{"the same with a tag",
		 arp(.l2 = tagged, .sender = "169.254.4.2", .target = "169.254.4.1"), .port = 4,
		 PUNTS(arp)},
		{"of one cloud on another's port", arp(.l2 = {.cloud = 2}), .port = 2,
		 DROPS(punt_refused)},
		{"reply of the router", arp(.l2 = to_us, .operation = ARP_REPLY), PUNTS(arp)},
		{"announcement of the router", arp(.target = router), PUNTS(arp)},
		{"announcement by a reply", arp(.target = router, .operation = ARP_REPLY),
		 PUNTS(arp)},
		{"request for another", arp(.target = "169.254.1.3"), DROPS(punt_refused)},
		{"request for a workload", arp(.target = PC2), DROPS(punt_refused)},
		{"request of a workload", arp(.sender = PC1), DROPS(punt_refused)},
		{"request of nobody (a probe)", arp(.sender = "0.0.0.0"), DROPS(punt_refused)},
		{"in the gateway's own name", arp(.sender = gateway), DROPS(punt_refused)},
		{"operation 256", arp(.operation = 0x100), DROPS(punt_refused)},
		{"RARP operation", arp(.operation = 3), DROPS(punt_refused)},
		{"hardware that is not Ethernet", arp(.hardware = 6), DROPS(punt_refused)},
		{"protocol that is not IPv4", arp(.protocol = 0x86dd), DROPS(punt_refused)},
		{"hardware addresses of 8 bytes", arp(.hlen = 8), DROPS(punt_refused)},
		{"protocol addresses of 16 bytes", arp(.plen = 16), DROPS(punt_refused)},
		{"one byte short", arp(.shorter = 1), DROPS(too_short)},

#define TO_GATEWAY(from, ...) ipv4(.source = (from), .destination = gateway, ##__VA_ARGS__)
#define PING(from, ...) TO_GATEWAY(from, .protocol = IPPROTO_ICMP, .icmp_type = 8, ##__VA_ARGS__)
		{"echo of the router", PING(router), PUNTS(echo)},
		{"echo with TTL 1", PING(router, .ttl = 1), PUNTS(echo)},
		{"echo with options", PING(router, .options = "\1", .options_length = 1),
		 PUNTS(echo)},
		{"echo of 8 bytes", PING(router, .payload = 8), PUNTS(echo)},
		{"echo of 7 bytes", PING(router, .payload = 7), DROPS(punt_refused)},
		{"echo to another MAC", PING(router, .l2 = {.to = MAC_OTHER}), DROPS(not_for_us)},
		{"echo to everybody", PING(router, .l2 = {.to = MAC_BROADCAST}), DROPS(not_for_us)},
		{"echo of a workload", PING(PC1), DROPS(punt_refused)},
		{"echo of a peer", PING(PC2), DROPS(punt_refused)},
		{"echo of ourselves", PING(gateway), DROPS(punt_refused)},
		{"echo of the transit network", PING("169.254.1.0"), DROPS(punt_refused)},
		{"echo of its broadcast address", PING("169.254.1.3"), DROPS(punt_refused)},
		{"echo of another transit network", PING("169.254.2.2"), DROPS(punt_refused)},
		{"first fragment of an echo", PING(router, .fragment = FLAG_MF, .payload = 24),
		 DROPS(punt_refused)},
		{"later fragment of an echo", PING(router, .fragment = FRAGMENT_AT(24)),
		 DROPS(punt_refused)},
		{"echo reply", TO_GATEWAY(router, .protocol = IPPROTO_ICMP, .icmp_type = 0),
		 DROPS(punt_refused)},
		{"timestamp", TO_GATEWAY(router, .protocol = IPPROTO_ICMP, .icmp_type = 13),
		 DROPS(punt_refused)},
		{"redirect", TO_GATEWAY(router, .protocol = IPPROTO_ICMP, .icmp_type = 5),
		 DROPS(punt_refused)},
		{"UDP", TO_GATEWAY(router), DROPS(punt_refused)},
		{"TCP", TO_GATEWAY(router, .protocol = IPPROTO_TCP), DROPS(punt_refused)},
		{"BGP of a workload", TO_GATEWAY(PC1, .protocol = IPPROTO_TCP),
		 DROPS(punt_refused)},
		{"OSPF", TO_GATEWAY(router, .protocol = 89), DROPS(punt_refused)},
		{"broken echo", PING(router, .checksum_off = 1), DROPS(bad_checksum)},
		{"echo to the gateway of a peer",
		 ipv4(.destination = "169.254.2.1", .protocol = IPPROTO_ICMP, .icmp_type = 8),
		 DROPS(martian_destination)},
#undef PING
#undef TO_GATEWAY
	};

	check_cases(cases, COUNT(cases));
}

static void every_reason_of_these_stages_has_a_case(void **state)
{
	// By the worker, when it hands packets on, or the guard. bad_buffer has a test of its own
	// below.
	static const bool elsewhere[DROP_REASON_COUNT] = {
		[DROP_bad_buffer] = true,     [DROP_punt_limited] = true,
		[DROP_punt_ring_full] = true, [DROP_tx_ring_full] = true,
		[DROP_tx_full] = true,	      [DROP_bad_fragment] = true,
		[DROP_no_buffer] = true,      [DROP_no_dataplane] = true,
	};

	for (unsigned reason = 0; reason < DROP_REASON_COUNT; reason++)
		if (seen_drops[reason] == elsewhere[reason])
			fail_msg("drop %s", drop_reason_name(reason));
	for (unsigned reason = 0; reason < PUNT_REASON_COUNT; reason++)
		if (seen_punts[reason] == (reason == PUNT_nd)) // packet_ipv6_test.c has that
			fail_msg("punt %s", punt_reason_name(reason));
}

static void a_tag_that_the_port_stripped_counts_as_one(void **state)
{
	static const struct {
		const char *text;
		uint16_t port;
		uint16_t tci;
		enum verdict verdict;
		enum drop_reason reason;
	} cases[] = {
		{"the cloud's VLAN", 4, 104, VERDICT_FORWARD, 0},
		{"with priority bits", 4, 0xe000 | 104, VERDICT_FORWARD, 0},
		{"another VLAN", 4, 105, VERDICT_DROP, DROP_unknown_vlan},
		{"VLAN 0", 4, 0, VERDICT_DROP, DROP_unknown_vlan},
		{"on an untagged port", 1, 104, VERDICT_DROP, DROP_unknown_vlan},
	};
	struct frame frame = ipv4(.l2 = {.cloud = 4}, .source = "10.4.0.2", .destination = PC1);
	struct frame expected = forwarded(&frame, 1);

	for (unsigned i = 0; i < COUNT(cases); i++) {
		struct rte_mbuf *mbuf = buffer_make(frame.bytes, frame.length, HEADROOM);
		struct packet packet = packet_of(mbuf);

		mbuf->ol_flags = RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
		mbuf->vlan_tci = cases[i].tci;
		run_stages(cases[i].port, &packet, 1);
		check(packet.verdict == cases[i].verdict, "%s: %s", cases[i].text,
		      verdict_text(packet.verdict, packet.reason));
		if (packet.verdict == VERDICT_FORWARD)
			check_out(cases[i].text, &packet, &expected);
		else
			assert_int_equal(packet.reason, cases[i].reason);
		buffer_free(mbuf);
	}

	// Only one tag is ours to take: a second one in the frame is not IPv4.
	frame = ipv4(.l2 = {.cloud = 4, .tagged = true, .tci = 104}, .source = "10.4.0.2",
		     .destination = PC1);

	struct rte_mbuf *mbuf = buffer_make(frame.bytes, frame.length, HEADROOM);
	struct packet packet = packet_of(mbuf);

	mbuf->ol_flags = RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
	mbuf->vlan_tci = 104;
	run_stages(4, &packet, 1);
	assert_int_equal(packet.verdict, VERDICT_DROP);
	assert_int_equal(packet.reason, DROP_unknown_ethertype);
	buffer_free(mbuf);
}

static void a_tag_is_added_removed_or_swapped(void **state)
{
	const struct l2 from4 = {.cloud = 4, .tagged = true, .tci = 104};
	const struct packet_case cases[] = {
		{"none to none", ipv4(), PASSES_TO(2)},
		{"added", ipv4(.destination = "10.4.0.2"), PASSES_TO(4)},
		{"removed", ipv4(.l2 = from4, .source = "10.4.0.2", .destination = PC1), .port = 4,
		 PASSES_TO(1)},
		{"swapped", ipv4(.l2 = from4, .source = "10.4.0.2", .destination = "10.7.0.2"),
		 .port = 4, PASSES_TO(7)},
	};
	struct frame out = forwarded(&cases[3].frame, 7);

	check_cases(cases, COUNT(cases));
	assert_int_equal(out.length, cases[3].frame.length); // the reference itself, in bytes
	assert_memory_equal(
		out.bytes, "\2\0\0\0\1\7\2\0\0\0\0\7\x81\0\0\x6b\x08\0\x45\0\0\x2e", 22
	);
}

static void a_buffer_without_headroom_for_the_tag_is_dropped(void **state)
{
	static const struct {
		unsigned headroom;
		const char *to;
		bool passes;
	} cases[] = {
		{0, PC2, true}, // as long as before
		{4, "10.4.0.2", true},
		{2, "10.4.0.2", false},
		{0, "10.4.0.2", false},
	};

	for (unsigned i = 0; i < COUNT(cases); i++) {
		struct frame frame = ipv4(.destination = cases[i].to);
		struct rte_mbuf *mbuf = buffer_make(frame.bytes, frame.length, cases[i].headroom);
		struct packet packet = packet_of(mbuf);

		run_stages(1, &packet, 1);
		if (cases[i].passes) {
			assert_int_equal(packet.verdict, VERDICT_FORWARD);
		} else {
			assert_int_equal(packet.verdict, VERDICT_DROP);
			assert_int_equal(packet.reason, DROP_bad_buffer);
			assert_int_equal(mbuf->data_len, frame.length);
			assert_memory_equal(packet.frame, frame.bytes, frame.length);
		}
		buffer_free(mbuf);
	}
}

// Make the header checksum come out as wanted, by the identification.
static void force_checksum(uint8_t *header, unsigned length, unsigned wanted)
{
	put16(header + 4, 0);
	put16(header + 10, wanted);
	put16(header + 4, checksum(header, length));
}

static void the_rewritten_header_equals_one_made_anew(void **state)
{
	// Where one's complement carries, and its two zeros.
	static const unsigned edges[] = {
		0x0000, 0x0001, 0x00ff, 0x0100, 0xfdff, 0xfefe,
		0xfeff, 0xff00, 0xff01, 0xfffe, 0xffff,
	};

	for (unsigned i = 0; i < 100000; i++) {
		struct frame frame =
			ipv4(.ttl = 2 + random_below(254), .protocol = 1 + random_below(255),
			     .payload = (int)(1 + random_below(64)),
			     .fragment = random_below(0x10000), .tos = random_below(256),
			     .id = random_below(0x10000), .options = "\1\1\1\1\1\1\1\1",
			     .options_length = 4 * random_below(3), .padding = random_below(20));
		uint8_t *header = frame.bytes + ETHER_BYTES;

		put32(header + 12, 0x0a010000 + random_below(1024));
		put32(header + 16, 0x0a020000 + random_below(1024));
		ipv4_seal(header, header_bytes(header));
		if (i % 4 == 0)
			force_checksum(
				header, header_bytes(header), edges[random_below(COUNT(edges))]
			);

		struct packet packet = run_frame(&frame, 1);
		struct frame expected = forwarded(&frame, 2);

		check(packet.verdict == VERDICT_FORWARD, "%s",
		      verdict_text(packet.verdict, packet.reason));
		check_out("random header", &packet, &expected);
		buffer_free(packet.mbuf);
	}
}

static void from_1_nothing_ever_reaches_3_through_2(void **state)
{
	static const char *const sources[] = {
		PC1,	       PC2,	      PC3,
		"10.1.0.0",    "10.1.3.255",  "172.16.1.10",
		"172.16.2.10", "172.16.3.10", "169.254.1.1",
		"169.254.1.2", "169.254.2.1", "169.254.2.2",
		"169.254.3.2", "0.0.0.0",     "127.0.0.1",
		"224.0.0.1",   "8.8.8.8",     "192.168.100.10",
	};
	static const char *const destinations[] = {
		PC3,	       "10.3.0.0",	  "10.3.3.255",	 "172.16.3.0",
		"172.16.3.10", "172.16.3.255",	  "169.254.3.1", "169.254.3.2",
		"224.0.0.5",   "255.255.255.255",
	};
	static const unsigned types[] = {0, 3, 5, 8, 11, 12};
	static const unsigned protocols[] = {IPPROTO_ICMP, IPPROTO_UDP, IPPROTO_IPIP, 47};

	publish_links(chain, COUNT(chain));
	for (unsigned s = 0; s < COUNT(sources); s++) {
		for (unsigned d = 0; d < COUNT(destinations); d++) {
			for (unsigned i = 0; i < 96; i++) {
				struct frame frame =
					ipv4(.source = sources[s], .destination = destinations[d],
					     .protocol = protocols[i % 4],
					     .icmp_type = types[i / 4 % 6],
					     .fragment = i & 32 ? FLAG_MF : 0,
					     .options = "\x83\7\4\n\2\0\2",
					     .options_length = i & 64 ? 7 : 0);

				check_goes_nowhere(&frame, sources[s], destinations[d]);
			}
		}
	}
}

static struct frame valid_frame(void)
{
	switch (random_below(6)) {
	case 0:
		return arp();
	case 1:
		return ipv4(.source = "169.254.1.2", .protocol = IPPROTO_ICMP, .icmp_type = 11);
	case 2:
		return ipv4(.source = "169.254.1.2", .destination = "169.254.1.1",
			    .protocol = IPPROTO_ICMP, .icmp_type = 8);
	case 3:
		return ipv4(.options = "\7\7\4\0\0\0\0", .options_length = 7);
	case 4:
		return ipv4(.fragment = FLAG_MF, .padding = 9);
	default:
		return ipv4();
	}
}

// Bits, bytes, addresses, length; mostly sealed again, so that the later stages see it.
static void mutate(struct frame *frame)
{
	uint8_t *header = frame->bytes + ETHER_BYTES;

	for (unsigned n = 1 + random_below(3); n > 0; n--) {
		switch (random_below(5)) {
		case 0:
			frame->bytes[random_below(frame->length)] ^=
				(uint8_t)(1 << random_below(8));
			break;
		case 1:
			frame->bytes[random_below(frame->length)] = (uint8_t)random64();
			break;
		case 2:
			put32(header + 12 + 4 * random_below(2),
			      (random_below(2) ? 0x0a000000 : 0xac100000) |
				      random_below(4) << (random_below(2) ? 16 : 8) |
				      random_below(256));
			break;
		case 3:
			header[random_below(20)] = (uint8_t)random64();
			break;
		default:
			frame->length = 1 + random_below(frame->length);
			if (frame->length < ETHER_BYTES + 20)
				return;
		}
	}
	if (random_below(4) && frame->length >= ETHER_BYTES + 20 && header_bytes(header) >= 20 &&
	    ETHER_BYTES + header_bytes(header) <= frame->length)
		ipv4_seal(header, header_bytes(header));
}

static void what_200000_mutations_forward_goes_from_1_to_2(void **state)
{
	unsigned forwarded_frames = 0;
	unsigned punted = 0;

	publish_links(chain, COUNT(chain));
	for (unsigned i = 0; i < 200000; i++) {
		struct frame frame = valid_frame();

		mutate(&frame);

		struct packet packet = run_frame(&frame, 1);

		punted += packet.verdict == VERDICT_PUNT;
		if (packet.verdict == VERDICT_FORWARD) {
			const uint8_t *header = frame.bytes + ETHER_BYTES;
			uint32_t source = get32(header + 12);
			uint32_t destination = get32(header + 16);
			struct frame expected = forwarded(&frame, 2);

			check(packet.egress == exchange.clouds[2].egress, "to another cloud");
			check(source >> 10 == 0x0a010000 >> 10 || source >> 8 == 0xac1001 ||
				      source == 0xa9fe0102,
			      "source %08x", source);
			check(destination >> 10 == 0x0a020000 >> 10 || destination >> 8 == 0xac1002,
			      "destination %08x", destination);
			check(checksum(header, header_bytes(header)) == 0, "bad checksum");
			check_out("mutation", &packet, &expected);
			forwarded_frames++;
		}
		buffer_free(packet.mbuf);
	}
	assert_in_range(forwarded_frames, 10000, 190000); // it is a test only if many pass
	assert_in_range(punted, 1000, 100000);
}

static void a_cloud_without_gateway_answers_no_arp_and_trusts_no_router(void **state)
{
	struct ingress *ingress = calloc(1, sizeof(*ingress));

	assert_non_null(ingress);
	*ingress = *exchange.ingresses[1];
	ingress->gateway = 0;
	ingress->router = 0;
	exchange_set_ingress(1, ingress);

	const struct packet_case cases[] = {
		{"ARP for nobody", arp(.sender = "0.0.0.0", .target = "0.0.0.0"),
		 DROPS(punt_refused)},
		{"ICMP error of nobody",
		 ipv4(.source = "0.0.0.0", .protocol = IPPROTO_ICMP, .icmp_type = 3),
		 DROPS(martian_source)},
		{"echo to nobody",
		 ipv4(.destination = "0.0.0.0", .protocol = IPPROTO_ICMP, .icmp_type = 8),
		 DROPS(martian_destination)},
	};

	check_cases(cases, COUNT(cases));
}

static void a_cloud_that_comes_or_goes_takes_nothing(void **state)
{
	const struct packet_case cases[] = {
		{"no table or ingress", ipv4(), DROPS(unknown_vlan)},
	};
	const struct packet_case cloud2[] = {
		{"neither", ipv4(.l2 = {.cloud = 2}, .source = PC2, .destination = PC1), .port = 2,
		 DROPS(unknown_vlan)},
	};

	exchange_set_table(1, NULL);
	check_cases(cases, COUNT(cases));
	exchange_set_ingress(2, NULL);
	check_cases(cloud2, COUNT(cloud2));
}

// explain()

struct explain_case {
	const char *source;
	const char *destination;
	unsigned ttl;
	unsigned size;
	enum verdict verdict;
	unsigned reason;
};

static void explain_gives_the_verdict_of_the_stages(void **state)
{
	static const struct explain_case cases[] = {
		{PC1, PC2, 64, 1500, VERDICT_FORWARD, 0},
		{PC1, PC2, 2, 28, VERDICT_FORWARD, 0},
		{PC1, PC2, 1, 28, VERDICT_DROP, DROP_ttl_exceeded},
		{PC1, PC2, 0, 28, VERDICT_DROP, DROP_ttl_exceeded},
		{PC1, PC2, 64, 1501, VERDICT_DROP, DROP_frag_needed},
		{PC1, PC2, 64, 1900, VERDICT_DROP, DROP_frag_needed},
		{PC1, PC3, 64, 100, VERDICT_DROP, DROP_no_interconnect},
		{PC1, "10.1.0.9", 64, 100, VERDICT_DROP, DROP_hairpin},
		{PC3, PC2, 64, 100, VERDICT_DROP, DROP_spoofed_source},
		{PC1, "10.5.0.1", 64, 100, VERDICT_DROP, DROP_egress_down},
		{PC1, "10.6.0.1", 64, 100, VERDICT_DROP, DROP_router_unresolved},
		{PC1, "10.4.0.1", 64, 100, VERDICT_FORWARD, 0},
		{"127.0.0.1", PC2, 64, 100, VERDICT_DROP, DROP_martian_source},
		{"169.254.1.2", PC2, 64, 100, VERDICT_DROP, DROP_martian_source},
		{PC1, "169.254.2.1", 64, 100, VERDICT_DROP, DROP_martian_destination},
		{PC1, "224.0.0.9", 64, 100, VERDICT_DROP, DROP_multicast},
		{PC1, "169.254.1.1", 64, 100, VERDICT_DROP, DROP_punt_refused},
	};

	for (unsigned i = 0; i < COUNT(cases); i++) {
		const struct explain_case *c = &cases[i];
		struct addr source = addr_from_ipv4(ip(c->source));
		struct addr destination = addr_from_ipv4(ip(c->destination));
		struct explanation explanation;
		struct frame frame =
			ipv4(.source = c->source, .destination = c->destination,
			     .ttl = c->ttl ? c->ttl : TTL_ZERO, .payload = (int)c->size - 20,
			     .fragment = FLAG_DF);
		struct rte_mbuf *mbuf = buffer_make(frame.bytes, frame.length, HEADROOM);
		struct packet packet = packet_of(mbuf);

		assert_int_equal(
			explain(1, &source, &destination, c->ttl, c->size, &explanation), 0
		);
		run_stages(1, &packet, 1);
		check(explanation.verdict == c->verdict &&
			      (c->verdict == VERDICT_FORWARD || explanation.reason == c->reason),
		      "%s to %s: %s", c->source, c->destination,
		      verdict_text(explanation.verdict, explanation.reason));
		assert_int_equal(packet.verdict, explanation.verdict);
		assert_int_equal(packet.reason, explanation.reason);
		assert_int_equal(packet.leaf_source, explanation.source);
		assert_int_equal(packet.leaf_destination, explanation.destination);
		buffer_free(mbuf);
	}
}

static void explain_names_what_the_table_says(void **state)
{
	struct addr source = addr_from_ipv4(ip(PC1));
	struct addr destination = addr_from_ipv4(ip(PC2));
	struct explanation explanation;

	assert_int_equal(explain(1, &source, &destination, 64, 9216, &explanation), 0);
	assert_int_equal(explanation.source, leaf_local(1));
	assert_int_equal(explanation.destination, leaf_via(2, 12));
	assert_int_equal(explain(2, &destination, &source, 64, 100, &explanation), 0);
	assert_int_equal(explanation.source, leaf_local(2));
	assert_int_equal(explanation.destination, leaf_via(1, 12));
}

static void explain_refuses_bad_arguments(void **state)
{
	struct addr ipv4_addr = addr_from_ipv4(ip(PC1));
	struct addr ipv6_addr = {};
	struct addr none = {};
	struct explanation explanation;
	const struct {
		unsigned cloud;
		const struct addr *source;
		const struct addr *destination;
		unsigned ttl;
		unsigned size;
		int code;
	} cases[] = {
		{1, &ipv4_addr, &ipv4_addr, 255, 28, 0},
		{1, &ipv4_addr, &ipv4_addr, 256, 28, -EINVAL},
		{1, &ipv4_addr, &ipv4_addr, 64, 27, -EINVAL},
		{1, &ipv4_addr, &ipv4_addr, 64, 0, -EINVAL},
		{1, &ipv4_addr, &ipv4_addr, 64, 9216, 0},
		{1, &ipv4_addr, &ipv4_addr, 64, 9217, -EINVAL},
		{1, &ipv6_addr, &ipv6_addr, 64, 48, 0},
		{1, &ipv6_addr, &ipv6_addr, 64, 47, -EINVAL},
		{1, &ipv6_addr, &ipv4_addr, 64, 100, -EINVAL},
		{1, &ipv4_addr, &ipv6_addr, 64, 100, -EINVAL},
		{1, &none, &none, 64, 100, -EINVAL},
		{1, &none, &ipv4_addr, 64, 100, -EINVAL},
		{0, &ipv4_addr, &ipv4_addr, 64, 100, -ENOENT},
		{8, &ipv4_addr, &ipv4_addr, 64, 100, -ENOENT},
		{CLOUD_ID_MAX + 1, &ipv4_addr, &ipv4_addr, 64, 100, -ENOENT},
		{UINT16_MAX, &ipv4_addr, &ipv4_addr, 64, 100, -ENOENT},
	};

	assert_int_equal(addr_parse("2001:db8::1", &ipv6_addr), 0);
	for (unsigned i = 0; i < COUNT(cases); i++)
		if (explain((uint16_t)cases[i].cloud, cases[i].source, cases[i].destination,
			    cases[i].ttl, cases[i].size, &explanation) != cases[i].code)
			fail_msg("case %u", i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		case_test(a_port_and_its_vlan_tags_decide_whose_a_frame_is),
		case_test(only_frames_to_our_mac_with_a_known_ethertype_are_routed),
		case_test(the_ipv4_header_is_checked_in_the_order_of_rfc_1812),
		case_test(options_pass_unless_they_route_or_are_malformed),
		case_test(fragments_are_forwarded_like_whole_packets),
		case_test(martians_are_dropped_and_their_neighbours_are_not_martians),
		case_test(a_source_must_be_a_routed_prefix_of_the_cloud),
		case_test(a_destination_must_be_in_a_direct_peer),
		case_test(ttl_mtu_and_egress_decide_last),
		case_test(the_routers_own_icmp_errors_pass_to_a_peer),
		case_test(a_router_with_a_public_address_may_no_more_than_one_with_a_link_local),
		case_test(only_what_is_on_the_allow_list_is_punted),
		case_test(every_reason_of_these_stages_has_a_case),
		case_test(a_tag_that_the_port_stripped_counts_as_one),
		case_test(a_tag_is_added_removed_or_swapped),
		case_test(a_buffer_without_headroom_for_the_tag_is_dropped),
		case_test(the_rewritten_header_equals_one_made_anew),
		case_test(from_1_nothing_ever_reaches_3_through_2),
		case_test(what_200000_mutations_forward_goes_from_1_to_2),
		case_test(a_cloud_without_gateway_answers_no_arp_and_trusts_no_router),
		case_test(a_cloud_that_comes_or_goes_takes_nothing),
		case_test(explain_gives_the_verdict_of_the_stages),
		case_test(explain_names_what_the_table_says),
		case_test(explain_refuses_bad_arguments),
	};

	random_start();
	return cmocka_run_group_tests_name("packet", tests, NULL, NULL);
}
