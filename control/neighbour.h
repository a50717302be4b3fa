// SPDX-License-Identifier: BSD-3-Clause
// The kernel's neighbour entries: how the control thread learns the MAC of a T0 router.
//
// The kernel resolves, refreshes and gives up; we only ask it to and read what it found.
#pragma once

#include "dataplane/prefix.h"
#include "region.h"

#include <libmnl/libmnl.h>

// What one rtnetlink message says about one entry.
struct neighbour {
	int ifindex;
	struct addr addr;
	bool resolved; // the kernel would send to 'mac' now
	struct mac mac; // valid if resolved
};

// Read RTM_NEWNEIGH or RTM_DELNEIGH. Returns 0; -EAFNOSUPPORT for an entry that is neither IPv4 nor
// IPv6 on an Ethernet (bridge entries, proxies); -EBADMSG for anything that is no such message.
int neighbour_parse(const struct nlmsghdr *message, struct neighbour *neighbour);

// Ask the kernel to resolve an address if it is not resolved, and to keep it so (NTF_EXT_MANAGED:
// refreshed before it goes stale, asked for again after it failed). Asking again does no harm.
int neighbour_keep(struct mnl_socket *socket, int ifindex, const struct addr *addr);

// Make the entry permanent, whatever it was before.
int neighbour_pin(
	struct mnl_socket *socket, int ifindex, const struct addr *addr, const struct mac *mac
);

// Delete the entry. One that does not exist is no error.
int neighbour_forget(struct mnl_socket *socket, int ifindex, const struct addr *addr);

// Hand all entries of both families to 'callback'. Returns 0 or -errno.
int neighbour_dump(struct mnl_socket *socket, mnl_cb_t callback, void *arg);
