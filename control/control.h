// SPDX-License-Identifier: BSD-3-Clause
// What the control thread holds: one of these in the daemon, one a test where it needs it.
#pragma once

#include "region.h"

struct event_base;
struct store;
struct netdevs;
struct links;
struct rpc;

struct exchange_control {
	struct event_base *base;
	struct region region;
	struct store *store;
	struct netdevs *netdevs; // TAPs; NULL in tests without a kernel side
	struct netdevs *own_netdevs; // of ports that share theirs with the kernel; likewise
	struct links *links; // likewise
	struct rpc *rpc;
	unsigned n_workers;
	bool report_due; // live.c
	bool stopping; // SIGTERM came: no change that still waits is to go on
};
