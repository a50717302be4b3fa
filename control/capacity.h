// SPDX-License-Identifier: BSD-3-Clause
// Does a change fit the tables? A table holds the routed prefixes of its cloud and of the cloud's
// peers, TABLE_MAX_ROUTES at most; interconnects count in any phase. Both refuse limit_reached and
// name the cloud whose table would not hold it. Pure functions over the region.
#pragma once

#include "refusal.h"
#include "region.h"

int capacity_check_segment(
	const struct cloud *cloud, const struct segment *segment, struct refusal *refusal
);
int capacity_check_interconnect(
	const struct cloud *a, const struct cloud *b, struct refusal *refusal
);
