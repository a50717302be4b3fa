// SPDX-License-Identifier: BSD-3-Clause
// IPv4 fragmentation (RFC 791 3.2, RFC 1812 5.2.6), for what is larger than the MTU of its egress
// and may be fragmented.
//
// librte_ip_frag cuts, numbers, and copies those options that belong into each fragment. Here it
// gets what it demands, and its fragments become frames. Each is a copy in a buffer of its own: of
// the drivers that t0x runs on, many send no packet in several buffers.
#pragma once

#include "packet.h"

#include <rte_mempool.h>

// What a buffer can hold (2,030 bytes of IP) in fragments of the least MTU that a cloud may have
// (576), and more.
#define FRAGMENTS_MAX 8

// Cut a packet that rewrite() is through with into frames, each with the L2 header of the egress.
// The packet's own buffer stays as it is, and the caller's.
//
// Returns how many there are in 'fragments', in order; or 0, with none of them left and the packet
// a drop with its reason.
unsigned fragment(
	struct packet *packet, struct rte_mempool *pool, struct rte_mbuf *fragments[FRAGMENTS_MAX]
);
