// SPDX-License-Identifier: BSD-3-Clause
// Look up a burst: is the source the cloud's own, where is the destination? Included by quick.c
// only.
#pragma once

#include "quick_abreast.h"
#include "quick_work.h"

#include <rte_prefetch.h>

// Trees that lead on to others: not in the common case

static __attribute__((noinline)) void follow(
	const struct table *const *tables, const uint32_t *keys, leaf_t *leaves, unsigned n
)
{
	for (unsigned i = 0; i < n; i++)
		while (value_leads_on(leaves[i]))
			leaves[i] = search(table_lines(tables[i]) + leaves[i], (int32_t)keys[i]);
}

static __attribute__((noinline)) void follow_one(
	const struct table *table, const uint32_t *keys, leaf_t *leaves, unsigned n
)
{
	const struct table *tables[QUICK_MAX];

	for (unsigned i = 0; i < n; i++)
		tables[i] = table;
	follow(tables, keys, leaves, n);
}

static inline bool any_leads_on(const leaf_t *leaves, unsigned n)
{
	const lanes most = lanes_set(INTERCONNECT_ID_MAX - 1);
	uint64_t found = 0;

	for (unsigned at = 0; at < n; at += LANES)
		found |= (uint64_t)lanes_at_most(lanes_load(&leaves[at]) - 1, most) << at;
	return (found & all_of(n)) != 0;
}

// Bit i: leaves[i] is 'leaf'.
static inline uint64_t find_equal(const leaf_t *leaves, unsigned n, leaf_t leaf)
{
	uint64_t found = 0;

	for (unsigned at = 0; at < n; at += LANES)
		found |= (uint64_t)lanes_equal(lanes_load(&leaves[at]), lanes_set(leaf)) << at;
	return found;
}

// IPv4 in one table: roots by lanes, nodes one by one

static inline void search_one(
	const struct table *table, const uint32_t *keys, leaf_t *leaves, unsigned n
)
{
	const union line *tree = table_tree(table);
	uint32_t offsets[QUICK_MAX]; // of nodes, in bytes

	find_offsets(&tree->root, keys, offsets, n);
#pragma GCC unroll 4
	for (unsigned i = 0; i < n; i++) {
		const struct node *node = (const void *)((const char *)tree + offsets[i]);

		leaves[i] = node->values[rank_node(node, (int32_t)keys[i])];
	}
	if (any_leads_on(leaves, n))
		follow_one(table, keys, leaves, n);
}

static inline uint64_t local_in_one(struct work *work, const struct table *table, uint16_t cloud)
{
	leaf_t leaves[QUICK_MAX];
	uint64_t local = 0;

	if (table->has_local) {
		local = find_local(table, work->source, work->n);
	} else if (table->more_lines > 0 && table->more_lines <= MORE_LINES_PAY) {
		local = find_more_local(
			table_lines(table) + table->more_local, table->more_lines, work->source,
			work->n
		);
	} else {
		search_one(table, work->source, leaves, work->n);
		local = find_equal(leaves, work->n, leaf_local(cloud));
	}
	return local;
}

// IPv4 in many tables: all roots first, so that all nodes are on their way to the cache at once

// The first child of the root stands two lines behind the head. That is added when a node is read,
// where it costs nothing.
#define CHILD_0 2

// Of the node that a key leads to, the line that is CHILD_0 before it.
static inline const union line *find_child(const struct table *table, uint32_t key)
{
	size_t child = rank_root(&table_tree(table)->root, (int32_t)key);
	const union line *line = &table_lines(table)[child];

	rte_prefetch0(&line[CHILD_0]);
	return line;
}

static inline void search_nodes(
	const struct table *const *tables, const uint32_t *keys, const union line *const *children,
	leaf_t *leaves, unsigned n
)
{
#pragma GCC unroll 4
	for (unsigned i = 0; i < n; i++) {
		const struct node *node = &children[i][CHILD_0].node;

		leaves[i] = node->values[rank_node(node, (int32_t)keys[i])];
	}
	if (any_leads_on(leaves, n))
		follow(tables, keys, leaves, n);
}

static inline void search_many(
	const struct table *const *tables, const uint32_t *keys, leaf_t *leaves, unsigned n
)
{
	const union line *children[QUICK_MAX];

#pragma GCC unroll 4
	for (unsigned i = 0; i < n; i++)
		children[i] = find_child(tables[i], keys[i]);
	search_nodes(tables, keys, children, leaves, n);
}

// IPv6

static __attribute__((noinline)) leaf_t follow6(
	const struct table *table, uint64_t upper, uint64_t lower, leaf_t value
)
{
	while (value_leads_on(value)) {
		const union line *tree = table_lines(table) + (value & VALUE_LINES);

		value = search6(tree, key6_of(value & VALUE_LOWER ? lower : upper));
	}
	return value;
}

static inline void search_nodes6(
	const union line *const *nodes, const int64_t *keys, leaf_t *values, unsigned n
)
{
#pragma GCC unroll 4
	for (unsigned i = 0; i < n; i++)
		values[i] = nodes[i]->node6.values[rank_node6(&nodes[i]->node6, keys[i])];
}

// Many keys, one level of all trees after the other: no key waits for another's lines. 'lines' come
// as the trees.
static __rte_always_inline void search6_many(
	const union line **lines, const int64_t *keys, leaf_t *values, unsigned n
)
{
#pragma GCC unroll 4
	for (unsigned i = 0; i < n; i++) {
		lines[i] = inner6_of(lines[i], keys[i]);
		rte_prefetch0(lines[i]);
	}
#pragma GCC unroll 4
	for (unsigned i = 0; i < n; i++) {
		lines[i] = node6_of(lines[i], keys[i]);
		rte_prefetch0(lines[i]);
	}
	search_nodes6(lines, keys, values, n);
}

static inline void lookup6_many(
	const struct table *const *tables, const uint64_t *uppers, const uint64_t *lowers,
	leaf_t *leaves, unsigned n
)
{
	const union line *lines[QUICK_MAX];
	int64_t keys[QUICK_MAX];

	for (unsigned i = 0; i < n; i++) {
		lines[i] = tables[i]->tree6;
		keys[i] = key6_of(uppers[i]);
	}
	search6_many(lines, keys, leaves, n);
	if (any_leads_on(leaves, n))
		for (unsigned i = 0; i < n; i++)
			leaves[i] = follow6(tables[i], uppers[i], lowers[i], leaves[i]);
}

// The same in one table.
static inline void search6_one(
	const struct table *table, const int64_t *keys, leaf_t *values, unsigned n
)
{
	const union line *nodes[QUICK_MAX];

	find_nodes6(table->tree6, keys, nodes, n);
	search_nodes6(nodes, keys, values, n);
}

static inline void lookup6_one(
	const struct table *table, const uint64_t *uppers, const uint64_t *lowers, leaf_t *leaves,
	unsigned n
)
{
	int64_t keys[QUICK_MAX];

	for (unsigned i = 0; i < n; i++)
		keys[i] = key6_of(uppers[i]);
	search6_one(table, keys, leaves, n);
	if (any_leads_on(leaves, n))
		for (unsigned i = 0; i < n; i++)
			leaves[i] = follow6(table, uppers[i], lowers[i], leaves[i]);
}

#define SOURCE6_AT 8
#define DESTINATION6_AT 24

// The IPv6 packets of a burst, closed up.
struct ipv6_packets {
	unsigned n;
	const uint8_t *headers[QUICK_MAX];
	const struct table *tables[QUICK_MAX]; // unless there is one for all
};

static inline void close_up6(
	const struct work *work, const struct table *one, struct ipv6_packets *packets
)
{
	unsigned k = 0;

	for (uint64_t left = work->ipv6; left != 0; left &= left - 1, k++) {
		unsigned i = (unsigned)__builtin_ctzll(left);

		packets->headers[k] = header_of(work, i);
		if (!one)
			packets->tables[k] = work->tables[i];
	}
	packets->n = k;
}

// The leaves of the addresses that stand there in the headers. 'one' is the table of all, or NULL.
static inline void look_up6_at(
	const struct ipv6_packets *packets, const struct table *one, unsigned offset, leaf_t *leaves
)
{
	int64_t keys[QUICK_MAX]; // the upper halves: most often enough
	const union line *lines[QUICK_MAX];
	unsigned n = packets->n;

#pragma GCC unroll 4
	for (unsigned k = 0; k < n; k++)
		keys[k] = key6_of(rte_be_to_cpu_64(load64(packets->headers[k] + offset)));
	if (one) {
		search6_one(one, keys, leaves, n);
	} else {
		for (unsigned k = 0; k < n; k++)
			lines[k] = packets->tables[k]->tree6;
		search6_many(lines, keys, leaves, n);
	}
	if (!any_leads_on(leaves, n))
		return;
	for (unsigned k = 0; k < n; k++) {
		const uint8_t *addr = packets->headers[k] + offset;

		leaves[k] =
			follow6(one ? one : packets->tables[k], rte_be_to_cpu_64(load64(addr)),
				rte_be_to_cpu_64(load64(addr + 8)), leaves[k]);
	}
}

// Of the IPv6 packets: leaves of the destinations. Returns whose source is local.
static inline uint64_t look_up6(struct work *work, const struct table *one)
{
	leaf_t sources[QUICK_MAX], destinations[QUICK_MAX];
	struct ipv6_packets packets;
	uint64_t local = 0;
	unsigned k = 0;

	close_up6(work, one, &packets);
	look_up6_at(&packets, one, SOURCE6_AT, sources);
	look_up6_at(&packets, one, DESTINATION6_AT, destinations);
	for (uint64_t left = work->ipv6; left != 0; left &= left - 1, k++) {
		unsigned i = (unsigned)__builtin_ctzll(left);

		local |= (uint64_t)(sources[k] == leaf_local(work->clouds[i])) << i;
		work->leaves[i] = destinations[k];
	}
	return local;
}

static __attribute__((noinline)) uint64_t look_up6_in_one(
	struct work *work, const struct table *table
)
{
	return look_up6(work, table);
}

static __attribute__((noinline)) uint64_t look_up6_in_many(struct work *work)
{
	return look_up6(work, NULL);
}

// Both families. Leaves in 'good' what has a source of its cloud's own.

static inline void look_up_in_one(struct work *work, const struct table *table, uint16_t cloud)
{
	uint64_t ipv4 = work->good & ~work->ipv6;

	if (ipv4 != 0) {
		ipv4 &= local_in_one(work, table, cloud);
		search_one(table, work->destination, work->leaves, work->n);
	}
	if (work->ipv6 != 0)
		work->ipv6 &= look_up6_in_one(work, table);
	work->good = ipv4 | work->ipv6;
}

static inline uint64_t look_up4_in_many(struct work *work)
{
	const union line *sources[QUICK_MAX], *destinations[QUICK_MAX];
	leaf_t leaves[QUICK_MAX] __attribute__((aligned(64)));
	uint64_t local = 0;

#pragma GCC unroll 4
	for (unsigned i = 0; i < work->n; i++) {
		const struct table *table = work->tables[i];

		sources[i] = find_child(table, work->source[i]);
		destinations[i] = find_child(table, work->destination[i]);
	}
	search_nodes(work->tables, work->source, sources, leaves, work->n);
	search_nodes(work->tables, work->destination, destinations, work->leaves, work->n);
	for (unsigned at = 0; at < work->n; at += LANES) {
		lanes own = half_lanes_load(&work->clouds[at]) << LEAF_INTERCONNECT_BITS;

		local |= (uint64_t)lanes_equal(lanes_load(&leaves[at]), own) << at;
	}
	return local;
}

static inline void look_up_in_many(struct work *work)
{
	uint64_t ipv4 = work->good & ~work->ipv6;

	if (ipv4 != 0)
		ipv4 &= look_up4_in_many(work);
	if (work->ipv6 != 0)
		work->ipv6 &= look_up6_in_many(work);
	work->good = ipv4 | work->ipv6;
}
