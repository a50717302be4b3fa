// SPDX-License-Identifier: BSD-3-Clause
// The way of a change, whole: rules, a real store, real tables and ports of DPDK, no kernel side.
#include "control_kit.h"

#include "control/change.h"
#include "control/json.h"
#include "control/live.h"
#include "dataplane/port.h"

#include <rte_ethdev.h>

static const struct principal anna = {"uid:1001", false};

static enum refusal_code create_cloud_on(unsigned n, const char *driver)
{
	struct answer answer = {};
	struct cloud cloud = {.mtu = MTU_DEFAULT};
	char text[PREFIX_STRLEN];

	snprintf(cloud.name, sizeof(cloud.name), "pc%u", n);
	snprintf(cloud.location, sizeof(cloud.location), "westeurope");
	snprintf(cloud.port, sizeof(cloud.port), "%s%u", driver, n);
	snprintf(text, sizeof(text), "169.254.%u.1/30", n);
	prefix_parse(text, &cloud.gateway[0]);
	snprintf(text, sizeof(text), "169.254.%u.2", n);
	addr_parse(text, &cloud.router[0]);
	snprintf(text, sizeof(text), "10.%u.0.0/22", n);
	prefix_parse(text, &cloud.network_block[0]);
	change_cloud_create(&control, &root, &cloud, take_answer, &answer);
	return wait_answer(&answer);
}

static enum refusal_code create_cloud(unsigned n)
{
	return create_cloud_on(n, "net_null");
}

static enum refusal_code delete_cloud(const char *name)
{
	struct answer answer = {};

	change_cloud_delete(&control, &root, name, take_answer, &answer);
	return wait_answer(&answer);
}

static enum refusal_code connect_as(
	const struct principal *principal, const char *a, const char *b, const char *name, bool wait
)
{
	struct answer answer = {};

	change_interconnect_create(
		&control, principal, a, b, name, true, wait, take_answer, &answer
	);
	return wait_answer(&answer);
}

static enum refusal_code connect_clouds(const char *a, const char *b)
{
	return connect_as(&root, a, b, NULL, true);
}

static enum refusal_code disconnect(const char *cloud, const char *name)
{
	struct answer answer = {};

	change_interconnect_delete(&control, &root, cloud, name, take_answer, &answer);
	return wait_answer(&answer);
}

static enum refusal_code add_segment(const char *cloud, const char *name, const char *gateway)
{
	struct answer answer = {};
	struct segment segment = {.routed = true};

	snprintf(segment.name, sizeof(segment.name), "%s", name);
	prefix_parse(gateway, &segment.gateway_address[0]);
	change_segment_create(&control, &root, cloud, &segment, take_answer, &answer);
	return wait_answer(&answer);
}

static enum refusal_code remove_segment(const char *cloud, const char *name)
{
	struct answer answer = {};

	change_segment_delete(&control, &root, cloud, name, take_answer, &answer);
	return wait_answer(&answer);
}

static bool reaches(unsigned from, uint32_t address)
{
	const struct table *table = exchange.clouds[from].table;

	return table != NULL && table_lookup_ipv4(table, address) != LEAF_NONE;
}

#define HOST(n) (10u << 24 | (n) << 16 | 2)

static int setup(void **state)
{
	for (unsigned n = 1; n <= 3; n++)
		assert_int_equal(create_cloud(n), REFUSAL_none);
	return 0;
}

static int teardown(void **state)
{
	store_inject_failure(control.store, -1);
	while (control.region.n_interconnects > 0) {
		struct interconnect *first = control.region.interconnects[0];

		assert_int_equal(disconnect(first->cloud->name, first->name), REFUSAL_none);
	}
	while (control.region.n_clouds > 0)
		assert_int_equal(delete_cloud(control.region.clouds[0]->name), REFUSAL_none);
	settle();
	return 0;
}

static void a_change_is_in_the_tables_and_in_the_store_when_answered(void **state)
{
	struct region reloaded;

	assert_false(reaches(1, HOST(2)));
	assert_int_equal(connect_clouds("pc1", "pc2"), REFUSAL_none);
	assert_true(reaches(1, HOST(2)));
	assert_true(reaches(2, HOST(1)));
	assert_false(reaches(1, HOST(3)));
	region_init(&reloaded);
	assert_int_equal(store_load(control.store, &reloaded), 0);
	assert_int_equal(reloaded.n_interconnects, 1);
	assert_int_equal(reloaded.interconnects[0]->phase, PHASE_ACTIVE);
	region_free(&reloaded);

	assert_int_equal(disconnect("pc2", "pc1"), REFUSAL_none);
	assert_false(reaches(1, HOST(2)));
	assert_false(reaches(2, HOST(1)));
	region_init(&reloaded);
	assert_int_equal(store_load(control.store, &reloaded), 0);
	assert_int_equal(reloaded.n_interconnects, 0);
	region_free(&reloaded);
}

static void non_transitive_whatever_the_order(void **state)
{
	assert_int_equal(connect_clouds("pc1", "pc2"), REFUSAL_none);
	assert_int_equal(connect_clouds("pc3", "pc2"), REFUSAL_none);
	assert_false(reaches(1, HOST(3)));
	assert_false(reaches(3, HOST(1)));
	assert_int_equal(add_segment("pc3", "web", "172.16.3.1/24"), REFUSAL_none);
	assert_true(reaches(2, 0xac10030a));
	assert_false(reaches(1, 0xac10030a));
	assert_int_equal(disconnect("pc1", "pc2"), REFUSAL_none);
	assert_true(reaches(2, HOST(3)));
	assert_false(reaches(1, HOST(3)));
}

static void segments_come_and_go_in_the_peers_tables(void **state)
{
	assert_int_equal(connect_clouds("pc1", "pc2"), REFUSAL_none);
	assert_int_equal(add_segment("pc1", "web", "172.16.1.1/24"), REFUSAL_none);
	assert_true(reaches(2, 0xac10010a));
	assert_int_equal(remove_segment("pc1", "web"), REFUSAL_none);
	assert_false(reaches(2, 0xac10010a));
	assert_false(reaches(1, 0xac10010a));
}

static void an_identical_request_answers_the_existing_one(void **state)
{
	assert_int_equal(connect_clouds("pc1", "pc2"), REFUSAL_none);
	assert_int_equal(connect_clouds("pc1", "pc2"), REFUSAL_none);
	assert_int_equal(connect_clouds("pc2", "pc1"), REFUSAL_none);
	assert_int_equal(control.region.n_interconnects, 1);
	assert_int_equal(
		connect_as(&root, "pc1", "pc2", "other", true), REFUSAL_already_interconnected
	);
}

static void a_delete_behind_a_create_that_did_not_wait(void **state)
{
	assert_int_equal(connect_as(&root, "pc1", "pc2", NULL, false), REFUSAL_none);
	assert_int_equal(disconnect("pc1", "pc2"), REFUSAL_none);
	assert_int_equal(control.region.n_interconnects, 0);
	assert_false(reaches(1, HOST(2)));
	assert_int_equal(connect_clouds("pc1", "pc2"), REFUSAL_none);
	assert_int_equal(control.region.interconnects[0]->phase, PHASE_ACTIVE);
}

static void a_cloud_in_use_stays(void **state)
{
	assert_int_equal(connect_clouds("pc1", "pc2"), REFUSAL_none);
	assert_int_equal(delete_cloud("pc1"), REFUSAL_cloud_in_use);
	assert_true(reaches(1, HOST(2)));
}

static void a_port_that_does_not_exist_leaves_nothing_behind(void **state)
{
	struct answer answer = {};
	struct cloud cloud = {.name = "pc9", .location = "westeurope", .mtu = MTU_DEFAULT};

	snprintf(cloud.port, sizeof(cloud.port), "net_af_packet9,iface=no-such-netdev");
	prefix_parse("169.254.9.1/30", &cloud.gateway[0]);
	addr_parse("169.254.9.2", &cloud.router[0]);
	prefix_parse("10.9.0.0/22", &cloud.network_block[0]);
	change_cloud_create(&control, &root, &cloud, take_answer, &answer);
	assert_int_equal(wait_answer(&answer), REFUSAL_port_failed);
	assert_non_null(strstr(answer.refusal.text, "pc9"));
	assert_null(region_cloud(&control.region, "pc9"));
	assert_int_equal(control.region.n_clouds, 3);
}

// What the guard lacked may be gone, or be no longer wanted, by a change and not by a new try.
static void what_the_guard_lacks_no_more_is_told(void **state)
{
	struct cloud *cloud = region_cloud(&control.region, "pc1");
	struct cloud_live *live = &cloud->live;

	live->router_resolved = true;
	live_report(&control, NULL);
	assert_true(live->reported);
	assert_int_equal(connect_clouds("pc1", "pc2"), REFUSAL_none);
	live->guard_short = true;
	live_report(&control, NULL);
	assert_false(live->reported);
	assert_int_equal(disconnect("pc1", "pc2"), REFUSAL_none);
	assert_false(live->guard_short);
	assert_false(live->reported);
	live_tick(&control);
	assert_true(live->reported);
}

// Change the link of net_ring4, and have t0xd told. Returns whether it was followed.
static bool turn_link(void)
{
	struct cloud_live *live = &region_cloud(&control.region, "pc4")->live;
	bool up = port_link_up(live->port_id);

	assert_int_equal(
		up ? rte_eth_dev_set_link_down(live->port_id)
		   : rte_eth_dev_set_link_up(live->port_id),
		0
	);
	live_read_links(&control);
	return live->link_up != up;
}

// However often it changes, there is an end to what others have to bear of it.
static void a_link_that_flaps_is_followed_for_a_while(void **state)
{
	struct cloud_live *live;
	unsigned followed = 0;

	assert_int_equal(create_cloud_on(4, "net_ring"), REFUSAL_none);
	live = &region_cloud(&control.region, "pc4")->live;
	assert_true(live->link_up);
	while (turn_link() && followed < 1000)
		followed++;
	assert_in_range(followed, 2, 100);
	live_tick(&control);
	assert_int_equal(live->link_up, port_link_up(live->port_id)); // but never for ever
	assert_true(turn_link());
	assert_false(turn_link());
	live_tick(&control);
	assert_int_equal(live->link_up, port_link_up(live->port_id));
}

static void grants_open_and_close_the_door(void **state)
{
	struct answer answer = {};

	assert_int_equal(connect_as(&anna, "pc1", "pc2", NULL, true), REFUSAL_no_write_access);
	change_grant(&control, &root, "uid:1001", "pc1", ROLE_CONTRIBUTOR, take_answer, &answer);
	assert_int_equal(wait_answer(&answer), REFUSAL_none);
	assert_int_equal(connect_as(&anna, "pc1", "pc2", NULL, true), REFUSAL_no_write_access);
	answer = (struct answer){};
	change_grant(&control, &root, "uid:1001", "pc2", ROLE_CONTRIBUTOR, take_answer, &answer);
	assert_int_equal(wait_answer(&answer), REFUSAL_none);
	assert_int_equal(connect_as(&anna, "pc1", "pc2", NULL, true), REFUSAL_none);
	answer = (struct answer){};
	change_grant(&control, &root, "uid:1001", "pc3", ROLE_NONE, take_answer, &answer);
	assert_int_equal(wait_answer(&answer), REFUSAL_grant_not_found);
}

static char *region_text(const struct region *region)
{
	json_t *json = region_to_json(region);
	char *text = json_dumps(json, JSON_SORT_KEYS);

	json_decref(json);
	return text;
}

struct attempt {
	const char *name;
	enum refusal_code (*run)(void);
};

static enum refusal_code try_connect(void)
{
	return connect_clouds("pc2", "pc3");
}

static enum refusal_code try_disconnect(void)
{
	return disconnect("pc1", "pc2");
}

static enum refusal_code try_segment(void)
{
	return add_segment("pc1", "late", "172.16.1.1/24");
}

static enum refusal_code try_remove_segment(void)
{
	return remove_segment("pc2", "web");
}

static enum refusal_code try_cloud(void)
{
	return create_cloud(7);
}

static enum refusal_code try_delete_cloud(void)
{
	return delete_cloud("pc3");
}

// Whatever write of a change the disk refuses: a refusal means that nothing has changed, in the
// region, in the tables and after a reload; and the same change succeeds when the disk is well.
static void a_disk_that_fails_changes_nothing(void **state)
{
	static const struct attempt attempts[] = {
		{"interconnect.create", try_connect}, {"interconnect.delete", try_disconnect},
		{"segment.create", try_segment},      {"segment.delete", try_remove_segment},
		{"cloud.create", try_cloud},	      {"cloud.delete", try_delete_cloud},
	};

	assert_int_equal(connect_clouds("pc1", "pc2"), REFUSAL_none);
	assert_int_equal(add_segment("pc2", "web", "172.16.2.1/24"), REFUSAL_none);
	for (unsigned i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
		char *before = region_text(&control.region);
		struct region reloaded;
		enum refusal_code code;
		char *after;
		char *stored;

		store_inject_failure(control.store, 0);
		code = attempts[i].run();
		if (code != REFUSAL_store_failed)
			fail_msg(
				"%s on a failing disk: %s", attempts[i].name,
				refusal_code_name(code)
			);
		store_inject_failure(control.store, -1);
		settle();
		after = region_text(&control.region);
		assert_string_equal(before, after);
		region_init(&reloaded);
		assert_int_equal(store_load(control.store, &reloaded), 0);
		stored = region_text(&reloaded);
		assert_string_equal(before, stored);
		region_free(&reloaded);
		assert_true(reaches(1, HOST(2)));
		assert_true(reaches(1, 0xac10020a));
		assert_false(reaches(2, HOST(3)));
		assert_false(reaches(1, 0xac10010a));
		assert_null(exchange.clouds[4].table);
		free(before);
		free(after);
		free(stored);
	}
	assert_int_equal(try_connect(), REFUSAL_none);
	assert_true(reaches(2, HOST(3)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_change_is_in_the_tables_and_in_the_store_when_answered, setup, teardown
		),
		cmocka_unit_test_setup_teardown(non_transitive_whatever_the_order, setup, teardown),
		cmocka_unit_test_setup_teardown(
			segments_come_and_go_in_the_peers_tables, setup, teardown
		),
		cmocka_unit_test_setup_teardown(
			an_identical_request_answers_the_existing_one, setup, teardown
		),
		cmocka_unit_test_setup_teardown(
			a_delete_behind_a_create_that_did_not_wait, setup, teardown
		),
		cmocka_unit_test_setup_teardown(a_cloud_in_use_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_port_that_does_not_exist_leaves_nothing_behind, setup, teardown
		),
		cmocka_unit_test_setup_teardown(
			what_the_guard_lacks_no_more_is_told, setup, teardown
		),
		cmocka_unit_test_setup_teardown(
			a_link_that_flaps_is_followed_for_a_while, setup, teardown
		),
		cmocka_unit_test_setup_teardown(grants_open_and_close_the_door, setup, teardown),
		cmocka_unit_test_setup_teardown(a_disk_that_fails_changes_nothing, setup, teardown),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
