// SPDX-License-Identifier: BSD-3-Clause
#include "icmp_family.h"

#include <rte_ip.h>

#define ERROR_SIZE_MAX 1280 // RFC 4443 2.4 (c)
#define ERROR_HEADERS (sizeof(struct rte_ipv6_hdr) + sizeof(struct icmp_header))
#define ERROR_HOP_LIMIT 64
#define VERSION_AND_CLASS 0x6c000000 // internetwork control, as with IPv4

#define INFORMATIONAL 128 // types from here on are no errors (RFC 4443 2.1)
#define REDIRECT 137

// RFC 4443 2.4 (e). What cannot be told may be an error.
static bool may_answer(const struct packet *packet)
{
	const uint8_t *ip = packet->frame + packet->l3;
	uint8_t type;

	if (!ingress_has_ipv6(packet->ingress) || packet->upper == IPPROTO_FRAGMENT)
		return false;
	if (packet->upper != IPPROTO_ICMPV6)
		return true;
	if (packet->ip_length <= packet->header_length)
		return false;
	type = ip[packet->header_length];
	return type >= INFORMATIONAL && type != REDIRECT;
}

static void write_addr(uint8_t *to, struct addr6 addr)
{
	rte_be64_t halves[] = {rte_cpu_to_be_64(addr.upper), rte_cpu_to_be_64(addr.lower)};

	__builtin_memcpy(to, halves, sizeof(halves));
}

static void write_error(
	const struct packet *packet, const struct icmp_header *header, uint8_t *quote,
	unsigned quoted
)
{
	struct icmp_header *icmp = (void *)(quote - sizeof(*icmp));
	struct rte_ipv6_hdr *ip = (void *)(quote - ERROR_HEADERS);
	uint32_t sum;

	*icmp = *header;
	*ip = (struct rte_ipv6_hdr){
		.vtc_flow = rte_cpu_to_be_32(VERSION_AND_CLASS),
		.payload_len = rte_cpu_to_be_16((uint16_t)(sizeof(*icmp) + quoted)),
		.proto = IPPROTO_ICMPV6,
		.hop_limits = ERROR_HOP_LIMIT,
	};
	write_addr(ip->src_addr, packet->ingress->gateway6);
	write_addr(ip->dst_addr, packet->source6);
	sum = rte_ipv6_phdr_cksum(ip, 0);
	sum += rte_raw_cksum(icmp, sizeof(*icmp) + quoted);
	icmp->checksum = (uint16_t) ~((sum & 0xffff) + (sum >> 16));
}

const struct icmp_family icmp_ipv6 = {
	.headers = ERROR_HEADERS,
	.size_max = ERROR_SIZE_MAX,
	.may_answer = may_answer,
	.write = write_error,
};
