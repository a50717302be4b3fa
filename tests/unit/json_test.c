// SPDX-License-Identifier: BSD-3-Clause
// Objects as JSON: what is decoded, what is refused and how, and the shapes that are pinned.
#include "control/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PC1 \
	"{\"name\":\"pc1\",\"location\":\"westeurope\",\"port\":\"net_af_packet0,iface=pc1\"," \
	"\"vlan\":100,\"gateway\":[\"169.254.1.1/30\",\"2001:db8:1::1/64\"]," \
	"\"router\":[\"169.254.1.2\",\"2001:db8:1::2\"],\"router_mac\":\"02:00:00:00:00:01\"," \
	"\"network_block\":[\"10.1.0.0/22\",\"2001:db8:100::/48\"],\"mtu\":9000}"

static json_t *parse(const char *text)
{
	json_error_t error;
	json_t *value = json_loads(text, JSON_DECODE_ANY, &error);

	if (!value)
		fail_msg("%s: %s", text, error.text);
	return value;
}

// Takes 'found'. Member order counts: it is what people see in a dump.
static void assert_json(json_t *found, const char *expected)
{
	char *text = json_dumps(found, JSON_COMPACT | JSON_ENCODE_ANY);

	assert_non_null(text);
	assert_string_equal(text, expected);
	free(text);
	json_decref(found);
}

static void decode_cloud(const char *text, struct cloud *cloud)
{
	struct refusal refusal = {0};
	json_t *object = parse(text);

	if (cloud_from_json(object, cloud, &refusal) < 0)
		fail_msg("%s", refusal.text);
	json_decref(object);
}

static void decode_segment(const char *text, struct segment *segment)
{
	struct refusal refusal = {0};
	json_t *object = parse(text);

	if (segment_from_json(object, segment, &refusal) < 0)
		fail_msg("%s", refusal.text);
	json_decref(object);
}

// Decoding

static void cloud_is_read_as_it_is_written(void **state)
{
	struct cloud cloud;
	struct addr router;

	decode_cloud(PC1, &cloud);
	assert_string_equal(cloud.name, "pc1");
	assert_string_equal(cloud.location, "westeurope");
	assert_string_equal(cloud.port, "net_af_packet0,iface=pc1");
	assert_int_equal(cloud.vlan, 100);
	assert_int_equal(cloud.mtu, 9000);
	assert_true(cloud.has_router_mac);
	assert_int_equal(cloud.router_mac.bytes[5], 1);
	assert_int_equal(cloud.gateway[0].len, 30);
	assert_int_equal(cloud.gateway[1].len, 64);
	assert_int_equal(addr_parse("2001:db8:1::2", &router), 0);
	assert_true(addr_equal(&cloud.router[1], &router));
	assert_int_equal(cloud.n_segments, 0);

	json_t *again = cloud_to_json(&cloud);

	json_object_del(again, "segments");
	assert_json(again, PC1);
}

static void absent_members_take_defaults(void **state)
{
	struct cloud cloud;
	struct segment segment;

	memset(&cloud, 0xff, sizeof(cloud));
	decode_cloud(
		"{\"name\":\"a\",\"location\":\"l\",\"port\":\"p\",\"gateway\":\"10.0.0.1/30\","
		"\"router\":\"10.0.0.2\",\"network_block\":\"10.1.0.0/22\"}",
		&cloud
	);
	assert_int_equal(cloud.vlan, VLAN_NONE);
	assert_int_equal(cloud.mtu, MTU_DEFAULT);
	assert_false(cloud.has_router_mac);
	assert_int_equal(cloud.gateway[0].addr.family, FAMILY_IPV4); // a string does for a list
	assert_int_equal(cloud.gateway[1].addr.family, FAMILY_NONE);
	assert_int_equal(cloud.router[1].family, FAMILY_NONE);
	assert_json(
		cloud_to_json(&cloud),
		"{\"name\":\"a\",\"location\":\"l\",\"port\":\"p\",\"gateway\":[\"10.0.0.1/30\"],"
		"\"router\":[\"10.0.0.2\"],\"network_block\":[\"10.1.0.0/22\"],\"mtu\":1500,"
		"\"segments\":[]}"
	);
	decode_segment("{\"name\":\"web\",\"gateway_address\":\"172.16.0.1/24\"}", &segment);
	assert_true(segment.routed);
}

static void order_of_families_does_not_matter(void **state)
{
	struct segment segment;

	decode_segment(
		"{\"name\":\"web\",\"gateway_address\":[\"2001:db8::1/64\",\"172.16.0.1/24\"],"
		"\"routed\":false}",
		&segment
	);
	assert_json(
		segment_to_json(&segment),
		"{\"name\":\"web\",\"gateway_address\":[\"172.16.0.1/24\",\"2001:db8::1/64\"],"
		"\"routed\":false}"
	);
}

// Each case replaces (or, with NULL, removes) one member of PC1.
static void wrong_members_of_a_cloud_are_named(void **state)
{
	static const struct {
		const char *member, *value;
		enum refusal_code code;
		const char *text;
	} cases[] = {
		{"colour", "\"red\"", REFUSAL_none, "colour: unknown member"},
		{"segments", "[]", REFUSAL_none, "segments: unknown member"},
		{"", "1", REFUSAL_none, ": unknown member"},
		{"name", NULL, REFUSAL_none, "name: missing"},
		{"name", "7", REFUSAL_none, "name: must be a string"},
		{"name", "null", REFUSAL_none, "name: must be a string"},
		{"name", "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"",
		 REFUSAL_name_invalid, "name: longer than 63 characters"},
		{"location", NULL, REFUSAL_none, "location: missing"},
		{"location", "[]", REFUSAL_none, "location: must be a string"},
		{"port", NULL, REFUSAL_none, "port: missing"},
		{"port", "{}", REFUSAL_none, "port: must be a string"},
		{"vlan", "\"100\"", REFUSAL_none, "vlan: must be a whole number"},
		{"vlan", "1.5", REFUSAL_none, "vlan: must be a whole number"},
		{"vlan", "null", REFUSAL_none, "vlan: must be a whole number"},
		{"vlan", "0", REFUSAL_none, "vlan: 0 is out of range"},
		{"vlan", "-1", REFUSAL_none, "vlan: -1 is out of range"},
		{"vlan", "65636", REFUSAL_none, "vlan: 65636 is out of range"},
		{"gateway", NULL, REFUSAL_none, "gateway: missing"},
		{"gateway", "[]", REFUSAL_none, "gateway: must hold at least one entry"},
		{"gateway", "5", REFUSAL_none, "gateway: must be a list of strings"},
		{"gateway", "[5]", REFUSAL_none, "gateway: must hold strings"},
		{"gateway", "\"10.0.0.1\"", REFUSAL_address_invalid,
		 "gateway: \"10.0.0.1\" is not ADDR/LEN"},
		{"gateway", "[\"10.0.0.1/33\"]", REFUSAL_address_invalid,
		 "gateway: \"10.0.0.1/33\" is not ADDR/LEN"},
		{"gateway", "[\"10.0.0.1/30\",\"10.0.0.5/30\"]", REFUSAL_address_invalid,
		 "gateway: \"10.0.0.5/30\" is a second IPv4 entry"},
		{"gateway", "[\"2001:db8::1/64\",\"2001:db8::2/64\"]", REFUSAL_address_invalid,
		 "gateway: \"2001:db8::2/64\" is a second IPv6 entry"},
		{"router", NULL, REFUSAL_none, "router: missing"},
		{"router", "\"10.0.0.1/30\"", REFUSAL_address_invalid,
		 "router: \"10.0.0.1/30\" is not an address"},
		{"router", "\"\"", REFUSAL_address_invalid, "router: \"\" is not an address"},
		{"router_mac", "\"02:00:00:00:00\"", REFUSAL_address_invalid,
		 "router_mac: \"02:00:00:00:00\" is not a unicast MAC address"},
		{"router_mac", "\"ff:ff:ff:ff:ff:ff\"", REFUSAL_address_invalid,
		 "router_mac: \"ff:ff:ff:ff:ff:ff\" is not a unicast MAC address"},
		{"router_mac", "2", REFUSAL_none, "router_mac: must be a string"},
		{"network_block", NULL, REFUSAL_none, "network_block: missing"},
		{"network_block", "\"10.1.0.0\"", REFUSAL_address_invalid,
		 "network_block: \"10.1.0.0\" is not ADDR/LEN"},
		{"mtu", "true", REFUSAL_none, "mtu: must be a whole number"},
		{"mtu", "0", REFUSAL_none, "mtu: 0 is out of range"},
		{"mtu", "70000", REFUSAL_none, "mtu: 70000 is out of range"},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *object = parse(PC1);
		struct refusal refusal;
		struct cloud cloud;

		if (cases[i].value)
			json_object_set_new(object, cases[i].member, parse(cases[i].value));
		else
			json_object_del(object, cases[i].member);
		assert_int_equal(cloud_from_json(object, &cloud, &refusal), -1);
		assert_string_equal(refusal.text, cases[i].text);
		assert_int_equal(refusal.code, cases[i].code);
		json_decref(object);
	}
}

static void wrong_members_of_a_segment_are_named(void **state)
{
	static const struct {
		const char *object, *text;
		enum refusal_code code;
	} cases[] = {
		{"[]", "must be an object", REFUSAL_none},
		{"{}", "name: missing", REFUSAL_none},
		{"{\"name\":\"web\"}", "gateway_address: missing", REFUSAL_none},
		{"{\"name\":\"web\",\"gateway_address\":\"172.16.0.1/24\",\"vlan\":1}",
		 "vlan: unknown member", REFUSAL_none},
		{"{\"name\":\"web\",\"gateway_address\":\"172.16.0.1/24\",\"routed\":\"no\"}",
		 "routed: must be true or false", REFUSAL_none},
		{"{\"name\":\"web\",\"gateway_address\":\"172.16.0.1/24\",\"routed\":null}",
		 "routed: must be true or false", REFUSAL_none},
		{"{\"name\":\"web\",\"gateway_address\":[\"172.16.0.1\"]}",
		 "gateway_address: \"172.16.0.1\" is not ADDR/LEN", REFUSAL_address_invalid},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *object = parse(cases[i].object);
		struct refusal refusal;
		struct segment segment;

		assert_int_equal(segment_from_json(object, &segment, &refusal), -1);
		assert_string_equal(refusal.text, cases[i].text);
		assert_int_equal(refusal.code, cases[i].code);
		json_decref(object);
	}
}

// A text that is cut inside a character would otherwise be no JSON at all.
static void very_long_values_still_make_a_text(void **state)
{
	struct refusal refusal;
	struct cloud cloud;
	char value[1000];
	json_t *object = parse(PC1), *text;

	for (unsigned i = 0; i + 2 < sizeof(value); i += 2)
		memcpy(value + i, "\xc3\xa9", 3);
	json_object_set_new(object, "router", json_sprintf("x%s", value));
	assert_int_equal(cloud_from_json(object, &cloud, &refusal), -1);
	text = text_to_json(refusal.text);
	assert_true(json_is_string(text));
	json_decref(text);
	json_decref(object);
	assert_json(text_to_json("a\xff z"), "\"a? z\"");
	assert_json(text_to_json("\xc3\xa9"), "\"\xc3\xa9\"");
}

// Encoding

static struct cloud *add_cloud(struct region *region, uint16_t id, const char *name)
{
	struct cloud cloud, *added;

	decode_cloud(PC1, &cloud);
	cloud.id = id;
	strcpy(cloud.name, name);
	cloud.vlan = VLAN_NONE;
	cloud.has_router_mac = false;
	cloud.gateway[1] = cloud.network_block[1] = (struct prefix){0};
	cloud.router[1] = (struct addr){0};
	cloud.created_at = 1790000000123;
	strcpy(cloud.created_by, "uid:0");
	added = region_add_cloud(region, &cloud);
	assert_non_null(added);
	return added;
}

static struct interconnect *add_interconnect(
	struct region *region, struct cloud *cloud, struct cloud *peer
)
{
	struct interconnect interconnect = {
		.id = 1,
		.cloud = cloud,
		.peer = peer,
		.phase = PHASE_ACTIVE,
		.created_at = 0,
		.created_by = "uid:1000",
	};

	strcpy(interconnect.name, peer->name);
	return region_add_interconnect(region, &interconnect);
}

static void connect_port(struct cloud *cloud)
{
	cloud->live = (struct cloud_live){
		.port_attached = true,
		.link_up = true,
		.router_resolved = true,
		.router_mac = {{2, 0, 0, 0, 0, 2}},
		.mac = {{2, 0, 0, 0, 0, 1}},
	};
}

static void status_of_a_cloud_has_the_pinned_form(void **state)
{
	struct region region;
	struct cloud *cloud;

	region_init(&region);
	cloud = add_cloud(&region, 1, "pc1");
	assert_json(
		cloud_status_to_json(cloud),
		"{\"name\":\"pc1\",\"location\":\"westeurope\",\"port\":\"net_af_packet0,iface=pc1\","
		"\"gateway\":[\"169.254.1.1/30\"],\"router\":[\"169.254.1.2\"],"
		"\"network_block\":[\"10.1.0.0/22\"],\"mtu\":9000,\"segments\":[],"
		"\"state\":\"Disconnected\",\"reason\":\"port absent\",\"resolved_router_mac\":null,"
		"\"mac\":null,\"created_at\":\"2026-09-21T14:13:20.123Z\",\"created_by\":\"uid:0\"}"
	);
	connect_port(cloud);
	json_t *status = cloud_status_to_json(cloud);

	assert_string_equal(json_string_value(json_object_get(status, "state")), "Connected");
	assert_true(json_is_null(json_object_get(status, "reason")));
	assert_string_equal(
		json_string_value(json_object_get(status, "resolved_router_mac")),
		"02:00:00:00:00:02"
	);
	assert_string_equal(json_string_value(json_object_get(status, "mac")), "02:00:00:00:00:01");
	json_decref(status);
	region_free(&region);
}

static void interconnect_has_the_pinned_form(void **state)
{
	struct traffic there = {1, 84}, back = {2, 168};
	struct interconnect *interconnect;
	struct region region;

	region_init(&region);
	interconnect = add_interconnect(
		&region, add_cloud(&region, 1, "pc1"), add_cloud(&region, 2, "pc2")
	);
	connect_port(interconnect->cloud);
	connect_port(interconnect->peer);
	assert_json(
		interconnect_to_json(interconnect, &there, &back),
		"{\"name\":\"pc2\",\"cloud\":\"pc1\",\"peer\":\"pc2\",\"state\":\"Active\","
		"\"reason\":null,\"created_at\":\"1970-01-01T00:00:00.000Z\","
		"\"created_by\":\"uid:1000\",\"counters\":{\"cloud_to_peer\":{\"packets\":1,"
		"\"bytes\":84},\"peer_to_cloud\":{\"packets\":2,\"bytes\":168}}}"
	);
	interconnect->peer->live.link_up = false;

	json_t *object = interconnect_to_json(interconnect, &there, &back);

	assert_string_equal(json_string_value(json_object_get(object, "state")), "Disconnected");
	assert_non_null(strstr(json_string_value(json_object_get(object, "reason")), "port down"));
	json_decref(object);
	region_free(&region);
}

static void grant_and_event_have_the_pinned_form(void **state)
{
	struct event event = {
		.seq = 7,
		.at = 1790000000001,
		.principal = "t0xd",
		.action = "cloud.state",
		.object = "pc1",
		.cloud = "pc1",
		.text = "port down",
	};
	struct region region;
	struct cloud *cloud;

	assert_json(
		event_to_json(&event),
		"{\"seq\":7,\"at\":\"2026-09-21T14:13:20.001Z\",\"principal\":\"t0xd\","
		"\"action\":\"cloud.state\",\"object\":\"pc1\",\"cloud\":\"pc1\",\"peer\":null,"
		"\"text\":\"port down\"}"
	);
	region_init(&region);
	cloud = add_cloud(&region, 1, "pc1");
	assert_int_equal(region_set_grant(&region, "uid:5", cloud, ROLE_READER), 0);
	assert_json(
		grant_to_json(&region.grants[0]),
		"{\"principal\":\"uid:5\",\"cloud\":\"pc1\",\"role\":\"reader\"}"
	);
	region_free(&region);
}

static void dump_has_the_pinned_form(void **state)
{
	struct interconnect *interconnect;
	struct segment segment;
	struct region region;
	struct cloud *pc1, *pc2;

	region_init(&region);
	assert_json(
		region_to_json(&region),
		"{\"version\":1,\"clouds\":[],\"interconnects\":[],\"grants\":[]}"
	);
	pc2 = add_cloud(&region, 1, "pc2");
	pc1 = add_cloud(&region, 2, "pc1");
	decode_segment("{\"name\":\"web\",\"gateway_address\":\"172.16.1.1/24\"}", &segment);
	assert_non_null(cloud_add_segment(pc1, &segment));
	interconnect = add_interconnect(&region, pc1, pc2);
	assert_int_equal(region_set_grant(&region, "uid:5", pc1, ROLE_CONTRIBUTOR), 0);
	assert_json(
		region_to_json(&region),
		"{\"version\":1,\"clouds\":["
		"{\"name\":\"pc1\",\"location\":\"westeurope\",\"port\":\"net_af_packet0,iface=pc1\","
		"\"gateway\":[\"169.254.1.1/30\"],\"router\":[\"169.254.1.2\"],"
		"\"network_block\":[\"10.1.0.0/22\"],\"mtu\":9000,\"segments\":["
		"{\"name\":\"web\",\"gateway_address\":[\"172.16.1.1/24\"],\"routed\":true}]},"
		"{\"name\":\"pc2\",\"location\":\"westeurope\",\"port\":\"net_af_packet0,iface=pc1\","
		"\"gateway\":[\"169.254.1.1/30\"],\"router\":[\"169.254.1.2\"],"
		"\"network_block\":[\"10.1.0.0/22\"],\"mtu\":9000,\"segments\":[]}],"
		"\"interconnects\":[{\"name\":\"pc2\",\"cloud\":\"pc1\",\"peer\":\"pc2\"}],"
		"\"grants\":[{\"principal\":\"uid:5\",\"cloud\":\"pc1\",\"role\":\"contributor\"}]}"
	);

	// What is on its way out does not come back by applying a dump.
	interconnect->phase = PHASE_DELETING;
	pc1->deleting = true;

	json_t *dump = region_to_json(&region);

	assert_int_equal(json_array_size(json_object_get(dump, "clouds")), 1);
	assert_int_equal(json_array_size(json_object_get(dump, "interconnects")), 0);
	assert_int_equal(json_array_size(json_object_get(dump, "grants")), 0);
	json_decref(dump);
	region_free(&region);
}

static void time_is_rfc_3339(void **state)
{
	static const struct {
		int64_t ms;
		const char *text;
	} cases[] = {
		{0, "1970-01-01T00:00:00.000Z"},
		{-1, "1969-12-31T23:59:59.999Z"},
		{951782400999, "2000-02-29T00:00:00.999Z"},
		{253402300799999, "9999-12-31T23:59:59.999Z"},
	};
	char text[32];

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(time_format(cases[i].ms, text), cases[i].text);
	assert_true(strlen(time_format(INT64_MAX, text)) < sizeof(text));
	assert_true(strlen(time_format(INT64_MIN, text)) < sizeof(text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cloud_is_read_as_it_is_written),
		cmocka_unit_test(absent_members_take_defaults),
		cmocka_unit_test(order_of_families_does_not_matter),
		cmocka_unit_test(wrong_members_of_a_cloud_are_named),
		cmocka_unit_test(wrong_members_of_a_segment_are_named),
		cmocka_unit_test(very_long_values_still_make_a_text),
		cmocka_unit_test(status_of_a_cloud_has_the_pinned_form),
		cmocka_unit_test(interconnect_has_the_pinned_form),
		cmocka_unit_test(grant_and_event_have_the_pinned_form),
		cmocka_unit_test(dump_has_the_pinned_form),
		cmocka_unit_test(time_is_rfc_3339),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
