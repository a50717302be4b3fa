// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
// Who forwards a routed packet: the data plane, while a worker polls the queue; or else the kernel,
// here, where it may.
#pragma once

#include "guard_ipv4.bpf.h"
#include "guard_ipv6.bpf.h"

#include <linux/futex.h>

// The queue that a frame came in by, or NULL when it is one beyond those that we know.
STEP struct guard_queue *find_queue(const struct xdp_md *ctx)
{
	__u32 index = ctx->rx_queue_index;

	return bpf_map_lookup_elem(&queues, &index);
}

STEP bool is_alive(void)
{
	__u32 only = 0;
	const struct guard_life *of_process = bpf_map_lookup_elem(&life, &only);
	__u32 futex = of_process != NULL ? *(const volatile __u32 *)&of_process->futex : 0;

	return futex != 0 && (futex & FUTEX_OWNER_DIED) == 0;
}

// A socket leaves the map when it is closed; a worker that hangs gives no sign of life. The clock
// of another CPU may be ahead of ours.
STEP bool is_polled(const struct xdp_md *ctx, const struct guard_queue *queue)
{
	__u32 index = ctx->rx_queue_index;

	if (queue == NULL || !is_alive() || bpf_map_lookup_elem(&xsks_map, &index) == NULL)
		return false;
	return bpf_ktime_get_ns() - *(const volatile __u64 *)&queue->beat + GUARD_BEAT_NS <
		2 * GUARD_BEAT_NS;
}

STEP enum guard_engine choose_engine(const struct xdp_md *ctx, const struct packet *packet)
{
	if (is_polled(ctx, packet->queue))
		return GUARD_ENGINE_DATAPLANE;
	return packet->port->flags & GUARD_KERNEL_FORWARDS ? GUARD_ENGINE_KERNEL
							   : GUARD_ENGINE_NONE;
}

// Tell the control thread once that a queue's packets go another way. In the steady state nothing
// is written here: the line is the worker's.
STEP void note_engine(const struct xdp_md *ctx, const struct packet *packet)
{
	__u32 before, now = packet->engine;
	struct guard_switch *change;

	if (packet->queue == NULL || now == GUARD_ENGINE_NONE)
		return;
	before = *(const volatile __u32 *)&packet->queue->engine;
	if (before == now ||
	    __sync_val_compare_and_swap(&packet->queue->engine, before, now) != before)
		return;
	if (before == GUARD_ENGINE_NONE && now == GUARD_ENGINE_DATAPLANE)
		return;
	change = bpf_ringbuf_reserve(&switches, sizeof(*change), 0);
	if (change == NULL)
		return; // full: 'engine' says how it stands
	change->at = bpf_ktime_get_ns();
	change->ifindex = ctx->ingress_ifindex;
	change->queue = (__u16)ctx->rx_queue_index;
	change->engine = (__u16)now;
	bpf_ringbuf_submit(change, 0);
}

STEP const struct guard_egress *find_egress(__u32 cloud)
{
	const __u32 *slot = bpf_map_lookup_elem(&ways, &cloud);
	__u32 counts = slot != NULL ? *(const volatile __u32 *)slot : 0;

	return counts != 0 ? bpf_map_lookup_elem(&egresses, &counts) : NULL;
}

// What the kernel checks before it forwards, in the order of dataplane/decide.c.
STEP bool check_egress(struct packet *packet)
{
	__u32 to = leaf_cloud(packet->destination);
	const struct guard_egress *egress = find_egress(to);

	if (packet->ttl <= 1)
		return drop(packet, DROP_ttl_exceeded);
	if (egress == NULL || bpf_map_lookup_elem(&tx, &to) == NULL)
		return drop(packet, DROP_egress_down);
	if (packet->ip_length > egress->mtu && packet->dont_fragment)
		return drop(packet, DROP_frag_needed);
	if (!egress->usable)
		return drop(packet, (enum drop_reason)egress->unusable);
	if (packet->ip_length > egress->mtu)
		return drop(packet, DROP_frag_needed); // fragments only the data plane makes
	packet->egress = egress;
	packet->verdict = GUARD_FORWARD;
	return true;
}

// The L2 header, of a length that the compiler knows.
STEP bool write_l2(
	const struct xdp_md *ctx, const struct guard_egress *egress, __u32 length, bool ipv6
)
{
	__u8 *frame = (__u8 *)(long)ctx->data;

	if (frame + length > (__u8 *)(long)ctx->data_end)
		return false;
	__builtin_memcpy(frame, egress->l2, length);
	if (ipv6)
		*(__be16 *)(frame + length - sizeof(__be16)) = bpf_htons(ETH_P_IPV6);
	return true;
}

// One hop less, and the L2 header of the egress. What stands behind the IP packet is the sender's
// padding: it stays in its cloud.
STEP bool rewrite(struct xdp_md *ctx, struct packet *packet)
{
	const struct guard_egress *egress = packet->egress;
	int shorter = (int)packet->l3_offset - egress->l2_length;
	int padding = (int)(available(packet) - packet->ip_length);
	void *ip = (void *)packet->l3;
	bool written;

	if (packet->ipv6)
		((struct ipv6hdr *)ip)->hop_limit--;
	else
		ipv4_decrement_ttl(ip);
	if (padding > 0 && bpf_xdp_adjust_tail(ctx, -padding) != 0)
		return drop(packet, DROP_bad_buffer);
	if (shorter != 0 && bpf_xdp_adjust_head(ctx, shorter) != 0)
		return drop(packet, DROP_bad_buffer);
	if (egress->l2_length == ETH_HLEN)
		written = write_l2(ctx, egress, ETH_HLEN, packet->ipv6);
	else
		written = write_l2(ctx, egress, GUARD_L2_MAX, packet->ipv6);
	return written || drop(packet, DROP_bad_buffer);
}

STEP void count_traffic(const struct packet *packet)
{
	struct guard_traffic_key key = {leaf_interconnect(packet->destination), packet->cloud};
	struct guard_traffic *sum = bpf_map_lookup_elem(&traffic, &key);

	if (sum == NULL)
		return;
	sum->packets++;
	sum->bytes += packet->ip_length;
}

// Send it from here. Returns the XDP action.
STEP int forward(struct xdp_md *ctx, struct packet *packet)
{
	int action;

	if (!rewrite(ctx, packet))
		return XDP_DROP;
	action = (int)bpf_redirect_map(&tx, leaf_cloud(packet->destination), XDP_DROP);
	if (action == XDP_REDIRECT)
		count_traffic(packet);
	else
		drop(packet, DROP_egress_down);
	return action;
}

// Hand it to the worker that polls the queue. Returns the XDP action.
STEP int steer(struct xdp_md *ctx, struct packet *packet)
{
	int action = (int)bpf_redirect_map(&xsks_map, ctx->rx_queue_index, XDP_DROP);

	if (action != XDP_REDIRECT)
		drop(packet, DROP_no_dataplane); // closed this moment
	return action;
}
