// SPDX-License-Identifier: BSD-3-Clause
// What the files behind guard.h share: guard.c has program, maps and pins, guard_slots.c what the
// program is told of ports and egresses, guard_routes.c the routes of each cloud, guard_count.c the
// counts, guard_settle.c the wait. Nobody else includes this.
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

// Which slots of an array count, as far as this process knows.
enum slot_state {
	SLOT_FREE,
	SLOT_COUNTS,
	SLOT_LEFT, // a program may still be reading it
};

struct guard_slots {
	uint8_t state[GUARD_SLOTS]; // enum slot_state
	unsigned next; // where to look for a free one
};

struct guard_netdev {
	struct guard *guard;
	struct guard_netdev *next;
	unsigned ifindex;
	char pins[GUARD_PATH_SIZE + 32]; // their directory, or ""
	bool made_pins; // it was not there before
	struct guard_bpf *bpf; // what is attached
	struct guard_bpf *asked; // on the same maps, for guard_explain(): loaded when first asked
	struct bpf_link *link;
	struct guard_queue *queues; // [GUARD_QUEUES_MAX], shared with the kernel
	const struct guard_explanation *explained; // likewise
	struct guard_vlan {
		uint32_t slot; // of a port, or 0
		uint16_t cloud; // whose it is
		bool of_now; // set by this process
	} vlans[GUARD_VLANS];
};

struct guard {
	char directory[GUARD_PATH_SIZE]; // "": nothing is pinned
	bool made_directory; // it was not there before
	struct guard_bpf *shared; // loaded, attached nowhere: has the maps that all share
	struct guard_netdev *netdevs; // list
	struct ring_buffer *switches;
	void (*on_switch)(const struct guard_switch *change, void *arg);
	void *on_switch_arg;
	pthread_mutex_t *life; // in the map, held; or NULL
	struct guard_slots ports;
	struct guard_slots egresses;
	uint32_t ways[GUARD_CLOUD_MAX + 1]; // the slots of the egresses that count
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

// Call 'fn' with each pinned directory of a netdev's.
void guard_each_pinned(
	const char *directory, void (*fn)(const char *pins, unsigned ifindex, void *arg), void *arg
);

// Read what the maps of an earlier process hold: the slots that count, those of one netdev, and the
// routes. 0 or -errno.
int guard_slots_adopt(struct guard *guard);
void guard_vlans_adopt(struct guard_netdev *netdev);
int guard_routes_adopt(struct guard *guard);
void guard_routes_free(struct guard *guard);

// Return when no program runs any more that ran when it was called: 10 to 30 ms.
void guard_wait_for_kernel(void);

// 0 or -errno.
int guard_settler_start(struct guard *guard);
void guard_settler_stop(struct guard *guard);
