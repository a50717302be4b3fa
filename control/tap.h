// SPDX-License-Identifier: BSD-3-Clause
// A persistent TAP as the kernel sees it: opening, addresses, state, and how it goes.
//
// Deleting a netdev costs a grace period of the kernel's, some 20 ms each, but no more for a
// thousand together. So a TAP that is to go "leaves" first: it is taken down, which ends all that
// the kernel does on it, and joins a link group; taps_sweep() deletes the group at once.
//
// 'socket' is a request socket (netlink.h) of the TAPs' namespace.
#pragma once

#include "dataplane/prefix.h"
#include "region.h"

#include <libmnl/libmnl.h>
#include <stdbool.h>

// Create the TAP or adopt that of an earlier life, with no offloads. To be run inside the
// namespace. Returns a descriptor (non-blocking, close-on-exec) and its ifindex, or -errno; EBUSY
// while another process has it open.
int tap_open(const char *name, int *ifindex);

// Make an adopted TAP like a new one: down, out of the leaving group, without addresses, neighbours
// and frames from before; then set MAC and MTU.
int tap_reset(struct mnl_socket *socket, int ifindex, int fd, const struct mac *mac, uint16_t mtu);

int tap_set_mtu(struct mnl_socket *socket, int ifindex, uint16_t mtu);

// Take a netdev up; also for the namespace's 'lo' (ifindex 1).
int tap_up(struct mnl_socket *socket, int ifindex);

// Add an address with its length, usable at once (no duplicate address detection).
int tap_add_address(struct mnl_socket *socket, int ifindex, const struct prefix *address);

// Remove one; one that is not there is no error.
int tap_remove_address(struct mnl_socket *socket, int ifindex, const struct prefix *address);

// Of a netdev that is not a TAP of ours: remove the addresses that t0xd once set there and that are
// not among the n wanted ones (with their lengths). Returns 0; -EADDRINUSE when there is an address
// that somebody else set, link-local ones aside, which '*foreign' then names; or -errno.
int tap_keep_addresses(
	struct mnl_socket *socket, int ifindex, const struct prefix *wanted, unsigned n,
	struct prefix *foreign
);

// The link-local address that a MAC stands for (RFC 4291 appendix A), with its length.
struct prefix tap_link_local(const struct mac *mac);

// Set whether the TAP has a carrier, as long as 'fd' is open.
int tap_set_carrier(int fd, bool on);

// Begin to delete a TAP; its descriptor should be closed before.
int tap_leave(struct mnl_socket *socket, int ifindex);

// Delete all TAPs that left.
int taps_sweep(struct mnl_socket *socket);

// Let every netdev leave for which 'leaves' is true. Returns how many, or -errno.
int taps_leave_if(
	struct mnl_socket *socket, bool (*leaves)(const char *name, const void *arg),
	const void *arg
);
