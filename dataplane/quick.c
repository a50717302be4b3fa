// SPDX-License-Identifier: BSD-3-Clause
// Compiled once for each width of vectors, with QUICK the name of what is exported.
//
//	gather -> check -> look up -> finish: rewrite and group
//
// Each stage takes the whole burst. What a stage finds wrong, unusual or not to be forwarded it
// drops from 'good', and the stages of packet.h see it from its first byte on: only they give
// reasons. Nothing is written to a packet before all has been checked.
#include "quick.h"

#include "quick_check.h"
#include "quick_finish.h"
#include "quick_gather.h"
#include "quick_lookup.h"

static inline void forward_of_one(
	struct work *work, struct quick_burst *burst, struct counters *counters, uint16_t cloud,
	const bool by_mac, uint64_t mac
)
{
	for (unsigned i = 0; i < QUICK_MAX; i++)
		work->clouds[i] = burst->clouds[i] = cloud;
	burst->cloud = cloud;
	check(work, by_mac, mac);
	look_up_in_one(work, table_of(cloud), cloud);
	finish(work, burst, counters, false);
}

static __attribute__((noinline)) void forward_of_many(
	struct work *work, struct quick_burst *burst, struct counters *counters,
	const struct port_map *map
)
{
	burst->cloud = 0;
	read_tags(work, map);
	check(work, false, 0);
	look_up_in_many(work);
	finish(work, burst, counters, true);
}

static __attribute__((noinline)) void forward_of_trunk(
	struct work *work, struct quick_burst *burst, struct counters *counters,
	const struct port_map *map
)
{
	if (one_tag(work, map))
		forward_of_one(work, burst, counters, read_one_tag(work, map), false, 0);
	else
		forward_of_many(work, burst, counters, map);
}

static void forward(
	const struct port_map *map, struct rte_mbuf **mbufs, unsigned n, struct counters *counters,
	struct quick_burst *burst
)
{
	struct work work;

	work.n = n;
	work.mbufs = mbufs;
	burst->n = 0;
	burst->n_sends = 0;
	gather(&work, map->trunk);
	if (map->trunk && n > 0)
		forward_of_trunk(&work, burst, counters, map);
	else
		forward_of_one(&work, burst, counters, map->clouds[UNTAGGED], true, map->mac);
	burst->rest = all_of(n) & ~work.good;
}

// Lookup alone

static inline void flip_keys(const uint32_t *addrs, uint32_t *keys, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		keys[i] = addrs[i] ^ KEY_FLIP;
}

static void lookup_ipv4(
	const struct table *const *tables, const uint32_t *addrs, leaf_t *leaves, unsigned n
)
{
	uint32_t keys[QUICK_MAX];

	flip_keys(addrs, keys, n);
	search_many(tables, keys, leaves, n);
}

static void lookup_ipv4_in_one(
	const struct table *table, const uint32_t *addrs, leaf_t *leaves, unsigned n
)
{
	uint32_t keys[QUICK_MAX];

	flip_keys(addrs, keys, n);
	search_one(table, keys, leaves, n);
}

static void lookup_ipv6(
	const struct table *const *tables, const uint64_t *uppers, const uint64_t *lowers,
	leaf_t *leaves, unsigned n
)
{
	lookup6_many(tables, uppers, lowers, leaves, n);
}

static void lookup_ipv6_in_one(
	const struct table *table, const uint64_t *uppers, const uint64_t *lowers, leaf_t *leaves,
	unsigned n
)
{
	lookup6_one(table, uppers, lowers, leaves, n);
}

extern const struct quick QUICK;
const struct quick QUICK = {
#if LANES == 16
	.name = "avx512",
#elif LANES == 8
	.name = "avx2",
#else
	.name = "none",
#endif
	.forward = forward,
	.lookup_ipv4 = lookup_ipv4,
	.lookup_ipv6 = lookup_ipv6,
	.lookup_ipv4_in_one = lookup_ipv4_in_one,
	.lookup_ipv6_in_one = lookup_ipv6_in_one,
};
