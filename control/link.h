// SPDX-License-Identifier: BSD-3-Clause
// Link state of netdev-backed T0 ports, from rtnetlink in the daemon's own namespace.
//
// DPDK's af_packet driver reports "up" for ever; the kernel knows better. A watched name that does
// not exist counts as down. On ENOBUFS everything is dumped again. Control thread.
//
// The callback comes from the event loop, never from inside a function of this file; it may watch
// and unwatch.
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct event_base;
struct links;

// 'on_change' is called with each change of a watched netdev's operational state (IFF_UP and
// IFF_RUNNING), and once soon after link_watch() with the first finding.
struct links *links_open(
	struct event_base *base, void (*on_change)(const char *netdev, bool up, void *arg),
	void *arg, char *error, size_t size
);
void links_close(struct links *links); // NULL is fine

// Watch a netdev by name; counts references. Returns 0 or -ENOMEM.
int link_watch(struct links *links, const char *netdev);
void link_unwatch(struct links *links, const char *netdev);

// State as last seen.
bool link_is_up(const struct links *links, const char *netdev);
