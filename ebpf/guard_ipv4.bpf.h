// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
// ARP and IPv4: the same checks in the same order as dataplane/parse.c.
#pragma once

#include "guard_packet.bpf.h"

#include <linux/ip.h>

#define IPV4_HEADER 20
#define IPV4_HEADER_MAX 60
#define IPV4_OPTIONS_MAX (IPV4_HEADER_MAX - IPV4_HEADER)
#define IPV4_OPTION_END 0
#define IPV4_OPTION_NOP 1
#define IPV4_OPTION_LSRR 131
#define IPV4_OPTION_SSRR 137
#define IPV4_DF 0x4000
#define IPV4_MF 0x2000
#define IPV4_OFFSET 0x1fff

#define ICMP_HEADER 8
#define ICMP_DEST_UNREACHABLE 3
#define ICMP_ECHO_REQUEST 8
#define ICMP_TIME_EXCEEDED 11
#define ICMP_PARAMETER_PROBLEM 12

#define ARP_ETHERNET 1
#define ARP_REQUEST 1
#define ARP_REPLY 2

// Of Ethernet and IPv4.
struct arp {
	__be16 hardware;
	__be16 protocol;
	__u8 hardware_length;
	__u8 protocol_length;
	__be16 operation;
	__u8 sender_mac[6];
	__u8 sender[4];
	__u8 target_mac[6];
	__u8 target[4];
};

STEP bool arp_allowed(const struct guard_port *port, const struct arp *arp)
{
	__u32 sender = read32(arp->sender);
	__u32 target = read32(arp->target);

	if (arp->hardware != bpf_htons(ARP_ETHERNET) || arp->protocol != bpf_htons(ETH_P_IP) ||
	    arp->hardware_length != ETH_ALEN || arp->protocol_length != sizeof(target))
		return false;
	if (arp->operation != bpf_htons(ARP_REQUEST) && arp->operation != bpf_htons(ARP_REPLY))
		return false;
	return sender == port->router && (target == port->gateway || target == port->router);
}

STEP bool is_broadcast_mac(const struct packet *packet)
{
	return *(const __u32 *)packet->frame == 0xffffffff &&
		*(const __u16 *)(packet->frame + 4) == 0xffff;
}

STEP bool parse_arp(struct packet *packet)
{
	const struct arp *arp = (const void *)packet->l3;

	if ((const __u8 *)(arp + 1) > packet->end)
		return drop(packet, DROP_too_short);
	if (!is_broadcast_mac(packet) && !is_our_mac(packet))
		return drop(packet, DROP_not_for_us);
	if (packet->port->gateway == 0 || !arp_allowed(packet->port, arp))
		return drop(packet, DROP_punt_refused);
	return punt(packet, PUNT_arp);
}

// The checksum's sum over options of 'length' bytes, in whole words.
SLOW __u64 ipv4_options_sum(struct xdp_md *ctx, __u32 offset, __u32 length)
{
	__u64 sum = 0;

	for (__u32 i = 0; i < IPV4_OPTIONS_MAX && i < length; i += sizeof(__u32)) {
		const __u8 *at = bytes_at(ctx, offset + i, sizeof(__u32));

		if (at == NULL)
			break; // the caller has seen to that
		sum += *(const __u32 *)at;
	}
	return sum;
}

// Options must be well formed, and no source route among them (RFC 7126 4.3, 4.4). Returns the
// reason to drop, or -1.
SLOW int ipv4_check_options(struct xdp_md *ctx, __u32 offset, __u32 length)
{
	__u32 i = 0;

	for (__u32 n = 0; n < IPV4_OPTIONS_MAX; n++) {
		const __u8 *option;

		i = forget(i);
		if (i >= length)
			return -1;
		option = bytes_at(ctx, offset + i, 1);
		if (option == NULL || option[0] == IPV4_OPTION_END)
			return -1;
		if (option[0] == IPV4_OPTION_NOP) {
			i++;
			continue;
		}
		option = bytes_at(ctx, offset + i, 2);
		if (i + 1 >= length || option == NULL || option[1] < 2 || i + option[1] > length)
			return DROP_bad_option;
		if (option[0] == IPV4_OPTION_LSRR || option[0] == IPV4_OPTION_SSRR)
			return DROP_source_route;
		i += option[1];
	}
	return -1;
}

STEP __u64 ipv4_sum(struct xdp_md *ctx, const struct packet *packet, const struct iphdr *ip)
{
	const __u32 *words = (const void *)ip;
	__u64 sum = (__u64)words[0] + words[1] + words[2] + words[3] + words[4];

	if (packet->header_length > IPV4_HEADER)
		sum += ipv4_options_sum(
			ctx, packet->l3_offset + IPV4_HEADER, packet->header_length - IPV4_HEADER
		);
	return sum;
}

// RFC 1812 5.2.2 (1) to (5).
STEP bool ipv4_check_header(struct xdp_md *ctx, struct packet *packet, const struct iphdr *ip)
{
	int bad = -1;

	if ((const __u8 *)(ip + 1) > packet->end)
		return drop(packet, DROP_too_short);
	if (*(const __u8 *)ip >> 4 != 4)
		return drop(packet, DROP_bad_version);
	packet->header_length = (*(const __u8 *)ip & 0x0f) * 4u;
	if (packet->header_length < IPV4_HEADER || packet->header_length > available(packet))
		return drop(packet, DROP_bad_header_length);
	if (fold(ipv4_sum(ctx, packet, ip)) != 0xffff)
		return drop(packet, DROP_bad_checksum);
	packet->ip_length = bpf_ntohs(ip->tot_len);
	if (packet->ip_length < packet->header_length || packet->ip_length > available(packet))
		return drop(packet, DROP_bad_length);
	if (packet->header_length > IPV4_HEADER)
		bad = ipv4_check_options(
			ctx, packet->l3_offset + IPV4_HEADER, packet->header_length - IPV4_HEADER
		);
	return bad < 0 || drop(packet, (enum drop_reason)bad);
}

// "This network", loopback, link-local, class E and limited broadcast: not forwardable (RFC 6890).
STEP bool ipv4_is_martian(__u32 addr)
{
	return addr >> 24 == 0 || addr >> 24 == 127 || addr >> 16 == 0xa9fe || addr >> 28 == 0xf;
}

STEP bool ipv4_is_multicast(__u32 addr)
{
	return addr >> 28 == 0xe;
}

// The ICMP type of a packet that is the first (or only) fragment of an ICMP message, or -1.
STEP int ipv4_icmp_type(const struct packet *packet, const struct iphdr *ip)
{
	const __u8 *icmp = (const __u8 *)ip + packet->header_length;

	if (ip->protocol != IPPROTO_ICMP || (ip->frag_off & bpf_htons(IPV4_OFFSET)) != 0)
		return -1;
	if (packet->ip_length < packet->header_length + ICMP_HEADER || icmp + 1 > packet->end)
		return -1;
	return *icmp;
}

// What a T0 router may send from its own transit address.
STEP bool ipv4_is_router_error(const struct packet *packet, const struct iphdr *ip, __u32 source)
{
	int type;

	if (packet->port->router == 0 || source != packet->port->router)
		return false;
	type = ipv4_icmp_type(packet, ip);
	return type == ICMP_DEST_UNREACHABLE || type == ICMP_TIME_EXCEEDED ||
		type == ICMP_PARAMETER_PROBLEM;
}

// Addressed to our gateway: only a whole echo request of the router goes up.
STEP bool ipv4_for_us(struct packet *packet, const struct iphdr *ip, __u32 source)
{
	bool whole = (ip->frag_off & bpf_htons(IPV4_OFFSET | IPV4_MF)) == 0;

	if (whole && ipv4_icmp_type(packet, ip) == ICMP_ECHO_REQUEST &&
	    source == packet->port->router)
		return punt(packet, PUNT_echo);
	return drop(packet, DROP_punt_refused);
}

STEP bool parse_ipv4(struct xdp_md *ctx, struct packet *packet)
{
	const struct iphdr *ip = (const void *)packet->l3;
	__u32 source, destination;

	if (!is_our_mac(packet))
		return drop(packet, DROP_not_for_us);
	if (!ipv4_check_header(ctx, packet, ip))
		return false;
	source = bpf_ntohl(ip->saddr);
	destination = bpf_ntohl(ip->daddr);
	packet->ttl = ip->ttl;
	packet->dont_fragment = (ip->frag_off & bpf_htons(IPV4_DF)) != 0;
	packet->router_error = ipv4_is_router_error(packet, ip, source);

	if (packet->port->gateway != 0 && destination == packet->port->gateway)
		return ipv4_for_us(packet, ip, source);
	if (ipv4_is_multicast(source) || (ipv4_is_martian(source) && !packet->router_error))
		return drop(packet, DROP_martian_source);
	if (ipv4_is_multicast(destination) || destination == 0xffffffff)
		return drop(packet, DROP_multicast);
	if (ipv4_is_martian(destination))
		return drop(packet, DROP_martian_destination);
	return true;
}

STEP guard_leaf ipv4_route(const struct packet *packet, __be32 addr)
{
	struct guard_route4_key key = {
		.prefixlen = GUARD_CLOUD_PREFIX + 32,
		.cloud = bpf_htonl(packet->cloud),
		.addr = addr,
	};
	const guard_leaf *leaf = bpf_map_lookup_elem(&routes4, &key);

	return leaf != NULL ? *leaf : LEAF_NONE;
}

// TTL is the high byte of its 16-bit word: one less is 0x0100 less, so the checksum grows by as
// much, in one's complement (RFC 1624, equation 3).
STEP void ipv4_decrement_ttl(struct iphdr *ip)
{
	__u32 sum = bpf_ntohs(ip->check) + 0x0100u;

	ip->ttl--;
	ip->check = bpf_htons((__u16)(sum + (sum >= 0xffff)));
}
