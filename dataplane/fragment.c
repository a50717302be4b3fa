// SPDX-License-Identifier: BSD-3-Clause
#include "fragment.h"

#include <rte_ip.h>
#include <rte_ip_frag.h>
#include <string.h>

// A fragment may itself be cut further, unless it is no part of any packet: it would end beyond the
// longest one, where an offset of 13 bits runs over into the flags, or more would follow at an
// offset that cannot be told.
static bool may_be_cut(const struct packet *packet)
{
	const struct rte_ipv4_hdr *header =
		(const void *)(packet->frame + packet->egress->l2_length);
	uint16_t fragment = rte_be_to_cpu_16(header->fragment_offset);
	unsigned offset = (fragment & RTE_IPV4_HDR_OFFSET_MASK) * RTE_IPV4_HDR_OFFSET_UNITS;
	unsigned payload = packet->ip_length - packet->header_length;

	if ((fragment & RTE_IPV4_HDR_MF_FLAG) && payload % RTE_IPV4_HDR_OFFSET_UNITS != 0)
		return false;
	return offset + payload <= UINT16_MAX;
}

// The library leaves the checksum to a NIC.
static void make_frame(struct rte_mbuf *mbuf, const struct egress *egress)
{
	struct rte_ipv4_hdr *header = rte_pktmbuf_mtod(mbuf, struct rte_ipv4_hdr *);

	header->hdr_checksum = 0;
	header->hdr_checksum = rte_ipv4_cksum(header);
	memcpy(rte_pktmbuf_prepend(mbuf, egress->l2_length), egress->l2, egress->l2_length);
}

unsigned fragment(
	struct packet *packet, struct rte_mempool *pool, struct rte_mbuf *fragments[FRAGMENTS_MAX]
)
{
	const struct egress *egress = packet->egress;
	int n;

	if (!may_be_cut(packet)) {
		packet_drop(packet, DROP_bad_fragment);
		return 0;
	}
	// It wants the packet to begin with the IP header, for as long as it cuts.
	rte_pktmbuf_adj(packet->mbuf, egress->l2_length);
	n = rte_ipv4_fragment_copy_nonseg_packet(
		packet->mbuf, fragments, FRAGMENTS_MAX, egress->mtu, pool
	);
	rte_pktmbuf_prepend(packet->mbuf, egress->l2_length);
	if (n <= 0) {
		packet_drop(packet, DROP_no_buffer);
		return 0;
	}
	for (int i = 0; i < n; i++)
		make_frame(fragments[i], egress);
	return (unsigned)n;
}
