// SPDX-License-Identifier: BSD-3-Clause
#include "table.h"

#include "ranges.h"
#include "table_layout.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

// Laying out
//
// Lines are numbered in the order in which they are taken.

struct builder {
	union line *lines;
	unsigned n;
	unsigned room;
	bool failed; // no memory, or more lines than a value can name
};

// The first of n new lines. When there is no memory, line 0: to be written in vain.
static unsigned take_lines(struct builder *builder, unsigned n)
{
	unsigned first = builder->n;

	if (first + n > builder->room) {
		unsigned room = 2 * builder->room + n;
		union line *lines = aligned_alloc(LINE_BYTES, room * sizeof(union line));

		if (!lines || first + n > VALUE_LINES) {
			free(lines);
			builder->failed = true;
			return 0;
		}
		if (first > 0)
			memcpy(lines, builder->lines, first * sizeof(union line));
		free(builder->lines);
		builder->lines = lines;
		builder->room = room;
	}
	builder->n += n;
	return first;
}

// What a tree is made of: ranges by their ends, ascending, the last of which is the greatest.
struct item {
	uint64_t end;
	leaf_t value;
};

static unsigned divide_up(unsigned n, unsigned by)
{
	return (n + by - 1) / by;
}

// How many ranges each tree below has when a tree of at most 'most' has n to hold: 1 for none
// below.
static unsigned ranges_below(unsigned n, unsigned most)
{
	unsigned below = 1;

	while (divide_up(n, below) > most)
		below *= most;
	return below;
}

static int32_t end_key(const struct item *items, unsigned n, unsigned i)
{
	return i < n ? key_of((uint32_t)items[i].end) : INT32_MAX;
}

static int64_t end_key6(const struct item *items, unsigned n, unsigned i)
{
	return i < n ? key6_of(items[i].end) : INT64_MAX;
}

static void fill_node(struct node *node, const struct item *items, unsigned n)
{
	for (unsigned i = 0; i < NODE_RANGES; i++) {
		node->ends[i] = i + 1 < NODE_RANGES ? end_key(items, n, i) : INT32_MAX;
		node->values[i] = i < n ? items[i].value : LEAF_NONE;
	}
}

// Returns the line of its root.
static unsigned put_tree(struct builder *builder, const struct item *items, unsigned n)
{
	unsigned below = ranges_below(n, TREE_RANGES);
	unsigned n_items = divide_up(n, below);
	unsigned line = take_lines(builder, 1 + divide_up(n_items, NODE_RANGES));
	struct item trees[TREE_RANGES];

	if (below > 1) {
		for (unsigned i = 0; i < n_items && !builder->failed; i++) {
			unsigned first = i * below;
			unsigned held = n - first < below ? n - first : below;

			trees[i].end = items[first + held - 1].end;
			trees[i].value = put_tree(builder, &items[first], held);
		}
		items = trees;
	}
	if (builder->failed)
		return 0;
	for (unsigned i = 0; i < ROOT_ENDS; i++)
		builder->lines[line].root.ends[i] =
			end_key(items, n_items, (i + 1) * NODE_RANGES - 1);
	for (unsigned i = 0; i * NODE_RANGES < n_items; i++)
		fill_node(
			&builder->lines[line + 1 + i].node, &items[i * NODE_RANGES],
			n_items - i * NODE_RANGES
		);
	return line;
}

static void fill_node6(struct node6 *node, const struct item *items, unsigned n)
{
	for (unsigned i = 0; i < NODE6_RANGES; i++) {
		if (i + 1 < NODE6_RANGES)
			node->ends[i] = end_key6(items, n, i);
		node->values[i] = i < n ? items[i].value : LEAF_NONE;
	}
}

// The ends of a root or inner node, each of whose children holds 'each' items.
static void fill_root6(struct root6 *root, const struct item *items, unsigned n, unsigned each)
{
	for (unsigned i = 0; i < ROOT6_ENDS; i++)
		root->ends[i] = end_key6(items, n, (i + 1) * each - 1);
}

static void fill_tree6(struct builder *builder, unsigned line, const struct item *items, unsigned n)
{
	const unsigned inner_ranges = (ROOT6_ENDS + 1) * NODE6_RANGES;

	fill_root6(&builder->lines[line].root6, items, n, inner_ranges);
	for (unsigned first = 0; first < n; first += inner_ranges) {
		unsigned inner = line + 1 + first / inner_ranges * INNER6_LINES;
		unsigned end = n - first < inner_ranges ? n - first : inner_ranges;

		fill_root6(&builder->lines[inner].root6, &items[first], end, NODE6_RANGES);
		for (unsigned i = 0; i < end; i += NODE6_RANGES)
			fill_node6(
				&builder->lines[inner + 1 + i / NODE6_RANGES].node6,
				&items[first + i], end - i
			);
	}
}

// The same by the upper halves of addresses, or the lower: then 'half' is VALUE_LOWER, else 0.
static unsigned put_tree6(
	struct builder *builder, const struct item *items, unsigned n, leaf_t half
)
{
	unsigned below = ranges_below(n, TREE6_RANGES);
	unsigned n_items = divide_up(n, below);
	unsigned n_nodes = divide_up(n_items, NODE6_RANGES);
	unsigned line = take_lines(builder, 1 + divide_up(n_nodes, ROOT6_ENDS + 1) + n_nodes);
	struct item trees[TREE6_RANGES];

	if (below > 1) {
		for (unsigned i = 0; i < n_items && !builder->failed; i++) {
			unsigned first = i * below;
			unsigned held = n - first < below ? n - first : below;

			trees[i].end = items[first + held - 1].end;
			trees[i].value = put_tree6(builder, &items[first], held, half) | half;
		}
		items = trees;
	}
	if (builder->failed)
		return 0;
	fill_tree6(builder, line, items, n_items);
	return line;
}

static unsigned put_ipv4(struct builder *builder, const struct ranges *ranges, struct item *items)
{
	for (unsigned i = 0; i < ranges->n; i++) {
		key_t128 next = i + 1 < ranges->n ? ranges->range[i + 1].start : 0;

		items[i] = (struct item){(uint32_t)(next - 1), ranges->range[i].leaf};
	}
	return put_tree(builder, items, ranges->n);
}

// Ranges of whole addresses become items by the upper half. A half that a range does not fill gets
// a tree of its own, by the lower halves. 'items' has room for 2 * n, 'lower' for n.
static unsigned put_ipv6(
	struct builder *builder, const struct ranges *ranges, struct item *items, struct item *lower
)
{
	unsigned n = 0, n_lower = 0;

	for (unsigned i = 0; i < ranges->n && !builder->failed; i++) {
		const struct range *range = &ranges->range[i];
		key_t128 last = i + 1 < ranges->n ? range[1].start - 1 : ~(key_t128)0;
		uint64_t upper = (uint64_t)(range->start >> 64),
			 last_upper = (uint64_t)(last >> 64);
		uint64_t last_lower = (uint64_t)last;

		if ((uint64_t)range->start != 0) { // the rest of a half that others began
			uint64_t end = last_upper > upper ? UINT64_MAX : last_lower;

			lower[n_lower++] = (struct item){end, range->leaf};
			if (end == UINT64_MAX) {
				leaf_t tree = put_tree6(builder, lower, n_lower, VALUE_LOWER);

				items[n++] = (struct item){upper, tree | VALUE_LOWER};
				n_lower = 0;
			}
			if (last_upper == upper)
				continue;
			upper++;
		}
		if (last_lower == UINT64_MAX)
			items[n++] = (struct item){last_upper, range->leaf};
		else if (last_upper > upper)
			items[n++] = (struct item){last_upper - 1, range->leaf};
		if (last_lower != UINT64_MAX)
			lower[n_lower++] = (struct item){last_lower, range->leaf};
	}
	return builder->failed ? 0 : put_tree6(builder, items, n, 0);
}

// The ends of the cloud's own space: local from the first to the second, and so on. Returns how
// many, or more than MORE_LOCAL_ENDS when they are too many.
static unsigned find_local(const struct ranges *ranges, int32_t ends[static MORE_LOCAL_ENDS])
{
	bool local = false;
	unsigned n = 0;

	for (unsigned i = 0; i < MORE_LOCAL_ENDS; i++)
		ends[i] = INT32_MAX;
	for (unsigned i = 0; i < ranges->n; i++) {
		leaf_t leaf = ranges->range[i].leaf;
		uint32_t start = (uint32_t)ranges->range[i].start;

		if ((leaf != LEAF_NONE && leaf_interconnect(leaf) == 0) == local)
			continue;
		if (n == MORE_LOCAL_ENDS || start == 0)
			return MORE_LOCAL_ENDS + 1;
		ends[n++] = key_of(start - 1);
		local = !local;
	}
	return n;
}

// Lines of their own for n ends: two or four, so that a search has no other width.
static unsigned more_lines(unsigned n)
{
	if (n <= LOCAL_ENDS || n > MORE_LOCAL_ENDS)
		return 0;
	return n <= MORE_LOCAL_ENDS / 2 ? MORE_LOCAL_LINES / 2 : MORE_LOCAL_LINES;
}

static unsigned put_more_local(struct builder *builder, const int32_t *ends, unsigned n_lines)
{
	unsigned line = take_lines(builder, n_lines);

	if (!builder->failed)
		memcpy(&builder->lines[line], ends, n_lines * sizeof(union line));
	return line;
}

// What every IPv6 address finds in a table without IPv6.
static const struct {
	union line root, inner, node;
} empty6 = {
#define NOWHERE \
	{ \
		INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX, \
			INT64_MAX \
	}
	.root.root6.ends = NOWHERE,
	.inner.root6.ends = NOWHERE,
	.node.node6.ends = {INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX},
};

// Line 0, the IPv4 tree from line 1 on, the IPv6 tree if there is any IPv6.
static struct table *lay_out(const struct ranges *ipv4, const struct ranges *ipv6)
{
	size_t most = ipv4->n > ipv6->n ? ipv4->n : ipv6->n;
	struct item *items = malloc(3 * most * sizeof(struct item));
	struct builder builder = {.failed = !items};
	bool has_ipv6 = ipv6->n > 1 || ipv6->range[0].leaf != LEAF_NONE;
	int32_t local[MORE_LOCAL_ENDS];
	unsigned n_local = find_local(ipv4, local);
	unsigned tree6 = 0, more_local = 0;
	struct table *table;

	take_lines(&builder, 1);
	if (!builder.failed)
		put_ipv4(&builder, ipv4, items);
	if (!builder.failed && has_ipv6)
		tree6 = put_ipv6(&builder, ipv6, items, &items[2 * most]);
	if (!builder.failed && more_lines(n_local) > 0)
		more_local = put_more_local(&builder, local, more_lines(n_local));
	free(items);
	table = builder.failed ? NULL : aligned_alloc(LINE_BYTES, builder.n * sizeof(union line));
	if (!table) {
		free(builder.lines);
		errno = ENOMEM;
		return NULL;
	}
	memcpy(table, builder.lines, builder.n * sizeof(union line));
	free(builder.lines);
	table->tree6 = has_ipv6 ? table_lines(table) + tree6 : &empty6.root;
	table->n_lines = builder.n & VALUE_LINES;
	table->has_local = n_local <= LOCAL_ENDS;
	table->more_local = more_local;
	table->more_lines = more_lines(n_local) & 7;
	memcpy(table->local, local, sizeof(table->local));
	return table;
}

static bool leaves_are_real(const struct route *routes, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (leaf_cloud(routes[i].leaf) == 0)
			return false;
	return true;
}

struct table *table_build(
	const struct route *routes, unsigned n, const struct prefix *holes, unsigned n_holes
)
{
	struct ranges ranges[FAMILIES];
	struct table *table = NULL;

	if (n > TABLE_MAX_ROUTES || !leaves_are_real(routes, n)) {
		errno = n > TABLE_MAX_ROUTES ? E2BIG : EINVAL;
		return NULL;
	}
	if (ranges_make(ranges, routes, n, holes, n_holes) == 0)
		table = lay_out(&ranges[0], &ranges[1]);
	else
		errno = ENOMEM;
	ranges_free(ranges);
	return table;
}

void table_free(struct table *table)
{
	free(table);
}

size_t table_bytes(const struct table *table)
{
	return (size_t)table->n_lines * sizeof(union line);
}

// One address at a time: for explain and tests, and what the vector versions must agree with

static unsigned rank(const int32_t *ends, unsigned n, int32_t key)
{
	unsigned rank = 0;

	for (unsigned i = 0; i < n; i++)
		rank += ends[i] < key;
	return rank;
}

static unsigned rank6(const int64_t *ends, unsigned n, int64_t key)
{
	unsigned rank = 0;

	for (unsigned i = 0; i < n; i++)
		rank += ends[i] < key;
	return rank;
}

leaf_t table_lookup_ipv4(const struct table *table, uint32_t addr)
{
	const union line *tree = table_tree(table);
	int32_t key = key_of(addr);

	for (;;) {
		const struct node *node = &tree[1 + rank(tree->root.ends, ROOT_ENDS, key)].node;
		leaf_t value = node->values[rank(node->ends, NODE_RANGES, key)];

		if (!value_leads_on(value))
			return value;
		tree = table_lines(table) + value;
	}
}

leaf_t table_lookup_ipv6(const struct table *table, uint64_t upper, uint64_t lower)
{
	const union line *tree = table->tree6;
	int64_t key = key6_of(upper);

	for (;;) {
		unsigned child = rank6(tree->root6.ends, ROOT6_ENDS, key);
		const union line *inner = &tree[1 + child * INNER6_LINES];
		const struct node6 *node =
			&inner[1 + rank6(inner->root6.ends, ROOT6_ENDS, key)].node6;
		leaf_t value = node->values[rank6(node->ends, NODE6_RANGES - 1, key)];

		if (!value_leads_on(value))
			return value;
		if (value & VALUE_LOWER)
			key = key6_of(lower);
		tree = table_lines(table) + (value & VALUE_LINES);
	}
}

leaf_t table_lookup(const struct table *table, const struct addr *addr)
{
	key_t128 key = addr_key(addr);

	switch (addr->family) {
	case FAMILY_IPV4:
		return table_lookup_ipv4(table, (uint32_t)key);
	case FAMILY_IPV6:
		return table_lookup_ipv6(table, (uint64_t)(key >> 64), (uint64_t)key);
	default:
		return LEAF_NONE;
	}
}
