// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
// The guard: what becomes of a frame that comes in on the netdev of a T0 port.
//
//	attribute -> parse -> look up -> choose the engine -> act
//
// The first three are the data plane's own, in the same order and with the same reasons, so that
// the two agree on every frame; neither trusts the other. What the guard steers to the data plane
// is checked there again. What the kernel forwards in its place is checked here alone. Where the
// two differ the guard lets less through: IPv6 with more extension headers, and neighbour discovery
// with more options, than the verifier lets us step over; and it neither fragments nor sends ICMP
// errors.
//
// libxdp takes a program of the name xsk_def_prog with the version below for one of its own kind:
// it leaves it on the netdev, and puts the sockets of the data plane into its xsks_map.
#include "guard_engine.bpf.h"

char guard_license[] SEC("license") = "Dual BSD/GPL";

__uint(xsk_prog_version, 1) SEC("xdp_metadata");

STEP const struct guard_port *find_port(__u32 vlan)
{
	const __u32 *slot = bpf_map_lookup_elem(&vlans, &vlan);
	__u32 counts = slot != NULL ? *(const volatile __u32 *)slot : 0;

	return counts != 0 ? bpf_map_lookup_elem(&ports, &counts) : NULL;
}

// Whose is it? VLAN tag to port; the netdev has a program and a map of its own.
STEP bool attribute(struct packet *packet)
{
	__u32 vlan = GUARD_UNTAGGED;

	packet->l3 = packet->frame + ETH_HLEN;
	packet->l3_offset = ETH_HLEN;
	if (packet->l3 > packet->end)
		return drop(packet, DROP_too_short);
	if (read16(packet->frame + 2 * ETH_ALEN) == ETH_P_8021Q) {
		packet->l3 += VLAN_TAG;
		packet->l3_offset += VLAN_TAG;
		if (packet->l3 > packet->end)
			return drop(packet, DROP_unknown_vlan);
		vlan = read16(packet->frame + ETH_HLEN) & 0x0fff;
	}
	packet->port = find_port(vlan);
	if (packet->port == NULL)
		return drop(packet, DROP_unknown_vlan);
	packet->cloud = packet->port->cloud;
	return true;
}

// Is it well formed, and for us to route? RFC 1812 5.2.2 and RFC 8200; martians (RFC 6890); the
// punt allow-list (RFC 6192).
STEP bool parse(struct xdp_md *ctx, struct packet *packet)
{
	switch (read16(packet->l3 - sizeof(__be16))) {
	case ETH_P_IP:
		return parse_ipv4(ctx, packet);
	case ETH_P_ARP:
		return parse_arp(packet);
	case ETH_P_IPV6:
		return parse_ipv6(ctx, packet);
	default:
		return drop(packet, DROP_unknown_ethertype);
	}
}

// Anti-spoofing and non-transitivity: source and destination in the routes of the cloud that it
// came from, and nowhere else.
STEP bool look_up(struct packet *packet)
{
	const struct iphdr *ip = (const void *)packet->l3;
	const struct ipv6hdr *ip6 = (const void *)ip;

	packet->source =
		packet->ipv6 ? ipv6_route(packet, &ip6->saddr) : ipv4_route(packet, ip->saddr);
	if (packet->source != leaf_local((__u16)packet->cloud) && !packet->router_error)
		return drop(packet, DROP_spoofed_source);
	packet->destination =
		packet->ipv6 ? ipv6_route(packet, &ip6->daddr) : ipv4_route(packet, ip->daddr);
	if (packet->destination == LEAF_NONE)
		return drop(packet, DROP_no_interconnect);
	if (leaf_interconnect(packet->destination) == 0)
		return drop(packet, DROP_hairpin);
	return true;
}

// By whom does a routed packet go on?
STEP void route(const struct xdp_md *ctx, struct packet *packet)
{
	packet->engine = choose_engine(ctx, packet);
	if (packet->engine == GUARD_ENGINE_DATAPLANE)
		packet->verdict = GUARD_STEER;
	else if (packet->engine == GUARD_ENGINE_KERNEL)
		check_egress(packet);
	else
		drop(packet, DROP_no_dataplane);
}

// Who answers what is allowed up? The kernel on this netdev, or on another that the data plane
// takes it to.
STEP void answer(const struct xdp_md *ctx, struct packet *packet)
{
	if (packet->port->flags & GUARD_KERNEL_ANSWERS)
		return;
	if (is_polled(ctx, packet->queue))
		packet->verdict = GUARD_STEER;
	else
		drop(packet, DROP_no_dataplane);
}

STEP struct packet decide(struct xdp_md *ctx)
{
	struct packet packet = {
		.frame = (const __u8 *)(long)ctx->data,
		.end = (const __u8 *)(long)ctx->data_end,
		.queue = find_queue(ctx),
	};

	if (attribute(&packet) && parse(ctx, &packet) && look_up(&packet))
		route(ctx, &packet);
	else if (packet.verdict == GUARD_PASS)
		answer(ctx, &packet);
	return packet;
}

STEP void count_reason(__u64 *sums, __u64 n, __u64 reason)
{
	asm volatile("" : "+r"(reason)); // what is checked here is what is added
	if (reason < n)
		sums[reason]++;
}

#define NS_PER_S 1000000000ULL
static const struct {
	__u64 period; // ns of one packet
	__u64 most; // ns of all that may come at once
} limits[PUNT_REASON_COUNT] = {
#define LIMIT(name, rate, burst, text) \
	[PUNT_##name] = {NS_PER_S / (rate), NS_PER_S / (rate) * (burst)},
	PUNT_REASONS(LIMIT)
#undef LIMIT
};

// What goes up to the kernel costs it more than it costs us: no cloud gets more than its rate.
STEP void limit(struct packet *packet, struct guard_count *sums)
{
	__u64 now = bpf_ktime_get_ns();
	__u64 reason = packet->reason, full_at;

	asm volatile("" : "+r"(reason)); // what is checked here is what is indexed with
	if (sums == NULL || reason >= PUNT_REASON_COUNT) {
		drop(packet, DROP_punt_limited); // no memory for a bucket
		return;
	}
	full_at = sums->full_at[reason] > now ? sums->full_at[reason] : now;
	if (full_at + limits[reason].period > now + limits[reason].most)
		drop(packet, DROP_punt_limited);
	else
		sums->full_at[reason] = full_at + limits[reason].period;
}

// Once, under what became of it.
STEP void count(const struct packet *packet, struct guard_count *sums)
{
	if (sums == NULL)
		return;
	switch (packet->verdict) {
	case GUARD_STEER:
		sums->steered++;
		break;
	case GUARD_FORWARD:
		sums->forwarded++;
		break;
	case GUARD_PASS:
		count_reason(sums->punts, PUNT_REASON_COUNT, packet->reason);
		break;
	case GUARD_DROP:
		count_reason(sums->drops, DROP_REASON_COUNT, packet->reason);
		break;
	}
}

SEC("xdp")
int xsk_def_prog(struct xdp_md *ctx)
{
	struct packet packet = decide(ctx);
	__u32 cloud = packet.cloud; // what has an address is not kept in registers
	struct guard_count *sums = bpf_map_lookup_elem(&counts, &cloud);
	int action = XDP_DROP;

	note_engine(ctx, &packet);
	if (packet.verdict == GUARD_PASS)
		limit(&packet, sums);
	if (packet.verdict == GUARD_STEER)
		action = steer(ctx, &packet);
	else if (packet.verdict == GUARD_FORWARD)
		action = forward(ctx, &packet);
	else if (packet.verdict == GUARD_PASS)
		action = XDP_PASS;
	count(&packet, sums);
	return action;
}

// The same decision, for guard_explain(): nothing is sent, changed or counted.
SEC("xdp")
int guard_explain(struct xdp_md *ctx)
{
	struct packet packet = decide(ctx);
	__u32 only = 0;
	struct guard_explanation *explanation = bpf_map_lookup_elem(&explained, &only);

	if (explanation == NULL)
		return XDP_ABORTED;
	*explanation = (struct guard_explanation){
		.verdict = packet.verdict,
		.reason = packet.reason,
		.source = packet.source,
		.destination = packet.destination,
		.cloud = packet.cloud,
		.engine = packet.port != NULL ? choose_engine(ctx, &packet) : GUARD_ENGINE_NONE,
	};
	return XDP_DROP;
}
