// SPDX-License-Identifier: BSD-3-Clause
// No table contains a prefix of a cloud that is not a direct peer.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "control/program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLOUDS 12

static struct region region;

static struct cloud *add_cloud(unsigned n)
{
	struct cloud cloud = {.id = (uint16_t)n};
	char text[PREFIX_STRLEN];

	snprintf(cloud.name, sizeof(cloud.name), "pc%02u", n);
	snprintf(text, sizeof(text), "10.%u.0.0/22", n);
	prefix_parse(text, &cloud.network_block[0]);
	return region_add_cloud(&region, &cloud);
}

static void add_segment(struct cloud *cloud, const char *name, const char *gateway, bool routed)
{
	struct segment segment = {.routed = routed};

	snprintf(segment.name, sizeof(segment.name), "%s", name);
	prefix_parse(gateway, &segment.gateway_address[0]);
	assert_non_null(cloud_add_segment(cloud, &segment));
}

static struct interconnect *connect(struct cloud *a, struct cloud *b, enum interconnect_phase phase)
{
	struct interconnect interconnect = {
		.id = region_free_interconnect_id(&region),
		.cloud = a,
		.peer = b,
		.phase = phase,
	};

	snprintf(interconnect.name, sizeof(interconnect.name), "%s", b->name);
	return region_add_interconnect(&region, &interconnect);
}

static int setup(void **state)
{
	region_init(&region);
	for (unsigned n = 1; n <= CLOUDS; n++) {
		struct cloud *cloud = add_cloud(n);
		char gateway[PREFIX_STRLEN];

		snprintf(gateway, sizeof(gateway), "172.16.%u.1/24", n);
		add_segment(cloud, "web", gateway, true);
		add_segment(cloud, "lab", "192.168.100.1/24", false);
	}
	return 0;
}

static int teardown(void **state)
{
	region_free(&region);
	return 0;
}

static bool has(const struct route *routes, unsigned n, const char *text, leaf_t leaf)
{
	struct prefix prefix;

	assert_int_equal(prefix_parse(text, &prefix), 0);
	for (unsigned i = 0; i < n; i++)
		if (prefix_equal(&routes[i].prefix, &prefix) && routes[i].leaf == leaf)
			return true;
	return false;
}

static void own_routed_prefixes_are_local(void **state)
{
	struct route routes[16];
	struct cloud *pc1 = region_cloud(&region, "pc01");
	unsigned n = program_routes(pc1, routes, 16);

	assert_int_equal(n, 2);
	assert_true(has(routes, n, "10.1.0.0/22", leaf_local(1)));
	assert_true(has(routes, n, "172.16.1.0/24", leaf_local(1)));
}

static void prefixes_of_both_families_come_in(void **state)
{
	struct route routes[16];
	struct cloud *pc1 = region_cloud(&region, "pc01"), *pc2 = region_cloud(&region, "pc02");
	struct interconnect *link = connect(pc1, pc2, PHASE_ACTIVE);
	unsigned n;

	prefix_parse("fd00:1:1::/64", &pc1->network_block[1]);
	prefix_parse("fd00:2:2::1/64", &pc2->segments[0].gateway_address[1]); // routed
	prefix_parse("fd00:2:3::1/64", &pc2->segments[1].gateway_address[1]); // not routed
	n = program_routes(pc1, routes, 16);
	assert_int_equal(n, 6);
	assert_true(has(routes, n, "fd00:1:1::/64", leaf_local(1)));
	assert_true(has(routes, n, "fd00:2:2::/64", leaf_via(2, link->id)));
	n = program_routes(pc2, routes, 16);
	assert_int_equal(n, 6);
	assert_true(has(routes, n, "fd00:1:1::/64", leaf_via(1, link->id)));
}

static void a_peers_prefixes_come_in_over_the_interconnect(void **state)
{
	struct route routes[16];
	struct interconnect *link =
		connect(region_cloud(&region, "pc01"), region_cloud(&region, "pc02"), PHASE_ACTIVE);
	unsigned n = program_routes(region_cloud(&region, "pc01"), routes, 16);

	assert_int_equal(n, 4);
	assert_true(has(routes, n, "10.2.0.0/22", leaf_via(2, link->id)));
	assert_true(has(routes, n, "172.16.2.0/24", leaf_via(2, link->id)));
	n = program_routes(region_cloud(&region, "pc02"), routes, 16);
	assert_int_equal(n, 4);
	assert_true(has(routes, n, "10.1.0.0/22", leaf_via(1, link->id)));
}

static void a_peers_peer_stays_out(void **state)
{
	struct route routes[16];

	connect(region_cloud(&region, "pc01"), region_cloud(&region, "pc02"), PHASE_ACTIVE);
	connect(region_cloud(&region, "pc03"), region_cloud(&region, "pc02"), PHASE_ACTIVE);
	assert_int_equal(program_routes(region_cloud(&region, "pc01"), routes, 16), 4);
	assert_int_equal(program_routes(region_cloud(&region, "pc02"), routes, 16), 6);
	assert_int_equal(program_routes(region_cloud(&region, "pc03"), routes, 16), 4);
}

static void phases_that_forward_are_building_and_active(void **state)
{
	static const struct {
		enum interconnect_phase phase;
		unsigned routes;
	} cases[] = {
		{PHASE_BUILDING, 4},
		{PHASE_ACTIVE, 4},
		{PHASE_DELETING, 2},
		{PHASE_FAILED, 2},
	};
	struct route routes[16];
	struct interconnect *link =
		connect(region_cloud(&region, "pc01"), region_cloud(&region, "pc02"), PHASE_ACTIVE);

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		link->phase = cases[i].phase;
		assert_int_equal(
			program_routes(region_cloud(&region, "pc01"), routes, 16), cases[i].routes
		);
	}
}

static void at_most_max_routes_are_written(void **state)
{
	struct route routes[2] = {{.leaf = 77}, {.leaf = 77}};

	connect(region_cloud(&region, "pc01"), region_cloud(&region, "pc02"), PHASE_ACTIVE);
	assert_int_equal(program_routes(region_cloud(&region, "pc01"), routes, 1), 4);
	assert_int_equal(routes[0].leaf, leaf_local(1));
	assert_int_equal(routes[1].leaf, 77);
}

// Random graphs: an address of cloud b is in the table of cloud a exactly when a is b, or an edge
// joins them. The reference is the adjacency matrix and nothing of the region.
static void random_graphs_never_leak(void **state)
{
	unsigned seed = 20261122;

	for (unsigned round = 0; round < 300; round++) {
		bool edge[CLOUDS + 1][CLOUDS + 1] = {};

		while (region.n_interconnects > 0)
			region_remove_interconnect(&region, region.interconnects[0]);
		for (unsigned i = 0; i < 14; i++) {
			unsigned a = 1 + (unsigned)rand_r(&seed) % CLOUDS;
			unsigned b = 1 + (unsigned)rand_r(&seed) % CLOUDS;
			enum interconnect_phase phase = rand_r(&seed) % 4;

			if (a == b ||
			    region_between(
				    region_cloud_by_id(&region, (uint16_t)a),
				    region_cloud_by_id(&region, (uint16_t)b)
			    ) != NULL)
				continue;
			connect(region_cloud_by_id(&region, (uint16_t)a),
				region_cloud_by_id(&region, (uint16_t)b), phase);
			edge[a][b] = edge[b][a] = phase == PHASE_BUILDING || phase == PHASE_ACTIVE;
		}
		for (unsigned a = 1; a <= CLOUDS; a++) {
			struct route routes[64];
			unsigned n = program_routes(
				region_cloud_by_id(&region, (uint16_t)a), routes, 64
			);
			struct table *table = table_build(routes, n, NULL, 0);

			assert_non_null(table);
			for (unsigned b = 1; b <= CLOUDS; b++) {
				leaf_t block = table_lookup_ipv4(table, 10u << 24 | b << 16 | 2);
				leaf_t web = table_lookup_ipv4(table, 0xac100000u | b << 8 | 10);

				assert_int_equal(leaf_cloud(block), a == b || edge[a][b] ? b : 0);
				assert_int_equal(leaf_cloud(web), a == b || edge[a][b] ? b : 0);
				assert_int_equal(leaf_interconnect(web) == 0, !edge[a][b]);
			}
			// Not routed, in every cloud, in no table.
			assert_int_equal(table_lookup_ipv4(table, 0xc0a8640a), LEAF_NONE);
			assert_int_equal(table_lookup_ipv4(table, 0x08080808), LEAF_NONE);
			table_free(table);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(own_routed_prefixes_are_local, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_peers_prefixes_come_in_over_the_interconnect, setup, teardown
		),
		cmocka_unit_test_setup_teardown(prefixes_of_both_families_come_in, setup, teardown),
		cmocka_unit_test_setup_teardown(a_peers_peer_stays_out, setup, teardown),
		cmocka_unit_test_setup_teardown(
			phases_that_forward_are_building_and_active, setup, teardown
		),
		cmocka_unit_test_setup_teardown(at_most_max_routes_are_written, setup, teardown),
		cmocka_unit_test_setup_teardown(random_graphs_never_leak, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
