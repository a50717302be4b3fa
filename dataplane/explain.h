// SPDX-License-Identifier: BSD-3-Clause
// What would happen to a packet: the real stages, run on a made-up frame.
#pragma once

#include "prefix.h"
#include "reason.h"
#include "table.h"

#include <stddef.h>

enum verdict {
	VERDICT_FORWARD,
	VERDICT_DROP,
	VERDICT_PUNT,
};

struct explanation {
	enum verdict verdict;
	unsigned reason; // enum drop_reason or enum punt_reason; meaningless for VERDICT_FORWARD
	leaf_t source; // what the table says of the source; LEAF_NONE if not asked
	leaf_t destination;
};

// Decide about a UDP packet that arrives from the T0 router of 'cloud', without sending or
// counting it.
//
// source, destination   of one family
// ttl                   TTL or hop limit as it arrives
// size                  bytes of IP, header included: at least 28 (IPv4) or 48 (IPv6), at most
// 9,216 returns               0; -ENOENT when the cloud is not attached to a port; -EINVAL for bad
//                       arguments
// thread                control
#define EXPLAIN_FRAME_MAX (14 + 9216)
int explain(
	uint16_t cloud, const struct addr *source, const struct addr *destination, unsigned ttl,
	unsigned size, struct explanation *explanation
);

// The frame that explain() decides about, untagged, of the same arguments. Returns its length, or 0
// where explain() refuses.
size_t explain_frame(
	uint16_t cloud, const struct addr *source, const struct addr *destination, unsigned ttl,
	unsigned size, uint8_t frame[static EXPLAIN_FRAME_MAX]
);
