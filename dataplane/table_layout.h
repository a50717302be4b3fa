// SPDX-License-Identifier: BSD-3-Clause
// How a table lies in memory: what table.c builds and quick.c searches. For these two only.
//
// A table is an array of cache lines. Line 0 is its head; behind it stand search trees. A tree maps
// a key to a value by the sorted ends of disjoint ranges: the number of ends below the key is the
// index of the range that holds it. Each node is one line, and finding the rank of a key in it is
// one vector compare and one population count: no branch depends on a key.
//
//	IPv4   root of 16 ends -> one of 17 nodes of 7 ends and 8 values: 136 ranges in two lines.
//	IPv6   root of 8 ends -> one of 9 inner nodes of 8 ends -> one of 9 nodes of 5 ends and 6
//	       values: 486 ranges in three lines, by one half of the address.
//
// A value is a leaf, or leads on to another tree of the table: when a tree has more ranges than
// that, or when a prefix is longer than the upper half of an IPv6 address. Of the leaves none names
// cloud 0 and an interconnect: a value that does is the line of the next tree.
//
// Ends are kept with their top bit flipped, since AVX2 compares signed. The end of the last range
// of a node is not needed, nor what lies behind it: these slots hold the greatest key, which is
// below none.
#pragma once

#include "table.h"

#include <stdbool.h>
#include <stddef.h>

#define LINE_BYTES 64

#define ROOT_ENDS 16
#define NODE_RANGES 8
#define TREE_RANGES ((ROOT_ENDS + 1) * NODE_RANGES)

#define ROOT6_ENDS 8
#define NODE6_RANGES 6
#define INNER6_LINES (1 + ROOT6_ENDS + 1) // an inner node and its nodes
#define TREE6_RANGES ((ROOT6_ENDS + 1) * (ROOT6_ENDS + 1) * NODE6_RANGES)

#define LOCAL_ENDS 12
#define LINE_ENDS (LINE_BYTES / 4)
#define MORE_LOCAL_LINES 4
#define MORE_LOCAL_ENDS (MORE_LOCAL_LINES * LINE_ENDS)

struct root {
	int32_t ends[ROOT_ENDS];
};

struct node {
	int32_t ends[NODE_RANGES]; // the last is always the greatest
	leaf_t values[NODE_RANGES];
};

struct root6 {
	int64_t ends[ROOT6_ENDS];
};

struct node6 {
	int64_t ends[NODE6_RANGES - 1];
	leaf_t values[NODE6_RANGES];
};

union line {
	int32_t ends[LINE_ENDS]; // of more local space
	struct root root;
	struct node node;
	struct root6 root6; // and inner nodes
	struct node6 node6;
} __attribute__((aligned(LINE_BYTES)));

// Line 0. The space of the cloud's own IPv4 prefixes is what lies between two ends, the first and
// the second, the third and the fourth: an odd number of ends below an address says that it is
// local. When there are too many for the head they stand in two or four lines of their own, and
// when there are too many for these, too, the tree must be asked.
struct table {
	const union line *tree6; // its own, or one that is empty
	uint32_t n_lines : 28;
	uint32_t more_lines : 3; // from line 'more_local' on: 2, 4, or 0
	uint32_t has_local : 1; // in the head
	uint32_t more_local;
	int32_t local[LOCAL_ENDS];
};

_Static_assert(sizeof(struct table) == LINE_BYTES, "the head of a table is one line");
_Static_assert(
	offsetof(struct table, local) == LINE_BYTES - LOCAL_ENDS * sizeof(int32_t), "ends come last"
);
_Static_assert(sizeof(union line) == LINE_BYTES, "a node is one line");

// Values that lead on. Line numbers are those of the table.
#define VALUE_LOWER (1u << (LEAF_INTERCONNECT_BITS - 1)) // by the lower half of the address
#define VALUE_LINES (VALUE_LOWER - 1)

static inline bool value_leads_on(leaf_t value)
{
	return value - 1 < INTERCONNECT_ID_MAX; // 0 is LEAF_NONE
}

static inline const union line *table_lines(const struct table *table)
{
	return (const union line *)table;
}

static inline const union line *table_tree(const struct table *table)
{
	return table_lines(table) + 1;
}

// An address as a key, and the halves of an IPv6 address.
#define KEY_FLIP 0x80000000u
static inline int32_t key_of(uint32_t addr)
{
	return (int32_t)(addr ^ KEY_FLIP);
}

static inline int64_t key6_of(uint64_t half)
{
	return (int64_t)(half ^ 0x8000000000000000u);
}
