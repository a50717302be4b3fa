// SPDX-License-Identifier: BSD-3-Clause
#include "guard_bench.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <string.h>

// 0, or -1 when one of them is no address of the family.
static int write_ipv4(uint8_t *at, const struct bench_frame *frame)
{
	struct iphdr ip = {
		.version = 4,
		.ihl = 5,
		.ttl = 255,
		.protocol = IPPROTO_UDP,
		.tot_len = htons(sizeof(ip) + sizeof(struct udphdr)),
	};
	const uint16_t *word = (const uint16_t *)&ip;
	uint32_t sum = 0;

	if (inet_pton(AF_INET, frame->source, &ip.saddr) != 1 ||
	    inet_pton(AF_INET, frame->destination, &ip.daddr) != 1)
		return -1;
	for (unsigned i = 0; i < sizeof(ip) / 2; i++)
		sum += word[i];
	sum = (sum & 0xffff) + (sum >> 16);
	ip.check = (uint16_t) ~(sum + (sum >> 16));
	memcpy(at, &ip, sizeof(ip));
	return 0;
}

static int write_ipv6(uint8_t *at, const struct bench_frame *frame)
{
	struct ipv6hdr ip = {
		.version = 6,
		.hop_limit = 255,
		.nexthdr = IPPROTO_UDP,
		.payload_len = htons(sizeof(struct udphdr)),
	};

	if (inet_pton(AF_INET6, frame->source, &ip.saddr) != 1 ||
	    inet_pton(AF_INET6, frame->destination, &ip.daddr) != 1)
		return -1;
	memcpy(at, &ip, sizeof(ip));
	return 0;
}

size_t frame_write(uint8_t *at, const struct bench_frame *frame)
{
	bool ipv6 = strchr(frame->source, ':') != NULL;
	uint16_t type = htons(ipv6 ? ETH_P_IPV6 : ETH_P_IP);
	uint16_t tag[2] = {htons(ETH_P_8021Q), htons(frame->vlan)};
	uint8_t *l3 = at + ETH_HLEN;

	memset(at, 0, BENCH_FRAME_MAX);
	memcpy(at, frame->to, ETH_ALEN);
	memcpy(at + ETH_ALEN, frame->from, ETH_ALEN);
	if (frame->vlan != 0) {
		memcpy(at + 2 * ETH_ALEN, tag, sizeof(tag));
		l3 += sizeof(tag);
	}
	memcpy(l3 - sizeof(type), &type, sizeof(type));
	if ((ipv6 ? write_ipv6(l3, frame) : write_ipv4(l3, frame)) < 0)
		return 0;
	l3 += (ipv6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr)) + sizeof(struct udphdr);
	return l3 - at < ETH_ZLEN ? ETH_ZLEN : (size_t)(l3 - at);
}
