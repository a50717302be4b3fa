// SPDX-License-Identifier: BSD-3-Clause
// Control netdevs: the kernel interfaces on which the kernel answers for our gateways.
//
// Each T0 port that DPDK owns has a persistent TAP, named by netdev_name(), in a network namespace
// of the daemon's own, so that no address or route of the host mixes with them. Its MAC is ours on
// the T0 port and its address is the gateway: the kernel answers ARP and echo there, and keeps the
// neighbour entry of the T0 router. Frames that the data plane punts are written to the TAP; what
// the kernel sends there comes back through 'on_frame'.
//
// A port that shares its netdev with the kernel (AF_XDP behind the guard) needs no TAP: the netdev
// itself, in the daemon's own namespace, gets the gateway addresses and the same settings, and what
// the guard lets through the kernel answers without us, also while no t0xd lives.
//
// Everything runs on the control thread, which enters the namespace only to open descriptors and to
// write settings. A callback may attach and detach netdevs; it may not close 'netdevs'.
#pragma once

#include "dataplane/prefix.h"
#include "region.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event_base;
struct netdev; // one TAP
struct netdevs; // all of them, and their namespace

struct netdev_callbacks {
	// A frame that the kernel sent on the TAP of this cloud, Ethernet header first, untagged.
	void (*on_frame)(uint16_t cloud, const uint8_t *frame, size_t length, void *arg);
	// The neighbour entry of a cloud's router changed: mac NULL when it is not resolved (any
	// more). A static MAC is reported too, once the kernel has it. With both families, IPv4's
	// entry, or IPv6's while IPv4's is not resolved.
	void (*on_router)(uint16_t cloud, const struct mac *mac, void *arg);
	void *arg;
};

// Create or adopt the namespace /run/netns/NAME (as 'ip netns add' makes it), set its sysctls
// (forwarding, accept_ra, autoconf, accept_redirects, send_redirects 0; rp_filter 0; arp_ignore 1,
// arp_announce 2; IPv6 disabled), bring lo up, raise the kernel's neighbour gc_thresh in the
// initial namespace where 4,096 clouds need it (logging the old values), and listen to
// RTMGRP_NEIGH. Returns NULL with errno and 'error' filled.
// 'netns' NULL: for netdevs in the daemon's own namespace, of which no setting is touched but those
// of the netdevs.
struct netdevs *netdevs_open(
	struct event_base *base, const char *netns, const struct netdev_callbacks *callbacks,
	char *error, size_t size
);

// Close all descriptors. The TAPs are persistent and stay, as do the addresses of other netdevs.
// NULL is fine.
void netdevs_close(struct netdevs *netdevs);

// Name of a cloud's TAP: "t0x<id>".
void netdev_name(uint16_t cloud, char name[static 16]);

// Create or adopt the TAP of a cloud: MAC, MTU, addr_gen_mode none, the gateway address of each
// family given (stale addresses of an earlier life removed), up; then ask the kernel to resolve
// and keep the router (NTF_EXT_MANAGED, NTF_USE), or set a permanent entry where its MAC is given.
// With an IPv6 gateway the TAP also has the link-local address of its MAC, from which the kernel
// solicits the router: what the router advertises to that address must reach the TAP. Returns NULL
// with errno and 'error' filled.
struct netdev *netdev_attach(
	struct netdevs *netdevs, uint16_t cloud, const struct mac *mac, uint16_t mtu,
	const struct prefix gateway[FAMILIES], const struct addr router[FAMILIES],
	const struct mac *static_router_mac, char *error, size_t size
);

// The same with the netdev of the port itself, by name, in place of a TAP. MAC and MTU are its own.
// Refuses a netdev with addresses that t0xd did not set, but for link-local ones.
struct netdev *netdev_attach_own(
	struct netdevs *netdevs, uint16_t cloud, const char *name, const struct mac *mac,
	uint16_t mtu, const struct prefix gateway[FAMILIES], const struct addr router[FAMILIES],
	const struct mac *static_router_mac, char *error, size_t size
);

// Take from a netdev what t0xd once set there for netdev_attach_own(): it is somebody else's now,
// or served by a TAP.
void netdevs_disown(struct netdevs *netdevs, const char *name);

// Does the kernel know the MAC of a router behind a netdev at this moment, whether that is attached
// or not? Fills 'mac' if so.
bool netdevs_router(
	struct netdevs *netdevs, const char *name, const struct addr router[FAMILIES],
	struct mac *mac
);

// Change MTU or the static router MAC (NULL: learn it; the router counts as unresolved until
// on_router tells). Returns 0 or -errno; -EINVAL for an MTU below 1280 with IPv6.
int netdev_set(struct netdev *netdev, uint16_t mtu, const struct mac *static_router_mac);

// Delete the TAP: it is silent when this returns, and gone with the next batch, within a second of
// the event loop or at netdevs_close(). A netdev that is no TAP loses our addresses and its
// router's entry. NULL is fine.
void netdev_detach(struct netdev *netdev);

// Hand a punted frame (untagged) to the kernel. A full TAP queue drops it. Never blocks. However
// many link-local addresses a router solicits by, the kernel keeps one neighbour for them.
void netdev_write(struct netdev *netdev, const uint8_t *frame, size_t length);

// The T0 port's link went up or down: the TAP's carrier follows where the kernel allows it, and
// on the way up the router is asked for anew.
void netdev_link(struct netdev *netdev, bool up);

// Delete every TAP of the namespace that belongs to no cloud attached now. Returns how many.
unsigned netdevs_remove_orphans(struct netdevs *netdevs);

// Ask again for every router that is not resolved, and make TAPs again that somebody deleted. To be
// called about once a second.
void netdevs_tick(struct netdevs *netdevs);
