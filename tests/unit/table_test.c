// SPDX-License-Identifier: BSD-3-Clause
// The table against references that are slow and obviously right.
#include "dataplane/quick.h"
#include "dataplane/table.h"
#include "fixture.h"

#include <errno.h>
#include <rte_rib.h>

#define ROUNDS_ROUTES_MAX 200
#define HOLES_MAX 12
#define LOOKUPS_MIN 1000000
#define LEAF_A leaf_local(1)
#define LEAF_B leaf_via(2, 7)

typedef unsigned __int128 u128;

static u128 number_of(const struct addr *addr)
{
	u128 number = 0;

	for (unsigned i = 0; i < family_bits(addr->family) / 8; i++)
		number = number << 8 | addr->bytes[i];
	return number;
}

static struct addr addr_of(enum family family, u128 number)
{
	struct addr addr = {.family = (uint8_t)family};

	for (unsigned i = family_bits(family) / 8; i-- > 0; number >>= 8)
		addr.bytes[i] = (uint8_t)number;
	return addr;
}

// All host bits of a prefix.
static u128 host_mask(enum family family, unsigned len)
{
	unsigned bits = family_bits(family) - len;

	return bits == 128 ? ~(u128)0 : ((u128)1 << bits) - 1;
}

static u128 all_ones(enum family family)
{
	return host_mask(family, 0);
}

// Linear longest-prefix match, in numbers of its own: no code of the table's or the prefix's.
struct naive {
	struct naive_route {
		enum family family;
		unsigned len;
		u128 first;
		u128 last;
		leaf_t leaf;
	} routes[ROUNDS_ROUTES_MAX], holes[HOLES_MAX];
	unsigned n, n_holes;
};

static void naive_holes(struct naive *naive, const struct prefix *holes, unsigned n)
{
	naive->n_holes = n;
	for (unsigned i = 0; i < n; i++) {
		u128 first = number_of(&holes[i].addr);

		naive->holes[i] = (struct naive_route){
			.family = holes[i].addr.family,
			.first = first,
			.last = first + host_mask(holes[i].addr.family, holes[i].len),
		};
	}
}

static void naive_build(struct naive *naive, const struct route *routes, unsigned n)
{
	naive->n = n;
	naive->n_holes = 0;
	for (unsigned i = 0; i < n; i++) {
		const struct prefix *prefix = &routes[i].prefix;
		u128 first = number_of(&prefix->addr);

		naive->routes[i] = (struct naive_route){
			.family = prefix->addr.family,
			.len = prefix->len,
			.first = first,
			.last = first + host_mask(prefix->addr.family, prefix->len),
			.leaf = routes[i].leaf,
		};
	}
}

static leaf_t naive_lookup(const struct naive *naive, enum family family, u128 addr)
{
	leaf_t leaf = LEAF_NONE;
	unsigned longest = 0;

	for (unsigned i = 0; i < naive->n; i++) {
		const struct naive_route *route = &naive->routes[i];

		// Of equal prefixes the later wins.
		if (route->family != family || addr < route->first || addr > route->last ||
		    route->len < longest)
			continue;
		longest = route->len;
		leaf = route->leaf;
	}
	for (unsigned i = 0; i < naive->n_holes; i++) {
		const struct naive_route *hole = &naive->holes[i];

		if (hole->family == family && addr >= hole->first && addr <= hole->last)
			return LEAF_NONE;
	}
	return leaf;
}

static u128 random_number(enum family family)
{
	u128 number = (u128)random64() << 64 | random64();

	return number & all_ones(family);
}

static struct route route_make(enum family family, u128 number, unsigned len, leaf_t leaf)
{
	u128 network = number & ~host_mask(family, len) & all_ones(family);

	return (struct route){{addr_of(family, network), (uint8_t)len}, leaf};
}

// A route near one that is there: nested, around it, beside it, equal, or anywhere.
static struct route random_route(const struct route *routes, unsigned n)
{
	enum family family = random_below(2) ? FAMILY_IPV4 : FAMILY_IPV6;
	unsigned bits = family_bits(family);
	unsigned len = random_below(bits + 1);
	leaf_t leaf = leaf_local((uint16_t)(1 + random_below(4))
	); // few, so that neighbours often agree and merge
	const struct prefix *near = n > 0 ? &routes[random_below(n)].prefix : NULL;

	if (near == NULL || near->addr.family != family)
		return route_make(family, random_number(family), len, leaf);

	u128 number = number_of(&near->addr);
	u128 size = host_mask(family, near->len) + 1; // 0 for an IPv6 /0

	switch (random_below(6)) {
	case 0: // inside
		len = near->len + random_below(bits - near->len + 1);
		return route_make(family, number | (random_number(family) & (size - 1)), len, leaf);
	case 1: // around
		return route_make(family, number, random_below(near->len + 1u), leaf);
	case 2: // next
		return route_make(family, number + size, near->len, leaf);
	case 3: // before
		return route_make(family, number - size, near->len, leaf);
	case 4: // the same
		return route_make(family, number, near->len, leaf);
	default:
		return route_make(family, random_number(family), len, leaf);
	}
}

// Lookups of one family that the vector versions must answer alike: gathered to whole bursts, for
// all widths that this CPU has; where one table answers all, also by the way for that.
static struct burst {
	unsigned n;
	const struct table *tables[QUICK_MAX];
	uint32_t addrs[QUICK_MAX];
	uint64_t uppers[QUICK_MAX], lowers[QUICK_MAX];
	leaf_t expected[QUICK_MAX];
} bursts[FAMILIES];

static void check_leaves(const struct burst *burst, const leaf_t *leaves, const char *name)
{
	for (unsigned i = 0; i < burst->n; i++)
		check(leaves[i] == burst->expected[i], "%s, lane %u of %u: found %u, expected %u",
		      name, i, burst->n, leaves[i], burst->expected[i]);
}

static bool is_of_one_table(const struct burst *burst)
{
	for (unsigned i = 1; i < burst->n; i++)
		if (burst->tables[i] != burst->tables[0])
			return false;
	return burst->n > 0;
}

static void burst_check(const struct burst *burst, enum family family, const struct quick *way)
{
	leaf_t leaves[QUICK_MAX];

	if (family == FAMILY_IPV4)
		way->lookup_ipv4(burst->tables, burst->addrs, leaves, burst->n);
	else
		way->lookup_ipv6(burst->tables, burst->uppers, burst->lowers, leaves, burst->n);
	check_leaves(burst, leaves, way->name);
	if (!is_of_one_table(burst))
		return;
	if (family == FAMILY_IPV4)
		way->lookup_ipv4_in_one(burst->tables[0], burst->addrs, leaves, burst->n);
	else
		way->lookup_ipv6_in_one(
			burst->tables[0], burst->uppers, burst->lowers, leaves, burst->n
		);
	check_leaves(burst, leaves, way->name);
}

static void burst_flush(enum family family)
{
	struct burst *burst = &bursts[family_index(family)];

	for (int simd = SIMD_NONE; simd < SIMD_COUNT; simd++)
		if (quick_of((enum simd)simd))
			burst_check(burst, family, quick_of((enum simd)simd));
	burst->n = 0;
}

static void burst_add(const struct table *table, enum family family, u128 number, leaf_t expected)
{
	struct burst *burst = &bursts[family_index(family)];

	burst->tables[burst->n] = table;
	burst->addrs[burst->n] = (uint32_t)number;
	burst->uppers[burst->n] = (uint64_t)(number >> 64);
	burst->lowers[burst->n] = (uint64_t)number;
	burst->expected[burst->n++] = expected;
	// Full bursts, and any other.
	if (burst->n == QUICK_MAX || random_below(200) == 0)
		burst_flush(family);
}

// The table goes: what was asked of it must be answered before.
static void let_go(struct table *table)
{
	burst_flush(FAMILY_IPV4);
	burst_flush(FAMILY_IPV6);
	table_free(table);
}

static void check_lookup(
	const struct table *table, const struct naive *naive, enum family family, u128 number
)
{
	struct addr addr = addr_of(family, number & all_ones(family));
	leaf_t expected = naive_lookup(naive, family, number & all_ones(family));
	leaf_t found = table_lookup(table, &addr);
	char text[ADDR_STRLEN];

	check(found == expected, "%s: found %u, expected %u", addr_format(&addr, text), found,
	      expected);
	if (family == FAMILY_IPV4)
		check(table_lookup_ipv4(table, (uint32_t)number) == expected, "%s", text);
	burst_add(table, family, number & all_ones(family), expected);
}

static unsigned check_edges(
	const struct table *table, const struct naive *naive, const struct route *route
)
{
	enum family family = route->prefix.addr.family;
	u128 first = number_of(&route->prefix.addr);
	u128 last = first + host_mask(family, route->prefix.len);

	check_lookup(table, naive, family, first - 1);
	check_lookup(table, naive, family, first);
	check_lookup(table, naive, family, last);
	check_lookup(table, naive, family, last + 1);
	return 4;
}

static unsigned check_extremes(const struct table *table, const struct naive *naive)
{
	check_lookup(table, naive, FAMILY_IPV4, 0);
	check_lookup(table, naive, FAMILY_IPV4, UINT32_MAX);
	check_lookup(table, naive, FAMILY_IPV6, 0);
	check_lookup(table, naive, FAMILY_IPV6, ~(u128)0);
	return 4;
}

static void a_million_random_lookups_equal_the_naive_reference(void **state)
{
	static struct route routes[ROUNDS_ROUTES_MAX];
	static struct naive naive;
	unsigned lookups = 0;

	while (lookups < LOOKUPS_MIN) {
		unsigned n =
			random_below(4) ? random_below(40) : random_below(ROUNDS_ROUTES_MAX + 1);
		unsigned n_holes = random_below(2) ? 0 : random_below(HOLES_MAX + 1);
		struct route hole_routes[HOLES_MAX];
		struct prefix holes[HOLES_MAX];

		for (unsigned i = 0; i < n; i++)
			routes[i] = random_route(routes, i);
		for (unsigned i = 0; i < n_holes; i++) {
			hole_routes[i] = random_route(routes, n);
			holes[i] = hole_routes[i].prefix;
		}
		naive_build(&naive, routes, n);
		naive_holes(&naive, holes, n_holes);

		struct table *table = table_build(routes, n, holes, n_holes);

		assert_non_null(table);
		lookups += check_extremes(table, &naive);
		for (unsigned i = 0; i < n; i++)
			lookups += check_edges(table, &naive, &routes[i]);
		for (unsigned i = 0; i < n_holes; i++)
			lookups += check_edges(table, &naive, &hole_routes[i]);
		for (unsigned i = 0; i < 200; i++, lookups++) {
			enum family family = random_below(2) ? FAMILY_IPV4 : FAMILY_IPV6;

			check_lookup(table, &naive, family, random_number(family));
		}
		let_go(table);
	}
}

// A burst of a trunk: each address in the table of another cloud.
static void tables_mixed_in_a_burst_do_not_mix_up(void **state)
{
	static struct naive naive[16];
	struct table *tables[16];

	for (unsigned round = 0; round < 20; round++) {
		for (unsigned i = 0; i < 16; i++) {
			struct route routes[ROUNDS_ROUTES_MAX];
			unsigned n = random_below(i % 2 ? 40 : ROUNDS_ROUTES_MAX + 1);

			for (unsigned k = 0; k < n; k++)
				routes[k] = random_route(routes, k);
			naive_build(&naive[i], routes, n);
			tables[i] = table_build(routes, n, NULL, 0);
			assert_non_null(tables[i]);
		}
		for (unsigned lookup = 0; lookup < 2000; lookup++) {
			unsigned i = random_below(16);
			enum family family = random_below(2) ? FAMILY_IPV4 : FAMILY_IPV6;
			u128 number = random_number(family);

			if (naive[i].n > 0 && random_below(2)) {
				const struct naive_route *route =
					&naive[i].routes[random_below(naive[i].n)];

				family = route->family;
				number = random_below(2) ? route->first : route->last;
			}
			check_lookup(tables[i], &naive[i], family, number);
		}
		for (unsigned i = 0; i < 16; i++)
			let_go(tables[i]);
	}
}

static void every_length_from_0_on_nests_in_one_table(void **state)
{
	static const enum family families[] = {FAMILY_IPV4, FAMILY_IPV6};
	struct route routes[129];
	struct naive naive;

	// Down to the first, to the last, and to an address in the middle.
	for (unsigned where = 0; where < 3; where++) {
		for (unsigned f = 0; f < 2; f++) {
			enum family family = families[f];
			unsigned n = family_bits(family) + 1;
			u128 target = where == 0 ? 0
				: where == 1	 ? all_ones(family)
						 : random_number(family);

			for (unsigned len = 0; len < n; len++)
				routes[len] = route_make(
					family, target, len, leaf_local((uint16_t)(len + 1))
				);
			naive_build(&naive, routes, n);

			struct table *table = table_build(routes, n, NULL, 0);
			struct addr addr = addr_of(family, target);

			assert_non_null(table);
			assert_int_equal(table_lookup(table, &addr), leaf_local((uint16_t)n));
			for (unsigned i = 0; i < n; i++)
				check_edges(table, &naive, &routes[i]);
			check_extremes(table, &naive);
			let_go(table);
		}
	}
}

static void an_empty_table_finds_nothing(void **state)
{
	struct table *table = table_build(NULL, 0, NULL, 0);
	const struct addr absent = {};
	struct naive naive = {};

	assert_non_null(table);
	check_extremes(table, &naive);
	check_lookup(table, &naive, FAMILY_IPV4, 0x0a000001);
	assert_int_equal(table_lookup(table, &absent), LEAF_NONE);
	let_go(table);
	table_free(NULL);
}

static void one_family_never_answers_for_the_other(void **state)
{
	struct route ipv4 = {prefix_of("0.0.0.0/0"), LEAF_A};
	struct route ipv6 = {prefix_of("::/0"), LEAF_A};
	struct addr addr4 = addr_of(FAMILY_IPV4, 0x0a000001);
	struct addr addr6 = addr_of(FAMILY_IPV6, 0x0a000001);
	struct table *table4 = table_build(&ipv4, 1, NULL, 0);
	struct table *table6 = table_build(&ipv6, 1, NULL, 0);

	assert_int_equal(table_lookup(table4, &addr4), LEAF_A);
	assert_int_equal(table_lookup(table4, &addr6), LEAF_NONE);
	assert_int_equal(table_lookup(table6, &addr4), LEAF_NONE);
	assert_int_equal(table_lookup(table6, &addr6), LEAF_A);
	table_free(table4);
	table_free(table6);
}

static void of_equal_prefixes_the_later_wins(void **state)
{
	const struct route routes[] = {
		{prefix_of("10.0.0.0/8"), LEAF_A},
		{prefix_of("10.1.0.0/16"), LEAF_B},
		{prefix_of("10.0.0.0/8"), LEAF_B},
		{prefix_of("10.0.0.0/8"), leaf_local(3)},
	};
	struct table *table = table_build(routes, 4, NULL, 0);

	assert_int_equal(table_lookup_ipv4(table, 0x0a000000), leaf_local(3));
	assert_int_equal(table_lookup_ipv4(table, 0x0a010000), LEAF_B);
	assert_int_equal(table_lookup_ipv4(table, 0x0affffff), leaf_local(3));
	let_go(table);
}

// 'n' routes of both families that share no edge: the most ranges that n routes can make.
static struct route *many_routes(unsigned n, enum family family)
{
	struct route *routes = calloc(n, sizeof(*routes));

	assert_non_null(routes);
	for (unsigned i = 0; i < n; i++) {
		u128 number = family == FAMILY_IPV4 ? (u128)i << 17 : (u128)i << 99;

		routes[i] = route_make(
			family, number, family == FAMILY_IPV4 ? 24 : 64,
			leaf_local((uint16_t)(i % CLOUD_ID_MAX + 1))
		);
	}
	return routes;
}

// One address, one at a time and in bursts.
static void check_number(const struct table *table, enum family family, u128 number, leaf_t leaf)
{
	struct addr addr = addr_of(family, number);

	assert_int_equal(table_lookup(table, &addr), leaf);
	burst_add(table, family, number, leaf);
}

// Its first and its last address, and the one behind, which no other route has.
static void check_route(const struct table *table, const struct route *route, leaf_t leaf)
{
	enum family family = route->prefix.addr.family;
	u128 first = number_of(&route->prefix.addr);
	u128 last = first + host_mask(family, route->prefix.len);

	check_number(table, family, first, leaf);
	check_number(table, family, last, leaf);
	check_number(table, family, last + 1, LEAF_NONE);
}

static void the_largest_table_is_right_and_one_route_more_is_refused(void **state)
{
	static const enum family families[] = {FAMILY_IPV4, FAMILY_IPV6};

	for (unsigned f = 0; f < 2; f++) {
		struct route *routes = many_routes(TABLE_MAX_ROUTES + 1, families[f]);
		struct table *table = table_build(routes, TABLE_MAX_ROUTES, NULL, 0);

		assert_non_null(table);
		for (unsigned i = 0; i < TABLE_MAX_ROUTES; i++)
			check_route(table, &routes[i], routes[i].leaf);
		let_go(table);

		errno = 0;
		assert_null(table_build(routes, TABLE_MAX_ROUTES + 1, NULL, 0));
		assert_int_equal(errno, E2BIG);
		free(routes);
	}
}

static void check_filling(const struct route *routes, unsigned all, unsigned n)
{
	enum family family = routes[0].prefix.addr.family;
	struct table *table = table_build(routes, n, NULL, 0);

	assert_non_null(table);
	for (unsigned i = 0; i < all; i++)
		check_route(table, &routes[i], i < n ? routes[i].leaf : LEAF_NONE);
	check_number(table, family, all_ones(family), LEAF_NONE);
	let_go(table);
}

static void check_fillings(enum family family, const unsigned *counts, unsigned n_counts)
{
	struct route *routes = many_routes(TABLE_MAX_ROUTES, family);

	for (unsigned c = 0; c < n_counts; c++)
		check_filling(routes, RTE_MIN(2 * counts[c] + 20, TABLE_MAX_ROUTES), counts[c]);
	free(routes);
}

static void trees_of_every_height_and_filling_are_right(void **state)
{
	// Around the counts at which a node, and a tree of 136 ranges, become full.
	static const unsigned ipv4[] = {
		1,   3,	  4,	5,    8,    9,	  67,	68,   69,   136,  137,
		270, 271, 2311, 2312, 4623, 4624, 4625, 9247, 9248, 9249, 9999,
	};
	// With two ranges a route, around those at which a node (6), inner nodes (54, and twice,
	// three and four times that) and a tree (486) become full.
	static const unsigned ipv6[] = {
		1,  2,	3,   4,	  26,  27,  28,	 53,  54,  55,	 80,
		81, 82, 107, 108, 109, 110, 242, 243, 244, 2000, 9999,
	};

	check_fillings(FAMILY_IPV4, ipv4, RTE_DIM(ipv4));
	check_fillings(FAMILY_IPV6, ipv6, RTE_DIM(ipv6));
}

static void adjacent_prefixes_of_one_leaf_take_no_more_room_than_one(void **state)
{
	struct route one = {prefix_of("10.0.0.0/16"), LEAF_A};
	struct route many[256];

	for (unsigned i = 0; i < 256; i++)
		many[i] = route_make(FAMILY_IPV4, 0x0a000000 + (i << 8), 24, LEAF_A);

	struct table *table_one = table_build(&one, 1, NULL, 0);
	struct table *table_many = table_build(many, 256, NULL, 0);

	assert_int_equal(table_bytes(table_one), table_bytes(table_many));
	many[128].leaf = LEAF_B;

	struct table *table_split = table_build(many, 256, NULL, 0);

	assert_int_equal(table_lookup_ipv4(table_split, 0x0a007fff), LEAF_A);
	assert_int_equal(table_lookup_ipv4(table_split, 0x0a008000), LEAF_B);
	assert_int_equal(table_lookup_ipv4(table_split, 0x0a0080ff), LEAF_B);
	assert_int_equal(table_lookup_ipv4(table_split, 0x0a008100), LEAF_A);
	table_free(table_one);
	table_free(table_many);
	table_free(table_split);
}

static void sixty_four_prefixes_take_less_than_2_kib(void **state)
{
	struct route *routes = many_routes(64, FAMILY_IPV4);
	struct table *table = table_build(routes, 64, NULL, 0);

	assert_in_range(table_bytes(table), 1, 2047);
	let_go(table);
	free(routes);
}

static struct rte_rib *rib_build(const struct route *routes, unsigned n)
{
	const struct rte_rib_conf conf = {.ext_sz = 0, .max_nodes = 2 * ROUNDS_ROUTES_MAX + 16};
	struct rte_rib *rib = rte_rib_create("reference", SOCKET_ID_ANY, &conf);

	assert_non_null(rib);
	for (unsigned i = 0; i < n; i++) {
		uint32_t addr = addr_ipv4(&routes[i].prefix.addr);
		struct rte_rib_node *node = rte_rib_lookup_exact(rib, addr, routes[i].prefix.len);

		if (node == NULL)
			node = rte_rib_insert(rib, addr, routes[i].prefix.len);
		assert_non_null(node);
		rte_rib_set_nh(node, routes[i].leaf);
	}
	return rib;
}

static void check_rib(const struct table *table, struct rte_rib *rib, uint32_t addr)
{
	struct rte_rib_node *node = rte_rib_lookup(rib, addr);
	uint64_t expected = LEAF_NONE;

	if (node != NULL)
		rte_rib_get_nh(node, &expected);
	check(table_lookup_ipv4(table, addr) == expected, "%08x", addr);
	burst_add(table, FAMILY_IPV4, addr, expected);
}

static void random_ipv4_tables_equal_rte_rib(void **state)
{
	struct route routes[ROUNDS_ROUTES_MAX];

	for (unsigned round = 0; round < 100; round++) {
		unsigned n = 0;

		for (unsigned tries = random_below(2 * ROUNDS_ROUTES_MAX); tries > 0; tries--) {
			struct route route = random_route(routes, n);

			if (route.prefix.addr.family == FAMILY_IPV4 && n < ROUNDS_ROUTES_MAX)
				routes[n++] = route;
		}

		struct rte_rib *rib = rib_build(routes, n);
		struct table *table = table_build(routes, n, NULL, 0);

		assert_non_null(table);
		for (unsigned i = 0; i < n; i++) {
			uint32_t first = addr_ipv4(&routes[i].prefix.addr);
			uint32_t last =
				first + (uint32_t)host_mask(FAMILY_IPV4, routes[i].prefix.len);

			check_rib(table, rib, first - 1);
			check_rib(table, rib, first);
			check_rib(table, rib, last);
			check_rib(table, rib, last + 1);
		}
		for (unsigned i = 0; i < 1000; i++)
			check_rib(table, rib, (uint32_t)random64());
		let_go(table);
		rte_rib_free(rib);
	}
}

static void leaves_hold_the_largest_ids(void **state)
{
	leaf_t leaf = leaf_via(CLOUD_ID_MAX, INTERCONNECT_ID_MAX);

	assert_int_equal(leaf_cloud(leaf), CLOUD_ID_MAX);
	assert_int_equal(leaf_interconnect(leaf), INTERCONNECT_ID_MAX);
	assert_int_equal(leaf_cloud(leaf_local(CLOUD_ID_MAX)), CLOUD_ID_MAX);
	assert_int_equal(leaf_interconnect(leaf_local(CLOUD_ID_MAX)), 0);
	assert_int_not_equal(leaf_local(1), LEAF_NONE);
	assert_int_not_equal(leaf_via(1, 1), leaf_local(1));
}

static int set_up(void **state)
{
	eal_start(0);
	return 0;
}

static int tear_down(void **state)
{
	rte_eal_cleanup();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_million_random_lookups_equal_the_naive_reference),
		cmocka_unit_test(tables_mixed_in_a_burst_do_not_mix_up),
		cmocka_unit_test(every_length_from_0_on_nests_in_one_table),
		cmocka_unit_test(an_empty_table_finds_nothing),
		cmocka_unit_test(one_family_never_answers_for_the_other),
		cmocka_unit_test(of_equal_prefixes_the_later_wins),
		cmocka_unit_test(the_largest_table_is_right_and_one_route_more_is_refused),
		cmocka_unit_test(trees_of_every_height_and_filling_are_right),
		cmocka_unit_test(adjacent_prefixes_of_one_leaf_take_no_more_room_than_one),
		cmocka_unit_test(sixty_four_prefixes_take_less_than_2_kib),
		cmocka_unit_test(random_ipv4_tables_equal_rte_rib),
		cmocka_unit_test(leaves_hold_the_largest_ids),
	};

	random_start();
	return cmocka_run_group_tests_name("table", tests, set_up, tear_down);
}
