// SPDX-License-Identifier: BSD-3-Clause
// The region: what is found under which name, which ids are free, and what users see of states.
#include "control/region.h"

#include <assert.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

static struct cloud *add_cloud(struct region *region, const char *name)
{
	struct cloud cloud = {.id = region_free_cloud_id(region), .mtu = MTU_DEFAULT};
	struct cloud *added;

	snprintf(cloud.name, sizeof(cloud.name), "%s", name);
	added = region_add_cloud(region, &cloud);
	assert_non_null(added);
	assert_string_equal(added->name, name);
	return added;
}

static struct interconnect *join(
	struct region *region, struct cloud *cloud, struct cloud *peer, const char *name
)
{
	struct interconnect interconnect = {
		.id = region_free_interconnect_id(region),
		.cloud = cloud,
		.peer = peer,
		.phase = PHASE_ACTIVE,
	};
	struct interconnect *added;

	snprintf(interconnect.name, sizeof(interconnect.name), "%s", name ? name : peer->name);
	added = region_add_interconnect(region, &interconnect);
	assert_non_null(added);
	return added;
}

static void add_segment(struct cloud *cloud, const char *name, const char *gateway, bool routed)
{
	struct segment segment = {.routed = routed};
	struct prefix address;

	snprintf(segment.name, sizeof(segment.name), "%s", name);
	assert_int_equal(prefix_parse(gateway, &address), 0);
	segment.gateway_address[family_index(address.addr.family)] = address;
	assert_non_null(cloud_add_segment(cloud, &segment));
}

static int empty(void **state)
{
	*state = malloc(sizeof(struct region));
	region_init(*state);
	return 0;
}

static int empty_free(void **state)
{
	region_free(*state);
	free(*state);
	return 0;
}

// Clouds and segments

static void clouds_are_sorted_and_found_by_name(void **state)
{
	static const char *const names[] = {"pc2", "a", "z", "pc10", "pc1", "PC1", "m"};
	struct region *region = *state;

	assert_null(region_cloud(region, "a"));
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
		add_cloud(region, names[i]);
	for (unsigned i = 1; i < region->n_clouds; i++)
		assert_true(strcmp(region->clouds[i - 1]->name, region->clouds[i]->name) < 0);
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
		assert_string_equal(region_cloud(region, names[i])->name, names[i]);
	assert_null(region_cloud(region, ""));
	assert_null(region_cloud(region, "pc"));
	assert_null(region_cloud(region, "zz"));
}

static void removing_a_cloud_removes_its_grants_and_nothing_else(void **state)
{
	struct region *region = *state;
	struct cloud *a = add_cloud(region, "a");
	struct cloud *b = add_cloud(region, "b");
	struct cloud *c = add_cloud(region, "c");

	add_segment(b, "web", "172.16.0.1/24", true);
	region_set_grant(region, "uid:1", a, ROLE_READER);
	region_set_grant(region, "uid:1", b, ROLE_READER);
	region_set_grant(region, "uid:2", b, ROLE_CONTRIBUTOR);
	region_set_grant(region, "uid:2", c, ROLE_CONTRIBUTOR);
	region_remove_cloud(region, b);
	assert_null(region_cloud(region, "b"));
	assert_ptr_equal(region_cloud(region, "a"), a);
	assert_ptr_equal(region_cloud(region, "c"), c);
	assert_int_equal(region->n_grants, 2);
	assert_int_equal(region_role(region, "uid:1", a), ROLE_READER);
	assert_int_equal(region_role(region, "uid:2", c), ROLE_CONTRIBUTOR);
}

static void segments_keep_their_order(void **state)
{
	struct cloud *cloud = add_cloud(*state, "a");

	add_segment(cloud, "one", "172.16.1.1/24", true);
	add_segment(cloud, "two", "172.16.2.1/24", true);
	add_segment(cloud, "three", "172.16.3.1/24", true);
	assert_null(cloud_segment(cloud, "four"));
	cloud_remove_segment(cloud, cloud_segment(cloud, "two"));
	assert_null(cloud_segment(cloud, "two"));
	assert_int_equal(cloud->n_segments, 2);
	assert_string_equal(cloud->segments[0].name, "one");
	assert_string_equal(cloud->segments[1].name, "three");
	cloud_remove_segment(cloud, cloud_segment(cloud, "three"));
	cloud_remove_segment(cloud, cloud_segment(cloud, "one"));
	assert_int_equal(cloud->n_segments, 0);
	add_segment(cloud, "again", "172.16.1.1/24", true);
	assert_non_null(cloud_segment(cloud, "again"));
}

// A cloud that comes with its segments can be given more.
static void segments_are_taken_over_with_the_cloud(void **state)
{
	struct cloud cloud = {.id = 1, .name = "a"};
	struct cloud *added;

	add_segment(&cloud, "one", "172.16.1.1/24", true);
	add_segment(&cloud, "two", "172.16.2.1/24", true);
	add_segment(&cloud, "three", "172.16.3.1/24", true);
	added = region_add_cloud(*state, &cloud);
	add_segment(added, "four", "172.16.4.1/24", true);
	assert_string_equal(added->segments[0].name, "one");
	assert_string_equal(added->segments[3].name, "four");
}

static void routed_prefixes(void **state)
{
	static const char *const expected[] = {
		"10.1.0.0/22", "fd00:1::/48", "172.16.1.0/24", "fd00:2::/64", "172.16.3.0/25",
	};
	struct cloud *cloud = add_cloud(*state, "a");
	struct prefix prefixes[8];
	char text[PREFIX_STRLEN];

	assert_int_equal(cloud_routed_prefixes(cloud, NULL, 0), 0);
	prefix_parse("10.1.0.0/22", &cloud->network_block[0]);
	prefix_parse("fd00:1::/48", &cloud->network_block[1]);
	add_segment(cloud, "both", "172.16.1.1/24", true);
	prefix_parse("fd00:2::1/64", &cloud->segments[0].gateway_address[1]);
	add_segment(cloud, "private", "192.168.100.1/24", false);
	add_segment(cloud, "half", "172.16.3.126/25", true);

	assert_int_equal(cloud_routed_prefixes(cloud, prefixes, 8), ARRAY_SIZE(expected));
	for (unsigned i = 0; i < ARRAY_SIZE(expected); i++)
		assert_string_equal(prefix_format(&prefixes[i], text), expected[i]);

	memset(prefixes, 0, sizeof(prefixes));
	assert_int_equal(cloud_routed_prefixes(cloud, prefixes, 2), ARRAY_SIZE(expected));
	assert_int_equal(prefixes[1].addr.family, FAMILY_IPV6);
	assert_int_equal(prefixes[2].addr.family, FAMILY_NONE);
}

// Interconnects

static void between_finds_the_pair_either_way(void **state)
{
	struct region *region = *state;
	struct cloud *a = add_cloud(region, "a");
	struct cloud *b = add_cloud(region, "b");
	struct cloud *c = add_cloud(region, "c");
	struct interconnect *ab = join(region, a, b, NULL);
	struct interconnect *ca = join(region, c, a, NULL);

	assert_ptr_equal(region_between(a, b), ab);
	assert_ptr_equal(region_between(b, a), ab);
	assert_ptr_equal(region_between(a, c), ca);
	assert_null(region_between(b, c));
	assert_null(region_between(a, a));
	ab->phase = PHASE_DELETING;
	assert_ptr_equal(region_between(a, b), ab);
	region_remove_interconnect(region, ab);
	assert_null(region_between(a, b));
	assert_ptr_equal(region_between(a, c), ca);
}

static void a_default_name_is_the_other_end(void **state)
{
	struct region *region = *state;
	struct cloud *a = add_cloud(region, "a");
	struct cloud *b = add_cloud(region, "b");
	struct interconnect *ab = join(region, a, b, NULL);

	assert_string_equal(interconnect_name_at(ab, a), "b");
	assert_string_equal(interconnect_name_at(ab, b), "a");
	assert_ptr_equal(interconnect_other(ab, a), b);
	assert_ptr_equal(interconnect_other(ab, b), a);
	assert_ptr_equal(region_interconnect(a, "b"), ab);
	assert_ptr_equal(region_interconnect(b, "a"), ab);
	assert_null(region_interconnect(a, "a"));
}

static void a_given_name_is_the_same_at_both_ends(void **state)
{
	struct region *region = *state;
	struct cloud *a = add_cloud(region, "a");
	struct cloud *b = add_cloud(region, "b");
	struct cloud *c = add_cloud(region, "c");
	struct interconnect *ab = join(region, a, b, "blue");

	assert_string_equal(interconnect_name_at(ab, a), "blue");
	assert_string_equal(interconnect_name_at(ab, b), "blue");
	assert_ptr_equal(region_interconnect(a, "blue"), ab);
	assert_ptr_equal(region_interconnect(b, "blue"), ab);
	assert_null(region_interconnect(a, "b"));
	assert_null(region_interconnect(c, "blue"));
}

static void the_name_as_created_works_where_it_is_of_one_only(void **state)
{
	struct region *region = *state;
	struct cloud *a = add_cloud(region, "a");
	struct cloud *b = add_cloud(region, "b");
	struct cloud *hub = add_cloud(region, "hub");
	struct interconnect *first = join(region, a, hub, NULL);
	struct interconnect *second;

	assert_ptr_equal(region_interconnect(hub, "hub"), first);
	second = join(region, b, hub, NULL);
	assert_null(region_interconnect(hub, "hub"));
	assert_ptr_equal(region_interconnect(hub, "a"), first);
	assert_ptr_equal(region_interconnect(hub, "b"), second);
	assert_ptr_equal(region_interconnect(b, "hub"), second);
}

// What an interconnect is called at this end goes before what another was created as.
static void the_name_at_an_end_goes_first(void **state)
{
	struct region *region = *state;
	struct cloud *a = add_cloud(region, "a");
	struct cloud *b = add_cloud(region, "b");
	struct cloud *c = add_cloud(region, "c");
	struct interconnect *named;

	join(region, b, a, NULL); // created as "a"
	named = join(region, a, c, "a");
	assert_ptr_equal(region_interconnect(a, "a"), named);
}

static void interconnects_keep_the_order_of_creation(void **state)
{
	struct region *region = *state;
	struct cloud *hub = add_cloud(region, "hub");
	struct interconnect *all[20];

	for (unsigned i = 0; i < ARRAY_SIZE(all); i++) {
		char name[16];

		snprintf(name, sizeof(name), "c%u", 99 - i);
		all[i] = join(region, hub, add_cloud(region, name), NULL);
	}
	region_remove_interconnect(region, all[7]);
	region_remove_interconnect(region, all[19]);
	region_remove_interconnect(region, all[0]);
	assert_int_equal(region->n_interconnects, 17);
	for (unsigned i = 1, at = 0; i < 19; i++) {
		if (i != 7)
			assert_ptr_equal(region->interconnects[at++], all[i]);
	}
}

// Ids

static void the_smallest_free_cloud_id_is_given(void **state)
{
	struct region *region = *state;
	struct cloud *clouds[5];

	for (unsigned i = 0; i < 5; i++) {
		char name[8];

		snprintf(name, sizeof(name), "c%u", i);
		clouds[i] = add_cloud(region, name);
		assert_int_equal(clouds[i]->id, i + 1);
		assert_ptr_equal(region_cloud_by_id(region, (uint16_t)(i + 1)), clouds[i]);
	}
	region_remove_cloud(region, clouds[3]);
	region_remove_cloud(region, clouds[1]);
	assert_null(region_cloud_by_id(region, 2));
	assert_int_equal(region_free_cloud_id(region), 2);
	clouds[4]->id = CLOUD_ID_MAX;
	assert_int_equal(region_free_cloud_id(region), 2);
	add_cloud(region, "x");
	assert_int_equal(region_free_cloud_id(region), 4);
}

static void cloud_ids_run_out(void **state)
{
	struct region *region = *state;

	for (unsigned i = 0; i < CLOUD_ID_MAX; i++) {
		char name[8];

		snprintf(name, sizeof(name), "c%u", i);
		assert_int_equal(add_cloud(region, name)->id, i + 1);
	}
	assert_int_equal(region_free_cloud_id(region), 0);
	region_remove_cloud(region, region_cloud(region, "c4000"));
	assert_int_equal(region_free_cloud_id(region), 4001);
}

static void interconnect_ids(void **state)
{
	// A million whole interconnects would take 300 MB; only their first member is looked at.
	static struct {
		_Alignas(struct interconnect) uint32_t id;
	} objects[INTERCONNECT_ID_MAX];
	static struct interconnect *pointers[INTERCONNECT_ID_MAX];
	struct region region = {.interconnects = pointers};

	static_assert(offsetof(struct interconnect, id) == 0);
	assert_int_equal(region_free_interconnect_id(&region), 1);
	for (unsigned i = 0; i < INTERCONNECT_ID_MAX; i++) {
		objects[i].id = INTERCONNECT_ID_MAX - i;
		pointers[i] = (struct interconnect *)&objects[i];
	}
	region.n_interconnects = INTERCONNECT_ID_MAX - 1; // all but id 1
	assert_int_equal(region_free_interconnect_id(&region), 1);
	region.n_interconnects = INTERCONNECT_ID_MAX;
	assert_int_equal(region_free_interconnect_id(&region), 0);
	objects[5].id = 1; // twice, so that another is free
	assert_int_equal(region_free_interconnect_id(&region), INTERCONNECT_ID_MAX - 5);
}

// Grants

static void grants_are_set_changed_and_removed(void **state)
{
	struct region *region = *state;
	struct cloud *a = add_cloud(region, "a");
	struct cloud *b = add_cloud(region, "b");

	assert_int_equal(region_role(region, "uid:1", a), ROLE_NONE);
	assert_int_equal(region_set_grant(region, "uid:1", a, ROLE_NONE), 0);
	assert_int_equal(region->n_grants, 0);
	assert_int_equal(region_set_grant(region, "uid:1", a, ROLE_READER), 0);
	assert_int_equal(region_set_grant(region, "uid:10", a, ROLE_CONTRIBUTOR), 0);
	assert_int_equal(region_role(region, "uid:1", a), ROLE_READER);
	assert_int_equal(region_role(region, "uid:1", b), ROLE_NONE);
	assert_int_equal(region_role(region, "uid:10", a), ROLE_CONTRIBUTOR);
	assert_int_equal(region_set_grant(region, "uid:1", a, ROLE_CONTRIBUTOR), 0);
	assert_int_equal(region->n_grants, 2);
	assert_int_equal(region_role(region, "uid:1", a), ROLE_CONTRIBUTOR);
	assert_int_equal(region_set_grant(region, "uid:1", a, ROLE_NONE), 0);
	assert_int_equal(region_role(region, "uid:1", a), ROLE_NONE);
	assert_int_equal(region_role(region, "uid:10", a), ROLE_CONTRIBUTOR);
}

static void roles(void **state)
{
	assert_int_equal(role_parse("reader"), ROLE_READER);
	assert_int_equal(role_parse("contributor"), ROLE_CONTRIBUTOR);
	assert_int_equal(role_parse("none"), ROLE_NONE);
	assert_int_equal(role_parse("Reader"), ROLE_NONE);
	assert_int_equal(role_parse(""), ROLE_NONE);
	assert_string_equal(role_name(ROLE_READER), "reader");
	assert_string_equal(role_name(ROLE_CONTRIBUTOR), "contributor");
}

// States

static const struct cloud_live connected = {
	.port_attached = true,
	.link_up = true,
	.router_resolved = true,
};

static void states_of_ports(void **state)
{
	static const struct {
		const char *reason;
		bool static_mac;
		struct cloud_live live;
	} cases[] = {
		{"port absent", false, {.link_up = true, .router_resolved = true}},
		{"no such device", false, {.failure = "no such device"}},
		{"port down", false, {.port_attached = true, .router_resolved = true}},
		{"port down", true, {.port_attached = true}},
		{"port down", true, {.port_attached = true, .guard_short = true}},
		{"guard lacks routes",
		 true,
		 {.port_attached = true, .link_up = true, .guard_short = true}},
		{"router unresolved", false, {.port_attached = true, .link_up = true}},
		{"", true, {.port_attached = true, .link_up = true}},
		{"", false, {.port_attached = true, .link_up = true, .router_resolved = true}},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct cloud cloud = {
			.has_router_mac = cases[i].static_mac,
			.live = cases[i].live,
		};
		char reason[REASON_SIZE];

		assert_int_equal(cloud_connected(&cloud, reason), !cases[i].reason[0]);
		assert_string_equal(reason, cases[i].reason);
	}
}

static void states_of_interconnects(void **state)
{
	struct region *region = *state;
	struct cloud *a = add_cloud(region, "a");
	struct cloud *b = add_cloud(region, "b");
	struct interconnect *ab = join(region, a, b, NULL);
	char reason[REASON_SIZE];

	assert_int_equal(interconnect_state(ab, reason), STATE_DISCONNECTED);
	assert_string_equal(reason, "a: port absent; b: port absent");
	a->live = connected;
	b->live = connected;
	assert_int_equal(interconnect_state(ab, reason), STATE_ACTIVE);
	assert_string_equal(reason, "");
	b->live.link_up = false;
	assert_int_equal(interconnect_state(ab, reason), STATE_DISCONNECTED);
	assert_string_equal(reason, "b: port down");

	ab->phase = PHASE_BUILDING;
	assert_int_equal(interconnect_state(ab, reason), STATE_BUILDING);
	assert_string_equal(reason, "");
	ab->phase = PHASE_DELETING;
	assert_int_equal(interconnect_state(ab, reason), STATE_DELETING);
	assert_string_equal(reason, "");
	ab->phase = PHASE_FAILED;
	snprintf(ab->failure, sizeof(ab->failure), "out of memory");
	assert_int_equal(interconnect_state(ab, reason), STATE_FAILED);
	assert_string_equal(reason, "out of memory");
}

static void long_reasons_are_cut(void **state)
{
	struct region *region = *state;
	struct cloud *a = add_cloud(region, "a");
	struct interconnect *ab = join(region, a, add_cloud(region, "b"), NULL);
	char reason[REASON_SIZE];

	memset(a->live.failure, 'x', sizeof(a->live.failure) - 1);
	assert_int_equal(interconnect_state(ab, reason), STATE_DISCONNECTED);
	assert_int_equal(strlen(reason), REASON_SIZE - 1);
}

static void names_of_states(void **state)
{
	assert_string_equal(interconnect_state_name(STATE_BUILDING), "Building");
	assert_string_equal(interconnect_state_name(STATE_ACTIVE), "Active");
	assert_string_equal(interconnect_state_name(STATE_DELETING), "Deleting");
	assert_string_equal(interconnect_state_name(STATE_FAILED), "Failed");
	assert_string_equal(interconnect_state_name(STATE_DISCONNECTED), "Disconnected");
}

// Text forms

static void names_of_devargs(void **state)
{
	char long_devargs[2 * DEVARGS_SIZE] = "";
	char name[DEVARGS_SIZE];

	devargs_name("net_tap0", name);
	assert_string_equal(name, "net_tap0");
	devargs_name("net_af_packet0,iface=t0x-pc1", name);
	assert_string_equal(name, "net_af_packet0");
	devargs_name("0000:01:00.0", name);
	assert_string_equal(name, "0000:01:00.0");
	devargs_name("", name);
	assert_string_equal(name, "");
	memset(long_devargs, 'x', sizeof(long_devargs) - 1);
	devargs_name(long_devargs, name);
	assert_int_equal(strlen(name), DEVARGS_SIZE - 1);
}

static void macs(void **state)
{
	static const char *const bad[] = {
		"",
		"02:00:00:00:00",
		"02:00:00:00:00:0",
		"02:00:00:00:00:011",
		"02:00:00:00:00:0g",
		"02-00-00-00-00-01",
		"0200.0000.0001",
		"02:00:00:00:00:01 ",
		" 2:00:00:00:00:01",
		"+2:00:00:00:00:01",
		"00:00:00:00:00:00",
		"ff:ff:ff:ff:ff:ff",
		"01:00:5e:00:00:01",
		"33:33:00:00:00:01",
	};
	struct mac mac = {{1, 2, 3, 4, 5, 6}};
	char text[MAC_STRLEN];

	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		if (mac_parse(bad[i], &mac) != -EINVAL)
			fail_msg("\"%s\" was taken", bad[i]);
	}
	assert_string_equal(mac_format(&mac, text), "01:02:03:04:05:06");
	assert_int_equal(mac_parse("02:aB:cd:EF:00:9f", &mac), 0);
	assert_string_equal(mac_format(&mac, text), "02:ab:cd:ef:00:9f");
}

int main(void)
{
#define REGION(test) cmocka_unit_test_setup_teardown(test, empty, empty_free)
	const struct CMUnitTest tests[] = {
		REGION(clouds_are_sorted_and_found_by_name),
		REGION(removing_a_cloud_removes_its_grants_and_nothing_else),
		REGION(segments_keep_their_order),
		REGION(segments_are_taken_over_with_the_cloud),
		REGION(routed_prefixes),
		REGION(between_finds_the_pair_either_way),
		REGION(a_default_name_is_the_other_end),
		REGION(a_given_name_is_the_same_at_both_ends),
		REGION(the_name_as_created_works_where_it_is_of_one_only),
		REGION(the_name_at_an_end_goes_first),
		REGION(interconnects_keep_the_order_of_creation),
		REGION(the_smallest_free_cloud_id_is_given),
		REGION(cloud_ids_run_out),
		cmocka_unit_test(interconnect_ids),
		REGION(grants_are_set_changed_and_removed),
		cmocka_unit_test(roles),
		cmocka_unit_test(states_of_ports),
		REGION(states_of_interconnects),
		REGION(long_reasons_are_cut),
		cmocka_unit_test(names_of_states),
		cmocka_unit_test(names_of_devargs),
		cmocka_unit_test(macs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
