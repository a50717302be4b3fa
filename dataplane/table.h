// SPDX-License-Identifier: BSD-3-Clause
// The table of one cloud: an immutable map from address to leaf, by longest prefix.
//
// The prefixes are flattened into disjoint, sorted address ranges that cover the whole address
// space; adjacent ranges of equal value are merged. Search trees over them (table_layout.h) have
// one cache line a node: 64 prefixes make up to 129 ranges, two lines deep, 1.2 KiB.
//
// A table is built whole by the control thread, published by one pointer, and freed a grace
// period after it was replaced. Nothing in it is ever written in place.
#pragma once

#include "prefix.h"

#include <stddef.h>
#include <stdint.h>

#define TABLE_MAX_ROUTES 10000

// What a lookup finds: the cloud that holds the address, and the interconnect that leads there.
// 0 is "no route". A cloud's own prefixes carry its own id and interconnect 0.
typedef uint32_t leaf_t;

#define LEAF_NONE 0u
#define LEAF_INTERCONNECT_BITS 20
#define CLOUD_ID_MAX 4095u // ids start at 1
#define INTERCONNECT_ID_MAX ((1u << LEAF_INTERCONNECT_BITS) - 1) // ids start at 1

static inline leaf_t leaf_local(uint16_t cloud)
{
	return (leaf_t)cloud << LEAF_INTERCONNECT_BITS;
}
static inline leaf_t leaf_via(uint16_t peer, uint32_t interconnect)
{
	return (leaf_t)peer << LEAF_INTERCONNECT_BITS | interconnect;
}
static inline uint16_t leaf_cloud(leaf_t leaf)
{
	return (uint16_t)(leaf >> LEAF_INTERCONNECT_BITS);
}
static inline uint32_t leaf_interconnect(leaf_t leaf)
{
	return leaf & INTERCONNECT_ID_MAX;
}

struct route {
	struct prefix prefix;
	leaf_t leaf;
};

struct table;

// Build the table of one cloud from its own routed prefixes and those of its direct peers.
//
// routes    array of n, both families mixed, host bits clear; of two equal prefixes the later wins
// holes     n_holes prefixes in which nothing is found, whatever the routes say
// returns   a new immutable table, or NULL with errno ENOMEM, E2BIG (more than TABLE_MAX_ROUTES),
//           EINVAL (a leaf of cloud 0)
// thread    control; the result may be read by any worker once published
struct table *table_build(
	const struct route *routes, unsigned n, const struct prefix *holes, unsigned n_holes
);

// Free a table that no worker can reach any more. NULL is fine. Control thread.
void table_free(struct table *table);

// The leaf of the longest prefix that holds the address, or LEAF_NONE.
// 'addr' is in host order. Any thread that holds the table.
leaf_t table_lookup_ipv4(const struct table *table, uint32_t addr);

// The same for an IPv6 address, by its two halves in host order.
leaf_t table_lookup_ipv6(const struct table *table, uint64_t upper, uint64_t lower);

// The same for an address of either family.
leaf_t table_lookup(const struct table *table, const struct addr *addr);

// Bytes of memory that the table takes.
size_t table_bytes(const struct table *table);
