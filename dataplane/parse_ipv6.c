// SPDX-License-Identifier: BSD-3-Clause
#include "nd.h"
#include "parse.h"

#include <rte_icmp.h>
#include <rte_ip.h>

#define EXTENSION_MIN 8 // and the unit of their lengths
#define ROUTING_TYPE_AT 2
#define ROUTING_TYPE_SOURCE_ROUTE 0
#define FRAGMENT_OFFSET_AT 2
#define FRAGMENT_OFFSET_MASK 0xfff8

// ICMPv6 errors, which a T0 router may send from its own transit address: 1 to 4 of RFC 4443.
#define ICMP6_ERROR_FIRST 1
#define ICMP6_ERROR_LAST 4
#define ICMP6_ECHO_REQUEST 128

// The fixed header. Returns the reason to drop, or -1.
static int check_header(struct packet *packet, const uint8_t *ip, unsigned available)
{
	if (available < sizeof(struct rte_ipv6_hdr))
		return DROP_too_short;
	if (ip[0] >> 4 != 6)
		return DROP_bad_version;

	unsigned payload = read16(ip + offsetof(struct rte_ipv6_hdr, payload_len));

	// A length of 0 announces a jumbogram (RFC 2675), which no frame here can hold.
	if (payload == 0 || payload > available - sizeof(struct rte_ipv6_hdr))
		return DROP_bad_length;
	packet->ip_length = (uint16_t)(sizeof(struct rte_ipv6_hdr) + payload);
	return -1;
}

static bool is_extension(uint8_t header)
{
	return header == IPPROTO_HOPOPTS || header == IPPROTO_ROUTING || header == IPPROTO_DSTOPTS;
}

// Bytes of the extension or fragment header at 'at', or 0 when it does not fit the packet.
static unsigned extension_bytes(
	const struct packet *packet, const uint8_t *ip, uint8_t header, unsigned at
)
{
	unsigned length = EXTENSION_MIN;

	if (at + length > packet->ip_length)
		return 0;
	if (header != IPPROTO_FRAGMENT)
		length += ip[at + 1] * EXTENSION_MIN;
	return at + length > packet->ip_length ? 0 : length;
}

// What is a fragment about? That matters to ICMP errors alone: what stands behind a fragment header
// the destination judges, when it has the whole. Of a fragment that is not the first it is data,
// and its protocol known unless more extension headers came before that.
static void find_upper_of_fragment(struct packet *packet, const uint8_t *ip)
{
	unsigned at = packet->header_length;
	uint8_t header = IPPROTO_FRAGMENT;
	bool data = false;

	while (!data && (header == IPPROTO_FRAGMENT || is_extension(header))) {
		unsigned length = extension_bytes(packet, ip, header, at);

		if (length == 0)
			return;
		if (header == IPPROTO_FRAGMENT)
			data = read16(ip + at + FRAGMENT_OFFSET_AT) & FRAGMENT_OFFSET_MASK;
		header = ip[at];
		at += length;
	}
	if (data &&
	    (header == IPPROTO_ICMPV6 || header == IPPROTO_FRAGMENT || is_extension(header)))
		return;
	packet->header_length = (uint16_t)at;
	packet->upper = header;
}

// Find the upper-layer header, each extension header within the packet, and no source route among
// them (RFC 5095). Returns the reason to drop, or -1.
static int check_extensions(struct packet *packet, const uint8_t *ip)
{
	uint8_t header = ip[offsetof(struct rte_ipv6_hdr, proto)];
	unsigned at = sizeof(struct rte_ipv6_hdr);

	while (is_extension(header)) {
		unsigned length = extension_bytes(packet, ip, header, at);

		// Hop-by-hop options stand first or nowhere (RFC 8200 4.1).
		if (length == 0 || (header == IPPROTO_HOPOPTS && at != sizeof(struct rte_ipv6_hdr)))
			return DROP_bad_option;
		if (header == IPPROTO_ROUTING &&
		    ip[at + ROUTING_TYPE_AT] == ROUTING_TYPE_SOURCE_ROUTE)
			return DROP_source_route;
		header = ip[at];
		at += length;
	}
	packet->header_length = (uint16_t)at;
	packet->upper = header;
	if (header == IPPROTO_FRAGMENT)
		find_upper_of_fragment(packet, ip);
	return -1;
}

// The unspecified address, loopback, IPv4-mapped and link-local: not forwardable (martian.c).
static bool is_martian(struct addr6 addr)
{
	return addr6_is_link_local(addr) ||
		(addr.upper == 0 && (addr.lower <= 1 || addr.lower >> 32 == 0xffff));
}

// The type of a whole ICMPv6 header, or -1.
static int icmp_type(const struct packet *packet, const uint8_t *ip)
{
	if (packet->upper != IPPROTO_ICMPV6 ||
	    packet->ip_length < packet->header_length + sizeof(struct rte_icmp_hdr))
		return -1;
	return ip[packet->header_length];
}

static bool is_icmp_error(int type)
{
	return type >= ICMP6_ERROR_FIRST && type <= ICMP6_ERROR_LAST;
}

// One of our addresses, or a group of the link: ours or not, it goes nowhere else.
static bool is_for_us(const struct ingress *ingress, struct addr6 destination)
{
	if (addr6_is_link_group(destination))
		return true;
	return ingress_has_ipv6(ingress) &&
		(addr6_equal(destination, ingress->gateway6) ||
		 addr6_equal(destination, ingress->link_local));
}

// Only an echo request of the router to the gateway and neighbour discovery go up, and these
// without extension headers: no fragments (RFC 6980), nothing that hides.
static void parse_for_us(struct packet *packet, const uint8_t *ip)
{
	const struct ingress *ingress = packet->ingress;
	bool plain = packet->header_length == sizeof(struct rte_ipv6_hdr);

	if (!ingress_has_ipv6(ingress) || !plain || packet->upper != IPPROTO_ICMPV6)
		packet_drop(packet, DROP_punt_refused);
	else if (icmp_type(packet, ip) == ICMP6_ECHO_REQUEST && addr6_equal(packet->source6, ingress->router6) && addr6_equal(packet->destination6, ingress->gateway6))
		packet_punt(packet, PUNT_echo);
	else if (nd_may_go_up(ingress, ip, packet->ip_length))
		packet_punt(packet, PUNT_nd);
	else
		packet_drop(packet, DROP_punt_refused);
}

// Was the frame sent to our MAC, or to a group of the link by the MAC of that group (RFC 2464 7)?
static bool is_to_us(const struct packet *packet, const uint8_t *ip)
{
	const uint8_t *mac = packet->frame;
	const uint8_t *destination = ip + offsetof(struct rte_ipv6_hdr, dst_addr);

	if (mac[0] != 0x33 || mac[1] != 0x33)
		return true; // ours: parse_ipv6() has seen to the others
	return addr6_is_link_group(packet->destination6) &&
		read32(mac + 2) == read32(destination + 12);
}

static bool is_mac_possible(const struct packet *packet)
{
	const struct rte_ether_hdr *ether = (const void *)packet->frame;
	const uint8_t *mac = packet->frame;

	return rte_is_same_ether_addr(&ether->dst_addr, &packet->ingress->mac) ||
		(mac[0] == 0x33 && mac[1] == 0x33);
}

void parse_ipv6(struct packet *packet)
{
	const struct ingress *ingress = packet->ingress;
	const uint8_t *ip = packet->frame + packet->l3;
	int bad;

	packet->ipv6 = true;
	if (!is_mac_possible(packet)) {
		packet_drop(packet, DROP_not_for_us);
		return;
	}
	bad = check_header(packet, ip, packet->length - packet->l3);
	if (bad < 0)
		bad = check_extensions(packet, ip);
	if (bad >= 0) {
		packet_drop(packet, (enum drop_reason)bad);
		return;
	}
	packet->source6 = read_addr6(ip + offsetof(struct rte_ipv6_hdr, src_addr));
	packet->destination6 = read_addr6(ip + offsetof(struct rte_ipv6_hdr, dst_addr));
	packet->ttl = ip[offsetof(struct rte_ipv6_hdr, hop_limits)];
	packet->dont_fragment = true; // only sources do (RFC 8200 4.5)
	packet->router_error = ingress_has_ipv6(ingress) &&
		addr6_equal(packet->source6, ingress->router6) &&
		is_icmp_error(icmp_type(packet, ip));

	if (!is_to_us(packet, ip))
		packet_drop(packet, DROP_not_for_us);
	else if (is_for_us(ingress, packet->destination6))
		parse_for_us(packet, ip);
	else if (addr6_is_group(packet->source6) || is_martian(packet->source6))
		packet_drop(packet, DROP_martian_source);
	else if (addr6_is_group(packet->destination6))
		packet_drop(packet, DROP_multicast);
	else if (is_martian(packet->destination6))
		packet_drop(packet, DROP_martian_destination);
}
