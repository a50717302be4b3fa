// SPDX-License-Identifier: BSD-3-Clause
#include "packet.h"

#include <errno.h>
#include <rte_ip.h>
#include <rte_udp.h>
#include <string.h>

#define SIZE_MAX_IP 9216
#define L2_LENGTH sizeof(struct rte_ether_hdr)

_Static_assert(EXPLAIN_FRAME_MAX == SIZE_MAX_IP + L2_LENGTH, "holds the largest");

static void make_ipv4(
	struct rte_ipv4_hdr *ip, uint32_t source, uint32_t destination, unsigned ttl, unsigned size
)
{
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

static void make_ipv6(
	struct rte_ipv6_hdr *ip, const struct addr *source, const struct addr *destination,
	unsigned hop_limit, unsigned size
)
{
	*ip = (struct rte_ipv6_hdr){
		.vtc_flow = rte_cpu_to_be_32(6u << 28),
		.payload_len = rte_cpu_to_be_16((uint16_t)(size - sizeof(*ip))),
		.proto = IPPROTO_UDP,
		.hop_limits = (uint8_t)hop_limit,
	};
	memcpy(ip->src_addr, source->bytes, sizeof(ip->src_addr));
	memcpy(ip->dst_addr, destination->bytes, sizeof(ip->dst_addr));
}

// A UDP packet to our MAC, as the T0 router of the cloud would send it.
static void make_frame(
	uint8_t *frame, const struct ingress *ingress, const struct addr *source,
	const struct addr *destination, unsigned ttl, unsigned size
)
{
	bool ipv6 = source->family == FAMILY_IPV6;
	struct rte_ether_hdr *ether = (void *)frame;
	void *ip = frame + L2_LENGTH;

	ether->dst_addr = ingress->mac;
	ether->ether_type = rte_cpu_to_be_16(ipv6 ? RTE_ETHER_TYPE_IPV6 : RTE_ETHER_TYPE_IPV4);
	if (ipv6)
		make_ipv6(ip, source, destination, ttl, size);
	else
		make_ipv4(ip, addr_ipv4(source), addr_ipv4(destination), ttl, size);
}

// 0, or -errno.
static int check(
	uint16_t cloud, const struct addr *source, const struct addr *destination, unsigned ttl,
	unsigned size
)
{
	unsigned size_min = sizeof(struct rte_ipv4_hdr) + sizeof(struct rte_udp_hdr);

	if (source->family == FAMILY_NONE || source->family != destination->family || ttl > 255)
		return -EINVAL;
	if (source->family == FAMILY_IPV6)
		size_min = sizeof(struct rte_ipv6_hdr) + sizeof(struct rte_udp_hdr);
	if (size < size_min || size > SIZE_MAX_IP)
		return -EINVAL;
	if (cloud > CLOUD_ID_MAX || exchange.ingresses[cloud] == NULL ||
	    exchange.clouds[cloud].table == NULL)
		return -ENOENT;
	return 0;
}

size_t explain_frame(
	uint16_t cloud, const struct addr *source, const struct addr *destination, unsigned ttl,
	unsigned size, uint8_t frame[static EXPLAIN_FRAME_MAX]
)
{
	if (check(cloud, source, destination, ttl, size) < 0)
		return 0;
	memset(frame, 0, L2_LENGTH + size);
	make_frame(frame, exchange.ingresses[cloud], source, destination, ttl, size);
	return L2_LENGTH + size;
}

int explain(
	uint16_t cloud, const struct addr *source, const struct addr *destination, unsigned ttl,
	unsigned size, struct explanation *explanation
)
{
	// The stages read at most the headers; the length is only compared.
	static uint8_t frame[EXPLAIN_FRAME_MAX];
	int code = check(cloud, source, destination, ttl, size);

	if (code < 0)
		return code;

	struct packet packet = {
		.frame = frame,
		.length = (uint16_t)explain_frame(cloud, source, destination, ttl, size, frame),
		.l3 = L2_LENGTH,
		.cloud = cloud,
		.ingress = exchange.ingresses[cloud],
		.table = exchange.clouds[cloud].table,
	};

	parse(&packet, 1);
	look_up(&packet, 1);
	decide(&packet, 1);
	*explanation = (struct explanation){
		.verdict = packet.verdict,
		.reason = packet.reason,
		.source = packet.leaf_source,
		.destination = packet.leaf_destination,
	};
	return 0;
}
