// SPDX-License-Identifier: BSD-3-Clause
// What the files behind guard.h share: guard.c has program, maps and pins, guard_routes.c the
// routes of each cloud, guard_count.c the counts, guard_settle.c the wait. Nobody else includes
// this.
#pragma once

#include "guard.h"

#include "guard.skel.h"

#include <pthread.h>

#define GUARD_PATH_SIZE 128

// What the kernel holds of one cloud: sorted by prefix, holes too.
struct guard_routes {
	struct route *route;
	unsigned n;
};

struct guard {
	char directory[GUARD_PATH_SIZE]; // "": nothing is pinned
	struct guard_bpf *shared; // loaded, attached nowhere: has the maps that all share
	struct guard_netdev *netdevs; // list
	struct ring_buffer *switches;
	void (*on_switch)(const struct guard_switch *change, void *arg);
	void *on_switch_arg;
	struct guard_routes routes[GUARD_CLOUD_MAX + 1];
	int n_cpus;

	// The thread that waits for the kernel, guard_settle.c.
	pthread_t settler;
	pthread_mutex_t lock; // of what follows
	pthread_cond_t wanted;
	bool has_settler;
	bool ending;
	bool touched; // control thread alone: something was changed since it last asked
	uint64_t asked;
	uint64_t done;
};

// Fill guard_error() and return 'code'.
__attribute__((format(printf, 2, 3))) int guard_fail(int code, const char *format, ...);

static inline int guard_fd(const struct bpf_map *map)
{
	return bpf_map__fd(map);
}

// Read what the maps of an earlier process hold. 0 or -errno.
int guard_routes_adopt(struct guard *guard);
void guard_routes_free(struct guard *guard);

// 0 or -errno.
int guard_settler_start(struct guard *guard);
void guard_settler_stop(struct guard *guard);
