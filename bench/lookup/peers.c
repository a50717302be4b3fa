// SPDX-License-Identifier: BSD-3-Clause
// DPDK's own: rte_lpm, rte_fib, rte_rib, rte_lpm6, rte_fib6. The value of a route is its number
// plus one, which fits the smallest next hop that holds all routes: two bytes.
#include "structure.h"

#include <errno.h>
#include <rte_errno.h>
#include <rte_fib.h>
#include <rte_fib6.h>
#include <rte_lpm.h>
#include <rte_lpm6.h>
#include <rte_rib.h>
#include <rte_vect.h>
#include <stdio.h>
#include <string.h>

#define NAME_MAX_BYTES 32
#define LPM_VALUE 0xffffffu // what rte_lpm_lookup_bulk() adds is above
#define NOWHERE 0u

static const char *new_name(void)
{
	static char name[NAME_MAX_BYTES];
	static unsigned n;

	snprintf(name, sizeof(name), "table%u", n++);
	return name;
}

// Groups of 256 that prefixes longer than 'bits' may need: one for each byte beyond.
static uint32_t groups_of(const struct routes *routes, unsigned bits)
{
	uint32_t n = 1;

	for (unsigned i = 0; i < routes->n; i++)
		for (unsigned len = bits; len < routes->route[i].prefix.len; len += 8)
			n++;
	return n;
}

static uint32_t ipv4_of(const struct route *route)
{
	return addr_ipv4(&route->prefix.addr);
}

static bool narrow_is_right(
	const union answers *answers, unsigned i, const struct route *route, unsigned index
)
{
	return (answers->narrow[i] & LPM_VALUE) == index + 1;
}

static bool wide_is_right(
	const union answers *answers, unsigned i, const struct route *route, unsigned index
)
{
	return answers->wide[i] == index + 1;
}

// rte_lpm

static void *lpm_create(const struct routes *routes)
{
	struct rte_lpm_config config = {
		.max_rules = routes->n,
		.number_tbl8s = groups_of(routes, 24),
	};
	void *table = rte_lpm_create(new_name(), SOCKET_ID_ANY, &config);

	errno = rte_errno;
	return table;
}

static int lpm_fill(void *table, const struct routes *routes)
{
	int result = 0;

	for (unsigned i = 0; i < routes->n && result == 0; i++)
		result = rte_lpm_add(
			table, ipv4_of(&routes->route[i]), routes->route[i].prefix.len, i + 1
		);
	return result;
}

static void lpm_free(void *table)
{
	rte_lpm_free(table);
}

static void lpm_lookup(
	void *const *tables, const struct keys *keys, unsigned at, union answers *answers
)
{
	for (unsigned i = 0; i < BURST; i++)
		if (rte_lpm_lookup(tables[at + i], keys->ipv4[at + i], &answers->narrow[i]) != 0)
			answers->narrow[i] = NOWHERE;
}

static void lpm_lookup_same(
	void *const *tables, const struct keys *keys, unsigned at, union answers *answers
)
{
	struct rte_lpm *table = tables[at];

	for (unsigned i = 0; i < BURST; i++)
		if (rte_lpm_lookup(table, keys->ipv4[at + i], &answers->narrow[i]) != 0)
			answers->narrow[i] = NOWHERE;
}

static void lpm_lookup_x4(
	void *const *tables, const struct keys *keys, unsigned at, union answers *answers
)
{
	for (unsigned i = 0; i < BURST; i += 4)
		rte_lpm_lookupx4(
			tables[at], _mm_loadu_si128((const void *)&keys->ipv4[at + i]),
			&answers->narrow[i], NOWHERE
		);
}

static void lpm_lookup_bulk(
	void *const *tables, const struct keys *keys, unsigned at, union answers *answers
)
{
	rte_lpm_lookup_bulk(tables[at], &keys->ipv4[at], answers->narrow, BURST);
}

// rte_fib

static void *fib_create(const struct routes *routes)
{
	struct rte_fib_conf conf = {
		.type = RTE_FIB_DIR24_8,
		.default_nh = NOWHERE,
		.max_routes = (int)routes->n,
		.dir24_8 = {.nh_sz = RTE_FIB_DIR24_8_2B, .num_tbl8 = groups_of(routes, 24)},
	};
	void *table = rte_fib_create(new_name(), SOCKET_ID_ANY, &conf);

	errno = rte_errno;
	return table;
}

static int fib_fill(void *table, const struct routes *routes)
{
	int result = 0;

	for (unsigned i = 0; i < routes->n && result == 0; i++)
		result = rte_fib_add(
			table, ipv4_of(&routes->route[i]), routes->route[i].prefix.len, i + 1
		);
	return result;
}

static void fib_free(void *table)
{
	rte_fib_free(table);
}

static int fib_choose_scalar(void *table)
{
	return rte_fib_select_lookup(table, RTE_FIB_LOOKUP_DIR24_8_SCALAR_MACRO);
}

static int fib_choose_vector(void *table)
{
	return rte_fib_select_lookup(table, RTE_FIB_LOOKUP_DIR24_8_VECTOR_AVX512);
}

static void fib_lookup(
	void *const *tables, const struct keys *keys, unsigned at, union answers *answers
)
{
	for (unsigned i = 0; i < BURST; i++)
		rte_fib_lookup_bulk(tables[at + i], &keys->ipv4[at + i], &answers->wide[i], 1);
}

static void fib_lookup_same(
	void *const *tables, const struct keys *keys, unsigned at, union answers *answers
)
{
	rte_fib_lookup_bulk(tables[at], &keys->ipv4[at], answers->wide, BURST);
}

// rte_rib

static void *rib_create(const struct routes *routes)
{
	struct rte_rib_conf conf = {.max_nodes = (int)(2 * routes->n)};
	void *table = rte_rib_create(new_name(), SOCKET_ID_ANY, &conf);

	errno = rte_errno;
	return table;
}

static int rib_fill(void *table, const struct routes *routes)
{
	for (unsigned i = 0; i < routes->n; i++) {
		struct rte_rib_node *node = rte_rib_insert(
			table, ipv4_of(&routes->route[i]), routes->route[i].prefix.len
		);

		if (!node)
			return -rte_errno;
		rte_rib_set_nh(node, i + 1);
	}
	return 0;
}

static void rib_free(void *table)
{
	rte_rib_free(table);
}

static void rib_lookup(
	void *const *tables, const struct keys *keys, unsigned at, union answers *answers
)
{
	for (unsigned i = 0; i < BURST; i++) {
		struct rte_rib_node *node = rte_rib_lookup(tables[at + i], keys->ipv4[at + i]);

		if (!node || rte_rib_get_nh(node, &answers->wide[i]) != 0)
			answers->wide[i] = NOWHERE;
	}
}

// rte_lpm6

static void *lpm6_create(const struct routes *routes)
{
	struct rte_lpm6_config config = {
		.max_rules = routes->n,
		.number_tbl8s = groups_of(routes, 24),
	};
	void *table = rte_lpm6_create(new_name(), SOCKET_ID_ANY, &config);

	errno = rte_errno;
	return table;
}

static int lpm6_fill(void *table, const struct routes *routes)
{
	int result = 0;

	for (unsigned i = 0; i < routes->n && result == 0; i++) {
		const struct prefix *prefix = &routes->route[i].prefix;

		result = rte_lpm6_add(table, prefix->addr.bytes, prefix->len, i + 1);
	}
	return result;
}

static void lpm6_free(void *table)
{
	rte_lpm6_free(table);
}

static void lpm6_lookup(
	void *const *tables, const struct keys *keys, unsigned at, union answers *answers
)
{
	for (unsigned i = 0; i < BURST; i++)
		if (rte_lpm6_lookup(tables[at + i], keys->ipv6[at + i], &answers->narrow[i]) != 0)
			answers->narrow[i] = NOWHERE;
}

static void lpm6_lookup_bulk(
	void *const *tables, const struct keys *keys, unsigned at, union answers *answers
)
{
	rte_lpm6_lookup_bulk_func(tables[at], &keys->ipv6[at], answers->negative, BURST);
}

// rte_fib6

static void *fib6_create(const struct routes *routes)
{
	struct rte_fib6_conf conf = {
		.type = RTE_FIB6_TRIE,
		.default_nh = NOWHERE,
		.max_routes = (int)routes->n,
		.trie = {.nh_sz = RTE_FIB6_TRIE_4B, .num_tbl8 = groups_of(routes, 24)},
	};
	void *table = rte_fib6_create(new_name(), SOCKET_ID_ANY, &conf);

	errno = rte_errno;
	return table;
}

static int fib6_fill(void *table, const struct routes *routes)
{
	int result = 0;

	for (unsigned i = 0; i < routes->n && result == 0; i++) {
		const struct prefix *prefix = &routes->route[i].prefix;

		result = rte_fib6_add(table, prefix->addr.bytes, prefix->len, i + 1);
	}
	return result;
}

static void fib6_free(void *table)
{
	rte_fib6_free(table);
}

static int fib6_choose_scalar(void *table)
{
	return rte_fib6_select_lookup(table, RTE_FIB6_LOOKUP_TRIE_SCALAR);
}

static int fib6_choose_vector(void *table)
{
	return rte_fib6_select_lookup(table, RTE_FIB6_LOOKUP_TRIE_VECTOR_AVX512);
}

static void fib6_lookup(
	void *const *tables, const struct keys *keys, unsigned at, union answers *answers
)
{
	for (unsigned i = 0; i < BURST; i++)
		rte_fib6_lookup_bulk(tables[at + i], &keys->ipv6[at + i], &answers->wide[i], 1);
}

static void fib6_lookup_same(
	void *const *tables, const struct keys *keys, unsigned at, union answers *answers
)
{
	rte_fib6_lookup_bulk(tables[at], &keys->ipv6[at], answers->wide, BURST);
}

unsigned structures_dpdk(struct structure *structures)
{
	const struct structure lpm = {
		.family = FAMILY_IPV4,
		.create = lpm_create,
		.fill = lpm_fill,
		.free = lpm_free,
		.lookup = lpm_lookup,
		.is_right = narrow_is_right,
	};
	const struct structure fib = {
		.family = FAMILY_IPV4,
		.create = fib_create,
		.fill = fib_fill,
		.free = fib_free,
		.lookup = fib_lookup,
		.lookup_same = fib_lookup_same,
		.is_right = wide_is_right,
	};
	const struct structure rib = {
		.name = "rte_rib",
		.family = FAMILY_IPV4,
		.create = rib_create,
		.fill = rib_fill,
		.free = rib_free,
		.lookup = rib_lookup,
		.is_right = wide_is_right,
	};
	const struct structure lpm6 = {
		.name = REFERENCE_IPV6,
		.family = FAMILY_IPV6,
		.create = lpm6_create,
		.fill = lpm6_fill,
		.free = lpm6_free,
		.lookup = lpm6_lookup,
		.lookup_same = lpm6_lookup_bulk,
		.is_right = narrow_is_right,
	};
	const struct structure fib6 = {
		.family = FAMILY_IPV6,
		.create = fib6_create,
		.fill = fib6_fill,
		.free = fib6_free,
		.lookup = fib6_lookup,
		.lookup_same = fib6_lookup_same,
		.is_right = wide_is_right,
	};
	unsigned n = 0;

	structures[n] = lpm;
	structures[n].name = REFERENCE_IPV4;
	structures[n++].lookup_same = lpm_lookup_same;
	structures[n] = lpm;
	structures[n].name = "rte_lpm x4";
	structures[n].lookup = NULL;
	structures[n++].lookup_same = lpm_lookup_x4;
	structures[n] = lpm;
	structures[n].name = "rte_lpm bulk";
	structures[n].lookup = NULL;
	structures[n++].lookup_same = lpm_lookup_bulk;
	structures[n] = fib;
	structures[n].name = "rte_fib";
	structures[n++].choose = fib_choose_scalar;
	structures[n] = fib;
	structures[n].name = "rte_fib AVX-512";
	structures[n++].choose = fib_choose_vector;
	structures[n++] = rib;
	structures[n++] = lpm6;
	structures[n] = fib6;
	structures[n].name = "rte_fib6";
	structures[n++].choose = fib6_choose_scalar;
	structures[n] = fib6;
	structures[n].name = "rte_fib6 AVX-512";
	structures[n++].choose = fib6_choose_vector;
	return n;
}
