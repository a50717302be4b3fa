// SPDX-License-Identifier: BSD-3-Clause
// Why a packet does not go on: every drop and every punt has exactly one reason.
//
// One line here is the enum value, the CLI word, the metric label, the help text, and, for drops,
// the ICMP error of either family that the sender is owed (RFC 1812 4.3.2 and RFC 4443 2.4
// permitting).
#pragma once

#include <stdint.h>

// The ICMP error owed for a drop.
enum icmp_error {
	ICMP_ERROR_NONE,
	ICMP_ERROR_NET_UNREACHABLE, // does not tell whether another cloud has it
	ICMP_ERROR_HOST_UNREACHABLE,
	ICMP_ERROR_FRAG_NEEDED, // with the next-hop MTU (RFC 1191); "packet too big" of ICMPv6
	ICMP_ERROR_TIME_EXCEEDED,
};

// DROP(name, icmp error, text)
#define DROP_REASONS(DROP) \
	DROP(unknown_vlan, NONE, "no cloud is attached to this port with this VLAN tag") \
	DROP(not_for_us, NONE, "destination MAC is not the T0 port's") \
	DROP(too_short, NONE, "frame is too short for the headers it announces") \
	DROP(bad_buffer, NONE, "frame came in several buffers, or in one without headroom") \
	DROP(unknown_ethertype, NONE, "neither IPv4, IPv6 nor ARP") \
	DROP(bad_version, NONE, "IP version does not match the ethertype") \
	DROP(bad_header_length, NONE, "IPv4 header length is below 20 or beyond the packet") \
	DROP(bad_length, NONE, \
	     "IP length does not fit header or frame (RFC 1812 5.2.2, RFC 8200 3)") \
	DROP(bad_checksum, NONE, "IPv4 header checksum is wrong (RFC 1812 5.2.2)") \
	DROP(source_route, NONE, \
	     "IPv4 source route option (RFC 7126), IPv6 routing header of type 0 (RFC 5095)") \
	DROP(bad_option, NONE, "IPv4 options or IPv6 extension headers are malformed") \
	DROP(martian_source, NONE, "source may never be routed (RFC 6890)") \
	DROP(martian_destination, NONE, "destination may never be routed (RFC 6890)") \
	DROP(multicast, NONE, "multicast and broadcast are not routed between clouds") \
	DROP(spoofed_source, NONE, \
	     "source is not a routed prefix of the cloud it came from (BCP 38)") \
	DROP(no_interconnect, NET_UNREACHABLE, \
	     "destination is in no directly interconnected cloud") \
	DROP(hairpin, NONE, "destination is in the cloud it came from") \
	DROP(ttl_exceeded, TIME_EXCEEDED, "TTL or hop limit ran out (RFC 1812 5.3.1, RFC 8200 3)") \
	DROP(frag_needed, FRAG_NEEDED, "larger than the egress MTU, and may not be fragmented") \
	DROP(bad_fragment, NONE, "larger than the egress MTU, and itself a malformed fragment") \
	DROP(no_buffer, NONE, "larger than the egress MTU, and no buffers for its fragments") \
	DROP(egress_down, HOST_UNREACHABLE, "the peer's T0 port is down or absent") \
	DROP(router_unresolved, HOST_UNREACHABLE, "the MAC of the peer's T0 router is not known") \
	DROP(no_dataplane, NONE, \
	     "no worker polls the queue, and the kernel may not do it instead") \
	DROP(punt_refused, NONE, "addressed to t0x, and not on the allow-list (RFC 6192)") \
	DROP(punt_limited, NONE, "addressed to t0x, over the rate for its kind (RFC 6192)") \
	DROP(punt_ring_full, NONE, "addressed to t0x, the control thread did not keep up") \
	DROP(tx_ring_full, NONE, "the worker that owns the tx queue did not keep up") \
	DROP(tx_full, NONE, "the egress port did not take it")

enum drop_reason {
#define DROP_ENUM(name, icmp, text) DROP_##name,
	DROP_REASONS(DROP_ENUM)
#undef DROP_ENUM
		DROP_REASON_COUNT
};

// PUNT(name, rate, burst, text): what is allowed up to the control netdev. From a cloud, by each
// worker, and by each CPU of the guard: so many a second, and so many at once (RFC 6192).
#define PUNT_REASONS(PUNT) \
	PUNT(arp, 100, 50, "ARP for the gateway, or of the T0 router") \
	PUNT(nd, 100, 50, "IPv6 neighbour discovery for the gateway, or of the T0 router") \
	PUNT(echo, 200, 100, "ICMP echo request to the gateway")

enum punt_reason {
#define PUNT_ENUM(name, rate, burst, text) PUNT_##name,
	PUNT_REASONS(PUNT_ENUM)
#undef PUNT_ENUM
		PUNT_REASON_COUNT
};

// CLI word, help text and ICMP error of a reason. The strings are static. Any thread.
const char *drop_reason_name(enum drop_reason reason);
const char *drop_reason_text(enum drop_reason reason);
enum icmp_error drop_reason_icmp(enum drop_reason reason);
const char *punt_reason_name(enum punt_reason reason);
const char *punt_reason_text(enum punt_reason reason);
