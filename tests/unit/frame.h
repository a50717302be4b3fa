// SPDX-License-Identifier: BSD-3-Clause
// Builders of frames for tests. A spec names only what is special about a frame: every member left
// out (zero) means what a well-formed UDP packet from pc1 to pc2 has.
//
// The lab of the tests: cloud N has MAC 02:00:00:00:00:0N on its T0 port, its router 02:..:01:0N.
#pragma once

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define FRAME_MAX 2048
#define ETHER_BYTES 14
#define TAG_BYTES 4

struct frame {
	unsigned length;
	uint8_t bytes[FRAME_MAX];
};

struct mac {
	uint8_t bytes[6];
};

static inline struct mac mac_ours(unsigned cloud)
{
	return (struct mac){{2, 0, 0, 0, 0, (uint8_t)cloud}};
}

static inline struct mac mac_router(unsigned cloud)
{
	return (struct mac){{2, 0, 0, 0, 1, (uint8_t)cloud}};
}

#define MAC_BROADCAST ((struct mac){{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}})
#define MAC_MULTICAST ((struct mac){{0x01, 0x00, 0x5e, 0x00, 0x00, 0x05}})
#define MAC_OTHER ((struct mac){{0x02, 0xaa, 0, 0, 0, 1}})

static inline void put16(uint8_t *to, unsigned value)
{
	to[0] = (uint8_t)(value >> 8);
	to[1] = (uint8_t)value;
}

static inline void put32(uint8_t *to, uint32_t value)
{
	put16(to, value >> 16);
	put16(to + 2, value & 0xffff);
}

static inline unsigned get16(const uint8_t *from)
{
	return (unsigned)from[0] << 8 | from[1];
}

static inline uint32_t get32(const uint8_t *from)
{
	return (uint32_t)get16(from) << 16 | get16(from + 2);
}

// An IPv4 address in host order.
static inline uint32_t ip(const char *text)
{
	struct in_addr addr;

	if (inet_pton(AF_INET, text, &addr) != 1)
		abort();
	return ntohl(addr.s_addr);
}

// The Internet checksum as RFC 1071 defines it: what the data plane's is compared with.
static inline unsigned checksum(const uint8_t *bytes, unsigned length)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i + 1 < length; i += 2)
		sum += get16(bytes + i);
	if (length & 1)
		sum += (unsigned)bytes[length - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~(unsigned)sum & 0xffff;
}

// The L2 header of a frame. 'cloud' 0 stands for 1.
struct l2 {
	unsigned cloud; // arrives from this one's router, at our MAC there
	struct mac to; // instead of our MAC
	bool tagged;
	unsigned tci; // of the tag
	unsigned tpid; // instead of 0x8100
	bool inner; // a second tag, with the same tci
	unsigned type; // instead of that of the payload
};

static inline bool mac_given(const struct mac *mac)
{
	static const struct mac none;

	return memcmp(mac, &none, sizeof(none)) != 0;
}

static inline void frame_put(struct frame *frame, const void *bytes, unsigned length)
{
	assert(frame->length + length <= FRAME_MAX);
	memcpy(frame->bytes + frame->length, bytes, length);
	frame->length += length;
}

static inline void frame_put16(struct frame *frame, unsigned value)
{
	uint8_t bytes[2];

	put16(bytes, value);
	frame_put(frame, bytes, sizeof(bytes));
}

static inline void frame_l2(struct frame *frame, const struct l2 *l2, unsigned type)
{
	unsigned cloud = l2->cloud ? l2->cloud : 1;
	struct mac to = mac_given(&l2->to) ? l2->to : mac_ours(cloud);
	struct mac from = mac_router(cloud);

	frame_put(frame, &to, sizeof(to));
	frame_put(frame, &from, sizeof(from));
	for (int tags = l2->tagged + l2->inner; tags > 0; tags--) {
		frame_put16(frame, l2->tpid ? l2->tpid : 0x8100);
		frame_put16(frame, l2->tci);
	}
	frame_put16(frame, l2->type ? l2->type : type);
}

#define TTL_ZERO 256
#define NO_PAYLOAD (-1)
#define FLAG_DF 0x4000
#define FLAG_MF 0x2000
#define FRAGMENT_AT(n) ((n) / 8)
#define PC1 "10.1.0.2" // in the network block of pc1
#define PC2 "10.2.0.2"
#define PC3 "10.3.0.2"

// An IPv4 packet.
struct ipv4 {
	struct l2 l2;
	const char *source; // PC1
	const char *destination; // PC2
	unsigned ttl; // 64; TTL_ZERO
	unsigned protocol; // UDP
	int payload; // bytes behind the header: 26; NO_PAYLOAD
	unsigned icmp_type; // first byte of the payload
	unsigned fragment; // flags and offset
	unsigned tos;
	unsigned id;
	const char *options; // filled up with END
	unsigned options_length;
	// What is wrong with it
	unsigned version; // instead of 4
	unsigned ihl; // instead of the right one
	bool ihl_zero;
	int total_length_off; // added to the right one
	unsigned checksum_off; // added to the right one
	unsigned padding; // bytes behind the packet
};

// Bytes of the IPv4 header of a frame at 'l3', by its IHL.
static inline unsigned header_bytes(const uint8_t *header)
{
	return (header[0] & 0xfu) * 4;
}

static inline void ipv4_seal(uint8_t *header, unsigned length)
{
	put16(header + 10, 0);
	put16(header + 10, checksum(header, length));
}

static inline struct frame ipv4_frame(struct ipv4 spec)
{
	struct frame frame = {};
	unsigned options = (spec.options_length + 3) & ~3u;
	unsigned header_length = 20 + options;
	unsigned payload = spec.payload == NO_PAYLOAD ? 0
		: spec.payload			      ? (unsigned)spec.payload
						      : 26;
	unsigned total = header_length + payload + (unsigned)spec.total_length_off;
	unsigned ihl = spec.ihl_zero ? 0 : spec.ihl ? spec.ihl : header_length / 4;
	uint8_t header[60] = {};

	frame_l2(&frame, &spec.l2, 0x0800);
	header[0] = (uint8_t)((spec.version ? spec.version : 4) << 4 | ihl);
	header[1] = (uint8_t)spec.tos;
	put16(header + 2, total);
	put16(header + 4, spec.id);
	put16(header + 6, spec.fragment);
	header[8] = (uint8_t)(spec.ttl ? spec.ttl : 64);
	header[9] = (uint8_t)(spec.protocol ? spec.protocol : IPPROTO_UDP);
	put32(header + 12, ip(spec.source ? spec.source : PC1));
	put32(header + 16, ip(spec.destination ? spec.destination : PC2));
	if (spec.options_length)
		memcpy(header + 20, spec.options, spec.options_length);
	// Over what the IHL says, so that a wrong IHL alone is not also a wrong checksum.
	ipv4_seal(header, ihl >= 5 && ihl * 4 <= header_length ? ihl * 4 : header_length);
	put16(header + 10, get16(header + 10) + spec.checksum_off);
	frame_put(&frame, header, header_length);
	for (unsigned i = 0; i < payload; i++) {
		uint8_t byte = (uint8_t)(i == 0 ? spec.icmp_type : i);

		frame_put(&frame, &byte, 1);
	}
	for (unsigned i = 0; i < spec.padding; i++)
		frame_put(&frame, "P", 1);
	return frame;
}

#define ipv4(...) ipv4_frame((struct ipv4){__VA_ARGS__})

#define ARP_REQUEST 1
#define ARP_REPLY 2

struct arp {
	struct l2 l2; // 'to' left out: broadcast
	const char *sender; // the router, 169.254.1.2
	const char *target; // the gateway, 169.254.1.1
	unsigned operation; // ARP_REQUEST
	// What is wrong with it
	unsigned hardware; // instead of 1
	unsigned protocol; // instead of 0x0800
	unsigned hlen; // instead of 6
	unsigned plen; // instead of 4
	unsigned shorter; // bytes cut off
};

static inline struct frame arp_frame(struct arp spec)
{
	struct frame frame = {};
	unsigned cloud = spec.l2.cloud ? spec.l2.cloud : 1;
	struct mac router = mac_router(cloud);
	uint8_t arp[28] = {};

	if (!mac_given(&spec.l2.to))
		spec.l2.to = MAC_BROADCAST;
	frame_l2(&frame, &spec.l2, 0x0806);
	put16(arp, spec.hardware ? spec.hardware : 1);
	put16(arp + 2, spec.protocol ? spec.protocol : 0x0800);
	arp[4] = (uint8_t)(spec.hlen ? spec.hlen : 6);
	arp[5] = (uint8_t)(spec.plen ? spec.plen : 4);
	put16(arp + 6, spec.operation ? spec.operation : ARP_REQUEST);
	memcpy(arp + 8, &router, 6);
	put32(arp + 14, ip(spec.sender ? spec.sender : "169.254.1.2"));
	put32(arp + 24, ip(spec.target ? spec.target : "169.254.1.1"));
	frame_put(&frame, arp, sizeof(arp) - spec.shorter);
	return frame;
}

#define arp(...) arp_frame((struct arp){__VA_ARGS__})

// A frame with nothing but an L2 header, and 46 bytes behind it.
static inline struct frame l2_frame(struct l2 spec, unsigned type)
{
	static const uint8_t rest[46];
	struct frame frame = {};

	frame_l2(&frame, &spec, type);
	frame_put(&frame, rest, sizeof(rest));
	return frame;
}
