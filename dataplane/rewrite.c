// SPDX-License-Identifier: BSD-3-Clause
#include "packet.h"

#include <rte_ip.h>
#include <string.h>

// TTL is the high byte of its 16-bit word: one less is 0x0100 less, so the checksum grows by as
// much, in one's complement (RFC 1624, equation 3). Its zero is written 0x0000: a real header never
// sums to the other one.
static void decrement_ttl(uint8_t *ip)
{
	struct rte_ipv4_hdr *header = (void *)ip;
	uint32_t sum = rte_be_to_cpu_16(header->hdr_checksum) + 0x0100u;

	header->time_to_live--;
	header->hdr_checksum = rte_cpu_to_be_16((uint16_t)(sum + (sum >= 0xffff)));
}

static void rewrite_one(struct packet *packet)
{
	const struct egress *egress = packet->egress;
	struct rte_mbuf *mbuf = packet->mbuf;
	uint8_t *ip = packet->frame + packet->l3;

	if (rte_pktmbuf_headroom(mbuf) + packet->l3 < egress->l2_length) {
		packet_drop(packet, DROP_bad_buffer);
		return;
	}
	if (packet->ipv6)
		((struct rte_ipv6_hdr *)ip)->hop_limits--;
	else
		decrement_ttl(ip);

	// What stands behind the IP packet is the sender's padding: it stays in its cloud.
	mbuf->data_off = (uint16_t)(mbuf->data_off + packet->l3 - egress->l2_length);
	mbuf->data_len = egress->l2_length + packet->ip_length;
	mbuf->pkt_len = mbuf->data_len;
	packet->frame = ip - egress->l2_length;
	packet->length = mbuf->data_len;
	egress_write_l2(egress, packet->frame, packet->ipv6);
}

void rewrite(struct packet *packets, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (packets[i].verdict == VERDICT_FORWARD)
			rewrite_one(&packets[i]);
}
