// SPDX-License-Identifier: BSD-3-Clause
// The range tree, at each width of vectors.
#include "dataplane/martian.h"
#include "dataplane/quick.h"
#include "structure.h"

#include <rte_common.h>

static void *create(const struct routes *routes)
{
	struct prefix holes[MARTIANS];

	for (unsigned i = 0; i < MARTIANS; i++)
		holes[i] = martians[i].network;
	return table_build(routes->route, routes->n, holes, MARTIANS);
}

static void release(void *table)
{
	table_free(table);
}

static size_t bytes(const void *table)
{
	return table_bytes(table);
}

static bool is_right(
	const union answers *answers, unsigned i, const struct route *route, unsigned index
)
{
	return answers->narrow[i] == route->leaf;
}

static const struct quick *ways[SIMD_COUNT];

#define OF_WIDTH(name, simd) \
	static void ipv4_##name( \
		void *const *tables, const struct keys *keys, unsigned at, union answers *answers \
	) \
	{ \
		ways[simd]->lookup_ipv4( \
			(const struct table *const *)&tables[at], &keys->ipv4[at], \
			answers->narrow, BURST \
		); \
	} \
	static void ipv4_##name##_same( \
		void *const *tables, const struct keys *keys, unsigned at, union answers *answers \
	) \
	{ \
		ways[simd]->lookup_ipv4_in_one( \
			tables[at], &keys->ipv4[at], answers->narrow, BURST \
		); \
	} \
	static void ipv6_##name( \
		void *const *tables, const struct keys *keys, unsigned at, union answers *answers \
	) \
	{ \
		ways[simd]->lookup_ipv6( \
			(const struct table *const *)&tables[at], &keys->uppers[at], \
			&keys->lowers[at], answers->narrow, BURST \
		); \
	} \
	static void ipv6_##name##_same( \
		void *const *tables, const struct keys *keys, unsigned at, union answers *answers \
	) \
	{ \
		ways[simd]->lookup_ipv6_in_one( \
			tables[at], &keys->uppers[at], &keys->lowers[at], answers->narrow, BURST \
		); \
	}

OF_WIDTH(none, SIMD_NONE)
OF_WIDTH(avx2, SIMD_AVX2)
OF_WIDTH(avx512, SIMD_AVX512)

unsigned structures_ours(struct structure *structures)
{
	static const struct {
		const char *name;
		enum simd simd;
		enum family family;
		void (*lookup)(void *const *, const struct keys *, unsigned, union answers *);
		void (*lookup_same)(void *const *, const struct keys *, unsigned, union answers *);
	} all[] = {
		{"t0x", SIMD_NONE, FAMILY_IPV4, ipv4_none, ipv4_none_same},
		{"t0x AVX2", SIMD_AVX2, FAMILY_IPV4, ipv4_avx2, ipv4_avx2_same},
		{"t0x AVX-512", SIMD_AVX512, FAMILY_IPV4, ipv4_avx512, ipv4_avx512_same},
		{"t0x", SIMD_NONE, FAMILY_IPV6, ipv6_none, ipv6_none_same},
		{"t0x AVX2", SIMD_AVX2, FAMILY_IPV6, ipv6_avx2, ipv6_avx2_same},
		{"t0x AVX-512", SIMD_AVX512, FAMILY_IPV6, ipv6_avx512, ipv6_avx512_same},
	};
	unsigned n = 0;

	for (int simd = SIMD_NONE; simd < SIMD_COUNT; simd++)
		ways[simd] = quick_of((enum simd)simd);
	for (; n < RTE_DIM(all); n++)
		structures[n] = (struct structure){
			.name = all[n].name,
			.family = all[n].family,
			.needs = ways[all[n].simd] ? NULL : "this CPU has no such vectors",
			.create = create,
			.free = release,
			.bytes = bytes,
			.lookup = all[n].lookup,
			.lookup_same = all[n].lookup_same,
			.is_right = is_right,
		};
	return n;
}
