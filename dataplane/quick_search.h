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
