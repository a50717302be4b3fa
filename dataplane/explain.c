// SPDX-License-Identifier: BSD-3-Clause
#include "packet.h"

#include <errno.h>
#include <rte_ip.h>
#include <rte_udp.h>
#include <string.h>

#define SIZE_MAX_IP 9216
#define L2_LENGTH sizeof(struct rte_ether_hdr)

// A UDP packet to our MAC, as the T0 router of the cloud would send it.
static void make_frame(
	uint8_t *frame, const struct ingress *ingress, uint32_t source, uint32_t destination,
	unsigned ttl, unsigned size
)
{
	struct rte_ether_hdr *ether = (void *)frame;
	struct rte_ipv4_hdr *ip = (void *)(frame + L2_LENGTH);

	ether->dst_addr = ingress->mac;
	ether->ether_type = rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4);
	*ip = (struct rte_ipv4_hdr){
		.version_ihl = RTE_IPV4_VHL_DEF,
		.total_length = rte_cpu_to_be_16((uint16_t)size),
		.fragment_offset = rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG),
		.time_to_live = (uint8_t)ttl,
		.next_proto_id = IPPROTO_UDP,
		.src_addr = rte_cpu_to_be_32(source),
		.dst_addr = rte_cpu_to_be_32(destination),
	};
	ip->hdr_checksum = rte_ipv4_cksum(ip);
}

int explain(
	uint16_t cloud, const struct addr *source, const struct addr *destination, unsigned ttl,
	unsigned size, struct explanation *explanation
)
{
	// The stages read at most the headers; the length is only compared.
	static uint8_t frame[L2_LENGTH + SIZE_MAX_IP];
	unsigned size_min = sizeof(struct rte_ipv4_hdr) + sizeof(struct rte_udp_hdr);

	if (source->family == FAMILY_NONE || source->family != destination->family || ttl > 255)
		return -EINVAL;
	if (source->family == FAMILY_IPV6)
		size_min = sizeof(struct rte_ipv6_hdr) + sizeof(struct rte_udp_hdr);
	if (size < size_min || size > SIZE_MAX_IP)
		return -EINVAL;
	if (cloud > CLOUD_ID_MAX)
		return -ENOENT;

	const struct cloud_slot *slot = &exchange.clouds[cloud];

	if (slot->ingress == NULL || slot->table == NULL)
		return -ENOENT;

	struct packet packet = {
		.frame = frame,
		.length = (uint16_t)(L2_LENGTH + size),
		.l3 = L2_LENGTH,
		.cloud = cloud,
		.ingress = slot->ingress,
		.table = slot->table,
	};

	memset(frame, 0, sizeof(frame));
	if (source->family == FAMILY_IPV4) {
		make_frame(
			frame, slot->ingress, addr_ipv4(source), addr_ipv4(destination), ttl, size
		);
		parse(&packet, 1);
		look_up(&packet, 1);
		decide(&packet, 1);
	} else {
		packet_drop(&packet, DROP_ipv6_unsupported);
		packet.leaf_source = table_lookup(slot->table, source);
		packet.leaf_destination = table_lookup(slot->table, destination);
	}
	*explanation = (struct explanation){
		.verdict = packet.verdict,
		.reason = packet.reason,
		.source = packet.leaf_source,
		.destination = packet.leaf_destination,
	};
	return 0;
}
