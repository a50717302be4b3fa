// SPDX-License-Identifier: BSD-3-Clause
// What the workers read: for each cloud and each port, a few pointers to immutable objects.
//
// The control thread builds such an object, publishes it here, and the old one is freed a grace
// period later (rcu.h). Workers load a pointer with published() and may use the object until they
// next report quiescence.
#pragma once

#include "counters.h"
#include "rcu.h"
#include "reason.h"
#include "table.h"

#include <rte_build_config.h>
#include <rte_ether.h>
#include <stdbool.h>
#include <stdint.h>

#define VLAN_IDS 4096
#define UNTAGGED VLAN_IDS // in place of a VLAN

// How frames come in from a cloud. worker: ro
struct ingress {
	struct rte_ether_addr mac; // ours on this T0 port
	uint16_t cloud;
	uint32_t gateway; // our IPv4 address on the transit network, host order; 0: no IPv4
	uint32_t router; // the T0's
	struct addr6 gateway6; // the same of IPv6; all zero: no IPv6
	struct addr6 router6;
	struct addr6 link_local; // ours, from which the kernel solicits the router
};

static inline bool ingress_has_ipv6(const struct ingress *ingress)
{
	return (ingress->gateway6.upper | ingress->gateway6.lower) != 0;
}

// How frames go out to a cloud. worker: ro
struct egress {
	uint8_t l2[RTE_ETHER_HDR_LEN + 4]; // header to write, complete, for IPv4
	uint8_t l2_length; // 14, or 18 with a VLAN tag
	bool usable; // false: drop for 'unusable'
	uint8_t unusable; // enum drop_reason
	uint16_t port; // ethdev port id
	uint16_t mtu; // bytes of IP that the T0 router takes
	uint16_t limits[2]; // the same by whether frames to it have a tag: 0 for what they are
			    // not, and for both while it is not usable
	uint64_t last; // the 8 bytes of 'l2' to its end
	uint64_t last6; // 'last' for IPv6
} __rte_cache_aligned;

_Static_assert(sizeof(struct egress) == RTE_CACHE_LINE_SIZE, "an egress is one cache line");

// Write the L2 header of a frame to the cloud, for a packet of either family.
static inline void egress_write_l2(const struct egress *egress, uint8_t *frame, bool ipv6)
{
	uint8_t *end = frame + egress->l2_length;

	__builtin_memcpy(frame, egress->l2, egress->l2_length);
	if (ipv6)
		__builtin_memcpy(
			end - sizeof(egress->last6), &egress->last6, sizeof(egress->last6)
		);
}

// Who sends for a worker on a port. worker: ro
struct tx_path {
	uint16_t queue; // of the worker 'owner'
	uint8_t owner; // itself, or the worker to hand over to
};

// What a port's frames belong to. worker: ro
struct port_map {
	uint64_t
		mac; // ours on this port, as the first 8 bytes of a frame to it have it, the rest 0
	bool trunk; // some frames have a tag
	uint16_t clouds[VLAN_IDS + 1]; // id by VLAN or UNTAGGED, or 0
	struct tx_path tx[WORKERS_MAX];
};

// A MAC address as 'mac' of a port_map has it.
static inline uint64_t mac_word(const struct rte_ether_addr *mac)
{
	uint64_t word = 0;

	__builtin_memcpy(&word, mac, sizeof(*mac));
	return word;
}

// The rx queues that a worker polls. worker: ro
struct poll_list {
	unsigned n;
	struct poll_queue {
		uint16_t port;
		uint16_t queue;
		uint64_t *beat; // where to show that it is polled (placement.h), or NULL
	} queue[];
};

// What every packet of or to a cloud needs. control: wo by publish(), worker: ro by published()
struct cloud_slot {
	const struct table *table;
	const struct egress *egress;
};

// Only the control thread writes, when it publishes: no worker takes a line from another.
struct exchange {
	struct cloud_slot clouds[CLOUD_ID_MAX + 1];
	const struct ingress *ingresses[CLOUD_ID_MAX + 1]; // by cloud
	const struct port_map *ports[RTE_MAX_ETHPORTS];
	const struct poll_list *polls[WORKERS_MAX];
} __rte_cache_aligned;

_Static_assert(
	sizeof(struct exchange) % RTE_CACHE_LINE_SIZE == 0, "shares no line with what is written"
);

extern struct exchange exchange;

// Publish, and free the old object after a grace period. NULL unpublishes. The objects come from
// malloc (a table from table_build()). Control thread.
void exchange_set_table(uint16_t cloud, struct table *table);
void exchange_set_ingress(uint16_t cloud, struct ingress *ingress);
void exchange_set_egress(uint16_t cloud, struct egress *egress);
void exchange_set_port(uint16_t port, struct port_map *map);
void exchange_set_poll(unsigned worker, struct poll_list *list);

// An egress with its L2 header. 'router' NULL: usable is false for DROP_router_unresolved.
// NULL without memory. Before it is published it may be made unusable for another reason.
struct egress *egress_build(
	uint16_t port, uint16_t vlan, uint16_t mtu, const struct rte_ether_addr *ours,
	const struct rte_ether_addr *router
);
void egress_disable(struct egress *egress, enum drop_reason reason);
