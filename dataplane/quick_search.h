// SPDX-License-Identifier: BSD-3-Clause
// One step down a tree (table_layout.h), for each width of vectors. Included by quick.c only.
#pragma once

#include "quick_vector.h"
#include "table_layout.h"

// Ranks of a key in a node

#if defined(__AVX512F__)

static inline unsigned rank_root(const struct root *root, int32_t key)
{
	__mmask16 below = _mm512_cmpgt_epi32_mask(_mm512_set1_epi32(key), _mm512_load_si512(root));

	return (unsigned)_mm_popcnt_u32(below);
}

static inline size_t rank_node(const struct node *node, int32_t key)
{
	__mmask8 below = _mm256_cmpgt_epi32_mask(
		_mm256_set1_epi32(key), _mm256_load_si256((const __m256i *)node->ends)
	);

	return (size_t)_mm_popcnt_u64(below);
}

static inline bool is_local(const struct table *table, int32_t key)
{
	__mmask16 below = _mm512_cmpgt_epi32_mask(_mm512_set1_epi32(key), _mm512_load_si512(table));

	return _mm_popcnt_u32(below >> (16 - LOCAL_ENDS)) & 1;
}

static inline unsigned rank_root6(const struct root6 *root, int64_t key)
{
	__mmask8 below = _mm512_cmpgt_epi64_mask(_mm512_set1_epi64(key), _mm512_load_si512(root));

	return (unsigned)_mm_popcnt_u32(below);
}

static inline unsigned rank_node6(const struct node6 *node, int64_t key)
{
	const __mmask8 ends = (1u << (NODE6_RANGES - 1)) - 1;
	__mmask8 below =
		_mm512_mask_cmpgt_epi64_mask(ends, _mm512_set1_epi64(key), _mm512_load_si512(node));

	return (unsigned)_mm_popcnt_u32(below);
}

#elif defined(__AVX2__)

static inline __m256i compare8(const int32_t *ends, __m256i keys)
{
	return _mm256_cmpgt_epi32(keys, _mm256_load_si256((const __m256i *)ends));
}

static inline __m256i compare4(const int64_t *ends, __m256i keys)
{
	return _mm256_cmpgt_epi64(keys, _mm256_load_si256((const __m256i *)ends));
}

static inline unsigned below8(const int32_t *ends, __m256i keys)
{
	return (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(compare8(ends, keys)));
}

// How many of the 32-bit lanes of both are set. They are packed to 16 bits first, for one mask.
static inline unsigned count_lanes(__m256i a, __m256i b)
{
	unsigned bytes = (unsigned)_mm256_movemask_epi8(_mm256_packs_epi32(a, b));

	return (unsigned)_mm_popcnt_u32(bytes) / 2;
}

static inline unsigned rank_root(const struct root *root, int32_t key)
{
	__m256i keys = _mm256_set1_epi32(key);

	return count_lanes(compare8(root->ends, keys), compare8(root->ends + 8, keys));
}

static inline unsigned rank_node(const struct node *node, int32_t key)
{
	return (unsigned)_mm_popcnt_u32(below8(node->ends, _mm256_set1_epi32(key)));
}

static inline bool is_local(const struct table *table, int32_t key)
{
	const int32_t *head = (const int32_t *)table;
	__m256i keys = _mm256_set1_epi32(key);
	unsigned below = below8(head, keys) | below8(head + 8, keys) << 8;

	return _mm_popcnt_u32(below >> (16 - LOCAL_ENDS)) & 1;
}

static inline unsigned rank_root6(const struct root6 *root, int64_t key)
{
	__m256i keys = _mm256_set1_epi64x(key);

	return count_lanes(compare4(root->ends, keys), compare4(root->ends + 4, keys)) / 2;
}

static inline unsigned rank_node6(const struct node6 *node, int64_t key)
{
	__m256i below = compare4(node->ends, _mm256_set1_epi64x(key));

	return (unsigned)_mm_popcnt_u32((unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(below))) +
		(node->ends[4] < key);
}

#else

static inline unsigned rank_root(const struct root *root, int32_t key)
{
	unsigned rank = 0;

	for (unsigned i = 0; i < ROOT_ENDS; i++)
		rank += root->ends[i] < key;
	return rank;
}

static inline unsigned rank_node(const struct node *node, int32_t key)
{
	unsigned rank = 0;

	for (unsigned i = 0; i < NODE_RANGES; i++)
		rank += node->ends[i] < key;
	return rank;
}

static inline bool is_local(const struct table *table, int32_t key)
{
	unsigned rank = 0;

	for (unsigned i = 0; i < LOCAL_ENDS; i++)
		rank += table->local[i] < key;
	return rank & 1;
}

static inline unsigned rank_root6(const struct root6 *root, int64_t key)
{
	unsigned rank = 0;

	for (unsigned i = 0; i < ROOT6_ENDS; i++)
		rank += root->ends[i] < key;
	return rank;
}

static inline unsigned rank_node6(const struct node6 *node, int64_t key)
{
	unsigned rank = 0;

	for (unsigned i = 0; i < NODE6_RANGES - 1; i++)
		rank += node->ends[i] < key;
	return rank;
}

#endif

static inline leaf_t search(const union line *tree, int32_t key)
{
	const struct node *node = &tree[1 + rank_root(&tree->root, key)].node;

	return node->values[rank_node(node, key)];
}

// The two levels of lines below the root of an IPv6 tree.
static inline const union line *inner6_of(const union line *tree, int64_t key)
{
	size_t child = rank_root6(&tree->root6, key); // as wide as a pointer: nothing to extend

	return &tree[1 + child * INNER6_LINES];
}

static inline const union line *node6_of(const union line *inner, int64_t key)
{
	size_t child = rank_root6(&inner->root6, key);

	return &inner[1 + child];
}

static inline leaf_t search6(const union line *tree, int64_t key)
{
	const struct node6 *node = &node6_of(inner6_of(tree, key), key)->node6;

	return node->values[rank_node6(node, key)];
}

// Many keys in one node, a lane each

#if LANES == 16

// One more step of a binary search: 'half' more ends are below each key, or are not.
#define HALVE(rank, keys, half, END_AT) \
	_mm512_mask_add_epi32( \
		rank, \
		_mm512_cmpgt_epi32_mask( \
			keys, END_AT(_mm512_add_epi32(rank, _mm512_set1_epi32((half)-1))) \
		), \
		rank, _mm512_set1_epi32(half) \
	)

static inline __m512i ranks_of_16(__m512i ends, __m512i keys)
{
	__m512i rank = _mm512_setzero_si512();

#define END_AT(at) _mm512_permutexvar_epi32(at, ends)
	rank = HALVE(rank, keys, 8, END_AT);
	rank = HALVE(rank, keys, 4, END_AT);
	rank = HALVE(rank, keys, 2, END_AT);
	rank = HALVE(rank, keys, 1, END_AT);
	return HALVE(rank, keys, 1, END_AT); // 16 ends have 17 ranks
#undef END_AT
}

static inline __m512i ranks_of_32(const union line *lines, __m512i keys)
{
	__m512i low = _mm512_load_si512(&lines[0]), high = _mm512_load_si512(&lines[1]);
	__m512i rank = _mm512_setzero_si512();

#define END_AT(at) _mm512_permutex2var_epi32(low, at, high)
	rank = HALVE(rank, keys, 16, END_AT);
	rank = HALVE(rank, keys, 8, END_AT);
	rank = HALVE(rank, keys, 4, END_AT);
	rank = HALVE(rank, keys, 2, END_AT);
	rank = HALVE(rank, keys, 1, END_AT);
	return HALVE(rank, keys, 1, END_AT);
#undef END_AT
}

// In the upper half of 64 ends, or in the lower: 32 more or less.
static inline __m512i ranks_of_64(const union line *lines, __m512i keys)
{
	__m512i middle = _mm512_set1_epi32(lines[1].ends[LINE_ENDS - 1]);

	return _mm512_mask_blend_epi32(
		_mm512_cmpgt_epi32_mask(keys, middle), ranks_of_32(lines, keys),
		_mm512_add_epi32(ranks_of_32(lines + 2, keys), _mm512_set1_epi32(32))
	);
}

static inline lanes root_ranks(const struct root *root, lanes keys)
{
	return (lanes)ranks_of_16(_mm512_load_si512(root), (__m512i)keys);
}

// One bit for each key that is local, by the ends in the head.
static inline uint32_t local_lanes(const struct table *table, lanes keys)
{
	__mmask16 last = (__mmask16)(0xffffu << (16 - LOCAL_ENDS));
	__m512i ends = _mm512_mask_compress_epi32(
		_mm512_set1_epi32(INT32_MAX), last, _mm512_load_si512(table)
	);

	return lanes_mask((lanes)ranks_of_16(ends, (__m512i)keys) << 31);
}

// The same by those in two lines, or four, of their own.
#define MORE_LINES_PAY MORE_LOCAL_LINES

static inline uint32_t more_local_lanes(const union line *lines, unsigned n_lines, lanes keys)
{
	__m512i ranks = n_lines == 2 ? ranks_of_32(lines, (__m512i)keys)
				     : ranks_of_64(lines, (__m512i)keys);

	return lanes_mask((lanes)ranks << 31);
}

#else

static inline lanes root_ranks(const struct root *root, lanes keys)
{
	lanes ranks = {};

	for (unsigned i = 0; i < LANES; i++)
		ranks[i] = rank_root(root, (int32_t)keys[i]);
	return ranks;
}

static inline uint32_t local_among(const int32_t *ends, unsigned n, lanes keys)
{
	signed_lanes ranks = {};

	for (unsigned i = 0; i < n; i++)
		ranks += ends[i] < (signed_lanes)keys;
	return lanes_mask((lanes)ranks << 31);
}

static inline uint32_t local_lanes(const struct table *table, lanes keys)
{
	return local_among(table->local, LOCAL_ENDS, keys);
}

// More lines cost more than a tree.
#define MORE_LINES_PAY 2

static inline uint32_t more_local_lanes(const union line *lines, unsigned n_lines, lanes keys)
{
	return local_among(lines->ends, n_lines * LINE_ENDS, keys);
}

#endif
