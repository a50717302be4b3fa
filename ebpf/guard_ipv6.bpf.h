// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
// IPv6: the same checks in the same order as dataplane/parse_ipv6.c.
#pragma once

#include "guard_nd.bpf.h"

#define IPV6_EXTENSION_MIN 8 // and the unit of their lengths
#define IPV6_SOURCE_ROUTE 0
#define IPV6_OFFSET_AT 2 // of a fragment header
#define IPV6_OFFSET 0xfff8
#define IPV6_HEADERS_MAX 16 // that the guard steps over; a longer chain it drops

#define ICMPV6_HEADER 8
#define ICMPV6_ERROR_FIRST 1
#define ICMPV6_ERROR_LAST 4
#define ICMPV6_ECHO 128

struct ipv6_extension {
	__u8 next;
	__u8 length; // in units beyond the first
	__u8 routing_type;
	__u8 more[5];
};

STEP bool ipv6_is_extension(__u8 header)
{
	return header == IPPROTO_HOPOPTS || header == IPPROTO_ROUTING || header == IPPROTO_DSTOPTS;
}

STEP bool ipv6_is_stepped_over(__u8 header)
{
	return header == IPPROTO_FRAGMENT || ipv6_is_extension(header);
}

// Where the upper-layer header stands from the IP header on, and what it is.
#define UPPER(at, header) (int)((at) << 8 | (header))
#define UPPER_AT(upper) ((__u32)(upper) >> 8)
#define UPPER_HEADER(upper) ((__u8)(upper))

// What is a fragment about? That matters to ICMP errors alone. 'at' is the fragment header's.
STEP int ipv6_upper_of_fragment(struct xdp_md *ctx, __u32 l3, __u32 ip_length, __u32 at)
{
	const int unknown = UPPER(at, IPPROTO_FRAGMENT);
	__u8 header = IPPROTO_FRAGMENT;
	bool data = false;

	for (__u32 n = 0; n < IPV6_HEADERS_MAX && !data && ipv6_is_stepped_over(header); n++) {
		const __u8 *bytes = bytes_at(ctx, l3 + at, IPV6_EXTENSION_MIN);
		__u32 length = IPV6_EXTENSION_MIN;

		if (bytes == NULL)
			return unknown;
		if (header == IPPROTO_FRAGMENT)
			data = (read16(bytes + IPV6_OFFSET_AT) & IPV6_OFFSET) != 0;
		else
			length += bytes[1] * IPV6_EXTENSION_MIN;
		if (at + length > ip_length)
			return unknown;
		header = bytes[0];
		at = forget(at + length);
	}
	// Of a fragment that is not the first it is data, and its protocol known unless more
	// extension headers came before that.
	if (ipv6_is_stepped_over(header) || (data && header == IPPROTO_ICMPV6))
		return unknown;
	return UPPER(at, header);
}

// Find the upper-layer header behind 'header', each extension header within the packet, and no
// source route among them (RFC 5095). Returns an UPPER, or -1 minus the reason to drop.
SLOW int ipv6_upper(struct xdp_md *ctx, __u32 l3, __u32 ip_length, __u32 first)
{
	__u32 at = IPV6_HEADER;
	__u8 header = (__u8)first;

	for (__u32 n = 0; n < IPV6_HEADERS_MAX && ipv6_is_extension(header); n++) {
		const struct ipv6_extension *extension =
			(const void *)bytes_at(ctx, l3 + at, IPV6_EXTENSION_MIN);
		__u32 length;

		if (extension == NULL)
			return -1 - DROP_bad_option;
		length = IPV6_EXTENSION_MIN + extension->length * IPV6_EXTENSION_MIN;
		// Hop-by-hop options stand first or nowhere (RFC 8200 4.1).
		if (at + length > ip_length || (header == IPPROTO_HOPOPTS && n > 0))
			return -1 - DROP_bad_option;
		if (header == IPPROTO_ROUTING && extension->routing_type == IPV6_SOURCE_ROUTE)
			return -1 - DROP_source_route;
		header = extension->next;
		at = forget(at + length);
	}
	if (ipv6_is_extension(header))
		return -1 - DROP_bad_option;
	return header == IPPROTO_FRAGMENT ? ipv6_upper_of_fragment(ctx, l3, ip_length, at)
					  : UPPER(at, header);
}

// The fixed header.
STEP bool ipv6_check_header(struct packet *packet, const struct ipv6hdr *ip)
{
	__u32 payload;

	if ((const __u8 *)(ip + 1) > packet->end)
		return drop(packet, DROP_too_short);
	if (*(const __u8 *)ip >> 4 != 6)
		return drop(packet, DROP_bad_version);
	payload = bpf_ntohs(ip->payload_len);
	packet->ip_length = IPV6_HEADER + payload;
	// A length of 0 announces a jumbogram (RFC 2675), which no frame here can hold.
	if (payload == 0 || packet->ip_length > available(packet))
		return drop(packet, DROP_bad_length);
	return true;
}

// The unspecified address, loopback, IPv4-mapped and link-local: not forwardable (martian.c).
STEP bool ipv6_is_martian(struct addr6 addr)
{
	return addr6_is_link_local(addr) ||
		(addr.upper == 0 && (addr.lower <= 1 || addr.lower >> 32 == 0xffff));
}

// The type of a whole ICMPv6 header, or -1.
STEP int ipv6_icmp_type(struct xdp_md *ctx, const struct packet *packet, int upper)
{
	const __u8 *icmp;

	if (UPPER_HEADER(upper) != IPPROTO_ICMPV6 ||
	    packet->ip_length < UPPER_AT(upper) + ICMPV6_HEADER)
		return -1;
	icmp = bytes_at(ctx, packet->l3_offset + UPPER_AT(upper), 1);
	return icmp != NULL ? *icmp : -1;
}

STEP bool ipv6_is_router_error(
	struct xdp_md *ctx, const struct packet *packet, int upper, struct addr6 source
)
{
	int type;

	if (!port_has_ipv6(packet->port) || !addr6_equal(source, port_addr6(packet->port->router6)))
		return false;
	type = ipv6_icmp_type(ctx, packet, upper);
	return type >= ICMPV6_ERROR_FIRST && type <= ICMPV6_ERROR_LAST;
}

// One of our addresses, or a group of the link: ours or not, it goes nowhere else.
STEP bool ipv6_is_for_us(const struct guard_port *port, struct addr6 destination)
{
	return addr6_is_link_group(destination) ||
		(port_has_ipv6(port) && is_ours(port, destination));
}

// Only an echo request of the router to the gateway and neighbour discovery go up, and these
// without extension headers: no fragments (RFC 6980), nothing that hides.
STEP bool ipv6_for_us(
	struct xdp_md *ctx, struct packet *packet, int upper, struct addr6 source,
	struct addr6 destination
)
{
	const struct guard_port *port = packet->port;

	if (!port_has_ipv6(port) || upper != UPPER(IPV6_HEADER, IPPROTO_ICMPV6))
		return drop(packet, DROP_punt_refused);
	if (ipv6_icmp_type(ctx, packet, upper) == ICMPV6_ECHO &&
	    addr6_equal(source, port_addr6(port->router6)) &&
	    addr6_equal(destination, port_addr6(port->gateway6)))
		return punt(packet, PUNT_echo);
	if (nd_may_go_up(ctx, port, packet->l3_offset, packet->ip_length))
		return punt(packet, PUNT_nd);
	return drop(packet, DROP_punt_refused);
}

STEP bool is_group_mac(const struct packet *packet)
{
	return *(const __u16 *)packet->frame == 0x3333;
}

// Was the frame sent to our MAC, or to a group of the link by the MAC of that group (RFC 2464 7)?
STEP bool ipv6_is_to_us(
	const struct packet *packet, const struct ipv6hdr *ip, struct addr6 destination
)
{
	if (!is_group_mac(packet))
		return true; // ours: parse_ipv6() has seen to the others
	return addr6_is_link_group(destination) &&
		*(const __u32 *)(packet->frame + 2) == ip->daddr.s6_addr32[3];
}

STEP bool parse_ipv6(struct xdp_md *ctx, struct packet *packet)
{
	const struct ipv6hdr *ip = (const void *)packet->l3;
	struct addr6 source, destination;
	int upper;

	packet->ipv6 = true;
	if (!is_our_mac(packet) && !is_group_mac(packet))
		return drop(packet, DROP_not_for_us);
	if (!ipv6_check_header(packet, ip))
		return false;
	upper = UPPER(IPV6_HEADER, ip->nexthdr);
	if (ipv6_is_stepped_over(ip->nexthdr))
		upper = ipv6_upper(ctx, packet->l3_offset, packet->ip_length, ip->nexthdr);
	if (upper < 0)
		return drop(packet, (enum drop_reason)(-1 - upper));
	source = read_addr6(&ip->saddr);
	destination = read_addr6(&ip->daddr);
	packet->ttl = ip->hop_limit;
	packet->dont_fragment = true; // only sources do (RFC 8200 4.5)
	packet->router_error = ipv6_is_router_error(ctx, packet, upper, source);

	if (!ipv6_is_to_us(packet, ip, destination))
		return drop(packet, DROP_not_for_us);
	if (ipv6_is_for_us(packet->port, destination))
		return ipv6_for_us(ctx, packet, upper, source, destination);
	if (addr6_is_group(source) || ipv6_is_martian(source))
		return drop(packet, DROP_martian_source);
	if (addr6_is_group(destination))
		return drop(packet, DROP_multicast);
	if (ipv6_is_martian(destination))
		return drop(packet, DROP_martian_destination);
	return true;
}

STEP guard_leaf ipv6_route(const struct packet *packet, const struct in6_addr *addr)
{
	struct guard_route6_key key = {
		.prefixlen = GUARD_CLOUD_PREFIX + 128,
		.cloud = bpf_htonl(packet->cloud),
	};
	const guard_leaf *leaf;

	__builtin_memcpy(key.addr, addr, sizeof(key.addr));
	leaf = bpf_map_lookup_elem(&routes6, &key);
	return leaf != NULL ? *leaf : LEAF_NONE;
}
