// SPDX-License-Identifier: BSD-3-Clause
// The guard: an XDP program on the netdev of every AF_XDP port, and its maps.
//
// It drops what may never pass, hands the kernel what the kernel is to answer, steers routed
// packets to the worker that polls the queue, and forwards them itself while that worker gives no
// sign of life. Program and maps are pinned in bpffs: they outlive the process, which finds them
// again and goes on from where its predecessor stopped.
//
// Each function that fails returns -errno and leaves a text in guard_error(): what, on which
// netdev, and what to do. Where several maps change, the order is such that at no time more is open
// than before or after. Control thread.
#pragma once

#include "dataplane/prefix.h"
#include "dataplane/table.h"
#include "guard_maps.h"

#include <linux/if_link.h>
#include <stdbool.h>
#include <stddef.h>

struct guard; // the shared maps
struct guard_netdev; // the program on one netdev

const char *guard_error(void);

// Open, or adopt, the shared maps pinned in 'directory' (created; NULL: pinned nowhere, for tests).
// Fails where the kernel, its privileges or bpffs are missing: the text names which.
struct guard *guard_open(const char *directory);

// Was there nothing to adopt?
bool guard_is_new(const struct guard *guard);

// From now on, and until this thread ends or the guard is closed, a data plane lives in this
// process: the guard may steer to it. Nothing is steered without.
int guard_live(struct guard *guard);

// Forget it all in this process; what is pinned stays and works on. NULL is fine.
void guard_close(struct guard *guard);

// Attach to a netdev, or adopt what an earlier process attached: its program is replaced at once,
// without a gap. Refuses a netdev with a foreign XDP program. Without any guard_set_port() every
// frame is dropped.
int guard_attach(struct guard *guard, const char *netdev, struct guard_netdev **ret);

// Forget the netdev in this process; the program stays. NULL is fine.
void guard_forget(struct guard_netdev *netdev);

// Take the program off the netdev and remove its pins. Frees it. NULL is fine.
void guard_detach(struct guard_netdev *netdev);

// Had an earlier process put the guard there?
bool guard_was_there(const struct guard_netdev *netdev);

unsigned guard_ifindex(const struct guard_netdev *netdev);

// Where the workers that poll its queues write their sign of life: beats[queue * stride] in u64,
// shared with the kernel.
#define GUARD_BEAT_STRIDE (sizeof(struct guard_queue) / sizeof(__u64))
__u64 *guard_beats(struct guard_netdev *netdev);

// Nobody writes there any more: from now on the kernel forwards.
void guard_stop_beats(struct guard_netdev *netdev);

// Does the kernel take the program? It is loaded once and attached to nothing.
int guard_probe(struct guard *guard);

// Take off and remove what is pinned for netdevs that no guard_attach() of this process has named;
// 'before' is called for each, while the guard is still there. Returns how many.
unsigned guard_remove_orphans(struct guard *guard, void (*before)(unsigned ifindex));

// Take off and remove all that a process has left pinned in 'directory', maps too. Needs no guard.
int guard_remove(const char *directory, void (*before)(unsigned ifindex));

// Whose are the frames of a netdev and VLAN (or GUARD_UNTAGGED)? NULL: nobody's.
int guard_set_port(
	struct guard *guard, unsigned ifindex, uint16_t vlan, const struct guard_port *port
);

// Nothing that comes in is the cloud's any more; and likewise what an earlier process has left and
// this one has not set since. On failure the kernel's maps are not what they were.
int guard_remove_ports_of(struct guard *guard, uint16_t cloud);
int guard_remove_stale_ports(struct guard *guard);

// How the kernel forwards to a cloud, by the netdev with 'ifindex' (0: it cannot).
int guard_set_egress(
	struct guard *guard, uint16_t cloud, unsigned ifindex, const struct guard_egress *egress
);

// What it is now; false: not at all.
bool guard_read_egress(const struct guard *guard, uint16_t cloud, struct guard_egress *egress);

// Routes of one cloud, as table_build() takes them. The first of the two functions closes
// what the new routes do not open, and never opens; the second opens the rest. Between them, and
// after a failure of the second, less is open than before or after. A failure of the first ends the
// process: the kernel would keep open what has to be closed.
void guard_close_routes(
	struct guard *guard, uint16_t cloud, const struct route *routes, unsigned n,
	const struct prefix *holes, unsigned n_holes
);
int guard_open_routes(
	struct guard *guard, uint16_t cloud, const struct route *routes, unsigned n,
	const struct prefix *holes, unsigned n_holes
);

// The cloud is off its port: its ports, its routes and its egress go. Gone for good: its counts,
// too.
void guard_close_cloud(struct guard *guard, uint16_t cloud);
void guard_forget_cloud(struct guard *guard, uint16_t cloud);

// Clouds that an earlier process has left routes or ports of, and that are none of 'clouds': close
// and forget them.
void guard_keep_clouds(struct guard *guard, const uint16_t *clouds, unsigned n);

// What the kernel's programs may still be reading when a map has changed, they have let go of when
// 'guard_settled' says so: noted by guard_settle(), which starts what it takes (some 20 ms, on a
// thread of its own).
void guard_settle(struct guard *guard);
bool guard_settled(struct guard *guard);

// Sums over all CPUs; false and zeros where there are none. guard_count_cloud() makes the counts of
// a cloud (id 0: nobody's), guard_count_traffic() those of an interconnect between two clouds,
// which guard_forget_traffic() removes; what is there already goes on.
int guard_count_cloud(struct guard *guard, uint16_t cloud);
int guard_count_traffic(struct guard *guard, uint32_t interconnect, uint16_t a, uint16_t b);
void guard_forget_traffic(struct guard *guard, uint32_t interconnect, uint16_t a, uint16_t b);
bool guard_read_cloud(const struct guard *guard, uint16_t cloud, struct guard_count *sum);
bool guard_read_traffic(
	const struct guard *guard, uint32_t interconnect, uint16_t from, struct guard_traffic *sum
);

// What would the guard do with a frame from this netdev? Nothing is sent or counted.
int guard_explain(
	struct guard_netdev *netdev, const void *frame, size_t length,
	struct guard_explanation *explanation
);

// The same by the program that is attached: counts, and changes 'frame' (room for 'size' bytes, its
// length in and out). Returns the XDP action, or -errno. For tests.
int guard_run(struct guard_netdev *netdev, void *frame, size_t *length, size_t size);

// Take the switches of engine that wait.
void guard_take_switches(
	struct guard *guard, void (*fn)(const struct guard_switch *change, void *arg), void *arg
);
