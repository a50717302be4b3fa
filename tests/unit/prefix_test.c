// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/prefix.h"
#include "fixture.h"

#include <errno.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct addr addr_of(const char *text)
{
	struct addr addr;

	if (addr_parse(text, &addr) < 0)
		fail_msg("not an address: %s", text);
	return addr;
}

static void what_is_parsed_is_formatted_back(void **state)
{
	static const struct {
		const char *text;
		const char *back; // NULL: the same
		enum family family;
		unsigned len;
	} cases[] = {
		{"0.0.0.0/0", NULL, FAMILY_IPV4, 0},
		{"10.1.0.0/22", NULL, FAMILY_IPV4, 22},
		{"10.1.3.7/22", NULL, FAMILY_IPV4, 22}, // a gateway: host bits stay
		{"255.255.255.255/32", NULL, FAMILY_IPV4, 32},
		{"::/0", NULL, FAMILY_IPV6, 0},
		{"2001:db8::1/64", NULL, FAMILY_IPV6, 64},
		{"2001:DB8:0:0:0:0:0:1/127", "2001:db8::1/127", FAMILY_IPV6, 127},
		{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128", NULL, FAMILY_IPV6, 128},
		{"::ffff:192.0.2.1/128", NULL, FAMILY_IPV6, 128}, // IPv6, not IPv4 in disguise
		{"0000:0000:0000:0000:0000:ffff:192.100.200.100/96", "::ffff:192.100.200.100/96",
		 FAMILY_IPV6, 96},
	};

	for (unsigned i = 0; i < COUNT(cases); i++) {
		struct prefix prefix;
		char text[PREFIX_STRLEN];

		if (prefix_parse(cases[i].text, &prefix) != 0)
			fail_msg("%s is not parsed", cases[i].text);
		assert_int_equal(prefix.addr.family, cases[i].family);
		assert_int_equal(prefix.len, cases[i].len);
		assert_ptr_equal(prefix_format(&prefix, text), text);
		assert_string_equal(text, cases[i].back ? cases[i].back : cases[i].text);
	}
}

static void malformed_text_is_refused_and_nothing_written(void **state)
{
	static const char *const prefixes[] = {
		"",
		"/",
		"/24",
		"10.0.0.0",
		"10.0.0.0/",
		"10.0.0.0/33",
		"10.0.0.0/128",
		"10.0.0.0/256",
		"10.0.0.0/4294967296",
		"10.0.0.0/-1",
		"10.0.0.0/+8",
		"10.0.0.0/ 8",
		"10.0.0.0/8 ",
		" 10.0.0.0/8",
		"10.0.0.0 /8",
		"10.0.0.0/08",
		"10.0.0.0/00",
		"10.0.0.0/8x",
		"10.0.0.0/0x8",
		"10.0.0.0/8/8",
		"10.0.0.0//8",
		"10.0.0.0/255.0.0.0",
		"10.0.0/8",
		"10/8",
		"10.0.0.0.0/8",
		"10.0.0.256/8",
		"010.0.0.0/8",
		"0x0a.0.0.0/8",
		"10.0.0.-1/8",
		"a.b.c.d/8",
		"::/129",
		"::/999",
		"::/1000",
		":/64",
		":::/64",
		"2001:db8/32",
		"2001:db8::1::2/64",
		"12345::/16",
		"g::/16",
		"[2001:db8::]/32",
		"fe80::1%eth0/64",
		"1:2:3:4:5:6:7:8:9/64",
		"0000:0000:0000:0000:0000:0000:0000:0000:0000:0000/64", // longer than any address
		"\n10.0.0.0/8",
		"10.0.0.0/8\n",
	};
	static const char *const addrs[] = {
		"",	     " ", "10.0.0",  "10.0.0.1/32", "10.0.0.1 ", "256.0.0.1",
		"1.2.3.4.5", ":", "1::2::3", "::1%lo",	    "localhost",
	};

	for (unsigned i = 0; i < COUNT(prefixes); i++) {
		struct prefix prefix;
		struct prefix before;

		memset(&prefix, 0xa5, sizeof(prefix));
		before = prefix;
		if (prefix_parse(prefixes[i], &prefix) != -EINVAL)
			fail_msg("\"%s\" is parsed", prefixes[i]);
		assert_memory_equal(&prefix, &before, sizeof(prefix));
	}
	for (unsigned i = 0; i < COUNT(addrs); i++) {
		struct addr addr;
		struct addr before;

		memset(&addr, 0xa5, sizeof(addr));
		before = addr;
		if (addr_parse(addrs[i], &addr) != -EINVAL)
			fail_msg("\"%s\" is parsed", addrs[i]);
		assert_memory_equal(&addr, &before, sizeof(addr));
	}
}

static void an_absent_address_formats_to_nothing(void **state)
{
	const struct prefix none = {};
	char text[PREFIX_STRLEN] = "x";

	assert_string_equal(prefix_format(&none, text), "");
	assert_string_equal(addr_format(&none.addr, text), "");
}

static void the_network_has_its_host_bits_cleared(void **state)
{
	static const struct {
		const char *prefix;
		const char *network;
	} cases[] = {
		{"255.255.255.255/0", "0.0.0.0/0"},
		{"255.255.255.255/1", "128.0.0.0/1"},
		{"10.1.3.255/22", "10.1.0.0/22"},
		{"10.1.255.255/23", "10.1.254.0/23"},
		{"10.1.2.3/24", "10.1.2.0/24"},
		{"10.1.2.255/31", "10.1.2.254/31"},
		{"10.1.2.3/32", "10.1.2.3/32"},
		{"ffff::ffff/0", "::/0"},
		{"ffff::1/1", "8000::/1"},
		{"2001:db8:1:2:ffff:ffff:ffff:ffff/64", "2001:db8:1:2::/64"},
		{"2001:db8::ffff:ffff:ffff:ffff/65", "2001:db8:0:0:8000::/65"},
		{"2001:db8::ffff/127", "2001:db8::fffe/127"},
		{"2001:db8::ffff/128", "2001:db8::ffff/128"},
	};

	for (unsigned i = 0; i < COUNT(cases); i++) {
		struct prefix prefix = prefix_of(cases[i].prefix);
		struct prefix network = prefix_network(&prefix);
		char text[PREFIX_STRLEN];

		assert_string_equal(prefix_format(&network, text), cases[i].network);
	}
}

static void a_prefix_contains_its_first_and_last_address_and_no_neighbour(void **state)
{
	static const struct {
		const char *prefix;
		const char *addr;
		bool contains;
	} cases[] = {
		{"0.0.0.0/0", "0.0.0.0", true},
		{"0.0.0.0/0", "255.255.255.255", true},
		{"0.0.0.0/0", "::", false},
		{"::/0", "::", true},
		{"::/0", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true},
		{"::/0", "0.0.0.0", false},
		{"10.1.0.0/22", "10.0.255.255", false},
		{"10.1.0.0/22", "10.1.0.0", true},
		{"10.1.0.0/22", "10.1.3.255", true},
		{"10.1.0.0/22", "10.1.4.0", false},
		{"10.1.2.9/22", "10.1.0.0", true}, // a gateway with its length
		{"10.1.0.0/32", "10.1.0.0", true},
		{"10.1.0.0/32", "10.1.0.1", false},
		{"10.1.0.0/31", "10.1.0.1", true},
		{"10.1.0.0/31", "10.1.0.2", false},
		{"128.0.0.0/1", "127.255.255.255", false},
		{"128.0.0.0/1", "128.0.0.0", true},
		{"2001:db8::/65", "2001:db8::7fff:ffff:ffff:ffff", true},
		{"2001:db8::/65", "2001:db8::8000:0:0:0", false},
		{"2001:db8::1/128", "2001:db8::1", true},
		{"2001:db8::1/128", "2001:db8::", false},
	};

	for (unsigned i = 0; i < COUNT(cases); i++) {
		struct prefix prefix = prefix_of(cases[i].prefix);
		struct addr addr = addr_of(cases[i].addr);

		if (prefix_contains(&prefix, &addr) != cases[i].contains)
			fail_msg("%s contains %s: wrong", cases[i].prefix, cases[i].addr);
	}
}

static void prefixes_overlap_when_one_holds_the_other(void **state)
{
	static const struct {
		const char *a;
		const char *b;
		bool overlap;
	} cases[] = {
		{"10.1.0.0/22", "10.1.0.0/22", true},
		{"10.1.0.0/22", "10.1.3.255/32", true},
		{"10.1.0.0/22", "10.1.4.0/32", false},
		{"10.1.0.0/22", "10.1.4.0/22", false},
		{"10.1.0.0/22", "10.0.252.0/22", false},
		{"0.0.0.0/0", "255.255.255.255/32", true},
		{"0.0.0.0/0", "::/0", false},
		{"0.0.0.0/1", "128.0.0.0/1", false},
		{"10.1.3.1/22", "10.1.0.9/24", true}, // host bits do not matter
		{"2001:db8::/32", "2001:db8:ffff::/48", true},
		{"2001:db8::/32", "2001:db9::/32", false},
		{"2001:db8::/128", "2001:db8::1/128", false},
	};
	const struct prefix none = {};

	for (unsigned i = 0; i < COUNT(cases); i++) {
		struct prefix a = prefix_of(cases[i].a);
		struct prefix b = prefix_of(cases[i].b);

		if (prefix_overlaps(&a, &b) != cases[i].overlap ||
		    prefix_overlaps(&b, &a) != cases[i].overlap)
			fail_msg("%s overlaps %s: wrong", cases[i].a, cases[i].b);
	}
	assert_false(prefix_overlaps(&none, &none));
}

static void prefixes_are_ordered_by_family_address_and_length(void **state)
{
	static const char *const order[] = {
		"0.0.0.0/0",  "0.0.0.0/1",	"0.0.0.0/32",	  "10.0.0.0/8", "10.0.0.0/9",
		"10.0.0.1/8", "127.255.0.0/16", "128.0.0.0/1",	  "::/0",	"::/128",
		"::1/128",    "2001:db8::/32",	"2001:db8::/127", "ff00::/8",
	};

	for (unsigned i = 0; i < COUNT(order); i++) {
		for (unsigned j = 0; j < COUNT(order); j++) {
			struct prefix a = prefix_of(order[i]);
			struct prefix b = prefix_of(order[j]);
			int sign = prefix_compare(&a, &b);

			assert_int_equal((sign > 0) - (sign < 0), (i > j) - (i < j));
			assert_int_equal(prefix_equal(&a, &b), i == j);
		}
	}
}

static void addresses_equal_in_family_and_every_byte(void **state)
{
	struct addr a = addr_of("10.0.0.1");
	struct addr b = addr_of("10.0.0.1");
	struct addr ten = addr_of("a00:1::"); // the same bytes, of the other family

	assert_true(addr_equal(&a, &b));
	assert_memory_equal(a.bytes, ten.bytes, sizeof(a.bytes));
	assert_false(addr_equal(&a, &ten));
	b.bytes[3]++;
	assert_false(addr_equal(&a, &b));
}

static void ipv4_addresses_convert_to_host_order_and_back(void **state)
{
	struct addr addr = addr_of("192.0.2.255");
	struct addr back = addr_from_ipv4(0xc00002ff);

	assert_int_equal(addr_ipv4(&addr), 0xc00002ff);
	assert_true(addr_equal(&addr, &back));
}

static void an_ipv6_address_has_two_halves_in_host_order(void **state)
{
	struct addr addr = addr_of("2001:db8:1:2:3:4:5:6");
	struct addr6 halves = addr_ipv6(&addr);

	assert_true(halves.upper == 0x20010db800010002 && halves.lower == 0x0003000400050006);
	assert_true(addr6_equal(halves, (struct addr6){halves.upper, halves.lower}));
	assert_false(addr6_equal(halves, (struct addr6){halves.upper, halves.lower ^ 1}));
	assert_false(addr6_equal(halves, (struct addr6){halves.upper ^ 1, halves.lower}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_parsed_is_formatted_back),
		cmocka_unit_test(malformed_text_is_refused_and_nothing_written),
		cmocka_unit_test(an_absent_address_formats_to_nothing),
		cmocka_unit_test(the_network_has_its_host_bits_cleared),
		cmocka_unit_test(a_prefix_contains_its_first_and_last_address_and_no_neighbour),
		cmocka_unit_test(prefixes_overlap_when_one_holds_the_other),
		cmocka_unit_test(prefixes_are_ordered_by_family_address_and_length),
		cmocka_unit_test(addresses_equal_in_family_and_every_byte),
		cmocka_unit_test(ipv4_addresses_convert_to_host_order_and_back),
		cmocka_unit_test(an_ipv6_address_has_two_halves_in_host_order),
	};

	return cmocka_run_group_tests_name("prefix", tests, NULL, NULL);
}
