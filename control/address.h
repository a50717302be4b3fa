// SPDX-License-Identifier: BSD-3-Clause
// Which addresses a cloud and a segment may have at all, whatever else the region holds.
//
// All refuse address_invalid, name the address, say why, and what to give instead. Pure functions.
#pragma once

#include "refusal.h"
#include "region.h"

// Gateways, routers, network blocks and the segments that come with the cloud.
int address_check_cloud(const struct cloud *cloud, struct refusal *refusal);

// A segment of the cloud: only a routed one must be routable and have a transit of its family.
int address_check_segment(
	const struct cloud *cloud, const struct segment *segment, struct refusal *refusal
);

// A static router MAC: the address of one station.
int address_check_router_mac(
	const struct cloud *cloud, const struct mac *mac, struct refusal *refusal
);
