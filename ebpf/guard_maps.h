// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
// What the guard in the kernel and its loader share: the maps' keys and values.
//
// The guard is one XDP program on the netdev of every T0 port. It is compiled once and loaded once
// a port, because an XSKMAP belongs to the queues of one netdev; all other maps are shared by all
// ports. Every key of a route begins with the cloud that a packet came from, so that no lookup can
// find what is another cloud's. Numbers are in host order unless a member says "network order".
//
// Who writes what: user space writes all but 'engine' of a queue, the counts and the switches.
#pragma once

#include "dataplane/reason.h"

#include <linux/types.h>

#define GUARD_UNTAGGED 4096 // in place of a VLAN
#define GUARD_QUEUES_MAX 128 // rx queues of a netdev
#define GUARD_CLOUD_MAX 4095 // ids begin at 1; 0: nobody's
#define GUARD_INTERCONNECT_BITS 20 // of a leaf
#define GUARD_L2_MAX 18 // Ethernet with a VLAN tag

// After so long without a sign of life of the worker that polls a queue, the kernel forwards.
#define GUARD_BEAT_NS 100000000ULL

// What a leaf is, is told in dataplane/table.h: the cloud that holds the address, and the
// interconnect that leads there; 0: no route. A cloud's own prefixes: interconnect 0.
typedef __u32 guard_leaf;

// What is larger than a word, no program may find half-written: neither an array's element, which
// is written in place, nor a hash's, which the kernel gives to another key at once. So ports and
// egresses stand in slots that nobody reads while they are written, and a number of 32 bits tells
// which slot counts. One that counts no more is written to again only when no program can still be
// reading it. Slot 0: nothing.
#define GUARD_SLOTS 8192 // twice what may count at a time

// array "vlans" of a netdev, by VLAN or GUARD_UNTAGGED: the slot of the port whose frames these
// are.
#define GUARD_VLANS (GUARD_UNTAGGED + 1)

// array "ports", by slot.
enum guard_flags {
	GUARD_KERNEL_FORWARDS = 1, // while no worker polls; else it drops (egress_down)
	GUARD_KERNEL_ANSWERS = 2, // the netdev is the control netdev: what is allowed up passes
};

struct guard_port {
	__u16 cloud;
	__u16 flags; // enum guard_flags
	__u8 mac[6]; // ours
	__u16 zero;
	__u32 gateway; // our IPv4 address on the transit network; 0: no IPv4
	__u32 router; // the T0's
	__u64 gateway6[2]; // the same of IPv6, upper half first; all zero: no IPv6
	__u64 router6[2];
	__u64 link_local[2]; // ours, from which the kernel solicits the router
};

// LPM trie "routes4", "routes6". 'prefixlen' counts the bits of 'cloud', 32, as well.
struct guard_route4_key {
	__u32 prefixlen;
	__be32 cloud; // network order, as an LPM trie demands
	__be32 addr;
};

struct guard_route6_key {
	__u32 prefixlen;
	__be32 cloud;
	__u8 addr[16];
};

#define GUARD_CLOUD_PREFIX 32

// array "ways", by cloud: the slot of its egress. Array "egresses", by slot: how the kernel
// forwards to the cloud.
struct guard_egress {
	__u8 l2[GUARD_L2_MAX]; // header to write, complete, for IPv4
	__u8 l2_length; // 14 or 18
	__u8 usable;
	__u8 unusable; // enum drop_reason, where it is not usable
	__u8 zero;
	__u16 mtu; // bytes of IP
};

// devmap "tx", by cloud: its netdev.

// hash "counts", by cloud: a line of each CPU's. Id 0 takes what is nobody's. A frame is counted
// once under what became of it: steered to the data plane, forwarded by the kernel, passed up to it
// (by reason), or dropped (by reason).
struct guard_count {
	__u64 steered;
	__u64 forwarded;
	__u64 punts[PUNT_REASON_COUNT];
	__u64 drops[DROP_REASON_COUNT];
	__u64 full_at[PUNT_REASON_COUNT]; // when the bucket of its rate will be full again, ns
};

// hash "traffic": what the kernel forwarded of an interconnect, from one cloud.
struct guard_traffic_key {
	__u32 interconnect;
	__u32 from; // cloud
};

struct guard_traffic {
	__u64 packets;
	__u64 bytes; // of IP
};

enum guard_engine {
	GUARD_ENGINE_NONE, // no routed packet yet
	GUARD_ENGINE_DATAPLANE,
	GUARD_ENGINE_KERNEL,
};

// array "queues" of a port, by rx queue: one cache line each, mapped into the process.
struct guard_queue {
	__u64 beat; // CLOCK_MONOTONIC in ns, by the worker that polls the queue, after it did
	__u32 engine; // enum guard_engine of its last routed packet
	__u32 zero[13];
};

// array "life" of one element: a robust mutex that the process holds as long as it lives, mapped
// into it. When it dies, however, the kernel marks the futex before it does anything else: long
// before it closes the process's sockets, and sooner than beats can be missed.
struct guard_life {
	__u32 futex; // 0: nobody's; FUTEX_OWNER_DIED: its owner is dead
	__u32 rest[15]; // of the mutex
};

// ring buffer "switches": a queue's routed packets go by another engine from now on.
struct guard_switch {
	__u64 at; // CLOCK_MONOTONIC, ns
	__u32 ifindex;
	__u16 queue;
	__u16 engine; // enum guard_engine
};

// array "explained" of one element: what guard_explain found.
enum guard_verdict {
	GUARD_DROP, // by 'reason'
	GUARD_PASS, // up to the kernel, by 'reason'
	GUARD_STEER, // to the data plane: what it does there is its own
	GUARD_FORWARD, // by the kernel
};

struct guard_explanation {
	__u32 verdict; // enum guard_verdict
	__u32 reason; // enum drop_reason or enum punt_reason
	guard_leaf source; // what the routes say; 0 if not asked
	guard_leaf destination;
	__u32 cloud; // it came from; 0: nobody's
	__u32 engine; // enum guard_engine by which a routed packet would go
};
