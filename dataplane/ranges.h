// SPDX-License-Identifier: BSD-3-Clause
// Prefixes flattened to disjoint ranges of addresses: what a table is laid out from.
#pragma once

#include "table.h"

// Addresses of both families as one integer, to flatten them by the same code.
typedef unsigned __int128 key_t128;

// From its start up to the next one's.
struct range {
	key_t128 start;
	leaf_t leaf;
};

// Sorted; they cover the whole address space of a family, and no two neighbours have the same leaf.
struct ranges {
	struct range *range;
	unsigned n;
};

key_t128 addr_key(const struct addr *addr);

// Find in which ranges of each family which leaf is found; parameters as table_build() has them.
// 0, or -ENOMEM; to be freed either way.
int ranges_make(
	struct ranges ranges[static FAMILIES], const struct route *routes, unsigned n,
	const struct prefix *holes, unsigned n_holes
);
void ranges_free(struct ranges ranges[static FAMILIES]);
