// SPDX-License-Identifier: BSD-3-Clause
// A made-up region and its traffic, written down for all who forward it: region.json for t0xd,
// rules for l3fwd, frames for the perfect NIC.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum order {
	ORDER_RANDOM, // a cloud anew for each frame
	ORDER_BURST, // a cloud for 64 frames, then the next
};

struct scenario {
	unsigned clouds;
	unsigned ports; // clouds take turns on them
	unsigned degree; // peers of a cloud, the nearest on a circle; 0: all others
	bool star; // cloud 1 with each of the others, and sends alone
	bool vlan; // all on VLANs, even where a port has one cloud
	unsigned prefixes; // of each cloud, its network block included
	unsigned frames;
	unsigned queues;
	unsigned family; // 4 or 6
	unsigned length; // of a frame without FCS; 0: IMIX
	enum order order;
	const char *directory; // where to write
};

// 0, or -1 with the reason on stderr.
int scenario_write(const struct scenario *scenario);
