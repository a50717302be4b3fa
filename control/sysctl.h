// SPDX-License-Identifier: BSD-3-Clause
// The kernel's settings for control netdevs: it answers for one address on each and does nothing
// else. /proc/sys/net shows the namespace of the thread that opens it, so sysctl_namespace() and
// sysctl_netdev() are run inside (netns_run).
#pragma once

#include <stdbool.h>
#include <stddef.h>

// Settings of the namespace: what new netdevs inherit ("default") and what overrules a netdev
// ("all"). Returns 0 or -errno and 'error' filled.
int sysctl_namespace(char *error, size_t size);

// Settings of one netdev; IPv6 is off on it unless 'ipv6'. Returns 0 or -errno and 'error' filled.
int sysctl_netdev(const char *netdev, bool ipv6, char *error, size_t size);

// Let the kernel hold the neighbours of 4,095 clouds: it holds 1,024 by default, counts those of
// all namespaces together, and has the limits in the initial namespace only. Not for netns_run().
// What cannot be raised is logged.
void sysctl_raise_neighbours(void);
