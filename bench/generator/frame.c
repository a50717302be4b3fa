// SPDX-License-Identifier: BSD-3-Clause
#include "frame.h"

#include <errno.h>
#include <netinet/in.h>
#include <rte_ip.h>
#include <rte_memcpy.h>
#include <rte_udp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC RTE_BE16(0x7430) // "t0"
#define TTL 64
#define SOURCE_PORT RTE_BE16(49152)
#define DESTINATION_PORT RTE_BE16(9) // discard, RFC 863
#define VLAN_NOBODYS 4094
#define ETHERTYPE_EXPERIMENTAL RTE_BE16(0x88b5)
#define TRUNCATED_TO 10 // bytes of the IP header
#define NUMBER_SIZE 8 // of a sequence number, and of a UDP header
#define MTU 1500 // of every cloud, as far as the large kinds go
#define FRAGMENT_UNIT 8 // RFC 791: offsets count in it
#define CUT_AT \
	(((MTU - sizeof(struct rte_ipv4_hdr)) / FRAGMENT_UNIT) * FRAGMENT_UNIT) // of the payload

// RFC 791: type, length, pointer, one address, end of options.
#define SOURCE_ROUTE \
	{ \
		131, 7, 4, 192, 0, 2, 1, 0 \
	}
static const uint8_t source_route[] = SOURCE_ROUTE;

_Static_assert(sizeof(struct rte_udp_hdr) == NUMBER_SIZE, "a number stands in place of it");

uint64_t frame_random(uint64_t *random)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return *random;
}

// A random address of the network. The transit between prefix and host bits is within a byte.
static void random_address(const struct network *network, uint64_t *random, uint8_t *address)
{
	unsigned bytes = network->family == IPV4 ? 4 : 16;

	for (unsigned i = 0; i < bytes; i++) {
		unsigned fixed = network->length > i * 8 ? network->length - i * 8 : 0;
		uint8_t host = fixed >= 8 ? 0 : 0xff >> fixed;

		address[i] =
			(uint8_t)((network->address[i] & ~host) | (frame_random(random) & host));
	}
}

struct addresses {
	uint8_t source[16];
	uint8_t destination[16];
};

static struct addresses choose_addresses(
	const struct description *description, const struct flow *flow, uint64_t *random
)
{
	static const uint8_t loopback4[16] = {127, 0, 0, 1}, group4[16] = {224, 0, 1, 1};
	static const uint8_t loopback6[16] = {[15] = 1}, group6[16] = {0xff, 0x0e, [15] = 1};
	static const uint8_t local4[16] = {169, 254, 200, 1}, local6[16] = {0xfe, 0x80, [15] = 9};
	const struct cloud *from = &description->clouds[flow->from];
	const struct cloud *to = &description->clouds[flow->to];
	struct addresses addresses = {};

	random_address(
		cloud_network(flow->kind == KIND_spoofed ? to : from, flow->family), random,
		addresses.source
	);
	random_address(cloud_network(to, flow->family), random, addresses.destination);
	if (flow->kind == KIND_martian)
		memcpy(addresses.source, flow->family == IPV4 ? loopback4 : loopback6, 16);
	if (flow->kind == KIND_multicast)
		memcpy(addresses.destination, flow->family == IPV4 ? group4 : group6, 16);
	if (flow->kind == KIND_link_local)
		memcpy(addresses.destination, flow->family == IPV4 ? local4 : local6, 16);
	return addresses;
}

// Returns the length of the Ethernet header.
static unsigned put_ether(const struct cloud *from, const struct flow *flow, uint8_t *bytes)
{
	rte_be16_t type = flow->family == IPV4 ? RTE_BE16(RTE_ETHER_TYPE_IPV4)
					       : RTE_BE16(RTE_ETHER_TYPE_IPV6);
	uint16_t vlan = flow->kind == KIND_vlan ? VLAN_NOBODYS : from->vlan;
	struct rte_ether_hdr *ether = (void *)bytes;
	struct rte_vlan_hdr *tag = (void *)(ether + 1);

	ether->dst_addr = from->gateway_mac;
	ether->src_addr = from->router_mac;
	if (flow->kind == KIND_mac)
		ether->dst_addr.addr_bytes[5] ^= 0x55;
	if (flow->kind == KIND_ethertype)
		type = ETHERTYPE_EXPERIMENTAL;
	ether->ether_type = type;
	if (vlan == 0)
		return sizeof(*ether);
	ether->ether_type = RTE_BE16(RTE_ETHER_TYPE_VLAN);
	*tag = (struct rte_vlan_hdr){rte_cpu_to_be_16(vlan), type};
	return sizeof(*ether) + sizeof(*tag);
}

static void sum_ipv4(uint8_t *bytes)
{
	struct rte_ipv4_hdr *ip = (void *)bytes;

	ip->hdr_checksum = 0;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
}

// Returns the length of the IP header.
static unsigned put_ipv4(
	const struct flow *flow, const struct addresses *addresses, unsigned length, uint8_t *bytes
)
{
	unsigned header = sizeof(struct rte_ipv4_hdr);
	struct rte_ipv4_hdr *ip = (void *)bytes;

	if (flow->kind == KIND_source_route) {
		memcpy(bytes + header, source_route, sizeof(source_route));
		header += sizeof(source_route);
	}
	*ip = (struct rte_ipv4_hdr){
		.version_ihl = (uint8_t)(0x40 | header / 4),
		.total_length = rte_cpu_to_be_16((uint16_t)length),
		.fragment_offset =
			flow->kind == KIND_fragments ? 0 : RTE_BE16(RTE_IPV4_HDR_DF_FLAG),
		.time_to_live = flow->kind == KIND_ttl ? 1 : TTL,
		.next_proto_id = IPPROTO_UDP,
	};
	memcpy(&ip->src_addr, addresses->source, 4);
	memcpy(&ip->dst_addr, addresses->destination, 4);
	return header;
}

static unsigned put_ipv6(
	const struct flow *flow, const struct addresses *addresses, unsigned length, uint8_t *bytes
)
{
	struct rte_ipv6_hdr *ip = (void *)bytes;

	*ip = (struct rte_ipv6_hdr){
		.vtc_flow = RTE_BE32(0x60000000),
		.payload_len = rte_cpu_to_be_16((uint16_t)(length - sizeof(*ip))),
		.proto = IPPROTO_UDP,
		.hop_limits = flow->kind == KIND_ttl ? 1 : TTL,
	};
	memcpy(ip->src_addr, addresses->source, 16);
	memcpy(ip->dst_addr, addresses->destination, 16);
	return sizeof(*ip);
}

// Header, mark with sequence number 0, and random bytes to the end; in the second fragment the
// number and the mark once more.
static void put_udp(unsigned length, unsigned cut, uint16_t index, uint64_t *random, uint8_t *bytes)
{
	struct rte_udp_hdr *udp = (void *)bytes;
	struct mark mark = {.magic = MAGIC, .frame = rte_cpu_to_be_16(index)};

	*udp = (struct rte_udp_hdr){
		.src_port = SOURCE_PORT,
		.dst_port = DESTINATION_PORT,
		.dgram_len = rte_cpu_to_be_16((uint16_t)length),
	};
	memcpy(udp + 1, &mark, sizeof(mark));
	for (unsigned i = sizeof(*udp) + sizeof(mark); i < length; i++)
		bytes[i] = (uint8_t)frame_random(random);
	if (cut) {
		memset(bytes + cut, 0, NUMBER_SIZE);
		memcpy(bytes + cut + NUMBER_SIZE, &mark, sizeof(mark));
	}
}

// The checksum that a datagram with this sequence number must have. One's complement sums do not
// mind the order of bytes, as long as it is the same throughout.
static uint16_t udp_checksum(const struct frame *frame, rte_be64_t sequence)
{
	uint32_t sum = frame->sum;
	uint16_t words[4];

	memcpy(words, &sequence, sizeof(words));
	for (unsigned i = 0; i < (frame->cut ? 3 : 1); i++)
		sum += (uint32_t)words[0] + words[1] + words[2] + words[3];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff ? 0xffff : (uint16_t)~sum;
}

// Make the frame as wrong as its kind wants it.
static void spoil(struct frame *frame, const struct flow *flow)
{
	uint8_t *ip = frame->bytes + frame->l3;
	uint8_t *length = ip + (flow->family == IPV4 ? 2 : 4);

	switch (flow->kind) {
	case KIND_version:
		*ip = (uint8_t)(0x50 | (*ip & 0x0f));
		break;
	case KIND_length:
		length[1]++;
		length[0] = (uint8_t)(length[0] + (length[1] == 0));
		break;
	case KIND_header_length:
		*ip = 0x44;
		break;
	case KIND_truncated:
		frame->length = (uint16_t)(frame->l3 + TRUNCATED_TO);
		frame->udp = 0;
		break;
	default:
		break;
	}
	if (flow->family == IPV4)
		sum_ipv4(ip);
	if (flow->kind == KIND_checksum)
		((struct rte_ipv4_hdr *)ip)->hdr_checksum ^= RTE_BE16(0x0101);
}

static void lower_hops(uint8_t *ip, const struct flow *flow, unsigned hops)
{
	if (flow->family == IPV6) {
		((struct rte_ipv6_hdr *)ip)->hop_limits -= (uint8_t)hops;
		return;
	}
	((struct rte_ipv4_hdr *)ip)->time_to_live -= (uint8_t)hops;
	sum_ipv4(ip);
}

// Make a fragment of a whole packet without options, from its payload from 'at' on.
static void cut_ipv4(uint8_t *ip, unsigned at, unsigned payload, bool last)
{
	struct rte_ipv4_hdr *header = (void *)ip;

	memmove(header + 1, (uint8_t *)(header + 1) + at, payload);
	header->total_length = rte_cpu_to_be_16((uint16_t)(sizeof(*header) + payload));
	header->fragment_offset = rte_cpu_to_be_16((uint16_t
	)(at / FRAGMENT_UNIT | (last ? 0 : RTE_IPV4_HDR_MF_FLAG)));
	sum_ipv4(ip);
}

static int build_back(
	const struct description *description, const struct flow *flow, struct frame *frame
)
{
	unsigned length = frame->length - frame->l3;
	unsigned header = sizeof(struct rte_ipv4_hdr); // of what is cut

	frame->n_back = frame->cut ? FRAGMENTS : 1;
	for (unsigned i = 0; i < frame->n_back; i++) {
		struct back *back = &frame->back[i];

		back->bytes = malloc(length);
		if (!back->bytes)
			return -ENOMEM;
		back->length = (uint16_t)length;
		memcpy(back->bytes, frame->bytes + frame->l3, length);
		lower_hops(back->bytes, flow, description->hops);
		if (!frame->cut)
			continue;
		back->length = (uint16_t)(i == 0 ? header + frame->cut : length - frame->cut);
		cut_ipv4(back->bytes, i * frame->cut, back->length - header, i > 0);
	}
	return 0;
}

static unsigned header_length(const struct flow *flow)
{
	if (flow->family == IPV6)
		return sizeof(struct rte_ipv6_hdr);
	return sizeof(struct rte_ipv4_hdr) +
		(flow->kind == KIND_source_route ? sizeof(source_route) : 0);
}

// Bytes of IP of a frame of that size on the wire, or of what its kind says instead.
static unsigned ip_length(const struct flow *flow, unsigned size, unsigned l3)
{
	unsigned marked = sizeof(struct rte_udp_hdr) + sizeof(struct mark);

	if (flow->kind == KIND_large)
		return MTU + 1;
	if (flow->kind == KIND_fragments)
		return header_length(flow) + CUT_AT + marked;
	return RTE_MAX(size - FRAME_CRC - l3, header_length(flow) + marked);
}

int frame_build(
	const struct description *description, uint16_t number, unsigned size, uint16_t index,
	uint64_t *random, struct frame *frame
)
{
	const struct flow *flow = &description->flows[number];
	struct addresses addresses = choose_addresses(description, flow, random);
	uint8_t *bytes = calloc(1, FRAME_BYTES_MAX);

	if (!bytes)
		return -ENOMEM;
	*frame = (struct frame){.flow = number, .bytes = bytes};
	frame->l3 = (uint16_t)put_ether(&description->clouds[flow->from], flow, bytes);
	frame->cut = flow->kind == KIND_fragments ? CUT_AT : 0;

	uint8_t *ip = bytes + frame->l3;
	unsigned length = ip_length(flow, size, frame->l3);

	frame->length = (uint16_t)(frame->l3 + length);
	frame->udp = (uint16_t
	)(flow->family == IPV4 ? put_ipv4(flow, &addresses, length, ip)
			       : put_ipv6(flow, &addresses, length, ip));

	struct rte_udp_hdr *udp = (void *)(ip + frame->udp);

	put_udp(length - frame->udp, frame->cut, index, random, (uint8_t *)udp);
	udp->dgram_cksum = flow->family == IPV4 ? rte_ipv4_udptcp_cksum((void *)ip, udp)
						: rte_ipv6_udptcp_cksum((void *)ip, udp);
	frame->sum = (uint16_t)~udp->dgram_cksum;
	spoil(frame, flow);
	return kind_reason(flow->kind) ? 0 : build_back(description, flow, frame);
}

void frame_free(struct frame *frame)
{
	free(frame->bytes);
	for (unsigned i = 0; i < FRAGMENTS; i++)
		free(frame->back[i].bytes);
	*frame = (struct frame){};
}

void frame_write(const struct frame *frame, uint64_t sequence, uint8_t *to)
{
	rte_be64_t number = rte_cpu_to_be_64(sequence);
	uint8_t *udp = to + frame->l3 + frame->udp;
	uint8_t *at = udp + sizeof(struct rte_udp_hdr) + offsetof(struct mark, sequence);
	uint16_t checksum = udp_checksum(frame, number);

	rte_memcpy(to, frame->bytes, frame->length);
	if (!frame->udp)
		return;
	memcpy(udp + offsetof(struct rte_udp_hdr, dgram_cksum), &checksum, sizeof(checksum));
	memcpy(at, &number, sizeof(number));
	if (frame->cut) {
		memcpy(udp + frame->cut, &number, sizeof(number));
		memcpy(at + frame->cut, &number, sizeof(number));
	}
}

// Headers may have been made wrong, but the ethertype and the length of a header without options
// are as good as any.
const struct mark *frame_mark(const uint8_t *bytes, unsigned length, unsigned l3)
{
	const struct mark *mark;
	unsigned at = l3 + sizeof(struct rte_udp_hdr);

	if (length <= l3)
		return NULL;
	if (bytes[l3 - 2] == 0x86 && bytes[l3 - 1] == 0xdd)
		at += sizeof(struct rte_ipv6_hdr);
	else
		at += RTE_MAX((bytes[l3] & 0x0fu) * 4, (unsigned)sizeof(struct rte_ipv4_hdr));
	mark = (const void *)(bytes + at);
	return at + sizeof(*mark) <= length && mark->magic == MAGIC ? mark : NULL;
}

unsigned frame_fragment(const struct frame *frame, const uint8_t *ip)
{
	const struct rte_ipv4_hdr *header = (const void *)ip;

	return frame->n_back > 1 &&
		(header->fragment_offset & RTE_BE16(RTE_IPV4_HDR_OFFSET_MASK)) != 0;
}

// Is the UDP header, with the checksum that goes with the sequence number, as it must be?
static bool udp_intact(
	const struct frame *frame, const struct back *back, const uint8_t *ip, uint64_t sequence
)
{
	unsigned checksum = frame->udp + offsetof(struct rte_udp_hdr, dgram_cksum);
	uint16_t expected = udp_checksum(frame, rte_cpu_to_be_64(sequence));

	return memcmp(ip + frame->udp, back->bytes + frame->udp, checksum - frame->udp) == 0 &&
		memcmp(ip + checksum, &expected, sizeof(expected)) == 0;
}

bool frame_intact(const struct frame *frame, const uint8_t *ip, unsigned length, uint64_t sequence)
{
	unsigned fragment = frame_fragment(frame, ip);
	const struct back *back = &frame->back[fragment];
	unsigned own = back->length;
	unsigned mark = frame->udp + sizeof(struct rte_udp_hdr);
	unsigned number = mark + offsetof(struct mark, sequence);
	unsigned behind = number + sizeof(rte_be64_t);

	// What Ethernet padded is as long as Ethernet wants it.
	if (length != own &&
	    !(length > own && length + RTE_ETHER_HDR_LEN <= FRAME_SIZE_MIN - FRAME_CRC))
		return false;
	if (fragment == 0 ? !udp_intact(frame, back, ip, sequence)
			  : memcmp(ip + frame->udp, ip + number, NUMBER_SIZE) != 0)
		return false;
	return memcmp(ip - 2, frame->bytes + frame->l3 - 2, 2) == 0 && // ethertype
		memcmp(ip, back->bytes, frame->udp) == 0 &&
		memcmp(ip + mark, back->bytes + mark, number - mark) == 0 &&
		memcmp(ip + behind, back->bytes + behind, own - behind) == 0;
}
