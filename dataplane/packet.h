// SPDX-License-Identifier: BSD-3-Clause
// One packet on its way, and the stages that it passes.
//
//	attribute -> parse -> look_up -> decide -> rewrite
//
// Each stage is one function over a burst. A stage that ends a packet's way sets its verdict and
// reason; later stages leave it alone. What survives them all is forwarded.
#pragma once

#include "exchange.h"
#include "explain.h"
#include "reason.h"

#include <rte_mbuf.h>

#define BURST_MAX 64

struct packet {
	struct rte_mbuf *mbuf; // NULL for a frame that explain() made up
	uint8_t *frame; // Ethernet header
	uint16_t length; // bytes of frame
	uint16_t l3; // offset of the IP header in the frame
	uint16_t cloud; // it came from; 0 when nobody's
	uint8_t verdict; // enum verdict
	uint8_t reason; // of a drop or punt
	uint8_t ttl; // or hop limit
	uint8_t upper; // IPv6: what follows the headers, or IPPROTO_FRAGMENT when nobody can tell
	bool ipv6;
	bool router_error; // an ICMP error of the T0 router itself
	bool dont_fragment;
	uint16_t header_length; // bytes of IP headers: options, extension headers included
	uint16_t ip_length; // bytes of IP, header included
	uint32_t source; // IPv4, host order
	uint32_t destination;
	struct addr6 source6; // IPv6
	struct addr6 destination6;
	leaf_t leaf_source;
	leaf_t leaf_destination;
	const struct ingress *ingress;
	const struct table *table;
	const struct egress *egress;
};

static inline void packet_drop(struct packet *packet, enum drop_reason reason)
{
	packet->verdict = VERDICT_DROP;
	packet->reason = reason;
}

static inline void packet_punt(struct packet *packet, enum punt_reason reason)
{
	packet->verdict = VERDICT_PUNT;
	packet->reason = reason;
}

// Whose is it? VLAN tag to cloud, by the port's map (NULL: the port is being removed). Sets cloud,
// ingress, table and l3. The packets come with mbuf, frame, length and VERDICT_FORWARD.
void attribute(const struct port_map *map, struct packet *packets, unsigned n);

// Is it well formed, and for us to route? RFC 1812 5.2.2 and RFC 8200 with every length checked
// against the frame before a byte beyond it is read; martians (RFC 6890); the punt allow-list (RFC
// 6192).
void parse(struct packet *packets, unsigned n);

// Source and destination in the ingress cloud's own table, and nowhere else.
void look_up(struct packet *packets, unsigned n);

// Anti-spoofing, non-transitivity, TTL, MTU, egress.
void decide(struct packet *packets, unsigned n);

// TTL and checksum (RFC 1624) or hop limit, L2 header of the egress, in the mbuf.
void rewrite(struct packet *packets, unsigned n);
