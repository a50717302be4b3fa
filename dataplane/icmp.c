// SPDX-License-Identifier: BSD-3-Clause
#include "icmp.h"

#include <rte_icmp.h>
#include <rte_ip.h>
#include <string.h>

#define ERROR_SIZE_MAX 576 // RFC 1812 4.3.2.3
#define ERROR_HEADERS (sizeof(struct rte_ipv4_hdr) + sizeof(struct icmp_header))
#define ERROR_TTL 64
#define TOS_INTERNETWORK_CONTROL 0xc0 // RFC 1812 4.3.2.5

struct icmp_header {
	uint8_t type;
	uint8_t code;
	rte_be16_t checksum;
	rte_be16_t unused;
	rte_be16_t mtu; // RFC 1191 4, else zero
};

static const struct {
	uint8_t type;
	uint8_t code;
} wire[] = {
	[ICMP_ERROR_NET_UNREACHABLE] = {3, 0},
	[ICMP_ERROR_HOST_UNREACHABLE] = {3, 1},
	[ICMP_ERROR_FRAG_NEEDED] = {3, 4},
	[ICMP_ERROR_TIME_EXCEEDED] = {11, 0},
};

// Everything but the queries: what is not known may be an error (RFC 1122 3.2.2).
static bool is_icmp_query(uint8_t type)
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

// RFC 1812 4.3.2.7. The stages have seen to the rest: the source is a unicast address of the
// cloud's own, the destination is unicast, and the frame was sent to our MAC.
static bool may_answer(const struct packet *packet)
{
	const uint8_t *ip = packet->frame + packet->l3;
	const struct rte_ipv4_hdr *header = (const void *)ip;
	uint16_t fragment = rte_be_to_cpu_16(header->fragment_offset);

	if (packet->leaf_source != leaf_local(packet->cloud) || packet->ingress->gateway == 0)
		return false;
	if ((fragment & RTE_IPV4_HDR_OFFSET_MASK) != 0)
		return false;
	if (header->next_proto_id != IPPROTO_ICMP)
		return true;
	return packet->ip_length > packet->header_length &&
		is_icmp_query(ip[packet->header_length]);
}

bool icmp_error_make(struct packet *packet, const struct egress *back, uint16_t mtu)
{
	enum icmp_error error = drop_reason_icmp((enum drop_reason)packet->reason);
	struct rte_mbuf *mbuf = packet->mbuf;

	if (error == ICMP_ERROR_NONE || back == NULL || !back->usable || !may_answer(packet))
		return false;

	// The new headers go in front of the quoted packet, over the old L2 header.
	unsigned headers = back->l2_length + ERROR_HEADERS;

	if (rte_pktmbuf_headroom(mbuf) + packet->l3 < headers)
		return false;

	unsigned quoted =
		RTE_MIN((unsigned)packet->ip_length, ERROR_SIZE_MAX - (unsigned)ERROR_HEADERS);
	uint8_t *quote = packet->frame + packet->l3;
	struct icmp_header *icmp = (void *)(quote - sizeof(*icmp));
	struct rte_ipv4_hdr *ip = (void *)(quote - ERROR_HEADERS);

	*icmp = (struct icmp_header){
		.type = wire[error].type,
		.code = wire[error].code,
		.mtu = error == ICMP_ERROR_FRAG_NEEDED ? rte_cpu_to_be_16(mtu) : 0,
	};
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

	mbuf->data_off = (uint16_t)(mbuf->data_off + packet->l3 - headers);
	mbuf->data_len = (uint16_t)(headers + quoted);
	mbuf->pkt_len = mbuf->data_len;
	packet->frame = quote - headers;
	packet->length = mbuf->data_len;
	memcpy(packet->frame, back->l2, back->l2_length);
	return true;
}
