// SPDX-License-Identifier: BSD-3-Clause
// What may not lie over what: routed prefixes that one table would hold, and transit networks.
//
// A table holds the routed prefixes of its cloud and of that cloud's peers. Before an interconnect
// or a routed segment is added, each pair of prefixes that would newly meet in a table must be
// disjoint. Prefixes of clouds that no table brings together may be equal. Interconnects count in
// any phase. Pure functions over the region; control thread.
#pragma once

#include "refusal.h"
#include "region.h"

// Refuse overlapping_prefixes, naming each pair and whose it is.
int overlap_check_cloud(const struct cloud *cloud, struct refusal *refusal);
int overlap_check_interconnect(
	const struct cloud *a, const struct cloud *b, struct refusal *refusal
);
int overlap_check_segment(
	const struct cloud *cloud, const struct segment *segment, struct refusal *refusal
);

// Refuse transit_overlap: a transit network is disjoint from every other one of the exchange, and
// from every routed prefix of every cloud. 'cloud' need not be in the region yet.
int transit_check_cloud(
	const struct region *region, const struct cloud *cloud, struct refusal *refusal
);
int transit_check_segment(
	const struct region *region, const struct cloud *cloud, const struct segment *segment,
	struct refusal *refusal
);
