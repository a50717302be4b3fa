// SPDX-License-Identifier: BSD-3-Clause
#include "icmp.h"

#include "icmp_family.h"

// Type and code of an error, by the two families.
static const struct {
	uint8_t type, code;
	uint8_t type6, code6;
} wire[] = {
	[ICMP_ERROR_NET_UNREACHABLE] = {3, 0, 1, 0},
	[ICMP_ERROR_HOST_UNREACHABLE] = {3, 1, 1, 3},
	[ICMP_ERROR_FRAG_NEEDED] = {3, 4, 2, 0},
	[ICMP_ERROR_TIME_EXCEEDED] = {11, 0, 3, 0},
};

// The stages have seen to the rest of RFC 1812 4.3.2.7 and RFC 4443 2.4 (e): the source is a
// unicast address of the cloud's own, the destination is unicast, and the frame was sent to our
// MAC.
static bool may_answer(const struct packet *packet, const struct icmp_family *family)
{
	return packet->leaf_source == leaf_local(packet->cloud) && family->may_answer(packet);
}

bool icmp_error_make(struct packet *packet, const struct egress *back, uint16_t mtu)
{
	const struct icmp_family *family = packet->ipv6 ? &icmp_ipv6 : &icmp_ipv4;
	enum icmp_error error = drop_reason_icmp((enum drop_reason)packet->reason);
	struct rte_mbuf *mbuf = packet->mbuf;

	if (error == ICMP_ERROR_NONE || back == NULL || !back->usable ||
	    !may_answer(packet, family))
		return false;

	// The new headers go in front of the quoted packet, over the old L2 header.
	unsigned headers = back->l2_length + family->headers;

	if (rte_pktmbuf_headroom(mbuf) + packet->l3 < headers)
		return false;

	unsigned quoted = RTE_MIN((unsigned)packet->ip_length, family->size_max - family->headers);
	uint8_t *quote = packet->frame + packet->l3;
	const struct icmp_header header = {
		.type = packet->ipv6 ? wire[error].type6 : wire[error].type,
		.code = packet->ipv6 ? wire[error].code6 : wire[error].code,
		.mtu = error == ICMP_ERROR_FRAG_NEEDED ? rte_cpu_to_be_16(mtu) : 0,
	};

	family->write(packet, &header, quote, quoted);
	mbuf->data_off = (uint16_t)(mbuf->data_off + packet->l3 - headers);
	mbuf->data_len = (uint16_t)(headers + quoted);
	mbuf->pkt_len = mbuf->data_len;
	packet->frame = quote - headers;
	packet->length = mbuf->data_len;
	egress_write_l2(back, packet->frame, packet->ipv6);
	return true;
}
