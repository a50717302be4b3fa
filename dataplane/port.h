// SPDX-License-Identifier: BSD-3-Clause
// T0 ports: ethdev ports by DPDK devargs, attached and detached while everything else forwards.
//
// A port is known by its name, which is what stands before the first comma of its devargs. It is
// attached when the first cloud comes to it and stopped when the last one has left. Control thread.
//
// No offload, no promiscuous mode and no settable MTU is ever demanded: what becomes of a frame
// does not depend on what the driver can do. Of what a NIC may do for us
//
// - RSS is used: nothing else spreads flows over workers (queues.h);
// - queues and buffers are on the port's NUMA socket (pools.h);
// - a tag stays in its frame. It comes in on a cache line that is read anyway, and goes out as part
//   of a header of 18 bytes, written in place of one of 14: to have it moved to the mbuf and back
//   costs more than that. A driver that strips it unasked is understood (parse.c);
// - a header checksum is always added up. Its line is read anyway, and not all NICs say the same of
//   a header with options or behind a tag. What is sent has its checksum already, changed by what
//   changed (RFC 1624).
#pragma once

#include <rte_ether.h>
#include <stdbool.h>
#include <stdint.h>

struct port_info {
	uint16_t id; // ethdev port id
	struct rte_ether_addr mac; // ours on it
	uint16_t mtu_max; // bytes of IP that port and buffers hold
	unsigned netdev; // ifindex of the Linux netdev behind it, or 0
	char driver[32];
};

// Probe (unless EAL has it already), configure and start a port, spread its rx queues over the
// workers, and fill 'info'. A port that is attached already is only counted once more.
//
// Returns 0, or -errno with 'error' (size bytes) filled with what failed and what to do.
int port_attach(const char *devargs, struct port_info *info, char *error, size_t size);

// See to it that frames of 'mtu' bytes of IP pass: a port whose MTU is lower is asked to raise it.
// A driver that has no such setting is left as it is.
void port_want_mtu(uint16_t port, uint16_t mtu);

// Give (or with cloud 0 take) the frames of a VLAN, 0 standing for untagged, to a cloud. 0 or
// -ENOMEM.
int port_set_cloud(uint16_t port, uint16_t vlan, uint16_t cloud);

// One user less. When it was the last: take the port off the workers, and once they are through
// stop it and, unless EAL had probed it, remove it. 'done' is called then, by rcu_poll(), with or
// without a removal.
void port_detach(uint16_t port, void (*done)(void *arg), void *arg);

// Link state as the driver reports it. Netdev-backed drivers may report "up" for ever.
bool port_link_up(uint16_t port);

// Has the port's driver, by what port_link_up() has seen, lost a peer that it will not call again?
// Then it finds it only when it is detached and attached anew.
bool port_lost(uint16_t port);

// What a port is and has counted, as its driver tells it.
struct port_status {
	char name[64];
	char driver[32];
	struct rte_ether_addr mac; // ours on it
	bool link_up;
	uint32_t speed; // Mbit/s; 0: not known
	uint16_t rx_queues;
	uint16_t tx_queues;
	uint16_t mtu_max; // bytes of IP
	uint64_t rx_packets, tx_packets;
	uint64_t rx_missed; // no room in the rx ring
	uint64_t rx_errors, tx_errors;
};

// Returns false when no port of ours has this id.
bool port_status(uint16_t id, struct port_status *status);

// The id of the port of ours with this name. Returns false when there is none.
bool port_find(const char *name, uint16_t *id);

// The worker that owns a tx queue. placement.h tells of rx queues.
unsigned port_tx_worker(uint16_t id, uint16_t queue);

// Call 'fn' with each extended statistic of the driver's. Returns 0 or -errno.
int port_xstats(uint16_t id, void (*fn)(const char *name, uint64_t value, void *arg), void *arg);
