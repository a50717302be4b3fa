// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
// One packet on its way through the guard, and how its bytes are read.
//
// A step returns whether the packet goes on; one that ends its way has set verdict and reason.
// What only few packets need stands in functions of its own (SLOW): the verifier looks at each of
// them once, and not once for each way that leads there. They find the bytes again by their offset.
#pragma once

#include "dataplane/table.h"
#include "guard_maps.bpf.h"

#include <linux/if_ether.h>
#include <linux/in.h>

#include <bpf/bpf_endian.h> // needs those above

#define STEP static __always_inline
#define SLOW __attribute__((noinline))
#define VLAN_TAG 4

// Beyond this no header begins. It tells the verifier that an offset is small; no frame that XDP
// gives us in one piece is longer.
#define OFFSET_MAX 16383

struct packet {
	const __u8 *frame; // Ethernet header
	const __u8 *l3; // ARP or IP header
	const __u8 *end; // of the frame
	const struct guard_port *port;
	struct guard_queue *queue; // it came in by
	const struct guard_egress *egress; // what the kernel forwards it by
	__u32 cloud; // it came from; 0: nobody's
	__u32 l3_offset; // of that header in the frame
	__u32 ip_length; // bytes of IP, header included
	__u32 header_length; // bytes of IPv4 header, options included
	guard_leaf source;
	guard_leaf destination;
	enum guard_verdict verdict;
	__u32 reason; // of a drop or a pass
	enum guard_engine engine; // of a routed packet
	__u8 ttl; // or hop limit
	bool ipv6;
	bool router_error; // an ICMP error of the T0 router itself
	bool dont_fragment;
};

STEP bool drop(struct packet *packet, enum drop_reason reason)
{
	packet->verdict = GUARD_DROP;
	packet->reason = reason;
	return false;
}

STEP bool punt(struct packet *packet, enum punt_reason reason)
{
	packet->verdict = GUARD_PASS;
	packet->reason = reason;
	return false;
}

// Bytes from the L3 header to the end of the frame.
STEP __u32 available(const struct packet *packet)
{
	long bytes = packet->end - packet->l3;

	// The verifier lets pointers be subtracted, but not what clang would make of the sum.
	asm volatile("" : "+r"(bytes));
	return (__u32)bytes;
}

STEP __u16 read16(const void *at)
{
	return bpf_ntohs(*(const __be16 *)at);
}

STEP __u32 read32(const void *at)
{
	return bpf_ntohl(*(const __be32 *)at);
}

STEP __u64 read64(const void *at)
{
	return bpf_be64_to_cpu(*(const __be64 *)at);
}

STEP struct addr6 read_addr6(const void *at)
{
	return (struct addr6){read64(at), read64((const __u8 *)at + 8)};
}

STEP struct addr6 port_addr6(const __u64 halves[2])
{
	return (struct addr6){halves[0], halves[1]};
}

// Bytes of the frame from 'offset' on, or NULL where there are not 'n' of them.
STEP const __u8 *bytes_at(const struct xdp_md *ctx, __u64 offset, __u32 n)
{
	const __u8 *at;

	asm volatile("" : "+r"(offset)); // the register that is added is the one that is checked
	if (offset > OFFSET_MAX)
		return NULL;
	at = (const __u8 *)(long)ctx->data + offset;
	return at + n > (const __u8 *)(long)ctx->data_end ? NULL : at;
}

// The same value, of which the verifier knows nothing any more. In a loop that steps by lengths
// from the packet it would otherwise follow each of the ways to each place, and there are too many.
STEP __u32 forget(__u32 value)
{
	union {
		volatile __u16 halves[2];
		volatile __u32 whole;
	} memory;

	memory.halves[0] = (__u16)value;
	memory.halves[1] = (__u16)(value >> 16);
	return memory.whole; // little endian, as all that t0x runs on
}

// The Internet checksum's sum, made 16 bits.
STEP __u16 fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)(sum + (sum >> 16));
}

STEP bool is_our_mac(const struct packet *packet)
{
	const __u8 *ours = packet->port->mac;

	return *(const __u32 *)packet->frame == *(const __u32 *)ours &&
		*(const __u16 *)(packet->frame + 4) == *(const __u16 *)(ours + 4);
}
