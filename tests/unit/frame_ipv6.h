// SPDX-License-Identifier: BSD-3-Clause
// Builders of IPv6 frames for tests, as frame.h has them for IPv4: a member left out means what a
// well-formed UDP packet from pc1 to pc2, or a well-formed solicitation of pc1's router, has.
//
// Cloud N has gateway fd00:N:ffff::1, router fd00:N:ffff::2, network block fd00:N:1::/64 and
// segment fd00:N:2::/64; the link-local address of its MAC is fe80::ff:fe00:N.
#pragma once

#include "frame.h"

#define IPV6_BYTES 40
#define PC1_6 "fd00:1:1::2" // in the network block of pc1
#define PC2_6 "fd00:2:1::2"
#define PC3_6 "fd00:3:1::2"
#define GATEWAY_6 "fd00:1:ffff::1"
#define ROUTER_6 "fd00:1:ffff::2"
#define LINK_LOCAL "fe80::ff:fe00:1" // ours, at pc1
#define ROUTER_LINK_LOCAL "fe80::1:2"

#define HOP_BY_HOP 0
#define ROUTING 43
#define FRAGMENT 44
#define ESP 50
#define AUTHENTICATION 51
#define ICMP6 58
#define NO_NEXT_HEADER 59
#define DESTINATION 60
#define MOBILITY 135

static inline void put_addr6(uint8_t *to, const char *text)
{
	if (inet_pton(AF_INET6, text, to) != 1)
		abort();
}

// The MAC of a group (RFC 2464 7).
static inline struct mac mac_group(const char *group)
{
	uint8_t bytes[16];

	put_addr6(bytes, group);
	return (struct mac){{0x33, 0x33, bytes[12], bytes[13], bytes[14], bytes[15]}};
}

// An IPv6 packet.
struct ipv6 {
	struct l2 l2;
	const char *source; // PC1_6
	const char *destination; // PC2_6
	unsigned hop_limit; // 64; TTL_ZERO
	unsigned next; // UDP: the next header of the fixed header
	const char *extensions; // extension headers, as they are on the wire
	unsigned extensions_length;
	int payload; // bytes behind the headers: 26; NO_PAYLOAD
	unsigned icmp_type; // first byte of the payload
	unsigned traffic_class;
	unsigned flow;
	// What is wrong with it
	unsigned version; // instead of 6
	int length_off; // added to the right one
	unsigned padding; // bytes behind the packet
};

static inline struct frame ipv6_frame(struct ipv6 spec)
{
	struct frame frame = {};
	unsigned payload = spec.payload == NO_PAYLOAD ? 0
		: spec.payload			      ? (unsigned)spec.payload
						      : 26;
	unsigned version = spec.version ? spec.version : 6;
	uint8_t header[IPV6_BYTES] = {};

	frame_l2(&frame, &spec.l2, 0x86dd);
	put32(header, version << 28 | spec.traffic_class << 20 | spec.flow);
	put16(header + 4, spec.extensions_length + payload + (unsigned)spec.length_off);
	header[6] = (uint8_t)(spec.next || spec.extensions_length ? spec.next : IPPROTO_UDP);
	header[7] = (uint8_t)(spec.hop_limit ? spec.hop_limit : 64);
	put_addr6(header + 8, spec.source ? spec.source : PC1_6);
	put_addr6(header + 24, spec.destination ? spec.destination : PC2_6);
	frame_put(&frame, header, sizeof(header));
	if (spec.extensions_length)
		frame_put(&frame, spec.extensions, spec.extensions_length);
	for (unsigned i = 0; i < payload; i++) {
		uint8_t byte = (uint8_t)(i == 0 ? spec.icmp_type : i);

		frame_put(&frame, &byte, 1);
	}
	for (unsigned i = 0; i < spec.padding; i++)
		frame_put(&frame, "P", 1);
	return frame;
}

#define ipv6(...) ipv6_frame((struct ipv6){__VA_ARGS__})

// Members of a spec: these extension headers, of which the first is of this kind.
#define EXTENSIONS(kind, bytes) \
	.next = (kind), .extensions = (bytes), .extensions_length = sizeof(bytes) - 1

// The checksum of an ICMPv6 message behind a fixed header (RFC 8200 8.1).
static inline unsigned icmp6_checksum(const uint8_t *header, unsigned length)
{
	uint8_t covered[40 + FRAME_MAX] = {};

	memcpy(covered, header + 8, 32);
	put32(covered + 32, length);
	covered[39] = ICMP6;
	memcpy(covered + 40, header + IPV6_BYTES, length);
	return checksum(covered, 40 + length);
}

// Make the checksum right, which is 2 bytes into the message.
static inline void icmp6_seal(uint8_t *header)
{
	unsigned length = get16(header + 4);

	put16(header + IPV6_BYTES + 2, 0);
	put16(header + IPV6_BYTES + 2, icmp6_checksum(header, length));
}

#define SOLICITATION 135
#define ADVERTISEMENT 136
#define FLAG_ROUTER 0x80
#define FLAG_SOLICITED 0x40
#define FLAG_OVERRIDE 0x20
#define NO_OPTIONS ""

// A neighbour solicitation or advertisement.
struct nd {
	struct l2 l2; // 'to' left out: the MAC of the destination, if that is a group
	unsigned type; // SOLICITATION
	const char *source; // ROUTER_6
	const char *destination; // the solicited-node group of the gateway
	const char *target; // GATEWAY_6
	unsigned flags;
	const char *options; // a source link-layer address
	unsigned options_length;
	// What is wrong with it
	unsigned hop_limit; // instead of 255
	unsigned code;
	unsigned checksum_off; // added to the right one
	unsigned next; // instead of ICMPv6
	unsigned shorter; // bytes cut off, and not announced
	unsigned padding; // bytes behind the packet
};

#define SOLICITED_NODE "ff02::1:ff00:1" // of the gateway and of our link-local address
#define ALL_NODES "ff02::1"

static inline struct frame nd_frame(struct nd spec)
{
	static const char address[] = "\1\1\2\0\0\0\1\1"; // of mac_router(1)
	const char *destination = spec.destination ? spec.destination : SOLICITED_NODE;
	bool given = spec.options != NULL;
	unsigned options = given ? spec.options_length : 8;
	struct frame frame = {};
	uint8_t packet[IPV6_BYTES + 24 + 512] = {};
	uint8_t *message = packet + IPV6_BYTES;

	if (!mac_given(&spec.l2.to) && strncmp(destination, "ff", 2) == 0)
		spec.l2.to = mac_group(destination);
	frame_l2(&frame, &spec.l2, 0x86dd);
	packet[0] = 0x60;
	put16(packet + 4, 24 + options - spec.shorter);
	packet[6] = (uint8_t)(spec.next ? spec.next : ICMP6);
	packet[7] = (uint8_t)(spec.hop_limit ? spec.hop_limit : 255);
	put_addr6(packet + 8, spec.source ? spec.source : ROUTER_6);
	put_addr6(packet + 24, destination);
	message[0] = (uint8_t)(spec.type ? spec.type : SOLICITATION);
	message[1] = (uint8_t)spec.code;
	message[4] = (uint8_t)spec.flags;
	put_addr6(message + 8, spec.target ? spec.target : GATEWAY_6);
	memcpy(message + 24, given ? spec.options : address, options);
	icmp6_seal(packet);
	put16(message + 2, get16(message + 2) + spec.checksum_off);
	frame_put(&frame, packet, IPV6_BYTES + 24 + options - spec.shorter);
	for (unsigned i = 0; i < spec.padding; i++)
		frame_put(&frame, "P", 1);
	return frame;
}

#define nd(...) nd_frame((struct nd){__VA_ARGS__})
#define OPTIONS(bytes) .options = (bytes), .options_length = sizeof(bytes) - 1
