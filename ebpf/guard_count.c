// SPDX-License-Identifier: BSD-3-Clause
// What the guard has counted, and the clouds that it has counted for.
#include "guard_internal.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(struct guard_count) % 8 == 0, "as the kernel lays out a value a CPU");
_Static_assert(sizeof(struct guard_traffic) % 8 == 0, "likewise");

// Begin to count, unless that has begun.
static int begin(const struct guard *guard, int map, const void *key, size_t size)
{
	void *values = calloc((size_t)guard->n_cpus, size);
	int code = -ENOMEM;

	if (values != NULL)
		code = bpf_map_update_elem(map, key, values, BPF_NOEXIST) == 0 ? 0 : -errno;
	if (code == -EEXIST)
		code = 0;
	free(values);
	return code < 0 ? guard_fail(code, "the guard takes no more counts: %s", strerror(-code))
			: 0;
}

int guard_count_cloud(struct guard *guard, uint16_t cloud)
{
	__u32 key = cloud;

	return begin(guard, guard_fd(guard->shared->maps.counts), &key, sizeof(struct guard_count));
}

int guard_count_traffic(struct guard *guard, uint32_t interconnect, uint16_t a, uint16_t b)
{
	int map = guard_fd(guard->shared->maps.traffic);
	struct guard_traffic_key there = {interconnect, a}, back = {interconnect, b};
	int code = begin(guard, map, &there, sizeof(struct guard_traffic));

	return code < 0 ? code : begin(guard, map, &back, sizeof(struct guard_traffic));
}

void guard_forget_traffic(struct guard *guard, uint32_t interconnect, uint16_t a, uint16_t b)
{
	int map = guard_fd(guard->shared->maps.traffic);
	struct guard_traffic_key there = {interconnect, a}, back = {interconnect, b};

	bpf_map_delete_elem(map, &there);
	bpf_map_delete_elem(map, &back);
}

// All members are u64, so that sums need no names.
static bool add_up(
	const struct guard *guard, int map, const void *key, uint64_t *sum, size_t members
)
{
	uint64_t *values = calloc((size_t)guard->n_cpus, members * sizeof(uint64_t));
	bool found = values != NULL && bpf_map_lookup_elem(map, key, values) == 0;

	memset(sum, 0, members * sizeof(uint64_t));
	for (size_t i = 0; found && i < (size_t)guard->n_cpus * members; i++)
		sum[i % members] += values[i];
	free(values);
	return found;
}

bool guard_read_cloud(const struct guard *guard, uint16_t cloud, struct guard_count *sum)
{
	__u32 key = cloud;
	bool found =
		add_up(guard, guard_fd(guard->shared->maps.counts), &key, (uint64_t *)sum,
		       sizeof(*sum) / sizeof(uint64_t));

	memset(sum->full_at, 0, sizeof(sum->full_at)); // times have no sum
	return found;
}

bool guard_read_traffic(
	const struct guard *guard, uint32_t interconnect, uint16_t from, struct guard_traffic *sum
)
{
	struct guard_traffic_key key = {interconnect, from};

	return add_up(
		guard, guard_fd(guard->shared->maps.traffic), &key, (uint64_t *)sum,
		sizeof(*sum) / sizeof(uint64_t)
	);
}

static bool is_kept(uint32_t cloud, const uint16_t *clouds, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (clouds[i] == cloud)
			return true;
	return false;
}

void guard_close_cloud(struct guard *guard, uint16_t cloud)
{
	// Nothing of this takes memory.
	if (guard_remove_ports_of(guard, cloud) < 0)
		abort();
	if (guard->routes[cloud].n > 0) {
		guard_close_routes(guard, cloud, NULL, 0, NULL, 0);
		guard_open_routes(guard, cloud, NULL, 0, NULL, 0);
	}
	if (guard_set_egress(guard, cloud, 0, NULL) < 0)
		abort();
}

void guard_forget_cloud(struct guard *guard, uint16_t cloud)
{
	__u32 key = cloud;

	guard_close_cloud(guard, cloud);
	bpf_map_delete_elem(guard_fd(guard->shared->maps.counts), &key);
}

void guard_keep_clouds(struct guard *guard, const uint16_t *clouds, unsigned n)
{
	for (uint16_t cloud = 1; cloud <= GUARD_CLOUD_MAX; cloud++)
		if (!is_kept(cloud, clouds, n))
			guard_forget_cloud(guard, cloud);
}
