// SPDX-License-Identifier: BSD-3-Clause
// What the files behind netdev.h share: netdevs.c has the namespace and all of them, netdev.c one
// TAP, router.c what the kernel knows of the T0 router behind it. Nobody else includes this.
#pragma once

#include "netdev.h"

#include "dataplane/table.h"

#include <libmnl/libmnl.h>
#include <stdbool.h>

#define NETDEV_BUCKETS 4096
#define NETDEV_FRAME_SIZE 65536

struct event;

struct lladdr {
	bool resolved;
	struct mac mac; // valid if resolved
};

struct netdev {
	struct netdevs *netdevs;
	uint16_t cloud;
	uint16_t mtu;
	struct mac mac;
	struct prefix gateway[FAMILIES];
	struct addr router[FAMILIES];
	bool has_static_mac;
	struct mac static_mac;
	bool link_up;
	char own[16]; // the name of the port's own netdev, which no TAP stands for; or ""

	bool running; // there is a TAP, or the netdev is set up
	int fd; // of the TAP, or -1
	int ifindex;
	struct event *readable;

	struct lladdr entry[FAMILIES]; // as the kernel said last
	struct addr link_local; // by which the router solicited last
	struct lladdr reported; // as on_router said last
	bool changed; // 'entry' since 'reported': is on the list below
	struct netdev *next_changed;
	struct netdev *next; // in its bucket
};

struct netdevs {
	struct event_base *base;
	struct netdev_callbacks callbacks;
	int netns; // -1: the daemon's own
	struct mnl_socket *socket; // requests
	struct mnl_socket *listener; // RTMGRP_NEIGH
	struct event *heard;
	struct event *sweep; // deletes what left, a little later and at once
	bool resync; // neighbour messages were lost and asking again failed
	struct netdev *changed;
	struct netdev *by_cloud[CLOUD_ID_MAX + 1];
	struct netdev *by_ifindex[NETDEV_BUCKETS];
	uint8_t frame[NETDEV_FRAME_SIZE] __attribute__((aligned(2))); // punt_send() asks for it
};

// Is IPv6 wanted on the TAP?
static inline bool netdev_has_ipv6(const struct netdev *netdev)
{
	return netdev->gateway[family_index(FAMILY_IPV6)].addr.family != FAMILY_NONE;
}

// Enter into and take out of what router_hear() finds.
void netdevs_enter(struct netdev *netdev);
void netdevs_leave(struct netdev *netdev);
struct netdev *netdevs_find(struct netdevs *netdevs, int ifindex);

// Have deleted, a little later and together with others, the TAPs that left by then.
void netdevs_sweep_soon(struct netdevs *netdevs);

// Make the TAP again after somebody deleted it.
void netdev_restart(struct netdev *netdev);

// Close the TAP, which stays.
void netdev_stop(struct netdev *netdev);

// Ask the kernel to resolve the routers and keep them so, or set their static MAC. 0 or -errno.
int router_ask(struct netdev *netdev);

// What the kernel knows of a router behind a netdev.
struct lladdr router_find(struct netdevs *netdevs, int ifindex, const struct addr router[FAMILIES]);

// Read what the kernel knows of the routers, and report it from the event loop.
void router_recall(struct netdev *netdev);

// router_ask() for those that are not resolved.
void router_ask_unresolved(struct netdev *netdev);

// Delete the kernel's entries of the routers. 0 or -errno.
int router_forget(struct netdev *netdev);

// A frame is about to be written to the TAP. The kernel makes a neighbour of whoever solicits, the
// router may do so by any link-local address, and the table is that of all namespaces together: of
// a TAP's link-local neighbours only the last one stays.
void router_limit(struct netdev *netdev, const uint8_t *frame, size_t length);

// The entries may differ from what was reported: router_report() is to look.
void router_changed(struct netdev *netdev);
void router_unchanged(struct netdev *netdev);

// Tell the owner, by on_router, what changed. It may attach and detach as it likes meanwhile.
void router_report(struct netdevs *netdevs);

// Read what the listener has; after a loss, everything anew. router_hear() is also an mnl_cb_t for
// messages of any origin.
void router_listen(struct netdevs *netdevs);
int router_hear(const struct nlmsghdr *message, void *netdevs);
void router_resync(struct netdevs *netdevs);
