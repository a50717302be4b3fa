// SPDX-License-Identifier: BSD-3-Clause
#include "account.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <rte_ip.h>
#include <stddef.h>
#include <stdlib.h>

#define ICMP_DEST_UNREACHABLE 3
#define ICMP_TIME_EXCEEDED 11
#define ICMP6_ERROR_MAX 127
#define NO_CLOUD UINT_MAX

int account_open(struct account *account, const struct description *description)
{
	*account = (struct account){
		.description = description,
		.flows = calloc(description->n_flows, sizeof(struct flow_account)),
		.clouds = calloc(description->n_clouds, sizeof(struct cloud_account)),
	};
	return account->flows && account->clouds ? 0 : -ENOMEM;
}

void account_close(struct account *account)
{
	free(account->flows);
	free(account->clouds);
	account->flows = NULL;
	account->clouds = NULL;
}

void account_write(struct account *account, const struct frame *frame, uint64_t now, uint8_t *to)
{
	struct flow_account *flow = &account->flows[frame->flow];
	uint64_t sequence = flow->count.sent++;

	if (sequence % STAMP_EVERY == 0) {
		unsigned i = sequence / STAMP_EVERY % STAMPS;

		flow->stamps[i].sequence = sequence;
		flow->stamps[i].at = now;
	}
	flow->count.cuts += frame->cut != 0;
	frame_write(frame, sequence, to);
}

void account_unwrite(struct account *account, const struct frame *frame, bool refused)
{
	struct flow_count *count = &account->flows[frame->flow].count;

	count->sent--;
	count->cuts -= frame->cut != 0;
	count->refused += refused;
}

static unsigned cloud_of(const struct account *account, uint16_t port, uint16_t vlan)
{
	const struct description *description = account->description;

	for (unsigned i = 0; i < description->n_clouds; i++)
		if (description->clouds[i].port == port && description->clouds[i].vlan == vlan)
			return i;
	return NO_CLOUD;
}

static bool is_icmp_error(const uint8_t *bytes, unsigned length, unsigned l3)
{
	const uint8_t *ip = bytes + l3;
	bool ipv6 = bytes[l3 - 2] == 0x86 && bytes[l3 - 1] == 0xdd;

	if (ipv6)
		return length > l3 + sizeof(struct rte_ipv6_hdr) &&
			ip[offsetof(struct rte_ipv6_hdr, proto)] == IPPROTO_ICMPV6 &&
			ip[sizeof(struct rte_ipv6_hdr)] <= ICMP6_ERROR_MAX;
	return length > l3 + sizeof(struct rte_ipv4_hdr) && ip[0] == 0x45 &&
		ip[offsetof(struct rte_ipv4_hdr, next_proto_id)] == IPPROTO_ICMP &&
		(ip[sizeof(struct rte_ipv4_hdr)] == ICMP_DEST_UNREACHABLE ||
		 ip[sizeof(struct rte_ipv4_hdr)] == ICMP_TIME_EXCEEDED);
}

static void take_stamp(
	struct account *account, struct flow_account *flow, uint64_t sequence, uint64_t now
)
{
	unsigned i = sequence / STAMP_EVERY % STAMPS;

	if (flow->stamps[i].sequence == sequence)
		latency_add(&account->latency, now - flow->stamps[i].at);
}

// A whole frame, where it belongs.
static void take(
	struct account *account, struct flow_account *flow, unsigned fragment, uint64_t sequence,
	unsigned length, uint64_t now
)
{
	switch (sequence_see(&flow->sequences[fragment], sequence)) {
	case SEQUENCE_DUPLICATE:
		flow->count.duplicate++;
		return;
	case SEQUENCE_LATE:
		flow->count.reordered++;
		break;
	case SEQUENCE_NEW:
		break;
	}
	flow->count.received++;
	flow->count.bytes += length;
	if (sequence % STAMP_EVERY == 0)
		take_stamp(account, flow, sequence, now);
}

static void judge(
	struct account *account, uint16_t port, uint16_t vlan, const struct mark *mark,
	const uint8_t *bytes, unsigned length, unsigned l3, uint64_t now
)
{
	const struct frame *frame = &account->frames[rte_be_to_cpu_16(mark->frame)];
	const struct flow *flow = &account->description->flows[frame->flow];
	const struct cloud *to = &account->description->clouds[flow->to];
	const struct rte_ether_hdr *ether = (const void *)bytes;
	struct flow_account *books = &account->flows[frame->flow];
	uint64_t sequence = rte_be_to_cpu_64(mark->sequence);

	if (frame->n_back == 0 || to->port != port || to->vlan != vlan)
		books->count.unexpected++;
	else if (!frame_intact(frame, bytes + l3, length - l3, sequence) || sequence >= books->count.sent || !rte_is_same_ether_addr(&ether->dst_addr, &to->router_mac))
		books->count.corrupt++;
	else
		take(account, books, frame_fragment(frame, bytes + l3), sequence, length, now);
}

void account_receive(
	struct account *account, uint16_t port, uint16_t vlan, const uint8_t *bytes,
	unsigned length, uint64_t now
)
{
	unsigned l3 = sizeof(struct rte_ether_hdr);
	const struct mark *mark;
	unsigned cloud;

	if (vlan == 0 && length >= l3 + sizeof(struct rte_vlan_hdr) && bytes[12] == 0x81 &&
	    bytes[13] == 0) {
		vlan = (uint16_t)((bytes[14] & 0x0f) << 8 | bytes[15]);
		l3 += sizeof(struct rte_vlan_hdr);
	}
	mark = frame_mark(bytes, length, l3);
	if (mark && rte_be_to_cpu_16(mark->frame) < account->n_frames) {
		judge(account, port, vlan, mark, bytes, length, l3, now);
		return;
	}
	cloud = cloud_of(account, port, vlan);
	if (cloud == NO_CLOUD)
		account->stray++;
	else if (is_icmp_error(bytes, length, l3))
		account->clouds[cloud].icmp_errors++;
	else
		account->clouds[cloud].other++;
}

struct flow_count account_sum(const struct account *account, bool only_due)
{
	struct flow_count sum = {};

	for (unsigned i = 0; i < account->description->n_flows; i++) {
		const struct flow_count *count = &account->flows[i].count;

		if (only_due && kind_reason(account->description->flows[i].kind))
			continue;
		sum.sent += count->sent;
		sum.cuts += count->cuts;
		sum.refused += count->refused;
		sum.received += count->received;
		sum.reordered += count->reordered;
		sum.duplicate += count->duplicate;
		sum.corrupt += count->corrupt;
		sum.unexpected += count->unexpected;
		sum.bytes += count->bytes;
	}
	return sum;
}
