// SPDX-License-Identifier: BSD-3-Clause
#include "table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

// IPv4: a node is one cache line of keys. The keys of the bottom level are the starts of all
// ranges but the first; a level above holds, for each of its nodes' children but the first, the
// smallest key below that child. Unused slots hold KEY_PAD, which only address 255.255.255.255
// is not below: child and rank are clamped for its sake.
#define NODE_KEYS 16
#define NODE_CHILDREN (NODE_KEYS + 1)
#define KEY_PAD UINT32_MAX
#define LEVELS_MAX 5 // 17^4 * 16 keys: more than 2 * TABLE_MAX_ROUTES + 1 ranges

struct node {
	uint32_t keys[NODE_KEYS];
} __attribute__((aligned(64)));

_Static_assert(sizeof(struct node) == 64, "a node is one cache line");

// IPv6 start of a range, in two halves of host order.
struct start6 {
	uint64_t high;
	uint64_t low;
};

struct table {
	const struct node *levels[LEVELS_MAX]; // top first
	unsigned last_node[LEVELS_MAX]; // index of the last node of each level
	unsigned n_levels;
	unsigned n_ranges; // IPv4
	const leaf_t *leaves; // [n_ranges]
	unsigned n_ranges6;
	const struct start6 *starts6; // [n_ranges6], the first is ::
	const leaf_t *leaves6; // [n_ranges6]
	size_t bytes; // of the whole object, which is one allocation
};

// Addresses of both families as one integer, to flatten them by the same code.
typedef unsigned __int128 key_t128;

struct range {
	key_t128 start;
	leaf_t leaf;
};

struct ranges {
	struct range *range;
	unsigned n;
};

static key_t128 addr_key(const struct addr *addr)
{
	key_t128 key = 0;

	for (unsigned i = 0; i < family_bits(addr->family) / 8; i++)
		key = key << 8 | addr->bytes[i];
	return key;
}

// Begin a range, merging with the one before when it has the same start or the same leaf.
static void range_begin(struct ranges *ranges, key_t128 start, leaf_t leaf)
{
	if (ranges->n > 0 && ranges->range[ranges->n - 1].start == start)
		ranges->n--;
	if (ranges->n > 0 && ranges->range[ranges->n - 1].leaf == leaf)
		return;
	ranges->range[ranges->n++] = (struct range){start, leaf};
}

// Prefixes in address order, wider before narrower: what encloses a prefix comes before it.
static int route_order(const void *a, const void *b)
{
	const struct route *const *left = a;
	const struct route *const *right = b;
	int order = prefix_compare(&(*left)->prefix, &(*right)->prefix);

	// Equal prefixes stay in the order given, so that the later one wins.
	return order != 0 ? order : (*left > *right) - (*left < *right);
}

struct open_prefix {
	key_t128 last; // last address of the prefix
	leaf_t leaf;
};

// Flatten the routes of one family (n, sorted) to disjoint ranges that cover everything.
// 'ranges' has room for 2 * n + 1.
static void flatten(
	struct ranges *ranges, const struct route *const *routes, unsigned n, unsigned bits
)
{
	key_t128 end = bits == 128 ? ~(key_t128)0 : ((key_t128)1 << bits) - 1;
	struct open_prefix open[130] = {{end, LEAF_NONE}}; // nested prefixes, the root below all
	unsigned depth = 1;

	range_begin(ranges, 0, LEAF_NONE);
	for (unsigned i = 0; i < n; i++) {
		key_t128 start = addr_key(&routes[i]->prefix.addr);
		unsigned host_bits = bits - routes[i]->prefix.len;
		key_t128 size = host_bits == 128 ? 0 : (key_t128)1 << host_bits;

		// Close what ends before this prefix: the range goes back to what encloses it.
		while (open[depth - 1].last < start) {
			depth--;
			range_begin(ranges, open[depth].last + 1, open[depth - 1].leaf);
		}
		// An equal prefix is replaced, not nested.
		if (depth > 1 && i > 0 && prefix_equal(&routes[i]->prefix, &routes[i - 1]->prefix))
			depth--;
		open[depth++] = (struct open_prefix){start + size - 1, routes[i]->leaf};
		range_begin(ranges, start, routes[i]->leaf);
	}
	while (depth > 1) {
		depth--;
		if (open[depth].last < end)
			range_begin(ranges, open[depth].last + 1, open[depth - 1].leaf);
	}
}

// Nodes of each level of a tree over 'keys' keys, bottom first. Returns the number of levels.
static unsigned level_sizes(unsigned keys, unsigned sizes[LEVELS_MAX])
{
	unsigned levels = 0;
	unsigned nodes = (keys + NODE_KEYS - 1) / NODE_KEYS;

	if (nodes == 0)
		nodes = 1;
	for (sizes[levels++] = nodes; nodes > 1; sizes[levels++] = nodes)
		nodes = (nodes + NODE_CHILDREN - 1) / NODE_CHILDREN;
	return levels;
}

// Fill one level of the tree. 'stride' is how many bottom nodes one child of this level spans,
// 0 for the bottom level itself.
static void fill_level(
	struct node *nodes, unsigned n_nodes, unsigned stride, const struct range *range,
	unsigned n_ranges
)
{
	for (unsigned node = 0; node < n_nodes; node++) {
		for (unsigned slot = 0; slot < NODE_KEYS; slot++) {
			size_t index;

			if (stride == 0)
				index = (size_t)node * NODE_KEYS + slot + 1;
			else
				index = ((size_t)node * NODE_CHILDREN + slot + 1) * stride *
						NODE_KEYS +
					1;
			nodes[node].keys[slot] =
				index < n_ranges ? (uint32_t)range[index].start : KEY_PAD;
		}
	}
}

static size_t align_up(size_t size)
{
	return (size + 63) & ~(size_t)63;
}

// Lay the whole table out in one allocation: header, nodes, leaves, IPv6 starts, IPv6 leaves.
static struct table *lay_out(const struct ranges *ipv4, const struct ranges *ipv6)
{
	unsigned sizes[LEVELS_MAX];
	unsigned n_levels = level_sizes(ipv4->n - 1, sizes);
	size_t offset = align_up(sizeof(struct table));
	size_t nodes_at[LEVELS_MAX];

	for (unsigned level = 0; level < n_levels; level++) { // top first
		nodes_at[level] = offset;
		offset += sizes[n_levels - 1 - level] * sizeof(struct node);
	}

	size_t leaves_at = offset;

	offset = align_up(offset + ipv4->n * sizeof(leaf_t));

	size_t starts6_at = offset;

	offset += ipv6->n * sizeof(struct start6);

	size_t leaves6_at = offset;

	offset = align_up(offset + ipv6->n * sizeof(leaf_t));

	char *memory = aligned_alloc(64, offset);

	if (memory == NULL) {
		errno = ENOMEM;
		return NULL;
	}
	memset(memory, 0, offset);

	struct table *table = (struct table *)memory;
	unsigned stride = 0;

	*table = (struct table){
		.n_levels = n_levels,
		.n_ranges = ipv4->n,
		.leaves = (leaf_t *)(memory + leaves_at),
		.n_ranges6 = ipv6->n,
		.starts6 = (struct start6 *)(memory + starts6_at),
		.leaves6 = (leaf_t *)(memory + leaves6_at),
		.bytes = offset,
	};
	for (unsigned level = n_levels; level-- > 0;) { // bottom first
		struct node *nodes = (struct node *)(memory + nodes_at[level]);

		fill_level(nodes, sizes[n_levels - 1 - level], stride, ipv4->range, ipv4->n);
		table->levels[level] = nodes;
		table->last_node[level] = sizes[n_levels - 1 - level] - 1;
		stride = stride == 0 ? 1 : stride * NODE_CHILDREN;
	}
	for (unsigned i = 0; i < ipv4->n; i++)
		((leaf_t *)(memory + leaves_at))[i] = ipv4->range[i].leaf;
	for (unsigned i = 0; i < ipv6->n; i++) {
		((struct start6 *)(memory + starts6_at))[i] = (struct start6){
			(uint64_t)(ipv6->range[i].start >> 64),
			(uint64_t)ipv6->range[i].start,
		};
		((leaf_t *)(memory + leaves6_at))[i] = ipv6->range[i].leaf;
	}
	return table;
}

struct table *table_build(const struct route *routes, unsigned n)
{
	struct ranges ipv4 = {};
	struct ranges ipv6 = {};
	struct table *table = NULL;
	unsigned n_ipv4 = 0;

	if (n > TABLE_MAX_ROUTES) {
		errno = E2BIG;
		return NULL;
	}

	const struct route **sorted = malloc((n + 1) * sizeof(struct route *));

	ipv4.range = malloc((2 * n + 1) * sizeof(struct range));
	ipv6.range = malloc((2 * n + 1) * sizeof(struct range));
	if (sorted == NULL || ipv4.range == NULL || ipv6.range == NULL) {
		errno = ENOMEM;
		goto out;
	}

	for (unsigned i = 0; i < n; i++) {
		sorted[i] = &routes[i];
		n_ipv4 += routes[i].prefix.addr.family == FAMILY_IPV4;
	}
	qsort(sorted, n, sizeof(const struct route *), route_order); // IPv4 before IPv6
	flatten(&ipv4, sorted, n_ipv4, 32);
	flatten(&ipv6, sorted + n_ipv4, n - n_ipv4, 128);
	table = lay_out(&ipv4, &ipv6);

out:
	free(sorted);
	free(ipv4.range);
	free(ipv6.range);
	return table;
}

void table_free(struct table *table)
{
	free(table);
}

static inline unsigned min(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

// How many keys of a node are not above the address. The compiler makes this one compare a vector.
static inline unsigned node_rank(const struct node *node, uint32_t addr)
{
	unsigned rank = 0;

	for (unsigned i = 0; i < NODE_KEYS; i++)
		rank += node->keys[i] <= addr;
	return rank;
}

leaf_t table_lookup_ipv4(const struct table *table, uint32_t addr)
{
	unsigned bottom = table->n_levels - 1;
	unsigned node = 0;

	for (unsigned level = 0; level < bottom; level++) {
		node = node * NODE_CHILDREN + node_rank(&table->levels[level][node], addr);
		node = min(node, table->last_node[level + 1]);
	}

	unsigned rank = node * NODE_KEYS + node_rank(&table->levels[bottom][node], addr);

	return table->leaves[min(rank, table->n_ranges - 1)];
}

static leaf_t table_lookup_ipv6(const struct table *table, const struct addr *addr)
{
	key_t128 key = addr_key(addr);
	unsigned below = 0; // starts[below] <= key
	unsigned n = table->n_ranges6;

	while (n > 1) {
		unsigned half = n / 2;
		const struct start6 *start = &table->starts6[below + half];

		if (((key_t128)start->high << 64 | start->low) <= key)
			below += half;
		n -= half;
	}
	return table->leaves6[below];
}

leaf_t table_lookup(const struct table *table, const struct addr *addr)
{
	switch (addr->family) {
	case FAMILY_IPV4:
		return table_lookup_ipv4(table, addr_ipv4(addr));
	case FAMILY_IPV6:
		return table_lookup_ipv6(table, addr);
	default:
		return LEAF_NONE;
	}
}

size_t table_bytes(const struct table *table)
{
	return table->bytes;
}
