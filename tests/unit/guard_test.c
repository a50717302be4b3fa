// SPDX-License-Identifier: BSD-3-Clause
// What becomes of a frame at the guard, as a table of cases: frame in, verdict and reason, frame
// out, counts; and, for all of these and a million more, that the data plane says the same.
#include "guard_kit.h"

#include <signal.h>
#include <sys/wait.h>

#define SKIPPED 77 // exit status, as meson takes it
#define GATEWAY "169.254.1.1"
#define ROUTER "169.254.1.2"

static const struct l2 from4 = {.cloud = 4, .tagged = true, .tci = 104};

static void a_netdev_and_its_vlan_tags_decide_whose_a_frame_is(void **state)
{
	const struct guard_case cases[] = {
		{"untagged on an untagged port", ipv4(), FORWARDS_TO(2)},
		{"tagged on an untagged port", ipv4(.l2 = {.tagged = true, .tci = 104}),
		 REFUSES(unknown_vlan)},
		{"priority tag on an untagged port", ipv4(.l2 = {.tagged = true, .tci = 0xe000}),
		 REFUSES(unknown_vlan)},
		{"no cloud on the port", ipv4(), .port = 9, REFUSES(unknown_vlan)},
		{"the cloud's VLAN", ipv4(.l2 = from4, .source = "10.4.0.2", .destination = PC1),
		 .port = 4, FORWARDS_TO(1)},
		{"with priority and DEI bits",
		 ipv4(.l2 = {.cloud = 4, .tagged = true, .tci = 0xf000 | 104}, .source = "10.4.0.2",
		      .destination = PC1),
		 .port = 4, FORWARDS_TO(1)},
		{"another VLAN", ipv4(.l2 = {.cloud = 4, .tagged = true, .tci = 105}), .port = 4,
		 REFUSES(unknown_vlan)},
		{"VLAN 4095", ipv4(.l2 = {.cloud = 4, .tagged = true, .tci = 0xffff}), .port = 4,
		 REFUSES(unknown_vlan)},
		{"priority tag on a tagged port", ipv4(.l2 = {.cloud = 4, .tagged = true}),
		 .port = 4, REFUSES(unknown_vlan)},
		{"untagged on a tagged port", ipv4(.l2 = {.cloud = 4}), .port = 4,
		 REFUSES(unknown_vlan)},
		{"another tag in the tag",
		 ipv4(.l2 = {.cloud = 4, .tagged = true, .tci = 104, .inner = true}), .port = 4,
		 REFUSES(unknown_ethertype)},
		{"a service tag on a tagged port",
		 ipv4(.l2 = {.cloud = 4, .tagged = true, .tci = 104, .tpid = 0x88a8}), .port = 4,
		 REFUSES(unknown_vlan)},
		{"a service tag on an untagged port",
		 ipv4(.l2 = {.tagged = true, .tci = 104, .tpid = 0x88a8}),
		 REFUSES(unknown_ethertype)},
		{"half a tag", cut(ipv4(.l2 = from4), 17), .port = 4, REFUSES(unknown_vlan)},
		{"a tag and nothing behind it", cut(ipv4(.l2 = from4), 18), .port = 4,
		 REFUSES(too_short)},
		{"MPLS", l2_frame((struct l2){}, 0x8847), REFUSES(unknown_ethertype)},
		{"802.3 with a length", l2_frame((struct l2){}, 46), REFUSES(unknown_ethertype)},
	};

	check_guard_cases(cases, COUNT(cases));
}

static void only_frames_to_our_mac_are_routed(void **state)
{
	const struct guard_case cases[] = {
		{"to another MAC", ipv4(.l2 = {.to = MAC_OTHER}), REFUSES(not_for_us)},
		{"that differs in its last byte", ipv4(.l2 = {.to = mac_ours(2)}),
		 REFUSES(not_for_us)},
		{"to the broadcast MAC", ipv4(.l2 = {.to = MAC_BROADCAST}), REFUSES(not_for_us)},
		{"to a multicast MAC", ipv4(.l2 = {.to = MAC_MULTICAST}), REFUSES(not_for_us)},
		{"IPv6 to another MAC", ipv6(.l2 = {.to = MAC_OTHER}), REFUSES(not_for_us)},
		{"IPv6 to the broadcast MAC", ipv6(.l2 = {.to = MAC_BROADCAST}),
		 REFUSES(not_for_us)},
		{"IPv6 to the MAC of all nodes", ipv6(.l2 = {.to = mac_group(ALL_NODES)}),
		 REFUSES(not_for_us)},
		{"to all nodes by the MAC of another group",
		 ipv6(.destination = ALL_NODES, .l2 = {.to = mac_group("ff02::2")}),
		 REFUSES(not_for_us)},
	};

	check_guard_cases(cases, COUNT(cases));
}

static void the_ipv4_header_is_checked_in_the_order_of_rfc_1812(void **state)
{
#define FULL "\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1"
	const struct guard_case cases[] = {
		{"20 bytes of IP", ipv4(.payload = NO_PAYLOAD), FORWARDS_TO(2)},
		{"19 bytes of IP", cut(ipv4(.payload = NO_PAYLOAD), 33), REFUSES(too_short)},
		{"no byte of IP", cut(ipv4(), 14), REFUSES(too_short)},
		{"version 5", ipv4(.version = 5), REFUSES(bad_version)},
		{"IPv4 as IPv6", ipv4(.l2 = {.type = 0x86dd}), REFUSES(bad_version)},
		{"header of 0 bytes", ipv4(.ihl_zero = true), REFUSES(bad_header_length)},
		{"header of 16 bytes", ipv4(.ihl = 4), REFUSES(bad_header_length)},
		{"header longer than the frame", ipv4(.ihl = 15), REFUSES(bad_header_length)},
		{"header of 60 bytes", ipv4(.options = FULL, .options_length = 40), FORWARDS_TO(2)},
		{"header of 60 bytes, wrong checksum",
		 ipv4(.options = FULL, .options_length = 40, .checksum_off = 1),
		 REFUSES(bad_checksum)},
		{"checksum one too high", ipv4(.checksum_off = 1), REFUSES(bad_checksum)},
		{"checksum one too low", ipv4(.checksum_off = 0xffff), REFUSES(bad_checksum)},
		{"total length one beyond the frame", ipv4(.total_length_off = 1),
		 REFUSES(bad_length)},
		{"total length one below the frame", ipv4(.total_length_off = -1), FORWARDS_TO(2)},
		{"total length 65535", ipv4(.total_length_off = 65535 - 46), REFUSES(bad_length)},
		{"total length of the header", ipv4(.total_length_off = -26), FORWARDS_TO(2)},
		{"total length one below the header", ipv4(.total_length_off = -27),
		 REFUSES(bad_length)},
		{"padding behind the packet", ipv4(.payload = 1, .padding = 25), FORWARDS_TO(2)},
		{"padding does not lengthen a header",
		 ipv4(.payload = NO_PAYLOAD, .total_length_off = -1, .padding = 26),
		 REFUSES(bad_length)},
#undef FULL
#undef OPTIONS
#define OPTIONS(bytes) .options = (bytes), .options_length = sizeof(bytes) - 1
		{"record route", ipv4(OPTIONS("\7\7\4\0\0\0\0")), FORWARDS_TO(2)},
		{"an option that ends with the header", ipv4(OPTIONS("\1\7\3\4")), FORWARDS_TO(2)},
		{"loose source route", ipv4(OPTIONS("\x83\7\4\n\2\0\2")), REFUSES(source_route)},
		{"strict source route", ipv4(OPTIONS("\x89\7\4\n\2\0\2")), REFUSES(source_route)},
		{"source route behind others", ipv4(OPTIONS("\1\7\3\4\x83\3\4")),
		 REFUSES(source_route)},
		{"behind END nothing counts", ipv4(OPTIONS("\1\0\x83\3")), FORWARDS_TO(2)},
		{"an option of length 0", ipv4(OPTIONS("\7\0\1\1")), REFUSES(bad_option)},
		{"of length 1", ipv4(OPTIONS("\7\1\1\1")), REFUSES(bad_option)},
		{"beyond the header", ipv4(OPTIONS("\7\5\4\0")), REFUSES(bad_option)},
		{"without room for its length", ipv4(OPTIONS("\1\1\1\7")), REFUSES(bad_option)},
		{"without room for its length, and the frame ends",
		 ipv4(OPTIONS("\1\1\1\7"), .payload = NO_PAYLOAD), REFUSES(bad_option)},
		{"a malformed source route", ipv4(OPTIONS("\x83\0\4\0")), REFUSES(bad_option)},
		{"the first fragment", ipv4(.fragment = FLAG_MF, .payload = 24), FORWARDS_TO(2)},
		{"the last", ipv4(.fragment = FRAGMENT_AT(1480), .payload = 1), FORWARDS_TO(2)},
	};

	check_guard_cases(cases, COUNT(cases));
}

static void the_ipv6_header_and_its_extensions_are_checked(void **state)
{
#define TO_UDP(bytes) "\x11" bytes
#define OPTIONS8 "\0\1\4\0\0\0\0"
#define ROUTING_OF(type, left) "\0" type left "\0\0\0\0"
#define FRAGMENT_OF(next, offset_and_more) next "\0" offset_and_more "\0\0\0\7"
#define FOUR "\x3c" OPTIONS8 "\x3c" OPTIONS8 "\x3c" OPTIONS8 "\x3c" OPTIONS8
	const struct guard_case cases[] = {
		{"a packet", ipv6(), FORWARDS_TO(2)},
		{"one byte behind the header", ipv6(.payload = 1), FORWARDS_TO(2)},
		{"39 bytes of IP", cut(ipv6(), 53), REFUSES(too_short)},
		{"version 4", ipv6(.version = 4), REFUSES(bad_version)},
		{"payload length 0", ipv6(.length_off = -26), REFUSES(bad_length)},
		{"payload one beyond the frame", ipv6(.length_off = 1), REFUSES(bad_length)},
		{"payload of 65535 bytes", ipv6(.length_off = 65535 - 26), REFUSES(bad_length)},
		{"padding behind the packet", ipv6(.payload = 1, .padding = 5), FORWARDS_TO(2)},
		{"hop-by-hop, destination and routing",
		 ipv6(EXTENSIONS(
			 HOP_BY_HOP, "\x3c" OPTIONS8 "\x2b" OPTIONS8 TO_UDP(ROUTING_OF("\4", "\1"))
		 )),
		 FORWARDS_TO(2)},
		{"options that end with the packet",
		 ipv6(EXTENSIONS(DESTINATION, "\x3b" OPTIONS8), .payload = NO_PAYLOAD),
		 FORWARDS_TO(2)},
		{"hop-by-hop options that are not the first",
		 ipv6(EXTENSIONS(DESTINATION, "\0" OPTIONS8 TO_UDP(OPTIONS8))),
		 REFUSES(bad_option)},
		{"options beyond the packet, but not the frame",
		 ipv6(EXTENSIONS(DESTINATION, "\x11\1\1\4\0\0\0\0"), .payload = 7, .padding = 9),
		 REFUSES(bad_option)},
		{"options of 2048 bytes", ipv6(EXTENSIONS(HOP_BY_HOP, "\x11\xff\1\4\0\0\0\0")),
		 REFUSES(bad_option)},
		{"7 bytes of options", ipv6(.next = DESTINATION, .payload = 7),
		 REFUSES(bad_option)},
		{"16 extension headers",
		 ipv6(EXTENSIONS(
			 DESTINATION,
			 FOUR FOUR FOUR "\x3c" OPTIONS8 "\x3c" OPTIONS8
					"\x3c" OPTIONS8 TO_UDP(OPTIONS8)
		 )),
		 FORWARDS_TO(2)},
		{"17, which only the data plane steps over",
		 ipv6(EXTENSIONS(DESTINATION, FOUR FOUR FOUR FOUR TO_UDP(OPTIONS8))),
		 REFUSES(bad_option), .alone = true},
		{"source route (type 0)", ipv6(EXTENSIONS(ROUTING, TO_UDP(ROUTING_OF("\0", "\1")))),
		 REFUSES(source_route)},
		{"behind options",
		 ipv6(EXTENSIONS(
			 HOP_BY_HOP, "\x3c" OPTIONS8 "\x2b" OPTIONS8 TO_UDP(ROUTING_OF("\0", "\1"))
		 )),
		 REFUSES(source_route)},
		{"behind a fragment header",
		 ipv6(EXTENSIONS(
			 FRAGMENT, FRAGMENT_OF("\x2b", "\0\1") TO_UDP(ROUTING_OF("\0", "\1"))
		 )),
		 FORWARDS_TO(2)},
		{"the first fragment", ipv6(EXTENSIONS(FRAGMENT, FRAGMENT_OF("\x11", "\0\1"))),
		 FORWARDS_TO(2)},
		{"a later one: what follows is data",
		 ipv6(EXTENSIONS(FRAGMENT, FRAGMENT_OF("\x3c", "\5\xa9")), .payload = 3),
		 FORWARDS_TO(2)},
		{"7 bytes of a fragment header", ipv6(.next = FRAGMENT, .payload = 7),
		 FORWARDS_TO(2)},
	};

	check_guard_cases(cases, COUNT(cases));
}

static void martians_and_groups_go_nowhere(void **state)
{
	static const struct {
		const char *addr;
		unsigned as_source;
		unsigned as_destination;
	} addrs[] = {
		{"0.255.255.255", DROP_martian_source, DROP_martian_destination},
		{"1.0.0.0", DROP_spoofed_source, DROP_no_interconnect},
		{"126.255.255.255", DROP_spoofed_source, DROP_no_interconnect},
		{"127.0.0.1", DROP_martian_source, DROP_martian_destination},
		{"128.0.0.0", DROP_spoofed_source, DROP_no_interconnect},
		{"169.253.255.255", DROP_spoofed_source, DROP_no_interconnect},
		{"169.254.0.0", DROP_martian_source, DROP_martian_destination},
		{"169.255.0.0", DROP_spoofed_source, DROP_no_interconnect},
		{"223.255.255.255", DROP_spoofed_source, DROP_no_interconnect},
		{"224.0.0.5", DROP_martian_source, DROP_multicast},
		{"239.255.255.255", DROP_martian_source, DROP_multicast},
		{"240.0.0.0", DROP_martian_source, DROP_martian_destination},
		{"255.255.255.255", DROP_martian_source, DROP_multicast},
	};
	static const struct {
		const char *addr;
		unsigned as_source;
		unsigned as_destination;
	} addrs6[] = {
		{"::", DROP_martian_source, DROP_martian_destination},
		{"::1", DROP_martian_source, DROP_martian_destination},
		{"::2", DROP_spoofed_source, DROP_no_interconnect},
		{"::fffe:ffff:ffff", DROP_spoofed_source, DROP_no_interconnect},
		{"::ffff:10.2.0.2", DROP_martian_source, DROP_martian_destination},
		{"::1:0:0:0", DROP_spoofed_source, DROP_no_interconnect},
		{"fe7f:ffff::", DROP_spoofed_source, DROP_no_interconnect},
		{"fe80::1", DROP_martian_source, DROP_martian_destination},
		{"febf:ffff::1", DROP_martian_source, DROP_martian_destination},
		{"fec0::", DROP_spoofed_source, DROP_no_interconnect},
		{"ff05::2", DROP_martian_source, DROP_multicast},
		{"ff0e::101", DROP_martian_source, DROP_multicast},
	};

	for (unsigned i = 0; i < COUNT(addrs); i++) {
		const struct guard_case cases[] = {
			{addrs[i].addr, ipv4(.source = addrs[i].addr),
			 .reason = addrs[i].as_source},
			{addrs[i].addr, ipv4(.destination = addrs[i].addr),
			 .reason = addrs[i].as_destination},
		};

		check_guard_cases(cases, COUNT(cases));
	}
	for (unsigned i = 0; i < COUNT(addrs6); i++) {
		const struct guard_case cases[] = {
			{addrs6[i].addr, ipv6(.source = addrs6[i].addr),
			 .reason = addrs6[i].as_source},
			{addrs6[i].addr, ipv6(.destination = addrs6[i].addr),
			 .reason = addrs6[i].as_destination},
		};

		check_guard_cases(cases, COUNT(cases));
	}
}

static void a_source_is_the_clouds_and_a_destination_a_direct_peers(void **state)
{
	const struct guard_case cases[] = {
		{"first of the network block", ipv4(.source = "10.1.0.0"), FORWARDS_TO(2)},
		{"last of the network block", ipv4(.source = "10.1.3.255"), FORWARDS_TO(2)},
		{"one below it", ipv4(.source = "10.0.255.255"), REFUSES(spoofed_source)},
		{"one above it", ipv4(.source = "10.1.4.0"), REFUSES(spoofed_source)},
		{"of the segment", ipv4(.source = "172.16.1.255"), FORWARDS_TO(2)},
		{"the peer's", ipv4(.source = "172.16.2.10"), REFUSES(spoofed_source)},
		{"the peer's peer's", ipv4(.source = PC3), REFUSES(spoofed_source)},
		{"a segment that is not routed", ipv4(.source = "192.168.100.10"),
		 REFUSES(spoofed_source)},
		{"to nowhere: still spoofed", ipv4(.source = PC3, .destination = "8.8.8.8"),
		 REFUSES(spoofed_source)},
		{"last of the peer's block", ipv4(.destination = "10.2.3.255"), FORWARDS_TO(2)},
		{"one above it", ipv4(.destination = "10.2.4.0"), REFUSES(no_interconnect)},
		{"the peer's peer", ipv4(.destination = PC3), REFUSES(no_interconnect)},
		{"the Internet", ipv4(.destination = "8.8.8.8"), REFUSES(no_interconnect)},
		{"the cloud's own segment", ipv4(.destination = "172.16.1.10"), REFUSES(hairpin)},
		{"from 3 to 2", ipv4(.l2 = {.cloud = 3}, .source = PC3), .port = 3, FORWARDS_TO(2)},
		{"from 3 to 1", ipv4(.l2 = {.cloud = 3}, .source = PC3, .destination = PC1),
		 .port = 3, REFUSES(no_interconnect)},
		{"last of the IPv6 block", ipv6(.source = "fd00:1:1:0:ffff:ffff:ffff:ffff"),
		 FORWARDS_TO(2)},
		{"one above it", ipv6(.source = "fd00:1:1:1::"), REFUSES(spoofed_source)},
		{"our gateway", ipv6(.source = GATEWAY_6), REFUSES(spoofed_source)},
		{"the peer's IPv6 segment", ipv6(.destination = "fd00:2:2::10"), FORWARDS_TO(2)},
		{"the peer's router", ipv6(.destination = "fd00:2:ffff::2"),
		 REFUSES(no_interconnect)},
		{"the peer's peer", ipv6(.destination = PC3_6), REFUSES(no_interconnect)},
		{"the cloud's own block", ipv6(.destination = "fd00:1:1::99"), REFUSES(hairpin)},
		{"from 3 to 1", ipv6(.l2 = {.cloud = 3}, .source = PC3_6, .destination = PC1_6),
		 .port = 3, REFUSES(no_interconnect)},
	};

	check_guard_cases(cases, COUNT(cases));
}

static void ttl_mtu_and_egress_decide_last(void **state)
{
	const struct guard_case cases[] = {
		{"TTL 0", ipv4(.ttl = TTL_ZERO), REFUSES(ttl_exceeded)},
		{"TTL 1", ipv4(.ttl = 1), REFUSES(ttl_exceeded)},
		{"TTL 2", ipv4(.ttl = 2), FORWARDS_TO(2)},
		{"TTL 255", ipv4(.ttl = 255), FORWARDS_TO(2)},
		{"as large as the MTU", ipv4(.payload = MTU - 20, .fragment = FLAG_DF),
		 FORWARDS_TO(2)},
		{"one more, DF", ipv4(.payload = MTU - 19, .fragment = FLAG_DF),
		 REFUSES(frag_needed)},
		{"one more, which only the data plane fragments", ipv4(.payload = MTU - 19),
		 REFUSES(frag_needed), .alone = true},
		{"padding does not count", ipv4(.payload = MTU - 20, .padding = 4), FORWARDS_TO(2)},
		{"the tag does not count", ipv4(.payload = MTU - 20, .destination = "10.4.0.2"),
		 FORWARDS_TO(4)},
		{"too large, and TTL 1", ipv4(.payload = MTU - 19, .ttl = 1),
		 REFUSES(ttl_exceeded)},
		{"too large, and the router is unresolved",
		 ipv4(.payload = MTU - 19, .destination = "10.6.0.2"), REFUSES(router_unresolved)},
		{"the peer's port is down", ipv4(.destination = "10.5.0.2"), REFUSES(egress_down)},
		{"the peer's router is unresolved", ipv4(.destination = "10.6.0.2"),
		 REFUSES(router_unresolved)},
		{"hop limit 0", ipv6(.hop_limit = TTL_ZERO), REFUSES(ttl_exceeded)},
		{"hop limit 1", ipv6(.hop_limit = 1), REFUSES(ttl_exceeded)},
		{"hop limit 2", ipv6(.hop_limit = 2), FORWARDS_TO(2)},
		{"IPv6 as large as the MTU", ipv6(.payload = MTU - 40), FORWARDS_TO(2)},
		{"one more", ipv6(.payload = MTU - 39), REFUSES(frag_needed)},
		{"the peer's port is down", ipv6(.destination = "fd00:5:1::2"),
		 REFUSES(egress_down)},
		{"the peer's router is unresolved", ipv6(.destination = "fd00:6:1::2"),
		 REFUSES(router_unresolved)},
	};

	check_guard_cases(cases, COUNT(cases));
}

static void the_routers_own_icmp_errors_pass_to_a_peer(void **state)
{
#define ERROR4(t, ...) \
	ipv4(.source = ROUTER, .protocol = IPPROTO_ICMP, .icmp_type = (t), ##__VA_ARGS__)
#define ERROR6(t, ...) ipv6(.source = ROUTER_6, .next = ICMP6, .icmp_type = (t), ##__VA_ARGS__)
	const struct guard_case cases[] = {
		{"destination unreachable", ERROR4(3), FORWARDS_TO(2)},
		{"time exceeded", ERROR4(11), FORWARDS_TO(2)},
		{"parameter problem", ERROR4(12), FORWARDS_TO(2)},
		{"echo reply", ERROR4(0), REFUSES(martian_source)},
		{"redirect", ERROR4(5), REFUSES(martian_source)},
		{"first fragment", ERROR4(3, .fragment = FLAG_MF, .payload = 24), FORWARDS_TO(2)},
		{"later fragment", ERROR4(3, .fragment = FRAGMENT_AT(24)), REFUSES(martian_source)},
		{"with options", ERROR4(3, .options = "\1\1\1\1", .options_length = 4),
		 FORWARDS_TO(2)},
		{"7 bytes of ICMP, padded", ERROR4(3, .payload = 7, .padding = 19),
		 REFUSES(martian_source)},
		{"to the peer's peer", ERROR4(3, .destination = PC3), REFUSES(no_interconnect)},
		{"into its own cloud", ERROR4(3, .destination = PC1), REFUSES(hairpin)},
		{"to the gateway", ERROR4(3, .destination = GATEWAY), REFUSES(punt_refused)},
		{"with TTL 1", ERROR4(3, .ttl = 1), REFUSES(ttl_exceeded)},
		{"IPv6: unreachable", ERROR6(1), FORWARDS_TO(2)},
		{"IPv6: parameter problem", ERROR6(4), FORWARDS_TO(2)},
		{"IPv6: type 0", ERROR6(0), REFUSES(spoofed_source)},
		{"IPv6: type 5", ERROR6(5), REFUSES(spoofed_source)},
		{"IPv6: echo", ERROR6(128), REFUSES(spoofed_source)},
		{"IPv6: 7 bytes", ERROR6(3, .payload = 7, .padding = 19), REFUSES(spoofed_source)},
		{"IPv6: behind options",
		 ipv6(EXTENSIONS(DESTINATION, "\x3a" OPTIONS8), .source = ROUTER_6, .icmp_type = 3),
		 FORWARDS_TO(2)},
		{"IPv6: first fragment",
		 ipv6(EXTENSIONS(FRAGMENT, FRAGMENT_OF("\x3a", "\0\1")), .source = ROUTER_6,
		      .icmp_type = 3),
		 FORWARDS_TO(2)},
		{"IPv6: later fragment",
		 ipv6(EXTENSIONS(FRAGMENT, FRAGMENT_OF("\x3a", "\1\1")), .source = ROUTER_6,
		      .icmp_type = 3),
		 REFUSES(spoofed_source)},
		{"IPv6: to the peer's peer", ERROR6(3, .destination = PC3_6),
		 REFUSES(no_interconnect)},
		{"IPv6: to a group", ERROR6(3, .destination = "ff05::2"), REFUSES(multicast)},
	};

	check_guard_cases(cases, COUNT(cases));
}

// A solicitation with this many options of 8 bytes that nobody knows.
static struct frame nd_with_options(unsigned n)
{
	static const uint8_t option[8] = {14, 1};
	struct frame frame = nd(.options = "", .options_length = 0);
	uint8_t *packet = frame.bytes + ETHER_BYTES;

	for (unsigned i = 0; i < n; i++)
		frame_put(&frame, option, sizeof(option));
	put16(packet + 4, 24 + 8 * n);
	icmp6_seal(packet);
	return frame;
}

static void only_what_is_on_the_allow_list_passes_to_the_kernel(void **state)
{
	const struct l2 to_us = {.to = mac_ours(1)};
	const struct l2 tagged = {.cloud = 4, .tagged = true, .tci = 104, .to = MAC_BROADCAST};
	const char *other = "ff02::1:ff00:2"; // group of the router
#define PING(from, ...) \
	ipv4(.source = (from), .destination = GATEWAY, .protocol = IPPROTO_ICMP, .icmp_type = 8, \
	     ##__VA_ARGS__)
#define ADVERT(...) \
	nd(.type = ADVERTISEMENT, .options = "\2\1\2\0\0\0\1\1", .options_length = 8, ##__VA_ARGS__)
	const struct guard_case cases[] = {
		{"ARP request of the router for the gateway", arp(), PASSES(arp)},
		{"the same to our MAC", arp(.l2 = to_us), PASSES(arp)},
		{"the same to another MAC", arp(.l2 = {.to = MAC_OTHER}), REFUSES(not_for_us)},
		{"the same with a tag",
		 arp(.l2 = tagged, .sender = "169.254.4.2", .target = "169.254.4.1"), .port = 4,
		 PASSES(arp)},
		{"reply of the router", arp(.l2 = to_us, .operation = ARP_REPLY), PASSES(arp)},
		{"announcement of the router", arp(.target = ROUTER), PASSES(arp)},
		{"request for another", arp(.target = "169.254.1.3"), REFUSES(punt_refused)},
		{"request of a workload", arp(.sender = PC1), REFUSES(punt_refused)},
		{"RARP operation", arp(.operation = 3), REFUSES(punt_refused)},
		{"hardware that is not Ethernet", arp(.hardware = 6), REFUSES(punt_refused)},
		{"protocol that is not IPv4", arp(.protocol = 0x86dd), REFUSES(punt_refused)},
		{"hardware addresses of 8 bytes", arp(.hlen = 8), REFUSES(punt_refused)},
		{"protocol addresses of 16 bytes", arp(.plen = 16), REFUSES(punt_refused)},
		{"one byte short", arp(.shorter = 1), REFUSES(too_short)},

		{"echo of the router", PING(ROUTER), PASSES(echo)},
		{"echo with TTL 1", PING(ROUTER, .ttl = 1), PASSES(echo)},
		{"echo of 7 bytes", PING(ROUTER, .payload = 7), REFUSES(punt_refused)},
		{"echo in fragments", PING(ROUTER, .fragment = FLAG_MF), REFUSES(punt_refused)},
		{"echo of a workload", PING(PC1), REFUSES(punt_refused)},
		{"UDP to the gateway", ipv4(.source = ROUTER, .destination = GATEWAY),
		 REFUSES(punt_refused)},
		{"IPv6 echo of the router",
		 ipv6(.source = ROUTER_6, .destination = GATEWAY_6, .next = ICMP6,
		      .icmp_type = 128),
		 PASSES(echo)},
		{"IPv6 echo of a workload",
		 ipv6(.destination = GATEWAY_6, .next = ICMP6, .icmp_type = 128),
		 REFUSES(punt_refused)},
		{"IPv6 echo to our link-local address",
		 ipv6(.source = ROUTER_6, .destination = LINK_LOCAL, .next = ICMP6,
		      .icmp_type = 128),
		 REFUSES(punt_refused)},
		{"IPv6 echo behind options",
		 ipv6(EXTENSIONS(DESTINATION, "\x3a" OPTIONS8), .source = ROUTER_6,
		      .destination = GATEWAY_6, .icmp_type = 128),
		 REFUSES(punt_refused)},

		{"solicitation for the gateway", nd(), PASSES(nd)},
		{"from a link-local address", nd(.source = ROUTER_LINK_LOCAL), PASSES(nd)},
		{"to the gateway itself", nd(.destination = GATEWAY_6), PASSES(nd)},
		{"without options", nd(.options = "", .options_length = 0), PASSES(nd)},
		{"padded", nd(.padding = 6), PASSES(nd)},
		{"for our link-local address", nd(.target = LINK_LOCAL), PASSES(nd)},
		{"with a tag",
		 nd(.l2 = from4, .source = "fd00:4:ffff::2", .target = "fd00:4:ffff::1"), .port = 4,
		 PASSES(nd)},
		{"for the router", nd(.target = ROUTER_6, .destination = other),
		 REFUSES(punt_refused)},
		{"to all nodes", nd(.destination = ALL_NODES), REFUSES(punt_refused)},
		{"to another group", nd(.destination = other), REFUSES(punt_refused)},
		{"of a workload", nd(.source = PC1_6), REFUSES(punt_refused)},
		{"in our name", nd(.source = LINK_LOCAL), REFUSES(punt_refused)},
		{"hop limit 254", nd(.hop_limit = 254), REFUSES(punt_refused)},
		{"code 1", nd(.code = 1), REFUSES(punt_refused)},
		{"checksum one too high", nd(.checksum_off = 1), REFUSES(punt_refused)},
		{"23 bytes", nd(.options = "", .options_length = 0, .shorter = 1),
		 REFUSES(punt_refused)},
		{"an option of length 0", nd(.options = "\1\0\2\0\0\0\1\1", .options_length = 8),
		 REFUSES(punt_refused)},
		{"an option beyond the message",
		 nd(.options = "\1\2\2\0\0\0\1\1", .options_length = 8), REFUSES(punt_refused)},
		{"64 options", nd_with_options(64), PASSES(nd)},
		{"65, which only the data plane takes", nd_with_options(65), REFUSES(punt_refused),
		 .alone = true},
		{"half an option", nd(.options = "\1\1\2\0", .options_length = 4),
		 REFUSES(punt_refused)},
		{"advertisement of the router",
		 ADVERT(.destination = GATEWAY_6, .target = ROUTER_6, .flags = FLAG_SOLICITED),
		 PASSES(nd)},
		{"to all nodes, unasked", ADVERT(.target = ROUTER_6, .destination = ALL_NODES),
		 PASSES(nd)},
		{"to all nodes, as if asked",
		 ADVERT(.target = ROUTER_6, .destination = ALL_NODES, .flags = FLAG_SOLICITED),
		 REFUSES(punt_refused)},
		{"of its link-local address",
		 ADVERT(.source = ROUTER_LINK_LOCAL, .destination = LINK_LOCAL,
			.target = ROUTER_LINK_LOCAL),
		 PASSES(nd)},
		{"of another one",
		 ADVERT(.source = ROUTER_LINK_LOCAL, .destination = LINK_LOCAL,
			.target = "fe80::1:3"),
		 REFUSES(punt_refused)},
		{"of the gateway: a stolen address",
		 ADVERT(.destination = GATEWAY_6, .target = GATEWAY_6), REFUSES(punt_refused)},
		{"router advertisement",
		 nd(.type = 134, .source = ROUTER_LINK_LOCAL, .destination = ALL_NODES),
		 REFUSES(punt_refused)},
		{"redirect", nd(.type = 137, .source = ROUTER_LINK_LOCAL), REFUSES(punt_refused)},
	};

	check_guard_cases(cases, COUNT(cases));
}

static void a_tag_is_added_removed_swapped_or_left(void **state)
{
	const struct guard_case cases[] = {
		{"none to none", ipv4(), FORWARDS_TO(2)},
		{"added", ipv4(.destination = "10.4.0.2"), FORWARDS_TO(4)},
		{"added to a padded one", ipv4(.destination = "10.4.0.2", .padding = 9),
		 FORWARDS_TO(4)},
		{"removed", ipv4(.l2 = from4, .source = "10.4.0.2", .destination = PC1), .port = 4,
		 FORWARDS_TO(1)},
		{"swapped", ipv4(.l2 = from4, .source = "10.4.0.2", .destination = "10.7.0.2"),
		 .port = 4, FORWARDS_TO(7)},
		{"IPv6, none to none", ipv6(), FORWARDS_TO(2)},
		{"IPv6, added", ipv6(.destination = "fd00:4:1::2"), FORWARDS_TO(4)},
		{"IPv6, removed",
		 ipv6(.l2 = from4, .source = "fd00:4:1::2", .destination = PC1_6, .padding = 3),
		 .port = 4, FORWARDS_TO(1)},
		{"IPv6, swapped",
		 ipv6(.l2 = from4, .source = "fd00:4:1::2", .destination = "fd00:7:2::9"),
		 .port = 4, FORWARDS_TO(7)},
	};

	check_guard_cases(cases, COUNT(cases));
}

// Where one's complement carries, and its two zeros: the identification is chosen for it.
static void the_forwarded_header_equals_one_made_anew(void **state)
{
	static const unsigned edges[] = {
		0x0000, 0x0001, 0x00ff, 0x0100, 0xfdff, 0xfefe,
		0xfeff, 0xff00, 0xff01, 0xfffe, 0xffff,
	};

	for (unsigned i = 0; i < 3000; i++) {
		struct frame frame =
			ipv4(.ttl = 2 + random_below(254), .protocol = 1 + random_below(255),
			     .payload = (int)(1 + random_below(64)),
			     .fragment = random_below(0x10000), .tos = random_below(256),
			     .options = "\1\1\1\1\1\1\1\1", .options_length = 4 * random_below(3),
			     .padding = random_below(20));
		uint8_t *header = frame.bytes + ETHER_BYTES;

		put32(header + 12, 0x0a010000 + random_below(1024));
		put32(header + 16, 0x0a020000 + random_below(1024));
		put16(header + 10,
		      i % 2 ? edges[random_below(COUNT(edges))] : random_below(0x10000));
		put16(header + 4, checksum(header, header_bytes(header)));

		struct guard_explanation found = explain_frame_on(1, &frame);

		check(found.verdict == GUARD_FORWARD, "%s",
		      guard_text(found.verdict, found.reason));
		check_run("random header", 1, &frame, &found, 2);
	}
}

static void without_its_flags_the_kernel_neither_forwards_nor_answers(void **state)
{
	const struct guard_case closed[] = {
		{"a packet", ipv4(), REFUSES(no_dataplane), .alone = true},
		{"IPv6", ipv6(), REFUSES(no_dataplane), .alone = true},
		{"with TTL 1", ipv4(.ttl = 1), REFUSES(no_dataplane), .alone = true},
		{"ARP", arp(), REFUSES(no_dataplane), .alone = true},
		{"an echo", PING(ROUTER), REFUSES(no_dataplane), .alone = true},
		{"neighbour discovery", nd(), REFUSES(no_dataplane), .alone = true},
		{"a lie", ipv4(.source = PC3), REFUSES(spoofed_source)},
		{"to nowhere", ipv4(.destination = PC3), REFUSES(no_interconnect)},
		{"hairpin", ipv4(.destination = PC1), REFUSES(hairpin)},
		{"ARP that is not allowed", arp(.sender = PC1), REFUSES(punt_refused)},
	};
	const struct guard_case answers[] = {
		{"a packet", ipv4(), REFUSES(no_dataplane), .alone = true},
		{"ARP", arp(), PASSES(arp)},
		{"neighbour discovery", nd(), PASSES(nd)},
	};
	const struct guard_case forwards[] = {
		{"a packet", ipv4(), FORWARDS_TO(2)},
		{"an echo", PING(ROUTER), REFUSES(no_dataplane), .alone = true},
	};

	guard_flags(0);
	check_guard_cases(closed, COUNT(closed));
	guard_flags(GUARD_KERNEL_ANSWERS);
	check_guard_cases(answers, COUNT(answers));
	guard_flags(GUARD_KERNEL_FORWARDS);
	check_guard_cases(forwards, COUNT(forwards));
}

static void a_cloud_without_gateway_is_answered_nothing(void **state)
{
	struct guard_port port = {.cloud = 1, .flags = FLAGS_ALL};
	struct mac mac = mac_ours(1);
	struct ingress *ingress = calloc(1, sizeof(*ingress));

	assert_non_null(ingress);
	ingress->cloud = 1;
	memcpy(&ingress->mac, &mac, sizeof(mac));
	exchange_set_ingress(1, ingress);
	memcpy(port.mac, &mac, sizeof(mac));
	guard_set_port(guard, guard_ifindex(netdevs[1]), GUARD_UNTAGGED, &port);

	const struct guard_case cases[] = {
		{"ARP for nobody", arp(.sender = "0.0.0.0", .target = "0.0.0.0"),
		 REFUSES(punt_refused)},
		{"ICMP error of nobody",
		 ipv4(.source = "0.0.0.0", .protocol = IPPROTO_ICMP, .icmp_type = 3),
		 REFUSES(martian_source)},
		{"IPv6 error of nobody", ipv6(.source = "::", .next = ICMP6, .icmp_type = 3),
		 REFUSES(martian_source)},
		{"neighbour discovery", nd(), REFUSES(punt_refused)},
		{"a packet", ipv4(), FORWARDS_TO(2)},
	};

	check_guard_cases(cases, COUNT(cases));
}

static void the_group_of_the_gateway_is_known_by_all_its_24_bits(void **state)
{
	struct ingress *ingress = calloc(1, sizeof(*ingress));

	assert_non_null(ingress);
	*ingress = *exchange.ingresses[1];
	ingress->gateway6.lower = 0xabcdef;
	exchange_set_ingress(1, ingress);
	guard_port_of(1, FLAGS_ALL);

	const char *gateway = "fd00:1:ffff::ab:cdef";
	const struct guard_case cases[] = {
		{"its own", nd(.target = gateway, .destination = "ff02::1:ffab:cdef"), PASSES(nd)},
		{"one of 16 bits", nd(.target = gateway, .destination = "ff02::1:ff00:cdef"),
		 REFUSES(punt_refused)},
		{"another of 24", nd(.target = gateway, .destination = "ff02::1:ffab:cdee"),
		 REFUSES(punt_refused)},
		{"that of 25", nd(.target = gateway, .destination = "ff02::1:feab:cdef"),
		 REFUSES(punt_refused)},
	};

	check_guard_cases(cases, COUNT(cases));
}

// How many of n such frames pass up, as fast as they can come.
static unsigned pass_up(unsigned port, const struct frame *frame, unsigned n)
{
	static uint8_t bytes[FRAME_MAX + 64];
	unsigned passed = 0;

	for (unsigned i = 0; i < n; i++) {
		size_t length = frame->length;

		memcpy(bytes, frame->bytes, length);
		passed += guard_run(netdevs[port], bytes, &length, sizeof(bytes)) == XDP_PASS;
	}
	return passed;
}

static void what_goes_up_is_limited_by_cloud_and_kind(void **state)
{
	const struct frame asks =
		arp(.l2 = {.cloud = 2}, .sender = "169.254.2.2", .target = "169.254.2.1");
	const struct frame first = arp();
	struct guard_count before, after;
	cpu_set_t all, one;

	// Each CPU has a rate of its own.
	sched_getaffinity(0, sizeof(all), &all);
	CPU_ZERO(&one);
	CPU_SET((unsigned)sched_getcpu(), &one);
	sched_setaffinity(0, sizeof(one), &one);
	guard_read_cloud(guard, 2, &before);

	uint64_t began = now_ns();
	unsigned passed = pass_up(2, &asks, 400);
	uint64_t since = (now_ns() - began) * 100 / 1000000000; // at 100 a second

	check(passed >= 20 && passed <= 50 + since + 1, "%u pass", passed);
	guard_read_cloud(guard, 2, &after);
	assert_int_equal(after.punts[PUNT_arp] - before.punts[PUNT_arp], passed);
	assert_int_equal(
		after.drops[DROP_punt_limited] - before.drops[DROP_punt_limited], 400 - passed
	);
	assert_int_equal(pass_up(1, &first, 1), 1); // another cloud has its own rate
	nanosleep(&(struct timespec){.tv_nsec = 30000000}, NULL);
	assert_in_range(pass_up(2, &asks, 400), 2, 50); // it comes back with time
	sched_setaffinity(0, sizeof(all), &all);
}

static void every_reason_of_the_guard_has_a_case(void **state)
{
	// What only the data plane drops for, or by its rate; and bad_buffer, of which no frame of
	// a test has one.
	static const bool elsewhere[DROP_REASON_COUNT] = {
		[DROP_bad_buffer] = true,     [DROP_bad_fragment] = true,
		[DROP_no_buffer] = true,      [DROP_punt_limited] = true,
		[DROP_punt_ring_full] = true, [DROP_tx_ring_full] = true,
		[DROP_tx_full] = true,
	};

	for (unsigned reason = 0; reason < DROP_REASON_COUNT; reason++)
		check(seen_drops[reason] != elsewhere[reason], "%s", drop_reason_name(reason));
	for (unsigned reason = 0; reason < PUNT_REASON_COUNT; reason++)
		check(seen_punts[reason], "%s", punt_reason_name(reason));
}

// Engines

struct seen_switches {
	unsigned n;
	struct guard_switch last;
};

static void see_switch(const struct guard_switch *change, void *arg)
{
	struct seen_switches *seen = arg;

	seen->n++;
	seen->last = *change;
}

static struct seen_switches take_switches(void)
{
	struct seen_switches seen = {};

	guard_take_switches(guard, see_switch, &seen);
	return seen;
}

static void run_on(unsigned port, const struct frame *frame, int action)
{
	uint8_t bytes[FRAME_MAX];
	size_t length = frame->length;

	memcpy(bytes, frame->bytes, frame->length);
	assert_int_equal(guard_run(netdevs[port], bytes, &length, sizeof(bytes)), action);
}

static void a_worker_that_polls_gets_what_is_routed_and_else_the_kernel_forwards(void **state)
{
	const struct guard_case steered[] = {
		{"a packet", ipv4(), .verdict = GUARD_STEER, .alone = true},
		{"IPv6", ipv6(), .verdict = GUARD_STEER, .alone = true},
		{"with TTL 1: it owes an error", ipv4(.ttl = 1), .verdict = GUARD_STEER,
		 .alone = true},
		{"too large", ipv4(.payload = MTU), .verdict = GUARD_STEER, .alone = true},
		{"to a port that is down", ipv4(.destination = "10.5.0.2"), .verdict = GUARD_STEER,
		 .alone = true},
		{"a lie", ipv4(.source = PC3), REFUSES(spoofed_source)},
		{"to nowhere", ipv4(.destination = PC3), REFUSES(no_interconnect)},
		{"hairpin", ipv4(.destination = PC1), REFUSES(hairpin)},
		{"ARP", arp(), PASSES(arp)},
	};
	const struct guard_case forwarded[] = {
		{"a packet", ipv4(), FORWARDS_TO(2)},
		{"IPv6", ipv6(), FORWARDS_TO(2)},
		{"with TTL 1", ipv4(.ttl = 1), REFUSES(ttl_exceeded)},
	};
	struct xdp_socket xsk = xdp_socket_open(1);

	beat_at(1, 0);
	check_guard_cases(forwarded, COUNT(forwarded));
	beat_at(1, now_ns());
	check_guard_cases(steered, COUNT(steered));
	beat_at(1, now_ns() - GUARD_BEAT_NS - 1000000);
	check_guard_cases(forwarded, COUNT(forwarded));
	beat_at(1, now_ns() + 10000000); // the clock of its CPU is ahead
	check_guard_cases(steered, COUNT(steered));
	beat_at(1, UINT64_MAX);
	check_guard_cases(forwarded, COUNT(forwarded));

	beat_at(1, now_ns());
	assert_int_equal(explain_frame_on(1, &steered[0].frame).engine, GUARD_ENGINE_DATAPLANE);
	xdp_socket_close(&xsk);
	beat_at(1, now_ns());
	assert_int_equal(explain_frame_on(1, &steered[0].frame).engine, GUARD_ENGINE_KERNEL);
	check_guard_cases(forwarded, COUNT(forwarded));
}

static void what_the_kernel_may_not_answer_is_steered_to_the_worker(void **state)
{
	const struct guard_case cases[] = {
		{"ARP", arp(), .verdict = GUARD_STEER, .reason = PUNT_arp, .alone = true},
		{"an echo", PING(ROUTER), .verdict = GUARD_STEER, .reason = PUNT_echo,
		 .alone = true},
		{"neighbour discovery", nd(), .verdict = GUARD_STEER, .reason = PUNT_nd,
		 .alone = true},
		{"ARP that is not allowed", arp(.sender = PC1), REFUSES(punt_refused)},
	};
	struct xdp_socket xsk = xdp_socket_open(1);

	guard_flags(0);
	beat_at(1, now_ns());
	check_guard_cases(cases, COUNT(cases));
	xdp_socket_close(&xsk);
}

static void a_switch_of_engine_is_told_once(void **state)
{
	const struct frame routed = ipv4(.l2 = {.cloud = 2}, .source = PC2, .destination = PC1);
	const struct frame dropped = ipv4(.l2 = {.cloud = 2}, .source = PC1, .destination = PC1);
	struct xdp_socket xsk = xdp_socket_open(2);
	uint64_t before = now_ns();

	// A queue that nothing was routed from yet: the netdev anew.
	xdp_socket_close(&xsk);
	guard_detach(netdevs[2]);
	assert_int_equal(guard_attach(guard, netdev_name(2), &netdevs[2]), 0);
	guard_port_of(2, FLAGS_ALL);
	xsk = xdp_socket_open(2);
	take_switches();

	beat_at(2, now_ns());
	run_on(2, &dropped, XDP_DROP);
	assert_int_equal(take_switches().n, 0);
	run_on(2, &routed, XDP_REDIRECT);
	assert_int_equal(take_switches().n, 0); // the data plane, as it should be

	beat_at(2, 0);
	run_on(2, &dropped, XDP_DROP);
	assert_int_equal(take_switches().n, 0);
	explain_frame_on(2, &routed);
	assert_int_equal(take_switches().n, 0);
	for (unsigned i = 0; i < 3; i++)
		run_on(2, &routed, XDP_REDIRECT);

	struct seen_switches seen = take_switches();

	assert_int_equal(seen.n, 1);
	assert_int_equal(seen.last.engine, GUARD_ENGINE_KERNEL);
	assert_int_equal(seen.last.ifindex, guard_ifindex(netdevs[2]));
	assert_int_equal(seen.last.queue, 0);
	assert_in_range(seen.last.at, before, now_ns());

	beat_at(2, now_ns());
	for (unsigned i = 0; i < 3; i++)
		run_on(2, &routed, XDP_REDIRECT);
	seen = take_switches();
	assert_int_equal(seen.n, 1);
	assert_int_equal(seen.last.engine, GUARD_ENGINE_DATAPLANE);
	xdp_socket_close(&xsk);
}

// Routes

static void set_routes(
	const struct route *routes, unsigned n, const struct prefix *holes, unsigned n_holes
)
{
	guard_close_routes(guard, 1, routes, n, holes, n_holes);
	assert_int_equal(guard_open_routes(guard, 1, routes, n, holes, n_holes), 0);
	exchange_set_table(1, table_build(routes, n, holes, n_holes));
}

// Where addresses lead, and the same in both.
static void check_leads(const char *destination, unsigned interconnect)
{
	struct frame frame = strchr(destination, ':') ? ipv6(.destination = destination)
						      : ipv4(.destination = destination);
	struct guard_explanation found = explain_frame_on(1, &frame);
	struct packet packet = ask_data_plane(1, &frame);

	check(leaf_interconnect(found.destination) == interconnect, "%s leads by %u, not %u",
	      destination, leaf_interconnect(found.destination), interconnect);
	check(packet.leaf_destination == found.destination, "%s: the data plane says %x",
	      destination, packet.leaf_destination);
}

static void routes_are_closed_at_once_and_the_longest_prefix_wins(void **state)
{
	const struct route before[] = {
		{prefix_of("10.1.0.0/22"), leaf_local(1)},
		{prefix_of("fd00:1:1::/64"), leaf_local(1)},
		{prefix_of("10.2.0.0/16"), leaf_via(2, 12)},
		{prefix_of("10.2.8.0/24"), leaf_via(4, 14)},
		{prefix_of("10.2.8.128/25"), leaf_via(2, 12)},
		{prefix_of("fd00:2::/32"), leaf_via(2, 12)},
		{prefix_of("fd00:2:9::/48"), leaf_via(4, 14)},
	};
	const struct route after[] = {before[0], before[1], before[3], before[6]};

	set_routes(before, COUNT(before), NULL, 0);
	check_leads("10.2.0.1", 12);
	check_leads("10.2.8.1", 14);
	check_leads("10.2.8.129", 12);
	check_leads("10.3.0.1", 0);
	check_leads("fd00:2:1::1", 12);
	check_leads("fd00:2:9::1", 14);

	guard_close_routes(guard, 1, after, COUNT(after), NULL, 0);

	const struct frame gone = ipv4(.destination = "10.2.0.1");
	const struct frame gone6 = ipv6();
	const struct frame stays = ipv4(.destination = "10.2.8.1");
	const struct frame nested = ipv4(.destination = "10.2.8.129");

	assert_int_equal(explain_frame_on(1, &gone).reason, DROP_no_interconnect);
	assert_int_equal(explain_frame_on(1, &gone6).reason, DROP_no_interconnect);
	assert_int_equal(explain_frame_on(1, &nested).reason, DROP_no_interconnect);
	assert_int_equal(explain_frame_on(1, &stays).verdict, GUARD_FORWARD);

	set_routes(after, COUNT(after), NULL, 0);
	check_leads("10.2.0.1", 0);
	check_leads("10.2.8.1", 14);
	check_leads("10.2.8.129", 14);
	check_leads("fd00:2:1::1", 0);
	check_leads("fd00:2:9::1", 14);

	guard_close_routes(guard, 1, NULL, 0, NULL, 0);
	assert_int_equal(explain_frame_on(1, &stays).reason, DROP_spoofed_source);
	assert_int_equal(guard_open_routes(guard, 1, NULL, 0, NULL, 0), 0);
	assert_int_equal(explain_frame_on(1, &stays).reason, DROP_spoofed_source);
}

static void in_a_hole_nothing_is_found_whatever_the_routes_say(void **state)
{
	const struct route routes[] = {
		{prefix_of("10.1.0.0/22"), leaf_local(1)},
		{prefix_of("fd00:1:1::/64"), leaf_local(1)},
		{prefix_of("0.0.0.0/1"), leaf_via(2, 12)},
		{prefix_of("128.0.0.0/1"), leaf_via(2, 12)},
		{prefix_of("100.64.3.0/24"), leaf_via(4, 14)},
		{prefix_of("8000::/1"), leaf_via(2, 12)},
	};
	const struct prefix holes[] = {
		prefix_of("100.64.0.0/16"),
		prefix_of("100.64.0.0/30"),
		prefix_of("203.0.113.0/24"),
		prefix_of("fd00:2::/32"),
	};

	set_routes(routes, COUNT(routes), holes, COUNT(holes));
	check_leads("8.8.8.8", 12);
	check_leads("100.63.255.255", 12);
	check_leads("100.64.0.0", 0);
	check_leads("100.64.3.1", 0);
	check_leads("100.64.255.255", 0);
	check_leads("100.65.0.0", 12);
	check_leads("203.0.113.7", 0);
	check_leads("203.0.114.7", 12);
	check_leads("fd00:2:1::1", 0);
	check_leads("fd00:3:1::1", 12);
	check_leads("2001:db8::1", 0);
	set_routes(routes, COUNT(routes), NULL, 0);
	check_leads("100.64.3.1", 14);
	check_leads("100.64.0.1", 12);
	check_leads("fd00:2:1::1", 12);
}

static unsigned calls_before;

static void count_before(unsigned ifindex)
{
	calls_before++;
}

// A process that holds a guard's life, and dies as it is told to.
static pid_t live_elsewhere(const char *directory, int end_by)
{
	pid_t pid = fork();

	if (pid == 0) {
		struct guard *theirs = guard_open(directory);

		if (theirs == NULL || guard_live(theirs) < 0)
			_exit(1);
		raise(SIGSTOP);
		if (end_by == 0)
			guard_close(theirs);
		else
			raise(end_by);
		_exit(0);
	}
	return pid;
}

static void nothing_is_steered_to_the_dead(void **state)
{
	static const int ends[] = {SIGKILL, SIGTERM, 0};
	const struct frame frame = ipv4(.l2 = {.cloud = 3}, .source = PC3);
	struct guard *own = guard;
	struct guard_netdev *own_netdevs[PORTS];
	char directory[64];
	struct xdp_socket xsk;
	int status;

	memcpy(own_netdevs, netdevs, sizeof(netdevs));
	guard_detach(netdevs[3]);
	guard_detach(netdevs[2]);
	snprintf(directory, sizeof(directory), "/sys/fs/bpf/t0x-guard-test-%d", getpid());
	guard = guard_open(directory); // sees how the other one fares
	check(guard != NULL, "%s", guard_error());
	assert_int_equal(guard_attach(guard, netdev_name(2), &netdevs[2]), 0);
	assert_int_equal(guard_attach(guard, netdev_name(3), &netdevs[3]), 0);
	guard_routes_of(3, links, COUNT(links));
	guard_port_of(3, FLAGS_ALL);
	guard_egress_of(2);
	xsk = xdp_socket_open(3);
	for (unsigned i = 0; i < COUNT(ends); i++) {
		pid_t pid = live_elsewhere(directory, ends[i]);

		assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
		assert_true(WIFSTOPPED(status));
		beat_at(3, now_ns());
		assert_int_equal(explain_frame_on(3, &frame).verdict, GUARD_STEER);
		kill(pid, SIGCONT);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		beat_at(3, now_ns()); // as fresh as can be
		assert_int_equal(explain_frame_on(3, &frame).verdict, GUARD_FORWARD);
	}
	xdp_socket_close(&xsk);
	guard_detach(netdevs[2]);
	guard_detach(netdevs[3]);
	guard_close(guard);
	guard_remove(directory, count_before);

	guard = own;
	memcpy(netdevs, own_netdevs, sizeof(netdevs));
	assert_int_equal(guard_attach(guard, netdev_name(2), &netdevs[2]), 0);
	assert_int_equal(guard_attach(guard, netdev_name(3), &netdevs[3]), 0);
}

// Slots

// More changes than there are slots, while the packets go on: each finds one whole egress.
static void egresses_change_any_number_of_times(void **state)
{
	const struct frame frame = ipv4();
	struct guard_egress egress, now;

	assert_true(guard_read_egress(guard, 2, &egress));
	for (unsigned i = 0; i < 3 * GUARD_SLOTS; i++) {
		egress.l2[5] = (uint8_t)i;
		assert_int_equal(guard_set_egress(guard, 2, guard_ifindex(netdevs[2]), &egress), 0);
		if (i % 512 != 0)
			continue;

		uint8_t bytes[FRAME_MAX];
		size_t length = frame.length;

		memcpy(bytes, frame.bytes, length);
		assert_int_equal(
			guard_run(netdevs[1], bytes, &length, sizeof(bytes)), XDP_REDIRECT
		);
		assert_memory_equal(bytes, egress.l2, 12);
	}
	assert_true(guard_read_egress(guard, 2, &now));
	assert_memory_equal(&now, &egress, sizeof(now));
	assert_int_equal(guard_set_egress(guard, 2, 0, NULL), 0);
	assert_false(guard_read_egress(guard, 2, &now));
	assert_int_equal(explain_frame_on(1, &frame).reason, DROP_egress_down);
}

static void a_cloud_that_is_off_its_port_is_closed_wherever_it_was(void **state)
{
	const struct frame untagged = ipv4(), tagged = ipv4(.l2 = {.tagged = true, .tci = 77});
	const struct guard_port another = {.cloud = 3, .flags = FLAGS_ALL};
	struct guard_port port = {.cloud = 1, .flags = FLAGS_ALL};
	struct mac mac = mac_ours(1);

	memcpy(port.mac, &mac, sizeof(mac));
	assert_int_equal(guard_set_port(guard, guard_ifindex(netdevs[1]), 77, &port), 0);
	assert_int_equal(guard_set_port(guard, guard_ifindex(netdevs[1]), 78, &another), 0);
	assert_int_equal(explain_frame_on(1, &tagged).verdict, GUARD_FORWARD);
	guard_close_cloud(guard, 1);
	assert_int_equal(explain_frame_on(1, &tagged).reason, DROP_unknown_vlan);
	assert_int_equal(explain_frame_on(1, &untagged).reason, DROP_unknown_vlan);

	const struct frame of_another = ipv4(.l2 = {.tagged = true, .tci = 78});

	assert_int_equal(explain_frame_on(1, &of_another).cloud, 3); // that one stays
	assert_int_equal(guard_set_port(guard, guard_ifindex(netdevs[1]), 78, NULL), 0);
	// Whoever has its id next finds nothing of it.
	assert_int_equal(guard_set_port(guard, guard_ifindex(netdevs[1]), 77, &port), 0);
	assert_int_equal(explain_frame_on(1, &tagged).reason, DROP_spoofed_source);
	assert_int_equal(guard_set_port(guard, guard_ifindex(netdevs[1]), 77, NULL), 0);
	assert_int_equal(guard_set_port(guard, 0x7fffffff, 77, &port), -ENODEV);
}

// Another life

// A life that attaches one of the two netdevs, and sets nothing.
static void what_no_life_has_set_goes(void **state)
{
	const struct frame frame = ipv4(.l2 = {.cloud = 3}, .source = PC3);
	struct guard *own = guard;
	struct guard_netdev *own_netdevs[PORTS];
	char directory[64];

	memcpy(own_netdevs, netdevs, sizeof(netdevs));
	guard_detach(netdevs[3]);
	guard_detach(netdevs[2]);
	snprintf(directory, sizeof(directory), "/sys/fs/bpf/t0x-guard-test-%d", getpid());
	for (unsigned life = 1; life <= 2; life++) {
		guard = guard_open(directory);
		check(guard != NULL, "%s", guard_error());
		check(guard_probe(guard) == 0, "%s", guard_error());
		check(guard_attach(guard, netdev_name(3), &netdevs[3]) == 0, "%s", guard_error());
		assert_int_equal(guard_was_there(netdevs[3]), life > 1);
		if (life > 1)
			break;
		check(guard_attach(guard, netdev_name(2), &netdevs[2]) == 0, "%s", guard_error());
		guard_routes_of(3, links, COUNT(links));
		guard_port_of(3, FLAGS_ALL);
		guard_egress_of(2);
		guard_close(guard);
	}
	assert_int_equal(explain_frame_on(3, &frame).verdict, GUARD_FORWARD); // meanwhile
	assert_int_equal(guard_remove_stale_ports(guard), 0);
	assert_int_equal(explain_frame_on(3, &frame).reason, DROP_unknown_vlan);
	calls_before = 0;
	assert_int_equal(guard_remove_orphans(guard, count_before), 1); // netdev 2
	assert_int_equal(calls_before, 1);
	assert_int_equal(guard_remove_orphans(guard, count_before), 0);
	guard_close(guard);
	assert_int_equal(guard_remove(directory, count_before), 0);
	assert_int_equal(calls_before, 2);

	guard = own;
	memcpy(netdevs, own_netdevs, sizeof(netdevs));
	assert_int_equal(guard_attach(guard, netdev_name(2), &netdevs[2]), 0);
	assert_int_equal(guard_attach(guard, netdev_name(3), &netdevs[3]), 0);
}

static void a_successor_finds_all_that_was_pinned_and_nothing_stops(void **state)
{
	char directory[64];
	const struct frame frame = ipv4(.l2 = {.cloud = 3}, .source = PC3);
	struct guard *own = guard;
	struct guard_netdev *own_netdevs[PORTS];
	struct guard_count count;
	uint8_t bytes[FRAME_MAX];
	size_t length;

	memcpy(own_netdevs, netdevs, sizeof(netdevs));
	guard_detach(netdevs[3]);
	guard_detach(netdevs[2]);
	snprintf(directory, sizeof(directory), "/sys/fs/bpf/t0x-guard-test-%d", getpid());
	for (unsigned life = 1; life <= 3; life++) {
		guard = guard_open(directory);
		check(guard != NULL, "%s", guard_error());
		check(guard_attach(guard, netdev_name(2), &netdevs[2]) == 0, "%s", guard_error());
		check(guard_attach(guard, netdev_name(3), &netdevs[3]) == 0, "%s", guard_error());
		if (life == 1) {
			guard_routes_of(3, links, COUNT(links));
			guard_port_of(3, FLAGS_ALL);
			guard_egress_of(2);
			assert_int_equal(guard_count_cloud(guard, 3), 0);
		}
		memcpy(bytes, frame.bytes, frame.length);
		length = frame.length;
		assert_int_equal(
			guard_run(netdevs[3], bytes, &length, sizeof(bytes)), XDP_REDIRECT
		);
		assert_true(guard_read_cloud(guard, 3, &count));
		assert_int_equal(count.forwarded, life);
		if (life < 3) {
			unsigned ifindex = guard_ifindex(netdevs[3]);
			__u32 program = 0;

			guard_close(guard);
			assert_int_equal(bpf_xdp_query_id((int)ifindex, 0, &program), 0);
			assert_int_not_equal(program, 0);
		}
	}
	// What it adopted it can also close, and keep out of a life without the cloud.
	guard_close_routes(guard, 3, NULL, 0, NULL, 0);
	assert_int_equal(explain_frame_on(3, &frame).reason, DROP_spoofed_source);
	guard_keep_clouds(guard, NULL, 0);
	assert_int_equal(explain_frame_on(3, &frame).reason, DROP_unknown_vlan);
	guard_detach(netdevs[2]);
	guard_detach(netdevs[3]);
	guard_close(guard);
	assert_int_equal(guard_remove(directory, count_before), 0);
	assert_int_equal(access(directory, F_OK), -1);

	guard = own;
	memcpy(netdevs, own_netdevs, sizeof(netdevs));
	assert_int_equal(guard_attach(guard, netdev_name(2), &netdevs[2]), 0);
	assert_int_equal(guard_attach(guard, netdev_name(3), &netdevs[3]), 0);
}

// A million frames

// Extension headers of a frame, those behind a fragment header too, as the data plane steps over
// them.
static unsigned count_extensions(const struct frame *frame)
{
	const uint8_t *packet = frame->bytes + l3_of(frame);
	unsigned length = packet_bytes(packet, true);
	unsigned header = packet[6], at = IPV6_BYTES, n = 0;

	while ((header == HOP_BY_HOP || header == ROUTING || header == DESTINATION ||
		header == FRAGMENT) &&
	       at + 8 <= length) {
		unsigned size = header == FRAGMENT ? 8 : 8 + packet[at + 1] * 8u;

		header = packet[at];
		at += size;
		n++;
	}
	return n;
}

static bool is_cut_by_data_plane(
	const struct frame *frame, const struct guard_explanation *found,
	const struct packet *packet
)
{
	return packet->verdict == VERDICT_FORWARD && !packet->ipv6 && !packet->dont_fragment &&
		packet->ip_length > packet->egress->mtu && found->verdict == GUARD_DROP &&
		found->reason == DROP_frag_needed;
}

static bool is_long_chain(
	const struct frame *frame, const struct guard_explanation *found,
	const struct packet *packet
)
{
	return packet->ipv6 && packet->ip_length > 0 && found->verdict == GUARD_DROP &&
		found->reason == DROP_bad_option && count_extensions(frame) > 16;
}

static bool is_long_behind_fragment(
	const struct frame *frame, const struct guard_explanation *found,
	const struct packet *packet
)
{
	return packet->ipv6 && packet->router_error && found->verdict == GUARD_DROP &&
		found->reason == DROP_spoofed_source && count_extensions(frame) > 16;
}

static bool is_long_nd(
	const struct frame *frame, const struct guard_explanation *found,
	const struct packet *packet
)
{
	return packet->verdict == VERDICT_PUNT && packet->reason == PUNT_nd &&
		packet->ip_length > IPV6_BYTES + 24 + 64 * 8 && found->verdict == GUARD_DROP &&
		found->reason == DROP_punt_refused;
}

// Where the two differ by design. In each case the guard, which is alone then, lets less through.
static struct difference {
	const char *text;
	bool (*is
	)(const struct frame *frame, const struct guard_explanation *found,
	  const struct packet *packet);
	unsigned seen;
} differences[] = {
	{"IPv4 beyond the egress MTU without DF: the kernel does not fragment, it drops",
	 is_cut_by_data_plane, 0},
	{"more than 16 IPv6 extension headers: the verifier wants an end", is_long_chain, 0},
	{"ICMP errors of the router behind more than 16 headers, some behind a fragment header: "
	 "likewise",
	 is_long_behind_fragment, 0},
	{"neighbour discovery with more than 512 bytes of options: likewise", is_long_nd, 0},
};

static bool is_by_design(
	const struct frame *frame, const struct guard_explanation *found,
	const struct packet *packet
)
{
	for (unsigned i = 0; i < COUNT(differences); i++) {
		if (differences[i].is(frame, found, packet)) {
			differences[i].seen++;
			return true;
		}
	}
	return false;
}

static bool may_have_leaf(unsigned cloud, leaf_t leaf)
{
	if (leaf == LEAF_NONE || leaf == leaf_local((uint16_t)cloud))
		return true;
	for (unsigned i = 0; i < COUNT(links); i++)
		if ((links[i].a == cloud && leaf == leaf_via(links[i].b, links[i].id)) ||
		    (links[i].b == cloud && leaf == leaf_via(links[i].a, links[i].id)))
			return true;
	return false;
}

static void dump(const struct frame *frame)
{
	for (unsigned i = 0; i < frame->length; i++)
		print_error("%02x%s", frame->bytes[i], i % 32 == 31 ? "\n\t" : " ");
	print_error("\n\t");
}

// Headers of 8 bytes, of kinds that may stand anywhere; the last is followed by 'next'. Returns the
// first kind.
static unsigned random_chain(char *bytes, unsigned n, unsigned next)
{
	static const uint8_t kinds[] = {DESTINATION, DESTINATION, ROUTING, FRAGMENT};
	bool fragments = random_below(2);
	unsigned kind = next;

	for (unsigned i = n; i-- > 0;) {
		bytes[8 * i] = (char)kind;
		memset(bytes + 8 * i + 1, 0, 7);
		kind = kinds[random_below(fragments ? 4 : 3)];
		if (kind == ROUTING)
			bytes[8 * i + 2] = 4;
	}
	if (n > 0 && random_below(4) == 0)
		kind = HOP_BY_HOP;
	return kind;
}

static struct frame chain_frame(bool router)
{
	char bytes[24 * 8];
	unsigned n = 1 + random_below(random_below(8) ? 5 : 24);
	unsigned next = random_chain(bytes, n, router ? ICMP6 : IPPROTO_UDP);

	return ipv6(.source = router ? ROUTER_6 : PC1_6, .next = next, .extensions = bytes,
		    .extensions_length = 8 * n, .icmp_type = 1 + random_below(5));
}

static struct frame seed_frame(void)
{
	static const char *const peers[] = {"10.2.0.2", "10.4.0.2", "10.5.0.2", "10.6.0.2"};
	static const char *const peers6[] = {
		"fd00:2:1::2",
		"fd00:4:1::2",
		"fd00:5:1::2",
		"fd00:6:1::2",
	};
	unsigned peer = random_below(random_below(2) ? 4 : 1);
	int beyond = (int)(MTU - 60 + random_below(80));

	switch (random_below(24)) {
	case 0:
		return arp(.operation = 1 + random_below(2));
	case 1:
		return arp(.l2 = {.cloud = 4, .tagged = true, .tci = 104, .to = MAC_BROADCAST},
			   .sender = "169.254.4.2", .target = "169.254.4.1");
	case 2:
		return ERROR4(3 + random_below(2) * 8);
	case 3:
		return PING(ROUTER);
	case 4:
		return ipv4(.options = "\7\7\4\0\0\0\0\1\x94\4\0\0", .options_length = 12);
	case 5:
		return ipv4(.options = "\1\7\3\4\x83\7\4\n\2\0\2", .options_length = 11);
	case 6:
		return ipv4(.fragment = FLAG_MF, .padding = 9);
	case 7:
		return ipv4(.payload = beyond, .fragment = random_below(2) ? FLAG_DF : 0,
			    .destination = peers[peer]);
	case 8:
		return ipv6(.payload = beyond, .destination = peers6[peer]);
	case 9:
		return ipv6(.source = ROUTER_6, .destination = GATEWAY_6, .next = ICMP6,
			    .icmp_type = 128);
	case 10:
		return ERROR6(1 + random_below(4));
	case 11:
	case 12:
		return chain_frame(false);
	case 13:
		return chain_frame(true);
	case 14:
		return nd_with_options(random_below(random_below(8) ? 4 : 72));
	case 15:
		return nd(.source = ROUTER_LINK_LOCAL);
	case 16:
		return ADVERT(.destination = GATEWAY_6, .target = ROUTER_6);
	case 17:
		return ADVERT(.destination = ALL_NODES, .target = ROUTER_6);
	case 18:
		return ipv4(.l2 = from4, .source = "10.4.0.2", .destination = PC1);
	case 19:
		return ipv6(.l2 = from4, .source = "fd00:4:1::2", .destination = "fd00:7:1::2");
	case 20:
		return ipv6(.destination = peers6[peer], .hop_limit = 1 + random_below(3));
	case 21:
		return ipv4(.l2 = {.cloud = 2}, .source = PC2, .destination = PC3);
	default:
		return ipv4(.destination = peers[peer], .ttl = 1 + random_below(3));
	}
}

// Another address of some cloud, or of none.
static void move_address(struct frame *frame, unsigned l3)
{
	uint8_t *packet = frame->bytes + l3;
	static const uint8_t martians[] = {0, 127, 224, 239, 240, 255};
	static const uint16_t martians6[] = {0, 0xfe80, 0xfebf, 0xff02, 0xff05};
	unsigned which = random_below(2);
	bool martian = random_below(4) == 0;

	if (is_ipv6(frame) && frame->length >= l3 + IPV6_BYTES) {
		if (martian)
			put16(packet + 8 + 16 * which, martians6[random_below(COUNT(martians6))]);
		put16(packet + 8 + 16 * which + 2, random_below(8));
		put16(packet + 8 + 16 * which + 4, random_below(4));
	} else if (frame->length >= l3 + 20) {
		put32(packet + 12 + 4 * which,
		      (random_below(2) ? 0x0a000000 : 0xac100000) |
			      random_below(8) << (random_below(2) ? 16 : 8) | random_below(256));
		if (martian)
			packet[12 + 4 * which] = martians[random_below(COUNT(martians))];
	}
}

// Make the checksums right again, where there is what they cover.
static void seal(struct frame *frame)
{
	unsigned l3 = l3_of(frame);
	uint8_t *packet = frame->bytes + l3;

	if (frame->length < l3 + 20)
		return;
	if (get16(packet - 2) == 0x0800) {
		if (header_bytes(packet) >= 20 && l3 + header_bytes(packet) <= frame->length)
			ipv4_seal(packet, header_bytes(packet));
	} else if (is_ipv6(frame) && frame->length >= l3 + IPV6_BYTES + 8 && packet[6] == ICMP6) {
		if (l3 + packet_bytes(packet, true) <= frame->length && get16(packet + 4) >= 8)
			icmp6_seal(packet);
	}
}

static void mutate(struct frame *frame)
{
	static const uint16_t types[] = {0x0800, 0x0806, 0x86dd, 0x8100, 0x88a8};
	static const uint8_t protocols[] = {0, 1, 6, 17, 43, 44, 51, 58, 59, 60};
	unsigned l3 = l3_of(frame);

	for (unsigned n = random_below(4); n > 0; n--) {
		uint8_t *packet = frame->bytes + l3;
		bool whole = frame->length >= l3 + IPV6_BYTES + 8;

		switch (random_below(12)) {
		case 0:
			frame->bytes[random_below(frame->length)] ^=
				(uint8_t)(1 << random_below(8));
			break;
		case 1:
			frame->bytes[random_below(frame->length)] = (uint8_t)random64();
			break;
		case 2:
			if (random_below(4) == 0)
				frame->length =
					FRAME_MIN + random_below(frame->length - FRAME_MIN + 1);
			break;
		case 3:
		case 4:
			move_address(frame, l3);
			break;
		case 5: // a byte of a header
			if (whole)
				packet[random_below(IPV6_BYTES + 8)] = (uint8_t)random64();
			break;
		case 6: // total or payload length
			if (whole)
				put16(packet + (is_ipv6(frame) ? 4 : 2), random_below(80));
			break;
		case 7: // IHL
			if (whole && !is_ipv6(frame))
				packet[0] = (uint8_t)(0x40 | random_below(16));
			break;
		case 8:
			if (whole)
				packet[is_ipv6(frame) ? 6 : 9] =
					protocols[random_below(COUNT(protocols))];
			break;
		case 9: // what follows
			if (whole)
				packet[(is_ipv6(frame) ? IPV6_BYTES : 20) + random_below(8)] =
					(uint8_t)random_below(0x90);
			break;
		case 10:
			if (random_below(4) == 0)
				put16(frame->bytes + 12, types[random_below(COUNT(types))]);
			break;
		default:
			if (frame->length + 8 <= FRAME_MAX && random_below(2))
				frame->length += 1 + random_below(8);
		}
	}
	if (random_below(4))
		seal(frame);
}

static unsigned port_of(const struct frame *frame)
{
	unsigned cloud = frame->bytes[5];

	if (random_below(32) == 0)
		cloud = random_below(PORTS);
	return is_port(cloud) ? cloud : 1;
}

#if defined(__SANITIZE_ADDRESS__)
#define MUTATIONS 100000
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MUTATIONS 100000
#endif
#endif
#ifndef MUTATIONS
#define MUTATIONS 1000000
#endif

static void of_a_million_mutations_guard_and_data_plane_think_alike(void **state)
{
	unsigned verdicts[4] = {}, reasons[DROP_REASON_COUNT] = {};

	print_message("T0X_SEED=%llu\n", (unsigned long long)random_seed);
	for (unsigned i = 0; i < MUTATIONS; i++) {
		struct frame frame = seed_frame();

		mutate(&frame);

		unsigned port = port_of(&frame);
		struct guard_explanation found = explain_frame_on(port, &frame);
		struct packet packet = ask_data_plane(port, &frame);

		if (!agrees(&found, &packet) && !is_by_design(&frame, &found, &packet)) {
			dump(&frame);
			check(false, "frame %u on port %u: the guard says %s, the data plane %s", i,
			      port, guard_text(found.verdict, found.reason),
			      verdict_text(packet.verdict, packet.reason));
		}
		if (!may_have_leaf(found.cloud, found.source) ||
		    !may_have_leaf(found.cloud, found.destination)) {
			dump(&frame);
			check(false, "frame %u on port %u: leaves %x and %x", i, port, found.source,
			      found.destination);
		}
		verdicts[found.verdict]++;
		if (found.verdict == GUARD_DROP)
			reasons[found.reason]++;
	}
	print_message(
		"%u frames: %u forwarded, %u passed up, %u dropped\n", MUTATIONS,
		verdicts[GUARD_FORWARD], verdicts[GUARD_PASS], verdicts[GUARD_DROP]
	);
	for (unsigned reason = 0; reason < DROP_REASON_COUNT; reason++)
		if (reasons[reason] > 0)
			print_message("  %u %s\n", reasons[reason], drop_reason_name(reason));
	print_message("by design otherwise than the data plane:\n");
	for (unsigned i = 0; i < COUNT(differences); i++)
		print_message("  %u %s\n", differences[i].seen, differences[i].text);
	assert_in_range(verdicts[GUARD_FORWARD], MUTATIONS / 20, MUTATIONS); // or it tests little
	assert_in_range(verdicts[GUARD_PASS], MUTATIONS / 100, MUTATIONS);
	for (unsigned i = 0; i < COUNT(differences); i++)
		check(differences[i].seen > 0, "not seen: %s", differences[i].text);
}

static int set_up_case(void **state)
{
	publish_links(links, COUNT(links));
	guard_links(links, COUNT(links), FLAGS_ALL);
	return 0;
}

static int set_up_all(void **state)
{
	check(attach_all() == 0, "%s", guard_error());
	assert_int_equal(rcu_init(1), 0);
	return 0;
}

static int tear_down_all(void **state)
{
	for (unsigned port = 0; port < PORTS; port++)
		guard_detach(netdevs[port]);
	guard_close(guard);
	exchange_clear();
	rcu_free();
	return 0;
}

#define guard_test(f) cmocka_unit_test_setup(f, set_up_case)

int main(void)
{
	const struct CMUnitTest tests[] = {
		guard_test(a_netdev_and_its_vlan_tags_decide_whose_a_frame_is),
		guard_test(only_frames_to_our_mac_are_routed),
		guard_test(the_ipv4_header_is_checked_in_the_order_of_rfc_1812),
		guard_test(the_ipv6_header_and_its_extensions_are_checked),
		guard_test(martians_and_groups_go_nowhere),
		guard_test(a_source_is_the_clouds_and_a_destination_a_direct_peers),
		guard_test(ttl_mtu_and_egress_decide_last),
		guard_test(the_routers_own_icmp_errors_pass_to_a_peer),
		guard_test(only_what_is_on_the_allow_list_passes_to_the_kernel),
		guard_test(a_tag_is_added_removed_swapped_or_left),
		guard_test(the_forwarded_header_equals_one_made_anew),
		guard_test(without_its_flags_the_kernel_neither_forwards_nor_answers),
		guard_test(a_cloud_without_gateway_is_answered_nothing),
		guard_test(the_group_of_the_gateway_is_known_by_all_its_24_bits),
		guard_test(every_reason_of_the_guard_has_a_case),
		guard_test(what_goes_up_is_limited_by_cloud_and_kind),
		guard_test(a_worker_that_polls_gets_what_is_routed_and_else_the_kernel_forwards),
		guard_test(what_the_kernel_may_not_answer_is_steered_to_the_worker),
		guard_test(a_switch_of_engine_is_told_once),
		guard_test(routes_are_closed_at_once_and_the_longest_prefix_wins),
		guard_test(in_a_hole_nothing_is_found_whatever_the_routes_say),
		guard_test(nothing_is_steered_to_the_dead),
		guard_test(egresses_change_any_number_of_times),
		guard_test(a_cloud_that_is_off_its_port_is_closed_wherever_it_was),
		guard_test(what_no_life_has_set_goes),
		guard_test(a_successor_finds_all_that_was_pinned_and_nothing_stops),
		guard_test(of_a_million_mutations_guard_and_data_plane_think_alike),
	};

	random_start();
	if (geteuid() != 0 || !is_permitted()) {
		print_message("all of this needs root, BPF and network namespaces: left out\n");
		return SKIPPED;
	}
	make_netdevs();
	guard = guard_open(NULL);
	check(guard != NULL, "%s", guard_error());
	check(guard_live(guard) == 0, "%s", guard_error());
	return cmocka_run_group_tests_name("guard", tests, set_up_all, tear_down_all);
}
