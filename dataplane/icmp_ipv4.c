// SPDX-License-Identifier: BSD-3-Clause
#include "icmp_family.h"

#include <rte_ip.h>

#define ERROR_SIZE_MAX 576 // RFC 1812 4.3.2.3
#define ERROR_HEADERS (sizeof(struct rte_ipv4_hdr) + sizeof(struct icmp_header))
#define ERROR_TTL 64
#define TOS_INTERNETWORK_CONTROL 0xc0 // RFC 1812 4.3.2.5

// Everything but the queries: what is not known may be an error (RFC 1122 3.2.2).
static bool is_query(uint8_t type)
{
	switch (type) {
	case 0: // echo reply
	case 8: // echo
	case 13: // timestamp
	case 14:
	case 15: // information
	case 16:
	case 17: // address mask
	case 18:
		return true;
	default:
		return false;
	}
}

// RFC 1812 4.3.2.7.
static bool may_answer(const struct packet *packet)
{
	const uint8_t *ip = packet->frame + packet->l3;
	const struct rte_ipv4_hdr *header = (const void *)ip;
	uint16_t fragment = rte_be_to_cpu_16(header->fragment_offset);

	if (packet->ingress->gateway == 0 || (fragment & RTE_IPV4_HDR_OFFSET_MASK) != 0)
		return false;
	if (header->next_proto_id != IPPROTO_ICMP)
		return true;
	return packet->ip_length > packet->header_length && is_query(ip[packet->header_length]);
}

static void write_error(
	const struct packet *packet, const struct icmp_header *header, uint8_t *quote,
	unsigned quoted
)
{
	struct icmp_header *icmp = (void *)(quote - sizeof(*icmp));
	struct rte_ipv4_hdr *ip = (void *)(quote - ERROR_HEADERS);

	*icmp = *header;
	icmp->checksum = (uint16_t)~rte_raw_cksum(icmp, sizeof(*icmp) + quoted);
	*ip = (struct rte_ipv4_hdr){
		.version_ihl = RTE_IPV4_VHL_DEF,
		.type_of_service = TOS_INTERNETWORK_CONTROL,
		.total_length = rte_cpu_to_be_16((uint16_t)(ERROR_HEADERS + quoted)),
		.fragment_offset = rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG),
		.time_to_live = ERROR_TTL,
		.next_proto_id = IPPROTO_ICMP,
		.src_addr = rte_cpu_to_be_32(packet->ingress->gateway),
		.dst_addr = rte_cpu_to_be_32(packet->source),
	};
	ip->hdr_checksum = rte_ipv4_cksum(ip);
}

const struct icmp_family icmp_ipv4 = {
	.headers = ERROR_HEADERS,
	.size_max = ERROR_SIZE_MAX,
	.may_answer = may_answer,
	.write = write_error,
};
