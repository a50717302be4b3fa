// SPDX-License-Identifier: BSD-3-Clause
// Which T0 ports are behind the guard (ebpf/guard.h), and what it is told of them.
//
// The program step calls it beside the data plane, with the same routes, ingresses and egresses. A
// port is guarded when it is an AF_XDP port and the guard is to be had; for all others each
// function here does nothing and succeeds. Control thread.
#pragma once

#include "dataplane/exchange.h"
#include "dataplane/explain.h"
#include "dataplane/table.h"
#include "region.h"

#include <stddef.h>

struct guard_switch;
struct guard_count;
struct guard_traffic;

enum guarding_mode {
	GUARDING_AUTO, // where it is to be had
	GUARDING_REQUIRED, // or t0xd does not start
	GUARDING_OFF, // and what an earlier life left is taken off
};

// What becomes of routed packets while no data plane is alive.
enum fail_over {
	FAIL_OVER_FORWARD, // the kernel forwards them
	FAIL_OVER_DROP,
};

// Say which guard is to be had: that of this instance, with its pins in /sys/fs/bpf/INSTANCE.
// Returns 0; or -1 with 'error' filled, when it is required and cannot be had. Before any grace
// period.
int guarding_open(
	enum guarding_mode mode, enum fail_over fail_over, const char *instance, char *error,
	size_t size
);

// The data plane is about to end while the guard goes on: every queue is the kernel's from now on,
// and what workers still hold they have sent when this returns. Only guarding_close() may follow,
// and what detaches ports: nothing of it reaches the guard any more.
void guarding_leave(void);
void guarding_close(void); // also after a start that failed

// Put the guard before a port, ahead of port_attach(). Sets cloud->live.guarded. Returns 0; or -1
// with 'error' filled, for a port that cannot be guarded though it should.
int guarding_attach(struct cloud *cloud, char *error, size_t size);

// The port is attached: the workers that poll it show the guard that they do. 0 or -ENOMEM.
int guarding_watch_workers(const struct cloud *cloud, uint16_t port);

// The cloud is off its port, and no worker polls the port any more, or it never was attached. Its
// netdev keeps the guard, which then drops all, where an earlier life has put it there and
// 'comes_back' says that the port is to be tried again.
void guarding_detach(struct cloud *cloud, bool comes_back);

// How frames of a cloud go in and out, as published to the workers. Returns 0; or -1 with 'error'
// filled. It is removed in two steps, since a successor may have taken over the netdev's frames.
int guarding_set_cloud(
	const struct cloud *cloud, const struct ingress *ingress, const struct egress *egress,
	char *error, size_t size
);

void guarding_remove_ingress(const struct cloud *cloud);
void guarding_remove_egress(const struct cloud *cloud);

// Are the frames of a cloud guarded?
bool guarding_has(uint16_t cloud);

// The routes of a cloud: first all that are to be closed, of all clouds, then the others. Holes are
// prefixes in which nothing is found. Of a cloud that is not guarded all are closed. Returns 0; or
// -1 with 'error' filled, and nothing too much is open.
void guarding_close_routes(
	uint16_t cloud, const struct route *routes, unsigned n, const struct prefix *holes,
	unsigned n_holes
);
int guarding_open_routes(
	uint16_t cloud, const struct route *routes, unsigned n, const struct prefix *holes,
	unsigned n_holes, char *error, size_t size
);

// Forget what an earlier life left of clouds that are not in the region any more, and, when the
// ports of the region are attached, take it off all other netdevs.
void guarding_keep(const struct region *region);
void guarding_remove_orphans(void);

// The cloud is gone for good: its routes and counts, too.
void guarding_forget_cloud(uint16_t cloud);

// What the kernel forwards of an interconnect is counted from now on, and no more.
void guarding_new_interconnect(const struct interconnect *interconnect);
void guarding_forget_interconnect(const struct interconnect *interconnect);

// The router's MAC by which an earlier life has had the kernel forward to a guarded cloud.
bool guarding_router(const struct cloud *cloud, struct mac *mac);

// What it has counted; false without a guard.
bool guarding_read_cloud(uint16_t cloud, struct guard_count *sum);
bool guarding_read_traffic(uint32_t interconnect, uint16_t from, struct guard_traffic *sum);

// Does the guard drop a packet from the cloud, before the data plane sees it? Arguments as of
// explain(). Fills 'explanation' and returns true if so.
bool guarding_explain(
	const struct cloud *cloud, const struct addr *source, const struct addr *destination,
	unsigned ttl, unsigned size, struct explanation *explanation
);

// Take the switches between data plane and kernel since the last time, those of while t0xd was dead
// as well. 'at' is in ms since 1970.
void guarding_take_switches(
	void (*fn)(unsigned netdev, unsigned queue, bool kernel, int64_t at, void *arg), void *arg
);
