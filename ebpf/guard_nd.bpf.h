// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
// What of IPv6 neighbour discovery goes up: the allow-list of dataplane/nd.h.
#pragma once

#include "guard_packet.bpf.h"

#include <linux/ipv6.h>

#define IPV6_HEADER 40
#define ND_HOP_LIMIT 255 // nobody beyond the link can send it (RFC 4861 3.1)
#define ND_SOLICITATION 135
#define ND_ADVERTISEMENT 136
#define ND_FLAG_SOLICITED 0x40
#define ND_OPTION_UNIT 8
#define ND_UNITS_MAX 64 // of options: a longer message the guard drops

// Both messages begin alike.
struct nd_message {
	__u8 type;
	__u8 code;
	__be16 checksum;
	__u8 flags; // of an advertisement
	__u8 reserved[3];
	__u8 target[16];
};

STEP bool addr6_is_link_local(struct addr6 addr)
{
	return addr.upper >> 54 == 0xfe80 >> 6;
}

STEP bool addr6_is_group(struct addr6 addr)
{
	return addr.upper >> 56 == 0xff;
}

// A group that ends with the link: ff02::/16.
STEP bool addr6_is_link_group(struct addr6 addr)
{
	return addr.upper >> 48 == 0xff02;
}

STEP bool port_has_ipv6(const struct guard_port *port)
{
	return (port->gateway6[0] | port->gateway6[1]) != 0;
}

STEP bool is_ours(const struct guard_port *port, struct addr6 addr)
{
	return addr6_equal(addr, port_addr6(port->gateway6)) ||
		addr6_equal(addr, port_addr6(port->link_local));
}

// A source that the router may have.
STEP bool is_of_router(const struct guard_port *port, struct addr6 source)
{
	if (addr6_is_link_local(source))
		return !addr6_equal(source, port_addr6(port->link_local));
	return addr6_equal(source, port_addr6(port->router6));
}

STEP bool is_solicited_node(struct addr6 group, struct addr6 addr)
{
	return group.upper == 0xff02000000000000 &&
		group.lower == (0x1ff000000 | (addr.lower & 0xffffff));
}

STEP bool asks_for_us(const struct guard_port *port, struct addr6 destination, struct addr6 target)
{
	return is_ours(port, target) &&
		(addr6_equal(destination, target) || is_solicited_node(destination, target));
}

// To all nodes only about the address that we use, and unasked (RFC 4861 7.1.2).
STEP bool tells_of_router(
	const struct guard_port *port, struct addr6 source, struct addr6 destination,
	const struct nd_message *message
)
{
	struct addr6 target = read_addr6(message->target);
	bool of_router = addr6_equal(target, port_addr6(port->router6));

	if (destination.upper == 0xff02000000000000 && destination.lower == 1)
		return of_router && !(message->flags & ND_FLAG_SOLICITED);
	return is_ours(port, destination) &&
		(of_router || (addr6_is_link_local(target) && addr6_equal(target, source)));
}

STEP __u64 sum_words(const void *at, __u32 words)
{
	const __u32 *word = at;
	__u64 sum = 0;

	for (__u32 i = 0; i < words; i++)
		sum += word[i];
	return sum;
}

// 'units' of options from 'offset' on: all have a length, and end within the message; and with
// them 'sum' makes the checksum right.
SLOW bool nd_options_are_right(struct xdp_md *ctx, __u32 offset, __u32 units, __u64 sum)
{
	__u32 next = 0; // unit at which an option begins

	for (__u32 i = 0; i < ND_UNITS_MAX && i < units; i++) {
		const __u8 *unit = bytes_at(ctx, offset + i * ND_OPTION_UNIT, ND_OPTION_UNIT);

		if (unit == NULL)
			return false;
		if (i == next) {
			if (unit[1] == 0)
				return false;
			next = forget(next + unit[1]);
		}
		sum += sum_words(unit, ND_OPTION_UNIT / 4);
	}
	return next == units && fold(sum) == 0xffff;
}

// What RFC 4861 7.1.1 and 7.1.2 ask of either message, addresses aside.
STEP bool nd_is_valid(
	struct xdp_md *ctx, const struct ipv6hdr *ip, const struct nd_message *message,
	__u32 options, __u32 l3
)
{
	__u64 sum = sum_words(&ip->saddr, 8) + sum_words(message, sizeof(*message) / 4);

	if (ip->hop_limit != ND_HOP_LIMIT || message->code != 0 || options % ND_OPTION_UNIT != 0)
		return false;
	// The rest of the pseudo-header (RFC 8200 8.1).
	sum += bpf_htonl(sizeof(*message) + options) + (__u64)bpf_htonl(IPPROTO_ICMPV6);
	return nd_options_are_right(
		ctx, l3 + IPV6_HEADER + sizeof(*message), options / ND_OPTION_UNIT, sum
	);
}

// May it go up? It has no extension headers, and its length has been checked.
SLOW bool nd_may_go_up(struct xdp_md *ctx, const struct guard_port *port, __u32 l3, __u32 ip_length)
{
	const struct ipv6hdr *ip =
		(const void *)bytes_at(ctx, l3, sizeof(*ip) + sizeof(struct nd_message));
	const struct nd_message *message;
	struct addr6 source, destination;

	if (port == NULL || ip == NULL || ip_length < sizeof(*ip) + sizeof(*message))
		return false;
	message = (const void *)(ip + 1);
	source = read_addr6(&ip->saddr);
	destination = read_addr6(&ip->daddr);
	if (!is_of_router(port, source) ||
	    !nd_is_valid(ctx, ip, message, ip_length - sizeof(*ip) - sizeof(*message), l3))
		return false;
	if (message->type == ND_SOLICITATION)
		return asks_for_us(port, destination, read_addr6(message->target));
	return message->type == ND_ADVERTISEMENT &&
		tells_of_router(port, source, destination, message);
}
