// SPDX-License-Identifier: BSD-3-Clause
// The methods that only read; see method.h. Each shows a caller what he may see and no more:
// clouds that he may read, and interconnects of which he may read either end.
#pragma once

#include "rpc.h"

#define METHOD(name) \
	void name( \
		struct rpc_call *call, const struct principal *principal, json_t *params, \
		void *arg \
	)

// method_read.c
METHOD(method_cloud_list);
METHOD(method_cloud_show);
METHOD(method_segment_list);
METHOD(method_interconnect_list);
METHOD(method_interconnect_show);
METHOD(method_grant_list);
METHOD(method_event_list);
METHOD(method_region_dump);
METHOD(method_version);

// method_route.c
METHOD(method_route_list);
METHOD(method_explain);

// method_stats.c
METHOD(method_stats);

struct interconnect;
struct region;

// The pinned JSON of an interconnect, with its counters. method_stats.c
json_t *method_interconnect_to_json(const struct interconnect *interconnect);

bool method_may_see(
	const struct region *region, const struct principal *principal,
	const struct interconnect *interconnect
);
