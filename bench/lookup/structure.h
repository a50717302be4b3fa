// SPDX-License-Identifier: BSD-3-Clause
// A way to look addresses up, ours or DPDK's: all that the race must know of it.
#pragma once

#include "routes.h"

// What a burst of lookups writes, in the words of each structure.
union answers {
	uint32_t narrow[BURST];
	int32_t negative[BURST];
	uint64_t wide[BURST];
};

struct structure {
	const char *name;
	enum family family;
	const char *needs; // what this CPU has not got, or NULL

	// A table that can hold the routes, empty. NULL and a positive errno when it cannot be.
	void *(*create)(const struct routes *routes);
	// Put the routes into it; NULL when create() has done so. 0 or a negative errno.
	int (*fill)(void *table, const struct routes *routes);
	void (*free)(void *table);
	// NULL: what it takes of DPDK's heap.
	size_t (*bytes)(const void *table);
	// Before lookups, where one table knows several ways of them. 0 or a negative errno.
	int (*choose)(void *table);

	// Look up the addresses from keys 'at' on, each in tables[its number] (lookup), or all in
	// tables[at] (lookup_same; NULL: by lookup).
	void (*lookup
	)(void *const *tables, const struct keys *keys, unsigned at, union answers *answers);
	void (*lookup_same
	)(void *const *tables, const struct keys *keys, unsigned at, union answers *answers);
	// Is answer i that of the route? 'index' is its number among the routes.
	bool (*is_right
	)(const union answers *answers, unsigned i, const struct route *route, unsigned index);
};

#define STRUCTURES_MAX 24

// Put ours, or those of DPDK, there and return how many; room for all of both is the caller's.
unsigned structures_ours(struct structure *structures);
unsigned structures_dpdk(struct structure *structures);

static inline unsigned structures_all(struct structure structures[static STRUCTURES_MAX])
{
	unsigned n = structures_ours(structures);

	return n + structures_dpdk(&structures[n]);
}

// Of the family, what the others are compared with.
#define REFERENCE_IPV4 "rte_lpm"
#define REFERENCE_IPV6 "rte_lpm6"
