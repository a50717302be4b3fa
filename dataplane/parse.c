// SPDX-License-Identifier: BSD-3-Clause
#include "parse.h"

#include <rte_arp.h>
#include <rte_icmp.h>
#include <rte_ip.h>
#include <rte_prefetch.h>

// ICMP errors that a T0 router may send from its own transit address: what traceroute and path MTU
// discovery behind it rest on.
#define ICMP_DEST_UNREACHABLE 3
#define ICMP_TIME_EXCEEDED 11
#define ICMP_PARAMETER_PROBLEM 12

#define IPV4_OPTION_END 0
#define IPV4_OPTION_NOP 1
#define IPV4_OPTION_LSRR 131
#define IPV4_OPTION_SSRR 137

// The cloud that a port's map gives a frame to, and where its ethertype stands. 0: nobody's.
static uint16_t frame_cloud(const struct port_map *map, struct packet *packet, uint16_t *type_at)
{
	const struct rte_mbuf *mbuf = packet->mbuf;

	*type_at = offsetof(struct rte_ether_hdr, ether_type);
	if (mbuf->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED)
		return map->clouds[mbuf->vlan_tci & (VLAN_IDS - 1)];
	if (read16(packet->frame + *type_at) != RTE_ETHER_TYPE_VLAN)
		return map->clouds[UNTAGGED];
	if (packet->length < sizeof(struct rte_ether_hdr) + sizeof(struct rte_vlan_hdr))
		return 0;

	uint16_t vlan = read16(packet->frame + sizeof(struct rte_ether_hdr)) & (VLAN_IDS - 1);

	*type_at += sizeof(struct rte_vlan_hdr);
	return map->clouds[vlan];
}

void attribute(const struct port_map *map, struct packet *packets, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct packet *packet = &packets[i];
		uint16_t type_at = 0;

		if (packet->length < sizeof(struct rte_ether_hdr)) {
			packet_drop(packet, DROP_too_short);
			continue;
		}

		uint16_t cloud = map ? frame_cloud(map, packet, &type_at) : 0;
		const struct ingress *ingress = published(exchange.ingresses[cloud]);
		const struct table *table = published(exchange.clouds[cloud].table);

		// Slot 0 is always empty. A cloud in the map without ingress or table is coming or
		// going.
		if (ingress == NULL || table == NULL) {
			packet_drop(packet, DROP_unknown_vlan);
			continue;
		}
		packet->cloud = cloud;
		packet->ingress = ingress;
		packet->table = table;
		packet->l3 = type_at + sizeof(rte_be16_t);
	}
}

// Allowed up: a request for the gateway by the router, the router's answer to the gateway, and the
// router announcing itself (which is how a standby T0 takes over).
static bool arp_allowed(const struct ingress *ingress, const uint8_t *arp)
{
	const struct rte_arp_hdr *header = (const void *)arp;
	uint32_t sender = read32((const uint8_t *)&header->arp_data.arp_sip);
	uint32_t target = read32((const uint8_t *)&header->arp_data.arp_tip);
	uint16_t operation = read16((const uint8_t *)&header->arp_opcode);

	if (read16((const uint8_t *)&header->arp_hardware) != RTE_ARP_HRD_ETHER ||
	    read16((const uint8_t *)&header->arp_protocol) != RTE_ETHER_TYPE_IPV4 ||
	    header->arp_hlen != RTE_ETHER_ADDR_LEN || header->arp_plen != sizeof(uint32_t))
		return false;
	if (operation != RTE_ARP_OP_REQUEST && operation != RTE_ARP_OP_REPLY)
		return false;
	return sender == ingress->router &&
		(target == ingress->gateway || target == ingress->router);
}

static void parse_arp(struct packet *packet)
{
	const struct ingress *ingress = packet->ingress;
	const struct rte_ether_hdr *ether = (const void *)packet->frame;

	if (packet->length < packet->l3 + sizeof(struct rte_arp_hdr))
		packet_drop(packet, DROP_too_short);
	else if (!rte_is_broadcast_ether_addr(&ether->dst_addr) && !rte_is_same_ether_addr(&ether->dst_addr, &ingress->mac))
		packet_drop(packet, DROP_not_for_us);
	else if (ingress->gateway == 0 || !arp_allowed(ingress, packet->frame + packet->l3))
		packet_drop(packet, DROP_punt_refused);
	else
		packet_punt(packet, PUNT_arp);
}

// Internet checksum over a header of whole 32-bit words: 0xffff when it is right.
static uint16_t header_sum(const uint8_t *header, unsigned length)
{
	uint32_t sum = 0;

	for (unsigned i = 0; i < length; i += 2)
		sum += read16(header + i);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)(sum + (sum >> 16));
}

// Options must be well formed, and no source route among them (RFC 7126 4.3, 4.4).
static int check_options(const uint8_t *options, unsigned length)
{
	for (unsigned i = 0; i < length;) {
		if (options[i] == IPV4_OPTION_END)
			return -1;
		if (options[i] == IPV4_OPTION_NOP) {
			i++;
			continue;
		}
		if (i + 1 >= length || options[i + 1] < 2 || i + options[i + 1] > length)
			return DROP_bad_option;
		if (options[i] == IPV4_OPTION_LSRR || options[i] == IPV4_OPTION_SSRR)
			return DROP_source_route;
		i += options[i + 1];
	}
	return -1;
}

// RFC 1812 5.2.2 (1) to (5). Returns the reason to drop, or -1.
static int check_header(struct packet *packet, const uint8_t *ip, unsigned available)
{
	if (available < sizeof(struct rte_ipv4_hdr))
		return DROP_too_short;
	if (ip[0] >> 4 != 4)
		return DROP_bad_version;

	unsigned header_length = (ip[0] & 0x0f) * 4u;

	if (header_length < sizeof(struct rte_ipv4_hdr) || header_length > available)
		return DROP_bad_header_length;
	if (header_sum(ip, header_length) != 0xffff)
		return DROP_bad_checksum;

	unsigned ip_length = read16(ip + offsetof(struct rte_ipv4_hdr, total_length));

	if (ip_length < header_length || ip_length > available)
		return DROP_bad_length;
	packet->header_length = (uint16_t)header_length;
	packet->ip_length = (uint16_t)ip_length;
	return check_options(
		ip + sizeof(struct rte_ipv4_hdr), header_length - sizeof(struct rte_ipv4_hdr)
	);
}

// "This network", loopback, link-local, class E and limited broadcast: not forwardable (RFC 6890).
static bool is_martian(uint32_t addr)
{
	return addr >> 24 == 0 || addr >> 24 == 127 || addr >> 16 == 0xa9fe || addr >> 28 == 0xf;
}

static bool is_multicast(uint32_t addr)
{
	return addr >> 28 == 0xe;
}

// The ICMP type of a packet that is the first (or only) fragment of an ICMP message, or -1.
static int icmp_type(const struct packet *packet, const uint8_t *ip)
{
	uint16_t fragment = read16(ip + offsetof(struct rte_ipv4_hdr, fragment_offset));

	if (ip[offsetof(struct rte_ipv4_hdr, next_proto_id)] != IPPROTO_ICMP)
		return -1;
	if ((fragment & RTE_IPV4_HDR_OFFSET_MASK) != 0)
		return -1;
	if (packet->ip_length < packet->header_length + sizeof(struct rte_icmp_hdr))
		return -1;
	return ip[packet->header_length];
}

static bool is_icmp_error(int type)
{
	return type == ICMP_DEST_UNREACHABLE || type == ICMP_TIME_EXCEEDED ||
		type == ICMP_PARAMETER_PROBLEM;
}

// Addressed to our gateway: only a whole echo request of the router goes up. On a /30 the transit
// network has two more addresses, of network and broadcast: nobody's.
static void parse_for_us(struct packet *packet, const uint8_t *ip)
{
	uint16_t fragment = read16(ip + offsetof(struct rte_ipv4_hdr, fragment_offset));
	bool whole = (fragment & (RTE_IPV4_HDR_OFFSET_MASK | RTE_IPV4_HDR_MF_FLAG)) == 0;

	if (whole && icmp_type(packet, ip) == RTE_IP_ICMP_ECHO_REQUEST &&
	    packet->source == packet->ingress->router)
		packet_punt(packet, PUNT_echo);
	else
		packet_drop(packet, DROP_punt_refused);
}

static void parse_ipv4(struct packet *packet)
{
	const struct rte_ether_hdr *ether = (const void *)packet->frame;
	const struct ingress *ingress = packet->ingress;
	const uint8_t *ip = packet->frame + packet->l3;

	if (!rte_is_same_ether_addr(&ether->dst_addr, &ingress->mac)) {
		packet_drop(packet, DROP_not_for_us);
		return;
	}

	int bad = check_header(packet, ip, packet->length - packet->l3);

	if (bad >= 0) {
		packet_drop(packet, (enum drop_reason)bad);
		return;
	}
	packet->source = read32(ip + offsetof(struct rte_ipv4_hdr, src_addr));
	packet->destination = read32(ip + offsetof(struct rte_ipv4_hdr, dst_addr));
	packet->ttl = ip[offsetof(struct rte_ipv4_hdr, time_to_live)];
	packet->dont_fragment =
		read16(ip + offsetof(struct rte_ipv4_hdr, fragment_offset)) & RTE_IPV4_HDR_DF_FLAG;
	packet->router_error = ingress->router != 0 && packet->source == ingress->router &&
		is_icmp_error(icmp_type(packet, ip));

	if (ingress->gateway != 0 && packet->destination == ingress->gateway)
		parse_for_us(packet, ip);
	else if (is_multicast(packet->source) || (is_martian(packet->source) && !packet->router_error))
		packet_drop(packet, DROP_martian_source);
	else if (is_multicast(packet->destination) || packet->destination == UINT32_MAX)
		packet_drop(packet, DROP_multicast);
	else if (is_martian(packet->destination))
		packet_drop(packet, DROP_martian_destination);
}

void parse(struct packet *packets, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct packet *packet = &packets[i];

		if (packet->verdict != VERDICT_FORWARD)
			continue;
		switch (read16(packet->frame + packet->l3 - sizeof(rte_be16_t))) {
		case RTE_ETHER_TYPE_IPV4:
			parse_ipv4(packet);
			break;
		case RTE_ETHER_TYPE_ARP:
			parse_arp(packet);
			break;
		case RTE_ETHER_TYPE_IPV6:
			parse_ipv6(packet);
			break;
		default:
			packet_drop(packet, DROP_unknown_ethertype);
		}
	}
}
