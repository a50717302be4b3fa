// SPDX-License-Identifier: BSD-3-Clause
// What happens to an IPv6 packet: frame in, verdict and reason, frame out. What does not depend on
// the family, such as VLAN tags, packet_test.c has.
#include "dataplane/quick.h"
#include "packet_kit.h"

#include <errno.h>

static void the_ipv6_header_is_checked_before_anything_beyond_it_is_read(void **state)
{
	const struct packet_case cases[] = {
		{"a packet", ipv6(), PASSES_TO(2)},
		{"one byte behind the header", ipv6(.payload = 1), PASSES_TO(2)},
		{"39 bytes of IP", cut(ipv6(), 53), DROPS(too_short)},
		{"no byte of IP", cut(ipv6(), 14), DROPS(too_short)},
		{"version 4", ipv6(.version = 4), DROPS(bad_version)},
		{"version 5", ipv6(.version = 5), DROPS(bad_version)},
		{"version 7", ipv6(.version = 7), DROPS(bad_version)},
		{"version 15", ipv6(.version = 15), DROPS(bad_version)},
		{"IPv6 as IPv4", ipv6(.l2 = {.type = 0x0800}), DROPS(bad_version)},
		{"payload length 0", ipv6(.length_off = -26), DROPS(bad_length)},
		{"payload length 0 of a jumbogram",
		 ipv6(EXTENSIONS(HOP_BY_HOP, "\x11\0\xc2\4\0\0\0\x1a"), .length_off = -34),
		 DROPS(bad_length)},
		{"payload length 0, and nothing behind", ipv6(.payload = NO_PAYLOAD),
		 DROPS(bad_length)},
		{"payload one beyond the frame", ipv6(.length_off = 1), DROPS(bad_length)},
		{"payload of 65535 bytes", ipv6(.length_off = 65535 - 26), DROPS(bad_length)},
		{"payload one below the frame", ipv6(.length_off = -1), PASSES_TO(2)},
		{"padding behind the packet", ipv6(.payload = 1, .padding = 5), PASSES_TO(2)},
		{"traffic class and flow label", ipv6(.traffic_class = 0xff, .flow = 0xfffff),
		 PASSES_TO(2)},
		{"no next header", ipv6(.next = NO_NEXT_HEADER), PASSES_TO(2)},
		{"a protocol that nobody knows", ipv6(.next = 253), PASSES_TO(2)},
	};

	check_cases(cases, COUNT(cases));
}

static void only_frames_to_our_mac_are_routed(void **state)
{
	const struct packet_case cases[] = {
		{"to our MAC", ipv6(), PASSES_TO(2)},
		{"to another MAC", ipv6(.l2 = {.to = MAC_OTHER}), DROPS(not_for_us)},
		{"to our MAC on another port", ipv6(.l2 = {.to = mac_ours(2)}), DROPS(not_for_us)},
		{"to the broadcast MAC", ipv6(.l2 = {.to = MAC_BROADCAST}), DROPS(not_for_us)},
		{"to an IPv4 group's MAC", ipv6(.l2 = {.to = MAC_MULTICAST}), DROPS(not_for_us)},
		{"to the MAC of a group that would be the destination's",
		 ipv6(.l2 = {.to = {{0x33, 0x33, 0, 0, 0, 2}}}), DROPS(not_for_us)},
		{"to the MAC of all nodes", ipv6(.l2 = {.to = mac_group(ALL_NODES)}),
		 DROPS(not_for_us)},
		{"to the MAC of the gateway's group", ipv6(.l2 = {.to = mac_group(SOLICITED_NODE)}),
		 DROPS(not_for_us)},
		{"IPv4 to the MAC of all nodes", ipv4(.l2 = {.to = mac_group(ALL_NODES)}),
		 DROPS(not_for_us)},
		{"tagged, from a tagged cloud to an untagged one",
		 ipv6(.l2 = {.cloud = 4, .tagged = true, .tci = 0x6000 | 104},
		      .source = "fd00:4:1::2", .destination = PC1_6),
		 .port = 4, PASSES_TO(1)},
		{"untagged to a tagged one", ipv6(.destination = "fd00:4:1::2"), PASSES_TO(4)},
		{"swapped",
		 ipv6(.l2 = {.cloud = 4, .tagged = true, .tci = 104}, .source = "fd00:4:1::2",
		      .destination = "fd00:7:2::9"),
		 .port = 4, PASSES_TO(7)},
	};

	check_cases(cases, COUNT(cases));
}

// 8 bytes each: next header, length, and what there is.
#define TO_UDP(bytes) "\x11" bytes
#define OPTIONS8 "\0\1\4\0\0\0\0"
#define ROUTING_OF(type, left) "\0" type left "\0\0\0\0"

static void extension_headers_are_stepped_over_within_the_packet(void **state)
{
	const struct packet_case cases[] = {
		{"hop-by-hop options", ipv6(EXTENSIONS(HOP_BY_HOP, TO_UDP(OPTIONS8))),
		 PASSES_TO(2)},
		{"destination options", ipv6(EXTENSIONS(DESTINATION, TO_UDP(OPTIONS8))),
		 PASSES_TO(2)},
		{"hop-by-hop, destination and routing",
		 ipv6(EXTENSIONS(
			 HOP_BY_HOP, "\x3c" OPTIONS8 "\x2b" OPTIONS8 TO_UDP(ROUTING_OF("\4", "\1"))
		 )),
		 PASSES_TO(2)},
		{"16 bytes of options",
		 ipv6(EXTENSIONS(DESTINATION, "\x11\1\1\014\0\0\0\0\0\0\0\0\0\0\0\0")),
		 PASSES_TO(2)},
		{"options that end with the packet",
		 ipv6(EXTENSIONS(DESTINATION, "\x3b" OPTIONS8), .payload = NO_PAYLOAD),
		 PASSES_TO(2)},
		{"hop-by-hop options that are not the first",
		 ipv6(EXTENSIONS(DESTINATION, "\0" OPTIONS8 TO_UDP(OPTIONS8))), DROPS(bad_option)},
		{"hop-by-hop options twice",
		 ipv6(EXTENSIONS(HOP_BY_HOP, "\0" OPTIONS8 TO_UDP(OPTIONS8))), DROPS(bad_option)},
		{"options one unit beyond the packet",
		 ipv6(EXTENSIONS(DESTINATION, "\x11\1\1\4\0\0\0\0"), .payload = 7),
		 DROPS(bad_option)},
		{"options beyond the packet, but not the frame",
		 ipv6(EXTENSIONS(DESTINATION, "\x11\1\1\4\0\0\0\0"), .payload = 7, .padding = 9),
		 DROPS(bad_option)},
		{"options of 2048 bytes", ipv6(EXTENSIONS(HOP_BY_HOP, "\x11\xff\1\4\0\0\0\0")),
		 DROPS(bad_option)},
		{"7 bytes of options", ipv6(.next = DESTINATION, .payload = 7), DROPS(bad_option)},
		{"1 byte of options", ipv6(.next = DESTINATION, .payload = 1, .icmp_type = 17),
		 DROPS(bad_option)},
		{"a second header without room for it",
		 ipv6(EXTENSIONS(HOP_BY_HOP, "\x3c" OPTIONS8), .payload = 7), DROPS(bad_option)},
		{"what stands behind ESP is nobody's business", ipv6(.next = ESP, .payload = 1),
		 PASSES_TO(2)},
		{"nor behind an authentication header", ipv6(.next = AUTHENTICATION, .payload = 3),
		 PASSES_TO(2)},
		{"nor in a mobility header", ipv6(.next = MOBILITY, .payload = 3), PASSES_TO(2)},
	};

	check_cases(cases, COUNT(cases));
}

static void a_source_route_is_refused_wherever_it_stands(void **state)
{
	const struct packet_case cases[] = {
		{"type 0", ipv6(EXTENSIONS(ROUTING, TO_UDP(ROUTING_OF("\0", "\1")))),
		 DROPS(source_route)},
		{"type 0, used up", ipv6(EXTENSIONS(ROUTING, TO_UDP(ROUTING_OF("\0", "\0")))),
		 DROPS(source_route)},
		{"type 0 with an address",
		 ipv6(EXTENSIONS(ROUTING, "\x11\2\0\1\0\0\0\0\xfd\0\0\3\0\1\0\0\0\0\0\0\0\0\0\2")),
		 DROPS(source_route)},
		{"type 0 behind options",
		 ipv6(EXTENSIONS(
			 HOP_BY_HOP, "\x3c" OPTIONS8 "\x2b" OPTIONS8 TO_UDP(ROUTING_OF("\0", "\1"))
		 )),
		 DROPS(source_route)},
		{"type 0 behind another routing header",
		 ipv6(EXTENSIONS(
			 ROUTING, "\x2b" ROUTING_OF("\4", "\0") TO_UDP(ROUTING_OF("\0", "\1"))
		 )),
		 DROPS(source_route)},
		{"type 0 behind a fragment header: for the destination to refuse",
		 ipv6(EXTENSIONS(FRAGMENT, "\x2b\0\0\1\0\0\0\7" TO_UDP(ROUTING_OF("\0", "\1")))),
		 PASSES_TO(2)},
		{"type 0 before a fragment header",
		 ipv6(EXTENSIONS(ROUTING, "\x2c" ROUTING_OF("\0", "\1") "\x11\0\0\1\0\0\0\7")),
		 DROPS(source_route)},
		{"type 0, malformed", ipv6(EXTENSIONS(ROUTING, "\x11\x7f\0\1\0\0\0\0")),
		 DROPS(bad_option)},
		{"type 0 from a lie: its form is looked at first",
		 ipv6(EXTENSIONS(ROUTING, TO_UDP(ROUTING_OF("\0", "\1"))), .source = PC3_6),
		 DROPS(source_route)},
		{"type 2 (mobile IPv6)", ipv6(EXTENSIONS(ROUTING, TO_UDP(ROUTING_OF("\2", "\1")))),
		 PASSES_TO(2)},
		{"type 4 (segments)", ipv6(EXTENSIONS(ROUTING, TO_UDP(ROUTING_OF("\4", "\1")))),
		 PASSES_TO(2)},
		{"what looks like one behind the last header",
		 ipv6(EXTENSIONS(DESTINATION, "\x3b" OPTIONS8 ROUTING_OF("\0", "\1"))),
		 PASSES_TO(2)},
	};

	check_cases(cases, COUNT(cases));
}

#define FRAGMENT_OF(next, offset_and_more) next "\0" offset_and_more "\0\0\0\7"

static void fragments_are_forwarded_like_whole_packets(void **state)
{
	const struct packet_case cases[] = {
		{"the first", ipv6(EXTENSIONS(FRAGMENT, FRAGMENT_OF("\x11", "\0\1"))),
		 PASSES_TO(2)},
		{"one in between", ipv6(EXTENSIONS(FRAGMENT, FRAGMENT_OF("\x11", "\5\xa9"))),
		 PASSES_TO(2)},
		{"the last, of a byte",
		 ipv6(EXTENSIONS(FRAGMENT, FRAGMENT_OF("\x11", "\5\xa8")), .payload = 1),
		 PASSES_TO(2)},
		{"the highest offset", ipv6(EXTENSIONS(FRAGMENT, FRAGMENT_OF("\x11", "\xff\xf8"))),
		 PASSES_TO(2)},
		{"an atomic one", ipv6(EXTENSIONS(FRAGMENT, FRAGMENT_OF("\x11", "\0\0"))),
		 PASSES_TO(2)},
		{"behind hop-by-hop options",
		 ipv6(EXTENSIONS(HOP_BY_HOP, "\x2c" OPTIONS8 FRAGMENT_OF("\x11", "\0\1"))),
		 PASSES_TO(2)},
		{"a later one: what follows is data, not options",
		 ipv6(EXTENSIONS(FRAGMENT, FRAGMENT_OF("\x3c", "\5\xa9")), .payload = 3),
		 PASSES_TO(2)},
		{"a later one: what follows is data, not a source route",
		 ipv6(EXTENSIONS(
			 FRAGMENT, FRAGMENT_OF("\x2b", "\5\xa9") TO_UDP(ROUTING_OF("\0", "\1"))
		 )),
		 PASSES_TO(2)},
		{"the first, with options cut off: for the destination to refuse",
		 ipv6(EXTENSIONS(FRAGMENT, FRAGMENT_OF("\x3c", "\0\1")), .payload = 3),
		 PASSES_TO(2)},
		{"7 bytes of a fragment header", ipv6(.next = FRAGMENT, .payload = 7),
		 PASSES_TO(2)},
	};

	check_cases(cases, COUNT(cases));
}

static void martians_are_dropped_and_their_neighbours_are_not_martians(void **state)
{
	const struct packet_case cases[] = {
		{"source ::", ipv6(.source = "::"), DROPS(martian_source)},
		{"source ::1", ipv6(.source = "::1"), DROPS(martian_source)},
		{"source ::2", ipv6(.source = "::2"), DROPS(spoofed_source)},
		{"source ::fffe:ffff:ffff", ipv6(.source = "::fffe:ffff:ffff"),
		 DROPS(spoofed_source)},
		{"source ::ffff:0.0.0.0", ipv6(.source = "::ffff:0:0"), DROPS(martian_source)},
		{"source ::ffff:10.1.0.2", ipv6(.source = "::ffff:10.1.0.2"),
		 DROPS(martian_source)},
		{"source ::1:0:0:0", ipv6(.source = "::1:0:0:0"), DROPS(spoofed_source)},
		{"source 1::1", ipv6(.source = "1::1"), DROPS(spoofed_source)},
		{"source fe7f:ffff::", ipv6(.source = "fe7f:ffff::"), DROPS(spoofed_source)},
		{"source fe80::", ipv6(.source = "fe80::"), DROPS(martian_source)},
		{"a link-local source", ipv6(.source = ROUTER_LINK_LOCAL), DROPS(martian_source)},
		{"source febf:ffff::1", ipv6(.source = "febf:ffff::1"), DROPS(martian_source)},
		{"source fec0::", ipv6(.source = "fec0::"), DROPS(spoofed_source)},
		{"source feff:ffff::", ipv6(.source = "feff:ffff::"), DROPS(spoofed_source)},
		{"source ff00::", ipv6(.source = "ff00::"), DROPS(martian_source)},
		{"a group as source", ipv6(.source = "ff02::1"), DROPS(martian_source)},
		{"our link-local address as source", ipv6(.source = LINK_LOCAL),
		 DROPS(martian_source)},
		{"our gateway as source", ipv6(.source = GATEWAY_6), DROPS(spoofed_source)},

		{"destination ::", ipv6(.destination = "::"), DROPS(martian_destination)},
		{"destination ::1", ipv6(.destination = "::1"), DROPS(martian_destination)},
		{"destination ::2", ipv6(.destination = "::2"), DROPS(no_interconnect)},
		{"destination ::ffff:10.2.0.2", ipv6(.destination = "::ffff:10.2.0.2"),
		 DROPS(martian_destination)},
		{"destination fe7f::", ipv6(.destination = "fe7f::"), DROPS(no_interconnect)},
		{"a link-local destination", ipv6(.destination = ROUTER_LINK_LOCAL),
		 DROPS(martian_destination)},
		{"the link-local address of t0x at a peer", ipv6(.destination = "fe80::ff:fe00:2"),
		 DROPS(martian_destination)},
		{"destination febf::", ipv6(.destination = "febf::"), DROPS(martian_destination)},
		{"destination fec0::", ipv6(.destination = "fec0::"), DROPS(no_interconnect)},
		{"destination ff00::", ipv6(.destination = "ff00::"), DROPS(multicast)},
		{"a group of the node", ipv6(.destination = "ff01::1"), DROPS(multicast)},
		{"a group of the site", ipv6(.destination = "ff05::2"), DROPS(multicast)},
		{"a group of everywhere", ipv6(.destination = "ff0e::101"), DROPS(multicast)},
		{"a group built of a prefix", ipv6(.destination = "ff32:30:fd00:2:1::7"),
		 DROPS(multicast)},
		{"a group of the site, by its MAC",
		 ipv6(.destination = "ff05::2", .l2 = {.to = mac_group("ff05::2")}),
		 DROPS(not_for_us)},
		{"a group from a martian", ipv6(.source = "::", .destination = "ff05::2"),
		 DROPS(martian_source)},
	};

	check_cases(cases, COUNT(cases));
}

static void a_source_must_be_a_routed_prefix_of_the_cloud(void **state)
{
	const struct packet_case cases[] = {
		{"first of the network block", ipv6(.source = "fd00:1:1::"), PASSES_TO(2)},
		{"last of the network block", ipv6(.source = "fd00:1:1:0:ffff:ffff:ffff:ffff"),
		 PASSES_TO(2)},
		{"one below it", ipv6(.source = "fd00:1:0:ffff:ffff:ffff:ffff:ffff"),
		 DROPS(spoofed_source)},
		{"one above it", ipv6(.source = "fd00:1:1:1::"), DROPS(spoofed_source)},
		{"of the segment", ipv6(.source = "fd00:1:2::10"), PASSES_TO(2)},
		{"the peer's", ipv6(.source = "fd00:2:2::10"), DROPS(spoofed_source)},
		{"the destination itself", ipv6(.source = PC2_6), DROPS(spoofed_source)},
		{"the peer's peer's", ipv6(.source = PC3_6), DROPS(spoofed_source)},
		{"a segment that is not routed", ipv6(.source = "fd00:1:3::10"),
		 DROPS(spoofed_source)},
		{"of the Internet", ipv6(.source = "2001:db8::1"), DROPS(spoofed_source)},
		{"to nowhere: still spoofed", ipv6(.source = PC3_6, .destination = "2001:db8::8"),
		 DROPS(spoofed_source)},
		{"into its own cloud: still spoofed", ipv6(.source = PC2_6, .destination = PC1_6),
		 DROPS(spoofed_source)},
		{"with hop limit 0: still spoofed", ipv6(.source = PC2_6, .hop_limit = TTL_ZERO),
		 DROPS(spoofed_source)},
	};

	check_cases(cases, COUNT(cases));
}

static void a_destination_must_be_in_a_direct_peer(void **state)
{
	const struct packet_case cases[] = {
		{"first of the peer's block", ipv6(.destination = "fd00:2:1::"), PASSES_TO(2)},
		{"last of the peer's block", ipv6(.destination = "fd00:2:1:0:ffff:ffff:ffff:ffff"),
		 PASSES_TO(2)},
		{"one below it", ipv6(.destination = "fd00:2:0:ffff:ffff:ffff:ffff:ffff"),
		 DROPS(no_interconnect)},
		{"one above it", ipv6(.destination = "fd00:2:1:1::"), DROPS(no_interconnect)},
		{"the peer's segment", ipv6(.destination = "fd00:2:2::10"), PASSES_TO(2)},
		{"the peer's gateway", ipv6(.destination = "fd00:2:ffff::1"),
		 DROPS(no_interconnect)},
		{"the peer's router", ipv6(.destination = "fd00:2:ffff::2"),
		 DROPS(no_interconnect)},
		{"the cloud's own router", ipv6(.destination = ROUTER_6), DROPS(no_interconnect)},
		{"the transit network", ipv6(.destination = "fd00:1:ffff::"),
		 DROPS(no_interconnect)},
		{"the peer's peer", ipv6(.destination = PC3_6), DROPS(no_interconnect)},
		{"a segment that is not routed", ipv6(.destination = "fd00:2:3::10"),
		 DROPS(no_interconnect)},
		{"the Internet", ipv6(.destination = "2001:db8::8"), DROPS(no_interconnect)},
		{"an IPv4 address in IPv6", ipv6(.destination = "64:ff9b::10.2.0.2"),
		 DROPS(no_interconnect)},
		{"the cloud's own block", ipv6(.destination = "fd00:1:1::99"), DROPS(hairpin)},
		{"the cloud's own segment", ipv6(.destination = "fd00:1:2::10"), DROPS(hairpin)},
		{"both peers of 2 reach it", ipv6(.l2 = {.cloud = 3}, .source = PC3_6), .port = 3,
		 PASSES_TO(2)},
		{"but not each other",
		 ipv6(.l2 = {.cloud = 3}, .source = PC3_6, .destination = PC1_6), .port = 3,
		 DROPS(no_interconnect)},
		{"nowhere, with hop limit 1", ipv6(.destination = "2001:db8::8", .hop_limit = 1),
		 DROPS(no_interconnect)},
	};

	check_cases(cases, COUNT(cases));
}

static void hop_limit_mtu_and_egress_decide_last(void **state)
{
	const struct packet_case cases[] = {
		{"hop limit 0", ipv6(.hop_limit = TTL_ZERO), DROPS(ttl_exceeded)},
		{"hop limit 1", ipv6(.hop_limit = 1), DROPS(ttl_exceeded)},
		{"hop limit 2", ipv6(.hop_limit = 2), PASSES_TO(2)},
		{"hop limit 255", ipv6(.hop_limit = 255), PASSES_TO(2)},
		{"as large as the MTU", ipv6(.payload = MTU - 40), PASSES_TO(2)},
		{"one more", ipv6(.payload = MTU - 39), DROPS(frag_needed)},
		{"a fragment is as little fragmented again",
		 ipv6(EXTENSIONS(FRAGMENT, FRAGMENT_OF("\x11", "\0\1")), .payload = MTU - 47),
		 DROPS(frag_needed)},
		{"padding does not count", ipv6(.payload = MTU - 40, .padding = 4), PASSES_TO(2)},
		{"the tag does not count", ipv6(.payload = MTU - 40, .destination = "fd00:4:1::2"),
		 PASSES_TO(4)},
		{"too large, and hop limit 1", ipv6(.payload = MTU - 39, .hop_limit = 1),
		 DROPS(ttl_exceeded)},
		{"the peer's port is down", ipv6(.destination = "fd00:5:1::2"), DROPS(egress_down)},
		{"the peer's router is unresolved", ipv6(.destination = "fd00:6:1::2"),
		 DROPS(router_unresolved)},
	};

	check_cases(cases, COUNT(cases));
}

static void the_routers_own_icmp_errors_pass_to_a_peer(void **state)
{
#define ROUTER_ICMP(t, ...) ipv6(.source = ROUTER_6, .next = ICMP6, .icmp_type = (t), ##__VA_ARGS__)
	const struct packet_case cases[] = {
		{"destination unreachable", ROUTER_ICMP(1), PASSES_TO(2)},
		{"packet too big", ROUTER_ICMP(2), PASSES_TO(2)},
		{"time exceeded", ROUTER_ICMP(3), PASSES_TO(2)},
		{"parameter problem", ROUTER_ICMP(4), PASSES_TO(2)},
		{"type 0", ROUTER_ICMP(0), DROPS(spoofed_source)},
		{"type 5", ROUTER_ICMP(5), DROPS(spoofed_source)},
		{"type 100", ROUTER_ICMP(100), DROPS(spoofed_source)},
		{"type 127", ROUTER_ICMP(127), DROPS(spoofed_source)},
		{"echo", ROUTER_ICMP(128), DROPS(spoofed_source)},
		{"echo reply", ROUTER_ICMP(129), DROPS(spoofed_source)},
		{"router advertisement", ROUTER_ICMP(134), DROPS(spoofed_source)},
		{"solicitation", ROUTER_ICMP(135), DROPS(spoofed_source)},
		{"redirect", ROUTER_ICMP(137), DROPS(spoofed_source)},
		{"8 bytes of ICMP", ROUTER_ICMP(3, .payload = 8), PASSES_TO(2)},
		{"7 bytes of ICMP", ROUTER_ICMP(3, .payload = 7), DROPS(spoofed_source)},
		{"7 bytes of ICMP, padded", ROUTER_ICMP(3, .payload = 7, .padding = 19),
		 DROPS(spoofed_source)},
		{"behind options",
		 ipv6(EXTENSIONS(DESTINATION, "\x3a" OPTIONS8), .source = ROUTER_6, .icmp_type = 3),
		 PASSES_TO(2)},
		{"an echo behind options",
		 ipv6(EXTENSIONS(DESTINATION, "\x3a" OPTIONS8), .source = ROUTER_6,
		      .icmp_type = 128),
		 DROPS(spoofed_source)},
		{"the first fragment",
		 ipv6(EXTENSIONS(FRAGMENT, FRAGMENT_OF("\x3a", "\0\1")), .source = ROUTER_6,
		      .icmp_type = 3),
		 PASSES_TO(2)},
		{"a later fragment",
		 ipv6(EXTENSIONS(FRAGMENT, FRAGMENT_OF("\x3a", "\1\1")), .source = ROUTER_6,
		      .icmp_type = 3),
		 DROPS(spoofed_source)},
		{"UDP that looks like it", ipv6(.source = ROUTER_6, .icmp_type = 3),
		 DROPS(spoofed_source)},
		{"of IPv4", ipv6(.source = ROUTER_6, .next = IPPROTO_ICMP, .icmp_type = 3),
		 DROPS(spoofed_source)},
		{"to the peer's peer", ROUTER_ICMP(3, .destination = PC3_6),
		 DROPS(no_interconnect)},
		{"into its own cloud", ROUTER_ICMP(3, .destination = PC1_6), DROPS(hairpin)},
		{"to the peer's router", ROUTER_ICMP(3, .destination = "fd00:2:ffff::2"),
		 DROPS(no_interconnect)},
		{"to a group", ROUTER_ICMP(3, .destination = "ff05::2"), DROPS(multicast)},
		{"to the gateway", ROUTER_ICMP(3, .destination = GATEWAY_6), DROPS(punt_refused)},
		{"with hop limit 1", ROUTER_ICMP(3, .hop_limit = 1), DROPS(ttl_exceeded)},
		{"from the gateway", ipv6(.source = GATEWAY_6, .next = ICMP6, .icmp_type = 3),
		 DROPS(spoofed_source)},
		{"from another of the transit network",
		 ipv6(.source = "fd00:1:ffff::3", .next = ICMP6, .icmp_type = 3),
		 DROPS(spoofed_source)},
		{"from the peer's router",
		 ipv6(.source = "fd00:2:ffff::2", .next = ICMP6, .icmp_type = 3),
		 DROPS(spoofed_source)},
		{"from a link-local address",
		 ipv6(.source = ROUTER_LINK_LOCAL, .next = ICMP6, .icmp_type = 3),
		 DROPS(martian_source)},
		{"of a host of the cloud", ipv6(.next = ICMP6, .icmp_type = 3), PASSES_TO(2)},
	};
#undef ROUTER_ICMP

	check_cases(cases, COUNT(cases));
}

static void solicitations_for_us_and_advertisements_of_the_router_are_punted(void **state)
{
	const char *other = "ff02::1:ff00:2"; // group of the router
	const struct l2 to_us = {.to = mac_ours(1)};
	const struct l2 tagged = {.cloud = 4, .tagged = true, .tci = 104};
	const struct packet_case cases[] = {
		{"solicitation for the gateway", nd(), PUNTS(nd)},
		{"from a link-local address", nd(.source = ROUTER_LINK_LOCAL), PUNTS(nd)},
		{"to the gateway itself", nd(.destination = GATEWAY_6), PUNTS(nd)},
		{"to the group, by our MAC", nd(.l2 = to_us), PUNTS(nd)},
		{"without options", nd(OPTIONS(NO_OPTIONS)), PUNTS(nd)},
		{"with an option that nobody knows", nd(OPTIONS("\xe\1......")), PUNTS(nd)},
		{"padded", nd(.padding = 6), PUNTS(nd)},
		{"for our link-local address", nd(.target = LINK_LOCAL), PUNTS(nd)},
		{"for it, to it", nd(.target = LINK_LOCAL, .destination = LINK_LOCAL), PUNTS(nd)},
		{"with a tag",
		 nd(.l2 = tagged, .source = "fd00:4:ffff::2", .target = "fd00:4:ffff::1"),
		 .port = 4, PUNTS(nd)},
		{"with another's tag",
		 nd(.l2 = {.cloud = 4, .tagged = true, .tci = 105}, .source = "fd00:4:ffff::2",
		    .target = "fd00:4:ffff::1"),
		 .port = 4, DROPS(unknown_vlan)},
		{"of one cloud on another's port", nd(.l2 = {.cloud = 2}), .port = 2,
		 DROPS(punt_refused)},
		{"for a workload", nd(.target = PC2_6, .destination = "ff02::1:ff00:2"),
		 DROPS(punt_refused)},
		{"for a peer's gateway", nd(.target = "fd00:2:ffff::1"), DROPS(punt_refused)},
		{"for the router", nd(.target = ROUTER_6, .destination = other),
		 DROPS(punt_refused)},
		{"for the group", nd(.target = SOLICITED_NODE), DROPS(punt_refused)},
		{"to all nodes", nd(.destination = ALL_NODES), DROPS(punt_refused)},
		{"to all routers", nd(.destination = "ff02::2"), DROPS(punt_refused)},
		{"to a group that is not the target's", nd(.destination = other),
		 DROPS(punt_refused)},
		{"for our link-local address, to the gateway",
		 nd(.target = LINK_LOCAL, .destination = GATEWAY_6), DROPS(punt_refused)},
		{"of a workload", nd(.source = PC1_6), DROPS(punt_refused)},
		{"of a peer's router", nd(.source = "fd00:2:ffff::2"), DROPS(punt_refused)},
		{"of nobody (a probe)", nd(.source = "::", OPTIONS(NO_OPTIONS)),
		 DROPS(punt_refused)},
		{"in the gateway's name", nd(.source = GATEWAY_6), DROPS(punt_refused)},
		{"in the name of our link-local address", nd(.source = LINK_LOCAL),
		 DROPS(punt_refused)},
		{"of a group", nd(.source = ALL_NODES), DROPS(punt_refused)},
		{"to another's MAC", nd(.l2 = {.to = MAC_OTHER}), DROPS(not_for_us)},
		{"to the broadcast MAC", nd(.l2 = {.to = MAC_BROADCAST}), DROPS(not_for_us)},
		{"to another group's MAC", nd(.l2 = {.to = mac_group(ALL_NODES)}),
		 DROPS(not_for_us)},
		{"to the gateway, by the group's MAC",
		 nd(.destination = GATEWAY_6, .l2 = {.to = mac_group(SOLICITED_NODE)}),
		 DROPS(not_for_us)},

#define ADVERT(...) nd(.type = ADVERTISEMENT, OPTIONS("\2\1\2\0\0\0\1\1"), ##__VA_ARGS__)
#define ANSWER(...) \
	ADVERT(.target = ROUTER_6, .flags = FLAG_SOLICITED | FLAG_OVERRIDE, ##__VA_ARGS__)
		{"advertisement of the router to the gateway", ANSWER(.destination = GATEWAY_6),
		 PUNTS(nd)},
		{"to our link-local address", ANSWER(.destination = LINK_LOCAL), PUNTS(nd)},
		{"from its link-local address",
		 ANSWER(.source = ROUTER_LINK_LOCAL, .destination = LINK_LOCAL), PUNTS(nd)},
		{"of its link-local address",
		 ADVERT(.source = ROUTER_LINK_LOCAL, .destination = LINK_LOCAL,
			.target = ROUTER_LINK_LOCAL, .flags = FLAG_SOLICITED),
		 PUNTS(nd)},
		{"to all nodes, unasked",
		 ADVERT(.target = ROUTER_6, .destination = ALL_NODES,
			.flags = FLAG_ROUTER | FLAG_OVERRIDE),
		 PUNTS(nd)},
		{"to all nodes, as if asked", ANSWER(.destination = ALL_NODES),
		 DROPS(punt_refused)},
		{"of its link-local address to all nodes",
		 ADVERT(.source = ROUTER_LINK_LOCAL, .destination = ALL_NODES,
			.target = ROUTER_LINK_LOCAL),
		 DROPS(punt_refused)},
		{"of another link-local address than it comes from",
		 ADVERT(.source = ROUTER_LINK_LOCAL, .destination = LINK_LOCAL,
			.target = "fe80::1:3"),
		 DROPS(punt_refused)},
		{"of a link-local address from the transit address",
		 ADVERT(.destination = LINK_LOCAL, .target = ROUTER_LINK_LOCAL),
		 DROPS(punt_refused)},
		{"of the gateway: a stolen address",
		 ADVERT(.destination = GATEWAY_6, .target = GATEWAY_6), DROPS(punt_refused)},
		{"of our link-local address",
		 ADVERT(.destination = LINK_LOCAL, .target = LINK_LOCAL,
			.source = ROUTER_LINK_LOCAL),
		 DROPS(punt_refused)},
		{"of a peer's router", ADVERT(.destination = GATEWAY_6, .target = "fd00:2:ffff::2"),
		 DROPS(punt_refused)},
		{"by a workload", ANSWER(.source = PC1_6, .destination = GATEWAY_6),
		 DROPS(punt_refused)},
		{"to the gateway's group", ANSWER(), DROPS(punt_refused)},
		{"to all routers", ANSWER(.destination = "ff02::2"), DROPS(punt_refused)},
		{"to a workload of a peer", ANSWER(.destination = PC2_6), DROPS(spoofed_source)},
		{"to all nodes of the site", ANSWER(.destination = "ff05::1", .l2 = to_us),
		 DROPS(multicast)},
	};

	check_cases(cases, COUNT(cases));
}

static void neighbour_discovery_must_be_what_rfc_4861_calls_valid(void **state)
{
	const struct packet_case cases[] = {
		{"hop limit 254", nd(.hop_limit = 254), DROPS(punt_refused)},
		{"hop limit 1", nd(.hop_limit = 1), DROPS(punt_refused)},
		{"code 1", nd(.code = 1), DROPS(punt_refused)},
		{"checksum one too high", nd(.checksum_off = 1), DROPS(punt_refused)},
		{"checksum one too low", nd(.checksum_off = 0xffff), DROPS(punt_refused)},
		{"23 bytes", nd(OPTIONS(NO_OPTIONS), .shorter = 1), DROPS(punt_refused)},
		{"23 bytes, padded", nd(OPTIONS(NO_OPTIONS), .shorter = 1, .padding = 9),
		 DROPS(punt_refused)},
		{"an option of length 0", nd(OPTIONS("\1\0\2\0\0\0\1\1")), DROPS(punt_refused)},
		{"an option of length 0 behind another", nd(OPTIONS("\1\1\2\0\0\0\1\1\xe\0......")),
		 DROPS(punt_refused)},
		{"an option beyond the message", nd(OPTIONS("\1\2\2\0\0\0\1\1")),
		 DROPS(punt_refused)},
		{"an option beyond the message, but not the frame",
		 nd(OPTIONS("\1\2\2\0\0\0\1\1"), .padding = 16), DROPS(punt_refused)},
		{"one byte of an option", nd(OPTIONS("\1")), DROPS(punt_refused)},
		{"an option of 16 bytes", nd(OPTIONS("\1\2\2\0\0\0\1\1........")), PUNTS(nd)},
		{"two options", nd(OPTIONS("\1\1\2\0\0\0\1\1\xe\1......")), PUNTS(nd)},
		{"advertisement with hop limit 254",
		 ANSWER(.destination = GATEWAY_6, .hop_limit = 254), DROPS(punt_refused)},
		{"advertisement with code 255", ANSWER(.destination = GATEWAY_6, .code = 255),
		 DROPS(punt_refused)},
		{"advertisement with a bad checksum",
		 ANSWER(.destination = GATEWAY_6, .checksum_off = 1), DROPS(punt_refused)},
		{"as UDP", nd(.next = IPPROTO_UDP), DROPS(punt_refused)},
		{"as ICMP of IPv4", nd(.next = IPPROTO_ICMP), DROPS(punt_refused)},
		{"router solicitation", nd(.type = 133, .destination = "ff02::2"),
		 DROPS(punt_refused)},
		{"router solicitation to the gateway", nd(.type = 133, .destination = GATEWAY_6),
		 DROPS(punt_refused)},
		{"router advertisement to all nodes",
		 nd(.type = 134, .source = ROUTER_LINK_LOCAL, .destination = ALL_NODES),
		 DROPS(punt_refused)},
		{"router advertisement to our link-local address",
		 nd(.type = 134, .source = ROUTER_LINK_LOCAL, .destination = LINK_LOCAL),
		 DROPS(punt_refused)},
		{"redirect", nd(.type = 137, .source = ROUTER_LINK_LOCAL, .destination = GATEWAY_6),
		 DROPS(punt_refused)},
		{"redirect to our link-local address",
		 nd(.type = 137, .source = ROUTER_LINK_LOCAL, .destination = LINK_LOCAL),
		 DROPS(punt_refused)},
		{"listener query", nd(.type = 130, .destination = ALL_NODES, .hop_limit = 1),
		 DROPS(punt_refused)},
		{"listener report", nd(.type = 143, .destination = "ff02::16", .hop_limit = 1),
		 DROPS(punt_refused)},
		{"inverse discovery", nd(.type = 141, .destination = ALL_NODES),
		 DROPS(punt_refused)},
		{"type 0", nd(.type = 256), DROPS(punt_refused)},
	};
#undef ANSWER
#undef ADVERT

	check_cases(cases, COUNT(cases));
}

static void nothing_hides_neighbour_discovery(void **state)
{
	// The solicitation of nd(), with an extension header before it, of which checksums know
	// nothing.
	static const struct {
		const char *text;
		unsigned kind;
		const char *header;
	} cases[] = {
		{"hop-by-hop options", HOP_BY_HOP, "\x3a" OPTIONS8},
		{"destination options", DESTINATION, "\x3a" OPTIONS8},
		{"a fragment header (RFC 6980)", FRAGMENT, FRAGMENT_OF("\x3a", "\0\0")},
		{"a first fragment's header", FRAGMENT, FRAGMENT_OF("\x3a", "\0\1")},
		{"a routing header", ROUTING, "\x3a" ROUTING_OF("\2", "\0")},
	};
	const struct frame plain = nd();

	for (unsigned i = 0; i < COUNT(cases); i++) {
		struct packet_case c = {cases[i].text, plain, DROPS(punt_refused)};
		uint8_t *header = c.frame.bytes + ETHER_BYTES;

		memmove(header + IPV6_BYTES + 8, header + IPV6_BYTES,
			plain.length - ETHER_BYTES - IPV6_BYTES);
		memcpy(header + IPV6_BYTES, cases[i].header, 8);
		header[6] = (uint8_t)cases[i].kind;
		put16(header + 4, get16(header + 4) + 8);
		c.frame.length += 8;
		check_cases(&c, 1);
	}
}

static void of_what_is_sent_to_us_only_the_routers_echo_goes_up(void **state)
{
#define TO_GATEWAY(from, ...) ipv6(.source = (from), .destination = GATEWAY_6, ##__VA_ARGS__)
#define PING(from, ...) TO_GATEWAY(from, .next = ICMP6, .icmp_type = 128, ##__VA_ARGS__)
	const struct packet_case cases[] = {
		{"echo of the router", PING(ROUTER_6), PUNTS(echo)},
		{"echo with hop limit 1", PING(ROUTER_6, .hop_limit = 1), PUNTS(echo)},
		{"echo of 8 bytes", PING(ROUTER_6, .payload = 8), PUNTS(echo)},
		{"echo of 7 bytes", PING(ROUTER_6, .payload = 7), DROPS(punt_refused)},
		{"echo to another MAC", PING(ROUTER_6, .l2 = {.to = MAC_OTHER}), DROPS(not_for_us)},
		{"echo to the group's MAC", PING(ROUTER_6, .l2 = {.to = mac_group(SOLICITED_NODE)}),
		 DROPS(not_for_us)},
		{"echo of a workload", PING(PC1_6), DROPS(punt_refused)},
		{"echo of a peer", PING(PC2_6), DROPS(punt_refused)},
		{"echo of ourselves", PING(GATEWAY_6), DROPS(punt_refused)},
		{"echo of a link-local address", PING(ROUTER_LINK_LOCAL), DROPS(punt_refused)},
		{"echo of another of the transit network", PING("fd00:1:ffff::3"),
		 DROPS(punt_refused)},
		{"echo of nobody", PING("::"), DROPS(punt_refused)},
		{"echo behind options",
		 TO_GATEWAY(ROUTER_6, EXTENSIONS(DESTINATION, "\x3a" OPTIONS8), .icmp_type = 128),
		 DROPS(punt_refused)},
		{"echo in a fragment",
		 TO_GATEWAY(
			 ROUTER_6, EXTENSIONS(FRAGMENT, FRAGMENT_OF("\x3a", "\0\1")),
			 .icmp_type = 128
		 ),
		 DROPS(punt_refused)},
		{"echo to our link-local address",
		 ipv6(.source = ROUTER_LINK_LOCAL, .destination = LINK_LOCAL, .next = ICMP6,
		      .icmp_type = 128),
		 DROPS(punt_refused)},
		{"echo of the router to our link-local address",
		 ipv6(.source = ROUTER_6, .destination = LINK_LOCAL, .next = ICMP6,
		      .icmp_type = 128),
		 DROPS(punt_refused)},
		{"echo to all nodes",
		 ipv6(.source = ROUTER_6, .destination = ALL_NODES, .next = ICMP6, .icmp_type = 128,
		      .l2 = {.to = mac_group(ALL_NODES)}),
		 DROPS(punt_refused)},
		{"echo reply", TO_GATEWAY(ROUTER_6, .next = ICMP6, .icmp_type = 129),
		 DROPS(punt_refused)},
		{"an echo of IPv4", TO_GATEWAY(ROUTER_6, .next = IPPROTO_ICMP, .icmp_type = 8),
		 DROPS(punt_refused)},
		{"node information", TO_GATEWAY(ROUTER_6, .next = ICMP6, .icmp_type = 139),
		 DROPS(punt_refused)},
		{"packet too big", TO_GATEWAY(ROUTER_6, .next = ICMP6, .icmp_type = 2),
		 DROPS(punt_refused)},
		{"UDP", TO_GATEWAY(ROUTER_6), DROPS(punt_refused)},
		{"TCP", TO_GATEWAY(ROUTER_6, .next = IPPROTO_TCP), DROPS(punt_refused)},
		{"BGP of a workload", TO_GATEWAY(PC1_6, .next = IPPROTO_TCP), DROPS(punt_refused)},
		{"UDP to our link-local address",
		 ipv6(.source = ROUTER_6, .destination = LINK_LOCAL), DROPS(punt_refused)},
		{"mDNS",
		 ipv6(.source = ROUTER_LINK_LOCAL, .destination = "ff02::fb",
		      .l2 = {.to = mac_group("ff02::fb")}),
		 DROPS(punt_refused)},
		{"DHCP",
		 ipv6(.source = ROUTER_LINK_LOCAL, .destination = "ff02::1:2",
		      .l2 = {.to = mac_group("ff02::1:2")}),
		 DROPS(punt_refused)},
		{"OSPF",
		 ipv6(.source = ROUTER_LINK_LOCAL, .destination = "ff02::5", .next = 89,
		      .l2 = {.to = mac_group("ff02::5")}),
		 DROPS(punt_refused)},
		{"UDP of a peer's to a group of the link",
		 ipv6(.source = PC2_6, .destination = ALL_NODES), DROPS(punt_refused)},
	};
#undef PING
#undef TO_GATEWAY

	check_cases(cases, COUNT(cases));
}

static void every_reason_of_ipv6_has_a_case(void **state)
{
	static const bool expected[DROP_REASON_COUNT] = {
		[DROP_unknown_vlan] = true,
		[DROP_not_for_us] = true,
		[DROP_too_short] = true,
		[DROP_bad_version] = true,
		[DROP_bad_length] = true,
		[DROP_source_route] = true,
		[DROP_bad_option] = true,
		[DROP_martian_source] = true,
		[DROP_martian_destination] = true,
		[DROP_multicast] = true,
		[DROP_spoofed_source] = true,
		[DROP_no_interconnect] = true,
		[DROP_hairpin] = true,
		[DROP_ttl_exceeded] = true,
		[DROP_frag_needed] = true,
		[DROP_egress_down] = true,
		[DROP_router_unresolved] = true,
		[DROP_punt_refused] = true,
	};

	for (unsigned reason = 0; reason < DROP_REASON_COUNT; reason++)
		if (seen_drops[reason] != expected[reason])
			fail_msg("drop %s", drop_reason_name(reason));
	for (unsigned reason = 0; reason < PUNT_REASON_COUNT; reason++)
		if (seen_punts[reason] == (reason == PUNT_arp))
			fail_msg("punt %s", punt_reason_name(reason));
}

static void an_ipv6_frame_leaves_in_these_bytes(void **state)
{
	struct frame frame = ipv6(.destination = "fd00:4:1::2", .hop_limit = 7);
	struct packet packet = run_frame(&frame, 1);

	assert_int_equal(packet.verdict, VERDICT_FORWARD);
	assert_int_equal(packet.length, frame.length + TAG_BYTES);
	assert_memory_equal(
		packet.frame, "\2\0\0\0\1\4\2\0\0\0\0\4\x81\0\0\x68\x86\xdd\x60\0\0\0\0\x1a\x11\6",
		26
	);
	buffer_free(packet.mbuf);
}

static void a_buffer_without_headroom_for_the_tag_is_dropped(void **state)
{
	struct frame frame = ipv6(.destination = "fd00:4:1::2");
	struct rte_mbuf *mbuf = buffer_make(frame.bytes, frame.length, 2);
	struct packet packet = packet_of(mbuf);

	run_stages(1, &packet, 1);
	assert_int_equal(packet.verdict, VERDICT_DROP);
	assert_int_equal(packet.reason, DROP_bad_buffer);
	assert_memory_equal(packet.frame, frame.bytes, frame.length);
	buffer_free(mbuf);
}

static void from_1_nothing_ever_reaches_3_through_2(void **state)
{
	static const char *const sources[] = {
		PC1_6,
		PC2_6,
		PC3_6,
		"fd00:1:1::",
		"fd00:1:2::10",
		"fd00:2:2::9",
		"fd00:3:2::9",
		GATEWAY_6,
		ROUTER_6,
		LINK_LOCAL,
		ROUTER_LINK_LOCAL,
		"fd00:2:ffff::1",
		"fd00:2:ffff::2",
		"::",
		"::1",
		"ff02::1",
		"2001:db8::1",
		"fd00:3:ffff::2",
	};
	static const char *const destinations[] = {
		PC3_6,
		"fd00:3:1::",
		"fd00:3:1:0:ffff:ffff:ffff:ffff",
		"fd00:3:2::",
		"fd00:3:2::10",
		"fd00:3:ffff::1",
		"fd00:3:ffff::2",
		"fe80::ff:fe00:3",
		"ff02::1",
		"ff05::1",
		"ff02::1:ff00:2",
	};
	static const unsigned types[] = {1, 2, 3, 4, 128, 129, 134, 135, 136, 137};
	static const struct {
		unsigned next;
		const char *bytes;
	} shapes[] = {
		{ICMP6, NULL},
		{IPPROTO_UDP, NULL},
		{IPPROTO_IPV6, NULL},
		{HOP_BY_HOP, "\x3a" OPTIONS8},
		{DESTINATION, "\x3a" OPTIONS8},
		{ROUTING, "\x3a" ROUTING_OF("\2", "\1")},
		{ROUTING, "\x3a" ROUTING_OF("\4", "\1")},
		{FRAGMENT, FRAGMENT_OF("\x3a", "\0\1")},
		{FRAGMENT, FRAGMENT_OF("\x3a", "\1\1")},
	};

	publish_links(chain, COUNT(chain));
	for (unsigned s = 0; s < COUNT(sources); s++) {
		for (unsigned d = 0; d < COUNT(destinations); d++) {
			for (unsigned i = 0; i < COUNT(types) * COUNT(shapes); i++) {
				unsigned shape = i / COUNT(types);
				struct frame frame =
					ipv6(.source = sources[s], .destination = destinations[d],
					     .next = shapes[shape].next,
					     .extensions = shapes[shape].bytes,
					     .extensions_length = shapes[shape].bytes ? 8 : 0,
					     .icmp_type = types[i % COUNT(types)],
					     .hop_limit = i % 2 ? 255 : 64);

				check_goes_nowhere(&frame, sources[s], destinations[d]);
			}
		}
	}
}

// Frames at random against a naive reference of the way of a packet from 1 to 2.

static struct frame valid_frame(void)
{
	switch (random_below(9)) {
	case 6: // whose chain goes on
		return ipv6(EXTENSIONS(
			FRAGMENT,
			FRAGMENT_OF("\x3c", "\0\1") "\x2b" OPTIONS8 TO_UDP(ROUTING_OF("\0", "\1"))
		));
	case 0:
		return nd();
	case 1:
		return nd(.type = ADVERTISEMENT, .target = ROUTER_6, .destination = LINK_LOCAL,
			  .flags = FLAG_SOLICITED);
	case 2:
		return ipv6(.source = ROUTER_6, .next = ICMP6, .icmp_type = 1 + random_below(4));
	case 3:
		return ipv6(.source = ROUTER_6, .destination = GATEWAY_6, .next = ICMP6,
			    .icmp_type = 128);
	case 4:
		return ipv6(EXTENSIONS(
			HOP_BY_HOP, "\x3c" OPTIONS8 "\x2b" OPTIONS8 TO_UDP(ROUTING_OF("\4", "\1"))
		));
	case 5:
		return ipv6(EXTENSIONS(FRAGMENT, FRAGMENT_OF("\x11", "\0\1")), .padding = 3);
	default:
		return ipv6(.payload = (int)(1 + random_below(100)));
	}
}

static void mutate(struct frame *frame)
{
	uint8_t *header = frame->bytes + ETHER_BYTES;

	for (unsigned n = random_below(4); n > 0; n--) {
		switch (random_below(5)) {
		case 0:
			frame->bytes[random_below(frame->length)] ^=
				(uint8_t)(1 << random_below(8));
			break;
		case 1:
			header[random_below(8)] = (uint8_t)random64();
			break;
		case 2: // fd00:N:M:: with one of few numbers
			header[8 + 16 * random_below(2) + 3] = (uint8_t)random_below(4);
			break;
		case 3:
			header[8 + 16 * random_below(2) + 5] = (uint8_t)random_below(4);
			break;
		default:
			frame->length = 1 + random_below(frame->length);
			if (frame->length < ETHER_BYTES + IPV6_BYTES + 24)
				return;
		}
	}
}

// The upper-layer protocol of a packet and where it begins; -1 when its chain is malformed or has a
// source route, 0 when nobody can tell.
static int naive_upper(const uint8_t *ip, unsigned length, unsigned *at)
{
	unsigned next = ip[6];
	int bad = -1; // behind a fragment header: 0

	for (*at = IPV6_BYTES;;) {
		unsigned size;

		if (next != HOP_BY_HOP && next != ROUTING && next != FRAGMENT &&
		    next != DESTINATION)
			return (int)next;
		if (next == FRAGMENT)
			bad = 0;
		if (next == HOP_BY_HOP && *at > IPV6_BYTES && bad)
			return -1;
		if (*at + 8 > length)
			return bad;
		size = next == FRAGMENT ? 8 : (ip[*at + 1] + 1) * 8u;
		if (*at + size > length)
			return bad;
		if (next == ROUTING && ip[*at + 2] == 0 && bad)
			return -1;
		if (next == FRAGMENT && get16(ip + *at + 2) >> 3 != 0)
			return 0;
		next = ip[*at];
		*at += size;
	}
}

static bool in_cloud(const uint8_t *addr, unsigned cloud)
{
	const uint8_t block[8] = {0xfd, 0, 0, (uint8_t)cloud, 0, 1};
	const uint8_t segment[8] = {0xfd, 0, 0, (uint8_t)cloud, 0, 2};

	return memcmp(addr, block, 8) == 0 || memcmp(addr, segment, 8) == 0;
}

// Must the frame, from pc1, be forwarded to pc2?
static bool naive_forwards(const struct frame *frame)
{
	const uint8_t *ip = frame->bytes + ETHER_BYTES;
	struct mac ours = mac_ours(1);
	uint8_t router[16];
	unsigned at, length;
	int upper;
	bool error;

	put_addr6(router, ROUTER_6);
	if (frame->length < ETHER_BYTES + IPV6_BYTES || get16(frame->bytes + 12) != 0x86dd ||
	    memcmp(frame->bytes, &ours, 6) != 0 || ip[0] >> 4 != 6 || get16(ip + 4) == 0)
		return false;
	length = IPV6_BYTES + get16(ip + 4);
	if (length > frame->length - ETHER_BYTES || length > MTU)
		return false;
	upper = naive_upper(ip, length, &at);
	error = upper == ICMP6 && at + 8 <= length && ip[at] >= 1 && ip[at] <= 4;
	return upper >= 0 && ip[7] > 1 && in_cloud(ip + 24, 2) &&
		(in_cloud(ip + 8, 1) || (error && memcmp(ip + 8, router, 16) == 0));
}

static void random_frames_fare_as_with_a_naive_reference(void **state)
{
	unsigned forwarded_frames = 0, punted = 0;

	publish_links(chain, COUNT(chain));
	for (unsigned i = 0; i < 300000; i++) {
		struct frame frame = valid_frame();

		mutate(&frame);

		struct packet packet = run_frame(&frame, 1);

		check((packet.verdict == VERDICT_FORWARD) == naive_forwards(&frame), "%s",
		      verdict_text(packet.verdict, packet.reason));
		punted += packet.verdict == VERDICT_PUNT;
		if (packet.verdict == VERDICT_FORWARD) {
			struct frame expected = forwarded(&frame, 2);

			check(packet.egress == exchange.clouds[2].egress, "to another cloud");
			check_out("random", &packet, &expected);
			forwarded_frames++;
		}
		buffer_free(packet.mbuf);
	}
	// It is a test only if many pass, and many do not.
	assert_in_range(forwarded_frames, 30000, 270000);
	assert_in_range(punted, 5000, 150000);
}

// The quick way forwards what the stages do, to the last byte, and nothing else.

#define GARBAGE_BYTES 64 // behind a frame, in its buffer

static struct rte_mbuf *buffer_of(const struct frame *frame)
{
	uint8_t bytes[FRAME_MAX + GARBAGE_BYTES];
	struct rte_mbuf *mbuf;

	memcpy(bytes, frame->bytes, frame->length);
	for (unsigned i = 0; i < GARBAGE_BYTES; i++)
		bytes[frame->length + i] = (uint8_t)random64();
	mbuf = buffer_make(bytes, frame->length + GARBAGE_BYTES, HEADROOM);
	mbuf->data_len = (uint16_t)frame->length;
	mbuf->pkt_len = frame->length;
	return mbuf;
}

static void check_quick_burst(const struct quick *way, unsigned *quickly)
{
	static struct traffic_count traffic[100][2];
	struct counters counters = {.traffic = traffic};
	struct rte_mbuf *mbufs[QUICK_MAX], *all[QUICK_MAX];
	struct packet packets[QUICK_MAX];
	struct frame frames[QUICK_MAX];
	struct quick_burst burst;
	unsigned n = 1 + random_below(QUICK_MAX);

	for (unsigned i = 0; i < n; i++) {
		frames[i] = valid_frame();
		mutate(&frames[i]);
		packets[i] = packet_of(buffer_of(&frames[i]));
		all[i] = mbufs[i] = buffer_of(&frames[i]);
	}
	run_stages(1, packets, n);
	way->forward(exchange.ports[1], mbufs, n, &counters, &burst);
	for (unsigned i = 0; i < n; i++) {
		const uint8_t *frame = rte_pktmbuf_mtod(all[i], const uint8_t *);

		if (burst.rest >> i & 1) {
			check(all[i]->data_len == frames[i].length &&
				      memcmp(frame, frames[i].bytes, frames[i].length) == 0,
			      "%s touched what it left", way->name);
		} else {
			check(packets[i].verdict == VERDICT_FORWARD, "%s forwarded: %s", way->name,
			      verdict_text(packets[i].verdict, packets[i].reason));
			check(all[i]->data_len == packets[i].length &&
				      memcmp(frame, packets[i].frame, packets[i].length) == 0,
			      "%s: other bytes", way->name);
			++*quickly;
		}
		buffer_free(packets[i].mbuf);
		buffer_free(all[i]);
	}
}

static void the_quick_way_forwards_what_the_stages_do(void **state)
{
	publish_links(chain, COUNT(chain));
	for (int simd = SIMD_NONE; simd < SIMD_COUNT; simd++) {
		const struct quick *way = quick_of((enum simd)simd);
		unsigned quickly = 0;

		for (unsigned i = 0; way != NULL && i < 3000; i++)
			check_quick_burst(way, &quickly);
		check(way == NULL || quickly > 10000, "%u by %s", quickly, way->name);
	}
}

static void a_cloud_without_ipv6_hears_and_forwards_none(void **state)
{
	struct ingress *ingress = calloc(1, sizeof(*ingress));
	struct route routes[] = {{prefix_of("10.1.0.0/22"), leaf_local(1)}};

	assert_non_null(ingress);
	*ingress = *exchange.ingresses[1];
	ingress->gateway6 = ingress->router6 = ingress->link_local = (struct addr6){};
	exchange_set_ingress(1, ingress);
	exchange_set_table(1, table_build(routes, 1, NULL, 0));

	const struct packet_case cases[] = {
		{"solicitation", nd(), DROPS(punt_refused)},
		{"advertisement to all nodes",
		 nd(.type = ADVERTISEMENT, .target = ROUTER_6, .destination = ALL_NODES),
		 DROPS(punt_refused)},
		{"solicitation of nobody for nobody", nd(.source = "::", .target = "::"),
		 DROPS(punt_refused)},
		{"solicitation to nobody", nd(.source = "::", .destination = "::", .target = "::"),
		 DROPS(martian_source)},
		{"echo",
		 ipv6(.source = ROUTER_6, .destination = GATEWAY_6, .next = ICMP6,
		      .icmp_type = 128),
		 DROPS(spoofed_source)},
		{"echo of nobody to nobody",
		 ipv6(.source = "::", .destination = "::", .next = ICMP6, .icmp_type = 128),
		 DROPS(martian_source)},
		{"ICMP error of the router",
		 ipv6(.source = ROUTER_6, .next = ICMP6, .icmp_type = 3), DROPS(spoofed_source)},
		{"ICMP error of nobody", ipv6(.source = "::", .next = ICMP6, .icmp_type = 3),
		 DROPS(martian_source)},
		{"a packet", ipv6(), DROPS(spoofed_source)},
	};

	check_cases(cases, COUNT(cases));
}

// explain()

static void explain_gives_the_verdict_of_the_stages(void **state)
{
	static const struct {
		const char *source;
		const char *destination;
		unsigned hop_limit;
		unsigned size;
		enum verdict verdict;
		unsigned reason;
	} cases[] = {
		{PC1_6, PC2_6, 64, 1500, VERDICT_FORWARD, 0},
		{PC1_6, PC2_6, 2, 48, VERDICT_FORWARD, 0},
		{PC1_6, PC2_6, 1, 48, VERDICT_DROP, DROP_ttl_exceeded},
		{PC1_6, PC2_6, 0, 48, VERDICT_DROP, DROP_ttl_exceeded},
		{PC1_6, PC2_6, 64, 1501, VERDICT_DROP, DROP_frag_needed},
		{PC1_6, PC3_6, 64, 100, VERDICT_DROP, DROP_no_interconnect},
		{PC1_6, "fd00:1:1::9", 64, 100, VERDICT_DROP, DROP_hairpin},
		{PC3_6, PC2_6, 64, 100, VERDICT_DROP, DROP_spoofed_source},
		{PC1_6, "fd00:5:1::1", 64, 100, VERDICT_DROP, DROP_egress_down},
		{PC1_6, "fd00:6:1::1", 64, 100, VERDICT_DROP, DROP_router_unresolved},
		{PC1_6, "fd00:4:1::1", 64, 100, VERDICT_FORWARD, 0},
		{"::1", PC2_6, 64, 100, VERDICT_DROP, DROP_martian_source},
		{ROUTER_6, PC2_6, 64, 100, VERDICT_DROP, DROP_spoofed_source},
		{PC1_6, "fd00:2:ffff::1", 64, 100, VERDICT_DROP, DROP_no_interconnect},
		{PC1_6, "fe80::1", 64, 100, VERDICT_DROP, DROP_martian_destination},
		{PC1_6, "ff0e::9", 64, 100, VERDICT_DROP, DROP_multicast},
		{PC1_6, GATEWAY_6, 64, 100, VERDICT_DROP, DROP_punt_refused},
	};

	for (unsigned i = 0; i < COUNT(cases); i++) {
		struct addr source = {}, destination = {};
		struct explanation explanation;
		struct frame frame =
			ipv6(.source = cases[i].source, .destination = cases[i].destination,
			     .hop_limit = cases[i].hop_limit ? cases[i].hop_limit : TTL_ZERO,
			     .payload = (int)cases[i].size - IPV6_BYTES);
		struct rte_mbuf *mbuf = buffer_make(frame.bytes, frame.length, HEADROOM);
		struct packet packet = packet_of(mbuf);

		assert_int_equal(addr_parse(cases[i].source, &source), 0);
		assert_int_equal(addr_parse(cases[i].destination, &destination), 0);
		assert_int_equal(
			explain(1, &source, &destination, cases[i].hop_limit, cases[i].size,
				&explanation),
			0
		);
		run_stages(1, &packet, 1);
		check(explanation.verdict == cases[i].verdict &&
			      (cases[i].verdict == VERDICT_FORWARD ||
			       explanation.reason == cases[i].reason),
		      "%s to %s: %s", cases[i].source, cases[i].destination,
		      verdict_text(explanation.verdict, explanation.reason));
		assert_int_equal(packet.verdict, explanation.verdict);
		assert_int_equal(packet.reason, explanation.reason);
		assert_int_equal(packet.leaf_source, explanation.source);
		assert_int_equal(packet.leaf_destination, explanation.destination);
		buffer_free(mbuf);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		case_test(the_ipv6_header_is_checked_before_anything_beyond_it_is_read),
		case_test(only_frames_to_our_mac_are_routed),
		case_test(extension_headers_are_stepped_over_within_the_packet),
		case_test(a_source_route_is_refused_wherever_it_stands),
		case_test(fragments_are_forwarded_like_whole_packets),
		case_test(martians_are_dropped_and_their_neighbours_are_not_martians),
		case_test(a_source_must_be_a_routed_prefix_of_the_cloud),
		case_test(a_destination_must_be_in_a_direct_peer),
		case_test(hop_limit_mtu_and_egress_decide_last),
		case_test(the_routers_own_icmp_errors_pass_to_a_peer),
		case_test(solicitations_for_us_and_advertisements_of_the_router_are_punted),
		case_test(neighbour_discovery_must_be_what_rfc_4861_calls_valid),
		case_test(nothing_hides_neighbour_discovery),
		case_test(of_what_is_sent_to_us_only_the_routers_echo_goes_up),
		case_test(every_reason_of_ipv6_has_a_case),
		case_test(an_ipv6_frame_leaves_in_these_bytes),
		case_test(a_buffer_without_headroom_for_the_tag_is_dropped),
		case_test(from_1_nothing_ever_reaches_3_through_2),
		case_test(random_frames_fare_as_with_a_naive_reference),
		case_test(the_quick_way_forwards_what_the_stages_do),
		case_test(a_cloud_without_ipv6_hears_and_forwards_none),
		case_test(explain_gives_the_verdict_of_the_stages),
	};

	random_start();
	return cmocka_run_group_tests_name("packet_ipv6", tests, NULL, NULL);
}
