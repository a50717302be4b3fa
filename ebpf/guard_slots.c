// SPDX-License-Identifier: BSD-3-Clause
// Ports and egresses: written to a slot that does not count, and then made to count by one number.
#include "guard_internal.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool find_free(struct guard_slots *slots, uint32_t *slot)
{
	for (unsigned i = 0; i < GUARD_SLOTS; i++) {
		unsigned at = (slots->next + i) % GUARD_SLOTS;

		if (at == 0 || slots->state[at] != SLOT_FREE)
			continue;
		slots->next = at + 1;
		*slot = at;
		return true;
	}
	return false;
}

// Half of all are left before the kernel has to be waited for.
static bool take_slot(struct guard_slots *slots, uint32_t *slot)
{
	if (find_free(slots, slot))
		return true;
	guard_wait_for_kernel();
	for (unsigned i = 0; i < GUARD_SLOTS; i++)
		if (slots->state[i] == SLOT_LEFT)
			slots->state[i] = SLOT_FREE;
	return find_free(slots, slot);
}

static void leave_slot(struct guard_slots *slots, uint32_t slot)
{
	if (slot != 0)
		slots->state[slot] = SLOT_LEFT;
}

// Write an object to a slot of its own. 0 or -errno.
static int write_slot(struct guard_slots *slots, int map, const void *object, uint32_t *slot)
{
	if (!take_slot(slots, slot))
		return -ENOSPC;
	if (bpf_map_update_elem(map, slot, object, BPF_ANY) < 0)
		return -errno;
	slots->state[*slot] = SLOT_COUNTS;
	return 0;
}

// Does the slot hold just that?
static bool holds(int map, uint32_t slot, const void *object, size_t size)
{
	union {
		struct guard_port port;
		struct guard_egress egress;
		uint64_t whole[16]; // the kernel writes whole words
	} now;

	return slot != 0 && bpf_map_lookup_elem(map, &slot, &now) == 0 &&
		memcmp(&now, object, size) == 0;
}

// Ports

static struct guard_netdev *find_netdev(const struct guard *guard, unsigned ifindex)
{
	struct guard_netdev *netdev = guard->netdevs;

	while (netdev != NULL && netdev->ifindex != ifindex)
		netdev = netdev->next;
	return netdev;
}

// Let a slot count, or with 0 none. 0 or -errno.
static int point(struct guard_netdev *netdev, uint32_t vlan, uint32_t slot, uint16_t cloud)
{
	struct guard_vlan *now = &netdev->vlans[vlan];

	netdev->guard->touched = true;
	if (bpf_map_update_elem(guard_fd(netdev->bpf->maps.vlans), &vlan, &slot, BPF_ANY) < 0)
		return -errno;
	leave_slot(&netdev->guard->ports, now->slot);
	*now = (struct guard_vlan){slot, cloud, true};
	return 0;
}

int guard_set_port(
	struct guard *guard, unsigned ifindex, uint16_t vlan, const struct guard_port *port
)
{
	struct guard_netdev *netdev = find_netdev(guard, ifindex);
	int ports = guard_fd(guard->shared->maps.ports);
	uint32_t slot = 0;
	int code = 0;

	if (netdev == NULL || vlan >= GUARD_VLANS)
		return guard_fail(-ENODEV, "the guard is not on that netdev");
	if (port != NULL && holds(ports, netdev->vlans[vlan].slot, port, sizeof(*port))) {
		netdev->vlans[vlan].of_now = true;
		return 0;
	}
	if (port != NULL)
		code = write_slot(&guard->ports, ports, port, &slot);
	if (code == 0)
		code = point(netdev, vlan, slot, port != NULL ? port->cloud : 0);
	if (code < 0) {
		leave_slot(&guard->ports, slot);
		guard_fail(code, "the guard does not take the port: %s", strerror(-code));
	}
	return code;
}

static bool is_of(const struct guard_vlan *vlan, uint16_t cloud)
{
	return vlan->slot != 0 && vlan->cloud == cloud;
}

static bool is_stale(const struct guard_vlan *vlan)
{
	return vlan->slot != 0 && !vlan->of_now;
}

int guard_remove_ports_of(struct guard *guard, uint16_t cloud)
{
	int code = 0;

	for (struct guard_netdev *netdev = guard->netdevs; netdev != NULL; netdev = netdev->next)
		for (uint32_t vlan = 0; vlan < GUARD_VLANS && code == 0; vlan++)
			if (is_of(&netdev->vlans[vlan], cloud))
				code = point(netdev, vlan, 0, 0);
	return code;
}

int guard_remove_stale_ports(struct guard *guard)
{
	int code = 0;

	for (struct guard_netdev *netdev = guard->netdevs; netdev != NULL; netdev = netdev->next)
		for (uint32_t vlan = 0; vlan < GUARD_VLANS && code == 0; vlan++)
			if (is_stale(&netdev->vlans[vlan]))
				code = point(netdev, vlan, 0, 0);
	return code;
}

void guard_vlans_adopt(struct guard_netdev *netdev)
{
	int ports = guard_fd(netdev->guard->shared->maps.ports);
	int vlans = guard_fd(netdev->bpf->maps.vlans);

	for (uint32_t vlan = 0; vlan < GUARD_VLANS; vlan++) {
		struct guard_port port = {};
		uint32_t slot = 0;

		if (bpf_map_lookup_elem(vlans, &vlan, &slot) < 0 || slot == 0)
			continue;
		bpf_map_lookup_elem(ports, &slot, &port);
		netdev->vlans[vlan] = (struct guard_vlan){slot, port.cloud, false};
	}
}

// Egresses

static int set_way(struct guard *guard, uint32_t cloud, uint32_t slot)
{
	guard->touched = true;
	if (bpf_map_update_elem(guard_fd(guard->shared->maps.ways), &cloud, &slot, BPF_ANY) < 0)
		return -errno;
	leave_slot(&guard->egresses, guard->ways[cloud]);
	guard->ways[cloud] = slot;
	return 0;
}

static int remove_egress(struct guard *guard, uint32_t cloud)
{
	int code = guard->ways[cloud] != 0 ? set_way(guard, cloud, 0) : 0;

	bpf_map_delete_elem(guard_fd(guard->shared->maps.tx), &cloud);
	return code;
}

// The netdev before what leads there, and the other way round when it goes.
static int write_egress(
	struct guard *guard, uint32_t cloud, unsigned ifindex, const struct guard_egress *egress
)
{
	int egresses = guard_fd(guard->shared->maps.egresses);
	uint32_t slot = 0;
	int code;

	if (bpf_map_update_elem(guard_fd(guard->shared->maps.tx), &cloud, &ifindex, BPF_ANY) < 0)
		return -errno;
	if (holds(egresses, guard->ways[cloud], egress, sizeof(*egress)))
		return 0;
	code = write_slot(&guard->egresses, egresses, egress, &slot);
	if (code == 0)
		code = set_way(guard, cloud, slot);
	if (code < 0)
		leave_slot(&guard->egresses, slot);
	return code;
}

int guard_set_egress(
	struct guard *guard, uint16_t cloud, unsigned ifindex, const struct guard_egress *egress
)
{
	int code = ifindex == 0 || egress == NULL ? remove_egress(guard, cloud)
						  : write_egress(guard, cloud, ifindex, egress);

	if (code < 0)
		guard_fail(code, "the guard does not take the egress: %s", strerror(-code));
	return code;
}

bool guard_read_egress(const struct guard *guard, uint16_t cloud, struct guard_egress *egress)
{
	uint32_t slot = guard->ways[cloud];

	return slot != 0 &&
		bpf_map_lookup_elem(guard_fd(guard->shared->maps.egresses), &slot, egress) == 0;
}

// What an earlier process left

static void mark(struct guard_slots *slots, uint32_t slot)
{
	if (slot < GUARD_SLOTS)
		slots->state[slot] = SLOT_COUNTS;
}

static void mark_pinned(const char *pins, unsigned ifindex, void *arg)
{
	struct guard *guard = arg;
	char path[GUARD_PATH_SIZE + 64];
	int vlans;

	snprintf(path, sizeof(path), "%.150s/vlans", pins);
	vlans = bpf_obj_get(path);
	for (uint32_t vlan = 0; vlans >= 0 && vlan < GUARD_VLANS; vlan++) {
		uint32_t slot = 0;

		if (bpf_map_lookup_elem(vlans, &vlan, &slot) == 0)
			mark(&guard->ports, slot);
	}
	if (vlans >= 0)
		close(vlans);
}

int guard_slots_adopt(struct guard *guard)
{
	int ways = guard_fd(guard->shared->maps.ways);

	for (uint32_t cloud = 0; cloud <= GUARD_CLOUD_MAX; cloud++) {
		if (bpf_map_lookup_elem(ways, &cloud, &guard->ways[cloud]) < 0)
			return guard_fail(
				-errno, "the guard's egresses cannot be read: %s", strerror(errno)
			);
		mark(&guard->egresses, guard->ways[cloud]);
	}
	if (guard->directory[0] != '\0')
		guard_each_pinned(guard->directory, mark_pinned, guard);
	return 0;
}
