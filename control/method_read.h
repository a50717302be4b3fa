// SPDX-License-Identifier: BSD-3-Clause
// The methods that only read; see method.h. Each shows a caller what he may see and no more:
// clouds that he may read, and interconnects of which he may read either end.
#pragma once

#include "json.h"
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

// method_port.c
METHOD(method_port_list);
METHOD(method_port_show);

// method_worker.c
METHOD(method_worker_list);
METHOD(method_worker_set);

// method_log.c
METHOD(method_log_list);
METHOD(method_log_set);

struct interconnect;
struct region;

// What an interconnect has carried. method_stats.c
void method_read_traffic(
	const struct interconnect *interconnect, struct traffic *cloud_to_peer,
	struct traffic *peer_to_cloud
);

// How many frames of a cloud the data plane has received. method_stats.c
uint64_t method_read_received(const struct cloud *cloud);

// The pinned JSON of an interconnect, with its counters. method_stats.c
json_t *method_interconnect_to_json(const struct interconnect *interconnect);

bool method_may_see(
	const struct region *region, const struct principal *principal,
	const struct interconnect *interconnect
);
