// SPDX-License-Identifier: BSD-3-Clause
// Many keys in one table (table_layout.h): roots and local space searched in registers, a lane a
// key. Included by quick.c only.
#pragma once

#include "quick.h"
#include "quick_search.h"

#if LANES == 16

// A binary search in registers is one long chain of dependent instructions: four vectors of keys go
// down it abreast, which is a burst.
#define ABREAST 4
// NOLINTNEXTLINE(bugprone-macro-parentheses): a declaration takes none
#define EACH_ABREAST(v) for (unsigned v = 0; v < ABREAST; v++)

_Static_assert(QUICK_MAX == ABREAST * LANES, "a burst");
_Static_assert(LINE_BYTES == 1 << 6, "shifted by 6");

struct abreast {
	__m512i v[ABREAST];
};

static inline struct abreast load_abreast(const uint32_t *from)
{
	struct abreast to;

	EACH_ABREAST(v)
		to.v[v] = _mm512_loadu_si512(from + v * LANES);
	return to;
}

static inline __m512i last_end_of(const union line *line)
{
	return _mm512_set1_epi32(line->ends[LINE_ENDS - 1]);
}

// Among the first 15 ends of a line, which are sorted: 'at' goes from the index before them to that
// of the last that is below the key. END_AT(v, at) takes the ends of those indices from registers.
#define HALVE(at, keys, half) \
	EACH_ABREAST(v) { \
		__m512i probe = _mm512_add_epi32((at).v[v], _mm512_set1_epi32(half)); \
		__mmask16 below = _mm512_cmpgt_epi32_mask((keys).v[v], END_AT(v, probe)); \
\
		(at).v[v] = _mm512_mask_mov_epi32((at).v[v], below, probe); \
	}
#define DESCEND(at, keys) \
	HALVE(at, keys, 8) \
	HALVE(at, keys, 4) \
	HALVE(at, keys, 2) \
	HALVE(at, keys, 1)

// How many of 16 ends are below each key.
static inline struct abreast ranks_of_16(__m512i ends, __m512i last_end, struct abreast keys)
{
	const __m512i one = _mm512_set1_epi32(1);
	struct abreast at;

	EACH_ABREAST(v)
		at.v[v] = _mm512_set1_epi32(-1);
#define END_AT(v, at) _mm512_permutexvar_epi32(at, ends)
	DESCEND(at, keys)
#undef END_AT
	EACH_ABREAST(v) {
		__mmask16 all = _mm512_cmpgt_epi32_mask(keys.v[v], last_end);

		at.v[v] = _mm512_add_epi32(at.v[v], one);
		at.v[v] = _mm512_mask_add_epi32(at.v[v], all, at.v[v], one);
	}
	return at;
}

// The offsets of the nodes that a root leads to, in bytes from the root.
static inline void find_offsets(
	const struct root *root, const uint32_t *keys, uint32_t *offsets, unsigned n
)
{
	struct abreast ranks = ranks_of_16(
		_mm512_load_si512(root), _mm512_set1_epi32(root->ends[ROOT_ENDS - 1]),
		load_abreast(keys)
	);

	EACH_ABREAST(v) {
		lanes line = (lanes)ranks.v[v] + 1;

		lanes_store(offsets + v * LANES, line * LINE_BYTES);
	}
}

// Bit i: key i is local, by the ends in the head.
static inline uint64_t find_local(const struct table *table, const uint32_t *keys, unsigned n)
{
	const __m512i none = _mm512_set1_epi32(INT32_MAX);
	__mmask16 last = (__mmask16)(0xffffu << (16 - LOCAL_ENDS));
	__m512i ends = _mm512_mask_compress_epi32(none, last, _mm512_load_si512(table));
	struct abreast ranks = ranks_of_16(ends, none, load_abreast(keys));
	uint64_t local = 0;

	EACH_ABREAST(v)
		local |= (uint64_t)lanes_mask((lanes)ranks.v[v] << 31) << v * LANES;
	return local;
}

// The same for ends in two lines, or four. Where in its line the last end below the key stands
// tells whether their number is odd: at an even index it is. The last end of each line is compared
// when the line is chosen, and the very last when it is known whether it counts.
static inline uint64_t find_even(struct abreast at, const __mmask16 *all)
{
	uint64_t even = 0;

	EACH_ABREAST(v) {
		__mmask16 mask = _mm512_testn_epi32_mask(at.v[v], _mm512_set1_epi32(1));

		even |= (uint64_t)(__mmask16)(mask ^ all[v]) << v * LANES;
	}
	return even;
}

static inline uint64_t find_local_of_32(const union line *lines, struct abreast keys)
{
	const __m512i first = _mm512_set1_epi32(-1), second = _mm512_set1_epi32(LINE_ENDS - 1);
	__m512i a = _mm512_load_si512(&lines[0]), b = _mm512_load_si512(&lines[1]);
	__mmask16 all[ABREAST];
	struct abreast at;

	EACH_ABREAST(v) {
		__mmask16 above_a = _mm512_cmpgt_epi32_mask(keys.v[v], last_end_of(&lines[0]));

		at.v[v] = _mm512_mask_blend_epi32(above_a, first, second);
		all[v] = _mm512_cmpgt_epi32_mask(keys.v[v], last_end_of(&lines[1]));
	}
#define END_AT(v, at) _mm512_permutex2var_epi32(a, at, b)
	DESCEND(at, keys)
#undef END_AT
	return find_even(at, all);
}

static inline uint64_t find_local_of_64(const union line *lines, struct abreast keys)
{
	const __m512i first = _mm512_set1_epi32(-1), second = _mm512_set1_epi32(LINE_ENDS - 1);
	__m512i a = _mm512_load_si512(&lines[0]), b = _mm512_load_si512(&lines[1]);
	__m512i c = _mm512_load_si512(&lines[2]), d = _mm512_load_si512(&lines[3]);
	__mmask16 above_b[ABREAST], all[ABREAST];
	struct abreast at;

	EACH_ABREAST(v) {
		__mmask16 above_a = _mm512_cmpgt_epi32_mask(keys.v[v], last_end_of(&lines[0]));
		__mmask16 above_c = _mm512_cmpgt_epi32_mask(keys.v[v], last_end_of(&lines[2]));

		above_b[v] = _mm512_cmpgt_epi32_mask(keys.v[v], last_end_of(&lines[1]));
		at.v[v] = _mm512_mask_blend_epi32((above_a ^ above_b[v]) | above_c, first, second);
		all[v] = _mm512_cmpgt_epi32_mask(keys.v[v], last_end_of(&lines[3]));
	}
#define END_AT(v, at) \
	_mm512_mask_blend_epi32( \
		above_b[v], _mm512_permutex2var_epi32(a, at, b), \
		_mm512_permutex2var_epi32(c, at, d) \
	)
	DESCEND(at, keys)
#undef END_AT
	return find_even(at, all);
}

// IPv6: two levels at once, when a tree has no more than four inner nodes, which is the first 216
// ranges.
#define FEW_INNERS 4
#define KEYS6 (LANES / 2) // of a vector

static inline bool has_few_inners(const union line *tree)
{
	return tree->root6.ends[FEW_INNERS - 1] == INT64_MAX;
}

// Those that there are; in place of others the first, which no key leads to.
static inline void load_inners(const union line *tree, __m512i *inners)
{
	for (unsigned k = 0; k < FEW_INNERS; k++) {
		bool there = k == 0 || tree->root6.ends[k - 1] != INT64_MAX;

		inners[k] = _mm512_load_si512(&tree[there ? 1 + k * INNER6_LINES : 1]);
	}
}

#define HALVE6(at, keys, half) \
	EACH_ABREAST(v) { \
		__m512i probe = _mm512_add_epi64((at).v[v], _mm512_set1_epi64(half)); \
		__mmask8 below = _mm512_cmpgt_epi64_mask((keys).v[v], END_AT(v, probe)); \
\
		(at).v[v] = _mm512_mask_mov_epi64((at).v[v], below, probe); \
	}

// The nodes of as many keys as go abreast. The ends of two inner nodes follow each other in the
// index of a permutation: 'at' begins before those of the key's own, and 'line' has what is to be
// added to get from there to a line of the tree.
static inline void find_nodes6_abreast(
	const union line *tree, const __m512i *inners, const int64_t *from, const union line **nodes
)
{
	const int64_t *ends = tree->root6.ends;
	const __m512i first = _mm512_set1_epi64(-1), second = _mm512_set1_epi64(ROOT6_ENDS - 1);
	struct abreast keys, at, line;
	__mmask8 upper[ABREAST];

	EACH_ABREAST(v) {
		__m512i key = _mm512_loadu_si512(from + v * KEYS6);
		__mmask8 above0 = _mm512_cmpgt_epi64_mask(key, _mm512_set1_epi64(ends[0]));
		__mmask8 above1 = _mm512_cmpgt_epi64_mask(key, _mm512_set1_epi64(ends[1]));
		__mmask8 above2 = _mm512_cmpgt_epi64_mask(key, _mm512_set1_epi64(ends[2]));
		__mmask8 odd = (above0 ^ above1) | above2;
		__m512i inner = _mm512_set1_epi64(2 + 1);

		inner = _mm512_mask_mov_epi64(
			inner, above1, _mm512_set1_epi64(2 + 1 + 2 * INNER6_LINES)
		);
		line.v[v] = _mm512_mask_add_epi64(
			inner, odd, inner, _mm512_set1_epi64(INNER6_LINES - ROOT6_ENDS)
		);
		at.v[v] = _mm512_mask_blend_epi64(odd, first, second);
		keys.v[v] = key;
		upper[v] = above1;
	}
#define END_AT(v, at) \
	_mm512_mask_blend_epi64( \
		upper[v], _mm512_permutex2var_epi64(inners[0], at, inners[1]), \
		_mm512_permutex2var_epi64(inners[2], at, inners[3]) \
	)
	HALVE6(at, keys, 4)
	HALVE6(at, keys, 2)
	HALVE6(at, keys, 1)
	HALVE6(at, keys, 1) // 8 ends have 9 ranks
#undef END_AT
	EACH_ABREAST(v) {
		__m512i offset = _mm512_slli_epi64(_mm512_add_epi64(at.v[v], line.v[v]), 6);

		_mm512_storeu_si512(
			nodes + v * KEYS6,
			_mm512_add_epi64(offset, _mm512_set1_epi64((int64_t)tree))
		);
	}
}

// The nodes of many keys in one tree. Arrays have room for QUICK_MAX.
static inline void find_nodes6(
	const union line *tree, const int64_t *keys, const union line **nodes, unsigned n
)
{
	if (has_few_inners(tree)) {
		__m512i inners[FEW_INNERS];

		load_inners(tree, inners);
		for (unsigned at = 0; at < n; at += ABREAST * KEYS6)
			find_nodes6_abreast(tree, inners, &keys[at], &nodes[at]);
	} else {
		for (unsigned i = 0; i < n; i++)
			nodes[i] = node6_of(inner6_of(tree, keys[i]), keys[i]);
	}
}

#define MORE_LINES_PAY MORE_LOCAL_LINES

static inline uint64_t find_more_local(
	const union line *lines, unsigned n_lines, const uint32_t *keys, unsigned n
)
{
	return n_lines == 2 ? find_local_of_32(lines, load_abreast(keys))
			    : find_local_of_64(lines, load_abreast(keys));
}

#else

static inline void find_offsets(
	const struct root *root, const uint32_t *keys, uint32_t *offsets, unsigned n
)
{
	for (unsigned i = 0; i < n; i++)
		offsets[i] = (rank_root(root, (int32_t)keys[i]) + 1) * LINE_BYTES;
}

static inline uint64_t local_among(
	const int32_t *ends, unsigned n_ends, const uint32_t *keys, unsigned n
)
{
	uint64_t local = 0;

	for (unsigned at = 0; at < n; at += LANES) {
		signed_lanes vector = (signed_lanes)lanes_load(&keys[at]), ranks = {};

		for (unsigned i = 0; i < n_ends; i++)
			ranks += ends[i] < vector;
		local |= (uint64_t)lanes_mask((lanes)ranks << 31) << at;
	}
	return local;
}

static inline uint64_t find_local(const struct table *table, const uint32_t *keys, unsigned n)
{
	return local_among(table->local, LOCAL_ENDS, keys, n);
}

static inline void find_nodes6(
	const union line *tree, const int64_t *keys, const union line **nodes, unsigned n
)
{
#pragma GCC unroll 4
	for (unsigned i = 0; i < n; i++)
		nodes[i] = node6_of(inner6_of(tree, keys[i]), keys[i]);
}

// More lines cost more than a tree.
#define MORE_LINES_PAY 2

static inline uint64_t find_more_local(
	const union line *lines, unsigned n_lines, const uint32_t *keys, unsigned n
)
{
	return local_among(lines->ends, n_lines * LINE_ENDS, keys, n);
}

#endif
