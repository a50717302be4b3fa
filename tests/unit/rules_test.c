// SPDX-License-Identifier: BSD-3-Clause
// The rules of the region, as a specification: what is refused, with which code, naming what.
#include "control/rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define OK REFUSAL_none

static const struct principal root = {"uid:0", true};
static const struct principal ann = {"uid:1001", false};

// Building regions from text

struct cloud_spec {
	const char *name; // default "new"
	const char *location; // default "westeurope"
	const char *port; // default "net_" and the name
	uint16_t vlan;
	const char *gateway, *router; // default 169.254.200.1/30 and .2; "" for none
	const char *gateway6, *router6;
	const char *block; // default 10.200.0.0/22; "" for none
	const char *block6;
	uint16_t mtu; // default 1500
	const char *segment, *segment2; // gateway addresses of routed segments s1, s2
	const char *private; // gateway address of a segment p1 that is not routed
	const char *mac;
};

static void set_prefix(struct prefix *prefix, const char *text)
{
	if (text && text[0])
		assert_int_equal(prefix_parse(text, prefix), 0);
}

static void set_addr(struct addr *addr, const char *text)
{
	if (text && text[0])
		assert_int_equal(addr_parse(text, addr), 0);
}

static struct segment make_segment(const char *name, const char *gateway, bool routed)
{
	struct segment segment = {.routed = routed};
	struct prefix address;

	snprintf(segment.name, sizeof(segment.name), "%s", name);
	assert_int_equal(prefix_parse(gateway, &address), 0);
	segment.gateway_address[family_index(address.addr.family)] = address;
	return segment;
}

static void append_segment(struct cloud *cloud, const char *name, const char *gateway, bool routed)
{
	struct segment segment;

	if (!gateway)
		return;
	segment = make_segment(name, gateway, routed);
	assert_non_null(cloud_add_segment(cloud, &segment));
}

static const char *or_default(const char *given, const char *otherwise)
{
	return given ? given : otherwise;
}

static struct cloud make_cloud(const struct cloud_spec *spec)
{
	struct cloud cloud = {.mtu = spec->mtu ? spec->mtu : MTU_DEFAULT, .vlan = spec->vlan};
	const char *name = or_default(spec->name, "new");

	snprintf(cloud.name, sizeof(cloud.name), "%s", name);
	snprintf(
		cloud.location, sizeof(cloud.location), "%s",
		or_default(spec->location, "westeurope")
	);
	if (spec->port)
		snprintf(cloud.port, sizeof(cloud.port), "%s", spec->port);
	else
		snprintf(cloud.port, sizeof(cloud.port), "net_%s", name);
	set_prefix(&cloud.gateway[0], or_default(spec->gateway, "169.254.200.1/30"));
	set_addr(&cloud.router[0], or_default(spec->router, "169.254.200.2"));
	set_prefix(&cloud.gateway[1], spec->gateway6);
	set_addr(&cloud.router[1], spec->router6);
	set_prefix(&cloud.network_block[0], or_default(spec->block, "10.200.0.0/22"));
	set_prefix(&cloud.network_block[1], spec->block6);
	append_segment(&cloud, "s1", spec->segment, true);
	append_segment(&cloud, "s2", spec->segment2, true);
	append_segment(&cloud, "p1", spec->private, false);
	if (spec->mac) {
		unsigned b[6];

		cloud.has_router_mac = true;
		assert_int_equal(
			sscanf(spec->mac, "%x:%x:%x:%x:%x:%x", &b[0], &b[1], &b[2], &b[3], &b[4],
			       &b[5]),
			6
		);
		for (unsigned i = 0; i < 6; i++)
			cloud.router_mac.bytes[i] = (uint8_t)b[i];
	}
	return cloud;
}

static struct cloud *add_cloud(struct region *region, const struct cloud_spec *spec)
{
	struct cloud cloud = make_cloud(spec);
	struct cloud *added;

	cloud.id = region_free_cloud_id(region);
	added = region_add_cloud(region, &cloud);
	assert_non_null(added);
	return added;
}

// pcN as the lab has it: block 10.N.0.0/22, routed segment 172.16.N.0/24, 192.168.100.0/24 not.
static struct cloud *add_lab_cloud(struct region *region, unsigned number, const char *location)
{
	char name[16], gateway[32], router[32], block[32], segment[32];

	snprintf(name, sizeof(name), "pc%u", number);
	snprintf(gateway, sizeof(gateway), "169.254.%u.1/30", number);
	snprintf(router, sizeof(router), "169.254.%u.2", number);
	snprintf(block, sizeof(block), "10.%u.0.0/22", number);
	snprintf(segment, sizeof(segment), "172.16.%u.1/24", number);
	return add_cloud(
		region,
		&(struct cloud_spec){
			.name = name,
			.location = location,
			.gateway = gateway,
			.router = router,
			.block = block,
			.segment = segment,
			.private = "192.168.100.1/24",
		}
	);
}

static struct interconnect *join(
	struct region *region, const char *cloud, const char *peer, const char *name
)
{
	struct interconnect interconnect = {
		.id = region_free_interconnect_id(region),
		.cloud = region_cloud(region, cloud),
		.peer = region_cloud(region, peer),
		.phase = PHASE_ACTIVE,
	};
	struct interconnect *added;

	snprintf(interconnect.name, sizeof(interconnect.name), "%s", or_default(name, peer));
	added = region_add_interconnect(region, &interconnect);
	assert_non_null(added);
	return added;
}

// A region with pc1, pc2, pc3 in westeurope, pc4 in northeurope; pc2-pc3 interconnected.
static int lab(void **state)
{
	struct region *region = malloc(sizeof(*region));

	region_init(region);
	add_lab_cloud(region, 1, NULL);
	add_lab_cloud(region, 2, NULL);
	add_lab_cloud(region, 3, "WestEurope");
	add_lab_cloud(region, 4, "northeurope");
	join(region, "pc2", "pc3", NULL);
	*state = region;
	return 0;
}

static int lab_free(void **state)
{
	region_free(*state);
	free(*state);
	return 0;
}

// Checking answers

static void assert_words(const struct refusal *refusal, const char *const words[], unsigned n)
{
	if (strchr(refusal->text, '\n'))
		fail_msg("more than one line: %s", refusal->text);
	for (unsigned i = 0; i < n && words[i]; i++) {
		if (!strstr(refusal->text, words[i]))
			fail_msg("\"%s\" is not in: %s", words[i], refusal->text);
	}
}

// What a case expects: ALLOWED, or REFUSED(code, words that the text must hold...).
struct answer {
	enum refusal_code code;
	const char *words[4];
};
// clang-format off
#define ALLOWED {OK, {}}
#define REFUSED(code, ...) {REFUSAL_##code, {__VA_ARGS__}}
// clang-format on

static void assert_answer(
	int result, const struct refusal *refusal, enum refusal_code expected, const char *of
)
{
	enum refusal_code code = result == 0 ? OK : refusal->code;

	if (code != expected)
		fail_msg(
			"%s: %s instead of %s (%s)", of, refusal_code_name(code),
			refusal_code_name(expected), result == 0 ? "" : refusal->text
		);
}

static void assert_as(
	int result, const struct refusal *refusal, const struct answer *answer, const char *of
)
{
	assert_answer(result, refusal, answer->code, of);
	if (result < 0)
		assert_words(refusal, answer->words, ARRAY_SIZE(answer->words));
}

// Names

static void names(void **state)
{
	static const struct {
		const char *name;
		bool valid;
	} cases[] = {
		{"a", true},
		{"1", true},
		{"pc-1_b.c", true},
		{"PC1", true},
		{"a23456789012345678901234567890123456789012345678901234567890123", true},
		{"a234567890123456789012345678901234567890123456789012345678901234", false},
		{"", false},
		{"-a", false},
		{".a", false},
		{"_a", false},
		{"a b", false},
		{"a/b", false},
		{"a,b", false},
		{"a\n", false},
		{"p\xc3\xa9", false},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		if (rule_name_valid(cases[i].name) != cases[i].valid)
			fail_msg("\"%s\"", cases[i].name);
	}
}

// New clouds

#define LONG_PORT \
	"net_tap,iface=0123456789012345678901234567890123456789012345678901234567890123456789" \
	"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234" \
	"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234"

struct cloud_case {
	const char *promise;
	struct cloud_spec spec;
	struct answer answer;
};

static void check_cloud_cases(struct region *region, const struct cloud_case *cases, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct cloud cloud = make_cloud(&cases[i].spec);
		struct refusal refusal = {};
		int result = rule_cloud_create(region, &root, &cloud, &refusal);

		assert_as(result, &refusal, &cases[i].answer, cases[i].promise);
		free(cloud.segments);
	}
}

static void new_cloud_words(void **state)
{
	static const struct cloud_case cases[] = {
		{"defaults", {}, ALLOWED},
		{"everything given",
		 {.vlan = 4094,
		  .gateway6 = "fd00:ffff::1/127",
		  .router6 = "fd00:ffff::",
		  .block6 = "fd00:200::/48",
		  .segment = "172.16.200.1/24",
		  .private = "172.16.201.1/24",
		  .mac = "02:00:00:00:00:01",
		  .mtu = 9000},
		 ALLOWED},
		{"empty name", {.name = ""}, REFUSED(name_invalid, "cloud name", "letter")},
		{"bad name", {.name = "a b"}, REFUSED(name_invalid, "\"a b\"")},
		{"a name with a line break", {.name = "a\nb"}, REFUSED(name_invalid)},
		{"name in use", {.name = "pc1"}, REFUSED(name_in_use, "pc1")},
		{"names differ by case", {.name = "PC1"}, ALLOWED},
		{"location with a space", {.location = "West Europe"}, ALLOWED},
		{"no location", {.location = ""}, REFUSED(name_invalid, "location", "new")},
		{"location of odd characters", {.location = "west;europe"}, REFUSED(name_invalid)},
		{"location starts with a space", {.location = " west"}, REFUSED(name_invalid)},
		{"no port", {.port = ""}, REFUSED(name_invalid, "port", "new")},
		{"port without a name", {.port = ",iface=x"}, REFUSED(name_invalid)},
		{"port with a space", {.port = "net_tap0,iface=a b"}, REFUSED(name_invalid)},
		{"port with a tab", {.port = "net\ttap"}, REFUSED(name_invalid)},
		{"port with a control character", {.port = "net\x01"}, REFUSED(name_invalid)},
		{"the longest port", {.port = LONG_PORT "0123456789012"}, ALLOWED},
		{"VLAN 1", {.vlan = 1}, ALLOWED},
		{"VLAN 4095", {.vlan = 4095}, REFUSED(name_invalid, "4095", "4094")},
		{"smallest MTU", {.mtu = MTU_MIN}, ALLOWED},
		{"largest MTU", {.mtu = MTU_MAX}, ALLOWED},
		{"MTU too small", {.mtu = 575}, REFUSED(limit_reached, "575", "576", "9216")},
		{"MTU too large", {.mtu = 9217}, REFUSED(limit_reached, "9217", "9216")},
		{"IPv6 needs 1280 bytes",
		 {.mtu = 1279, .gateway6 = "fd00::1/126", .router6 = "fd00::2"},
		 REFUSED(limit_reached, "1280", "IPv6")},
		{"multicast router MAC", {.mac = "01:00:5e:00:00:01"}, REFUSED(address_invalid)},
		{"zero router MAC", {.mac = "00:00:00:00:00:00"}, REFUSED(address_invalid)},
	};

	check_cloud_cases(*state, cases, ARRAY_SIZE(cases));
}

static void a_port_without_end_is_refused(void **state)
{
	struct cloud cloud = make_cloud(&(struct cloud_spec){});
	struct refusal refusal = {};

	memset(cloud.port, 'x', sizeof(cloud.port));
	assert_answer(
		rule_cloud_create(*state, &root, &cloud, &refusal), &refusal, REFUSAL_name_invalid,
		"256 characters without NUL"
	);
}

static void network_blocks(void **state)
{
// clang-format off
#define REFUSED_BLOCK(prefix) REFUSED(address_invalid, prefix, "network block", "new")
#define BAD(prefix) {prefix, {.block = (prefix)}, REFUSED_BLOCK(prefix)}
#define WITH_IPV6 .gateway6 = "fd00:ffff::1/126", .router6 = "fd00:ffff::2"
#define BAD6(prefix) {prefix, {WITH_IPV6, .block6 = (prefix)}, REFUSED_BLOCK(prefix)}
	// clang-format on
	static const struct cloud_case cases[] = {
		{"a host", {.block = "10.200.0.1/32"}, ALLOWED},
		{"half of everything", {.block = "64.0.0.0/2"}, REFUSED(address_invalid)},
		BAD("0.0.0.0/0"),
		BAD("0.0.0.0/8"),
		BAD("0.1.2.0/24"),
		BAD("0.0.0.0/1"),
		BAD("127.0.0.0/8"),
		BAD("127.0.0.1/32"),
		BAD("126.0.0.0/7"),
		BAD("169.254.0.0/16"),
		BAD("169.254.77.0/24"),
		BAD("169.0.0.0/8"),
		BAD("224.0.0.0/4"),
		BAD("239.1.1.0/24"),
		BAD("240.0.0.0/4"),
		BAD("255.255.255.255/32"),
		{"beside loopback", {.block = "126.0.0.0/8"}, ALLOWED},
		{"beside link-local", {.block = "169.253.0.0/16"}, ALLOWED},
		{"beside multicast", {.block = "223.255.0.0/16"}, ALLOWED},
		BAD6("::/0"),
		BAD6("::/128"),
		BAD6("::1/128"),
		BAD6("::/64"),
		BAD6("::ffff:0.0.0.0/96"),
		BAD6("fe80::/10"),
		BAD6("fe80::/64"),
		BAD6("ff00::/8"),
		BAD6("ff02::/16"),
		BAD6("fe00::/7"),
		{"a unique local block", {WITH_IPV6, .block6 = "fd00:1::/48"}, ALLOWED},
		{"a global block", {WITH_IPV6, .block6 = "2001:db8::/32"}, ALLOWED},
		{"host bits name the network that was meant",
		 {.block = "10.200.1.7/22"},
		 REFUSED(address_invalid, "10.200.1.7/22", "10.200.0.0/22", "meant")},
		{"IPv6 host bits",
		 {WITH_IPV6, .block6 = "fd00:1::5/48"},
		 REFUSED(address_invalid, "fd00:1::5/48", "fd00:1::/48", "meant")},
		{"the default route with host bits is still the default route",
		 {.block = "10.0.0.0/0"},
		 REFUSED(address_invalid, "default route")},
		{"no block at all", {.block = ""}, REFUSED(address_invalid, "network block")},
		{"an IPv6 block without an IPv6 transit",
		 {.block6 = "fd00:1::/48"},
		 REFUSED(address_invalid, "fd00:1::/48", "IPv6 transit")},
		{"an IPv4 block without an IPv4 transit",
		 {.gateway = "", .router = "", WITH_IPV6},
		 REFUSED(address_invalid, "10.200.0.0/22", "IPv4 transit")},
		{"IPv6 alone",
		 {.gateway = "", .router = "", .block = "", WITH_IPV6, .block6 = "fd00:1::/48"},
		 ALLOWED},
	};

	check_cloud_cases(*state, cases, ARRAY_SIZE(cases));
}

static void transit_networks(void **state)
{
// clang-format off
#define V4(g, r) {.gateway = (g), .router = (r)}
#define V6(g, r) {.gateway6 = (g), .router6 = (r)}
	// clang-format on
	static const struct cloud_case cases[] = {
		{"/30", V4("169.254.200.2/30", "169.254.200.1"), ALLOWED},
		{"/31", V4("169.254.200.0/31", "169.254.200.1"), ALLOWED},
		{"not link-local", V4("192.0.2.1/30", "192.0.2.2"), ALLOWED},
		{"no gateway", V4("", ""), REFUSED(address_invalid, "gateway", "new")},
		{"gateway alone", V4("169.254.200.1/30", ""), REFUSED(address_invalid, "router")},
		{"router alone", V4("", "169.254.200.2"), REFUSED(address_invalid, "gateway")},
		{"families differ",
		 {.router = "", .router6 = "fd00::2"},
		 REFUSED(address_invalid, "IPv4")},
		{"/29", V4("169.254.200.1/29", "169.254.200.2"), REFUSED(address_invalid, "/30")},
		{"/32", V4("169.254.200.1/32", "169.254.200.1"), REFUSED(address_invalid, "/31")},
		{"router elsewhere", V4("169.254.200.1/30", "169.254.200.5"),
		 REFUSED(address_invalid, "169.254.200.5", "169.254.200.0/30")},
		{"the same", V4("169.254.200.1/30", "169.254.200.1"), REFUSED(address_invalid)},
		{"the same, /31", V4("169.254.200.1/31", "169.254.200.1"),
		 REFUSED(address_invalid)},
		{"gateway is the network", V4("169.254.200.0/30", "169.254.200.1"),
		 REFUSED(address_invalid)},
		{"gateway is broadcast", V4("169.254.200.3/30", "169.254.200.1"),
		 REFUSED(address_invalid)},
		{"router is the network", V4("169.254.200.1/30", "169.254.200.0"),
		 REFUSED(address_invalid)},
		{"router is broadcast", V4("169.254.200.1/30", "169.254.200.3"),
		 REFUSED(address_invalid)},
		{"loopback", V4("127.0.0.1/30", "127.0.0.2"), REFUSED(address_invalid, "loop")},
		{"multicast", V4("224.1.1.1/30", "224.1.1.2"), REFUSED(address_invalid, "multi")},
		{"class E", V4("240.1.1.1/30", "240.1.1.2"), REFUSED(address_invalid, "class E")},
		{"this network", V4("0.0.0.1/30", "0.0.0.2"), REFUSED(address_invalid)},
		{"/126", V6("fd00::1/126", "fd00::2"), ALLOWED},
		{"/126, last address", V6("fd00::1/126", "fd00::3"), ALLOWED},
		{"/127", V6("fd00::/127", "fd00::1"), ALLOWED},
		{"/125", V6("fd00::1/125", "fd00::2"), REFUSED(address_invalid, "/126")},
		{"/128", V6("fd00::1/128", "fd00::1"), REFUSED(address_invalid, "/127")},
		{"IPv6 gateway is all zeros", V6("fd00::/126", "fd00::1"),
		 REFUSED(address_invalid)},
		{"IPv6 router is all zeros", V6("fd00::1/126", "fd00::"), REFUSED(address_invalid)},
		{"IPv6 link-local", V6("fe80::1/126", "fe80::2"), REFUSED(address_invalid)},
		{"IPv6 multicast", V6("ff02::1/126", "ff02::2"), REFUSED(address_invalid)},
		{"IPv6 loopback", V6("::1/126", "::2"), REFUSED(address_invalid)},
		{"IPv6 gateway alone", V6("fd00::1/126", ""), REFUSED(address_invalid, "IPv6")},
	};

	check_cloud_cases(*state, cases, ARRAY_SIZE(cases));
}

static void new_cloud_beside_others(void **state)
{
	static const struct cloud_case cases[] = {
		{"the same transit network as another cloud", V4("169.254.1.1/30", "169.254.1.2"),
		 REFUSED(transit_overlap, "169.254.1.0/30 of new", "169.254.1.0/30 of pc1")},
		{"a transit network inside another", V4("169.254.1.2/31", "169.254.1.3"),
		 REFUSED(transit_overlap, "169.254.1.2/31 of new", "169.254.1.0/30 of pc1")},
		{"a transit network inside another cloud's network block",
		 V4("10.2.0.1/30", "10.2.0.2"),
		 REFUSED(transit_overlap, "10.2.0.0/30 of new", "10.2.0.0/22 of pc2")},
		{"a transit network inside another cloud's routed segment",
		 V4("172.16.3.1/30", "172.16.3.2"),
		 REFUSED(transit_overlap, "172.16.3.0/30 of new", "172.16.3.0/24 of pc3")},
		{"a transit network inside its own network block",
		 V4("10.200.0.1/30", "10.200.0.2"),
		 REFUSED(transit_overlap, "10.200.0.0/30 of new", "10.200.0.0/22 of new")},
		{"a transit network where another cloud is not routed",
		 V4("192.168.100.1/30", "192.168.100.2"), ALLOWED},
		{"a network block over another's transit network",
		 {.block = "198.51.100.0/24"},
		 REFUSED(transit_overlap, "198.51.100.8/30 of trunk1", "198.51.100.0/24 of new")},
		{"a routed segment over another's transit network",
		 {.segment = "198.51.100.1/24"},
		 REFUSED(transit_overlap, "198.51.100.8/30 of trunk1", "198.51.100.0/24 of new")},
		{"a segment that is not routed over another's transit network",
		 {.private = "198.51.100.1/24"},
		 ALLOWED},
		{"the routed prefixes of a cloud that is no peer",
		 {.block = "10.1.0.0/22"},
		 ALLOWED},
		{"a segment inside the own network block",
		 {.segment = "10.200.1.1/24"},
		 REFUSED(overlapping_prefixes, "network block 10.200.0.0/22 of new",
			 "segment s1 10.200.1.0/24 of new", "inside new")},
		{"two equal segments",
		 {.segment = "172.20.0.1/24", .segment2 = "172.20.0.2/24"},
		 REFUSED(overlapping_prefixes, "172.20.0.0/24")},
		{"a segment that is not routed inside the own network block",
		 {.private = "10.200.1.1/24"},
		 ALLOWED},
		{"a port that is used untagged",
		 {.port = "net_pc1"},
		 REFUSED(port_in_use, "net_pc1", "cloud pc1", "untagged")},
		{"tagged beside untagged",
		 {.port = "net_pc1", .vlan = 7},
		 REFUSED(port_in_use, "net_pc1", "cloud pc1", "untagged")},
		{"untagged beside tagged",
		 {.port = "net_trunk,a=1"},
		 REFUSED(port_in_use, "net_trunk", "cloud trunk1", "tagged")},
		{"the same VLAN",
		 {.port = "net_trunk,a=1", .vlan = 10},
		 REFUSED(port_in_use, "VLAN 10", "net_trunk", "cloud trunk1")},
		{"another VLAN", {.port = "net_trunk,a=1", .vlan = 11}, ALLOWED},
		{"other devargs",
		 {.port = "net_trunk,a=2", .vlan = 11},
		 REFUSED(port_in_use, "net_trunk", "net_trunk,a=1", "cloud trunk1")},
		{"no devargs where others gave some",
		 {.port = "net_trunk", .vlan = 11},
		 REFUSED(port_in_use, "cloud trunk1")},
		{"a port whose name only begins alike", {.port = "net_trunk2"}, ALLOWED},
	};

	add_cloud(
		*state,
		&(struct cloud_spec){
			.name = "trunk1",
			.port = "net_trunk,a=1",
			.vlan = 10,
			.gateway = "198.51.100.9/30",
			.router = "198.51.100.10",
			.block = "10.9.0.0/22",
		}
	);
	check_cloud_cases(*state, cases, ARRAY_SIZE(cases));
}

static void new_cloud_segments(void **state)
{
	static const struct cloud_case cases[] = {
		{"gateway is the network", {.segment = "172.20.0.0/24"}, REFUSED(address_invalid)},
		{"gateway is broadcast", {.segment = "172.20.0.255/24"}, REFUSED(address_invalid)},
		{"routed loopback", {.segment = "127.0.0.1/8"}, REFUSED(address_invalid)},
		{"a well-formed one", {.segment = "172.20.0.1/24"}, ALLOWED},
	};
	struct cloud twice = make_cloud(&(struct cloud_spec){.segment = "172.20.0.1/24"});
	struct refusal refusal = {};

	check_cloud_cases(*state, cases, ARRAY_SIZE(cases));

	append_segment(&twice, "s1", "172.21.0.1/24", true);
	assert_answer(
		rule_cloud_create(*state, &root, &twice, &refusal), &refusal, REFUSAL_name_in_use,
		"two segments of one name"
	);
	snprintf(twice.segments[1].name, NAME_SIZE, "a b");
	assert_answer(
		rule_cloud_create(*state, &root, &twice, &refusal), &refusal, REFUSAL_name_invalid,
		"a segment with a bad name"
	);
	free(twice.segments);
}

static void clouds_are_limited(void **state)
{
	struct region region;
	struct refusal refusal = {};
	struct cloud cloud = make_cloud(&(struct cloud_spec){});

	region_init(&region);
	for (unsigned i = 0; i < CLOUD_ID_MAX; i++) {
		char name[16], gateway[32], router[32];

		if (i % 512 == 0 || i == CLOUD_ID_MAX - 1)
			assert_answer(
				rule_cloud_create(&region, &root, &cloud, &refusal), &refusal, OK,
				"below"
			);
		snprintf(name, sizeof(name), "c%u", i);
		snprintf(gateway, sizeof(gateway), "192.0.%u.%u/31", i / 128, i % 128 * 2);
		snprintf(router, sizeof(router), "192.0.%u.%u", i / 128, i % 128 * 2 + 1);
		add_cloud(
			&region,
			&(struct cloud_spec){.name = name, .gateway = gateway, .router = router}
		);
	}
	assert_int_equal(region_free_cloud_id(&region), 0);
	assert_answer(
		rule_cloud_create(&region, &root, &cloud, &refusal), &refusal,
		REFUSAL_limit_reached, "one too many"
	);
	assert_words(&refusal, (const char *[]){"4095"}, 1);
	region_free(&region);
}

static void only_administrators_touch_clouds_and_grants(void **state)
{
	struct region *region = *state;
	struct cloud *pc1 = region_cloud(region, "pc1");
	struct cloud new = make_cloud(&(struct cloud_spec){});
	struct cloud bad = make_cloud(&(struct cloud_spec){.name = "a b"});
	struct cloud taken = make_cloud(&(struct cloud_spec){.name = "pc1"});
	struct cloud_settings settings = {.has_mtu = true, .mtu = 1400};
	struct refusal refusal = {};
	struct cloud *cloud;

	assert_int_equal(region_set_grant(region, ann.name, pc1, ROLE_CONTRIBUTOR), 0);
	assert_answer(
		rule_cloud_create(region, &ann, &new, &refusal), &refusal, REFUSAL_no_write_access,
		"cloud create"
	);
	assert_words(&refusal, (const char *[]){"uid:1001", "root"}, 2);
	assert_answer(
		rule_cloud_create(region, &ann, &bad, &refusal), &refusal, REFUSAL_name_invalid,
		"what can never be comes before who asks"
	);
	assert_answer(
		rule_cloud_create(region, &ann, &taken, &refusal), &refusal,
		REFUSAL_no_write_access, "who asks comes before what stands in the way"
	);
	assert_answer(
		rule_cloud_set(region, &ann, pc1, &settings, &refusal), &refusal,
		REFUSAL_no_write_access, "cloud set"
	);
	assert_answer(
		rule_cloud_delete(region, &ann, pc1, &refusal), &refusal, REFUSAL_no_write_access,
		"cloud delete"
	);
	assert_answer(
		rule_grant(region, &ann, "uid:1", "pc1", &cloud, &refusal), &refusal,
		REFUSAL_no_write_access, "grant"
	);
	assert_answer(
		rule_admin(&ann, "apply a region", &refusal), &refusal, REFUSAL_no_write_access,
		"anything else"
	);
	assert_words(&refusal, (const char *[]){"uid:1001 may not apply a region"}, 1);
	assert_int_equal(rule_admin(&root, "apply a region", &refusal), 0);
}

static void set_cloud(void **state)
{
	static const struct {
		const char *promise;
		struct cloud_settings settings;
		struct answer answer;
	} cases[] = {
		{"nothing", {}, ALLOWED},
		{"MTU", {.has_mtu = true, .mtu = 9000}, ALLOWED},
		{"MTU 0", {.has_mtu = true, .mtu = 0}, REFUSED(limit_reached)},
		{"MTU too large", {.has_mtu = true, .mtu = 9217}, REFUSED(limit_reached)},
		{"a MAC", {.has_router_mac = true, .router_mac = {{2, 0, 0, 0, 0, 1}}}, ALLOWED},
		{"no MAC", {.has_router_mac = true}, REFUSED(address_invalid)},
		{"a group MAC",
		 {.has_router_mac = true, .router_mac = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}},
		 REFUSED(address_invalid)},
		{"learn the MAC", {.learn_router_mac = true}, ALLOWED},
		{"learn and give it",
		 {.has_router_mac = true,
		  .learn_router_mac = true,
		  .router_mac = {{2, 0, 0, 0, 0, 1}}},
		 REFUSED(address_invalid)},
	};
	struct cloud *pc1 = region_cloud(*state, "pc1");
	struct refusal refusal = {};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++)
		assert_answer(
			rule_cloud_set(*state, &root, pc1, &cases[i].settings, &refusal), &refusal,
			cases[i].answer.code, cases[i].promise
		);
	pc1->deleting = true;
	assert_answer(
		rule_cloud_set(*state, &root, pc1, &cases[0].settings, &refusal), &refusal,
		REFUSAL_cloud_not_found, "a cloud on its way out"
	);
}

static void delete_cloud(void **state)
{
	struct region *region = *state;
	struct refusal refusal = {};
	struct interconnect *named = join(region, "pc1", "pc3", "backup");

	assert_answer(
		rule_cloud_delete(region, &root, region_cloud(region, "pc4"), &refusal), &refusal,
		OK, "no interconnects"
	);
	assert_answer(
		rule_cloud_delete(region, &root, region_cloud(region, "pc3"), &refusal), &refusal,
		REFUSAL_cloud_in_use, "interconnects"
	);
	assert_words(&refusal, (const char *[]){"pc2 (with pc2)", "backup (with pc1)"}, 2);

	named->phase = PHASE_DELETING;
	assert_answer(
		rule_cloud_delete(region, &root, region_cloud(region, "pc1"), &refusal), &refusal,
		REFUSAL_cloud_in_use, "an interconnect that is not gone yet"
	);
	region_cloud(region, "pc4")->deleting = true;
	assert_answer(
		rule_cloud_delete(region, &root, region_cloud(region, "pc4"), &refusal), &refusal,
		REFUSAL_cloud_not_found, "being deleted already"
	);
}

static void long_lists_end_with_how_many_more(void **state)
{
	struct region *region = *state;
	struct refusal refusal = {};

	for (unsigned i = 100; i < 125; i++) {
		char name[16];

		add_lab_cloud(region, i, NULL);
		snprintf(name, sizeof(name), "pc%u", i);
		join(region, "pc1", name, NULL);
	}
	assert_answer(
		rule_cloud_delete(region, &root, region_cloud(region, "pc1"), &refusal), &refusal,
		REFUSAL_cloud_in_use, "25 interconnects"
	);
	assert_words(&refusal, (const char *[]){"pc100", "pc109", "and 15 more", "delete"}, 4);
	assert_null(strstr(refusal.text, "pc110"));
}

// Segments

struct segment_case {
	const char *promise;
	const char *name; // default "new"
	const char *gateway;
	bool private; // not routed
	struct answer answer;
};

static void check_segment_cases(
	struct region *region, const char *cloud, const struct segment_case *cases, unsigned n
)
{
	for (unsigned i = 0; i < n; i++) {
		struct segment segment = make_segment(
			or_default(cases[i].name, "new"), cases[i].gateway, !cases[i].private
		);
		struct refusal refusal = {};
		int result = rule_segment_create(
			region, &root, region_cloud(region, cloud), &segment, &refusal
		);

		assert_as(result, &refusal, &cases[i].answer, cases[i].promise);
	}
}

static void new_segments(void **state)
{
	static const struct segment_case cases[] = {
		{"a /24", NULL, "172.17.0.1/24", false, ALLOWED},
		{"last host", NULL, "172.17.0.254/24", false, ALLOWED},
		{"a /30", NULL, "172.17.0.1/30", false, ALLOWED},
		{"a /31", NULL, "172.17.0.0/31", false, ALLOWED},
		{"a /32", NULL, "172.17.0.0/32", false, ALLOWED},
		{"bad name", "-x", "172.17.0.1/24", false, REFUSED(name_invalid, "segment", "-x")},
		{"name in use", "s1", "172.17.0.1/24", false, REFUSED(name_in_use, "s1", "pc1")},
		{"network address", NULL, "172.17.0.0/24", false,
		 REFUSED(address_invalid, "172.17.0.0/24", "pc1/new", "network")},
		{"broadcast address", NULL, "172.17.0.255/24", false,
		 REFUSED(address_invalid, "172.17.0.255/24", "pc1/new", "broadcast")},
		{"network address, not routed", NULL, "172.17.0.0/24", true,
		 REFUSED(address_invalid)},
		{"routed loopback", NULL, "127.1.0.1/16", false,
		 REFUSED(address_invalid, "127.1.0.1/16", "loopback")},
		{"routed link-local", NULL, "169.254.77.1/24", false, REFUSED(address_invalid)},
		{"routed multicast", NULL, "230.0.0.1/24", false, REFUSED(address_invalid)},
		{"routed class E", NULL, "250.0.0.1/24", false, REFUSED(address_invalid)},
		{"routed default", NULL, "10.0.0.1/0", false, REFUSED(address_invalid, "default")},
		{"loopback, not routed", NULL, "127.1.0.1/16", true, ALLOWED},
		{"link-local, not routed", NULL, "169.254.1.1/24", true, ALLOWED},
		{"IPv6 without a transit", NULL, "fd00:1::1/64", false,
		 REFUSED(address_invalid, "fd00:1::1/64", "IPv6 transit")},
		{"IPv6 without a transit, not routed", NULL, "fd00:1::1/64", true, ALLOWED},
		{"IPv6 all-zeros address", NULL, "fd00:1::/64", true, REFUSED(address_invalid)},
		{"IPv6 /127", NULL, "fd00:1::/127", true, ALLOWED},
		{"over another cloud's transit network", NULL, "198.51.100.1/24", false,
		 REFUSED(transit_overlap, "198.51.100.8/30 of pc9", "198.51.100.0/24 of pc1")},
		{"over another cloud's transit network, not routed", NULL, "198.51.100.1/24", true,
		 ALLOWED},
	};

	add_cloud(
		*state,
		&(struct cloud_spec){
			.name = "pc9",
			.gateway = "198.51.100.9/30",
			.router = "198.51.100.10",
		}
	);
	check_segment_cases(*state, "pc1", cases, ARRAY_SIZE(cases));
}

static void a_segment_needs_a_gateway_address(void **state)
{
	struct segment segment = {.name = "empty", .routed = true};
	struct refusal refusal = {};

	assert_answer(
		rule_segment_create(*state, &root, region_cloud(*state, "pc1"), &segment, &refusal),
		&refusal, REFUSAL_address_invalid, "no gateway address"
	);
}

// pc1 - pc2 - pc3, and pc4 apart: a segment of pc1 enters the tables of pc1 and pc2.
static void new_segment_overlaps(void **state)
{
	static const struct segment_case cases[] = {
		{"inside the own network block", NULL, "10.1.1.1/24", false,
		 REFUSED(overlapping_prefixes, "segment new 10.1.1.0/24 of pc1",
			 "network block 10.1.0.0/22 of pc1", "inside pc1")},
		{"equal to an own segment", NULL, "172.16.1.9/24", false,
		 REFUSED(overlapping_prefixes, "segment new 172.16.1.0/24 of pc1",
			 "segment s1 172.16.1.0/24 of pc1")},
		{"over a peer's segment", NULL, "172.16.2.129/25", false,
		 REFUSED(overlapping_prefixes, "172.16.2.128/25 of pc1",
			 "segment s1 172.16.2.0/24 of pc2", "pc2 is a peer of pc1")},
		{"over a segment of a peer's other peer", NULL, "172.16.3.1/24", false,
		 REFUSED(overlapping_prefixes, "172.16.3.0/24 of pc1",
			 "segment s1 172.16.3.0/24 of pc3", "pc3 is another peer of pc2")},
		{"over all of them at once", NULL, "172.16.0.1/16", false,
		 REFUSED(overlapping_prefixes, "of pc1", "of pc2", "of pc3")},
		{"over a cloud that shares no table with it", NULL, "172.16.4.1/24", false,
		 ALLOWED},
		{"over a segment of a peer that is not routed", NULL, "192.168.100.1/24", false,
		 ALLOWED},
		{"anywhere, not routed", NULL, "172.16.2.1/24", true, ALLOWED},
	};
	struct region *region = *state;
	struct interconnect *interconnect = join(region, "pc1", "pc2", NULL);

	check_segment_cases(region, "pc1", cases, ARRAY_SIZE(cases));
	interconnect->phase = PHASE_DELETING; // it may come back, or still be in a table
	check_segment_cases(region, "pc1", cases, ARRAY_SIZE(cases));
	interconnect->phase = PHASE_FAILED;
	check_segment_cases(region, "pc1", cases, ARRAY_SIZE(cases));
	region_remove_interconnect(region, interconnect);
	check_segment_cases(
		region, "pc1",
		(const struct segment_case[]){
			{"of a former peer", NULL, "172.16.2.1/24", false, ALLOWED},
			{"of its peer", NULL, "172.16.3.1/24", false, ALLOWED},
		},
		2
	);
}

static void segments_are_limited(void **state)
{
	struct region *region = *state;
	struct cloud *pc1 = region_cloud(region, "pc1");
	struct segment segment = make_segment("new", "172.17.0.1/24", false);
	struct refusal refusal = {};

	while (pc1->n_segments < SEGMENTS_MAX) {
		char name[16];

		assert_answer(
			rule_segment_create(region, &root, pc1, &segment, &refusal), &refusal, OK,
			"below"
		);
		snprintf(name, sizeof(name), "n%u", pc1->n_segments);
		append_segment(pc1, name, "172.17.0.1/24", false);
	}
	assert_answer(
		rule_segment_create(region, &root, pc1, &segment, &refusal), &refusal,
		REFUSAL_limit_reached, "one too many"
	);
	assert_words(&refusal, (const char *[]){"1000", "pc1"}, 2);
}

static void who_may_touch_segments(void **state)
{
	struct region *region = *state;
	struct cloud *pc1 = region_cloud(region, "pc1");
	struct cloud *pc2 = region_cloud(region, "pc2");
	struct segment segment = make_segment("new", "172.17.0.1/24", true);
	struct refusal refusal = {};

	region_set_grant(region, ann.name, pc2, ROLE_CONTRIBUTOR);
	for (enum role role = ROLE_NONE; role <= ROLE_READER; role++) {
		region_set_grant(region, ann.name, pc1, role);
		assert_answer(
			rule_segment_create(region, &ann, pc1, &segment, &refusal), &refusal,
			REFUSAL_no_write_access, role_name(role)
		);
		assert_words(&refusal, (const char *[]){"uid:1001", "pc1", "contributor"}, 3);
		assert_answer(
			rule_segment_delete(region, &ann, pc1, "s1", &refusal), &refusal,
			REFUSAL_no_write_access, role_name(role)
		);
	}
	region_set_grant(region, ann.name, pc1, ROLE_CONTRIBUTOR);
	assert_int_equal(rule_segment_create(region, &ann, pc1, &segment, &refusal), 0);
	assert_int_equal(rule_segment_delete(region, &ann, pc1, "s1", &refusal), 0);
}

static void delete_segment(void **state)
{
	struct region *region = *state;
	struct cloud *pc1 = region_cloud(region, "pc1");
	struct segment segment = make_segment("new", "172.17.0.1/24", true);
	struct refusal refusal = {};

	assert_int_equal(rule_segment_delete(region, &root, pc1, "p1", &refusal), 0);
	assert_answer(
		rule_segment_delete(region, &root, pc1, "nil", &refusal), &refusal,
		REFUSAL_segment_not_found, "no such segment"
	);
	assert_words(&refusal, (const char *[]){"nil", "pc1", "segment list"}, 3);

	pc1->deleting = true;
	assert_answer(
		rule_segment_delete(region, &root, pc1, "p1", &refusal), &refusal,
		REFUSAL_cloud_not_found, "a cloud on its way out"
	);
	assert_answer(
		rule_segment_create(region, &root, pc1, &segment, &refusal), &refusal,
		REFUSAL_cloud_not_found, "a cloud on its way out"
	);
}

// Interconnects

struct join_case {
	const char *promise;
	const char *cloud, *peer, *name;
	bool unconfirmed;
	struct answer answer;
};

static int try_join(
	struct region *region, const struct principal *principal, const struct join_case *try,
	struct interconnect **existing, struct refusal *refusal
)
{
	struct cloud *cloud = NULL, *peer = NULL;
	int result;

	*existing = NULL;
	result = rule_interconnect_create(
		region, principal, try->cloud, try->peer, try->name, !try->unconfirmed, &cloud,
		&peer, existing, refusal
	);
	if (result == 0) {
		assert_string_equal(cloud->name, try->cloud);
		assert_string_equal(peer->name, try->peer);
	}
	return result;
}

static void check_join_cases(struct region *region, const struct join_case *cases, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct interconnect *existing;
		struct refusal refusal = {};
		int result = try_join(region, &root, &cases[i], &existing, &refusal);

		assert_as(result, &refusal, &cases[i].answer, cases[i].promise);
		if (result == 0)
			assert_null(existing);
	}
}

static void new_interconnects(void **state)
{
	static const struct join_case cases[] = {
		{"two clouds", "pc1", "pc2", NULL, false, ALLOWED},
		{"the other way round", "pc2", "pc1", NULL, false, ALLOWED},
		{"an empty name is none", "pc1", "pc2", "", false, ALLOWED},
		{"with a name", "pc1", "pc2", "blue", false, ALLOWED},
		{"locations differ by case only", "pc1", "pc3", NULL, false, ALLOWED},
		{"no such cloud", "nil", "pc2", NULL, false,
		 REFUSED(cloud_not_found, "\"nil\"", "cloud list")},
		{"no such peer", "pc1", "nil", NULL, false, REFUSED(cloud_not_found, "nil")},
		{"a name of many lines is quoted in one", "a\nb\"c", "pc2", NULL, false,
		 REFUSED(cloud_not_found)},
		{"with itself", "pc1", "pc1", NULL, false, REFUSED(same_cloud, "pc1")},
		{"a bad name", "pc1", "pc2", "a/b", false, REFUSED(name_invalid, "a/b")},
		{"another location", "pc1", "pc4", NULL, false,
		 REFUSED(different_location, "pc1 is in westeurope", "pc4 in northeurope",
			 "ExpressRoute Global Reach")},
		{"not confirmed", "pc1", "pc2", NULL, true,
		 REFUSED(not_confirmed, "pc1", "pc2", "--confirm-no-overlap")},
		{"a name that the cloud uses for another", "pc2", "pc1", "pc3", false,
		 REFUSED(name_in_use, "pc2", "pc3", "--name")},
		{"a name that the peer uses for another", "pc1", "pc2", "pc3", false,
		 REFUSED(name_in_use, "pc2", "pc3")},
		{"a name that is used elsewhere", "pc1", "pc2", "pc4", false, ALLOWED},
		{"a name that only the mirrored end would show", "pc1", "pc3", "pc3", false,
		 ALLOWED},
	};

	check_join_cases(*state, cases, ARRAY_SIZE(cases));
}

static void a_default_name_can_be_taken_at_either_end(void **state)
{
	static const struct join_case cases[] = {
		{"at the cloud", "pc1", "pc2", NULL, false, REFUSED(name_in_use, "pc1", "pc2")},
		{"at the peer", "pc2", "pc1", NULL, false, REFUSED(name_in_use, "pc1", "pc2")},
		{"unless another is given", "pc1", "pc2", "other", false, ALLOWED},
	};

	add_lab_cloud(*state, 5, NULL);
	join(*state, "pc5", "pc1", "pc2");
	check_join_cases(*state, cases, ARRAY_SIZE(cases));
}

static void the_order_of_refusals(void **state)
{
	// Each case fails for its own reason and all that follow.
	static const struct join_case as_nobody[] = {
		{"cloud before all", "nil", "pc4", "a/b", true, REFUSED(cloud_not_found)},
		{"same cloud", "pc1", "pc1", "a/b", true, REFUSED(same_cloud)},
		{"access", "pc1", "pc4", "a/b", true, REFUSED(no_write_access)},
	};
	static const struct join_case as_root[] = {
		{"name", "pc1", "pc4", "a/b", true, REFUSED(name_invalid)},
		{"bad name before an existing pair", "pc2", "pc3", "a/b", true,
		 REFUSED(name_invalid)},
		{"existing under another name", "pc2", "pc3", "else", true,
		 REFUSED(already_interconnected)},
		{"location", "pc5", "pc2", "pc3", true, REFUSED(different_location)},
		{"confirmation", "pc6", "pc2", "pc3", true, REFUSED(not_confirmed)},
		{"overlap", "pc6", "pc2", "pc3", false, REFUSED(overlapping_prefixes)},
		{"name in use", "pc1", "pc2", "pc3", false, REFUSED(name_in_use)},
	};
	struct region *region = *state;
	struct interconnect *existing;
	struct refusal refusal = {};

	add_cloud(
		region,
		&(struct cloud_spec){.name = "pc5", .location = "east", .block = "10.2.0.0/22"}
	);
	add_cloud(region, &(struct cloud_spec){.name = "pc6", .block = "10.2.0.0/22"});
	for (unsigned i = 0; i < ARRAY_SIZE(as_nobody); i++)
		assert_answer(
			try_join(region, &ann, &as_nobody[i], &existing, &refusal), &refusal,
			as_nobody[i].answer.code, as_nobody[i].promise
		);
	check_join_cases(region, as_root, ARRAY_SIZE(as_root));
}

static void an_identical_request_answers_the_existing_one(void **state)
{
	static const struct {
		const char *created_as; // of pc1 and pc2
		struct join_case again;
	} cases[] = {
		{NULL, {"the same", "pc1", "pc2", NULL, false, ALLOWED}},
		{NULL, {"mirrored", "pc2", "pc1", NULL, false, ALLOWED}},
		{NULL, {"without confirmation", "pc1", "pc2", NULL, true, ALLOWED}},
		{NULL, {"the default in words", "pc1", "pc2", "pc2", false, ALLOWED}},
		{NULL, {"the default in words, mirrored", "pc2", "pc1", "pc1", false, ALLOWED}},
		{"blue", {"with the name", "pc1", "pc2", "blue", false, ALLOWED}},
		{"blue", {"with the name, mirrored", "pc2", "pc1", "blue", false, ALLOWED}},
		{"blue", {"without the name", "pc1", "pc2", NULL, false, ALLOWED}},
		{"blue", {"without the name, mirrored", "pc2", "pc1", NULL, false, ALLOWED}},
		{NULL,
		 {"another name", "pc1", "pc2", "blue", false,
		  REFUSED(already_interconnected, "pc1", "pc2")}},
		{"blue",
		 {"another name", "pc2", "pc1", "red", false,
		  REFUSED(already_interconnected, "pc1", "pc2", "blue")}},
		{"blue",
		 {"the default's words", "pc1", "pc2", "pc2", false,
		  REFUSED(already_interconnected, "blue")}},
	};
	struct region *region = *state;

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct interconnect *made = join(region, "pc1", "pc2", cases[i].created_as);
		const struct join_case *again = &cases[i].again;
		struct interconnect *existing;
		struct refusal refusal = {};
		int result = try_join(region, &root, again, &existing, &refusal);

		assert_as(result, &refusal, &again->answer, again->promise);
		if (result == 0)
			assert_ptr_equal(existing, made);

		made->phase = PHASE_DELETING;
		assert_answer(
			try_join(region, &root, again, &existing, &refusal), &refusal,
			REFUSAL_already_interconnected, "while it is being deleted"
		);
		assert_words(&refusal, (const char *[]){"being deleted", "again"}, 2);
		region_remove_interconnect(region, made);
	}
}

static void a_cloud_on_its_way_out_takes_no_interconnect(void **state)
{
	static const struct join_case cases[] = {
		{"", "pc1", "pc2", NULL, false, REFUSED(cloud_not_found, "pc1", "being deleted")},
		{"", "pc2", "pc1", NULL, false, REFUSED(cloud_not_found, "pc1", "being deleted")},
	};

	region_cloud(*state, "pc1")->deleting = true;
	check_join_cases(*state, cases, ARRAY_SIZE(cases));
}

static void who_may_interconnect(void **state)
{
	static const struct {
		enum role on_pc1, on_pc2;
		struct answer answer;
		const char *not_named;
	} cases[] = {
		{ROLE_NONE, ROLE_NONE, REFUSED(no_write_access, "cloud pc1", "cloud pc2"), NULL},
		{ROLE_READER, ROLE_READER, REFUSED(no_write_access, "cloud pc1", "cloud pc2"),
		 NULL},
		{ROLE_CONTRIBUTOR, ROLE_NONE, REFUSED(no_write_access, "cloud pc2"), "pc1"},
		{ROLE_CONTRIBUTOR, ROLE_READER, REFUSED(no_write_access, "cloud pc2"), "pc1"},
		{ROLE_NONE, ROLE_CONTRIBUTOR, REFUSED(no_write_access, "cloud pc1"), "pc2"},
		{ROLE_CONTRIBUTOR, ROLE_CONTRIBUTOR, ALLOWED, NULL},
	};
	static const struct join_case request = {"", "pc1", "pc2", NULL, false, ALLOWED};
	struct region *region = *state;

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct interconnect *existing;
		struct refusal refusal = {};
		int result;

		region_set_grant(region, ann.name, region_cloud(region, "pc1"), cases[i].on_pc1);
		region_set_grant(region, ann.name, region_cloud(region, "pc2"), cases[i].on_pc2);
		result = try_join(region, &ann, &request, &existing, &refusal);
		assert_as(result, &refusal, &cases[i].answer, "roles");
		if (cases[i].not_named)
			assert_null(strstr(refusal.text, cases[i].not_named));
	}
}

static void who_has_no_access_learns_of_no_interconnect(void **state)
{
	static const struct join_case request = {"", "pc2", "pc3", NULL, false, ALLOWED};
	struct interconnect *existing;
	struct refusal refusal = {};

	assert_answer(
		try_join(*state, &ann, &request, &existing, &refusal), &refusal,
		REFUSAL_no_write_access, "an existing pair"
	);
	assert_null(existing);
}

// Overlaps of interconnects: pc1 wants pc2, whose peer is pc3.
static void new_interconnect_overlaps(void **state)
{
	static const struct {
		const char *promise;
		const char *of_pc1; // a routed segment more
		const char *of_pc2;
		const char *of_pc5; // a peer of pc1
		struct answer answer;
	} cases[] = {
		{"nothing overlaps", "172.18.1.1/24", "172.18.2.1/24", "172.18.5.1/24", ALLOWED},
		{"between the two", "172.18.1.1/24", "172.18.0.1/16", NULL,
		 REFUSED(overlapping_prefixes, "segment x 172.18.1.0/24 of pc1",
			 "segment x 172.18.0.0/16 of pc2", "between the two clouds")},
		{"between the two, equal", "172.18.1.1/24", "172.18.1.2/24", NULL,
		 REFUSED(overlapping_prefixes, "172.18.1.0/24 of pc1", "172.18.1.0/24 of pc2")},
		{"a segment over a network block", "10.2.1.1/24", NULL, NULL,
		 REFUSED(overlapping_prefixes, "segment x 10.2.1.0/24 of pc1",
			 "network block 10.2.0.0/22 of pc2")},
		{"with another peer of pc2", "172.16.3.1/25", NULL, NULL,
		 REFUSED(overlapping_prefixes, "segment x 172.16.3.0/25 of pc1",
			 "segment s1 172.16.3.0/24 of pc3", "pc3 is another peer of pc2")},
		{"with another peer of pc1", NULL, "172.18.5.1/24", "172.18.0.1/16",
		 REFUSED(overlapping_prefixes, "segment x 172.18.5.0/24 of pc2",
			 "segment x 172.18.0.0/16 of pc5", "pc5 is another peer of pc1")},
		{"peers of the two may overlap each other: no table holds both", NULL, NULL,
		 "172.16.3.1/24", ALLOWED},
		{"one wide prefix over several", "172.16.2.1/23", NULL, NULL,
		 REFUSED(overlapping_prefixes, "172.16.2.0/24 of pc2", "172.16.3.0/24 of pc3",
			 "between the two", "another peer")},
		{"inside one cloud", NULL, "10.2.0.1/24", NULL,
		 REFUSED(overlapping_prefixes, "inside pc2")},
	};

	lab_free(state);
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		static const struct join_case request = {"", "pc1", "pc2", NULL, false, ALLOWED};
		struct interconnect *existing, *other;
		struct refusal refusal = {};
		struct region *region;
		int result;

		lab(state);
		region = *state;
		add_lab_cloud(region, 5, NULL);
		other = join(region, "pc5", "pc1", NULL);
		append_segment(region_cloud(region, "pc1"), "x", cases[i].of_pc1, true);
		append_segment(region_cloud(region, "pc2"), "x", cases[i].of_pc2, true);
		append_segment(region_cloud(region, "pc5"), "x", cases[i].of_pc5, true);
		for (enum interconnect_phase p = PHASE_BUILDING; p <= PHASE_FAILED; p++) {
			other->phase = p;
			result = try_join(region, &root, &request, &existing, &refusal);
			assert_as(result, &refusal, &cases[i].answer, cases[i].promise);
		}
		lab_free(state);
	}
	lab(state);
}

// The clever search for overlapping pairs finds what the plain one finds.
static void overlaps_agree_with_comparing_each_with_each(void **state)
{
	unsigned seed = 1;

	for (unsigned round = 0; round < 300; round++) {
		struct region region;
		struct cloud *ends[2];
		unsigned n_expected = 0;
		struct interconnect *existing;
		struct refusal refusal = {};
		static const struct join_case request = {"", "a", "b", NULL, false, ALLOWED};
		int result;

		region_init(&region);
		for (unsigned end = 0; end < 2; end++) {
			struct cloud_spec spec = {
				.name = end ? "b" : "a",
				.gateway = end ? "169.254.2.1/30" : "169.254.1.1/30",
				.router = end ? "169.254.2.2" : "169.254.1.2",
				.block = end ? "10.2.0.0/22" : "10.1.0.0/22",
			};

			ends[end] = add_cloud(&region, &spec);
			for (unsigned i = 0; i < 12; i++) {
				struct segment segment;
				char gateway[32], name[16];

				snprintf(name, sizeof(name), "r%u", i);
				snprintf(
					gateway, sizeof(gateway), "172.16.%u.%u/%u",
					rand_r(&seed) % 16, rand_r(&seed) % 256,
					20 + rand_r(&seed) % 11
				);
				segment = make_segment(name, gateway, true);
				segment.gateway_address[0] =
					prefix_network(&segment.gateway_address[0]);
				segment.gateway_address[0].addr.bytes[3] |= 1;
				// Clouds are disjoint in themselves.
				if (rule_segment_create(
					    &region, &root, ends[end], &segment, &refusal
				    ) == 0)
					cloud_add_segment(ends[end], &segment);
			}
		}
		for (unsigned i = 0; i < ends[0]->n_segments; i++) {
			for (unsigned j = 0; j < ends[1]->n_segments; j++)
				n_expected += prefix_overlaps(
					&ends[0]->segments[i].gateway_address[0],
					&ends[1]->segments[j].gateway_address[0]
				);
		}
		result = try_join(&region, &root, &request, &existing, &refusal);
		assert_answer(
			result, &refusal, n_expected ? REFUSAL_overlapping_prefixes : OK, "random"
		);
		if (n_expected > 0 && n_expected <= 10) {
			unsigned n_found = 0;

			for (const char *at = refusal.text; (at = strstr(at, "between the two"));
			     at++)
				n_found++;
			assert_int_equal(n_found, n_expected);
		}
		if (n_expected > 10)
			assert_words(&refusal, (const char *[]){" more; renumber"}, 1);
		region_free(&region);
	}
}

// Make a cloud hold so many routed prefixes, with what it has.
static void fill(struct cloud *cloud, unsigned first_octet, unsigned n_routed)
{
	for (unsigned i = cloud_routed_prefixes(cloud, NULL, 0); i < n_routed; i++) {
		char gateway[32], name[16];

		snprintf(name, sizeof(name), "f%u", i);
		snprintf(gateway, sizeof(gateway), "%u.%u.%u.1/30", first_octet, i / 256, i % 256);
		append_segment(cloud, name, gateway, true);
	}
}

static void tables_are_limited(void **state)
{
	static const struct join_case request = {"", "pc1", "pc2", NULL, false, ALLOWED};
	struct region *region = *state;
	struct cloud *pc1 = region_cloud(region, "pc1");
	struct cloud *pc2 = region_cloud(region, "pc2");
	struct segment one_more = make_segment("new", "200.0.0.1/24", true);
	struct interconnect *existing;
	struct refusal refusal = {};

	// pc2 already has pc3 with 2 prefixes; ten more peers fill its table.
	for (unsigned i = 100; i < 110; i++) {
		char name[16];

		fill(add_lab_cloud(region, i, NULL), i, 999);
		snprintf(name, sizeof(name), "pc%u", i);
		join(region, "pc2", name, NULL);
	}
	fill(pc2, 20, 5); // 2 + 10 * 999 + 5 = 9997
	fill(pc1, 21, 3);
	assert_answer(
		try_join(region, &root, &request, &existing, &refusal), &refusal, OK,
		"10,000 routes"
	);
	fill(pc1, 21, 4);
	assert_answer(
		try_join(region, &root, &request, &existing, &refusal), &refusal,
		REFUSAL_limit_reached, "10,001 routes"
	);
	assert_words(&refusal, (const char *[]){"pc2", "10001", "10000"}, 3);

	cloud_remove_segment(pc1, cloud_segment(pc1, "f3"));
	join(region, "pc1", "pc2", NULL);
	assert_answer(
		rule_segment_create(region, &root, pc1, &one_more, &refusal), &refusal,
		REFUSAL_limit_reached, "a segment too many for the peer's table"
	);
	assert_words(&refusal, (const char *[]){"pc2", "10001", "10000"}, 3);
	assert_answer(
		rule_segment_create(region, &root, pc2, &one_more, &refusal), &refusal,
		REFUSAL_limit_reached, "a segment too many for the own table"
	);
	one_more.routed = false;
	assert_answer(
		rule_segment_create(region, &root, pc1, &one_more, &refusal), &refusal, OK,
		"not routed, in no table"
	);
}

static void interconnects_are_limited(void **state)
{
	static const struct join_case request = {"", "pc1", "pc2", NULL, false, ALLOWED};
	struct region full = *(struct region *)*state;
	struct interconnect other = {
		.name = "x",
		.cloud = region_cloud(&full, "pc3"),
		.peer = region_cloud(&full, "pc4"),
	};
	struct interconnect *existing;
	struct refusal refusal = {};

	// The same one all over is enough to count.
	full.n_interconnects = INTERCONNECT_ID_MAX;
	full.interconnects = calloc(INTERCONNECT_ID_MAX, sizeof(void *));
	for (unsigned i = 0; i < INTERCONNECT_ID_MAX; i++)
		full.interconnects[i] = &other;
	assert_answer(
		try_join(&full, &root, &request, &existing, &refusal), &refusal,
		REFUSAL_limit_reached, "one too many"
	);
	assert_words(&refusal, (const char *[]){"1048575"}, 1);
	free(full.interconnects);
}

// Leaving

static void delete_interconnect(void **state)
{
	static const struct {
		const char *promise;
		enum role on_pc2, on_pc3;
		const char *cloud, *name;
		struct answer answer;
	} cases[] = {
		{"contributor of the cloud", ROLE_CONTRIBUTOR, ROLE_NONE, "pc2", "pc3", ALLOWED},
		{"contributor of the peer", ROLE_NONE, ROLE_CONTRIBUTOR, "pc2", "pc3", ALLOWED},
		{"seen from the other end", ROLE_CONTRIBUTOR, ROLE_NONE, "pc3", "pc2", ALLOWED},
		{"nobody", ROLE_NONE, ROLE_NONE, "pc2", "pc3", REFUSED(no_write_access, "pc2")},
		{"readers", ROLE_READER, ROLE_READER, "pc2", "pc3",
		 REFUSED(no_write_access, "pc2")},
		{"no such cloud", ROLE_NONE, ROLE_NONE, "nil", "pc3", REFUSED(cloud_not_found)},
		{"no such name", ROLE_READER, ROLE_NONE, "pc2", "nil",
		 REFUSED(interconnect_not_found, "\"nil\"", "pc2", "it has: pc3")},
		{"a name, by a stranger, tells nothing", ROLE_NONE, ROLE_NONE, "pc2", "nil",
		 REFUSED(no_write_access)},
		{"no such name, by the other end's reader", ROLE_NONE, ROLE_READER, "pc2", "nil",
		 REFUSED(interconnect_not_found, "it has: pc3")},
	};
	struct region *region = *state;

	join(region, "pc1", "pc2", "hidden");
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct interconnect *found = NULL;
		struct refusal refusal = {};
		int result;

		region_set_grant(region, ann.name, region_cloud(region, "pc2"), cases[i].on_pc2);
		region_set_grant(region, ann.name, region_cloud(region, "pc3"), cases[i].on_pc3);
		result = rule_interconnect_delete(
			region, &ann, cases[i].cloud, cases[i].name, &found, &refusal
		);
		assert_as(result, &refusal, &cases[i].answer, cases[i].promise);
		if (result == 0)
			assert_ptr_equal(found, region->interconnects[0]);
		if (cases[i].on_pc2 == ROLE_NONE && result < 0)
			assert_null(strstr(refusal.text, "hidden"));
	}
}

static void delete_interconnect_as_root(void **state)
{
	struct region *region = *state;
	struct interconnect *found;
	struct refusal refusal = {};

	for (enum interconnect_phase p = PHASE_BUILDING; p <= PHASE_FAILED; p++) {
		region->interconnects[0]->phase = p;
		assert_int_equal(
			rule_interconnect_delete(region, &root, "pc2", "pc3", &found, &refusal), 0
		);
		assert_ptr_equal(found, region->interconnects[0]);
	}
	assert_answer(
		rule_interconnect_delete(region, &root, "pc1", "pc3", &found, &refusal), &refusal,
		REFUSAL_interconnect_not_found, "none at all"
	);
	assert_words(&refusal, (const char *[]){"none"}, 1);
}

// Reading

static void what_may_not_be_seen_does_not_exist(void **state)
{
	struct region *region = *state;
	struct cloud *pc1 = region_cloud(region, "pc1");
	struct refusal hidden = {}, absent = {};

	assert_false(rule_may_read(region, &ann, pc1));
	assert_null(rule_readable_cloud(region, &ann, "pc1", &hidden));
	assert_int_equal(hidden.code, REFUSAL_cloud_not_found);
	assert_null(rule_readable_cloud(region, &ann, "pc7", &absent));
	assert_int_equal(absent.code, REFUSAL_cloud_not_found);
	strstr(absent.text, "pc7")[2] = '1';
	assert_string_equal(hidden.text, absent.text);

	region_set_grant(region, ann.name, pc1, ROLE_READER);
	assert_ptr_equal(rule_readable_cloud(region, &ann, "pc1", &hidden), pc1);
	assert_null(rule_readable_cloud(region, &ann, "pc2", &hidden));
	region_set_grant(region, ann.name, pc1, ROLE_CONTRIBUTOR);
	assert_true(rule_may_read(region, &ann, pc1));
	region_set_grant(region, ann.name, pc1, ROLE_NONE);
	assert_false(rule_may_read(region, &ann, pc1));
	assert_true(rule_may_read(region, &root, pc1));
	assert_ptr_equal(rule_readable_cloud(region, &root, "pc1", &hidden), pc1);
}

static void a_cloud_on_its_way_out_can_still_be_seen(void **state)
{
	struct cloud *pc1 = region_cloud(*state, "pc1");
	struct refusal refusal = {};

	pc1->deleting = true;
	assert_ptr_equal(rule_readable_cloud(*state, &root, "pc1", &refusal), pc1);
	assert_null(rule_find_cloud(*state, "pc1", &refusal));
	assert_int_equal(refusal.code, REFUSAL_cloud_not_found);
}

// Grants

static void grants(void **state)
{
	static const struct {
		const char *principal, *cloud;
		struct answer answer;
	} cases[] = {
		{"uid:1001", "pc1", ALLOWED},
		{"uid:0", "pc1", ALLOWED},
		{"uid:4294967294", "pc1", ALLOWED},
		{"uid:4294967295", "pc1", REFUSED(name_invalid)},
		{"uid:4294967296", "pc1", REFUSED(name_invalid)},
		{"uid:99999999999999999999999999", "pc1", REFUSED(name_invalid)},
		{"uid:", "pc1", REFUSED(name_invalid)},
		{"uid:-1", "pc1", REFUSED(name_invalid)},
		{"uid:+1", "pc1", REFUSED(name_invalid)},
		{"uid: 1", "pc1", REFUSED(name_invalid)},
		{"uid:01", "pc1", REFUSED(name_invalid)},
		{"uid:0x1", "pc1", REFUSED(name_invalid)},
		{"uid:1 ", "pc1", REFUSED(name_invalid)},
		{"UID:1", "pc1", REFUSED(name_invalid)},
		{"1001", "pc1", REFUSED(name_invalid)},
		{"ann", "pc1", REFUSED(name_invalid)},
		{"", "pc1", REFUSED(name_invalid)},
		{"uid:1001", "nil", REFUSED(cloud_not_found)},
		{"ann", "nil", REFUSED(cloud_not_found)},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct cloud *cloud = NULL;
		struct refusal refusal = {};
		int result = rule_grant(
			*state, &root, cases[i].principal, cases[i].cloud, &cloud, &refusal
		);

		assert_as(result, &refusal, &cases[i].answer, cases[i].principal);
		if (result == 0)
			assert_string_equal(cloud->name, cases[i].cloud);
	}
}

int main(void)
{
#define RULE(test) cmocka_unit_test_setup_teardown(test, lab, lab_free)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		RULE(new_cloud_words),
		RULE(a_port_without_end_is_refused),
		RULE(network_blocks),
		RULE(transit_networks),
		RULE(new_cloud_beside_others),
		RULE(new_cloud_segments),
		cmocka_unit_test(clouds_are_limited),
		RULE(only_administrators_touch_clouds_and_grants),
		RULE(set_cloud),
		RULE(delete_cloud),
		RULE(long_lists_end_with_how_many_more),
		RULE(new_segments),
		RULE(a_segment_needs_a_gateway_address),
		RULE(new_segment_overlaps),
		RULE(segments_are_limited),
		RULE(who_may_touch_segments),
		RULE(delete_segment),
		RULE(new_interconnects),
		RULE(a_default_name_can_be_taken_at_either_end),
		RULE(the_order_of_refusals),
		RULE(an_identical_request_answers_the_existing_one),
		RULE(a_cloud_on_its_way_out_takes_no_interconnect),
		RULE(who_may_interconnect),
		RULE(who_has_no_access_learns_of_no_interconnect),
		RULE(new_interconnect_overlaps),
		RULE(overlaps_agree_with_comparing_each_with_each),
		RULE(tables_are_limited),
		RULE(interconnects_are_limited),
		RULE(delete_interconnect),
		RULE(delete_interconnect_as_root),
		RULE(what_may_not_be_seen_does_not_exist),
		RULE(a_cloud_on_its_way_out_can_still_be_seen),
		RULE(grants),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
